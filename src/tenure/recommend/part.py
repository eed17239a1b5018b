"""The recommendations as one part of the scorecard.

Answers: what will each customer probably want next, and why?
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.facts.schema import DAY, TEXT
from tenure.recommend.pairs import PAIRS
from tenure.stats.record import Fit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.lifecycle.context import Context

#: Columns of the scorecard.
SCHEMA = pa.schema({"next_product": TEXT, "next_product_reason": TEXT})
#: The table of recommendations: ten rows a customer, then what is new to them.
RECOMMENDATIONS = pa.schema(
    {
        "customer_id": TEXT,
        "rank": pa.int64(),
        "product_id": TEXT,
        "category": TEXT,
        "kind": TEXT,  # buy-again, cross-sell, up-sell or popular
        "score": pa.float64(),
        "due_on": DAY,
        "due_low": DAY,
        "due_high": DAY,
        "reason": TEXT,  # JSON
    }
)


class Recommend:
    """What goes with what, and what a customer will probably want next."""

    name = "recommend"
    schema = SCHEMA

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers."""
        return [Fit("recommend", verdict="too-little-data")]

    def score(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> pa.Table:
        """Return the columns of `schema` for these customers, in their order."""
        return pa.table([pa.nulls(len(table), one.type) for one in SCHEMA], schema=SCHEMA)

    def report(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
        """Return what the page of products shows."""
        return {}

    def tables(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, pa.Table]:
        """Return the tables ``pairs`` and ``recommendations``."""
        return {"pairs": PAIRS.empty_table(), "recommendations": RECOMMENDATIONS.empty_table()}


PART = Recommend()
