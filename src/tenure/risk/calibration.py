"""Calibration: a predicted 30 % should come true in 30 %.

Platt's line through the log odds (Platt 1999) or isotonic regression (Zadrozny and Elkan 2002), whichever is better on
customers left out; the latter needs many leavers. Both are fitted on a later fold than the model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.stats import metrics

if TYPE_CHECKING:
    pass

PLATT, ISOTONIC = "platt", "isotonic"
STAIRS = 500  # leavers, and stayers, below which a staircase only follows noise
_LEAST = 1e-4


@dataclass(frozen=True)
class Calibration:
    name: str = PLATT  # ``platt`` or ``isotonic``
    slope: float = 1.0  # platt's line: ``slope * log_odds + shift``
    shift: float = 0.0
    # the staircase: log odds and probability, rising; between two steps the probability is interpolated
    steps: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    def learnt(cls, log_odds: np.ndarray, labels: np.ndarray) -> Calibration:
        """Return the better of both on customers left out."""
        line = _platt(log_odds, labels)
        if min(labels.sum(), (~labels).sum()) < STAIRS:
            return line
        even = np.arange(len(labels)) % 2 == 0
        loss = {PLATT: 0.0, ISOTONIC: 0.0}
        for rows in (even, ~even):
            for fit in (_platt, _isotonic):
                fitted = fit(log_odds[rows], labels[rows])
                loss[fitted.name] += metrics.log_loss(labels[~rows], fitted.probability(log_odds[~rows]))
        return line if loss[PLATT] <= loss[ISOTONIC] else _isotonic(log_odds, labels)

    def probability(self, log_odds: np.ndarray) -> np.ndarray:
        if self.name == ISOTONIC:
            at, value = (np.array([step[n] for step in self.steps]) for n in range(2))
            return np.interp(log_odds, at, value)
        return sigmoid(self.slope * log_odds + self.shift)


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Return the probability of log odds, within 0.0001 and 0.9999."""
    return np.clip(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30, 30))), _LEAST, 1 - _LEAST)


def _platt(log_odds: np.ndarray, labels: np.ndarray) -> Calibration:
    from scipy.optimize import minimize

    # Platt's targets: a little inside 0 and 1, so that a clean split does not ask for endless certainty.
    left, stayed = int(labels.sum()), int((~labels).sum())
    target = np.where(labels, (left + 1) / (left + 2), 1 / (stayed + 2))

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        z = line[0] * log_odds + line[1]
        error = 1.0 / (1.0 + np.exp(-np.clip(z, -700, 700))) - target
        value = float(np.logaddexp(0.0, z).sum() - target @ z)
        return value / len(z), np.array([error @ log_odds, error.sum()]) / len(z)

    best = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, 20.0), (None, None)]).x
    return Calibration(PLATT, float(best[0]), float(best[1]))


def _isotonic(log_odds: np.ndarray, labels: np.ndarray) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=_LEAST, y_max=1 - _LEAST, out_of_bounds="clip").fit(log_odds, labels)
    steps = zip(model.X_thresholds_.tolist(), model.y_thresholds_.tolist(), strict=True)
    return Calibration(ISOTONIC, steps=list(steps))


def judged(labels: np.ndarray, probability: np.ndarray) -> dict[str, Any]:
    """Return how good probabilities were on rows that no model had learnt from, as JSON."""
    rate = float(labels.mean())
    return {
        "customers": len(labels),
        "left": int(labels.sum()),
        "rate": rate,
        "auc": metrics.auc(labels, probability),
        "brier": metrics.brier(labels, probability),
        "brier_of_the_rate": rate * (1 - rate),
        "log_loss": metrics.log_loss(labels, probability),
        "lift": metrics.lift_at(labels, probability, 0.1),
        "reliability": [
            {"customers": int(group.customers), "predicted": group.predicted, "actual": group.actual}
            for group in metrics.calibration_table(labels, probability)
        ],
        "deciles": deciles(labels, probability),
    }


def deciles(labels: np.ndarray, probability: np.ndarray) -> list[dict[str, Any]]:
    """Return leavers per tenth, riskiest first, with the share of all leavers reached so far (the gain curve)."""
    order = np.argsort(-probability, kind="stable")
    rate, total, reached, rows = float(labels.mean()), float(labels.sum()), 0.0, []
    for n, part in enumerate(np.array_split(labels[order], 10), start=1):
        if not len(part):
            continue
        reached += float(part.sum())
        share = float(part.mean())
        row: dict[str, Any] = {"decile": n, "customers": len(part), "left": int(part.sum()), "rate": share}
        rows.append(row | {"lift": share / rate if rate else None, "reached": reached / max(total, 1.0)})
    return rows


#: What the profit curve assumes: a contact keeps this share of those who would have left …
SAVED = 0.2
#: … and costs this share of an ordinary customer's yearly value.
COST = 0.01


def profit_curve(labels: np.ndarray, probability: np.ndarray, value: np.ndarray) -> dict[str, Any]:
    """Return what contacting the riskiest customers first would bring, in money.

    Every leaver among the contacted is kept with the share :data:`SAVED`, which is worth their value; every contact
    costs :data:`COST` of the mean value. Both are assumptions, and experiments replace them.
    """
    mean = float(value.mean()) if len(value) else 0.0
    order = np.argsort(-probability * value, kind="stable")
    size = max(len(order), 1)
    gain = np.concatenate(([0.0], np.cumsum(SAVED * labels[order] * value[order] - COST * mean)))
    places = np.unique(np.linspace(0, len(order), 21).astype(int))
    best = int(np.argmax(gain))
    return {
        "saved": SAVED,
        "cost": COST * mean,
        "curve": [{"share": float(n / size), "profit": float(gain[n])} for n in places],
        "best_share": best / size,
        "best_profit": float(gain[best]),
    }
