"""The days of a trend: every day, week or month back from its last day."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from typing import Literal

Every = Literal["day", "week", "month"]


def grid(since: date, until: date, every: Every = "week") -> list[date]:
    """Return the days of a trend, the last of them `until`."""
    days = []
    day = until
    while day >= since:
        days.append(day)
        if every == "month":
            # The same day of the month before, or that month's last day.
            month = until.year * 12 + until.month - 1 - len(days)
            last = monthrange(month // 12, month % 12 + 1)[1]
            day = date(month // 12, month % 12 + 1, min(until.day, last))
        else:
            day = until - timedelta(days=len(days) * (7 if every == "week" else 1))
    return days[::-1]
