"""What a purchase model is, and what a fitted one predicts.

A :class:`PurchaseModel` holds the mathematics of one model; a :class:`Fitted` is such a model with its parameters, and
all that other packages use. Every model gives the same predictions, so that they can be compared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from tenure.stats.cells import Cells, Floats
from tenure.stats.design import Design

if TYPE_CHECKING:
    from collections.abc import Mapping

Params = dict[str, Any]  # published name -> float, or array of shape (cells,) when covariates move the parameter


class PurchaseModel(ABC):
    """The mathematics of one model; all its methods take the parameters and know nothing of fitting."""

    name: str  # ``bg-nbd`` and the like
    names: tuple[str, ...]  # the published names of the parameters, all of them above zero
    timed: frozenset[str] = frozenset({"alpha"})  # those that are lengths of time
    moved: tuple[str, ...] = ("alpha",)  # those that covariates may move
    null: PurchaseModel | None = None  # the same model in which nobody leaves; None when it already is that

    @abstractmethod
    def starts(self, cells: Cells) -> list[Params]:
        """Return points to start from, best first; times are scaled so that the oldest customer is 10 old."""

    @abstractmethod
    def terms(self, params: Params, cells: Cells) -> tuple[Floats, list[Floats]]:
        """Return each cell's log-likelihood and its derivatives by the logarithm of each parameter, in their order."""

    def never_leaves(self, params: Params) -> bool:
        """Tell whether the parameters lie on the edge where nobody leaves; arrays count by their mean."""
        return False

    @abstractmethod
    def p_alive(self, params: Params, cells: Cells) -> Floats:
        """Return the probability that customers are still customers, shape (cells,)."""

    @abstractmethod
    def p_active(self, params: Params, horizon: float, cells: Cells) -> Floats:
        """Return the probability of at least one purchase within the horizon, shape (cells,)."""

    @abstractmethod
    def expected(self, params: Params, horizon: float, cells: Cells) -> Floats:
        """Return the expected number of purchases within the horizon, shape (cells,)."""

    @abstractmethod
    def new_expected(self, params: Params, t: Floats) -> Floats:
        """Return the expected repeat purchases of a new customer up to each of the times `t`."""

    @abstractmethod
    def pmf(self, params: Params, n_max: int, t: float) -> Floats:
        """Return P(X(t) = 0 … n_max) of a new customer, shape (n_max + 1,)."""

    @abstractmethod
    def residual(self, params: Params, rate: float, cells: Cells) -> Floats:
        """Return the discounted number of all purchases to come, shape (cells,)."""

    @abstractmethod
    def waiting(self, params: Params, q: float, cells: Cells) -> Floats:
        """Return the quantile of the time to the next purchase of a customer who is still one, shape (cells,)."""

    @abstractmethod
    def simulate(self, params: Params, ages: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return frequency and recency of new customers of these ages."""

    @abstractmethod
    def future(self, params: Params, cells: Cells, horizon: float, rng: np.random.Generator) -> Floats:
        """Return one simulated number of purchases within the horizon for each cell."""


@dataclass(frozen=True)
class Fitted:
    """A fitted purchase model.

    Attributes
    ----------
    model : PurchaseModel
        The mathematics.
    params : dict of str to float
        The parameters under their published names; with covariates, those of the commonest labels.
    log_likelihood : float
        At the maximum. Comparable between all models that were fitted to the same cells.
    customers : float
        How many customers it was fitted on.
    verdict : str
        ``ok``; ``no-dropout``: the data show nobody leaving, so `fallback` predicts; ``not-identified``: the data
        cannot tell parameters apart, so they mean little one by one.
    effects : dict of str to dict of str to float
        By parameter and label: what is added to the logarithm of the parameter.
    covariance : array or None
        Of the logarithms of the parameters, then of the effects; None at a boundary.
    fallback : Fitted or None
        The same model without leaving (NBD for BG/NBD, MBG/NBD and Pareto/NBD).
    cells : Cells or None
        What it was fitted on, for resampling; not stored.
    """

    model: PurchaseModel
    params: dict[str, float]
    log_likelihood: float = float("nan")
    customers: float = 0.0
    verdict: str = "ok"
    effects: dict[str, dict[str, float]] = field(default_factory=dict)
    covariance: npt.NDArray[np.float64] | None = None
    fallback: Fitted | None = None
    cells: Cells | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Name of the model, such as ``bg-nbd``."""
        return self.model.name

    @property
    def free(self) -> int:
        """How many numbers were fitted."""
        return len(self.params) + sum(len(effects) for effects in self.effects.values())

    @property
    def aic(self) -> float:
        """Akaike's criterion; the smaller, the better."""
        return 2.0 * self.free - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion; the smaller, the better."""
        return self.free * float(np.log(max(self.customers, 1.0))) - 2.0 * self.log_likelihood

    @property
    def standard_errors(self) -> dict[str, float] | None:
        """Standard error of each parameter, from the curvature of the likelihood; None at a boundary."""
        if self.covariance is None:
            return None
        spread = np.sqrt(np.diag(self.covariance))
        return {name: float(value * spread[i]) for i, (name, value) in enumerate(self.params.items())}

    def interval(self, level: float = 0.95) -> dict[str, tuple[float, float]] | None:
        """Return an interval for each parameter, symmetric in its logarithm; None at a boundary."""
        errors = self.standard_errors
        if errors is None:
            return None
        z = float(ndtri(0.5 + level / 2.0))  # quantile of the normal distribution
        return {
            name: (value * float(np.exp(-z * errors[name] / value)), value * float(np.exp(z * errors[name] / value)))
            for name, value in self.params.items()
        }

    # Predictions

    @property
    def used(self) -> Fitted:
        """The fit that predicts: the fallback when there is one."""
        return self.fallback or self

    def expected(self, horizon: float, cells: Cells) -> Floats:
        """Return the expected number of purchases in (T, T + horizon], one a cell.

        `horizon` is in the unit of the cells, which need not be those it was fitted on.
        """
        return self.used.model.expected(self.used.at(cells), float(horizon), cells)

    def p_alive(self, cells: Cells) -> Floats:
        """Return the probability that a customer has not left for good, one a cell; 1 without dropout."""
        return self.used.model.p_alive(self.used.at(cells), cells)

    def p_active(self, horizon: float, cells: Cells) -> Floats:
        """Return the probability of at least one purchase in (T, T + horizon], one a cell."""
        return self.used.model.p_active(self.used.at(cells), float(horizon), cells)

    def residual(self, rate: float, cells: Cells) -> Floats:
        """Return the expected number of all purchases to come, discounted (DERT), one a cell.

        `rate` is continuous, per unit of time: ``log(1.15) / 52`` for 15 % a year when times are in weeks.
        """
        return self.used.model.residual(self.used.at(cells), float(rate), cells)

    def waiting(self, q: float, cells: Cells) -> Floats:
        """Return the `q` quantile of the time from now to the next purchase, given that the customer is still one.

        Infinite where that purchase never comes with a higher probability than ``1 - q`` (Pareto/NBD only).
        """
        return self.used.model.waiting(self.used.at(cells), float(q), cells)

    def new_expected(self, t: npt.ArrayLike) -> Floats:
        """Return the expected repeat purchases of a new customer up to the times `t`, in the shape of `t`."""
        times = np.asarray(t, dtype=float)
        return self.used.model.new_expected(dict(self.used.params), np.atleast_1d(times).ravel()).reshape(times.shape)

    def pmf(self, n_max: int, t: float) -> Floats:
        """Return P(X(t) = 0), …, P(X(t) = n_max): how many repeat purchases a new customer makes within `t`."""
        return self.used.model.pmf(dict(self.used.params), int(n_max), float(t))

    def simulate(self, ages: npt.ArrayLike, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return frequency and recency of simulated new customers of these ages."""
        return self.used.model.simulate(dict(self.used.params), np.asarray(ages, dtype=float), rng)

    def future(self, cells: Cells, horizon: float, rng: np.random.Generator) -> Floats:
        """Return a simulated number of purchases in (T, T + horizon], one a cell, as if it were one customer.

        For an interval of a total, simulate ``cells.rows()`` and add up.
        """
        return self.used.model.future(self.used.at(cells), cells, float(horizon), rng)

    # Parameters in other shapes

    @property
    def design(self) -> Design:
        """The columns of the covariates."""
        labels = next(iter(self.effects.values()), {})
        return Design(tuple((label.split("=", 1)[0], label.split("=", 1)[1]) for label in labels))

    def at(self, cells: Cells) -> Params:
        """Return the parameters of each cell: numbers, or arrays where covariates move them."""
        params: Params = dict(self.params)
        if self.effects:
            matrix = self.design.matrix(cells)
            for name, effects in self.effects.items():
                params[name] = params[name] * np.exp(np.array(list(effects.values())) @ matrix)
        return params

    def like(self, groups: Mapping[str, str]) -> Fitted:
        """Return the fit of one kind of customer, such as ``{"channel": "web"}``, for questions about new customers."""
        row = self.design.row(groups)
        moved = {name: float(np.exp(np.array(list(labels.values())) @ row)) for name, labels in self.effects.items()}
        params = {name: value * moved.get(name, 1.0) for name, value in self.params.items()}
        fallback = self.fallback.like(groups) if self.fallback else None
        return replace(self, params=params, effects={}, covariance=None, fallback=fallback, cells=None)

    def vector(self) -> Floats:
        """Return the logarithms of the parameters, then the effects."""
        effects = [value for labels in self.effects.values() for value in labels.values()]
        return np.concatenate([np.log(list(self.params.values())), effects])

    def with_vector(self, vector: npt.ArrayLike) -> Fitted:
        """Return the fit with other parameters, given as :meth:`vector` gives them."""
        values = np.asarray(vector, dtype=float)
        params = dict(zip(self.params, np.exp(values[: len(self.params)]).tolist(), strict=True))
        rest = iter(values[len(self.params) :].tolist())
        effects = {name: {label: next(rest) for label in labels} for name, labels in self.effects.items()}
        return replace(self, params=params, effects=effects)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it; :func:`tenure.stats.purchases.from_dict` reads it."""
        return {
            "name": self.name,
            "params": dict(self.params),
            "log_likelihood": float(self.log_likelihood),
            "customers": float(self.customers),
            "verdict": self.verdict,
            "effects": {name: dict(labels) for name, labels in self.effects.items()},
            "covariance": None if self.covariance is None else self.covariance.tolist(),
            "fallback": None if self.fallback is None else self.fallback.to_dict(),
        }
