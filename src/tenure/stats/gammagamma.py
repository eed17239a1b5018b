"""Gamma-Gamma: the expected spend per purchase of a customer, from few observed purchases.

A customer's mean is shrunk towards the population's, the more so the fewer purchases there were. Purchases of a
customer vary by a gamma distribution of shape p around a mean of their own, and these means vary between customers by
an inverse gamma distribution (q, gamma). Frequency and spend are taken as independent; their correlation is reported.

Fader, Hardie (2013), "The Gamma-Gamma model of monetary value", note 025; Fader, Hardie, Lee (2005), Journal of
Marketing Research 42(4):415-430.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import digamma, gammaln

from tenure.errors import FitError
from tenure.stats.cells import Floats
from tenure.stats.metrics import corr, spearman
from tenure.stats.peak import RowEstimate, climb
from tenure.stats.threads import one_thread
from tenure.words import mark

if TYPE_CHECKING:
    import numpy.typing as npt

NAMES = ("p", "q", "gamma")


@dataclass(frozen=True)
class FittedSpend(RowEstimate):
    """A fitted Gamma-Gamma model: ``p``, ``q``, ``gamma``; money in the unit that went in.

    Verdicts: ``ok``; ``infinite-mean``: q is at most 1, so that a customer without purchases has no finite
    expectation and the observed mean is used for them; ``not-identified``: too few customers, or customers or
    purchases too much alike, to tell the parameters; ``too-little-data``: nobody bought again.
    """

    observed_mean: float = float("nan")  # of a repeat purchase over all customers (each customer counts once)
    left_out: float = 0.0  # customers without a repeat purchase or without a positive spend
    spearman: float = float("nan")  # correlation of number of purchases and mean spend, which the model takes to be 0
    pearson: float = float("nan")

    @property
    def population_mean(self) -> float:
        """Expected spend of a customer without purchases, ``p gamma / (q - 1)``; infinite for q up to 1."""
        if self.verdict == "too-little-data":
            return float("nan")
        p, q, gamma = self.params.values()
        return p * gamma / (q - 1.0) if q > 1.0 else float("inf")

    def expected(self, frequency: npt.ArrayLike, mean_spend: npt.ArrayLike) -> Floats:
        """Return the expected spend per purchase, ``p (gamma + m x) / (p x + q - 1)`` (note 025, eq. 5).

        Given are repeat purchases x and their mean m, which is ignored (may be ``nan``) where there are none or it is
        not above 0. Such customers get :attr:`population_mean`, or the observed mean where that is not finite.
        """
        x, m = np.asarray(frequency, np.float64), np.asarray(mean_spend, np.float64)
        default = self.population_mean if np.isfinite(self.population_mean) else self.observed_mean
        if self.verdict == "too-little-data":
            return np.full(np.broadcast(x, m).shape, default)
        p, q, gamma = self.params.values()
        # A refund or a free order is no spend: such customers count as unknown.
        known = (x > 0) & (m > 0)
        below = np.where(known, p * x, 0.0) + q - 1.0
        usable = known & (below > 0.0)
        return np.where(usable, p * (gamma + np.where(usable, x * m, 0.0)) / np.where(usable, below, 1.0), default)

    def simulate(self, frequency: npt.ArrayLike, rng: np.random.Generator) -> Floats:
        """Return the simulated mean spend of new customers by their frequency; ``nan`` without purchases."""
        p, q, gamma = self.params.values()
        x = np.asarray(frequency, np.float64)
        scale = rng.gamma(q, 1.0 / gamma, x.shape)  # nu: the smaller, the more they spend
        spent = rng.gamma(p * np.maximum(x, 1.0)) / np.maximum(scale, 1e-300)
        return np.where(x > 0, spent / np.maximum(x, 1.0), np.nan)

    def future(
        self, frequency: npt.ArrayLike, mean_spend: npt.ArrayLike, purchases: npt.ArrayLike, rng: np.random.Generator
    ) -> Floats:
        """Return one simulated total spend of each customer over so many purchases to come.

        `purchases` are numbers such as :meth:`tenure.stats.fitted.Fitted.future` draws them; the rest is as in
        :meth:`expected`.
        """
        x, m = np.asarray(frequency, np.float64), np.asarray(mean_spend, np.float64)
        more = np.asarray(purchases, np.float64)
        if self.verdict == "too-little-data":
            return np.where(more > 0, np.nan, 0.0)
        p, q, gamma = self.params.values()
        known = (x > 0) & (m > 0)
        scale = rng.gamma(q + p * np.where(known, x, 0.0)) / (gamma + np.where(known, x * m, 0.0))
        return np.where(more > 0, rng.gamma(p * np.maximum(more, 1.0)) / np.maximum(scale, 1e-300), 0.0)

    def _refit(self, rows: tuple[Floats, ...]) -> Self:
        return _fit(rows, self.left_out)  # type: ignore[return-value]


def fit(frequency: npt.ArrayLike, mean_spend: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> FittedSpend:
    """Fit the model to customers with a repeat purchase; what the data cannot tell is said in the ``verdict``.

    Parameters
    ----------
    frequency : array_like of float, shape (customers,)
        Repeat purchases.
    mean_spend : array_like of float, shape (customers,)
        Mean spend of a repeat purchase. Customers without one, or whose mean is missing or not above 0, are left out
        and counted.
    weight : array_like of float, shape (customers,), optional
        How many customers a row stands for.
    """
    x, m = np.asarray(frequency, np.float64).ravel(), np.asarray(mean_spend, np.float64).ravel()
    rows = np.ones(len(x)) if weight is None else np.asarray(weight, np.float64).ravel()
    if not len(x) == len(m) == len(rows):
        message = mark(
            "%(frequency)d frequencies, %(spend)d spends and %(weight)d weights were passed. Pass one of each per row."
        )
        raise FitError(message, frequency=len(x), spend=len(m), weight=len(rows))
    wrong = np.flatnonzero(~((x >= 0.0) & (rows >= 0.0)))
    if wrong.size:
        message, row = mark("Row %(row)d: frequency (%(x)s) and weight (%(weight)s) must be 0 or more."), int(wrong[0])
        raise FitError(message, row=row, x=float(x[row]), weight=float(rows[row]))
    kept = (x > 0) & (m > 0) & np.isfinite(m) & (rows > 0)
    return _fit((x[kept], m[kept], rows[kept]), float(rows[~kept].sum()))


class _Objective:
    """The mean log-likelihood of a customer (note 025, eq. 1) and its gradient by log p, log q, log gamma."""

    def __init__(self, x: Floats, m: Floats, weight: Floats) -> None:
        self.share = weight / weight.sum()
        # Money is measured in its own mean, so that the search does not depend on the currency.
        self.unit = float(self.share @ m)
        self.x, self.m = x, m / self.unit
        self.spent = self.x * self.m
        # Gamma functions depend on the frequency only, and few frequencies differ.
        self.counts, place = np.unique(x, return_inverse=True)
        self.of_counts = np.bincount(place.ravel(), self.share)
        self.log_spent = float(self.share @ (x * np.log(self.spent)))
        self.fixed = -float(self.share @ np.log(self.m))

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        p, q, gamma = np.exp(theta)
        px, share = p * self.counts, self.of_counts
        total = gamma + self.spent
        log_total = np.log(total)
        by_count, alone = self.share @ (self.x * log_total), self.share @ log_total
        inverse, by_inverse = self.share @ (1.0 / total), self.share @ (self.x / total)
        ways = share @ (gammaln(px + q) - gammaln(px)) - gammaln(q)
        value = ways + q * np.log(gamma) + p * self.log_spent - p * by_count - q * alone + self.fixed
        slope_p = share @ (self.counts * (digamma(px + q) - digamma(px))) + self.log_spent - by_count
        slope_q = share @ digamma(px + q) - digamma(q) + np.log(gamma) - alone
        slope_gamma = q / gamma - p * by_inverse - q * inverse
        return float(value), np.array([p * slope_p, q * slope_q, gamma * slope_gamma])


@one_thread()
def _fit(rows: tuple[Floats, ...], left_out: float) -> FittedSpend:
    x, m, weight = rows
    customers = float(weight.sum())
    params = dict.fromkeys(NAMES, 1.0)
    bare = FittedSpend(params, customers=customers, data=rows, left_out=left_out, verdict="too-little-data")
    if not customers:
        return bare
    objective = _Objective(x, m, weight)
    # Starts with the spread of usual shops, with wider and with narrower differences between customers.
    peak = climb(objective, [(5.0, 4.0, 0.6), (1.0, 2.0, 1.0), (20.0, 10.0, 0.5)], customers)
    p, q, gamma = np.exp(peak.theta).tolist()
    verdict = "not-identified" if peak.covariance is None else "ok" if q > 1.0 else "infinite-mean"
    return replace(
        bare,
        params={"p": p, "q": q, "gamma": gamma * objective.unit},
        log_likelihood=peak.log_likelihood - customers * float(np.log(objective.unit)),
        covariance=peak.covariance,
        verdict=verdict,
        observed_mean=objective.unit,
        spearman=spearman(x, m, weight),
        pearson=corr(x, m, weight),
    )
