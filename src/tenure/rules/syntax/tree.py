"""The typed tree of a rule: what :mod:`tenure.rules.syntax.parser` builds and everything else walks.

A node knows its type (a number, a text or a truth), whether it is *elapsed* time (grows by itself with every day that
passes) and its place in the rule's text. It knows nothing about facts.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, dataclass_transform

from tenure.facts.selection import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T")
NodeType = Literal["number", "text", "truth"]
WindowUnit = Literal["day", "week", "month", "quarter", "year", "fact"]
Period = Literal["week", "month", "quarter", "year"]
Place = tuple[int, int]
PERIODS: dict[Period, int] = {"week": 7, "month": 30, "quarter": 90, "year": 365}  # about how many days
A_YEAR = {"week": 52, "month": 12, "quarter": 4, "year": 1}


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The facts a measure looks at: those of some days, of some calendar periods, or some of the latest.

    On a day of the calendar period P, a window of `last` months reaches from P - before - last to P - before - 1, so
    that ``before = -1`` means the running period, as far as it has gone.
    """

    last: int | None = None  # length in units; None reaches back to the beginning
    before: int = 0  # how many units before the judged day, or before the running period, the window ends
    unit: WindowUnit = "day"
    years_back: int = 0  # how many years earlier, on the same date, the window of days is seen

    def __str__(self) -> str:
        if self.unit == "fact":
            return f"last {self.last} facts"
        if self.years_back:
            return f"same {self.last}d last year"
        if self.before < 0:
            return f"this {self.unit}"
        if (
            self.last is not None
            and self.before in (year := A_YEAR.get(self.unit, 0), year - (self.last == 1))
            and year > 1
        ):
            return f"same {self.unit if self.before < year else self._length(self.last)} last year"
        parts = [f"last {self._length(self.last)}"] if self.last is not None else []
        return ", ".join(parts + ([f"before {self._length(self.before)}"] if self.before else []))

    def _length(self, units: int) -> str:
        return f"{units}d" if self.unit == "day" else f"{units} {self.unit}{'s' if units > 1 else ''}"


ALWAYS = TimeWindow()


class _Remembered:
    """What is worked out once for a node, however often an evaluation looks it up; not copied, and not pickled."""

    __slots__ = ("_hash", "_measures")
    _hash: int
    _measures: tuple[Measure, ...]


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def _node(cls: type[T]) -> type[T]:
    """Make a class of nodes: frozen, compared by their fields, and hashed once."""
    made = dataclass(frozen=True, slots=True)(cls)
    hash_of_fields = made.__hash__

    def remembered_hash(self: Any) -> int:
        try:
            return self._hash
        except AttributeError:
            object.__setattr__(self, "_hash", value := hash_of_fields(self))
            return value

    made.__hash__ = remembered_hash  # type: ignore[method-assign]
    return made


@_node
class RuleNode(_Remembered):
    _type: ClassVar[NodeType] = "truth"
    place: Place = dataclasses.field(default=(0, 0), compare=False, repr=False, kw_only=True)

    @property
    def type(self) -> NodeType:
        return self._type

    @property
    def elapsed(self) -> bool:
        """Whether the value grows with every day that passes, facts or not."""
        return any(child.elapsed for child in self.children)

    @property
    def children(self) -> tuple[RuleNode, ...]:
        """The nodes directly below."""
        return ()

    def walk(self) -> Iterator[RuleNode]:
        """Yield this node and all below it, in the order of the text."""
        yield self
        for child in self.children:
            yield from child.walk()


@_node
class NumberLiteral(RuleNode):
    _type = "number"
    value: float
    date: str = ""  # the date as written, where the number is its day
    parameter: str = dataclasses.field(default="", compare=False, repr=False)  # the parameter that it is the value of

    def __str__(self) -> str:
        if self.date:
            return f'"{self.date}"'
        return f"{self.value:.15g}" if abs(self.value) < 1e6 else repr(self.value)


@_node
class TextLiteral(RuleNode):
    """A text written in the rule, for attributes."""

    _type = "text"
    value: str

    def __str__(self) -> str:
        return f'"{self.value}"'


