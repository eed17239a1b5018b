"""Which rows meet a condition, and what their columns say, the ones made from the instant included."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number, local_days, local_micros
from tenure.facts.named_dates import days_among
from tenure.facts.schema import DAY, INSTANT, NUMBER, SCALE, TEXT
from tenure.facts.selection import CALENDAR_COLUMNS, COMPARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.facts.blocks import StreamRows
    from tenure.facts.selection import Condition

_HOUR = 3_600_000_000

Mask = np.ndarray | None  # which rows; None when all


def both(a: Mask, b: Mask) -> Mask:
    """Return which rows are in both of two masks."""
    if a is None or b is None:
        return b if a is None else a
    return a & b


def scaled(column: pa.Array) -> tuple[np.ndarray, Mask]:
    """Return a decimal column times 10,000 as int64, and the mask of present values (None when all are)."""
    if column.type != NUMBER:
        column = column.cast(NUMBER)
    present = None if column.null_count == 0 else column.is_valid().to_numpy(zero_copy_only=False)
    data = column.buffers()[1]
    pairs = np.frombuffer(data, dtype=np.int64)[2 * column.offset : 2 * (column.offset + len(column))]
    values = pairs[::2]  # the low half of each 128-bit number; 18 digits always fit
    return (np.where(present, values, 0) if present is not None else values), present


def is_text(rows: StreamRows, column: str) -> bool:
    """Return whether a column holds texts."""
    if column in CALENDAR_COLUMNS:
        return False
    stored = rows.columns.schema.field(column).type
    return stored == TEXT or pa.types.is_dictionary(stored)


def numbers_of(rows: StreamRows, column: str) -> tuple[np.ndarray, Mask]:
    """Return a number column times 10,000, a date as its day, and which rows have one."""
    if column in CALENDAR_COLUMNS:
        return _calendar(rows, column) * SCALE, None
    stored = rows.columns.column(column).combine_chunks()
    if stored.type not in (DAY, INSTANT):
        return scaled(stored)
    present = None if stored.null_count == 0 else stored.is_valid().to_numpy(zero_copy_only=False)
    if stored.type == DAY:
        days = stored.cast(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False)
    else:
        days = local_days(stored.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False), rows.tz)
    return days.astype(np.int64) * SCALE, present


def _calendar(rows: StreamRows, column: str) -> np.ndarray:
    days = rows.days.astype(np.int64)
    if column == "date":
        return days
    if column == "weekday":
        return (days + 3) % 7 + 1  # 1970-01-01 was a Thursday
    if column == "hour":
        return local_micros(rows.at, rows.tz) // _HOUR % 24
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    if column == "day":
        return (days.astype("datetime64[D]") - months).astype(np.int64) + 1
    count = months.astype(np.int64)
    return count % 12 + 1 if column == "month" else count // 12 + 1970


def meets(rows: StreamRows, condition: Condition) -> np.ndarray:
    """Return which rows meet a condition; a missing value meets none but ``unknown``."""
    column, operator = condition.column, condition.operator
    if operator in ("on", "not on"):
        return days_among(rows.days, [str(value) for value in condition.values]) == (operator == "on")
    if operator in ("known", "unknown"):
        if column in CALENDAR_COLUMNS:
            return np.full(len(rows.who), operator == "known")
        known = rows.columns.column(column).is_valid().to_numpy()
        return known if operator == "known" else ~known
    if is_text(rows, column):
        equal = is_in(rows.columns.column(column), [str(value) for value in condition.values])
        if operator in ("=", "in"):
            return equal
        return ~equal & rows.columns.column(column).is_valid().to_numpy()
    numbers, present = numbers_of(rows, column)
    bounds = [_bound(value) for value in condition.values]
    if operator.endswith("in"):
        holds = np.isin(numbers, bounds) == (operator == "in")
    else:
        holds = COMPARE[operator](numbers, bounds[0])
    return holds if present is None else holds & present


def _bound(value: float | str) -> float:
    """Return what a value of a rule is in a column of whole ten-thousandths; a text is a date."""
    if isinstance(value, str):
        return day_number(date.fromisoformat(value)) * SCALE
    exact = Decimal(str(value)) * SCALE
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def is_in(column: pa.ChunkedArray, values: Sequence[str]) -> np.ndarray:
    """Return where a text column holds one of some values, tested once per entry of its dictionary."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    parts = []
    for chunk in column.chunks:
        entries = pc.is_in(chunk.dictionary, pa.array(values, chunk.dictionary.type)).to_numpy(zero_copy_only=False)
        if len(entries) and entries.all() and chunk.null_count == 0:
            parts.append(np.ones(len(chunk), dtype=bool))
        elif not entries.any():
            parts.append(np.zeros(len(chunk), dtype=bool))
        else:
            codes = chunk.indices.fill_null(len(entries)).to_numpy(zero_copy_only=False)
            parts.append(np.append(entries, False)[codes])
    return np.concatenate(parts) if parts else np.empty(0, dtype=bool)


def follows(rows: StreamRows, earlier: StreamRows, counts: Mask, within: int) -> np.ndarray:
    """Return which rows follow an earlier one of their customer, of those that count, within some days.

    Earlier is by instant; rows of the same instant are in no order.
    """
    places = np.arange(len(earlier.who)) if counts is None else np.flatnonzero(counts)
    who = np.concatenate((rows.who, earlier.who[places]))
    at = np.concatenate((rows.at, earlier.at[places]))
    is_earlier = np.arange(len(who)) >= len(rows.who)
    order = np.lexsort((is_earlier, at, who))
    # The latest of the earlier rows up to each place, as its number among them; -1 before the first.
    latest = np.maximum.accumulate(np.where(is_earlier[order], order - len(rows.who), -1))
    later = ~is_earlier[order]
    row, before = order[later], places[latest[later]] if len(places) else np.full(len(rows.who), -1)
    has_any = latest[later] >= 0
    result = np.zeros(len(rows.who), dtype=bool)
    same = has_any & (earlier.who[before] == rows.who[row]) if len(earlier.who) else has_any
    result[row[same]] = rows.days[row[same]] - earlier.days[before[same]] <= within
    return result
