"""Customers as a model of repeat buying sees them, on the last day or at an origin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tenure.value.columns import read

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.stats.cells import Cells

#: Days in the unit of time of all models.
WEEK = 7


@dataclass(frozen=True)
class Seen:
    """Buyers on one day. Arrays have one entry a buyer."""

    where: np.ndarray  # their rows in the table
    frequency: np.ndarray  # purchase days after the first
    recency: np.ndarray  # **Weeks** from the first purchase to the last, and to the day
    age: np.ndarray
    spend: np.ndarray  # mean spend of a purchase day after the first; NaN where there is none
    log_gaps: np.ndarray  # sum of the logarithms of the gaps between purchases, in weeks
    before: np.ndarray  # purchase days in the 90 days before and after, and spend after; empty on the last day
    after: np.ndarray
    spent: np.ndarray

    def __len__(self) -> int:
        return len(self.where)

    @cached_property
    def cells(self) -> Cells:
        """The buyers, equal ones put together."""
        from tenure.stats.cells import compress

        return compress(self.frequency, self.recency, self.age, log_gaps=self.log_gaps)

    @property
    def repeaters(self) -> int:
        """How many bought more than once."""
        return int((self.frequency > 0).sum())

    @property
    def mean_spend(self) -> np.ndarray:
        """Mean spend of each, with everybody's mean where it is not known; 0 when nobody bought twice."""
        known = ~np.isnan(self.spend)
        return np.where(known, self.spend, self.spend[known].mean() if known.any() else 0.0)

    def only(self, places: np.ndarray) -> Seen:
        """Return some of the buyers."""
        named = ("where", "frequency", "recency", "age", "spend", "log_gaps", "before", "after", "spent")
        columns = {name: getattr(self, name) for name in named}
        return Seen(**{name: column[places] if len(column) else column for name, column in columns.items()})

    def sample(self, most: int, seed: int) -> Seen:
        """Return all buyers, or `most` of them drawn at random, in their order."""
        if len(self) <= most:
            return self
        return self.only(np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False)))


def seen(table: pa.Table, number: int = 0) -> Seen:
    """Return the buyers of a table of customers as they were at an origin; 0 is the last day itself."""

    def column(name: str) -> np.ndarray:
        return read(table, f"_{name}@{number}" if number else name)

    logs = read(table, f"_log_gaps@{number}" if number else "_log_gaps")

    frequency = column("frequency")
    where = np.flatnonzero(~np.isnan(frequency))
    nothing = np.empty(0)
    return Seen(
        where,
        frequency[where],
        column("recency")[where] / WEEK,
        column("age")[where] / WEEK,
        column("repeat_spend")[where],
        logs[where] - frequency[where] * np.log(WEEK),
        column("orders_before")[where] if number else nothing,
        column("orders_after")[where] if number else nothing,
        column("spend_after")[where] if number else nothing,
    )
