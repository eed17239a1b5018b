"""The words of a rule, and what to say when one of them is wrong.

Every mistake is raised here, with its place in the text. What the tokens mean stands in
:mod:`tenure.rules.syntax.parser`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from tenure.errors import RuleError
from tenure.rules.syntax import foreign
from tenure.rules.syntax.tree import Place, RuleNode, WindowUnit
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tenure.rules.syntax.measures import Signature

LONGEST_RULE = 4_000  # characters: far beyond what anybody can read, and short enough for any stack

_FULL_WIDTH = str.maketrans(
    {chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
    | {"　": " ", "“": '"', "”": '"', "×": "*", "÷": "/"}
)
_TOKEN = re.compile(
    # Texts copied from a page bring spaces without width.
    rf"""(?P<skip>[\s\u200b\ufeff]+|\#[^\n]*)
      | (?P<foreign_number>{foreign.NUMBERS})
      | (?P<foreign_sign>{foreign.SIGNS})
      | (?P<days>\d+[dDwW]\b)
      | (?P<number>(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:\s?%)?(?![\w]))
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<name>[^\W\d]\w*)
      | (?P<sign><=|>=|<>|!=|==|[<>=≤≥≠+\-*/(),.|\[\]])
      | (?P<wrong>\d\w+|.)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    what: str  # days, number, text, name, sign, end
    text: str
    place: Place

    def matches(self, *texts: str) -> bool:
        return self.what in ("name", "sign") and self.text.lower() in texts


@dataclass(frozen=True, slots=True)
class Expected:
    """What the parser would have accepted where the text ends; the editor suggests it."""

    what: Literal["measure", "kind", "name", "field", "column", "value", "date", "window", "length", "unit", "sign"]
    # of signs and words: themselves; of windows: last, before; of lengths: the word before; of values: their column
    texts: tuple[str, ...] = ()
    signature: Signature | None = None  # the measure whose parentheses are open
    kinds: tuple[str, ...] = ()  # the kinds of fact in them so far
    lead: str = ""  # what must be written before it: a dot, a comma
    period: WindowUnit = "day"  # the unit that a window must be in


class Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.expected: list[Expected] = []
        self.tokens: list[Token] = []
        if len(text) > LONGEST_RULE:
            cause = mark(
                "A rule can have at most %(most)s characters; this one has %(found)s. Split it into two stages."
            )
            self.fail(cause, (LONGEST_RULE, len(text)), most=LONGEST_RULE, found=len(text))
        for match in _TOKEN.finditer(text.translate(_FULL_WIDTH)):
            token = Token(match.lastgroup or "wrong", match.group(), match.span())
            if token.what in ("wrong", "foreign_sign", "foreign_number"):
                self._refuse(token)
            if token.what != "skip":
                self.tokens.append(token)
        self.tokens.append(Token("end", "", (len(text), len(text) + 1)))

    def _refuse(self, token: Token) -> NoReturn:
        if token.what in ("foreign_sign", "foreign_number"):
            mistake = foreign.in_sign(token.text) if token.what == "foreign_sign" else foreign.in_number(token.text)
            self.fail(mistake.cause, token, mistake.near)
        cause, near = mark("Unexpected character: %(found)s"), ""
        if token.text in "\"'":
            cause = mark("This text has no closing quotation mark.")
        elif token.text[0].isdigit():
            number = "".join(takewhile(str.isdecimal, token.text))
            before = self.tokens[-1].text.lower() if self.tokens else ""
            near = foreign.length_of(number, token.text[len(number) :], before)
            cause = mark(
                "%(found)s is not a number or time window. Write windows in days or weeks, such as 90d or 12w, or as"
                " calendar periods, such as last 3 months."
            )
        self.fail(cause, token, (near,) if near else ())

    @property
    def following(self) -> Token:
        """The token after the next one."""
        return self.tokens[min(self.position + 1, len(self.tokens) - 1)]

    @property
    def token(self) -> Token:
        """The next token, not taken yet."""
        return self.tokens[self.position]

    def take(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def accept(self, *texts: str) -> Token | None:
        """Take the next token if it is one of these words or signs."""
        return self.take() if self.token.matches(*texts) else None

    def expecting(self, what: Any, *texts: str, **more: Any) -> None:
        """Note what may come next, where the text ends here."""
        if self.token.what == "end":
            self.expected.append(Expected(what, texts, **more))

    def fail(self, cause: str, at: Token | RuleNode | Place, near: Iterable[str] = (), **data: object) -> NoReturn:
        """Refuse the rule, pointing at a place; the cause may name the token there (found) or the node (part)."""
        word = self._foreign_word(at, near)
        if word:
            cause, at, near = mark("%(found)s is not used in rules."), word, (foreign.WORDS[word.text.lower()],)
        start, end = at if isinstance(at, tuple) else at.place
        if isinstance(at, Token):
            data = {"found": at.text, **data}
        elif isinstance(at, RuleNode):
            data = {"part": str(at), **data}
        raise RuleError(cause, rule=self.text, start=start, end=end, nearest=tuple(near), **data)

    def _foreign_word(self, at: Token | RuleNode | Place, near: Iterable[str]) -> Token | None:
        """Return the word of another language at which reading stopped, unless the refusal knows better."""
        following = self.tokens[self.position : self.position + 1]
        if near and (at in following or isinstance(at, tuple)):
            return None
        words = [*([at] if isinstance(at, Token) and not near else []), *following]
        return next((word for word in words if word.what == "name" and word.text.lower() in foreign.WORDS), None)

    def expect(self, sign: str, cause: str, **data: object) -> Token:
        """Take a sign that must come now."""
        if not self.token.matches(sign):
            self.fail(cause, self.token, (), **data)
        return self.take()

    def near(self, name: str, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(get_close_matches(name.lower(), list(names), n=3, cutoff=0.55))


def number_of(text: str) -> float:
    """Return a number as rules write it: ``1_000``, ``50%``."""
    plain = text.replace("_", "").rstrip("% ")
    value = float(plain) / 100 if text.endswith("%") else float(plain)
    return int(value) if value.is_integer() else value
