"""The purchase models by name: fit one, draw its uncertainty, read a stored one.

All give the predictions of :class:`tenure.stats.fitted.Fitted`, and their likelihoods may be compared: each is that of
the same histories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.errors import FitError
from tenure.stats import fitting
from tenure.stats.condensed import BG_CNBD, BG_NBD, CNBD, MBG_CNBD, MBG_NBD, NBD
from tenure.stats.fitted import Fitted
from tenure.stats.fitting import draws
from tenure.stats.paretonbd import PARETO_NBD
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.stats.cells import Cells
    from tenure.stats.fitted import PurchaseModel

__all__ = ["FALLBACKS", "MODELS", "PLAIN", "draws", "fit", "from_dict", "model"]

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
    return fitting.fit(model(name), cells, starts=starts, covariates=covariates or (), start=start)


def from_dict(body: Mapping[str, Any]) -> Fitted:
    """Return the fit that :meth:`tenure.stats.fitted.Fitted.to_dict` wrote."""
    covariance = body.get("covariance")
    fallback = body.get("fallback")
    likelihood = body.get("log_likelihood")  # JSON has no nan; a missing value was one
    return Fitted(
        model(body["name"]),
        dict(body["params"]),
        log_likelihood=float("nan") if likelihood is None else float(likelihood),
        customers=float(body["customers"]),
        verdict=body["verdict"],
        effects={name: dict(labels) for name, labels in body["effects"].items()},
        covariance=None if covariance is None else np.array(covariance),
        fallback=None if fallback is None else from_dict(fallback),
    )
