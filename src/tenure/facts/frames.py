"""Tables of other libraries and small hand-made ones: they become whole fact tables, and results become data frames.

Any table is understood: pandas, Polars, Arrow, DuckDB, a file. Nothing is invented: what is missing is null, and only
a missing status is read from the sign of the amount.
"""

from __future__ import annotations

import warnings
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_of, local_days
from tenure.errors import FactsError, MappingError, TenureError
from tenure.facts.kinds import REFUND, SALE
from tenure.facts.schema import CUSTOMERS, FACT_TABLES, INSTANT, NUMBER
from tenure.words import mark, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import polars as pl


def arrow_from(table: Any) -> pa.Table:
    """Return a table of any library as an Arrow table, or say why it cannot be read as one."""
    if isinstance(table, pa.Table):
        return table
    # A lazy frame of Polars or Narwhals has no rows before it is collected, so it cannot offer the protocol.
    source = table.collect() if type(table).__name__ == "LazyFrame" else table
    kind = type(table)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}.{kind.__name__}"
    try:
        if hasattr(source, "__arrow_c_stream__"):
            return _without_views(pa.RecordBatchReader.from_stream(source).read_all())
        if hasattr(source, "__arrow_c_array__"):
            return _without_views(pa.Table.from_batches([pa.record_batch(source)]))
    except pa.ArrowException as wrong:
        raise MappingError(
            mark("A value of type %(type)s cannot be read as a table: %(why)s"), type=name, why=wrong
        ) from wrong
    text = mark(
        "A value of type %(type)s is not a table. Pass a pandas or Polars data frame, an Arrow table, "
        "a DuckDB relation or a file path."
    )
    raise MappingError(text, type=name)


def _without_views(table: pa.Table) -> pa.Table:
    """Return texts as plain strings: Arrow has no functions yet for the string views that Polars sends."""
    for number, field in enumerate(table.schema):
        if pa.types.is_string_view(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(pa.string()))
        elif pa.types.is_dictionary(field.type) and pa.types.is_string_view(field.type.value_type):
            chunks = [
                pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(pa.string()))
                for chunk in table.column(number).chunks
            ]
            kind = pa.dictionary(field.type.index_type, pa.string())
            table = table.set_column(number, field.name, pa.chunked_array(chunks, kind))
    return table


