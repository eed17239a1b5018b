"""From a measure of a rule to its steps, for a block of customers.

One small function per measure; the arithmetic of steps stands in :mod:`tenure.rules.evaluation.steps`. It never
decides whether a rule holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import SCALE, Block, Events, day_number_of, who_of
from tenure.rules.evaluation import steps
from tenure.rules.evaluation.steps import Steps
from tenure.rules.syntax.tree import Arithmetic, Measure, Negative, Node, Number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

NOUGHT = 1e-13  # what rounding leaves of 0.1 + 0.2 - 0.3

Mask = np.ndarray | None  # which are known; None when all are


@dataclass(frozen=True, slots=True)
class Values:
    """A number at some moments."""

    now: np.ndarray  # the number at the moment
    grows: np.ndarray | float = 0.0  # what it gains with every day that passes until the next moment
    known: Mask = None  # which are known; None when all are
    whole: bool = False  # whether they are whole numbers by nature, so that comparing them needs no tolerance


def both_known(a: Mask, b: Mask) -> Mask:
    """Return where both are known."""
    if a is None or b is None:
        return b if a is None else a
    return a & b


@dataclass
class Reading:
    """A block of customers being read for some rules: every measure's steps are made once."""

    block: Block  # the customers and their facts
    # published figures, ``{name: {customer_id: number}}``, read by ``score(name)``
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    _steps: dict[Measure, Steps] = field(default_factory=dict)
    _breaks: dict[Measure, tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)
    _texts: dict[str, list[object]] = field(default_factory=dict)

    def steps(self, measure: Measure) -> Steps:
        """Return the steps of a measure that is made of facts."""
        if measure not in self._steps:
            self._steps[measure] = _MAKERS[measure.name](self.block, measure)
        return self._steps[measure]

    def values(self, node: Node, points: np.ndarray) -> Values:
        """Return what a number of a rule is at some moments."""
        match node:
            case Number(value=value):
                return Values(np.full(len(points), float(value)), whole=float(value).is_integer())
            case Negative(operand=operand):
                inner = self.values(operand, points)
                return Values(-inner.now, -inner.grows, inner.known, inner.whole)
            case Arithmetic(operator=operator, left=left, right=right):
                return _ARITHMETIC[operator](self.values(left, points), self.values(right, points))
            case Measure(name="attribute" | "score"):
                return self._of_customer(node, points)
            case Measure():
                now, known = self.steps(node).at(points)
                if node.waits:
                    return Values(day_number_of(points) - now, 1.0, known, whole=True)
                return Values(now, 0.0, known, whole=node.name in _WHOLE)
        raise TypeError(node)

    def waited(self, node: Node) -> Values:
        """Return what a number made of one waiting time is on the day of the fact it waits from."""
        match node:
            case Measure():
                return Values(np.zeros(1), 1.0, whole=True)
            case Negative(operand=operand):
                inner = self.waited(operand)
                return Values(-inner.now, -inner.grows, None, inner.whole)
            case Arithmetic(operator=operator, left=left, right=right):
                return _ARITHMETIC[operator](self.waited(left), self.waited(right))
        return self.values(node, np.zeros(1, dtype=np.int64))

    def breaks(self, measure: Measure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return for a waiting time's facts: customers' firsts, days since the one before, the ones after a break.

        A break is longer than a day: only there can anything have happened.
        """
        if measure not in self._breaks:
            keys = self.steps(measure).keys
            first = steps.starts(keys)
            before = np.zeros(len(keys), dtype=np.int64)
            before[1:] = keys[1:] - keys[:-1]
            before[first] = 0
            self._breaks[measure] = np.flatnonzero(first), before, np.flatnonzero(before > 1)
        return self._breaks[measure]

    def change_points(self, node: Node) -> np.ndarray:
        """Return the moments at which the measures below a node change."""
        measures = [
            part for part in node.walk() if isinstance(part, Measure) and part.name not in ("attribute", "score")
        ]
        return steps.merge(*(self.steps(measure).keys for measure in measures))

    def _of_customer(self, measure: Measure, points: np.ndarray) -> Values:
        numbers = np.array([_number(value) for value in self.texts(measure)], dtype=np.float64)
        now = numbers[who_of(points)] if len(numbers) else np.empty(0)
        known = ~np.isnan(now)
        return Values(np.where(known, now, 0.0), 0.0, known)

    def texts(self, measure: Measure) -> list[object]:
        """Return an attribute, or a score, of each customer of the block; None where it is not set."""
        asked = str(measure)
        if asked not in self._texts:
            if measure.name == "score":
                figures = self.scores.get(measure.argument, {})
                self._texts[asked] = [figures.get(one) for one in self.block.ids.to_pylist()]
            else:
                self._texts[asked] = [record.get(measure.argument) for record in self._attributes()]
        return self._texts[asked]

    def _attributes(self) -> list[dict[str, object]]:
        if "" not in self._texts:
            self._texts[""] = list(_attribute_records(self.block))
        return self._texts[""]  # type: ignore[return-value]


def _attribute_records(block: Block) -> list[dict[str, object]]:
    if block.customers is None:
        return [{} for _ in range(len(block))]
    own = [name for name in ("name", "phone", "email", "kind") if name in block.customers.column_names]
    columns = {name: block.customers.column(name).to_pylist() for name in own}
    more = block.customers.column("attributes").to_pylist() if "attributes" in block.customers.column_names else []
    records = []
    for n in range(len(block)):
        record: dict[str, object] = {name: column[n] for name, column in columns.items() if column[n] is not None}
        record.update(json.loads(more[n]) if more and more[n] else {})
        records.append(record)
    return records


def _number(value: object) -> float:
    if isinstance(value, bool) or value is None:
        return float("nan") if value is None else float(value)
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


# Arithmetic: a number that grows stays one that grows evenly; the grammar refuses what would not.


def _add(a: Values, b: Values) -> Values:
    return Values(a.now + b.now, a.grows + b.grows, both_known(a.known, b.known), a.whole and b.whole)


def _subtract(a: Values, b: Values) -> Values:
    return Values(a.now - b.now, a.grows - b.grows, both_known(a.known, b.known), a.whole and b.whole)


def _multiply(a: Values, b: Values) -> Values:
    return Values(a.now * b.now, a.grows * b.now + a.now * b.grows, both_known(a.known, b.known), a.whole and b.whole)


def _divide(a: Values, b: Values) -> Values:
    known = both_known(a.known, b.known)
    nought = np.abs(b.now) <= NOUGHT
    divisor = np.where(nought, 1.0, b.now)
    if nought.any():
        known = both_known(known, ~nought)
    return Values(a.now / divisor, a.grows / divisor, known)


_ARITHMETIC: dict[str, Callable[[Values, Values], Values]] = {"+": _add, "-": _subtract, "*": _multiply, "/": _divide}


# Measures

_WHOLE = frozenset({"count", "days", "categories", "open", "has"})


def _events(block: Block, measure: Measure) -> np.ndarray:
    return block.events(measure.kinds).keys


def _valued(block: Block, measure: Measure) -> tuple[np.ndarray, np.ndarray]:
    events: Events = block.events(measure.kinds, measure.field)
    assert events.values is not None
    return events.keys, events.values


def _count(block: Block, measure: Measure) -> Steps:
    return steps.counted(_events(block, measure), measure.window)


def _days(block: Block, measure: Measure) -> Steps:
    return steps.counted(steps.distinct(_events(block, measure)), measure.window)


def _sum(block: Block, measure: Measure) -> Steps:
    return steps.summed(*_valued(block, measure), measure.window, SCALE)


def _avg(block: Block, measure: Measure) -> Steps:
    return steps.averaged(*_valued(block, measure), measure.window, SCALE)


def _max(block: Block, measure: Measure) -> Steps:
    return steps.extreme(*_valued(block, measure), measure.window, SCALE, largest=True)


def _min(block: Block, measure: Measure) -> Steps:
    return steps.extreme(*_valued(block, measure), measure.window, SCALE, largest=False)


def _last(block: Block, measure: Measure) -> Steps:
    return steps.latest(*_valued(block, measure), measure.window, SCALE)


def _categories(block: Block, measure: Measure) -> Steps:
    events = block.events(measure.kinds, label="category")
    assert events.labels is not None
    return steps.different(events.keys, events.labels, measure.window)


def _typical_gap(block: Block, measure: Measure) -> Steps:
    return steps.typical_gap(steps.distinct(_events(block, measure)))


def _gap_variation(block: Block, measure: Measure) -> Steps:
    return steps.gap_variation(steps.distinct(_events(block, measure)))


def _slope(block: Block, measure: Measure) -> Steps:
    if measure.field:
        events, values = _valued(block, measure)
    else:
        events = _events(block, measure)
        values = np.ones(len(events), dtype=np.int64)
    return steps.sloping(events, values, measure.window)


def _last_day(block: Block, measure: Measure) -> Steps:
    return steps.last_days(_events(block, measure))


def _first_day(block: Block, measure: Measure) -> Steps:
    return steps.first_days(_events(block, measure))


def _balance(block: Block, measure: Measure) -> Steps:
    receivable = block.events(measure.kinds, "receivable", whole=True)
    payable = block.events(measure.kinds, "payable", whole=True)
    assert receivable.values is not None
    assert payable.values is not None
    return steps.latest(receivable.keys, receivable.values + payable.values, measure.window, SCALE)


def _open(block: Block, measure: Measure) -> Steps:
    cases = block.events(measure.kinds, label="case_id")
    happened = block.events(measure.kinds, label="event")
    return steps.accumulated(*_opened_and_closed(cases, happened))


def _opened_and_closed(cases: Events, happened: Events) -> tuple[np.ndarray, np.ndarray]:
    """Return how the number of open cases changes: a case is open after an event unless that event closed it."""
    assert cases.labels is not None
    assert happened.labels is not None
    closing = np.array([name == "closed" for name in happened.names] or [False])
    order = np.lexsort((np.arange(len(cases.keys)), cases.labels, who_of(cases.keys)))
    keys, labels = cases.keys[order], cases.labels[order]
    is_open = (~closing[happened.labels[order]]).astype(np.int64)
    fresh = np.ones(len(keys), dtype=bool)
    fresh[1:] = (labels[1:] != labels[:-1]) | (who_of(keys[1:]) != who_of(keys[:-1]))
    was_open = np.where(fresh, 0, np.concatenate(([0], is_open[:-1])) if len(keys) else is_open)
    return keys, is_open - was_open


_MAKERS: dict[str, Callable[[Block, Measure], Steps]] = {
    "days_since": _last_day,
    "days_since_first": _first_day,
    "count": _count,
    "days": _days,
    "sum": _sum,
    "avg": _avg,
    "max": _max,
    "min": _min,
    "last": _last,
    "categories": _categories,
    "typical_gap": _typical_gap,
    "gap_variation": _gap_variation,
    "slope": _slope,
    "open": _open,
    "balance": _balance,
    "has": _count,
}
