"""Stays seen once a week: what a step of a week does to a customer who has stood in a stage for so many weeks.

Answers: of those who have stood in this stage for three weeks, which part stands where a week later, and what do they
bring in that week? The chance of leaving depends on how long one has been there (a semi-Markov chain): most stages of
a life cycle end after a set silence, which no constant rate can tell.

Weeks are counted backwards from the last watched day, so that the present is one of the points looked at. A stay of
less than a week between two points is not seen; its money is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tenure.economics.reading import Money, Stays
from tenure.facts.blocks import keys_of

WEEK = 7
#: Weeks in a stage that are told apart; longer ones count as one.
DURATIONS = 53
#: Weeks in a stage are shown and decided in bands: 0, 1, 2–3, 4–7, 8–12, 13–25, 26–51, 52 and more.
BANDS = (0, 1, 2, 4, 8, 13, 26, 52)
BAND_OF = np.searchsorted(BANDS, np.arange(DURATIONS), side="right") - 1
#: Customers are put into so many groups by their number; the bootstrap draws groups.
GROUPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """What was seen, by group g of customers and tier t.

    Attributes
    ----------
    stages, tiers : tuple of str
        What positions mean.
    source, target : ndarray of int64, shape (pairs,)
        The moves that were seen, sorted by source.
    moves : ndarray, shape (groups, tiers, pairs, durations)
        How often.
    risk : ndarray, shape (groups, tiers, stages, durations)
        Weeks watched.
    money : ndarray, shape (groups, tiers, stages, durations)
        Profit of those weeks.
    now : ndarray, shape (groups, tiers, stages, durations)
        Who stands there on the last day.
    """

    stages: tuple[str, ...]
    tiers: tuple[str, ...]
    source: np.ndarray
    target: np.ndarray
    moves: np.ndarray
    risk: np.ndarray
    money: np.ndarray
    now: np.ndarray

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


def weeks_in(day: np.ndarray | int, entered: np.ndarray) -> np.ndarray:
    """Return the whole weeks stood in a stage on a day, at most the longest that is told apart."""
    return np.clip((day - entered) // WEEK, 0, DURATIONS - 1)


def count(
    stays: Stays, money: Money, tier: np.ndarray | None = None, tiers: tuple[str, ...] = ("",), groups: int = GROUPS
) -> Counts:
    """Count weeks, moves and money.

    Parameters
    ----------
    stays, money
        What was read.
    tier : ndarray of int64, optional
        Tier of every customer, a position in `tiers`.
    tiers : tuple of str
        Names of the tiers.
    groups : int
        Into how many groups customers are put; at most as many as there are customers.
    """
    spells = _spells(stays)
    tier = np.zeros(stays.people, dtype=np.int64) if tier is None else tier
    groups = max(1, min(groups, stays.people))
    shape = (groups, len(tiers), len(stays.stages), DURATIONS)
    cell = np.ravel_multi_index((spells.who % groups, tier[spells.who], spells.stage), shape[:3])
    steps = spells.weeks - spells.last  # of the last stay's weeks, the present one has not been followed yet
    size = int(np.prod(shape))

    def spread(where: np.ndarray, duration: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.bincount(where * DURATIONS + duration, weights, size).astype(np.float64).reshape(shape)

    ended = spread(cell, np.minimum(steps, DURATIONS - 1))
    beyond = np.maximum(steps - (DURATIONS - 1), 0)
    risk = np.flip(np.cumsum(np.flip(ended, -1), axis=-1), -1)
    risk = np.concatenate([risk[..., 1:], np.zeros((*shape[:3], 1))], axis=-1)
    risk[..., -1] = spread(cell, np.full(len(cell), DURATIONS - 1), beyond.astype(np.float64))[..., -1]
    here = spells.last == 1
    now = spread(cell[here], np.minimum(spells.weeks[here] - 1, DURATIONS - 1))
    rows, duration, profit = _placed(spells, money, stays.day)
    source, target, moves = _moves(spells, tier, shape)
    return Counts(stays.stages, tiers, source, target, moves, risk, spread(cell[rows], duration, profit), now)


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


def _placed(spells: _Spells, money: Money, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of every payment the spell in which its week began, the weeks there by then, and the profit."""
    if not len(spells.who):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    week = week_of(money.day, last) - 1
    place = np.searchsorted(keys_of(spells.who, spells.first), keys_of(money.who, week), side="right") - 1
    since = week - spells.first[place]
    held = (place >= 0) & (spells.who[place] == money.who) & (since < spells.weeks[place])
    return place[held], np.minimum(since[held], DURATIONS - 1), money.profit[held]


def _moves(spells: _Spells, tier: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = np.flatnonzero(spells.last == 0)
    size = shape[2]
    pairs, which = np.unique(spells.stage[rows] * size + spells.stage[rows + 1], return_inverse=True)
    who = spells.who[rows]
    duration = np.minimum(spells.weeks[rows] - 1, DURATIONS - 1)
    wide = (shape[0], shape[1], len(pairs), DURATIONS)
    flat = np.ravel_multi_index((who % shape[0], tier[who], which, duration), wide) if len(rows) else rows
    moves = np.bincount(flat, minlength=int(np.prod(wide))).astype(np.float64).reshape(wide)
    return pairs // size, pairs % size, moves
