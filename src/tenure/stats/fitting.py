"""Maximum likelihood for purchase models, the verdict on what came out, and how uncertain it is.

Everything is done in logarithms of the parameters with the exact gradient, so that a fit takes some twenty passes over
the cells. Many shops' data show no leaving: then the likelihood of a model with dropout has no peak but rises towards a
boundary, where it is the model without dropout. That is a finding with a verdict of its own, not a failure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize

from tenure.stats.design import Design
from tenure.stats.fitted import Fitted
from tenure.stats.peak import WIDE, curvature_of, is_peak
from tenure.stats.threads import one_thread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.stats.cells import Cells, Floats
    from tenure.stats.fitted import Params, PurchaseModel

SPAN = 10.0  # the oldest customer is this old while fitting, whatever the unit
FARTHEST = 16.0  # a parameter is kept within exp(±16) of 1
STEEP = 1e-5  # a gradient per customer above this is no maximum
DETECTABLE = 3.0  # log-likelihood that dropout must gain: twice this is the 95 % point of chi-squared with 2 degrees


class Problem:
    """The negative mean log-likelihood of some cells as a function of one vector: log parameters, then effects.

    `ridge` is the precision of the normal prior around zero that keeps effects of rare labels finite.
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
        params: Params = dict(zip(self.model.names, np.exp(theta[:base]).tolist(), strict=True))
        for place, index in enumerate(self.moved):
            effects = theta[base + place * self.columns : base + (place + 1) * self.columns]
            name = self.model.names[index]
            params[name] = params[name] * np.exp(effects @ self.matrix)
        return params

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """Return the value and its gradient."""
        values, slopes = self.model.terms(self.params(theta), self.cells)
        effects = theta[len(self.model.names) :]
        prior = self.ridge / self.cells.customers
        slope = [-float(self.share @ np.broadcast_to(column, values.shape)) for column in slopes]
        for index in self.moved:
            slope += (-(self.matrix @ (self.share * slopes[index]))).tolist()
        gradient = np.array(slope)
        gradient[len(self.model.names) :] += prior * effects
        return float(-(self.share @ values) + 0.5 * prior * (effects @ effects)), gradient


def fit(
    model: PurchaseModel,
    cells: Cells,
    *,
    starts: int = 1,
    covariates: Sequence[str] = (),
    start: Mapping[str, float] | None = None,
    ridge: float = 0.1,
) -> Fitted:
    """Fit a model by maximum likelihood; the arguments are those of :func:`tenure.stats.purchases.fit`.

    `ridge` is the precision of the prior that keeps effects of rare labels finite.
    """
    with one_thread():
        return _with_verdict(_fit(model, cells, starts, covariates, start, ridge), covariates, ridge)


def _fit(
    model: PurchaseModel,
    cells: Cells,
    starts: int,
    covariates: Sequence[str],
    start: Mapping[str, float] | None,
    ridge: float,
) -> Fitted:
    # One scale of time for the search, so that it does not depend on the unit that the caller chose.
    unit = float(cells.age.max()) / SPAN or 1.0
    design = Design.of(cells, covariates)
    problem = Problem(model, cells.scaled(unit), design, ridge)
    points = [_scaled(start, model, 1.0 / unit)] if start else []
    theta, curvature = _polish(problem, _best(problem, [*points, *model.starts(problem.cells)], starts))
    params = dict(zip(model.names, np.exp(theta[: len(model.names)]).tolist(), strict=True))
    rest = iter(theta[len(model.names) :].tolist())
    fitted = Fitted(
        model,
        _scaled(params, model, unit),
        customers=cells.customers,
        effects={name: {label: next(rest) for label in design.names} for name in model.moved} if design.names else {},
        covariance=_covariance(problem, theta, curvature),
        cells=cells,
    )
    # In the unit of the cells again: likelihoods are compared between models.
    return replace(fitted, log_likelihood=float(cells.weight @ model.terms(fitted.at(cells), cells)[0]))


def _scaled(params: Mapping[str, float], model: PurchaseModel, unit: float) -> dict[str, float]:
    return {name: float(params[name]) * (unit if name in model.timed else 1.0) for name in model.names}


