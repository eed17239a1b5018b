"""What each customer has bought of each product: how often, when first, when last, at what rhythm.

It forecasts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tenure.recommend.lines import Lines


@dataclass(frozen=True, slots=True)
class Histories:
    """One row a customer and product, sorted by customer, then product."""

    who: np.ndarray  # the customer and the product
    item: np.ndarray
    times: np.ndarray  # days on which the customer bought it
    first: np.ndarray  # the first and the last of these days, since 1970-01-01
    last: np.ndarray
    logs: np.ndarray  # sum of the logarithms of the gaps between these days, in days
    units: np.ndarray  # how many were bought in all
    returned: np.ndarray  # whether it was brought back, and not bought again since

    def __len__(self) -> int:
        return len(self.who)

    @property
    def gaps(self) -> np.ndarray:
        """How many gaps between purchase days are known."""
        return self.times - 1

    def of(self, low: int, high: int) -> Histories:
        """Return the rows of the customers `low` … `high` - 1."""
        part = slice(*np.searchsorted(self.who, (low, high)))
        return Histories(*(getattr(self, name)[part] for name in self.__slots__))


def histories_of(lines: Lines) -> Histories:
    """Return what every customer bought of every product."""
    order = np.lexsort((lines.day, lines.item, lines.who))
    who, item, day, units = (column[order] for column in (lines.who, lines.item, lines.day, lines.units))
    fresh = np.ones(len(who), dtype=bool)
    fresh[1:] = (who[1:] != who[:-1]) | (item[1:] != item[:-1])
    starts = np.flatnonzero(fresh)
    gap = np.zeros(len(who), dtype=np.int32)
    gap[1:] = day[1:] - day[:-1]
    gap[starts] = 0
    another = gap > 0  # two baskets on one day are one purchase day
    if len(starts):
        times = 1 + np.add.reduceat(another.astype(np.int32), starts)
        logs = np.add.reduceat(np.log(np.maximum(gap, 1).astype(np.float64)), starts)
        total = np.add.reduceat(units, starts)
    else:
        times, logs, total = np.empty(0, dtype=np.int32), np.empty(0), units
    last = day[np.append(starts[1:], len(day)) - 1] if len(starts) else day
    back = _returned(lines, who[starts], item[starts], last)
    return Histories(who[starts], item[starts], times, day[starts], last, logs, total, back)


def _returned(lines: Lines, who: np.ndarray, item: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return which were brought back on or after the last day on which they were bought."""
    found = np.zeros(len(who), dtype=bool)
    if not len(lines.back_who) or not len(who):
        return found
    wide = len(lines.items)
    place = np.searchsorted(keys := who.astype(np.int64) * wide + item, back := _back_keys(lines))
    place = np.minimum(place, len(keys) - 1)
    hit = (keys[place] == back) & (lines.back_day >= last[place])
    found[place[hit]] = True
    return found


def _back_keys(lines: Lines) -> np.ndarray:
    return lines.back_who.astype(np.int64) * len(lines.items) + lines.back_item
