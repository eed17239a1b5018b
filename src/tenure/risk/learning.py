"""Learning with time kept in order: train on older snapshots, choose and calibrate on a later one, judge on the newest.

Nothing is chosen, calibrated and praised on the same rows. Two models are learnt, and are data once they are fitted:
logistic regression is within .003 AUC of small boosted trees on contract data and gives exact shares for nothing, so it
is what boosting has to beat.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.risk.calibration import Calibration, judged
from tenure.risk.encoding import Encoded, Encoding, FeatureColumn, LeakError, single_auc
from tenure.risk.trees import Trees
from tenure.stats import metrics
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

LOGISTIC, BOOSTING = "logistic", "boosting"
RIDGE = 0.5  # of scikit-learn's C: features of one group share their weight instead of taking opposite sides
PEERS, FOLDS = 5, 5
#: A single feature that ranks leavers better than this knows the answer …
TOO_GOOD = 0.98
#: … unless there are fewer leavers or stayers, where it may look that good by chance.
FEWEST = 30


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
        total = self.trees.log_odds(matrix)
        columns = []
        for n in range(len(groups)):
            without = [self.trees.log_odds(np.where(place == n, peer, matrix)) for peer in usual]
            columns.append(total - np.mean(without, axis=0))
        return np.column_stack(columns)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "encoding": [asdict(part) for part in self.encoding.parts],
            "weights": self.weights.tolist(),
            "start": self.start,
            "trees": None if self.trees is None else self.trees.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Classifier:
        trees = None if stored["trees"] is None else Trees.from_dict(stored["trees"])
        encoding = Encoding(tuple(Encoded(**part) for part in stored["encoding"]))
        return cls(stored["name"], encoding, np.array(stored["weights"], np.float64), stored["start"], trees)


@dataclass(frozen=True)
class Fold:
    """Labelled rows: the features of some customers on one snapshot, and who left afterwards."""

    columns: list[FeatureColumn]
    labels: np.ndarray

    def only(self, rows: np.ndarray) -> Fold:
        return Fold([column.take(rows) for column in self.columns], self.labels[rows])

    def without(self, rows: np.ndarray) -> Fold:
        return self.only(np.setdiff1d(np.arange(len(self.labels)), rows))

    def and_(self, other: Fold) -> Fold:
        pairs = zip(self.columns, other.columns, strict=True)
        columns = [FeatureColumn(a.name, np.concatenate((a.values, b.values)), a.group) for a, b in pairs]
        return Fold(columns, np.concatenate((self.labels, other.labels)))


@dataclass(frozen=True)
class Predictor:
    model: Classifier
    calibration: Calibration
    usual: np.ndarray  # encoded features of ordinary customers who stayed
    # how each number goes together with leaving: its correlation in the training rows, 0 within chance
    tendency: np.ndarray
    # each feature's median (of texts: the share of each) among those who stayed
    peers: dict[str, Any] = field(default_factory=dict)

    def probability(self, columns: Sequence[FeatureColumn]) -> np.ndarray:
        return self.calibration.probability(self.model.log_odds(self.model.encoding.matrix(columns)))

    def ordinary(self) -> np.ndarray:
        """Return what is ordinary among those who stayed, shape (parts,): medians, and shares of texts."""
        values = []
        for part in self.model.encoding.parts:
            peers = self.peers.get(part.column)
            if part.level is not None:
                values.append(((peers or {}).get(part.level, 0.0) - part.mean) / part.scale)
            else:
                median = np.array([np.nan if peers is None else float(peers)])
                values.append(float(part.of(FeatureColumn(part.column, median))[0]))
        return np.array(values)

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.to_dict(),
            "calibration": asdict(self.calibration),
            "usual": self.usual.tolist(),
            "tendency": self.tendency.tolist(),
            "peers": self.peers,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Predictor:
        model, calibration = Classifier.from_dict(stored["model"]), Calibration(**stored["calibration"])
        usual = np.array(stored["usual"], np.float64).reshape(-1, len(model.encoding.parts))
        return cls(model, calibration, usual, np.array(stored["tendency"], np.float64), dict(stored["peers"]))


def guarded(fold: Fold, trusted: Collection[str] = ()) -> dict[str, float]:
    """Return how well each feature ranks leavers alone; refuse one that knows the answer."""
    single = {column.name: single_auc(column, fold.labels) for column in fold.columns}
    too_few = min(fold.labels.sum(), (~fold.labels).sum()) < FEWEST
    for name, area in single.items():
        if not too_few and name not in trusted and max(area, 1 - area) > TOO_GOOD:
            text = mark(
                "%(name)s alone separates leavers from stayers (AUC %(auc)s), so it was probably recorded "
                "after they left. Remove it, or list it in trusted=[...] if you are sure."
            )
            raise LeakError(text, name=name, auc=f"{max(area, 1 - area):.3f}")
    return single


def predictor(name: str, train: Fold, later: Fold | None, seed: int) -> tuple[Predictor, float]:
    """Return a model fitted on some rows and calibrated on later ones (or, without, on folds of its own).

    With it comes its log loss on the rows it was calibrated on.
    """
    model = Classifier.learnt(name, train.columns, train.labels, seed)
    matrix = model.encoding.matrix(train.columns)
    if later is None:
        log_odds, labels = left_out(name, train, folds_of(train.labels, FOLDS, seed), seed), train.labels
    else:
        log_odds, labels = model.log_odds(model.encoding.matrix(later.columns)), later.labels
    # Ordinary customers who stayed: their mean, or for trees a few who stand evenly along the risk.
    usual = stayed = matrix[~train.labels]
    if model.trees is None:
        usual = stayed.mean(axis=0, keepdims=True)
    else:
        order = np.argsort(model.log_odds(stayed), kind="stable")
        usual = stayed[order[((np.arange(PEERS) + 0.5) / PEERS * len(order)).astype(int)]]
    centred = train.labels - train.labels.mean()
    tendency = matrix.T @ centred / (len(centred) * max(float(centred.std()), 1e-12))
    # Within two standard errors it may be chance.
    tendency = np.where(np.abs(tendency) * np.sqrt(len(centred)) > 2.0, tendency, 0.0)
    peers = {column.name: column.take(~train.labels).typical() for column in train.columns}
    calibration = Calibration.learnt(log_odds, labels)
    loss = metrics.log_loss(labels, calibration.probability(log_odds))
    return Predictor(model, calibration, usual, tendency, peers), loss


def left_out(name: str, fold: Fold, folds: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """Return each row's log odds by a model that was fitted without its fold."""
    log_odds = np.empty(len(fold.labels))
    for rows in folds:
        train = fold.without(rows)
        model = Classifier.learnt(name, train.columns, train.labels, seed)
        log_odds[rows] = model.log_odds(model.encoding.matrix(fold.only(rows).columns))
    return log_odds


