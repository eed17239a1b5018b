"""What a stage brings, and what a customer who is in it will probably bring.

The first divides money by days. The second counts once a week what a step of a week does to a customer who has been
in a stage for so many weeks, and walks that chain backwards from the horizon (backward induction over a semi-Markov
chain: Howard, Dynamic Probabilistic Systems II, 1971). The chance of leaving depends on how long one has been there:
most stages of a life cycle end after a set time of inactivity, which no constant rate can tell. Intervals: a bootstrap
that draws customers in groups.

Weeks are counted backwards from the last watched day, so that the present is one of the points looked at. An episode
of less than a week between two points is not counted; its money is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np

from tenure.economics.episodes import CashFlows, Episodes
from tenure.economics.transitions import MONTH
from tenure.facts.blocks import keys_of

WEEK = 7
#: Weeks in a stage that are told apart; longer ones count as one.
DURATIONS = 53
#: Weeks in a stage are shown and decided in bands: 0, 1, 2–3, 4–7, 8–12, 13–25, 26–51, 52 and more.
BANDS = (0, 1, 2, 4, 8, 13, 26, 52)
BAND_OF = np.searchsorted(BANDS, np.arange(DURATIONS), side="right") - 1
#: Customers are put into so many groups by their number; the bootstrap draws groups.
GROUPS = 120
DRAWS = 120
QUARTER = 13
#: With the weight of so many weeks, a cell is drawn towards those before it; a tier's stage and cell to the pooled.
_CELL, _TIER, _TIER_CELL = 2.0, 26.0, 8.0


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
    episodes: Episodes, flows: CashFlows, windows: Sequence[TierWindow], tiers: tuple[str, ...] = ("",)
) -> WeeklyCounts:
    spells = _spells(episodes)
    groups = max(1, min(GROUPS, episodes.people))
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


def weights(groups: int, seed: int = 20_240_101) -> np.ndarray:
    """Return how often each draw takes each group, shape (1 + draws, groups); the first row takes each once."""
    sampled = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=DRAWS)
    return np.concatenate([np.ones((1, groups)), sampled]).astype(np.float64)


def estimate(draws: np.ndarray) -> tuple[float, float, float]:
    """Return the estimate of one number, which is the first of the draws, and its interval."""
    low, high = interval(draws)
    return float(draws[0]), float(low), float(high)


def interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bounds that hold the truth in 95 % of cases: the estimate and 1.96 standard errors of the bootstrap."""
    half = 1.96 * draws[1:].std(axis=0, ddof=1) if len(draws) > 2 else np.zeros_like(draws[0])
    return draws[0] - half, draws[0] + half


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """Value of being in a stage, the point estimate first, then the draws."""

    counts: WeeklyCounts  # what it was estimated from
    value: np.ndarray  # discounted profit over the horizon of a customer who has been there for so many weeks

    @property
    def entering(self) -> np.ndarray:
        """Value on the day of entering, shape (1 + draws, tiers, stages)."""
        return self.value[..., 0]

    @property
    def current_all(self) -> np.ndarray:
        """Value of a customer who is there now, tiers mixed as they are there, shape (1 + draws, stages)."""
        weeks = _shares(self.counts.now.sum(axis=0), self.counts.risk.sum(axis=0), -1)
        return np.einsum("nts,ts->ns", np.einsum("ntsd,tsd->nts", self.value, weeks), self.tier_mix)

    @property
    def tier_mix(self) -> np.ndarray:
        """Which part of a stage's customers each tier is, shape (tiers, stages)."""
        return _shares(self.counts.now.sum(axis=(0, 3)), self.counts.risk.sum(axis=(0, 3)), 0)

    @property
    def known(self) -> np.ndarray:
        """Whether any customer was ever watched there, shape (stages,)."""
        return self.counts.risk.sum(axis=(0, 1, 3)) > 0

    def banded(self) -> np.ndarray:
        """Return the value by band of weeks, shape (1 + draws, tiers, stages, bands)."""
        weeks = self.counts.risk.sum(axis=0) + self.counts.now.sum(axis=0) + 1e-9
        share = np.zeros((*weeks.shape, len(BANDS)))
        share[..., np.arange(DURATIONS), BAND_OF] = weeks
        share /= share.sum(axis=-2, keepdims=True)
        return np.einsum("ntsd,tsdb->ntsb", self.value, share)

    def stage_values(self) -> list[dict[str, Any]]:
        # Who enters has the tiers of those who entered in the past.
        first = self.counts.risk[..., 0].sum(axis=0) + self.counts.now[..., 0].sum(axis=0)
        entering = np.einsum("nts,ts->ns", self.entering, first / np.maximum(first.sum(axis=0), 1e-12))
        rows: list[dict[str, Any]] = [{"stage": name} for name in self.counts.stages]
        for key, draws in (("value", self.current_all), ("entering", entering)):
            for n, row in enumerate(rows):
                names = (key, f"{key}_low", f"{key}_high")
                row.update(zip(names, estimate(draws[:, n]) if self.known[n] else (None,) * 3, strict=True))
        return rows

    def move_values(self) -> list[dict[str, Any]]:
        """Return what it is worth when one customer is in another stage, from each to each other.

        That is a difference between customers who went there by themselves: an association, not the effect of
        bringing somebody there, which only a hold-out shows.
        """
        # Like with like: what the tiers that are in the source would bring after entering the target.
        difference = np.einsum("ntb,ta->nab", self.entering, self.tier_mix) - self.current_all[:, :, None]
        low, high = interval(difference)
        stages, columns = self.counts.stages, {"value": difference[0], "low": low, "high": high}
        return [
            {"source": stages[a], "target": stages[b], **{key: float(column[a, b]) for key, column in columns.items()}}
            for a, b in permutations(np.flatnonzero(self.known), 2)
        ]


