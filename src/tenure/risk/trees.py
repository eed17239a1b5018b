"""Boosted trees as plain numbers, so that they can be stored, compared and walked without the library that grew them.

Answers: what do these trees say of a row? The trees are grown by scikit-learn's histogram gradient boosting (Friedman
2001; Ke et al. 2017) and then written as one heap a tree: the children of place i are 2 i + 1 and 2 i + 2. Every row
walks the same number of steps, whole columns at a time, so that one customer gets what everybody gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

DEPTH = 3
TREES = 80
PACE = 0.08
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Trees:
    """A sum of trees of equal depth, in log odds.

    Attributes
    ----------
    start : float
        What everybody begins with.
    feature : ndarray of int64, shape (trees, inner places)
        Which column a place looks at.
    bound : ndarray of float64, shape (trees, inner places)
        A row goes left when its value is not above.
    leaf : ndarray of float64, shape (trees, leaves)
        What the leaves add.
    """

    start: float
    feature: np.ndarray
    bound: np.ndarray
    leaf: np.ndarray

    @classmethod
    def grown(cls, matrix: np.ndarray, labels: np.ndarray, seed: int) -> Trees:
        """Grow trees on rows.

        Parameters
        ----------
        matrix : ndarray of float64, shape (rows, columns)
            Without missing values.
        labels : ndarray of bool, shape (rows,)
        seed : int
        """
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        model = HistGradientBoostingClassifier(
            max_iter=TREES,
            learning_rate=PACE,
            max_depth=DEPTH,
            min_samples_leaf=max(20, len(labels) // 500),
            l2_regularization=1.0,
            early_stopping=False,
            random_state=seed % (1 << 32),
        )
        with threadpool_limits(1):  # threads would add up in another order on another machine, and wait on a busy one
            model.fit(matrix, labels)
        grown = [_heap(some[0].nodes) for some in model._predictors]
        start = float(np.ravel(model._baseline_prediction)[0])
        feature, bound, leaf = (np.array([one[n] for one in grown]) for n in range(3))
        return cls(start, feature.astype(np.int64), bound, leaf)

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        """Return the sum of the leaves that each row reaches, shape (rows,)."""
        parts = [self._walked(matrix[n : n + _CHUNK]) for n in range(0, len(matrix), _CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _walked(self, matrix: np.ndarray) -> np.ndarray:
        rows = np.arange(len(matrix))
        total = np.full(len(matrix), self.start)
        for feature, bound, leaf in zip(self.feature, self.bound, self.leaf, strict=True):
            place = np.zeros(len(matrix), dtype=np.int64)
            for _ in range(DEPTH):
                place = 2 * place + 1 + (matrix[rows, feature[place]] > bound[place])
            total += leaf[place - len(feature)]
        return total

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON; a bound that every row passes to the left is written as null."""
        bound = [[float(one) if np.isfinite(one) else None for one in tree] for tree in self.bound]
        return {"start": self.start, "feature": self.feature.tolist(), "bound": bound, "leaf": self.leaf.tolist()}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Trees:
        """Return what :meth:`to_dict` wrote."""
        bound = [[np.inf if one is None else one for one in tree] for tree in found["bound"]]
        return cls(found["start"], np.array(found["feature"], np.int64), np.array(bound), np.array(found["leaf"]))


def _heap(nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a tree's features, bounds and leaves as a full heap; an early leaf stands at its leftmost end."""
    inner = (1 << DEPTH) - 1
    feature, bound = np.zeros(inner, dtype=np.int64), np.full(inner, np.inf)
    leaf = np.zeros(inner + 1)

    def put(number: int, place: int) -> None:
        node = nodes[number]
        if place >= inner:
            leaf[place - inner] = node["value"]
        elif node["is_leaf"]:  # its bound is endless, so that every row goes left and on
            put(number, 2 * place + 1)
        else:
            feature[place], bound[place] = node["feature_idx"], node["num_threshold"]
            put(int(node["left"]), 2 * place + 1)
            put(int(node["right"]), 2 * place + 2)

    put(0, 0)
    return feature, bound, leaf
