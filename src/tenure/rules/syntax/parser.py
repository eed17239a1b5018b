"""From a rule's text to its typed tree, or to an error that teaches.

The grammar stands in ``docs/reference/rule-language.md``. Nothing is ever evaluated as code.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from tenure.clock import day_number
from tenure.errors import RuleError
from tenure.facts.kinds import KINDS
from tenure.facts.named_dates import NAMED_DATES
from tenure.facts.selection import ColumnType, Condition, Facts, columns_of_kind
from tenure.rules.syntax import tree
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.tokens import Expected, Reader, Token
from tenure.rules.syntax.tree import ALWAYS, Measure, Place, RuleNode, TimeWindow
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tenure.facts.kinds import Kind
    from tenure.rules.syntax.measures import Signature
    from tenure.rules.syntax.parameters import Parameter

WORDS = (
    *("and", "or", "not", "is", "in", "on", "by", "for", "known", "unknown", "otherwise"),
    *("last", "before", "this", "same", "then", "within"),
)
PERIODS = ("week", "month", "quarter", "year")
LONGEST_WINDOW = 36_525  # a hundred years: beyond any customer's life, and safely inside every date type
DEEPEST_RULE = 60  # parentheses, nots and minus signs inside each other
_COMPARE = {"==": "=", "<>": "!=", "≤": "<=", "≥": ">=", "≠": "!="}
_AND_OR = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)
_COMPARISONS = ("<", "<=", "=", "!=", ">=", ">")


def parse(
    text: str,
    kinds: Mapping[str, Kind] = KINDS,
    *,
    parameters: Mapping[str, Parameter] | None = None,
    named_dates: Mapping[str, Sequence[str]] = NAMED_DATES,
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
        The shop's named dates, such as ``{"双十一": ["11-11"]}``.

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
    named_dates: Mapping[str, Sequence[str]] = NAMED_DATES,
) -> list[Expected]:
    """Return what may follow the beginning of a rule."""
    # A mistake hides what comes after it, but not the condition that is being written now: that is tried by itself.
    for part in (text, _AND_OR.split(text)[-1]):
        with suppress(RuleError):
            parser = _Parser(part, kinds, parameters or {}, named_dates)
            with suppress(RuleError):
                parser.rule()
            if parser.expected:
                return parser.expected
    return []


class _Parser(Reader):
    """The grammar, a method a line, and a teaching error for every way to write it wrong."""

    signature: Signature  # of the measure that is being read

    def __init__(
        self,
        text: str,
        kinds: Mapping[str, Kind],
        parameters: Mapping[str, Parameter],
        named_dates: Mapping[str, Sequence[str]],
    ) -> None:
        super().__init__(text)
        self.kinds, self.parameters, self.named_dates = kinds, parameters, named_dates
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
        return self._chain("and", tree.And, self.held)

    def held(self) -> RuleNode:
        """Read a condition, and for how long it must have held."""
        node = self.negation()
        if node.type == "truth":
            self.expecting("sign", "for")
        while word := self.accept("for"):
            self._truth(node)
            token = self.token
            days = self._days(word)
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
            self.expecting("sign", *_COMPARISONS, "is known", "is unknown", "in", "not in")
        elif left.type == "text":
            self.expecting("sign", "=", "!=", "is known", "is unknown", "in", "not in")
        if self.accept("is"):
            return self._known(left)
        if self.token.matches("in") or (self.token.matches("not") and self.tokens[self.position + 1].matches("in")):
            return self._among(left)
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
        if operand.type == "truth":
            self._number(operand)
        return tree.Known(operand, known, place=(operand.place[0], word.place[1]))

    def _among(self, operand: RuleNode) -> RuleNode:
        """Read the values after ``in`` or ``not in``."""
        negated = self.accept("not") is not None
        self.take()
        values, end = self._values()
        wanted = {"number": (float, int), "text": (str,)}.get(_type_of(operand), (float, int, str))
        place = (operand.place[0], end.place[1])
        if operand.type == "truth":
            self.fail(mark("%(part)s is already true or false, so it cannot be compared."), operand)
        for value in values:
            if not isinstance(value, wanted):
                cause = mark("%(part)s is a number. Only attributes and text columns can be compared with text.")
                self.fail(cause if isinstance(value, str) else mark("%(part)s is a text, not a number."), operand)
        return tree.Among(operand, values, negated, place=place)

    def _values(self) -> tuple[tuple[float | str, ...], Token]:
        """Read a list of numbers and texts in parentheses."""
        self.expect("(", mark('Expected a list in parentheses after in, such as in ("web", "app").'))
        values = [self._literal()]
        while self.accept(","):
            values.append(self._literal())
        end = self.expect(")", mark("Missing closing parenthesis."))
        return tuple(values), end

    def _literal(self) -> float | str:
        """Read a number, with its sign, or a text."""
        self.expecting("value")
        negative = self.accept("-")
        token = self.take()
        if token.what == "text" and negative is None:
            return token.text[1:-1]
        if token.what == "name" and (parameter := self.parameters.get(token.text.lower())):
            value = parameter.value
        elif token.what == "number":
            value = _number(token.text)
        else:
            self.fail(mark('Expected a number or a text in quotation marks, such as "web", not %(found)s.'), token)
        return -value if negative else value

    def _compare(self, sign: str, left: RuleNode, right: RuleNode) -> RuleNode:
        place = (left.place[0], right.place[1])
        left, right = self._as_date(left, right), self._as_date(right, left)
        for side in (left, right):
            if side.type == "truth":
                self.fail(mark("%(part)s is already true or false, so it cannot be compared."), side)
        if "text" in (left.type, right.type):
            for side in (left, right):
                if _type_of(side) == "number":
                    cause = mark("%(part)s is a number. Only attributes and text columns can be compared with text.")
                    self.fail(cause, side)
            if sign not in ("=", "!="):
                self.fail(mark("Text can only be compared with = or !=."), place)
        return tree.Comparison(sign, left, right, place=place)

    def _as_date(self, side: RuleNode, other: RuleNode) -> RuleNode:
        """Return a text that is compared with a date as the number of its day."""
        if not (isinstance(side, tree.TextLiteral) and isinstance(other, Measure) and other.is_date):
            return side
        return tree.NumberLiteral(self._day(side.value, side.place), side.value, place=side.place)

    def _day(self, text: str, place: Place) -> int:
        try:
            return day_number(date.fromisoformat(text))
        except ValueError:
            self.fail(mark('%(found)s is not a date. Write it as in "2024-11-11".'), place, found=text)

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
            return tree.NumberLiteral(_number(self.take().text), place=token.place)
        if token.what == "text":
            return tree.TextLiteral(self.take().text[1:-1], place=token.place)
        if token.what == "name" and (parameter := self.parameters.get(token.text.lower())):
            self.take()
            return tree.NumberLiteral(parameter.value, parameter=parameter.name, place=token.place)
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
            near = (f"{node} > 0", f"{node} is known") if node.type == "number" else (f'{node} = "…"',)
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
        if signature.takes in ("condition", "number"):
            return self._of_part(word)
        measure = Measure(signature.name, returns=signature.returns)
        if signature.takes in ("name", "names"):
            measure = replace(measure, arguments=self._names())
        elif signature.takes == "until":
            measure = self._until(measure)
        elif signature.takes == "nothing":
            measure = replace(measure, facts=(Facts(signature.name),) if signature.name == "balance" else ())
        else:
            measure = self._of_facts(measure)
        end = self._closing()
        if signature.column and (not measure.field or self.token.matches(".")):
            measure, end = self._of_column(measure)
        return replace(measure, place=(word.place[0], end.place[1]))

    def _closing(self) -> Token:
        end = self.accept(")")
        if end is None:
            self._fail(mark("%(name)s is missing a closing parenthesis or a comma. Example: %(example)s"), self.token)
        return end

    def _of_part(self, word: Token) -> RuleNode:
        """Read a measure that is made of another part of the rule: of a condition, or of a number."""
        signature = self.signature
        part = self._deeper(self.either)
        self.signature = signature
        node: RuleNode
        if signature.takes == "condition":
            node = tree.Ever(self._truth(part))
        else:
            if part.elapsed:
                cause = mark("%(name)s cannot take an elapsed time, which changes for everybody every day.")
                self._fail(cause, part.place, ("score(rfm_r)",))
            by = ""
            if signature.name == "average" and self.accept(","):
                self.expect("by", mark("Expected by and the name of an attribute, such as by city."))
                by = self._names()[0]
            node = tree.Population(self._number(part), _POPULATION[signature.name], by)
        return replace(node, place=(word.place[0], self._closing().place[1]))

    def _names(self) -> tuple[str, ...]:
        names: list[str] = []
        while not names or (self.signature.takes == "names" and self.accept(",")):
            self.expecting("name", signature=self.signature)
            if self.token.what not in ("name", "text"):
                self._fail(mark("%(name)s requires a name. Example: %(example)s"), self.token)
            names.append(self.take().text.strip("\"'"))
        return tuple(names)

    def _of_facts(self, measure: Measure) -> Measure:
        """Read the facts that a measure looks at, with its field, number and window."""
        signature = self.signature
        facts = self._facts()
        kinds = tuple(part.kind for part in facts)
        field = self._field(kinds)
        position = {"first": 1}.get(signature.name, 0)
        if signature.numbered:
            position = self._position()
        measure = replace(measure, facts=facts, field=field, position=position, window=self._window(kinds))
        plain = signature.field == "optional" and bool(field) and signature.windows != "quarters"
        return replace(measure, plain=plain and field == self._shared_fields(kinds)[0])

    def _position(self) -> int:
        self.expecting("sign", ", 2")
        if not self.accept(",") or self.token.what != "number":
            self._fail(mark("%(name)s requires a number, such as 2 for the second. Example: %(example)s"), self.token)
        token = self.take()
        number = _number(token.text)
        if number != int(number) or not 1 <= number <= 1_000:
            self._fail(mark("%(found)s must be a whole number from 1 to 1,000."), token, found=token.text)
        return int(number)

    def _of_column(self, measure: Measure) -> tuple[Measure, Token]:
        """Read the column of a single fact, after the closing parenthesis."""
        kinds = tuple(part.kind for part in measure.facts)
        columns = self._shared_columns(kinds)
        self.expecting("column", *columns, kinds=kinds, lead=".")
        if not self.accept("."):
            near = [f"{measure.name}({' | '.join(kinds)}).{column}" for column in list(columns)[:3]]
            self._fail(mark("%(name)s requires a column. Example: %(example)s"), self.token, near)
        if measure.field and not measure.plain:
            self._fail(mark("Write the column once: inside the parentheses or after them."), self.token)
        name, token = self._column(columns, kinds)
        returns: Any = "text" if columns[name] == "text" else "number"
        return replace(measure, field=name, plain=False, returns=returns, position=measure.position or -1), token

    def _until(self, measure: Measure) -> Measure:
        """Read the date that a measure waits for: of contracts, of an attribute, or a named one."""
        token = self.token
        self.expecting("kind", signature=self.signature)
        self.expecting("name", signature=self.signature)
        if token.what == "text":
            return replace(measure, arguments=(token.text[1:-1], *self._named_dates(self.take())))
        if token.what == "name" and token.text.lower() in self.kinds:
            facts = self._facts()
            columns = {name: kind for name, kind in self._shared_columns(("contract",)).items() if name == "ends_at"}
            self.expecting("column", *columns, kinds=("contract",), lead=".")
            self.expect(".", mark("Write days_until(contract.ends_at)."))
            return replace(measure, facts=facts, field=self._column(columns, ("contract",))[0])
        return replace(measure, arguments=self._names())

    def _fail(self, cause: str, at: Token | Place, near: Iterable[str] = (), **data: object) -> NoReturn:
        self.fail(cause, at, near, **{**self._naming, **data})

    @property
    def _naming(self) -> dict[str, object]:
        return {"name": self.signature.name, "example": self.signature.example}

    def _refuse_name(self, word: Token) -> NoReturn:
        name = word.text.lower()
        if name == "otherwise":
            self.fail(mark("otherwise must be the whole rule. It cannot be combined with conditions."), word)
        if name in self.kinds:
            near = (f"has({name})", f"count({name})", f"days_since({name})")
            self.fail(mark("%(kind)s is a kind of fact. Use it inside a measure."), word, near, kind=name)
        if self.parameters and self.tokens[self.position].text != "(":
            near = (*self.near(name, self.parameters), *self.near(name, MEASURES))
            self.fail(mark("Unknown measure or parameter: %(name)s."), word, near, name=word.text)
        if name in WORDS:
            self.fail(mark("Expected a number or a measure before %(found)s."), word)
        self.fail(mark("Unknown measure: %(name)s."), word, self.near(name, MEASURES), name=word.text)

    def _facts(self) -> tuple[Facts, ...]:
        facts = [self._fact()]
        while self.accept("|"):
            facts.append(self._fact())
        self.expecting("sign", "|")
        return tuple(dict.fromkeys(facts))

    def _fact(self) -> Facts:
        """Read the facts of a kind, their conditions, and what they follow."""
        kind = self._kind()
        facts = Facts(kind, self._conditions(kind))
        self.expecting("sign", "then")
        if self.accept("then"):
            kind = self._kind()
            later = Facts(kind, self._conditions(kind))
            self.expecting("sign", "within")
            word = self.expect("within", mark("Add how soon it must follow, such as then order within 30d."))
            facts = replace(later, after=facts, within=self._days(word))
        return facts

    def _conditions(self, kind: str) -> tuple[Condition, ...]:
        self.expecting("sign", "[")
        if not self.accept("["):
            return ()
        conditions = [self._condition(kind)]
        while self.accept(","):
            conditions.append(self._condition(kind))
        self.expecting("sign", ",", "]")
        self.expect("]", mark("The conditions on %(kind)s have no closing bracket ]."), kind=kind)
        return tuple(dict.fromkeys(conditions))

    def _condition(self, kind: str) -> Condition:
        columns = columns_of_kind(self.kinds[kind])
        self.expecting("column", *columns, kinds=(kind,))
        self.expecting("sign", "on")
        negated = "not " if self.accept("not") else ""
        if self.accept("on"):
            self.expecting("value")
            token = self.take()
            return Condition("date", f"{negated}on", tuple(self._named_dates(token)), token.text.strip("\"'"))
        name, _ = self._column(columns, (kind,))
        self.expecting("sign", *_COMPARISONS, "in", "not in", "is known", "is unknown")
        if self.accept("is"):
            negated = "not " if self.accept("not") else negated
            word = self.accept("known", "unknown")
            if word is None:
                near = self.near(self.token.text, ("known", "unknown"))
                self.fail(mark("Expected known or unknown after is."), self.token, near)
            return Condition(name, "known" if (word.text.lower() == "known") != bool(negated) else "unknown")
        negated = "not " if self.accept("not") else negated
        if self.accept("in"):
            return Condition(name, f"{negated}in", self._checked(columns[name], name, self._values()[0]))
        sign = self.accept(*_COMPARISONS, *_COMPARE)
        if sign is None or negated:
            cause = mark(
                'Expected a comparison after %(name)s, such as %(name)s = "web" or %(name)s in ("web", "app").'
            )
            self.fail(cause, self.token, name=name)
        operator = _COMPARE.get(sign.text, sign.text)
        if columns[name] == "text" and operator not in ("=", "!="):
            self.fail(mark("Text can only be compared with = or !=."), sign)
        return Condition(name, operator, self._checked(columns[name], name, (self._literal(),)))

    def _checked(self, column_type: ColumnType, name: str, values: tuple[float | str, ...]) -> tuple[float | str, ...]:
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
                self._day(value, token.place)
        return values

    def _named_dates(self, token: Token) -> Sequence[str]:
        name = token.text.strip("\"'")
        if token.what not in ("text", "name") or name not in self.named_dates:
            near = self.near(name, self.named_dates) or tuple(self.named_dates)
            cause = mark("No date is named %(name)s. Name it in the settings first, or use a known name.")
            self.fail(cause, token, tuple(f'"{known}"' for known in near), name=name)
        return self.named_dates[name]

    def _column(self, columns: Mapping[str, ColumnType], kinds: tuple[str, ...]) -> tuple[str, Token]:
        self.expecting("column", *columns, kinds=kinds)
        word = self.take()
        name = word.text.lower()
        if word.what != "name" or name not in columns:
            cause = mark("Facts of kind %(kind)s have no column %(name)s.")
            self.fail(cause, word, self.near(name, columns) or tuple(columns), kind=" | ".join(kinds), name=word.text)
        return name, word

    def _shared_columns(self, kinds: tuple[str, ...]) -> dict[str, ColumnType]:
        first, *others = (columns_of_kind(self.kinds[kind]) for kind in kinds)
        return {name: kind for name, kind in first.items() if all(other.get(name) == kind for other in others)}

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
            if signature.tables == ("contracts",):
                self.fail(mark("Only contracts can run; %(name)s is not a contract."), word, ("contract",), name=name)
            self.fail(mark("Facts of kind %(name)s have no category."), word, ("line", "view"), name=name)
        return name

    def _shared_fields(self, kinds: tuple[str, ...]) -> list[str]:
        first, *others = (self.kinds[kind].fields for kind in kinds)
        return [field for field in first if all(field in fields for fields in others)]

    def _field(self, kinds: tuple[str, ...]) -> str:
        shared, may_follow = self._shared_fields(kinds), self.signature.field
        if may_follow == "column":
            columns = self._shared_columns(kinds)
            self.expecting("column", *columns, kinds=kinds, lead=".")
            self.expect(".", mark("%(name)s requires a column. Example: %(example)s"), **self._naming)
            return self._column(columns, kinds)[0]
        if may_follow:
            self.expecting("field", *shared, kinds=kinds, lead=".")
        dot = self.token
        if not self.accept("."):
            # The slope of a kind without a field is that of its count.
            if self.signature.name == "slope" or not may_follow:
                return ""
            if not shared and self.signature.column:
                return ""  # a column may follow the closing parenthesis instead
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

    def _window(self, kinds: tuple[str, ...]) -> TimeWindow:
        window = ALWAYS
        given: list[str] = []
        while self._window_follows(given):
            word = self.take()
            name = word.text.lower()
            if name not in _WINDOW_WORDS:
                near = self.near(name, _WINDOW_WORDS)
                self.fail(mark("A time window starts with last, before, this or same, such as last 90d."), word, near)
            if not self.signature.windows:
                self._fail(
                    mark("%(name)s does not take a time window. Remove it."), (word.place[0], self.token.place[1])
                )
            if name in given or (given and {name, given[0]} != {"last", "before"}) or window.unit == "fact":
                place = (word.place[0], self.token.place[1])
                self.fail(mark("%(word)s is repeated. A measure takes one time window."), place, word=word.text)
            part = self._window_part(word, kinds)
            if given and part.unit != window.unit:
                self.fail(mark("Both parts of a time window must be in the same unit, such as days."), word)
            window = replace(window, **{name: part.last}, unit=part.unit) if name in ("last", "before") else part
            given.append(name)
        if self.signature.windows == "quarters" and (
            window.unit != "day" or window.years_back or (window.last or 1) % 4
        ):
            cause = mark("slope requires a time window that is a multiple of 4 days, such as last 360d.")
            length = (window.last or 360) // 4 * 4 if window.unit == "day" else 360
            self.fail(cause, self.token, (f"last {max(4, length)}d",))
        return window

    def _window_follows(self, given: Sequence[str]) -> bool:
        """Take the comma before a window, if there is one."""
        pairs = {"last": "before", "before": "last"}
        free = [word for word in _WINDOW_WORDS if not given or word == pairs.get(given[0])]
        if self.signature.windows == "quarters":
            free = [word for word in free if word in ("last", "before")]
        if self.signature.windows == "quarters" and "last" not in given:
            free = ["last"]  # four quarters can lie in the past, but only once their length is known
        if not self.signature.windows or len(given) > 1:
            free = []
        self.expecting("window", *free, signature=self.signature, lead=", ")
        if not self.accept(","):
            return False
        self.expecting("window", *free, signature=self.signature)
        return True

    def _window_part(self, word: Token, kinds: tuple[str, ...]) -> TimeWindow:
        """Return the window after its first word; the length of ``before`` as its `last`."""
        name = word.text.lower()
        unit = _period(self.token)
        if name == "this":
            self.expecting("days", "this")
            if unit is None:
                near = self.near(self.token.text, PERIODS) or PERIODS
                self.fail(mark("Expected week, month, quarter or year after this."), self.token, near)
            self.take()
            return TimeWindow(1, -1, unit)
        if name == "same":
            self.expecting("days", "same")
            window = self._length(word, kinds) if unit is None else TimeWindow(1, 0, _period(self.take()) or "month")
            ending = mark("Expected last year after same, such as same 90d last year.")
            self.expect("last", ending)
            self.expect("year", ending)
            if window.unit == "day":
                return replace(window, years_back=1)
            if window.unit == "fact":
                self.fail(mark("same … last year takes days, weeks, months or quarters."), word)
            # A whole period lies one later than the complete periods before it.
            shift = _A_YEAR[window.unit] - (unit is not None)
            return replace(window, before=shift)
        return self._length(word, kinds)

    def _length(self, word: Token, kinds: tuple[str, ...]) -> TimeWindow:
        """Return a number of days, of calendar periods or of facts."""
        following = self.tokens[min(self.position + 1, len(self.tokens) - 1)]
        if self.token.what != "number" or following.what != "name":
            return TimeWindow(self._days(word))
        token, noun = self.take(), self.take()
        number, unit = _number(token.text), _period(noun)
        nouns = {"facts", *(kind for kind in kinds), *(_plural(kind) for kind in kinds)}
        if unit is None and noun.text.lower() in nouns and word.text.lower() == "last":
            unit = "fact"
        elif unit is None:
            near = self.near(noun.text, (*(f"{period}s" for period in PERIODS), *sorted(nouns)))
            cause = mark(
                "Expected days, weeks, months, quarters, years or facts, such as last 3 months or last 3 orders."
            )
            self.fail(cause, noun, near)
        if self.signature.windows == "quarters":
            self.fail(mark("slope requires a time window that is a multiple of 4 days, such as last 360d."), token)
        most = _MOST[unit]
        if number != int(number) or not 1 <= number <= most:
            cause = mark("A time window must be 1 to %(most)s %(unit)s, not %(found)s.")
            self.fail(cause, token, most=most, unit=f"{unit}s", found=token.text)
        return TimeWindow(int(number), 0, unit)

    def _days(self, word: Token) -> int:
        self.expecting("days", word.text.lower())
        token = self.take()
        parameter = self.parameters.get(token.text.lower()) if token.what == "name" else None
        if token.what != "days" and not (parameter and parameter.in_days):
            cause = mark("Expected a number of days after %(word)s, such as 90d for three months.")
            near = (f"{token.text}d",) if token.what == "number" else self.near(token.text, self.parameters)
            self.fail(cause, token, near, word=word.text)
        days = int(parameter.value) if parameter else int(token.text[:-1]) * (7 if token.text[-1] in "wW" else 1)
        if not 1 <= days <= LONGEST_WINDOW:
            cause = mark("A time window must be 1 to %(most)s days, not %(found)s.")
            self.fail(cause, token, most=LONGEST_WINDOW, found=days)
        return days


_POPULATION: dict[str, Literal["percentile", "average"]] = {"percentile": "percentile", "average": "average"}
_WINDOW_WORDS = ("last", "before", "this", "same")
_A_YEAR = {"week": 52, "month": 12, "quarter": 4, "year": 1}
_MOST = {"week": 5_200, "month": 1_200, "quarter": 400, "year": 100, "fact": 1_000}


def _period(token: Token) -> Literal["week", "month", "quarter", "year"] | None:
    name = token.text.lower().removesuffix("s") if token.what == "name" else ""
    return name if name in PERIODS else None  # type: ignore[return-value]


def _plural(kind: str) -> str:
    if kind.endswith("y"):
        return f"{kind[:-1]}ies"
    return f"{kind}es" if kind.endswith(("s", "x", "ch", "sh")) else f"{kind}s"


def _number(text: str) -> float:
    plain = text.replace("_", "").rstrip("% ")
    value = float(plain) / 100 if text.endswith("%") else float(plain)
    return int(value) if value.is_integer() else value


def _type_of(node: RuleNode) -> str:
    """Return a node's type, ``any`` for an attribute, which is a number or a text."""
    return node.returns if isinstance(node, Measure) else node.type
