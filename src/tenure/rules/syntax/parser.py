"""From a rule's text to its typed tree, or to an error that teaches.

The grammar stands in ``docs/reference/rule-language.md``; one method here per line there. Nothing is ever evaluated
as code.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from tenure.errors import RuleError
from tenure.facts.kinds import KINDS
from tenure.rules.syntax import tree
from tenure.rules.syntax.arguments import MeasureReader
from tenure.rules.syntax.tokens import Expected
from tenure.rules.syntax.tree import Measure, RuleNode
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tenure.facts.kinds import Kind

DEEPEST_RULE = 60  # parentheses, nots and minus signs inside each other
_COMPARE = {"==": "=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!="}
_AND_OR = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)
_COMPARISONS = ("<", "<=", "=", "!=", ">=", ">")


def parse(text: str, kinds: Mapping[str, Kind] = KINDS) -> RuleNode:
    """Parse a rule.

    Parameters
    ----------
    text : str
        The rule, for example ``days_since(order) <= 45``.
    kinds : mapping of str to Kind, optional
        The fact kinds that may be used: the built-in ones, and a lake's own interaction kinds.

    Returns
    -------
    Node
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
    return _Parser(text, kinds).rule()


def expected_after(text: str, kinds: Mapping[str, Kind] = KINDS) -> list[Expected]:
    """Return what may follow the beginning of a rule."""
    # A mistake hides what comes after it, but not the condition that is being written now: that is tried by itself.
    for part in (text, _AND_OR.split(text)[-1]):
        with suppress(RuleError):
            parser = _Parser(part, kinds)
            with suppress(RuleError):
                parser.rule()
            if parser.expected:
                return parser.expected
    return []


