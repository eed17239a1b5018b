"""The purchase models by name: fit one, draw its uncertainty, read a stored one.

All give the predictions of :class:`tenure.stats.fitted.Fitted`, and their likelihoods may be compared: each is that of
the same histories. Many shops' data show no leaving: then the likelihood of a model with dropout has no peak but rises
towards a boundary, where it is the model without dropout. That is a finding with a verdict of its own, not a failure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.errors import FitError
from tenure.stats.condensed import BG_CNBD, BG_NBD, CNBD, MBG_CNBD, MBG_NBD, NBD
from tenure.stats.fitted import Fitted, design, labels_of
from tenure.stats.paretonbd import PARETO_NBD
from tenure.stats.peak import climb
from tenure.stats.threads import one_thread
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.stats.cells import Cells, Floats
    from tenure.stats.fitted import Params, PurchaseModel

__all__ = ["FALLBACKS", "MODELS", "PLAIN", "Fitted", "draws", "fit", "from_dict", "model"]

MODELS: dict[str, PurchaseModel] = {
    "nbd": NBD,
    "bg-nbd": BG_NBD,
    "mbg-nbd": MBG_NBD,
    "pareto-nbd": PARETO_NBD,
    **{model.name: model for model in (*BG_CNBD.values(), *MBG_CNBD.values())},
}
#: With k = 1 gaps are those of chance: the plain models under another name.
PLAIN = {"bg-cnbd-1": "bg-nbd", "mbg-cnbd-1": "mbg-nbd"}
FALLBACKS: dict[str, PurchaseModel] = {model.name: model for model in CNBD.values()}  # nobody leaves, regular buyers
SPAN = 10.0  # the oldest customer is this old while fitting, whatever the unit
RIDGE = 0.1  # precision of the normal prior around zero that keeps effects of rare labels finite
DETECTABLE = 3.0  # log-likelihood that dropout must gain: twice this is the 95 % point of chi-squared with 2 degrees

draws = Fitted.draws


def model(name: str) -> PurchaseModel:
    """Return a model by its name; refuse a name that there is not with a FitError."""
    known = MODELS.get(PLAIN.get(name, name)) or FALLBACKS.get(name)
    if known is None:
        raise FitError(mark("Unknown purchase model %(name)s. Models: %(names)s."), name=name, names=", ".join(MODELS))
    return known


def fit(
    name: str,
    cells: Cells,
    starts: int = 1,
    covariates: Sequence[str] | None = None,
    start: Mapping[str, float] | None = None,
) -> Fitted:
    """Fit a purchase model to customers by maximum likelihood.

    Parameters
    ----------
    name : str
        A key of ``MODELS``.
    cells : Cells
        Customers, see :func:`tenure.stats.cells.compress`.
    starts : int
        How many points to start from at least; more are tried only while the gradient is not zero at the end.
    covariates : sequence of str, optional
        Groups of the cells that may move the parameters.
    start : mapping of str to float, optional
        A point to start from, in the unit of the cells, such as the parameters of the last refresh.

    Returns
    -------
    Fitted
        Always: what the data cannot tell is said in its ``verdict``, not by an error.
    """
    fitted = _fit(model(name), cells, labels_of(cells, covariates or ()), starts, start)
    unsure = replace(fitted, verdict="not-identified", covariance=None)
    if not (cells.frequency > 0).any():
        return unsure  # without repeat purchases neither buying nor leaving can be estimated
    if fitted.model.null is not None:
        without = fit(fitted.model.null.name, cells, covariates=covariates)
        gain = fitted.log_likelihood - without.log_likelihood
        if fitted.model.never_leaves(fitted.at(cells)) or gain < DETECTABLE:
            return replace(unsure, verdict="no-dropout", fallback=without)
    return unsure if fitted.covariance is None else fitted


@one_thread()
def _fit(
    kind: PurchaseModel, cells: Cells, labels: list[str], starts: int, start: Mapping[str, float] | None
) -> Fitted:
    # One scale of time for the search, so that it does not depend on the unit that the caller chose.
    unit = float(cells.age.max()) / SPAN or 1.0
    units = [unit if name in kind.timed else 1.0 for name in kind.names]
    likelihood = _Likelihood(kind, cells.scaled(unit), labels)
    points = [[point[name] for name in kind.names] for point in kind.starts(likelihood.cells)]
    if start:
        points.insert(0, [start[name] / scale for name, scale in zip(kind.names, units, strict=True)])
    unmoved = [1.0] * (len(likelihood.moved) * len(labels))
    peak = climb(likelihood, [[*point, *unmoved] for point in points], cells.customers, max(starts, 1))
    values = np.exp(peak.theta[: len(units)]) * units
    rest = iter(peak.theta[len(units) :].tolist())
    moved = kind.moved if labels else ()
    fitted = Fitted(
        kind,
        dict(zip(kind.names, values.tolist(), strict=True)),
        customers=cells.customers,
        effects={name: {label: next(rest) for label in labels} for name in moved},
        covariance=peak.covariance,
        data=cells,
    )
    # In the unit of the cells again: likelihoods are compared between models.
    return replace(fitted, log_likelihood=float(cells.weight @ kind.terms(fitted.at(cells), cells)[0]))


class _Likelihood:
    """The mean log-likelihood of some cells as a function of one vector: log parameters, then effects."""

    def __init__(self, kind: PurchaseModel, cells: Cells, labels: list[str]) -> None:
        self.kind, self.cells, self.matrix = kind, cells, design(labels, cells)
        self.moved = [kind.names.index(name) for name in kind.moved] if labels else []
        self.share = cells.weight / cells.customers

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        base, effects = np.split(theta, [len(self.kind.names)])
        params: Params = dict(zip(self.kind.names, np.exp(base).tolist(), strict=True))
        for index, effect in zip(self.moved, effects.reshape(len(self.moved), len(self.matrix)), strict=True):
            params[self.kind.names[index]] *= np.exp(effect @ self.matrix)
        values, slopes = self.kind.terms(params, self.cells)
        prior = RIDGE / self.cells.customers
        by_base = np.array([self.share @ np.broadcast_to(slope, values.shape) for slope in slopes])
        by_effect = [self.matrix @ (self.share * slopes[index]) for index in self.moved]
        gradient = np.concatenate([by_base, *by_effect])
        gradient[len(base) :] -= prior * effects
        return float(self.share @ values - 0.5 * prior * (effects @ effects)), gradient


def from_dict(body: Mapping[str, Any]) -> Fitted:
    """Return the fit that :meth:`tenure.stats.fitted.Fitted.to_dict` wrote."""
    stored = {name: value for name, value in body.items() if name != "name"}
    fallback = None if body.get("fallback") is None else from_dict(body["fallback"])
    return Fitted.from_dict({**stored, "model": model(body["name"]), "fallback": fallback})
