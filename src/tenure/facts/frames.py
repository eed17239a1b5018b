"""Tables of other libraries: read through Arrow's PyCapsule protocol, given back as pandas or Polars data frames."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.errors import MappingError, TenureError
from tenure.words import mark

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


def arrow_from(table: Any) -> pa.Table:
    """Return a table of any library as an Arrow table, or say why it cannot be read as one."""
    if isinstance(table, pa.Table):
        return table
    # A lazy frame of Polars or Narwhals has no rows before it is collected, so it cannot offer the protocol.
    source = table.collect() if type(table).__name__ == "LazyFrame" else table
    try:
        if hasattr(source, "__arrow_c_stream__"):
            return _without_views(pa.RecordBatchReader.from_stream(source).read_all())
        if hasattr(source, "__arrow_c_array__"):
            return _without_views(pa.Table.from_batches([pa.record_batch(source)]))
    except pa.ArrowException as wrong:
        raise MappingError(
            mark("A value of type %(type)s cannot be read as a table: %(why)s"), type=_type_of(table), why=wrong
        ) from wrong
    raise MappingError(
        mark(
            "A value of type %(type)s is not a table. Pass a pandas or Polars data frame, an Arrow table, "
            "a DuckDB relation or a file path."
        ),
        type=_type_of(table),
    )


def _type_of(table: object) -> str:
    kind = type(table)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__.split('.')[0]}.{kind.__name__}"


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
    """Return an Arrow table as a Polars data frame."""
    frame: pl.DataFrame = _installed("polars").from_arrow(table)
    return frame


def _installed(package: str) -> Any:
    """Import a library that only notebooks need."""
    try:
        return import_module(package)
    except ModuleNotFoundError as missing:
        raise TenureError(
            mark("%(package)s is not installed. Run: pip install 'tenure[notebook]'"), package=package
        ) from missing
