"""Reads of warnings, with what people decided about them.

Warnings come from the lake, decisions from the operations database; they meet here, one row a customer, the most
money at stake first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from tenure.words import Message, loads
from tenure_app.customers.profile import has
from tenure_app.customers.queries import has_value_and_risk
from tenure_app.risk.models import Followup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

#: States of a warning, and what stands for "no owner".
OPEN, HANDLED, ALL = "open", "handled", "all"
STATES = (OPEN, HANDLED, ALL)
NO_OWNER = "-"


@dataclass(frozen=True, slots=True)
class WarningQuery:
    """Which warnings a page shows; what is empty restricts nothing."""

    signal: str = ""
    owner: str = ""
    state: str = OPEN
    due_by: date | None = None
    customer: str = ""


@dataclass(frozen=True, slots=True)
class WarningSignal:
    """One signal of a customer."""

    signal: str
    score: float
    since: date | None
    evidence: Sequence[Message]


@dataclass(frozen=True, slots=True)
class WarnedCustomer:
    """A customer with their signals, the most telling first."""

    customer_id: str
    name: str | None
    score: float
    value_at_stake: float | None
    lead_days: int | None
    owner: str
    due_on: date | None
    handled_as_of: date | None
    note: str
    signals: tuple[WarningSignal, ...] = field(default=())


def ready(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a refresh has looked for warnings."""
    return has(con, "warnings") and has(con, "scorecard") and has_value_and_risk(con)


def report(con: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any] | None:
    """Return a report of the last full refresh by its name."""
    if not has(con, "reports"):
        return None
    row = con.execute("select body from reports where name = ? order by generation desc limit 1", [name]).fetchone()
    return json.loads(row[0]) if row else None


def as_of(con: duckdb.DuckDBPyConnection) -> date | None:
    """Return the day that the warnings speak of."""
    row = con.execute("select max(as_of) from scorecard").fetchone()
    return row[0] if row else None


def count(con: duckdb.DuckDBPyConnection, query: WarningQuery) -> int:
    """Return how many customers a choice of warnings has."""
    source, values = _grouped(query)
    row = con.execute(f"{source} select count(*) from people", values).fetchone()
    return int(row[0]) if row else 0


def at_stake(con: duckdb.DuckDBPyConnection, query: WarningQuery) -> float:
    """Return the money at stake with the customers of a choice; each counts once."""
    source, values = _grouped(query)
    row = con.execute(f"{source} select coalesce(sum(value_at_stake), 0) from people", values).fetchone()
    return float(row[0]) if row else 0.0


def find(
    con: duckdb.DuckDBPyConnection, query: WarningQuery, start: int = 0, limit: int | None = None
) -> Iterator[WarnedCustomer]:
    """Yield some customers of a query, the most money at stake times score first."""
    source, values = _grouped(query)
    reader = con.execute(
        f"{source} select people.*, k.name from people left join scorecard k using (customer_id)"
        " order by coalesce(people.value_at_stake, 0) * people.score desc, people.score desc, customer_id"
        + (f" limit {int(limit)} offset {int(start)}" if limit is not None else ""),
        values,
    )
    while rows := reader.fetchmany(2_000):
        for customer, score, stake, lead, owner, due, handled, note, signals, name in rows:
            items = tuple(WarningSignal(s["signal"], s["score"], s["since"], loads(s["evidence"])) for s in signals)
            yield WarnedCustomer(customer, name, score, stake, lead, owner or "", due, handled, note or "", items)


def owners(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return every owner of a warning."""
    named = {row[0] for row in con.execute("select distinct owner from warnings where owner is not null").fetchall()}
    return sorted(named | set(Followup.objects.exclude(owner="").values_list("owner", flat=True).distinct()))


def signals(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many customers show each signal, dealt with or not."""
    return dict(con.execute("select signal, count(*) from warnings group by signal").fetchall())


def _weights() -> tuple[list[str], list[float], list[int]]:
    from tenure.risk.signals import SIGNALS

    return list(SIGNALS), [signal.weight for signal in SIGNALS.values()], list(range(len(SIGNALS)))


def _grouped(query: WarningQuery) -> tuple[str, list[Any]]:
    """Return ``with … people`` of a choice, one row a customer, and the values of its places."""
    marks = list(Followup.objects.values_list("customer_id", "signal", "owner", "due_on", "note", "handled_as_of"))
    columns: list[list[Any]] = (
        [list(column) for column in zip(*marks, strict=True)] if marks else [[] for _ in range(6)]
    )
    tests, values = _tests(query)
    where = f" where {' and '.join(tests)}" if tests else ""
    text = f"""
    with weights as (select unnest(?::varchar[]) as signal, unnest(?::double[]) as weight, unnest(?::int[]) as place),
    decided as (select unnest(?::varchar[]) as customer_id, unnest(?::varchar[]) as signal,
        unnest(?::varchar[]) as owner, unnest(?::date[]) as due_on, unnest(?::varchar[]) as note,
        unnest(?::date[]) as handled_as_of),
    every as (select w.customer_id, w.signal, w.score, w.since, w.lead_days, w.value_at_stake, w.evidence, g.weight,
        g.place, coalesce(nullif(d.owner, ''), w.owner) as owner,
        -- What began anew after it was dealt with has a new due day.
        coalesce(case when d.handled_as_of is null or w.since <= d.handled_as_of then d.due_on end, w.due_on) as due_on,
        d.note, case when w.since <= d.handled_as_of then d.handled_as_of end as handled_as_of
        from warnings w join weights g using (signal) left join decided d using (customer_id, signal)),
    people as (select customer_id, 1 - product(1 - weight * score) as score, max(value_at_stake) as value_at_stake,
        min(lead_days) as lead_days, any_value(owner) as owner, min(due_on) as due_on,
        min(handled_as_of) as handled_as_of, max(note) as note,
        list({{'signal': signal, 'score': score, 'since': since, 'evidence': evidence}} order by place) as signals
        from every{where} group by customer_id)"""
    return text, [*_weights(), *columns, *values]


def _tests(query: WarningQuery) -> tuple[list[str], list[Any]]:
    tests: list[str] = []
    values: list[Any] = []
    if query.signal:
        tests.append("signal = ?")
        values.append(query.signal)
    if query.owner == NO_OWNER:
        tests.append("coalesce(owner, '') = ''")
    elif query.owner:
        tests.append("owner = ?")
        values.append(query.owner)
    if query.state != ALL:
        tests.append(f"handled_as_of is {'not null' if query.state == HANDLED else 'null'}")
    if query.due_by:
        tests.append("due_on <= ?")
        values.append(query.due_by)
    if query.customer:
        tests.append("customer_id = ?")
        values.append(query.customer)
    return tests, values
