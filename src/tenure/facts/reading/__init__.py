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
from tenure.facts.reading.guessing import BASKETS, Guess, guess, shape_of_table
from tenure.facts.schema import CUSTOMERS, QUARANTINE
from tenure.words import mark

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from tenure.facts.reading.cleaning import Plan, Rejected

__all__ = ["BASKETS", "Guess", "guess", "plan_of", "quarantine_table", "read_file", "shape_of_table"]

SOURCE = "file"


def plan_of(path: Path, known: Guess, *, tz: str, source: str, now: datetime) -> Plan:
    """Return how a file is read, once every needed field has a column."""
    from tenure.facts.reading.cleaning import Plan

    if known.missing:
        raise MappingError(
            mark(
                "No column of %(path)s was recognised as %(missing)s. "
                "Say it with --map %(first)s=COLUMN. Columns: %(names)s."
            ),
            path=path.name,
            missing=", ".join(known.missing),
            first=known.missing[0],
            names=", ".join(known.layout.names),
        )
    schema, required = shape_of_table(known.as_)
    used = set(known.columns.values())
    extra = tuple(place for place in range(len(known.layout.names)) if place not in used)
    return Plan(
        "order_lines" if known.as_ == BASKETS else known.as_,
        schema,
        required,
        known.columns,
        known.constants,
        known.layout.names,
        tz,
        source,
        now,
        known.habits,
        known.commas,
        extra if known.as_ == "customers" and "attributes" not in known.mapping else (),
    )


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
    from tenure.facts.reading.cleaning import Cleaner
    from tenure.facts.reading.rows import chunks
    from tenure.facts.reading.settling import settle, with_ids
    from tenure.lake.duck import connect

    file = Path(path)
    moment = now or datetime.now(UTC)
    known = guess(file, as_, mapping, sheet=sheet, delimiter=delimiter, date_format=date_format)
    plan = plan_of(file, known, tz=tz, source=source, now=moment)
    cleaner = Cleaner(plan)
    tables, rejected = [], []
    for chunk in chunks(file, known.layout, sorted({*plan.columns.values(), *plan.extra})):
        table, wrong = cleaner.clean(chunk)
        tables.append(table)
        rejected += wrong
    staged = pa.concat_tables(tables) if tables else None
    if staged is None or as_ == "customers":
        facts = staged.select(CUSTOMERS.names).cast(CUSTOMERS) if staged is not None else plan.schema.empty_table()
        return facts, quarantine_table(rejected, "", as_, file.name, moment)
    con = connect()
    con.register("raw", staged)
    con.execute(f"CREATE TEMP TABLE staged AS {with_ids(plan.table, 'raw')}")
    settled = settle(con, plan.table, "staged", "", "", frozenset((*plan.columns, *plan.constants)))
    rejected += conflicts_of(file, known, settled.conflicts)
    names = ", ".join(f'"{name}"' for name in plan.schema.names)
    first = "SELECT lower(customer_id) AS key, arg_min(customer_id, row) AS spelled FROM staged GROUP BY key"
    sql = (
        f"SELECT f.* REPLACE (k.spelled AS customer_id) FROM ({settled.facts}) AS f"
        f" JOIN ({first}) AS k ON k.key = lower(f.customer_id)"
    )
    facts = con.execute(f'SELECT {names} FROM ({sql}) ORDER BY customer_id, "at", fact_id').to_arrow_table()
    return facts.cast(plan.schema), quarantine_table(rejected, "", plan.table, file.name, moment)


def conflicts_of(path: Path, known: Guess, numbers: Sequence[int]) -> list[Rejected]:
    """Return the rows that contradict a fact with the same number; they are read again, for they are few."""
    from tenure.facts.reading.cleaning import Rejected
    from tenure.facts.reading.rows import chunks
    from tenure.facts.reasons import CONFLICT

    wanted, found = set(numbers), []
    if not wanted:
        return []
    column = known.mapping.get("order_id") or known.mapping.get("fact_id") or known.mapping.get("case_id")
    for chunk in chunks(path, known.layout, [0]):
        for index, number in enumerate(chunk.numbers.tolist()):
            if number in wanted:
                raw = chunk.raw(index)
                value = raw.get(column) if column else None
                found.append(Rejected(number, column, CONFLICT, value, json.dumps(raw, ensure_ascii=False)))
    return found


def quarantine_table(rejected: Sequence[Rejected], batch_id: str, table: str, file: str, now: datetime) -> pa.Table:
    """Return rejected rows in the schema of the quarantine, in the order of the file."""
    ordered = sorted(rejected, key=lambda one: one.row)
    count = len(ordered)
    return pa.table(
        {
            "batch_id": [batch_id] * count,
            "table": [table] * count,
            "file": [file] * count,
            "row": [one.row for one in ordered],
            "column": [one.column for one in ordered],
            "reason": [one.reason for one in ordered],
            "value": [one.value for one in ordered],
            "raw": [one.raw for one in ordered],
            "at": [now] * count,
        },
        schema=QUARANTINE,
    )
