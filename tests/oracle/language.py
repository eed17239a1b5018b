"""The clerk's parser: text of a rule to nested tuples, by recursive descent along the grammar of the reference."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, NamedTuple

Node = tuple[Any, ...]

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |(?P<days>\d[\d_]*\s*d\b)
    |(?P<number>\d[\d_]*(?:\.\d+)?%?|\.\d+%?)
    |(?P<text>"[^"]*"|'[^']*')
    |(?P<name>[^\W\d]\w*)
    |(?P<sign><=|>=|!=|<>|==|[<>=≤≥≠<>=+\-*/(),.|])""",
    re.VERBOSE | re.IGNORECASE,
)
_SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "<>": "!=", "==": "=", "<": "<", ">": ">", "=": "="}
#: What is asked about the customer's own stage.
STATE = ("in_stage", "previous_stage", "days_in_stage")
COMPARISONS = ("<", "<=", "=", "!=", ">=", ">")


class Window(NamedTuple):
    """The days a measure looks at: `last` of them (None: all), the newest `before` days ago."""

    last: int | None = None
    before: int = 0


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
    word = word.replace("_", "")
    value = Fraction(word[:-1]) / 100 if word.endswith("%") else Fraction(word)
    return value.numerator if value.denominator == 1 else value


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at = text, _tokens(text), 0

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at]

    def take(self, *words: str) -> str | None:
        """Take the next token when it is one of `words`."""
        kind, word = self.peek()
        if kind in ("name", "sign") and word in words:
            self.at += 1
            return word
        return None

    def take_kind(self, wanted: str) -> str:
        kind, word = self.peek()
        if kind != wanted:
            raise ValueError(f"{self.text!r}: wanted {wanted}, found {word!r}")
        self.at += 1
        return word

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
        tree = self.negation()
        while self.take("and"):
            tree = ("and", tree, self.negation())
        return tree

    def negation(self) -> Node:
        return ("not", self.negation()) if self.take("not") else self.test()

    def test(self) -> Node:
        left = self.number()
        if sign := self.take(*COMPARISONS):
            return ("compare", sign, left, self.number())
        if self.take("is"):
            wants_known = self.take("not") is None
            if self.take("known"):
                return ("known", left, wants_known)
            self.need("unknown")
            return ("known", left, not wants_known)
        return left

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
        if kind == "number":
            self.at += 1
            return ("literal", _number(word))
        if kind == "text":
            self.at += 1
            return ("literal", word[1:-1])
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
        if name in ("attribute", "score"):
            kind, word = self.peek()
            self.at += 1
            self.need(")")
            return ("measure", name, (word[1:-1] if kind == "text" else word,), None, Window())
        if name in STATE:
            names = []
            while not self.take(")"):
                names.append(self.take_kind("text")[1:-1])
                if self.peek() != ("sign", ")"):
                    self.need(",")
            return ("measure", name, tuple(names), None, Window())
        kinds: list[str] = []
        field, last, before = None, None, 0
        while not self.take(")"):
            kind, word = self.peek()
            following = self.tokens[self.at + 1][0]
            if word in ("last", "before") and following == "days":
                self.at += 1
                days = int(re.sub(r"[_\sdD]", "", self.take_kind("days")))
                last, before = (days, before) if word == "last" else (last, days)
            else:
                kinds.append(self.take_kind("name"))
                while self.take("|"):
                    kinds.append(self.take_kind("name"))
                if self.take("."):
                    field = self.take_kind("name")
            if self.peek() != ("sign", ")"):
                self.need(",")
        return ("measure", name, tuple(kinds), field, Window(last, before))


def parse(text: str) -> Node:
    """Return the tree of a rule."""
    return _Parser(text).rule()


def kinds_read(tree: Node) -> set[str]:
    """Return the kinds a rule reads."""
    if tree[0] == "measure":
        if tree[1] in ("attribute", "score", *STATE):
            return set()
        if tree[1] == "balance":
            return {"balance"}
        lines = {"line"} if tree[1] == "categories" and "order" in tree[2] else set()
        return {*tree[2], *lines}
    return set().union(*(kinds_read(branch) for branch in tree[1:] if isinstance(branch, tuple)))
