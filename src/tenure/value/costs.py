"""Costs and break-even: what was put into customers, what came back, and since when they pay.

Income less the cost of goods (where it is known) less what was invested; the last also for people who never bought.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.facts.schema import SCALE
from tenure.features import columns

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.value.sales import Sales

_TOTALS = """
    SELECT coalesce(sum(amount), 0) AS sales, coalesce(sum(profit), 0) AS margin,
        coalesce(sum(amount) FILTER (deal AND cost IS NOT NULL), 0) AS sales_with_cost,
        coalesce(sum(amount) FILTER (deal), 0) AS gross_sales
    FROM sold
"""
_KINDS = """
    SELECT kind, count(*) AS facts, count(DISTINCT customer_id) AS customers, sum(amount) AS amount
    FROM spent GROUP BY ALL ORDER BY amount DESC, kind
"""


def summary(sales: Sales) -> dict[str, Any]:
    """Return what the order rows and the cost rows add up to."""
    row = sales.row(_TOTALS)
    kinds = sales.rows(_KINDS)
    invested = sum((kind["amount"] for kind in kinds), start=row["sales"] * 0)
    gross = row["gross_sales"]
    return {
        "sales": float(row["sales"]),
        "margin": float(row["margin"]),
        "invested": float(invested),
        "profit": float(row["margin"] - invested),
        "cost_known_share": float(row["sales_with_cost"] / gross) if gross else None,
        "kinds": [{**kind, "amount": float(kind["amount"])} for kind in kinds],
    }


def break_even(table: pa.Table) -> dict[str, Any]:
    """Return how many of the customers with costs have paid them back."""
    spent = columns.amounts(table, "invested") if "invested" in table.column_names else np.zeros(len(table), np.int64)
    has_costs = spent != 0
    profit = columns.amounts(table, "profit")
    reached = columns.numbers(table, "break_even_on")
    known = has_costs & ~np.isnan(reached)
    took = (reached - columns.numbers(table, "first_seen_on"))[known]
    took = took[~np.isnan(took)]
    return {
        "invested_in": int(has_costs.sum()),
        "paid_back": int(known.sum()),
        "in_profit": int((has_costs & (profit >= 0)).sum()),
        "loss": float(-profit[has_costs & (profit < 0)].sum() / SCALE),
        "days": [float(day) for day in np.quantile(took, (0.25, 0.5, 0.75))] if len(took) else None,
    }
