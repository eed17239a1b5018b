"""Random customers whose columns are full, empty or odd, one shop a seed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from oracle.strategies import customer_table, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

#: A leap day, both changes of the clock in two years, two new years and all named dates lie within.
START = date(2023, 12, 20)
LENGTH = 480
PEOPLE = ("ann", "bob", "eve")
ZONES = ("UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata")

Row = tuple[str, dict[str, Any]]

_AMOUNTS = ("0", "0.1", "0.2", "9.99", "10", "10", "20", "20", "33.3", "100.0001", "250")
_EVENTS = (
    *("order",) * 7, *("view",) * 4, "search", "search", "enquiry", "login", "csat", "csat", "nps", "refund",
    "complaint", "question", "case", "case", "cost", "volume", "balance", *("contract",) * 3,
)  # fmt: skip
#: Hours near midnight of all zones, those that a change of the clock skips or repeats, and some others.
_HOURS = (0, 1, 2, 3, 4, 5, 6, 8, 11, 12, 15, 16, 18, 19, 21, 22, 23)
_BIRTHDAYS = ("1992-02-29", "02-29", "1990-03-05", "11-11", "12-31", "1990-02-30", "soon")


class Shop(NamedTuple):
    """Random facts, and who they are about."""

    rows: list[Row]
    tables: dict[str, pa.Table]
    customers: pa.Table | None
    tz: str
    as_of: date


class _Life:
    """One customer's life, event after event."""

    def __init__(self, random: Random, who: str, others: Sequence[str], ties: bool) -> None:
        self.random, self.who, self.ties = random, who, ties
        self.number, self.others = others.index(who), [each for each in others if each != who]
        self.cases: list[dict[str, Any]] = []
        self.day, self.numbers = random.randint(0, 120), 0
        self.minute = 0
        self.at = datetime(START.year, START.month, START.day, tzinfo=UTC)
        self.rows: list[Row] = []

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def maybe(self, *values: Any) -> Any:
        """Return one of some values, or nothing."""
        return None if self.random.random() < 0.25 else self.random.choice(values)

    def money(self) -> Decimal:
        return Decimal(self.pick(*_AMOUNTS))

    def live(self, events: int) -> list[Row]:
        for _ in range(events):
            if not (self.ties and self.rows and self.random.random() < 0.12):
                self.next_instant()
            for table, row in self.event(self.pick(*_EVENTS)):
                self.rows.append((table, {"customer_id": self.who, "at": self.at, **row}))
                if not self.ties:  # an instant that no other fact of the shop shares
                    self.at += timedelta(microseconds=10)
        return self.rows

    def next_instant(self) -> None:
        step = self.pick(0, 0, 0, 1, 1, 2, 7, 7, 14, 30, self.random.randint(0, 60), self.pick(30, 45, 46, 90))
        self.day = min(self.day + step, LENGTH)
        start = datetime(START.year, START.month, START.day, self.pick(*_HOURS), self.pick(0, 30, 59), tzinfo=UTC)
        number = len(self.rows) * 100 + self.number
        self.at = start + timedelta(days=self.day, microseconds=number)

    def event(self, what: str) -> list[Row]:  # noqa: PLR0911 - a case a kind of event
        self.numbers += 1
        name = f"{self.who}{self.numbers}"
        match what:
            case "order":
                return self.order(name)
            case "refund":
                row = {"order_id": f"r{name}", "amount": -self.money(), "status": "refund"}
                return [("orders", row | self.where())]
            case "view" | "search" | "enquiry" | "login":
                row = {"kind": what, "channel": self.maybe("web", "app"), "content_id": self.maybe("c1", "c2", "c3")}
                row |= {"category": self.maybe("tea", "salt"), "campaign_id": self.maybe("spring", "autumn")}
                return [("interactions", row | {"seconds": self.maybe(*map(Decimal, ("0", "5", "12.5", "300")))})]
            case "csat" | "nps":
                score = Decimal(self.pick("1", "2", "3", "4", "4.5", "5", "0", "9", "10"))
                row = {"measure": what, "score": score, "survey": self.pick("q1", "q2")}
                return [("feedback", row | {"comment": self.maybe("fine", "slow")})]
            case "complaint" | "question" | "case":
                return self.case(what)
            case "cost":
                return [("costs", {"kind": self.maybe("gift", "call"), "amount": self.money()})]
            case "volume":
                began = self.maybe(self.at.date() - timedelta(days=30), date(2024, 1, 1))
                return [("volumes", {"period_start": began, "amount": self.money()})]
            case "balance":
                return [("balances", {"receivable": self.money(), "payable": self.money()})]
        return self.contract()

    def where(self) -> dict[str, Any]:
        return {
            "currency": self.maybe("CNY", "CNY", "EUR"),
            "channel": self.maybe("web", "web", "app", "shop"),
            "store": self.maybe("north", "south"),
            "referrer_id": self.pick(None, None, None, None, *self.others[:2]),
        }

    def order(self, name: str) -> list[Row]:
        name = f"o{self.numbers % 3}" if self.ties and self.random.random() < 0.2 else name
        cost = self.maybe("0.2", "10", "33.3")
        row = {"order_id": name, "amount": self.money(), "cost": cost and Decimal(cost), "status": "sale"}
        rows: list[Row] = [("orders", row | self.where())]
        for number in range(self.pick(0, 1, 1, 2)):
            line = {"order_id": name, "product_id": f"p{number}", "category": self.maybe("tea", "rice", "oil")}
            amount = self.maybe(*map(Decimal, _AMOUNTS))
            rows.append(("order_lines", line | {"quantity": Decimal(self.pick(1, 2, 3)), "amount": amount}))
        return rows

    def case(self, what: str) -> list[Row]:
        """Open a case, or let something happen to one: it is closed, opened again, or becomes more severe."""
        severity = self.maybe("high", "low", "low")
        if what == "case" and self.cases:
            row = self.pick(*self.cases)
            event = "closed" if row["event"] == "opened" and self.random.random() < 0.8 else "opened"
            row = row | {"event": event, "severity": severity}
            self.cases = [each for each in self.cases if each["case_id"] != row["case_id"]]
        else:
            kind = what if what != "case" else "complaint"
            row = {"case_id": f"a{len(self.cases) + 1}", "kind": kind, "event": "opened", "severity": severity}
            if any(each["case_id"] == row["case_id"] for each in self.cases):
                return []
        self.cases.append(row)
        return [("cases", row)]

    def contract(self) -> list[Row]:
        event = self.pick("started", "started", "renewed", "cancelled")
        days = self.maybe(0, 30, 90, 180, 365, -5, self.random.randint(1, 300))
        ends = None if days is None else self.at.replace(microsecond=0) + timedelta(days=days, hours=self.pick(0, 7))
        return [("contracts", {"contract_id": self.pick("k1", "k1", "k2"), "event": event, "ends_at": ends})]


