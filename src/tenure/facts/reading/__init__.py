"""Reading what people bring: files become facts, and every row that is none says why.

>>> from tenure.facts.reading import guess, read_file
>>> guess("orders.csv").mapping                      # doctest: +SKIP
{'customer_id': '会员号', 'at': '下单时间', 'amount': '实付金额'}
>>> facts, quarantine = read_file("orders.csv")      # doctest: +SKIP
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.errors import MappingError
from tenure.facts.deduplication import settle, with_ids
from tenure.facts.reading.cleaning import ImportPlan, Rejected, cleaned
from tenure.facts.reading.files import chunks
from tenure.facts.reading.guessing import BASKETS, Guess, guess, shape_of_table
from tenure.facts.reasons import CONFLICT
from tenure.facts.schema import QUARANTINE
from tenure.lake import views
from tenure.lake.duck import connect
from tenure.words import mark

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = ["BASKETS", "Guess", "guess", "plan_of", "quarantine_table", "read_file"]

SOURCE = "file"


def plan_of(path: Path, known: Guess, *, tz: str, source: str, now: datetime) -> ImportPlan:
    if known.missing:
        text = mark(
            "No column in %(path)s was recognised as %(missing)s. Map it with --map %(first)s=COLUMN. "
            "Columns: %(names)s."
        )
        missing, names = ", ".join(known.missing), ", ".join(known.layout.names)
        raise MappingError(text, path=path.name, missing=missing, first=known.missing[0], names=names)
    return ImportPlan(path, known, *shape_of_table(known.as_), tz, source, now)


def read_file(  # noqa: PLR0913 - all by name
    path: str | os.PathLike[str],
    as_: str = "orders",
    mapping: Mapping[str, str | int] | None = None,
    *,
    tz: str = "Asia/Shanghai",
    sheet: str | None = None,
    delimiter: str | None = None,
    date_format: str = "",
    source: str = SOURCE,
    now: datetime | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Read a file into facts, without a lake."""
    file, moment = Path(path), now or datetime.now(UTC)
    known = guess(file, as_, mapping, sheet=sheet, delimiter=delimiter, date_format=date_format)
    plan = plan_of(file, known, tz=tz, source=source, now=moment)
    tables: list[pa.Table] = []
    rejected: list[Rejected] = []
    for _, table, wrong in cleaned(plan):
        tables.append(table)
        rejected += wrong
    if not tables or as_ == "customers":
        records = [table.select(plan.schema.names) for table in tables] or [plan.schema.empty_table()]
        facts = pa.concat_tables(records).cast(plan.schema)
        return facts, quarantine_table(rejected, "", as_, file.name, moment)
    con = connect()
    con.register("raw", pa.concat_tables(tables))
    con.execute(f"CREATE TEMP TABLE staged AS {with_ids(plan.table, 'raw')}")
    settled = settle(con, plan.table, "staged", "", "", frozenset(known.mapping))
    rejected += conflicts_of(plan, settled.conflicts)
    facts = con.execute(
        f"""SELECT {views.columns(plan.schema.names)} FROM (
            SELECT f.* REPLACE (k.spelled AS customer_id) FROM ({settled.facts}) AS f JOIN (
                SELECT lower(customer_id) AS key, arg_min(customer_id, row) AS spelled FROM staged GROUP BY key
            ) AS k ON k.key = lower(f.customer_id)
        ) ORDER BY customer_id, "at", fact_id"""
    ).to_arrow_table()
    return facts.cast(plan.schema), quarantine_table(rejected, "", plan.table, file.name, moment)


def conflicts_of(plan: ImportPlan, numbers: Sequence[int]) -> list[Rejected]:
    """Return the rows that contradict a fact with the same number; they are read again, for they are few."""
    conflicting, rejected, mapping = set(numbers), [], plan.known.mapping
    column = mapping.get("order_id") or mapping.get("fact_id") or mapping.get("case_id")
    for chunk in chunks(plan.path, plan.known.layout, [0]) if conflicting else ():
        for index, number in enumerate(chunk.numbers.tolist()):
            if number in conflicting:
                raw = chunk.raw(index)
                value = raw.get(column) if column else None
                rejected.append(Rejected(number, column, CONFLICT, value, json.dumps(raw, ensure_ascii=False)))
    return rejected


def quarantine_table(rejected: Sequence[Rejected], batch_id: str, table: str, file: str, now: datetime) -> pa.Table:
    """Return rejected rows in the schema of the quarantine, in the order of the file."""
    ordered = sorted(rejected, key=lambda line: line.row)
    fields = {name: [getattr(line, name) for line in ordered] for name in ("row", "column", "reason", "value", "raw")}
    same = {"batch_id": batch_id, "table": table, "file": file, "at": now}
    columns = {**fields, **{name: [value] * len(ordered) for name, value in same.items()}}
    return pa.table({name: columns[name] for name in QUARANTINE.names}, schema=QUARANTINE)
