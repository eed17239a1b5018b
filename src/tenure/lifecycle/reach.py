"""Which stages of a model nobody can ever be in with the facts that are there, and which facts are missing for it.

A rule is evaluated without customers: of each number only is known in which bounds it lies and whether it can be
known at all, of each truth which of true, false and unknown it can be. A kind of fact that is missing counts 0, is
never had, and its other measures stay unknown; so it is with facts that must have a value in an empty column. What is
not understood can be anything, so a stage is called unreachable only when it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, cached_property, reduce
from itertools import product
from math import inf
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from tenure.facts.kinds import KINDS
from tenure.facts.records import FIELDS
from tenure.facts.selection import CALENDAR_COLUMNS
from tenure.rules.evaluation.truth import FALSE, TRUE, UNKNOWN
from tenure.rules.syntax import tree
from tenure.rules.syntax.comparison import OPPOSITE
from tenure.rules.syntax.tree import Comparison, Known, Measure, Otherwise, RuleNode, measures_of
from tenure.rules.wording.vocabulary import KindNames
from tenure.words import Message, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tenure.facts.kinds import Kind
    from tenure.facts.lake import Lake
    from tenure.facts.selection import Facts
    from tenure.lifecycle.model import Model

_Truths = frozenset[np.int8]  # what a truth can be
_ANYTHING: _Truths = frozenset((FALSE, UNKNOWN, TRUE))
#: Measures that are 0 where there is no fact; all others are unknown then, and truths are false.
ZERO_WITHOUT_FACTS = frozenset({"count", "days", "months_with", "weeks_with", "sum", "distinct", "categories", "open"})
_NEVER_NEGATIVE = ZERO_WITHOUT_FACTS - {"sum"} | {"days_since", "days_since_first", "typical_gap", "gap_variation"}


@dataclass(frozen=True)
class FactsAtHand:
    """What a lake holds, as far as it decides which stages can be reached."""

    kinds: frozenset[str]  # of which there is at least one fact
    attributes: frozenset[str] = frozenset()  # that any customer has
    records: bool = False  # whether there are customer records, which bring in customers without facts
    known: Mapping[str, Kind] = field(default_factory=lambda: KINDS)  # all kinds that rules may name
    # whether a table has any value in a column; columns that are taken to have one in any case, as table.column
    has_value: Callable[[str, str], bool] = lambda _table, _column: True
    columns: frozenset[str] = frozenset()

    def has_attribute(self, measure: Measure) -> bool:
        """Return whether any customer has the attribute that a measure reads, if it reads one."""
        return not measure.attribute or measure.attribute in self.attributes.union(FIELDS)

    @classmethod
    def of(cls, lake: Lake) -> FactsAtHand:
        """Return what a lake holds."""
        kinds = lake.kinds()
        attributes = frozenset(lake.known_attributes())
        available = frozenset(lake.available_kinds())
        return cls(available, attributes, lake.has("customers"), kinds, cache(lake.has_value))

    def has_column(self, kind: str, column: str) -> bool:
        """Whether any fact in the table of a kind has a value in a column."""
        if column in CALENDAR_COLUMNS:
            return True
        return f"{self.known[kind].table}.{column}" in self.columns or self.has_value(self.known[kind].table, column)


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A stage that nobody can be in."""

    stage: str
    kinds: tuple[str, ...] = ()  # of fact that are missing for it, or their columns, such as ``order.channel``
    attributes: tuple[str, ...] = ()  # of customers that are missing for it
    is_taken: bool = False  # whether an earlier stage takes everybody who could be in it, whatever facts there are
    # whether nobody can come into the model at all: for want of customer records, or of anything that brings them in
    not_entered: Literal["", "records", "nothing"] = ""

    @property
    def message(self) -> Message:
        """Why, as a sentence."""
        if self.kinds and self.attributes:
            text = mark(
                "Cannot be reached: your facts contain no %(kinds)s, and no customer has a value for %(names)s."
            )
        elif self.kinds:
            text = mark("Cannot be reached: your facts contain no %(kinds)s.")
        elif self.attributes:
            text = mark("Cannot be reached: no customer has a value for %(names)s.")
        elif self.not_entered == "records":
            text = mark("Cannot be reached: there are no customer records yet.")
        elif self.not_entered:
            text = mark("Cannot be reached: nothing brings customers into this model. Name kinds of fact in enters.")
        elif self.is_taken:
            text = mark("Cannot be reached: everybody who could be here is in an earlier stage.")
        else:
            text = mark("Cannot be reached: its rule can never hold.")
        return Message(text, {"kinds": KindNames(self.kinds, "or"), "names": ", ".join(self.attributes)})


