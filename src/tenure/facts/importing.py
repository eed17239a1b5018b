"""Bringing files into the lake.

One file is one batch. Its steps are ordered so that it can be killed anywhere and imported again: quarantine first
(replaced as a whole), then the facts in one commit (those of an interrupted attempt are recognised), and the batch's
own row last, which says that it is done.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.errors import MappingError
from tenure.facts.customers import settle_customers
from tenure.facts.deduplication import COMPARED, Settled, settle, with_ids
from tenure.facts.reading import BASKETS, SOURCE, conflicts_of, guess, plan_of, quarantine_table
from tenure.facts.reading.cleaning import ImportPlan, Rejected, cleaned
from tenure.facts.schema import BATCHES, FACT_TABLES, QUARANTINE, REPLACED
from tenure.facts.spelling import respell
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


@dataclass(frozen=True, slots=True)
class Progress:
    file: str
    number: int
    files: int
    step: str  # reading, settling, done
    done: int
    total: int
    rows: int


@dataclass(frozen=True, slots=True)
class Batch:
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
    reasons: dict[str, int]  # how many rows are in quarantine for which reason, the most frequent first
    accepted: int
    corrected: int
    duplicates: int
    quarantined: int

    @classmethod
    def of(cls, batches: list[Batch]) -> ImportReport:
        reasons = sum((Counter(batch.reasons) for batch in batches), Counter[str]())
        own = [batch for batch in batches if not batch.derived]
        names = ("accepted", "corrected", "duplicates", "quarantined")
        totals = {name: sum(getattr(batch, name) for batch in own) for name in names}
        return cls(tuple(batches), dict(reasons.most_common()), **totals)


@dataclass(frozen=True, slots=True)
class _Job:
    lake: Lake
    plan: ImportPlan
    table: str
    batch_id: str
    corrections: bool
    on_progress: Callable[[Progress], None] | None
    number: int
    files: int
    valid_from: date | None  # since when customer records hold that do not say it

    def report(self, step: str, rows: int, done: int | None = None) -> None:
        if self.on_progress is not None:
            total = self.plan.path.stat().st_size
            done = total if done is None else min(done, total)
            self.on_progress(Progress(self.plan.path.name, self.number, self.files, step, done, total, rows))


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
    valid_from: date | None = None,
) -> ImportReport:
    """Import files into a lake.

    Parameters
    ----------
    lake : Lake
        Where the facts go.
    files : sequence of path
        CSV, Excel, Parquet or JSON lines. All are understood before the first is written.
    as_ : str, default "orders"
        What their rows are: a fact table, ``customers``, or ``baskets``.
    mapping : mapping of str to str or int, optional
        Field to column, where names cannot be guessed.
    on_progress : callable, optional
        Called with a :class:`Progress` at every step.
    sheet, delimiter, date_format
        How to read the files, where it is not detected.
    tz : str, optional
        Time zone of times without one; the lake's when omitted.
    source : str
        Where the data comes from.
    now : datetime, optional
        The moment of the import.
    corrections : bool, default False
        Whether rows replace facts that have the same number.
    valid_from : date, optional
        Since when customer records hold that do not say it themselves; since the day of the import when omitted.

    Returns
    -------
    ImportReport

    Raises
    ------
    MappingError, FactsError
        When a file cannot be understood.
    """
    moment = now or datetime.now(UTC)
    plans = []  # every file is understood before the first one is written
    for path in map(Path, files):
        known = guess(path, as_, mapping, sheet=sheet, delimiter=delimiter, date_format=date_format)
        plans.append(plan_of(path, known, tz=tz or lake.settings.tz, source=source, now=moment))
    if corrections:
        for plan in plans:
            _require_numbers(plan)
    batches: list[Batch] = []
    for number, plan in enumerate(plans, 1):
        batch_id = batch_id_of(plan, corrections=corrections, valid_from=valid_from)
        job = _Job(lake, plan, plan.table, batch_id, corrections, on_progress, number, len(plans), valid_from)
        batches += _earlier_batches(lake, batch_id) or _import_file(job)
        job.report("done", batches[-1].rows)
    return ImportReport.of(batches)


def batch_id_of(plan: ImportPlan, *, corrections: bool, valid_from: date | None = None) -> str:
    """Return the name of a batch: the same file read in the same way, with the same leave to correct, is the same."""
    with plan.path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    known = plan.known
    key = [digest, known.as_, known.mapping, known.layout.sheet, plan.tz, plan.source]
    key.append({name: (style.order, style.forced) for name, style in known.date_styles.items()})
    key += ["corrections"] if corrections else []
    key += [valid_from.isoformat()] if valid_from else []
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]


def _earlier_batches(lake: Lake, batch_id: str) -> list[Batch]:
    """Return what became of a file when it was imported before; nothing when it was not, or not to the end."""
    sql = "SELECT * FROM batches WHERE batch_id = $id OR batch_id = $id || '+orders' ORDER BY batch_id"
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
        for row in lake.rows("batches", sql, {"id": batch_id})
    ]


def _require_numbers(plan: ImportPlan) -> None:
    """Refuse to correct by files whose rows have no number: nothing tells which fact each of them corrects."""
    if plan.table == "customers":
        return  # of customers the newest row counts anyway
    if plan.known.as_ == BASKETS:
        text = mark(
            "%(path)s: baskets cannot be corrected because their lines have no numbers. Import the "
            "orders again with --as orders --corrections, or the lines with --as order_lines --map "
            "fact_id=COLUMN --corrections."
        )
        raise MappingError(text, path=plan.path.name)
    given = {"at", *plan.known.mapping}
    key = FACT_TABLES[plan.table].key
    if "fact_id" in given or (key and given.issuperset(key)):
        return
    text = mark(
        "Corrections need a number for each row, but %(path)s has none. Map its column with --map "
        "%(field)s=COLUMN, or import without --corrections."
    )
    raise MappingError(text, path=plan.path.name, field=next((name for name in key if name not in given), "fact_id"))


def _import_file(job: _Job) -> list[Batch]:
    lake, plan, written = job.lake, job.plan, []
    with spilling(lake.path) as con:
        rows = _stage(job, con)
        job.report("settling", rows)
        with writing(lake.path):
            if job.table == "customers":
                reasons = _write_refused(job, con)
                accepted = settle_customers(lake, con, job.batch_id, plan.now, job.valid_from)
                done = [_batch(job, rows, accepted, reasons)]
            else:
                done = [_settle_rows(job, con, rows)]
            if plan.known.as_ == BASKETS:
                done.append(_settle_orders(job, con))
            same = {"source": plan.source, "tz": plan.tz, "read_as": plan.known.as_, "at": plan.now}
            same["committed_at"] = datetime.now(UTC)
            for batch in done:
                texts = {"mapping": json.dumps(batch.mapping, ensure_ascii=False), "reasons": json.dumps(batch.reasons)}
                written.append({**asdict(batch), **texts, **same})  # the schema takes what it has a column for
            lake.write("batches", pa.Table.from_pylist(written, schema=BATCHES))
            lake.tidy("batches")
            if job.corrections:
                # The rows that an import without corrections left in quarantine were all judged again.
                plain = batch_id_of(plan, corrections=False)
                if any(file.partition.get("batch_id") == plain for file in lake.files("quarantine")):
                    lake.write("quarantine", QUARANTINE.empty_table(), replace={"batch_id": [plain]})
    return done


def _stage(job: _Job, con: duckdb.DuckDBPyConnection) -> int:
    """Read the file into the tables `staged` and `refused` and return how many rows it has."""
    plan, rows = job.plan, 0
    select = "SELECT * FROM chunk"
    if job.table != "customers":
        # Columns that cannot differ between rows need not wait and be sorted; they are added when facts are written.
        varying = {*plan.known.mapping, "fact_id", "status", *COMPARED}
        names = views.columns(name for name in plan.schema.names if name in varying)
        select = f"SELECT {names}, row, counted FROM ({with_ids(plan.table, 'chunk')})"
    con.register("chunk", pa.schema([*plan.schema, ("row", pa.int64())]).empty_table())
    con.execute(f"CREATE TEMP TABLE staged AS {select}")
    con.register("wrong", QUARANTINE.empty_table())
    con.execute("CREATE TEMP TABLE refused AS SELECT * FROM wrong")
    for chunk, table, wrong in cleaned(plan):
        rows += len(chunk.numbers) + len(chunk.bad)
        con.register("chunk", table)
        con.execute(f"INSERT INTO staged {select}")
        _refuse(job, con, wrong)
        job.report("reading", rows, chunk.done)
    con.unregister("chunk")
    return rows


def _settle_rows(job: _Job, con: duckdb.DuckDBPyConnection, rows: int) -> Batch:
    respell(job.lake, con)
    given = frozenset(job.plan.known.mapping)
    known = job.lake.stored(job.table, places=job.corrections)
    settled = settle(con, job.table, "staged", known, job.batch_id, given, corrections=job.corrections)
    reasons = _write_settled(job, con, settled)
    again = 0  # facts that this very batch corrected before it was interrupted
    if settled.own:
        replaced = job.lake.files("replaced")
        again = sum(file.rows for file in replaced if file.partition.get("batch_id") == job.batch_id)
    return _batch(job, rows, settled.accepted + settled.own - again, reasons, settled.corrected + again)


def _settle_orders(job: _Job, con: duckdb.DuckDBPyConnection) -> Batch:
    con.register("nothing", FACT_TABLES["orders"].schema.empty_table())  # for the columns that lines say nothing of
    con.execute(
        f"""CREATE TEMP TABLE summed AS
        SELECT any_value(customer_id) AS customer_id, min("at") AS "at", order_id,
        {views.quoted(job.plan.source)} AS source, sum(amount)::DECIMAL(18,4) AS amount,
        CASE WHEN sum(amount) < 0 THEN 'refund' ELSE 'sale' END AS status, min(row) AS row
        FROM staged GROUP BY order_id, lower(customer_id) UNION ALL BY NAME FROM nothing"""
    )
    con.execute(f"CREATE TEMP TABLE baskets AS {with_ids('orders', 'summed')}")
    orders = replace(job, batch_id=f"{job.batch_id}+orders", table="orders")
    settled = settle(con, "orders", "baskets", job.lake.stored("orders"), orders.batch_id, frozenset({"amount"}))
    con.execute("DELETE FROM refused")
    reasons = _write_settled(orders, con, settled)
    accepted = settled.accepted + settled.own
    rows = accepted + settled.duplicates + len(settled.conflicts)
    return replace(_batch(orders, rows, accepted, reasons), derived=True)


def _batch(job: _Job, rows: int, accepted: int, reasons: dict[str, int], corrected: int = 0) -> Batch:
    refused = sum(reasons.values())
    duplicates = rows - accepted - refused - corrected
    file, mapping = job.plan.path.name, job.plan.known.mapping
    return Batch(job.batch_id, job.table, file, rows, accepted, duplicates, refused, mapping, reasons, corrected)


# Writing


def _refuse(job: _Job, con: duckdb.DuckDBPyConnection, rejected: list[Rejected]) -> None:
    if rejected:
        con.register("wrong", quarantine_table(rejected, job.batch_id, job.table, job.plan.path.name, job.plan.now))
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
    _refuse(job, con, conflicts_of(job.plan, settled.conflicts))
    reasons = _write_refused(job, con)
    if not settled.accepted and not settled.corrected:
        return reasons
    schema = FACT_TABLES[job.table].schema
    constant = {"source": views.quoted(job.plan.source), "batch_id": views.quoted(job.batch_id)}
    described = {row[0] for row in con.execute(f"DESCRIBE {settled.facts}").fetchall()} - {*constant}
    facts = f"SELECT {views.columns(name for name in schema.names if name in described)} FROM ({settled.facts})"
    places = _keep_former(job, con) if settled.corrected else []
    if places:
        # The files that hold replaced facts are written anew, with all else that is in them.
        same = ", ".join(f"{value} AS {name}" for name, value in constant.items())
        facts = (
            f"SELECT *, {same} FROM ({facts}) UNION ALL BY NAME"
            f" SELECT {views.columns(schema.names)} FROM {views.scan(places)} ANTI JOIN former USING (fact_id)"
        )
        described = {*schema.names}
    # Columns that are the same, or empty, in all rows are added behind the sort.
    columns = ", ".join(
        f'"{name}"' if name in described else f'{constant.get(name, "NULL::VARCHAR")} AS "{name}"'
        for name in schema.names
    )
    read = con.execute(f'SELECT {columns} FROM ({facts} ORDER BY customer_id, "at", fact_id)')
    rows = (batch.cast(schema) for batch in read.to_arrow_reader(ROW_GROUP))
    job.lake.write(job.table, rows, schema=schema, replace=places)
    job.lake.tidy(job.table)
    return reasons


def _keep_former(job: _Job, con: duckdb.DuckDBPyConnection) -> list[str]:
    """Write the facts of `former` to the table `replaced`, and return the files of the lake that hold them.

    So nothing is lost that a correction replaces, and a refresh finds the customer who had the fact.
    """
    places = [row[0] for row in con.execute("SELECT DISTINCT filename FROM former ORDER BY 1").fetchall()]
    if places:
        referrer = "referrer_id" if job.table == "orders" else "NULL::VARCHAR"
        read = con.execute(
            f'SELECT $batch AS batch_id, $table AS "table", fact_id, customer_id, {referrer} AS referrer_id,'
            ' to_json(f)::VARCHAR AS was, $now::TIMESTAMPTZ AS "at"'
            " FROM (SELECT * EXCLUDE (filename) FROM former) AS f ORDER BY customer_id, fact_id",
            {"batch": job.batch_id, "table": job.table, "now": job.plan.now},
        ).to_arrow_reader(ROW_GROUP)
        rows = (batch.cast(REPLACED) for batch in read)
        job.lake.write("replaced", rows, schema=REPLACED, replace={"batch_id": [job.batch_id]})
    return places
