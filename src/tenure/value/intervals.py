"""Intervals of one customer's future: how many orders, and how much they may bring.

They are ranges of what *happens*, not of a mean: a customer with 0.4 expected orders will have 0 or 1 or 2.

Nothing is drawn at random here, so that a customer scored alone gets the numbers that they get among a million. The
distribution of the count has a heap at zero, whose size is the model's, and above it a negative binomial with the
model's mean and with this variance: given a rate, customers buy while they stay, so that with S(v) the chance to stay
until v

    E[N(N - 1)] = E[rate^2] · 2 ∫ v S(v) dv,    where  S(v) = E'(v) / E'(0),

E(v) being the expected number up to v. The rate of somebody who is still a customer has the shape r + x in the whole
NBD family. What is uncertain about the model's parameters widens it by the delta method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tenure.stats.cells import Cells
    from tenure.stats.fitted import Fitted

LEVEL = 0.95
#: Pieces of the horizon; Simpson's rule needs an even number.
PIECES = 4
_STEP = 1e-3  # of a log parameter, for differences


@dataclass(frozen=True, slots=True)
class OrderDistribution:
    """The distribution of the number of future orders: one entry a cell, or a customer."""

    mean: np.ndarray  # of the number
    variance: np.ndarray
    active: np.ndarray  # chance of at least one
    upto: np.ndarray  # expected number up to each of the equal pieces of the horizon; the last one is `mean`

    def of(self, where: np.ndarray) -> OrderDistribution:
        """Return the distribution of each customer, given the cell of each."""
        return OrderDistribution(self.mean[where], self.variance[where], self.active[where], self.upto[:, where])

    def quantile(self, level: float) -> np.ndarray:
        """Return the smallest number that is reached with this probability, as float64."""
        from scipy.special import gammaincinv, nbdtrik

        mean, variance = _of_the_active(self.mean, self.variance, self.active)
        left = (level - (1 - self.active)) / np.where(self.active > 0, self.active, 1.0)
        number = np.zeros(len(self.mean))
        inside = (left > 0) & (self.active > 0)
        # Among those with at least one: one order, and a distribution of the further ones with the same two moments.
        more, spread = np.maximum(mean[inside] - 1, 1e-9), np.maximum(variance[inside], 1e-9)
        level_left = np.clip(left[inside], 1e-12, 1 - 1e-12)
        wide = spread > more * (1 + 1e-6)
        size = np.where(wide, more**2 / np.where(wide, spread - more, 1.0), 1.0)
        broad = nbdtrik(level_left, size, np.where(wide, size / (size + more), 0.5))
        shape = more**2 / spread
        narrow = gammaincinv(np.maximum(shape, 1e-6), level_left) * spread / more
        number[inside] = 1 + np.where(wide, np.ceil(np.nan_to_num(np.maximum(broad, 0.0)) - 1e-9), np.rint(narrow))
        return number


def order_distribution(fitted: Fitted, horizon: float, cells: Cells) -> OrderDistribution:
    """Return the distribution of the number of orders in a horizon."""
    upto = np.stack([fitted.expected(horizon * n / PIECES, cells) for n in range(1, PIECES + 1)])
    upto = np.maximum.accumulate(np.maximum(upto, 0.0), axis=0)
    mean = upto[-1]
    active = np.minimum(np.clip(fitted.p_active(horizon, cells), 0.0, 1.0), mean)
    k = regularity(fitted.name)
    shape = float(fitted.used.params["r"]) + k * cells.frequency
    spread = 1 / np.maximum(shape, 1e-9) + uncertainty(fitted, horizon, cells)
    height = (4 * upto[0] + 2 * upto[1] + 4 * upto[2] + upto[3]) / 12  # mean of the curve, by Simpson's rule
    twice = (1 + spread) * _rate(fitted, horizon, cells) * 2 * horizon * (mean - height)
    # A number of at least one, or none, varies at least as much as the chance of it says.
    variance = np.maximum(twice + mean / k - mean**2, mean**2 / np.where(active > 0, active, 1.0) - mean**2)
    return OrderDistribution(mean, np.maximum(variance, 0.0), active, upto)


def _rate(fitted: Fitted, horizon: float, cells: Cells) -> np.ndarray:
    """Return the mean rate of buying of somebody who is still a customer."""
    k, moment = regularity(fitted.name), horizon / 1_000
    if k > 1:  # who buys regularly is slower right after a purchase than on average
        params = fitted.used.at(cells)
        return np.asarray((params["r"] + k * cells.frequency) / (params["alpha"] + cells.age) / k)
    now, alive = fitted.expected(moment, cells) / moment, fitted.p_alive(cells)
    possible = alive > 1e-9
    return np.where(possible, now / np.where(possible, alive, 1.0), 0.0)


def regularity(name: str) -> int:
    """Return k of a model's name: 3 of ``mbg-cnbd-3``, else 1."""
    last = name.rsplit("-", 1)[-1]
    return int(last) if last.isdigit() else 1


def uncertainty(fitted: Fitted, horizon: float, cells: Cells) -> np.ndarray:
    """Return the relative variance of the expected number that comes from not knowing the parameters exactly.

    By the delta method on the logarithm; 0 where the model has no covariance (at a boundary).
    """
    used = fitted.used
    base = used.expected(horizon, cells)
    if used.covariance is None:
        return np.zeros(len(base))
    theta = used.vector()
    slopes = np.empty((len(theta), len(base)))
    with np.errstate(divide="ignore", invalid="ignore"):
        for place in range(len(theta)):
            step = np.zeros(len(theta))
            step[place] = _STEP
            slopes[place] = (np.log(used.with_vector(theta + step).expected(horizon, cells)) - np.log(base)) / _STEP
    slopes[~np.isfinite(slopes)] = 0.0
    return np.clip(np.einsum("ic,ij,jc->c", slopes, used.covariance, slopes), 0.0, 4.0)


def _of_the_active(mean: np.ndarray, variance: np.ndarray, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance among those for whom the number is not zero."""
    chance = np.where(active > 0, active, 1.0)
    among = mean / chance
    return among, np.maximum((variance + mean**2) / chance - among**2, 0.0)


def value_range(
    orders: OrderDistribution, spend: tuple[np.ndarray, np.ndarray], scatter: float, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of the sum of a customer's future spend. `orders` has one entry a customer."""
    from scipy.special import gammaincinv

    mean, second = spend
    total = orders.mean * mean
    squared = (orders.variance + orders.mean**2) * second + orders.mean * second * scatter
    among, variance = _of_the_active(total, np.maximum(squared - total**2, 0.0), orders.active)
    shape = among**2 / np.maximum(variance, 1e-12)
    bounds = []
    for bound in ((1 - level) / 2, (1 + level) / 2):
        left = (bound - (1 - orders.active)) / np.where(orders.active > 0, orders.active, 1.0)
        inside = (left > 0) & (orders.active > 0) & (among > 0)
        values = np.zeros(len(total))
        values[inside] = gammaincinv(np.clip(shape[inside], 1e-6, 1e8), left[inside]) * (
            variance[inside] / np.maximum(among[inside], 1e-300)
        )
        bounds.append(values)
    return bounds[0], bounds[1]
