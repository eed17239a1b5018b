"""What is written down of everything that was fitted: on which facts, when, with which figures.

Answers: may this model be trusted, and can it be made again? A :class:`Fit` is data, so that it can be stored beside
the facts, compared with the one before it, and used to score a single customer without fitting anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition that data must meet before anything is predicted from it.

    Attributes
    ----------
    name : str
        ``buyers``, ``days``, ``repeaters``, ``labels`` …
    needed, found : float
        What it takes, and what there is.
    """

    name: str
    needed: float
    found: float

    @property
    def passed(self) -> bool:
        """Whether there is enough."""
        return self.found >= self.needed


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted model of one part of the scorecard.

    Attributes
    ----------
    part : str
        Which part of the scorecard it scores: ``purchases``, ``spend``, ``ranking``, ``churn``, ``decline`` …
    model : str
        Which model was chosen, such as ``bg-nbd``; empty when a gate kept everything from being fitted.
    verdict : str
        ``ok``, ``no-dropout``, ``not-identified``, ``too-little-data`` …
    gates : tuple of Gate
        The conditions, also those that were met.
    params : dict
        Everything that scoring needs, as JSON.
    figures : dict
        Likelihoods, back-tests, calibration: what the pages show, as JSON.
    inputs : dict of str to list of float
        Quantiles (0, 10 … 100 %) of what went in, by name: the next fit compares its own with them.
    customers : int
        How many customers it was fitted on.
    seed : int
        Of everything random.
    """

    part: str
    model: str = ""
    verdict: str = "ok"
    gates: tuple[Gate, ...] = ()
    params: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, list[float]] = field(default_factory=dict)
    customers: int = 0
    seed: int = 20_240_101

    @property
    def usable(self) -> bool:
        """Whether something was fitted that can score."""
        return bool(self.model) and all(gate.passed for gate in self.gates)

    def to_json(self) -> str:
        """Return it as one JSON object; numbers that are not finite become null."""
        return json.dumps(plain(asdict(self)), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Fit:
        """Return what :meth:`to_json` wrote."""
        found = json.loads(text)
        return cls(**{**found, "gates": tuple(Gate(**one) for one in found["gates"])})


def plain(value: Any) -> Any:
    """Return a value as JSON can write it: arrays as lists, days and decimals as text, nothing that is not finite."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        return plain(value.tolist())
    if isinstance(value, float) and value - value != 0.0:
        return None
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)
