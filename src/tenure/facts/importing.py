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

from tenure.errors import MappingError
from tenure.facts.batches import Batch, ImportReport, Progress, batch_id_of, earlier_batches, write_batches
from tenure.facts.customers import settle_customers
from tenure.facts.deduplication import COMPARED, Settled, settle, with_ids
from tenure.facts.reading import BASKETS, SOURCE, Guess, conflicts_of, guess, plan_of, quarantine_table
from tenure.facts.reading.cleaning import Cleaner, ImportPlan, Rejected
from tenure.facts.reading.files import chunks
from tenure.facts.schema import FACT_TABLES, QUARANTINE
from tenure.facts.spelling import respell
from tenure.facts.tables import REPLACED
from tenure.lake import views
from tenure.lake.delta import ROW_GROUP
from tenure.lake.duck import spilling
from tenure.lake.lock import writing
from tenure.words import mark

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    import duckdb

    from tenure.facts.lake import Lake

__all__ = ["Batch", "ImportReport", "Progress", "import_files"]


@dataclass(frozen=True, slots=True)
class _Job:
    """One file on its way in."""

    lake: Lake
    path: Path
    known: Guess
    plan: ImportPlan
    batch_id: str
    on_progress: Callable[[Progress], None] | None
    number: int
    files: int
    corrections: bool

    def report(self, step: str, rows: int, done: int | None = None) -> None:
        total = self.path.stat().st_size
        if self.on_progress is not None:
            done = total if done is None else min(done, total)
            self.on_progress(Progress(self.path.name, self.number, self.files, step, done, total, rows))

    def stored(self, table: str, *, places: bool = False) -> str:
        """Return SQL for the facts that the lake has already; empty when it has none."""
        paths = [file.path for file in self.lake.files(table) if file.rows]
        return f"SELECT * FROM {views.scan(paths, places=places)}" if paths else ""


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
    moment, paths = now or datetime.now(UTC), [Path(file) for file in files]
    # Every file is understood before the first one is written.
    guesses = [guess(path, as_, mapping, sheet=sheet, delimiter=delimiter, date_format=date_format) for path in paths]
    plans = [
        plan_of(path, known, tz=tz or lake.settings.tz, source=source, now=moment)
        for path, known in zip(paths, guesses, strict=True)
    ]
    if corrections:
        for path, known in zip(paths, guesses, strict=True):
            _require_numbers(path.name, known)
    batches: list[Batch] = []
    for number, (path, known, plan) in enumerate(zip(paths, guesses, plans, strict=True), 1):
        batch_id = batch_id_of(path, known, plan, corrections=corrections)
        job = _Job(lake, path, known, plan, batch_id, on_progress, number, len(paths), corrections)
        batches += earlier_batches(lake, batch_id) or _import_file(job)
        job.report("done", batches[-1].rows)
    return ImportReport(tuple(batches), tuple(guesses))


def _require_numbers(path: str, known: Guess) -> None:
    """Refuse to correct by files whose rows have no number: nothing tells which fact each of them corrects."""
    if known.as_ == "customers":
        return  # of customers the newest row counts anyway
    if known.as_ == BASKETS:
        raise MappingError(
            mark(
                "%(path)s: baskets cannot be corrected because their lines have no numbers. Import the "
                "orders again with --as orders --corrections, or the lines with --as order_lines --map "
                "fact_id=COLUMN --corrections."
            ),
            path=path,
        )
    given = {"at", *known.columns, *known.constants}
    key = FACT_TABLES[known.as_].key
    if "fact_id" in given or (key and given.issuperset(key)):
        return
    raise MappingError(
        mark(
            "Corrections need a number for each row, but %(path)s has none. Map its column with --map "
            "%(field)s=COLUMN, or import without --corrections."
        ),
        path=path,
        field=next((name for name in key if name not in given), "fact_id"),
    )


