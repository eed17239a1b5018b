"""Step functions of time: the one idea behind exact history.

**Everything that a rule can measure is, between two facts, either constant or growing by one a day.** A count over the
last 90 days is constant until a fact arrives or leaves the window; a waiting time grows. So a measure is written as
*steps*: the moments at which it changes, and its value from there on. A rule then needs to be looked at only there,
and the history is right for every day without any daily snapshot.

This module holds the steps and how they are made of sorted events: counting, summing, windows. It knows nothing about
rules or kinds of facts. Everything is a NumPy column over a whole block of customers, see :mod:`tenure.facts.blocks`.

Two rules keep it fast. Every step function begins at its customer's *origin*, a moment before all facts, so that a
value can be looked up without asking whose it is. And moments stay sorted: NumPy's stable sort is a timsort, which
merges sorted runs in linear time, several times faster than searching one run for the places of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import DAYS, SHIFT, who_of
from tenure.rules.evaluation.windows import NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.rules.syntax.tree import TimeWindow


class Union:
    """The moments of some sorted columns together, each once, and how far every column has got at each."""

    def __init__(self, *columns: np.ndarray) -> None:
        self._bounds = np.cumsum([0, *(len(column) for column in columns)])
        every = np.concatenate(columns)
        self._order = np.argsort(every, kind="stable")
        keys = every[self._order]
        self._ends = np.flatnonzero(ends_within(keys))
        self.keys = keys[self._ends]

    def passed(self, *, origins: bool = False) -> list[np.ndarray]:
        """Return for each column how many of its moments lie up to, and including, each moment of the union.

        With `origins`, these are the first column: as many have passed as there are customers up to there.
        """
        counts = [who_of(self.keys) + 1] if origins else []
        # All but the last column are counted; what they leave of the rows so far is the last one's.
        for low, high in zip(self._bounds[len(counts) : -2], self._bounds[len(counts) + 1 : -1], strict=True):
            inside = (self._order >= low) & (self._order < high)
            counts.append(np.cumsum(inside, dtype=np.int32)[self._ends].astype(np.intp))
        return [*counts, self._ends + 1 - sum(counts)]


class Moments:
    """Sorted moments at which steps are looked up; where a column of steps stands at each is found only once."""

    def __init__(self, keys: np.ndarray) -> None:
        self.keys = keys
        # By identity: measures over the same window share one column. The column is kept, so that its id stays its own.
        self._places: dict[int, tuple[np.ndarray, np.ndarray | slice]] = {id(keys): (keys, slice(None))}

    @classmethod
    def of_all(cls, *columns: np.ndarray) -> Moments:
        """Return the moments of sorted columns without repetitions."""
        different = list({id(column): column for column in columns}.values())
        if len(different) == 1:
            return cls(different[0])
        union = Union(*different)
        moments = cls(union.keys)
        for column, passed in zip(different, union.passed(), strict=True):
            moments._places[id(column)] = column, passed - 1
        return moments

    def with_origins(self, origins: np.ndarray) -> Moments:
        """Return them with the places of all customers' origins, where whatever never changes stands."""
        self._places.setdefault(id(origins), (origins, self.who))
        return self

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def who(self) -> np.ndarray:
        return who_of(self.keys)

    def place(self, keys: np.ndarray) -> np.ndarray | slice:
        """Return which of some sorted moments is the last one up to each of these; -1 before the first."""
        if id(keys) not in self._places:
            self._places[id(keys)] = keys, np.searchsorted(keys, self.keys, side="right") - 1
        return self._places[id(keys)][1]

    def among(self, keys: np.ndarray) -> np.ndarray:
        place = self.place(keys)
        if isinstance(place, slice):
            return np.ones(len(self), dtype=bool)
        return (place >= 0) & (keys[place] == self.keys) if len(keys) else np.zeros(len(self), dtype=bool)


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function per customer, beginning at the customer's origin."""

    keys: np.ndarray  # moments of change, sorted, each once
    values: np.ndarray  # value from that moment until the customer's next key
    known: np.ndarray | None = None  # whether the value is known; None when it always is

    def at(self, moments: Moments) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the values at some moments, and which of them are known (None when all are)."""
        place = moments.place(self.keys)
        return self.values[place], None if self.known is None else self.known[place]


def starts(keys: np.ndarray) -> np.ndarray:
    """Return which keys are their customer's first."""
    first = np.ones(len(keys), dtype=bool)
    who = keys >> SHIFT
    np.not_equal(who[1:], who[:-1], out=first[1:])
    return first


