"""From a measure of a rule to its steps, for a block of customers.

One small function per measure; the arithmetic of steps stands in :mod:`tenure.rules.evaluation.steps`. It never
decides whether a rule holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import BIAS, SHIFT, Block, day_number_of, keys_of
from tenure.facts.matching import Mask, both
from tenure.facts.records import ALWAYS as ALL_DAYS
from tenure.facts.schema import SCALE, TEXT
from tenure.rules.evaluation import gaps, steps
from tenure.rules.evaluation.dates import next_anniversary, next_named
from tenure.rules.evaluation.published import SCORES, Averages, Distribution, Published, population_key
from tenure.rules.evaluation.steps import Breaks, Moments, Reach, Steps
from tenure.rules.evaluation.stretches import Stretches, active, open_cases, running, smallest_active
from tenure.rules.evaluation.windows import NEVER, entering, leaving, months_of, weeks_of
from tenure.rules.syntax import tree
from tenure.rules.syntax.tree import ALWAYS, Measure, RuleNode, TimeWindow, measures_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenure.facts.blocks import Events
    from tenure.facts.selection import Facts
    from tenure.rules.evaluation.truth import Truth

ZERO = 1e-13  # what rounding leaves of 0.1 + 0.2 - 0.3


@dataclass(frozen=True, slots=True)
class MomentValues:
    value: np.ndarray  # the number at the moment
    slope: np.ndarray | float = 0.0  # what it gains with every day that passes until the next moment
    known: Mask = None  # which are known; None when all are
    integral: bool = False  # whether they are whole numbers by nature, so that comparing them needs no tolerance


@dataclass(frozen=True, slots=True)
class TextSteps:
    """A text per customer over time, beginning at the customer's origin."""

    keys: np.ndarray  # moments of change, sorted, each once
    codes: np.ndarray  # place of the text among the names from that moment on; -1 while it is unknown
    names: list[Any]

    def at(self, moments: Moments) -> np.ndarray:
        """Return the codes at some moments."""
        return self.codes[moments.place(self.keys)]

    def numbers(self) -> Steps:
        """Return the texts as numbers, where they are any."""
        numbers = np.array([*map(_number, self.names), np.nan])[self.codes]
        known = ~np.isnan(numbers)
        return Steps(self.keys, np.where(known, numbers, 0.0), known)


