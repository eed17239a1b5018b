"""The walk over a rule that is the same in every language; each language gives the phrases."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar

from tenure.rules.syntax import tree
from tenure.rules.syntax.tree import ALWAYS, Arithmetic, Measure, Negative, NumberLiteral, RuleNode, TimeWindow
from tenure.rules.wording.vocabulary import field_name, kind_name, read_yaml
from tenure.words import formats

#: Comparisons of a count that say that there is any, or none.
_EXISTENCE: dict[tuple[float, str], bool] = {
    **dict.fromkeys(((0, "="), (0, "<="), (1, "<")), False),
    **dict.fromkeys(((0, ">"), (0, "!="), (1, ">=")), True),
}


@cache
def _phrases(language: str) -> dict[str, Any]:
    def in_language(phrase: dict[str, Any]) -> Any:
        return phrase[language] if language in phrase else {name: in_language(part) for name, part in phrase.items()}

    return in_language(read_yaml("phrases.yaml"))


class Speaker:
    """Says rules, in the shape of :func:`tenure.rules.wording.sentence.speakable`, in one language.

    Its phrases stand in `phrases.yaml`.
    """

    language: ClassVar[str]

    def __init__(self) -> None:
        self.phrases = SimpleNamespace(**_phrases(self.language[:2]))

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
            case tree.Not(operand=Measure() as measure):
                return self.has(measure, exists=False)
            case tree.Not(operand=operand):
                return self.phrases.opposite.format(self.truth(operand))
            case tree.Known(operand=Measure(elapsed=True) as measure, known=known):
                return self.has(measure, exists=known)
            case tree.Known(operand=operand, known=known):
                is_attribute = isinstance(operand, Measure) and operand.name == "attribute"
                return (self.phrases.filled if is_attribute else self.phrases.known)[known].format(self.value(operand))
            case tree.Comparison(operator=sign, left=left, right=right):
                text = isinstance(left, Measure) and self._against(left, sign, right)
                return text or self.phrases.compared[sign].format(self.value(left), self.value(right))
            case Measure():
                return self.has(node, exists=True)
        raise TypeError(f"{type(node).__name__} is no condition")

    def _against(self, left: Measure, sign: str, right: RuleNode) -> str | None:
        """Say how a measure compares with a text, a number or a multiple of another measure; None when with more."""
        match right:
            case tree.TextLiteral(value=text):
                return self.phrases.equal[sign == "="].format(self.value(left), text)
            case NumberLiteral(value=bound):
                return self._against_number(left, sign, bound)
            case Negative(operand=NumberLiteral(value=bound)):
                return self._against_number(left, sign, -bound)
        factor, other = scaled(right)
        if other is None:
            return None
        if left.elapsed and other.elapsed and factor == 1:
            return self.phrases.later[sign].format(self.which(left), self.which(other))
        # Such as "… in the last 90 days is less than half of that in the 90 days before".
        same = (left.name, left.kinds, left.field) == (other.name, other.kinds, other.field) and other.window != ALWAYS
        during = self.during(other.window, previous=left.window)
        text = self.phrases.same_in.format(during=during) if same else self.value(other)
        return self.multiple(left, sign, factor, text)

    def _against_number(self, measure: Measure, sign: str, bound: float) -> str:
        exists = _EXISTENCE.get((bound, sign))
        match measure.name:
            case "days_since" | "days_since_first":
                phrase = self.phrases.same_day if bound == 0 and sign in ("=", "<=") else self.phrases.since[sign]
                return phrase.format(which=self.which(measure), days=self.days(bound))
            case "count":
                if exists is not None:
                    return self.has(measure, exists=exists)
                times, number = self.phrases.times[sign], self.number(bound)
                return self.phrases.counted[bound == 1].format(times=times, number=number, **self.words(measure))
            case "slope":
                return self._slope(measure, sign, bound)
            case "open" if exists is not None:
                return self.phrases.exists_open[exists].format(self.what(measure))
            case "balance" if bound == 0 and sign in ("=", "!=", ">"):
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
        """Say that there is such a fact, or none."""
        phrases = self.phrases.exists if measure.window == ALWAYS else self.phrases.exists_in
        return phrases[exists].format(**self.words(measure))

    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        """Say how a measure compares with a number."""
        return self.phrases.bounded[sign].format(self.value(measure), self.number(bound))

    # Values

    def value(self, node: RuleNode) -> str:
        match node:
            case NumberLiteral(value=number):
                return self.number(number)
            case tree.TextLiteral(value=text):
                return f"“{text}”"
            case Negative(operand=NumberLiteral(value=number)):
                return self.number(-number)
            case Negative(operand=operand):
                return self.phrases.minus.format(self._grouped(operand))
            case Arithmetic():
                return self._arithmetic(node)
            case Measure():
                name = "avg in a window" if node.name == "avg" and node.window != ALWAYS else node.name
                return self.phrases.measures[name].format(**self.words(node))
        raise TypeError(f"{type(node).__name__} is no value")

    def _arithmetic(self, node: Arithmetic) -> str:
        factor, measure = scaled(node)
        if measure is not None and node.operator == "*":
            return self.times(factor, self.value(measure))
        left = self.value(node.left) if node.operator in "+-" else self._grouped(node.left)
        right = self.value(node.right) if node.operator == "+" else self._grouped(node.right)
        return self.phrases.calculated[node.operator].format(left, right)

    def _grouped(self, node: RuleNode) -> str:
        """Say a value, in brackets where it is calculated."""
        return self.phrases.brackets.format(self.value(node)) if isinstance(node, Arithmetic) else self.value(node)

    def number(self, number: float) -> str:
        return formats.number(number, at_most=6, language=self.language)

    def which(self, measure: Measure) -> str:
        """Say the fact that a waiting time waits from."""
        return self.phrases.last[measure.name == "days_since"].format(self.what(measure))

    def join(self, names: list[str]) -> str:
        """List names of which any will do."""
        between, last = self.phrases.listed
        return last.join([between.join(names[:-1]), *names[-1:]]) if len(names) > 1 else "".join(names)

    def what(self, measure: Measure) -> str:
        """Say one fact of the kinds that a measure reads."""
        return self.join([kind_name(kind, self.language) for kind in measure.kinds])

    def words(self, measure: Measure) -> dict[str, object]:
        """Return what fills the phrases about a measure."""
        return {
            "what": self.what(measure),
            "field": field_name(measure.kinds, measure.field, self.language) if measure.field else "",
            "during": self.during(measure.window),
            "length": measure.window.last,
            "quarter": (measure.window.last or 4) // 4,
            "name": measure.argument,
        }

    def days(self, number: float) -> str:
        return self.phrases.days[number == 1].format(self.number(number))

    def times(self, factor: float, what: str) -> str:
        """Say a multiple of something named."""
        if factor == 1:
            return what
        phrase = self.phrases.share["half" if factor == 0.5 else "part" if factor < 1 else "times"]
        return phrase.format(what=what, share=self.number(factor * 100), factor=self.number(factor))

    def during(self, window: TimeWindow, previous: TimeWindow = ALWAYS) -> str:
        """Say a window; `previous` is the one named just before, so that the days before it can be called so."""
        last, before, phrases = window.last, window.before, self.phrases.during
        if last is None:
            return phrases["before" if before else "ever"].format(days=self.phrases.days[before == 1].format(before))
        if not before:
            name = "this_day" if last == 1 else "last"
        elif previous == TimeWindow(before):
            name = "previous"
        else:
            name = "past_day" if last == 1 else "past"
        return phrases[name].format(last=last, before=before, first=before + last - 1)


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