def _records(random: Random, people: Sequence[str], everybody: bool) -> list[dict[str, Any]]:
    """Return customers' records: one or several that change what is known of them; for some people none at all."""
    records = []
    for who in people:
        created = START + timedelta(days=random.randint(0, LENGTH)) if random.random() < 0.8 else None
        days = sorted(random.sample(range(LENGTH), random.choice((0, 1, 1, 2, 3))))
        for number, day in enumerate([0] * everybody + days):
            known = {
                "age": random.choice((0, 18, 45, 45.5)),
                "tier": random.choice(("gold", "silver", None)),
                "city": random.choice(("上海", "杭州", "北京")),
                "birthday": random.choice(_BIRTHDAYS),
            }
            attributes = {name: known[name] for name in random.sample(list(known), random.randint(0, 4))}
            at = datetime(START.year, START.month, START.day, random.choice(_HOURS), tzinfo=UTC)
            valid = START + timedelta(days=max(0, day - random.choice((0, 10, 40))))
            records.append({
                "customer_id": who, "created_on": created, "kind": "person",
                "attributes": json.dumps(attributes, ensure_ascii=False) if attributes else None,
                "seen_at": at + timedelta(days=day, seconds=number),
                "valid_from": valid if number and random.random() < 0.3 else None,
            })  # fmt: skip
    return records


def _overrides(random: Random, who: str, stages: Sequence[str]) -> list[Row]:
    rows = []
    for number in range(random.choice((0, 0, 0, 1, 2))):
        day, until = random.randint(0, LENGTH), random.choice((None, -5, 0, 10, 60))
        row = {
            "customer_id": who,
            "at": datetime(START.year, START.month, START.day, random.choice(_HOURS), tzinfo=UTC)
            + timedelta(days=day, microseconds=5_000 + number),
            "model": random.choice(("random", "random", "other")),
            "stage": random.choice((*stages, "active", "", None)),
            "reason": "met them at the fair",
            "until": None if until is None else START + timedelta(days=day + until),
        }
        if row["model"] == "random" and row["stage"] == "active":
            row["model"] = "other"
        elif row["model"] == "other" and row["stage"] in stages:
            row["stage"] = "quiet"
        rows.append(("overrides", row))
    return rows


def random_shop(
    seed: int, stages: Sequence[str], people: Sequence[str] = (), ties: bool = True, records: bool = False
) -> Shop:
    """Return the shop of a seed; with `ties`, facts may share their instant; with `records`, everybody has one."""
    random = Random(seed + 1_000_000)
    who_buys = people or PEOPLE[: random.choice((1, 2, 2, 3))]
    rows: list[Row] = []
    for who in who_buys:
        rows += _Life(random, who, people or PEOPLE, ties).live(random.choice((3, 10, 25, 40, 60)))
        rows += _overrides(random, who, stages)
    known = _records(random, who_buys, records) if records or random.random() < 0.7 else []
    as_of = START + timedelta(days=random.choice((LENGTH, LENGTH, LENGTH + 30, random.randint(200, LENGTH))))
    return Shop(rows, tables(rows), customer_table(known) if known else None, random.choice(ZONES), as_of)