@dataclass
class EvaluationContext:
    """A block of customers under evaluation: whatever several rules or models need of it is made once."""

    block: Block  # the customers and their facts
    published: Published = field(default_factory=Published)  # what rules may read besides facts
    # what gives the stages of other models over time, by their ids, for ``stage(model)``
    stages: dict[str, Callable[[EvaluationContext], TextSteps]] = field(default_factory=dict)
    #: The truths of rules and of their parts, see :func:`tenure.rules.evaluation.truth.truth_of`.
    truths: dict[RuleNode, Truth] = field(default_factory=dict)
    _steps: dict[Measure, Steps] = field(default_factory=dict)
    _reaches: dict[tuple[int, TimeWindow], Reach] = field(default_factory=dict)
    _moments: dict[tuple[int, ...], Moments] = field(default_factory=dict)
    _days: dict[int, np.ndarray] = field(default_factory=dict)
    _firsts: dict[int, np.ndarray] = field(default_factory=dict)
    _texts: dict[Measure, TextSteps] = field(default_factory=dict)
    _numbers: dict[Measure, Steps] = field(default_factory=dict)  # of the texts
    _breaks: dict[Measure, Breaks] = field(default_factory=dict)
    _published_on: dict[tree.Population, np.ndarray] = field(default_factory=dict)

    def knowing(self, steps: dict[Measure, Steps], texts: dict[Measure, TextSteps]) -> EvaluationContext:
        """Return a context that also knows these measures, and shares whatever was made so far."""
        steps, texts = {**self._steps, **steps}, {**self._texts, **texts}
        return replace(self, truths=dict(self.truths), _steps=steps, _texts=texts, _moments={})

    def steps(self, measure: Measure) -> Steps:
        if measure not in self._steps:
            make = _column_number if measure.of_fact else _MAKERS[measure.name]
            self._steps[measure] = make(self, measure)
        return self._steps[measure]

    def has_facts_for(self, node: RuleNode) -> bool:
        """Whether there is any fact in the block that could change a rule."""
        return any(len(self.block.events((kind,)).keys) for measure in measures_of(node) for kind in measure.kinds)

    def since(self, facts: Sequence[str | Facts]) -> np.ndarray:
        """Return origins and days with some facts: the column that all measures without a window share."""
        return self.reach(self.block.events(tuple(facts)).keys, ALWAYS).keys

    def days(self, facts: Sequence[str | Facts]) -> np.ndarray:
        # By identity: kinds of which a block has no facts leave the column of the others as it is.
        keys = self.since(facts)
        if id(keys) not in self._days:
            self._days[id(keys)] = keys[~steps.is_origin(keys)]
        return self._days[id(keys)]

    def firsts(self, facts: Sequence[str | Facts]) -> np.ndarray:
        """Return everybody's first day with one of some facts."""
        days = self.days(facts)
        if id(days) not in self._firsts:
            self._firsts[id(days)] = days[steps.starts(days)]
        return self._firsts[id(days)]

    def reach(self, events: np.ndarray, window: TimeWindow) -> Reach:
        """Return which of some events lie in a window; the block keeps the events, so their identity is theirs."""
        if (id(events), window) not in self._reaches:
            if not len(events):  # whatever is never there changes at no moment of its own
                nothing = np.zeros(len(self.block), dtype=np.intp)
                reached = Reach(self.block.origins, nothing, nothing)
            elif window.unit == "fact":
                every = self.reach(events, ALWAYS)
                reached = Reach(every.keys, np.maximum(every.low, every.high - (window.last or 0)), every.high)
            elif window.unit == "day" and window.before and not window.years_back:
                reached = self.reach(events, TimeWindow(window.last)).before(window.before)
            else:
                reached = steps.reach(entering(events, window), leaving(events, window), self.block.origins)
            self._reaches[id(events), window] = reached
        return self._reaches[id(events), window]

    def breaks(self, measure: Measure) -> Breaks:
        if measure not in self._breaks:
            keys = self.steps(measure).keys
            self._breaks[measure] = Breaks(keys[~steps.is_origin(keys)])
        return self._breaks[measure]

    def moments(self, node: RuleNode) -> Moments:
        """Return the moments at which the measures below a node change; origins when there are none."""
        columns = [self._keys(measure) for measure in measures_of(node)] or [self.block.origins]
        for part in node.walk():
            if isinstance(part, tree.Population):
                columns.append(self._publications(part))
                if part.by:
                    columns.append(self._attribute_of(part).keys)
        # Every column begins with the origins: a measure that never changes adds no moments.
        columns = [column for column in columns if column is not self.block.origins] or [self.block.origins]
        # Comparisons that differ in a factor only share them, and so do all measures over equal windows.
        same = tuple(sorted({id(column) for column in columns}))
        if same not in self._moments:
            self._moments[same] = Moments.of_all(*columns).with_origins(self.block.origins)
        return self._moments[same]

    def _keys(self, measure: Measure) -> np.ndarray:
        return self.texts(measure).keys if measure.returns in ("text", "any") else self.steps(measure).keys

    def values(self, node: RuleNode, moments: Moments) -> MomentValues:
        """Return what a number of a rule is at some moments."""
        match node:
            case tree.NumberLiteral(value=value):
                everywhere = np.broadcast_to(np.float64(value), len(moments))
                return MomentValues(everywhere, integral=float(value).is_integer())
            case tree.Negative(operand=operand):
                inner = self.values(operand, moments)
                return MomentValues(-inner.value, -inner.slope, inner.known, inner.integral)
            case tree.Arithmetic(operator=operator, left=left, right=right):
                return _calculated(operator, self.values(left, moments), self.values(right, moments))
            case tree.Population():
                return self._among_all(node, moments)
            case Measure(returns="any"):
                if node not in self._numbers:
                    self._numbers[node] = self.texts(node).numbers()
                numbers, mask = self._numbers[node].at(moments)
                return MomentValues(numbers, 0.0, mask)
            case Measure():
                numbers, mask = self.steps(node).at(moments)
                if node.elapsed:  # the steps hold the day from which, or until which, it counts
                    days = day_number_of(moments.keys)
                    until = node.name == "days_until"
                    value = numbers - days if until else days - numbers
                    return MomentValues(value, -1.0 if until else 1.0, mask, integral=True)
                return MomentValues(numbers, 0.0, mask, integral=node.name in _INTEGRAL or node.is_date)
        raise TypeError(node)

    def _publications(self, node: tree.Population) -> np.ndarray:
        """Return the moments at which it was published how all customers compare."""
        if node not in self._published_on:
            days = [published.day for published in self._populations(node)]
            self._published_on[node] = (self.block.origins[:, None] + np.array([-BIAS, *days]) + BIAS).ravel()
        return self._published_on[node]

    def _populations(self, node: tree.Population) -> list[Distribution | Averages]:
        published = self.published.populations.get(population_key(node), ())
        return [each for each in published if each.day <= self.block.last_day]

    def _attribute_of(self, node: tree.Population) -> TextSteps:
        return self.texts(Measure("attribute", arguments=(node.by,), returns="any"))

    def _among_all(self, node: tree.Population, moments: Moments) -> MomentValues:
        """Return a customer's place among all, or the average of those alike, as last published at each moment."""
        published = self._populations(node)
        days = np.array([each.day for each in published], dtype=np.int64)
        newest = np.searchsorted(days, day_number_of(moments.keys), side="right")
        rows_of = np.split(np.argsort(newest, kind="stable"), np.cumsum(np.bincount(newest, minlength=len(days) + 1)))
        result = np.full(len(moments), np.nan)
        names, codes = [""], np.zeros(len(moments), dtype=np.int64)
        if node.by:
            names, codes = self._attribute_of(node).names, self._attribute_of(node).at(moments)
        own = self.values(node.operand, moments)
        for each, rows in zip(published, rows_of[1:], strict=False):
            if isinstance(each, Averages):
                result[rows] = np.array([*(each.means.get(str(name), np.nan) for name in names), np.nan])[codes[rows]]
            else:
                places = each.places(own.value[rows])
                result[rows] = places if own.known is None else np.where(own.known[rows], places, np.nan)
        known = ~np.isnan(result)
        return MomentValues(np.where(known, result, 0.0), 0.0, known)

    def texts(self, measure: Measure) -> TextSteps:
        """Return the texts that a measure gives each customer of the block."""
        if measure not in self._texts:
            if measure.name == "stage":
                self._texts[measure] = self.stages[measure.argument](self)
            elif measure.of_fact:
                self._texts[measure] = _column_text(self, measure)
            elif measure.name == "score":
                self._texts[measure] = self._score(measure.argument)
            elif measure.name == "attribute":
                self._texts[measure] = self._attribute(measure.argument)
            else:
                raise TypeError(measure)
        return self._texts[measure]

    def _score(self, name: str) -> TextSteps:
        """Return a score as it was published, from day to day."""
        origins, table = self.block.origins, self.published.scores.get(name, SCORES.empty_table())
        # Scores of everybody are published: only those of the block are worth a closer look.
        places = pc.index_in(table.column("customer_id").cast(TEXT), self.block.ids)
        days = table.column("day").cast(pa.int32()).fill_null(-BIAS)  # without a day: since ever
        rows = pc.and_(places.is_valid(), pc.less_equal(days, self.block.last_day))
        who, days = places.filter(rows).to_numpy(), days.filter(rows).to_numpy()
        coded = table.column("value").filter(rows).combine_chunks().dictionary_encode()
        keys = np.append(origins, keys_of(who, days))
        codes = np.append(np.full(len(origins), -1), coded.indices.fill_null(-1).to_numpy(zero_copy_only=False))
        order = np.argsort(keys, kind="stable")
        order = order[steps.ends_within(keys[order])]
        return TextSteps(keys[order], codes[order], coded.dictionary.to_pylist())

    def _attribute(self, name: str) -> TextSteps:
        """Return an attribute over time: unknown before the record that has it became known."""
        known = self.block.records
        names, codes = known.values(name)
        always = known.days == ALL_DAYS
        keys = np.where(always, known.who << SHIFT, keys_of(known.who, np.where(always, 0, known.days)))
        keys, codes = np.append(self.block.origins, keys), np.append(np.full(len(self.block), -1), codes)
        order = np.argsort(keys, kind="stable")  # the newest record of a day comes last, and counts
        last = steps.ends_within(keys[order])
        return TextSteps(keys[order][last], codes[order][last], names)


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return float("nan")


