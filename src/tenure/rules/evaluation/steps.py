"""Step functions of time: the one idea behind exact history.

**Everything that a rule can measure is, between two facts, either constant or growing by one a day.** A count over the
last 90 days is constant until a fact arrives or leaves the window; a waiting time grows. So a measure is written as
*steps*: the moments at which it changes, and its value from there on. A rule then needs to be looked at only there,
and the history is right for every day without any daily snapshot.

This module holds the steps and how they are made of sorted events: counting, summing, windows. It knows nothing about
rules or kinds of facts. Everything is a NumPy column over a whole block of customers, see :mod:`tenure.facts.blocks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import SHIFT, day_number_of, who_of

if TYPE_CHECKING:
    from tenure.rules.syntax.tree import Window


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function per customer."""

    keys: np.ndarray  # moments of change, sorted, each once
    values: np.ndarray  # value from that moment until the customer's next key
    known: np.ndarray | None = None  # whether the value is known; None when it always is
    before: float | None = None  # value before a customer's first key; None is unknown

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the values at some moments, and which of them are known (None when all are)."""
        if points is self.keys:
            return self.values, self.known
        if not len(self.keys):
            return np.full(len(points), self.before or 0.0), _all(len(points), self.before is not None)
        place = np.searchsorted(self.keys, points, side="right") - 1
        found = (place >= 0) & ((self.keys[place] >> SHIFT) == (points >> SHIFT))
        values = np.where(found, self.values[place], self.before or 0.0)
        if self.before is not None and self.known is None:
            return values, None
        known = found if self.known is None else found & self.known[place]
        return values, known | ~found if self.before is not None else known


def _all(size: int, truth: bool) -> np.ndarray | None:
    return None if truth else np.zeros(size, dtype=bool)


def starts(keys: np.ndarray) -> np.ndarray:
    """Return which keys are their customer's first."""
    first = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:] >> SHIFT, keys[:-1] >> SHIFT, out=first[1:])
    return first


def distinct(keys: np.ndarray) -> np.ndarray:
    """Return sorted keys, each once."""
    if len(keys) < 2:
        return keys
    new = keys[1:] != keys[:-1]
    return keys if new.all() else keys[np.concatenate(([True], new))]


def merge(*many: np.ndarray) -> np.ndarray:
    """Return the union of sorted key columns, sorted, each once."""
    columns = [keys for keys in many if len(keys)]
    if not columns:
        return np.empty(0, dtype=np.int64)
    columns.sort(key=len)
    biggest = columns.pop()
    # Most columns lie inside the biggest (entries among order days): then no sorting is needed.
    missing = [keys for keys in columns if keys is not biggest and not _inside(keys, biggest)]
    if not missing:
        return distinct(biggest)
    return distinct(np.sort(np.concatenate([biggest, *missing]), kind="stable"))


def _inside(keys: np.ndarray, others: np.ndarray) -> bool:
    place = np.searchsorted(others, keys)
    return bool(place[-1] < len(others)) and bool((others[place] == keys).all())


def ends_within(keys: np.ndarray) -> np.ndarray:
    """Return the last key of each run of equal keys as a mask: the state at the end of the day."""
    last = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=last[:-1])
    return last


@dataclass(frozen=True, slots=True)
class Reach:
    """Which events lie in the window, at every moment at which that changes."""

    keys: np.ndarray  # the moments
    low: np.ndarray  # the window holds the events ``low`` up to, not including, ``high``
    high: np.ndarray


def reach(events: np.ndarray, window: Window) -> Reach:
    """Return the events in the window at each moment at which they change."""
    entering = events + window.before if window.before else events
    if window.last is None:
        last = np.flatnonzero(ends_within(entering))
        first = np.flatnonzero(starts(entering))
        sizes = np.diff(np.append(first, len(entering)))
        low = np.repeat(first, sizes)[last]
        return Reach(entering[last], low, last + 1)
    keys = merge(distinct(entering), distinct(entering + window.last))
    return Reach(keys, _up_to(entering, keys - window.last), _up_to(entering, keys))


