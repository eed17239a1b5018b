"""The words of a rule, and what to say when one of them is wrong.

Every mistake is raised here, with its place in the text. What the tokens mean stands in
:mod:`tenure.rules.syntax.parser`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn

from tenure.errors import RuleError
from tenure.rules.syntax import foreign
from tenure.rules.syntax.tree import Place, RuleNode, WindowUnit
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

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


class _NumberMeant(NamedTuple):
    cause: str  # empty if the refusal has the better one
    place: Place
    near: str


class Reader:
    own_names: Collection[str] = ()  # of parameters and kinds, which may be words of other languages

    def __init__(self, text: str) -> None:
        self.text, self.plain = text, text.translate(_FULL_WIDTH)
        self.position = 0
        self.expected: list[Expected] = []
        self.tokens: list[Token] = []
        if len(text) > LONGEST_RULE:
            cause = mark(
                "A rule can have at most %(most)s characters; this one has %(found)s. Split it into two stages."
            )
            self.fail(cause, (LONGEST_RULE, len(text)), most=LONGEST_RULE, found=len(text))
        for match in _TOKEN.finditer(self.plain):
            token = Token(match.lastgroup or "wrong", match.group(), match.span())
            if token.what in ("wrong", "foreign_sign", "foreign_number"):
                self._refuse(token)
            if token.what != "skip":
                self.tokens.append(token)
        self.tokens.append(Token("end", "", (len(text), len(text) + 1)))

    def _refuse(self, token: Token) -> NoReturn:
        last = self.tokens[-1] if self.tokens else None
        before = self._word_before(len(self.tokens))
        if token.what == "foreign_sign":
            mistake = foreign.in_sign(token.text)
            self.fail(mistake.cause, token, mistake.near)
        # The 000 of 1 000 and the 5 of US5 are parts of something else.
        is_part = last is not None and (last.what == "number" or (last.what == "name" and _adjacent(last, token)))
        if token.what == "foreign_number":
            after = self.plain[token.place[1] :]
            mistake = foreign.in_number(token.text, is_listed=before in ("in", ","), after=after)
            self.fail(mistake.cause, token, () if is_part else mistake.near)
        cause, near = mark("Unexpected character: %(found)s"), ""
        if token.text in "\"'":
            cause = mark("This text has no closing quotation mark.")
        elif token.text[0].isdigit():
            number = "".join(takewhile(str.isdecimal, token.text))
            near = "" if is_part else foreign.length_of(number, token.text[len(number) :], before)
            cause = mark(
                "%(found)s is not a number or time window. Write windows in days or weeks, such as 90d or 12w, or as"
                " calendar periods, such as last 3 months."
            )
        self.fail(cause, token, (near,) if near else ())

    def _word_before(self, position: int) -> str:
        """Return the word or sign before a token: ``in`` for everything in a list, ``[`` before a condition."""
        before = self.tokens[position - 1].text.lower() if position else ""
        if before not in (",", "(", "-"):
            return before
        depth = 0
        for start in range(position - 1, -1, -1):
            token = self.tokens[start]
            depth += token.matches(")", "]") - token.matches("(", "[")
            if depth < 0:
                is_list = start > 0 and token.matches("(") and self.tokens[start - 1].matches("in")
                return "in" if is_list else "[" if token.matches("[") and before == "," else before
        return before

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
        meant = self._number_meant(at) if isinstance(at, Token) else None
        word = self._foreign_word(at, near)
        if word and not meant:
            cause, at, near = mark("%(found)s is not used in rules."), word, (foreign.WORDS[word.text.lower()],)
        start, end = at if isinstance(at, tuple) else at.place
        if isinstance(at, Token):
            data = {"found": at.text, **data}
        elif isinstance(at, RuleNode):
            data = {"part": str(at), **data}
        if meant:
            cause, (start, end), near = meant.cause or cause, meant.place, (meant.near,)
        raise RuleError(cause, rule=self.text, start=start, end=end, nearest=tuple(near), **data)

    def _foreign_word(self, at: Token | RuleNode | Place, near: Iterable[str]) -> Token | None:
        """Return the word of another language at which reading stopped, unless the refusal knows better."""
        if not self.tokens or self.tokens[-1].what != "end":
            return None  # the words are still being told apart: reading has not begun
        following = self.tokens[self.position : self.position + 1]
        if near and (at in following or isinstance(at, tuple)):
            return None
        words = [*([at] if isinstance(at, Token) and not near else []), *following]
        return next((word for word in words if self._is_foreign(word)), None)

    def _is_foreign(self, token: Token) -> bool:
        word = token.text.lower()
        if token.what != "name" or word not in foreign.WORDS or word in self.own_names:
            return False
        before = self._word_before(self.tokens.index(token))
        # Known and unknown stand behind is only; elsewhere they would be no better.
        return foreign.WORDS[word] not in ("known", "unknown") or before in ("is", "not")

    def _number_meant(self, at: Token) -> _NumberMeant | None:
        """Return the number whose second half, or whose unit, is refused: 1,000 or 500 CNY."""
        if at not in self.tokens:
            return None
        refused = self.tokens.index(at)
        if at.what == "name":
            return self._number_with_unit(refused - 1, at)
        # Where a comma may follow, reading went on behind it.
        return self._number_with_commas(refused - (2 if at.what == "number" else 1), at)

    def _number_with_unit(self, position: int, unit: Token) -> _NumberMeant | None:
        if position < 0 or self.tokens[position].what != "number":
            return None
        number, comma, before = self.tokens[position], self.tokens[position - 1], self._word_before(position)
        if before == "," or (comma.matches(",") and _adjacent(comma, number)):
            return None  # the 000 of 1,000 CNY in a list
        place = (number.place[0], unit.place[1])
        if days := foreign.length_of(number.text, unit.text, before):
            cause = mark("To compare, use a plain number of days.") if days.isdecimal() else ""
            return _NumberMeant(cause, place, days)
        if not foreign.unit_of_money(unit.text) or before in ("last", "before", "same"):
            return None
        mistake = foreign.in_number(f"{number.text} {unit.text}", after=self.plain[unit.place[1] :])
        return _NumberMeant(mistake.cause, place, mistake.near[0]) if mistake.near else None

    def _number_with_commas(self, first: int, refused: Token) -> _NumberMeant | None:
        if first < 0 or self.tokens[first].what != "number":
            return None
        before = self._word_before(first)
        if before in ("in", "last", "before", "same"):
            return None
        last = first
        while self.tokens[last + 1].matches(",") and self.tokens[last + 2].what == "number":
            if not (_adjacent(*self.tokens[last : last + 2]) and _adjacent(*self.tokens[last + 1 : last + 3])):
                break
            last += 2
        unit = self.tokens[last + 1]
        is_amount = unit.what == "name" and foreign.unit_of_money(unit.text)
        end = unit.place[1] if is_amount else self.tokens[last].place[1]
        text = "".join(token.text for token in self.tokens[first : last + 1])
        # A comma that was refused cannot stand between two values, so that it may be a decimal one.
        right = foreign.number_with_commas(text, is_closed=refused.matches(",") and before != ",")
        if last == first or not right or foreign.is_cut(self.plain[end:]):
            return None
        cause = mark("Rules write numbers without a separator of thousands, and with a decimal point.")
        return _NumberMeant(cause, (self.tokens[first].place[0], end), right)

    def expect(self, sign: str, cause: str, **data: object) -> Token:
        """Take a sign that must come now."""
        if not self.token.matches(sign):
            self.fail(cause, self.token, (), **data)
        return self.take()

    def near(self, name: str, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(get_close_matches(name.lower(), list(names), n=3, cutoff=0.55))


def _adjacent(first: Token, second: Token) -> bool:
    return first.place[1] == second.place[0]


def number_of(text: str) -> float:
    """Return a number as rules write it: ``1_000``, ``50%``."""
    plain = text.replace("_", "").rstrip("% ")
    value = float(plain) / 100 if text.endswith("%") else float(plain)
    return int(value) if value.is_integer() else value
