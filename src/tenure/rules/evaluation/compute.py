"""From a measure of a rule to its steps, for a block of customers.

One small function per measure; the arithmetic of steps stands in :mod:`tenure.rules.evaluation.steps`. It never
decides whether a rule holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.facts.blocks import Block, day_number_of, who_of
from tenure.facts.schema import SCALE
from tenure.rules.evaluation import steps
from tenure.rules.evaluation.steps import Breaks, Moments, Reach, Steps
from tenure.rules.syntax import tree
from tenure.rules.syntax.tree import ALWAYS, Measure, RuleNode, TimeWindow, measures_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenure.rules.evaluation.truth import Truth

ZERO = 1e-13  # what rounding leaves of 0.1 + 0.2 - 0.3

Mask = np.ndarray | None  # which are known; None when all are


@dataclass(frozen=True, slots=True)
class MomentValues:
    value: np.ndarray  # the number at the moment
    slope: np.ndarray | float = 0.0  # what it gains with every day that passes until the next moment
    known: Mask = None  # which are known; None when all are
    integral: bool = False  # whether they are whole numbers by nature, so that comparing them needs no tolerance


def both_known(a: Mask, b: Mask) -> Mask:
    if a is None or b is None:
        return b if a is None else a
    return a & b


@dataclass
class EvaluationContext:
    """A block of customers under evaluation: whatever several rules or models need of it is made once."""

    block: Block  # the customers and their facts
    # published columns, ``{name: {customer_id: number}}``, read by ``score(name)``
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    #: The truths of rules and of their parts, see :func:`tenure.rules.evaluation.truth.truth_of`.
    truths: dict[RuleNode, Truth] = field(default_factory=dict)
    _steps: dict[Measure, Steps] = field(default_factory=dict)
    _reaches: dict[tuple[int, TimeWindow], Reach] = field(default_factory=dict)
    _moments: dict[tuple[int, ...], Moments] = field(default_factory=dict)
    _days: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict)
    _texts: dict[Measure, list[object]] = field(default_factory=dict)
    _breaks: dict[Measure, Breaks] = field(default_factory=dict)

    def steps(self, measure: Measure) -> Steps:
        if measure not in self._steps:
            self._steps[measure] = _MAKERS[measure.name](self, measure)
        return self._steps[measure]

    def since(self, kinds: tuple[str, ...]) -> np.ndarray:
        """Return origins and days with facts of some kinds: the column that all measures without a window share."""
        return self.reach(self.block.events(kinds).keys, ALWAYS).keys

    def days(self, kinds: tuple[str, ...]) -> np.ndarray:
        if kinds not in self._days:
            keys = self.since(kinds)
            self._days[kinds] = keys[~steps.is_origin(keys)]
        return self._days[kinds]

    def firsts(self, kinds: tuple[str, ...]) -> np.ndarray:
        """Return everybody's first day with a fact of some kinds."""
        days = self.days(kinds)
        return days[steps.starts(days)]

    def reach(self, events: np.ndarray, window: TimeWindow) -> Reach:
        """Return which of some events lie in a window; the block keeps the events, so their identity is theirs."""
        if (id(events), window) not in self._reaches:
            self._reaches[id(events), window] = (
                self.reach(events, TimeWindow(window.last)).before(window.before)
                if window.before
                else steps.reach(events, window.last, self.block.origins)
            )
        return self._reaches[id(events), window]

    def breaks(self, measure: Measure) -> Breaks:
        if measure not in self._breaks:
            keys = self.steps(measure).keys
            self._breaks[measure] = Breaks(keys[~steps.is_origin(keys)])
        return self._breaks[measure]

    def moments(self, node: RuleNode) -> Moments:
        """Return the moments at which the measures below a node change; origins when there are none."""
        measures = [measure for measure in measures_of(node) if measure.name not in ("attribute", "score")]
        columns = [self.steps(measure).keys for measure in measures] or [self.block.origins]
        # Comparisons that differ in a factor only share them, and so do all measures over equal windows.
        same = tuple(sorted({id(column) for column in columns}))
        if same not in self._moments:
            self._moments[same] = Moments.of_all(*columns)
        return self._moments[same]

    def values(self, node: RuleNode, moments: Moments) -> MomentValues:
        """Return what a number of a rule is at some moments."""
        match node:
            case tree.NumberLiteral(value=value):
                return MomentValues(np.full(len(moments), float(value)), integral=float(value).is_integer())
            case tree.Negative(operand=operand):
                inner = self.values(operand, moments)
                return MomentValues(-inner.value, -inner.slope, inner.known, inner.integral)
            case tree.Arithmetic(operator=operator, left=left, right=right):
                return _calculated(operator, self.values(left, moments), self.values(right, moments))
            case Measure(name="attribute" | "score"):
                of_customers = np.array([_number(value) for value in self.texts(node)], dtype=np.float64)
                numbers = of_customers[moments.who]
                known = ~np.isnan(numbers)
                return MomentValues(np.where(known, numbers, 0.0), 0.0, known)
            case Measure():
                numbers, mask = self.steps(node).at(moments)
                if node.elapsed:
                    return MomentValues(day_number_of(moments.keys) - numbers, 1.0, mask, integral=True)
                return MomentValues(numbers, 0.0, mask, integral=node.name in _INTEGRAL)
        raise TypeError(node)

    def texts(self, measure: Measure) -> list[Any]:
        """Return an attribute, or a score, of each customer of the block; None where it is not set."""
        if measure not in self._texts:
            if measure.name == "score":
                scores = self.scores.get(measure.argument, {})
                self._texts[measure] = [scores.get(customer) for customer in self.block.ids.to_pylist()]
            else:
                self._texts[measure] = [record.get(measure.argument) for record in self._attributes]
        return self._texts[measure]

    @cached_property
    def _attributes(self) -> list[dict[str, object]]:
        """What is recorded of each customer: the fields of the record, and whatever was imported beside them."""
        table = self.block.customers
        if table is None:
            return [{}] * len(self.block)
        fields = [name for name in ("name", "phone", "email", "kind") if name in table.column_names]
        records = table.select(fields).to_pylist()
        if "attributes" in table.column_names:
            for record, more in zip(records, table.column("attributes").to_pylist(), strict=True):
                record.update(json.loads(more) if more else {})
        return records


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


