"""BdW: contract renewals with churn rates that differ between customers and change with age.

Each customer's time to leave is discrete Weibull with a shape `c` that all share: above 1 churn rises with a
customer's age, below 1 it falls, with c = 1 it is the sBG model (:mod:`tenure.stats.contracts.sbg`). The probability
of leaving at the first renewal differs between customers by a beta distribution (gamma, delta). Retention of a cohort
rises in either, even where no single customer gets more loyal: those who leave easily have left.

Fader, Hardie, Liu, Davin, Steenburgh (2018), "How to project customer retention" revisited, Journal of Interactive
Marketing 43:1-16.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import betaln, digamma

from tenure.errors import FitError
from tenure.stats.cells import Floats
from tenure.stats.peak import RowEstimate, checked, climb, distinct_rows
from tenure.words import mark

if TYPE_CHECKING:
    import numpy.typing as npt

ALIKE = 1e5  # gamma + delta above which customers do not differ measurably
FAR = 230.0  # largest logarithm of t ** c
SMALL = 1e-14  # what a discounted sum may leave out
LONGEST = 200_000  # periods that are added up at most


@dataclass(frozen=True)
class FittedRenewals(RowEstimate):
    """A fitted BdW (``gamma``, ``delta``, ``c``) or sBG (``alpha``, ``beta``).

    Verdicts: ``ok``; ``no-dropout``: nobody has left yet; ``not-identified``: too few periods, or customers too much
    alike, to tell the parameters apart (predictions within the observed periods still hold).
    """

    @property
    def shape(self) -> tuple[float, float, float]:
        """Gamma, delta and c: with c = 1, as in the sBG, the chance of leaving does not change with age."""
        gamma, delta, *c = self.params.values()
        return gamma, delta, c[0] if c else 1.0

    def survival(self, t: npt.ArrayLike) -> Floats:
        """Return the share of a cohort that is left after `t` renewals (0 or more), in the shape of `t`."""
        return np.exp(_log_survival(*self.shape, np.asarray(t, np.float64)))

    def retention(self, t: npt.ArrayLike) -> Floats:
        """Return the share that renews for the `t`-th time, of those who did so ``t - 1`` times."""
        return self.p_kept(np.asarray(t, np.float64) - 1.0, 1.0)

    def p_kept(self, age: npt.ArrayLike, periods: npt.ArrayLike) -> Floats:
        """Return the probability that customers who renewed `age` times renew `periods` times more."""
        done, more = np.asarray(age, np.float64), np.asarray(periods, np.float64)
        return np.exp(_log_survival(*self.shape, done + more) - _log_survival(*self.shape, done))

    def remaining(self, age: npt.ArrayLike, horizon: int) -> Floats:
        """Return the expected renewals within the next `horizon` periods of customers who renewed `age` times."""
        done = np.atleast_1d(np.asarray(age, np.float64))
        return np.asarray(self.p_kept(done[:, None], np.arange(1.0, horizon + 1.0)).sum(axis=1))

    def residual(self, rate: float, age: npt.ArrayLike) -> Floats:
        """Return the discounted expected residual lifetime (DERL), in periods, of customers who renewed `age` times.

        Seen just before the next renewal, the first that counts and undiscounted: ``Σ over t ≥ 0 of P(renews t + 1
        times more) / (1 + rate)^t``, with the `rate` per period (0.10 for 10 %) above 0, or the sum may be infinite.
        Fader, Hardie (2010), "Customer-base valuation in a contractual setting", Marketing Science 29(1):85-93.
        """
        worth = discounts(rate)
        # Most customers share their age with others: each age is summed once.
        ages, place = np.unique(np.asarray(age, np.float64), return_inverse=True)
        sums = np.array([self.p_kept(done, np.arange(1.0, len(worth) + 1.0)) @ worth for done in ages])
        return sums[place.ravel()].reshape(np.shape(age))

    def _refit(self, rows: tuple[Floats, ...]) -> Self:
        return fit_renewals(tuple(self.params), rows)  # type: ignore[return-value]


def fit(duration: npt.ArrayLike, observed: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> FittedRenewals:
    """Fit the model to contracts by maximum likelihood; what the data cannot tell is said in the ``verdict``.

    Parameters
    ----------
    duration, observed : array_like, shape (customers,)
        The renewal at which a customer left (1 for the first), or the renewals so far of a current customer; and
        whether the customer left.
    weight : array_like of float, shape (customers,), optional
        How many customers a row stands for.
    """
    return fit_renewals(("gamma", "delta", "c"), counted(duration, observed, weight))


def from_survival(survival: npt.ArrayLike, customers: float = 1000.0) -> FittedRenewals:
    """Fit the model to a cohort: the shares left after 0, 1, … renewals; its size matters for intervals only."""
    return fit(*rows_of_survival(survival, customers))


def discounts(rate: float) -> Floats:
    """Return what the coming periods are worth, the first as much as itself, until the rest is negligible."""
    if not rate > 0.0:
        raise FitError(mark("The discount rate per period must be above 0, not %(rate)s."), rate=rate)
    terms = min(int(np.ceil(-np.log(SMALL * min(rate, 1.0)) / np.log1p(rate))), LONGEST)
    return np.exp(-np.arange(terms, dtype=np.float64) * np.log1p(rate))


def rows_of_survival(survival: npt.ArrayLike, customers: float) -> tuple[Floats, Floats, Floats]:
    """Return durations, who left and weights of a cohort whose survival curve is known."""
    share = np.asarray(survival, np.float64)
    if len(share) < 2 or share[0] != 1.0 or (np.diff(share) > 0.0).any() or share[-1] < 0.0:
        raise FitError(mark("Survival shares must start at 1 and never increase, not %(shares)s."), shares=str(share))
    t = np.arange(1.0, len(share))
    duration, left = np.append(t, t[-1]), np.append(np.ones(len(t)), 0.0)
    weight = customers * np.append(-np.diff(share), share[-1])
    kept = weight > 0.0
    return duration[kept], left[kept], weight[kept]


def counted(
    duration: npt.ArrayLike, observed: npt.ArrayLike, weight: npt.ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Return distinct durations and who left, with the customers of each; refuse what cannot be a contract."""
    periods, left, rows = checked({"duration": duration, "observed": observed}, weight)
    left = (left > 0.0).astype(np.float64)
    wrong = np.flatnonzero((periods != np.floor(periods)) | ((left > 0.0) & (periods < 1.0)))
    if wrong.size:
        message = mark(
            "Row %(row)d: periods must be a whole number, 1 or more, not %(value)s. Customers leave "
            "at renewal 1 or later."
        )
        raise FitError(message, row=int(wrong[0]), value=float(periods[wrong[0]]))
    kinds, total = distinct_rows(periods, left, rows)
    return kinds[:, 0], kinds[:, 1], total


