"""Maximum likelihood for the models with few rows (contracts, donations, spend), and what an estimate is worth.

Parameters are in logarithms, the gradient is exact, the curvature comes from differences of the gradient. A likelihood
that keeps rising towards an edge has no covariance, which is a finding and not an error.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import optimize
from scipy.special import ndtri

from tenure.errors import FitError
from tenure.stats.cells import Floats
from tenure.stats.threads import one_thread
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Objective = Callable[[Floats], tuple[float, Floats]]

FARTHEST = 14.0  # a parameter is kept within exp(±14): beyond, the models are their own limits to six digits
STEP = 1e-4  # of the differences that give the curvature, in logarithms
STEEP = 1e-6  # a gradient per customer above this is no maximum
WIDE = 5.0  # a standard error of a log parameter above this says nothing about the parameter


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a search ended."""

    theta: Floats  # logarithms of the parameters
    log_likelihood: float  # of all customers
    covariance: Floats | None  # of theta; None where the likelihood has no peak


def climb(objective: Objective, starts: Sequence[Sequence[float]], customers: float) -> Peak:
    """Search the maximum of a likelihood from several points.

    Parameters
    ----------
    objective : callable
        Gives the mean log-likelihood of a customer at log parameters, and its gradient.
    starts : sequence of sequences of float
        Parameters (not logarithms) to start from; the next is tried while there is no maximum.
    customers : float
        Over how many the mean is taken.
    """

    def downhill(theta: Floats) -> tuple[float, Floats]:
        value, slope = objective(theta)
        return -value, -slope

    with one_thread():
        best = _search(downhill, starts)
        best, curvature = _polish(downhill, best)
        return Peak(best, -customers * downhill(best)[0], _covariance(best, curvature, customers))


def _search(downhill: Objective, starts: Sequence[Sequence[float]]) -> Floats:
    best, least = np.zeros(len(starts[0])), np.inf
    for start in starts:
        begin = np.clip(np.log(start), 1.0 - FARTHEST, FARTHEST - 1.0)
        options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9}
        bounds = [(-FARTHEST, FARTHEST)] * len(begin)
        end = optimize.minimize(downhill, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if end.fun < least:
            best, least = np.asarray(end.x), float(end.fun)
        # An end next to the edge may be a plateau: another start can still find the top.
        if np.abs(end.jac).max() < STEEP and np.abs(end.x).max() < FARTHEST - 0.5:
            break
    return best


def _polish(downhill: Objective, theta: Floats) -> tuple[Floats, Floats]:
    """Take a few Newton steps where the top is round: the last digits of the search."""
    curvature = curvature_of(downhill, theta)
    for _ in range(3):
        if not is_peak(curvature) or np.abs(theta).max() > FARTHEST - 0.5:
            break
        value, slope = downhill(theta)
        step = np.linalg.solve(curvature, slope)
        if np.abs(step).max() < 1e-10 or np.abs(step).max() > 0.5 or downhill(theta - step)[0] > value + 1e-13:
            break
        theta = theta - step
        curvature = curvature_of(downhill, theta)
    return theta, curvature


def curvature_of(downhill: Objective, theta: Floats) -> Floats:
    """Return the matrix of second derivatives, by differences of the exact gradient."""
    steps = STEP * np.eye(len(theta))
    rows = np.array([(downhill(theta + step)[1] - downhill(theta - step)[1]) / (2.0 * STEP) for step in steps])
    return 0.5 * (rows + rows.T)


def is_peak(curvature: Floats) -> bool:
    """Whether the likelihood bends down in every direction."""
    return bool(np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature).min() > 1e-12)


def _covariance(theta: Floats, curvature: Floats, customers: float) -> Floats | None:
    if np.abs(theta).max() > FARTHEST - 0.5 or not is_peak(curvature):
        return None
    covariance = np.linalg.inv(curvature) / customers
    return None if np.diag(covariance).max() > WIDE**2 else 0.5 * (covariance + covariance.T)


