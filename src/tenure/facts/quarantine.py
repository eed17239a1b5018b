"""Rows that are no facts: looked at, repaired, replayed, dismissed.

A repaired row goes through the very same import as its file did, and leaves the quarantine only after it has become a
fact, so that dying in between loses nothing.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from tenure.errors import FileUnreadable
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.facts.reasons import reason_text
from tenure.facts.schema import QUARANTINE
from tenure.lake.lock import writing
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

_ABOUT = ("batch_id", "table", "file", "row", "column", "reason", "explanation", "value")


class Replayed(NamedTuple):
    """What became of repaired rows; all 0 when none of them waits any more."""

    accepted: int
    duplicates: int
    quarantined: int


def rows_of(lake: Lake, limit: int | None = None) -> list[dict[str, Any]]:
    end = f" LIMIT {int(limit)}" if limit is not None else ""
    return lake.rows("quarantine", f'SELECT * FROM quarantine ORDER BY "at", file, row{end}')


def export_to(lake: Lake, file: Path) -> int:
    """Write the rows in quarantine to a CSV file, and return how many."""
    rows = rows_of(lake)
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows(exported(rows))
    return len(rows)


def exported(rows: list[dict[str, Any]]) -> Iterator[list[object]]:
    """Return rows of the quarantine as lines of a CSV file, headings first, as :func:`read_repaired` reads them.

    The row's own columns are kept apart from ours by a sign; a row that never fell into columns has only one.
    """
    raws = [json.loads(row["raw"]) for row in rows]
    columns = dict.fromkeys(name for raw in raws for name in raw)
    yield [*_ABOUT, *map(heading, columns)]
    for row, raw in zip(rows, raws, strict=True):
        about = {**row, "explanation": reason_text(row["reason"])}
        yield [*(about[name] for name in _ABOUT), *(raw.get(name, "") for name in columns)]


def heading(column: str) -> str:
    return f"> {column or '(line)'}"


def read_repaired(name: str, lines: Iterable[str]) -> list[dict[str, str]]:
    rows = list(csv.DictReader(lines))
    if not rows or not {"batch_id", "row"}.issubset(rows[0]):
        raise FileUnreadable(
            mark("%(path)s is not an exported quarantine file: columns batch_id and row are missing. Export it again."),
            path=name,
        )
    return rows


def replay_from(lake: Lake, file: Path, *, now: datetime) -> Replayed:
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            rows = read_repaired(str(file), handle)
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(mark("%(path)s does not exist or is not saved as UTF-8."), path=str(file)) from error
    return replay(lake, rows, now=now)


def replay(lake: Lake, rows: Iterable[dict[str, str]], *, now: datetime) -> Replayed:
    """Import repaired rows, each with its `batch_id`, its `row` and its columns under their headings."""
    by_batch: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_batch[row["batch_id"]].append(row)
    replayed = [_replay_batch(lake, batch_id, repaired, now) for batch_id, repaired in by_batch.items()]
    return Replayed(*map(sum, zip(*replayed, strict=True)))


def _replay_batch(lake: Lake, batch_id: str, rows: list[dict[str, str]], now: datetime) -> Replayed:
    batches = lake.rows("batches", "SELECT * FROM batches WHERE batch_id = $id", {"id": batch_id})
    waiting = {row["row"] for row in rows_of(lake) if row["batch_id"] == batch_id}
    repaired = [row for row in rows if int(row["row"]) in waiting]
    if not batches or not repaired:
        return Replayed(0, 0, 0)
    batch, mapping = batches[0], json.loads(batches[0]["mapping"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{Path(batch['file']).stem}.jsonl"
        lines = [json.dumps(_repaired_values(row, mapping), ensure_ascii=False) for row in repaired]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        report = import_files(
            lake, [path], as_=batch["read_as"], mapping=mapping, source=batch["source"], now=now, tz=batch["tz"]
        )
    replay_id, numbers = report.batches[0].batch_id, [int(row["row"]) for row in repaired]
    with writing(lake.path):
        all_rows = rows_of(lake)
        # Rows that were refused again stay in their batch, with their newest reason.
        refused = [
            {**row, "batch_id": batch_id, "row": numbers[row["row"] - 1]}
            for row in all_rows
            if row["batch_id"] == replay_id
        ]
        if report.quarantined and not refused:  # the very same values were refused before: nothing changes
            return Replayed(0, report.duplicates, report.quarantined)
        kept = [row for row in all_rows if row["batch_id"] == batch_id and row["row"] not in numbers]
        _write(lake, [*kept, *refused], [batch_id, replay_id])
    return Replayed(report.accepted, report.duplicates, len(refused))


def _repaired_values(row: dict[str, str], mapping: dict[str, str]) -> dict[str, str]:
    """Return a repaired row's own columns. A line that never fell into columns is cut at its commas again."""
    values = {name[2:]: value for name, value in row.items() if name and name.startswith("> ")}
    line = values.pop("(line)", "")
    mapped = {column: values.get(column, "") for column in mapping.values() if column[:1] != "="}
    filled = {name: value for name, value in values.items() if value}
    if filled or not line:
        return {**mapped, **filled}
    return {**mapped, **dict(zip([name for name in values if name], next(csv.reader([line])), strict=False))}


def dismiss(lake: Lake, batch_id: str, number: int) -> None:
    with writing(lake.path):  # read and written under one lock, so that two people do not undo each other
        batch = [row for row in rows_of(lake) if row["batch_id"] == batch_id]
        _write(lake, [row for row in batch if row["row"] != number], [batch_id])


def _write(lake: Lake, rows: list[dict[str, Any]], batches: list[str]) -> None:
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["row"]), schema=QUARANTINE)
    lake.write("quarantine", table, replace={"batch_id": batches})
