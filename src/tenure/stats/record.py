"""The record of a fit: on which data, with which parameters and measures, and whether it may be used.

A :class:`Fit` is data, so that it can be stored beside the facts, compared with the one before it, and used to score a
single customer without fitting again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition that data must meet before anything is predicted from it."""

    name: str  # ``buyers``, ``days``, ``repeaters``, ``labels`` …
    needed: float
    found: float  # stored under this name in every lake

    @property
    def passed(self) -> bool:
        return self.found >= self.needed


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted model of one part of the scorecard; its dictionaries hold JSON."""

    part: str  # what it scores: ``purchases``, ``spend``, ``ranking``, ``churn``, ``decline`` …
    model: str = ""  # the chosen model, such as ``bg-nbd``; empty when a gate kept everything from being fitted
    verdict: str = "ok"  # ``ok``, ``no-dropout``, ``not-identified``, ``too-little-data`` …
    gates: tuple[Gate, ...] = ()  # the conditions, also those that were met
    params: dict[str, Any] = field(default_factory=dict)  # everything that scoring needs
    figures: dict[str, Any] = field(default_factory=dict)  # likelihoods, back-tests, calibration: what the pages show
    #: Quantiles (0, 10 … 100 %) of the features by name: the next fit compares its own with them.
    inputs: dict[str, list[float]] = field(default_factory=dict)
    customers: int = 0  # on which it was fitted
    seed: int = 20_240_101  # of everything random

    @property
    def usable(self) -> bool:
        """Whether something was fitted that can score."""
        return bool(self.model) and all(gate.passed for gate in self.gates)

    def to_json(self) -> str:
        """Return it as one JSON object; numbers that are not finite become null."""
        return json.dumps(plain(asdict(self)), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Fit:
        body = json.loads(text)
        return cls(**{**body, "gates": tuple(Gate(**gate) for gate in body["gates"])})


def plain(value: Any) -> Any:
    """Return a value as JSON can write it: arrays as lists, days and decimals as text, nothing that is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        return plain(value.tolist())
    # Infinity and nan are not JSON; of either, the difference to itself is nan.
    if isinstance(value, float) and value - value != 0.0:
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)
