"""The walk over a rule that is the same in every language; each language gives the phrases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.rules.syntax import tree
from tenure.rules.syntax.comparison import MIRRORED
from tenure.rules.syntax.tree import ALWAYS, Arithmetic, Measure, Negative, NumberLiteral, RuleNode
from tenure.rules.wording.facts import FactSpeaker, is_described, ordinal
from tenure.rules.wording.vocabulary import column_name
from tenure.words import formats

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Comparisons of a count that say that there is any, or none.
_EXISTENCE: dict[tuple[float, str], bool] = {
    **dict.fromkeys(((0, "="), (0, "<="), (1, "<")), False),
    **dict.fromkeys(((0, ">"), (0, "!="), (1, ">=")), True),
}
_WAITING = ("days_since", "days_since_first")


class Speaker(FactSpeaker):
    """Says rules, in the shape of :func:`tenure.rules.wording.sentence.speakable`, in one language."""

    def finish(self, text: str) -> str:
        """Return a sentence as it is set in print."""
        return text

    # Conditions

    def truth(self, node: RuleNode) -> str:
        match node:
            case tree.Otherwise():
                return self.phrases.otherwise
            case tree.And(parts=parts) | tree.Or(parts=parts):
                weaker, word = (
                    (tree.Or, self.phrases.all_of) if isinstance(node, tree.And) else (tree.And, self.phrases.any_of)
                )
                texts = ((part, self.truth(part)) for part in parts)
                return word.join(
                    self.phrases.brackets.format(text) if isinstance(part, weaker) else text for part, text in texts
                )
            case tree.Not(operand=operand):
                return self._opposite(operand)
            case tree.Ever(operand=operand):
                return self.phrases.ever[True].format(self._quoted(operand))
            case tree.Held(operand=operand, days=days):
                return self.phrases.held.format(days=self.days(days), condition=self._quoted(operand))
            case Measure():
                return self.has(node, exists=True)
        return self._test(node)

    def _quoted(self, node: RuleNode) -> str:
        """Say a condition that stands in quotation marks: those inside it become single ones, and the other way."""
        return self.truth(node).translate(str.maketrans("“”‘’", "‘’“”"))

    def _opposite(self, node: RuleNode) -> str:
        match node:
            case Measure():
                return self.has(node, exists=False)
            case tree.Ever(operand=operand):
                return self.phrases.ever[False].format(self._quoted(operand))
        return self.phrases.opposite.format(self._quoted(node))

    def _test(self, node: RuleNode) -> str:
        match node:
            case tree.Known(operand=Measure(name="days_since" | "days_since_first") as measure, known=known):
                return self.has(measure, exists=known)
            case tree.Known(operand=operand, known=known):
                is_attribute = isinstance(operand, Measure) and operand.name == "attribute"
                return (self.phrases.filled if is_attribute else self.phrases.known)[known].format(self.value(operand))
            case tree.Among(operand=operand, values=values, negated=negated):
                return self._among(operand, values, negated=negated)
            case tree.Comparison(operator=sign, left=left, right=right):
                text = self._against(left, sign, right)
                return text or self.phrases.compared[sign].format(self.value(left), self.value(right))
        raise TypeError(f"{type(node).__name__} is no condition")

    def _among(self, operand: RuleNode, values: Sequence[float | str], *, negated: bool) -> str:
        if isinstance(operand, Measure) and operand.name == "stage" and "" not in values:
            return self._in_other(operand, [str(value) for value in values], within=not negated)
        if isinstance(operand, Measure) and operand.name == "previous_stage":
            values = [self.stage_name("", str(value)) for value in values]
        return self.phrases.among[not negated].format(self.value(operand), self.one_of(values, negated=negated))

    def _in_other(self, measure: Measure, stages: Sequence[str], *, within: bool) -> str:
        model = self.stage_name(measure.argument, "")
        if list(stages) == [""]:
            return self.phrases.in_none[within].format(model=model)
        names = [self.literal(self.stage_name(measure.argument, stage)) for stage in stages]
        return self.phrases.in_other[within].format(model=model, stages=self.join(names))

    def _against(self, left: RuleNode, sign: str, right: RuleNode) -> str | None:
        """Say how a value compares with a text, a number or a multiple of another measure; None when with more."""
        match left, right:
            case (Measure(name="stage"), tree.TextLiteral(value=text)):
                return self._in_other(left, [text], within=sign == "=")
            case (Measure(name=name), tree.TextLiteral(value=text)):
                text = self.stage_name("", text) if name == "previous_stage" else text
                return self.phrases.equal[sign == "="].format(self.value(left), text)
            case (Measure(is_date=True), NumberLiteral(date=day)) if day:
                return self.phrases.dated[sign].format(self._dated(left), formats.day(day, language=self.language))
            case (Measure(is_date=True), Measure(is_date=True)):
                return self.phrases.later[MIRRORED[sign]].format(self._dated(left), self._dated(right))
            case (Measure(returns="text" | "any"), Measure(returns="text" | "any")) if sign in ("=", "!="):
                return self.phrases.same[sign == "="].format(self.value(left), self.value(right))
            case (_, NumberLiteral(value=bound)):
                return self._against_number(left, sign, bound)
            case (_, Negative(operand=NumberLiteral(value=bound))):
                return self._against_number(left, sign, -bound)
        return self._against_multiple(left, sign, right) if isinstance(left, Measure) else None

    def _against_multiple(self, left: Measure, sign: str, right: RuleNode) -> str | None:
        factor, other = scaled(right)
        if other is None:
            return None
        if left.name in _WAITING and other.name in _WAITING and factor == 1:
            return self.phrases.later[sign].format(self.which(left), self.which(other))
        # Such as "… in the last 90 days is less than half of that in the 90 days before".
        same = (left.name, left.facts, left.field) == (other.name, other.facts, other.field) and other.window != ALWAYS
        during = self.during(other, previous=left.window)
        text = self.phrases.same_in.format(during=during) if same else self.value(other)
        return self.multiple(left, sign, factor, text)

    def _against_number(self, value: RuleNode, sign: str, bound: float) -> str | None:
        match value:
            case tree.Population(name="percentile"):
                return self.phrases.bounded[sign].format(self.value(value), f"{self.number(bound * 100)}%")
            case Arithmetic(operator="-", left=Measure(is_date=True) as end, right=Measure(is_date=True) as start):
                words = {"times": self.phrases.lasting[sign], "days": self.days(bound)}
                return self.phrases.between_days.format(self._dated(start), self._dated(end), **words)
            case Measure(name="slope"):
                return self._slope(value, sign, bound)
            case Measure():
                return self._measure_against(value, sign, bound)
        return None

    def _measure_against(self, measure: Measure, sign: str, bound: float) -> str:
        exists = _EXISTENCE.get((bound, sign))
        words = {"times": self.phrases.lasting[sign], "days": self.days(bound)}
        match measure.name:
            case "days_since" | "days_since_first":
                phrase = self.phrases.same_day if bound == 0 and sign in ("=", "<=") else self.phrases.since[sign]
                return phrase.format(which=self.which(measure), days=self.days(bound))
            case "days_until":
                phrase = self.phrases.until_now if bound == 0 and sign in ("=", "<=") else self.phrases.until
                return phrase.format(target=self._target(measure), **words)
            case "days_in_stage" | "days_open":
                phrase = self.phrases.stayed if measure.name == "days_in_stage" else self.phrases.open_for
                return phrase.format(what=self.what(measure), **words)
            case "count":
                if exists is not None:
                    return self.has(measure, exists=exists)
                words = self.words(measure) | {"times": self.phrases.times[sign], "number": self.number(bound)}
                return self.phrases.counted[bound == 1].format(**words)
        if measure.name == "open" and exists is not None:
            return self.phrases.exists_open[exists].format(self.what(measure))
        if measure.name == "balance" and bound == 0 and sign in ("=", "!=", ">"):
            return self.phrases.settled[sign == "="]
        return self.measured(measure, sign, bound)

    def _slope(self, measure: Measure, sign: str, bound: float) -> str:
        words = self.words(measure)
        if bound == 0 and sign in ("<", ">"):
            return self.phrases.rising[sign == ">"].format(**words)
        changed = self.phrases.grown if bound > 0 else self.phrases.fallen if bound < 0 else {}
        if sign in changed:
            return self.phrases.change.format(changed=changed[sign], share=f"{self.number(abs(bound) * 100)}%", **words)
        return self.phrases.bounded[sign].format(self.value(measure), f"{self.number(bound * 100)}%")

    def multiple(self, left: Measure, sign: str, factor: float, text: str) -> str:
        """Say how a measure compares with a multiple of another, whose name is given."""
        return self.phrases.compared[sign].format(self.value(left), self.times(factor, text))

    def has(self, measure: Measure, *, exists: bool) -> str:
        """Say that a measure that is a truth holds, such as that there is such a fact, or does not."""
        if measure.name == "running":
            return self.phrases.running[exists].format(where=self.running(measure))
        if measure.name == "in_stage":
            names = [self.literal(self.stage_name("", stage)) for stage in measure.arguments]
            return self.phrases.in_stage[exists].format(self.join(names))
        phrases = self.phrases.exists if measure.window == ALWAYS else self.phrases.exists_in
        return phrases[exists].format(**self.words(measure))

    def running(self, measure: Measure) -> str:
        """Say the conditions on a contract."""
        return self.some(self.where(measure.facts[0].where), "") if measure.facts[0].where else ""

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        """Say how a measure compares with a number."""
        return self.phrases.bounded[sign].format(self.value(measure), self.number(bound))

    # Values

    def value(self, node: RuleNode) -> str:
        match node:
            case NumberLiteral(date=day) if day:
                return formats.day(day, language=self.language)
            case NumberLiteral(value=number):
                return self.number(number)
            case tree.TextLiteral(value=text):
                return self.literal(text)
            case Negative(operand=NumberLiteral(value=number)):
                return self.number(-number)
            case Negative(operand=operand):
                return self.phrases.minus.format(self._grouped(operand))
            case Arithmetic():
                return self._arithmetic(node)
            case tree.Population(operand=operand, name=name, by=by):
                words = {"number": self._grouped(operand), "by": by}
                return self.phrases.measures[f"{name} by" if by else name].format(**words)
            case Measure():
                return self._measure(node)
        raise TypeError(f"{type(node).__name__} is no value")

    def _measure(self, measure: Measure) -> str:
        phrases, name = self.phrases.measures, measure.name
        if measure.of_fact:
            column = column_name(measure.field, self.language)
            return phrases["column"].format(which=self.which(measure), column=column)
        if name == "avg" and measure.window != ALWAYS:
            name = "avg in a window"
        if name in ("running", "in_stage"):
            return self.has(measure, exists=True)
        if any(map(is_described, measure.facts)) and f"{name} of some" in phrases:
            name = f"{name} of some"
        return phrases[name].format(**self.words(measure))

    def _arithmetic(self, node: Arithmetic) -> str:
        factor, measure = scaled(node)
        if measure is not None and node.operator == "*":
            return self.times(factor, self.value(measure))
        match node:
            case Arithmetic(operator="-", left=Measure(is_date=True) as end, right=Measure(is_date=True) as start):
                return self.phrases.between.format(self._dated(start), self._dated(end))
        left = self.value(node.left) if node.operator in "+-" else self._grouped(node.left)
        right = self.value(node.right) if node.operator == "+" else self._grouped(node.right)
        return self.phrases.calculated[node.operator].format(left, right)

    def _grouped(self, node: RuleNode) -> str:
        """Say a value, in brackets where it is calculated."""
        return self.phrases.brackets.format(self.value(node)) if isinstance(node, Arithmetic) else self.value(node)

    def which(self, measure: Measure) -> str:
        """Say the fact that a waiting time waits from, or whose column a measure is."""
        position = {"days_since": -1, "days_since_first": 1}.get(measure.name, measure.position)
        name = {1: "first", -1: "last"}.get(position, "nth")
        words = {"what": self.what(measure), "nth": self.ordinal(position), "during": self.during(measure)}
        return self.phrases.position[name].format(**words)

    def ordinal(self, number: int) -> str:
        return ordinal(number)

    def _dated(self, measure: Measure) -> str:
        """Say a date: a fact stands for its own."""
        return self.which(measure) if measure.field == "date" else self.value(measure)

    def _target(self, measure: Measure) -> str:
        """Say what days are counted to."""
        if measure.facts:
            return self.phrases.targets["contract"].format(where=self.running(measure))
        name = "attribute" if len(measure.arguments) == 1 else "named"
        return self.phrases.targets[name].format(name=measure.argument)

    def words(self, measure: Measure) -> dict[str, object]:
        """Return what fills the phrases about a measure."""
        return {
            "what": self.what(measure),
            "field": self.field(measure),
            "during": self.during(measure),
            "length": measure.window.last,
            "quarter": (measure.window.last or 4) // 4,
            "name": measure.argument,
            "model": self.stage_name(measure.argument, "") if measure.name == "stage" else "",
            "nth": self.ordinal(measure.position),
            "column": column_name(measure.field, self.language),
            "target": self._target(measure) if measure.name == "days_until" else "",
        }

    def times(self, factor: float, what: str) -> str:
        """Say a multiple of something named."""
        if factor == 1:
            return what
        phrase = self.phrases.share["half" if factor == 0.5 else "part" if factor < 1 else "times"]
        return phrase.format(what=what, share=self.number(factor * 100), factor=self.number(factor))


def scaled(node: RuleNode) -> tuple[float, Measure | None]:
    """Return a node as a multiple of one measure; without a measure when it is none."""
    match node:
        case Measure():
            return 1, node
        case (
            Arithmetic(operator="*", left=NumberLiteral(value=factor), right=Measure() as measure)
            | Arithmetic(operator="*", left=Measure() as measure, right=NumberLiteral(value=factor))
        ) if factor > 0:
            return factor, measure
        case Arithmetic(operator="/", left=Measure() as measure, right=NumberLiteral(value=factor)) if factor > 0:
            return 1 / factor, measure
    return 1, None
