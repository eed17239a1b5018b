"""Named groups: what they are called in both languages, and by which rules customers fall into them.

The rules are data (``groups.yaml``), tried from above, so that a page can show them as they are applied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from tenure.words import LocalizedText

Bounds = tuple[float | None, float | None]
_SILENT = LocalizedText()


@dataclass(frozen=True, slots=True)
class Group:
    """One named group."""

    id: str  # as in the scorecard
    name: LocalizedText  # in both languages; empty where there is nothing to say
    means: LocalizedText
    when: Mapping[str, Bounds]  # inclusive bounds by measure; None is open. All must hold.
    advice: LocalizedText = _SILENT
    policy: LocalizedText = _SILENT
    note: LocalizedText = _SILENT
    share: float | None = None  # of a tier: which part of all buyers stands in it or above
    source: str = ""  # what the seed texts say, quoted


@cache
def groups(kind: str) -> tuple[Group, ...]:
    """Return the groups of a kind, in the order in which their rules are tried."""
    import yaml

    text = files("tenure.value").joinpath("groups.yaml").read_text(encoding="utf-8")
    return tuple(_group(one) for one in yaml.safe_load(text)[kind])


def _group(told: Mapping[str, Any]) -> Group:
    words = {key: LocalizedText(**told[key]) for key in ("name", "means", "advice", "policy", "note") if key in told}
    when = {key: _bounds(value) for key, value in told.get("when", {}).items()}
    return Group(id=told["id"], when=when, share=told.get("share"), source=told.get("source", ""), **words)


def _bounds(value: Any) -> Bounds:
    return (None, value) if not isinstance(value, list) else (value[0], value[1])


def classify(kind: str, measures: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the id of the first group whose rule holds for each customer."""
    size = len(next(iter(measures.values())))
    found = np.full(size, None, dtype=object)
    free = np.ones(size, dtype=bool)
    for group in groups(kind):
        fits = free.copy()
        for name, bounds in group.when.items():
            fits &= within(measures[name], bounds)
        found[fits] = group.id
        free &= ~fits
    return found


def within(values: np.ndarray, bounds: Bounds) -> np.ndarray:
    """Return which values lie inside inclusive bounds."""
    low, high = bounds
    inside = ~np.isnan(values)
    if low is not None:
        inside &= values >= low
    if high is not None:
        inside &= values <= high
    return inside


def ids(kind: str) -> Sequence[str]:
    """Return the ids of a kind's groups, in their order."""
    return [group.id for group in groups(kind)]
