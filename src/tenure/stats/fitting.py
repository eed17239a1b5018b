"""Maximum likelihood for purchase models, and the verdict on what came out.

Answers: which parameters fit these customers best, may they be believed, and does anybody leave at all? Everything is
done in logarithms of the parameters with the exact gradient, so that a fit takes some twenty passes over the cells.

Many shops' data show no leaving. Then the likelihood of a model with dropout has no peak: it rises towards a boundary,
where it is the model without dropout. That is not a failure but a finding, and it is said.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize
from threadpoolctl import ThreadpoolController

from tenure.stats.design import Design
from tenure.stats.fitted import Fitted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.stats.cells import Cells, Floats
    from tenure.stats.fitted import Params, PurchaseModel

SPAN = 10.0  # the oldest customer is this old while fitting, whatever the unit
FARTHEST = 16.0  # a parameter is kept within exp(±16) of one
STEEP = 1e-5  # a gradient, a customer, above this is no maximum
STEP = 1e-4  # of the differences that give the curvature, in logarithms
DETECTABLE = 3.0  # log-likelihood that dropout must gain: twice this is the 95 % point of chi-squared with 2 degrees
WIDE = 5.0  # a standard error of a log parameter above this says nothing about the parameter


class Problem:
    """The negative mean log-likelihood of some cells as a function of one vector: log parameters, then effects.

    Parameters
    ----------
    model : PurchaseModel
        What is fitted.
    cells : Cells
        Customers, their times scaled.
    design : Design
        Covariates.
    ridge : float
        Precision of the normal prior around zero that keeps effects finite.
    """

    def __init__(self, model: PurchaseModel, cells: Cells, design: Design, ridge: float) -> None:
        self.model, self.cells, self.ridge = model, cells, ridge
        self.matrix = design.matrix(cells)
        self.moved = [model.names.index(name) for name in model.moved] if design.columns else []
        self.columns = len(design.columns)
        self.size = len(model.names) + len(self.moved) * self.columns
        self.share = cells.weight / cells.customers

    def params(self, theta: Floats) -> Params:
        """Return the parameters of each cell."""
        base = len(self.model.names)
        found: Params = dict(zip(self.model.names, np.exp(theta[:base]).tolist(), strict=True))
        for place, index in enumerate(self.moved):
            effects = theta[base + place * self.columns : base + (place + 1) * self.columns]
            name = self.model.names[index]
            found[name] = found[name] * np.exp(effects @ self.matrix)
        return found

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """Return the value and its gradient."""
        values, slopes = self.model.terms(self.params(theta), self.cells)
        effects = theta[len(self.model.names) :]
        prior = self.ridge / self.cells.customers
        gradient = [-float(self.share @ np.broadcast_to(slope, values.shape)) for slope in slopes]
        for index in self.moved:
            gradient += (-(self.matrix @ (self.share * slopes[index]))).tolist()
        found = np.array(gradient)
        found[len(self.model.names) :] += prior * effects
        return float(-(self.share @ values) + 0.5 * prior * (effects @ effects)), found

    def curvature(self, theta: Floats) -> Floats:
        """Return the matrix of second derivatives, by differences of the exact gradient."""
        rows = []
        for index in range(self.size):
            step = np.zeros(self.size)
            step[index] = STEP
            rows.append((self(theta + step)[1] - self(theta - step)[1]) / (2.0 * STEP))
        matrix = np.array(rows)
        return 0.5 * (matrix + matrix.T)


def fit(
    model: PurchaseModel,
    cells: Cells,
    *,
    starts: int = 1,
    covariates: Sequence[str] = (),
    start: Mapping[str, float] | None = None,
    ridge: float = 0.1,
) -> Fitted:
    """Fit a model by maximum likelihood.

    Parameters
    ----------
    model : PurchaseModel
        What is fitted.
    cells : Cells
        Customers.
    starts : int
        How many points to start from at least; more are tried only when the gradient is not zero at the end.
    covariates : sequence of str
        Groups of the cells that may move the parameters.
    start : mapping of str to float, optional
        A point to start from, in the unit of the cells, tried before the model's own.
    ridge : float
        Precision of the prior that keeps effects of rare labels finite.

    Returns
    -------
    Fitted
        Always: what the data cannot tell is said in its ``verdict``.
    """
    with _threads().limit(limits=1, user_api="blas"):
        found = _fit(model, cells, starts, covariates, start, ridge)
        return _judged(found, covariates, ridge)


@cache
def _threads() -> ThreadpoolController:
    """Return what holds linear algebra to one thread: with four rows, more of them only wait for each other."""
    return ThreadpoolController()


def _fit(
    model: PurchaseModel,
    cells: Cells,
    starts: int,
    covariates: Sequence[str],
    start: Mapping[str, float] | None,
    ridge: float,
) -> Fitted:
    unit = float(cells.age.max()) / SPAN or 1.0
    problem = Problem(model, cells.scaled(unit), Design.of(cells, covariates), ridge)
    points = [_scaled(start, model, 1.0 / unit)] if start else []
    points += model.starts(problem.cells)
    theta, curvature = _polish(problem, _best(problem, points, starts))
    params = _scaled(dict(zip(model.names, np.exp(theta[: len(model.names)]).tolist(), strict=True)), model, unit)
    covariance = _covariance(problem, theta, curvature)
    names = Design.of(cells, covariates).names
    rest = iter(theta[len(model.names) :].tolist())
    found = Fitted(
        model,
        params,
        customers=cells.customers,
        effects={name: {label: next(rest) for label in names} for name in model.moved} if names else {},
        covariance=covariance,
        cells=cells,
    )
    value = float(cells.weight @ model.terms(found.at(cells), cells)[0])
    return replace(found, log_likelihood=value)


def _scaled(params: Mapping[str, float], model: PurchaseModel, unit: float) -> dict[str, float]:
    return {name: float(params[name]) * (unit if name in model.timed else 1.0) for name in model.names}


def _best(problem: Problem, points: list[Params], starts: int) -> Floats:
    """Search from one point after the other until a maximum is found; return the best end."""
    bounds = [(-FARTHEST, FARTHEST)] * problem.size
    best, least = np.zeros(problem.size), np.inf
    flat = False
    for tried, point in enumerate(points):
        if tried >= max(starts, 1) and flat:
            break
        begin = np.zeros(problem.size)
        begin[: len(point)] = np.clip(np.log([point[name] for name in problem.model.names]), -FARTHEST, FARTHEST)
        # The size of a step is measured in logarithms: a first step by the raw gradient would hardly move.
        found = optimize.minimize(
            problem,
            begin,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7, "maxcor": 12},
        )
        if found.fun < least:
            best, least = np.asarray(found.x), float(found.fun)
            flat = bool(np.abs(found.jac).max() < STEEP)
    return best


def _polish(problem: Problem, theta: Floats) -> tuple[Floats, Floats]:
    """Take Newton steps to the very top where there is one; return it and the curvature there."""
    curvature = problem.curvature(theta)
    for _ in range(3):
        value, gradient = problem(theta)
        if np.abs(gradient).max() < 1e-11 or not _peaked(curvature):
            break
        step = np.linalg.solve(curvature, gradient)
        if np.abs(step).max() > 0.5 or problem(theta - step)[0] > value + 1e-13 * abs(value):
            break
        theta = theta - step
        if np.abs(step).max() > 1e-3:
            curvature = problem.curvature(theta)
    return theta, curvature


def _peaked(curvature: Floats) -> bool:
    return bool(np.isfinite(curvature).all() and np.linalg.eigvalsh(curvature).min() > 1e-12)


def _covariance(problem: Problem, theta: Floats, curvature: Floats) -> Floats | None:
    """Return the covariance of the vector, or None where the likelihood has no peak."""
    if np.abs(theta).max() > FARTHEST - 0.5 or not _peaked(curvature):
        return None
    covariance = np.linalg.inv(curvature) / problem.cells.customers
    covariance = 0.5 * (covariance + covariance.T)
    if np.linalg.eigvalsh(covariance).min() <= 0 or np.diag(covariance).max() > WIDE**2:
        return None
    return covariance


def _judged(found: Fitted, covariates: Sequence[str], ridge: float) -> Fitted:
    """Say whether the fit may be believed, and whether anybody leaves."""
    cells = found.cells
    assert cells is not None
    unsure = replace(found, verdict="not-identified", covariance=None)
    if not (cells.frequency > 0).any():
        return unsure  # nobody came back: neither buying nor leaving can be told
    null = found.model.null
    if null is not None:
        without = _judged(_fit(null, cells, 1, covariates, None, ridge), covariates, ridge)
        gain = found.log_likelihood - without.log_likelihood
        if found.model.never_leaves(found.at(cells)) or gain < DETECTABLE:
            return replace(unsure, verdict="no-dropout", fallback=without)
    return unsure if found.covariance is None else found


def resample(fitted: Fitted, n: int, seed: int) -> list[Fitted]:
    """Fit again on customers drawn with replacement: how uncertain a fit at a boundary is.

    Parameters
    ----------
    fitted : Fitted
        With its cells.
    n : int
        How many fits.
    seed : int
        The same seed gives the same fits.

    Returns
    -------
    list of Fitted
        Without their cells; each with a verdict of its own.
    """
    cells = fitted.cells
    assert cells is not None
    rng = np.random.default_rng(seed)
    people = round(cells.customers)
    covariates = tuple(dict.fromkeys(group for group, _ in fitted.design.columns))
    found = []
    for _ in range(n):
        drawn = cells.reweighted(rng.multinomial(people, cells.weight / cells.weight.sum()))
        again = fit(fitted.model, drawn, covariates=covariates, start=fitted.params)
        fallback = replace(again.fallback, cells=None) if again.fallback else None
        found.append(replace(again, cells=None, fallback=fallback))
    return found
