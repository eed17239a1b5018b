"""The figures of ranking: how many deals, since which month, how much profit, and since when the customer pays.

Exact whole numbers of 1/10,000 all the way, so that the sum over customers is the sum over order rows.

Profit here is what was sold, less refunds, less the cost of the goods where it is known, less what was invested in the
customer. An order whose cost is not known counts as it was sold; ``cost_known_share`` says how much that is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import SHIFT, Block, day_number_of, who_of
from tenure.facts.schema import DAY, NUMBER, TEXT
from tenure.facts.streams import Stream
from tenure.rules.evaluation.steps import ends_within

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.rules.evaluation.compute import EvaluationContext

_SCHEMA = pa.schema(
    {
        "deals": pa.int64(),
        "first_month": TEXT,
        "profit": NUMBER,
        "break_even_on": DAY,
    }
)
_STREAMS: dict[Stream, tuple[str, ...]] = {Stream("orders"): ("amount", "cost"), Stream("costs"): ("amount",)}


class RankingFigures:
    """The columns that one block of customers gives by itself; see :class:`tenure.lifecycle.figures.Figures`."""

    @property
    def schema(self) -> pa.Schema:
        """deals, first_month (``2017-03``), profit (money), break_even_on (day)."""
        return _SCHEMA

    @property
    def streams(self) -> Mapping[Stream, Sequence[str]]:
        """Orders with amount and cost, and what was spent on customers."""
        return _STREAMS

    def of(self, context: EvaluationContext) -> pa.Table:
        """Return the columns for the customers of a block, in the order of their ids."""
        block = context.block
        size = len(block)
        orders = block.events(("order",)).keys
        firsts = np.searchsorted(orders, _begins(size))
        lasts = np.searchsorted(orders, _begins(size + 1))[1:]
        there = lasts > firsts
        first_days = day_number_of(orders[np.minimum(firsts, max(len(orders) - 1, 0))]) if len(orders) else firsts
        keys, values, invested = _cash(block)
        columns = {
            "deals": pa.array((lasts - firsts).astype(np.int64)),
            "first_month": _months(first_days, there),
            "profit": money(_totals(keys, values, size)),
            "break_even_on": _break_even(keys, values, invested, size),
        }
        return pa.table([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)


def money(values: np.ndarray) -> pa.Array:
    """Return whole numbers of 1/10,000 as exact decimals."""
    pairs = np.empty((len(values), 2), dtype=np.int64)
    pairs[:, 0] = values
    pairs[:, 1] = values >> 63  # the sign fills the high half
    return pa.Array.from_buffers(NUMBER, len(values), [None, pa.py_buffer(pairs)])


def _begins(size: int) -> np.ndarray:
    """Return a key before everything of each customer."""
    return np.arange(size, dtype=np.int64) << SHIFT


def _cash(block: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return everything that came in or went out, by customer and day, and which customers were invested in."""
    sold = block.events(("order",), "amount")
    cost = block.events(("order",), "cost")
    back = block.events(("refund",), "amount")
    spent = block.events(("cost",), "amount")
    keys = np.concatenate([sold.keys, cost.keys, back.keys, spent.keys])
    values = np.concatenate([_of(sold.values), -_of(cost.values), _of(back.values), -_of(spent.values)])
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order], np.unique(who_of(spent.keys))


def _of(values: np.ndarray | None) -> np.ndarray:
    return np.empty(0, dtype=np.int64) if values is None else values


def _totals(keys: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    running = np.concatenate(([0], np.cumsum(values)))
    bounds = np.searchsorted(keys, _begins(size + 1))
    return running[bounds[1:]] - running[bounds[:-1]]


def _break_even(keys: np.ndarray, values: np.ndarray, invested: np.ndarray, size: int) -> pa.Array:
    """Return the first day at whose end what came in covers what went out; null where nothing was invested."""
    running = np.cumsum(values)
    begins = np.searchsorted(keys, _begins(size))
    before = np.concatenate(([0], running))[begins]
    who = who_of(keys)
    covered = ends_within(keys) & np.isin(who, invested) & (running - before[who] >= 0)
    found, first = np.unique(who[covered], return_index=True)
    days = np.zeros(size, dtype=np.int32)
    days[found] = day_number_of(keys[covered][first])
    known = np.zeros(size, dtype=bool)
    known[found] = True
    return pa.array(days, mask=~known).cast(DAY)


def _months(days: np.ndarray, there: np.ndarray) -> pa.Array:
    """Return the month of each day as text."""
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(str)
    return pa.array(months.tolist(), TEXT, mask=~there) if len(days) else pa.array([], TEXT)


FIGURES = RankingFigures()