def _shares(now: np.ndarray, risk: np.ndarray, axis: int) -> np.ndarray:
    """Return shares along an axis of the customers who are there now; of the past where nobody is."""
    mix = np.where(now.sum(axis=axis, keepdims=True) == 0, risk, now)
    return mix / np.maximum(mix.sum(axis=axis, keepdims=True), 1e-12)


def forward(counts: WeeklyCounts, horizon_days: int, discount: float, drawn: np.ndarray) -> Forward:
    """Estimate the value of being in each stage; `drawn` are the :func:`weights` of the bootstrap."""
    moves, risk, money = _totals(counts.pooled, drawn)
    hazard, mean_hazard = _smooth(moves, risk[:, :, counts.source])
    profit, mean_profit = _smooth(money, risk)
    if len(counts.tiers) > 1:
        moves, risk, money = _totals(counts, drawn)
        before = risk[:, :, counts.source]
        # A tier's cell is drawn towards the pooled one, shifted as the whole stage differs in that tier.
        likely = hazard * _shrunk(moves, before, mean_hazard) / np.maximum(mean_hazard, 1e-12)
        hazard = _drawn_towards(moves, before, np.minimum(likely, 1.0))
        profit = _drawn_towards(money, risk, profit + _shrunk(money, risk, mean_profit) - mean_profit)
    return Forward(counts, _backward(counts, hazard, profit, horizon_days, discount))


def _totals(counts: WeeklyCounts, drawn: np.ndarray) -> list[np.ndarray]:
    """Return moves, weeks and money of each draw: (draws, tiers, moves or stages, durations)."""
    return [np.tensordot(drawn, array, 1) for array in (counts.moves, counts.risk, counts.money)]


