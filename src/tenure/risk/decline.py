"""Decline: who buys less than their own past lets one expect, and whether it is us they are leaving.

Answers two questions that are kept apart. *Is it less than chance explains?* A customer bought on ``x`` days of a
reference period of ``T`` days. Their rate has the posterior gamma(r + x, alpha + T); the number of order days in the
next ``w`` days is then negative binomial, and the chance of as few as were seen is a p-value. Thousands are tested at
once, so the false discovery rate is held at 5 %. *Is it decline?* Rule T04: our volume falls and the customer's own
total does not. Where the total is not known the answer is "cannot judge"; where it falls too, it is their business
that shrinks, not our part of it.

The posterior is that of the NBD model (Ehrenberg 1959; Schmittlein, Bemmaor, Morrison 1985, "Why does the NBD model
work?"). A count of order days takes few p-values, seldom as small as a continuous one: the usual control would name far
fewer than it might. The control of Döhler, Durand and Roquain (2018, "New FDR bounds for discrete and heterogeneous
tests", Electronic Journal of Statistics 12:1867-1900) uses every customer's possible p-values; like Benjamini and
Hochberg's it holds the false discovery rate for independent tests.
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
#: The customer's own total has not fallen: at least this part of what they stated before, as in the same model.
NOT_FALLEN = 0.92
#: The shortest past, in days, against which a window is tested.
SHORTEST = 90
#: p-values at which the share of false alarms is read off: twenty for each decade.
_GRID = np.concatenate([10.0 ** np.arange(-12.0, -1.3, 0.05), [0.05]])


class Rates(NamedTuple):
    """How the rates of order days differ between customers: gamma, events a day."""

    r: float  # shape: small when customers differ much
    alpha: float  # rate of the gamma, in days

    def posterior(self, count: ArrayLike, days: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return shape and rate of each customer's gamma, given their order days in so many days."""
        return self.r + np.asarray(count, np.float64), self.alpha + np.asarray(days, np.float64)


class OrderTest(NamedTuple):
    """Order days in the window against the customer's own past, one row a customer."""

    tested: NDArray[np.bool_]  # in whom a decline could show
    expected: NDArray[np.float64]  # order days to be expected; NaN without a past of 90 days
    p: NDArray[np.float64]  # the chance of so few; NaN where it is not tested
    named: NDArray[np.bool_]  # customers below the cut-off of the false-discovery control
    fewer: NDArray[np.bool_]  # each judged alone, at 5 %


def fit_rates(count: ArrayLike, days: ArrayLike) -> Rates:
    """Return how rates differ between customers, by maximum likelihood of the NBD with individual exposures."""
    from scipy.optimize import minimize
    from scipy.special import digamma, gammaln

    # Each distinct pair is weighed once: a million customers have some thousand.
    x, t = (np.rint(np.asarray(column, np.float64)).astype(np.int64) for column in (count, days))
    keys, weight = np.unique(x << 32 | t, return_counts=True)
    x, t, weight = ((column).astype(np.float64) for column in (keys >> 32, keys & 0xFFFFFFFF, weight))
    size = weight.sum()

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        r, alpha = np.exp(point)
        like = gammaln(r + x) - gammaln(r) + r * np.log(alpha / (alpha + t)) - x * np.log(alpha + t)
        by_r = digamma(r + x) - digamma(r) + np.log(alpha / (alpha + t))
        by_alpha = r / alpha - (r + x) / (alpha + t)
        gradient = np.array([r * (weight @ by_r), alpha * (weight @ by_alpha)])
        return -float(weight @ like) / size, -gradient / size

    mean = max(float(weight @ x) / float(weight @ t), 1e-6)
    best = minimize(loss, np.log([1.0, 1.0 / mean]), jac=True, method="L-BFGS-B", bounds=[(-7.0, 9.0), (-7.0, 16.0)])
    return Rates(*map(float, np.exp(best.x)))


