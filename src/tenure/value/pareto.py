"""80/20 and ABC: how few customers bring how much.

Everything is summed in whole numbers of 1/10,000, so the list adds up to the order rows exactly.

After Pareto and Juran: the vital few and the useful many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tenure.facts.schema import SCALE

TOP = 0.2
#: Class A ends with the customer who brings its share of the total to 80 %, class B with the one who brings it to 95 %.
CLASSES = (("A", 0.80), ("B", 0.95))


def best_first(values: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the order in which customers are counted: most value first, equal values by id."""
    return np.lexsort((ids, -values))


def top_count(buyers: int, part: float = TOP) -> int:
    """Return how many buyers a part of them is, rounded up: the top fifth of 6 are 2."""
    return int(np.ceil(round(buyers * part, 9)))


class Cut(NamedTuple):
    """Where a list of the best ends: customers with more value, or with as much and no later id, are in it."""

    value: int
    customer_id: str

    def holds(self, values: np.ndarray, ids: np.ndarray) -> np.ndarray:
        return (values > self.value) | ((values == self.value) & (ids <= self.customer_id))


def cut_of_top(values: np.ndarray, ids: np.ndarray) -> Cut | None:
    """Return where the best part of the buyers ends, None when there are none."""
    if not len(values):
        return None
    last = best_first(values, ids)[top_count(len(values)) - 1]
    return Cut(int(values[last]), str(ids[last]))


def abc_bounds(values: np.ndarray) -> list[int]:
    """Return the least value in class A and the least in class B."""
    ordered = np.sort(values[values > 0])[::-1]
    if not len(ordered):
        return []
    before = np.concatenate(([0], np.cumsum(ordered)[:-1]))
    total = int(ordered.sum())
    return [int(ordered[np.searchsorted(before, share * total, side="left") - 1]) for _, share in CLASSES]


def abc_of(values: np.ndarray, bounds: list[int]) -> np.ndarray:
    result = np.full(len(values), "C", dtype=object)
    for (name, _), bound in reversed(list(zip(CLASSES, bounds, strict=False))):
        result[(values >= bound) & (values > 0)] = name
    return result


@dataclass(frozen=True, slots=True)
class Concentration:
    """How much the best part of the buyers bring."""

    buyers: int  # how many there are, and how many of them are the best
    count: int
    top: int  # what the best, and what all, bring; money times 10,000
    total: int
    old: int = 0  # how many of the best are existing customers

    @property
    def share(self) -> float | None:
        return self.top / self.total if self.total > 0 else None

    def to_json(self) -> dict[str, Any]:
        money = {"top": self.top / SCALE, "total": self.total / SCALE}
        return {"buyers": self.buyers, "count": self.count, **money, "share": self.share, "old": self.old}


def concentration(values: np.ndarray, ids: np.ndarray, old: np.ndarray | None = None) -> Concentration:
    """Return what the best part of the buyers bring."""
    order = best_first(values, ids)[: top_count(len(values))]
    existing = 0 if old is None else int(old[order].sum())
    return Concentration(len(values), len(order), int(values[order].sum()), int(values.sum()), existing)


def curve(values: np.ndarray) -> list[tuple[float, float]]:
    """Return the cumulative curve: (part of the buyers, best first; share of the total), from (0, 0) to (1, 1).

    Empty when the total is not positive: shares of a loss mean nothing.
    """
    size, total = len(values), int(values.sum())
    if size == 0 or total <= 0:
        return []
    running = np.concatenate(([0], np.cumsum(np.sort(values)[::-1])))
    places = np.unique(np.rint(np.linspace(0, size, min(100, size) + 1)).astype(int))
    return [(place / size, int(running[place]) / total) for place in places.tolist()]


def part_for(values: np.ndarray, share: float) -> float | None:
    """Return which part of the buyers, best first, bring a share of the total; None when the total is not positive."""
    total = int(values.sum())
    if total <= 0:
        return None
    running = np.cumsum(np.sort(values)[::-1])
    return float((int(np.argmax(running >= share * total)) + 1) / len(values))
