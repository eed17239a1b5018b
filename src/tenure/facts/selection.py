"""Which facts are meant: those of a kind, that meet conditions, that follow another fact.

Rules write them as ``order[channel = "web"]`` and ``view then order within 30d``. It says what is meant and never reads
a row; :mod:`tenure.facts.blocks` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Literal

from tenure.facts.kinds import Kind
from tenure.facts.schema import DAY, FACT_TABLES, INSTANT, NUMBER

ColumnType = Literal["text", "number", "date"]
#: Columns of every fact, made from its instant in the business's time zone. Weekday 1 is Monday.
CALENDAR_COLUMNS: dict[str, ColumnType] = {
    "date": "date",
    **dict.fromkeys(("weekday", "hour", "day", "month", "year"), "number"),
}
#: What a comparison tests of two values, or of columns of them.
COMPARE: dict[str, Callable[[Any, Any], Any]] = {"<": lt, "<=": le, "=": eq, "!=": ne, ">=": ge, ">": gt}
_HIDDEN = ("status", "props", "measure", "event")  # what kinds are made of, and what is no plain value


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on one column of a fact. A missing value meets none, except ``unknown``."""

    column: str
    operator: str  # a comparison, ``in``, ``not in``, ``known``, ``unknown``, or ``on`` and ``not on`` for named dates
    values: tuple[float | str, ...] = ()
    name: str = ""  # of the named dates, whose days are the values

    def __str__(self) -> str:
        if self.operator in ("on", "not on"):
            return f'{self.operator} "{self.name}"'
        if self.operator in ("known", "unknown"):
            return f"{self.column} is {self.operator}"
        texts = [f'"{value}"' if isinstance(value, str) else f"{value:.15g}" for value in self.values]
        listed = f"({', '.join(texts)})" if self.operator.endswith("in") else texts[0]
        return f"{self.column} {self.operator} {listed}"


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one kind, as far as they meet all conditions."""

    kind: str
    where: tuple[Condition, ...] = ()
    after: Facts | None = None  # only those that follow such a fact, whose day is at most `within` days earlier
    within: int = 0

    def __str__(self) -> str:
        text = self.kind + (f"[{', '.join(map(str, self.where))}]" if self.where else "")
        return f"{self.after} then {text} within {self.within}d" if self.after is not None else text

    @property
    def all(self) -> Iterator[Facts]:
        """These facts, and those that they follow."""
        yield self
        if self.after is not None:
            yield from self.after.all

    @property
    def columns(self) -> tuple[str, ...]:
        """The stored columns that the conditions read."""
        return tuple(dict.fromkeys(part.column for part in self.where if part.column not in CALENDAR_COLUMNS))


def facts_of(names: Iterable[str | Facts]) -> tuple[Facts, ...]:
    """Return facts; a name stands for all facts of its kind."""
    return tuple(Facts(name) if isinstance(name, str) else name for name in names)


def columns_of_kind(kind: Kind) -> dict[str, ColumnType]:
    """Return the columns of a kind's facts that conditions may use, with their types."""
    table = FACT_TABLES[kind.table]
    types: dict[object, ColumnType] = {NUMBER: "number", DAY: "date", INSTANT: "date"}
    own = {
        name: types.get(table.schema.field(name).type, "text")
        for name in table.own
        if name not in _HIDDEN and not (name == "kind" and kind.column == "kind")
    }
    return own | CALENDAR_COLUMNS
