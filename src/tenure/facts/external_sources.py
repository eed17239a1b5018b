"""Adding outside tables: a Delta folder, a Parquet folder, a PostgreSQL table.

Delta and Parquet are read in place. PostgreSQL is read over a server-side cursor into a snapshot beside the lake, and
anew when the table has changed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from tenure.errors import EngineError, FactsError, MappingError
from tenure.facts.external import ExternalSource, all_sources, save_sources
from tenure.facts.reading.guessing import guess_columns
from tenure.facts.schema import FACT_TABLES
from tenure.lake import delta
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deltalake import DeltaTable

    from tenure.facts.lake import Lake

_ROWS = 50_000
_POSTGRES = ("postgres://", "postgresql://")


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
    """Serve an outside table as facts."""
    if table not in FACT_TABLES:
        raise MappingError(
            mark("There is no fact table %(name)r. There are: %(known)s."), name=table, known=", ".join(FACT_TABLES)
        )
    kind, where = _kind(place, relation)
    label = name or (relation.rpartition(".")[2] if relation else Path(where).name)
    if any(source.name == label for source in all_sources(lake.path)):
        raise FactsError(mark("There is a source %(name)r already. Give this one another --name."), name=label)
    draft = ExternalSource(label, table, kind, where, {}, tz or lake.settings.tz, relation)
    shape = _schema(draft)
    mapped = guess_columns(tuple(shape.names), table, mapping or {})
    missing = [field for field in FACT_TABLES[table].required if field not in mapped]
    if missing:
        raise MappingError(
            mark("No column was recognised as %(missing)s. Say it with --map %(first)s=COLUMN. Columns: %(names)s."),
            missing=", ".join(missing),
            first=missing[0],
            names=", ".join(shape.names),
        )
    zoned = tuple(field for field, column in mapped.items() if column in shape.names and _is_instant(shape, column))
    source = replace(draft, mapping=mapped, zoned=zoned)
    save_sources(lake.path, [*all_sources(lake.path), source])
    return source


def remove_source(lake: Lake, name: str) -> None:
    """Serve an outside table no longer; the table itself is not touched."""
    kept = [source for source in all_sources(lake.path) if source.name != name]
    if len(kept) == len(all_sources(lake.path)):
        raise FactsError(mark("There is no source %(name)r."), name=name)
    save_sources(lake.path, kept)


def paths_of(lake: Lake, source: ExternalSource) -> list[str]:
    """Return the Parquet files that hold an outside table's rows now."""
    if source.kind == "postgres":
        return [str(_snapshot(lake, source))]
    if source.kind == "delta":
        return [file.path for file in delta.active_files(_delta(source))]
    folder = Path(source.place)
    files = [folder] if folder.is_file() else sorted(folder.rglob("*.parquet"))
    paths = [str(path) for path in files if not path.name.startswith((".", "_"))]
    if not paths:
        raise FactsError(
            mark("The source %(name)r has no Parquet files in %(place)s."), name=source.name, place=source.place
        )
    return paths


def _no_files(source: ExternalSource) -> FactsError:
    template = mark("The source %(name)r has no Parquet files in %(place)s.")
    return FactsError(template, name=source.name, place=source.place)


def _kind(place: str, relation: str) -> tuple[str, str]:
    if place.startswith(_POSTGRES):
        if not relation:
            raise MappingError(mark("Name the table in PostgreSQL as well: --table shop.orders"))
        return "postgres", _without_password(place)
    folder = Path(place).absolute()
    if delta.open_table(folder) is not None:
        return "delta", str(folder)
    if folder.exists():
        return "parquet", str(folder)
    raise FactsError(mark("There is no folder %(path)s."), path=place)


def _without_password(place: str) -> str:
    from urllib.parse import urlsplit

    parts = urlsplit(place)
    if not parts.password:
        return place
    raise MappingError(
        mark("Leave the password out of the address, it would be written down. Put it into PGPASSWORD or ~/.pgpass.")
    )


