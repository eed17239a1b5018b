"""Whether a rule holds: true, false or unknown, as steps of time.

A comparison flips where a measure steps, or where a waiting time passes a bound in between; those are all the moments
there are. Unknown is never true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.clock import day_number
from tenure.facts.blocks import BIAS, DAYS, who_of
from tenure.rules.evaluation.compute import Reading, Values, both_known
from tenure.rules.evaluation.elapsed import ORIGIN, covers, flips_after, not_among, waits_only
from tenure.rules.evaluation.steps import merge, starts
from tenure.rules.syntax.tree import And, Comparison, Known, Measure, Node, Not, Or, Otherwise, Text

if TYPE_CHECKING:
    from collections.abc import Callable

from datetime import date

FALSE, TRUE, UNKNOWN = np.int8(0), np.int8(1), np.int8(2)
LAST_DAY = day_number(date(9999, 12, 31)) + BIAS
CLOSE = 1e-13  # numbers nearer than this, relatively, are equal: 3 * 0.1 is 0.3, and a cent more than a billion is more


@dataclass(frozen=True, slots=True)
class Truth:
    """The truth of a rule over time; neighbours of one customer differ."""

    keys: np.ndarray  # moments, sorted, each once; every customer's first is the entry
    values: np.ndarray  # FALSE, TRUE or UNKNOWN from there on

    def at(self, points: np.ndarray) -> np.ndarray:
        """Return the truth at some moments, none of them before its customer's entry."""
        if points is self.keys:
            return self.values
        return self.values[np.searchsorted(self.keys, points, side="right") - 1]


def truth_of(node: Node, reading: Reading, entries: np.ndarray) -> Truth:
    """Return when a rule holds."""
    match node:
        case Not(operand=operand):
            inner = truth_of(operand, reading, entries)
            return Truth(inner.keys, np.array([1, 0, 2], dtype=np.int8)[inner.values])
        case And(parts=parts) | Or(parts=parts):
            inners = [truth_of(part, reading, entries) for part in parts]
            return _joined(inners, _all if isinstance(node, And) else _any)
        case Otherwise():
            return Truth(entries, np.full(len(entries), TRUE))
    return _of_test(node, reading, entries)


