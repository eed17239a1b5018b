"""sBG: contract renewals, each customer with a constant churn rate of their own.

The churn rate differs between customers by a beta distribution (alpha, beta). A cohort shrinks fast first and slowly
later, because those who leave easily leave first. Predictions are too low where customers really get more loyal, too
high where they wear out; the BdW (:mod:`tenure.stats.contracts.bdw`) fits both, and its functions have the arguments
and predictions of these.

Fader, Hardie (2007), "How to project customer retention", Journal of Interactive Marketing 21(1):76-90.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.stats.contracts.bdw import FittedRenewals, counted, fit_renewals, rows_of_survival

if TYPE_CHECKING:
    import numpy.typing as npt

NAMES = ("alpha", "beta")


def fit(duration: npt.ArrayLike, observed: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> FittedRenewals:
    return fit_renewals(NAMES, counted(duration, observed, weight))


def from_survival(survival: npt.ArrayLike, customers: float = 1000.0) -> FittedRenewals:
    return fit(*rows_of_survival(survival, customers))
