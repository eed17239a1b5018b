"""Purchases: how much a customer has bought, at which rhythm, and what of it is profit.

What a model of repeat buying reads on a snapshot (frequency, recency, age, mean spend) follows from these columns and
is put together by :class:`tenure.features.snapshot.Snapshot`; sums stay whole numbers of 1/10,000 until then.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import Block, day_number_of, who_of
from tenure.facts.schema import DAY, NUMBER
from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature, column_of
from tenure.features.order_days import OrderDays
from tenure.features.windows import HORIZON, NEVER, SNAPSHOTS, WindowAggregates, running_total, snapshot_day
from tenure.rules.evaluation.steps import ends_within

#: Orders and money go back a year before the oldest snapshot.
WINDOWS = SNAPSHOTS + 4
#: How many weeks back purchases are counted by week, for the tracking of predictions.
WEEKS = 78


def compute_purchases(windows: WindowAggregates) -> Computed:
    """Compute the rhythm and the spend of purchases, and the money made with them."""
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
        "break_even_on": _break_even(windows, keys, values, np.unique(invested_in)),
        "_year_sales@0": windows.sum(block.events(("order",), "amount"), 365) + windows.sum(refunds, 365),
        "_year_cost@0": (windows.sum(costs, 365), windows.count(costs.keys, 365) > 0),
    }


def _sales(windows: WindowAggregates) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return sales, those whose cost is known, how many these are, and their margin."""
    rows, mask = windows.block.of_kind("order")
    if rows is None or not len(rows.who):
        nothing = np.zeros(len(windows.block), dtype=np.int64)
        return nothing, nothing, nothing, nothing
    amount, _ = rows.scaled("amount")
    cost, present = rows.scaled("cost")
    is_sale = np.ones(len(amount), dtype=bool) if mask is None else mask
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
    covered = ends_within(keys) & np.isin(who, invested) & (running - before[who] >= 0)
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
