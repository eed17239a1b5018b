"""Whether a rule holds: true, false or unknown, as steps of time.

A comparison flips where a measure steps, or where a waiting time passes a bound in between; those are all the moments
there are. Unknown is never true. A truth is told of every customer and of all time, whatever a model does with it, so
that models which ask the same share the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.clock import day_number
from tenure.facts.blocks import BIAS, DAYS, who_of
from tenure.facts.matching import both
from tenure.facts.selection import COMPARE
from tenure.rules.evaluation.compute import EvaluationContext, MomentValues, TextSteps
from tenure.rules.evaluation.steps import Moments, Steps, accumulated, is_origin, sum_of_columns
from tenure.rules.evaluation.windows import NEVER
from tenure.rules.syntax import tree
from tenure.rules.syntax.tree import Comparison, Known, Measure, Otherwise, RuleNode, TextLiteral

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# In Kleene's order: "and" is the smallest of its parts, "or" the largest.
FALSE, UNKNOWN, TRUE = np.int8(0), np.int8(1), np.int8(2)
LAST_DAY = day_number(date(9999, 12, 31)) + BIAS
_DECISIVE = 1 << 16  # what a part that decides adds to a sum in which one that is unknown counts 1
_TRUTHS_PER_NUMBER = 31  # truths that one number holds, two bits each
CLOSE = 1e-13  # numbers nearer than this, relatively, are equal: 3 * 0.1 is 0.3, and a cent more than a billion is more


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth of a rule over time; neighbours of one customer differ."""

    keys: np.ndarray  # moments, sorted, each once; every customer's first is the origin
    values: np.ndarray  # FALSE, UNKNOWN or TRUE from there on

    def at(self, moments: Moments) -> np.ndarray:
        return self.values[moments.place(self.keys)]


def truth_of(node: RuleNode, context: EvaluationContext) -> Truth:
    if node not in context.truths:
        truth = _truth_of(node, context)
        # Where nobody's truth ever changes, it shares the column of origins, and joining it costs no merge.
        constant = len(truth.keys) == len(context.block)
        context.truths[node] = Truth(context.block.origins, truth.values) if constant else truth
    return context.truths[node]


def _truth_of(node: RuleNode, context: EvaluationContext) -> Truth:
    match node:
        case tree.Not(operand=operand):
            inner = truth_of(operand, context)
            return Truth(inner.keys, TRUE - inner.values)
        case tree.And(parts=parts) | tree.Or(parts=parts):
            return _joined(parts, FALSE if isinstance(node, tree.And) else TRUE, context)
        case Otherwise():
            return Truth(context.block.origins, np.full(len(context.block), TRUE))
        case tree.Among():
            return truth_of(spelled_out(node), context)
        case tree.Held() | tree.Ever():
            return _over_time(node, context)
        case Comparison(left=left, right=right) if _is_text(left) or _is_text(right):
            return _of_texts(node, context)
        case Known(operand=Measure(is_text=True) as operand, known=known):  # a text is known too
            texts = context.texts(operand)
            return changes(texts.keys, _as_truth((texts.codes >= 0) == known))
    return _of_numbers(node, context)


def _joined(parts: Sequence[RuleNode], decisive: np.int8, context: EvaluationContext) -> Truth:
    """Return the truth of parts together; one part that is always `decisive` decides alone."""
    inners = []
    # Parts about facts that nobody has never change, and often spare the work of all others.
    for part in sorted(parts, key=context.has_facts_for):
        inner = truth_of(part, context)
        if inner.keys is context.block.origins:
            if (inner.values == decisive).all():
                return inner
            if (inner.values == TRUE - decisive).all():
                continue
        inners.append(inner)
    if len(inners) < 2:
        return inners[0] if inners else Truth(context.block.origins, np.full(len(context.block), TRUE - decisive))
    # How many parts are decisive and how many unknown, in one sum.
    weights = np.array([0, 1, 0], dtype=np.int32)
    weights[decisive] = _DECISIVE
    keys, sums = sum_of_columns([inner.keys for inner in inners], [weights[inner.values] for inner in inners])
    return changes(keys, np.where(sums >= _DECISIVE, decisive, np.where(sums > 0, UNKNOWN, TRUE - decisive)))


