"""Calibration: a predicted 30 % should come true in 30 %.

Platt's line through the log odds (Platt 1999) or a rising staircase (isotonic regression, Zadrozny and Elkan 2002),
whichever is better on customers left out; the staircase needs many leavers. Both are fitted on a later fold than the
model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.stats import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

PLATT, ISOTONIC = "platt", "isotonic"
STAIRS = 500  # leavers, and stayers, below which a staircase only follows noise
_LEAST = 1e-4


@dataclass(frozen=True)
class Calibration:
    """From log odds to a probability."""

    name: str = PLATT  # ``platt`` or ``isotonic``
    slope: float = 1.0  # platt's line: ``slope * log_odds + shift``
    shift: float = 0.0
    # the staircase: log odds and probability, rising; between two steps the probability is interpolated
    steps: list[tuple[float, float]] = field(default_factory=list)

    @classmethod
    def learnt(cls, log_odds: np.ndarray, labels: np.ndarray) -> Calibration:
        """Return the better of both on customers left out."""
        line = _line(log_odds, labels)
        if min(labels.sum(), (~labels).sum()) < STAIRS:
            return line
        even = np.arange(len(labels)) % 2 == 0
        loss = {PLATT: 0.0, ISOTONIC: 0.0}
        for rows in (even, ~even):
            for make in (_line, _staircase):
                made = make(log_odds[rows], labels[rows])
                loss[made.name] += metrics.log_loss(labels[~rows], made.probability(log_odds[~rows]))
        return line if loss[PLATT] <= loss[ISOTONIC] else _staircase(log_odds, labels)

    def probability(self, log_odds: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (rows,)."""
        if self.name == ISOTONIC:
            at, value = (np.array([step[n] for step in self.steps]) for n in range(2))
            return np.interp(log_odds, at, value)
        return sigmoid(self.slope * log_odds + self.shift)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "name": self.name,
            "slope": self.slope,
            "shift": self.shift,
            "steps": [list(step) for step in self.steps],
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Calibration:
        """Return what :meth:`to_dict` wrote."""
        return cls(found["name"], found["slope"], found["shift"], [(a, b) for a, b in found["steps"]])


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Return the probability of log odds, within 0.0001 and 0.9999."""
    return np.clip(1.0 / (1.0 + np.exp(-np.clip(log_odds, -30, 30))), _LEAST, 1 - _LEAST)


def _line(log_odds: np.ndarray, labels: np.ndarray) -> Calibration:
    from scipy.optimize import minimize

    # Platt's targets: a little inside 0 and 1, so that a clean split does not ask for endless certainty.
    left, stayed = int(labels.sum()), int((~labels).sum())
    target = np.where(labels, (left + 1) / (left + 2), 1 / (stayed + 2))

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        said = line[0] * log_odds + line[1]
        wrong = 1.0 / (1.0 + np.exp(-np.clip(said, -700, 700))) - target
        value = float(np.logaddexp(0.0, said).sum() - target @ said)
        return value / len(said), np.array([wrong @ log_odds, wrong.sum()]) / len(said)

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.0, 20.0), (None, None)]).x
    return Calibration(PLATT, float(found[0]), float(found[1]))


def _staircase(log_odds: np.ndarray, labels: np.ndarray) -> Calibration:
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=_LEAST, y_max=1 - _LEAST, out_of_bounds="clip").fit(log_odds, labels)
    return Calibration(
        ISOTONIC, steps=[(float(a), float(b)) for a, b in zip(model.X_thresholds_, model.y_thresholds_, strict=True)]
    )


def judged(labels: np.ndarray, probability: np.ndarray) -> dict[str, Any]:
    """Return how good probabilities were on rows that were not seen, as JSON."""
    rate = float(labels.mean())
    table = metrics.calibration_table(labels, probability)
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
            {"customers": int(one.customers), "predicted": one.predicted, "actual": one.actual} for one in table
        ],
        "deciles": _deciles(labels, probability),
    }


def _deciles(labels: np.ndarray, probability: np.ndarray) -> list[dict[str, Any]]:
    """Return leavers per tenth, riskiest first, with the share of all leavers reached so far (the gain curve)."""
    order = np.argsort(-probability, kind="stable")
    rate, reached, rows = float(labels.mean()), 0.0, []
    for n, part in enumerate(np.array_split(order, 10), start=1):
        if not len(part):
            continue
        reached += float(labels[part].sum())
        share = float(labels[part].mean())
        rows.append(
            {
                "decile": n,
                "customers": len(part),
                "left": int(labels[part].sum()),
                "rate": share,
                "lift": share / rate if rate else None,
                "reached": reached / max(float(labels.sum()), 1.0),
            }
        )
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
    gain = np.concatenate(([0.0], np.cumsum(SAVED * labels[order] * value[order] - COST * mean)))
    places = np.unique(np.linspace(0, len(order), 21).astype(int))
    curve = [{"share": float(n / max(len(order), 1)), "profit": float(gain[n])} for n in places]
    best = int(np.argmax(gain))
    return {
        "saved": SAVED,
        "cost": COST * mean,
        "curve": curve,
        "best_share": best / max(len(order), 1),
        "best_profit": float(gain[best]),
    }