def testable(rates: Rates, count: ArrayLike, days: ArrayLike, window: float) -> NDArray[np.bool_]:
    """Return in whom a decline could show at all: not a single order would be less likely than 5 %.

    It looks at the past only, so choosing by it leaves the test as it is.
    """
    shape, rate = rates.posterior(count, days)
    nothing = shape * np.log(rate / (rate + window))
    return (np.asarray(days) >= SHORTEST) & (np.asarray(count) > 0) & (nothing <= np.log(LEVEL))


def tail(rates: Rates, count: ArrayLike, days: ArrayLike, actual: ArrayLike, window: float) -> NDArray[np.float64]:
    """Return the chance of at most the `actual` order days in the window, if nothing changed."""
    from scipy.special import betainc

    shape, rate = rates.posterior(count, days)
    return np.asarray(betainc(shape, np.asarray(actual, np.float64) + 1.0, rate / (rate + window)), np.float64)


def steps(rates: Rates, count: ArrayLike, days: ArrayLike, window: float, most: int = 60) -> NDArray[np.float64]:
    """Return the p-values that can come out, for at most 0, 1 … `most` order days: (customers, most + 1)."""
    x, t = np.asarray(count, np.float64)[:, None], np.asarray(days, np.float64)[:, None]
    return tail(rates, x, t, np.arange(most + 1.0), window)


def power(
    rates: Rates, count: ArrayLike, days: ArrayLike, window: float, limit: float, drops: tuple[float, ...]
) -> dict[float, float]:
    """Return which part of the tested customers would be named, had their rate fallen by each of `drops` on day one."""
    edge = (steps(rates, count, days, window) <= limit).sum(axis=1) - 1.0  # the highest count named; -1 when none is
    shares = {}
    for drop in drops:
        left = tail(rates, count, days, np.maximum(edge, 0.0), window * max(1.0 - drop, 1e-12))
        named = np.where(edge >= 0, left, 0.0)
        shares[drop] = float(named.mean()) if len(named) else 0.0
    return shares


def reached(steps: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Return how likely each customer's p-value is at most `limit` though nothing changed."""
    below = np.count_nonzero(steps <= limit, axis=1)
    value = np.where(below > 0, steps[np.arange(len(steps)), np.maximum(below - 1, 0)], 0.0)
    return np.where(below == steps.shape[1], limit, value)  # where the row ends too early: as if it were continuous


def cutoff(p_values: NDArray[np.float64], steps: NDArray[np.float64], level: float) -> float:
    """Return the largest p-value that may be named at a false discovery rate of `level`; 0.0 when none may."""
    p = np.sort(p_values[~np.isnan(p_values)])
    if not len(p) or not len(steps):
        return 0.0
    grid = _GRID[level >= _GRID]
    alarms = [reached(steps, limit) for limit in grid]
    odds = np.array([(alarm / (1.0 - alarm)).mean() for alarm in alarms])
    top = int(np.searchsorted(odds, level, side="right")) - 1  # the most that could ever be named
    if top < 0:
        return 0.0
    weight = 1.0 / (1.0 - alarms[top])
    false = np.array([(alarm * weight).mean() for alarm in alarms[: top + 1]]) * len(p)
    candidates = p[p <= grid[top]]
    # Between two steps of the grid the higher one counts, so the rate is never understated.
    at = np.searchsorted(grid[: top + 1], candidates)
    rank = np.searchsorted(p, candidates, side="right")
    named = false[np.minimum(at, top)] <= level * rank
    return float(candidates[named].max()) if named.any() else 0.0


def verdict(ours_fell: ArrayLike, their_change: ArrayLike) -> NDArray[np.str_]:
    """Return ``yes``, ``no`` or ``cannot-judge`` by rule T04."""
    change = np.asarray(their_change, np.float64)
    answer = np.where(np.isnan(change), "cannot-judge", np.where(1.0 + change >= NOT_FALLEN * (1 - 1e-12), "yes", "no"))
    return np.where(np.asarray(ours_fell, np.bool_), answer, "no")
