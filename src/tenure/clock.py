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
_STEP = 16 * 86_400_000_000  # zones keep an offset for longer than this, so that no change hides between two looks


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises
    ------
    TenureError
        When there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError) as wrong:
        raise TenureError(
            mark("There is no time zone %(name)r. Write an IANA name such as Asia/Shanghai or Europe/Berlin."),
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


@lru_cache(maxsize=64)
def _offsets(name: str, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the instants at which a zone's UTC offset changes within [low, high], and the offsets from there on."""
    starts, offsets = [low], [_offset(low, name)]
    left = low
    while left < high:
        right = min(left + _STEP, high)
        if _offset(right, name) != offsets[-1]:
            a, b = left, right
            while b - a > 1_000_000:
                middle = (a + b) // 2
                a, b = (middle, b) if _offset(middle, name) == offsets[-1] else (a, middle)
            change = b - b % 1_000_000
            starts.append(change)
            offsets.append(_offset(b, name))
        left = right
    return np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64)


def local_days(micros: np.ndarray, tz: str) -> np.ndarray:
    """Return the local day of each instant.

    Parameters
    ----------
    micros : ndarray of int64
        Instants, microseconds since 1970-01-01 UTC.
    tz : str
        IANA name of the business's time zone.

    Returns
    -------
    ndarray of int32
        Days since 1970-01-01, in that zone.
    """
    if micros.size == 0:
        return np.empty(0, dtype=np.int32)
    low, high = int(micros.min()), int(micros.max())
    # Whole years, so that neighbouring blocks share one cached table.
    year = 366 * MICROSECONDS_A_DAY
    starts, offsets = _offsets(tz, low // year * year, (high // year + 1) * year)
    if (offsets == offsets[0]).all():
        shifted = micros + offsets[0]
    else:
        shifted = micros + offsets[np.searchsorted(starts, micros, side="right") - 1]
    return (shifted // MICROSECONDS_A_DAY).astype(np.int32)


def day_sql(instant: str, tz: str, low: int, high: int) -> str:
    """Return SQL (DuckDB) for the local day of a column of instants, exactly as :func:`local_days` has it.

    Whole numbers compared with the few changes of the offset are several times as fast as the calendar of a zone.

    Parameters
    ----------
    instant : str
        SQL of the instant, such as ``"at"``.
    tz : str
        IANA name of the zone.
    low, high : int
        The first and the last instant there can be, microseconds since 1970-01-01 UTC.
    """
    year = 366 * MICROSECONDS_A_DAY
    starts, offsets = _offsets(tz, low // year * year, (high // year + 1) * year)
    micros = f"epoch_us({instant})"
    shift = str(int(offsets[-1]))
    if len(starts) > 1:
        cases = zip(starts[1:].tolist(), offsets[:-1].tolist(), strict=True)
        shift = (
            "CASE "
            + " ".join(f"WHEN {micros} < {start} THEN {offset}" for start, offset in cases)
            + f" ELSE {shift} END"
        )
    # Divided downwards: days before 1970 are negative.
    return f"(DATE '1970-01-01' + floor(({micros} + {shift}) / {float(MICROSECONDS_A_DAY)})::INTEGER)"


def utc_of(local: np.ndarray, tz: str) -> np.ndarray:
    """Return the instants of local clock times.

    A time that the clock skips in spring is shifted forward by what it skips; of a time that it shows twice in autumn
    the first is meant.

    Parameters
    ----------
    local : ndarray of int64
        Microseconds since 1970-01-01 00:00 of the local clock.
    tz : str
        IANA name of the zone.

    Returns
    -------
    ndarray of int64
        Microseconds since 1970-01-01 UTC.
    """
    if local.size == 0:
        return local.astype(np.int64)
    low, high = int(local.min()), int(local.max())
    year = 366 * MICROSECONDS_A_DAY
    starts, offsets = _offsets(tz, (low // year - 1) * year, (high // year + 2) * year)
    if len(starts) == 1:
        return local - offsets[0]
    # Up to the later of both readings of a change, the offset before it holds: that shifts gaps and picks the first.
    until = starts[1:] + np.maximum(offsets[:-1], offsets[1:])
    return local - offsets[np.searchsorted(until, local, side="right")]
