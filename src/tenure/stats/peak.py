"""The top of a likelihood, how sharp it is, and what may be said from that.

Answers: where is the maximum, how uncertain are the parameters there, and is there a maximum at all? For the models
that stand by themselves (contracts, donations, spend): parameters in logarithms, exact gradient, curvature by
differences of the gradient. A likelihood that keeps rising towards an edge is a finding, not an error.
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
STEEP = 1e-6  # a gradient, a customer, above this is no maximum
WIDE = 5.0  # a standard error of a log parameter above this says nothing about the parameter


@dataclass(frozen=True, slots=True)
class Peak:
    """Where a search ended.

    Attributes
    ----------
    theta : array, shape (parameters,)
        Logarithms of the parameters.
    log_likelihood : float
        There, of all customers.
    covariance : array or None
        Of theta; None where the likelihood has no peak.
    """

    theta: Floats
    log_likelihood: float
    covariance: Floats | None


def climb(objective: Objective, starts: Sequence[Sequence[float]], customers: float) -> Peak:
    """Search the maximum of a likelihood from several points.

    Parameters
    ----------
    objective : callable
        Gives the mean log-likelihood of a customer at log parameters, and its gradient.
    starts : sequence of sequences of float
        Parameters (not logarithms) to start from; the next is tried while no maximum was found.
    customers : float
        How many the mean is over.
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
        found = optimize.minimize(downhill, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if found.fun < least:
            best, least = np.asarray(found.x), float(found.fun)
        if np.abs(found.jac).max() < STEEP and np.abs(found.x).max() < FARTHEST - 0.5:
            break
    return best


def _polish(downhill: Objective, theta: Floats) -> tuple[Floats, Floats]:
    """Take a few of Newton's steps where the top is round: the last digits of the search."""
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
    rows = np.array([(downhill(theta + one)[1] - downhill(theta - one)[1]) / (2.0 * STEP) for one in steps])
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
    """Return columns of one length as numbers, the weights as the last of them.

    Raises
    ------
    FitError
        When lengths differ, a value is missing or negative, or a weight is.
    """
    found = {name: np.asarray(column, np.float64).ravel() for name, column in columns.items()}
    rows = len(next(iter(found.values())))
    found["weight"] = np.ones(rows) if weight is None else np.asarray(weight, np.float64).ravel()
    for name, column in found.items():
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
                mark("Row %(row)d: %(name)s is %(value)s, and must be a number of 0 or more."),
                row=int(wrong[0]),
                name=name,
                value=float(column[wrong[0]]),
            )
    return list(found.values())


@dataclass(frozen=True)
class Estimate(ABC):
    """What all fitted models of this kind tell about themselves.

    Attributes
    ----------
    params : dict of str to float
        Under their published names.
    log_likelihood : float
        At the maximum.
    customers : float
        How many customers it was fitted on.
    verdict : str
        ``ok``, or what kept the data from telling the parameters; each model says which there are.
    covariance : array or None
        Of the logarithms of the parameters; None at an edge.
    rows : tuple of arrays or None
        What it was fitted on, weights last, for resampling; not written down.
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
        return {name: float(value * one) for (name, value), one in zip(self.params.items(), spread, strict=True)}

    def interval(self, level: float = 0.95) -> dict[str, tuple[float, float]] | None:
        """Return an interval of each parameter, symmetric in its logarithm; None at an edge."""
        if self.covariance is None:
            return None
        wide = float(ndtri(0.5 + level / 2.0)) * np.sqrt(np.diag(self.covariance))
        named = zip(self.params.items(), wide, strict=True)
        return {name: (float(one * np.exp(-half)), float(one * np.exp(half))) for (name, one), half in named}

    def draws(self, n: int, seed: int = 20_240_101) -> list[Self]:
        """Return estimates spread as the data leave them uncertain.

        Parameters
        ----------
        n : int
            How many; 200 are plenty for a 95 % interval.
        seed : int
            The same seed gives the same draws.

        Notes
        -----
        Normal in the logarithms (Laplace) at a peak, else a bootstrap of the customers. An estimate at an edge that
        was written down and read again has no customers, and returns itself.
        """
        rng = np.random.default_rng(seed)
        if self.covariance is not None:
            theta, root = np.log(list(self.params.values())), np.linalg.cholesky(self.covariance)
            spread = np.exp(theta + rng.standard_normal((n, len(theta))) @ root.T)
            bare = replace(self, covariance=None, rows=None)
            return [replace(bare, params=dict(zip(self.params, row.tolist(), strict=True))) for row in spread]
        if self.rows is None or round(self.customers) < 1:
            return [self] * n
        return [replace(self._again(self._resampled(rng)), rows=None) for _ in range(n)]

    def _resampled(self, rng: np.random.Generator) -> tuple[Floats, ...]:
        assert self.rows is not None
        weight = self.rows[-1]
        drawn = rng.multinomial(round(float(weight.sum())), weight / weight.sum()).astype(np.float64)
        return tuple(column[drawn > 0] for column in (*self.rows[:-1], drawn))

    @abstractmethod
    def _again(self, rows: tuple[Floats, ...]) -> Self:
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
