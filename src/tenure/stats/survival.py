"""Survival curves of durations that are not all over yet.

Kaplan, Meier (1958), JASA 53:457, with Greenwood's bounds on the scale of log(-log S). A duration that goes on counts
as long as it was observed: it enters the curve as right-censored.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class SurvivalCurve:
    """The share that is left after each day on which some duration ended."""

    days: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_risk: np.ndarray

    def first_day_at(self, share: float, side: str = "share") -> float | None:
        """Return the first day on which at most this share is left (Brookmeyer, Crowley 1982); None if never."""
        # Shares such as 7/14 are reached with the last bit off.
        reached = np.flatnonzero(getattr(self, side) <= share + 1e-12)
        return float(self.days[reached[0]]) if len(reached) else None


def kaplan_meier(days: np.ndarray, ended: np.ndarray) -> SurvivalCurve:
    """Return the curve of some durations in days; `ended` says which of them are over."""
    # SciPy's statistics take a second to import, and most commands never draw a curve.
    from scipy.stats import CensoredData, ecdf

    if not ended.any():
        # ecdf refuses a sample without events; a curve that never falls has no steps to show.
        return SurvivalCurve(*[np.empty(0)] * 5)
    curve = ecdf(CensoredData.right_censored(days, ~ended)).sf
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # SciPy warns wherever an interval is not defined
        bounds = curve.confidence_interval(method="log-log")
    # ecdf also lists the days on which durations were only censored; the curve does not move there.
    steps = np.isin(curve.quantiles, days[ended])
    times, share = curve.quantiles[steps].astype(np.float64), curve.probabilities[steps]
    # Where the curve has reached 0 its interval is not defined, and cannot say "still above one half".
    low, high = (np.nan_to_num(side.probabilities[steps]) for side in (bounds.low, bounds.high))
    at_risk = (len(days) - np.searchsorted(np.sort(days), times)).astype(np.float64)
    return SurvivalCurve(times, share, low, high, at_risk)