def _log_survival(gamma: float, delta: float, c: float, t: Floats) -> Floats:
    return np.asarray(betaln(gamma, delta + _power(t, c)) - betaln(gamma, delta))


def _power(t: Floats, c: float) -> Floats:
    """Return ``t ** c``, held below 1e100: there everybody has left long ago, and a search may try any c."""
    with np.errstate(divide="ignore"):
        return np.exp(np.minimum(c * np.log(t), FAR))


def _survival_slopes(gamma: float, delta: float, c: float, t: Floats) -> tuple[Floats, Floats]:
    """Return the log-survival and its derivatives by the logarithms of the three, shape (3, times)."""
    power = _power(t, c)
    log_t = np.log(np.where(t > 0.0, t, 1.0))
    by_c = np.where(c * log_t < FAR, c * power * log_t, 0.0)
    rest, both = digamma(delta + power), digamma(gamma + delta + power)
    start = digamma(gamma + delta)
    slopes = [gamma * (start - both), delta * (start - digamma(delta) + rest - both), by_c * (rest - both)]
    return _log_survival(gamma, delta, c, t), np.array(slopes)


def log_likelihood(theta: Floats, rows: tuple[Floats, ...]) -> tuple[float, Floats]:
    """Return the mean log-likelihood of a customer and its gradient.

    `theta` are the logarithms of gamma, delta and, for the BdW, c; `rows` are durations, who left (1 or 0), weights.
    """
    t, left, weight = rows
    gamma, delta, c = (*np.exp(theta), 1.0)[:3]
    now, now_slopes = _survival_slopes(gamma, delta, c, t)
    before, before_slopes = _survival_slopes(gamma, delta, c, np.maximum(t - 1.0, 0.0))
    gap = np.where(left > 0.0, np.minimum(now - before, -1e-200), -1.0)
    leaving = before + np.log(-np.expm1(gap))
    # (S(t-1) g(t-1) - S(t) g(t)) / (S(t-1) - S(t)), both divided by S(t-1)
    leaving_slopes = (before_slopes - np.exp(gap) * now_slopes) / -np.expm1(gap)
    share = weight / weight.sum()
    value = share @ np.where(left > 0.0, leaving, now)
    return float(value), (np.where(left > 0.0, leaving_slopes, now_slopes) @ share)[: len(theta)]


def fit_renewals(names: tuple[str, ...], rows: tuple[Floats, ...]) -> FittedRenewals:
    """Fit the sBG (two parameter names) or the BdW (three) to rows of :func:`counted`."""
    t, left, weight = rows
    customers, lost = float(weight.sum()), float(weight @ left)
    bare = FittedRenewals(dict.fromkeys(names, 1.0), customers=customers, data=rows)
    if not lost:
        return replace(bare, params={**bare.params, names[0]: 1e-9}, log_likelihood=0.0, verdict="no-dropout")
    p, periods = lost / float(weight @ t), int(t.max())
    if periods < len(names):
        # Fewer periods than parameters: customers taken as alike, or for a BdW with two periods, the sBG.
        values = [p * ALIKE * 10.0, (1.0 - p) * ALIKE * 10.0 + 1e-6, 1.0][: len(names)]
        if periods >= 2:
            values[:2] = list(fit_renewals(names[:2], rows).params.values())
        value = customers * log_likelihood(np.log(values), rows)[0]
        params = dict(zip(names, values, strict=True))
        return replace(bare, params=params, log_likelihood=value, verdict="not-identified")
    # One cohort churn rate with customers that differ much, very much, and little.
    starts = [(size * p, size * (1.0 - p) + 0.01, 1.0)[: len(names)] for size in (2.0, 0.5, 20.0)]
    peak = climb(lambda theta: log_likelihood(theta, rows), starts, customers)
    params = dict(zip(names, np.exp(peak.theta).tolist(), strict=True))
    identified = peak.covariance is not None and params[names[0]] + params[names[1]] < ALIKE
    fitted = replace(bare, params=params, log_likelihood=peak.log_likelihood, covariance=peak.covariance)
    return fitted if identified else replace(fitted, covariance=None, verdict="not-identified")
