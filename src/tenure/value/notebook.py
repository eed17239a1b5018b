"""A notebook's door: orders in, everybody's groups out, in one line and without a lake.

The same figures and bounds as in the scorecard, made of the tables that are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.clock import day_number, zone
from tenure.facts.blocks import block_of
from tenure.facts.streams import Stream
from tenure.lifecycle.context import Context
from tenure.lifecycle.roster import roster_of
from tenure.lifecycle.table import day_from, facts_from
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.value.ranking import PART
from tenure.value.ranking_features import FIGURES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa


def rank(
    orders: object,
    costs: object = None,
    *,
    as_of: str | date | None = None,
    tz: str = "UTC",
    columns: Mapping[str, str] | None = None,
) -> pa.Table:
    """Return every customer with the columns of ranking."""
    zone(tz)
    facts = {Stream("orders"): facts_from("orders", orders, tz, columns)}
    if costs is not None:
        facts[Stream("costs")] = facts_from("costs", costs, tz)
    day = day_from(as_of, facts[Stream("orders")], tz)
    customers = EvaluationContext(block_of(facts, tz=tz, last_day=day_number(day)))
    table, figures = roster_of(customers), FIGURES.of(customers)
    for field in figures.schema:
        table = table.append_column(field, figures.column(field.name))
    context = Context(day, tz)
    fits = {fit.part: fit for fit in PART.fit(table, context)}
    found = PART.score(table, fits, context)
    for field in found.schema:
        table = table.append_column(field, found.column(field.name))
    return table
