"""sBG: contracts that are renewed or not, each customer at a constant rate of their own.

Answers: which share of a cohort of subscribers will still be there next year? Each customer leaves at every renewal
with the same probability, which differs between customers by a beta distribution (alpha, beta). Shares still there
fall fast first and slowly later, because those who leave easily leave first. It predicts too low where customers
really get more loyal, or too high where they wear out: the BdW (:mod:`tenure.stats.bdw`) sees both.

Fader, Hardie (2007), "How to project customer retention", Journal of Interactive Marketing 21(1):76-90.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tenure.stats.bdw import Renewals, counted, fit_renewals, rows_of_survival

if TYPE_CHECKING:
    import numpy.typing as npt

    from tenure.stats.cells import Floats

NAMES = ("alpha", "beta")


@dataclass(frozen=True)
class FittedSbg(Renewals):
    """A fitted sBG model: ``alpha``, ``beta``; answers as in :class:`tenure.stats.bdw.Renewals`."""

    @property
    def shape(self) -> tuple[float, float, float]:
        """Alpha, beta and 1."""
        return self.params["alpha"], self.params["beta"], 1.0

    def _again(self, rows: tuple[Floats, ...]) -> Self:
        return fit_renewals(type(self), NAMES, rows)


def fit(duration: npt.ArrayLike, observed: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> FittedSbg:
    """Fit the model to contracts by maximum likelihood.

    Parameters
    ----------
    duration : array_like of int, shape (customers,)
        The renewal at which a customer left (1 for the first), or how many times one who is still there has renewed.
    observed : array_like of bool, shape (customers,)
        Whether the customer left.
    weight : array_like of float, shape (customers,), optional
        How many customers a row stands for.

    Returns
    -------
    FittedSbg
        Always: what the data cannot tell is said in its ``verdict``.

    Raises
    ------
    FitError
        When a duration is no whole number of periods, or somebody left before the first renewal.
    """
    return fit_renewals(FittedSbg, NAMES, counted(duration, observed, weight))


def from_survival(survival: npt.ArrayLike, customers: float = 1000.0) -> FittedSbg:
    """Fit the model to a cohort of which only the shares still there are known.

    Parameters
    ----------
    survival : array_like of float, shape (periods + 1,)
        Share still there after 0, 1, … renewals; the first is 1.
    customers : float
        How many there were; it matters for intervals only.
    """
    return fit(*rows_of_survival(survival, customers))
