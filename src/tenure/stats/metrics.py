"""How good a prediction was, in the figures that the literature reports.

Answers: by how much is the total off, by how much a single customer, are the right customers first, and does a
predicted 30 % come true in 30 %? Every figure takes weights, which mean repeated rows, so that compressed cells give
the same answer as the customers behind them. A figure that is not defined (nobody bought, everybody did) is ``nan``,
never a guess.
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

_LEAST = 1e-15  # probabilities of exactly 0 or 1 are taken as this near to it, or one wrong case would cost infinity


def _columns(first: ArrayLike, second: ArrayLike, weight: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    one, two = np.asarray(first, np.float64).ravel(), np.asarray(second, np.float64).ravel()
    rows = np.ones(one.size) if weight is None else np.asarray(weight, np.float64).ravel()
    if not one.size == two.size == rows.size:
        raise TenureError(
            mark("The columns differ in length: %(first)d, %(second)d and %(weight)d weights. Give one value a row."),
            first=one.size,
            second=two.size,
            weight=rows.size,
        )
    return one, two, rows


def _ratio(above: Any, below: Any) -> float:
    return float(above / below) if below else float("nan")


def bias(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return by which share the predicted total is off: -0.121 means 12.1 % too low.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (rows,)
    weight : array_like of float, shape (rows,), optional
        How many customers a row stands for.
    """
    y, z, w = _columns(actual, predicted, weight)
    return _ratio(w @ (z - y), w @ y)


