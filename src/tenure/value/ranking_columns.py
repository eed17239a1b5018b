"""Columns of the table of customers as arrays.

Money becomes whole numbers of 1/10,000, days become days since 1970-01-01 with NaN where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.facts.blocks import SCALE, scaled

if TYPE_CHECKING:
    from datetime import date


def text(table: pa.Table, name: str) -> np.ndarray:
    """Return a text column as objects."""
    return np.asarray(table.column(name).to_pylist(), dtype=object)


def number(table: pa.Table, name: str) -> np.ndarray:
    """Return a number column as float64, NaN where there is nothing or no such column."""
    if name not in table.column_names:
        return np.full(len(table), np.nan)
    column = table.column(name)
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")).to_numpy(), dtype=np.float64)


def money(table: pa.Table, name: str) -> np.ndarray:
    """Return a money column times 10,000 as int64, 0 where there is nothing or no such column."""
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
    return money(table, "amount") + money(table, "refunds")


def days(table: pa.Table, name: str) -> np.ndarray:
    """Return a day column as days since 1970-01-01, NaN where there is no day."""
    column = table.column(name).cast(pa.int32())
    known = pc.is_valid(column).to_numpy()
    return np.where(known, pc.fill_null(column, 0).to_numpy().astype(np.float64), np.nan)


def days_since(table: pa.Table, name: str, as_of: date) -> np.ndarray:
    """Return the days from a day column to `as_of`, NaN where there is no day."""
    return day_number(as_of) - days(table, name)


def texts(values: np.ndarray) -> pa.Array:
    """Return objects as a text column."""
    return pa.array(values.tolist(), pa.string())
