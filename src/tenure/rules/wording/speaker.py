"""The walk over a rule that is the same in every language; each language says the phrases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tenure.rules.syntax.tree import (
    ALWAYS,
    And,
    Arithmetic,
    Comparison,
    Known,
    Measure,
    Negative,
    Not,
    NumberLiteral,
    Or,
    Otherwise,
    RuleNode,
    TextLiteral,
    TimeWindow,
)
from tenure.rules.wording.vocabulary import field_name
from tenure.words import formats

#: Comparisons of a count that say that there is any, or none.
_EXISTENCE: dict[tuple[float, str], bool] = {
    **dict.fromkeys(((0, "="), (0, "<="), (1, "<")), False),
    **dict.fromkeys(((0, ">"), (0, "!="), (1, ">=")), True),
}


class Speaker(ABC):
    """Says rules, in the shape of :func:`tenure.rules.wording.sentence.speakable`, in one language."""

    language: ClassVar[str]
    otherwise: ClassVar[str]
    all_of: ClassVar[str]  # between conditions that all hold
    any_of: ClassVar[str]
    opposite: ClassVar[str]
    brackets: ClassVar[str]
    minus: ClassVar[str]
    known: ClassVar[tuple[str, str]]  # of a number that is unknown, and known
    filled: ClassVar[tuple[str, str]]  # of an attribute that is not filled in, and is
    equal: ClassVar[tuple[str, str]]  # of an attribute that is another text, and this one
    settled: ClassVar[tuple[str, str]]  # of a balance that is open, and settled
    listed: ClassVar[tuple[str, str]]  # between names, and before the last of them

    def finish(self, text: str) -> str:
        """Return a sentence as it is set in print."""
        return text

    # Conditions

    def truth(self, node: RuleNode) -> str:
        """Say something that is true or false."""
        match node:
            case Otherwise():
                return self.otherwise
            case And(parts=parts) | Or(parts=parts):
                weaker, word = (Or, self.all_of) if isinstance(node, And) else (And, self.any_of)
                texts = [(part, self.truth(part)) for part in parts]
                return word.join(
                    self.brackets.format(text) if isinstance(part, weaker) else text for part, text in texts
                )
            case Not(operand=Measure() as measure):
                return self.has(measure, exists=False)
            case Not(operand=operand):
                return self.opposite.format(self.truth(operand))
            case Known(operand=Measure(elapsed=True) as measure, known=known):
                return self.has(measure, exists=known)
            case Known(operand=operand, known=known):
                is_attribute = isinstance(operand, Measure) and operand.name == "attribute"
                return (self.filled if is_attribute else self.known)[known].format(self.value(operand))
            case Comparison(operator=sign, left=left, right=right):
                text = isinstance(left, Measure) and self._against(left, sign, right)
                return text or self.compared(left, sign, right)
            case Measure():
                return self.has(node, exists=True)
        raise TypeError(f"{type(node).__name__} is no condition")

    def _against(self, left: Measure, sign: str, right: RuleNode) -> str | None:
        """Say how a measure compares with a text, a number or a multiple of another measure; None when with more."""
        match right:
            case TextLiteral(value=text):
                return self.equal[sign == "="].format(self.value(left), text)
            case NumberLiteral(value=bound):
                return self._against_number(left, sign, bound)
            case Negative(operand=NumberLiteral(value=bound)):
                return self._against_number(left, sign, -bound)
        factor, other = scaled(right)
        if other is None:
            return None
        if left.elapsed and other.elapsed and factor == 1:
            return self.later(left, sign, other)
        # Such as "… in the last 90 days is less than half of that in the 90 days before".
        same = (left.name, left.kinds, left.field) == (other.name, other.kinds, other.field) and other.window != ALWAYS
        text = self.same_in(other.window, previous=left.window) if same else self.value(other)
        return self.multiple(left, sign, factor, text)

    def _against_number(self, measure: Measure, sign: str, bound: float) -> str:
        exists = _EXISTENCE.get((bound, sign))
        match measure.name:
            case "days_since" | "days_since_first":
                return self.since(measure, sign, bound)
            case "count":
                return self.counted(measure, sign, bound) if exists is None else self.has(measure, exists=exists)
            case "days":
                return self.days_counted(measure, sign, bound)
            case "slope":
                return self.slope(measure, sign, bound)
            case "open" if exists is not None:
                return self.open(measure, exists=exists)
            case "balance" if bound == 0 and sign in ("=", "!=", ">"):
                return self.settled[sign == "="]
        return self.measured(measure, sign, bound)

    @abstractmethod
    def has(self, measure: Measure, *, exists: bool) -> str:
        """Say that there is such a fact, or none."""

    @abstractmethod
    def open(self, measure: Measure, *, exists: bool) -> str:
        """Say that there is such an open case, or none."""

    @abstractmethod
    def compared(self, left: RuleNode, sign: str, right: RuleNode) -> str:
        """Say a comparison that has no phrase of its own."""

    @abstractmethod
    def measured(self, measure: Measure, sign: str, bound: float) -> str:
        """Say how a measure compares with a number."""

    @abstractmethod
    def since(self, measure: Measure, sign: str, bound: float) -> str:
        """Say how long ago a fact was."""

    @abstractmethod
    def counted(self, measure: Measure, sign: str, bound: float) -> str:
        """Say how many facts there were."""

    @abstractmethod
    def days_counted(self, measure: Measure, sign: str, bound: float) -> str:
        """Say on how many days there were facts."""

    @abstractmethod
    def slope(self, measure: Measure, sign: str, bound: float) -> str:
        """Say how something grows."""

    @abstractmethod
    def later(self, left: Measure, sign: str, right: Measure) -> str:
        """Say which of two facts was earlier."""

    @abstractmethod
    def same_in(self, window: TimeWindow, *, previous: TimeWindow) -> str:
        """Say the measure just named in another window."""

    @abstractmethod
    def multiple(self, left: Measure, sign: str, factor: float, text: str) -> str:
        """Say how a measure compares with a multiple of another, whose name is given."""

    # Values

    def value(self, node: RuleNode) -> str:
        """Say a number or a text as a noun."""
        match node:
            case NumberLiteral(value=number):
                return self.number(number)
            case TextLiteral(value=text):
                return f"“{text}”"
            case Negative(operand=NumberLiteral(value=number)):
                return self.number(-number)
            case Negative(operand=operand):
                return self.minus.format(self.grouped(operand))
            case Arithmetic():
                return self.arithmetic(node)
            case Measure():
                return self.measure(node)
        raise TypeError(f"{type(node).__name__} is no value")

    def grouped(self, node: RuleNode) -> str:
        """Say a value, in brackets where it is calculated."""
        return self.brackets.format(self.value(node)) if isinstance(node, Arithmetic) else self.value(node)

    def number(self, number: float) -> str:
        """Say a number."""
        return formats.number(number, at_most=6, language=self.language)

    def field(self, measure: Measure) -> str:
        """Say the field that a measure reads."""
        return field_name(measure.kinds, measure.field, self.language)

    def join(self, names: list[str]) -> str:
        """List names of which any will do."""
        between, last = self.listed
        return last.join([between.join(names[:-1]), *names[-1:]]) if len(names) > 1 else "".join(names)

    @abstractmethod
    def arithmetic(self, node: Arithmetic) -> str:
        """Say a calculation."""

    @abstractmethod
    def measure(self, measure: Measure) -> str:
        """Say what a measure is called."""


def scaled(node: RuleNode) -> tuple[float, Measure | None]:
    """Return a node as a multiple of one measure; without a measure when it is none."""
    match node:
        case Measure():
            return 1, node
        case Arithmetic(operator="*", left=NumberLiteral(value=factor), right=Measure() as measure) if factor > 0:
            return factor, measure
        case Arithmetic(operator="*", left=Measure() as measure, right=NumberLiteral(value=factor)) if factor > 0:
            return factor, measure
        case Arithmetic(operator="/", left=Measure() as measure, right=NumberLiteral(value=factor)) if factor > 0:
            return 1 / factor, measure
    return 1, None
