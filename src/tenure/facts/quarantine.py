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
_NEEDED = ("batch_id", "row")


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
    few = f" LIMIT {int(limit)}" if limit is not None else ""
    found = lake.connect(("quarantine",)).execute(f'SELECT * FROM quarantine ORDER BY "at", file, row{few}')
    rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
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
    yield [*_ABOUT, *(_own(name) for name in columns)]
    for row, raw in zip(rows, raws, strict=True):
        about = {**row, "explanation": reason_text(row["reason"])}
        yield [*(about[name] for name in _ABOUT), *(raw.get(name, "") for name in columns)]


def _own(name: str) -> str:
    """Return the heading of a row's own column, kept apart from ours; a row that never fell into columns has one."""
    return f"> {name}" if name else "> (line)"


def replay_from(lake: Lake, file: Path, *, now: datetime) -> Replayed:
    """Import repaired rows of an exported quarantine."""
    by_batch: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in _repaired(file):
        by_batch[row["batch_id"]].append(row)
    told = Replayed(0, 0, 0)
    for batch_id, rows in by_batch.items():
        done = _replay(lake, batch_id, rows, now)
        told = Replayed(
            told.accepted + done.accepted, told.duplicates + done.duplicates, told.quarantined + done.quarantined
        )
    return told


def _repaired(file: Path) -> list[dict[str, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError) as wrong:
        raise FileUnreadable(mark("There is no file %(path)s, or it is not saved as UTF-8."), path=str(file)) from wrong
    if not rows or any(name not in rows[0] for name in _NEEDED):
        raise FileUnreadable(
            mark("%(path)s is no exported quarantine: its columns batch_id and row are missing. Export it anew."),
            path=str(file),
        )
    return rows


def _replay(lake: Lake, batch_id: str, rows: list[dict[str, str]], now: datetime) -> Replayed:
    batch = _batch(lake, batch_id)
    waiting = {row["row"]: row for row in rows_of(lake) if row["batch_id"] == batch_id}
    repaired = [row for row in rows if int(row["row"]) in waiting]
    if batch is None or not repaired:
        return Replayed(0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{Path(batch['file']).stem}.jsonl"
        written = [(int(row["row"]), _values(row, waiting[int(row["row"])], batch)) for row in repaired]
        path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for _, one in written), encoding="utf-8")
        mapping = json.loads(batch["mapping"])
        report = import_files(
            lake, [path], as_=batch["read_as"], mapping=mapping, source=batch["source"], now=now, tz=batch["tz"]
        )
    refused = {
        written[row["row"] - 1][0]: row for row in rows_of(lake) if row["batch_id"] == report.batches[0].batch_id
    }
    _leave(lake, batch_id, report.batches[0].batch_id, {number for number, _ in written}, refused)
    return Replayed(report.accepted, report.duplicates, len(refused))


def _batch(lake: Lake, batch_id: str) -> dict[str, Any] | None:
    found = lake.connect(("batches",)).execute("SELECT * FROM batches WHERE batch_id = ?", [batch_id])
    rows = found.to_arrow_table().to_pylist()
    if not rows:
        return None
    return dict(rows[0])


def _values(row: dict[str, str], waiting: dict[str, Any], batch: dict[str, Any]) -> dict[str, str]:
    """Return a repaired row's own columns. A line that never fell into columns is cut at its commas again."""
    own = {name[2:]: value for name, value in row.items() if name and name.startswith("> ")}
    line = own.pop("(line)", "")
    named = {column: own.get(column, "") for column in json.loads(batch["mapping"]).values() if column[:1] != "="}
    filled = {name: value for name, value in own.items() if value}
    if filled or not line:
        return {**named, **filled}
    del waiting
    values = next(csv.reader([line]))
    headers = [name for name in own if name]
    return {**named, **dict(zip(headers, values, strict=False))}


def _leave(lake: Lake, batch_id: str, replayed: str, numbers: set[int], refused: dict[int, dict[str, Any]]) -> None:
    """Take replayed rows out of their batch; those refused again stay there, with their newest reason."""
    with writing(lake.path):
        kept = [row for row in rows_of(lake) if row["batch_id"] == batch_id and row["row"] not in numbers]
        again = [{**row, "batch_id": batch_id, "row": number} for number, row in refused.items()]
        rows = sorted([*kept, *again], key=lambda row: row["row"])
        table = pa.Table.from_pylist(rows, schema=QUARANTINE)
        lake.write("quarantine", table, replace={"batch_id": [batch_id, replayed]})
