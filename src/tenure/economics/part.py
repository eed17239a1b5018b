"""The part of the scorecard that says develop, maintain or withdraw.

Answers: what does the newest reading of stage economics advise for each customer, and what is that worth?
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from tenure.lifecycle.context import Context
from tenure.stats.record import Fit, Gate

SCHEMA = pa.schema(
    {
        "decision": pa.string(),
        "decision_plan": pa.string(),
        "decision_profit": pa.float64(),
        "decision_low": pa.float64(),
        "decision_high": pa.float64(),
    }
)


class Decisions:
    """See :class:`tenure.lifecycle.context.Part`."""

    name = "decisions"
    schema = SCHEMA

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers."""
        return [Fit("decisions", verdict="too-little-data", gates=(Gate("buyers", context.options.buyers, 0),))]

    def score(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> pa.Table:
        """Return the columns of the schema for these customers, in their order."""
        return pa.table({one.name: pa.nulls(len(table), one.type) for one in SCHEMA}, schema=SCHEMA)

    def report(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
        """Return what pages show, by name."""
        return {}

    def tables(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, pa.Table]:
        """Return no tables: decisions are columns of the scorecard."""
        return {}


PART = Decisions()
