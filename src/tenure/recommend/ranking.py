"""Rankings of candidates, and the back-test that chooses one.

A ranking is a logistic regression on few numbers, so that the score is a probability and every weight can be read.
Two baskets of each customer are held out. The catalogue is learnt without both, weights are fitted on the last but
one, and every ranking is judged on the last, as of the day before it. What everybody buys and what the customer
bought before are strong; a blend must beat the latter, or it is not used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.recommend.candidates import FEATURES, Candidates, Near, candidates_of, crowd_of
from tenure.recommend.items import Catalogue, learn
from tenure.recommend.lines import distinct, histories_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.recommend.lines import Lines

#: The length of a list.
TOP = 10
#: Rankings: what everybody buys; what this customer bought most often; what is due; everything together.
POPULARITY, OFTEN, AGAIN, BLEND = "popularity", "often", "buy-again", "blend"
#: Customers that are tried at most, baskets each must have, and the fewest customers it takes.
MOST, BASKETS, FEWEST = 3000, 4, 100


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -40.0, 40.0)))


@dataclass(frozen=True, slots=True)
class Weights:
    names: tuple[str, ...]  # which of the features it weighs
    values: tuple[float, ...]  # the weight of each, then the constant

    def chance(self, features: np.ndarray) -> np.ndarray:
        columns = [FEATURES.index(name) for name in self.names]
        return _probability(features[:, columns] @ np.array(self.values[:-1]) + self.values[-1])


def fit_weights(features: np.ndarray, bought: np.ndarray, names: tuple[str, ...], ridge: float = 1.0) -> Weights:
    """Fit a logistic regression by Newton's method with a light ridge."""
    columns = [FEATURES.index(name) for name in names]
    x = np.column_stack([features[:, columns], np.ones(len(features))])
    y = bought.astype(np.float64)
    penalty = np.diag([ridge] * len(columns) + [1e-9])
    weight = np.zeros(x.shape[1])
    weight[-1] = np.log((y.sum() + 0.5) / (len(y) - y.sum() + 0.5))
    for _ in range(30):
        chance = _probability(x @ weight)
        gradient = x.T @ (y - chance) - penalty @ weight
        curvature = (x * (chance * (1.0 - chance))[:, None]).T @ x + penalty
        step = np.linalg.solve(curvature, gradient)
        # Where a feature separates the rows a full step would run away.
        weight += step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-7:
            break
    return Weights(names, tuple(map(float, weight)))


def ranked(candidates: Candidates, score: np.ndarray, most: int = TOP) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the best candidates of each customer, by customer and rank, and the ranks from 0."""
    order = np.lexsort((candidates.item, -score, candidates.who))
    who = candidates.who[order]
    rank = np.arange(len(order)) - np.searchsorted(who, who)
    keep = rank < most
    return order[keep], rank[keep]


def quality(who: np.ndarray, rank: np.ndarray, hit: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return hits and NDCG@10 of each customer's list, given the size of their actual basket."""
    size = len(actual)
    gain = np.bincount(who, hit / np.log2(rank + 2.0), size)
    best = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(TOP) + 2.0))])
    hits = np.bincount(who, hit, size) > 0
    return hits.astype(np.float64), gain / np.maximum(best[np.minimum(actual, TOP)], 1e-12)


@dataclass(frozen=True, slots=True)
class Backtest:
    customers: int = 0  # whose last baskets were tried; 0 when there were too few
    chosen: str = AGAIN  # the ranking that is used: ``blend`` where it wins, else ``buy-again``
    weights: Mapping[str, Weights] = field(default_factory=dict)  # of ``buy-again`` and ``blend``
    # hit rate and NDCG@10 of each ranking, with 95 % intervals
    figures: Mapping[str, Any] = field(default_factory=dict)


