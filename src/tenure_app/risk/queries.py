"""Reads of warnings, with what people decided about them.

Warnings come from the lake, decisions from the operations database; they meet here, one row a customer, the most
money at stake first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tenure.columns import value_name
from tenure.risk.signals import SIGNALS
from tenure.words import Message, loads, sentences
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
#: How many reasons a line shows before it is opened.
GLANCE = 2


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
    signal: str
    score: float
    since: date | None
    evidence: Sequence[Message]

    @property
    def name(self) -> str:
        return value_name("warning_signals", self.signal)

    @property
    def why(self) -> str:
        return sentences(self.evidence)


@dataclass(frozen=True)
class WarnedCustomer:
    """A customer with their signals, the most telling first, and how their line of the list is shown."""

    customer_id: str
    score: float
    value_at_stake: float | None
    lead_days: int | None
    owner: str
    due_on: date | None
    handled_as_of: date | None
    note: str
    signals: tuple[WarningSignal, ...]
    name: str | None
    day: date | None = None  # of the data
    open: bool = False  # its form is shown
    owners: Sequence[str] = ()  # that the form offers
    wrong: str = ""  # about the day in the form

    @property
    def first(self) -> tuple[WarningSignal, ...]:
        """The signals that are read at a glance; one more is not worth folding."""
        return self.signals if len(self.signals) <= GLANCE + 1 else self.signals[:GLANCE]

    @property
    def others(self) -> tuple[WarningSignal, ...]:
        return self.signals[len(self.first) :]

    @property
    def decided_signals(self) -> str:
        """The signals of this line, with commas: what is decided holds for them."""
        return ",".join(signal.signal for signal in self.signals)

    @property
    def overdue(self) -> bool:
        return bool(self.due_on and self.day and self.due_on < self.day and not self.handled_as_of)


def ready(con: duckdb.DuckDBPyConnection) -> bool:
    return has(con, "warnings") and has(con, "scorecard") and has_value_and_risk(con)


def as_of(con: duckdb.DuckDBPyConnection) -> date | None:
    row = con.execute("select max(as_of) from scorecard").fetchone()
    return row[0] if row else None


def total(con: duckdb.DuckDBPyConnection, query: WarningQuery) -> tuple[int, float]:
    """Return how many customers a query has, and the money at stake with them; each counts once."""
    source, values = _grouped(query)
    sql = f"{source} select count(*), coalesce(sum(value_at_stake), 0) from people"
    people, stake = con.execute(sql, values).fetchone() or (0, 0)
    return int(people), float(stake)


def find(
    con: duckdb.DuckDBPyConnection, query: WarningQuery, start: int = 0, limit: int | None = None
) -> Iterator[WarnedCustomer]:
    """Yield some customers of a query, the most money at stake times score first."""
    day, (source, values) = as_of(con), _grouped(query)
    reader = con.execute(
        f"{source} select people.*, k.name from people left join scorecard k using (customer_id)"
        " order by coalesce(people.value_at_stake, 0) * people.score desc, people.score desc, customer_id"
        + (f" limit {int(limit)} offset {int(start)}" if limit is not None else ""),
        values,
    )
    while rows := reader.fetchmany(2_000):
        for customer, score, stake, lead, owner, due, handled, note, signals, name in rows:
            items = tuple(WarningSignal(s["signal"], s["score"], s["since"], loads(s["evidence"])) for s in signals)
            yield WarnedCustomer(customer, score, stake, lead, owner, due, handled, note, items, name, day)


def owners(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return every owner of a warning."""
    named = {row[0] for row in con.execute("select distinct owner from warnings where owner is not null").fetchall()}
    return sorted(named | set(Followup.objects.exclude(owner="").values_list("owner", flat=True).distinct()))


def signals(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return how many customers show each signal, dealt with or not."""
    return dict(con.execute("select signal, count(*) from warnings group by signal").fetchall())


def _grouped(query: WarningQuery) -> tuple[str, list[Any]]:
    """Return ``with … people`` of a choice, one row a customer, and the values of its places."""
    marks = list(Followup.objects.values_list("customer_id", "signal", "owner", "due_on", "note", "handled_as_of"))
    columns = [[mark[place] for mark in marks] for place in range(6)]
    owner = "" if query.owner == NO_OWNER else query.owner
    tests = {
        "signal = ?": query.signal,
        "owner = ?": owner,
        "due_on <= ?": query.due_by,
        "customer_id = ?": query.customer,
    }
    parts = [test for test, value in tests.items() if value]
    if query.owner == NO_OWNER:
        parts.append("coalesce(owner, '') = ''")
    if query.state != ALL:
        parts.append(f"handled_as_of is {'not null' if query.state == HANDLED else 'null'}")
    where = f" where {' and '.join(parts)}" if parts else ""
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
        min(lead_days) as lead_days, coalesce(any_value(owner), '') as owner, min(due_on) as due_on,
        min(handled_as_of) as handled_as_of, coalesce(max(note), '') as note,
        list({{'signal': signal, 'score': score, 'since': since, 'evidence': evidence}} order by place) as signals
        from every{where} group by customer_id)"""
    weights = [list(SIGNALS), [signal.weight for signal in SIGNALS.values()], list(range(len(SIGNALS)))]
    return text, [*weights, *columns, *filter(None, tests.values())]
