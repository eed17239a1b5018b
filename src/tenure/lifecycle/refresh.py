"""Refresh: every customer's stages under every model, from the facts, in one pass.

A full refresh judges everybody, block by block; a touched refresh judges only the customers whose facts changed, with
the very same function, and puts their rows over the old ones. The result is written in one commit per table: a
refresh that is killed leaves the previous result standing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenure.clock import day_number, day_of, local_days
from tenure.errors import ModelError
from tenure.facts.lake import Lake
from tenure.facts.schema import FACT_TABLES, INSTANT, TEXT
from tenure.facts.slices import slices_of
from tenure.lifecycle.changed import whom_to_judge
from tenure.lifecycle.figures import Figures
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.judging import Asked, Blocks, Judged, Scores, blocks_here, judge
from tenure.lifecycle.model import Model, builtin_texts, read
from tenure.lifecycle.roster import ROSTER
from tenure.words import Message, mark

GENERATION = pa.field("generation", pa.int64())
SPANS_IN_LAKE = SPANS.append(GENERATION)
SCORECARD = ROSTER.append(GENERATION)
REFRESHES = pa.schema(
    {
        "generation": pa.int64(),
        "as_of": pa.date32(),
        "tz": TEXT,
        "engine": TEXT,
        "mode": TEXT,  # full or touched
        "started_at": INSTANT,
        "finished_at": INSTANT,
        "customers": pa.int64(),
        "models": TEXT,  # JSON list of {id, version, customers, spans, missing}
    }
)

Progress = Callable[[str, float], None]  # what is being done, and which part of it is done (0 to 1)


@dataclass(frozen=True)
class Extras:
    """What other rooms add to a refresh: figures of every block, and columns made of everybody's figures."""

    figures: Sequence[Figures] = ()  # columns that follow the roster's, made block by block
    # takes the roster with the figures (and the report so far) and returns the rows to publish, without
    # `generation`; called with everybody's rows, or with those of the customers that were judged again
    finish: Callable[[pa.Table, RefreshReport], pa.Table] | None = None
    scores: Scores = field(default_factory=dict)  # published figures that rules read by ``score(name)``


@dataclass
class ModelReport:
    """What a refresh did for one model."""

    id: str  # which model
    version: str
    missing: tuple[str, ...] = ()  # fact kinds it needs and the lake has none of; then nobody is staged
    customers: int = 0  # how many customers are in the model, and how many spans they have
    spans: int = 0
    stages: dict[str, int] = field(default_factory=dict)  # how many are in each stage now


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
    problems: dict[str, Message] = field(default_factory=dict)  # what other rooms could not work out, and why

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else 0.0


def models_of(lake: Lake, wanted: Sequence[str | Path | Model] | None = None) -> list[Model]:
    """Return models of a lake: the given ones, or all built-in ones and the lake's own.

    A lake's own file ``models/ID.yaml`` goes before the built-in model of that id.
    """
    own = {path.stem: path for path in sorted((lake.path / "models").glob("*.yaml"))}
    kinds = lake.kinds()
    if wanted is None:
        wanted = list(dict.fromkeys([*builtin_texts(), *own]))
    models = [one if isinstance(one, Model) else read(own.get(str(one), one), kinds) for one in wanted]
    for model in models:
        if [other.id for other in models].count(model.id) > 1:
            raise ModelError(mark("Two models have the id %(id)r. Give one of them another."), id=model.id)
    return models


def last_fact_day(lake: Lake) -> date:
    """Return the last local day on which anything happened in a lake."""
    newest = []
    con = lake.connect(tuple(FACT_TABLES))
    for (name,) in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall():
        found = con.execute(f'SELECT epoch_us(max("at")) FROM "{name}"').fetchone()
        newest += [found[0]] if found and found[0] is not None else []
    if not newest:
        return date(1970, 1, 1)
    return day_of(int(local_days(np.array([max(newest)], dtype=np.int64), lake.settings.tz)[0]))


