"""External tables: other systems' Delta, Parquet and PostgreSQL tables, served as fact tables without an import.

Delta and Parquet are read in place. PostgreSQL is read over a server-side cursor into a snapshot beside the lake, and
anew when the table has changed.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.errors import EngineError, FactsError, MappingError
from tenure.facts.kinds import REFUND, SALE
from tenure.facts.reading.guessing import guess_columns
from tenure.facts.reading.numbers import text_of
from tenure.facts.schema import DAY, FACT_TABLES, ID_COLUMNS, INSTANT, NUMBER, TEXT
from tenure.lake import delta, views
from tenure.lake.files import write_text
from tenure.lake.tables import SOURCES_FILE
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deltalake import DeltaTable

    from tenure.facts.lake import Lake

_FETCH_ROWS = 50_000
#: Full-width signs and what they are in the normal spelling of an id; see tenure.facts.spelling.
_WIDE = "\u3000" + "".join(chr(0xFF01 + place) for place in range(94))
_NARROW = " " + "".join(chr(0x21 + place) for place in range(94))
_SQL_TYPES = {NUMBER: "DECIMAL(18,4)", INSTANT: "TIMESTAMPTZ", DAY: "DATE"}
#: PostgreSQL's type numbers; every other type is read as text.
_POSTGRES_TYPES: dict[int, pa.DataType] = {
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", "UTC"),
    **dict.fromkeys((20, 21, 23), pa.int64()),
    **dict.fromkeys((700, 701), pa.float64()),
}


@dataclass(frozen=True, slots=True)
class ExternalSource:
    """One external table that is read as facts."""

    name: str  # its name here, also the `source` of its facts
    table: str  # the fact table it belongs to
    kind: str  # delta, parquet or postgres
    place: str  # A folder, or a PostgreSQL address without its password
    mapping: dict[str, str]  # field to column, or to ``=text``
    tz: str  # zone of times that name none
    relation: str = ""  # the table in PostgreSQL
    zoned: tuple[str, ...] = ()  # fields whose columns are instants already


def all_sources(folder: Path) -> list[ExternalSource]:
    try:
        described = json.loads((folder / SOURCES_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return [ExternalSource(**{**source, "zoned": tuple(source.get("zoned", ()))}) for source in described["sources"]]


def add_source(
    lake: Lake,
    table: str,
    place: str,
    mapping: Mapping[str, str | int] | None = None,
    *,
    name: str = "",
    relation: str = "",
    tz: str | None = None,
) -> ExternalSource:
    if table not in FACT_TABLES:
        raise MappingError(
            mark("Unknown fact table %(name)r. Fact tables: %(known)s."), name=table, known=", ".join(FACT_TABLES)
        )
    kind, address = _located(place, relation)
    label = name or (relation.rpartition(".")[2] if relation else Path(address).name)
    sources = all_sources(lake.path)
    if any(source.name == label for source in sources):
        raise FactsError(mark("An external table named %(name)r already exists. Choose another --name."), name=label)
    source = ExternalSource(label, table, kind, address, {}, tz or lake.settings.tz, relation)
    columns = _columns_of(source)
    mapped = guess_columns(tuple(columns.names), table, mapping or {})
    missing = [field for field in FACT_TABLES[table].required if field not in mapped]
    if missing:
        text = mark("No column was recognised as %(missing)s. Map it with --map %(first)s=COLUMN. Columns: %(names)s.")
        raise MappingError(text, missing=", ".join(missing), first=missing[0], names=", ".join(columns.names))
    instants = {column.name for column in columns if pa.types.is_timestamp(column.type) and column.type.tz is not None}
    zoned = tuple(field for field, column in mapped.items() if column in instants)
    source = replace(source, mapping=mapped, zoned=zoned)
    _save_sources(lake.path, [*sources, source])
    return source


def remove_source(lake: Lake, name: str) -> None:
    """Serve an external table no longer; the table itself is not touched."""
    sources = all_sources(lake.path)
    kept = [source for source in sources if source.name != name]
    if len(kept) == len(sources):
        raise FactsError(mark("There is no external table named %(name)r."), name=name)
    _save_sources(lake.path, kept)


def _save_sources(folder: Path, sources: list[ExternalSource]) -> None:
    text = json.dumps({"format": 1, "sources": [asdict(source) for source in sources]}, ensure_ascii=False, indent=2)
    write_text(folder / SOURCES_FILE, text + "\n")


def _located(place: str, relation: str) -> tuple[str, str]:
    """Return what kind of table lies at a place, and its address as it is written down."""
    if place.startswith(("postgres://", "postgresql://")):
        if not relation:
            raise MappingError(mark("Name the table in PostgreSQL as well: --table shop.orders"))
        if urlsplit(place).password:
            text = mark(
                "Do not include the password in the address, because the address is stored. Set "
                "PGPASSWORD or use ~/.pgpass."
            )
            raise MappingError(text)
        return "postgres", place
    folder = Path(place).absolute()
    if delta.open_table(folder) is not None:
        return "delta", str(folder)
    if folder.exists():
        return "parquet", str(folder)
    raise FactsError(mark("Folder %(path)s does not exist."), path=place)


# SQL


def external_sql(lake: Lake, source: ExternalSource) -> str:
    """Return SQL that reads an external table in the columns of its fact table."""
    if source.kind == "postgres":
        paths = [str(_snapshot(lake, source))]
    elif source.kind == "delta":
        paths = [file.path for file in delta.active_files(_delta_table(source))]
    else:
        paths = _parquet_files(source)
    read = select_external(source, views.scan(paths))
    spellings = lake.stored("spellings")
    if not spellings:
        return f"({read})"
    return (
        f"(SELECT m.* REPLACE (coalesce(k.customer_id, m.customer_id) AS customer_id) FROM ({read}) AS m"
        f" LEFT JOIN {spellings} AS k ON k.key = lower(m.customer_id))"
    )


def select_external(source: ExternalSource, relation: str) -> str:
    """Return the SELECT that turns an external table's columns into a fact table's."""
    schema = FACT_TABLES[source.table].schema
    fields = {name: _expression(source, name, schema.field(name).type) for name in schema.names}
    fields["source"] = views.quoted(source.name)
    fields["batch_id"] = "NULL::VARCHAR"
    if source.table == "orders":
        status = fields["status"] if "status" in source.mapping else "NULL"
        refund = f"({fields['amount']} < 0 OR regexp_matches(coalesce({status}, ''), '(?i)refund|退款|退货'))"
        cancelled = f"regexp_matches(coalesce({status}, ''), '(?i)cancel|void|unpaid|取消|关闭|未付款|待付款')"
        fields["status"] = f"CASE WHEN {refund} THEN '{REFUND}' WHEN {cancelled} THEN 'cancelled' ELSE '{SALE}' END"
        fields["amount"] = f"CASE WHEN {refund} THEN -abs({fields['amount']}) ELSE {fields['amount']} END"
    if "fact_id" not in source.mapping:
        # Without a number of its own a fact is named by all that is mapped of it.
        columns = sorted(column for column in source.mapping.values() if not column.startswith("="))
        values = ", ".join(f"t.{views.identifier(column)}::VARCHAR" for column in columns)
        fields["fact_id"] = f"{views.quoted(source.name)} || ':' || left(md5(concat_ws(chr(31), {values})), 24)"
    selected = ", ".join(f'{sql} AS "{name}"' for name, sql in fields.items())
    required = " AND ".join(f"({fields[name]}) IS NOT NULL" for name in FACT_TABLES[source.table].required)
    return f"SELECT {selected} FROM {relation} AS t WHERE {required}"


def _expression(source: ExternalSource, name: str, kind: pa.DataType) -> str:
    column, sql_type = source.mapping.get(name), _SQL_TYPES.get(kind, "VARCHAR")
    if column is None:
        return f"NULL::{sql_type}"
    if column.startswith("="):
        return f"{views.quoted(column[1:])}::{sql_type}"
    value = f"t.{views.identifier(column)}"
    if name in ID_COLUMNS:
        plain = f"translate(nfc_normalize({value}::VARCHAR), {views.quoted(_WIDE)}, {views.quoted(_NARROW)})"
        return rf"nullif(trim(regexp_replace({plain}, '\s+', ' ', 'g')), '')"
    if kind == INSTANT and name not in source.zoned:
        return f"timezone({views.quoted(source.tz)}, {value}::TIMESTAMP)"
    return f"{value}::{sql_type}"


# Delta and Parquet


def _delta_table(source: ExternalSource) -> DeltaTable:
    table = delta.open_table(Path(source.place))
    if table is None:
        raise FactsError(mark("Folder %(path)s does not exist."), path=source.place)
    if "deletionVectors" in (table.protocol().reader_features or []):
        text = mark("The Delta table %(path)s uses deletion vectors, which cannot be read here. Purge them first.")
        raise FactsError(text, path=source.place)
    if table.metadata().partition_columns:
        text = mark("The Delta table %(path)s is partitioned, which cannot be read in place. Import it instead.")
        raise FactsError(text, path=source.place)
    return table


def _parquet_files(source: ExternalSource) -> list[str]:
    folder = Path(source.place)
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.parquet"))
    paths = [str(path) for path in files if not path.name.startswith((".", "_"))]
    if not paths:
        raise FactsError(
            mark("The external table %(name)r has no Parquet files in %(place)s."), name=source.name, place=source.place
        )
    return paths


def _columns_of(source: ExternalSource) -> pa.Schema:
    if source.kind == "delta":
        return pa.schema(_delta_table(source).schema())
    if source.kind == "postgres":
        with _connected(source) as con, con.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {_relation(source)} LIMIT 0")
            return _arrow_schema(cursor)
    return pq.read_schema(_parquet_files(source)[0])


# PostgreSQL


def _connected(source: ExternalSource) -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise EngineError(
            mark("Reading PostgreSQL needs psycopg. Install it with: pip install tenure[postgres]")
        ) from error
    try:
        return psycopg.connect(source.place, connect_timeout=10, options="-c TimeZone=UTC")
    except psycopg.OperationalError as error:
        raise EngineError(
            mark("Cannot connect to PostgreSQL at %(place)s: %(told)s"), place=source.place, told=str(error).strip()
        ) from error


def _relation(source: ExternalSource) -> str:
    return ".".join(views.identifier(name) for name in source.relation.split("."))


def _arrow_schema(cursor: Any) -> pa.Schema:
    described = cursor.description or ()
    return pa.schema([(column.name, _POSTGRES_TYPES.get(column.type_code, TEXT)) for column in described])


def _snapshot(lake: Lake, source: ExternalSource) -> Path:
    """Return a Parquet file with the table's rows, read anew when the table has changed since."""
    folder = lake.path / ".sources"
    folder.mkdir(exist_ok=True)
    target, about = folder / f"{source.name}.parquet", folder / f"{source.name}.json"
    with _connected(source) as con:
        con.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        # The newest transaction id and the number of rows change with every insert, update and delete.
        state = con.execute(
            f"SELECT count(*), coalesce(max(xmin::text::bigint), 0), {len(source.mapping)} FROM {_relation(source)}"
        ).fetchone()
        fingerprint = json.dumps([*state, sorted(source.mapping.items())])
        if target.exists() and about.exists() and about.read_text(encoding="utf-8") == fingerprint:
            return target
        draft = folder / f"{source.name}.{os.getpid()}"
        columns = dict.fromkeys(column for column in source.mapping.values() if not column.startswith("="))
        with con.cursor(name="tenure_source") as cursor:
            cursor.itersize = _FETCH_ROWS
            cursor.execute(f"SELECT {views.columns(columns) or '*'} FROM {_relation(source)}")
            schema = _arrow_schema(cursor)
            with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
                while rows := cursor.fetchmany(_FETCH_ROWS):
                    values = zip(zip(*rows, strict=True), schema.types, strict=True)
                    arrays = [
                        pa.array(map(text_of, column) if kind == TEXT else column, kind) for column, kind in values
                    ]
                    writer.write_table(pa.table(arrays, schema=schema))
        draft.replace(target)
        about.write_text(fingerprint, encoding="utf-8")
    return target
