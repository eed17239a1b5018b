"""A learner over a plain table: one row a customer, one column that says who left.

Without dates there is no later fold, so that models are compared and calibrated by cross-validation; the guards
against leaks are the same as for rolling snapshots.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.clock import MICROSECONDS_A_DAY, day_number
from tenure.errors import FactsError
from tenure.facts.frames import arrow_from
from tenure.risk.calibration import Calibration, judged
from tenure.risk.churn_models import BOOSTING, LOGISTIC, Model
from tenure.risk.churn_reasons import group_weights, listed
from tenure.risk.encoding import Column
from tenure.risk.guards import refuse_copies, refuse_disguises, refuse_later
from tenure.risk.learning import FOLDS, Fold, Predictor, folds_of, guarded, predictor
from tenure.stats import metrics
from tenure.stats.record import Fit, Gate
from tenure.words import mark, render

if TYPE_CHECKING:
    import pyarrow as pa

LABELS = 100
REPEATS = 2
SEED = 20_240_101
_YES = ("yes", "true", "1", "y", "t", "是", "已流失", "流失", "churned", "left")


@dataclass(frozen=True)
class Learnt:
    """What was learnt from a snapshot."""

    fit: Fit  # the chosen model with its figures; ``figures["models"]`` holds both models' AUC, Brier score and lift
    predictor: Predictor  # fitted on all rows
    left_out: np.ndarray  # each row's probability by a model that was fitted without it
    columns: list[Column]  # the features, as read
    as_of: date | None = None  # the day of the snapshot

    @property
    def auc(self) -> float:
        """AUC of the chosen model on rows left out, averaged over all folds."""
        return float(self.fit.figures["models"][self.fit.model]["auc"])

    def probability(self, table: object) -> np.ndarray:
        """Return the probability that each customer of a table leaves, shape (rows,)."""
        return self.predictor.probability(self._read(table))

    def reasons(self, table: object, number: int = 3, language: str | None = None) -> list[list[dict[str, Any]]]:
        """Return up to `number` reasons for each customer of a table: associations, their ``text`` in a language."""
        reasons: list[list[dict[str, Any]]] = render(listed(self.predictor, self._read(table), number), language)
        return reasons

    def _read(self, table: object) -> list[Column]:
        arrow = arrow_from(table)
        return [
            _column(arrow, column.name, column.group, as_of=self.as_of, text=column.is_text) for column in self.columns
        ]


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
    arrow = arrow_from(table)
    labels = _labels(arrow, target, positive)
    _refuse_times(arrow, as_of, known_on or {})
    ids = _ids(arrow, identifiers)
    dates = {name for name in (known_on or {}).values() if isinstance(name, str)}
    names = [name for name in arrow.column_names if name not in {target, *identifiers, *dates}]
    group_of = {name: group for group, some in (groups or {}).items() for name in some}
    columns = [_column(arrow, name, group_of.get(name, name), as_of=as_of) for name in names]
    refuse_disguises(columns, target, trusted)
    refuse_copies(columns, labels, ids, trusted)
    fold = Fold(columns, labels)
    single = guarded(fold, trusted)
    return replace(_learnt(fold, single), as_of=as_of)


def _learnt(fold: Fold, single: dict[str, float]) -> Learnt:
    counts = (int(fold.labels.sum()), int((~fold.labels).sum()))
    gates = (Gate("left", LABELS, counts[0]), Gate("stayed", LABELS, counts[1]))
    if not all(gate.passed for gate in gates):
        raise FactsError(
            mark(
                "%(left)s customers left and %(stayed)s stayed. At least %(needed)s of each are needed to learn who "
                "leaves."
            ),
            left=counts[0],
            stayed=counts[1],
            needed=LABELS,
        )
    seed = SEED
    tried = {name: _validated(name, fold, seed) for name in (LOGISTIC, BOOSTING)}
    figures = {name: one[0] for name, one in tried.items()}
    wins = figures[BOOSTING]["log_loss"] < figures[LOGISTIC]["log_loss"] - 0.002
    chosen = BOOSTING if wins else LOGISTIC
    made = predictor(chosen, fold, None, seed)
    fit = Fit(
        "churn-snapshot",
        chosen,
        gates=gates,
        params=made.to_dict(),
        figures={"models": figures, "single_auc": single, "group_weights": group_weights(made, fold.columns)},
        customers=len(fold.labels),
        seed=seed,
    )
    return Learnt(fit, made, tried[chosen][1], fold.columns)


def _validated(name: str, fold: Fold, seed: int) -> tuple[dict[str, Any], np.ndarray]:
    """Return a model's figures over two times five folds, and the probabilities of rows left out."""
    areas, probability = [], np.zeros(len(fold.labels))
    for repeat in range(REPEATS):
        folds = folds_of(fold.labels, FOLDS, seed + repeat)
        log_odds = np.empty(len(fold.labels))
        for rows in folds:
            part = fold.only(np.setdiff1d(np.arange(len(fold.labels)), rows))
            model = Model.learnt(name, part.columns, part.labels, seed)
            log_odds[rows] = model.log_odds(model.encoding.matrix(fold.only(rows).columns))
            areas.append(metrics.auc(fold.labels[rows], log_odds[rows]))
        for rows in folds:  # calibrated on the other folds' rows, none of which its model had seen
            others = np.setdiff1d(np.arange(len(fold.labels)), rows)
            made = Calibration.learnt(log_odds[others], fold.labels[others])
            probability[rows] += made.probability(log_odds[rows]) / REPEATS
    found = judged(fold.labels, probability)
    return found | {"auc": float(np.mean(areas)), "auc_spread": float(np.std(areas)), "aucs": areas}, probability