# Arithmetic: a number that grows stays one that grows evenly; the grammar refuses what would not.


def _calculated(operator: str, a: MomentValues, b: MomentValues) -> MomentValues:
    known, integral = both_known(a.known, b.known), a.integral and b.integral
    if operator == "+":
        return MomentValues(a.value + b.value, a.slope + b.slope, known, integral)
    if operator == "-":
        return MomentValues(a.value - b.value, a.slope - b.slope, known, integral)
    if operator == "*":
        constant = not (np.any(a.slope) or np.any(b.slope))
        slope: np.ndarray | float = 0.0 if constant else a.slope * b.value + a.value * b.slope
        return MomentValues(a.value * b.value, slope, known, integral)
    zero = np.abs(b.value) <= ZERO
    divisor = np.where(zero, 1.0, b.value)
    if zero.any():
        known = both_known(known, ~zero)
    return MomentValues(a.value / divisor, a.slope / divisor, known)


# Measures

_INTEGRAL = frozenset({"count", "days", "categories", "open", "has"})


def _valued(context: EvaluationContext, measure: Measure) -> tuple[Reach, np.ndarray]:
    events = context.block.events(measure.kinds, measure.field)
    assert events.values is not None
    return context.reach(events.keys, measure.window), events.values


def _slope(context: EvaluationContext, measure: Measure) -> Steps:
    events = context.block.events(measure.kinds, measure.field)
    values = events.values if measure.field else np.ones(len(events.keys), dtype=np.int64)
    assert values is not None
    return steps.sloping(events.keys, values, measure.window, context.block.origins)


def _balance(context: EvaluationContext, measure: Measure) -> Steps:
    receivable = context.block.events(measure.kinds, "receivable", whole=True)
    payable = context.block.events(measure.kinds, "payable", whole=True)
    assert receivable.values is not None
    assert payable.values is not None
    inside = context.reach(receivable.keys, measure.window)
    return steps.latest(inside, receivable.values + payable.values, SCALE)


def _open(context: EvaluationContext, measure: Measure) -> Steps:
    cases = context.block.events(measure.kinds, label="case_id")
    happened = context.block.events(measure.kinds, label="event")
    assert cases.labels is not None
    assert happened.labels is not None
    # A case is open after an event unless that event closed it.
    closing = np.array([name == "closed" for name in happened.names] or [False])
    order = np.lexsort((np.arange(len(cases.keys)), cases.labels, who_of(cases.keys)))
    keys, labels = cases.keys[order], cases.labels[order]
    is_open = (~closing[happened.labels[order]]).astype(np.int64)
    fresh = steps.starts(keys)
    fresh[1:] |= labels[1:] != labels[:-1]
    was_open = np.where(fresh, 0, np.concatenate(([0], is_open[:-1])) if len(keys) else is_open)
    return steps.accumulated(keys, is_open - was_open, context.block.origins)


def _different(context: EvaluationContext, measure: Measure) -> Steps:
    events = context.block.events(measure.kinds, label="category")
    assert events.labels is not None
    return steps.different(events.keys, events.labels, measure.window, context.block.origins)


def _first_day(context: EvaluationContext, measure: Measure) -> Steps:
    firsts = context.firsts(measure.kinds)
    return steps.known_from_facts(steps.merge(context.block.origins, firsts), day_number_of(firsts))


def _counted(context: EvaluationContext, measure: Measure) -> Steps:
    return steps.counted(context.reach(context.block.events(measure.kinds).keys, measure.window))


def _from_days(context: EvaluationContext, measure: Measure, compute: Callable[[np.ndarray], Any]) -> Steps:
    """Return what is computed of the days with facts, with what is known of it, and holds from each day on."""
    return steps.known_from_facts(context.since(measure.kinds), *compute(context.days(measure.kinds)))


_MAKERS: dict[str, Callable[[EvaluationContext, Measure], Steps]] = {
    "days_since": lambda context, measure: _from_days(context, measure, lambda days: (day_number_of(days),)),
    "days_since_first": _first_day,
    "count": _counted,
    "days": lambda context, measure: steps.counted(context.reach(context.days(measure.kinds), measure.window)),
    "sum": lambda context, measure: steps.summed(*_valued(context, measure), SCALE),
    "avg": lambda context, measure: steps.averaged(*_valued(context, measure), SCALE),
    "max": lambda context, measure: steps.extreme(*_valued(context, measure), SCALE, largest=True),
    "min": lambda context, measure: steps.extreme(*_valued(context, measure), SCALE, largest=False),
    "last": lambda context, measure: steps.latest(*_valued(context, measure), SCALE),
    "categories": _different,
    "typical_gap": lambda context, measure: _from_days(context, measure, steps.typical_gap),
    "gap_variation": lambda context, measure: _from_days(context, measure, steps.gap_variation),
    "slope": _slope,
    "open": _open,
    "balance": _balance,
    "has": _counted,
}
