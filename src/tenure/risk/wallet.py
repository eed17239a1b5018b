"""Share of wallet: our part of the customer's own total business.

Answers: of all that this customer buys, with whomever, how much is with us, and is that part falling? The totals are
the ``volumes`` facts; where there are none, nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import SCALE
from tenure.facts.streams import Stream
from tenure.lifecycle.steps import starts

if TYPE_CHECKING:
    from tenure.facts.blocks import Events
    from tenure.risk.looking import Look

_FAR = 1 << 19


class Periods(NamedTuple):
    """What customers said of their own total business, one row a statement, sorted by customer and day.

    Attributes
    ----------
    keys : ndarray of int64
        Customer and day of the statement.
    first, last : ndarray of int64
        The days that the statement speaks of, both included; `first` after `last` where that is not known.
    total : ndarray of float64
        The customer's whole volume in these days.
    """

    keys: np.ndarray
    first: np.ndarray
    last: np.ndarray
    total: np.ndarray


def periods(look: Look) -> Periods:
    """Return which days each statement speaks of.

    With a ``period_start`` before its own day a statement speaks of the days up to its own. One that is dated on the
    first day of its period runs until the next one. One without ``period_start`` speaks of the days since the one
    before it; the first of these, of as many days as the second.
    """
    rows = look.block.rows.get(Stream("volumes"))
    if rows is None or not len(rows.who):
        nothing = np.empty(0, dtype=np.int64)
        return Periods(nothing, nothing, nothing, nothing.astype(np.float64))
    amounts, present = rows.scaled("amount")
    keep = rows.days <= look.block.last_day
    keep = keep if present is None else keep & present
    keys, day = rows.keys[keep], rows.days[keep].astype(np.int64)
    start = _starts_of(rows.columns, len(rows.who))[keep]
    head = starts(keys)
    tail = np.append(head[1:], True)[: len(keys)]
    gap = np.zeros(len(keys), dtype=np.int64)
    gap[1:] = day[1:] - day[:-1]
    gap[head] = 0
    after = np.append(gap[1:], 0)[: len(keys)]
    length = np.where(head, np.where(tail, 0, after), gap)  # of the days since the one before
    unknown = start < -_FAR
    first = np.where(unknown, day - length + 1, start)
    last = np.where(start == day, day + np.where(tail, gap, after) - 1, day)
    return Periods(keys, first, last, amounts[keep] / SCALE)


def _starts_of(columns: pa.Table, size: int) -> np.ndarray:
    if "period_start" not in columns.column_names:
        return np.full(size, -_FAR - 1, dtype=np.int64)
    days = columns.column("period_start").cast(pa.date32()).cast(pa.int32()).fill_null(-_FAR - 1)
    return days.combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)


def shares(look: Look, said: Periods) -> tuple[np.ndarray, np.ndarray]:
    """Return our share in the last period of each customer and in the one before; NaN where it is not known."""
    low, high = look.places(said.keys, -_FAR, look.block.last_day)
    ours = look.block.events(("order",), "amount")
    return _share(look, said, ours, low, high - 1), _share(look, said, ours, low, high - 2)


def _share(look: Look, said: Periods, ours: Events, low: np.ndarray, place: np.ndarray) -> np.ndarray:
    there = place >= low
    if not len(said.keys):
        return np.full(len(low), np.nan)
    at = np.maximum(place, 0)
    first, last, total = said.first[at], said.last[at], said.total[at]
    known = there & (first <= last) & (total > 0)
    bought = look.total(ours, np.where(known, first, 0), np.where(known, last, -1))
    return np.where(known, bought / np.where(known, total, 1.0), np.nan)


class Statement(NamedTuple):
    """One statement of a customer's own total business, with our part of it.

    Attributes
    ----------
    first, last : int
        The days it speaks of (since 1970-01-01), both included.
    total, ours : float
        The customer's whole volume, and what they bought from us in these days.
    """

    first: int
    last: int
    total: float
    ours: float

    @property
    def share(self) -> float:
        """Our share of wallet."""
        return self.ours / self.total


def history(look: Look) -> list[list[Statement]]:
    """Return for each customer of a block every statement whose days are known, the oldest first."""
    said = periods(look)
    ours = look.block.events(("order",), "amount")
    low, high = look.places(said.keys, -_FAR, look.block.last_day)
    found: list[list[Statement]] = [[] for _ in look.who]
    for back in range(int((high - low).max(initial=0)), 0, -1):
        place = high - back
        known = (place >= low) & (said.first[place] <= said.last[place]) & (said.total[place] > 0)
        first, last = said.first[place], said.last[place]
        bought = look.total(ours, np.where(known, first, 0), np.where(known, last, -1))
        for who in np.flatnonzero(known).tolist():
            total = float(said.total[place[who]])
            found[who].append(Statement(int(first[who]), int(last[who]), total, float(bought[who])))
    return found
