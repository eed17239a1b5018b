"""Uplift: whom a treatment moves, and whether there is anybody to choose at all.

Answers: do some customers gain more from being treated than others, measurably? From a randomised trial, two models
(one for the treated, one for the untreated) rank customers by the difference they foretell; the Qini coefficient says
how much better than chance that ranking is. Most trials show little: then the answer is to treat everybody or nobody.

Sources: Radcliffe 2007, Using control groups to target on predicted lift; Devriendt, Moldovan and Verbeke 2018, A
literature survey and experimental evaluation of the state of the art in uplift modelling, Big Data 6(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

#: A strength of ridge that hardly shrinks when there are thousands of rows and keeps few rows from overfitting.
RIDGE = 1.0


def effect(outcome: ArrayLike, treated: ArrayLike) -> tuple[float, float, float]:
    """Return the average effect of a treatment with its 95 % interval.

    Parameters
    ----------
    outcome : array_like of float, shape (n,)
        What came: 0 or 1, or an amount.
    treated : array_like of bool, shape (n,)
        Who was treated, by chance.

    Returns
    -------
    tuple of float
        Difference of the means, and the bounds of its normal interval.
    """
    y, t = np.asarray(outcome, dtype=np.float64), np.asarray(treated, dtype=bool)
    found = float(y[t].mean() - y[~t].mean())
    error = float(np.sqrt(y[t].var(ddof=1) / t.sum() + y[~t].var(ddof=1) / (~t).sum()))
    return found, found - 1.96 * error, found + 1.96 * error


def qini(uplift: ArrayLike, outcome: ArrayLike, treated: ArrayLike) -> float:
    """Return the Qini coefficient of a ranking of customers.

    Parameters
    ----------
    uplift : array_like of float, shape (n,)
        What the ranking foretells a treatment to gain; ties are one step.
    outcome : array_like of {0, 1}, shape (n,)
    treated : array_like of bool, shape (n,)

    Returns
    -------
    float
        Area between the Qini curve and chance, as a part of the area that the best possible ranking would have: 0 is
        chance, 1 the best. Values of other normalisations cannot be compared with it.
    """
    y, t = np.asarray(outcome, dtype=np.float64), np.asarray(treated, dtype=bool)
    best = _area(np.where(t, y, -y), y, t)
    chance = _chance(y, t)
    return float((_area(np.asarray(uplift, dtype=np.float64), y, t) - chance) / (best - chance))


def curve(uplift: ArrayLike, outcome: ArrayLike, treated: ArrayLike) -> tuple[Floats, Floats]:
    """Return the Qini curve: how many were reached, best first, and how many outcomes the treatment gained there."""
    score, y, t = np.asarray(uplift, np.float64), np.asarray(outcome, np.float64), np.asarray(treated, bool)
    order = np.argsort(-score, kind="stable")
    score, y, t = score[order], y[order], t[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    some, others = np.cumsum(t)[ends], np.cumsum(~t)[ends]
    gained = np.cumsum(y * t)[ends] - np.cumsum(y * ~t)[ends] * some / np.maximum(others, 1)
    return np.concatenate([[0.0], ends + 1.0]), np.concatenate([[0.0], gained])


def _area(score: Floats, y: Floats, t: NDArray[np.bool_]) -> float:
    reached, gained = curve(score, y, t)
    return float(np.trapezoid(gained, reached))


def _chance(y: Floats, t: NDArray[np.bool_]) -> float:
    return float(len(y) * (y[t].sum() - y[~t].sum() * t.sum() / max((~t).sum(), 1)) / 2)


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Whether a trial shows that some gain more than others.

    Attributes
    ----------
    effect, effect_low, effect_high : float
        The average effect with its 95 % interval.
    qini, qini_low, qini_high : float
        Of the two-model ranking on rows it was not learnt from, with a 95 % interval (normal, bootstrap error).
    response_qini : float
        Of the plain ranking by who would respond anyway.
    lead_low, lead_high : float
        95 % bounds of the lead of the two-model ranking over the plain one.
    verdict : str
        ``heterogeneity`` when the ranking is better than chance with 95 %, else ``no-heterogeneity``: treat all or
        nobody.
    uplift : ndarray, shape (n,)
        The foretold gain of every row.
    """

    effect: float
    effect_low: float
    effect_high: float
    qini: float
    qini_low: float
    qini_high: float
    response_qini: float
    lead_low: float
    lead_high: float
    verdict: str
    uplift: Floats


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
        By chance.
    folds : int
        Every row is ranked by models that were learnt from the other folds.
    draws : int
        Bootstrap samples of the rows.
    seed : int
        Of folds and bootstrap.

    Returns
    -------
    Heterogeneity
    """
    x, y, t = np.asarray(features, np.float64), np.asarray(outcome, np.float64), np.asarray(treated, bool)
    rng = np.random.default_rng(seed)
    fold = rng.permutation(len(y)) % folds
    gain, response = np.empty(len(y)), np.empty(len(y))
    for one in range(folds):
        here = fold == one
        gain[here], response[here] = _foretold(x, y, t, ~here, here)
    found, plain = _by_fold(gain, y, t, fold), _by_fold(response, y, t, fold)
    samples = np.empty((draws, 2))
    for draw in range(draws):
        rows = rng.integers(0, len(y), len(y))
        samples[draw] = [_by_fold(one[rows], y[rows], t[rows], fold[rows]) for one in (gain, response)]
    wide = 1.96 * float(samples[:, 0].std(ddof=1))
    low, high = found - wide, found + wide
    below, above = np.quantile(samples[:, 0] - samples[:, 1], [0.025, 0.975])
    verdict = "heterogeneity" if low > 0 else "no-heterogeneity"
    bounds = (low, high, plain, float(below), float(above))
    return Heterogeneity(*effect(y, t), found, *bounds, verdict, gain)


def _by_fold(score: Floats, y: Floats, t: NDArray[np.bool_], fold: NDArray[np.int64]) -> float:
    """Return the mean Qini over the folds: rankings of different models are not mixed."""
    return float(np.mean([qini(score[fold == one], y[fold == one], t[fold == one]) for one in np.unique(fold)]))


def _foretold(
    x: Floats, y: Floats, t: NDArray[np.bool_], learn: NDArray[np.bool_], say: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return the gain and the response that models of some rows foretell for others."""
    with_it, without = (_model(x[learn & arm], y[learn & arm]) for arm in (t, ~t))
    treated = with_it.predict_proba(x[say])[:, 1]
    return treated - without.predict_proba(x[say])[:, 1], treated


def _model(x: Floats, y: Floats) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1 / RIDGE, max_iter=1_000)).fit(x, y)
