"""Cohorts: those who first bought in the same month, followed through the months after.

Month 0 is the calendar month of the first order. Every order row up to the day belongs to exactly one cell, so the
cells add up to the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from tenure.value.sales import Sales

_CELLS = """
    WITH by_month AS (
        SELECT customer, any_value(first_on) AS first_on, any_value("on") AS "on",
            count(*) FILTER (deal) AS orders, sum(amount) AS sales, sum(profit) AS margin
        FROM sold WHERE customer IS NOT NULL GROUP BY customer, 12 * year("on") + month("on")),
    each AS (
        SELECT date_trunc('month', first_on)::DATE AS first_month,
            greatest(date_diff('month', first_on, "on"), 0)::BIGINT AS month, orders, sales, margin
        FROM by_month),
    size AS (SELECT date_trunc('month', first_on)::DATE AS first_month, count(*) AS customers FROM buyers GROUP BY ALL)
    SELECT strftime(first_month, '%Y-%m') AS first_month, month, any_value(size.customers) AS customers,
        count(*) FILTER (orders > 0) AS active, sum(orders)::BIGINT AS orders, sum(sales) AS sales,
        sum(margin) AS margin
    FROM each JOIN size USING (first_month) GROUP BY ALL ORDER BY first_month, month
"""


def cohorts(sales: Sales) -> pa.Table:
    """Return the cells of the cohort table in which anything happened."""
    return sales.table(_CELLS)


def months_between(first: str, last: date) -> int:
    """Return how many months after the month ``2017-03`` a day lies."""
    year, month = (int(digits) for digits in first.split("-"))
    return (last.year - year) * 12 + last.month - month


def grid(cells: pa.Table, as_of: date) -> list[dict[str, Any]]:
    """Return cohorts as rows of a heat map, months without anything as 0."""
    rows: dict[str, dict[str, Any]] = {}
    for cell in cells.to_pylist():
        first, month = cell["first_month"], cell["month"]
        if first not in rows:
            size = months_between(first, as_of) + 1
            empty = {name: [0.0] * size for name in ("retention", "sales", "margin")}
            rows[first] = {"first_month": first, "customers": cell["customers"], "active": [0] * size, **empty}
        row = rows[first]
        row["active"][month], row["retention"][month] = cell["active"], cell["active"] / cell["customers"]
        row["sales"][month], row["margin"][month] = float(cell["sales"]), float(cell["margin"])
    return list(rows.values())


def by_age(rows: list[dict[str, Any]], *, whole_last: bool) -> list[dict[str, Any]]:
    """Return the weighted mean retention of all cohorts by month of life."""
    totals: dict[int, list[float]] = {}
    for row in rows:
        # A month that is not over would look like a fall.
        for month in range(len(row["active"]) - (0 if whole_last else 1)):
            total = totals.setdefault(month, [0, 0, 0.0])
            total[0] += row["customers"]
            total[1] += row["active"][month]
            total[2] += row["sales"][month]
    return [
        {"month": month, "customers": size, "active": active, "retention": active / size, "sales_each": sales / size}
        for month, (size, active, sales) in sorted(totals.items())
    ]
