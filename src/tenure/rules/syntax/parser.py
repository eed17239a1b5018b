"""From a rule's text to its typed tree, or to an error that teaches.

The grammar stands in ``docs/reference/rule-language.md``. Nothing is ever evaluated as code.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

from tenure.errors import RuleError
from tenure.facts.kinds import KINDS
from tenure.rules.syntax import tree
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.tokens import Expected, Reader, Token
from tenure.rules.syntax.tree import ALWAYS, Measure, Place, RuleNode, TimeWindow
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tenure.facts.kinds import Kind
    from tenure.rules.syntax.measures import Signature

WORDS = ("and", "or", "not", "is", "known", "unknown", "otherwise", "last", "before")
LONGEST_WINDOW = 36_525  # a hundred years: beyond any customer's life, and safely inside every date type
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


class _Parser(Reader):
    """The grammar, a method a line, and a teaching error for every way to write it wrong."""

    signature: Signature  # of the measure that is being read

    def __init__(self, text: str, kinds: Mapping[str, Kind]) -> None:
        super().__init__(text)
        self.kinds = kinds
        self.depth = 0

    def rule(self) -> RuleNode:
        self.expecting("sign", "otherwise")
        if self.token.what == "end":
            self.expecting("measure")
            self.expecting("sign", "not")
            cause = mark("The rule is empty. Write a condition such as days_since(order) <= 45, or otherwise.")
            self.fail(cause, (0, 1))
        word = self.accept("otherwise")
        node = tree.Otherwise(place=word.place) if word else self._truth(self.either())
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
        while self.accept(word):
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
        if word := self.accept("not"):
            operand = self._truth(self._deeper(self.negation))
            return tree.Not(operand, place=(word.place[0], operand.place[1]))
        return self.test()

    def test(self) -> RuleNode:
        left = self.number()
        if left.type == "number":
            self.expecting("sign", *_COMPARISONS, "is known", "is unknown")
        if self.accept("is"):
            return self._known(left)
        sign = self.accept(*_COMPARISONS, *_COMPARE)
        if sign is None:
            return left
        right = self.number()
        if self.token.matches(*_COMPARISONS, *_COMPARE):
            self.fail(mark("Comparisons cannot be chained. Write a < b and b < c."), self.token)
        return self._compare(_COMPARE.get(sign.text, sign.text), left, right)

    def _known(self, operand: RuleNode) -> RuleNode:
        negated = self.accept("not") is not None
        self.expecting("sign", "known", "unknown")
        word = self.accept("known", "unknown")
        if word is None:
            near = self.near(self.token.text, ("known", "unknown"))
            self.fail(mark("Expected known or unknown after is."), self.token, near)
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
        while sign := self.accept(*signs):
            terms += 1
            if terms > DEEPEST_RULE:
                cause = mark("A calculation can have at most %(most)s terms. Split the rule.")
                self.fail(cause, left, most=DEEPEST_RULE)
            left, right = self._number(left), self._number(part())
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
            operand = self._number(self._deeper(self.factor))
            return tree.Negative(operand, place=(token.place[0], operand.place[1]))
        if self.accept("("):
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

    # Inside a measure's parentheses

    def measure(self) -> RuleNode:
        word = self.take()
        if word.text.lower() not in MEASURES:
            self._refuse_name(word)
        self.signature = signature = MEASURES[word.text.lower()]
        opening = mark("Missing parenthesis after %(name)s. Example: %(example)s")
        self.expect("(", opening, name=word.text, example=signature.example)
        kinds: tuple[str, ...] = ()
        field = argument = ""
        if signature.takes == "name":
            self.expecting("name")
            if self.token.what not in ("name", "text"):
                self._fail(mark("%(name)s requires a name. Example: %(example)s"), self.token)
            argument = self.take().text.strip("\"'")
        elif signature.takes == "nothing":
            kinds = (signature.name,)
        else:
            kinds = self._kinds()
            field = self._field(kinds)
        window = self._window()
        end = self.accept(")")
        if end is None:
            self._fail(mark("%(name)s is missing a closing parenthesis or a comma. Example: %(example)s"), self.token)
        plain = signature.field == "optional" and bool(field) and signature.windows != "quarters"
        plain = plain and field == self._shared_fields(kinds)[0]
        place = (word.place[0], end.place[1])
        return Measure(signature.name, kinds, field, window, argument, signature.returns, plain, place=place)

    def _fail(self, cause: str, at: Token | Place, near: Iterable[str] = ()) -> NoReturn:
        self.fail(cause, at, near, name=self.signature.name, example=self.signature.example)

    def _refuse_name(self, word: Token) -> NoReturn:
        name = word.text.lower()
        if name == "otherwise":
            self.fail(mark("otherwise must be the whole rule. It cannot be combined with conditions."), word)
        if name in self.kinds:
            near = (f"has({name})", f"count({name})", f"days_since({name})")
            self.fail(mark("%(kind)s is a kind of fact. Use it inside a measure."), word, near, kind=name)
        if name in WORDS:
            self.fail(mark("Expected a number or a measure before %(found)s."), word)
        self.fail(mark("Unknown measure: %(name)s."), word, self.near(name, MEASURES), name=word.text)

    def _kinds(self) -> tuple[str, ...]:
        kinds = [self._kind()]
        while self.accept("|"):
            kinds.append(self._kind())
        self.expecting("sign", "|")
        return tuple(dict.fromkeys(kinds))

    def _kind(self) -> str:
        signature = self.signature
        self.expecting("kind", signature=signature)
        if self.token.what != "name":
            self._fail(mark("%(name)s requires a kind of fact. Example: %(example)s"), self.token)
        word = self.take()
        name = word.text.lower()
        if name not in self.kinds:
            self.fail(mark("Unknown kind of fact: %(name)s."), word, self.near(name, self.kinds), name=word.text)
        if signature.tables and self.kinds[name].table not in signature.tables:
            if signature.takes == "cases":
                self.fail(
                    mark("Only cases can be open; %(name)s is not a kind of case."),
                    word,
                    ("complaint", "case"),
                    name=name,
                )
            self.fail(mark("Facts of kind %(name)s have no category."), word, ("line", "view"), name=name)
        return name

    def _shared_fields(self, kinds: tuple[str, ...]) -> list[str]:
        first, *others = (self.kinds[kind].fields for kind in kinds)
        return [field for field in first if all(field in fields for fields in others)]

    def _field(self, kinds: tuple[str, ...]) -> str:
        shared, may_follow = self._shared_fields(kinds), self.signature.field
        if may_follow:
            self.expecting("field", *shared, kinds=kinds, lead=".")
        dot = self.token
        if not self.accept("."):
            # The slope of a kind without a field is that of its count.
            if self.signature.name == "slope" or not may_follow:
                return ""
            if may_follow == "required" or not shared:
                near = [f"{kinds[0]}.{field}" for field in shared]
                self._fail(mark("%(name)s requires a field."), dot, near)
            return shared[0]
        self.expecting("field", *shared, kinds=kinds)
        word = self.take()
        name = word.text.lower()
        if not may_follow:
            self._fail(mark("%(name)s does not take a field. Remove it."), (dot.place[0], word.place[1]))
        if name not in shared:
            cause = mark("Facts of kind %(kind)s have no field %(name)s.")
            self.fail(cause, word, self.near(name, shared) or shared, kind=" | ".join(kinds), name=word.text)
        return name

    def _window(self) -> TimeWindow:
        days: dict[str, int] = {}
        while self._window_follows(days):
            word = self.take()
            name = word.text.lower()
            if name not in ("last", "before"):
                near = self.near(name, ("last", "before"))
                self.fail(mark("A time window starts with last or before, such as last 90d."), word, near)
            if name in days:
                place = (word.place[0], self.token.place[1])
                self.fail(mark("%(word)s is repeated. A measure takes one time window."), place, word=word.text)
            days[name] = self._days(word)
        last = days.get("last")
        if self.signature.windows == "quarters" and (last is None or last % 4):
            cause = mark("slope requires a time window that is a multiple of 4 days, such as last 360d.")
            self.fail(cause, self.token, (f"last {max(4, (last or 360) // 4 * 4)}d",))
        return TimeWindow(last, days.get("before", 0)) if days else ALWAYS

    def _window_follows(self, days: Mapping[str, int]) -> bool:
        """Take the comma before a window, if there is one."""
        free = [word for word in ("last", "before") if self.signature.windows and word not in days]
        if self.signature.windows == "quarters" and "last" not in days:
            free = ["last"]  # four quarters can lie in the past, but only once their length is known
        self.expecting("window", *free, signature=self.signature, lead=", ")
        if not self.accept(","):
            return False
        self.expecting("window", *free, signature=self.signature)
        return True

    def _days(self, word: Token) -> int:
        self.expecting("days", word.text.lower())
        token = self.take()
        if not self.signature.windows:
            self._fail(mark("%(name)s does not take a time window. Remove it."), (word.place[0], token.place[1]))
        if token.what != "days":
            cause = mark("Expected a number of days after %(word)s, such as 90d for three months.")
            self.fail(cause, token, (f"{token.text}d",) if token.what == "number" else (), word=word.text)
        days = int(token.text[:-1])
        if not 1 <= days <= LONGEST_WINDOW:
            cause = mark("A time window must be 1 to %(most)s days, not %(found)s.")
            self.fail(cause, token, most=LONGEST_WINDOW, found=days)
        return days