def mae(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean absolute error of a customer, in the unit of the prediction (arguments of :func:`bias`)."""
    y, z, w = _columns(actual, predicted, weight)
    return _ratio(w @ np.abs(z - y), w.sum())


def rel_mae(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the absolute errors added up, as a share of what really happened (arguments of :func:`bias`)."""
    y, z, w = _columns(actual, predicted, weight)
    return _ratio(w @ np.abs(z - y), w @ y)


def rmse(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the root mean squared error, in the unit of the prediction (arguments of :func:`bias`)."""
    y, z, w = _columns(actual, predicted, weight)
    return float(np.sqrt(_ratio(w @ (z - y) ** 2, w.sum())))


def corr(actual: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return Pearson's correlation; ``nan`` when either column is constant (arguments of :func:`bias`)."""
    y, z, w = _columns(actual, predicted, weight)
    if not w.sum():
        return float("nan")
    one = y - np.average(y, weights=w)
    two = z - np.average(z, weights=w)
    return _ratio(w @ (one * two), float(np.sqrt((w @ one**2) * (w @ two**2))))


def ranks(values: ArrayLike, weight: ArrayLike | None = None) -> Floats:
    """Return ranks from 1, ties sharing the mean of their places, as if every row stood there `weight` times.

    Parameters
    ----------
    values : array_like of float, shape (rows,)
    weight : array_like of float, shape (rows,), optional
    """
    y, _, w = _columns(values, values, weight)
    _, where = np.unique(y, return_inverse=True)
    rows = np.bincount(where, w)
    return (np.cumsum(rows) - (rows - 1.0) / 2.0)[where]


def spearman(first: ArrayLike, second: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return Spearman's rank correlation, ties averaged (arguments of :func:`bias`)."""
    return corr(ranks(first, weight), ranks(second, weight), weight)


def auc(outcome: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the chance that somebody with the outcome is scored above somebody without; ties count half.

    Parameters
    ----------
    outcome : array_like, shape (rows,)
        Whether it happened: anything above 0 counts as yes.
    score : array_like of float, shape (rows,)
    weight : array_like of float, shape (rows,), optional

    Returns
    -------
    float
        ``nan`` when everybody or nobody had the outcome.
    """
    y, z, w = _columns(outcome, score, weight)
    _, where = np.unique(z, return_inverse=True)
    yes = np.bincount(where, w * (y > 0))
    no = np.bincount(where, w * (y <= 0))
    below = np.cumsum(no) - no
    return _ratio(yes @ (below + no / 2.0), yes.sum() * no.sum())


def _area(amount: Floats, weight: Floats, order_by: Floats) -> float:
    """Return Gini's coefficient of `amount` when rows stand in falling order of `order_by`, ties mixed evenly."""
    _, where = np.unique(-order_by, return_inverse=True)
    people, money = np.bincount(where, weight), np.bincount(where, weight * amount)
    share = np.concatenate(([0.0], np.cumsum(money))) / money.sum()
    width = people / people.sum()
    return float(width @ (share[1:] + share[:-1])) - 1.0


def gini(amount: ArrayLike, score: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the normalised Gini coefficient: 1 ranks the money perfectly, 0 is chance.

    Parameters
    ----------
    amount : array_like of float, shape (rows,)
        What was really spent or bought; not negative in total.
    score : array_like of float, shape (rows,)
        What the customers are ranked by.
    weight : array_like of float, shape (rows,), optional

    References
    ----------
    Wang, Liu, Miao (2019), A deep probabilistic model for customer lifetime value prediction.
    """
    y, z, w = _columns(amount, score, weight)
    if not w @ y > 0:
        return float("nan")
    return _ratio(_area(y, w, z), _area(y, w, y))


def brier(outcome: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean squared distance of probabilities from what happened: 0 is perfect (arguments of :func:`auc`)."""
    y, z, w = _columns(outcome, probability, weight)
    return _ratio(w @ (z - (y > 0)) ** 2, w.sum())


def log_loss(outcome: ArrayLike, probability: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return minus the mean log-likelihood of what happened, in nats (arguments of :func:`auc`)."""
    y, z, w = _columns(outcome, probability, weight)
    near = np.clip(z, _LEAST, 1.0 - _LEAST)
    return _ratio(-(w @ np.where(y > 0, np.log(near), np.log1p(-near))), w.sum())


def lift_at(outcome: ArrayLike, score: ArrayLike, share: float = 0.1, weight: ArrayLike | None = None) -> float:
    """Return how many times the average rate the best-scored `share` has; ties at its edge count in part.

    Parameters
    ----------
    outcome : array_like, shape (rows,)
        Whether it happened, or an amount of money.
    score : array_like of float, shape (rows,)
    share : float
        Which part of the customers, 0.1 for the top tenth.
    weight : array_like of float, shape (rows,), optional

    Raises
    ------
    TenureError
        When `share` is not above 0 and at most 1.
    """
    y, z, w = _columns(outcome, score, weight)
    if not 0.0 < share <= 1.0:
        raise TenureError(mark("A share of the customers lies above 0 and up to 1, not %(share)s."), share=share)
    _, where = np.unique(-z, return_inverse=True)
    people, happened = np.bincount(where, w), np.bincount(where, w * y)
    wanted = share * people.sum()
    taken = np.clip(wanted - (np.cumsum(people) - people), 0.0, people)
    rate = np.divide(happened, people, out=np.zeros_like(people), where=people > 0)
    return _ratio(_ratio(taken @ rate, wanted), _ratio(happened.sum(), people.sum()))


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """One bin of a reliability table: what was said, what came, and how many customers it stands on.

    Attributes
    ----------
    low, high : float
        Smallest and largest prediction in the bin.
    customers : float
        Sum of the weights.
    predicted, actual : float
        Mean prediction and mean outcome.
    """

    low: float
    high: float
    customers: float
    predicted: float
    actual: float


def calibration_table(
    actual: ArrayLike, predicted: ArrayLike, bins: int = 10, weight: ArrayLike | None = None
) -> list[CalibrationRow]:
    """Return mean prediction against mean outcome in bins of about equally many customers, lowest first.

    Equal predictions are never torn apart, so that there may be fewer bins than asked for.

    Parameters
    ----------
    actual, predicted : array_like of float, shape (rows,)
        Outcomes (0/1 or an amount) and what was predicted for them.
    bins : int
    weight : array_like of float, shape (rows,), optional
    """
    y, z, w = _columns(actual, predicted, weight)
    if not y.size:
        return []
    _, where = np.unique(z, return_inverse=True)
    people = np.bincount(where, w)
    middle = (np.cumsum(people) - people / 2.0) / people.sum()
    cell = np.minimum((middle * bins).astype(int), bins - 1)[where]
    rows = []
    for number in np.unique(cell):
        inside = cell == number
        total = w[inside].sum()
        rows.append(
            CalibrationRow(
                low=float(z[inside].min()),
                high=float(z[inside].max()),
                customers=float(total),
                predicted=_ratio(w[inside] @ z[inside], total),
                actual=_ratio(w[inside] @ y[inside], total),
            )
        )
    return rows


def quantiles(values: ArrayLike, parts: int = 10) -> list[float]:
    """Return the quantiles 0, 1/parts … 1 of the finite values; an empty list when there are none."""
    known = _finite(values)
    return [float(one) for one in np.quantile(known, np.linspace(0.0, 1.0, parts + 1))] if known.size else []


def _finite(values: ArrayLike) -> Floats:
    every = np.asarray(values, np.float64).ravel()
    return every[np.isfinite(every)]


def _psi(before: Floats, now: Floats) -> float:
    # An empty bin would cost infinity; 1/10,000 is the floor that risk departments use.
    before, now = np.maximum(before, 1e-4), np.maximum(now, 1e-4)
    return float((now - before) @ np.log(now / before))


def psi(before: ArrayLike, now: ArrayLike, bins: int = 10) -> float:
    """Return the population stability index: below 0.1 alike, above 0.25 another population.

    Parameters
    ----------
    before, now : array_like of float
        The same measure at two times, of any numbers of customers; what is not finite is left out.
    bins : int
        Quantile bins of `before`; equal edges are merged, so that a count with many zeros works.

    Returns
    -------
    float
        ``nan`` when either is empty.
    """
    old, new = _finite(before), _finite(now)
    if not old.size or not new.size:
        return float("nan")
    inner = np.unique(np.quantile(old, np.linspace(0.0, 1.0, bins + 1))[1:-1])
    # Each value is put right of the edges below it, so that a heap of equal values is one side of its own edge.
    counts = [np.bincount(np.searchsorted(inner, one, side="right"), minlength=inner.size + 1) for one in (old, new)]
    return _psi(counts[0] / old.size, counts[1] / new.size)


def psi_of_quantiles(before: ArrayLike, now: ArrayLike) -> float:
    """Return the population stability index of two measures of which only :func:`quantiles` were kept.

    Between two quantiles customers are taken as evenly spread, so that it is near :func:`psi`, not equal to it.

    Parameters
    ----------
    before, now : array_like of float, shape (parts + 1,)
        Rising quantiles at even steps from 0 to 1.
    """
    kept = [np.asarray(one, np.float64) for one in (before, now)]
    if min(one.size for one in kept) < 2:
        return float("nan")
    edges = np.unique(kept[0][1:-1])
    old, new = (_shares(one, edges) for one in kept)
    return _psi(old, new)


def _shares(kept: Floats, edges: Floats) -> Floats:
    """Return which share lies between each two edges, spread evenly between two kept quantiles."""
    values = np.unique(kept)
    steps = np.linspace(0.0, 1.0, kept.size)[np.searchsorted(kept, values, side="right") - 1]
    upto = np.interp(edges, values, steps, left=0.0, right=1.0)
    return np.diff(np.concatenate(([0.0], upto, [1.0])))