def _best(problem: Problem, points: list[Params], starts: int) -> Floats:
    """Search from `starts` points at least, and from more until the gradient vanishes; return the best end."""
    bounds = [(-FARTHEST, FARTHEST)] * problem.size
    best, least, flat = np.zeros(problem.size), np.inf, False
    for number, point in enumerate(points):
        if number >= max(starts, 1) and flat:
            break
        # The size of a step is measured in logarithms: a first step by the raw gradient would hardly move.
        begin = np.zeros(problem.size)
        begin[: len(point)] = np.clip(np.log([point[name] for name in problem.model.names]), -FARTHEST, FARTHEST)
        end = optimize.minimize(
            problem,
            begin,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7, "maxcor": 12},
        )
        if end.fun < least:
            best, least = np.asarray(end.x), float(end.fun)
            flat = bool(np.abs(end.jac).max() < STEEP)
    return best


def _polish(problem: Problem, theta: Floats) -> tuple[Floats, Floats]:
    """Take Newton steps to the very top where there is one; return it and the curvature there."""
    curvature = curvature_of(problem, theta)
    for _ in range(3):
        value, gradient = problem(theta)
        if np.abs(gradient).max() < 1e-11 or not is_peak(curvature):
            break
        step = np.linalg.solve(curvature, gradient)
        # A step that is long or leads down again says that the top is not round enough for Newton.
        if np.abs(step).max() > 0.5 or problem(theta - step)[0] > value + 1e-13 * abs(value):
            break
        theta = theta - step
        if np.abs(step).max() > 1e-3:
            curvature = curvature_of(problem, theta)
    return theta, curvature


def _covariance(problem: Problem, theta: Floats, curvature: Floats) -> Floats | None:
    """Return the covariance of the vector, or None where the likelihood has no peak."""
    if np.abs(theta).max() > FARTHEST - 0.5 or not is_peak(curvature):
        return None
    covariance = np.linalg.inv(curvature) / problem.cells.customers
    covariance = 0.5 * (covariance + covariance.T)
    if np.linalg.eigvalsh(covariance).min() <= 0 or np.diag(covariance).max() > WIDE**2:
        return None
    return covariance


def _with_verdict(fitted: Fitted, covariates: Sequence[str], ridge: float) -> Fitted:
    """Return the fit with its verdict, and with the model without dropout where the data show nobody leaving."""
    cells, null = fitted.cells, fitted.model.null
    assert cells is not None
    unsure = replace(fitted, verdict="not-identified", covariance=None)
    if not (cells.frequency > 0).any():
        return unsure  # without repeat purchases neither buying nor leaving can be estimated
    if null is not None:
        without = _with_verdict(_fit(null, cells, 1, covariates, None, ridge), covariates, ridge)
        gain = fitted.log_likelihood - without.log_likelihood
        if fitted.model.never_leaves(fitted.at(cells)) or gain < DETECTABLE:
            return replace(unsure, verdict="no-dropout", fallback=without)
    return unsure if fitted.covariance is None else fitted


def draws(fitted: Fitted, n: int, seed: int = 20_240_101) -> list[Fitted]:
    """Return fits whose parameters are spread as the data leave them uncertain; 200 suffice for a 95 % interval.

    Normal in the logarithms of the parameters (Laplace) where the likelihood has a peak; a bootstrap of the customers
    at a boundary. A stored fit has no cells: at a boundary its fallback is drawn from, or it is returned unchanged.
    """
    if fitted.verdict == "ok" and fitted.covariance is not None:
        rng = np.random.default_rng(seed)
        root = np.linalg.cholesky(fitted.covariance)
        theta = fitted.vector()
        bare = replace(fitted, covariance=None, cells=None)
        return [bare.with_vector(theta + root @ rng.standard_normal(len(theta))) for _ in range(n)]
    if fitted.cells is not None:
        return _resampled(fitted, fitted.cells, n, seed)
    return draws(fitted.fallback, n, seed) if fitted.fallback is not None else [fitted] * n


def _resampled(fitted: Fitted, cells: Cells, n: int, seed: int) -> list[Fitted]:
    """Fit anew on customers drawn with replacement; the fits come without their cells, each with its own verdict."""
    rng = np.random.default_rng(seed)
    customers = round(cells.customers)
    covariates = tuple(dict.fromkeys(group for group, _ in fitted.design.columns))
    fits = []
    for _ in range(n):
        sample = cells.reweighted(rng.multinomial(customers, cells.weight / cells.weight.sum()))
        refit = fit(fitted.model, sample, covariates=covariates, start=fitted.params)
        fallback = replace(refit.fallback, cells=None) if refit.fallback else None
        fits.append(replace(refit, cells=None, fallback=fallback))
    return fits
