"""The clerk's judgement: is this rule true, false or unknown for this customer on this day?"""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import pairwise
from math import isqrt
from operator import add, eq, ge, gt, le, lt, mul, ne, sub
from typing import TYPE_CHECKING, Any

from oracle.language import STATE, Node, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from oracle.people import Fact, Person

Number = Fraction | int | str | None


def _root(value: Fraction) -> Fraction:
    """Return a square root: exact when there is one, else to 60 digits."""
    top, bottom = isqrt(value.numerator), isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Fraction(top, bottom)
    with localcontext() as context:
        context.prec = 60
        return Fraction((Decimal(value.numerator) / Decimal(value.denominator)).sqrt())


def _gaps(facts: list[Fact]) -> list[int]:
    days = sorted({fact.day for fact in facts})
    return [later - earlier for earlier, later in pairwise(days)]


def _median(values: list[int]) -> Fraction | int | None:
    if not values:
        return None
    ranked, middle = sorted(values), len(values) // 2
    return ranked[middle] if len(ranked) % 2 else Fraction(ranked[middle - 1] + ranked[middle], 2)


def _variation(gaps: list[int]) -> Fraction | None:
    if len(gaps) < 2:
        return None
    mean = Fraction(sum(gaps), len(gaps))
    return _root(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean


def _still_open(facts: list[Fact]) -> int:
    state: dict[str, bool] = {}
    for fact in facts:  # in the order of time
        state[fact.row["case_id"]] = fact.row["event"] == "opened"
    return sum(state.values())


def _mean(values: list[Fraction]) -> Fraction | None:
    return sum(values, Fraction(0)) / len(values) if values else None


#: Measures that look at facts, and measures that look at the values of those facts that have one.
_OF_FACTS: dict[str, Callable[[list[Fact]], Number]] = {
    "count": len,
    "has": bool,
    "days": lambda facts: len({fact.day for fact in facts}),
    "categories": lambda facts: len({fact.row.get("category") for fact in facts} - {None}),
    "typical_gap": lambda facts: _median(_gaps(facts)),
    "gap_variation": lambda facts: _variation(_gaps(facts)),
    "open": _still_open,
    "balance": lambda facts: Fraction(facts[-1].row["receivable"] + facts[-1].row["payable"]) if facts else None,
}
_OF_VALUES: dict[str, Callable[[list[Fraction]], Number]] = {
    "sum": lambda values: sum(values, Fraction(0)),
    "avg": _mean,
    "max": lambda values: max(values, default=None),
    "min": lambda values: min(values, default=None),
    "last": lambda values: values[-1] if values else None,
}


def _over_facts(name: str, field: str | None, facts: list[Fact]) -> Number:
    """Return a measure that depends only on which facts it looks at."""
    if name in _OF_FACTS:
        return _OF_FACTS[name](facts)
    return _OF_VALUES[name]([value for fact in facts if (value := fact.value(field)) is not None])


_ARITHMETIC: dict[str, Callable[[Fraction, Fraction], Fraction]] = {"+": add, "-": sub, "*": mul}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, "=": eq, "!=": ne, ">=": ge, ">": gt}


class Judge:
    """Judges rules about one person. Remembers what it worked out for the same facts of the same measure."""

    def __init__(self, person: Person) -> None:
        self.person = person
        # at the end of the day before: the stage, the day it was entered, and the stage before it
        self.stage: str | None = None
        self.entered = 0
        self.before: str | None = None
        self._known: dict[tuple[object, ...], Number] = {}

    def holds(self, tree: Node, day: int) -> bool | None:
        """Return whether a rule holds on a day; None is unknown."""
        match tree[0]:
            case "otherwise":
                return True
            case "or":
                left, right = self.holds(tree[1], day), self.holds(tree[2], day)
                return True if left or right else None if left is None or right is None else False
            case "and":
                left, right = self.holds(tree[1], day), self.holds(tree[2], day)
                return False if left is False or right is False else None if left is None or right is None else True
            case "not":
                inner = self.holds(tree[1], day)
                return None if inner is None else not inner
            case "compare":
                left, right = self.number(tree[2], day), self.number(tree[3], day)
                return None if left is None or right is None else _ORDER[tree[1]](left, right)
            case "known":
                return (self.number(tree[1], day) is not None) is tree[2]
        truth = self.number(tree, day)
        if truth is not None and not isinstance(truth, bool):
            raise ValueError(f"{tree} is no condition")
        return truth

    def number(self, tree: Node, day: int) -> Number:
        """Return the value of a number, a text or a yes-or-no measure on a day; None is unknown."""
        match tree[0]:
            case "literal":
                return tree[1]
            case "minus":
                inner = self.number(tree[1], day)
                return None if inner is None else -inner  # type: ignore[operator]
            case "+" | "-" | "*" | "/":
                left, right = self.number(tree[1], day), self.number(tree[2], day)
                if left is None or right is None or (tree[0] == "/" and right == 0):
                    return None
                return Fraction(left) / right if tree[0] == "/" else _ARITHMETIC[tree[0]](left, right)  # type: ignore
            case "measure" if tree[1] in STATE:
                return {
                    "in_stage": self.stage in tree[2],
                    "previous_stage": self.before,
                    "days_in_stage": None if self.stage is None else day - self.entered,
                }[tree[1]]
            case "measure":
                name, kinds, field, window = tree[1:]
                return self._measure(name, kinds, field, window, day)
        return self.holds(tree, day)

    def _measure(self, name: str, kinds: tuple[str, ...], field: str | None, window: Window, day: int) -> Number:
        if name == "attribute":
            return self.person.attribute(kinds[0])
        if name == "score":
            return None
        if name == "categories":  # of an order: those of its lines; of an interaction: what was looked at
            kinds = tuple(dict.fromkeys("line" if kind == "order" else kind for kind in kinds))
        kinds = ("balance",) if name == "balance" else kinds
        pile = self.person.pile(kinds)
        newest = day - window.before
        start, end = pile.between(None if window.last is None else newest - window.last + 1, newest)
        if name in ("days_since", "days_since_first"):
            if start == end:
                return None
            return day - pile.days[end - 1 if name == "days_since" else start]
        if name == "slope":
            return self._slope(kinds, field, window, day)
        key = (name, kinds, field, start, end)
        if key not in self._known:
            self._known[key] = _over_facts(name, field, pile.facts[start:end])
        return self._known[key]

    def _slope(self, kinds: tuple[str, ...], field: str | None, window: Window, day: int) -> Fraction | None:
        assert window.last is not None
        part = window.last // 4
        measure = "sum" if field else "count"
        windows = [Window(part, window.before + part * (3 - which)) for which in range(4)]
        parts: list[Any] = [self._measure(measure, kinds, field, one, day) for one in windows]
        mean = sum(parts, Fraction(0)) / 4
        if mean == 0:
            return None
        middle = Fraction(3, 2)
        rise = sum(((which - middle) * (value - mean) for which, value in enumerate(parts)), Fraction(0))
        return rise / sum(((which - middle) ** 2 for which in range(4)), Fraction(0)) / mean