def _import_file(job: _Job) -> list[Batch]:
    with spilling(job.lake.path) as con:
        rows = _stage(job, con)
        job.report("settling", rows)
        with writing(job.lake.path):
            if job.known.as_ == "customers":
                reasons = _write_refused(job, con)
                accepted = settle_customers(job.lake, con, job.batch_id, job.plan.now)
                done = [_batch(job, rows, accepted, reasons)]
            else:
                done = [_settle_rows(job, con, rows)]
            if job.known.as_ == BASKETS:
                done.append(_settle_orders(job, con))
            write_batches(job.lake, done, job.plan, job.known.as_)
            if job.corrections:
                # The rows that an import without corrections left in quarantine were all judged again.
                plain = batch_id_of(job.path, job.known, job.plan, corrections=False)
                if any(file.partition.get("batch_id") == plain for file in job.lake.files("quarantine")):
                    job.lake.write("quarantine", QUARANTINE.empty_table(), replace={"batch_id": [plain]})
    return done


def _stage(job: _Job, con: duckdb.DuckDBPyConnection) -> int:
    """Read the file into the tables `staged` and `refused` and return how many rows it has."""
    plan, rows = job.plan, 0
    select = "SELECT * FROM chunk"
    if job.known.as_ != "customers":
        # Columns that cannot differ between rows need not wait and be sorted; they are added when facts are written.
        varying = {*plan.given, "fact_id", "status", *COMPARED}
        names = views.columns(name for name in plan.schema.names if name in varying)
        select = f"SELECT {names}, row, counted FROM ({with_ids(plan.table, 'chunk')})"
    con.register("chunk", pa.schema([*plan.schema, ("row", pa.int64())]).empty_table())
    con.execute(f"CREATE TEMP TABLE staged AS {select}")
    con.register("wrong", QUARANTINE.empty_table())
    con.execute("CREATE TEMP TABLE refused AS SELECT * FROM wrong")
    cleaner = Cleaner(plan)
    for chunk in chunks(job.path, job.known.layout, plan.read_columns):
        table, wrong = cleaner.clean(chunk)
        rows += len(chunk.numbers) + len(chunk.bad)
        con.register("chunk", table)
        con.execute(f"INSERT INTO staged {select}")
        _refuse(job, con, wrong)
        job.report("reading", rows, chunk.done)
    con.unregister("chunk")
    return rows


def _settle_rows(job: _Job, con: duckdb.DuckDBPyConnection, rows: int) -> Batch:
    table = job.plan.table
    respell(job.lake, con)
    known = job.stored(table, places=job.corrections)
    settled = settle(con, table, "staged", known, job.batch_id, job.plan.given, corrections=job.corrections)
    reasons = _write_settled(job, con, settled)
    again = 0  # facts that this very batch corrected before it was interrupted
    if settled.own:
        replaced = job.lake.files("replaced")
        again = sum(file.rows for file in replaced if file.partition.get("batch_id") == job.batch_id)
    return _batch(job, rows, settled.accepted + settled.own - again, reasons, settled.corrected + again)


def _settle_orders(job: _Job, con: duckdb.DuckDBPyConnection) -> Batch:
    """Make orders of the lines, one per number and customer."""
    summed = {"customer_id", "at", "source", "order_id", "amount", "status"}
    empty = ", ".join(
        f"NULL::{'DECIMAL(18,4)' if name == 'cost' else 'VARCHAR'} AS {name}"
        for name in ("fact_id", *FACT_TABLES["orders"].own)
        if name not in summed
    )
    con.execute(
        f"""CREATE TEMP TABLE summed AS
        SELECT any_value(customer_id) AS customer_id, min("at") AS "at", order_id,
        {views.quoted(job.plan.source)} AS source, sum(amount)::DECIMAL(18,4) AS amount,
        CASE WHEN sum(amount) < 0 THEN 'refund' ELSE 'sale' END AS status,
        min(row) AS row, NULL::VARCHAR AS batch_id, {empty} FROM staged GROUP BY order_id, lower(customer_id)"""
    )
    con.execute(f"CREATE TEMP TABLE baskets AS {with_ids('orders', 'summed')}")
    orders = replace(job, batch_id=f"{job.batch_id}+orders", plan=replace(job.plan, table="orders"))
    settled = settle(con, "orders", "baskets", job.stored("orders"), orders.batch_id, frozenset({"amount"}))
    con.execute("DELETE FROM refused")
    reasons = _write_settled(orders, con, settled)
    accepted = settled.accepted + settled.own
    rows = accepted + settled.duplicates + len(settled.conflicts)
    return replace(_batch(orders, rows, accepted, reasons), derived=True)