def _joined(inners: list[Truth], combine: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Truth:
    keys = merge(*(inner.keys for inner in inners))
    values = inners[0].at(keys)
    for inner in inners[1:]:
        values = combine(values, inner.at(keys))
    return changes(keys, values)


def _of_test(node: Node, reading: Reading, entries: np.ndarray) -> Truth:
    """Return when a single test holds: a comparison, ``is known``, or ``has(...)``."""
    if isinstance(node, Comparison) and isinstance(node.left, Text) | isinstance(node.right, Text):
        return _of_texts(node, reading, entries)
    if isinstance(node, Known) and isinstance(node.operand, Measure) and node.operand.name == "attribute":
        given = [(value is not None) == node.known for value in reading.texts(node.operand)]  # a text is known too
        return Truth(entries, np.array(given, dtype=np.int8)[who_of(entries)])
    if (measure := waits_only(node)) is not None and covers(entries, reading, measure):
        return _waited(node, measure, reading, entries)
    keys = within(merge(entries, reading.change_points(node)), entries)
    if isinstance(node, Comparison):
        return _compared(node.operator, keys, reading.values(node.left, keys), reading.values(node.right, keys))
    if isinstance(node, Known):
        known = reading.values(node.operand, keys).known
        is_known = np.ones(len(keys), dtype=bool) if known is None else known
        return changes(keys, (is_known == node.known).astype(np.int8))
    return changes(keys, (reading.values(node, keys).now > 0).astype(np.int8))


def within(keys: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """Return the keys of customers that enter, from their entry on; `entries` are among the keys."""
    first = keys[starts(keys)] if len(keys) else keys
    if len(first) == len(entries) and (first == entries).all():
        return keys
    place = np.searchsorted(entries, keys, side="right") - 1
    inside = (
        (place >= 0) & (who_of(entries[place]) == who_of(keys)) if len(entries) else np.zeros(len(keys), dtype=bool)
    )
    return keys[inside]


def changes(keys: np.ndarray, values: np.ndarray) -> Truth:
    """Return a truth without the moments at which nothing changes."""
    if not len(keys):
        return Truth(keys, values)
    keep = starts(keys)
    keep[1:] |= values[1:] != values[:-1]
    return Truth(keys, values) if keep.all() else Truth(keys[keep], values[keep])


def _all(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    unknown = (a == UNKNOWN) | (b == UNKNOWN)
    return np.where((a == FALSE) | (b == FALSE), FALSE, np.where(unknown, UNKNOWN, TRUE))


def _any(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    unknown = (a == UNKNOWN) | (b == UNKNOWN)
    return np.where((a == TRUE) | (b == TRUE), TRUE, np.where(unknown, UNKNOWN, FALSE))


def _waited(node: Node, measure: Measure, reading: Reading, entries: np.ndarray) -> Truth:
    """Return the truth of a comparison that only waits: what a fact sets off, wherever a break comes after it."""
    assert isinstance(node, Comparison)
    if not len(reading.steps(measure).keys):
        return Truth(entries, np.full(len(entries), UNKNOWN))
    sides = (reading.waited(side) for side in (node.left, node.right))
    alone = _compared(node.operator, ORIGIN, *sides)
    keys, values = flips_after(alone.keys - ORIGIN, alone.values, reading, measure)
    inside = (keys & (DAYS - 1)) <= LAST_DAY
    if not inside.all():
        keys, values = keys[inside], values[inside]
    before = not_among(entries, keys)  # entered by another fact: nothing to wait from yet
    if len(before):
        keys = np.concatenate((keys, before))
        values = np.concatenate((values, np.full(len(before), UNKNOWN)))
        order = np.argsort(keys, kind="stable")
        keys, values = keys[order], values[order]
    return changes(keys, values)


# Comparing numbers

_HOLDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    "=": lambda sign: sign == 0,
    "!=": lambda sign: sign != 0,
    ">=": lambda sign: sign >= 0,
    ">": lambda sign: sign > 0,
}


def _compared(operator: str, keys: np.ndarray, left: Values, right: Values) -> Truth:
    holds = _HOLDS[operator]
    known = both_known(left.known, right.known)
    distance = left.now - right.now if left.whole and right.whole else _distance(left.now, right.now)
    values = holds(distance).astype(np.int8)
    if known is not None:
        values[~known] = UNKNOWN
    grows = left.grows - right.grows
    if not np.any(grows):
        return changes(keys, values)
    place, points, truths = _crossings(
        holds, keys, distance, np.broadcast_to(np.asarray(grows, float), keys.shape), known
    )
    # Only moments that change something are worth keeping: of a daily buyer's thousand orders, the few after a break.
    at_end = values.copy()
    at_end[place] = truths  # of two crossings in one stretch the later comes later, and stays
    keep = starts(keys)
    keep[1:] |= values[1:] != at_end[:-1]
    every = np.concatenate((keys[keep], points))
    order = np.argsort(every, kind="stable")
    return changes(every[order], np.concatenate((values[keep], truths))[order])


def _distance(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    distance = left - right
    near = np.abs(distance) <= CLOSE * np.maximum(np.maximum(np.abs(left), np.abs(right)), 1.0)
    return np.where(near, 0.0, distance) if near.any() else distance


def _crossings(
    holds: Callable[[np.ndarray], np.ndarray],
    keys: np.ndarray,
    distance: np.ndarray,
    grows: np.ndarray,
    known: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the moments between the given ones at which a waiting time passes its bound, and the truth from there.

    The first column says after which of the given moments each lies.

    The distance of the two sides is ``d + g t``, t days after a moment. Its sign changes on the first day that is not
    before the root -d/g, and on the first day after it; no other day can matter.
    """
    length = np.full(len(keys), DAYS, dtype=np.int64)
    same = ~starts(keys)[1:]
    length[:-1][same] = (keys[1:] - keys[:-1])[same]
    moving = np.flatnonzero((grows != 0) if known is None else known & (grows != 0))
    d, g, most = distance[moving], grows[moving], length[moving]
    root = -d / g
    ahead = (root > -1) & (root < most)
    moving, d, g, most, root = moving[ahead], d[ahead], g[ahead], most[ahead], root[ahead]
    whole = np.rint(root)
    root = np.where(np.abs(root - whole) <= CLOSE * np.maximum(np.abs(whole), 1.0), whole, root)
    exact = root == np.floor(root)
    found = []
    for days, sign, possible in ((np.ceil(root), np.where(exact, 0.0, g), True), (root + 1, g, exact)):
        valid = possible & (days >= 1) & (days < most) & ((keys[moving] & (DAYS - 1)) + days <= LAST_DAY)
        where = moving[valid]
        found.append((where, keys[where] + days[valid].astype(np.int64), holds(sign[valid]).astype(np.int8)))
    first, second = found
    return tuple(np.concatenate(columns) for columns in zip(first, second, strict=True))  # type: ignore[return-value]


def _of_texts(node: Comparison, reading: Reading, entries: np.ndarray) -> Truth:
    def side(part: Node) -> list[object]:
        if isinstance(part, Text):
            return [part.value] * len(reading.block)
        assert isinstance(part, Measure)
        return reading.texts(part)

    left, right = side(node.left), side(node.right)
    answers = [
        UNKNOWN if a is None or b is None else np.int8((str(a) == str(b)) == (node.operator == "="))
        for a, b in zip(left, right, strict=True)
    ]
    return Truth(entries, np.array(answers, dtype=np.int8)[who_of(entries)] if answers else np.empty(0, dtype=np.int8))
