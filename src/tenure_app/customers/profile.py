"""Reads about one customer: who they are, and every stage change.

It never writes, and computes no stage: stages come from the spans of the last refresh.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tenure.lake.views import names
from tenure.lifecycle.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a customer is, and their figures as of the last refresh."""

    customer_id: str
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    first_seen_on: date | None = None
    first_order_on: date | None = None
    last_order_on: date | None = None
    orders: int = 0
    amount: Decimal | None = None
    refunds: Decimal | None = None
    categories: int = 0
    open_complaints: int = 0

    @property
    def called(self) -> str:
        return self.name or self.customer_id


@dataclass(frozen=True, slots=True)
class Span:
    reason: Reason
    stage: str | None
    entered_on: date
    left_on: date | None
    cause: str | None
    passed_through: bool
    next_stage: str | None
    next_change_on: date | None
    version: str | None = None  # of the model, by which it was evaluated

    def days(self, today: date) -> int:
        """How long the stay lasted, or has lasted by `today`."""
        return max(((self.left_on or today) - self.entered_on).days, 0)


def has(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    return table in names(con)


def rows(con: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[dict[str, Any]]:
    result = con.execute(sql, values)
    columns = [column[0] for column in result.description or []]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def profile(con: duckdb.DuckDBPyConnection, customer: str) -> Profile | None:
    """Return who a customer is, or None when there is nothing under this id."""
    known: dict[str, Any] = {}
    for table, columns in (("customers", "* exclude (seen_at)"), ("scorecard", "*")):
        if has(con, table):
            for row in rows(con, f"select {columns} from {table} where customer_id = ? limit 1", customer):
                known |= {name: value for name, value in row.items() if value is not None}
    if not known:
        return None
    try:
        attributes = json.loads(known.get("attributes", "{}"))
    except ValueError:
        attributes = {}
    known["attributes"] = attributes if isinstance(attributes, dict) else {}
    return Profile(**{name: known[name] for name in Profile.__slots__ if name in known})


def report(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """Return a report of the last full refresh; empty when there is none."""
    if not has(con, "reports"):
        return {}
    row = con.execute("select body from reports where name = ? order by generation desc limit 1", [name]).fetchone()
    return json.loads(row[0]) if row else {}


def spans(con: duckdb.DuckDBPyConnection, customer: str, models: Iterable[str]) -> dict[str, list[Span]]:
    """Return every stay of a customer in these models, oldest first, by model."""
    stays: dict[str, list[Span]] = defaultdict(list)
    if has(con, "spans"):
        result = con.execute(
            "select model, stage, entered_on, left_on, cause, passed_through, next_stage, next_change_on, version,"
            " reason, reason_values, cannot_judge from spans where customer_id = ? and list_contains(?, model)"
            " order by model, entered_on, left_on nulls last",
            [customer, list(models)],
        )
        for model, *stay, reason, values, cannot_judge in result.fetchall():
            stays[model].append(Span(Reason.read(reason, values, cannot_judge), *stay))
    return stays


def doubts(con: duckdb.DuckDBPyConnection, customer: str, model: str, day: date) -> list[dict[str, Any]]:
    """Return which stages could not be judged from when to when, as known on a day, the latest first."""
    if not has(con, "doubts"):
        return []
    return rows(
        con,
        "select stage, entered_on, case when left_on <= ? then left_on end as left_on, missing_facts from doubts"
        " where customer_id = ? and model = ? and entered_on <= ? order by entered_on desc, stage",
        *(day, customer, model, day),
    )


def order_days(con: duckdb.DuckDBPyConnection, customer: str, tz: str) -> list[tuple[date, int, Decimal]]:
    """Return the local days with sales, the number of orders and their sum."""
    if not has(con, "orders"):
        return []
    sales = con.execute(
        """select epoch_us("at"), amount from orders where customer_id = ? and status = 'sale'""", [customer]
    )
    amounts: dict[date, list[Decimal]] = defaultdict(list)
    for at, amount in sales.fetchall():
        amounts[local(at, ZoneInfo(tz)).date()].append(amount or Decimal(0))
    return [(day, len(of_day), sum(of_day, Decimal(0))) for day, of_day in sorted(amounts.items())]


def local(micros: int, zone: ZoneInfo) -> datetime:
    """Return microseconds since 1970 as an instant (DuckDB needs a further package to hand over instants)."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).astimezone(zone)