def refresh(
    lake: Lake,
    as_of: date | None = None,
    models: Sequence[str | Path | Model] | None = None,
    engine: str = "duckdb",
    on_progress: Progress | None = None,
    *,
    customers: Sequence[str] | None = None,
    only_changed: bool = False,
    extras: Extras | None = None,
) -> RefreshReport:
    """Judge customers under models and write the result into the lake.

    Parameters
    ----------
    lake : Lake
        Where the facts are and the spans go.
    as_of : date, optional
        The day on which everybody is seen; the last day with a fact when omitted.
    models : sequence of model ids, files or models, optional
        All that fit when omitted. Other models keep the spans they have.
    engine : {"duckdb", "spark"}
        What carries the facts to the kernel. The answers are the same.
    on_progress : callable, optional
        Called with a sentence and the part done, 0 to 1.
    customers : sequence of str, optional
        Judge only these customers, as of the last refresh's day when `as_of` is omitted.
    only_changed : bool, default False
        Judge only those whose stages can have changed since the last refresh: with new facts, or whose day has come.
        Everybody, when there was no refresh yet, when a model changed, or for an earlier day than the last.
    extras : Extras, optional
        What other rooms add; :func:`tenure.scorecard.refresh.refresh` passes them all.

    Returns
    -------
    RefreshReport

    Raises
    ------
    ModelError, RuleError
        When a model cannot be read.
    EngineError
        When Spark is asked for and not installed.
    """
    chosen = models_of(lake, models)
    if models is not None and (customers is not None or only_changed):
        chosen += _kept_beside(lake, chosen)
    tell = on_progress or (lambda _text, _part: None)
    previous = _previous(lake)
    if as_of is None:
        as_of = previous["as_of"] if customers is not None and previous else last_fact_day(lake)
    generation = (previous["generation"] if previous else 0) + 1
    report = RefreshReport(generation, as_of, engine, "full", datetime.now(UTC))
    tell(mark("Looking at which models fit"), 0.0)
    available = lake.available_kinds()
    report.models = [ModelReport(one.id, one.version, one.missing(available)) for one in chosen]
    fitting = [one for one, told in zip(chosen, report.models, strict=True) if not told.missing]
    if customers is None and only_changed:
        customers = whom_to_judge(lake, fitting, as_of)
    run = _Run(lake, fitting, report, tell, extras or Extras())
    if customers is not None:
        run.touched(list(customers))
    elif engine == "spark":
        from tenure.lifecycle.spark import blocks_on_spark

        run.full(blocks_on_spark)
    else:
        run.full(blocks_here)
    report.finished_at = datetime.now(UTC)
    _record(lake, report)
    tell(mark("Done"), 1.0)
    return report


def _previous(lake: Lake) -> dict[str, Any] | None:
    if not lake.has("refreshes"):
        return None
    con = lake.connect(("refreshes",))
    rows = con.execute("SELECT generation, as_of FROM refreshes ORDER BY generation DESC LIMIT 1").fetchone()
    return {"generation": rows[0], "as_of": rows[1]} if rows else None


def _kept_beside(lake: Lake, chosen: Sequence[Model]) -> list[Model]:
    """Return the other models that have spans: whoever is judged again is judged under all of them.

    What is put over a customer's old rows hides them all, so all have to be made anew.
    """
    there = {file.partition.get("model") or "" for file in lake.files("spans")} - {one.id for one in chosen}
    own = {path.stem for path in (lake.path / "models").glob("*.yaml")}
    return models_of(lake, [one for one in sorted(there - {""}) if one in own or one in builtin_texts()])


def _record(lake: Lake, report: RefreshReport) -> None:
    told = [
        {"id": m.id, "version": m.version, "customers": m.customers, "spans": m.spans, "missing": list(m.missing)}
        for m in report.models
    ]
    row = {
        "generation": report.generation,
        "as_of": report.as_of,
        "tz": lake.settings.tz,
        "engine": report.engine,
        "mode": report.mode,
        "started_at": report.started_at,
        "finished_at": report.finished_at,
        "customers": report.customers,
        "models": json.dumps(told, ensure_ascii=False),
    }
    lake.write("refreshes", pa.Table.from_pylist([row], schema=REFRESHES))


