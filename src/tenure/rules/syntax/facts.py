"""Facts as they are written in a measure: kinds, conditions in brackets, fields, columns and named dates."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, NoReturn

from tenure.clock import day_number
from tenure.facts.selection import ColumnType, Condition, Facts, columns_of_kind
from tenure.rules.syntax import foreign
from tenure.rules.syntax.comparison import COMPARISONS, SPELLINGS
from tenure.rules.syntax.tokens import Token, number_of
from tenure.rules.syntax.windows import WindowReader
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.facts.kinds import Kind
    from tenure.rules.syntax.tree import Place

#: The lowest and the highest value of calendar columns.
_BOUNDS = {"weekday": (1, 7), "hour": (0, 23), "day": (1, 31), "month": (1, 12)}


class FactsReader(WindowReader):
    """Reads which facts a measure looks at, and which of their columns."""

    kinds: Mapping[str, Kind]
    named_dates: Mapping[str, Sequence[str]] | None  # None takes any name

    def facts(self) -> tuple[Facts, ...]:
        facts = [self._fact()]
        while self.accept("|"):
            facts.append(self._fact())
        self.expecting("sign", "|")
        return tuple(dict.fromkeys(facts))

    def _fact(self) -> Facts:
        """Read the facts of a kind, their conditions, and what they follow."""
        kind = self._kind()
        facts = Facts(kind, self._conditions(kind))
        is_whole = self.signature.takes in ("cases", "contracts", "until")
        if not is_whole:
            self.expecting("sign", "then")
        elif self.token.matches("then"):
            self.fail_measure(mark("%(name)s looks at whole cases or contracts, so it cannot use then."), self.token)
        if self.accept("then"):
            kind = self._kind()
            later = Facts(kind, self._conditions(kind))
            self.expecting("sign", "within")
            word = self.expect("within", mark("Add how soon it must follow, such as then order within 30d."))
            facts = replace(later, after=facts, within=self.days(word))
        return facts

    def _kind(self) -> str:
        signature = self.signature
        self.expecting("kind", signature=signature)
        if self.token.what != "name":
            self.fail_measure(mark("%(name)s requires a kind of fact. Example: %(example)s"), self.token)
        word = self.take()
        name = word.text.lower()
        if name not in self.kinds:
            self.fail(mark("Unknown kind of fact: %(name)s."), word, self.near(name, self.kinds), name=word.text)
        kind = self.kinds[name]
        if not signature.accepts(kind):
            causes = {
                "cases": mark("Only cases can be open; %(name)s is not a kind of case."),
                "contracts": mark("Only contracts can run; %(name)s is not a contract."),
                "order_lines": mark("Facts of kind %(name)s have no category."),
            }
            near = {"cases": ("complaint", "case"), "contracts": ("contract",), "order_lines": ("line", "view")}
            self.fail(causes[signature.tables[0]], word, near[signature.tables[0]], name=name)
        return name

    # Conditions

    def _conditions(self, kind: str) -> tuple[Condition, ...]:
        self.expecting("sign", "[")
        if not self.accept("["):
            return ()
        conditions = [self._condition(kind)]
        while self.accept(","):
            conditions.append(self._condition(kind))
        self.expecting("sign", ",", "]")
        if self.token.matches("and"):
            self.fail(mark("Separate conditions in brackets with a comma; all of them must hold."), self.token, (",",))
        if self.token.matches("or"):
            cause = mark("Conditions in brackets cannot be joined with or. Write in (…), or order[…] | order[…].")
            self.fail(cause, self.token)
        self.expect("]", mark("The conditions on %(kind)s have no closing bracket ]."), kind=kind)
        return tuple(dict.fromkeys(conditions))

    def _condition(self, kind: str) -> Condition:
        columns = columns_of_kind(self.kinds[kind])
        self.expecting("sign", "on", "not on")
        negated = "not " if self.accept("not") else ""
        if self.accept("on"):
            self.expecting("date")
            token = self.take()
            return Condition("date", f"{negated}on", tuple(self.days_named(token)), _unquoted(token))
        name, _ = self.column(columns, (kind,), compared=True)
        is_text = columns[name] == "text"
        ordered = ("=", "!=") if is_text else COMPARISONS
        self.expecting("sign", *ordered, "in", "not in", "is known", "is unknown")
        if not negated and self.accept("is"):
            return Condition(name, "known" if self.known() else "unknown")
        negated = "not " if self.accept("not") else negated
        if self.accept("in"):
            return Condition(
                name, f"{negated}in", self._checked(columns[name], name, self.values(name, kinds=(kind,))[0])
            )
        sign = self.accept(*ordered, *SPELLINGS)
        if sign is None or negated:
            if self.token.matches("<", "<=", ">=", ">"):
                self.fail(mark("Text can only be compared with = or !=."), self.token)
            cause = mark("Expected a comparison after %(name)s, such as %(name)s >= 10.")
            if is_text:
                cause = mark(
                    'Expected a comparison after %(name)s, such as %(name)s = "web" or %(name)s in ("web", "app").'
                )
            self.fail(cause, self.token, name=name)
        operator = SPELLINGS.get(sign.text, sign.text)
        if is_text and operator not in ordered:
            self.fail(mark("Text can only be compared with = or !=."), sign)
        return Condition(
            name, operator, self._checked(columns[name], name, (self.literal(name, kinds=(kind,)),), operator)
        )

    def known(self) -> bool:
        """Return whether ``known`` follows ``is``."""
        negated = self.accept("not") is not None
        self.expecting("sign", "known", "unknown")
        word = self.accept("known", "unknown")
        if word is None:
            near = self.near(self.token.text, ("known", "unknown"))
            self.fail(mark("Expected known or unknown after is."), self.token, near)
        return (word.text.lower() == "known") != negated

    def _checked(
        self, column_type: ColumnType, name: str, values: tuple[float | str, ...], operator: str = "in"
    ) -> tuple[float | str, ...]:
        """Return values that fit a column."""
        token = self.tokens[self.position - 1]
        for value in values:
            if isinstance(value, str) != (column_type != "number"):
                causes = {
                    "text": mark('%(name)s is a text. Write the value in quotation marks, such as %(name)s = "web".'),
                    "number": mark("%(name)s is a number. Write the value without quotation marks."),
                    "date": mark('%(name)s is a date. Write it as in %(name)s >= "2024-11-11".'),
                }
                self.fail(causes[column_type], token, name=name)
            if column_type == "date" and isinstance(value, str):
                self.day(value, token.place)
            low, high = _BOUNDS.get(name, (value, value))
            if operator in ("=", "!=", "in") and not low <= value <= high:  # type: ignore[operator]
                cause = mark("%(name)s goes from %(low)s to %(high)s, so it is never %(found)s.")
                self.fail(cause, token, name=name, low=low, high=high, found=value)
        return values

    def values(self, *column: str, **more: Any) -> tuple[tuple[float | str, ...], Token]:
        """Read a list of numbers and texts in parentheses, values of a column."""
        self.expecting("sign", "(")
        if not self.accept("("):
            near = (f"({self.token.text})",) if self.token.what in ("text", "number") else ()
            cause = mark('Expected a list in parentheses after in, such as in ("web", "app").')
            self.fail(cause, self.token, near)
        values = [self.literal(*column, **more)]
        while self.accept(","):
            values.append(self.literal(*column, **more))
        self.expecting("sign", ",", ")")
        end = self.expect(")", mark("Missing closing parenthesis."))
        return tuple(values), end

    def literal(self, *column: str, **more: Any) -> float | str:
        """Read a number, with its sign, or a text."""
        self.expecting("value", *column, **more)
        negative = self.accept("-")
        token = self.take()
        if token.what == "text" and negative is None:
            return token.text[1:-1]
        value: float
        if parameter := self.parameter(token):
            value = parameter.value
        elif token.what == "number":
            value = number_of(token.text)
        else:
            if token.what == "name":
                self.unquoted(token)
            self.fail(mark('Expected a number or a text in quotation marks, such as "web", not %(found)s.'), token)
        return -value if negative else value

    def unquoted(self, token: Token) -> NoReturn:
        if foreign.WORDS.get(token.text.lower()) == "unknown":
            sign = self.tokens[self.tokens.index(token) - 1]
            instead = {"=": "is unknown", "!=": "is known"}.get(SPELLINGS.get(sign.text, sign.text))
            # Only = and != can give way to it: in a list there is no place for is unknown.
            place = ((sign if instead else token).place[0], token.place[1])
            cause = mark("To ask for a missing value, write is unknown or is known.")
            self.fail(cause, place, (instead,) if instead else ())
        near = (*self.near(token.text, self.parameters), f'"{token.text}"')
        self.fail(mark("%(found)s is not in quotation marks. Put texts in quotation marks."), token, near)

    # Dates

    def day(self, text: str, place: Place) -> int:
        with suppress(ValueError):
            return day_number(date.fromisoformat(text))
        self.fail(mark('%(found)s is not a date. Write it as in "2024-11-11".'), place, found=text)

    def days_named(self, token: Token) -> Sequence[str]:
        """Return the days of a named date."""
        name = _unquoted(token)
        if token.what not in ("text", "name") or (self.named_dates is not None and name not in self.named_dates):
            known = self.named_dates or ()
            near = tuple(f'"{other}"' for other in self.near(name, known) or tuple(known))
            cause = mark("No date is named %(name)s. Name it in the settings first, or use a known name.")
            self.fail(cause, token, near, name=name)
        return self.named_dates[name] if self.named_dates is not None else ("",)

    # Columns and fields

    def column(
        self, columns: Mapping[str, ColumnType], kinds: tuple[str, ...], *, compared: bool = False
    ) -> tuple[str, Token]:
        """Read the name of a column, which stands at the end of a measure unless it is `compared`."""
        self.expecting("column", *columns, kinds=kinds, signature=None if compared else self.signature)
        word = self.take()
        name = word.text.lower()
        if word.what != "name" or name not in columns:
            cause = mark("Facts of kind %(kind)s have no column %(name)s.")
            self.fail(cause, word, self.near(name, columns) or tuple(columns), kind=" | ".join(kinds), name=word.text)
        return name, word

    def shared_columns(self, kinds: tuple[str, ...]) -> dict[str, ColumnType]:
        first, *others = (columns_of_kind(self.kinds[kind]) for kind in kinds)
        return {name: kind for name, kind in first.items() if all(other.get(name) == kind for other in others)}

    def shared_fields(self, kinds: tuple[str, ...]) -> list[str]:
        first, *others = (self.kinds[kind].fields for kind in kinds)
        return [field for field in first if all(field in fields for fields in others)]

    def field(self, kinds: tuple[str, ...]) -> str:
        shared, may_follow = self.shared_fields(kinds), self.signature.field
        if may_follow == "column":
            columns = self.shared_columns(kinds)
            self.expecting("column", *columns, kinds=kinds, lead=".", signature=self.signature)
            if not self.accept("."):
                before = self.tokens[self.position - 1]
                near = [f"{before.text}.{column}" for column in sorted(columns, key=is_id)[:3]]
                self.fail_measure(mark("%(name)s requires a column. Example: %(example)s"), before, near)
            return self.column(columns, kinds)[0]
        if may_follow:
            self.expecting("field", *shared, kinds=kinds, lead=".")
        before, dot = self.tokens[self.position - 1], self.token
        if not self.accept("."):
            # The slope of a kind without a field is that of its count.
            if self.signature.name == "slope" or not may_follow:
                return ""
            if self.signature.column and not shared:
                return ""  # it may follow the parentheses: last(case).severity
            if may_follow == "required" or not shared:
                near = [f"{before.text}.{field}" for field in shared]
                self.fail_measure(mark("%(name)s requires a field."), before, near)
            return shared[0]
        self.expecting("field", *shared, kinds=kinds)
        word = self.take()
        name = word.text.lower()
        if not may_follow:
            self.fail_measure(mark("%(name)s does not take a field. Remove it."), (dot.place[0], word.place[1]))
        if name not in shared:
            cause = mark("Facts of kind %(kind)s have no field %(name)s.")
            self.fail(cause, word, self.near(name, shared) or shared, kind=" | ".join(kinds), name=word.text)
        return name


def is_id(column: str) -> bool:
    return column.endswith("_id")


def _unquoted(token: Token) -> str:
    return token.text.strip("\"'")
