"""Long gaps (the signal "silence"): whether the present gap is longer than this customer's own rhythm makes likely.

That depends on their gaps, and on how regular these are: after a gap of twice the usual one a weekly buyer is missed,
one who comes and goes is not.

Gaps are taken as gamma distributed with a shape of their own: 1 is chance (Poisson), 2 and more a rhythm, 1/2 comes in
bursts (the CNBD-k family; Chatfield, Goodhardt 1973; Platzer, Reutterer 2016). Given ``n`` gaps that fill ``S`` days,
their *proportions* are Dirichlet and do not depend on the rate, so a customer's shape is weighed by these, over
weights that are fitted to everybody.

The gap itself is judged on a day that nobody chose for it. Of all days, more lie in long gaps than in short ones, so
asking "are only 5 % of the gaps as long?" would find late far more than 5 % of the customers in whom nothing changed
(with three orders about 14 %). Asked instead is: given ``n`` gaps in ``S + g`` days, how likely is it that the last
``g`` of them are empty? For shape 1 that is ``(S / (S + g)) ** n``, exact whatever the rate; for shape ``k`` the
orders are every k-th event of such a stream, and the event count since the last order is one of ``k``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Shapes that are weighed: bursts, chance, and ever firmer rhythms.
SHAPES = (0.5, 1.0, 2.0, 4.0, 8.0)
#: Fewest gaps that make a rhythm.
GAPS = 2
#: A gap that is less likely than this is a signal: "longer than the customer's own 95 % gap".
UNLIKELY = 0.05


class Gap(NamedTuple):
    """The present gap against the customer's own rhythm, one row a customer."""

    days: NDArray[np.float64]  # since the last order; NaN without any
    p: NDArray[np.float64]  # how likely a gap so long is; NaN where there is no rhythm yet
    usual: NDArray[np.float64]  # the customer's own 95 % gap, where the present one is longer; else NaN


def _likelihoods(gaps: ArrayLike, span: ArrayLike, logs: ArrayLike) -> NDArray[np.float64]:
    """Return how likely the proportions of the gaps are under each shape, up to a factor: (customers, shapes)."""
    from scipy.special import gammaln

    n = np.asarray(gaps, np.float64)[:, None]
    spread = np.asarray(logs, np.float64)[:, None] - n * np.log(np.maximum(np.asarray(span, np.float64), 1.0))[:, None]
    shapes = np.asarray(SHAPES)
    like = gammaln(shapes * n) - n * gammaln(shapes) + (shapes - 1.0) * spread
    like -= like.max(axis=1, keepdims=True)
    return np.exp(like)


def fit_shapes(gaps: ArrayLike, span: ArrayLike, logs: ArrayLike, rounds: int = 200) -> tuple[float, ...]:
    """Return the share of customers who buy with each of :data:`SHAPES`, by the EM algorithm."""
    like = _likelihoods(gaps, span, logs)
    weights = np.full(len(SHAPES), 1.0 / len(SHAPES))
    for _ in range(rounds):
        shares = like * weights
        shares /= shares.sum(axis=1, keepdims=True)
        fresh = shares.mean(axis=0)
        moved = float(np.abs(fresh - weights).max())
        weights = fresh
        if moved < 1e-6:
            break
    return tuple(map(float, weights))


def shares_of(weights: ArrayLike, gaps: ArrayLike, span: ArrayLike, logs: ArrayLike) -> NDArray[np.float64]:
    """Return how likely each shape is for each customer: (customers, shapes), rows adding up to 1."""
    shares = _likelihoods(gaps, span, logs) * (np.asarray(weights, np.float64) + 1e-12)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def tail(shares: NDArray[np.float64], gaps: ArrayLike, span: ArrayLike, present: ArrayLike) -> NDArray[np.float64]:
    """Return how likely a gap as long as the present one is under each customer's own rhythm."""
    n, filled = np.asarray(gaps, np.float64), np.asarray(span, np.float64)
    part = filled / np.maximum(filled + np.asarray(present, np.float64), 1.0)
    total = np.zeros(len(n))
    for place, shape in enumerate(SHAPES):
        total += shares[:, place] * _empty(shape, shape * n, part)
    return np.where(n >= GAPS, np.minimum(total, 1.0), np.nan)


def _empty(shape: float, events: NDArray[np.float64], part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance that `events` of a stream fall into the first `part`, with 0 … shape - 1 more after them.

    Each number of events after them is as likely as any other. The chance for ``j`` of them is the incomplete beta
    function I(part; events, j + 1), which grows by one term with each j.
    """
    term = np.power(part, events)
    chance = term.copy()
    total = chance.copy()
    phases = max(int(shape), 1)
    for j in range(1, phases):
        term = term * (1.0 - part) * (events + j - 1.0) / j
        chance += term
        total += chance
    return total / phases


def longest_usual(
    shares: NDArray[np.float64], gaps: ArrayLike, span: ArrayLike, unlikely: float = UNLIKELY
) -> NDArray[np.float64]:
    """Return from how many days on a gap is less likely than `unlikely`: the customer's own 95 % gap, in days."""
    filled = np.maximum(np.asarray(span, np.float64), 1.0)
    low, high = np.zeros(len(filled)), filled * 1000.0
    for _ in range(50):
        middle = (low + high) / 2.0
        short = tail(shares, gaps, span, middle) > unlikely
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return high