def folds_of(labels: np.ndarray, folds: int, seed: int) -> list[np.ndarray]:
    """Return the rows of each fold, both labels spread evenly."""
    rng = np.random.default_rng(seed)
    number = np.empty(len(labels), dtype=np.int64)
    for label in (True, False):
        places = rng.permutation(np.flatnonzero(labels == label))
        number[places] = np.arange(len(places)) % folds
    return [np.flatnonzero(number == n) for n in range(folds)]


@dataclass(frozen=True)
class ModelComparison:
    chosen: str  # which has the smaller log loss on the fold it was chosen on
    figures: dict[str, Any]  # by model, on the newest fold, see :func:`tenure.risk.calibration.judged`
    probability: dict[str, np.ndarray]  # by model, of the rows of the newest fold


def compare(train: Fold, choose: Fold | None, newest: Fold, seed: int) -> ModelComparison:
    """Fit both models on `train`, choose and calibrate on `choose`, and judge on `newest`.

    Without `choose`, both are done by cross-validation inside `train`.
    """
    loss, figures, probability = {}, {}, {}
    for name in (LOGISTIC, BOOSTING):
        fitted, loss[name] = predictor(name, train, choose, seed)
        probability[name] = fitted.probability(newest.columns)
        figures[name] = judged(newest.labels, probability[name]) | {"loss_when_chosen": loss[name]}
    return ModelComparison(better(loss), figures, probability)


def better(loss: Mapping[str, float]) -> str:
    """Return the model to use: boosting has to win by more than noise, as the plainer model explains itself exactly."""
    return BOOSTING if loss[BOOSTING] < loss[LOGISTIC] - 0.002 else LOGISTIC
