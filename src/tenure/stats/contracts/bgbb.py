"""BG/BB: purchases or donations at discrete opportunities, such as one a year.

At every opportunity a current customer buys with a probability of their own, Beta(alpha, beta), and before every
opportunity they may leave for good with a probability of their own, Beta(gamma, delta). The number of opportunities,
how many of them were taken and which was the last are sufficient.

Fader, Hardie, Shang (2010), "Customer-base analysis in a discrete-time noncontractual setting", Marketing Science
29(6):1086-1108. Here `frequency` is x, `recency` t_x (0 when nothing was taken) and `age` n.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy.special import betaln, digamma, gammaln

from tenure.errors import FitError
from tenure.stats.cells import Floats
from tenure.stats.contracts.bdw import discounts
from tenure.stats.peak import RowEstimate, checked, climb, distinct_rows
from tenure.words import mark

if TYPE_CHECKING:
    import numpy.typing as npt

NAMES = ("alpha", "beta", "gamma", "delta")
RARE = 1e-3  # mean probability of leaving before an opportunity, below which nobody is taken to leave
DETECTABLE = 3.0  # log-likelihood that leaving must gain: twice this is the 95 % point of chi-squared with 2 degrees
NOBODY = np.log([1e-9, 1.0])  # gamma and delta with which nobody leaves


@dataclass(frozen=True)
class FittedBgbb(RowEstimate):
    """A fitted BG/BB model: ``alpha``, ``beta`` (buying), ``gamma``, ``delta`` (leaving).

    Verdicts: ``ok``; ``no-dropout``: the data show nobody leaving, and the parameters are those of the model without
    dropout (gamma next to 0); ``not-identified``: the parameters cannot be told apart.
    """

    def p_alive(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the probability that customers will still be customers at the next opportunity.

        Here and below: opportunities taken, the last one taken (counted from 1; 0 if none), and how many there were.
        """
        return self._alive(frequency, recency, age) * self._stays(age, 1)

    def p_active(self, horizon: int, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the probability of taking at least one of the next `horizon` opportunities."""
        return 1.0 - self.future_pmf(0, horizon, frequency, recency, age)

    def expected(self, horizon: int, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return how many of the next `horizon` opportunities customers are expected to take (eq. 13)."""
        return self._worth(np.ones(int(horizon)), frequency, recency, age)

    def residual(self, rate: float, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the discounted expected residual transactions (DERT): the next opportunity counts ``1/(1 + rate)``.

        `rate` is the discount rate from one opportunity to the next, above 0.
        """
        return self._worth(discounts(rate)[1:], frequency, recency, age)

    def new_expected(self, n: npt.ArrayLike) -> Floats:
        """Return how many of their first n opportunities new customers are expected to take (eq. 8)."""
        alpha, beta, gamma, delta = self.params.values()
        upto = np.asarray(n, np.int64)
        steps = np.arange(1.0, upto.max(initial=1) + 1.0)
        taken = np.cumsum(np.exp(betaln(gamma, delta + steps) - betaln(gamma, delta)))
        return np.concatenate(([0.0], alpha / (alpha + beta) * taken))[upto]

    def pmf(self, n: int) -> Floats:
        """Return P(0), …, P(n) of how many of their first n opportunities new customers take (eq. 7)."""
        return np.array([float(self._future(np.zeros(1), np.zeros(1), x, n)[0]) for x in range(n + 1)])

    def future_pmf(
        self, x: int, horizon: int, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike
    ) -> Floats:
        """Return the probability that exactly `x` of the next `horizon` opportunities are taken."""
        before, last, n = (np.asarray(column, np.float64) for column in (frequency, recency, age))
        alive = self._alive(before, last, n)
        return alive * self._future(before, n, x, int(horizon)) + (1.0 - alive) * (x == 0)

    def _future(self, taken: Floats, n: Floats, x: int, horizon: int) -> Floats:
        """Return the probability of `x` more, given that the customer was one at the last opportunity."""
        alpha, beta, gamma, delta = self.params.values()
        a, b = alpha + taken, beta + n - taken
        total = np.zeros(np.shape(a))
        for last in range(x, horizon + 1):  # opportunities lived through
            ways = gammaln(last + 1.0) - gammaln(x + 1.0) - gammaln(last - x + 1.0)
            buys = ways + betaln(a + x, b + last - x) - betaln(a, b)
            leaves = 0.0 if last == horizon else 1.0
            stays = betaln(gamma + leaves, delta + n + last) - betaln(gamma, delta + n)
            total = total + np.exp(buys + stays)
        return total

    def _alive(self, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        """Return the probability that a customer was still one at the last opportunity."""
        columns = [np.asarray(column, np.float64).ravel() for column in (frequency, recency, age)]
        kinds, place = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
        alpha, beta, gamma, delta = self.params.values()
        x, last, n = kinds.T
        _checked_history(x, last, n)
        stayed = betaln(alpha + x, beta + n - x) - betaln(alpha, beta) + betaln(gamma, delta + n) - betaln(gamma, delta)
        return np.exp(stayed - _terms(self.params.values(), kinds)[0])[place.ravel()].reshape(np.shape(frequency))

    def _stays(self, age: npt.ArrayLike, steps: Any) -> Floats:
        _, _, gamma, delta = self.params.values()
        old = delta + np.asarray(age, np.float64)
        return np.exp(betaln(gamma, old + steps) - betaln(gamma, old))

    def _worth(self, worth: Floats, frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike) -> Floats:
        alpha, beta, _, _ = self.params.values()
        # The sum over opportunities to come depends on the age only, of which there are few.
        ages, place = np.unique(np.asarray(age, np.float64), return_inverse=True)
        steps = np.arange(1.0, len(worth) + 1.0)
        stays = np.array([self._stays(n, steps) @ worth for n in ages])[place.ravel()].reshape(np.shape(age))
        taken, n = np.asarray(frequency, np.float64), np.asarray(age, np.float64)
        return np.asarray(self._alive(frequency, recency, age) * (alpha + taken) / (alpha + beta + n) * stays)

    def simulate(self, ages: npt.ArrayLike, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return frequency and recency of new customers who have had `ages` opportunities."""
        alpha, beta, gamma, delta = self.params.values()
        n = np.asarray(ages, np.int64)
        buys, leaves = rng.beta(alpha, beta, n.shape), np.maximum(rng.beta(gamma, delta, n.shape), 1e-12)
        lived = np.minimum(rng.geometric(leaves) - 1, n)  # opportunities before they left
        frequency, recency = np.zeros(n.shape), np.zeros(n.shape)
        for opportunity in range(1, int(n.max(initial=0)) + 1):
            taken = (opportunity <= lived) & (rng.random(n.shape) < buys)
            frequency, recency = frequency + taken, np.where(taken, opportunity, recency)
        return frequency, recency

    def _refit(self, rows: tuple[Floats, ...]) -> Self:
        return _fit(rows)  # type: ignore[return-value]


def fit(
    frequency: npt.ArrayLike, recency: npt.ArrayLike, age: npt.ArrayLike, weight: npt.ArrayLike | None = None
) -> FittedBgbb:
    """Fit the model by maximum likelihood; what the data cannot tell is said in the ``verdict``.

    Parameters
    ----------
    frequency, recency, age : array_like of int, shape (customers,)
        Opportunities taken, the last one taken (counted from 1; 0 if none), and how many there were.
    weight : array_like of float, shape (customers,), optional
        How many customers a row stands for.
    """
    x, last, n, rows = checked({"frequency": frequency, "recency": recency, "age": age}, weight)
    _checked_history(x, last, n)
    kinds, total = distinct_rows(x, last, n, rows)
    if not len(total):
        raise FitError(mark("No customers to fit. Provide customers with at least one opportunity."))
    return _fit((*kinds.T, total))


def _checked_history(x: Floats, last: Floats, n: Floats) -> None:
    integers = (x == np.floor(x)) & (last == np.floor(last)) & (n == np.floor(n))
    wrong = np.flatnonzero(~(integers & (x <= last) & (last <= n) & ((x > 0) == (last > 0))))
    if wrong.size:
        message = mark(
            "Row %(row)d: %(x)g taken with the last at %(last)g of %(n)g is not possible. Count "
            "opportunities from 1, and use 0 as the last if none was taken."
        )
        row = int(wrong[0])
        raise FitError(message, row=row, x=float(x[row]), last=float(last[row]), n=float(n[row]))


def _terms(parameters: Any, kinds: Floats) -> tuple[Floats, Floats]:
    """Return log-likelihoods of distinct histories and their derivatives by log parameters, shape (4, kinds)."""
    alpha, beta, gamma, delta = parameters
    x, last, n = kinds.T
    # A history can have n - t_x + 1 causes: the customer stayed to the end, or left before one of the opportunities
    # after the last that was taken (eq. 5).
    ways = int((n - last).max()) + 1
    at = np.minimum(last[:, None] + np.arange(ways), n[:, None])  # opportunities lived through
    real = np.arange(ways) <= (n - last)[:, None]
    left = np.where(at == n[:, None], 0.0, 1.0)
    missed = at - x[:, None]
    value = betaln(alpha + x[:, None], beta + missed) + betaln(gamma + left, delta + at)
    value = np.where(real, value, -np.inf)
    top = value.max(axis=1)
    share = np.exp(value - top[:, None])
    total = share.sum(axis=1)
    share /= total[:, None]
    buys, leaves = digamma(alpha + beta + at), digamma(gamma + delta + left + at)
    slopes = [
        alpha * (digamma(alpha + x) - (share * buys).sum(axis=1) - digamma(alpha) + digamma(alpha + beta)),
        beta * ((share * (digamma(beta + missed) - buys)).sum(axis=1) - digamma(beta) + digamma(alpha + beta)),
        gamma * ((share * (digamma(gamma + left) - leaves)).sum(axis=1) - digamma(gamma) + digamma(gamma + delta)),
        delta * ((share * (digamma(delta + at) - leaves)).sum(axis=1) - digamma(delta) + digamma(gamma + delta)),
    ]
    return top + np.log(total) - betaln(alpha, beta) - betaln(gamma, delta), np.array(slopes)


def _fit(rows: tuple[Floats, ...]) -> FittedBgbb:
    kinds, weight = np.stack(rows[:3], axis=1), rows[3]
    customers = float(weight.sum())
    share = weight / customers

    def mean(theta: Floats) -> tuple[float, Floats]:
        value, slopes = _terms(np.exp(theta), kinds)
        return float(share @ value), slopes @ share

    def staying(theta: Floats) -> tuple[float, Floats]:
        value, slope = mean(np.append(theta, NOBODY))
        return value, slope[:2]

    peak = climb(mean, [(1.0, 1.0, 0.5, 2.0), (0.5, 0.5, 0.2, 5.0), (3.0, 3.0, 1.0, 1.0)], customers)
    fitted = FittedBgbb(
        params=dict(zip(NAMES, np.exp(peak.theta).tolist(), strict=True)),
        log_likelihood=peak.log_likelihood,
        customers=customers,
        covariance=peak.covariance,
        data=rows,
        verdict="ok" if peak.covariance is not None else "not-identified",
    )
    if not kinds[:, 0].any():
        return replace(fitted, verdict="not-identified", covariance=None)  # without any purchase: inactive, or gone?
    without = climb(staying, [(1.0, 1.0), (0.3, 0.3), (5.0, 5.0)], customers)
    gone = fitted.params["gamma"] / (fitted.params["gamma"] + fitted.params["delta"])
    if gone >= RARE and peak.log_likelihood - without.log_likelihood >= DETECTABLE:
        return fitted
    stay = dict(zip(NAMES, np.exp(np.append(without.theta, NOBODY)).tolist(), strict=True))
    return replace(fitted, params=stay, log_likelihood=without.log_likelihood, covariance=None, verdict="no-dropout")
