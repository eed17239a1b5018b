"""Reads about one customer: who they are, every stage change, everything that happened.

It never writes, and computes no stage: stages come from the spans of the last refresh.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tenure.lifecycle.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection

    import duckdb

#: What the timeline can show, in the order in which the filter offers it, with the columns that an entry shows.
TIMELINE = {
    "orders": ("status", "amount", "currency", "order_id", "channel", "store"),
    "interactions": ("kind", "channel", "seconds", "content_id", "campaign_id"),
    "feedback": ("measure", "score", "survey", "comment"),
    "cases": ("kind", "event", "severity", "case_id"),
    "contracts": ("event", "contract_id", "ends_at"),
    "balances": ("receivable", "payable"),
    "volumes": ("amount", "period_start"),
    "costs": ("kind", "amount"),
    "overrides": ("model", "stage", "reason", "until"),
}
STAGES = "stages"


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a customer is, and their figures as of the last refresh."""

    customer_id: str
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    kind: str | None = None
    created_on: date | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    merged: tuple[str, ...] = ()
    first_seen_on: date | None = None
    first_order_on: date | None = None
    last_order_on: date | None = None
    orders: int = 0
    amount: Decimal | None = None
    refunds: Decimal | None = None
    categories: int = 0
    interactions: int = 0
    open_complaints: int = 0

    @property
    def called(self) -> str:
        """The name, else the id."""
        return self.name or self.customer_id


@dataclass(frozen=True, slots=True)
class Span:
    """One stay in one stage of one model."""

    model: str
    version: str
    stage: str | None
    entered_on: date
    left_on: date | None
    reason: Reason
    cause: str | None
    passed_through: bool
    cannot_judge: tuple[str, ...]
    next_stage: str | None
    next_change_on: date | None

    def days(self, today: date) -> int:
        """How long the stay lasted, or has lasted by `today`."""
        return max(((self.left_on or today) - self.entered_on).days, 0)

    @property
    def by_hand(self) -> bool:
        """Whether a person put the customer here."""
        return self.reason.note is not None


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the timeline."""

    table: str
    at: datetime | None
    day: date
    fact: dict[str, Any]


def profile(con: duckdb.DuckDBPyConnection, customer: str) -> Profile | None:
    """Return who a customer is, or None when there is nothing under this id."""
    figures = _one(con, "scorecard", customer)
    record = _one(con, "customers", customer, "* exclude (seen_at)")
    if not figures and not record:
        return None
    told = {**{k: v for k, v in record.items() if v is not None}, **{k: v for k, v in figures.items() if v is not None}}
    try:
        attributes = json.loads(record.get("attributes") or "{}")
    except ValueError:
        attributes = {}
    names = set(Profile.__slots__) - {"attributes", "merged"}
    return Profile(
        attributes=attributes if isinstance(attributes, dict) else {},
        **{name: value for name, value in told.items() if name in names},
    )


def _one(con: duckdb.DuckDBPyConnection, table: str, customer: str, columns: str = "*") -> dict[str, Any]:
    if not has(con, table):
        return {}
    found = con.execute(f"select {columns} from {table} where customer_id = ? limit 1", [customer])
    row = found.fetchone()
    return dict(zip([column[0] for column in found.description or []], row, strict=True)) if row else {}


def has(con: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Return whether the lake holds such a table."""
    found = con.execute("select count(*) from duckdb_views() where view_name = ?", [table]).fetchone()
    return bool(found and found[0])


def spans(
    con: duckdb.DuckDBPyConnection, customer: str, models: Collection[str] | None = None
) -> dict[str, list[Span]]:
    """Return every stay of a customer, oldest first, by model."""
    if not has(con, "spans"):
        return {}
    marks = f" and model in ({', '.join('?' * len(models))})" if models else ""
    found = con.execute(
        "select model, version, stage, entered_on, left_on, reason, reason_values, cause, passed_through, cannot_judge,"
        f" next_stage, next_change_on from spans where customer_id = ?{marks}"
        " order by model, entered_on, left_on nulls last",
        [customer, *(models or ())],
    ).fetchall()
    stays: dict[str, list[Span]] = {}
    for model, version, stage, entered_on, left_on, reason, values, cause, passed, cannot_judge, *following in found:
        why = Reason.read(reason, values, cannot_judge)
        stay = Span(model, version, stage, entered_on, left_on, why, cause, bool(passed), why.doubts, *following)
        stays.setdefault(stay.model, []).append(stay)
    return stays


def order_days(con: duckdb.DuckDBPyConnection, customer: str, tz: str) -> list[tuple[date, int, Decimal]]:
    """Return the local days with sales, the number of orders and their sum."""
    if not has(con, "orders"):
        return []
    found = con.execute(
        """select epoch_us("at"), amount from orders where customer_id = ? and status = 'sale'""", [customer]
    ).fetchall()
    zone = ZoneInfo(tz)
    days: dict[date, list[Any]] = {}
    for at, amount in found:
        kept = days.setdefault(_instant(at, zone).date(), [0, Decimal(0)])
        kept[0] += 1
        kept[1] += amount or 0
    return [(day, count, amount) for day, (count, amount) in sorted(days.items())]


def counts(con: duckdb.DuckDBPyConnection, customer: str) -> dict[str, int]:
    """Return how many facts of each table there are about a customer, empty tables left out."""
    found = {}
    for table in TIMELINE:
        if has(con, table):
            row = con.execute(f"select count(*) from {table} where customer_id = ?", [customer]).fetchone()
            if row and row[0]:
                found[table] = int(row[0])
    return found


def timeline(
    con: duckdb.DuckDBPyConnection,
    customer: str,
    tables: Collection[str],
    tz: str,
    stays: Collection[Span] = (),
    limit: int = 50,
    offset: int = 0,
) -> list[Event]:
    """Return what happened, newest first: facts of the chosen tables, and the stage changes of `stays`.

    A stage change of a day stands after (above) the facts of the day, because they made it.
    """
    zone = ZoneInfo(tz)
    events: list[Event] = []
    for table in tables:
        if table in TIMELINE and has(con, table):
            events += _events(con, customer, table, zone, limit + offset)
    events += [Event(STAGES, None, stay.entered_on, {"stay": stay}) for stay in stays]
    oldest = datetime.min.replace(tzinfo=zone)
    latest = datetime.max.replace(tzinfo=ZoneInfo("UTC")) - timedelta(days=1)
    events.sort(key=lambda event: (event.day, latest if event.table == STAGES else event.at or oldest), reverse=True)
    return events[offset : offset + limit]


def _events(con: duckdb.DuckDBPyConnection, customer: str, table: str, zone: ZoneInfo, most: int) -> list[Event]:
    columns = TIMELINE[table]
    found = con.execute(
        f'select epoch_us("at"), {", ".join(_readable(table))}, fact_id from {table} where customer_id = ?'
        f' order by "at" desc limit {int(most)}',
        [customer],
    ).fetchall()
    names = (*columns, "fact_id")
    events = []
    for micros, *values in found:
        at = _instant(micros, zone)
        told = {name: value for name, value in zip(names, values, strict=True) if value not in (None, "")}
        events.append(Event(table, at, at.date(), told))
    return events


def _readable(table: str) -> list[str]:
    # Instants as days: DuckDB needs a further package to hand over instants with a zone.
    return [f"cast({name} as date)" if name == "ends_at" else name for name in TIMELINE[table]]


def _instant(micros: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC")) + timedelta(microseconds=micros)).astimezone(zone)
