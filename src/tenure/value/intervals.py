"""Intervals of one customer's future: how many orders, and how much they may bring.

They are ranges of what *happens*, not of a mean: a customer with 0.4 expected orders will have 0 or 1 or 2.

Nothing is drawn at random here, so that a customer scored alone gets the numbers that they get among a million. The law
of the count has a heap at zero, whose size is the model's, and above it a negative binomial with the model's mean and
with this variance: given a rate, somebody buys while they stay, so that with S(v) the chance to stay until v

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
class Counts:
    """The law of a number of future orders: one entry a cell, or a customer."""

    mean: np.ndarray  # of the number
    variance: np.ndarray
    active: np.ndarray  # chance of at least one
    upto: np.ndarray  # expected number up to each of the equal pieces of the horizon; the last one is `mean`

    def of(self, where: np.ndarray) -> Counts:
        """Return the law of each customer, given the cell of each."""
        return Counts(self.mean[where], self.variance[where], self.active[where], self.upto[:, where])

    def quantile(self, level: float) -> np.ndarray:
        """Return the smallest number that is reached with this probability, as float64."""
        from scipy.special import gammaincinv, nbdtrik

        mean, variance = _of_the_active(self.mean, self.variance, self.active)
        left = (level - (1 - self.active)) / np.where(self.active > 0, self.active, 1.0)
        found = np.zeros(len(self.mean))
        inside = (left > 0) & (self.active > 0)
        # Among those with at least one: one order, and a law of the further ones with the same two moments.
        more, spread = np.maximum(mean[inside] - 1, 1e-9), np.maximum(variance[inside], 1e-9)
        level_left = np.clip(left[inside], 1e-12, 1 - 1e-12)
        wide = spread > more * (1 + 1e-6)
        size = np.where(wide, more**2 / np.where(wide, spread - more, 1.0), 1.0)
        number = nbdtrik(level_left, size, np.where(wide, size / (size + more), 0.5))
        shape = more**2 / spread
        narrow = gammaincinv(np.maximum(shape, 1e-6), level_left) * spread / more
        found[inside] = 1 + np.where(wide, np.ceil(np.nan_to_num(np.maximum(number, 0.0)) - 1e-9), np.rint(narrow))
        return found


def counts(fitted: Fitted, horizon: float, cells: Cells) -> Counts:
    """Return the law of the number of orders in a horizon."""
    upto = np.stack([fitted.expected(horizon * n / PIECES, cells) for n in range(1, PIECES + 1)])
    upto = np.maximum.accumulate(np.maximum(upto, 0.0), axis=0)
    mean = upto[-1]
    active = np.minimum(np.clip(fitted.p_active(horizon, cells), 0.0, 1.0), mean)
    k = regularity(fitted.name)
    shape = float(fitted.used.params["r"]) + k * cells.frequency
    spread = 1 / np.maximum(shape, 1e-9) + uncertainty(fitted, horizon, cells)
    twice = (1 + spread) * _rate(fitted, horizon, cells) * 2 * horizon * (mean - _mean_height(upto))
    # A number of at least one, or none, varies at least as much as the chance of it says.
    variance = np.maximum(twice + mean / k - mean**2, mean**2 / np.where(active > 0, active, 1.0) - mean**2)
    return Counts(mean, np.maximum(variance, 0.0), active, upto)


def _rate(fitted: Fitted, horizon: float, cells: Cells) -> np.ndarray:
    """Return the mean rate of buying of somebody who is still a customer."""
    k, moment = regularity(fitted.name), horizon / 1_000
    if k > 1:  # who buys regularly is slower right after a purchase than on average
        params = fitted.used.at(cells)
        return np.asarray((params["r"] + k * cells.frequency) / (params["alpha"] + cells.age) / k)
    now, alive = fitted.expected(moment, cells) / moment, fitted.p_alive(cells)
    some = alive > 1e-9
    return np.where(some, now / np.where(some, alive, 1.0), 0.0)


def _mean_height(upto: np.ndarray) -> np.ndarray:
    """Return the mean of a curve from 0 through the ends of four equal pieces (Simpson's rule)."""
    return (4 * upto[0] + 2 * upto[1] + 4 * upto[2] + upto[3]) / 12


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
    some = np.where(active > 0, active, 1.0)
    among = mean / some
    return among, np.maximum((variance + mean**2) / some - among**2, 0.0)


def value_range(
    law: Counts, spend: tuple[np.ndarray, np.ndarray], scatter: float, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray]:
    """Return the range of the sum of a customer's future spend. `law` has one entry a customer here."""
    from scipy.special import gammaincinv

    mean, second = spend
    total = law.mean * mean
    squared = (law.variance + law.mean**2) * second + law.mean * second * scatter
    among, variance = _of_the_active(total, np.maximum(squared - total**2, 0.0), law.active)
    shape = among**2 / np.maximum(variance, 1e-12)
    found = []
    for bound in ((1 - level) / 2, (1 + level) / 2):
        left = (bound - (1 - law.active)) / np.where(law.active > 0, law.active, 1.0)
        inside = (left > 0) & (law.active > 0) & (among > 0)
        values = np.zeros(len(total))
        values[inside] = gammaincinv(np.clip(shape[inside], 1e-6, 1e8), left[inside]) * (
            variance[inside] / np.maximum(among[inside], 1e-300)
        )
        found.append(values)
    return found[0], found[1]