def unreachable(model: Model, facts: FactsAtHand) -> dict[str, Unreachable]:
    """Return the stages that nobody can be in with these facts, by their ids in the order of life.

    Parameters
    ----------
    model : Model
        A life-cycle model.
    facts : FactsAtHand
        What there is; see :meth:`FactsAtHand.of`.

    Returns
    -------
    dict of str to Unreachable
        Each with the kinds of fact and the attributes that are missing for it.

    Examples
    --------
    >>> from tenure.lifecycle.model_file import read
    >>> found = unreachable(read("saas-6"), FactsAtHand(frozenset({"order"})))
    >>> str(found["advocacy"].message.render("en"))
    'Cannot be reached: your facts contain no shares, reviews, referrals or orders by people they referred.'
    """
    gone = set(model.path) - _reached(model, facts)
    return {stage: _explained(model, stage, facts) for stage in model.path if stage in gone}


class _Missing(NamedTuple):
    """What is missing: a kind of fact, a column of one (as kind.column), or an attribute of customers."""

    name: str
    what: Literal["kind", "column", "attribute"] = "kind"

    def added_to(self, facts: FactsAtHand) -> FactsAtHand:
        if self.what == "kind":
            return replace(facts, kinds=facts.kinds | {self.name})
        if self.what == "attribute":
            return replace(facts, attributes=facts.attributes | {self.name}, records=True)
        kind, _, column = self.name.partition(".")
        return replace(facts, columns=facts.columns | {f"{facts.known[kind].table}.{column}"})


def _missing(rules: Iterable[RuleNode], facts: FactsAtHand) -> list[_Missing]:
    """Return what rules read and there is none of, in the order of the text."""
    missing = []
    for measure in (measure for rule in rules for measure in measures_of(rule)):
        for part in (part for given in measure.facts for part in given.all):
            missing += [_Missing(part.kind)] if part.kind not in facts.kinds else []
            columns = [*_columns_needed(part), *([measure.field] if measure.field else [])]
            empty = [column for column in columns if not facts.has_column(part.kind, column)]
            missing += [_Missing(f"{part.kind}.{column}", "column") for column in empty]
        missing += [_Missing(measure.attribute, "attribute")] if not facts.has_attribute(measure) else []
    return list(dict.fromkeys(missing))


def _columns_needed(facts: Facts) -> list[str]:
    """Return the columns in which facts must have a value to meet their conditions."""
    return [part.column for part in facts.where if part.column and part.operator != "unknown"]


def _explained(model: Model, stage: str, facts: FactsAtHand) -> Unreachable:
    """Name what is missing for one stage: each that alone would do, or that is needed beside all others."""
    own = _missing([model.stage(stage).rule], facts)
    entering = [_Missing(kind) for kind in model.enters if kind not in facts.kinds]
    missing = list(dict.fromkeys([*own, *entering, *_missing([stage.rule for stage in model.stages], facts)]))

    def is_reached(added: Iterable[_Missing]) -> bool:
        more = facts
        for item in added:
            more = item.added_to(more)
        return stage in _reached(model, more)

    if not model.entry_kinds:
        if not model.takes_records:
            return Unreachable(stage, not_entered="nothing")
        if not facts.records and not is_reached(missing):
            return Unreachable(stage, not_entered="records")
    if not is_reached(missing):
        return Unreachable(stage, is_taken=TRUE in _Rules(model, facts).truths(model.stage(stage).rule))
    matter = [
        item for item in missing if is_reached([item]) or not is_reached([other for other in missing if other != item])
    ]
    # What the stage itself asks for, or what brings people in, says more than what other stages read.
    near = [item for item in matter if item in own or item in entering] or matter or missing
    kinds = [item.name for item in near if item.what == "kind"]
    special = {kind for kind in kinds for other in kinds if kind != other and _is_one(kind, other, facts.known)}
    # Of a kind that is missing altogether, its columns need no mention.
    named = [*(kind for kind in kinds if kind not in special)]
    named += [item.name for item in near if item.what == "column" and item.name.partition(".")[0] not in kinds]
    return Unreachable(stage, tuple(named), tuple(item.name for item in near if item.what == "attribute"))


