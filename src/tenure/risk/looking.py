"""Looking at a block of customers on its last day: what lies in a window, what came last.

A rule needs a measure on every day; a warning needs it on one, and then two searches a customer are all it takes. It
decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import SCALE, day_number_of, keys_of, who_of

if TYPE_CHECKING:
    from tenure.facts.blocks import Block, Events

#: Where a day is not known.
NEVER = np.iinfo(np.int32).min


class Look:
    """One look at a block."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.who = np.arange(len(block))

    def _edge(self, days: np.ndarray | int) -> np.ndarray:
        return keys_of(self.who, np.broadcast_to(np.asarray(days, dtype=np.int64), self.who.shape))

    def places(
        self, keys: np.ndarray, first: np.ndarray | int, last: np.ndarray | int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows ``[low, high)`` of each customer from a first to a last day, both included."""
        return np.searchsorted(keys, self._edge(first)), np.searchsorted(keys, self._edge(last), side="right")

    def _window(self, length: int, before: int) -> tuple[int, int]:
        last = self.block.last_day - before
        return last - length + 1, last

    def count(self, keys: np.ndarray, length: int, before: int = 0) -> np.ndarray:
        """Return how many facts lie in the `length` days that end `before` days ago (int64, one a customer)."""
        low, high = self.places(keys, *self._window(length, before))
        return (high - low).astype(np.int64)

    def total(self, events: Events, first: np.ndarray | int, last: np.ndarray | int) -> np.ndarray:
        """Return the exact sum of the values from a first to a last day, both included (float64)."""
        assert events.values is not None
        running = np.zeros(len(events.values) + 1, dtype=np.int64)
        np.cumsum(events.values, out=running[1:])
        low, high = self.places(events.keys, first, last)
        return (running[high] - running[low]) / SCALE

    def sum(self, events: Events, length: int, before: int = 0) -> np.ndarray:
        """Return the exact sum of the values in the `length` days that end `before` days ago (float64)."""
        return self.total(events, *self._window(length, before))

    def mean(self, events: Events, length: int, before: int = 0) -> np.ndarray:
        """Return the mean of the values in a window; NaN where it holds none."""
        count = self.count(events.keys, length, before)
        return np.where(count > 0, self.sum(events, length, before) / np.maximum(count, 1), np.nan)

    def last(self, events: Events, back: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Return each customer's last value and its day; with `back`, the value so many facts earlier."""
        low, high = self.places(events.keys, -(1 << 19), self.block.last_day)
        place = high - 1 - back
        there = place >= low
        values, days = np.full(len(low), np.nan), np.full(len(low), NEVER, dtype=np.int64)
        if len(events.keys):
            place = np.maximum(place, 0)
            days = np.where(there, day_number_of(events.keys[place]), NEVER)
            if events.values is not None:
                values = np.where(there, events.values[place] / SCALE, np.nan)
        return values, days

    def named(self, events: Events, names: frozenset[str]) -> np.ndarray:
        """Return the keys of the facts whose label is one of some names."""
        if events.labels is None or not len(events.keys):
            return np.empty(0, dtype=np.int64)
        wanted = np.array([*(name.casefold() in names for name in events.names), False])
        return events.keys[wanted[events.labels]]

    def counts(self, keys: np.ndarray) -> np.ndarray:
        """Return how many of some keys each customer has."""
        return np.bincount(who_of(keys), minlength=len(self.who)).astype(np.int64)
