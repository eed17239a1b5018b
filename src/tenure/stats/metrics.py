"""Accuracy of predictions: bias, errors, ranking, calibration and stability.

Columns are of shape (rows,). Weights say how many customers a row stands for: they are repeated rows everywhere, so
that compressed cells give the same answer as the customers behind them. An outcome is whether something happened:
anything above 0 counts as yes. A measure that is not defined (nobody bought, everybody did) is ``nan``. Tests hold each
against scikit-learn or SciPy, which are not called here: their AUC takes 5 times as long on a million rows and 30 times
on 2,000, their ranks take no weights, and their calibration curve takes neither weights nor amounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.errors import TenureError
from tenure.words import mark

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

_LEAST = 1e-15  # a probability of exactly 0 or 1 is taken as this near to it, or one wrong case would cost infinity


def _columns(first: ArrayLike, second: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    y, z = np.asarray(first, np.float64).ravel(), np.asarray(second, np.float64).ravel()
    w = np.ones(y.size) if weight is None else np.asarray(weight, np.float64).ravel()
    if not y.size == z.size == w.size:
        message = mark(
            "The columns differ in length: %(first)d, %(second)d and %(weight)d weights. Pass one value per row."
        )
        raise TenureError(message, first=y.size, second=z.size, weight=w.size)
    return y, z, w


def _ratio(above: Any, below: Any) -> float:
    return float(above / below) if below else float("nan")


def _by_value(values: Floats, *columns: Floats) -> list[Any]:
    """Return the sums of columns for each distinct value, in rising order."""
    _, place = np.unique(values, return_inverse=True)
    return [np.bincount(place, column) for column in columns]


def bias(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the relative error of the predicted total: -0.121 means 12.1 % too low."""
    y, z, w = _columns(actual, predicted, weight)
    return _ratio(w @ (z - y), w @ y)


