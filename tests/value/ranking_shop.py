"""A small shop with everything that goes wrong in real ones, and a clerk who counts it in plain Python.

The clerk knows nothing of the product: lists, dictionaries and decimals only.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

TZ = "America/New_York"
AS_OF = date(2024, 6, 20)
Row = dict[str, Any]


def local(at: datetime, tz: str = TZ) -> date:
    """Return the local day of an instant."""
    return at.astimezone(ZoneInfo(tz)).date()


def shop(seed: int, customers: int = 60) -> tuple[list[Row], list[Row]]:
    """Return orders (refunds, equal amounts, unknown costs, rows after the last day among them) and costs."""
    draw = random.Random(seed)
    orders: list[Row] = []
    costs: list[Row] = []
    for who in range(customers):
        name = f"c{who:03d}"
        begin = datetime(2023, 5, 1, tzinfo=UTC) + timedelta(days=draw.randrange(400), minutes=draw.randrange(1440))
        for number in range(draw.choice([0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 9, 30])):
            at = begin + timedelta(days=draw.choice([0, 0, 1, 7, 20, 45, 90]) * number, minutes=draw.randrange(1440))
            amount = Decimal(draw.choice(["10", "10", "19.99", "0.05", "250.5", "73.1234"]))
            cost = draw.choice([None, amount * Decimal("0.6"), amount + 1])
            orders.append(_order(name, at, amount, cost, "sale"))
            if draw.random() < 0.15:
                orders.append(_order(name, at + timedelta(days=draw.choice([0, 3, 40])), -amount / 2, None, "refund"))
        if draw.random() < 0.1:  # a refund of somebody who is not known to have bought
            orders.append(_order(f"{name}-gone", begin, Decimal("-5"), None, "refund"))
        for _ in range(draw.choice([0, 0, 1, 3])):
            at = begin + timedelta(days=draw.randrange(-20, 60))
            amount = Decimal(draw.choice(["3", "12.5", "40"]))
            costs.append({"customer_id": name, "at": at, "amount": amount, "kind": draw.choice(["ads", "gift"])})
    draw.shuffle(orders)
    return orders, costs


def _order(who: str, at: datetime, amount: Decimal, cost: Decimal | None, status: str) -> Row:
    amount = amount.quantize(Decimal("0.0001"))
    return {"customer_id": who, "at": at, "amount": amount, "status": status,
            "cost": None if cost is None else cost.quantize(Decimal("0.0001"))}  # fmt: skip


class Clerk:
    """Counts a shop by hand, up to a day."""

    def __init__(self, orders: list[Row], costs: list[Row], as_of: date = AS_OF, tz: str = TZ) -> None:
        self.as_of = as_of
        self.orders = [{**row, "on": local(row["at"], tz)} for row in orders if local(row["at"], tz) <= as_of]
        self.costs = [{**row, "on": local(row["at"], tz)} for row in costs if local(row["at"], tz) <= as_of]
        self.sales = [row for row in self.orders if row["status"] == "sale"]
        self.days: dict[str, list[date]] = defaultdict(list)
        for row in sorted(self.sales, key=lambda row: row["at"]):
            self.days[row["customer_id"]].append(row["on"])
        self.first = {who: days[0] for who, days in self.days.items()}
        self.everybody = sorted({row["customer_id"] for row in self.orders + self.costs})
        self.buyers = sorted(self.days)

    def net(self, who: str) -> Decimal:
        """Return what somebody bought less what was refunded."""
        return sum((row["amount"] for row in self.orders if row["customer_id"] == who), Decimal(0))

    @staticmethod
    def margin_of(row: Row) -> Decimal:
        """Return what an order row leaves."""
        return row["amount"] - (row["cost"] or 0) if row["status"] == "sale" else row["amount"]

    def profit(self, who: str) -> Decimal:
        """Return margin less what was invested."""
        earned = sum((self.margin_of(row) for row in self.orders if row["customer_id"] == who), Decimal(0))
        return earned - sum((row["amount"] for row in self.costs if row["customer_id"] == who), Decimal(0))

    def break_even(self, who: str) -> date | None:
        """Return the first day at whose end the customer has covered what was invested."""
        if not any(row["customer_id"] == who for row in self.costs):
            return None
        moves = [(row["on"], self.margin_of(row)) for row in self.orders if row["customer_id"] == who]
        moves += [(row["on"], -row["amount"]) for row in self.costs if row["customer_id"] == who]
        for day in sorted({day for day, _ in moves}):
            if sum((amount for on, amount in moves if on <= day), Decimal(0)) >= 0:
                return day
        return None