def _is_one(kind: str, general: str, known: Mapping[str, Kind]) -> bool:
    """Whether every fact of a kind is one of a more general kind, too."""
    a, b = known[kind], known[general]
    same_rows = not b.column or (a.column == b.column and set(a.values) <= set(b.values))
    return a.table == b.table and a.who == b.who and same_rows and not b.present


def _reached(model: Model, facts: FactsAtHand) -> set[str]:
    """Return the stages that somebody can be in."""
    rules = _Rules(model, facts)
    reached: set[str] = set()
    before: list[RuleNode] = []
    for stage in model.stages:
        shadowed = any(rules.truths(rule) == {TRUE} or rules.implies(stage.rule, rule) for rule in before)
        if TRUE in rules.truths(stage.rule) and not shadowed:
            reached.add(stage.id)
        before.append(stage.rule)
    return reached if rules.somebody else set()


class _Number(NamedTuple):
    """The bounds of a number, and whether it can be known and unknown."""

    low: float = -inf
    high: float = inf
    known: bool = True
    unknown: bool = True


_NEVER_KNOWN = _Number(known=False)


class _Rules:
    """The rules of a model, evaluated over facts of which only is known whether there are any."""

    def __init__(self, model: Model, facts: FactsAtHand) -> None:
        self.model, self.facts = model, facts

    @cached_property
    def entered_by(self) -> frozenset[str]:
        """The kinds of fact of which everybody in the model has one; empty when a record is enough."""
        if self.facts.records and self.model.takes_records:
            return frozenset()
        return self.facts.kinds.intersection(self.model.entry_kinds)

    @property
    def somebody(self) -> bool:
        """Whether anybody can be in the model."""
        by_record = self.facts.records and self.model.takes_records
        return by_record or bool(self.entered_by)

    def truths(self, node: RuleNode) -> _Truths:
        """Return what a rule can be."""
        match node:
            case Otherwise():
                return frozenset((TRUE,))
            case tree.Held(operand=operand) | tree.Ever(operand=operand):
                return self.truths(operand)
            case tree.Not(operand=operand):
                return frozenset(TRUE - truth for truth in self.truths(operand))
            case tree.And(parts=parts):
                return _joined(min, map(self.truths, parts))
            case tree.Or(parts=parts):
                return _joined(max, map(self.truths, parts))
        return self._tested(node)

    def _tested(self, node: RuleNode) -> _Truths:
        match node:
            case Known(operand=operand, known=known):
                number = self.number(operand)
                can_be = {TRUE if known else FALSE: number.known, FALSE if known else TRUE: number.unknown}
                return frozenset(truth for truth, possible in can_be.items() if possible)
            case Comparison(operator=operator, left=left, right=right):
                return _compared(operator, self.number(left), self.number(right))
            case tree.Among(operand=operand, values=values, negated=negated):
                return self._among(self.number(operand), values, negated=negated)
            case Measure(returns="truth"):
                return self._had(node)
        return _ANYTHING

    def implies(self, node: RuleNode, other: RuleNode) -> bool:
        """Whether a rule can only be true where another one is: by their form, so not everything is noticed."""
        if node == other or self.truths(other) == {TRUE}:
            return True
        if isinstance(other, tree.And):
            return all(self.implies(node, part) for part in other.parts)
        if isinstance(node, tree.Or):
            return all(self.implies(part, other) for part in node.parts if TRUE in self.truths(part))
        in_part = isinstance(node, tree.And) and any(self.implies(part, other) for part in node.parts)
        return in_part or (isinstance(other, tree.Or) and any(self.implies(node, part) for part in other.parts))

    def number(self, node: RuleNode) -> _Number:
        """Return what a number can be."""
        match node:
            case tree.NumberLiteral(value=value):
                return _Number(value, value, unknown=False)
            case tree.TextLiteral():
                return _Number(unknown=False)
            case tree.Negative(operand=operand):
                number = self.number(operand)
                return number._replace(low=-number.high, high=-number.low)
            case tree.Arithmetic(operator=operator, left=left, right=right):
                return _calculated(operator, self.number(left), self.number(right))
            case tree.Population(operand=operand, name=name):
                number = self.number(operand)
                low, high = (0.0, 1.0) if name == "percentile" else (number.low, number.high)
                return _Number(low, high, number.known)
            case Measure():
                return self._measured(node)
        return _Number()

    def _among(self, number: _Number, values: tuple[float | str, ...], *, negated: bool) -> _Truths:
        numbers = [self.number(tree.NumberLiteral(value)) for value in values if not isinstance(value, str)]
        literals = [*numbers, *(_Number(unknown=False) for value in values if isinstance(value, str))]
        truths = _joined(max, (_compared("=", number, literal) for literal in literals))
        return frozenset(TRUE - truth for truth in truths) if negated else truths

    def _measured(self, measure: Measure) -> _Number:
        if not self.facts.has_attribute(measure):
            return _NEVER_KNOWN
        zero = measure.name in ZERO_WITHOUT_FACTS
        if self._is_absent(measure):
            return _Number(0, 0, unknown=False) if zero else _NEVER_KNOWN
        certain = self._is_certain(measure)
        low = 1.0 if certain and measure.name == "count" else 0.0 if measure.name in _NEVER_NEGATIVE else -inf
        unknown = not zero and not (certain and measure.name in ("days_since", "days_since_first"))
        return _Number(low, unknown=unknown)

    def _had(self, measure: Measure) -> _Truths:
        if self._is_absent(measure):
            return frozenset((FALSE,))
        certain = measure.name == "has" and self._is_certain(measure)
        return frozenset((TRUE,)) if certain else frozenset((FALSE, TRUE))

    def _is_absent(self, measure: Measure) -> bool:
        """Whether there is no fact that it could read."""
        return bool(measure.facts) and not any(self._is_there(facts, measure.field) for facts in measure.facts)

    def _is_there(self, facts: Facts, column: str) -> bool:
        columns = [*_columns_needed(facts), *([column] if column else [])]
        complete = facts.kind in self.facts.kinds and all(self.facts.has_column(facts.kind, name) for name in columns)
        return complete and (facts.after is None or self._is_there(facts.after, ""))

    def _is_certain(self, measure: Measure) -> bool:
        """Whether everybody has such a fact: it is by one of these that customers come into the model."""
        if measure.window != tree.ALWAYS or not self.entered_by:
            return False
        plain = [facts.kind for facts in measure.facts if not facts.where and facts.after is None]
        return all(any(_is_one(kind, named, self.facts.known) for named in plain) for kind in self.entered_by)