@dataclass
class _Run:
    """One refresh at work."""

    lake: Lake
    models: list[Model]
    report: RefreshReport
    tell: Progress
    extras: Extras

    def full(self, blocks: Blocks) -> None:
        """Judge everybody: spans are written as they come, the roster waits beside them; one commit per table."""
        for subject in ("customer", "product"):
            models = [model for model in self.models if model.subject == subject]
            if models or subject == "customer":
                self._full(blocks, models, subject)

    def _full(self, blocks: Blocks, models: list[Model], subject: str) -> None:
        with_roster = subject == "customer"
        partitions = [model.id for model in models]
        if with_roster:  # models that lost their facts lose their spans too
            partitions += [told.id for told in self.report.models if told.missing]
        replaced = [*partitions, *([""] if with_roster and self._replaces_all(partitions) else [])]
        with TemporaryDirectory(prefix="tenure-") as folder:
            spool = Path(folder) / "roster.parquet"
            asked = Asked(models, self.extras.figures if with_roster else None, self.extras.scores)
            judged = self._spooled(
                blocks(self.lake, asked, self.report.as_of, subject), spool, asked.roster if with_roster else None
            )
            self.lake.write("spans", judged, schema=SPANS_IN_LAKE, partition_by="model", replace={"model": replaced})
            if with_roster:
                self._publish(spool)

    def _publish(self, spool: Path) -> None:
        """Write everybody's rows; other rooms' columns need all of them at once, the bare roster streams through."""
        if self.extras.finish is None:
            self.lake.write("scorecard", map(self._stamped_batch, pq.ParquetFile(spool).iter_batches()),
                            schema=SCORECARD, replace=True)  # fmt: skip
        else:
            self.tell(mark("Working out value and risk"), 0.6)
            self.lake.write(
                "scorecard", self._stamped(self.extras.finish(pq.read_table(spool), self.report)), replace=True
            )

    def _replaces_all(self, partitions: list[str]) -> bool:
        """Whether no model keeps rows to which a marker of a touched refresh still applies."""
        products = {model.id for model in self.models if model.subject == "product"}
        there = {file.partition.get("model") for file in self.lake.files("spans")} - {"", None} - products
        return there <= set(partitions)

    def _spooled(self, judged: Iterable[Judged], spool: Path, roster: pa.Schema | None) -> Iterator[pa.RecordBatch]:
        writer = pq.ParquetWriter(spool, roster) if roster is not None else None
        most = 0.9 if self.extras.finish is None else 0.55
        try:
            for one in judged:
                self._count(one.spans)
                if writer is not None:
                    self.report.customers += len(one.roster)
                    writer.write_table(one.roster)
                yield from self._stamped(one.spans).cast(SPANS_IN_LAKE).to_batches()
                self.tell(mark("Judging customers"), 0.05 + most * one.part)
        finally:
            if writer is not None:
                writer.close()

    def _stamped(self, table: pa.Table) -> pa.Table:
        stamp = pa.repeat(pa.scalar(self.report.generation, pa.int64()), len(table))
        return table.append_column(GENERATION, stamp)

    def _stamped_batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        stamp = pa.repeat(pa.scalar(self.report.generation, pa.int64()), len(batch))
        return pa.RecordBatch.from_arrays([*batch.columns, stamp], schema=SCORECARD)

    def _count(self, spans: pa.Table) -> None:
        told = {model.id: model for model in self.report.models}
        found = spans.group_by("model").aggregate([("customer_id", "count_distinct"), ("stage", "count")])
        for row in found.to_pylist():
            told[row["model"]].customers += row["customer_id_count_distinct"]
            told[row["model"]].spans += row["stage_count"]
        # A span without an end that is not a passage is where the customer is now.
        now = spans.filter(pc.is_null(spans.column("left_on")))
        for row in now.group_by(["model", "stage"]).aggregate([("customer_id", "count")]).to_pylist():
            stages = told[row["model"]].stages
            stages[row["stage"]] = stages.get(row["stage"], 0) + row["customer_id_count"]

    def touched(self, customers: list[str]) -> None:
        """Judge some customers and put their rows over the old ones, each table in one commit."""
        self.report.mode = "touched"
        models = [model for model in self.models if model.subject == "customer"]
        if not customers:
            return
        asked = Asked(models, self.extras.figures, self.extras.scores)
        with slices_of(self.lake, asked.needed(self.lake.kinds()), customers=customers) as slices:
            block = slices.block_of(customers, day_number(self.report.as_of))
            spans, roster = judge(asked, block)
        self._count(spans)
        self.report.customers = len(roster)
        self.tell(mark("Writing"), 0.8)
        marked = _only_ids(customers, SPANS).set_column(0, "model", pa.repeat(pa.scalar("", TEXT), len(set(customers))))
        self.lake.write(
            "spans", self._stamped(pa.concat_tables([marked, spans])).cast(SPANS_IN_LAKE), partition_by="model"
        )
        shown = roster if self.extras.finish is None else self.extras.finish(roster, self.report)
        gone = _only_ids(set(customers).difference(roster.column("customer_id").to_pylist()), shown.schema)
        self.lake.write("scorecard", self._stamped(pa.concat_tables([shown, gone])))


def _only_ids(customers: Iterable[str], schema: pa.Schema) -> pa.Table:
    """Return rows that say nothing but whose older rows are old."""
    ids = pa.array(sorted(set(customers)), TEXT)
    columns = [ids if one.name == "customer_id" else pa.nulls(len(ids), one.type) for one in schema]
    return pa.table(columns, schema=schema)
