"""The shops that `snapshot.py` looks at: each is a folder of files that are imported like a user's own.

The contract shop is drawn by chance with a fixed seed: companies with orders, lines, contracts, balances, volumes,
complaints, messages, answers to surveys and decisions by hand, so that every column of every fact table is used.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Facts = dict[str, list[dict[str, Any]]]
FIRST, LAST = date(2023, 7, 1), date(2025, 6, 30)
DAYS = (LAST - FIRST).days
PRODUCTS = tuple(
    (f"{category[:2].upper()}-{number}", category, price * number)
    for category, price in (("valves", 40.0), ("pumps", 210.0), ("filters", 15.0), ("service", 90.0))
    for number in (1, 2, 3)
)
TOUCHES = ("view", "search", "enquiry", "quote", "visit", "call", "login", "use", "cart", "share", "lesson", "referral")
REGIONS, INDUSTRIES = ("north", "south", "east", "west"), ("food", "chemistry", "water")


@dataclass(frozen=True, slots=True)
class ImportFile:
    """One file and what its rows are."""

    path: Path
    kind: str
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop: how its lake is set up, the day it is looked at, and its files."""

    name: str
    tz: str
    currency: str
    as_of: date
    files: Callable[[Path], list[ImportFile]]
    options: Mapping[str, float] = field(default_factory=dict)  # assumptions that differ from the usual ones


def _packaged(sample: str) -> Callable[[Path], list[ImportFile]]:
    """Return the files of a public sample alone: what `tenure demo` shows beside it is no part of the baseline."""

    def files(folder: Path) -> list[ImportFile]:
        from tenure.practices import samples

        return [ImportFile(file.path, file.as_, file.mapping) for file in getattr(samples, sample)(folder)]

    return files


def cdnow_files(folder: Path) -> list[ImportFile]:
    """Return CDNOW's purchases: the file that TENURE_SNAPSHOT_CDNOW names, else the one the library brings."""
    given = os.environ.get("TENURE_SNAPSHOT_CDNOW")
    if not given:
        return _packaged("cdnow")(folder)
    return [ImportFile(Path(given), "orders", {"customer_id": "customer_id", "at": "date", "amount": "dollar_value"})]