def pandas_from(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a pandas data frame, days as ``datetime64``."""
    _installed("pandas")
    for number, field in enumerate(table.schema):
        if pa.types.is_date32(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(pa.timestamp("s")))
    return table.to_pandas()


def polars_from(table: pa.Table) -> pl.DataFrame:
    return _installed("polars").from_arrow(table)


def _installed(package: str) -> Any:
    try:
        return import_module(package)
    except ModuleNotFoundError as missing:
        raise TenureError(
            mark("%(package)s is not installed. Run: pip install 'tenure[notebook]'"), package=package
        ) from missing


# Whole tables


def facts_from(name: str, table: object, tz: str, columns: Mapping[str, str] | None = None) -> pa.Table:
    """Return whatever holds a fact table as Arrow, in the table's schema, or say which column is missing."""
    if name not in FACT_TABLES:
        raise MappingError(
            mark("Unknown fact table %(name)r. Fact tables: %(names)s."), name=name, names=", ".join(FACT_TABLES)
        )
    if isinstance(table, str | Path):
        return _file(table, name, columns, tz)
    arrow = arrow_from(table)
    for field, column in (columns or {}).items():
        if column not in arrow.column_names:
            text = mark("There is no column %(column)r for %(field)s. Columns: %(names)s.")
            raise MappingError(text, column=column, field=field, names=", ".join(arrow.column_names))
        arrow = arrow.append_column(field, arrow.column(column)) if field != column else arrow
    missing = [name for name in ("customer_id", "at") if name not in arrow.column_names]
    if missing:
        text = mark(
            "%(table)s has no column %(missing)s. Map yours with columns={'%(missing)s': '...'}. Columns: %(names)s."
        )
        raise MappingError(text, table=name, missing=missing[0], names=", ".join(arrow.column_names))
    for place, column in enumerate(arrow.column_names):
        if column in FACT_TABLES[name].schema.names and FACT_TABLES[name].schema.field(column).type == INSTANT:
            arrow = arrow.set_column(place, column, _instants(arrow.column(column), tz, column))
    return completed(name, arrow)


def customers_from(table: object, tz: str) -> pa.Table:
    if isinstance(table, str | Path):
        return _file(table, "customers", None, tz)
    return completed("customers", arrow_from(table))


def _file(path: str | Path, name: str, columns: Mapping[str, str] | None, tz: str) -> pa.Table:
    """Read a file as the import does; a warning counts the rejected rows."""
    from tenure.facts.reading import read_file

    facts, rejected = read_file(path, name, columns, tz=tz)
    if len(rejected):
        text = mark("%(count)s rows of %(file)s were rejected.")
        warnings.warn(say(text, count=len(rejected), file=Path(path).name), stacklevel=4)
    return facts


def _instants(column: pa.ChunkedArray, tz: str, name: str) -> pa.ChunkedArray:
    """Return instants in UTC; days and instants without a zone are local to the business."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return column.cast(INSTANT)
    try:
        local = column.cast(pa.timestamp("us"))
    except pa.ArrowInvalid as wrong:
        text = mark(
            "Column %(name)s cannot be read as dates or times: %(why)s. Convert it first, for example to 2024-12-31."
        )
        raise FactsError(text, name=name, why=wrong) from wrong
    if tz == "UTC":
        return local.cast(pa.int64()).cast(INSTANT)
    return pc.assume_timezone(local, tz, ambiguous="earliest", nonexistent="latest").cast(INSTANT)


def day_from(as_of: str | date | None, orders: pa.Table, tz: str) -> date:
    """Return the day that is meant: a date, a day written like 2024-12-31, or the last day with an order."""
    if isinstance(as_of, datetime):
        return as_of.date()
    if isinstance(as_of, date):
        return as_of
    if as_of is not None:
        try:
            return date.fromisoformat(as_of)
        except ValueError as wrong:
            raise FactsError(mark("%(text)r is not a valid date. Use the format 2024-12-31."), text=as_of) from wrong
    instants = orders.column("at").drop_null().cast(pa.int64()).to_numpy()
    return day_of(int(local_days(instants, tz).max())) if len(instants) else date(1970, 1, 1)


#: Numbers have fourteen digits before the point.
LIMIT = 1e14


def completed(name: str, table: pa.Table) -> pa.Table:
    """Return a fact table, or customer records, with all columns of the schema, the missing ones null, types cast."""
    schema = CUSTOMERS if name == "customers" else FACT_TABLES[name].schema
    columns = []
    for field, kind in zip(schema.names, schema.types, strict=True):
        column = table.column(field) if field in table.column_names else pa.nulls(len(table), kind)
        if pa.types.is_decimal(kind) and (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            column = pc.round(column.cast(pa.float64(), safe=False), ndigits=4)
            column = pc.if_else(pc.is_nan(column), None, column)
            largest = pc.max(pc.abs(column)).as_py()
            if largest is not None and largest >= LIMIT:  # such a number would silently become 0
                text = mark("%(value)s in %(field)s is too large. Numbers must be below %(limit)s.")
                raise FactsError(text, value=f"{largest:g}", field=field, limit=f"{LIMIT:,.0f}")
            column = column.cast(kind, safe=False)
        elif pa.types.is_timestamp(kind) and pa.types.is_timestamp(column.type) and column.type.tz is None:
            column = column.cast(pa.timestamp("us")).cast(pa.int64())
        columns.append(column.cast(kind))
    result = pa.table(columns, schema=schema)
    if name == "orders" and "status" not in table.column_names:
        negative = pc.less(result.column("amount"), pa.scalar(0, NUMBER)).fill_null(False)
        status = pc.if_else(negative, pa.scalar(REFUND), pa.scalar(SALE))
        result = result.set_column(schema.get_field_index("status"), "status", status)
    return result
