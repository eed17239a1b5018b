"""Batches: what became of each file.

Each row is counted once.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.facts.reading.text import digest_of
from tenure.facts.tables import BATCHES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tenure.facts.lake import Lake
    from tenure.facts.reading import Guess
    from tenure.facts.reading.cleaning import Plan

_COUNTED = ("batch_id", "table", "file", "rows", "accepted", "corrected", "duplicates", "quarantined")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is."""

    file: str
    number: int
    files: int
    step: str  # reading, settling, done
    done: int
    total: int
    rows: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of one file."""

    batch_id: str
    table: str
    file: str
    rows: int
    accepted: int
    duplicates: int
    quarantined: int
    mapping: dict[str, str]
    reasons: dict[str, int]
    corrected: int = 0
    already: bool = False  # this very file was imported before
    derived: bool = False  # made of another batch's rows: orders of their lines


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of all files. Every row is accepted, a correction, a duplicate or in quarantine."""

    batches: tuple[Batch, ...]
    guesses: tuple[Guess, ...] = field(default=(), repr=False)

    @property
    def accepted(self) -> int:
        """Rows that are new facts."""
        return self._total(lambda one: one.accepted)

    @property
    def corrected(self) -> int:
        """Rows that changed a fact with the same number."""
        return self._total(lambda one: one.corrected)

    @property
    def duplicates(self) -> int:
        """Rows that are facts already."""
        return self._total(lambda one: one.duplicates)

    @property
    def quarantined(self) -> int:
        """Rows that are no facts."""
        return self._total(lambda one: one.quarantined)

    def _total(self, figure: Callable[[Batch], int]) -> int:
        return sum(figure(batch) for batch in self.batches if not batch.derived)

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows are in quarantine for which reason."""
        total: Counter[str] = Counter()
        for batch in self.batches:
            total.update(batch.reasons)
        return dict(total.most_common())


def batch_id_of(path: Path, known: Guess, plan: Plan, *, corrections: bool) -> str:
    """Return the name of a batch: the same file read in the same way, with the same leave to correct, is the same."""
    told = [digest_of(path), known.as_, known.mapping, known.layout.sheet, plan.tz, plan.source]
    told.append({name: (habit.order, habit.forced) for name, habit in plan.habits.items()})
    told += ["corrections"] if corrections else []
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:24]


def earlier_batches(lake: Lake, batch_id: str) -> list[Batch]:
    """Return what became of a file when it was imported before; nothing when it was not, or not to the end."""
    if not lake.has("batches"):
        return []
    sql = "SELECT * FROM batches WHERE batch_id = $id OR batch_id = $id || '+orders' ORDER BY batch_id"
    rows = lake.connect(("batches",)).execute(sql, {"id": batch_id}).to_arrow_table().to_pylist()
    return [
        Batch(
            row["batch_id"],
            row["table"],
            row["file"],
            row["rows"],
            0,
            row["rows"] - row["quarantined"],
            row["quarantined"],
            json.loads(row["mapping"]),
            json.loads(row["reasons"]),
            already=True,
            derived=row["batch_id"] != batch_id,
        )
        for row in rows
    ]


def write_batches(lake: Lake, done: Sequence[Batch], plan: Plan, read_as: str) -> None:
    """Write the rows of a file's batches, which say that they are done."""
    rows = [
        {
            **{name: getattr(batch, name) for name in _COUNTED},
            "mapping": json.dumps(batch.mapping, ensure_ascii=False),
            "reasons": json.dumps(batch.reasons),
            "source": plan.source,
            "tz": plan.tz,
            "read_as": read_as,
            "at": plan.now,
        }
        for batch in done
    ]
    lake.write("batches", pa.Table.from_pylist(rows, schema=BATCHES))
    lake.tidy("batches")