# Arithmetic: a number that grows stays one that grows evenly; the grammar refuses what would not.


def _calculated(operator: str, a: MomentValues, b: MomentValues) -> MomentValues:
    known, integral = both(a.known, b.known), a.integral and b.integral
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
        known = both(known, ~zero)
    return MomentValues(a.value / divisor, a.slope / divisor, known)


# Measures

_INTEGRAL = frozenset(
    {"count", "days", "months_with", "weeks_with", "categories", "distinct", "longest_gap", "open", "running", "has"}
)


def _valued(context: EvaluationContext, measure: Measure) -> tuple[Reach, np.ndarray]:
    of_latest = measure.window.unit == "fact"  # the latest facts are meant, whether they have a value or not
    events = context.block.events(measure.facts, measure.field, whole=of_latest)
    assert events.values is not None
    inside = context.reach(events.keys, measure.window)
    if events.present is None:
        return inside, events.values
    with_value = np.append(0, np.cumsum(events.present))
    return Reach(inside.keys, with_value[inside.low], with_value[inside.high]), events.values[events.present]


def _largest(context: EvaluationContext, measure: Measure) -> Steps:
    inside, values = _valued(context, measure)
    rank = inside.high - inside.low - measure.position
    return steps.of_rank(inside, values, SCALE, rank, rank)