def checked(columns: Mapping[str, Any], weight: Any | None) -> list[Floats]:
    """Return columns of one length as numbers, the weights last; refuse what is missing or negative."""
    numbers = {name: np.asarray(column, np.float64).ravel() for name, column in columns.items()}
    rows = len(next(iter(numbers.values())))
    numbers["weight"] = np.ones(rows) if weight is None else np.asarray(weight, np.float64).ravel()
    for name, column in numbers.items():
        if len(column) != rows:
            raise FitError(
                mark("The column %(name)s has %(length)d values where the first has %(rows)d."),
                name=name,
                length=len(column),
                rows=rows,
            )
        wrong = np.flatnonzero(~(np.isfinite(column) & (column >= 0.0)))
        if wrong.size:
            raise FitError(
                mark("Row %(row)d: %(name)s must be 0 or more, not %(value)s."),
                row=int(wrong[0]),
                name=name,
                value=float(column[wrong[0]]),
            )
    return list(numbers.values())


@dataclass(frozen=True)
class Estimate(ABC):
    """A fitted model of this kind: parameters, uncertainty, storage.

    Attributes
    ----------
    params : dict of str to float
        Under their published names.
    log_likelihood : float
        At the maximum.
    customers : float
        How many customers it was fitted on.
    verdict : str
        ``ok``, or why the data cannot tell the parameters; each model lists its own.
    covariance : array or None
        Of the logarithms of the parameters; None at an edge.
    rows : tuple of arrays or None
        What it was fitted on, weights last, for resampling; not stored.
    """

    params: dict[str, float]
    log_likelihood: float = float("nan")
    customers: float = 0.0
    verdict: str = "ok"
    covariance: Floats | None = None
    rows: tuple[Floats, ...] | None = field(default=None, repr=False, compare=False)

    @property
    def aic(self) -> float:
        """Akaike's criterion; the smaller, the better."""
        return 2.0 * len(self.params) - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion; the smaller, the better."""
        return len(self.params) * float(np.log(max(self.customers, 1.0))) - 2.0 * self.log_likelihood

    @property
    def standard_errors(self) -> dict[str, float] | None:
        """Standard error of each parameter; None at an edge."""
        if self.covariance is None:
            return None
        spread = np.sqrt(np.diag(self.covariance))
        return {name: float(value * error) for (name, value), error in zip(self.params.items(), spread, strict=True)}

    def interval(self, level: float = 0.95) -> dict[str, tuple[float, float]] | None:
        """Return an interval of each parameter, symmetric in its logarithm; None at an edge."""
        if self.covariance is None:
            return None
        widths = float(ndtri(0.5 + level / 2.0)) * np.sqrt(np.diag(self.covariance))
        named = zip(self.params.items(), widths, strict=True)
        return {name: (float(value * np.exp(-half)), float(value * np.exp(half))) for (name, value), half in named}

    def draws(self, n: int, seed: int = 20_240_101) -> list[Self]:
        """Return estimates spread as the data leave them uncertain; 200 suffice for a 95 % interval.

        Normal in the logarithms (Laplace) at a peak, else a bootstrap of the customers. A stored estimate has no rows:
        at an edge it returns itself.
        """
        rng = np.random.default_rng(seed)
        if self.covariance is not None:
            theta, root = np.log(list(self.params.values())), np.linalg.cholesky(self.covariance)
            spread = np.exp(theta + rng.standard_normal((n, len(theta))) @ root.T)
            bare = replace(self, covariance=None, rows=None)
            return [replace(bare, params=dict(zip(self.params, row.tolist(), strict=True))) for row in spread]
        if self.rows is None or round(self.customers) < 1:
            return [self] * n
        *columns, weight = self.rows
        refits = []
        for _ in range(n):
            drawn = rng.multinomial(round(float(weight.sum())), weight / weight.sum()).astype(np.float64)
            refits.append(self._refit(tuple(column[drawn > 0] for column in (*columns, drawn))))
        return [replace(refit, rows=None) for refit in refits]

    @abstractmethod
    def _refit(self, rows: tuple[Floats, ...]) -> Self:
        """Fit the same model to other rows."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "params": dict(self.params),
            "log_likelihood": self.log_likelihood if np.isfinite(self.log_likelihood) else None,
            "customers": self.customers,
            "verdict": self.verdict,
            "covariance": None if self.covariance is None else self.covariance.tolist(),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """Return what :meth:`to_dict` wrote."""
        likelihood, covariance = body.get("log_likelihood"), body.get("covariance")
        return cls(
            **{
                **body,
                "params": dict(body["params"]),
                "log_likelihood": float("nan") if likelihood is None else float(likelihood),
                "covariance": None if covariance is None else np.array(covariance, np.float64),
            }
        )
