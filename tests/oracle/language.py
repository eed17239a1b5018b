"""The clerk's parser: text of a rule to nested tuples, by recursive descent along the grammar of the reference."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Node = tuple[Any, ...]

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<days>\d+[dw]\b)
    |(?P<number>(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:\s?%)?)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<name>[^\W\d]\w*)
    |(?P<sign><=|>=|!=|<>|==|[<>=≤≥≠<>=+\-*/(),.|\[\]])""",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "<>": "!=", "==": "=", "<": "<", ">": ">", "=": "="}
COMPARISONS = ("<", "<=", "=", "!=", ">=", ">")
DATES = ("date", "ends_at", "period_start")
UNITS = ("week", "month", "quarter", "year")
CONTRACTS = ("contract", "start", "renewal", "cancel")


class Window(NamedTuple):
    """The facts a measure looks at: `last` units (None: all), the newest `before` units ago, or that many facts.

    `seen` is "now" for days and complete periods before today, "this" for the running period, "same" for what was
    "now" a year ago, and "whole" for the whole period of a year ago.
    """

    last: int | None = None
    before: int = 0
    unit: str = "day"
    seen: str = "now"


class Condition(NamedTuple):
    """One condition on a column; `values` are days for dates, and the name of the dates for ``on``."""

    column: str
    sign: str  # a comparison, in, not in, known, unknown, on, not on
    values: tuple[Fraction | int | str, ...] = ()


class Term(NamedTuple):
    """Facts of a kind that meet all conditions and, perhaps, follow another fact within some days."""

    kind: str
    conditions: tuple[Condition, ...] = ()
    after: Term | None = None
    within: int = 0

    @property
    def kinds(self) -> set[str]:
        return {self.kind, *(self.after.kinds if self.after else ())}


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"cannot read {text!r} at {at}")
        at = match.end()
        if match.lastgroup:
            word = match.group()
            if match.lastgroup == "name":
                word = word.lower()
            found.append((match.lastgroup, _SIGNS.get(word, word)))
    return [*found, ("end", "")]


def _number(word: str) -> Fraction | int:
    word = word.replace("_", "").replace(" ", "")
    value = Fraction(word[:-1]) / 100 if word.endswith("%") else Fraction(word)
    return value.numerator if value.denominator == 1 else value


def days_in(word: str) -> int:
    """Return a length of time in days: ``90d``, ``12w``."""
    return int(word[:-1]) * {"d": 1, "w": 7}[word[-1].lower()]


def _unit(word: str) -> str | None:
    return word.removesuffix("s") if word.removesuffix("s") in UNITS else None


