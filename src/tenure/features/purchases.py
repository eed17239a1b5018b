"""Purchases: how much a customer has bought, at which rhythm, and what of it is profit.

Orders of one customer on one local day are **one purchase**, whose spend is the sum of their amounts; that is how the
models of repeat buying are published (Fader, Hardie and Lee 2005), and it keeps a basket that was split by the till
from looking like a rhythm.

What a model of repeat buying reads on a snapshot (frequency, recency, age, mean spend) follows from these columns and
is put together by :class:`tenure.features.snapshot.Snapshot`; sums stay whole numbers of 1/10,000 until then.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import Block, day_number_of, who_of
from tenure.facts.schema import DAY, NUMBER, SCALE
from tenure.facts.selection import Facts
from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature, column_of
from tenure.features.windows import HORIZON, LONG_AGO, NEVER, SNAPSHOTS, WindowAggregates, running_total, snapshot_day
from tenure.rules.evaluation.steps import ends_within

#: Orders and money go back a year before the oldest snapshot.
WINDOWS = SNAPSHOTS + 4
#: How many weeks back purchases are counted by week, for the tracking of predictions.
WEEKS = 78
_FINE = float(1 << 32)


class Summary(NamedTuple):
    """What a model of repeat buying reads of customers on one day. All arrays have one entry a customer."""

    bought: np.ndarray  # who had bought at all by that day; the other arrays are 0 elsewhere
    frequency: np.ndarray  # purchase days after the first
    recency: np.ndarray  # days from the first purchase day to the last one, and to the day
    age: np.ndarray
    spend: np.ndarray  # mean spend of the purchase days after the first; NaN where there is none
    log_gaps: np.ndarray  # sum of the natural logarithms of the gaps in days: what models of regular buyers read

    def only(self, places: np.ndarray) -> Summary:
        return Summary(*(column[places] for column in self))


class OrderDays:
    """The days with an order of a block of customers."""

    def __init__(self, block: Block) -> None:
        self.block, self._windows = block, WindowAggregates(block)
        events = block.events(("order",), "amount")
        assert events.values is not None
        new = np.ones(len(events.keys), dtype=bool)
        np.not_equal(events.keys[1:], events.keys[:-1], out=new[1:])
        begins = np.flatnonzero(new)
        self.keys = events.keys[begins]
        #: Running spend times 10,000 before each purchase day, and after the last one.
        self.totals = running_total(events.values)[np.append(begins, len(events.keys))]

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
        return self.upto(LONG_AGO)

    def upto(self, day: int) -> np.ndarray:
        """Return the place one past each customer's last purchase day on or before a day."""
        return self._windows.up_to(self.keys, day)

    def between(self, after: int, upto: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how many purchase days lie in (`after`, `upto`], and their spend times 10,000."""
        low, high = self.upto(after), self.upto(upto)
        return (high - low).astype(np.float64), self.totals[high] - self.totals[low]

    def at(self, day: int) -> Summary:
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

    @cached_property
    def spend(self) -> np.ndarray:
        """Spend times 10,000 of each purchase day."""
        return np.diff(self.totals)

    @property
    def first_spend(self) -> np.ndarray:
        """Spend times 10,000 on everybody's first purchase day; 0 for who never bought."""
        if not len(self.keys):
            return np.zeros(len(self.block), dtype=np.int64)
        bought = np.diff(np.append(self.first, len(self.keys))) > 0
        return np.where(bought, self.spend[np.where(bought, self.first, 0)], 0)

    def gaps(self, day: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the median of everybody's gaps in days up to a day, and their deviation divided by their mean.

        They are what ``typical_gap(order)`` and ``gap_variation(order)`` of the rule language are on that day; NaN
        below two, or three, purchase days.
        """
        keys = self.keys if day >= self.block.last_day else self.keys[day_number_of(self.keys) <= day]
        who = who_of(keys)
        count = np.bincount(who, minlength=len(self.block)) - 1
        if len(keys) < 2:
            return np.full(len(count), np.nan), np.full(len(count), np.nan)
        inside = who[1:] == who[:-1]
        between = np.diff(keys)[inside]
        ends = np.cumsum(np.maximum(count, 0))
        begins = ends - np.maximum(count, 0)
        known = count >= 1
        low, high = (np.where(known, begins + half // 2, 0) for half in (count - 1, count))
        ranked = np.sort((who[1:][inside] << 32) | between) & 0xFFFFFFFF
        middle = (ranked[low] + ranked[high]) / 2 if len(ranked) else np.zeros(len(count))
        sums = (running_total(column) for column in (between, between * between))
        total, squares = (running[ends] - running[begins] for running in sums)
        spread = np.sqrt(np.maximum(count * squares - total * total, 0))
        return np.where(known, middle, np.nan), np.where(count >= 2, spread / np.maximum(total, 1), np.nan)


def compute_purchases(windows: WindowAggregates) -> Computed:
    bought = OrderDays(windows.block)
    days = windows.by_snapshot(bought.keys, WINDOWS)
    spend = windows.by_snapshot(bought.keys, WINDOWS, bought.spend)
    weekly = bought.weekly(WEEKS)  # a byte a week, handed to Arrow without a copy
    offsets = np.arange(len(weekly) + 1, dtype=np.int32) * WEEKS
    computed: Computed = {
        **{column_of("order_days", k): days[k] for k in range(WINDOWS)},
        **{column_of("spend", k): spend[k] for k in range(WINDOWS)},
        "_first_spend@0": bought.first_spend,
        "_weekly@0": pa.Array.from_buffers(
            pa.binary(), len(weekly), [None, pa.py_buffer(offsets), pa.py_buffer(weekly)]
        ),
    }
    for k in range(SNAPSHOTS + 1):
        day = snapshot_day(windows.last_day, k)
        summary = bought.at(day)
        median, variation = bought.gaps(day)
        computed[column_of("log_gaps", k)] = (summary.log_gaps, summary.bought)
        names = (column_of("gap_median", k), column_of("gap_variation", k)) if k else ("gap_median", "gap_variation")
        computed |= dict(zip(names, (median, variation), strict=True))
        if k:
            computed[column_of("recency", k)] = (summary.recency, summary.bought)
        else:
            computed["age"] = (summary.age, summary.bought)
    return computed | _money(windows)


def _money(windows: WindowAggregates) -> Computed:
    """Return margin and profit, exact: an order whose cost is not known counts as it was sold."""
    block = windows.block
    sold, with_cost, orders_with_cost, earned = _sales(windows)
    keys, values, invested_in, invested = _cash(block)
    share = np.where(sold > 0, with_cost / np.where(sold > 0, sold, 1), np.nan)
    refunds, costs = block.events(("refund",), "amount"), block.events(("order",), "cost")
    return {
        "margin": (earned, orders_with_cost > 0),
        "cost_known_share": share,
        "invested": windows.total(invested, invested_in),
        "profit": windows.total(values, who_of(keys)),
        "break_even_on": _break_even(windows, keys, values, invested_in),
        "_year_sales@0": windows.sum(block.events(("order",), "amount"), 365) + windows.sum(refunds, 365),
        "_year_cost@0": (windows.sum(costs, 365), windows.count(costs.keys, 365) > 0),
    }


def _sales(windows: WindowAggregates) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return sales, those whose cost is known, how many these are, and their margin."""
    selected = windows.block.rows_of((Facts("order"),))
    if selected is None:
        nothing = np.zeros(len(windows.block), dtype=np.int64)
        return nothing, nothing, nothing, nothing
    rows, places = selected
    amount, _ = rows.scaled("amount")
    cost, present = rows.scaled("cost")
    is_sale = np.zeros(len(amount), dtype=bool)
    is_sale[places] = True
    known = is_sale if present is None else is_sale & present
    columns = (amount * is_sale, amount * known, known.astype(np.int64), (amount - cost) * known)
    sold, with_cost, count, earned = (windows.total(column, rows.who) for column in columns)
    return sold, with_cost, count, earned


def _cash(block: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return all that came in or went out by customer and day, and in whom how much was invested."""
    fields = (("order", "amount", 1), ("order", "cost", -1), ("refund", "amount", 1), ("cost", "amount", -1))
    flows = [(block.events((kind,), field), sign) for kind, field, sign in fields]
    keys = np.concatenate([events.keys for events, _sign in flows])
    values = np.concatenate([sign * _values(events.values) for events, sign in flows])
    order = np.argsort(keys, kind="stable")
    invested, _ = flows[-1]
    return keys[order], values[order], who_of(invested.keys), _values(invested.values)


def _values(values: np.ndarray | None) -> np.ndarray:
    return np.empty(0, dtype=np.int64) if values is None else values


def _break_even(windows: WindowAggregates, keys: np.ndarray, values: np.ndarray, invested: np.ndarray) -> np.ndarray:
    """Return the first day at whose end what came in covers what went out; NEVER where nothing was invested."""
    days = np.full(len(windows.block), NEVER, dtype=np.int64)
    if not len(invested):
        return days
    running = np.cumsum(values)
    before = running_total(values)[np.searchsorted(keys, windows.begins[:-1])]
    who = who_of(keys)
    has_costs = np.zeros(len(days), dtype=bool)
    has_costs[invested] = True
    covered = ends_within(keys) & has_costs[who] & (running - before[who] >= 0)
    customers, first = np.unique(who[covered], return_index=True)
    days[customers] = day_number_of(keys[covered][first])
    return days


_EARLIER = tuple(range(1, SNAPSHOTS + 1))
PURCHASES = Family(
    "purchases",
    (
        Feature("age", "days_since_first(order)", pa.float64(), published=True),
        Feature("gap_median", "typical_gap(order)", pa.float64(), published=True),
        Feature("gap_variation", "gap_variation(order)", pa.float64(), published=True),
        Feature("margin", "sales whose cost is known less that cost", NUMBER, published=True),
        Feature("cost_known_share", "share of sales whose cost is known", pa.float64(), published=True),
        Feature("invested", "sum(cost.amount)", NUMBER, published=True),
        Feature("profit", "sales and refunds less costs and what was invested", NUMBER, published=True),
        Feature("break_even_on", "first day on which what came in covers what went out", DAY, published=True),
        Feature("order_days", "days(order)", pa.int16(), HORIZON, tuple(range(WINDOWS))),
        Feature("spend", "sum(order.amount), times 10,000", pa.int64(), HORIZON, tuple(range(WINDOWS))),
        Feature("first_spend", "sum(order.amount) of the first day with an order, times 10,000", pa.int64()),
        Feature("recency", "days from the first order to the last", pa.int32(), None, _EARLIER),
        Feature("log_gaps", "sum of the logarithms of the gaps between order days", pa.float64(), None, (0, *_EARLIER)),
        Feature("gap_median", "typical_gap(order)", pa.float32(), None, _EARLIER),
        Feature("gap_variation", "gap_variation(order)", pa.float32(), None, _EARLIER),
        Feature("year_sales", "sum(order.amount) and refunds, times 10,000", pa.int64(), 365),
        Feature("year_cost", "sum(order.cost), times 10,000", pa.int64(), 365),
        Feature("weekly", "days(order) of each week, the latest first", pa.binary(), 7 * WEEKS),
    ),
    {Stream("orders"): ("amount", "cost"), Stream("costs"): ("amount",)},
    compute_purchases,
)