def _place(context: EvaluationContext, measure: Measure, events: Events) -> tuple[Reach, np.ndarray, np.ndarray]:
    """Return which event the first, the last or another one is at each moment, and whether there is one."""
    inside = context.reach(events.keys, measure.window)
    place = inside.high - 1 if measure.position < 0 else inside.low + measure.position - 1
    known = (place >= inside.low) & (place < inside.high)
    return inside, np.where(known, place, 0), known


def _column_number(context: EvaluationContext, measure: Measure) -> Steps:
    """Return a number, or the day of a date, of one fact."""
    events = context.block.events(measure.facts, measure.field, whole=True)
    inside, place, known = _place(context, measure, events)
    if events.values is None or not len(events.values):
        return Steps(inside.keys, np.zeros(len(place)), known)
    if events.present is not None:
        known &= events.present[place]
    return Steps(inside.keys, np.where(known, events.values[place] / SCALE, 0.0), known)


def _column_text(context: EvaluationContext, measure: Measure) -> TextSteps:
    """Return a text of one fact."""
    events = context.block.events(measure.facts, label=measure.field)
    assert events.labels is not None
    inside, place, known = _place(context, measure, events)
    codes = events.labels[place] if len(events.labels) else np.full(len(place), -1)
    return TextSteps(inside.keys, np.where(known, codes, -1).astype(np.int64), events.names)


def _slope(context: EvaluationContext, measure: Measure) -> Steps:
    events = context.block.events(measure.facts, measure.field)
    values = events.values if measure.field else np.ones(len(events.keys), dtype=np.int64)
    assert values is not None
    return steps.sloping(events.keys, values, measure.window, context.block.origins)


def _balance(context: EvaluationContext, measure: Measure) -> Steps:
    receivable = context.block.events(measure.facts, "receivable", whole=True)
    payable = context.block.events(measure.facts, "payable", whole=True)
    assert receivable.values is not None
    assert payable.values is not None
    inside = context.reach(receivable.keys, measure.window)
    return steps.latest(inside, receivable.values + payable.values, SCALE)


