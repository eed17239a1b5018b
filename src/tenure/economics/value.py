"""What a stage brings, and what a customer standing in it will probably bring.

Answers: how much profit does a customer-month in this stage bring? And how much will one who stands there now bring
over the horizon, given where people go from there? The first divides money by days; the second walks the weekly chain
of :mod:`tenure.economics.weekly` backwards from the horizon (backward induction over a semi-Markov chain: Howard,
Dynamic Probabilistic Systems II, 1971). Intervals: a bootstrap that draws customers in groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.economics.reading import Money, Stays
from tenure.economics.transitions import MONTH
from tenure.economics.weekly import BAND_OF, BANDS, DURATIONS, WEEK, Counts

DRAWS = 200
#: A cell of the chain is drawn towards its stage (or of a tier: towards everybody) with the weight of so many weeks.
_STEPS, _MONEY, _TIER = 1.0, 4.0, 26.0
_QUANTILES = (0.025, 0.975)


def weights(groups: int, draws: int = DRAWS, seed: int = 20_240_101) -> np.ndarray:
    """Return how often each draw takes each group, shape (1 + draws, groups); the first row takes each once."""
    found = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws)
    return np.concatenate([np.ones((1, groups)), found]).astype(np.float64)


def interval(draws: np.ndarray, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds that hold 95 % of bootstrap draws."""
    low, high = np.quantile(draws, _QUANTILES, axis=axis)
    return low, high


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """Value of standing somewhere, the point estimate first, then the draws.

    Attributes
    ----------
    counts : Counts
        What it was estimated from.
    value : ndarray, shape (1 + draws, tiers, stages, durations)
        Discounted profit over the horizon of one who has stood there for so many weeks.
    horizon_days : int
        How far it looks.
    """

    counts: Counts
    value: np.ndarray
    horizon_days: int

    @property
    def entering(self) -> np.ndarray:
        """Value on the day of entering, shape (1 + draws, tiers, stages)."""
        return self.value[..., 0]

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
        """Whether anybody was ever watched there, shape (tiers, stages)."""
        return self.counts.risk.sum(axis=(0, 3)) > 0

    def banded(self) -> np.ndarray:
        """Return the value by band of weeks, shape (1 + draws, tiers, stages, bands)."""
        seen = self.counts.risk.sum(axis=0) + self.counts.now.sum(axis=0) + 1e-9
        share = np.zeros((*seen.shape, len(BANDS)))
        share[..., np.arange(DURATIONS), BAND_OF] = seen
        share /= share.sum(axis=-2, keepdims=True)
        return np.einsum("ntsd,tsdb->ntsb", self.value, share)


def forward(counts: Counts, horizon_days: int, discount: float, taken: np.ndarray) -> Forward:
    """Work out the value of standing in each stage.

    Parameters
    ----------
    counts : Counts
        Weeks, moves and money that were seen.
    horizon_days : int
        How far to look; the last week may be a part of one.
    discount : float
        Interest a year, compounded continuously; the money of a week is discounted from its middle.
    taken : ndarray, shape (1 + draws, groups)
        See :func:`weights`.

    Returns
    -------
    Forward
        Cells that were hardly seen are drawn towards their stage's mean; of several tiers, each towards everybody.
    """
    hazard, money = _rates(counts.pooled, taken, None)
    if len(counts.tiers) > 1:
        hazard, money = _rates(counts, taken, (hazard, money))
    return Forward(counts, _walk(counts, hazard, money, horizon_days, discount), horizon_days)


def _rates(
    counts: Counts, taken: np.ndarray, towards: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return chances of each move and money a week, shapes (draws, tiers, pairs | stages, durations)."""
    moves, risk, money = (np.tensordot(taken, one, 1) for one in (counts.moves, counts.risk, counts.money))
    if towards is not None:
        return (
            (moves + _TIER * towards[0]) / (risk[:, :, counts.source] + _TIER),
            (money + _TIER * towards[1]) / (risk + _TIER),
        )
    whole = np.maximum(risk.sum(axis=-1, keepdims=True), 1e-12)
    per_move = moves.sum(axis=-1, keepdims=True) / whole[:, :, counts.source]
    per_week = money.sum(axis=-1, keepdims=True) / whole
    hazard = (moves + _STEPS * per_move) / (risk[:, :, counts.source] + _STEPS)
    return hazard, (money + _MONEY * per_week) / (risk + _MONEY)


def _walk(counts: Counts, hazard: np.ndarray, money: np.ndarray, horizon_days: int, discount: float) -> np.ndarray:
    step, half = np.exp(-discount * WEEK / 365), np.exp(-discount * WEEK / 730)
    weeks, rest = divmod(horizon_days, WEEK)
    source, first = np.unique(counts.source, return_index=True)
    stay = np.ones_like(money)
    if len(source):
        stay[:, :, source] -= np.add.reduceat(hazard, first, axis=2)
    value = money * (rest / WEEK) * np.exp(-discount * rest / 730)
    for _ in range(weeks):
        after = stay * np.concatenate([value[..., 1:], value[..., -1:]], axis=-1)
        if len(source):
            after[:, :, source] += np.add.reduceat(hazard * value[:, :, counts.target, :1], first, axis=2)
        value = half * money + step * after
    return value


def profit_by_stage(stays: Stays, money: Money, taken: np.ndarray) -> list[dict[str, Any]]:
    """Divide the money of each stage by the days that customers stood in it.

    Parameters
    ----------
    taken : ndarray, shape (1 + draws, groups)
        See :func:`weights`.

    Returns
    -------
    list of dict
        One a stage: ``stage``, ``people`` (now), ``customer_days``, ``sales``, ``margin``, ``invested``, ``profit``;
        per customer and 30 days ``month_profit`` with ``month_low`` and ``month_high``, ``month_sales``,
        ``month_margin`` and ``month_invested`` (null without days). ``draws`` of it are not for writing down.
    """
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
    low, high = interval(month["profit"][1:])
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
