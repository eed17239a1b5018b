"""A learner over a plain table: one row a customer, one column that says who left.

Without dates there is no later fold, so that models are compared and calibrated by cross-validation; the guards
against leaks are the same as for rolling snapshots.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import MICROSECONDS_A_DAY, day_number
from tenure.errors import FactsError
from tenure.facts.frames import arrow_from
from tenure.risk import learning
from tenure.risk.calibration import Calibration, judged
from tenure.risk.churn_reasons import group_weights, listed
from tenure.risk.encoding import FeatureColumn, LeakError
from tenure.risk.learning import BOOSTING, FOLDS, LOGISTIC, Fold, Predictor
from tenure.stats import metrics
from tenure.stats.record import Fit, Gate
from tenure.words import mark, render

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

LABELS = 100
REPEATS = 2
SEED = 20_240_101
_YES = ("yes", "true", "1", "y", "t", "是", "已流失", "流失", "churned", "left")
#: Shorter names of targets (``y``) stand in too many other names to mean anything.
SHORTEST = 4
_IDENTIFIER = re.compile(
    r"(^|_)(id|uuid|guid|phone|email|mobile)$|^(id|name|phone|email|customer)$|编号$|手机号?$|姓名$"
)


@dataclass(frozen=True)
class Learnt:
    fit: Fit  # the model in use with its figures; ``figures["models"]`` holds both models' AUC, Brier score and lift
    predictor: Predictor  # fitted on all rows
    left_out: np.ndarray  # each row's probability by a model that was fitted without it
    columns: list[FeatureColumn]  # the features, as read
    as_of: date | None = None  # the day of the snapshot

    @property
    def auc(self) -> float:
        """AUC of the model in use on rows left out, averaged over all folds."""
        return float(self.fit.figures["models"][self.fit.model]["auc"])

    def probability(self, table: object) -> np.ndarray:
        """Return the probability that each customer of a table leaves, shape (rows,)."""
        return self.predictor.probability(self._read(table))

    def reasons(self, table: object, number: int = 3, language: str | None = None) -> list[list[dict[str, Any]]]:
        """Return up to `number` reasons for each customer of a table: associations, their ``text`` in a language."""
        reasons: list[list[dict[str, Any]]] = render(listed(self.predictor, self._read(table), number), language)
        return reasons

    def _read(self, table: object) -> list[FeatureColumn]:
        arrow = arrow_from(table)
        return [_column(arrow, column.name, column.group, self.as_of, column.is_text) for column in self.columns]


def snapshot(
    table: object,
    target: str,
    *,
    positive: object = None,
    as_of: date | None = None,
    known_on: Mapping[str, str | date] | None = None,
    identifiers: Collection[str] = (),
    groups: Mapping[str, Collection[str]] | None = None,
    trusted: Collection[str] = (),
) -> Learnt:
    """Learn who leaves from a table that shows each customer once."""
    arrow, known_on = arrow_from(table), known_on or {}
    labels = _labels(arrow, target, positive)
    _refuse_times(arrow, as_of, known_on)
    first = next((name for name in identifiers if name in arrow.column_names), None)
    ids = None if first is None else np.array([str(value) for value in arrow.column(first).to_pylist()])
    dates = {name for name in known_on.values() if isinstance(name, str)}
    names = [name for name in arrow.column_names if name not in {target, *identifiers, *dates}]
    group_of = {name: group for group, members in (groups or {}).items() for name in members}
    columns = [_column(arrow, name, group_of.get(name, name), as_of) for name in names]
    refuse_disguises(columns, target, trusted)
    refuse_copies(columns, labels, ids, trusted)
    fold = Fold(columns, labels)
    single = learning.guarded(fold, trusted)
    left, stayed = int(labels.sum()), int((~labels).sum())
    gates = (Gate("left", LABELS, left), Gate("stayed", LABELS, stayed))
    if not all(gate.passed for gate in gates):
        text = mark("%(left)s customers left and %(stayed)s stayed. Training needs at least %(needed)s of each.")
        raise FactsError(text, left=left, stayed=stayed, needed=LABELS)
    tried = {name: _validated(name, fold) for name in (LOGISTIC, BOOSTING)}
    models = {name: figures for name, (figures, _) in tried.items()}
    best = learning.better({name: figures["log_loss"] for name, figures in models.items()})
    fitted, _loss = learning.predictor(best, fold, None, SEED)
    figures = {"models": models, "single_auc": single, "group_weights": group_weights(fitted, columns)}
    fit = Fit("churn-snapshot", best, "ok", gates, fitted.to_dict(), figures, {}, len(labels), SEED)
    return Learnt(fit, fitted, tried[best][1], columns, as_of)


def _validated(name: str, fold: Fold) -> tuple[dict[str, Any], np.ndarray]:
    """Return a model's figures over two times five folds, and the probabilities of rows left out."""
    labels, areas, probability = fold.labels, [], np.zeros(len(fold.labels))
    for repeat in range(REPEATS):
        folds = learning.folds_of(labels, FOLDS, SEED + repeat)
        log_odds = learning.left_out(name, fold, folds, SEED)
        for rows in folds:
            areas.append(metrics.auc(labels[rows], log_odds[rows]))
            # Calibrated on the other folds' rows, none of which its model had learnt from.
            others = np.setdiff1d(np.arange(len(labels)), rows)
            calibration = Calibration.learnt(log_odds[others], labels[others])
            probability[rows] += calibration.probability(log_odds[rows]) / REPEATS
    spread = {"auc": float(np.mean(areas)), "auc_spread": float(np.std(areas)), "aucs": areas}
    return judged(labels, probability) | spread, probability


