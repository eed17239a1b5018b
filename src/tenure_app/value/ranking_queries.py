"""Reads of ranking: what the last refresh says of value, and lists of customers behind it.

Bodies were made by the refresh and are read as they are; a period of one's own is counted from the order rows when it
is asked for.
"""

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

    from tenure.value.old_customers import OldShare

#: What the best are the best by.
BY = ("sales", "profit")
_WORTH = {"sales": "(amount + refunds)", "profit": "profit"}


@dataclass(frozen=True, slots=True)
class Best:
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


def bodies(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return what the last refresh says of value by name, without ``value.``; empty when there was none."""
    if not (has(con, "reports") and has_value_and_risk(con)):
        return {}
    found = con.execute("select name, body from reports where name like 'value.%' or name = 'predictions'").fetchall()
    return {name.removeprefix("value."): json.loads(body) for name, body in found}


def refreshed_on(con: duckdb.DuckDBPyConnection) -> date | None:
    """Return the day of which the figures speak."""
    found = con.execute("select max(as_of) from reports").fetchone()
    return found[0] if found else None


def best(con: duckdb.DuckDBPyConnection, by: str, count: int) -> list[Best]:
    """Return the customers who bring most by ``sales`` or ``profit``, equal ones by their id."""
    found = con.execute(
        "select customer_id, name, orders, amount + refunds, profit, first_order_on, last_order_on, old_customer,"
        f" tier, rfm_group from scorecard where orders > 0 order by {_WORTH[by]} desc, customer_id limit ?",
        [count],
    ).fetchall()
    return [Best(*row) for row in found]


def short_of_the_next(con: duckdb.DuckDBPyConnection, deals: int, count: int) -> list[Best]:
    """Return customers with so many deals whose last order is the freshest: the next one is nearest there."""
    found = con.execute(
        "select customer_id, name, orders, amount + refunds, profit, first_order_on, last_order_on, old_customer,"
        " tier, rfm_group from scorecard where deals = ? order by last_order_on desc, customer_id limit ?",
        [deals, count],
    ).fetchall()
    return [Best(*row) for row in found]


def old_share(since: date, until: date, as_of: date) -> OldShare:
    """Return old and new customers of a period of one's own, counted from the order rows.

    Raises
    ------
    TenureError
        When the period ends before it begins.
    """
    from tenure.value import old_customers
    from tenure.value.ledger import Ledger

    ledger = Ledger.on(conf.connection(), conf.lake().settings.tz, as_of)
    return old_customers.old_share(ledger, since, until)
