"""Windowed aggregates: counts, sums and last values of a block of customers on a few days.

A rule needs a measure on every day, so it is written as steps. A feature is needed on the last day and on a few
snapshots before it, and there two binary searches a customer are enough.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import SHIFT, day_number_of, keys_of, who_of
from tenure.facts.schema import SCALE
from tenure.rules.evaluation.compute import EvaluationContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure.facts.blocks import Block, Events

#: Days of a feature's window, that a prediction looks ahead, and between two snapshots.
HORIZON = 90
#: Snapshots before the last day: 90, 180 and 270 days before it.
SNAPSHOTS = 3
#: Where a day is not known.
NEVER = np.iinfo(np.int32).min
#: A day before every fact.
LONG_AGO = -(1 << 19)


def snapshot_day(last_day: int, number: int) -> int:
    """Return the day (since 1970-01-01) of a snapshot; 0 is the last day itself."""
    return last_day - number * HORIZON


class WindowAggregates:
    """Aggregates of one block of customers; arrays have one entry a customer."""

    def __init__(self, context: EvaluationContext | Block) -> None:
        self.context = context if isinstance(context, EvaluationContext) else EvaluationContext(context)
        self.block = self.context.block
        self.last_day = self.block.last_day
        self.who = np.arange(len(self.block))

    def edge(self, days: np.ndarray | int) -> np.ndarray:
        return keys_of(self.who, np.broadcast_to(np.asarray(days, dtype=np.int64), self.who.shape))

    @cached_property
    def begins(self) -> np.ndarray:
        """A key before everything of each customer, and one after everybody."""
        return np.arange(len(self.block) + 1, dtype=np.int64) << SHIFT

    def places(
        self, keys: np.ndarray, first: np.ndarray | int, last: np.ndarray | int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows ``[low, high)`` of each customer from a first to a last day, both included."""
        return np.searchsorted(keys, self.edge(first)), np.searchsorted(keys, self.edge(last), side="right")

    def up_to(self, keys: np.ndarray, day: int) -> np.ndarray:
        """Return the place one past each customer's last key on or before a day."""
        return np.searchsorted(keys, self.edge(day), side="right")

    def total(self, values: np.ndarray, who: np.ndarray) -> np.ndarray:
        """Return each customer's exact sum of whole numbers whose customers are sorted."""
        bounds = np.searchsorted(who, np.arange(len(self.block) + 1))
        running = running_total(values)
        return running[bounds[1:]] - running[bounds[:-1]]

    def counts(self, keys: np.ndarray) -> np.ndarray:
        return np.bincount(who_of(keys), minlength=len(self.who)).astype(np.int64)

    # Windows that follow one another: one for each snapshot

    def by_snapshot(self, keys: np.ndarray, windows: int, values: np.ndarray | None = None) -> np.ndarray:
        """Return the keys, or the exact sum of their values, in the 90 days before each snapshot: (windows, size)."""
        edges = [self.up_to(keys, snapshot_day(self.last_day, k)) for k in range(windows + 1)]
        if values is not None:
            running = running_total(values)
            edges = [running[edge] for edge in edges]
        return np.array([edges[k] - edges[k + 1] for k in range(windows)])

    def different(self, events: Events, windows: int, length: int) -> np.ndarray:
        """Return how many different labels windows of `length` days hold, the latest first: (windows, size)."""
        if events.labels is None or not len(events.keys):
            return np.zeros((windows, len(self.block)), dtype=np.int64)
        window = (self.last_day - day_number_of(events.keys)) // length
        inside = (window < windows) & (events.labels >= 0)
        cell = window[inside] * len(self.block) + who_of(events.keys[inside])
        pairs = np.sort(cell * len(events.names) + events.labels[inside])
        pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])] if len(pairs) else pairs
        counts = np.bincount(pairs // max(len(events.names), 1), minlength=windows * len(self.block))
        return counts.reshape(windows, len(self.block))

    # Single windows

    def inside(self, keys: np.ndarray, length: int, before: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows ``[low, high)`` of each customer in the `length` days that end `before` days ago."""
        last = self.last_day - before
        return self.places(keys, last - length + 1, last)

    def count(self, keys: np.ndarray, length: int, before: int = 0) -> np.ndarray:
        """Return how many keys lie in a window (int64)."""
        low, high = self.inside(keys, length, before)
        return (high - low).astype(np.int64)

    def sum(self, events: Events, length: int, before: int = 0) -> np.ndarray:
        """Return the exact sum of the values in a window, times 10,000 (int64)."""
        assert events.values is not None
        low, high = self.inside(events.keys, length, before)
        running = running_total(events.values)
        return running[high] - running[low]

    def mean(self, events: Events, length: int, before: int = 0) -> np.ndarray:
        """Return the mean of the values in a window; NaN where it holds none."""
        count = self.count(events.keys, length, before)
        return np.where(count > 0, self.sum(events, length, before) / SCALE / np.maximum(count, 1), np.nan)

    def last(self, events: Events, back: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return each customer's last value and its day; with `back`, the value so many facts earlier."""
        low, high = self.places(events.keys, LONG_AGO, self.last_day)
        place = high - 1 - back
        exists = place >= low
        values, days = np.full(len(low), np.nan), np.full(len(low), NEVER, dtype=np.int64)
        if len(events.keys):
            place = np.maximum(place, 0)
            days = np.where(exists, day_number_of(events.keys[place]), NEVER)
            if events.values is not None:
                values = np.where(exists, events.values[place] / SCALE, np.nan)
        return values, days

    def last_day_of(self, keys: np.ndarray, day: int | None = None) -> np.ndarray:
        """Return the day of each customer's last key on or before a day (the last day when omitted), NEVER if none."""
        if not len(keys):
            return np.full(len(self.who), NEVER, dtype=np.int64)
        low, high = self.places(keys, LONG_AGO, self.last_day if day is None else day)
        return np.where(high > low, day_number_of(keys[np.maximum(high - 1, 0)]), NEVER)

    def first_day_of(self, keys: np.ndarray) -> np.ndarray:
        """Return the day of each customer's first key, NEVER if none."""
        if not len(keys):
            return np.full(len(self.who), NEVER, dtype=np.int64)
        place = np.searchsorted(keys, self.begins)
        first = day_number_of(keys[np.minimum(place[:-1], len(keys) - 1)])
        return np.where(place[1:] > place[:-1], first, NEVER)

    def year_at(self, events: Events, day: int, days: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the last value and the sum of values in the `days` days up to a day, and how many there are."""
        assert events.values is not None
        low, high = self.places(events.keys, day - days + 1, day)
        running = running_total(events.values)
        last = events.values[np.maximum(high - 1, 0)] if len(events.values) else np.zeros(len(low), dtype=np.int64)
        return last, running[high] - running[low], high - low


def running_total(values: np.ndarray) -> np.ndarray:
    """Return the running totals of whole numbers, beginning with 0."""
    total = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=total[1:])
    return total


def labelled(events: Events, is_named: Callable[[str], bool]) -> np.ndarray:
    if events.labels is None or not len(events.keys):
        return np.zeros(len(events.keys), dtype=bool)
    named = np.array([*(is_named(name) for name in events.names), False])
    return np.asarray(named[events.labels])
