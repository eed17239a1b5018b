"""Somebody's own tables, served as fact tables without a copy.

The description lies beside the lake's settings in `sources.json`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tenure.facts.kinds import REFUND, SALE
from tenure.facts.schema import DAY, FACT_TABLES, INSTANT, NUMBER
from tenure.lake.tables import SOURCES_FILE
from tenure.lake.views import quoted, scan

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.facts.lake import Lake

#: Full-width signs and what they are in the normal spelling of an id; see tenure.facts.spelling.
_WIDE = "\u3000" + "".join(chr(0xFF01 + place) for place in range(94))
_NARROW = " " + "".join(chr(0x21 + place) for place in range(94))


@dataclass(frozen=True, slots=True)
class ExternalSource:
    """One outside table that is read as facts."""

    name: str  # its name here, also the `source` of its facts
    table: str  # the fact table it belongs to
    kind: str  # delta, parquet or postgres
    place: str  # A folder, or a PostgreSQL address without its password
    mapping: dict[str, str]  # field to column, or to ``=text``
    tz: str  # zone of times that name none
    relation: str = ""  # the table in PostgreSQL
    zoned: tuple[str, ...] = field(default=())  # fields whose columns are instants already


def all_sources(folder: Path) -> list[ExternalSource]:
    """Return the outside tables of a lake."""
    try:
        described = json.loads((folder / SOURCES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [ExternalSource(**{**source, "zoned": tuple(source.get("zoned", ()))}) for source in described["sources"]]


def external_sources(folder: Path, table: str) -> list[ExternalSource]:
    """Return the outside tables that belong to a fact table."""
    return [source for source in all_sources(folder) if source.table == table] if table in FACT_TABLES else []


def save_sources(folder: Path, sources: list[ExternalSource]) -> None:
    """Write the description of all outside tables."""
    draft = folder / f"{SOURCES_FILE}.new"
    text = json.dumps({"format": 1, "sources": [asdict(source) for source in sources]}, ensure_ascii=False, indent=2)
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(folder / SOURCES_FILE)


def external_sql(lake: Lake, source: ExternalSource) -> str:
    """Return SQL that reads an outside table in the columns of its fact table."""
    from tenure.facts.external_sources import paths_of

    read = select_external(source, scan(paths_of(lake, source)))
    known = [file.path for file in lake.files("spellings")]
    if not known:
        return f"({read})"
    return (
        f"(SELECT m.* REPLACE (coalesce(k.customer_id, m.customer_id) AS customer_id) FROM ({read}) AS m"
        f" LEFT JOIN {scan(known)} AS k ON k.key = lower(m.customer_id))"
    )


def select_external(source: ExternalSource, relation: str) -> str:
    """Return the SELECT that turns an outside table's columns into a fact table's."""
    schema = FACT_TABLES[source.table].schema
    parts = {name: _expression(source, name, schema.field(name).type) for name in schema.names}
    parts["source"] = quoted(source.name)
    parts["batch_id"] = "NULL::VARCHAR"
    if source.table == "orders":
        status = parts["status"] if "status" in source.mapping else "NULL"
        refund = f"({parts['amount']} < 0 OR regexp_matches(coalesce({status}, ''), '(?i)refund|退款|退货'))"
        cancelled = f"regexp_matches(coalesce({status}, ''), '(?i)cancel|void|unpaid|取消|关闭|未付款|待付款')"
        parts["status"] = f"CASE WHEN {refund} THEN '{REFUND}' WHEN {cancelled} THEN 'cancelled' ELSE '{SALE}' END"
        parts["amount"] = f"CASE WHEN {refund} THEN -abs({parts['amount']}) ELSE {parts['amount']} END"
    if "fact_id" not in source.mapping:
        parts["fact_id"] = _fact_id(source)
    columns = ", ".join(f'{sql} AS "{name}"' for name, sql in parts.items())
    needed = " AND ".join(f"({parts[name]}) IS NOT NULL" for name in FACT_TABLES[source.table].required)
    return f"SELECT {columns} FROM {relation} AS t WHERE {needed}"


def _expression(source: ExternalSource, name: str, kind: pa.DataType) -> str:
    column = source.mapping.get(name)
    if column is None:
        return f"NULL::{_sql_type(kind)}"
    if column.startswith("="):
        return f"{quoted(column[1:])}::{_sql_type(kind)}"
    value = 't."' + column.replace('"', '""') + '"'
    if name in ("customer_id", "referrer_id"):
        plain = f"translate(nfc_normalize({value}::VARCHAR), {quoted(_WIDE)}, {quoted(_NARROW)})"
        return rf"nullif(trim(regexp_replace({plain}, '\s+', ' ', 'g')), '')"
    if kind == INSTANT:
        zoned = name in source.zoned
        return f"{value}::TIMESTAMPTZ" if zoned else f"timezone({quoted(source.tz)}, {value}::TIMESTAMP)"
    return f"{value}::{_sql_type(kind)}"


def _sql_type(kind: pa.DataType) -> str:
    return {NUMBER: "DECIMAL(18,4)", INSTANT: "TIMESTAMPTZ", DAY: "DATE"}.get(kind, "VARCHAR")


def _fact_id(source: ExternalSource) -> str:
    """Return SQL that names a fact by all that is mapped of it."""
    columns = sorted(column for column in source.mapping.values() if not column.startswith("="))
    values = ", ".join('t."' + column.replace('"', '""') + '"::VARCHAR' for column in columns)
    return f"{quoted(source.name)} || ':' || left(md5(concat_ws(chr(31), {values})), 24)"
