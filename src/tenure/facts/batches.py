"""Batches: what became of each file; each row is counted once."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.facts.tables import BATCHES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tenure.facts.lake import Lake
    from tenure.facts.reading import Guess
    from tenure.facts.reading.cleaning import ImportPlan


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
        return self._total("accepted")

    @property
    def corrected(self) -> int:
        """Rows that changed a fact with the same number."""
        return self._total("corrected")

    @property
    def duplicates(self) -> int:
        """Rows that are facts already."""
        return self._total("duplicates")

    @property
    def quarantined(self) -> int:
        """Rows that are no facts."""
        return self._total("quarantined")

    def _total(self, count: str) -> int:
        return sum(getattr(batch, count) for batch in self.batches if not batch.derived)

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows are in quarantine for which reason."""
        total: Counter[str] = Counter()
        for batch in self.batches:
            total.update(batch.reasons)
        return dict(total.most_common())


def batch_id_of(path: Path, known: Guess, plan: ImportPlan, *, corrections: bool) -> str:
    """Return the name of a batch: the same file read in the same way, with the same leave to correct, is the same."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    key = [digest, known.as_, known.mapping, known.layout.sheet, plan.tz, plan.source]
    key.append({name: (style.order, style.forced) for name, style in plan.date_styles.items()})
    key += ["corrections"] if corrections else []
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]


def earlier_batches(lake: Lake, batch_id: str) -> list[Batch]:
    """Return what became of a file when it was imported before; nothing when it was not, or not to the end."""
    if not lake.has("batches"):
        return []
    sql = "SELECT * FROM batches WHERE batch_id = $id OR batch_id = $id || '+orders' ORDER BY batch_id"
    rows = lake.connect(("batches",)).execute(sql, {"id": batch_id}).to_arrow_table().to_pylist()
    return [
        Batch(
            **{name: row[name] for name in ("batch_id", "table", "file", "rows", "quarantined")},
            accepted=0,
            duplicates=row["rows"] - row["quarantined"],
            mapping=json.loads(row["mapping"]),
            reasons=json.loads(row["reasons"]),
            already=True,
            derived=row["batch_id"] != batch_id,
        )
        for row in rows
    ]


def write_batches(lake: Lake, done: Sequence[Batch], plan: ImportPlan, read_as: str) -> None:
    """Write the rows of a file's batches, which say that they are done."""
    rows = [
        {
            **asdict(batch),  # the schema takes what it has a column for
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
