"""The words of a rule, and what to say when one of them is wrong.

Every mistake is raised here, with its place in the text. What the tokens mean stands in
:mod:`tenure.rules.syntax.parser`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from tenure.errors import RuleError
from tenure.rules.syntax.tree import Place
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
    r"""(?P<skip>\s+|\#[^\n]*)
      | (?P<days>\d+[dD]\b)
      | (?P<number>(?:\d[\d_]*(?:\.\d+)?|\.\d+)(?:\s?%)?(?![\w]))
      | (?P<text>"[^"\n]*"|'[^'\n]*')
      | (?P<name>[^\W\d]\w*)
      | (?P<sign><=|>=|<>|!=|==|[<>=≤≥≠+\-*/(),.|])
      | (?P<wrong>\d\w+|.)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or sign of a rule, with its place."""

    what: str  # days, number, text, name, sign, end
    text: str
    place: Place

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these words, in any case."""
        return self.what == "name" and self.text.lower() in words

    def is_sign(self, *signs: str) -> bool:
        """Whether it is one of these signs."""
        return self.what == "sign" and self.text in signs


@dataclass(frozen=True, slots=True)
class Expected:
    """What the parser would have accepted where the text ends; the editor suggests it."""

    what: Literal["measure", "kind", "name", "field", "window", "days", "sign"]
    texts: tuple[str, ...] = ()  # of signs and words: themselves; of windows: last, before; of days: the word before
    signature: Signature | None = None  # the measure whose parentheses are open
    kinds: tuple[str, ...] = ()  # the kinds of fact in them so far
    lead: str = ""  # what must be written before it: a dot, a comma


class Reader:
    """A rule's text being read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > LONGEST_RULE:
            self.fail(
                mark("A rule has at most %(most)s characters; this one has %(found)s. Split it into two stages."),
                (LONGEST_RULE, len(text)),
                most=LONGEST_RULE,
                found=len(text),
            )
        self.tokens = []
        for match in _TOKEN.finditer(text.translate(_FULL_WIDTH)):
            what = match.lastgroup or "wrong"
            if what == "wrong":
                self._refuse_characters(match.group(), match.span())
            if what != "skip":
                self.tokens.append(Token(what, match.group(), match.span()))
        self.tokens.append(Token("end", "", (len(text), len(text) + 1)))
        self.position = 0
        self.expected: list[Expected] = []

    def _refuse_characters(self, found: str, place: Place) -> NoReturn:
        if found in "\"'":
            self.fail(mark("A text must end with the quotation mark it began with."), place)
        if found[0].isdigit():
            self.fail(
                mark(
                    "%(found)s is neither a number nor a window. Windows are days, such as 90d; three months are 90d."
                ),
                place,
                found=found,
            )
        self.fail(mark("The sign %(found)s has no meaning in a rule."), place, found=found)

    @property
    def token(self) -> Token:
        """The next token, not taken yet."""
        return self.tokens[self.position]

    def take(self) -> Token:
        """Take the next token."""
        token = self.token
        self.position += 1
        return token

    def expecting(self, what: Any, *texts: str, **more: Any) -> None:
        """Note what may come next, where the text ends here."""
        if self.token.what == "end":
            self.expected.append(Expected(what, texts, **more))

    def fail(self, cause: str, place: Place, near: Iterable[str] = (), **data: object) -> NoReturn:
        """Refuse the rule, pointing at a place."""
        raise RuleError(cause, rule=self.text, start=place[0], end=place[1], nearest=tuple(near), **data)

    def expect(self, sign: str, cause: str, **data: object) -> Token:
        """Take a sign that must come now."""
        if not self.token.is_sign(sign):
            self.fail(cause, self.token.place, (), **data)
        return self.take()

    def near(self, name: str, names: Iterable[str]) -> tuple[str, ...]:
        """Return the right names nearest to a wrong one."""
        return tuple(get_close_matches(name.lower(), list(names), n=3, cutoff=0.55))