def _delta(source: ExternalSource) -> DeltaTable:
    table = delta.open_table(Path(source.place))
    if table is None:
        raise FactsError(mark("There is no folder %(path)s."), path=source.place)
    if "deletionVectors" in (table.protocol().reader_features or []):
        raise FactsError(
            mark("The Delta table %(path)s uses deletion vectors, which cannot be read here. Purge them first."),
            path=source.place,
        )
    if table.metadata().partition_columns:
        raise FactsError(
            mark("The Delta table %(path)s is partitioned, which cannot be read in place. Import it instead."),
            path=source.place,
        )
    return table


def _schema(source: ExternalSource) -> pa.Schema:
    if source.kind == "delta":
        return pa.schema(_delta(source).schema())
    if source.kind == "postgres":
        with _connected(source) as con, con.cursor() as cursor:
            cursor.execute(_select(source) + " LIMIT 0")
            return _arrow_schema(cursor.description or ())
    folder = Path(source.place)
    first = folder if folder.is_file() else next(iter(sorted(folder.rglob("*.parquet"))), None)
    if first is None:
        raise FactsError(
            mark("The source %(name)r has no Parquet files in %(place)s."), name=source.name, place=source.place
        )
    return pq.read_schema(first)


def _is_instant(schema: pa.Schema, column: str) -> bool:
    kind = schema.field(column).type
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)


# PostgreSQL

#: PostgreSQL's type numbers; every other type is read as text.
_TYPES: dict[int, pa.DataType] = {
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", "UTC"),
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    700: pa.float64(),
    701: pa.float64(),
}


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
            mark("PostgreSQL at %(place)s does not answer: %(told)s"), place=source.place, told=str(error).strip()
        ) from error


def _select(source: ExternalSource, columns: tuple[str, ...] = ()) -> str:
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in source.relation.split("."))
    chosen = ", ".join('"' + name.replace('"', '""') + '"' for name in columns) or "*"
    return f"SELECT {chosen} FROM {quoted}"


def _arrow_schema(description: Any) -> pa.Schema:
    return pa.schema([(column.name, _TYPES.get(column.type_code, pa.string())) for column in description])


def _snapshot(lake: Lake, source: ExternalSource) -> Path:
    """Return a Parquet file with the table's rows, read anew when the table has changed since."""
    folder = lake.path / ".sources"
    folder.mkdir(exist_ok=True)
    target, about = folder / f"{source.name}.parquet", folder / f"{source.name}.json"
    with _connected(source) as con:
        con.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        relation = _select(source).removeprefix("SELECT * FROM ")
        state = con.execute(
            f"SELECT count(*), coalesce(max(xmin::text::bigint), 0), {len(source.mapping)} FROM {relation}"
        ).fetchone()
        fingerprint = json.dumps([*state, sorted(source.mapping.items())])
        if target.exists() and about.exists() and about.read_text(encoding="utf-8") == fingerprint:
            return target
        draft = folder / f"{source.name}.{os.getpid()}"
        _copy(con, source, draft)
        draft.replace(target)
        about.write_text(fingerprint, encoding="utf-8")
    return target


def _copy(con: Any, source: ExternalSource, target: Path) -> None:
    columns = tuple(dict.fromkeys(column for column in source.mapping.values() if not column.startswith("=")))
    with con.cursor(name="tenure_source") as cursor:
        cursor.itersize = _ROWS
        cursor.execute(_select(source, columns))
        schema = _arrow_schema(cursor.description)
        with pq.ParquetWriter(target, schema, compression="zstd") as writer:
            for rows in _batches(cursor):
                writer.write_table(_table(rows, schema))


def _batches(cursor: Any) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(_ROWS):
        yield rows


def _table(rows: list[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True))
    return pa.table(
        [
            pa.array([_value(column, field.type) for column in columns[place]], field.type)
            for place, field in enumerate(schema)
        ],
        schema=schema,
    )


def _value(value: Any, kind: pa.DataType) -> Any:
    return str(value) if value is not None and pa.types.is_string(kind) else value
