"""Measures as they are written: what stands in their parentheses, and the column behind them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from tenure.facts.selection import Facts
from tenure.rules.syntax import tree
from tenure.rules.syntax.facts import FactsReader, is_id
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.tokens import Token, number_of
from tenure.rules.syntax.tree import Measure, RuleNode
from tenure.rules.syntax.windows import WINDOW_WORDS
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = (
    *("and", "or", "not", "is", "in", "on", "by", "for", "known", "unknown", "otherwise"),
    *("last", "before", "this", "same", "then", "within"),
)
DEEPEST_RULE = 60  # parentheses, nots and minus signs inside each other


class MeasureReader(FactsReader):
    """Reads a measure; what may stand inside is the grammar's own affair."""

    depth = 0

    def either(self) -> RuleNode:
        """Read a whole part of a rule."""
        raise NotImplementedError

    def measure(self) -> RuleNode:
        start, word = self.position, self.take()
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
        if signature.column:
            measure, end = self._of_column(measure, end, start)
        measure = replace(measure, place=(word.place[0], end.place[1]))
        self._refuse_ending(measure)
        return measure

    def _refuse_ending(self, measure: Measure) -> None:
        """Refuse what belongs inside the parentheses of a measure."""
        if self.token.matches("."):
            cause = mark(
                "%(name)s has no column after its parentheses: only first, last and nth have. Conditions stand in"
                ' brackets, such as order[channel = "web"].'
            )
            self.fail_measure(cause, (self.token.place[0], self.following.place[1]))
        first = self.position + self.token.matches(",")
        if self.tokens[first].matches(*WINDOW_WORDS):
            last = min(first + 1, len(self.tokens) - 1)
            last += self.tokens[last].what == "number"
            place = (measure.place[0], self.tokens[last].place[1])
            window = self.text[self.tokens[first].place[0] : place[1]]
            inside, end = str(measure).rsplit(")", 1)
            near = (f"{inside}, {window}){end}",) if self.signature.windows else ()
            self.fail(mark("A time window stands inside the parentheses."), place, near)

    def _closing(self) -> Token:
        end = self.accept(")")
        if self.token.matches("|") and self.following.text.lower() in MEASURES:
            cause = mark("| stands between kinds of fact inside the parentheses. Join conditions with and, or.")
            self.fail(cause, self.token, ("or",))
        if self.token.matches("|"):
            cause = mark("Write the field once, after the last kind, such as order | refund.amount.")
            self.fail(cause, (self.tokens[self.position - 2].place[0], self.token.place[1]))
        if end is None:
            self.fail_measure(
                mark("%(name)s is missing a closing parenthesis or a comma. Example: %(example)s"), self.token
            )
        return end

    def _of_part(self, word: Token) -> RuleNode:
        """Read a measure that is made of another part of the rule: of a condition, or of a number."""
        signature = self.signature
        part = self.deeper(self.either)
        self.signature = signature
        node: RuleNode
        if signature.takes == "condition":
            node = tree.Ever(self.truth(part))
        else:
            if part.elapsed:
                cause = mark("%(name)s cannot take an elapsed time, which changes for everybody every day.")
                self.fail_measure(cause, part.place, ("score(rfm_r)",))
            by = ""
            if signature.name == "average":
                self.expecting("sign", ", by")
            if signature.name == "average" and self.accept(","):
                self.expecting("sign", "by")
                self.expect("by", mark("Expected by and the name of an attribute, such as by city."))
                by = self._names()[0]
            node = tree.Population(self.numeric(part), "average" if signature.name == "average" else "percentile", by)
        return replace(node, place=(word.place[0], self._closing().place[1]))

    def _names(self) -> tuple[str, ...]:
        names: list[str] = []
        while not names or (self.signature.takes == "names" and self.accept(",")):
            self.expecting("name", signature=self.signature)
            if self.token.what not in ("name", "text"):
                self.fail_measure(mark("%(name)s requires a name. Example: %(example)s"), self.token)
            token = self.take()
            if self.token.matches("-") and token.what == "name":
                near = (f'"{token.text}-{self.following.text}"',)
                place = (token.place[0], self.following.place[1])
                self.fail(mark("Put a name with a hyphen in quotation marks."), place, near)
            names.append(token.text.strip("\"'"))
        return tuple(names)

    def _of_facts(self, measure: Measure) -> Measure:
        """Read the facts that a measure looks at, with its field, number and window."""
        signature = self.signature
        start = self.token
        facts = self.facts()
        kinds = tuple(part.kind for part in facts)
        if signature.takes == "categorised" and any(
            self.kinds[part.kind].table == "orders" and (part.where or part.after) for part in facts
        ):  # the categories of an order are those of its lines, which do not have its columns
            cause = mark("Categories are counted in order lines. Put the conditions on line, such as line[amount > 5].")
            self.fail(cause, (start.place[0], self.token.place[0]))
        field = self.field(kinds)
        position = {"first": 1}.get(signature.name, 0)
        if signature.numbered:
            position = self._position()
        measure = replace(measure, facts=facts, field=field, position=position, window=self.window(kinds))
        plain = signature.field == "optional" and bool(field) and signature.windows != "quarters"
        return replace(measure, plain=plain and field == self.shared_fields(kinds)[0])

    def _position(self) -> int:
        self.expecting("sign", ", 2")
        comma, parameter = self.accept(","), self.parameter(self.token)
        if not comma or (self.token.what != "number" and parameter is None):
            near = self.near(self.token.text, self.parameters) if comma else ()
            cause = mark("%(name)s requires a number, such as 2 for the second. Example: %(example)s")
            self.fail_measure(cause, self.token, near)
        token = self.take()
        number = number_of(token.text) if parameter is None else parameter.value
        if number != int(number) or not 1 <= number <= 1_000:
            self.fail_measure(mark("%(found)s must be a whole number from 1 to 1,000."), token, found=token.text)
        return int(number)

    def _of_column(self, measure: Measure, end: Token, start: int) -> tuple[Measure, Token]:
        """Read the column of a single fact, after the closing parenthesis of the measure that begins at a token."""
        kinds = tuple(part.kind for part in measure.facts)
        columns = self.shared_columns(kinds)
        self.expecting("column", *columns, kinds=kinds, lead=".", signature=self.signature)
        if not self.accept("."):
            if measure.field:
                return measure, end
            described = replace(measure, position=measure.position or -1)
            near = [f"{described}{column}" for column in sorted(columns, key=is_id)[:3]]
            place = (self.tokens[start].place[0], end.place[1])
            self.fail_measure(mark("%(name)s requires a column. Example: %(example)s"), place, near)
        if any(token.matches(".") for token in self.tokens[start : self.position - 1]):
            place = (self.tokens[self.position - 1].place[0], self.token.place[1])
            self.fail(mark("Write the column once: inside the parentheses or after them."), place)
        name, token = self.column(columns, kinds)
        returns: Any = "text" if columns[name] == "text" else "number"
        return replace(measure, field=name, plain=False, returns=returns, position=measure.position or -1), token

    def _until(self, measure: Measure) -> Measure:
        """Read the date that a measure waits for: of contracts, of an attribute, or a named one."""
        token = self.token
        self.expecting("kind", signature=self.signature)
        self.expecting("name", signature=self.signature)
        if token.what == "text":
            return replace(measure, arguments=(token.text[1:-1], *self.days_named(self.take())))
        if token.what == "name" and token.text.lower() in self.kinds:
            facts = self.facts()
            columns = {name: kind for name, kind in self.shared_columns(("contract",)).items() if name == "ends_at"}
            self.expecting("column", *columns, kinds=("contract",), lead=".", signature=self.signature)
            self.expect(".", mark("Write days_until(contract.ends_at)."))
            return replace(measure, facts=facts, field=self.column(columns, ("contract",))[0])
        return replace(measure, arguments=self._names())

    def _refuse_name(self, word: Token) -> NoReturn:
        name = word.text.lower()
        if name == "otherwise":
            self.fail(mark("otherwise must be the whole rule. It cannot be combined with conditions."), word)
        if name in self.kinds:
            inside = (f"has({name})", f"count({name})", f"days_since({name})")
            self.fail(mark("%(kind)s is a kind of fact. Use it inside a measure."), word, inside, kind=name)
        near = self.near(name, MEASURES)
        if name in WORDS:
            self.fail(mark("Expected a number or a measure before %(found)s."), word)
        if self.token.matches("("):
            self.fail(mark("Unknown measure: %(name)s."), word, near, name=word.text)
        near = (*self.near(name, self.parameters), *near)
        cause = mark("Unknown measure or parameter: %(name)s.")
        if self.parameters and not near:
            cause = mark("Unknown measure or parameter: %(name)s. Parameters of the model: %(known)s.")
        self.fail(cause, word, near, name=word.text, known=", ".join(self.parameters))

    def deeper(self, part: Callable[[], RuleNode]) -> RuleNode:
        self.depth += 1
        if self.depth > DEEPEST_RULE:
            cause = mark("The rule is nested more than %(most)s levels deep. Simplify it.")
            self.fail(cause, self.token, most=DEEPEST_RULE)
        node = part()
        self.depth -= 1
        return node

    def truth(self, node: RuleNode) -> RuleNode:
        if node.type != "truth":
            near = (f"{node} > 0", f"{node} is known") if node.type == "number" else (f'{node} = "…"',)
            self.fail(mark("%(part)s is not a condition. Compare it with a value."), node, near)
        return node

    def numeric(self, node: RuleNode) -> RuleNode:
        if node.type != "number":
            self.fail(mark("%(part)s is not a number, so it cannot be used in a calculation."), node)
        return node
