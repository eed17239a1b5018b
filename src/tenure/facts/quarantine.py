"""Rows that are no facts: looked at, repaired, replayed.

A repaired row leaves the quarantine only after it has become a fact.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.errors import FileUnreadable
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.facts.reasons import reason_text
from tenure.facts.schema import QUARANTINE
from tenure.lake.lock import writing
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_ABOUT = ("batch_id", "table", "file", "row", "column", "reason", "explanation", "value")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of repaired rows."""

    accepted: int
    duplicates: int
    quarantined: int


def rows_of(lake: Lake, limit: int | None = None) -> list[dict[str, Any]]:
    """Return the rows in quarantine, oldest import first."""
    if not lake.has("quarantine"):
        return []
    sql = 'SELECT * FROM quarantine ORDER BY "at", file, row' + (f" LIMIT {int(limit)}" if limit is not None else "")
    rows: list[dict[str, Any]] = lake.connect(("quarantine",)).execute(sql).to_arrow_table().to_pylist()
    return rows


def export_to(lake: Lake, file: Path) -> int:
    """Write the rows in quarantine to a CSV file: what is known about each, then its columns as they were."""
    rows = rows_of(lake)
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        csv.writer(handle).writerows(exported(rows))
    return len(rows)


def exported(rows: list[dict[str, Any]]) -> Iterator[list[object]]:
    """Return rows of the quarantine as lines of a CSV file, headings first, as :func:`replay_from` reads them."""
    raws = [json.loads(row["raw"]) for row in rows]
    columns = dict.fromkeys(name for raw in raws for name in raw)
    # The row's own columns are kept apart from ours by a sign; a row that never fell into columns has only one.
    yield [*_ABOUT, *(f"> {name or '(line)'}" for name in columns)]
    for row, raw in zip(rows, raws, strict=True):
        about = {**row, "explanation": reason_text(row["reason"])}
        yield [*(about[name] for name in _ABOUT), *(raw.get(name, "") for name in columns)]


def replay_from(lake: Lake, file: Path, *, now: datetime) -> Replayed:
    """Import repaired rows of an exported quarantine."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(mark("%(path)s does not exist or is not saved as UTF-8."), path=str(file)) from error
    if not rows or not {"batch_id", "row"}.issubset(rows[0]):
        raise FileUnreadable(
            mark("%(path)s is not an exported quarantine file: columns batch_id and row are missing. Export it again."),
            path=str(file),
        )
    by_batch: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_batch[row["batch_id"]].append(row)
    replayed = [_replay(lake, batch_id, repaired, now) for batch_id, repaired in by_batch.items()]
    return Replayed(
        sum(batch.accepted for batch in replayed),
        sum(batch.duplicates for batch in replayed),
        sum(batch.quarantined for batch in replayed),
    )


def _replay(lake: Lake, batch_id: str, rows: list[dict[str, str]], now: datetime) -> Replayed:
    """Import the repaired rows of one batch, and take those out of the quarantine that became facts."""
    sql = "SELECT * FROM batches WHERE batch_id = ?"
    batch = next(iter(lake.connect(("batches",)).execute(sql, [batch_id]).to_arrow_table().to_pylist()), None)
    waiting = {row["row"] for row in rows_of(lake) if row["batch_id"] == batch_id}
    repaired = [row for row in rows if int(row["row"]) in waiting]
    if batch is None or not repaired:
        return Replayed(0, 0, 0)
    mapping = json.loads(batch["mapping"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{Path(batch['file']).stem}.jsonl"
        lines = [json.dumps(_repaired_values(row, mapping), ensure_ascii=False) for row in repaired]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        report = import_files(
            lake, [path], as_=batch["read_as"], mapping=mapping, source=batch["source"], now=now, tz=batch["tz"]
        )
    replay_id = report.batches[0].batch_id
    numbers = [int(row["row"]) for row in repaired]
    with writing(lake.path):
        # Rows that were refused again stay in their batch, with their newest reason.
        kept, refused = [], []
        for row in rows_of(lake):
            if row["batch_id"] == batch_id and row["row"] not in numbers:
                kept.append(row)
            elif row["batch_id"] == replay_id:
                refused.append({**row, "batch_id": batch_id, "row": numbers[row["row"] - 1]})
        table = pa.Table.from_pylist(sorted([*kept, *refused], key=lambda row: row["row"]), schema=QUARANTINE)
        lake.write("quarantine", table, replace={"batch_id": [batch_id, replay_id]})
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