def _different(context: EvaluationContext, measure: Measure) -> Steps:
    events = context.block.events(measure.facts, label=measure.field or "category")
    assert events.labels is not None
    return _distinct(context, measure, events.keys, events.labels)


def _distinct(context: EvaluationContext, measure: Measure, keys: np.ndarray, labels: np.ndarray) -> Steps:
    window = measure.window
    return steps.different(entering(keys, window), leaving(keys, window), labels, context.block.origins)


def _periods(context: EvaluationContext, measure: Measure, period_of: Callable[[np.ndarray], np.ndarray]) -> Steps:
    """Return the number of different calendar periods with facts."""
    keys = context.block.events(measure.facts).keys
    return _distinct(context, measure, keys, period_of(day_number_of(keys)) + BIAS)


def _days_with(context: EvaluationContext, measure: Measure) -> Steps:
    """Return the number of days with facts."""
    if measure.window.unit == "fact":  # of the latest facts, several may be of one day
        return _periods(context, measure, lambda days: days)
    return steps.counted(context.reach(context.days(measure.facts), measure.window))


def _first_day(context: EvaluationContext, measure: Measure) -> Steps:
    firsts = context.firsts(measure.facts)
    return steps.known_from_facts(steps.merge(context.block.origins, firsts), day_number_of(firsts))


def _counted(context: EvaluationContext, measure: Measure) -> Steps:
    return steps.counted(context.reach(context.block.events(measure.facts).keys, measure.window))


def _from_days(context: EvaluationContext, measure: Measure, compute: Callable[[np.ndarray], Any]) -> Steps:
    """Return what is computed of the days with facts, with what is known of it, and holds from each day on."""
    return steps.known_from_facts(context.since(measure.facts), *compute(context.days(measure.facts)))


def _until(context: EvaluationContext, measure: Measure) -> Steps:
    """Return the day that is waited for: of a contract's end, of a named date, or of an attribute's return."""
    if measure.facts:
        stretches = running(context.block, measure.facts)
        dated = Stretches(*(column[stretches.values != NEVER] for column in stretches))
        return smallest_active(dated, context.block.origins)
    if len(measure.arguments) > 1:
        return next_named(context.block, measure.arguments[1:])
    texts = context.texts(Measure("attribute", arguments=measure.arguments, returns="any"))
    return next_anniversary(context.block, texts.keys, texts.codes, texts.names)


def _open(context: EvaluationContext, measure: Measure) -> Steps:
    return active(open_cases(context.block, measure.facts), context.block.origins)


_MAKERS: dict[str, Callable[[EvaluationContext, Measure], Steps]] = {
    "days_since": lambda context, measure: _from_days(context, measure, lambda days: (day_number_of(days),)),
    "days_since_first": _first_day,
    "count": _counted,
    "days": _days_with,
    "months_with": lambda context, measure: _periods(context, measure, months_of),
    "weeks_with": lambda context, measure: _periods(context, measure, weeks_of),
    "sum": lambda context, measure: steps.summed(*_valued(context, measure), SCALE),
    "avg": lambda context, measure: steps.averaged(*_valued(context, measure), SCALE),
    "median": lambda context, measure: steps.median(*_valued(context, measure), SCALE),
    "max": lambda context, measure: steps.extreme(*_valued(context, measure), SCALE, largest=True),
    "min": lambda context, measure: steps.extreme(*_valued(context, measure), SCALE, largest=False),
    "largest": _largest,
    "last": lambda context, measure: steps.latest(*_valued(context, measure), SCALE),
    "distinct": _different,
    "categories": _different,
    "typical_gap": lambda context, measure: _from_days(context, measure, gaps.typical_gap),
    "longest_gap": lambda context, measure: _from_days(context, measure, gaps.longest_gap),
    "gap_variation": lambda context, measure: _from_days(context, measure, gaps.gap_variation),
    "slope": _slope,
    "open": _open,
    "days_open": lambda context, measure: smallest_active(
        open_cases(context.block, measure.facts), context.block.origins
    ),
    "running": lambda context, measure: active(running(context.block, measure.facts), context.block.origins),
    "days_until": _until,
    "balance": _balance,
    "has": _counted,
}
