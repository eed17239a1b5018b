"""The clerk's card index: per customer, the facts by kind, each on its local day."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

#: The field that ``last(kind)`` reads when none is named, per fact table.
FIRST_FIELD = {
    "orders": "amount",
    "order_lines": "amount",
    "interactions": "seconds",
    "feedback": "score",
    "costs": "amount",
    "volumes": "amount",
    "balances": "receivable",
}


@dataclass(frozen=True)
class Fact:
    """One fact: its local day (a proleptic ordinal), its order in time, and its row."""

    day: int
    instant: datetime
    number: int
    table: str
    row: dict[str, Any]

    def value(self, name: str | None) -> Fraction | None:
        found = self.row.get(name or FIRST_FIELD[self.table])
        return None if found is None else Fraction(found if isinstance(found, (Decimal, int)) else str(found))


class Pile:
    """The facts of some kinds in the order of time, with their days beside them."""

    def __init__(self, facts: list[Fact]) -> None:
        self.facts = sorted(facts, key=lambda fact: (fact.instant, fact.number))
        self.days = [fact.day for fact in self.facts]

    def between(self, first: int | None, last: int) -> tuple[int, int]:
        """Return where the facts of the days first … last begin and end."""
        start = 0 if first is None else bisect_left(self.days, first)
        return start, max(start, bisect_right(self.days, last))


@dataclass
class Person:
    """One customer: facts by kind, record, and what persons decided about them."""

    customer_id: str
    by_kind: dict[str, list[Fact]] = field(default_factory=dict)
    overrides: list[Fact] = field(default_factory=list)
    record: dict[str, Any] | None = None
    _piles: dict[tuple[str, ...], Pile] = field(default_factory=dict)

    def pile(self, kinds: tuple[str, ...]) -> Pile:
        """Return the facts of any of the kinds, each fact once."""
        if kinds not in self._piles:
            each = {fact.number: fact for kind in kinds for fact in self.by_kind.get(kind, ())}
            self._piles[kinds] = Pile(list(each.values()))
        return self._piles[kinds]

    def attribute(self, name: str) -> Fraction | str | None:
        attributes = json.loads((self.record or {}).get("attributes") or "{}")
        found = attributes.get(name)
        return Fraction(str(found)) if isinstance(found, (int, float)) else found


def _kinds_of(table: str, row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (customer, kind) for every word that a row answers to."""
    who = row["customer_id"]
    match table:
        case "orders":
            sale = row["status"] == "sale"
            yield who, "order" if sale else "refund"
            if row["referrer_id"] is not None and sale:
                yield who, "referred_order"
                yield row["referrer_id"], "referred_buyer"
        case "interactions":
            yield who, "interaction"
            yield who, row["kind"]
        case "feedback":
            yield who, row["measure"]
        case "cases":
            yield who, "case"
            if row["kind"] == "complaint":
                yield who, "complaint"
        case "contracts":
            yield who, "contract"
            yield who, {"started": "start", "renewed": "renewal", "cancelled": "cancel"}[row["event"]]
        case _:
            yield who, {"order_lines": "line", "costs": "cost", "volumes": "volume", "balances": "balance"}[table]


def people(facts: Mapping[str, pa.Table], as_of: date, tz: str, customers: pa.Table | None = None) -> dict[str, Person]:
    """Return everybody, with the facts up to and including the local day `as_of`."""
    found: dict[str, Person] = {}
    place, today, number = ZoneInfo(tz), as_of.toordinal(), 0

    def person(customer_id: str) -> Person:
        return found.setdefault(customer_id, Person(customer_id))

    for table, rows in facts.items():
        for row in rows.to_pylist():
            number += 1
            day = row["at"].astimezone(place).date().toordinal()
            if day > today:
                continue
            fact = Fact(day, row["at"], number, table, row)
            if table == "overrides":
                person(row["customer_id"]).overrides.append(fact)
                continue
            for who, kind in _kinds_of(table, row):
                person(who).by_kind.setdefault(kind, []).append(fact)
    for row in customers.to_pylist() if customers is not None else ():
        person(row["customer_id"]).record = row
    return found
