"""Named groups: what they are called in both languages, and by which rules customers fall into them.

The rules are data (``groups.yaml``), tried from above, so that a page can show them as they are applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from tenure.words import LocalizedText

Bounds = tuple[float | None, float | None]
_SILENT = LocalizedText()


@dataclass(frozen=True, slots=True)
class CustomerGroup:
    id: str  # as in the scorecard
    name: LocalizedText  # in both languages; empty where there is nothing to say
    means: LocalizedText
    when: Mapping[str, Bounds]  # inclusive bounds by measure; None is open. All must hold.
    advice: LocalizedText = _SILENT
    policy: LocalizedText = _SILENT
    note: LocalizedText = _SILENT
    share: float | None = None  # of a tier: which part of all buyers is in it or above
    source: str = ""  # what the seed texts say, quoted


@cache
def groups(kind: str) -> tuple[CustomerGroup, ...]:
    """Return the groups of a kind, in the order in which their rules are tried."""
    import yaml

    entries = yaml.safe_load(files("tenure.value").joinpath("groups.yaml").read_text(encoding="utf-8"))[kind]
    return tuple(_read(**entry) for entry in entries)


def _read(id: str, when: Mapping[str, Any] | None = None, **entry: Any) -> CustomerGroup:
    # A single number is an upper bound.
    bounds: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else (None, value) for name, value in (when or {}).items()
    }
    words: dict[str, Any] = {
        name: LocalizedText(**value) if isinstance(value, dict) else value for name, value in entry.items()
    }
    return CustomerGroup(id=id, when=bounds, **words)


def classify(kind: str, measures: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the id of the first group whose rule holds for each customer."""
    size = len(next(iter(measures.values())))
    result = np.full(size, None, dtype=object)
    free = np.ones(size, dtype=bool)
    for group in groups(kind):
        fits = free.copy()
        for name, (low, high) in group.when.items():
            values = measures[name]
            fits &= ~np.isnan(values)
            if low is not None:
                fits &= values >= low
            if high is not None:
                fits &= values <= high
        result[fits] = group.id
        free &= ~fits
    return result
