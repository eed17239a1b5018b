"""Decline: who buys less than their own past lets one expect, and whether it is us they are leaving.

Answers two questions that are kept apart. *Is it less than chance explains?* A customer bought on ``x`` days of a
reference period of ``T`` days. Their rate has the posterior gamma(r + x, alpha + T); the number of order days in the
next ``w`` days is then negative binomial, and the chance of as few as were seen is a p-value. Thousands are tested at
once, so the false discovery rate is held at 5 % (:mod:`tenure.risk.discoveries`). *Is it decline?* Rule T04: our
volume falls and the customer's own total does not. Where the total is not known the answer is "cannot judge"; where it
falls too, it is their business that shrinks, not our part of it.

The posterior is that of the NBD model (Ehrenberg 1959; Schmittlein, Bemmaor, Morrison 1985, "Why does the NBD model
work?").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: The accepted share of false alarms among those named.
LEVEL = 0.05
#: "Gradually or sharply": less than this part of the days before, as in the model relationship-4.
FALLEN = 0.8
#: The shortest past, in days, against which a window is tested.
SHORTEST = 90


class Rates(NamedTuple):
    """How the rates of order days differ between customers: gamma, events a day."""

    r: float  # shape: small when customers differ much
    alpha: float  # rate of the gamma, in days


def fit_rates(count: ArrayLike, days: ArrayLike) -> Rates:
    """Return how rates differ between customers, by maximum likelihood of the NBD with individual exposures."""
    from scipy.optimize import minimize
    from scipy.special import digamma, gammaln

    x, t, weight = _alike(np.asarray(count, np.float64), np.asarray(days, np.float64))
    many = weight.sum()

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        r, alpha = np.exp(point)
        like = gammaln(r + x) - gammaln(r) + r * np.log(alpha / (alpha + t)) - x * np.log(alpha + t)
        by_r = digamma(r + x) - digamma(r) + np.log(alpha / (alpha + t))
        by_alpha = r / alpha - (r + x) / (alpha + t)
        gradient = np.array([r * (weight @ by_r), alpha * (weight @ by_alpha)])
        return -float(weight @ like) / many, -gradient / many

    mean = max(float(weight @ x) / float(weight @ t), 1e-6)
    found = minimize(loss, np.log([1.0, 1.0 / mean]), jac=True, method="L-BFGS-B", bounds=[(-7.0, 9.0), (-7.0, 16.0)])
    return Rates(*(float(one) for one in np.exp(found.x)))


def _alike(x: NDArray[np.float64], t: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Return each distinct pair once, with how many customers have it."""
    counts, spans = np.rint(x).astype(np.int64), np.rint(t).astype(np.int64)
    keys, weight = np.unique(counts << 32 | spans, return_counts=True)
    return (keys >> 32).astype(np.float64), (keys & 0xFFFFFFFF).astype(np.float64), weight.astype(np.float64)


def expected(rates: Rates, count: ArrayLike, days: ArrayLike, window: float) -> NDArray[np.float64]:
    """Return how many order days the next `window` days should hold, from each customer's own past."""
    return (rates.r + np.asarray(count, np.float64)) / (rates.alpha + np.asarray(days, np.float64)) * window


def testable(rates: Rates, count: ArrayLike, days: ArrayLike, window: float) -> NDArray[np.bool_]:
    """Return in whom a decline could show at all: not a single order would be less likely than 5 %.

    It looks at the past only, so choosing by it leaves the test as it is.
    """
    x, t = np.asarray(count, np.float64), np.asarray(days, np.float64)
    nothing = (rates.r + x) * np.log((rates.alpha + t) / (rates.alpha + t + window))
    return (t >= SHORTEST) & (x > 0) & (nothing <= np.log(LEVEL))


def tail(rates: Rates, count: ArrayLike, days: ArrayLike, seen: ArrayLike, window: float) -> NDArray[np.float64]:
    """Return the chance of at most `seen` order days in the window, if nothing changed."""
    from scipy.special import betainc

    shape, rate = rates.r + np.asarray(count, np.float64), rates.alpha + np.asarray(days, np.float64)
    return np.asarray(betainc(shape, np.asarray(seen, np.float64) + 1.0, rate / (rate + window)), np.float64)


def steps(rates: Rates, count: ArrayLike, days: ArrayLike, window: float, most: int = 60) -> NDArray[np.float64]:
    """Return the p-values that can come out, for at most 0, 1 … `most` order days: (customers, most + 1)."""
    x, t = np.asarray(count, np.float64)[:, None], np.asarray(days, np.float64)[:, None]
    return tail(rates, x, t, np.arange(most + 1.0), window)


def power(
    rates: Rates, count: ArrayLike, days: ArrayLike, window: float, limit: float, drops: tuple[float, ...]
) -> dict[float, float]:
    """Return which part of the tested customers would be named, had their rate fallen by each of `drops` on day one."""
    possible = steps(rates, count, days, window)
    edge = (possible <= limit).sum(axis=1) - 1.0  # the highest count that is named; -1 when none is
    found = {}
    for drop in drops:
        left = tail(rates, count, days, np.maximum(edge, 0.0), window * max(1.0 - drop, 1e-12))
        named = np.where(edge >= 0, left, 0.0)
        found[drop] = float(named.mean()) if len(named) else 0.0
    return found


def falls(now: ArrayLike, before: ArrayLike) -> NDArray[np.bool_]:
    """Return where our volume is less than :data:`FALLEN` of what it was."""
    return np.asarray(now, np.float64) < FALLEN * np.asarray(before, np.float64)


def verdict(ours_fell: ArrayLike, their_change: ArrayLike) -> NDArray[np.str_]:
    """Return ``yes``, ``no`` or ``cannot-judge`` by rule T04."""
    change = np.asarray(their_change, np.float64)
    answer = np.where(np.isnan(change), "cannot-judge", np.where(change >= 0, "yes", "no"))
    return np.where(np.asarray(ours_fell, np.bool_), answer, "no")
