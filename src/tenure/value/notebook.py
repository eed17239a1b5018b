"""A notebook's door: orders in, everybody's groups out, in one line and without a lake.

The same features and bounds as in the scorecard, made of the tables that are given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.clock import day_number, zone
from tenure.facts.blocks import block_of
from tenure.facts.streams import Stream
from tenure.features.catalogue import FeatureSet
from tenure.features.columns import with_columns
from tenure.lifecycle.table import day_from, facts_from
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.scorecard.model import Context
from tenure.value.ranking import Ranking

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
    context = EvaluationContext(block_of(facts, tz=tz, last_day=day_number(day)))
    features = FeatureSet.of(Ranking.families).compute(context)
    result = Ranking().run(features, Context(day, tz))
    table = with_columns(features, result.columns)
    return table.select([name for name in table.column_names if not name.startswith("_")])
