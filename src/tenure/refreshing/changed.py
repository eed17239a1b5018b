"""Whom a refresh must evaluate again: the customers with new facts, and those whose day has come.

New and late facts name their customers; moves that time alone brings were foreseen and are looked up by their day.
Nobody else can have moved, so nobody else is evaluated again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tenure.clock import EPOCH
from tenure.facts.schema import FACT_TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model


def customers_to_evaluate(lake: Lake, models: Sequence[Model], as_of: date) -> list[str] | None:
    """Return the customers to evaluate again; None when it has to be everybody."""
    con = lake.connect()
    last = _last_refresh(con)
    if last is None or as_of < last[0]:
        return None
    known: dict[str, str] = {}
    for (staged,) in con.execute("SELECT models FROM refreshes ORDER BY generation").fetchall():
        reports = json.loads(staged)
        known |= {report["id"]: report["version"] for report in reports if not report["missing"]}
    if any(known.get(model.id) != model.version or model.subject == "product" for model in models):
        return None
    then, started = last
    views = _views(con)
    if models and "arrivals" not in views:  # an older version did not write down whom time brings into a stage
        return None
    changed = _with_new_facts(con, started)
    if "identities" in views:  # both sides of every merge made or undone since
        merges = 'SELECT customer_id, into_id FROM identities WHERE epoch_us("at") >= ?'
        changed |= {customer for row in con.execute(merges, [started]).fetchall() for customer in row}
    if as_of > then:
        changed |= _with_facts_between(con, then, as_of, lake.settings.tz)
        if any(part.reads_attributes for model in models for part in model.with_others):
            changed |= _with_records_between(con, then, as_of, lake.settings.tz)
        if "spans" in views:
            due = "SELECT DISTINCT customer_id FROM spans WHERE next_change_on <= $until AND next_change_on >= $first"
            changed |= {row[0] for row in con.execute(due, {"until": as_of, "first": EPOCH}).fetchall()}
        if "arrivals" in views:
            arriving = "SELECT DISTINCT customer_id FROM arrivals WHERE entered_on <= ?"
            changed |= {row[0] for row in con.execute(arriving, [as_of]).fetchall()}
    return sorted(changed)


def _views(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}


def _last_refresh(con: duckdb.DuckDBPyConnection) -> tuple[date, int] | None:
    """Return the day of the last refresh, and when the last one of everybody began (microseconds since 1970).

    One that restaged some customers saw new facts of them alone, so it does not count for the beginning.
    """
    if "refreshes" not in _views(con):
        return None
    row = con.execute(
        "SELECT arg_max(as_of, generation), arg_max(epoch_us(started_at), generation) FILTER (mode <> 'restaged')"
        " FROM refreshes"
    ).fetchone()
    return (row[0], row[1]) if row and row[1] is not None else None


def _with_new_facts(con: duckdb.DuckDBPyConnection, since: int) -> set[str]:
    views = _views(con)
    if "batches" not in views:
        return set()
    rows = con.execute('SELECT batch_id FROM batches WHERE epoch_us("at") >= ?', [since]).fetchall()
    batches = [row[0] for row in rows]
    if not batches:
        return set()
    customers: set[str] = set()
    if "customers" in views:  # whose newest record may be older than what was brought now for a day in the past
        new = "FROM customers WHERE list_has_any([record.batch_id FOR record IN history], $batches)"
        customers |= {row[0] for row in con.execute(f"SELECT customer_id {new}", {"batches": batches}).fetchall()}
    for name in [*FACT_TABLES, "replaced"]:
        if name in views:
            for column in _whose(name):
                new = f"batch_id IN (SELECT unnest($batches)) AND {column} IS NOT NULL"
                sql = f'SELECT DISTINCT {column} FROM "{name}" WHERE {new}'
                customers |= {row[0] for row in con.execute(sql, {"batches": batches}).fetchall()}
    return customers


def _whose(name: str) -> tuple[str, ...]:
    """Return the columns that name whose history a row changes; views apply merges, so they name who counts.

    A referrer's history changes as well, and so does that of whoever had a fact that a correction gave to another.
    """
    return ("customer_id", "referrer_id") if name in ("orders", "replaced") else ("customer_id",)


def _with_facts_between(con: duckdb.DuckDBPyConnection, after: date, until: date, tz: str) -> set[str]:
    """Return whose facts were there already but lay in the future of the last refresh."""
    views = _views(con)
    customers: set[str] = set()
    for name in FACT_TABLES:
        if name in views:
            day = f"(\"at\" AT TIME ZONE '{tz}')::DATE"
            # The instant is compared first: it skips whole row groups, where the local day would be made for each row.
            near = '"at" > $after::TIMESTAMP - INTERVAL 2 DAY'
            for column in _whose(name):
                sql = f'SELECT DISTINCT {column} FROM "{name}" WHERE {near} AND {day} > $after AND {day} <= $until'
                rows = con.execute(f"{sql} AND {column} IS NOT NULL", {"after": after, "until": until}).fetchall()
                customers |= {row[0] for row in rows}
    return customers


def _with_records_between(con: duckdb.DuckDBPyConnection, after: date, until: date, tz: str) -> set[str]:
    """Return of whom something that was recorded already became known."""
    if "customers" not in _views(con):
        return set()
    day = f"coalesce(record.valid_from, (record.seen_at AT TIME ZONE '{tz}')::DATE)"
    records = "SELECT customer_id, unnest(history) AS record FROM customers"
    sql = f"SELECT DISTINCT customer_id FROM ({records}) WHERE {day} > $after AND {day} <= $until"
    return {row[0] for row in con.execute(sql, {"after": after, "until": until}).fetchall()}
