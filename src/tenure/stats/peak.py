"""Maximum likelihood: the search, and what an estimate is worth.

Parameters are in logarithms, the gradient is exact, the curvature comes from differences of the gradient. A likelihood
that keeps rising towards an edge has no covariance, which is a finding and not an error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from scipy import optimize
from scipy.special import ndtri

from tenure.errors import FitError
from tenure.stats.cells import Floats
from tenure.stats.record import plain
from tenure.stats.threads import one_thread
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Objective = Callable[[Floats], tuple[float, Floats]]

FARTHEST = 16.0  # a parameter is kept within exp(±16): beyond, the models are their own limits to six digits
STEP = 1e-4  # of the differences that give the curvature, in logarithms
STEEP = 1e-5  # a gradient per customer above this is no maximum
WIDE = 5.0  # a standard error of a log parameter above this says nothing about the parameter
APART = frozenset({"data", "model", "fallback"})  # what of an estimate is not stored, or in a way of its own
SEARCH = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7, "maxcor": 12}


class Peak(NamedTuple):
    """Where a search ended."""

    theta: Floats  # logarithms of the parameters
    log_likelihood: float  # of all customers
    covariance: Floats | None  # of theta; None where the likelihood has no peak


@one_thread()
def climb(objective: Objective, starts: Sequence[Sequence[float]], customers: float, least: int = 1) -> Peak:
    """Search the maximum of a likelihood: the `objective` is its mean over customers at log parameters, with gradient.

    The first `least` of the starts (parameters, not logarithms) are tried, and more until the gradient vanishes.
    """

    def downhill(theta: Floats) -> tuple[float, Floats]:
        value, slope = objective(theta)
        return -value, -slope

    theta, curvature = _polish(downhill, _search(downhill, starts, least))
    value = -customers * downhill(theta)[0]
    if np.abs(theta).max() > FARTHEST - 0.5 or not _is_peak(curvature):
        return Peak(theta, value, None)
    covariance = np.linalg.inv(curvature) / customers
    return Peak(theta, value, None if np.diag(covariance).max() > WIDE**2 else 0.5 * (covariance + covariance.T))


def _search(downhill: Objective, starts: Sequence[Sequence[float]], least: int) -> Floats:
    best, lowest, flat = np.zeros(len(starts[0])), np.inf, False
    bounds = [(-FARTHEST, FARTHEST)] * len(best)
    for number, start in enumerate(starts):
        if number >= least and flat:
            break
        # The size of a step is measured in logarithms: a first step by the raw gradient would hardly move.
        begin = np.clip(np.log(start), -FARTHEST, FARTHEST)
        end = optimize.minimize(downhill, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=SEARCH)
        if end.fun < lowest:
            best, lowest, flat = np.asarray(end.x), float(end.fun), bool(np.abs(end.jac).max() < STEEP)
    return best


def _polish(downhill: Objective, theta: Floats) -> tuple[Floats, Floats]:
    """Take Newton steps to the very top where there is one; return it and the curvature there."""
    curvature = _curvature(downhill, theta)
    for _ in range(3):
        value, slope = downhill(theta)
        if np.abs(slope).max() < 1e-11 or not _is_peak(curvature):
            break
        step = np.linalg.solve(curvature, slope)
        # A step that is long or leads down again says that the top is not round enough for Newton.
        if np.abs(step).max() > 0.5 or downhill(theta - step)[0] > value + 1e-13 * abs(value):
            break
        theta = theta - step
        if np.abs(step).max() > 1e-3:
            curvature = _curvature(downhill, theta)
    return theta, curvature


def _curvature(downhill: Objective, theta: Floats) -> Floats:
    steps = STEP * np.eye(len(theta))
    rows = np.array([(downhill(theta + step)[1] - downhill(theta - step)[1]) / (2.0 * STEP) for step in steps])
    return 0.5 * (rows + rows.T)


def _is_peak(curvature: Floats) -> bool:
    return bool(np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature).min() > 1e-12)


class Estimate(ABC):
    """What every fitted model tells of its worth; its classes are frozen data classes."""

    params: dict[str, float]  # under their published names
    log_likelihood: float  # at the maximum
    customers: float  # how many it was fitted on
    verdict: str  # ``ok``, or why the data cannot tell the parameters; each model lists its own
    covariance: Floats | None  # of :meth:`vector`; None at an edge
    data: Any  # what it was fitted on, for resampling; not stored

    def vector(self) -> Floats:
        """Return the logarithms of the parameters."""
        return np.log(list(self.params.values()))

    def with_vector(self, vector: Floats) -> Self:
        """Return it with other parameters, given as :meth:`vector` gives them."""
        return self._changed(params=dict(zip(self.params, np.exp(vector).tolist(), strict=True)))

    def _changed(self, **changes: Any) -> Self:
        return replace(self, **changes)  # type: ignore[type-var]

    @property
    def aic(self) -> float:
        """Akaike's criterion; the smaller, the better."""
        return 2.0 * len(self.vector()) - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion; the smaller, the better."""
        return len(self.vector()) * float(np.log(max(self.customers, 1.0))) - 2.0 * self.log_likelihood

    @property
    def standard_errors(self) -> dict[str, float] | None:
        """Standard error of each parameter, from the curvature of the likelihood; None at an edge."""
        if self.covariance is None:
            return None
        errors = np.sqrt(np.diag(self.covariance)).tolist()
        return {name: value * error for (name, value), error in zip(self.params.items(), errors, strict=False)}

    def interval(self, level: float = 0.95) -> dict[str, tuple[float, float]] | None:
        """Return an interval for each parameter, symmetric in its logarithm; None at an edge."""
        if self.covariance is None:
            return None
        ways = np.exp(ndtri(0.5 + level / 2.0) * np.sqrt(np.diag(self.covariance))).tolist()
        return {name: (value / way, value * way) for (name, value), way in zip(self.params.items(), ways, strict=False)}

    def draws(self, n: int, seed: int = 20_240_101) -> list[Self]:
        """Return estimates spread as the data leave them uncertain; 200 suffice for a 95 % interval.

        Normal in the logarithms (Laplace) at a peak; at an edge a bootstrap of the customers, or, where it was stored
        and has no data, itself.
        """
        rng = np.random.default_rng(seed)
        if self.covariance is not None:
            bare, root = self._changed(covariance=None, data=None), np.linalg.cholesky(self.covariance)
            noise = rng.standard_normal((n, len(root)))
            return [bare.with_vector(row) for row in self.vector() + noise @ root.T]
        if self.data is None or round(self.customers) < 1:
            return [self] * n
        return [self._resampled(rng)._changed(data=None) for _ in range(n)]

    @abstractmethod
    def _resampled(self, rng: np.random.Generator) -> Self:
        """Fit the same model to customers drawn with replacement."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        names = (column.name for column in fields(self))  # type: ignore[arg-type]
        return plain({name: getattr(self, name) for name in names if name not in APART})

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """Return what :meth:`to_dict` wrote; what JSON cannot hold, nan, was a default."""
        known = {name: value for name, value in body.items() if value is not None}
        if "covariance" in known:
            known["covariance"] = np.array(known["covariance"], np.float64)
        return cls(**known)


