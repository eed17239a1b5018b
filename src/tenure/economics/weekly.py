"""Stays seen once a week: what a step of a week does to a customer who has stood in a stage for so many weeks.

The chance of leaving depends on how long one has been there (a semi-Markov chain): most stages of a life cycle end
after a set silence, which no constant rate can tell.

Weeks are counted backwards from the last watched day, so that the present is one of the points looked at. A stay of
less than a week between two points is not seen; its money is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tenure.economics.stays import Money, Stays
from tenure.facts.blocks import keys_of

WEEK = 7
#: Weeks in a stage that are told apart; longer ones count as one.
DURATIONS = 53
#: Weeks in a stage are shown and decided in bands: 0, 1, 2–3, 4–7, 8–12, 13–25, 26–51, 52 and more.
BANDS = (0, 1, 2, 4, 8, 13, 26, 52)
BAND_OF = np.searchsorted(BANDS, np.arange(DURATIONS), side="right") - 1
#: Customers are put into so many groups by their number; the bootstrap draws groups.
GROUPS = 120


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What was seen, by group g of customers and tier t."""

    stages: tuple[str, ...]  # what positions mean
    tiers: tuple[str, ...]
    source: np.ndarray  # the moves that were seen, sorted by source
    target: np.ndarray
    moves: np.ndarray  # how often
    risk: np.ndarray  # weeks watched
    money: np.ndarray  # profit of those weeks
    now: np.ndarray  # who stands there on the last day

    @property
    def pooled(self) -> Counts:
        """The same without tiers."""
        moves, risk, money, now = (
            one.sum(axis=1, keepdims=True) for one in (self.moves, self.risk, self.money, self.now)
        )
        return Counts(self.stages, ("",), self.source, self.target, moves, risk, money, now)


def week_of(day: np.ndarray, last: int) -> np.ndarray:
    """Return the first point (0 is the last day, -1 a week before it) that is not before each day."""
    return -((last - day) // WEEK)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Weekly points from `first` to the one before `until`, and every customer's tier in them."""

    first: int
    until: int
    tier: np.ndarray


def whole(stays: Stays) -> list[Window]:
    """Return one window over everything, everybody in one tier."""
    return [Window(-(1 << 20), 1, np.zeros(stays.people, dtype=np.int64))]


def count(
    stays: Stays, money: Money, windows: Sequence[Window], tiers: tuple[str, ...] = ("",), groups: int = GROUPS
) -> Counts:
    """Count weeks, moves and money."""
    spells = _spells(stays)
    groups = max(1, min(groups, stays.people))
    shape = (groups, len(tiers), len(stays.stages), DURATIONS)
    risk, paid = np.zeros(shape), np.zeros(shape)
    rows = np.flatnonzero(spells.last == 0)
    size = len(stays.stages)
    pairs, which = np.unique(spells.stage[rows] * size + spells.stage[rows + 1], return_inverse=True)
    moves = np.zeros((groups, len(tiers), len(pairs), DURATIONS))
    place, since, week, profit = _placed(spells, money, stays.day)
    for window in windows:
        cell = _cells(shape, spells.who, window.tier, spells.stage)
        risk += _risk(spells, cell, window, shape)
        held = (week >= window.first) & (week < window.until)
        paid += _spread(cell[place[held]], since[held], shape, profit[held])
        left = spells.first[rows] + spells.weeks[rows] - 1
        seen = (left >= window.first) & (left < window.until)
        gone = _cells(moves.shape, spells.who[rows[seen]], window.tier, which[seen])
        moves += _spread(gone, spells.weeks[rows[seen]] - 1, moves.shape)
    here = spells.last == 1
    cell = _cells(shape, spells.who[here], windows[-1].tier, spells.stage[here])
    now = _spread(cell, spells.weeks[here] - 1, shape)
    return Counts(stays.stages, tiers, pairs // size, pairs % size, moves, risk, paid, now)


def _cells(shape: tuple[int, ...], who: np.ndarray, tier: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Return positions in the first three of the dimensions: group, tier, and stage or move."""
    return ((who % shape[0]) * shape[1] + tier[who]) * shape[2] + third


def _spread(
    cell: np.ndarray, duration: np.ndarray, shape: tuple[int, ...], weights: np.ndarray | None = None
) -> np.ndarray:
    flat = cell * DURATIONS + np.minimum(duration, DURATIONS - 1)
    return np.bincount(flat, weights, int(np.prod(shape))).astype(np.float64).reshape(shape)


def _risk(spells: _Spells, cell: np.ndarray, window: Window, shape: tuple[int, ...]) -> np.ndarray:
    """Count the weeks of a window that each spell was watched through, by how long it had lasted by then."""
    # Of a customer's last stay the present week has not been followed yet.
    low = np.maximum(spells.first, window.first) - spells.first
    high = np.minimum(spells.first + spells.weeks - spells.last, window.until) - spells.first
    seen = high > low
    low, high, cell = low[seen], high[seen], cell[seen]
    last = DURATIONS - 1
    edges = _spread(cell[low < last], low[low < last], shape) - _spread(cell[low < last], high[low < last], shape)
    found = np.cumsum(edges, axis=-1)
    beyond = (high - np.maximum(low, last)).clip(min=0).astype(np.float64)
    found[..., last] = _spread(cell, np.full(len(cell), last), shape, beyond)[..., last]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Spells:
    """Stays that hold at least one weekly point: first point, how many, and whether it is the customer's last."""

    who: np.ndarray
    stage: np.ndarray
    first: np.ndarray
    weeks: np.ndarray
    last: np.ndarray


def _spells(stays: Stays) -> _Spells:
    first = week_of(stays.entered, stays.day)
    weeks = np.where(stays.ended, week_of(stays.left, stays.day), 1) - first
    seen = weeks > 0
    who = stays.who[seen]
    last = np.append(who[1:] != who[:-1], np.ones(min(len(who), 1), dtype=bool)).astype(np.int64)
    return _Spells(who, stays.stage[seen], first[seen], weeks[seen], last)


def _placed(spells: _Spells, money: Money, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return of every payment the spell in which its week began, the weeks there by then, that week, the profit."""
    week = week_of(money.day, last) - 1
    if not len(spells.who):
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, nothing, np.zeros(0)
    place = np.searchsorted(keys_of(spells.who, spells.first), keys_of(money.who, week), side="right") - 1
    since = week - spells.first[place]
    held = (place >= 0) & (spells.who[place] == money.who) & (since < spells.weeks[place])
    return place[held], since[held], week[held], money.profit[held]
