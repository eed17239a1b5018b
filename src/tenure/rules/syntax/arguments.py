"""What stands inside a measure's parentheses: kinds of fact, fields, windows, names.

One method per line of the grammar in ``docs/reference/rule-language.md``, and a teaching error for every way to write
it wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from tenure.rules.syntax.measures import MEASURES, Signature
from tenure.rules.syntax.tokens import Reader, Token
from tenure.rules.syntax.tree import ALWAYS, Measure, RuleNode, TimeWindow
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.facts.kinds import Kind

WORDS = ("and", "or", "not", "is", "known", "unknown", "otherwise", "last", "before")
LONGEST_WINDOW = 36_525  # a hundred years: beyond any customer's life, and safely inside every date type


class MeasureReader(Reader):
    """A rule's text being read, where measures stand."""

    def __init__(self, text: str, kinds: Mapping[str, Kind]) -> None:
        super().__init__(text)
        self.kinds = kinds

    def measure(self) -> RuleNode:
        """Take one measure with its parentheses."""
        name = self.take()
        signature = MEASURES.get(name.text.lower())
        if signature is None:
            self._refuse_name(name)
        self.expect(
            "(",
            mark("A parenthesis is missing after %(name)s: write %(example)s."),
            name=name.text,
            example=signature.example,
        )
        measure = self._inside(signature, name)
        return measure

    def _refuse_name(self, name: Token) -> NoReturn:
        if name.text.lower() == "otherwise":
            self.fail(mark("otherwise stands alone: it is the whole rule."), name.place)
        if name.text.lower() in self.kinds:
            kind = name.text.lower()
            self.fail(
                mark("%(kind)s is a kind of fact; say what to measure about it."),
                name.place,
                (f"has({kind})", f"count({kind})", f"days_since({kind})"),
                kind=kind,
            )
        if name.text.lower() in WORDS:
            self.fail(mark("A number or a measure is missing before %(found)s."), name.place, found=name.text)
        self.fail(mark("There is no measure %(name)s."), name.place, self.near(name.text, MEASURES), name=name.text)

    def _inside(self, signature: Signature, name: Token) -> Measure:
        kinds: tuple[str, ...] = ()
        field = argument = ""
        if signature.takes == "name":
            self.expecting("name")
            token = self.token
            if token.what not in ("name", "text"):
                self.fail(
                    mark("%(name)s needs a name: write %(example)s."),
                    token.place,
                    name=signature.name,
                    example=signature.example,
                )
            argument = self.take().text.strip("\"'")
        elif signature.takes == "nothing":
            kinds = (signature.name,)
        else:
            kinds = self._kinds(signature)
            field = self._field(signature, kinds)
        window = self._windows(signature)
        end = self.expect(
            ")",
            mark("A closing parenthesis or a comma is missing in %(name)s: write %(example)s."),
            name=signature.name,
            example=signature.example,
        )
        plain = signature.field == "optional" and bool(field) and signature.windows != "quarters"
        plain = plain and field == self._shared_fields(kinds)[0]
        place = (name.place[0], end.place[1])
        return Measure(signature.name, kinds, field, window, argument, signature.returns, plain, place=place)

    def _kinds(self, signature: Signature) -> tuple[str, ...]:
        kinds = [self._kind(signature)]
        while self.token.is_sign("|"):
            self.take()
            kinds.append(self._kind(signature))
        self.expecting("sign", "|")
        return tuple(dict.fromkeys(kinds))

    def _kind(self, signature: Signature) -> str:
        self.expecting("kind", signature=signature)
        token = self.token
        if token.what != "name":
            self.fail(
                mark("%(name)s needs a kind of fact: write %(example)s."),
                token.place,
                name=signature.name,
                example=signature.example,
            )
        self.take()
        name = token.text.lower()
        if name not in self.kinds:
            self.fail(
                mark("There is no kind of fact %(name)s."), token.place, self.near(name, self.kinds), name=token.text
            )
        fits = not signature.tables or self.kinds[name].table in signature.tables
        if signature.takes == "cases" and not fits:
            self.fail(mark("Only cases can be open, not %(name)s."), token.place, ("complaint", "case"), name=name)
        if not fits:
            self.fail(mark("Facts of kind %(name)s have no category."), token.place, ("line", "view"), name=name)
        return name

    def _shared_fields(self, kinds: tuple[str, ...]) -> list[str]:
        first, *others = (self.kinds[kind].fields for kind in kinds)
        return [field for field in first if all(field in fields for fields in others)]

    def _field(self, signature: Signature, kinds: tuple[str, ...]) -> str:
        shared = self._shared_fields(kinds)
        if signature.may_read_field:
            self.expecting("field", *shared, kinds=kinds, lead=".")
        dot = self.token
        if dot.is_sign("."):
            self.take()
            self.expecting("field", *shared, kinds=kinds)
            token = self.take()
            if not signature.may_read_field:
                self.fail(
                    mark("%(name)s reads no field; leave it out."), (dot.place[0], token.place[1]), name=signature.name
                )
            if token.text.lower() not in shared:
                self.fail(
                    mark("Facts of kind %(kind)s have no field %(name)s."),
                    token.place,
                    self.near(token.text, shared) or tuple(shared),
                    kind=" | ".join(kinds),
                    name=token.text,
                )
            return token.text.lower()
        if signature.name == "slope" or not signature.field:
            return ""
        if signature.field == "required" or not shared:
            self.fail(
                mark("%(name)s needs a field of the fact."),
                dot.place,
                tuple(f"{kinds[0]}.{field}" for field in shared),
                name=signature.name,
            )
        return shared[0]

    def _windows(self, signature: Signature) -> TimeWindow:
        last: int | None = None
        before = 0
        while self._window_follows(signature, last, before):
            word = self.take()
            if not word.is_word("last", "before"):
                self.fail(
                    mark("A window begins with last or before: write last 90d."),
                    word.place,
                    self.near(word.text, ("last", "before")),
                )
            if (word.is_word("last") and last is not None) or (word.is_word("before") and before):
                place = (word.place[0], self.token.place[1])
                self.fail(mark("%(word)s stands here twice; a measure looks at one window."), place, word=word.text)
            days = self._days(signature, word)
            if word.is_word("last"):
                last = days
            else:
                before = days
        if signature.windows == "quarters" and (last is None or last % 4):
            self.fail(
                mark("slope needs a window that can be cut into four equal parts, such as last 360d."),
                self.token.place,
                (f"last {max(4, (last or 360) // 4 * 4)}d",),
            )
        return TimeWindow(last, before) if last is not None or before else ALWAYS

    def _window_follows(self, signature: Signature, last: int | None, before: int) -> bool:
        """Take the comma before a window, if there is one."""
        free = [word for word, days in (("last", last), ("before", before)) if signature.windows and not days]
        if signature.windows == "quarters" and last is None:
            free = ["last"]  # four quarters can lie in the past, but only once their length is known
        self.expecting("window", *free, signature=signature, lead=", ")
        if not self.token.is_sign(","):
            return False
        self.take()
        self.expecting("window", *free, signature=signature)
        return True

    def _days(self, signature: Signature, word: Token) -> int:
        self.expecting("days", word.text.lower())
        token = self.take()
        if not signature.windows:
            self.fail(
                mark("%(name)s takes no window; leave it out."), (word.place[0], token.place[1]), name=signature.name
            )
        if token.what != "days":
            self.fail(
                mark("After %(word)s comes a number of days such as 90d; three months are 90d."),
                token.place,
                (f"{token.text}d",) if token.what == "number" else (),
                word=word.text,
            )
        days = int(token.text[:-1])
        if not 1 <= days <= LONGEST_WINDOW:
            self.fail(
                mark("A window has 1 to %(most)s days, not %(found)s."), token.place, most=LONGEST_WINDOW, found=days
            )
        return days
