"""How long people stay: time in stage and survival in stage.

Whoever is still there counts as long as they were watched. The curve is Kaplan's and Meier's (1958), see
:mod:`tenure.stats.kaplanmeier`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure.economics.stays import Stays

#: A curve is written down in at most so many points.
POINTS = 60


def time_in_stage(stays: Stays) -> list[dict[str, Any]]:
    """Say of every stage how long people stay in it."""
    length = stays.length
    return [_one(name, length[stays.stage == n], stays.ended[stays.stage == n]) for n, name in enumerate(stays.stages)]


def _one(name: str, length: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
    told: dict[str, Any] = {"stage": name, "ended": int(ended.sum()), "current": int((~ended).sum())}
    quartiles = np.quantile(length[ended], (0.25, 0.5, 0.75)).tolist() if ended.any() else [None] * 3
    told["mean_days"] = float(length[ended].mean()) if ended.any() else None
    told["lower_quartile"], told["median_days"], told["upper_quartile"] = quartiles
    told["current_mean_days"] = float(length[~ended].mean()) if (~ended).any() else None
    return told | _survival(length, ended)


def _survival(length: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
    from tenure.stats.kaplanmeier import fit

    if not len(length):
        empty: dict[str, Any] = {"days": [], "share": [], "low": [], "high": [], "at_risk": []}
        return {"survival": empty, "half_days": None, "half_low": None, "half_high": None}
    values, where = np.unique(np.stack([length, ended], axis=1), axis=0, return_counts=True)
    curve = fit(values[:, 0], values[:, 1].astype(bool), where.astype(np.float64))
    last = max(len(curve.times) - 1, 0)
    kept = np.unique(np.linspace(0, last, POINTS).round().astype(np.int64))[: len(curve.times)]
    low, high = curve.median_interval
    return {
        "survival": {
            "days": curve.times[kept].tolist(),
            "share": curve.survival[kept].tolist(),
            "low": np.nan_to_num(curve.low[kept]).tolist(),
            "high": np.nan_to_num(curve.high[kept]).tolist(),
            "at_risk": curve.at_risk[kept].tolist(),
        },
        "half_days": _known(curve.median),
        "half_low": _known(low),
        "half_high": _known(high),
    }


def _known(days: float) -> float | None:
    return float(days) if np.isfinite(days) else None
