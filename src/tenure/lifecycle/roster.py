"""The roster: one row per customer with the plain figures that every list shows.

The figures are measures of the rule language, read on the day as of which everything is seen, so a list can never
disagree with a rule. Later rooms add value, risk and satisfaction to the same scorecard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import SCALE, day_number_of, keys_of, who_of
from tenure.facts.schema import DAY, NUMBER, TEXT
from tenure.facts.streams import Stream
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.steps import Moments, merge, starts
from tenure.rules.syntax.tree import Measure

if TYPE_CHECKING:
    from collections.abc import Callable

ROSTER = pa.schema(
    {
        "customer_id": TEXT,
        "name": TEXT,
        "phone": TEXT,
        "email": TEXT,
        "first_seen_on": DAY,
        "first_order_on": DAY,
        "last_order_on": DAY,
        "orders": pa.int64(),
        "order_days": pa.int64(),
        "amount": NUMBER,
        "refunds": NUMBER,
        "categories": pa.int64(),
        "interactions": pa.int64(),
        "open_complaints": pa.int64(),
    }
)

_COUNTS = {
    "orders": Measure("count", ("order",)),
    "order_days": Measure("days", ("order",)),
    "categories": Measure("categories", ("line",)),
    "interactions": Measure("count", ("interaction",)),
    "open_complaints": Measure("open", ("complaint",)),
}
_SUMS = {"amount": Measure("sum", ("order",), "amount"), "refunds": Measure("sum", ("refund",), "amount")}

#: What a roster reads, with the number fields.
STREAMS: dict[Stream, tuple[str, ...]] = {
    Stream("customers"): (),
    Stream("orders"): ("amount",),
    Stream("order_lines"): (),
    Stream("interactions"): (),
    Stream("cases"): (),
}


def roster_of(context: EvaluationContext) -> pa.Table:
    """Return the roster of a block of customers, in the order of their ids (columns of :data:`ROSTER`)."""
    block = context.block
    size = len(block)
    today = Moments(keys_of(np.arange(size), np.full(size, block.last_day)))

    def read(measure: Measure) -> tuple[np.ndarray, np.ndarray]:
        values, known = context.steps(measure).at(today)
        return values, np.ones(size, dtype=bool) if known is None else known

    def record(name: str, kind: pa.DataType) -> pa.Array:
        if block.customers is None:
            return pa.nulls(size, kind)
        return block.customers.column(name).cast(kind).combine_chunks()

    def days(make: Callable[[], tuple[np.ndarray, np.ndarray]]) -> pa.Array:
        values, known = make()
        return pa.array(values.astype(np.int32), mask=~known).cast(DAY)

    columns = {
        "customer_id": block.ids,
        **{name: record(name, TEXT) for name in ("name", "phone", "email")},
        "first_seen_on": days(lambda: _first_seen(context, size)),
        "first_order_on": days(lambda: read(Measure("days_since_first", ("order",)))),
        "last_order_on": days(lambda: read(Measure("days_since", ("order",)))),
        **{name: pa.array(read(measure)[0].astype(np.int64)) for name, measure in _COUNTS.items()},
        **{name: _money(read(measure)[0]) for name, measure in _SUMS.items()},
    }
    return pa.table([columns[name] for name in ROSTER.names], schema=ROSTER)


def _money(values: np.ndarray) -> pa.Array:
    whole = np.rint(values * SCALE).astype(np.int64)
    pairs = np.empty((len(whole), 2), dtype=np.int64)
    pairs[:, 0] = whole
    pairs[:, 1] = whole >> 63  # the sign fills the high half
    return pa.Array.from_buffers(NUMBER, len(whole), [None, pa.py_buffer(pairs)])


def _first_seen(context: EvaluationContext, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first day on which anything is known of each customer."""
    block = context.block
    firsts = [rows.keys[starts(rows.keys)] for rows in block.rows.values() if len(rows.who)]
    days = np.full(size, np.iinfo(np.int32).max, dtype=np.int64)
    if firsts:
        keys = merge(*firsts)
        keys = keys[starts(keys)]
        days[who_of(keys)] = day_number_of(keys)
    if block.customers is not None:
        created = block.customers.column("created_on").cast(pa.int32()).fill_null(np.iinfo(np.int32).max)
        days = np.minimum(days, created.combine_chunks().to_numpy(zero_copy_only=False))
    return days, days <= block.last_day
