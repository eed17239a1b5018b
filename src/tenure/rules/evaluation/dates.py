"""Days that come again: the shop's named dates and the dates of customers, such as birthdays.

They return for ever, so they are laid out from before the first fact of a block to a horizon after its last day.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.clock import day_number, day_of
from tenure.facts.blocks import BIAS, day_number_of, who_of
from tenure.facts.named_dates import stretches
from tenure.rules.evaluation.steps import Steps, starts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.facts.blocks import Block

HORIZON = 800  # days: every next return of a yearly date lies within it, and the one after


def next_named(block: Block, specs: Sequence[str]) -> Steps:
    """Return the next first day of named dates, for everybody; on one of their days, that day itself."""
    low, high = _range(block)
    targets = [day for first, last in stretches(specs, low, high) for day in range(first, last + 1)]
    targets = sorted({day for day in targets if low <= day <= high})
    if not targets:
        return Steps(block.origins, np.zeros(len(block)), np.zeros(len(block), dtype=bool))
    # A day is waited for from the day after the one before; after the last, nothing is known.
    days = np.array(targets, dtype=np.int64)
    moments = np.concatenate(([-BIAS, low], days + 1)) + BIAS  # the origin first
    values, known = np.concatenate(([0], days, [0])), np.concatenate(([False], np.ones(len(days), bool), [False]))
    keys = (block.origins[:, None] + moments).ravel()
    return Steps(keys, np.tile(values.astype(np.float64), len(block)), np.tile(known, len(block)))


def next_anniversary(block: Block, keys: np.ndarray, codes: np.ndarray, names: Sequence[Any]) -> Steps:
    """Return the next return of the date that each customer's attribute holds, as it changes over time."""
    low, high = _range(block)
    dates = [_month_and_day(name) for name in names]
    pieces_keys, pieces_values, pieces_known = [], [], []
    ends = np.append(np.where(starts(keys)[1:], high + 1, day_number_of(keys)[1:]), high + 1)[: len(keys)]
    begins = np.maximum(day_number_of(keys), low)
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


def _range(block: Block) -> tuple[int, int]:
    first = min((int(rows.days.min()) for rows in block.rows.values() if len(rows.days)), default=block.last_day)
    return min(first, block.last_day) - 366, block.last_day + HORIZON


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
