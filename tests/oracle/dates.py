"""The clerk's wall calendar: periods, windows, named dates and birthdays. Days are proleptic ordinals."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from oracle.language import Window

#: How far the clerk turns the pages to find a named date.
PAGES = 1_500
_A_YEAR = {"week": 52, "month": 12, "quarter": 4, "year": 1}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def period(day: int, unit: str, steps: int = 0) -> tuple[int, int]:
    """Return the first and last day of the calendar period that lies so many periods after that of a day."""
    at = date.fromordinal(day)
    if unit == "week":
        monday = day - at.weekday() + 7 * steps
        return monday, monday + 6
    size = _MONTHS[unit]
    month = ((at.year * 12 + at.month - 1) // size + steps) * size
    first, after = (date(each // 12, each % 12 + 1, 1).toordinal() for each in (month, month + size))
    return first, after - 1


def _a_year_before(day: int) -> int:
    at = date.fromordinal(day)
    with suppress(ValueError):
        return at.replace(year=at.year - 1).toordinal()
    return date(at.year - 1, 2, 28).toordinal()


def window_days(window: Window, day: int) -> tuple[int | None, int]:
    """Return the first and last day that a window reaches on a day; None is from the beginning."""
    last, before, unit, seen = window
    if unit == "day":
        newest = (_a_year_before(day) if seen == "same" else day) - before
        return None if last is None else newest - last + 1, newest
    if seen == "this":
        return period(day, unit)[0], day
    if seen == "whole":
        return period(day, unit, -_A_YEAR[unit])
    if seen == "same":
        before = _A_YEAR[unit]
    oldest = None if last is None else period(day, unit, -before - last)[0]
    return oldest, period(day, unit, -before - 1)[1]


def _date(text: str, year: int) -> date:
    """Return a date of which the year may be missing; 29 February is the 28th in common years."""
    parts = [int(part) for part in text.split("-")]
    year, month, of_month = parts if len(parts) == 3 else (year, *parts)
    if (month, of_month) == (2, 29):
        return date(year, 3, 1) - timedelta(days=1)
    return date(year, month, of_month)


def is_on(day: int, specs: Iterable[str]) -> bool:
    """Return whether a day is one of named dates: "11-11", "12-24..01-02", "2024-05-18" and so on."""
    today = date.fromordinal(day)
    for spec in specs:
        first, _, last = spec.partition("..")
        for year in (today.year - 1, today.year):  # a stretch that began last year may not be over
            begin, end = _date(first, year), _date(last or first, year)
            end = _date(last, year + 1) if end < begin else end
            if begin <= today <= end:
                return True
    return False


def days_until_named(day: int, specs: Iterable[str]) -> int | None:
    """Return how many days it takes until one of the named dates; 0 on it."""
    return next((ahead for ahead in range(PAGES) if is_on(day + ahead, specs)), None)


def days_until_return(day: int, text: object) -> int | None:
    """Return how many days it takes until a birthday such as "1990-03-05" or "03-05" returns."""
    try:
        _, month, of_month = f"2000-{text}".split("-")[-3:]
        date(2000, int(month), int(of_month))
        years = str(text).split("-")[:-2]
        if years:
            date.fromisoformat(str(text))
    except ValueError:
        return None
    return next((ahead for ahead in range(PAGES) if is_on(day + ahead, [f"{month}-{of_month}"])), None)