def is_origin(keys: np.ndarray) -> np.ndarray:
    return (keys & (DAYS - 1)) == 0


def distinct(keys: np.ndarray) -> np.ndarray:
    if len(keys) < 2:
        return keys
    new = keys[1:] != keys[:-1]
    return keys if new.all() else keys[np.concatenate(([True], new))]


def merge(*columns: np.ndarray) -> np.ndarray:
    """Return the union of sorted key columns, sorted, each once."""
    return Union(*columns).keys if columns else np.empty(0, dtype=np.int64)


def ends_within(keys: np.ndarray) -> np.ndarray:
    """Return the last key of each run of equal keys as a mask: the state at the end of the day."""
    last = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=last[:-1])
    return last


def ragged(first: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of ranges of different sizes, one range after the other: which range each is in, and itself."""
    row = np.repeat(np.arange(len(sizes)), sizes)
    return row, np.arange(len(row)) + np.repeat(first - np.cumsum(sizes) + sizes, sizes)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which events lie in the window, at every moment at which that changes."""

    keys: np.ndarray  # the moments, origins included
    low: np.ndarray  # the window holds the events ``low`` up to, not including, ``high``
    high: np.ndarray

    def before(self, days: int) -> Reach:
        """Return the same for a window that ends so many days earlier: every change comes so many days later."""
        return Reach(np.where(is_origin(self.keys), self.keys, self.keys + days), self.low, self.high)


def reach(entering: np.ndarray, leaving: np.ndarray | None, origins: np.ndarray) -> Reach:
    """Return which events lie in a window at each moment at which that changes.

    Both columns are in the events' order, and sorted; nothing leaves when there is no second.
    """
    if leaving is not None:  # every event enters once and leaves once
        union = Union(origins, entering, leaving)
        _, high, low = union.passed(origins=True)
        return Reach(union.keys, low, high)
    union = Union(origins, entering)
    _, high = union.passed(origins=True)
    first = np.flatnonzero(is_origin(union.keys))
    return Reach(union.keys, np.repeat(high[first], np.diff(np.append(first, len(high)))), high)


def counted(inside: Reach) -> Steps:
    return Steps(inside.keys, (inside.high - inside.low).astype(np.float64))


def summed(inside: Reach, values: np.ndarray, scale: int) -> Steps:
    """Return the exact sum of the values in the window, divided by `scale` at the very end."""
    return Steps(inside.keys, _sums(values, inside) / scale)


def _sums(values: np.ndarray, inside: Reach) -> np.ndarray:
    total = _totals(values)
    return total[inside.high] - total[inside.low]


def _totals(values: np.ndarray) -> np.ndarray:
    """Return the running totals, beginning with 0: exact, or in floating point where whole numbers would overflow."""
    largest = int(np.abs(values).max(initial=0))
    kind = np.int64 if largest * len(values) < 1 << 62 else np.float64
    total = np.zeros(len(values) + 1, dtype=kind)
    np.cumsum(values, out=total[1:], dtype=kind)
    return total


def averaged(inside: Reach, values: np.ndarray, scale: int) -> Steps:
    """Return the mean of the values in the window; unknown when it holds none."""
    count = inside.high - inside.low
    return Steps(inside.keys, _sums(values, inside) / np.maximum(count, 1) / scale, count > 0)


def latest(inside: Reach, values: np.ndarray, scale: int) -> Steps:
    """Return the last value in the window; unknown when it holds none."""
    picked = values[np.maximum(inside.high - 1, 0)] if len(values) else np.zeros(len(inside.keys), dtype=np.int64)
    return Steps(inside.keys, picked / scale, inside.high > inside.low)


def extreme(inside: Reach, values: np.ndarray, scale: int, *, largest: bool) -> Steps:
    """Return the largest or smallest value in the window; unknown when it holds none."""
    length = inside.high - inside.low
    known = length > 0
    pick = np.maximum if largest else np.minimum
    # Level k holds the extreme of 2**k neighbours; two overlapping stretches of one level cover any window.
    level = np.zeros(len(length), dtype=np.int64)
    level[known] = np.floor(np.log2(length[known])).astype(np.int64)
    result = np.zeros(len(length), dtype=np.int64)
    table = values
    for k in range(int(level.max(initial=0)) + 1):
        at = np.flatnonzero(known & (level == k))
        result[at] = pick(table[inside.low[at]], table[inside.high[at] - (1 << k)])
        table = pick(table[: -(1 << k)], table[1 << k :]) if len(table) > 1 << k else table
    return Steps(inside.keys, result / scale, known)


def of_rank(inside: Reach, values: np.ndarray, scale: int, low: np.ndarray, high: np.ndarray) -> Steps:
    """Return the mean of two values of the window by their ranks, 0 the smallest; unknown where a rank is not there."""
    length = inside.high - inside.low
    known = (low >= 0) & (high < length)
    rows = np.flatnonzero(known)
    result = np.zeros(len(length))
    apart = rows[low[rows] != high[rows]]
    both = np.append(rows, apart)
    begins = inside.high[is_origin(inside.keys)]  # where the values of each customer begin
    ranges = inside.low[both], inside.high[both], np.append(low[rows], high[apart])
    picked = _of_rank(values, begins, who_of(inside.keys[both]), *ranges)
    result[rows] = picked[: len(rows)]
    result[apart] = result[apart] / 2 + picked[len(rows) :] / 2
    return Steps(inside.keys, result / scale, known)


def _of_rank(
    values: np.ndarray, begins: np.ndarray, who: np.ndarray, low: np.ndarray, high: np.ndarray, rank: np.ndarray
) -> np.ndarray:
    """Return the value of a rank, 0 the smallest, among some of a customer's values; for many ranges at once.

    Values are told apart by one bit of their place in the customer's order after the other, the highest first. Those
    without it are put before those with it, and every range goes on in the half in which its value lies.
    """
    sizes = np.diff(np.append(begins, len(values)))
    order = np.lexsort((values, np.repeat(np.arange(len(begins)), sizes)))
    codes = np.empty(len(values), dtype=np.int32)
    codes[order] = np.arange(len(values)) - np.repeat(begins, sizes)
    result = begins[who]
    for bit in reversed(range(int(sizes.max(initial=1) - 1).bit_length())):
        has_bit = (codes >> bit & 1).astype(bool)
        without = np.append(0, np.cumsum(~has_bit))  # how many of the values so far
        first, end = without[low], without[high]
        later = rank >= end - first
        result = result + (later.astype(np.int64) << bit)
        rank = rank - np.where(later, end - first, 0)
        low = np.where(later, without[-1] + low - first, first)
        high = np.where(later, without[-1] + high - end, end)
        codes = np.concatenate((codes[~has_bit], codes[has_bit]))
    return values[order[result]]


def median(inside: Reach, values: np.ndarray, scale: int) -> Steps:
    """Return the median of the values in the window; unknown when it holds none."""
    length = inside.high - inside.low
    return of_rank(inside, values, scale, (length - 1) // 2, length // 2)


def accumulated(keys: np.ndarray, changes: np.ndarray, origins: np.ndarray) -> Steps:
    """Return the running total of changes, from 0, for every customer."""
    keys = np.concatenate((origins, keys))
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    total = np.cumsum(np.concatenate((np.zeros(len(origins), dtype=np.int64), changes))[order])
    first = np.flatnonzero(starts(keys))
    base = np.repeat(total[first], np.diff(np.append(first, len(keys))))
    last = ends_within(keys)
    return Steps(keys[last], (total - base)[last].astype(np.float64))


def sum_of_columns(columns: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the moments of sorted columns together, each once, and the sum of their integer values at each.

    A column holds from each of its moments on, and begins at every customer's origin. One running total of what changes
    is several times faster than finding how far each column has got.
    """
    different: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for column, value in zip(columns, values, strict=True):
        different[id(column)] = column, value + different[id(column)][1] if id(column) in different else value
    if len(different) == 1:
        return next(iter(different.values()))
    keys = np.concatenate([column for column, _ in different.values()])
    changes = np.concatenate([value for _, value in different.values()])
    bounds = np.cumsum([0, *(len(column) for column, _ in different.values())])[:-1]
    bounds = bounds[bounds < len(keys)]
    begins = changes[bounds]
    changes[1:] -= changes[:-1].copy()
    changes[bounds] = begins
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    last = np.flatnonzero(ends_within(keys))
    return keys[last], np.cumsum(changes[order], dtype=changes.dtype)[last]


def different(entering: np.ndarray, leaving: np.ndarray | None, labels: np.ndarray, origins: np.ndarray) -> Steps:
    """Return how many different labels the window holds.

    Each label is *alive* from an event until the window has left it behind; the count of labels alive is the answer.
    """
    counts = labels >= 0 if leaving is None else (labels >= 0) & (leaving > entering)
    entering, labels = entering[counts], labels[counts]
    order = np.lexsort((entering, labels, who_of(entering)))
    entering, labels = entering[order], labels[order]
    # Where a label of a customer begins, whether or not another event of it follows.
    fresh = starts(entering)
    fresh[1:] |= labels[1:] != labels[:-1]
    if leaving is None:
        born = entering[fresh]
        return accumulated(born, np.ones(len(born), dtype=np.int64), origins)
    leaving = leaving[counts][order]
    fresh[1:] |= entering[1:] >= leaving[:-1]
    born = entering[fresh]
    gone = leaving[np.append(fresh[1:], True)] if len(entering) else entering
    gone = gone[gone != NEVER]
    return accumulated(np.concatenate((born, gone)), np.repeat([1, -1], [len(born), len(gone)]), origins)


def sloping(events: np.ndarray, values: np.ndarray, window: TimeWindow, origins: np.ndarray) -> Steps:
    """Return the least-squares slope over the four quarters of the window, divided by their mean.

    With quarters y0 (oldest) to y3: slope = sum((x - 1.5) y) / 5, mean = sum(y) / 4.
    """
    quarter = (window.last or 4) // 4
    union = Union(origins, *(events + window.before + quarter * n for n in range(5)))
    total = _totals(values)
    edges = [total[passed] for passed in union.passed(origins=True)[1:]]
    y3, y2, y1, y0 = (edges[n] - edges[n + 1] for n in range(4))
    sum_of_all = y0 + y1 + y2 + y3
    rise = -3 * y0 - y1 + y2 + 3 * y3
    return Steps(union.keys, 0.4 * rise / np.where(sum_of_all == 0, 1, sum_of_all), sum_of_all != 0)


def known_from_facts(keys: np.ndarray, values: np.ndarray, known: np.ndarray | bool = True) -> Steps:
    """Return steps that have these values at the facts among their moments, and are unknown at the origins."""
    facts = np.flatnonzero(~is_origin(keys))
    every, is_known = np.zeros(len(keys)), np.zeros(len(keys), dtype=bool)
    every[facts] = values
    is_known[facts] = known
    return Steps(keys, every, is_known)


class Breaks:
    """Facts from which something waits, and the breaks between them that are longer than a day.

    Only in such a break can anything have happened.
    """

    def __init__(self, facts: np.ndarray) -> None:
        self._facts = facts
        first = starts(facts)
        self._days_before = np.zeros(len(facts), dtype=np.int64)
        self._days_before[1:] = facts[1:] - facts[:-1]
        self._days_before[first] = 0
        self._begins = np.flatnonzero(first)
        self._ends = np.flatnonzero(np.append(first[1:], True)[: len(facts)])
        self._broken = np.flatnonzero(self._days_before > 1)

    def flips(self, days: np.ndarray, values: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the moments at which a comparison flips, and its values from there, in sorted columns.

        `days` says after how many days without a fact it flips, the first of them 0; `values` what it is from then on.
        """
        facts, before = self._facts, self._days_before
        patience = int(days[1]) if len(days) > 1 else DAYS
        # A fact changes something only after a break that was long enough to change something before it.
        late = self._broken[before[self._broken] > patience]
        at_end = values[np.searchsorted(days, before[late] - 1, side="right") - 1]
        resumed = late[at_end != values[0]]
        keys = [facts[self._begins], facts[resumed]]
        truths = [np.full(len(column), values[0]) for column in keys]
        for day, value in zip(days[1:].tolist(), values[1:].tolist(), strict=True):
            # The fact before a long break, and everybody's last fact, after which the break has no end.
            for waited in (late[before[late] > day] - 1, self._ends):
                keys.append(facts[waited] + day)
                truths.append(np.full(len(waited), value, dtype=values.dtype))
        return keys, truths
