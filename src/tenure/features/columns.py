"""Columns between NumPy and Arrow: money as exact decimals, days as dates, and both back as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.facts.matching import scaled
from tenure.facts.schema import DAY, NUMBER, SCALE, TEXT

if TYPE_CHECKING:
    from datetime import date


def money_column(amounts: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Return amounts times 10,000 (int64) as decimals; null where not `known`."""
    pairs = np.empty((len(amounts), 2), dtype=np.int64)
    pairs[:, 0] = amounts
    pairs[:, 1] = amounts >> 63  # the sign fills the high half
    valid = None if known is None else pa.array(known).buffers()[1]
    return pa.Array.from_buffers(NUMBER, len(amounts), [valid, pa.py_buffer(pairs)])


def number_column(values: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Return numbers as float64; null where not `known`, or, without it, where they are not finite."""
    values = np.asarray(values, dtype=np.float64)
    return pa.array(values, mask=~np.isfinite(values) if known is None else ~known)


def day_column(days: np.ndarray, known: np.ndarray) -> pa.Array:
    """Return day numbers (since 1970-01-01) as dates; null where not `known`."""
    return pa.array(np.where(known, days, 0).astype(np.int32), mask=~known).cast(DAY)


def text_column(values: np.ndarray) -> pa.Array:
    return pa.array(values.tolist(), TEXT)


def numbers(table: pa.Table, name: str) -> np.ndarray:
    """Return a number, truth or day column as float64: NaN where it is null, or where there is no such column."""
    if name not in table.column_names or not len(table):
        return np.full(len(table), np.nan)
    column = table.column(name)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    # A column without a null is cast into a fresh buffer; NumPy may write to neither, so callers copy before changing.
    values = column.cast(pa.float64()).combine_chunks()
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.float64)


def amounts(table: pa.Table, name: str) -> np.ndarray:
    """Return a money column times 10,000 as int64: 0 where it is null, or where there is no such column."""
    if name not in table.column_names:
        return np.zeros(len(table), dtype=np.int64)
    column = table.column(name).combine_chunks()
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if not pa.types.is_decimal(column.type):
        values = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy(zero_copy_only=False)
        return np.rint(values * SCALE).astype(np.int64)
    return np.array(scaled(column)[0], dtype=np.int64)


def sales(table: pa.Table) -> np.ndarray:
    """Return what each customer bought, refunds taken off, times 10,000."""
    return amounts(table, "amount") + amounts(table, "refunds")


def days_since(table: pa.Table, name: str, as_of: date) -> np.ndarray:
    """Return the days from a day column to `as_of`, NaN where there is no day."""
    return day_number(as_of) - numbers(table, name)


def texts(table: pa.Table, name: str) -> np.ndarray:
    return np.asarray(table.column(name).to_pylist(), dtype=object)


def with_columns(table: pa.Table, more: pa.Table) -> pa.Table:
    """Return a table with the columns of another one of as many rows, in the place of its own of the same names."""
    kept = [name for name in table.column_names if name not in more.column_names]
    return pa.table([*table.select(kept).columns, *more.columns], names=[*kept, *more.column_names])
