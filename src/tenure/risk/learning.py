"""Learning with time kept in order: train on older snapshots, choose and calibrate on a later one, judge on the newest.

Nothing is chosen, calibrated and praised on the same rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.risk.calibration import Calibration, judged
from tenure.risk.churn_models import BOOSTING, LOGISTIC, Model
from tenure.risk.encoding import Column, single_auc
from tenure.risk.guards import refuse_oracles
from tenure.stats import metrics

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

PEERS = 5
FOLDS = 5


@dataclass(frozen=True)
class Fold:
    """Labelled rows: the features of some customers on one snapshot, and who left afterwards."""

    columns: list[Column]
    labels: np.ndarray

    def only(self, rows: np.ndarray) -> Fold:
        """Return some of the rows."""
        return Fold(
            [Column(column.name, column.values[rows], column.group) for column in self.columns], self.labels[rows]
        )

    def and_(self, other: Fold) -> Fold:
        """Return the rows of both."""
        pairs = zip(self.columns, other.columns, strict=True)
        columns = [Column(a.name, np.concatenate((a.values, b.values)), a.group) for a, b in pairs]
        return Fold(columns, np.concatenate((self.labels, other.labels)))


@dataclass(frozen=True)
class Predictor:
    """A calibrated model with what explaining it needs."""

    model: Model
    calibration: Calibration
    usual: np.ndarray  # encoded features of ordinary customers who stayed
    # how each number goes together with leaving: its correlation in the training rows, 0 within chance
    tendency: np.ndarray
    # each feature's median (of texts: the share of each) among those who stayed
    peers: dict[str, Any] = field(default_factory=dict)

    def probability(self, columns: Sequence[Column]) -> np.ndarray:
        """Return the probability that each customer leaves."""
        return self.of_matrix(self.model.encoding.matrix(columns))

    def of_matrix(self, matrix: np.ndarray) -> np.ndarray:
        """Return probabilities of encoded rows."""
        return self.calibration.probability(self.model.log_odds(matrix))

    def ordinary(self) -> np.ndarray:
        """Return what is ordinary among those who stayed, shape (parts,): medians, and shares of texts."""
        found = []
        for part in self.model.encoding.parts:
            peers = self.peers.get(part.column)
            if part.level is not None:
                found.append(((peers or {}).get(part.level, 0.0) - part.mean) / part.scale)
            else:
                value = np.nan if peers is None else float(peers)
                found.append(float(part.of(Column(part.column, np.array([value])))[0]))
        return np.array(found)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "model": self.model.to_dict(),
            "calibration": self.calibration.to_dict(),
            "usual": self.usual.tolist(),
            "tendency": [float(one) for one in self.tendency],
            "peers": {name: peer if isinstance(peer, dict) else _finite(peer) for name, peer in self.peers.items()},
        }

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Predictor:
        """Return what :meth:`to_dict` wrote."""
        model = Model.from_dict(found["model"])
        usual = np.array(found["usual"], np.float64).reshape(-1, len(model.encoding.parts))
        calibration = Calibration.from_dict(found["calibration"])
        return cls(model, calibration, usual, np.array(found["tendency"], np.float64), dict(found["peers"]))


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None


def guarded(fold: Fold, trusted: Collection[str] = ()) -> dict[str, float]:
    """Return how well each feature ranks leavers alone; refuse one that knows the answer."""
    single = {column.name: single_auc(column, fold.labels) for column in fold.columns}
    refuse_oracles(single, fold.labels, trusted)
    return single


def predictor(name: str, train: Fold, later: Fold | None, seed: int) -> Predictor:
    """Return a model fitted on some rows and calibrated on later ones (or, without, on folds of its own)."""
    model = Model.learnt(name, train.columns, train.labels, seed)
    matrix = model.encoding.matrix(train.columns)
    if later is None:
        log_odds, labels = _left_out(name, train, seed), train.labels
    else:
        log_odds, labels = model.log_odds(model.encoding.matrix(later.columns)), later.labels
    calibration = Calibration.learnt(log_odds, labels)
    return Predictor(model, calibration, _usual(model, matrix, train), _tendency(matrix, train), _peers(train))


def _left_out(name: str, train: Fold, seed: int) -> np.ndarray:
    """Return each row's log odds by a model that was fitted without it."""
    log_odds = np.empty(len(train.labels))
    for rows in folds_of(train.labels, FOLDS, seed):
        rest = np.setdiff1d(np.arange(len(train.labels)), rows)
        part = train.only(rest)
        model = Model.learnt(name, part.columns, part.labels, seed)
        log_odds[rows] = model.log_odds(model.encoding.matrix(train.only(rows).columns))
    return log_odds


