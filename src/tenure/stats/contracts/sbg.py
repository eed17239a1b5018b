"""sBG: contract renewals, each customer with a constant churn rate of their own.

The churn rate differs between customers by a beta distribution (alpha, beta). A cohort shrinks fast first and slowly
later, because those who leave easily leave first. Predictions are too low where customers really get more loyal, too
high where they wear out; the BdW (:mod:`tenure.stats.contracts.bdw`) fits both.

Fader, Hardie (2007), "How to project customer retention", Journal of Interactive Marketing 21(1):76-90.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tenure.stats.contracts.bdw import Renewals, counted, fit_renewals, rows_of_survival

if TYPE_CHECKING:
    import numpy.typing as npt

    from tenure.stats.cells import Floats

NAMES = ("alpha", "beta")


@dataclass(frozen=True)
class FittedSbg(Renewals):
    """A fitted sBG model: ``alpha``, ``beta``; predictions as in :class:`~tenure.stats.contracts.bdw.Renewals`."""

    @property
    def shape(self) -> tuple[float, float, float]:
        """Alpha, beta and 1."""
        # With c = 1 the chance of leaving does not change with age.
        return self.params["alpha"], self.params["beta"], 1.0

    def _refit(self, rows: tuple[Floats, ...]) -> Self:
        return fit_renewals(type(self), NAMES, rows)


def fit(duration: npt.ArrayLike, observed: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> FittedSbg:
    """Fit the model to contracts by maximum likelihood; the arguments of :func:`tenure.stats.contracts.bdw.fit`."""
    return fit_renewals(FittedSbg, NAMES, counted(duration, observed, weight))


def from_survival(survival: npt.ArrayLike, customers: float = 1000.0) -> FittedSbg:
    """Fit the model to a survival curve; the arguments of :func:`tenure.stats.contracts.bdw.from_survival`."""
    return fit(*rows_of_survival(survival, customers))
