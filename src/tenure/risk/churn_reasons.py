"""Reasons: the three things that stand out most about a customer at risk.

A reason is an *association*: customers who look like this leave more often. It does not say that changing the figure
would keep anybody.

Two things make a reason. Its group weighs in the model (exact shares for the logistic regression, see
:meth:`tenure.risk.churn_models.Model.contributions`), and the shown measure stands out on the side on which customers
left more often when it is looked at by itself, beyond chance, so that no reason reads like its opposite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.risk.churn_features import MEASURES, RAN_OUT, View, shown_as
from tenure.words import Message, Money, Number, Percent, dumps, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tenure.risk.encoding import FeatureColumn
    from tenure.risk.learning import Predictor

HOW_MANY = 3
#: Standard deviations from what is ordinary below which a measure does not stand out.
APART = 0.25
# What rounding leaves of a measure that does not stand out.
_EPSILON = 1e-9
#: Stands under every list of reasons.
ASSOCIATION = mark("Customers with this profile leave more often. This is an association, not proof of a cause.")
_WITH_OWN = mark("%(what)s (%(own)s; customers who stayed: %(peers)s)")
_WITHOUT = mark("%(what)s (customers who stayed: %(peers)s)")
_PLAIN = mark("%(name)s: %(value)s (customers who stayed: %(peers)s)")
_SHARED = mark("%(name)s: %(value)s (also %(share)s of the customers who stayed)")


def weightiest(
    predictor: Predictor,
    columns: Sequence[FeatureColumn],
    number: int = HOW_MANY,
    measure_of: Callable[[str], str] = str,
) -> tuple[np.ndarray, np.ndarray]:
    """Return which parts of the encoding are shown for each row, and what their groups weigh.

    Groups that weigh come first, then groups that only stand out; where both are too few, further measures of the
    groups that were named.
    """
    parts, groups = predictor.model.encoding.parts, predictor.model.encoding.groups
    matrix = predictor.model.encoding.matrix(columns)
    picked, weights = np.full((len(matrix), number), -1), np.zeros((len(matrix), number))
    if not parts or not len(matrix):
        return picked, weights
    weight = predictor.model.contributions(matrix, predictor.usual)
    apart = matrix - predictor.ordinary()
    evidence = np.where(np.abs(apart) >= APART, apart * predictor.tendency, 0.0)
    values = {column.name: column for column in columns}
    for n, part in enumerate(parts):
        # There is nothing to show where the value is unknown, or the number only says whether it is.
        if part.missing:
            evidence[:, n] = -np.inf
        elif not values[part.column].is_text:
            evidence[~np.isfinite(values[part.column].values), n] = -np.inf
    place = np.array([groups.index(part.group) for part in parts])
    members = [np.flatnonzero(place == n) for n in range(len(groups))]
    best = np.stack([some[np.argmax(evidence[:, some], axis=1)] for some in members], axis=1)
    strength = np.take_along_axis(evidence, best, axis=1)
    rank = np.where(strength > _EPSILON, np.where(weight > 0, 1e6 + weight, strength), -np.inf)
    order = np.argsort(-rank, axis=1, kind="stable")[:, :number]
    stands_out = np.isfinite(np.take_along_axis(rank, order, axis=1))
    width = order.shape[1]
    picked[:, :width] = np.where(stands_out, np.take_along_axis(best, order, axis=1), -1)
    weights[:, :width] = np.where(stands_out, np.maximum(np.take_along_axis(weight, order, axis=1), 0.0), 0.0)
    measures = [measure_of(part.column) for part in parts]
    for row in np.flatnonzero((picked < 0).any(axis=1)):
        _fill(picked[row], evidence[row], measures)
    return picked, weights


def _fill(picked: np.ndarray, evidence: np.ndarray, measures: Sequence[str]) -> None:
    """Put further measures that stand out into the empty places of one row."""
    used = {measures[n] for n in picked if n >= 0}
    for n in np.argsort(-evidence, kind="stable"):
        empty = np.flatnonzero(picked < 0)
        if not len(empty) or not evidence[n] > _EPSILON:
            return
        if measures[n] not in used:
            picked[empty[0]] = n
            used.add(measures[n])


def reasons_of(
    predictor: Predictor, columns: Sequence[FeatureColumn], view: View, peers: Mapping[str, float | None], currency: str
) -> list[str]:
    """Return the reasons of customers as JSON lists, each reason with its message as ``text``."""
    parts = predictor.model.encoding.parts
    measures = {part.column: shown_as(part.column) for part in parts}
    values = {name: view.feature(name) for name in measures.values()}
    past = {name: own(view) for name in values if (own := MEASURES[name].own) is not None}
    lists = []
    for row, (places, weights) in enumerate(zip(*weightiest(predictor, columns, measure_of=shown_as), strict=True)):
        reasons = []
        for n, weight in zip(places, weights, strict=True):
            if n < 0:  # fewer measures stand out than are wanted
                break
            name = measures[parts[n].column]
            numbers = {
                "value": _rounded(values[name][row]),
                "own_past": _rounded(past[name][row]) if name in past else None,
                "peers": _rounded(peers.get(name)),
            }
            reasons.append(_reason(parts[n].group, name, numbers, float(weight), _message(name, numbers, currency)))
        lists.append(dumps(reasons))
    return lists


def _message(name: str, numbers: Mapping[str, float | None], currency: str) -> Message:
    measure, value = MEASURES[name], numbers["value"]
    template = measure.text
    if name == "to_end" and value is not None and value < 0:
        template, value = RAN_OUT, -value
    data: dict[str, Any] = {
        "what": Message(template, {"value": _formatted(measure.unit, value, currency)}),
        "peers": _formatted(measure.unit, numbers["peers"], currency),
    }
    if not measure.own_text or numbers["own_past"] is None:
        return Message(_WITHOUT, data)
    data["own"] = Message(measure.own_text, {"own": _formatted(measure.unit, numbers["own_past"], currency)})
    return Message(_WITH_OWN, data)


def _reason(group: str, measure: str, numbers: Mapping[str, Any], weight: float, text: Message) -> dict[str, Any]:
    head = {"group": group, "measure": measure, **numbers}
    return head | {"weight": round(weight, 4), "association": True, "text": text}


def _rounded(value: float | None) -> float | None:
    return round(float(value), 4) if value is not None and np.isfinite(value) else None


def _formatted(unit: str, value: float | None, currency: str) -> Number | Money | Percent:
    if unit == "share":
        return Percent(value, places=0)
    if unit == "money":
        # Cents say something of small amounts only.
        return Money(value, currency, places=0 if value is not None and abs(value) >= 100 else 2)
    return Number(value, at_most=1)


def group_weights(predictor: Predictor, columns: Sequence[FeatureColumn]) -> dict[str, float]:
    """Return how much each group moves customers apart: the mean absolute log odds it adds, largest first."""
    matrix = predictor.model.encoding.matrix(columns)
    if not matrix.shape[1]:
        return {}
    sample = matrix[:: max(len(matrix) // 5000, 1)]  # a mean needs no more than some thousand rows
    mean = np.abs(predictor.model.contributions(sample, predictor.usual)).mean(axis=0)
    weights = dict(zip(predictor.model.encoding.groups, map(float, mean), strict=True))
    return dict(sorted(weights.items(), key=lambda item: -item[1]))


def listed(
    predictor: Predictor, columns: Sequence[FeatureColumn], number: int = HOW_MANY
) -> list[list[dict[str, Any]]]:
    """Return the reasons of rows of a plain table: each column by its own name, without a past to compare with."""
    parts, by_name = predictor.model.encoding.parts, {column.name: column for column in columns}

    def reason(row: int, n: int, weight: float) -> dict[str, Any]:
        column = by_name[parts[n].column]
        name, value, peers = column.name, column.values[row], predictor.peers.get(column.name)
        if column.is_text:
            peers = (peers or {}).get(value, 0.0)
            text = Message(_SHARED, {"name": name, "value": value, "share": Percent(peers, places=0)})
        else:
            value = _rounded(value)
            data = {"name": name, "value": Number(value, at_most=1), "peers": Number(peers, at_most=1)}
            text = Message(_PLAIN, data)
        return _reason(column.group or name, name, {"value": value, "own_past": None, "peers": peers}, weight, text)

    picked, weights = weightiest(predictor, columns, number)
    return [
        [reason(row, n, float(weight)) for n, weight in zip(picked[row], weights[row], strict=True) if n >= 0]
        for row in range(len(picked))
    ]
