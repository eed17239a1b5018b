"""The days of a trend: every day, week or month back from its last day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

Every = Literal["day", "week", "month"]


def grid(since: date, until: date, every: Every = "week") -> list[date]:
    """Return the days of a trend, the last of them `until`."""
    days, number = [], 0
    while (day := _back(until, number, every)) >= since:
        days.append(day)
        number += 1
    return days[::-1]


def _back(until: date, number: int, every: Every) -> date:
    if every != "month":
        return until - timedelta(days=number * (7 if every == "week" else 1))
    month = until.year * 12 + until.month - 1 - number
    first = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(first + timedelta(days=until.day - 1), following - timedelta(days=1))
