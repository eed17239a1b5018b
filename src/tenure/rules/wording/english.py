"""Says rules in English.

Takes trees in the shape of :func:`tenure.rules.wording.sentence.speakable`.
"""

from __future__ import annotations

from tenure.rules.syntax.tree import (
    ALWAYS,
    And,
    Arithmetic,
    Comparison,
    Known,
    Measure,
    Negative,
    Node,
    Not,
    Number,
    Or,
    Otherwise,
    Text,
    Window,
)
from tenure.rules.wording.vocabulary import field_name, kind_words
from tenure.words import formats

LANGUAGE = "en"
_COMPARED = {
    "<": "is less than",
    "<=": "is at most",
    "=": "is exactly",
    "!=": "is not",
    ">=": "is at least",
    ">": "is more than",
}
_TIMES = {"<": "fewer than", "<=": "at most", "=": "exactly", "!=": "not exactly", ">=": "at least", ">": "more than"}
_AGO = {**_TIMES, "<": "less than"}
_LATER = {
    "<": "later than",
    "<=": "no earlier than",
    ">": "earlier than",
    ">=": "no later than",
    "=": "on the same day as",
    "!=": "on another day than",
}
_SIGNS = {"+": "plus", "-": "minus", "/": "divided by", "*": "times"}


def truth(node: Node) -> str:
    """Say something that is true or false."""
    match node:
        case Otherwise():
            return "none of the rules above holds"
        case And(parts=parts):
            return ", and ".join(_bracketed(part, Or) for part in parts)
        case Or(parts=parts):
            return ", or ".join(_bracketed(part, And) for part in parts)
        case Not(operand=Measure() as measure):
            return _has(measure, there=False)
        case Not(operand=operand):
            return f"it is not so that ({truth(operand)})"
        case Known():
            return _known(node)
        case Comparison():
            return _comparison(node)
        case Measure():
            return _has(node, there=True)
    raise TypeError(f"{type(node).__name__} is no condition")


def _bracketed(part: Node, weaker: type[Node]) -> str:
    return f"({truth(part)})" if isinstance(part, weaker) else truth(part)


# Whether there is something


def _has(measure: Measure, *, there: bool) -> str:
    return f"there was {'at least one' if there else 'no'} {_one(measure)}{_in(measure.window) or ' so far'}"


def _known(node: Known) -> str:
    operand = node.operand
    if isinstance(operand, Measure) and operand.name in ("days_since", "days_since_first"):
        return _has(operand, there=node.known)
    if isinstance(operand, Measure) and operand.name == "attribute":
        return f"{value(operand)} is {'filled in' if node.known else 'not filled in'}"
    return f"{value(operand)} is {'known' if node.known else 'unknown'}"


# Comparisons


def _comparison(node: Comparison) -> str:
    left, right = node.left, node.right
    if isinstance(left, Measure):
        said = _against_number(left, node.operator, right) or _against_measure(left, node.operator, right)
        if said:
            return said
    return f"{value(left)} {_COMPARED[node.operator]} {value(right)}"


def _against_number(measure: Measure, sign: str, right: Node) -> str | None:
    bound = _literal(right)
    if bound is None:
        return _attribute(measure, sign, right)
    special = _SPECIAL.get(measure.name)
    if special and (said := special(measure, sign, bound)):
        return said
    unit = " day" if measure.name == "typical_gap" else ""
    return f"{value(measure)} {_COMPARED[sign]} {_number(bound)}{unit}{'s' if unit and bound != 1 else ''}"


def _attribute(measure: Measure, sign: str, right: Node) -> str | None:
    if not isinstance(right, Text):
        return None
    return f"{value(measure)} is {'' if sign == '=' else 'not '}“{right.value}”"


def _since(measure: Measure, sign: str, bound: float) -> str:
    which = f"{_which(measure)} was"
    if bound == 0 and sign in ("=", "<="):
        return f"{which} on that very day"
    return f"{which} {_AGO[sign]} {_number(bound)} day{'' if bound == 1 else 's'} ago"