def _batch(job: _Job, rows: int, accepted: int, reasons: dict[str, int], corrected: int = 0) -> Batch:
    refused = sum(reasons.values())
    duplicates = rows - accepted - refused - corrected
    table, mapping = job.plan.table, job.known.mapping
    return Batch(job.batch_id, table, job.path.name, rows, accepted, duplicates, refused, mapping, reasons, corrected)


# Writing


def _refuse(job: _Job, con: duckdb.DuckDBPyConnection, rejected: list[Rejected]) -> None:
    """Add rows that are no facts to the table `refused`."""
    if rejected:
        con.register("wrong", quarantine_table(rejected, job.batch_id, job.plan.table, job.path.name, job.plan.now))
        con.execute("INSERT INTO refused SELECT * FROM wrong")
        con.unregister("wrong")


def _write_refused(job: _Job, con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Put the rows of `refused` into the quarantine, in place of an interrupted attempt's, and count their reasons."""
    counts = con.execute("SELECT reason, count(*) AS n FROM refused GROUP BY reason ORDER BY n DESC, reason").fetchall()
    if counts or job.lake.table("quarantine") is not None:
        read = con.execute("SELECT * FROM refused ORDER BY row").to_arrow_reader(ROW_GROUP)
        rows = (batch.cast(QUARANTINE) for batch in read)
        job.lake.write("quarantine", rows, schema=QUARANTINE, replace={"batch_id": [job.batch_id]})
    return dict(counts)


def _write_settled(job: _Job, con: duckdb.DuckDBPyConnection, settled: Settled) -> dict[str, int]:
    """Write the quarantine, then the facts in one commit, and return the reasons of refused rows."""
    _refuse(job, con, conflicts_of(job.path, job.known, settled.conflicts))
    reasons = _write_refused(job, con)
    if not settled.accepted and not settled.corrected:
        return reasons
    table, schema = job.plan.table, FACT_TABLES[job.plan.table].schema
    constant = {"source": job.plan.source, "batch_id": job.batch_id}
    described = {row[0] for row in con.execute(f"DESCRIBE {settled.facts}").fetchall()}
    facts = f"SELECT {views.columns(n for n in schema.names if n in described - {*constant})} FROM ({settled.facts})"
    places = _keep_former(job, con) if settled.corrected else []
    if places:
        # The files that hold replaced facts are written anew, with all else that is in them.
        same = ", ".join(f"{views.quoted(value)} AS {name}" for name, value in constant.items())
        facts = (
            f"SELECT *, {same} FROM ({facts}) UNION ALL BY NAME"
            f" SELECT {views.columns(schema.names)} FROM {views.scan(places)} ANTI JOIN former USING (fact_id)"
        )
    read = con.execute(f'{facts} ORDER BY customer_id, "at", fact_id').to_arrow_reader(ROW_GROUP)
    rows = (_widened(batch, schema, constant) for batch in read)
    job.lake.write(table, rows, schema=schema, replace=places)
    job.lake.tidy(table)
    return reasons


def _widened(batch: pa.RecordBatch, schema: pa.Schema, constant: dict[str, str]) -> pa.RecordBatch:
    """Return rows with the columns that are the same, or empty, in all of them."""
    names = set(batch.schema.names)
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in names
        else pa.repeat(pa.scalar(constant.get(field.name), field.type), batch.num_rows)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _keep_former(job: _Job, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Write the facts of `former` to the table `replaced`, and return the files of the lake that hold them.

    So nothing is lost that a correction replaces, and a refresh finds the customer who had the fact.
    """
    places = [row[0] for row in con.execute("SELECT DISTINCT filename FROM former ORDER BY 1").fetchall()]
    if places:
        referrer = "referrer_id" if job.plan.table == "orders" else "NULL::VARCHAR"
        read = con.execute(
            f'SELECT $batch AS batch_id, $table AS "table", fact_id, customer_id, {referrer} AS referrer_id,'
            ' to_json(f)::VARCHAR AS was, $now::TIMESTAMPTZ AS "at"'
            " FROM (SELECT * EXCLUDE (filename) FROM former) AS f ORDER BY customer_id, fact_id",
            {"batch": job.batch_id, "table": job.plan.table, "now": job.plan.now},
        ).to_arrow_reader(ROW_GROUP)
        rows = (batch.cast(REPLACED) for batch in read)
        job.lake.write("replaced", rows, schema=REPLACED, replace={"batch_id": [job.batch_id]})
    return places
