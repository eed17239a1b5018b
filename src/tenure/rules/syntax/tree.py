"""The typed tree of a rule: what :mod:`tenure.rules.syntax.parser` builds and everything else walks.

A node knows its type (a number, a text or a truth), whether it is *elapsed* time (grows by itself with every day that
passes) and its place in the rule's text. It knows nothing about facts.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

NodeType = Literal["number", "text", "truth"]
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The days a measure looks at: `last` days that end `before` days ago."""

    last: int | None = None  # length in days; None reaches back to the beginning
    before: int = 0  # how many days before the judged day the window ends

    def __str__(self) -> str:
        parts = [f"last {self.last}d"] if self.last is not None else []
        return ", ".join(parts + ([f"before {self.before}d"] if self.before else []))


ALWAYS = TimeWindow()


@dataclass(frozen=True, slots=True)
class RuleNode:
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


@dataclass(frozen=True, slots=True)
class NumberLiteral(RuleNode):
    _type = "number"
    value: float

    def __str__(self) -> str:
        return f"{self.value:g}" if abs(self.value) < 1e6 else repr(self.value)


@dataclass(frozen=True, slots=True)
class TextLiteral(RuleNode):
    """A text written in the rule, for attributes."""

    _type = "text"
    value: str

    def __str__(self) -> str:
        return f'"{self.value}"'


@dataclass(frozen=True, slots=True)
class Measure(RuleNode):
    """Something read from a customer's facts, such as ``count(order, last 90d)``."""

    name: str  # one of :data:`tenure.rules.syntax.measures.MEASURES`
    kinds: tuple[str, ...] = ()  # the fact kinds it reads, any of them
    field: str = ""  # the number of a fact that it reads; empty when it only counts or waits
    window: TimeWindow = ALWAYS  # the days it looks at
    argument: str = ""  # the name given to ``attribute`` and ``score``
    # ``any`` is an attribute: a number or a text, whichever it is compared with
    returns: Literal["number", "truth", "any"] = "number"
    # whether the field goes without saying, as in ``last(csat)``
    plain: bool = dataclasses.field(default=False, compare=False, repr=False)

    @property
    def type(self) -> NodeType:
        return "truth" if self.returns == "truth" else "number"

    @property
    def elapsed(self) -> bool:
        return self.name in ("days_since", "days_since_first")

    def __str__(self) -> str:
        if self.kinds == (self.name,):
            return f"{self.name}()"
        what = " | ".join(self.kinds) + (f".{self.field}" if self.field and not self.plain else "")
        inside = [part for part in (what, self.argument, str(self.window)) if part]
        return f"{self.name}({', '.join(inside)})"


@dataclass(frozen=True, slots=True)
class _Unary(RuleNode):
    operand: RuleNode

    @property
    def children(self) -> tuple[RuleNode, ...]:
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class _Binary(RuleNode):
    operator: str
    left: RuleNode
    right: RuleNode

    @property
    def children(self) -> tuple[RuleNode, ...]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Known(_Unary):
    """Whether a number is known (or, with `known` False, unknown)."""

    known: bool

    def __str__(self) -> str:
        return f"{self.operand} is {'known' if self.known else 'unknown'}"


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
    return tuple(dict.fromkeys(part for part in node.walk() if isinstance(part, Measure)))


def kinds_of(node: RuleNode) -> tuple[str, ...]:
    """Return the fact kinds that a rule reads, in the order of the text."""
    return tuple(dict.fromkeys(kind for measure in measures_of(node) for kind in measure.kinds))
