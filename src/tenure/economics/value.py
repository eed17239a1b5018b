"""What a stage brings, and what a customer standing in it will probably bring.

And how much will one who stands there now bring over the horizon, given where people go from there? The first divides
money by days; the second walks the weekly chain of :mod:`tenure.economics.weekly` backwards from the horizon
(backward induction over a semi-Markov chain: Howard, Dynamic Probabilistic Systems II, 1971). Intervals: a bootstrap
that draws customers in groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.economics.stays import Money, Stays
from tenure.economics.transitions import MONTH
from tenure.economics.weekly import BAND_OF, BANDS, DURATIONS, WEEK, Counts

DRAWS = 120
QUARTER = 13
#: With the weight of so many weeks, a cell is drawn towards those before it; a tier's stage and cell to everybody's.
_CELL, _TIER, _TIER_CELL = 2.0, 26.0, 8.0


def weights(groups: int, draws: int = DRAWS, seed: int = 20_240_101) -> np.ndarray:
    """Return how often each draw takes each group, shape (1 + draws, groups); the first row takes each once."""
    found = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws)
    return np.concatenate([np.ones((1, groups)), found]).astype(np.float64)


def interval(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return bounds that hold the truth in 95 % of cases: the estimate and 1.96 standard errors of the bootstrap."""
    wide = 1.96 * draws[1:].std(axis=0, ddof=1) if len(draws) > 2 else np.zeros_like(draws[0])
    return draws[0] - wide, draws[0] + wide


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """Value of standing somewhere, the point estimate first, then the draws."""

    counts: Counts  # what it was estimated from
    value: np.ndarray  # discounted profit over the horizon of one who has stood there for so many weeks
    horizon_days: int  # how far it looks

    @property
    def entering(self) -> np.ndarray:
        """Value on the day of entering, shape (1 + draws, tiers, stages)."""
        return self.value[..., 0]

    @property
    def entering_all(self) -> np.ndarray:
        """Value on the day of entering, tiers mixed as they entered in the past, shape (1 + draws, stages)."""
        first = self.counts.risk[..., 0].sum(axis=0) + self.counts.now[..., 0].sum(axis=0)
        return np.einsum("nts,ts->ns", self.entering, first / np.maximum(first.sum(axis=0), 1e-12))

    @property
    def standing_all(self) -> np.ndarray:
        """Value of one who stands there now, tiers mixed as they stand there, shape (1 + draws, stages)."""
        return np.einsum("nts,ts->ns", self.standing, self.tier_mix)

    @property
    def tier_mix(self) -> np.ndarray:
        """Which part of those who stand in a stage each tier is, shape (tiers, stages); of the past if nobody is."""
        now, risk = self.counts.now.sum(axis=(0, 3)), self.counts.risk.sum(axis=(0, 3))
        mix = np.where(now.sum(axis=0) == 0, risk, now)
        return mix / np.maximum(mix.sum(axis=0), 1e-12)

    @property
    def mix(self) -> np.ndarray:
        """For how long those who are there have been, shape (tiers, stages, durations); of the past if nobody is."""
        now, risk = self.counts.now.sum(axis=0), self.counts.risk.sum(axis=0)
        empty = now.sum(axis=-1, keepdims=True) == 0
        mix = np.where(empty, risk, now)
        return mix / np.maximum(mix.sum(axis=-1, keepdims=True), 1e-12)

    @property
    def standing(self) -> np.ndarray:
        """Value of one who stands there now, shape (1 + draws, tiers, stages)."""
        return np.einsum("ntsd,tsd->nts", self.value, self.mix)

    @property
    def known(self) -> np.ndarray:
        """Whether anybody was ever watched there, shape (stages,)."""
        return self.counts.risk.sum(axis=(0, 1, 3)) > 0

    def banded(self) -> np.ndarray:
        """Return the value by band of weeks, shape (1 + draws, tiers, stages, bands)."""
        seen = self.counts.risk.sum(axis=0) + self.counts.now.sum(axis=0) + 1e-9
        share = np.zeros((*seen.shape, len(BANDS)))
        share[..., np.arange(DURATIONS), BAND_OF] = seen
        share /= share.sum(axis=-2, keepdims=True)
        return np.einsum("ntsd,tsdb->ntsb", self.value, share)


def forward(counts: Counts, horizon_days: int, discount: float, taken: np.ndarray) -> Forward:
    """Work out the value of standing in each stage."""
    rates = _rates(counts, taken)
    hazard, money = rates.hazard, rates.money
    if len(counts.tiers) > 1:
        hazard, money = _by_tier(counts, taken, rates)
    return Forward(counts, _walk(counts, hazard, money, horizon_days, discount), horizon_days)


