"""What a refresh did, and the table in which every refresh is recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.facts.schema import INSTANT, TEXT
from tenure.lake.files import write_text
from tenure.lake.lock import writing
from tenure.lifecycle.doubts import count_on

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime

    import duckdb

    from tenure.facts.lake import Lake
    from tenure.words import Message

    Progress = Callable[[str, float], None]  # what is being done, and which share of it is done (0 to 1)

#: Everybody; those whose stages can have changed; some customers who were named.
FULL, TOUCHED, RESTAGED = "full", "touched", "restaged"
REFRESHES = pa.schema(
    {
        "generation": pa.int64(),
        "as_of": pa.date32(),
        "tz": TEXT,
        "engine": TEXT,
        "mode": TEXT,  # full, touched or restaged
        "started_at": INSTANT,
        "finished_at": INSTANT,
        "customers": pa.int64(),
        "models": TEXT,  # JSON list of {id, version, customers, spans, missing, off}
    }
)
_TAKEN = "generation.json"


@dataclass
class ModelReport:
    """What a refresh did for one model."""

    id: str  # which model
    version: str
    missing: tuple[str, ...] = ()  # fact kinds it needs and the lake has none of; then nobody is staged
    off: bool = False  # whether it was switched off, so that nobody is staged any more
    customers: int = 0  # how many customers are in the model, and how many spans they have
    spans: int = 0
    stages: dict[str, int] = field(default_factory=dict)  # how many are in each stage now
    cannot_judge: dict[str, int] = field(default_factory=dict)  # of how many each stage cannot be judged now


@dataclass
class RefreshReport:
    """What a refresh did: when, as of which day, for whom, under which models."""

    generation: int
    as_of: date
    engine: str
    mode: str
    started_at: datetime
    finished_at: datetime | None = None
    customers: int = 0
    models: list[ModelReport] = field(default_factory=list)
    problems: dict[str, Message] = field(default_factory=dict)  # what could not be computed, and why
    fitted_on: date | None = None  # the day of the fits that scored; None when nothing was scored
    # The generation of a refresh that began later and was published first: then this one published nothing.
    superseded_by: int | None = None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else 0.0

    def count(self, spans: pa.Table, doubts: pa.Table) -> None:
        """Add the encoded spans and doubts of some customers to the counts of their models."""
        by_id = {model.id: model for model in self.models}
        for (name, place), number in count_on(doubts, self.as_of).items():
            in_doubt = by_id[name].cannot_judge
            in_doubt[place] = in_doubt.get(place, 0) + number
        if not len(spans):
            return
        spans = spans.select(["model", "stage", "row", "left_on"]).unify_dictionaries().combine_chunks()
        model, stage, rows, left = (column.chunk(0) for column in spans.columns)
        models, stages, rows = model.indices.to_numpy(), stage.indices.to_numpy(), rows.to_numpy()
        # A model's spans come customer by customer: whoever is not the one before is counted, and nobody is hashed.
        first = np.ones(len(spans), dtype=bool)
        first[1:] = (models[1:] != models[:-1]) | (rows[1:] != rows[:-1])
        # A span without an end that is not a passage is where the customer is now.
        current = np.flatnonzero(left.is_null().to_numpy(zero_copy_only=False))
        shape = len(model.dictionary), len(stage.dictionary)
        counts = np.bincount(models, minlength=shape[0]), np.bincount(models[first], minlength=shape[0])
        now = np.bincount(models[current].astype(np.int64) * shape[1] + stages[current], minlength=shape[0] * shape[1])
        columns = model.dictionary.to_pylist(), *(column.tolist() for column in counts), now.reshape(shape).tolist()
        for name, spans_of_model, customers, numbers in zip(*columns, strict=True):
            report = by_id[name]
            report.spans += spans_of_model
            report.customers += customers
            for place, number in zip(stage.dictionary.to_pylist(), numbers, strict=True):
                if number:
                    report.stages[place] = report.stages.get(place, 0) + number

    def record(self, lake: Lake) -> None:
        """Write the refresh down."""
        models = [
            {name: getattr(model, name) for name in ("id", "version", "customers", "spans", "missing", "off")}
            for model in self.models
        ]
        row = {name: getattr(self, name) for name in REFRESHES.names if name not in ("tz", "models")}
        row |= {"tz": lake.settings.tz, "models": json.dumps(models, ensure_ascii=False)}
        lake.write("refreshes", pa.Table.from_pylist([row], schema=REFRESHES))


def take_generation(lake: Lake) -> int:
    """Return a generation that no other refresh has or had."""
    with writing(lake.path):
        path = lake.path / _TAKEN
        try:
            taken = int(json.loads(path.read_text(encoding="utf-8"))["taken"])
        except (OSError, ValueError, KeyError, TypeError):
            taken = 0
        published = max((row[0] for row in published_since(lake, 0)), default=0)
        generation = max(taken, published) + 1
        write_text(path, json.dumps({"taken": generation}) + "\n")
    return generation


def last_refresh(con: duckdb.DuckDBPyConnection) -> date | None:
    """Return the day of which the newest refresh speaks; None where there was none."""
    if con.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'refreshes'").fetchone() is None:
        return None
    row = con.execute("SELECT max_by(as_of, generation) FROM refreshes").fetchone()
    return row[0] if row else None


def customers_by_stage(lake: Lake) -> dict[str, dict[str, int]]:
    """Return how many customers are in each stage of each model by the newest refreshes; in none under ``""``."""
    sql = """SELECT model, coalesce(stage, '') AS stage, count(*) AS customers FROM spans
             WHERE left_on IS NULL GROUP BY ALL"""
    counts: dict[str, dict[str, int]] = {}
    for row in lake.rows("spans", sql):
        counts.setdefault(row["model"], {})[row["stage"]] = row["customers"]
    return counts


def published_since(lake: Lake, generation: int) -> list[tuple[int, str, date]]:
    """Return generation, mode and day of the refreshes that were published and began after a generation."""
    if not lake.has("refreshes"):
        return []
    sql = "SELECT generation, mode, as_of FROM refreshes WHERE generation > ? ORDER BY generation"
    return lake.connect(("refreshes",)).execute(sql, [generation]).fetchall()