def _smooth(amount: np.ndarray, weeks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return amount a week by duration, each cell drawn towards the quarter of a year before it, and altogether."""
    mean = amount.sum(axis=-1, keepdims=True) / np.maximum(weeks.sum(axis=-1, keepdims=True), 1e-12)
    prior = (_quarter_before(amount) + mean) / (_quarter_before(weeks) + 1.0)
    return (amount + _CELL * prior) / (weeks + _CELL), mean


def _quarter_before(amount: np.ndarray) -> np.ndarray:
    """Return the sum over the thirteen durations before each."""
    upto = np.concatenate([np.zeros((*amount.shape[:-1], 1)), np.cumsum(amount, axis=-1)], axis=-1)[..., :-1]
    upto[..., QUARTER:] -= upto[..., :-QUARTER].copy()
    return upto


def _shrunk(amount: np.ndarray, weeks: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return amount a week of each tier and stage, drawn towards that of the stage."""
    return (amount.sum(axis=-1, keepdims=True) + _TIER * mean) / (weeks.sum(axis=-1, keepdims=True) + _TIER)


def _drawn_towards(amount: np.ndarray, weeks: np.ndarray, pooled: np.ndarray) -> np.ndarray:
    """Return amount a week: a tier's cell is drawn towards its own quarter before, and that towards the pooled."""
    prior = (_quarter_before(amount) + _TIER_CELL * pooled) / (_quarter_before(weeks) + _TIER_CELL)
    return (amount + _CELL * prior) / (weeks + _CELL)


def _backward(
    counts: WeeklyCounts, hazard: np.ndarray, money: np.ndarray, horizon_days: int, discount: float
) -> np.ndarray:
    """Return the value of each cell by backward induction, a week at a time from the horizon."""
    step, half = np.exp(-discount * WEEK / 365), np.exp(-discount * WEEK / 730)
    weeks, rest = divmod(horizon_days, WEEK)
    source, first = np.unique(counts.source, return_index=True)
    stay = np.ones_like(money)
    if len(source):
        leaving = np.add.reduceat(hazard, first, axis=2)
        over = np.maximum(leaving, 1.0)  # chances drawn towards others' may add up to more than certainty
        hazard = hazard / over[:, :, np.searchsorted(source, counts.source)]
        stay[:, :, source] -= leaving / over
    value = money * (rest / WEEK) * np.exp(-discount * rest / 730)
    for _ in range(weeks):
        after = stay * np.concatenate([value[..., 1:], value[..., -1:]], axis=-1)
        if len(source):
            after[:, :, source] += np.add.reduceat(hazard * value[:, :, counts.target, :1], first, axis=2)
        value = half * money + step * after
    return value


def profit_by_stage(episodes: Episodes, flows: CashFlows, drawn: np.ndarray) -> list[dict[str, Any]]:
    """Divide the money of each stage by the days that customers were in it."""
    groups, size = drawn.shape[1], len(episodes.stages)

    def sums(who: np.ndarray, stage: np.ndarray, amount: np.ndarray) -> np.ndarray:
        return np.bincount(who % groups * size + stage, amount, groups * size).reshape(groups, size)

    days = sums(episodes.who, episodes.stage, episodes.left - episodes.entered)
    row = episodes.at(flows.who, flows.day)
    inside = row >= 0
    who, stage = flows.who[inside], episodes.stage[row[inside]]
    names = ("sales", "margin", "invested", "profit")
    totals = {name: sums(who, stage, getattr(flows, name)[inside]) for name in names}
    now = np.bincount(episodes.stage[~episodes.ended], minlength=size)
    watched = np.maximum(drawn @ days, 1e-12)
    month = {name: (drawn @ total) / watched * MONTH for name, total in totals.items()}
    low, high = interval(month["profit"])
    rows: list[dict[str, Any]] = []
    for n, name in enumerate(episodes.stages):
        figures = {f"month_{key}": float(month[key][0, n]) for key in names}
        figures |= {"month_low": float(low[n]), "month_high": float(high[n])}
        rows.append(
            {
                "stage": name,
                "people": int(now[n]),
                "customer_days": float(days[:, n].sum()),
                **{key: float(total[:, n].sum()) for key, total in totals.items()},
                # Nothing a month can be said of a stage in which no day was watched.
                **(figures if days[:, n].any() else dict.fromkeys(figures)),
                "draws": month["profit"][:, n],
            }
        )
    return rows
