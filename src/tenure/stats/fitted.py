"""What a fitted purchase model predicts.

The mathematics of each are a class with the same attributes and methods, :class:`tenure.stats.condensed.Condensed` or
:class:`tenure.stats.paretonbd.ParetoNbd`; a :class:`Fitted` is such a model with its parameters, and all that other
packages use. Every model gives the same predictions, so that they can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure.errors import FitError
from tenure.stats.cells import Cells, Floats
from tenure.stats.peak import Estimate
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tenure.stats.condensed import Condensed
    from tenure.stats.paretonbd import ParetoNbd

    PurchaseModel = Condensed | ParetoNbd

Params = dict[str, Any]  # published name -> float, or array of shape (cells,) when covariates move the parameter


# Static covariates: how a category known from the start, such as the channel, moves parameters. A category multiplies a
# parameter: ``alpha = alpha0 · exp(effect)``, as in Fader and Hardie (2007), note 019, "Incorporating time-invariant
# covariates into the Pareto/NBD and BG/NBD models".


def labels_of(cells: Cells, groups: Sequence[str]) -> list[str]:
    """Return the labels (``channel=web``) that groups of these cells need; refuse a group that they do not have."""
    labels: list[str] = []
    for group in groups:
        if group not in cells.groups:
            message, known = mark("Unknown group %(group)s. Groups: %(groups)s."), ", ".join(cells.groups)
            raise FitError(message, group=group, groups=known or "—")
        names, place = np.unique(cells.groups[group].astype(str), return_inverse=True)
        # The most frequent label is the reference and has no column.
        common = int(np.argmax(np.bincount(place, weights=cells.weight)))
        labels += [f"{group}={name}" for number, name in enumerate(names) if number != common]
    return labels


def _parts(labels: Iterable[str]) -> list[tuple[str, str]]:
    return [(group, name) for group, _, name in (label.partition("=") for label in labels)]


def design(labels: Iterable[str], cells: Cells) -> Floats:
    """Return zeros and ones, shape (labels, cells); a label that was never fitted counts as the reference."""
    parts = _parts(labels)
    missing = sorted({group for group, _ in parts} - set(cells.groups))
    if missing:
        message = mark("The model was fitted with the group %(group)s, which is missing here.")
        raise FitError(message, group=missing[0])
    rows = [cells.groups[group].astype(str) == name for group, name in parts]
    return np.array(rows, dtype=float).reshape(len(rows), len(cells))


@dataclass(frozen=True)
class Fitted(Estimate):
    """A fitted purchase model; predictions come one a cell, and cells need not be those that it was fitted on.

    Times are in the unit of the cells. T is the day of the data, at which a customer has their age.
    """

    model: PurchaseModel
    params: dict[str, float]  # with covariates, those of the commonest labels
    log_likelihood: float = float("nan")  # comparable between all models that were fitted to the same cells
    customers: float = 0.0
    # ``ok``; ``no-dropout``: the data show nobody leaving, so `fallback` predicts; ``not-identified``: the data cannot
    # tell parameters apart, so they mean little one by one
    verdict: str = "ok"
    #: By parameter and label (``channel=web``): what is added to the logarithm of the parameter.
    effects: dict[str, dict[str, float]] = field(default_factory=dict)
    covariance: Floats | None = None
    fallback: Fitted | None = None  # the same model without leaving (NBD for BG/NBD, MBG/NBD and Pareto/NBD)
    data: Cells | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Name of the model, such as ``bg-nbd``."""
        return self.model.name

    # Predictions

    @property
    def used(self) -> Fitted:
        """The fit that predicts: the fallback when there is one."""
        return self.fallback or self

    def expected(self, horizon: float, cells: Cells) -> Floats:
        """Return the expected number of purchases in (T, T + horizon]."""
        return self.used.model.expected(self.used.at(cells), float(horizon), cells)

    def p_alive(self, cells: Cells) -> Floats:
        """Return the probability that a customer has not left for good; 1 without dropout."""
        return self.used.model.p_alive(self.used.at(cells), cells)

    def p_active(self, horizon: float, cells: Cells) -> Floats:
        """Return the probability of at least one purchase in (T, T + horizon]."""
        return self.used.model.p_active(self.used.at(cells), float(horizon), cells)

    def residual(self, rate: float, cells: Cells) -> Floats:
        """Return the expected number of all purchases to come, discounted (DERT).

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
        """Return a simulated number of purchases in (T, T + horizon], as if each cell were one customer.

        For an interval of a total, simulate ``cells.rows()`` and add up.
        """
        return self.used.model.future(self.used.at(cells), cells, float(horizon), rng)

    # Parameters in other shapes

    @property
    def labels(self) -> list[str]:
        """The labels of the covariates, such as ``channel=web``."""
        return list(next(iter(self.effects.values()), {}))

    def at(self, cells: Cells) -> Params:
        """Return the parameters of each cell: numbers, or arrays where covariates move them."""
        return self._moved(design(self.labels, cells)) if self.effects else dict(self.params)

    def _moved(self, rows: Floats) -> Params:
        effects = {name: np.array(list(labels.values())) for name, labels in self.effects.items()}
        moved = {name: self.params[name] * np.exp(values @ rows) for name, values in effects.items()}
        return {**self.params, **moved}

    def like(self, groups: Mapping[str, str]) -> Fitted:
        """Return the fit of one kind of customer, such as ``{"channel": "web"}``, for questions about new customers."""
        row = np.array([float(groups.get(group) == label) for group, label in _parts(self.labels)])
        params = {name: float(value) for name, value in self._moved(row).items()}
        fallback = self.fallback.like(groups) if self.fallback else None
        return replace(self, params=params, effects={}, covariance=None, fallback=fallback, data=None)

    def vector(self) -> Floats:
        """Return the logarithms of the parameters, then the effects."""
        effects = [value for labels in self.effects.values() for value in labels.values()]
        return np.concatenate([super().vector(), effects])

    def with_vector(self, vector: Floats) -> Fitted:
        """Return the fit with other parameters, given as :meth:`vector` gives them."""
        rest = iter(vector[len(self.params) :].tolist())
        effects = {name: {label: next(rest) for label in labels} for name, labels in self.effects.items()}
        return replace(super().with_vector(vector[: len(self.params)]), effects=effects)

    def draws(self, n: int, seed: int = 20_240_101) -> list[Fitted]:
        """Return fits as :meth:`tenure.stats.peak.Estimate.draws` does; at an edge without data, of the fallback."""
        if self.covariance is None and self.data is None and self.fallback is not None:
            return self.fallback.draws(n, seed)
        return super().draws(n, seed)

    def _resampled(self, rng: np.random.Generator) -> Fitted:
        from tenure.stats.purchases import fit

        assert self.data is not None
        weight = self.data.weight
        sample = self.data.reweighted(rng.multinomial(round(self.data.customers), weight / weight.sum()))
        groups = dict.fromkeys(group for group, _ in _parts(self.labels))
        refit = fit(self.name, sample, covariates=tuple(groups), start=self.params)
        return replace(refit, fallback=refit.fallback and replace(refit.fallback, data=None))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it; :func:`tenure.stats.purchases.from_dict` reads it."""
        return {"name": self.name, **super().to_dict(), "fallback": self.fallback and self.fallback.to_dict()}
