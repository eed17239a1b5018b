"""The two learnt models: logistic regression, and small boosted trees. Both are data once they are fitted.

Logistic regression is within .003 AUC of boosting on contract data and gives exact shares for nothing, so it is what
boosting has to beat.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.risk.encoding import Encoding
from tenure.risk.trees import Trees

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.risk.encoding import FeatureColumn

LOGISTIC, BOOSTING = "logistic", "boosting"
RIDGE = 0.5  # of scikit-learn's C: features of one group share their weight instead of taking opposite sides


@dataclass(frozen=True)
class Classifier:
    name: str  # ``logistic`` or ``boosting``
    encoding: Encoding
    weights: np.ndarray = field(default_factory=lambda: np.empty(0))  # log odds per standard deviation, if logistic
    start: float = 0.0  # log odds of an ordinary customer, if logistic
    trees: Trees | None = None  # if boosting

    @classmethod
    def learnt(cls, name: str, columns: Sequence[FeatureColumn], labels: np.ndarray, seed: int) -> Classifier:
        """Fit a model to the features of training rows and who left; both labels must occur."""
        encoding = Encoding.learnt(columns)
        matrix = encoding.matrix(columns)
        if name == BOOSTING and matrix.shape[1]:
            return cls(name, encoding, trees=Trees.fit(matrix, labels, seed))
        if not matrix.shape[1]:
            odds = (labels.sum() + 0.5) / ((~labels).sum() + 0.5)
            return cls(LOGISTIC, encoding, np.empty(0), float(np.log(odds)))
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        model = LogisticRegression(C=RIDGE, max_iter=2000)
        with threadpool_limits(1):  # so few columns that threads only wait for each other
            model.fit(matrix, labels)
        return cls(LOGISTIC, encoding, model.coef_[0].astype(np.float64), float(model.intercept_[0]))

    def log_odds(self, matrix: np.ndarray) -> np.ndarray:
        if self.trees is not None:
            return self.trees.log_odds(matrix)
        # Column by column: a library's blocked product gives one row another last digit than a thousand rows.
        total = np.zeros(len(matrix))
        for n, weight in enumerate(self.weights):
            total += matrix[:, n] * weight
        return self.start + total

    def contributions(self, matrix: np.ndarray, usual: np.ndarray) -> np.ndarray:
        """Return how much of the log odds comes from each group, shape (rows, groups).

        `usual` are encoded features of some ordinary peers. Exact for the logistic regression: weight times deviation
        from the peers, added up over the group. For boosting an approximation: what the log odds lose, on average over
        the peers, when the group's features are put to the peer's, one group at a time; what two groups do only
        together is counted in both.
        """
        groups = self.encoding.groups
        place = np.array([groups.index(part.group) for part in self.encoding.parts], dtype=np.int64)
        if self.trees is None:
            share = (matrix - usual.mean(axis=0)) * self.weights
            return np.column_stack([share[:, place == n].sum(axis=1) for n in range(len(groups))])
        whole = self.trees.log_odds(matrix)
        columns = []
        for n in range(len(groups)):
            without = [self.trees.log_odds(np.where(place == n, peer, matrix)) for peer in usual]
            columns.append(whole - np.mean(without, axis=0))
        return np.column_stack(columns)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "encoding": self.encoding.to_list(),
            "weights": [float(weight) for weight in self.weights],
            "start": float(self.start),
            "trees": None if self.trees is None else self.trees.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Classifier:
        trees = None if stored["trees"] is None else Trees.from_dict(stored["trees"])
        encoding = Encoding.from_list(stored["encoding"])
        return cls(stored["name"], encoding, np.array(stored["weights"], np.float64), stored["start"], trees)