def contract_files(folder: Path) -> list[ImportFile]:
    """Write the contract shop's facts as CSV, one file a table."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, rows in contract_shop().items():
        path = folder / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)))
            writer.writeheader()
            writer.writerows(rows)
        # Attributes are the columns that nobody maps; of all other tables every column is named.
        mapping = {key: key for key in rows[0] if name != "customers" and key != "source"}
        files.append(ImportFile(path, name, mapping))
    return files


SHOPS: dict[str, Shop] = {
    "demo": Shop("demo", "America/New_York", "USD", date(2017, 12, 31), _packaged("complete_journey")),
    "cdnow": Shop("cdnow", "America/New_York", "USD", date(1998, 6, 30), cdnow_files),
    "b2b": Shop("b2b", "Asia/Shanghai", "CNY", LAST, contract_files, {"buyers": 150, "days": 180}),
}


def contract_shop(companies: int = 360, seed: int = 20_250_630) -> Facts:
    """Return the facts of the contract shop, always the same for a seed."""
    rng = np.random.default_rng(seed)
    names = ("orders", "order_lines", "interactions", "feedback", "cases", "costs", "volumes", "balances", "contracts")
    facts: Facts = {name: [] for name in (*names, "overrides", "customers")}
    for number in range(companies):
        _Company(f"B{number:04}", facts, rng).live()
    # A few rows that must be rejected, so that quarantine and its export have something to show.
    facts["orders"].append({**facts["orders"][0], "fact_id": "bad-day", "order_id": "X1", "at": "2025-13-45"})
    facts["orders"].append({**facts["orders"][1], "fact_id": "bad-amount", "order_id": "X2", "amount": "much"})
    facts["feedback"].append({**facts["feedback"][0], "fact_id": "no-score", "score": ""})
    return facts


class _Company:
    """One company's two years."""

    def __init__(self, name: str, facts: Facts, rng: np.random.Generator) -> None:
        self.name, self.facts, self.rng = name, facts, rng
        self.begins = int(rng.integers(0, DAYS - 90)) if rng.random() < 0.4 else int(rng.integers(0, 60))
        self.leaves = self.begins + 90 + int(rng.exponential(330)) if rng.random() < 0.85 else DAYS + 1
        self.until = min(self.leaves, DAYS)
        self.rate = float(rng.gamma(2.0, 1 / 70))
        self.spend = float(rng.gamma(4.0, 1.6))

    def live(self) -> None:
        """Write down everything that happens; prospects (one in twelve) never order."""
        self._record()
        buys = self.rng.random() > 1 / 12
        for step in (self._orders, self._contract, self._accounts) if buys else ():
            step()
        self._touches()
        self._answers()
        self._complaints()
        self._decision()

    def _add(self, table: str, day: int, **fields: Any) -> datetime:
        at = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC) + timedelta(
            days=int(day), minutes=int(self.rng.integers(0, 960))
        )
        rows = self.facts[table]
        row = {"fact_id": f"{table}-{len(rows)}", "customer_id": self.name, "at": at.isoformat()}
        rows.append({**row, "source": "erp", **fields})
        return at

    def _record(self) -> None:
        number = int(self.name[1:])
        # Every fortieth company has two records with the same phone number: a pair of probable duplicates.
        phone = 13_800_000_000 + (number - 1 if number % 40 == 1 else number)
        self.facts["customers"].append({
            "customer_id": self.name, "name": f"Company {number - number % 40 % 2} Ltd", "phone": str(phone),
            "email": f"office{number}@example.com" if number % 7 else "",
            "kind": "person" if number % 9 == 4 else "company",
            "created_on": (FIRST + timedelta(days=self.begins)).isoformat(),
            "region": str(self.rng.choice(REGIONS)), "industry": str(self.rng.choice(INDUSTRIES)),
            "role": ("internal", "external")[number % 2], "owner": f"rep{number % 5}", "employees": 10 + number % 90,
        })  # fmt: skip

    def _orders(self) -> None:
        day = float(self.begins + self.rng.integers(5, 40))
        referrer = f"B{int(self.rng.integers(0, 360)):04}" if self.rng.random() < 0.2 else ""
        while day < self.until:
            # Some companies order less and less before they leave, as decline should find.
            fading = 0.4 if self.leaves <= DAYS and day > self.leaves - 120 else 1.0
            self._order(int(day), referrer, fading)
            day += float(self.rng.exponential(1 / (self.rate * fading))) + 1

    def _order(self, day: int, referrer: str, fading: float) -> None:
        order = f"SO{len(self.facts['orders'])}"
        places = self.rng.choice(len(PRODUCTS), size=int(self.rng.integers(1, 4)), replace=False)
        total = 0.0
        for place in places:
            product, category, price = PRODUCTS[int(place)]
            quantity = 1 + int(self.rng.poisson(self.spend * fading))
            total += quantity * price
            self._add("order_lines", day, order_id=order, product_id=product, category=category, quantity=quantity,
                      amount=round(quantity * price, 2))  # fmt: skip
        shared = {
            "currency": "CNY", "channel": str(self.rng.choice(("web", "rep", "phone"))),
            "store": f"depot{int(self.rng.integers(1, 4))}", "referrer_id": referrer,
        }  # fmt: skip
        status = "cancelled" if self.rng.random() < 0.02 else "sale"
        cost = round(total * 0.64, 2)
        self._add("orders", day, order_id=order, amount=round(total, 2), cost=cost, **shared, status=status)
        if self.rng.random() < 0.06:
            back = {"amount": round(-total / 2, 2), "cost": round(-total * 0.3, 2)}
            self._add("orders", min(day + 9, DAYS), order_id=order, **back, **shared, status="refund")

    def _contract(self) -> None:
        contract, start, event = f"CT{self.name}", self.begins + 30, "started"
        while start < min(self.until, DAYS):
            ends = FIRST + timedelta(days=start + 365)
            self._add(
                "contracts", start, contract_id=contract, event=event, ends_at=f"{ends.isoformat()}T00:00:00+08:00"
            )
            start, event = start + 355, "renewed"
        if event == "renewed" and self.leaves <= DAYS:
            self._add("contracts", self.leaves, contract_id=contract, event="cancelled", ends_at="")

    def _accounts(self) -> None:
        for month, day in enumerate(range(self.begins + 29, DAYS, 30)):
            gone = day > self.leaves
            owed = 0.0 if gone and self.rng.random() < 0.7 else round(float(self.rng.gamma(2, 900)), 2)
            if month % 2 == 0:
                owing = round(float(self.rng.gamma(1, 90)), 2) if owed else 0
                self._add("balances", day, receivable=owed, payable=owing)
            if int(self.name[1:]) % 3:
                since = (FIRST + timedelta(days=day - 29)).isoformat()
                self._add(
                    "volumes", day, period_start=since, amount=round(float(self.rng.gamma(9, 900 * self.spend)), 2)
                )
            if month % 4 == 1:
                self._add("costs", day, kind=("visit", "gift", "freight")[month % 3], amount=round(20 + 5 * month, 2))

    def _touches(self) -> None:
        kinds = {"first_contact": 1, "register": 1, "trial": 0.3, "negotiation": 0.3, "commitment": 0.2, "upgrade": 0.1}
        for place, (kind, chance) in enumerate(kinds.items()):
            if self.rng.random() < chance:
                self._touch(min(self.begins + 3 * place, DAYS), kind)
        for day in self.rng.integers(self.begins, self.until + 1, size=int(self.rng.poisson(14))):
            self._touch(int(day), str(self.rng.choice(TOUCHES)))
        # Messages are answered less and less by those who leave, as fatigue should find.
        for week in range(self.begins, DAYS, 21):
            self._touch(week, "message", campaign=f"C{week // 60}")
            if self.rng.random() < (0.1 if week > self.until - 120 else 0.6):
                self._touch(week + 1, str(self.rng.choice(("open", "click", "reply", "redeem"))), f"C{week // 60}")
        if self.leaves <= DAYS and self.rng.random() < 0.3:
            self._touch(self.leaves, "unsubscribe")

    def _touch(self, day: int, kind: str, campaign: str = "") -> None:
        product, category, _ = PRODUCTS[int(self.rng.integers(0, len(PRODUCTS)))]
        self._add("interactions", min(day, DAYS), kind=kind, channel=str(self.rng.choice(("web", "email", "rep"))),
                  seconds=int(self.rng.integers(5, 900)), content_id=product, category=category, campaign_id=campaign,
                  props=json.dumps({"page": int(self.rng.integers(1, 9))}))  # fmt: skip

    def _answers(self) -> None:
        for day in range(self.begins + 60, self.until, 120):
            unhappy = self.leaves <= DAYS and day > self.leaves - 200
            for measure, most in (("csat", 5), ("nps", 10), ("expectation", 5), ("experience", 5)):
                score = int(self.rng.integers(0 if measure == "nps" else 1, most + 1 - (most // 2 if unhappy else 0)))
                self._add("feedback", day, survey="half-year", measure=measure, score=score,
                          comment="late again" if unhappy else "")  # fmt: skip

    def _complaints(self) -> None:
        days = sorted(self.rng.integers(self.begins, self.until + 1, size=int(self.rng.poisson(0.8))))
        for number, day in enumerate(days):
            kind = "complaint" if self.rng.random() < 0.7 else "question"
            case = {
                "case_id": f"CS{self.name}-{number}",
                "kind": kind,
                "severity": str(self.rng.choice(("low", "high"))),
            }
            self._add("cases", int(day), **case, event="opened")
            if self.rng.random() < 0.75:
                closed = min(int(day) + int(self.rng.integers(1, 20)), DAYS)
                self._add("cases", closed, **case, event="closed")

    def _decision(self) -> None:
        number = int(self.name[1:])
        if number % 37 == 5:
            until = (LAST + timedelta(days=90)).isoformat() if number % 2 else ""
            choice = {"model": "retail-activity", "stage": "active", "reason": "Ordered by hand, said the rep"}
            self._add("overrides", DAYS - 40, **choice, until=until)