def folds_of(labels: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """Return the rows of each fold, both sorts spread evenly."""
    rng = np.random.default_rng(seed)
    number = np.empty(len(labels), dtype=np.int64)
    for sort in (True, False):
        places = rng.permutation(np.flatnonzero(labels == sort))
        number[places] = np.arange(len(places)) % folds
    return [np.flatnonzero(number == n) for n in range(folds)]


def _usual(model: Model, matrix: np.ndarray, train: Fold) -> np.ndarray:
    """Return ordinary customers who stayed: their mean, or for trees a few who stand evenly along the risk."""
    stayed = matrix[~train.labels]
    if model.trees is None:
        return stayed.mean(axis=0, keepdims=True)
    order = np.argsort(model.log_odds(stayed), kind="stable")
    return stayed[order[((np.arange(PEERS) + 0.5) / PEERS * len(order)).astype(int)]]


def _tendency(matrix: np.ndarray, train: Fold) -> np.ndarray:
    """Return each number's correlation with leaving; 0 where it may be chance (within two standard errors)."""
    labels = train.labels - train.labels.mean()
    found = matrix.T @ labels / (len(labels) * max(float(labels.std()), 1e-12))
    return np.where(np.abs(found) * np.sqrt(len(labels)) > 2.0, found, 0.0)


def _peers(train: Fold) -> dict[str, Any]:
    return {column.name: _middle(column, ~train.labels) for column in train.columns}


def _middle(column: Column, rows: np.ndarray) -> Any:
    values = column.values[rows]
    if column.is_text:
        known, counts = np.unique([str(value) for value in values if value is not None], return_counts=True)
        return {str(one): float(count / len(values)) for one, count in zip(known, counts, strict=True) if count > 1}
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


@dataclass(frozen=True)
class Compared:
    """Both models on the same folds."""

    chosen: str  # which has the smaller log loss on the fold it was chosen on
    figures: dict[str, Any]  # by model, on the newest fold, see :func:`tenure.risk.calibration.judged`
    probability: dict[str, np.ndarray]  # by model, of the rows of the newest fold


def compared(train: Fold, choose: Fold | None, newest: Fold, seed: int) -> Compared:
    """Fit both models on `train`, choose and calibrate on `choose`, and judge on `newest`.

    Without `choose`, both are done by cross-validation inside `train`.
    """
    loss, figures, probability = {}, {}, {}
    for name in (LOGISTIC, BOOSTING):
        made = predictor(name, train, choose, seed)
        if choose is None:
            said = made.calibration.probability(_left_out(name, train, seed))
            loss[name] = metrics.log_loss(train.labels, said)
        else:
            loss[name] = metrics.log_loss(choose.labels, made.probability(choose.columns))
        probability[name] = made.probability(newest.columns)
        figures[name] = judged(newest.labels, probability[name]) | {"loss_when_chosen": loss[name]}
    # Boosting has to win by more than noise: the plainer model explains itself exactly.
    chosen = BOOSTING if loss[BOOSTING] < loss[LOGISTIC] - 0.002 else LOGISTIC
    return Compared(chosen, figures, probability)