@_node
class Measure(RuleNode):
    """Something read from a customer's facts, such as ``count(order, last 90d)``."""

    name: str  # one of :data:`tenure.rules.syntax.measures.MEASURES`
    facts: tuple[Facts, ...] = ()  # what it reads, any of them
    field: str = ""  # the column of a fact that it reads; empty when it only counts or waits
    window: TimeWindow = ALWAYS  # the facts it looks at
    arguments: tuple[str, ...] = ()  # the names given to ``attribute``, ``score``, ``stage`` and the like
    # ``any`` is an attribute: a number or a text, whichever it is compared with
    returns: Literal["number", "text", "truth", "any"] = "number"
    # which of the facts: the first is 1, the last -1; of ``largest``, which of the values. 0 means none in particular.
    position: int = 0
    # whether the field goes without saying, as in ``last(csat)``
    plain: bool = dataclasses.field(default=False, compare=False, repr=False)

    @property
    def type(self) -> NodeType:
        return "number" if self.returns == "any" else self.returns

    @property
    def kinds(self) -> tuple[str, ...]:
        """The fact kinds it reads."""
        return tuple(dict.fromkeys(part.kind for facts in self.facts for part in facts.all))

    @property
    def argument(self) -> str:
        """The name given to it, where it takes one."""
        return self.arguments[0] if self.arguments else ""

    @property
    def attribute(self) -> str:
        """The attribute of customers that it reads; empty when it reads none."""
        is_date = self.name == "days_until" and len(self.arguments) == 1
        return self.argument if self.name == "attribute" or is_date else ""

    @property
    def elapsed(self) -> bool:
        return self.name in ("days_since", "days_since_first", "days_until", "days_open", "days_in_stage")

    @property
    def of_fact(self) -> bool:
        """Whether it is a column of one fact, such as ``first(order).channel``."""
        return bool(self.position) and self.name != "largest"

    @property
    def of_state(self) -> bool:
        """Whether it asks where the customer was in this model, and not for facts."""
        return self.name in ("in_stage", "previous_stage", "days_in_stage")

    @property
    def is_text(self) -> bool:
        """Whether it may be a text."""
        return self.returns in ("text", "any")

    @property
    def is_date(self) -> bool:
        """Whether it is a date, counted as a day."""
        return self.of_fact and self.field in ("date", "ends_at", "period_start")

    def __str__(self) -> str:
        if self.name == "balance":  # its facts go without saying
            return "balance()"
        inner_field = f".{self.field}" if self.field and not self.plain and not self.of_fact else ""
        position = str(self.position) if self.name in ("nth", "largest") else ""
        # Of a named date, its days follow the name, and are not written.
        named = self.arguments[:1] if self.name == "days_until" else self.arguments
        bare = self.name in _BARE or (len(self.arguments) == 1 and self.name == "days_until")
        names = ", ".join(named if bare else [f'"{name}"' for name in named])
        what = " | ".join(map(str, self.facts)) + inner_field
        inside = [part for part in (what, position, names, str(self.window)) if part]
        return f"{self.name}({', '.join(inside)})" + (f".{self.field}" if self.of_fact else "")


_BARE = ("attribute", "score")  # their names are written without quotation marks


@_node
class _Unary(RuleNode):
    operand: RuleNode

    @property
    def children(self) -> tuple[RuleNode, ...]:
        return (self.operand,)


@_node
class _Binary(RuleNode):
    operator: str
    left: RuleNode
    right: RuleNode

    @property
    def children(self) -> tuple[RuleNode, ...]:
        return (self.left, self.right)


@_node
class _Joined(RuleNode):
    parts: tuple[RuleNode, ...]

    @property
    def children(self) -> tuple[RuleNode, ...]:
        return self.parts


class Negative(_Unary):
    _type = "number"

    def __str__(self) -> str:
        return f"-{_inside(self.operand)}"