def _joined(pick: Callable[[np.int8, np.int8], np.int8], truths: Iterable[_Truths]) -> _Truths:
    """Return what the smallest (`pick` is min) or the largest of several truths can be."""
    # Two at a time: all combinations of many truths would be too many.
    return reduce(lambda a, b: frozenset(pick(x, y) for x in a for y in b), truths)


def _compared(operator: str, a: _Number, b: _Number) -> _Truths:
    truths = {UNKNOWN} if a.unknown or b.unknown else set()
    if not (a.known and b.known):
        return frozenset((UNKNOWN,))
    less, more = a.low < b.high, a.high > b.low
    same, only_same = a.low <= b.high and b.low <= a.high, a.low == a.high == b.low == b.high
    can_hold = {"<": less, "<=": less or same, ">": more, ">=": more or same, "=": same, "!=": not only_same}
    truths |= {TRUE} if can_hold[operator] else set()
    truths |= {FALSE} if can_hold[OPPOSITE[operator]] else set()
    return frozenset(truths)


def _calculated(operator: str, a: _Number, b: _Number) -> _Number:
    known, unknown = a.known and b.known, a.unknown or b.unknown
    match operator:
        case "+":
            low, high = a.low + b.low, a.high + b.high
        case "-":
            low, high = a.low - b.high, a.high - b.low
        case "*":
            # What is nothing stays nothing, however large the other one is.
            ends = [x * y if x and y else 0.0 for x, y in product((a.low, a.high), (b.low, b.high))]
            low, high = min(ends), max(ends)
        case _:
            known, unknown = known and not b.low == b.high == 0, unknown or b.low <= 0 <= b.high
            nothing = a.low == a.high == 0
            low, high = (0.0, 0.0) if nothing else (-inf, inf)
    return _Number(low, high, known, unknown)