def _count(measure: Measure, sign: str, bound: float) -> str:
    if (bound, sign) in ((0, "="), (0, "<="), (1, "<")):
        return _has(measure, there=False)
    if (bound, sign) in ((0, ">"), (0, "!="), (1, ">=")):
        return _has(measure, there=True)
    what = _one(measure) if bound == 1 else _many(measure)
    there = "was" if bound == 1 else "were"
    return f"there {there} {_TIMES[sign]} {_number(bound)} {what}{_in(measure.window) or ' so far'}"


def _days_counted(measure: Measure, sign: str, bound: float) -> str:
    days = f"{_number(bound)} different day{'' if bound == 1 else 's'}"
    return f"there were {_many(measure)} on {_TIMES[sign]} {days}{_in(measure.window) or ' so far'}"


def _slope(measure: Measure, sign: str, bound: float) -> str:
    if bound == 0 and sign in ("<", ">"):
        tends = "rising" if sign == ">" else "falling"
        return f"{_slope_of(measure)} is {tends} over the last {measure.window.last} days"
    changed = {">": "grew by more than", ">=": "grew by at least"}
    if bound < 0:
        changed = {"<": "fell by more than", "<=": "fell by at least"}
    if sign in changed:
        quarter = (measure.window.last or 4) // 4
        by = f"{changed[sign]} {_number(abs(bound) * 100)}%"
        return f"{_slope_of(measure)} {by} every {quarter} days{_in(measure.window)}"
    return f"{value(measure)} {_COMPARED[sign]} {_number(bound * 100)}%"


def _open(measure: Measure, sign: str, bound: float) -> str | None:
    if bound == 0 and sign in ("=", "<="):
        return f"there is no open {_one(measure)}"
    if (bound, sign) in ((0, ">"), (0, "!="), (1, ">=")):
        return f"there is an open {_one(measure)}"
    return None


def _balance(measure: Measure, sign: str, bound: float) -> str | None:
    del measure
    if bound == 0 and sign in ("=", "!=", ">"):
        return "everything is settled on either side" if sign == "=" else "something is still to be settled"
    return None


_SPECIAL = {
    "days_since": _since,
    "days_since_first": _since,
    "count": _count,
    "days": _days_counted,
    "slope": _slope,
    "open": _open,
    "balance": _balance,
}


def _against_measure(left: Measure, sign: str, right: Node) -> str | None:
    """Say "… in the last 90 days is less than half of that in the 90 days before"."""
    factor, other = _scaled(right)
    if other is None:
        return None
    if left.elapsed and other.elapsed and factor == 1:
        return f"{_which(left)} was {_LATER[sign]} {_which(other)}"
    same = (left.name, left.kinds, left.field) == (other.name, other.kinds, other.field) and other.window != ALWAYS
    said = f"that{_in(other.window, beside=left.window)}" if same else value(other)
    if factor == 0.5:
        said = f"half of {said}"
    elif factor < 1:
        said = f"{_number(factor * 100)}% of {said}"
    elif factor != 1:
        said = f"{_number(factor)} times {said}"
    return f"{value(left)} {_COMPARED[sign]} {said}"


def _scaled(node: Node) -> tuple[float, Measure | None]:
    match node:
        case Measure():
            return 1, node
        case Arithmetic(operator="*", left=Number(value=factor), right=Measure() as measure) if factor > 0:
            return factor, measure
        case Arithmetic(operator="*", left=Measure() as measure, right=Number(value=factor)) if factor > 0:
            return factor, measure
        case Arithmetic(operator="/", left=Measure() as measure, right=Number(value=factor)) if factor > 0:
            return 1 / factor, measure
    return 1, None


# Values


