"""When a fact enters a window, and when it leaves.

Every window moves forward with the days, so both are the same for all facts of a day, and come in the facts' order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import day_number_of, who_of

if TYPE_CHECKING:
    from tenure.rules.syntax.tree import TimeWindow

NEVER = np.iinfo(np.int64).max  # a moment after all of everybody's
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def entering(keys: np.ndarray, window: TimeWindow) -> np.ndarray:
    """Return the moments at which facts come into a window."""
    if window.unit == "fact":
        return keys
    if window.unit == "day":
        shifted = keys + window.before
        return _a_year_later(shifted) if window.years_back else shifted
    days = day_number_of(keys)
    begins = _begin_of(_period_of(days, window.unit) + window.before + 1, window.unit)
    return keys + (np.maximum(begins, days) - days)


def leaving(keys: np.ndarray, window: TimeWindow) -> np.ndarray | None:
    """Return the moments from which facts are not in a window any more; None when they stay for good."""
    if window.last is None:
        return None
    if window.unit == "fact":
        gone = np.full(len(keys), NEVER)
        later, count = keys[window.last :], max(len(keys) - window.last, 0)
        gone[:count] = np.where(who_of(later) == who_of(keys[:count]), later, NEVER)
        return gone
    if window.unit == "day":
        shifted = keys + window.before + window.last
        return _a_year_later(shifted) if window.years_back else shifted
    days = day_number_of(keys)
    return keys + (_begin_of(_period_of(days, window.unit) + window.before + window.last + 1, window.unit) - days)


# The calendar of a century and a half, because looking a day up is several times as fast as NumPy's dates.
_FIRST, _LAST = -25_567, 47_482  # 1900-01-01 to 2100-01-01
_MONTHS_OF_DAYS = np.arange(_FIRST, _LAST).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
_FIRST_MONTH, _LAST_MONTH = -70 * 12, 130 * 12
_BEGINS_OF_MONTHS = (
    np.arange(_FIRST_MONTH, _LAST_MONTH).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
)


def months_of(days: np.ndarray) -> np.ndarray:
    """Return the calendar month of days, counted from January 1970."""
    if len(days) and days.min() >= _FIRST and days.max() < _LAST:
        return _MONTHS_OF_DAYS[days - _FIRST]
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def weeks_of(days: np.ndarray) -> np.ndarray:
    """Return the calendar week of days; weeks begin on Monday."""
    return (days + 3) // 7  # 1970-01-01 was a Thursday


def _period_of(days: np.ndarray, unit: str) -> np.ndarray:
    return weeks_of(days) if unit == "week" else months_of(days) // _MONTHS[unit]


def _begin_of(periods: np.ndarray, unit: str) -> np.ndarray:
    if unit == "week":
        return periods * 7 - 3
    months = periods * _MONTHS[unit]
    if len(months) and months.min() >= _FIRST_MONTH and months.max() < _LAST_MONTH:
        return _BEGINS_OF_MONTHS[months - _FIRST_MONTH]
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _a_year_later(keys: np.ndarray) -> np.ndarray:
    """Return the first day whose date a year before is not before each day.

    The date a year before 29 February is the 28th, so that what happened on a 29th is reached on 1 March.
    """
    days = day_number_of(keys)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    day_of_month = (days.astype("datetime64[D]") - months).astype(np.int64)
    later = (months + 12).astype("datetime64[D]").astype(np.int64) + day_of_month
    return keys + (later - days)
