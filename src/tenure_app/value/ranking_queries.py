"""What the last refresh reports of value, lists of customers, and any period counted from the order rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenure_app.core import conf
from tenure_app.customers.profile import has
from tenure_app.customers.queries import has_value_and_risk

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    import duckdb

    from tenure.value.existing_customers import ExistingShare

#: What the best are the best by.
BY = ("sales", "profit")
_WORTH = {"sales": "(amount + refunds)", "profit": "profit"}


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer of the top list."""

    customer_id: str
    name: str | None
    orders: int
    sales: Decimal
    profit: Decimal
    first_order_on: date
    last_order_on: date
    old_customer: bool
    tier: str | None
    rfm_group: str | None


def reports(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return what the last refresh says of value by name, without ``value.``; empty when there was none."""
    if not (has(con, "reports") and has_value_and_risk(con)):
        return {}
    rows = con.execute("select name, body from reports where name like 'value.%' or name = 'predictions'").fetchall()
    return {name.removeprefix("value."): json.loads(body) for name, body in rows}


def refreshed_on(con: duckdb.DuckDBPyConnection) -> date | None:
    """Return the day of which the figures speak."""
    row = con.execute("select max(as_of) from reports").fetchone()
    return row[0] if row else None


def best(con: duckdb.DuckDBPyConnection, by: str, count: int) -> list[Customer]:
    """Return the customers who bring most by ``sales`` or ``profit``, equal ones by their id."""
    rows = con.execute(
        "select customer_id, name, orders, amount + refunds, profit, first_order_on, last_order_on, old_customer,"
        f" tier, rfm_group from scorecard where orders > 0 order by {_WORTH[by]} desc, customer_id limit ?",
        [count],
    ).fetchall()
    return [Customer(*row) for row in rows]


def short_of_the_next(con: duckdb.DuckDBPyConnection, deals: int, count: int) -> list[Customer]:
    """Return customers with so many deals whose last order is the freshest: the next one is nearest there."""
    rows = con.execute(
        "select customer_id, name, orders, amount + refunds, profit, first_order_on, last_order_on, old_customer,"
        " tier, rfm_group from scorecard where deals = ? order by last_order_on desc, customer_id limit ?",
        [deals, count],
    ).fetchall()
    return [Customer(*row) for row in rows]


def old_share(since: date, until: date, as_of: date) -> ExistingShare:
    """Return existing and new customers of any period, counted from the order rows.

    Raises
    ------
    TenureError
        When the period ends before it begins.
    """
    from tenure.value import existing_customers
    from tenure.value.sales import Sales

    sales = Sales.on(conf.connection(), conf.lake().settings.tz, as_of)
    return existing_customers.existing_share(sales, since, until)
