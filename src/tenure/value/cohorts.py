"""Cohorts: those who first bought in the same month, followed through the months after.

Month 0 is the calendar month of the first order. Every order row up to the day belongs to exactly one cell, so the
cells add up to the rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from tenure.value.ledger import Ledger

_CELLS = """
    WITH each AS (
        SELECT date_trunc('month', f.first_on)::DATE AS first_month,
            greatest(date_diff('month', f.first_on, s."on"), 0)::BIGINT AS month, s.customer_id,
            count(*) FILTER (s.deal) AS orders, sum(s.amount) AS sales, sum(s.profit) AS margin
        FROM sold s JOIN firsts f USING (customer_id) GROUP BY ALL),
    size AS (SELECT date_trunc('month', first_on)::DATE AS first_month, count(*) AS customers FROM firsts GROUP BY ALL)
    SELECT strftime(first_month, '%Y-%m') AS first_month, month, any_value(size.customers) AS customers,
        count(*) FILTER (orders > 0) AS active, sum(orders)::BIGINT AS orders, sum(sales) AS sales,
        sum(margin) AS margin
    FROM each JOIN size USING (first_month) GROUP BY ALL ORDER BY first_month, month
"""


def cohorts(ledger: Ledger) -> pa.Table:
    """Return the cells of the cohort table in which anything happened."""
    return ledger.table(_CELLS)


def months_between(first: str, last: date) -> int:
    """Return how many months after the month ``2017-03`` a day lies."""
    year, month = (int(part) for part in first.split("-"))
    return (last.year - year) * 12 + last.month - month


def grid(cells: pa.Table, as_of: date) -> list[dict[str, Any]]:
    """Return cohorts as rows of a heat map, months without anything as 0."""
    found: dict[str, dict[str, Any]] = {}
    for cell in cells.to_pylist():
        row = found.get(cell["first_month"])
        if row is None:
            size = months_between(cell["first_month"], as_of) + 1
            row = found[cell["first_month"]] = {
                "first_month": cell["first_month"], "customers": cell["customers"], "active": [0] * size,
                "retention": [0.0] * size, "sales": [0.0] * size, "margin": [0.0] * size,
            }  # fmt: skip
        at = cell["month"]
        row["active"][at], row["retention"][at] = cell["active"], cell["active"] / cell["customers"]
        row["sales"][at], row["margin"][at] = float(cell["sales"]), float(cell["margin"])
    return list(found.values())


def by_age(rows: list[dict[str, Any]], *, whole_last: bool) -> list[dict[str, Any]]:
    """Return the weighted mean retention of all cohorts by month of life."""
    totals: dict[int, list[float]] = {}
    for row in rows:
        seen = len(row["active"]) - (0 if whole_last else 1)
        for month in range(seen):
            total = totals.setdefault(month, [0, 0, 0.0])
            total[0] += row["customers"]
            total[1] += row["active"][month]
            total[2] += row["sales"][month]
    return [
        {"month": month, "customers": size, "active": active, "retention": active / size, "sales_each": sales / size}
        for month, (size, active, sales) in sorted(totals.items())
    ]
