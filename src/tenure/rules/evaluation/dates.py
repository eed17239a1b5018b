"""Days that come again: the shop's named dates and the dates of customers, such as birthdays.

They return for ever, so they are laid out for each customer from before anything was known of them to a horizon after
the last day of the block.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.clock import day_number, day_of
from tenure.facts.blocks import BIAS, day_number_of, keys_of, who_of
from tenure.facts.named_dates import is_yearly, stretches
from tenure.facts.records import ALWAYS
from tenure.rules.evaluation.steps import Steps, starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.facts.blocks import Block

HORIZON = 800  # days: every next return of a yearly date lies within it, and the one after
_FIRST, _LAST = day_number(date(2, 1, 1)), day_number(date(9998, 12, 31))  # what lies outside is no real date


def next_named(block: Block, specs: Sequence[str]) -> Steps:
    """Return the next first day of named dates, for everybody; on one of their days, that day itself."""
    lows = _begins(block)
    low = int(lows.min(initial=block.last_day))
    # Dates that never come again are waited for however far they lie ahead.
    high = block.last_day + HORIZON if any(map(is_yearly, specs)) else _LAST
    targets = {day for first, last in stretches(specs, low, high) for day in range(first, last + 1)}
    days = np.array(sorted(day for day in targets if low <= day <= high), dtype=np.int64)
    # A day is waited for from the day after the one before; before and after all of them, nothing is known.
    first = np.searchsorted(days, lows)
    sizes = len(days) - first + 2
    who = np.repeat(np.arange(len(block)), sizes)
    number = np.arange(len(who)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # 0 is the origin
    place = first[who] + number - 1
    since = np.maximum(np.append(low, days + 1)[place], lows[who])
    known = (number > 0) & (place < len(days))
    keys = np.where(number > 0, keys_of(who, since), block.origins[who])
    return Steps(keys, np.where(known, np.append(days, 0)[place], 0).astype(np.float64), known)


def next_anniversary(block: Block, keys: np.ndarray, codes: np.ndarray, names: Sequence[Any]) -> Steps:
    """Return the next return of the date that each customer's attribute holds, as it changes over time."""
    lows, high = _begins(block), block.last_day + HORIZON
    low = int(lows.min(initial=block.last_day))
    dates = [_month_and_day(name) for name in names]
    pieces_keys, pieces_values, pieces_known = [], [], []
    ends = np.append(np.where(starts(keys)[1:], high + 1, day_number_of(keys)[1:]), high + 1)[: len(keys)]
    begins = np.maximum(day_number_of(keys), lows[who_of(keys)])
    for code, month_day in enumerate(dates):
        rows = np.flatnonzero(codes == code)
        if month_day is None or not len(rows):
            continue
        returns = np.array(_returns(*month_day, low, high + 366), dtype=np.int64)
        first = np.searchsorted(returns, begins[rows])
        last = np.searchsorted(returns, np.maximum(ends[rows] - 1, begins[rows]))
        sizes = last - first + 1
        row = np.repeat(rows, sizes)
        number = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(first, sizes)
        from_day = np.maximum(np.append(low, returns[:-1] + 1)[number], begins[row])
        pieces_keys.append((who_of(keys[row]) << 22) + from_day + BIAS)
        pieces_values.append(returns[number])
        pieces_known.append(np.ones(len(row), dtype=bool))
    # Where the attribute becomes unknown or no date, and after the horizon, nothing is known.
    unknown = np.array([code < 0 or dates[code] is None for code in codes.tolist()], dtype=bool)
    pieces_keys += [block.origins, keys[unknown], block.origins + high + 1 + BIAS]
    for piece in pieces_keys[len(pieces_values) :]:
        pieces_values.append(np.zeros(len(piece), dtype=np.int64))
        pieces_known.append(np.zeros(len(piece), dtype=bool))
    every = np.concatenate(pieces_keys)
    order = np.lexsort((np.concatenate(pieces_known), every))
    every = every[order]
    last_of_day = np.append(every[1:] != every[:-1], True)[: len(every)]
    values = np.concatenate(pieces_values)[order][last_of_day].astype(np.float64)
    return Steps(every[last_of_day], values, np.concatenate(pieces_known)[order][last_of_day])


def _begins(block: Block) -> np.ndarray:
    """Return a day of each customer a year before any fact or record; who else is in the block makes no difference."""
    days = np.full(len(block), block.last_day, dtype=np.int64)
    for rows in block.rows.values():
        np.minimum.at(days, rows.who, rows.days)
    records = block.records
    dated = records.days != ALWAYS
    np.minimum.at(days, records.who[dated], records.days[dated])
    if block.recorded_on is not None:
        days = np.minimum(days, block.recorded_on)
    return np.maximum(days - 366, _FIRST)


def _month_and_day(value: Any) -> tuple[int, int] | None:
    text = str(value)[:10]
    try:
        day = date.fromisoformat(text if len(text) > 5 else f"2000-{text}")
    except ValueError:
        return None
    return day.month, day.day


def _returns(month: int, day: int, low: int, high: int) -> list[int]:
    """Return the days on which a yearly date falls; 29 February falls on the 28th in common years."""
    days = []
    for year in range(day_of(low).year, day_of(high).year + 1):
        is_leap_day = (month, day) == (2, 29)
        on = date(year, 3, 1) - timedelta(days=1) if is_leap_day else date(year, month, day)
        if low <= day_number(on) <= high:
            days.append(day_number(on))
    return days
