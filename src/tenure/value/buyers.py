"""Customers as a model of repeat buying sees them, on the last day or on a snapshot."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.schema import SCALE
from tenure.features.snapshot import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.stats.cells import Cells

#: Days in the unit of time of all models.
WEEK = 7


@dataclass(frozen=True)
class Buyers:
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
        """Mean spend of each, with the mean of all where it is not known; 0 when no customer bought twice."""
        known = ~np.isnan(self.spend)
        return np.where(known, self.spend, self.spend[known].mean() if known.any() else 0.0)

    def only(self, places: np.ndarray) -> Buyers:
        """Return some of the buyers."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        # What lies before and after is empty on the last day.
        return Buyers(**{name: column[places] if len(column) else column for name, column in columns.items()})

    def sample(self, most: int, seed: int) -> Buyers:
        """Return all buyers, or `most` of them drawn at random, in their order."""
        if len(self) <= most:
            return self
        return self.only(np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False)))


def buyers_of(table: pa.Table, number: int = 0) -> Buyers:
    """Return the buyers of a table of features as they were on a snapshot; 0 is the last day itself."""
    snapshot = Snapshot(table, number)
    where = np.flatnonzero(~np.isnan(snapshot.age))
    frequency = snapshot.frequency[where]
    nothing = np.empty(0)
    return Buyers(
        where,
        frequency,
        snapshot.recency[where] / WEEK,
        snapshot.age[where] / WEEK,
        snapshot.repeat_spend[where],
        snapshot.at("log_gaps")[where] - frequency * np.log(WEEK),
        snapshot.at("order_days")[where] if number else nothing,
        # What happened after a snapshot is what is read on the next one: the answer, never an input.
        snapshot.at("order_days", -1)[where] if number else nothing,
        snapshot.at("spend", -1)[where] / SCALE if number else nothing,
    )