def value(node: Node) -> str:
    """Say a number or a text as a noun."""
    match node:
        case Number(value=number):
            return _number(number)
        case Text(value=text):
            return f"“{text}”"
        case Negative(operand=Number(value=number)):
            return _number(-number)
        case Negative(operand=operand):
            return f"minus {_grouped(operand)}"
        case Arithmetic():
            return _arithmetic(node)
        case Measure():
            return _measure(node)
    raise TypeError(f"{type(node).__name__} is no value")


def _arithmetic(node: Arithmetic) -> str:
    factor, other = _scaled(node)
    if other is not None and node.operator == "*":
        return f"half of {value(other)}" if factor == 0.5 else f"{_number(factor)} times {value(other)}"
    strong = node.operator in "*/"
    left = _grouped(node.left) if strong else value(node.left)
    right = _grouped(node.right) if strong or node.operator == "-" else value(node.right)
    return f"{left} {_SIGNS[node.operator]} {right}"


def _grouped(node: Node) -> str:
    return f"({value(node)})" if isinstance(node, Arithmetic) else value(node)


_MEASURES = {
    "days_since": "the time since the last {one}",
    "days_since_first": "the time since the first {one}",
    "count": "the number of {many}{when}",
    "days": "the number of days with {many}{when}",
    "sum": "the total {field}{when}",
    "avg": "the average {field}{when}",
    "max": "the highest {field}{when}",
    "min": "the lowest {field}{when}",
    "last": "the latest {field}{when}",
    "slope": "the average growth of {counted} every {quarter} days{when}",
    "categories": "the number of categories {met}{when}",
    "typical_gap": "this customer's usual time between {many}",
    "gap_variation": "the irregularity of the time between {many}",
    "open": "the number of open {many}",
    "balance": "the amount still to be settled",
    "has": "whether there was any {one}{when}",
    "attribute": "the attribute “{name}”",
    "score": "the score “{name}”",
}


def _measure(measure: Measure) -> str:
    many = _many(measure)
    return _MEASURES[measure.name].format(
        one=_one(measure),
        many=many,
        field=field_name(measure.kinds, measure.field, LANGUAGE) if measure.field else many,
        when=_in(measure.window),
        counted=_slope_of(measure),
        quarter=(measure.window.last or 4) // 4,
        met="bought" if measure.kinds in (("order",), ("line",)) else f"met in {many}",
        name=measure.argument,
    )


def _slope_of(measure: Measure) -> str:
    if measure.field:
        return f"the {field_name(measure.kinds, measure.field, LANGUAGE)}"
    return f"the number of {_many(measure)}"


# Days, kinds and numbers


def _in(window: Window, beside: Window | None = None) -> str:
    """Say a window; `beside` is the one named just before, so that the days before it can be called so."""
    last, before = window.last, window.before
    if last is None:
        return f" at least {before} day{'' if before == 1 else 's'} ago" if before else ""
    if not before:
        return " on that day" if last == 1 else f" in the last {last} days"
    if beside is not None and beside.before == 0 and beside.last == before:
        return f" in the {last} days before"
    if last == 1:
        return f" {before} days before"
    return f" from {before + last - 1} to {before} days ago"


def _which(measure: Measure) -> str:
    return f"the {'last' if measure.name == 'days_since' else 'first'} {_one(measure)}"


def _one(measure: Measure) -> str:
    return _joined([kind_words(kind).en for kind in measure.kinds])


def _many(measure: Measure) -> str:
    return _joined([kind_words(kind).plural for kind in measure.kinds])


def _joined(names: list[str]) -> str:
    return " or ".join([", ".join(names[:-1]), *names[-1:]]) if len(names) > 1 else "".join(names)


def _literal(node: Node) -> float | None:
    match node:
        case Number(value=number):
            return number
        case Negative(operand=Number(value=number)):
            return -number
    return None


def _number(number: float) -> str:
    return formats.number(number, at_most=6, language="en")
