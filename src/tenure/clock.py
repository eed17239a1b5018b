"""Days. The grain of everything is the local calendar day of the business's time zone.

It never reads the wall clock; "today" is always an argument.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from tenure.errors import TenureError
from tenure.words import mark

EPOCH = date(1970, 1, 1)
MICROSECONDS_A_DAY = 86_400_000_000
_YEAR = 366 * MICROSECONDS_A_DAY
_STEP = 16 * 86_400_000_000  # zones keep an offset for longer than this, so that no change hides between two looks


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as wrong:
        raise TenureError(
            mark("Unknown time zone %(name)r. Use an IANA name such as Asia/Shanghai or Europe/Berlin."),
            name=name,
        ) from wrong


def day_number(day: date) -> int:
    """Return a date as days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    """Return the date of a number of days since 1970-01-01."""
    return EPOCH + timedelta(days=int(number))


def _offset(micros: int, name: str) -> int:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
    shift = moment.astimezone(zone(name)).utcoffset() or timedelta()
    return round(shift.total_seconds() * 1_000_000)


def _offsets_within(name: str, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the changes of offset within the whole years around [low, high], so that blocks share a cached table."""
    return _offsets(name, low // _YEAR * _YEAR, (high // _YEAR + 1) * _YEAR)


@lru_cache(maxsize=64)
def _offsets(name: str, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the instants at which a zone's UTC offset changes within [low, high], and the offsets from there on."""
    starts, offsets = [low], [_offset(low, name)]
    left = low
    while left < high:
        right = min(left + _STEP, high)
        if _offset(right, name) != offsets[-1]:
            # Halved down to the second of the change.
            before, after = left, right
            while after - before > 1_000_000:
                middle = (before + after) // 2
                before, after = (middle, after) if _offset(middle, name) == offsets[-1] else (before, middle)
            starts.append(after - after % 1_000_000)
            offsets.append(_offset(after, name))
        left = right
    return np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64)


def local_micros(micros: np.ndarray, tz: str) -> np.ndarray:
    """Return the local clock time (int64, microseconds since 1970-01-01) of each instant (the same in UTC)."""
    if micros.size == 0:
        return np.empty(0, dtype=np.int64)
    starts, offsets = _offsets_within(tz, int(micros.min()), int(micros.max()))
    # Most blocks lie between two changes of the offset, where no search is needed.
    same = (offsets == offsets[0]).all()
    return micros + (offsets[0] if same else offsets[np.searchsorted(starts, micros, side="right") - 1])


def local_days(micros: np.ndarray, tz: str) -> np.ndarray:
    """Return the local day (int32, since 1970-01-01) of each instant (int64, microseconds since 1970-01-01 UTC)."""
    return (local_micros(micros, tz) // MICROSECONDS_A_DAY).astype(np.int32)


def day_sql(instant: str, tz: str, low: int, high: int) -> str:
    """Return SQL (DuckDB) for the local day of a column of instants from `low` to `high`, as `local_days` has it."""
    starts, offsets = _offsets_within(tz, low, high)
    micros = f"epoch_us({instant})"
    # Whole numbers compared with the few changes of the offset are several times as fast as the calendar of a zone.
    shift = str(int(offsets[-1]))
    if len(starts) > 1:
        cases = zip(starts[1:].tolist(), offsets[:-1].tolist(), strict=True)
        branches = " ".join(f"WHEN {micros} < {start} THEN {offset}" for start, offset in cases)
        shift = f"CASE {branches} ELSE {shift} END"
    # Divided downwards: days before 1970 are negative.
    return f"(DATE '1970-01-01' + floor(({micros} + {shift}) / {float(MICROSECONDS_A_DAY)})::INTEGER)"


def utc_of(local: np.ndarray, tz: str) -> np.ndarray:
    """Return the instants of local clock times, both in microseconds.

    A time that the clock skips in spring is shifted forward by what it skips; of a time that it shows twice in autumn
    the first is meant.
    """
    if local.size == 0:
        return local.astype(np.int64)
    # A year more on either side: local times differ from instants by up to a day.
    starts, offsets = _offsets_within(tz, int(local.min()) - _YEAR, int(local.max()) + _YEAR)
    if len(starts) == 1:
        return local - offsets[0]
    # Up to the later of both readings of a change, the offset before it holds: that shifts gaps and picks the first.
    until = starts[1:] + np.maximum(offsets[:-1], offsets[1:])
    return local - offsets[np.searchsorted(until, local, side="right")]
