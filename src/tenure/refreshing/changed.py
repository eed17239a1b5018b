"""Whom a refresh must evaluate again: the customers with new facts, and those whose day has come.

New and late facts name their customers; moves that time alone brings were foreseen and are looked up by their day.
Nobody else can have moved, so nobody else is evaluated again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tenure.clock import EPOCH
from tenure.facts.schema import BATCHES, FACT_TABLES, known_on
from tenure.lake import views

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
    present = views.names(con)
    if models and "arrivals" not in present:  # an older version did not write down whom time brings into a stage
        return None
    changed = _with_new_facts(con, started)
    if "identities" in present:  # both sides of every merge made or undone since
        merges = 'SELECT customer_id, into_id FROM identities WHERE epoch_us("at") >= ?'
        changed |= {customer for row in con.execute(merges, [started]).fetchall() for customer in row}
    if as_of > then:
        changed |= _with_facts_between(con, then, as_of, lake.tz)
        if "customers" in present:
            dated = any(part.reads_attributes for model in models for part in model.with_others)
            changed |= _with_records_between(con, then, as_of, lake.tz, dated=dated)
        if "spans" in present:
            due = "SELECT DISTINCT customer_id FROM spans WHERE next_change_on <= $until AND next_change_on >= $first"
            changed |= {row[0] for row in con.execute(due, {"until": as_of, "first": EPOCH}).fetchall()}
        if "arrivals" in present:
            arriving = "SELECT DISTINCT customer_id FROM arrivals WHERE entered_on <= ?"
            changed |= {row[0] for row in con.execute(arriving, [as_of]).fetchall()}
    return sorted(changed)


def _last_refresh(con: duckdb.DuckDBPyConnection) -> tuple[date, int] | None:
    """Return the day of the last refresh, and when the last one of everybody began (microseconds since 1970).

    One that restaged some customers saw new facts of them alone, so it does not count for the beginning.
    """
    if "refreshes" not in views.names(con):
        return None
    row = con.execute(
        "SELECT arg_max(as_of, generation), arg_max(epoch_us(started_at), generation) FILTER (mode <> 'restaged')"
        " FROM refreshes"
    ).fetchone()
    return (row[0], row[1]) if row and row[1] is not None else None


def _with_new_facts(con: duckdb.DuckDBPyConnection, since: int) -> set[str]:
    present = views.names(con)
    if "batches" not in present:
        return set()
    con.register("tenure_batches", BATCHES.empty_table())  # older versions did not write down when they committed
    rows = con.execute(
        "SELECT batch_id FROM (FROM batches UNION ALL BY NAME FROM tenure_batches)"
        ' WHERE epoch_us(coalesce(committed_at, "at")) >= ?',
        [since],
    ).fetchall()
    batches = [row[0] for row in rows]
    if not batches:
        return set()
    customers: set[str] = set()
    if "customers" in present:  # whose newest record may be older than what was brought now for a day in the past
        new = "FROM customers WHERE list_has_any([record.batch_id FOR record IN history], $batches)"
        customers |= {row[0] for row in con.execute(f"SELECT customer_id {new}", {"batches": batches}).fetchall()}
    for name in [*FACT_TABLES, "replaced"]:
        if name in present:
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
    present = views.names(con)
    customers: set[str] = set()
    for name in FACT_TABLES:
        if name in present:
            day = f"(\"at\" AT TIME ZONE '{tz}')::DATE"
            # The instant is compared first: it skips whole row groups, where the local day would be made for each row.
            near = '"at" > $after::TIMESTAMP - INTERVAL 2 DAY'
            for column in _whose(name):
                sql = f'SELECT DISTINCT {column} FROM "{name}" WHERE {near} AND {day} > $after AND {day} <= $until'
                rows = con.execute(f"{sql} AND {column} IS NOT NULL", {"after": after, "until": until}).fetchall()
                customers |= {row[0] for row in rows}
    return customers


def _with_records_between(
    con: duckdb.DuckDBPyConnection, after: date, until: date, tz: str, *, dated: bool
) -> set[str]:
    """Return who was recorded already and came on record; with `dated` also of whom something became known."""
    sql = "SELECT customer_id, coalesce(created_on, (first_seen_at AT TIME ZONE $tz)::DATE) AS day FROM customers"
    if dated:
        records = "SELECT customer_id, unnest(history) AS record FROM customers"
        sql += f" UNION ALL SELECT customer_id, {known_on(tz, 'record.')} FROM ({records})"
    sql = f"SELECT DISTINCT customer_id FROM ({sql}) WHERE day > $after AND day <= $until"
    return {row[0] for row in con.execute(sql, {"after": after, "until": until, "tz": tz}).fetchall()}