class _Parser(MeasureReader):
    def __init__(self, text: str, kinds: Mapping[str, Kind]) -> None:
        super().__init__(text, kinds)
        self.depth = 0

    # The grammar, a method a line

    def rule(self) -> RuleNode:
        self.expecting("sign", "otherwise")
        if self.token.what == "end":
            self.expecting("measure")
            self.expecting("sign", "not")
            cause = mark("The rule is empty. Write a condition such as days_since(order) <= 45, or otherwise.")
            self.fail(cause, (0, 1))
        if self.token.is_word("otherwise"):
            node: RuleNode = tree.Otherwise(place=self.take().place)
        else:
            node = self._truth(self.either())
        if self.token.what != "end":
            near = self.near(self.token.text, ("and", "or", "not", "is"))
            self.fail(mark("Unexpected %(found)s. Join conditions with and, or."), self.token, near)
        return node

    def either(self) -> RuleNode:
        return self._chain("or", tree.Or, self.both)

    def both(self) -> RuleNode:
        return self._chain("and", tree.And, self.negation)

    def _chain(self, word: str, node: type[tree.And] | type[tree.Or], part: Callable[[], RuleNode]) -> RuleNode:
        parts = [part()]
        while self.token.is_word(word):
            self.take()
            parts.append(part())
        if parts[-1].type == "truth":
            self.expecting("sign", word)
        if len(parts) == 1:
            return parts[0]
        return node(tuple(self._truth(part) for part in parts), place=(parts[0].place[0], parts[-1].place[1]))

    def _deeper(self, part: Callable[[], RuleNode]) -> RuleNode:
        self.depth += 1
        if self.depth > DEEPEST_RULE:
            cause = mark("The rule is nested more than %(most)s levels deep. Simplify it.")
            self.fail(cause, self.token, most=DEEPEST_RULE)
        node = part()
        self.depth -= 1
        return node

    def negation(self) -> RuleNode:
        self.expecting("sign", "not")
        if self.token.is_word("not"):
            start = self.take().place[0]
            operand = self._truth(self._deeper(self.negation))
            return tree.Not(operand, place=(start, operand.place[1]))
        return self.test()

    def test(self) -> RuleNode:
        left = self.number()
        if left.type == "number":
            self.expecting("sign", *_COMPARISONS, "is known", "is unknown")
        if self.token.is_word("is"):
            return self._known(left)
        if not self.token.is_sign(*_COMPARISONS, *_COMPARE):
            return left
        sign = self.take()
        right = self.number()
        if self.token.is_sign(*_COMPARISONS, *_COMPARE):
            self.fail(mark("Comparisons cannot be chained. Write a < b and b < c."), self.token)
        return self._compare(_COMPARE.get(sign.text, sign.text), left, right)

    def _known(self, operand: RuleNode) -> RuleNode:
        self.take()
        negated = self.token.is_word("not")
        if negated:
            self.take()
        self.expecting("sign", "known", "unknown")
        if not self.token.is_word("known", "unknown"):
            near = self.near(self.token.text, ("known", "unknown"))
            self.fail(mark("Expected known or unknown after is."), self.token, near)
        word = self.take()
        known = (word.text.lower() == "known") != negated
        return tree.Known(self._number(operand), known, place=(operand.place[0], word.place[1]))

    def _compare(self, sign: str, left: RuleNode, right: RuleNode) -> RuleNode:
        place = (left.place[0], right.place[1])
        for side in (left, right):
            if side.type == "truth":
                self.fail(mark("%(part)s is already true or false, so it cannot be compared."), side)
        if "text" in (left.type, right.type):
            for side in (left, right):
                if side.type != "text" and not (isinstance(side, Measure) and side.returns == "any"):
                    self.fail(mark("%(part)s is a number. Only attributes can be compared with text."), side)
            if sign not in ("=", "!="):
                self.fail(mark("Text can only be compared with = or !=."), place)
        return tree.Comparison(sign, left, right, place=place)

    def number(self) -> RuleNode:
        return self._arithmetic(("+", "-"), self.product)

    def product(self) -> RuleNode:
        return self._arithmetic(("*", "/"), self.factor)

    def _arithmetic(self, signs: tuple[str, ...], part: Callable[[], RuleNode]) -> RuleNode:
        left = part()
        terms = 1
        while self.token.is_sign(*signs):
            sign = self.take().text
            terms += 1
            if terms > DEEPEST_RULE:
                cause = mark("A calculation can have at most %(most)s terms. Split the rule.")
                self.fail(cause, left, most=DEEPEST_RULE)
            left, right = self._number(left), self._number(part())
            place = (left.place[0], right.place[1])
            if (sign == "*" and left.elapsed and right.elapsed) or (sign == "/" and right.elapsed):
                cause = mark("Elapsed times cannot be multiplied together or used as a divisor.")
                self.fail(cause, place)
            left = tree.Arithmetic(sign, left, right, place=place)
        if left.type == "number":
            self.expecting("sign", *signs)
        return left

    def factor(self) -> RuleNode:
        self.expecting("measure")
        token = self.token
        if token.is_sign("-"):
            self.take()
            operand = self._number(self._deeper(self.factor))
            return tree.Negative(operand, place=(token.place[0], operand.place[1]))
        if token.is_sign("("):
            self.take()
            inside = self._deeper(self.either)
            self.expect(")", mark("Missing closing parenthesis."))
            return inside
        if token.what == "number":
            plain = self.take().text.replace("_", "").rstrip("% ")
            value = float(plain) / 100 if token.text.endswith("%") else float(plain)
            return tree.NumberLiteral(int(value) if value.is_integer() else value, place=token.place)
        if token.what == "text":
            return tree.TextLiteral(self.take().text[1:-1], place=token.place)
        if token.what == "name":
            return self.measure()
        if token.what == "days":
            cause = mark(
                "%(found)s is a time window and belongs inside a measure. To compare, use a plain number of days."
            )
            self.fail(cause, token, (token.text[:-1],))
        if token.what == "end":
            self.fail(mark("The rule is incomplete. Expected a number or a measure."), token)
        self.fail(mark("Expected a number or a measure before %(found)s."), token)

    def _truth(self, node: RuleNode) -> RuleNode:
        if node.type != "truth":
            near = (f"{node} > 0", f"{node} is known") if node.type == "number" else ()
            self.fail(mark("%(part)s is not a condition. Compare it with a value."), node, near)
        return node

    def _number(self, node: RuleNode) -> RuleNode:
        if node.type != "number":
            self.fail(mark("%(part)s is not a number, so it cannot be used in a calculation."), node)
        return node
