"""Value by age, the inverted U: what a customer brings in each month of life, and where that rises, holds and falls.

「大致也分为上升期,保持期与衰退期,客户价值 呈倒U型曲线」[S002]. A month of life is thirty days from the first order.
Every customer who is old enough counts in a month, those who have left with 0, so the curve is what one customer
won brings, not what the loyal ones spend.

Late months are lived through by the oldest customers only, who may be better than the others. The curve is
therefore chained as price indices are: each month is compared with the one before among the same customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.value.sales import Sales

#: Days in a month of life.
MONTH = 30
#: Ours: a change of 10 % a month is a slope (as in the model inverted-u), and a mean of fewer than 30 is no figure.
FLAT, FEWEST = 0.10, 30
NORMAL = 1.959964

_LIFE = f"""
    WITH aged AS (SELECT ($as_of::DATE - first_on + 1) // {MONTH} AS lived FROM buyers),
    each AS (
        SELECT customer, greatest("on" - first_on, 0) // {MONTH} AS month,
            any_value(($as_of::DATE - first_on + 1) // {MONTH}) AS lived,
            sum(amount)::DOUBLE AS sales, sum(profit)::DOUBLE AS margin, count(*) FILTER (deal) AS orders
        FROM sold WHERE customer IS NOT NULL GROUP BY customer, month),
    paid AS (
        SELECT greatest("on" - first_on, 0) // {MONTH} AS month, sum(amount)::DOUBLE AS invested
        FROM spent WHERE greatest("on" - first_on, 0) // {MONTH} < ($as_of::DATE - first_on + 1) // {MONTH}
        GROUP BY ALL),
    months AS (SELECT unnest(range(coalesce(max(lived), 0)))::BIGINT AS month FROM aged),
    old_enough AS (SELECT month, count(*) AS customers FROM months JOIN aged ON lived > month GROUP BY ALL),
    sums AS (
        SELECT month, sum(sales) AS sales, sum(sales * sales) AS squares, sum(margin) AS margin,
            sum(sales) FILTER (lived > month + 1) AS carried, count(*) FILTER (orders > 0) AS active
        FROM each WHERE month < lived GROUP BY ALL)
    SELECT month, customers, coalesce(active, 0) AS active, coalesce(sales, 0) AS sales,
        coalesce(squares, 0) AS squares, coalesce(carried, 0) AS carried,
        coalesce(margin, 0) AS margin, coalesce(invested, 0) AS invested
    FROM old_enough LEFT JOIN sums USING (month) LEFT JOIN paid USING (month) ORDER BY month
"""


def curve(sales: Sales) -> dict[str, Any]:
    """Return what one customer brings in each month of life, each month with its phase, and the phases in a row.

    The first thirty days hold the first order of all customers by construction, so phases begin with the second month.
    """
    months: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for row in sales.rows(_LIFE, as_of=sales.as_of):
        if row["customers"] < FEWEST:
            break
        months.append(_month(row, before, months[-1] if months else None))
        before = row
    phase_of = phases([month["value"] for month in months[1:]])
    for month, phase in zip(months, ("first", *phase_of), strict=False):
        month["phase"] = phase
    return {"months": months, "phases": runs(phase_of, 1)}


def _month(row: dict[str, Any], before: dict[str, Any], last: dict[str, Any] | None) -> dict[str, Any]:
    """Return a month of life: means over its customers, and its value chained to the month before."""
    size = row["customers"]
    mean = row["sales"] / size
    variance = max(row["squares"] / size - mean * mean, 0.0)
    half = NORMAL * float(np.sqrt(variance / size))
    value = mean
    # Compared with the month before among the customers who were old enough for both.
    if last is not None and before["carried"] > 0 and row["sales"] > 0 and last["value"] > 0:
        value = last["value"] * row["sales"] / before["carried"]
    scale = value / mean if mean else 1.0
    profit = (row["margin"] - row["invested"]) / size
    return {
        "month": row["month"],
        "customers": size,
        "active": row["active"],
        "value": value,
        "low": (mean - half) * scale,
        "high": (mean + half) * scale,
        "mean": mean,
        "margin": row["margin"] / size,
        "invested": row["invested"] / size,
        "profit": profit,
        "profit_so_far": profit + (last["profit_so_far"] if last else 0.0),
    }


def phases(values: Sequence[float], flat: float = FLAT) -> list[str]:
    """Return for each month whether value is ``rising``, ``holding`` or ``falling``.

    The slope of a month is that of the line through it and its neighbours, over their mean. A phase of a single month
    between two others is taken for noise and joins the one before it.
    """
    size = len(values)
    if size < 3:
        return ["holding"] * size
    result = [_phase(values[min(max(at - 1, 0), size - 3) :][:3], flat) for at in range(size)]
    for at in range(1, size - 1):
        if result[at - 1] != result[at] != result[at + 1]:
            result[at] = result[at - 1]
    return result


def _phase(three: Sequence[float], flat: float) -> str:
    slope = (three[2] - three[0]) / 2
    if abs(slope) <= flat * abs(sum(three) / 3):
        return "holding"
    return "rising" if slope > 0 else "falling"


def runs(phase_of: Sequence[str], first: int = 0) -> list[dict[str, Any]]:
    """Return neighbouring months of one phase as one: phase, since and until (months of life, inclusive)."""
    result: list[dict[str, Any]] = []
    for month, phase in enumerate(phase_of, first):
        if result and result[-1]["phase"] == phase:
            result[-1]["until"] = month
        else:
            result.append({"phase": phase, "since": month, "until": month})
    return result