def backtest(lines: Lines, seed: int, least: int | None = None, most: int = MOST) -> Backtest:
    if not len(lines):
        return Backtest()
    size = len(lines.customers)
    owner = np.full(lines.baskets, -1, dtype=np.int64)
    owner[lines.basket] = lines.who
    sample = np.flatnonzero(np.bincount(owner[owner >= 0], minlength=size) >= BASKETS)
    if len(sample) > most:
        sample = np.sort(np.random.default_rng(seed).choice(sample, most, replace=False))
    if len(sample) < FEWEST:
        return Backtest(len(sample))
    newest = np.zeros(size, dtype=np.int64)
    newest[lines.who] = lines.basket  # sorted, so the last one stays
    # Of each row its basket's age: 0 the last, 1 the one before. Everybody else's are as old as can be, so that they
    # always count as known.
    age = np.where(np.isin(lines.who, sample), newest[lines.who] - lines.basket, lines.baskets + 2)
    catalogue = learn(lines.only(age > 1), int(lines.day.max()), least)
    near = Near.of(catalogue)
    before, bought = _predicted(catalogue, near, lines, age, 1)
    own = before.row >= 0
    weights = {
        AGAIN: fit_weights(before.features[own], bought[own], ("due",)),
        BLEND: fit_weights(before.features, bought, FEATURES),
    }
    candidates, hit = _predicted(catalogue, near, lines, age, 0)
    actual = np.bincount(lines.who[age == 0], minlength=size)[sample]
    lists = {}
    for name, score in _scores(candidates, weights).items():
        rows, rank = ranked(candidates, score)
        lists[name] = quality(np.searchsorted(sample, candidates.who[rows]), rank, hit[rows], actual)
    figures = {name: {"hit_rate": _mean(hits), "ndcg": _mean(gain)} for name, (hits, gain) in lists.items()}
    wins = _mean(lists[BLEND][1] - lists[AGAIN][1])
    figures[BLEND]["against_buy_again"] = wins
    return Backtest(len(sample), BLEND if wins["low"] > 0 else AGAIN, weights, figures)


def _predicted(
    catalogue: Catalogue, near: Near, lines: Lines, age: np.ndarray, held_out: int
) -> tuple[Candidates, np.ndarray]:
    """Return the candidates on the day before a held-out basket, and which of them were in it."""
    today = np.zeros(len(lines.customers), dtype=np.int64)
    basket = age == held_out
    today[lines.who[basket]] = lines.day[basket]
    past = (age <= lines.baskets) & (age > held_out) & (lines.day < today[lines.who])
    histories = histories_of(lines.only(past))
    places = catalogue.places(lines)
    candidates = candidates_of(catalogue, near, crowd_of(catalogue, histories, places, today - 1))
    inside = places < len(catalogue)
    item_of = np.zeros(len(catalogue), dtype=np.int64)
    item_of[places[inside]] = np.flatnonzero(inside)
    own, width = candidates.row >= 0, len(lines.items)
    items = np.where(own, histories.item[np.maximum(candidates.row, 0)], item_of[np.maximum(candidates.item, 0)])
    actual = distinct(lines.who[basket].astype(np.int64) * width + lines.item[basket])
    return candidates, np.isin(candidates.who.astype(np.int64) * width + items, actual)


def _scores(candidates: Candidates, weights: Mapping[str, Weights]) -> dict[str, np.ndarray]:
    own, demand = candidates.row >= 0, candidates.feature("demand")
    often = candidates.feature("often") + 1e-3 * candidates.feature("due")
    return {
        # Among candidates, of which the most wanted products are some for everybody, the order of demand is popularity.
        POPULARITY: np.where(own & (candidates.item < 0), -np.inf, demand),
        OFTEN: np.where(own, often, -1e3 + demand),
        AGAIN: again_first(candidates),
        BLEND: weights[BLEND].chance(candidates.features),
    }


def again_first(candidates: Candidates) -> np.ndarray:
    """Return scores that put what is due first, and after it what goes with what was bought, then what all want."""
    near, demand = candidates.nearness.sum(axis=1), candidates.feature("demand")
    return np.where(candidates.row >= 0, candidates.chance, np.where(near > 0, near - 1e3, demand - 1e6))


def _mean(values: np.ndarray) -> dict[str, float]:
    """Return a mean over customers with its 95 % interval."""
    middle = float(values.mean())
    half = 1.96 * float(values.std(ddof=1) / np.sqrt(len(values)))
    return {"value": middle, "low": middle - half, "high": middle + half}
