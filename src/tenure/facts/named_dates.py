"""Named dates of a shop, such as 双十一 or 店庆: on which days each falls.

A date is written ``11-11`` for every year or ``2024-05-18`` for one, and a stretch of days with two dots between:
``11-01..11-11``, ``12-24..01-02``.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from tenure.clock import day_number, day_of
from tenure.errors import LakeError
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Names that need no setting.
NAMED_DATES: dict[str, tuple[str, ...]] = {"双十一": ("11-11",)}
_SOME_DAY = day_number(date(2024, 1, 1))
_DATE = re.compile(r"(?:(\d{4})-)?(\d\d)-(\d\d)")


def parse_dates(text: str) -> tuple[str, ...]:
    """Return the dates that somebody wrote, ``11-11, 12-24..01-02``; raise a LakeError for what is none."""
    specs = tuple(spec for spec in re.split(r"[\s,;，、；]+", re.sub(r"\s*\.\.\s*", "..", text.strip())) if spec)
    if not specs:
        raise LakeError(mark("No dates are given. Write them as 11-11, 11-01..11-11 or 2024-05-18."))
    for spec in specs:
        try:
            stretches([spec], _SOME_DAY, _SOME_DAY)
        except ValueError as error:
            cause = mark(
                "%(date)s is not a date. Write 11-11 for every year, 2024-05-18 for one, 11-01..11-11 for a stretch."
            )
            raise LakeError(cause, date=spec) from error
    return specs


def is_yearly(spec: str) -> bool:
    """Whether dates come again every year."""
    return len(spec.partition("..")[0].strip()) == len("MM-DD")


def stretches(specs: Iterable[str], low: int, high: int) -> list[tuple[int, int]]:
    """Return the first and last days (since 1970-01-01) of all stretches that touch the days `low` to `high`.

    Raises ``ValueError`` for a text that is no date.
    """
    years = range(day_of(low).year - 1, day_of(high).year + 1)
    return sorted(
        (first, last) for spec in specs for first, last in _of_spec(spec, years) if first <= high and last >= low
    )


def days_among(days: np.ndarray, specs: Iterable[str]) -> np.ndarray:
    """Return which days lie on the named dates."""
    if not len(days):
        return np.zeros(0, dtype=bool)
    ranges = stretches(specs, int(days.min()), int(days.max()))
    return np.any([(days >= first) & (days <= last) for first, last in ranges] or [np.zeros(len(days), bool)], axis=0)


def _of_spec(spec: str, years: Iterable[int]) -> Iterator[tuple[int, int]]:
    parts = spec.split("..")
    first, last = _DATE.fullmatch(parts[0].strip()), _DATE.fullmatch(parts[-1].strip())
    if len(parts) > 2 or first is None or last is None or (first[1] is None) != (last[1] is None):
        raise ValueError(spec)
    for year in [int(first[1])] if first[1] else years:
        begin = _date(year, first)
        end = _date(int(last[1]) if last[1] else year + (last.groups() < first.groups()), last)
        if end < begin:
            raise ValueError(spec)
        yield day_number(begin), day_number(end)


def _date(year: int, parts: re.Match[str]) -> date:
    month, day = int(parts[2]), int(parts[3])
    if (month, day) == (2, 29):  # on 28 February in common years
        return date(year, 3, 1) - timedelta(days=1)
    return date(year, month, day)
