"""Episodes once a week: what a step of a week does to a customer who has been in a stage for so many weeks.

The chance of leaving depends on how long one has been there (a semi-Markov chain): most stages of a life cycle end
after a set time of inactivity, which no constant rate can tell.

Weeks are counted backwards from the last watched day, so that the present is one of the points looked at. An episode
of less than a week between two points is not counted; its money is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tenure.economics.episodes import CashFlows, Episodes
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
class WeeklyCounts:
    """Weeks, moves and money by group of customers, tier, stage (or move) and weeks in the stage."""

    stages: tuple[str, ...]  # what positions mean
    tiers: tuple[str, ...]
    source: np.ndarray  # the moves that happened, sorted by source
    target: np.ndarray
    moves: np.ndarray  # how often
    risk: np.ndarray  # weeks watched
    money: np.ndarray  # profit of those weeks
    now: np.ndarray  # customers there on the last day

    @property
    def pooled(self) -> WeeklyCounts:
        sums = {name: getattr(self, name).sum(axis=1, keepdims=True) for name in ("moves", "risk", "money", "now")}
        return replace(self, tiers=("",), **sums)


@dataclass(frozen=True, slots=True, eq=False)
class TierWindow:
    """Weekly points from `first` to the one before `until`, and every customer's tier in them."""

    first: int
    until: int
    tier: np.ndarray


def one_window(episodes: Episodes) -> list[TierWindow]:
    """Return one window over the whole past, all customers in one tier."""
    return [TierWindow(-(1 << 20), 1, np.zeros(episodes.people, dtype=np.int64))]


def count(
    episodes: Episodes,
    flows: CashFlows,
    windows: Sequence[TierWindow],
    tiers: tuple[str, ...] = ("",),
    groups: int = GROUPS,
) -> WeeklyCounts:
    spells = _spells(episodes)
    groups = max(1, min(groups, episodes.people))
    size = len(episodes.stages)
    shape = (groups, len(tiers), size, DURATIONS)
    risk, paid = np.zeros((2, *shape))
    rows = np.flatnonzero(spells.last == 0)
    pairs, move = np.unique(spells.stage[rows] * size + spells.stage[rows + 1], return_inverse=True)
    moves = np.zeros((groups, len(tiers), len(pairs), DURATIONS))
    spell, since, week, profit = _payments(spells, flows, episodes.day)
    left = spells.first[rows] + spells.weeks[rows] - 1
    for window in windows:
        cell = _cells(shape, spells.who, window.tier, spells.stage)
        risk += _risk(spells, cell, window, shape)
        inside = (week >= window.first) & (week < window.until)
        paid += _sums(cell[spell[inside]], since[inside], shape, profit[inside])
        inside = (left >= window.first) & (left < window.until)
        cell = _cells(moves.shape, spells.who[rows[inside]], window.tier, move[inside])
        moves += _sums(cell, spells.weeks[rows[inside]] - 1, moves.shape)
    current = spells.last == 1
    cell = _cells(shape, spells.who[current], windows[-1].tier, spells.stage[current])
    now = _sums(cell, spells.weeks[current] - 1, shape)
    return WeeklyCounts(episodes.stages, tiers, pairs // size, pairs % size, moves, risk, paid, now)


def _cells(shape: tuple[int, ...], who: np.ndarray, tier: np.ndarray, third: np.ndarray) -> np.ndarray:
    """Return positions in the first three of the dimensions: group, tier, and stage or move."""
    return ((who % shape[0]) * shape[1] + tier[who]) * shape[2] + third


def _sums(
    cell: np.ndarray, duration: np.ndarray, shape: tuple[int, ...], weights: np.ndarray | None = None
) -> np.ndarray:
    flat = cell * DURATIONS + np.minimum(duration, DURATIONS - 1)
    return np.bincount(flat, weights, int(np.prod(shape))).astype(np.float64).reshape(shape)


@dataclass(frozen=True, slots=True, eq=False)
class _Spells:
    """Episodes that hold at least one weekly point: first point, how many, and whether it is the customer's last."""

    who: np.ndarray
    stage: np.ndarray
    first: np.ndarray
    weeks: np.ndarray
    last: np.ndarray


def _week_of(day: np.ndarray, last: int) -> np.ndarray:
    """Return the first point (0 is the last day, -1 a week before it) that is not before each day."""
    return -((last - day) // WEEK)


def _spells(episodes: Episodes) -> _Spells:
    first = _week_of(episodes.entered, episodes.day)
    weeks = np.where(episodes.ended, _week_of(episodes.left, episodes.day), 1) - first
    counted = weeks > 0
    who = episodes.who[counted]
    last = np.append(who[1:] != who[:-1], np.ones(min(len(who), 1), dtype=bool)).astype(np.int64)
    return _Spells(who, episodes.stage[counted], first[counted], weeks[counted], last)


def _risk(spells: _Spells, cell: np.ndarray, window: TierWindow, shape: tuple[int, ...]) -> np.ndarray:
    """Count the weeks of a window that each spell was watched through, by how long it had lasted by then."""
    # Of a customer's last episode the present week has not been followed yet.
    low = np.maximum(spells.first, window.first) - spells.first
    high = np.minimum(spells.first + spells.weeks - spells.last, window.until) - spells.first
    inside = high > low
    low, high, cell = low[inside], high[inside], cell[inside]
    last = DURATIONS - 1
    # A spell adds one to every duration from low to high: +1 at one end, -1 at the other, and a running sum.
    short = low < last
    weeks = np.cumsum(_sums(cell[short], low[short], shape) - _sums(cell[short], high[short], shape), axis=-1)
    beyond = (high - np.maximum(low, last)).clip(min=0).astype(np.float64)
    weeks[..., last] = _sums(cell, np.full(len(cell), last), shape, beyond)[..., last]
    return weeks


def _payments(spells: _Spells, flows: CashFlows, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return of every payment the spell in which its week began, the weeks there by then, that week, the profit."""
    week = _week_of(flows.day, last) - 1
    if not len(spells.who):
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing, nothing, np.zeros(0)
    row = np.searchsorted(keys_of(spells.who, spells.first), keys_of(flows.who, week), side="right") - 1
    since = week - spells.first[row]
    inside = (row >= 0) & (spells.who[row] == flows.who) & (since < spells.weeks[row])
    return row[inside], since[inside], week[inside], flows.profit[inside]
