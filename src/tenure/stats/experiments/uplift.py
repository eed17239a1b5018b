"""Uplift: whether a randomised experiment shows that some customers gain more from a treatment than others.

Two models, one of the treated and one of the control group, rank customers by the difference of their predictions; the
Qini coefficient says how much better than chance that ranking is. Most experiments show little: then treat all or none.

Sources: Radcliffe 2007, Using control groups to target on predicted lift; Devriendt, Moldovan and Verbeke 2018, A
literature survey and experimental evaluation of the state of the art in uplift modelling, Big Data 6(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

#: A strength of ridge that hardly shrinks when there are thousands of rows and keeps few rows from overfitting.
RIDGE = 1.0


def effect(outcome: ArrayLike, treated: ArrayLike) -> tuple[float, float, float]:
    """Return the average effect of a randomly assigned treatment (difference of the means) with its 95 % interval.

    `outcome` is 0 or 1, or an amount; the interval is normal.
    """
    y, t = np.asarray(outcome, dtype=np.float64), np.asarray(treated, dtype=bool)
    gain = float(y[t].mean() - y[~t].mean())
    error = float(np.sqrt(y[t].var(ddof=1) / t.sum() + y[~t].var(ddof=1) / (~t).sum()))
    return gain, gain - 1.96 * error, gain + 1.96 * error


def qini(uplift: ArrayLike, outcome: ArrayLike, treated: ArrayLike) -> float:
    """Return the Qini coefficient of a ranking of customers by their predicted gain; ties are one step.

    It is the area between the Qini curve and chance, as a share of that of the best possible ranking: 0 is chance, 1
    the best. Other normalisations give values that cannot be compared with it.
    """
    y, t = np.asarray(outcome, dtype=np.float64), np.asarray(treated, dtype=bool)

    def area(score: ArrayLike) -> float:
        reached, gained = curve(score, y, t)
        return float(np.trapezoid(gained, reached))

    # Chance is the straight line to the gain of treating all.
    chance = float(len(y) * (y[t].sum() - y[~t].sum() * t.sum() / max((~t).sum(), 1)) / 2)
    return float((area(uplift) - chance) / (area(np.where(t, y, -y)) - chance))


def curve(uplift: ArrayLike, outcome: ArrayLike, treated: ArrayLike) -> tuple[Floats, Floats]:
    """Return the Qini curve: customers reached, best first, and the outcomes that treating them gained."""
    score, y, t = np.asarray(uplift, np.float64), np.asarray(outcome, np.float64), np.asarray(treated, bool)
    order = np.argsort(-score, kind="stable")
    score, y, t = score[order], y[order], t[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    reached, control = np.cumsum(t)[ends], np.cumsum(~t)[ends]
    # The control group is scaled to the size of the treated at each point of the ranking.
    gained = np.cumsum(y * t)[ends] - np.cumsum(y * ~t)[ends] * reached / np.maximum(control, 1)
    return np.concatenate([[0.0], ends + 1.0]), np.concatenate([[0.0], gained])


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Whether an experiment shows that some gain more than others; intervals are of 95 %."""

    effect: float  # the average effect
    effect_low: float
    effect_high: float
    qini: float  # of the two-model ranking on rows left out (normal, bootstrap error)
    qini_low: float
    qini_high: float
    response_qini: float  # of the plain ranking by who would respond anyway
    lead_low: float  # bounds of the lead of the two-model ranking over the plain one
    lead_high: float
    # ``heterogeneity`` when the ranking is better than chance with 95 %, else ``no-heterogeneity``: treat all or none
    verdict: str
    uplift: Floats  # shape (n,): the predicted gain of every row


def heterogeneity(
    features: ArrayLike,
    outcome: ArrayLike,
    treated: ArrayLike,
    *,
    folds: int = 5,
    draws: int = 200,
    seed: int = 20_240_101,
) -> Heterogeneity:
    """Test whether it pays to choose whom to treat.

    Parameters
    ----------
    features : array_like of float, shape (n, p)
        Known before the treatment; standardised here.
    outcome : array_like of {0, 1}, shape (n,)
    treated : array_like of bool, shape (n,)
        Assigned at random.
    folds : int
        Every row is ranked by models of the other folds.
    draws : int
        Bootstrap samples of the rows.
    seed : int
        Of folds and bootstrap.
    """
    x, y, t = np.asarray(features, np.float64), np.asarray(outcome, np.float64), np.asarray(treated, bool)
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(y)) % folds
    gain, response = np.empty(len(y)), np.empty(len(y))
    for number in range(folds):
        test, train = fold == number, fold != number
        reached, control = (_probability(x[train & arm], y[train & arm], x[test]) for arm in (t, ~t))
        gain[test], response[test] = reached - control, reached
    lead, plain = _by_fold(gain, y, t, fold), _by_fold(response, y, t, fold)
    # Rows are drawn, models are not fitted anew: the interval is that of this ranking.
    samples = np.empty((draws, 2))
    for draw in range(draws):
        rows = rng.integers(0, len(y), len(y))
        samples[draw] = [_by_fold(score[rows], y[rows], t[rows], fold[rows]) for score in (gain, response)]
    wide = 1.96 * float(samples[:, 0].std(ddof=1))
    low, high = lead - wide, lead + wide
    below, above = np.quantile(samples[:, 0] - samples[:, 1], [0.025, 0.975])
    verdict = "heterogeneity" if low > 0 else "no-heterogeneity"
    bounds = (low, high, plain, float(below), float(above))
    return Heterogeneity(*effect(y, t), lead, *bounds, verdict, gain)


def _by_fold(score: Floats, y: Floats, t: NDArray[np.bool_], fold: NDArray[np.int64]) -> float:
    """Return the mean Qini over the folds: rankings of different models are not mixed."""
    return float(np.mean([qini(score[fold == n], y[fold == n], t[fold == n]) for n in np.unique(fold)]))


def _probability(x: Floats, y: Floats, other: Floats) -> Floats:
    """Return the outcome's probability for other rows by a logistic regression on these."""
    # scikit-learn takes half a second to import.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / RIDGE, max_iter=1_000)).fit(x, y)
    return np.asarray(model.predict_proba(other)[:, 1])
