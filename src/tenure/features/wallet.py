"""Share of wallet: our part of the customer's own total business.

The totals are the ``volumes`` facts; where there are none, nothing is guessed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import keys_of, who_of
from tenure.facts.schema import SCALE
from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature
from tenure.features.windows import HORIZON, LONG_AGO, WindowAggregates, running_total
from tenure.rules.evaluation.steps import starts

#: Days in which the latest statement of a customer's own total counts, and days whose other statements it is compared
#: with: the initial values of `own_volume_valid` and `own_volume_span` in the model relationship-4.
VALID, SPAN = 456, 728


class Periods(NamedTuple):
    """What customers stated of their own total business, one row a statement, sorted by customer and day."""

    keys: np.ndarray  # customer and day of the statement
    # the days that the statement speaks of, both included; `first` after `last` where that is not known
    first: np.ndarray
    last: np.ndarray
    total: np.ndarray  # the customer's whole volume in these days, times 10,000, so that sums are exact


def periods(windows: WindowAggregates) -> Periods:
    """Return which days each statement speaks of.

    With a ``period_start`` before its own day a statement speaks of the days up to its own. One that is dated on the
    first day of its period runs until the next one. One without ``period_start`` speaks of the days since the one
    before it; the first of these, of as many days as the second.
    """
    rows = windows.block.rows.get(Stream("volumes"))
    if rows is None or not len(rows.who):
        nothing = np.empty(0, dtype=np.int64)
        return Periods(nothing, nothing, nothing, nothing)
    amounts, present = rows.scaled("amount")
    keep = rows.days <= windows.block.last_day
    keep = keep if present is None else keep & present
    keys, day = rows.keys[keep], rows.days[keep].astype(np.int64)
    start = np.full(len(keys), LONG_AGO - 1, dtype=np.int64)
    if "period_start" in rows.columns.column_names:
        days = rows.columns.column("period_start").cast(pa.date32()).cast(pa.int32()).fill_null(LONG_AGO - 1)
        start = days.combine_chunks().to_numpy(zero_copy_only=False)[keep].astype(np.int64)
    head = starts(keys)
    tail = np.append(head[1:], True)[: len(keys)]
    gap = np.zeros(len(keys), dtype=np.int64)
    gap[1:] = day[1:] - day[:-1]
    gap[head] = 0
    after = np.append(gap[1:], 0)[: len(keys)]
    length = np.where(head, np.where(tail, 0, after), gap)  # of the days since the one before
    unknown = start < LONG_AGO
    first = np.where(unknown, day - length + 1, start)
    last = np.where(start == day, day + np.where(tail, gap, after) - 1, day)
    return Periods(keys, first, last, amounts[keep])


def shares(windows: WindowAggregates, stated: Periods, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return our share of each customer's wallet lately and before; NaN where it is not known.

    Taken together are the statements made in the `window` days just past, and those made in as many days before.
    Where one of the two has none, the last statement is compared with the one before it.
    """
    ours, theirs = bought(windows, stated)
    edge = windows.block.last_day
    low, high = windows.places(stated.keys, LONG_AGO, edge)
    middle = windows.places(stated.keys, edge - window + 1, edge)[0]
    first = windows.places(stated.keys, edge - 2 * window + 1, edge)[0]
    now, before = _share(ours, theirs, middle, high), _share(ours, theirs, first, middle)
    both = ~np.isnan(now) & ~np.isnan(before)
    last = _share(ours, theirs, np.maximum(high - 1, low), high)
    previous = _share(ours, theirs, np.maximum(high - 2, low), np.maximum(high - 1, low))
    return np.where(both, now, last), np.where(both, before, previous)


def bought(windows: WindowAggregates, stated: Periods) -> tuple[np.ndarray, np.ndarray]:
    """Return what was bought from us in the days of each statement, and the total, both times 10,000.

    Both are 0 where the days are not known.
    """
    orders = windows.block.events(("order",), "amount")
    assert orders.values is not None
    running = running_total(orders.values)
    who = who_of(stated.keys)
    known = (stated.first <= stated.last) & (stated.total > 0)
    low = np.searchsorted(orders.keys, keys_of(who, np.where(known, stated.first, 0)))
    high = np.searchsorted(orders.keys, keys_of(who, np.where(known, stated.last, -1)), side="right")
    ours = running[np.maximum(high, low)] - running[low]
    return np.where(known, ours, 0), np.where(known, stated.total, 0)


def _share(ours: np.ndarray, theirs: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return our part of the statements ``[low, high)`` of each customer; NaN where they speak of nothing."""
    mine, total = (running[high] - running[low] for running in map(running_total, (ours, theirs)))
    return np.where(total > 0, mine / np.where(total > 0, total, 1), np.nan)


class Statement(NamedTuple):
    """One statement of a customer's own total business, with our part of it."""

    first: int  # the days it speaks of (since 1970-01-01), both included
    last: int
    total: float  # the customer's whole volume, and what they bought from us in these days
    ours: float

    @property
    def share(self) -> float:
        return self.ours / self.total


def history(windows: WindowAggregates) -> list[list[Statement]]:
    """Return for each customer of a block every statement whose days are known, the oldest first."""
    stated = periods(windows)
    ours, theirs = bought(windows, stated)
    statements: list[list[Statement]] = [[] for _ in windows.who]
    for place, who in enumerate(who_of(stated.keys).tolist()):
        if theirs[place] > 0:
            days = int(stated.first[place]), int(stated.last[place])
            statements[who].append(Statement(*days, float(theirs[place]) / SCALE, float(ours[place]) / SCALE))
    return statements


def compute_wallet(windows: WindowAggregates) -> Computed:
    volume, stated = windows.block.events(("volume",), "amount"), periods(windows)
    latest, total, count = windows.year_at(volume, windows.last_day, SPAN)
    recent = windows.count(volume.keys, VALID) > 0
    others = (total - latest) / SCALE / np.maximum(count - 1, 1)
    computed: Computed = {"_volume_latest@0": (latest / SCALE, recent), "_volume_others@0": (others, count > 1)}
    for days in (HORIZON, 2 * HORIZON):
        now, before = shares(windows, stated, days)
        computed |= {f"_wallet_{days}@0": now, f"_wallet_before_{days}@0": before}
    return computed


WALLET = Family(
    "wallet",
    (
        Feature("volume_latest", "last(volume.amount)", pa.float64(), VALID),
        Feature("volume_others", "avg(volume.amount) without the latest", pa.float64(), SPAN),
        *(
            Feature(f"{name}_{days}", measure, pa.float64(), days)
            for days in (HORIZON, 2 * HORIZON)
            for name, measure in (
                ("wallet", "our share of the customer's volume"),
                ("wallet_before", "our share of it in the window before"),
            )
        ),
    ),
    {Stream("orders"): ("amount",), Stream("volumes"): ("amount", "period_start")},
    compute_wallet,
)
