"""Back-tests: what a model would have said, against what happened, beside two guesses that need no model.

Customers who first bought after the origin are left out: nobody could have foreseen them. The figures are those of
the literature, see :mod:`tenure.stats.metrics`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.features.windows import HORIZON
from tenure.value.buyers import WEEK

if TYPE_CHECKING:
    from tenure.stats.fitted import Fitted
    from tenure.value.buyers import Buyers

#: Guesses without a model: go on at the average rate so far, or as in the 90 days before.
BASELINES = ("rate-times-time", "last-period")
FIGURES = ("bias", "mae", "rel_mae", "rmse", "corr", "auc", "gini")


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was said of buyers at an origin."""

    name: str  # of the model or the baseline
    orders: np.ndarray  # purchase days expected in the next 90 days
    active: np.ndarray  # what the buyers are ranked by for "buys at all": a probability where there is a model
    revenue: np.ndarray  # spend expected in the next 90 days


def predicted(fitted: Fitted, then: Buyers, spend: np.ndarray) -> Prediction:
    """Return what a model says of buyers for the 90 days after their day."""
    weeks = HORIZON / WEEK
    orders = fitted.expected(weeks, then.cells)[then.cells.where]
    active = fitted.p_active(weeks, then.cells)[then.cells.where]
    return Prediction(fitted.name, orders, active, orders * spend)


def baselines(then: Buyers) -> list[Prediction]:
    """Return the two guesses without a model.

    ``rate-times-time``: purchase days after the first, by the time known, go on. Whoever came on the very day is taken
    as known for a week. ``last-period``: what came in the 90 days before comes again.
    """
    rate = then.frequency / np.maximum(then.age, 1.0) * (HORIZON / WEEK)
    spend = then.mean_spend
    return [
        Prediction(name, orders, orders, orders * spend)
        for name, orders in zip(BASELINES, (rate, then.before), strict=True)
    ]


def judged(one: Prediction, then: Buyers) -> dict[str, Any]:
    """Return the figures of a prediction: total expected and actual, and :data:`FIGURES`."""
    from tenure.stats import metrics

    return {
        "model": one.name,
        "customers": len(then),
        "actual": float(then.after.sum()),
        "expected": float(one.orders.sum()),
        "revenue_actual": float(then.spent.sum()),
        "revenue_expected": float(one.revenue.sum()),
        "bias": metrics.bias(then.after, one.orders),
        "mae": metrics.mae(then.after, one.orders),
        "rel_mae": metrics.rel_mae(then.after, one.orders),
        "rmse": metrics.rmse(then.after, one.orders),
        "corr": metrics.corr(then.after, one.orders),
        "auc": metrics.auc(then.after > 0, one.active),
        "gini": metrics.gini(then.spent, one.revenue),
    }


def averaged(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the mean of each figure over the origins, by model; of the bias, the mean distance from 0 too."""
    found: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == name]
        means = {figure: _mean([row[figure] for row in own]) for figure in FIGURES}
        found[name] = {**means, "off": _mean([abs(row["bias"]) for row in own]), "origins": float(len(own))}
    return found


def _mean(values: list[float]) -> float:
    known = [value for value in values if value == value]  # noqa: PLR0124 - NaN is the only number unequal to itself
    return float(np.mean(known)) if known else float("nan")