class Arithmetic(_Binary):
    """Two numbers added (``+``), subtracted, multiplied or divided."""

    _type = "number"

    def __str__(self) -> str:
        weak = self.operator in "*/"
        is_sum = isinstance(self.left, Arithmetic) and self.left.operator in "+-"
        left = _inside(self.left) if weak and is_sum else str(self.left)
        strong_right = isinstance(self.right, Arithmetic) and (weak or self.operator == "-")
        right = _inside(self.right) if strong_right else str(self.right)
        return f"{left} {self.operator} {right}"


class Comparison(_Binary):
    """Two numbers, or two texts, compared by ``<``, ``<=``, ``=``, ``!=``, ``>=`` or ``>``."""

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@_node
class Known(_Unary):
    """Whether a number is known (or, with `known` False, unknown)."""

    known: bool

    def __str__(self) -> str:
        return f"{self.operand} is {'known' if self.known else 'unknown'}"


@_node
class Among(_Unary):
    """Whether a number or a text is one of some values."""

    values: tuple[float | str, ...]
    negated: bool = False

    def __str__(self) -> str:
        texts = [f'"{value}"' if isinstance(value, str) else str(NumberLiteral(value)) for value in self.values]
        return f"{self.operand} {'not in' if self.negated else 'in'} ({', '.join(texts)})"


@_node
class Held(_Unary):
    """Whether a condition has been true for some days without a break."""

    days: int

    def __str__(self) -> str:
        nested = isinstance(self.operand, And | Or | Held)
        return f"{f'({self.operand})' if nested else self.operand} for {self.days}d"


class Ever(_Unary):
    """Whether a condition is true or has been."""

    def __str__(self) -> str:
        return f"ever({self.operand})"


@_node
class Population(_Unary):
    """A customer's number among those of all customers, as they were published on a day.

    ``percentile`` is the place among them, ``average`` their mean, of those with an equal attribute when `by` names it.
    """

    _type = "number"
    name: Literal["percentile", "average"]
    by: str = ""

    def __str__(self) -> str:
        return f"{self.name}({self.operand}{f', by {self.by}' if self.by else ''})"


class Not(_Unary):
    def __str__(self) -> str:
        return f"not {_inside(self.operand)}"


class And(_Joined):
    def __str__(self) -> str:
        return " and ".join(_inside(part) if isinstance(part, Or) else str(part) for part in self.parts)


class Or(_Joined):
    def __str__(self) -> str:
        return " or ".join(str(part) for part in self.parts)


class Otherwise(RuleNode):
    """Holds whenever no earlier rule did."""

    def __str__(self) -> str:
        return "otherwise"


def _inside(node: RuleNode) -> str:
    return f"({node})" if node.children else str(node)


def measures_of(node: RuleNode) -> tuple[Measure, ...]:
    """Return the different measures of a rule, in the order of the text."""
    try:
        return node._measures
    except AttributeError:
        measures = tuple(dict.fromkeys(part for part in node.walk() if isinstance(part, Measure)))
        object.__setattr__(node, "_measures", measures)
        return measures


def models_read_by(node: RuleNode) -> tuple[str, ...]:
    """Return the other models whose stages a rule reads."""
    return tuple(dict.fromkeys(measure.argument for measure in measures_of(node) if measure.name == "stage"))


def named_dates_of(node: RuleNode) -> tuple[str, ...]:
    """Return the named dates of the shop that a rule names."""
    conditions = [
        condition.name
        for measure in measures_of(node)
        for facts in measure.facts
        for part in facts.all
        for condition in part.where
    ]
    awaited = [measure.argument for measure in measures_of(node) if len(measure.arguments) > 1 and measure.elapsed]
    return tuple(dict.fromkeys(name for name in (*conditions, *awaited) if name))


def attributes_of(node: RuleNode) -> tuple[str, ...]:
    """Return the attributes of customers that a rule reads."""
    return tuple(dict.fromkeys(measure.attribute for measure in measures_of(node) if measure.attribute))


def kinds_of(node: RuleNode) -> tuple[str, ...]:
    """Return the fact kinds that a rule reads, in the order of the text."""
    return tuple(dict.fromkeys(kind for measure in measures_of(node) for kind in measure.kinds))
