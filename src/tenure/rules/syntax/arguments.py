"""What stands inside a measure's parentheses: kinds of fact, fields, windows, names.

One method per line of the grammar in ``docs/reference/rule-language.md``, and a teaching error for every way to write
it wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.tokens import Reader, Token
from tenure.rules.syntax.tree import ALWAYS, Measure, Place, RuleNode, TimeWindow
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tenure.facts.kinds import Kind
    from tenure.rules.syntax.measures import Signature

WORDS = ("and", "or", "not", "is", "known", "unknown", "otherwise", "last", "before")
LONGEST_WINDOW = 36_525  # a hundred years: beyond any customer's life, and safely inside every date type


class MeasureReader(Reader):
    """A rule's text being read, where measures stand."""

    signature: Signature  # of the measure that is being read

    def __init__(self, text: str, kinds: Mapping[str, Kind]) -> None:
        super().__init__(text)
        self.kinds = kinds

    def measure(self) -> RuleNode:
        """Take one measure with its parentheses."""
        word = self.take()
        if word.text.lower() not in MEASURES:
            self._refuse_name(word)
        self.signature = signature = MEASURES[word.text.lower()]
        opening = mark("Missing parenthesis after %(name)s. Example: %(example)s")
        self.expect("(", opening, name=word.text, example=signature.example)
        kinds: tuple[str, ...] = ()
        field = argument = ""
        if signature.takes == "name":
            argument = self._argument()
        elif signature.takes == "nothing":
            kinds = (signature.name,)
        else:
            kinds = self._kinds()
            field = self._field(kinds)
        window = self._window()
        if not self.token.is_sign(")"):
            self._fail(mark("%(name)s is missing a closing parenthesis or a comma. Example: %(example)s"), self.token)
        plain = signature.field == "optional" and bool(field) and signature.windows != "quarters"
        plain = plain and field == self._shared_fields(kinds)[0]
        place = (word.place[0], self.take().place[1])
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

    def _argument(self) -> str:
        self.expecting("name")
        if self.token.what not in ("name", "text"):
            self._fail(mark("%(name)s requires a name. Example: %(example)s"), self.token)
        return self.take().text.strip("\"'")

    def _kinds(self) -> tuple[str, ...]:
        kinds = [self._kind()]
        while self.token.is_sign("|"):
            self.take()
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
        if not dot.is_sign("."):
            # The slope of a kind without a field is that of its count.
            if self.signature.name == "slope" or not may_follow:
                return ""
            if may_follow == "required" or not shared:
                near = [f"{kinds[0]}.{field}" for field in shared]
                self._fail(mark("%(name)s requires a field."), dot, near)
            return shared[0]
        self.take()
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
            if not word.is_word("last", "before"):
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
        if not self.token.is_sign(","):
            return False
        self.take()
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
