"""Figures of value that a block of customers gives by itself: what they brought, and how they buy.

They are the same on DuckDB, Spark and for one customer, because the same lines read the same block. Each is also made
at origins, days before the last one, so that predictions can be held against what happened afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.facts.schema import NUMBER
from tenure.facts.streams import Stream
from tenure.lifecycle.figures import HORIZON, ORIGINS, origin
from tenure.value.columns import money, numbers
from tenure.value.purchases import Purchases

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.facts.blocks import Block
    from tenure.rules.evaluation.compute import EvaluationContext

#: How many weeks back purchases are counted by week, for the tracking of predictions.
WEEKS = 78

_PUBLISHED = {
    "frequency": pa.float64(),
    "recency": pa.float64(),
    "age": pa.float64(),
    "repeat_spend": pa.float64(),
    "revenue": NUMBER,
    "margin": NUMBER,
    "cost_known_share": pa.float64(),
    "invested": NUMBER,
    "gap_median": pa.float64(),
    "gap_variation": pa.float64(),
}
#: At each origin: the summary, and the purchase days and spend of the 90 days before it and after it.
AT_ORIGIN = (
    "_frequency",
    "_recency",
    "_age",
    "_repeat_spend",
    "_log_gaps",
    "_orders_before",
    "_orders_after",
    "_spend_after",
)


class LifetimeFigures:
    """The figures of value, see :class:`tenure.lifecycle.figures.Figures`."""

    @property
    def schema(self) -> pa.Schema:
        """The columns: published ones first, then those that only models read."""
        at = {f"{name}@{k}": pa.float64() for k in range(1, ORIGINS + 1) for name in AT_ORIGIN}
        return pa.schema({**_PUBLISHED, **at, "_log_gaps": pa.float64(), "_weekly": pa.binary()})

    @property
    def streams(self) -> Mapping[Stream, Sequence[str]]:
        """Orders with amount and cost, and what was invested."""
        return {Stream("orders"): ("amount", "cost"), Stream("costs"): ("amount",)}

    def of(self, context: EvaluationContext) -> pa.Table:
        """Return the figures of a block of customers, in the order of their ids."""
        block = context.block
        bought = Purchases(block)
        columns = {**_money_of(block), **_rhythm_of(bought)}
        for k in range(1, ORIGINS + 1):
            columns |= {f"{name}@{k}": column for name, column in _seen_from(bought, k).items()}
        columns["_weekly"] = _bytes_of(bought.weekly(WEEKS))
        return pa.table([columns[name] for name in self.schema.names], schema=self.schema)


def _rhythm_of(bought: Purchases) -> dict[str, pa.Array]:
    now = bought.at(bought.block.last_day)
    median, variation = bought.gaps()
    return {
        "frequency": numbers(now.frequency, now.bought),
        "recency": numbers(now.recency, now.bought),
        "age": numbers(now.age, now.bought),
        "repeat_spend": numbers(now.repeat_spend, ~np.isnan(now.repeat_spend)),
        "gap_median": numbers(median, ~np.isnan(median)),
        "gap_variation": numbers(variation, ~np.isnan(variation)),
        "_log_gaps": numbers(now.log_gaps, now.bought),
    }


def _seen_from(bought: Purchases, number: int) -> dict[str, pa.Array]:
    day = origin(bought.block.last_day, number)
    then = bought.at(day)
    before, _ = bought.between(day - HORIZON, day)
    after, spent = bought.between(day, day + HORIZON)
    return {
        "_frequency": numbers(then.frequency, then.bought),
        "_recency": numbers(then.recency, then.bought),
        "_age": numbers(then.age, then.bought),
        "_repeat_spend": numbers(then.repeat_spend, ~np.isnan(then.repeat_spend)),
        "_log_gaps": numbers(then.log_gaps, then.bought),
        "_orders_before": numbers(before),
        "_orders_after": numbers(after),
        "_spend_after": numbers(spent / 10_000),
    }


def _money_of(block: Block) -> dict[str, pa.Array]:
    size = len(block)
    sold, with_cost, earned = _sales(block)
    refunds = _summed(block, "refund", size)
    known = with_cost[1] > 0
    share = np.where(sold > 0, with_cost[0] / np.where(sold > 0, sold, 1), 0.0)
    return {
        "revenue": money(sold + refunds),
        "margin": money(earned, known),
        "cost_known_share": numbers(share, sold > 0),
        "invested": money(_summed(block, "cost", size)),
    }


def _sales(block: Block) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Return by customer, times 10,000: sales, (those with a known cost, how many), and their margin."""
    size = len(block)
    rows, mask = block.of_kind("order")
    if rows is None or not len(rows.who):
        nothing = np.zeros(size, dtype=np.int64)
        return nothing, (nothing, nothing), nothing
    amount, _ = rows.scaled("amount")
    cost, present = rows.scaled("cost")
    sale = np.ones(len(amount), dtype=bool) if mask is None else mask
    known = sale if present is None else sale & present
    bounds = np.searchsorted(rows.who, np.arange(size + 1))
    sold, with_cost, count, earned = (
        _between(column, bounds)
        for column in (amount * sale, amount * known, known.astype(np.int64), (amount - cost) * known)
    )
    return sold, (with_cost, count), earned


def _between(column: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    total = np.zeros(len(column) + 1, dtype=np.int64)
    np.cumsum(column, out=total[1:])
    return total[bounds[1:]] - total[bounds[:-1]]


def _summed(block: Block, kind: str, size: int) -> np.ndarray:
    events = block.events((kind,), "amount")
    assert events.values is not None
    who = events.keys >> 22
    return _between(events.values, np.searchsorted(who, np.arange(size + 1)))


def _bytes_of(counts: np.ndarray) -> pa.Array:
    size, width = counts.shape
    offsets = np.arange(size + 1, dtype=np.int32) * width
    data = pa.py_buffer(np.ascontiguousarray(counts))
    return pa.Array.from_buffers(pa.binary(), size, [None, pa.py_buffer(offsets), data])


FIGURES = LifetimeFigures()
