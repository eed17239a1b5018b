"""Rows that are no facts yet: find them, repair them, bring them in after all.

A repaired row goes through the very same import as its file did; only when it has become a fact (or is one already)
it leaves the quarantine, so that dying in between loses nothing.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tenure.errors import TenureError
from tenure.facts.reasons import reason_text
from tenure.words import mark
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.facts.queries import rows

if TYPE_CHECKING:
    from tenure.facts.quarantine import Replayed

_ONE = 'SELECT * FROM quarantine WHERE batch_id = ? AND "row" = ?'


@dataclass(frozen=True, slots=True)
class Row:
    """One quarantined row."""

    batch_id: str
    table: str
    file: str
    row: int
    column: str
    reason: str
    value: str
    cells: dict[str, str]

    @property
    def key(self) -> str:
        """Return what names the row in an address or a form."""
        return f"{self.batch_id}~{self.row}"


def _where(filters: Mapping[str, str]) -> tuple[str, list[str]]:
    names = [name for name in ("batch_id", "file", "reason", "table") if filters.get(name)]
    tests = " AND ".join(f'"{name}" = ?' for name in names)
    return (f" WHERE {tests}" if tests else ""), [filters[name] for name in names]


def count(filters: Mapping[str, str] | None = None) -> int:
    """Return how many rows wait."""
    where, values = _where(filters or {})
    result = rows("quarantine", f"SELECT count(*) AS n FROM quarantine{where}", values)
    return int(result[0]["n"]) if result else 0


def find(filters: Mapping[str, str], start: int = 0, limit: int = 50) -> list[Row]:
    """Return rows in the order of their files."""
    where, values = _where(filters)
    sql = f'SELECT * FROM quarantine{where} ORDER BY "at" DESC, batch_id, "row" LIMIT {int(limit)} OFFSET {int(start)}'
    return [_row(row) for row in rows("quarantine", sql, values)]


def row_of(key: str) -> Row | None:
    """Return a row by its key."""
    batch, _, number = key.rpartition("~")
    if not batch or not number.isdecimal():
        return None
    result = rows("quarantine", _ONE, [batch, int(number)])
    return _row(result[0]) if result else None


def _row(row: Mapping[str, Any]) -> Row:
    cells = json.loads(row["raw"] or "{}")
    return Row(
        batch_id=row["batch_id"],
        table=row["table"],
        file=Path(row["file"] or "").name,
        row=int(row["row"] or 0),
        column=row["column"] or "",
        reason=row["reason"],
        value=row["value"] or "",
        cells={str(name): "" if value is None else str(value) for name, value in cells.items()},
    )


def choices(name: str) -> list[tuple[str, int]]:
    """Return the values of a column with their rows: the filters."""
    assert name in ("file", "reason", "table", "batch_id")
    result = rows(
        "quarantine", f'SELECT "{name}" AS v, count(*) AS n FROM quarantine GROUP BY 1 ORDER BY 2 DESC LIMIT 100'
    )
    return [(str(row["v"]), int(row["n"])) for row in result]


def reasons(batches: list[str], language: str) -> list[tuple[str, str, int]]:
    """Return why rows of some batches wait: (code, sentence, rows)."""
    if not batches:
        return []
    places = ", ".join("?" for _ in batches)
    sql = f"SELECT reason, count(*) AS n FROM quarantine WHERE batch_id IN ({places}) GROUP BY 1 ORDER BY 2 DESC"
    return [
        (row["reason"], reason_text(row["reason"], language), int(row["n"])) for row in rows("quarantine", sql, batches)
    ]


def as_csv(filters: Mapping[str, str]) -> Iterator[str]:
    """Return the rows as a CSV file that can be brought back repaired."""
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
    from tenure.facts.quarantine import exported

    waiting = rows("quarantine", _ONE, [row.batch_id, row.row])
    if not waiting:
        raise TenureError(mark("This row is no longer in quarantine. Reload the list."))
    repaired = {**waiting[0], "raw": json.dumps({**row.cells, **cells}, ensure_ascii=False)}
    buffer = io.StringIO()
    csv.writer(buffer).writerows(exported([repaired]))
    done = replay(buffer.getvalue())
    return done, row_of(row.key) if done.quarantined else None


def replay(text: str) -> Replayed:
    """Bring the rows of a downloaded and repaired CSV in."""
    from tenure.facts.quarantine import replay_from

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "quarantine.csv"
        path.write_text(text.lstrip("\ufeff"), encoding="utf-8")
        done = replay_from(conf.lake(), path, now=timezone.now())
    if done.accepted:
        jobs.enqueue("refresh")
    return done


def dismiss(keys: Iterable[str]) -> int:
    """Take rows out of the quarantine for good, unrepaired."""
    numbers_by_batch: dict[str, list[int]] = {}
    for row in filter(None, map(row_of, keys)):
        numbers_by_batch.setdefault(row.batch_id, []).append(row.row)
    for batch, numbers in numbers_by_batch.items():
        _leave(batch, numbers)
    return sum(len(numbers) for numbers in numbers_by_batch.values())


def _leave(batch: str, numbers: list[int]) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    from tenure.facts.schema import QUARANTINE
    from tenure.lake.lock import writing

    lake = conf.lake()
    with writing(lake.path):  # read and written under one lock, so that two people do not undo each other
        result = lake.connect(["quarantine"]).execute("SELECT * FROM quarantine WHERE batch_id = ?", [batch])
        table = result.to_arrow_table()
        keep = pc.invert(pc.is_in(table.column("row"), value_set=pa.array(numbers, pa.int64())))
        lake.write("quarantine", table.filter(keep).cast(QUARANTINE), replace={"batch_id": [batch]})