class _Parser:
    def __init__(self, text: str, parameters: Mapping[str, Fraction | int]) -> None:
        self.text, self.tokens, self.at, self.parameters = text, _tokens(text), 0, parameters

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at]

    def take(self, *words: str) -> str | None:
        """Take the next token when it is one of `words`."""
        kind, word = self.peek()
        if kind in ("name", "sign") and word in words:
            self.at += 1
            return word
        return None

    def take_kind(self, *wanted: str) -> str:
        kind, word = self.peek()
        if kind not in wanted:
            raise ValueError(f"{self.text!r}: wanted {wanted}, found {word!r}")
        self.at += 1
        return word[1:-1] if kind == "text" else word

    def need(self, word: str) -> None:
        if self.take(word) is None:
            raise ValueError(f"{self.text!r}: wanted {word!r}, found {self.peek()[1]!r}")

    def rule(self) -> Node:
        tree: Node = ("otherwise",) if self.take("otherwise") else self.either()
        self.take_kind("end")
        return tree

    def either(self) -> Node:
        tree = self.both()
        while self.take("or"):
            tree = ("or", tree, self.both())
        return tree

    def both(self) -> Node:
        tree = self.held()
        while self.take("and"):
            tree = ("and", tree, self.held())
        return tree

    def held(self) -> Node:
        tree = self.negation()
        while self.take("for"):
            tree = ("for", tree, self.days())
        return tree

    def negation(self) -> Node:
        return ("not", self.negation()) if self.take("not") else self.test()

    def test(self) -> Node:
        left = self.number()
        if sign := self.take(*COMPARISONS):
            right = self.number()
            return ("compare", sign, _dated(left, right), _dated(right, left))
        if self.take("is"):
            return ("known", left, self.knowledge() == "known")
        negated = self.take("not") is not None
        if self.take("in"):
            return ("among", left, self.values(), not negated)
        if negated:
            raise ValueError(f"{self.text!r}: not what?")
        return left

    def knowledge(self) -> str:
        """Read ``known``, ``unknown``, ``not known`` or ``not unknown``."""
        negated = self.take("not") is not None
        word = self.take_kind("name")
        return {"known": "unknown", "unknown": "known"}[word] if negated else word

    def values(self) -> tuple[Fraction | int | str, ...]:
        self.need("(")
        found = [self.literal()]
        while self.take(","):
            found.append(self.literal())
        self.need(")")
        return tuple(found)

    def literal(self) -> Fraction | int | str:
        """Read a number, a text or a parameter."""
        if self.take("-"):
            return -self.literal()  # type: ignore[operator]
        kind, _ = self.peek()
        word = self.take_kind("number", "text", "name")
        return {"number": _number, "text": str, "name": self.parameters.__getitem__}[kind](word)

    def days(self) -> int:
        kind, _ = self.peek()
        word = self.take_kind("days", "name")
        return days_in(word) if kind == "days" else int(self.parameters[word])

    def number(self) -> Node:
        tree = self.product()
        while sign := self.take("+", "-"):
            tree = (sign, tree, self.product())
        return tree

    def product(self) -> Node:
        tree = self.factor()
        while sign := self.take("*", "/"):
            tree = (sign, tree, self.factor())
        return tree

    def factor(self) -> Node:
        kind, word = self.peek()
        if kind in ("number", "text") or (kind == "name" and word in self.parameters):
            return ("literal", self.literal())
        if self.take("-"):
            return ("minus", self.factor())
        if self.take("("):
            tree = self.either()
            self.need(")")
            return tree
        return self.measure()

    def measure(self) -> Node:
        name = self.take_kind("name")
        self.need("(")
        if name == "ever":
            tree: Node = ("ever", self.either())
        elif name in ("percentile", "average"):
            inner, by = self.number(), None
            if self.take(","):
                self.need("by")
                by = self.take_kind("name", "text")
            tree = (name, inner, by)
        elif name in ("attribute", "score", "stage", "in_stage", "previous_stage", "days_in_stage"):
            names = [] if self.peek()[1] == ")" else [self.take_kind("name", "text")]
            while self.take(","):
                names.append(self.take_kind("name", "text"))
            tree = ("of", name, *names)
        elif name == "days_until" and self.peek()[1] not in CONTRACTS:
            what = "days_until_named" if self.peek()[0] == "text" else "days_until_attribute"
            tree = ("of", what, self.take_kind("name", "text"))
        else:
            return self.of_facts(name)
        self.need(")")
        return tree

    def of_facts(self, name: str) -> Node:
        terms: list[Term] = []
        field, place, window = None, 0, Window()
        if name == "balance":
            terms.append(Term("balance"))
        elif self.peek()[1] != ")":
            terms.append(self.term())
            while self.take("|"):
                terms.append(self.term())
            if self.take("."):
                field = self.take_kind("name")
        while self.take(","):
            if self.peek()[0] == "number":
                place = int(self.take_kind("number"))
            else:
                window = self.window(window)
        self.need(")")
        if name in ("first", "nth", "last") and self.take("."):
            name, field, place = "column", self.take_kind("name"), {"first": 1, "last": -1}.get(name, place)
        return ("measure", name, tuple(terms), field, window, place)

    def term(self) -> Term:
        first = self.fact()
        if not self.take("then"):
            return first
        then = self.fact()
        self.need("within")
        return then._replace(after=first, within=self.days())

    def fact(self) -> Term:
        kind, conditions = self.take_kind("name"), []
        if self.take("["):
            conditions.append(self.condition())
            while self.take(","):
                conditions.append(self.condition())
            self.need("]")
        return Term(kind, tuple(conditions))

    def condition(self) -> Condition:
        if self.tokens[self.at : self.at + 2] == [("name", "not"), ("name", "on")]:
            self.at += 2
            return Condition("date", "not on", (self.take_kind("text"),))
        if self.take("on"):
            return Condition("date", "on", (self.take_kind("text"),))
        column = self.take_kind("name")
        if self.take("is"):
            return Condition(column, self.knowledge())
        if sign := self.take(*COMPARISONS):
            values: tuple[Any, ...] = (self.literal(),)
        else:
            sign = "not in" if self.take("not") else "in"
            self.need("in")
            values = self.values()
        if column in DATES:
            values = tuple(date.fromisoformat(value).toordinal() for value in values)
        return Condition(column, sign, values)

    def window(self, window: Window) -> Window:
        word = self.take_kind("name")
        if word == "this":
            return Window(1, 0, _unit(self.take_kind("name")) or "", "this")
        if word == "same":
            if unit := _unit(self.peek()[1]):
                self.at += 1
                wanted = Window(1, 0, unit, "whole")
            else:
                length, unit = self.length()
                wanted = Window(length, 0, unit, "same")
            self.need("last")
            self.need("year")
            return wanted
        length, unit = self.length()
        return window._replace(**{word: length, "unit": unit})

    def length(self) -> tuple[int, str]:
        """Read a number of days, calendar periods or facts."""
        if self.peek()[0] != "number":
            return self.days(), "day"
        number, noun = int(self.take_kind("number")), self.take_kind("name")
        return number, _unit(noun) or "fact"


def _dated(side: Node, other: Node) -> Node:
    """Return a text that is compared with a date as that day."""
    if side[0] == "literal" and other[:2] == ("measure", "column") and other[3] in DATES:
        return ("literal", date.fromisoformat(side[1]).toordinal())
    return side


def parse(text: str, parameters: Mapping[str, Fraction | int] | None = None) -> Node:
    """Return the tree of a rule."""
    return _Parser(text, parameters or {}).rule()


def kinds_read(tree: Node) -> set[str]:
    """Return the kinds a rule reads."""
    if tree[0] == "measure":
        kinds = set().union(*(term.kinds for term in tree[2]))
        return kinds | ({"line"} if tree[1] == "categories" and "order" in kinds else set())
    branches = [branch for branch in tree[1:] if isinstance(branch, tuple)] if tree[0] != "of" else []
    return set().union(*(kinds_read(branch) for branch in branches if branch and isinstance(branch[0], str)))
