"""Order days of a block of customers: on which days each of them bought, and for how much.

Orders of one customer on one local day are **one purchase**, whose spend is the sum of their amounts; that is how the
models of repeat buying are published (Fader, Hardie and Lee 2005), and it keeps a basket that was split by the till
from looking like a rhythm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import SCALE, day_number_of, keys_of, who_of
from tenure.features.windows import running_total

if TYPE_CHECKING:
    from tenure.facts.blocks import Block

_FINE = float(1 << 32)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a model of repeat buying reads of customers on one day. All arrays have one entry a customer."""

    bought: np.ndarray  # who had bought at all by that day; the other arrays are 0 elsewhere
    frequency: np.ndarray  # purchase days after the first
    recency: np.ndarray  # days from the first purchase day to the last one, and to the day
    age: np.ndarray
    repeat_spend: np.ndarray  # mean spend of the purchase days after the first; NaN where there is none
    # sum of the natural logarithms of the gaps in days: what models of regular buyers read of a rhythm
    log_gaps: np.ndarray

    def only(self, places: np.ndarray) -> Summary:
        """Return some of the customers."""
        columns = (self.bought, self.frequency, self.recency, self.age, self.repeat_spend, self.log_gaps)
        return Summary(*(column[places] for column in columns))

    @property
    def spend(self) -> np.ndarray:
        """Mean spend of a repeat purchase: what models of spend read."""
        return self.repeat_spend


class OrderDays:
    """The days with an order of a block of customers."""

    def __init__(self, block: Block) -> None:
        self.block = block
        events = block.events(("order",), "amount")
        assert events.values is not None
        new = np.ones(len(events.keys), dtype=bool)
        np.not_equal(events.keys[1:], events.keys[:-1], out=new[1:])
        self._begins = np.flatnonzero(new)
        self.keys = events.keys[self._begins]
        self._running = running_total(events.values)

    @cached_property
    def totals(self) -> np.ndarray:
        """Running spend times 10,000 before each purchase day, and after the last one."""
        return self._running[np.append(self._begins, len(self._running) - 1)]

    @cached_property
    def log_gaps(self) -> np.ndarray:
        """Running sum of the logarithms of gaps before each purchase day, times 2**32: whole numbers add up exactly."""
        logs = np.zeros(len(self.keys), dtype=np.int64)
        between = np.diff(self.keys)
        inside = who_of(self.keys[1:]) == who_of(self.keys[:-1])
        logs[1:][inside] = np.rint(np.log(between[inside]) * _FINE).astype(np.int64)
        return running_total(logs)

    @cached_property
    def first(self) -> np.ndarray:
        """Place of each customer's first purchase day in :attr:`keys`."""
        return self.before(np.full(len(self.block), -(1 << 20), dtype=np.int64))

    def before(self, days: np.ndarray) -> np.ndarray:
        """Return how many keys lie before the end of each customer's day: the place one past it."""
        points = keys_of(np.arange(len(self.block)), days)
        return np.searchsorted(self.keys, points, side="right")

    def upto(self, day: int) -> np.ndarray:
        """Return the place one past each customer's last purchase day on or before a day."""
        return self.before(np.full(len(self.block), day, dtype=np.int64))

    def between(self, after: int, upto: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how many purchase days lie in (`after`, `upto`], and their spend times 10,000."""
        low, high = self.upto(after), self.upto(upto)
        return (high - low).astype(np.float64), self.totals[high] - self.totals[low]

    def at(self, day: int) -> Summary:
        """Return everybody's summary as it was at the end of a day."""
        first, end = self.first, self.upto(day)
        count = end - first
        bought = count > 0
        if not len(self.keys):
            nothing = np.zeros(len(self.block))
            return Summary(bought, nothing, nothing, nothing, np.full(len(self.block), np.nan), nothing)
        begin = np.where(bought, first, 0)
        started = day_number_of(self.keys[begin])
        recent = day_number_of(self.keys[np.where(bought, end - 1, 0)]) - started
        repeats = np.where(bought, count - 1, 0)
        returned = repeats > 0
        spent = self.totals[np.where(returned, end, 0)] - self.totals[np.where(returned, begin + 1, 0)]
        mean = np.where(returned, spent / np.maximum(repeats, 1) / SCALE, np.nan)
        age = np.where(bought, day - started, 0)
        logs = (self.log_gaps[np.where(returned, end, 0)] - self.log_gaps[np.where(returned, begin + 1, 0)]) / _FINE
        return Summary(bought, repeats.astype(np.float64), recent * bought * 1.0, age * 1.0, mean, logs)

    def weekly(self, weeks: int) -> np.ndarray:
        """Return the purchase days of each customer in each of the last `weeks` weeks, the latest first."""
        counts = np.zeros(len(self.block) * weeks, dtype=np.uint8)
        ago = (self.block.last_day - day_number_of(self.keys)) // 7
        recent = ago < weeks
        who, ago = who_of(self.keys[recent]), ago[recent]
        # Sorted by day, so that purchase days of one customer and week are neighbours.
        new = np.ones(len(who), dtype=bool)
        new[1:] = (who[1:] != who[:-1]) | (ago[1:] != ago[:-1])
        starts = np.flatnonzero(new)
        counts[who[starts] * weeks + ago[starts]] = np.diff(np.append(starts, len(who)))
        return counts.reshape(len(self.block), weeks)

    @property
    def spend(self) -> np.ndarray:
        """Spend times 10,000 of each purchase day."""
        return np.diff(self.totals)

    @cached_property
    def first_spend(self) -> np.ndarray:
        """Spend times 10,000 on everybody's first purchase day; 0 for who never bought."""
        bought = np.diff(np.append(self.first, len(self.keys))) > 0
        if not len(self.keys):
            return np.zeros(len(self.block), dtype=np.int64)
        return np.where(bought, self.spend[np.where(bought, self.first, 0)], 0)

    def gaps(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the median of everybody's gaps in days up to a day, and their deviation divided by their mean.

        They are what ``typical_gap(order)`` and ``gap_variation(order)`` of the rule language are on that day; NaN
        below two, or three, purchase days.
        """
        keys = self.keys if day >= self.block.last_day else self.keys[day_number_of(self.keys) <= day]
        who = who_of(keys)
        count = np.bincount(who, minlength=len(self.block))
        if len(keys) < 2:
            return np.full(len(count), np.nan), np.full(len(count), np.nan)
        inside = who[1:] == who[:-1]
        between = np.diff(keys)[inside]
        return _medians(who[1:][inside], between, count - 1), _variation(between, count - 1)


def _medians(who: np.ndarray, between: np.ndarray, count: np.ndarray) -> np.ndarray:
    ranked = np.sort((who << 32) | between) & 0xFFFFFFFF
    ends = np.cumsum(np.maximum(count, 0))
    begins = ends - np.maximum(count, 0)
    known = count >= 1
    low = np.where(known, begins + (count - 1) // 2, 0)
    high = np.where(known, begins + count // 2, 0)
    middle = (ranked[low] + ranked[high]) / 2 if len(ranked) else np.zeros(len(count))
    return np.where(known, middle, np.nan)


def _variation(between: np.ndarray, count: np.ndarray) -> np.ndarray:
    kept = np.maximum(count, 0)
    ends = np.cumsum(kept)
    begins = ends - kept

    def summed(column: np.ndarray) -> np.ndarray:
        running = running_total(column)
        return running[ends] - running[begins]

    total, squares = summed(between), summed(between * between)
    spread = np.sqrt(np.maximum(count * squares - total * total, 0))
    return np.where(count >= 2, spread / np.maximum(total, 1), np.nan)