def values_of(truths: Sequence[Truth], *columns: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the moments of some truths, and of further sorted columns, together, and every truth's value at each."""
    keys = [*(truth.keys for truth in truths), *columns]
    values: list[np.ndarray] = []
    for first in range(0, max(len(truths), 1), _TRUTHS_PER_NUMBER):
        lot = truths[first : first + _TRUTHS_PER_NUMBER]
        digits = [np.zeros(len(column), dtype=np.int64) for column in keys]
        for place, truth in enumerate(lot):
            digits[first + place] = truth.values.astype(np.int64) << (2 * place)
        moments, numbers = sum_of_columns(keys, digits)
        values += [((numbers >> (2 * place)) & 3).astype(np.int8) for place in range(len(lot))]
    return moments, values


def spelled_out(node: tree.Among) -> RuleNode:
    """Return `x in (a, b)` as `x = a or x = b`."""
    literals = [TextLiteral(value) if isinstance(value, str) else tree.NumberLiteral(value) for value in node.values]
    among: RuleNode = tree.Or(tuple(Comparison("=", node.operand, literal) for literal in literals))
    return tree.Not(among) if node.negated else among


def _of_numbers(node: RuleNode, context: EvaluationContext) -> Truth:
    """Return the truth of a test of numbers, which can change only where one of its measures does."""
    if isinstance(node, Comparison) and (measure := _elapsed_only(node)) is not None:
        return _of_elapsed(node, measure, context)
    moments = context.moments(node)
    if isinstance(node, Comparison):
        sides = (context.values(side, moments) for side in (node.left, node.right))
        return _compared(node.operator, moments.keys, *sides)
    if isinstance(node, Known):
        mask = context.values(node.operand, moments).known
        is_known = np.ones(len(moments), dtype=bool) if mask is None else mask
        return changes(moments.keys, _as_truth(is_known == node.known))
    return changes(moments.keys, _as_truth(context.values(node, moments).value > 0))


def _is_text(node: RuleNode) -> bool:
    return isinstance(node, TextLiteral) or (isinstance(node, Measure) and node.returns == "text")


def _of_texts(node: Comparison, context: EvaluationContext) -> Truth:
    """Return whether two texts are equal, or not: of a literal and measures, or of two measures."""
    sides = [_texts(side, context) for side in (node.left, node.right)]
    names = {
        name: place for place, name in enumerate(dict.fromkeys(str(name) for side in sides for name in side.names))
    }
    moments = Moments.of_all(*{id(side.keys): side.keys for side in sides}.values())
    # In one numbering for both sides; the last place stands for what is unknown.
    left, right = (
        np.array([*(names[str(name)] for name in side.names), -1], dtype=np.int64)[side.at(moments)] for side in sides
    )
    values = _as_truth((left == right) == (node.operator == "="))
    values[(left < 0) | (right < 0)] = UNKNOWN
    return changes(moments.keys, values)


def _texts(node: RuleNode, context: EvaluationContext) -> TextSteps:
    if isinstance(node, Measure):
        return context.texts(node)
    value = node.value if isinstance(node, TextLiteral | tree.NumberLiteral) else None
    return TextSteps(context.block.origins, np.zeros(len(context.block), dtype=np.int64), [value])


def _over_time(node: tree.Held | tree.Ever, context: EvaluationContext) -> Truth:
    """Return whether a condition has been true on every one of the last days and today, or on any day so far."""
    inner = truth_of(node.operand, context)
    if isinstance(node, tree.Ever):
        # A customer's values lie above those of all customers before, so that one running maximum does for all.
        base = 4 * who_of(inner.keys)
        return changes(inner.keys, (np.maximum.accumulate(inner.values + base) - base).astype(np.int8))
    keys, changed = [], []
    origins, first = context.block.origins, is_origin(inner.keys)
    following = np.append(np.where(first, NEVER, inner.keys)[1:], NEVER)[: len(first)]
    for level in (UNKNOWN, TRUE):  # as often as a truth is at least so much
        holds = inner.values >= level
        fresh = first.copy()  # where it was not so before
        fresh[1:] |= ~holds[:-1]
        begins = inner.keys[np.flatnonzero(holds & fresh)]
        over = np.append(first[1:] | ~holds[1:], True)[: len(holds)]
        ends = following[np.flatnonzero(holds & over)]
        # What has held since before all facts has held long enough.
        counts = np.where(is_origin(begins), begins, begins + node.days)
        lasts = (counts < ends) & ((counts & (DAYS - 1)) <= LAST_DAY)
        finite = lasts & (ends != NEVER)
        keys += [counts[lasts], ends[finite]]
        changed += [np.full(int(lasts.sum()), 1), np.full(int(finite.sum()), -1)]
    levels = accumulated(np.concatenate(keys), np.concatenate(changed), origins)
    return changes(levels.keys, levels.values.astype(np.int8))


def _as_truth(holds: np.ndarray) -> np.ndarray:
    return holds.view(np.int8) * TRUE


def changes(keys: np.ndarray, values: np.ndarray) -> Truth:
    """Return a truth without the moments at which nothing changes."""
    keep = is_origin(keys)
    keep[:1] = True
    keep[1:] |= values[1:] != values[:-1]
    places = np.flatnonzero(keep)
    return Truth(keys, values) if len(places) == len(keys) else Truth(keys[places], values[places])


def _sorted_changes(keys: list[np.ndarray], values: list[np.ndarray]) -> Truth:
    every = np.concatenate(keys)
    order = np.argsort(every, kind="stable")
    return changes(every[order], np.concatenate(values)[order])


def _elapsed_only(node: Comparison) -> Measure | None:
    """Return the one waiting time that a comparison is about, when nothing else in it varies."""
    measures: set[Measure] = set()
    for part in node.walk():
        if isinstance(part, Measure) and part.name in ("days_since", "days_since_first"):
            measures.add(part)
        elif not isinstance(part, Comparison | tree.Arithmetic | tree.Negative | tree.NumberLiteral):
            return None
    return measures.pop() if len(measures) == 1 else None


def _of_elapsed(node: Comparison, measure: Measure, context: EvaluationContext) -> Truth:
    """Return the truth of a comparison that only waits: what a fact sets off, wherever a break comes after it."""
    keys, values = context.breaks(measure).flips(*flips_of_waiting(node, measure, context))
    for number, column in enumerate(keys):
        if len(column) and (inside := (column & (DAYS - 1)) <= LAST_DAY).sum() < len(column):
            keys[number], values[number] = column[inside], values[number][inside]
    unknown = np.full(len(context.block), UNKNOWN)  # nothing to wait from yet
    return _sorted_changes([context.block.origins, *keys], [unknown, *values])


def flips_of_waiting(node: Comparison, measure: Measure, context: EvaluationContext) -> tuple[np.ndarray, np.ndarray]:
    """Return after how many days of waiting a comparison flips, the first of them 0, and its truth from then on."""
    # What happens after one fact, on day 0 of one customer, happens after every fact.
    fact = np.array([BIAS], dtype=np.int64)
    alone = EvaluationContext(context.block, _steps={measure: Steps(fact, np.zeros(1))})
    sides = (alone.values(side, Moments(fact)) for side in (node.left, node.right))
    pattern = _compared(node.operator, fact, *sides)
    return pattern.keys - fact, pattern.values


# Comparing numbers


def _compared(operator: str, keys: np.ndarray, left: MomentValues, right: MomentValues) -> Truth:
    compare = COMPARE[operator]
    known = both(left.known, right.known)
    integral, slope = left.integral and right.integral, left.slope - right.slope
    waits = bool(np.any(slope))
    if integral and not waits:
        values = _as_truth(compare(left.value, right.value))
    else:
        distance = left.value - right.value if integral else _distance(left.value, right.value)
        values = _as_truth(compare(distance, 0))
    if known is not None:
        values[~known] = UNKNOWN
    if not waits:
        return changes(keys, values)
    place, points, truths = _crossings(
        compare, keys, distance, np.broadcast_to(np.asarray(slope, float), keys.shape), known
    )
    # Only moments that change something are worth keeping: of a daily buyer's thousand orders, the few after a break.
    at_end = values.copy()
    at_end[place] = truths  # of two crossings in one stretch the later comes later, and stays
    keep = is_origin(keys)
    keep[:1] = True
    keep[1:] |= values[1:] != at_end[:-1]
    return _sorted_changes([keys[keep], points], [values[keep], truths])


def _distance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return left minus right, exactly 0 where they are equal but for rounding."""
    distance = left - right
    largest = max(_largest(left), _largest(right))
    # Few numbers are so near that the exact tolerance, which is relative, has to be worked out.
    near = np.flatnonzero(np.abs(distance) <= CLOSE * largest)
    near = near[distance[near] != 0]
    if len(near):
        size = np.maximum(np.maximum(np.abs(left[near]), np.abs(right[near])), 1.0)
        distance[near[np.abs(distance[near]) <= CLOSE * size]] = 0.0
    return distance


def _largest(numbers: np.ndarray) -> float:
    """Return the largest size of numbers, 1 at least."""
    if numbers.strides == (0,):  # a number of the rule, the same at every moment
        numbers = numbers[:1]
    return float(max(numbers.max(initial=1), -numbers.min(initial=-1)))


def _crossings(
    compare: Callable[[Any, Any], Any],
    keys: np.ndarray,
    distance: np.ndarray,
    slope: np.ndarray,
    known: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the moments between the given ones at which a waiting time passes its bound, and the truth from there.

    The first column says after which of the given moments each lies.

    The distance of the two sides is ``d + g t``, t days after a moment. Its sign changes on the first day that is not
    before the root -d/g, and on the first day after it; no other day can matter.
    """
    moving = np.flatnonzero((slope != 0) if known is None else known & (slope != 0))
    root = -distance[moving] / slope[moving]
    after = keys.take(moving + 1, mode="clip")
    endless = is_origin(after) | (moving == len(keys) - 1)
    most = np.where(endless, DAYS, after - keys[moving])  # days until the customer's next moment
    inside = np.flatnonzero((root > -1) & (root < most))
    moving, most, root = moving[inside], most[inside], root[inside]
    g = slope[moving]
    nearest = np.rint(root)
    root = np.where(np.abs(root - nearest) <= CLOSE * np.maximum(np.abs(nearest), 1.0), nearest, root)
    exact = root == np.floor(root)
    crossings = []
    for days, sign, possible in ((np.ceil(root), np.where(exact, 0.0, g), True), (root + 1, g, exact)):
        valid = possible & (days >= 1) & (days < most) & ((keys[moving] & (DAYS - 1)) + days <= LAST_DAY)
        place = moving[valid]
        crossings.append((place, keys[place] + days[valid].astype(np.int64), _as_truth(compare(sign[valid], 0))))
    first, second = crossings
    return tuple(np.concatenate(columns) for columns in zip(first, second, strict=True))  # type: ignore[return-value]
