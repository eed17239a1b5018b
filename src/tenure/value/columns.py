"""Columns: from NumPy to Arrow, exact where money comes from facts.

It calculates nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tenure.facts.schema import DAY, NUMBER


def money(whole: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Return amounts times 10,000 (int64) as decimals; null where not `known`."""
    pairs = np.empty((len(whole), 2), dtype=np.int64)
    pairs[:, 0] = whole
    pairs[:, 1] = whole >> 63  # the sign fills the high half
    made = pa.Array.from_buffers(NUMBER, len(whole), [None, pa.py_buffer(pairs)])
    return made if known is None else _nulled(made, known)


def _nulled(column: pa.Array, known: np.ndarray) -> pa.Array:
    bits = pa.array(known).buffers()[1]
    return pa.Array.from_buffers(column.type, len(column), [bits, column.buffers()[1]])


def numbers(values: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Return numbers as float64; null where not `known`."""
    return pa.array(np.asarray(values, dtype=np.float64), mask=None if known is None else ~known)


def dates(days: np.ndarray, known: np.ndarray | None = None) -> pa.Array:
    """Return day numbers (since 1970-01-01) as dates; null where not `known`."""
    whole = np.where(known, days, 0).astype(np.int32) if known is not None else days.astype(np.int32)
    return pa.array(whole, mask=None if known is None else ~known).cast(DAY)


def read(table: pa.Table, name: str) -> np.ndarray:
    """Return a number column as float64, with NaN where it is null."""
    column = table.column(name)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if len(column) == 0:
        return np.empty(0, dtype=np.float64)
    return column.cast(pa.float64()).combine_chunks().to_numpy(zero_copy_only=False)
