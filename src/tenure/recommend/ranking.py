"""Rankings of candidates, and their quality.

A ranking is a logistic regression on few numbers, so that the score is a probability and every weight can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.recommend.candidates import FEATURES

if TYPE_CHECKING:
    from tenure.recommend.candidates import Candidates

#: The length of a list.
TOP = 10
#: Rankings: what everybody buys; what this customer bought most often; what is due; everything together.
POPULARITY, OFTEN, AGAIN, BLEND = "popularity", "often", "buy-again", "blend"


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(log_odds, -40.0, 40.0)))


@dataclass(frozen=True, slots=True)
class Weights:
    """A logistic regression."""

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