# Reading a table


def _labels(table: pa.Table, target: str, positive: object) -> np.ndarray:
    if target not in table.column_names:
        raise FactsError(
            mark("There is no column %(name)r to learn. The columns are: %(names)s."),
            name=target,
            names=", ".join(table.column_names),
        )
    values = table.column(target).to_pylist()
    found = sorted({str(value) for value in values if value is not None})
    wanted = str(positive) if positive is not None else next((one for one in found if one.lower() in _YES), "")
    if len(found) != 2 or None in values or wanted not in found:
        raise FactsError(
            mark(
                "Column %(name)s must say of every customer whether they left, by two values, and which means that "
                "they did (positive=...). It holds: %(values)s."
            ),
            name=target,
            values=", ".join(found[:10]),
        )
    return np.array([str(value) == wanted for value in values])


def _ids(table: pa.Table, identifiers: Collection[str]) -> np.ndarray | None:
    first = next((name for name in identifiers if name in table.column_names), None)
    return None if first is None else np.array([str(one) for one in table.column(first).to_pylist()])


def _refuse_times(table: pa.Table, as_of: date | None, known_on: Mapping[str, str | date]) -> None:
    """Refuse features that became known after the snapshot, and days that lie after it."""
    import pyarrow as pa

    days = {name: name for name in table.column_names if pa.types.is_temporal(table.schema.field(name).type)}
    for name, known in {**days, **known_on}.items():
        if as_of is None:
            raise FactsError(
                mark("%(name)s holds days. Give as_of=..., the day of the snapshot, to compare them with."), name=name
            )
        newest = known if isinstance(known, date) else _newest(table, known)
        if newest is not None:
            refuse_later(name, newest, as_of)


def _newest(table: pa.Table, name: str) -> date | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    value = pc.max(table.column(name).cast(pa.timestamp("us"))).as_py()
    return value.date() if isinstance(value, datetime) else None


def _column(table: pa.Table, name: str, group: str, *, as_of: date | None = None, text: bool | None = None) -> Column:
    import pyarrow as pa

    if name not in table.column_names:
        raise FactsError(
            mark("There is no column %(name)r, which the model was fitted with. The columns are: %(names)s."),
            name=name,
            names=", ".join(table.column_names),
        )
    column = table.column(name)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(pa.string())
    if pa.types.is_temporal(kind) and as_of is not None:
        micros = column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64())
        day = np.asarray(micros.to_numpy(zero_copy_only=False), np.float64) // MICROSECONDS_A_DAY
        return Column(name, day_number(as_of) - day, group)
    if text if text is not None else pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return Column(name, np.array([None if one is None else str(one) for one in column.to_pylist()], object), group)
    numbers = (
        column.cast(pa.float64()) if not pa.types.is_boolean(column.type) else column.cast(pa.int8()).cast("float64")
    )
    return Column(name, np.asarray(numbers.to_numpy(zero_copy_only=False), np.float64), group)