def mae(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean absolute error per customer, in the unit of the prediction."""
    y, z, w = _columns(actual, predicted, weight)
    return _ratio(w @ np.abs(z - y), w.sum())


def rel_mae(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the summed absolute errors as a share of the actual total."""
    y, z, w = _columns(actual, predicted, weight)
    return _ratio(w @ np.abs(z - y), w @ y)


def rmse(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the root mean squared error, in the unit of the prediction."""
    y, z, w = _columns(actual, predicted, weight)
    return float(np.sqrt(_ratio(w @ (z - y) ** 2, w.sum())))


def corr(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return Pearson's correlation; ``nan`` when either column is constant."""
    y, z, w = _columns(actual, predicted, weight)
    if not w.sum():
        return float("nan")
    y, z = y - np.average(y, weights=w), z - np.average(z, weights=w)
    return _ratio(w @ (y * z), float(np.sqrt((w @ y**2) * (w @ z**2))))


def ranks(values: ArrayLike, weight: ArrayLike | None = None) -> Floats:
    """Return ranks from 1, ties averaged, as if every row occurred `weight` times (which SciPy's ranks cannot)."""
    y, _, w = _columns(values, values, weight)
    # Ties are one group, which takes as many places as its rows weigh.
    _, place = np.unique(y, return_inverse=True)
    rows = np.bincount(place, w)
    return (np.cumsum(rows) - (rows - 1.0) / 2.0)[place]


def spearman(first: ArrayLike, second: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return Spearman's rank correlation, ties averaged."""
    return corr(ranks(first, weight), ranks(second, weight), weight)


def auc(outcome: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the area under the ROC curve; ``nan`` when all or none had the outcome."""
    y, z, w = _columns(outcome, score, weight)
    yes, no = _by_value(z, w * (y > 0), w * (y <= 0))
    # Mann and Whitney's count of pairs in the right order; a tie is half a pair.
    below = np.cumsum(no) - no / 2.0
    return _ratio(yes @ below, yes.sum() * no.sum())


def brier(outcome: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean squared error of probabilities: 0 is perfect."""
    y, z, w = _columns(outcome, probability, weight)
    return _ratio(w @ (z - (y > 0)) ** 2, w.sum())


def log_loss(outcome: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return minus the mean log-likelihood of the outcomes, in nats."""
    y, z, w = _columns(outcome, probability, weight)
    near = np.clip(z, _LEAST, 1.0 - _LEAST)
    return _ratio(-(w @ np.where(y > 0, np.log(near), np.log1p(-near))), w.sum())


def gini(amount: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return how well a score ranks the money spent (in total above 0): 1 is perfect, 0 is chance.

    The normalised Gini coefficient of Wang, Liu, Miao (2019), A deep probabilistic model for customer lifetime value
    prediction.
    """
    y, z, w = _columns(amount, score, weight)
    if not w @ y > 0:
        return float("nan")

    def area(order_by: Floats) -> float:
        people, money = _by_value(-order_by, w, w * y)
        share = np.concatenate(([0.0], np.cumsum(money))) / money.sum()
        # Trapezoids mix the customers of equal score evenly.
        return float((people / people.sum()) @ (share[1:] + share[:-1])) - 1.0

    return _ratio(area(z), area(y))


def lift_at(outcome: ArrayLike, score: ArrayLike, share: float = 0.1, weight: ArrayLike | None = None) -> float:
    """Return how many times the average rate, or amount, the best-scored `share` has; ties at its edge count in part.

    A TenureError when `share` is not above 0 and at most 1.
    """
    y, z, w = _columns(outcome, score, weight)
    if not 0.0 < share <= 1.0:
        raise TenureError(mark("The share of customers must be above 0 and at most 1, not %(share)s."), share=share)
    people, happened = _by_value(-z, w, w * y)
    # Of the group at the edge only the part is taken that is still missing, at the group's mean rate.
    size = share * people.sum()
    taken = np.clip(size - (np.cumsum(people) - people), 0.0, people)
    rate = np.divide(happened, people, out=np.zeros_like(people), where=people > 0)
    return _ratio(_ratio(taken @ rate, size), _ratio(happened.sum(), people.sum()))


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """One bin of a reliability table."""

    low: float  # smallest and largest prediction in the bin
    high: float
    customers: float  # sum of the weights
    predicted: float  # mean prediction and mean outcome
    actual: float


def calibration_table(
    actual: ArrayLike, predicted: ArrayLike, bins: int = 10, weight: ArrayLike | None = None
) -> list[CalibrationRow]:
    """Return mean prediction and mean outcome (0/1 or an amount) in bins of about equally many customers, lowest first.

    There are at most `bins`; equal predictions stay together.
    """
    y, z, w = _columns(actual, predicted, weight)
    if not y.size:
        return []
    _, place = np.unique(z, return_inverse=True)
    people = np.bincount(place, w)
    # A group of equal predictions goes where its middle lies, so that it is never divided between bins.
    middle = (np.cumsum(people) - people / 2.0) / people.sum()
    number = np.minimum((middle * bins).astype(int), bins - 1)[place]
    rows = []
    for inside in (number == bin_ for bin_ in np.unique(number)):
        total = float(w[inside].sum())
        means = (_ratio(w[inside] @ column[inside], total) for column in (z, y))
        rows.append(CalibrationRow(float(z[inside].min()), float(z[inside].max()), total, *means))
    return rows


def quantiles(values: ArrayLike, parts: int = 10) -> list[float]:
    """Return the quantiles 0, 1/parts … 1 of the finite values; an empty list when there are none."""
    column = np.asarray(values, np.float64).ravel()
    finite = column[np.isfinite(column)]
    return np.quantile(finite, np.linspace(0.0, 1.0, parts + 1)).tolist() if finite.size else []


def psi_of_quantiles(before: ArrayLike, now: ArrayLike) -> float:
    """Return the population stability index of two measures of which only :func:`quantiles` of even steps were stored.

    Below 0.1 they are alike, above 0.25 from another population; ``nan`` without values. Bins are the quantiles of
    `before`, between which customers are taken as evenly spread; equal edges are merged, so that a count with many
    zeros works.
    """
    old, new = np.asarray(before, np.float64), np.asarray(now, np.float64)
    if min(old.size, new.size) < 2:
        return float("nan")
    edges = np.unique(old[1:-1])

    def shares(stored: Floats) -> Floats:
        values = np.unique(stored)
        steps = np.linspace(0.0, 1.0, stored.size)[np.searchsorted(stored, values, side="right") - 1]
        below = np.interp(edges, values, steps, left=0.0, right=1.0)
        # An empty bin would cost infinity; 1/10,000 is the floor that risk departments use.
        return np.maximum(np.diff(np.concatenate(([0.0], below, [1.0]))), 1e-4)

    was, is_now = shares(old), shares(new)
    return float((is_now - was) @ np.log(is_now / was))
