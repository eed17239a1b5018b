"""The purchase history of each customer and product: how often, first and last day, and rhythm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.recommend.lines import changes

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
    units: np.ndarray  # quantity in all
    returned: np.ndarray  # whether it was returned, and not bought again since

    def __len__(self) -> int:
        return len(self.who)

    @property
    def gaps(self) -> np.ndarray:
        return self.times - 1

    @property
    def days(self) -> np.ndarray:
        """Days from the first purchase to the last."""
        return (self.last - self.first).astype(np.float64)

    def of(self, low: int, high: int) -> Histories:
        """Return the rows of the customers `low` … `high` - 1."""
        part = slice(*np.searchsorted(self.who, (low, high)))
        return Histories(*(getattr(self, name)[part] for name in self.__slots__))


def histories_of(lines: Lines) -> Histories:
    """Return what every customer bought of every product."""
    order = np.lexsort((lines.day, lines.item, lines.who))
    who, item, day, units = (column[order] for column in (lines.who, lines.item, lines.day, lines.units))
    starts = np.flatnonzero(changes(who, item))
    gap = np.diff(day, prepend=day[:1]).astype(np.int32)
    gap[starts] = 0
    another = gap > 0  # two baskets on one day are one purchase day
    times = 1 + np.add.reduceat(another.astype(np.int32), starts)
    logs = np.add.reduceat(np.log(np.maximum(gap, 1).astype(np.float64)), starts)
    who, item, first = who[starts], item[starts], day[starts]
    last = day[np.append(starts[1:], len(day)) - 1] if len(starts) else first
    returned = np.zeros(len(who), dtype=bool)
    if len(lines.back_who) and len(who):
        width = len(lines.items)
        keys = who.astype(np.int64) * width + item
        returns = lines.back_who.astype(np.int64) * width + lines.back_item
        place = np.minimum(np.searchsorted(keys, returns), len(keys) - 1)
        # A return on the day of the last purchase counts: the product did not stay.
        returned[place[(keys[place] == returns) & (lines.back_day >= last[place])]] = True
    return Histories(who, item, times, first, last, logs, np.add.reduceat(units, starts), returned)
