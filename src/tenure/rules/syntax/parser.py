"""From a rule's text to its typed tree, or to an error that teaches.

The grammar stands in ``docs/reference/rule-language.md``. Nothing is ever evaluated as code.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from tenure.errors import RuleError
from tenure.facts.kinds import KINDS
from tenure.facts.named_dates import NAMED_DATES
from tenure.rules.syntax import tree
from tenure.rules.syntax.comparison import COMPARISONS, SPELLINGS
from tenure.rules.syntax.measure_calls import DEEPEST_RULE, MeasureReader
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.tokens import Expected, number_of
from tenure.rules.syntax.tree import Measure, RuleNode
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tenure.facts.kinds import Kind
    from tenure.rules.syntax.parameters import Parameter

_AND_OR = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)
_NOT_TEXT = mark("%(part)s is a number. Only attributes and text columns can be compared with text.")


def parse(
    text: str,
    kinds: Mapping[str, Kind] = KINDS,
    *,
    parameters: Mapping[str, Parameter] | None = None,
    named_dates: Mapping[str, Sequence[str]] | None = NAMED_DATES,
) -> RuleNode:
    """Parse a rule.

    Parameters
    ----------
    text : str
        The rule, for example ``days_since(order) <= 45``.
    kinds : mapping of str to Kind, optional
        The fact kinds that may be used: the built-in ones, and a lake's own interaction kinds.
    parameters : mapping of str to Parameter, optional
        The parameters of the model that the rule belongs to.
    named_dates : mapping of str to sequence of str, optional
        The shop's named dates, such as ``{"双十一": ["11-11"]}``. None takes any name: enough to read a rule back, not
        to evaluate it.

    Returns
    -------
    RuleNode
        A tree of type truth.

    Raises
    ------
    RuleError
        With the place, the cause and the nearest right name.

    Examples
    --------
    >>> str(parse("days_since( order )<=45"))
    'days_since(order) <= 45'
    """
    return _Parser(text, kinds, parameters or {}, named_dates).rule()


def expected_after(
    text: str,
    kinds: Mapping[str, Kind] = KINDS,
    *,
    parameters: Mapping[str, Parameter] | None = None,
) -> list[Expected]:
    """Return what may follow the beginning of a rule."""
    # A mistake hides what comes after it, but not the condition that is being written now: that is tried by itself.
    for part in (text, _AND_OR.split(text)[-1]):
        with suppress(RuleError):
            parser = _Parser(part, kinds, parameters or {}, None)
            with suppress(RuleError):
                parser.rule()
            if parser.expected:
                return parser.expected
    return []


class _Parser(MeasureReader):
    """The grammar, a method a line, and a teaching error for every way to write it wrong."""

    def __init__(
        self,
        text: str,
        kinds: Mapping[str, Kind],
        parameters: Mapping[str, Parameter],
        named_dates: Mapping[str, Sequence[str]] | None,
    ) -> None:
        self.kinds, self.parameters, self.named_dates = kinds, parameters, named_dates
        self.own_names = {*kinds, *parameters}
        super().__init__(text)

    def rule(self) -> RuleNode:
        self.expecting("sign", "otherwise")
        if self.token.what == "end":
            self.expecting("measure")
            self.expecting("sign", "not")
            cause = mark("The rule is empty. Write a condition such as days_since(order) <= 45, or otherwise.")
            self.fail(cause, (0, 1))
        word = self.accept("otherwise")
        node = tree.Otherwise(place=word.place) if word else self.truth(self.either())
        if self.token.what != "end":
            near = self.near(self.token.text, ("and", "or", "not", "is"))
            self.fail(mark("Unexpected %(found)s. Join conditions with and, or."), self.token, near)
        return node

    def either(self) -> RuleNode:
        return self._chain("or", tree.Or, self.both)

    def both(self) -> RuleNode:
        return self._chain("and", tree.And, self.held)

    def held(self) -> RuleNode:
        """Read a condition, and for how long it must have held."""
        node = self.negation()
        if node.type == "truth":
            self.expecting("sign", "for")
        while word := self.accept("for"):
            self.truth(node)
            token = self.token
            days = self.days(word)
            node = tree.Held(node, days, place=(node.place[0], token.place[1]))
        return node

    def _chain(self, word: str, node: type[tree.And] | type[tree.Or], part: Callable[[], RuleNode]) -> RuleNode:
        parts = [part()]
        while self.accept(word):
            parts.append(part())
        if parts[-1].type == "truth":
            self.expecting("sign", word)
        if len(parts) == 1:
            return parts[0]
        return node(tuple(self.truth(part) for part in parts), place=(parts[0].place[0], parts[-1].place[1]))

    def negation(self) -> RuleNode:
        self.expecting("sign", "not")
        if word := self.accept("not"):
            operand = self.truth(self.deeper(self.negation))
            return tree.Not(operand, place=(word.place[0], operand.place[1]))
        return self.test()

    def test(self) -> RuleNode:
        left = self.number()
        if left.type == "number":
            self.expecting("sign", *COMPARISONS, "is known", "is unknown", "in", "not in")
        elif left.type == "text":
            self.expecting("sign", "=", "!=", "is known", "is unknown", "in", "not in")
        if self.accept("is"):
            known = self.known()
            if left.type == "truth":
                self.numeric(left)
            return tree.Known(left, known, place=(left.place[0], self.tokens[self.position - 1].place[1]))
        if self.token.matches("in") or (self.token.matches("not") and self.following.matches("in")):
            return self._among(left)
        sign = self.accept(*COMPARISONS, *SPELLINGS)
        return self._comparison(left, SPELLINGS.get(sign.text, sign.text)) if sign else left

    def _comparison(self, left: RuleNode, sign: str) -> RuleNode:
        is_name = self.token.what == "name" and not self.following.matches("(") and not self.parameter(self.token)
        if is_name and _type_of(left) in ("text", "any"):
            self.unquoted(self.token)
        if isinstance(left, Measure):
            self.expecting("value", *_source_of(left), kinds=left.kinds, signature=MEASURES[left.name])
        right = self.number()
        if self.token.matches(*COMPARISONS, *SPELLINGS):
            self.fail(mark("Comparisons cannot be chained. Write a < b and b < c."), self.token)
        return self._compare(sign, left, right)

    def _among(self, operand: RuleNode) -> RuleNode:
        """Read the values after ``in`` or ``not in``."""
        negated = self.accept("not") is not None
        self.take()
        more = {"kinds": operand.kinds, "signature": MEASURES[operand.name]} if isinstance(operand, Measure) else {}
        values, end = self.values(*_source_of(operand), **more)
        accepted = {"number": (float, int), "text": (str,)}.get(_type_of(operand), (float, int, str))
        place = (operand.place[0], end.place[1])
        if operand.type == "truth":
            self.fail(mark("%(part)s is already true or false, so it cannot be compared."), operand)
        for value in values:
            if not isinstance(value, accepted):
                if isinstance(operand, Measure) and operand.is_date:
                    self.fail(mark('%(part)s is a date. Compare it with one, as in >= "2024-11-11".'), operand)
                cause = _NOT_TEXT if isinstance(value, str) else mark("%(part)s is a text, not a number.")
                self.fail(cause, operand)
        return tree.Among(operand, values, negated, place=place)

    def _compare(self, sign: str, left: RuleNode, right: RuleNode) -> RuleNode:
        place = (left.place[0], right.place[1])
        left, right = self._as_date(left, right), self._as_date(right, left)
        for side in (left, right):
            if side.type == "truth":
                self.fail(mark("%(part)s is already true or false, so it cannot be compared."), side)
        if isinstance(right, tree.NumberLiteral) and right.value > 1 and str(left).startswith("percentile("):
            near = (f"{right.value:g}%",) if right.value <= 100 else ()
            self.fail(mark("A percentile goes from 0 to 1. Write it as a share, such as 0.9."), right, near)
        if "text" in (left.type, right.type):
            for side in (left, right):
                if _type_of(side) == "number":
                    self.fail(_NOT_TEXT, side)
            if sign not in ("=", "!="):
                self.fail(mark("Text can only be compared with = or !=."), place)
        return tree.Comparison(sign, left, right, place=place)

    def _as_date(self, side: RuleNode, other: RuleNode) -> RuleNode:
        """Return a text that is compared with a date as the number of its day."""
        if not (isinstance(side, tree.TextLiteral) and isinstance(other, Measure) and other.is_date):
            return side
        return tree.NumberLiteral(self.day(side.value, side.place), side.value, place=side.place)

    def number(self) -> RuleNode:
        return self._arithmetic(("+", "-"), self.product)

    def product(self) -> RuleNode:
        return self._arithmetic(("*", "/"), self.factor)

    def _arithmetic(self, signs: tuple[str, ...], part: Callable[[], RuleNode]) -> RuleNode:
        left = part()
        terms = 1
        while sign := self.accept(*signs):
            terms += 1
            if terms > DEEPEST_RULE:
                cause = mark("A calculation can have at most %(most)s terms. Split the rule.")
                self.fail(cause, left, most=DEEPEST_RULE)
            left, right = self.numeric(left), self.numeric(part())
            place = (left.place[0], right.place[1])
            if right.elapsed and (sign.text == "/" or (sign.text == "*" and left.elapsed)):
                self.fail(mark("Elapsed times cannot be multiplied together or used as a divisor."), place)
            left = tree.Arithmetic(sign.text, left, right, place=place)
        if left.type == "number":
            self.expecting("sign", *signs)
        return left

    def factor(self) -> RuleNode:
        self.expecting("measure")
        token = self.token
        if self.accept("-"):
            operand = self.numeric(self.deeper(self.factor))
            return tree.Negative(operand, place=(token.place[0], operand.place[1]))
        if self.accept("("):
            inside = self.deeper(self.either)
            self.expect(")", mark("Missing closing parenthesis."))
            return inside
        if token.what == "number":
            return tree.NumberLiteral(number_of(self.take().text), place=token.place)
        if token.what == "text":
            return tree.TextLiteral(self.take().text[1:-1], place=token.place)
        if parameter := self.parameter(token):
            self.take()
            return tree.NumberLiteral(parameter.value, parameter=parameter.name, place=token.place)
        if token.what == "name":
            return self.measure()
        if token.what == "days":
            cause = mark(
                "%(found)s is a time window and belongs inside a measure. To compare, use a plain number of days."
            )
            # 5w may be 50,000 as well as weeks.
            self.fail(cause, token, (token.text[:-1],) if token.text[-1] in "dD" else ())
        if token.what == "end":
            self.fail(mark("The rule is incomplete. Expected a number or a measure."), token)
        self.fail(mark("Expected a number or a measure before %(found)s."), token)


def _source_of(node: RuleNode) -> tuple[str, ...]:
    """Return the column, the name or the model that a value is read from."""
    return (node.field or node.argument,) if isinstance(node, Measure) else ()


def _type_of(node: RuleNode) -> str:
    """Return a node's type, ``any`` for an attribute, which is a number or a text."""
    return node.returns if isinstance(node, Measure) else node.type
