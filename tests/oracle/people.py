"""The clerk's card index: per customer, the facts by kind, each on its local day."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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


Value = Fraction | int | str | None


@dataclass(frozen=True)
class Fact:
    """One fact: its instant on the business's clock, its place in the files, and its row."""

    local: datetime
    number: int
    table: str
    row: dict[str, Any]

    @property
    def instant(self) -> datetime:
        return self.row["at"]

    @cached_property
    def day(self) -> int:
        """Its local day, a proleptic ordinal."""
        return self.local.date().toordinal()

    def value(self, name: str | None) -> Fraction | None:
        found = self.row.get(name or FIRST_FIELD[self.table])
        return None if found is None else Fraction(found if isinstance(found, (Decimal, int)) else str(found))

    def column(self, name: str) -> Value:
        """Return what stands in a column: a number, a text, a day, or None where it is empty."""
        if name == "weekday":
            return self.local.isoweekday()
        if name in ("hour", "day", "month", "year"):
            return getattr(self.local, name)
        if name == "date":
            return self.day
        found = self.row.get(name)
        if isinstance(found, datetime):
            return found.astimezone(self.local.tzinfo).date().toordinal()
        if isinstance(found, date):
            return found.toordinal()
        return Fraction(found) if isinstance(found, Decimal) else found


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
    records: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # with the days they became known
    created: int | None = None  # the day of the record, which no record has to be known for
    brought: int | None = None  # the day on which the first record was brought

    def facts(self, kinds: Iterable[str]) -> list[Fact]:
        """Return the facts of any of the kinds, each fact once."""
        return list({fact.number: fact for kind in kinds for fact in self.by_kind.get(kind, ())}.values())

    def is_known(self, day: int) -> bool:
        """Return whether anything is known of the customer on a day, but for the orders of those whom they referred."""
        facts = [*self.overrides, *(fact for facts in self.by_kind.values() for fact in facts)]
        own = [fact for fact in facts if fact.row["customer_id"] == self.customer_id]
        return any(fact.day <= day for fact in own) or any(since <= day for since, _ in self.records)

    def attribute(self, name: str, day: int) -> Fraction | str | None:
        """Return the newest value that was known on a day."""
        known: dict[str, Any] = {}
        for since, record in self.records:
            if since <= day:
                known |= json.loads(record.get("attributes") or "{}")
        found = known.get(name)  # null where a later record took it away
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
            fact = Fact(row["at"].astimezone(place), number, table, row)
            if fact.day > today:
                continue
            if table == "overrides":
                person(row["customer_id"]).overrides.append(fact)
                continue
            for who, kind in _kinds_of(table, row):
                person(who).by_kind.setdefault(kind, []).append(fact)
    for row in customers.to_pylist() if customers is not None else ():
        _record(person(row["customer_id"]), row, place, today)
    for each in found.values():  # of one day, the one that was brought later
        each.records.sort(
            key=lambda known: (known[0], known[1]["seen_at"].timestamp() if known[1]["seen_at"] else -inf)
        )
    return found


def _record(person: Person, row: dict[str, Any], place: ZoneInfo, today: int) -> None:
    """File a record under the day from which it holds, or else that on which it was brought."""
    seen, valid = row["seen_at"], row.get("valid_from")
    brought = date.min if seen is None else seen.astimezone(place).date()
    since = (valid or brought).toordinal()
    if seen is not None:
        person.brought = min(brought.toordinal(), person.brought or brought.toordinal())
    if row["created_on"] is not None:
        person.created = row["created_on"].toordinal()
    if since <= today:
        person.records.append((since, row))