def _up_to(events: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.searchsorted(events, points, side="right")


def counted(events: np.ndarray, window: Window) -> Steps:
    """Return how many events the window holds."""
    inside = reach(events, window)
    return Steps(inside.keys, (inside.high - inside.low).astype(np.float64), before=0.0)


def summed(events: np.ndarray, values: np.ndarray, window: Window, scale: int) -> Steps:
    """Return the exact sum of the values in the window, divided by `scale` at the very end."""
    inside = reach(events, window)
    return Steps(inside.keys, _sums(values, inside) / scale, before=0.0)


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


def averaged(events: np.ndarray, values: np.ndarray, window: Window, scale: int) -> Steps:
    """Return the mean of the values in the window; unknown when it holds none."""
    inside = reach(events, window)
    count = inside.high - inside.low
    return Steps(inside.keys, _sums(values, inside) / np.maximum(count, 1) / scale, count > 0)


def latest(events: np.ndarray, values: np.ndarray, window: Window, scale: int) -> Steps:
    """Return the last value in the window; unknown when it holds none."""
    inside = reach(events, window)
    return Steps(inside.keys, _picked(values, inside.high - 1) / scale, inside.high > inside.low)


def _picked(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    return values[np.maximum(places, 0)] if len(values) else np.zeros(len(places), dtype=np.int64)


def extreme(events: np.ndarray, values: np.ndarray, window: Window, scale: int, *, largest: bool) -> Steps:
    """Return the largest or smallest value in the window; unknown when it holds none."""
    inside = reach(events, window)
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


def accumulated(keys: np.ndarray, changes: np.ndarray) -> Steps:
    """Return the running total of changes, from 0, for every customer."""
    order = np.argsort(keys, kind="stable")
    keys, changes = keys[order], changes[order]
    if not len(keys):
        return Steps(keys, np.empty(0), before=0.0)
    total = np.cumsum(changes)
    first = np.flatnonzero(starts(keys))
    base = np.repeat(total[first] - changes[first], np.diff(np.append(first, len(keys))))
    last = ends_within(keys)
    return Steps(keys[last], (total - base)[last].astype(np.float64), before=0.0)


def different(events: np.ndarray, labels: np.ndarray, window: Window) -> Steps:
    """Return how many different labels the window holds.

    Each label is *alive* from an event until the window has left it behind; the count of labels alive is the answer.
    """
    named = labels >= 0
    events, labels = events[named], labels[named]
    order = np.lexsort((events, labels, who_of(events)))
    events, labels = events[order], labels[order]
    if not len(events):
        return Steps(events, np.empty(0), before=0.0)
    same = (labels[1:] == labels[:-1]) & (who_of(events)[1:] == who_of(events)[:-1])
    if window.last is None:
        born = events[np.concatenate(([True], ~same))] + window.before
        return accumulated(born, np.ones(len(born), dtype=np.int64))
    lapsed = ~same | (events[1:] - events[:-1] >= window.last)
    born = events[np.concatenate(([True], lapsed))]
    gone = events[np.concatenate((lapsed, [True]))] + window.last
    keys = np.concatenate((born, gone)) + window.before
    return accumulated(
        keys, np.concatenate((np.ones(len(born), dtype=np.int64), np.full(len(gone), -1, dtype=np.int64)))
    )


def sloping(events: np.ndarray, values: np.ndarray, window: Window) -> Steps:
    """Return the least-squares slope over the four quarters of the window, divided by their mean.

    With quarters y0 (oldest) to y3: slope = sum((x - 1.5) y) / 5, mean = sum(y) / 4.
    """
    quarter = (window.last or 4) // 4
    entering = events + window.before
    keys = merge(*(distinct(entering + quarter * n) for n in range(5)))
    total = _totals(values)
    edges = [total[_up_to(entering, keys - quarter * n)] for n in range(5)]
    y3, y2, y1, y0 = (edges[n] - edges[n + 1] for n in range(4))
    whole = y0 + y1 + y2 + y3
    rise = -3 * y0 - y1 + y2 + 3 * y3
    return Steps(keys, 0.4 * rise / np.where(whole == 0, 1, whole), whole != 0)


def gaps(days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for distinct sorted keys: the gap in days before each, its number within the customer, and firsts."""
    first = starts(days)
    before = np.zeros(len(days), dtype=np.int64)
    before[1:] = np.diff(days)
    before[first] = 0
    begins = np.flatnonzero(first)
    number = np.arange(len(days)) - np.repeat(begins, np.diff(np.append(begins, len(days))))
    return before, number, first


def typical_gap(days: np.ndarray) -> Steps:
    """Return the median gap between neighbouring days so far; unknown below two days."""
    before, number, first = gaps(days)
    medians = np.zeros(len(days))
    begins = np.flatnonzero(first)
    sizes = np.diff(np.append(begins, len(days))) - 1
    for lot in _lots_of_similar_size(sizes):
        _running_medians(before, begins[lot] + 1, sizes[lot], medians)
    return Steps(days, medians, number >= 1)


def _lots_of_similar_size(sizes: np.ndarray, most: int = 1 << 13) -> list[np.ndarray]:
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    lots = []
    begin = 0
    while begin < len(order):
        limit = sizes[order[begin]] * 1.25 + 2
        end = min(int(np.searchsorted(sizes[order], limit, side="right")), begin + most)
        lots.append(order[begin:end])
        begin = end
    return lots


def _running_medians(values: np.ndarray, begins: np.ndarray, sizes: np.ndarray, medians: np.ndarray) -> None:
    """Write the median of each customer's first 1, 2, 3 ... values.

    Keeps the values so far sorted, one row per rank and one column per customer. Putting x into a sorted column is
    ``max(one rank up, min(here, x))`` for every rank at once, without a branch.
    """
    longest = int(sizes.max())
    endless = np.iinfo(np.int32).max
    ranks = np.full((longest + 1, len(begins)), endless, dtype=np.int32)
    ranks[0] = np.iinfo(np.int32).min  # a floor below rank 1, so that "one rank up" always exists
    for n in range(1, longest + 1):
        alive = sizes >= n
        x = np.where(alive, values[np.where(alive, begins + n - 1, 0)], endless).astype(np.int32)
        ranks[1 : n + 1] = np.maximum(ranks[:n], np.minimum(ranks[1 : n + 1], x))
        middle = (ranks[(n + 1) // 2].astype(np.int64) + ranks[n // 2 + 1]) / 2
        medians[(begins + n - 1)[alive]] = middle[alive]


def gap_variation(days: np.ndarray) -> Steps:
    """Return the standard deviation of the gaps so far, divided by their mean; unknown below three days."""
    before, number, first = gaps(days)
    begins = np.flatnonzero(first)
    sizes = np.diff(np.append(begins, len(days)))

    def so_far(column: np.ndarray) -> np.ndarray:
        total = np.cumsum(column)
        return total - np.repeat(total[begins], sizes)

    total, squares = so_far(before), so_far(before * before)
    spread = np.sqrt(np.maximum(number * squares - total * total, 0))
    return Steps(days, spread / np.maximum(total, 1), number >= 2)


def last_days(events: np.ndarray) -> Steps:
    """Return the day number of the last event."""
    days = distinct(events)
    return Steps(days, day_number_of(days).astype(np.float64))


def first_days(events: np.ndarray) -> Steps:
    """Return the day number of the first event."""
    days = events[starts(events)] if len(events) else events
    return Steps(days, day_number_of(days).astype(np.float64))
