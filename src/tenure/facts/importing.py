"""Bringing files into the lake.

One file is one batch. Its steps are ordered so that it can be killed anywhere and imported again: quarantine first
(replaced as a whole), then the facts in one commit (those of an interrupted attempt are recognised), and the batch's
own row last, which says that it is done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.facts import correcting
from tenure.facts.appending import respell
from tenure.facts.batches import (
    Batch,
    ImportReport,
    Progress,
    batch_id_of,
    earlier_batches,
    write_batches,
)
from tenure.facts.lake import Lake
from tenure.facts.reading import BASKETS, SOURCE, Guess, conflicts_of, guess, plan_of, quarantine_table
from tenure.facts.reading.cleaning import Cleaner, Plan, Rejected
from tenure.facts.reading.rows import chunks
from tenure.facts.reading.settling import COMPARED, Settled, settle, with_ids
from tenure.facts.schema import FACT_TABLES, QUARANTINE
from tenure.lake import views
from tenure.lake.delta import ROW_GROUP
from tenure.lake.duck import spilling
from tenure.lake.lock import writing

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    import duckdb

__all__ = ["Batch", "ImportReport", "Progress", "import_files"]


@dataclass(frozen=True, slots=True)
class _Job:
    """One file on its way in."""

    lake: Lake
    path: Path
    known: Guess
    plan: Plan
    batch_id: str
    on_progress: Callable[[Progress], None]
    number: int
    files: int
    corrections: bool

    @property
    def said(self) -> frozenset[str]:
        """The fields of which the file says something."""
        return frozenset((*self.plan.columns, *self.plan.constants))

    def tell(self, step: str, done: int, rows: int) -> None:
        total = self.path.stat().st_size
        self.on_progress(Progress(self.path.name, self.number, self.files, step, min(done, total), total, rows))


def import_files(  # noqa: PLR0913 - all by name
    lake: Lake,
    files: Sequence[str | os.PathLike[str]],
    as_: str = "orders",
    mapping: Mapping[str, str | int] | None = None,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    sheet: str | None = None,
    delimiter: str | None = None,
    date_format: str = "",
    tz: str | None = None,
    source: str = SOURCE,
    now: datetime | None = None,
    corrections: bool = False,
) -> ImportReport:
    """Bring files into a lake; each is one batch, wholly in or not at all."""
    moment = now or datetime.now(UTC)
    guesses = [
        guess(one, as_, mapping, sheet=sheet, delimiter=delimiter, date_format=date_format) for one in map(Path, files)
    ]
    plans = [
        plan_of(Path(path), known, tz=tz or lake.settings.tz, source=source, now=moment)
        for path, known in zip(files, guesses, strict=True)
    ]  # every file is understood before the first one is written
    for path, known in zip(map(Path, files), guesses, strict=True):
        if corrections:
            correcting.must_be_named(path.name, known)
    batches: list[Batch] = []
    for number, (path, known, plan) in enumerate(zip(map(Path, files), guesses, plans, strict=True), 1):
        name = batch_id_of(path, known, plan, corrections=corrections)
        job = _Job(lake, path, known, plan, name, on_progress or _quiet, number, len(plans), corrections)
        earlier = earlier_batches(lake, job.batch_id)
        batches += earlier or _import_one(job)
        job.tell("done", path.stat().st_size, batches[-1].rows)
    return ImportReport(tuple(batches), tuple(guesses))


def _quiet(progress: Progress) -> None:
    del progress


def _import_one(job: _Job) -> list[Batch]:
    with spilling(job.lake.path) as con:
        rows = _stage(job, con)
        job.tell("settling", job.path.stat().st_size, rows)
        with writing(job.lake.path):
            work = _settle_customers if job.known.as_ == "customers" else _settle
            done = [work(job, con, rows)]
            if job.known.as_ == BASKETS:
                done.append(_settle_orders(job, con))
            write_batches(job.lake, done, job.plan, job.known.as_)
            if job.corrections:
                _supersede(job)
    return done


def _stage(job: _Job, con: duckdb.DuckDBPyConnection) -> int:
    """Read the file into the tables `staged` and `refused` and return how many rows it has."""
    cleaner, rows, customers = Cleaner(job.plan), 0, job.known.as_ == "customers"
    empty = pa.schema([*job.plan.schema, ("row", pa.int64())]).empty_table()
    named = "SELECT * FROM chunk" if customers else _narrow(job.plan)
    con.register("chunk", empty)
    con.execute(f"CREATE TEMP TABLE staged AS {named}")
    con.register("wrong", QUARANTINE.empty_table())
    con.execute("CREATE TEMP TABLE refused AS SELECT * FROM wrong")
    wanted = sorted({*job.plan.columns.values(), *job.plan.extra})
    for chunk in chunks(job.path, job.known.layout, wanted):
        table, wrong = cleaner.clean(chunk)
        rows += len(chunk.numbers) + len(chunk.bad)
        con.register("chunk", table)
        con.execute(f"INSERT INTO staged {named}")
        _refuse(job, con, wrong)
        job.tell("reading", chunk.done, rows)
    con.unregister("chunk")
    return rows


def _narrow(plan: Plan) -> str:
    """Return SQL for the columns of a chunk that can differ between rows; the others need not wait and be sorted."""
    given = {*plan.columns, *plan.constants, "fact_id", "status", *COMPARED}
    names = ", ".join(f'"{name}"' for name in plan.schema.names if name in given)
    return f"SELECT {names}, row, counted FROM ({with_ids(plan.table, 'chunk')})"


def _refuse(job: _Job, con: duckdb.DuckDBPyConnection, rejected: list[Rejected]) -> None:
    """Add rows that are no facts to the table `refused`."""
    if rejected:
        con.register("wrong", quarantine_table(rejected, job.batch_id, job.plan.table, job.path.name, job.plan.now))
        con.execute("INSERT INTO refused SELECT * FROM wrong")
        con.unregister("wrong")


def _settle(job: _Job, con: duckdb.DuckDBPyConnection, rows: int) -> Batch:
    table = job.plan.table
    respell(job.lake, con)
    known = _known(job.lake, table, places=job.corrections)
    settled = settle(con, table, "staged", known, job.batch_id, job.said, corrections=job.corrections)
    _refuse(job, con, conflicts_of(job.path, job.known, settled.conflicts))
    reasons = _write_refused(job, con)
    _write_facts(job, con, table, settled, job.batch_id)
    again = correcting.count_replaced(job.lake, job.batch_id) if settled.own else 0  # before this import was killed
    return _batch(job, rows, settled.accepted + settled.own - again, reasons, settled.corrected + again)


def _settle_customers(job: _Job, con: duckdb.DuckDBPyConnection, rows: int) -> Batch:
    from tenure.facts.customers import settle_customers

    reasons = _write_refused(job, con)
    return _batch(job, rows, settle_customers(job.lake, con, job.batch_id, job.plan.now), reasons)


def _settle_orders(job: _Job, con: duckdb.DuckDBPyConnection) -> Batch:
    """Make orders of the lines, one per number and customer."""
    own = {"customer_id", "at", "source", "order_id", "amount", "status"}
    rest = ", ".join(
        f"NULL::{'DECIMAL(18,4)' if name == 'cost' else 'VARCHAR'} AS {name}"
        for name in ("fact_id", *FACT_TABLES["orders"].own)
        if name not in own
    )
    con.execute(
        f"""CREATE TEMP TABLE summed AS
        SELECT any_value(customer_id) AS customer_id, min("at") AS "at", order_id,
        {views.quoted(job.plan.source)} AS source, sum(amount)::DECIMAL(18,4) AS amount,
        CASE WHEN sum(amount) < 0 THEN 'refund' ELSE 'sale' END AS status,
        min(row) AS row, NULL::VARCHAR AS batch_id, {rest} FROM staged GROUP BY order_id, lower(customer_id)"""
    )
    con.execute(f"CREATE TEMP TABLE baskets AS {with_ids('orders', 'summed')}")
    whole = replace(job, batch_id=f"{job.batch_id}+orders", plan=replace(job.plan, table="orders"))
    settled = settle(con, "orders", "baskets", _known(job.lake, "orders"), whole.batch_id, frozenset({"amount"}))
    con.execute("DELETE FROM refused")
    _refuse(whole, con, conflicts_of(job.path, job.known, settled.conflicts))
    reasons = _write_refused(whole, con)
    _write_facts(whole, con, "orders", settled, whole.batch_id)
    accepted = settled.accepted + settled.own
    rows = accepted + settled.duplicates + len(settled.conflicts)
    return replace(_batch(whole, rows, accepted, reasons), derived=True)


def _known(lake: Lake, table: str, *, places: bool = False) -> str:
    paths = [file.path for file in lake.files(table) if file.rows]
    return f"SELECT * FROM {views.scan(paths, places=places)}" if paths else ""


def _write_facts(job: _Job, con: duckdb.DuckDBPyConnection, table: str, settled: Settled, batch_id: str) -> None:
    if not settled.accepted and not settled.corrected:
        return
    constant = {"source": job.plan.source, "batch_id": batch_id}
    places = correcting.keep_former(job.lake, con, table, batch_id, job.plan.now) if settled.corrected else []
    there = {row[0] for row in con.execute(f"DESCRIBE {settled.facts}").fetchall()} - {*constant}
    own = ", ".join(f'"{name}"' for name in FACT_TABLES[table].schema.names if name in there)
    facts = f"SELECT {own} FROM ({settled.facts})"
    if places:
        facts = correcting.with_the_rest(facts, table, places, **constant)
    read = con.execute(f'{facts} ORDER BY customer_id, "at", fact_id').to_arrow_reader(ROW_GROUP)
    schema = FACT_TABLES[table].schema
    job.lake.write(table, (_widened(batch, schema, constant) for batch in read), schema=schema, replace=places)
    job.lake.tidy(table)


def _widened(batch: pa.RecordBatch, schema: pa.Schema, constant: dict[str, str]) -> pa.RecordBatch:
    """Return rows with the columns that are the same, or empty, in all of them."""
    count, there = batch.num_rows, set(batch.schema.names)
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in there
        else pa.repeat(pa.scalar(constant.get(field.name), field.type), count)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _write_refused(job: _Job, con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Put the rows of `refused` into the quarantine, in place of an interrupted attempt's, and count their reasons."""
    counts = con.execute("SELECT reason, count(*) AS n FROM refused GROUP BY reason ORDER BY n DESC, reason").fetchall()
    if counts or job.lake.table("quarantine") is not None:
        read = con.execute("SELECT * FROM refused ORDER BY row").to_arrow_reader(ROW_GROUP)
        rows = (batch.cast(QUARANTINE) for batch in read)
        job.lake.write("quarantine", rows, schema=QUARANTINE, replace={"batch_id": [job.batch_id]})
    return dict(counts)


def _batch(job: _Job, rows: int, accepted: int, reasons: dict[str, int], corrected: int = 0) -> Batch:
    refused = sum(reasons.values())
    duplicates = rows - accepted - refused - corrected
    table, mapping = job.plan.table, job.known.mapping
    return Batch(job.batch_id, table, job.path.name, rows, accepted, duplicates, refused, mapping, reasons, corrected)


def _supersede(job: _Job) -> None:
    """Empty the quarantine of the same file's import without corrections: its rows were all judged again."""
    plain = batch_id_of(job.path, job.known, job.plan, corrections=False)
    if any(file.partition.get("batch_id") == plain for file in job.lake.files("quarantine")):
        job.lake.write("quarantine", QUARANTINE.empty_table(), replace={"batch_id": [plain]})