@dataclass(frozen=True)
class RowEstimate(Estimate):
    """An estimate from few distinct rows: contracts, donations, spend."""

    params: dict[str, float]
    log_likelihood: float = float("nan")
    customers: float = 0.0
    verdict: str = "ok"
    covariance: Floats | None = None
    data: tuple[Floats, ...] | None = field(default=None, repr=False, compare=False)  # columns, weights last

    def _resampled(self, rng: np.random.Generator) -> Self:
        assert self.data is not None
        *columns, weight = self.data
        drawn = rng.multinomial(round(float(weight.sum())), weight / weight.sum()).astype(np.float64)
        return self._refit(tuple(column[drawn > 0] for column in (*columns, drawn)))

    @abstractmethod
    def _refit(self, rows: tuple[Floats, ...]) -> Self:
        """Fit the same model to other rows."""


def checked(columns: Mapping[str, Any], weight: Any | None) -> list[Floats]:
    """Return columns of one length as numbers, the weights last; refuse what is missing or negative."""
    numbers = {name: np.asarray(column, np.float64).ravel() for name, column in columns.items()}
    rows = len(next(iter(numbers.values())))
    numbers["weight"] = np.ones(rows) if weight is None else np.asarray(weight, np.float64).ravel()
    for name, column in numbers.items():
        if len(column) != rows:
            message = mark("The column %(name)s has %(length)d values where the first has %(rows)d.")
            raise FitError(message, name=name, length=len(column), rows=rows)
        wrong = np.flatnonzero(~(np.isfinite(column) & (column >= 0.0)))
        if wrong.size:
            message, row = mark("Row %(row)d: %(name)s must be 0 or more, not %(value)s."), int(wrong[0])
            raise FitError(message, row=row, name=name, value=float(column[row]))
    return list(numbers.values())


def distinct_rows(*columns: Floats) -> tuple[Floats, Floats]:
    """Return the distinct rows of all columns but the last, and its sum for each, where that is above 0."""
    kinds, place = np.unique(np.stack(columns[:-1], axis=1), axis=0, return_inverse=True)
    total = np.bincount(place.ravel(), columns[-1], minlength=len(kinds)).astype(np.float64)
    return kinds[total > 0.0], total[total > 0.0]
