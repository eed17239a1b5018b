"""The profile: who a customer is, and the plain numbers that every list shows.

They are measures of the rule language on the last day, so a list can never disagree with a rule.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import day_number_of, who_of
from tenure.facts.schema import DAY, NUMBER, TEXT
from tenure.facts.selection import facts_of
from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature
from tenure.features.windows import NEVER, WindowAggregates
from tenure.rules.evaluation.steps import Moments, distinct, merge, starts
from tenure.rules.syntax.tree import Measure

_RECORD = ("name", "phone", "email")
_LATE = np.iinfo(np.int32).max
_EVER = 1 << 20  # days: more than the calendar has


def compute_profile(windows: WindowAggregates) -> Computed:
    block = windows.block
    orders = block.events(("order",))
    records = block.customers
    complaints, _ = windows.context.steps(Measure("open", facts_of(("complaint",)))).at(
        Moments(windows.edge(block.last_day))
    )
    return {
        "customer_id": block.ids,
        **{
            name: pa.nulls(len(block), TEXT) if records is None else records.column(name).cast(TEXT).combine_chunks()
            for name in _RECORD
        },
        "first_seen_on": _first_seen(windows),
        "first_order_on": windows.first_day_of(orders.keys),
        "last_order_on": windows.last_day_of(orders.keys),
        "orders": windows.counts(orders.keys),
        "order_days": windows.counts(distinct(orders.keys)),
        "amount": _sum(windows, "order"),
        "refunds": _sum(windows, "refund"),
        "categories": windows.different(block.events(("line",), label="category"), 1, _EVER)[0],
        "interactions": windows.counts(block.events(("interaction",)).keys),
        "open_complaints": complaints.astype(np.int64),
    }


def _sum(windows: WindowAggregates, kind: str) -> np.ndarray:
    events = windows.block.events((kind,), "amount")
    assert events.values is not None
    return windows.total(events.values, who_of(events.keys))


def _first_seen(windows: WindowAggregates) -> np.ndarray:
    """Return the first day on which anything is known of each customer."""
    block = windows.block
    firsts = [rows.keys[starts(rows.keys)] for rows in block.rows.values() if len(rows.who)]
    days = np.full(len(block), _LATE, dtype=np.int64)
    if firsts:
        keys = merge(*firsts)
        keys = keys[starts(keys)]
        days[who_of(keys)] = day_number_of(keys)
    if block.customers is not None:
        created = block.customers.column("created_on").cast(pa.int32()).fill_null(_LATE)
        days = np.minimum(days, created.combine_chunks().to_numpy(zero_copy_only=False))
    return np.where(days <= block.last_day, days, NEVER)


PROFILE = Family(
    "profile",
    (
        Feature("customer_id", "whose row it is", TEXT, published=True),
        *(Feature(name, f"attribute({name})", TEXT, published=True) for name in _RECORD),
        Feature("first_seen_on", "day of the first fact or record", DAY, published=True),
        Feature("first_order_on", "day of the first order", DAY, published=True),
        Feature("last_order_on", "day of the last order", DAY, published=True),
        Feature("orders", "count(order)", pa.int64(), published=True),
        Feature("order_days", "days(order)", pa.int64(), published=True),
        Feature("amount", "sum(order.amount)", NUMBER, published=True),
        Feature("refunds", "sum(refund.amount)", NUMBER, published=True),
        Feature("categories", "categories(line)", pa.int64(), published=True),
        Feature("interactions", "count(interaction)", pa.int64(), published=True),
        Feature("open_complaints", "open(complaint)", pa.int64(), published=True),
    ),
    {
        Stream("customers"): (),
        Stream("orders"): ("amount",),
        Stream("order_lines"): (),
        Stream("interactions"): (),
        Stream("cases"): (),
    },
    compute_profile,
)