# Guards against leaks


def refuse_disguises(columns: Collection[FeatureColumn], target: str, trusted: Collection[str] = ()) -> None:
    """Refuse identifiers, and columns that carry the target's name."""

    def bare(name: str) -> str:
        return re.sub(r"(ed|ing|s)$", "", re.sub(r"[^\w]|_", "", name.lower()))

    for column in columns:
        if column.name in trusted:
            continue
        if len(target) >= SHORTEST and bare(target) and bare(target) in bare(column.name):
            text = mark(
                "%(name)s contains the name of the target %(target)s, so it may be derived from it. "
                "Remove it, or list it in trusted=[...]."
            )
            raise LeakError(text, name=column.name, target=target)
        if _IDENTIFIER.search(column.name.lower()) or column.names_everybody():
            text = mark(
                "%(name)s identifies customers instead of describing them. Remove it, or list it in identifiers=[...]."
            )
            raise LeakError(text, name=column.name)


def refuse_copies(
    columns: Collection[FeatureColumn], labels: np.ndarray, ids: np.ndarray | None = None, trusted: Collection[str] = ()
) -> None:
    """Refuse rows that were copied or made up (resampling) before they are split.

    A copy of a customer in the training part and another in the test part make any model look right. Three traces are
    looked for: an id that stands twice; rows of one label that repeat themselves far more often than the other's;
    whole numbers that are whole for one label only, because rows of the other were mixed from neighbours.
    """
    if ids is not None and len(np.unique(ids)) < len(ids):
        raise LeakError(mark("Some customers appear more than once. Keep one row per customer and snapshot."))
    size, repeats = int(min(labels.sum(), (~labels).sum())), {}
    for label in (True, False):
        # As many rows as the rarer label has: the commoner repeats itself more by nature.
        places = np.flatnonzero(labels == label)
        places = places[np.linspace(0, len(places) - 1, size).astype(int)]
        rows = np.column_stack([column.codes()[places] for column in columns])
        repeats[label] = 1.0 - len(np.unique(rows, axis=0)) / len(rows) if len(rows) else 0.0
    if any(repeats[label] > 0.2 + 2 * repeats[not label] for label in repeats):
        text = mark(
            "Many rows of one class are duplicates: the data was resampled before splitting. Pass the original rows."
        )
        raise LeakError(text)
    mixed = next((column.name for column in columns if column.name not in trusted and column.is_mixed(labels)), None)
    if mixed is not None:
        text = mark(
            "%(name)s has whole numbers for one class but not for the other: the data was resampled "
            "before splitting. Pass the original rows."
        )
        raise LeakError(text, name=mixed)


# Reading a table


def _labels(table: pa.Table, target: str, positive: object) -> np.ndarray:
    if target not in table.column_names:
        text = mark("There is no target column %(name)r. Columns: %(names)s.")
        raise FactsError(text, name=target, names=", ".join(table.column_names))
    values = table.column(target).to_pylist()
    names = sorted({str(value) for value in values if value is not None})
    left = str(positive) if positive is not None else next((name for name in names if name.lower() in _YES), "")
    if len(names) != 2 or None in values or left not in names:
        text = mark(
            "Column %(name)s must have exactly two values; specify the one that means the customer left "
            "with positive=... Values found: %(values)s."
        )
        raise FactsError(text, name=target, values=", ".join(names[:10]))
    return np.array([str(value) == left for value in values])


def _refuse_times(table: pa.Table, as_of: date | None, known_on: Mapping[str, str | date]) -> None:
    days = {name: name for name in table.column_names if pa.types.is_temporal(table.schema.field(name).type)}
    for name, known in {**days, **known_on}.items():
        if as_of is None:
            text = mark("%(name)s contains dates. Pass the snapshot date as as_of=...")
            raise FactsError(text, name=name)
        last = pc.max(table.column(known).cast(pa.timestamp("us"))).as_py() if isinstance(known, str) else known
        newest = last.date() if isinstance(last, datetime) else last
        if newest is not None and newest > as_of:
            text = mark(
                "%(name)s contains information from %(known)s, after the snapshot of %(snapshot)s. Remove it, "
                "or use its value as of the snapshot."
            )
            raise LeakError(text, name=name, known=newest, snapshot=as_of)


def _column(table: pa.Table, name: str, group: str, as_of: date | None, text: bool | None = None) -> FeatureColumn:
    """Return a column as a model reads it; `text` is None when that is seen from its type."""
    if name not in table.column_names:
        message = mark("Column %(name)r, which the model was fitted with, is missing. Columns: %(names)s.")
        raise FactsError(message, name=name, names=", ".join(table.column_names))
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string())
    kind = column.type
    if pa.types.is_temporal(kind) and as_of is not None:
        micros = column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64())
        day = np.asarray(micros.to_numpy(zero_copy_only=False), np.float64) // MICROSECONDS_A_DAY
        return FeatureColumn(name, day_number(as_of) - day, group)
    if text if text is not None else pa.types.is_string(kind) or pa.types.is_large_string(kind):
        values = [None if value is None else str(value) for value in column.to_pylist()]
        return FeatureColumn(name, np.array(values, object), group)
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())  # Arrow casts no truth to a float
    numbers = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return FeatureColumn(name, np.asarray(numbers, np.float64), group)