@dataclass(frozen=True, slots=True, eq=False)
class _Rates:
    """Chances of each move, and money, a week: by cell, and of the stage as a whole."""

    hazard: np.ndarray  # (draws, tiers, pairs, durations)
    money: np.ndarray  # (draws, tiers, stages, durations)
    mean_hazard: np.ndarray
    mean_money: np.ndarray


def _rates(counts: Counts, taken: np.ndarray) -> _Rates:
    """Return the rates of everybody: a cell that was hardly seen is drawn towards the quarter of a year before it."""
    pooled = counts.pooled
    moves, risk, money = (np.tensordot(taken, one, 1) for one in (pooled.moves, pooled.risk, pooled.money))
    before = risk[:, :, counts.source]
    hazard, mean_hazard = _smooth(moves, before)
    earned, mean_money = _smooth(money, risk)
    return _Rates(hazard, earned, mean_hazard, mean_money)


def _smooth(amount: np.ndarray, weeks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return amount a week by duration, and altogether."""
    mean = amount.sum(axis=-1, keepdims=True) / np.maximum(weeks.sum(axis=-1, keepdims=True), 1e-12)
    prior = (_before(amount) + mean) / (_before(weeks) + 1.0)
    return (amount + _CELL * prior) / (weeks + _CELL), mean


def _before(amount: np.ndarray) -> np.ndarray:
    """Return the sum over the thirteen durations before each."""
    upto = np.concatenate([np.zeros((*amount.shape[:-1], 1)), np.cumsum(amount, axis=-1)], axis=-1)[..., :-1]
    upto[..., QUARTER:] -= upto[..., :-QUARTER].copy()
    return upto


def _by_tier(counts: Counts, taken: np.ndarray, all_: _Rates) -> tuple[np.ndarray, np.ndarray]:
    """Return hazard and money by tier; a cell is drawn towards everybody's, shifted as the tier differs there."""
    moves, risk, money = (np.tensordot(taken, one, 1) for one in (counts.moves, counts.risk, counts.money))
    before = risk[:, :, counts.source]
    whole, went = risk.sum(axis=-1, keepdims=True), before.sum(axis=-1, keepdims=True)
    own_hazard = (moves.sum(axis=-1, keepdims=True) + _TIER * all_.mean_hazard) / (went + _TIER)
    own_money = (money.sum(axis=-1, keepdims=True) + _TIER * all_.mean_money) / (whole + _TIER)
    likely = np.minimum(all_.hazard * own_hazard / np.maximum(all_.mean_hazard, 1e-12), 1.0)
    hazard = _drawn(moves, before, likely)
    return hazard, _drawn(money, risk, all_.money + own_money - all_.mean_money)


def _drawn(amount: np.ndarray, weeks: np.ndarray, towards: np.ndarray) -> np.ndarray:
    """Return amount a week: a tier's cell is drawn towards its own quarter before, and that towards everybody's."""
    prior = (_before(amount) + _TIER_CELL * towards) / (_before(weeks) + _TIER_CELL)
    return (amount + _CELL * prior) / (weeks + _CELL)


def _walk(counts: Counts, hazard: np.ndarray, money: np.ndarray, horizon_days: int, discount: float) -> np.ndarray:
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


def profit_by_stage(stays: Stays, money: Money, taken: np.ndarray) -> list[dict[str, Any]]:
    """Divide the money of each stage by the days that customers stood in it."""
    groups, size = taken.shape[1], len(stays.stages)
    days = _summed(stays.who % groups, stays.stage, stays.left - stays.entered, (groups, size))
    row = stays.at(money.who, money.day)
    held = row >= 0
    who, stage = money.who[held] % groups, stays.stage[row[held]]
    sums = {
        name: _summed(who, stage, getattr(money, name)[held], (groups, size))
        for name in ("sales", "margin", "invested", "profit")
    }
    now = np.bincount(stays.stage[~stays.ended], minlength=size)
    watched = np.maximum(taken @ days, 1e-12)
    month = {name: (taken @ one) / watched * MONTH for name, one in sums.items()}
    low, high = interval(month["profit"])
    told = []
    for n, name in enumerate(stays.stages):
        some = bool(days[:, n].sum())
        told.append(
            {"stage": name, "people": int(now[n]), "customer_days": float(days[:, n].sum()),
             **{key: float(one[:, n].sum()) for key, one in sums.items()},
             **{f"month_{key}": float(month[key][0, n]) if some else None for key in ("sales", "margin", "invested")},
             "month_profit": float(month["profit"][0, n]) if some else None,
             "month_low": float(low[n]) if some else None, "month_high": float(high[n]) if some else None,
             "draws": month["profit"][:, n]}
        )  # fmt: skip
    return told


def _summed(first: np.ndarray, second: np.ndarray, amount: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    flat = np.bincount(first * shape[1] + second, amount, shape[0] * shape[1])
    return flat.reshape(shape)
