"""Time in stage: how long customers are in a stage, with a Kaplan-Meier survival curve per stage.

Kaplan, Meier (1958), JASA 53:457; the bounds are Greenwood's on the scale of log(-log S). Current episodes count as
long as they were observed: they enter the curve as right-censored.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tenure.economics.episodes import Episodes

#: A survival curve is stored in at most this many points.
MAX_POINTS = 60


def time_in_stage(episodes: Episodes) -> list[dict[str, Any]]:
    """Return durations and survival of every stage, in the order of ``episodes.stages``.

    ``half_days`` is the day by which half of those who entered have left, with its interval (Brookmeyer and Crowley,
    1982); None when fewer have.
    """
    return [
        {"stage": stage, **_durations(episodes.length[rows], episodes.ended[rows])}
        for stage, rows in ((stage, episodes.stage == number) for number, stage in enumerate(episodes.stages))
    ]


def _durations(days: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
    closed, current = days[ended], days[~ended]
    quartiles = np.quantile(closed, (0.25, 0.5, 0.75)).tolist() if len(closed) else [None] * 3
    return {
        "ended": len(closed),
        "current": len(current),
        "mean_days": float(closed.mean()) if len(closed) else None,
        **dict(zip(("lower_quartile", "median_days", "upper_quartile"), quartiles, strict=True)),
        "current_mean_days": float(current.mean()) if len(current) else None,
        **_survival(days, ended),
    }


def _survival(days: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
    # SciPy's statistics take a second to import, and most commands never draw a curve.
    from scipy.stats import CensoredData, ecdf

    if not ended.any():
        # ecdf refuses a sample without events; a curve that never falls has no steps to show.
        empty: dict[str, Any] = {"days": [], "share": [], "low": [], "high": [], "at_risk": []}
        return {"survival": empty, "half_days": None, "half_low": None, "half_high": None}
    curve = ecdf(CensoredData.right_censored(days, ~ended)).sf
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # SciPy warns wherever an interval is not defined
        bounds = curve.confidence_interval(method="log-log")
    # ecdf also lists the days on which episodes were only censored; the curve does not move there.
    steps = np.isin(curve.quantiles, days[ended])
    times, share = curve.quantiles[steps].astype(np.float64), curve.probabilities[steps]
    # Where the curve has reached 0 its interval is not defined, and cannot say "still above one half".
    low, high = (np.nan_to_num(side.probabilities[steps]) for side in (bounds.low, bounds.high))
    at_risk = (len(days) - np.searchsorted(np.sort(days), times)).astype(np.float64)
    kept = np.unique(np.linspace(0, len(times) - 1, MAX_POINTS).round().astype(int))
    columns = {"days": times, "share": share, "low": low, "high": high, "at_risk": at_risk}
    return {
        "survival": {name: column[kept].tolist() for name, column in columns.items()},
        "half_days": _first_half(times, share),
        "half_low": _first_half(times, low),
        "half_high": _first_half(times, high),
    }


def _first_half(times: np.ndarray, share: np.ndarray) -> float | None:
    # Shares such as 7/14 are reached with the last bit off.
    reached = np.flatnonzero(share <= 0.5 + 1e-12)
    return float(times[reached[0]]) if len(reached) else None
