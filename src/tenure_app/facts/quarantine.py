"""Rows that are no facts yet, as pages show them: find them, repair them, bring them in after all."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tenure.errors import TenureError
from tenure.facts.reasons import reason_text
from tenure.words import current_language, mark
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.facts.queries import rows

if TYPE_CHECKING:
    from tenure.facts.quarantine import Replayed

FILTERS = ("reason", "file", "table", "batch_id")
Row = dict[str, Any]


def _where(filters: Mapping[str, str]) -> tuple[str, list[str]]:
    names = [name for name in FILTERS if filters.get(name)]
    tests = " AND ".join(f'"{name}" = ?' for name in names)
    return (f" WHERE {tests}" if tests else ""), [filters[name] for name in names]


def count(filters: Mapping[str, str] | None = None) -> int:
    where, values = _where(filters or {})
    return sum(row["n"] for row in rows("quarantine", f"SELECT count(*) AS n FROM quarantine{where}", values))


def find(filters: Mapping[str, str], start: int = 0, limit: int = 50) -> list[Row]:
    where, values = _where(filters)
    sql = f'SELECT * FROM quarantine{where} ORDER BY "at" DESC, batch_id, "row" LIMIT {int(limit)} OFFSET {int(start)}'
    return [_shown(row) for row in rows("quarantine", sql, values)]


def row_of(key: str) -> Row | None:
    batch, _, number = key.rpartition("~")
    if not batch or not number.isdecimal():
        return None
    sql = 'SELECT * FROM quarantine WHERE batch_id = ? AND "row" = ?'
    return next(map(_shown, rows("quarantine", sql, [batch, int(number)])), None)


def _shown(row: Row) -> Row:
    """Return a row with its cells, its reason in words, and the key that names it in an address or a form."""
    cells = json.loads(row["raw"] or "{}")
    return {
        "key": f"{row['batch_id']}~{row['row']}",
        "batch_id": row["batch_id"],
        "file": Path(row["file"] or "").name,
        "row": row["row"] or 0,
        "column": row["column"] or "",
        "code": row["reason"],
        "reason": reason_text(row["reason"], current_language()),
        "value": row["value"] or "",
        "cells": {name: "" if value is None else str(value) for name, value in cells.items()},
    }


def choices(name: str) -> list[tuple[str, int]]:
    assert name in FILTERS
    sql = f'SELECT "{name}" AS v, count(*) AS n FROM quarantine GROUP BY 1 ORDER BY 2 DESC LIMIT 100'
    return [(str(row["v"]), row["n"]) for row in rows("quarantine", sql)]


def reasons(batches: list[str]) -> list[Row]:
    sql = (
        "SELECT reason AS code, count(*) AS rows FROM quarantine WHERE batch_id IN (SELECT unnest(?))"
        " GROUP BY 1 ORDER BY 2 DESC"
    )
    return [{**row, "text": reason_text(row["code"], current_language())} for row in rows("quarantine", sql, [batches])]


def as_csv(filters: Mapping[str, str]) -> Iterator[str]:
    from tenure.facts.quarantine import exported

    where, values = _where(filters)
    sql = f'SELECT * FROM quarantine{where} ORDER BY "at", batch_id, "row"'
    yield "\ufeff"  # for Excel, which takes Chinese for something else without it
    buffer = io.StringIO()
    for line in exported(rows("quarantine", sql, values)):
        csv.writer(buffer).writerow(line)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def repair(row: Row, cells: Mapping[str, str]) -> tuple[Replayed, Row | None]:
    """Bring one row in with other values; also return it as it waits now, when it still does."""
    from tenure.facts.quarantine import heading

    values = {heading(name): value for name, value in {**row["cells"], **cells}.items()}
    done = _replay([{"batch_id": row["batch_id"], "row": row["row"], **values}])
    if not any(done):
        raise TenureError(mark("This row is no longer in quarantine. Reload the list."))
    return done, row_of(row["key"]) if done.quarantined else None


def replay(text: str) -> Replayed:
    from tenure.facts.quarantine import read_repaired

    return _replay(read_repaired("quarantine.csv", io.StringIO(text.lstrip("\ufeff"), newline="")))


def _replay(repaired: list[dict[str, str]]) -> Replayed:
    from tenure.facts.quarantine import replay as replay_in_lake

    done = replay_in_lake(conf.lake(), repaired, now=timezone.now())
    if done.accepted:
        jobs.enqueue("refresh")
    return done


def dismiss(key: str) -> None:
    """Take a row out of the quarantine for good, unrepaired."""
    from tenure.facts.quarantine import dismiss as dismiss_in_lake

    if row := row_of(key):
        dismiss_in_lake(conf.lake(), row["batch_id"], row["row"])
