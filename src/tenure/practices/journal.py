"""What happens in a business that was made up: written down day by day, and exported as such a business would.

Everybody follows a story with a name, so that what is true of a customer is known, and what is worked out from the
files can be compared with it.
"""

from __future__ import annotations

import csv
from calendar import monthrange
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SomeCustomer = TypeVar("SomeCustomer", bound="Customer")


@dataclass(frozen=True, slots=True)
class Story:
    """The truth about one customer; it is in none of the files."""

    customer_id: str
    name: str
    days: dict[str, date] = field(default_factory=dict)  # turning points up to the last day, such as ``cancelled``


class Journal:
    """The tables of a business, and everybody's story."""

    def __init__(self, last: date) -> None:
        self.last = last
        self.tables: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.stories: list[Story] = []

    def write(self, folder: Path) -> dict[str, Path]:
        """Write one CSV file a table, sorted as exports are; return {table: file}."""
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: folder / f"{name}.csv" for name in self.tables}
        for name, path in files.items():
            rows = sorted(self.tables[name], key=lambda row: (row.get("time", ""), row["customer_id"]))
            with path.open("w", encoding="utf-8", newline="") as out:
                writer = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)))
                writer.writeheader()
                writer.writerows(rows)
        return files


class Customer:
    """One customer, whose story writes their rows into the journal."""

    letter = "C"  # before their numbers

    def __init__(self, journal: Journal, number: int, story: str, seed: int, referrers: Sequence[str]) -> None:
        self.journal, self.id = journal, f"{self.letter}{number:04}"
        self.referrers = referrers  # who may have referred this one
        self.story = Story(self.id, story)
        # A stream of their own: another customer more, or a story changed, leaves everybody else as they were.
        self.rng = np.random.default_rng((seed, number))
        journal.stories.append(self.story)

    def describe(self, created_on: date, **values: Any) -> None:
        """Say who the customer is, as is known from the day on which they came."""
        record = {"customer_id": self.id, "created_on": created_on, "valid_from": created_on, **values}
        self.journal.tables["customers"].append(record)

    def record(self, table: str, day: date, **values: Any) -> None:
        """Add a row. What would come after the last day has not happened yet."""
        if day > self.journal.last:
            return
        second = int(self.rng.integers(8 * 3600, 22 * 3600))
        time = f"{day} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
        self.journal.tables[table].append({"customer_id": self.id, "time": time, **values})

    def interact(self, day: date, kind: str, **values: Any) -> None:
        """Do something besides buying."""
        self.record("interactions", day, kind=kind, **values)

    def remember(self, name: str, day: date) -> date:
        """Keep a turning point of the story, if it is reached."""
        if day <= self.journal.last:
            self.story.days[name] = day
        return day

    def sell(self, day: date, order_id: str, lines: Sequence[tuple[str, str, int, float]], **values: Any) -> None:
        """Add an order and its lines: product, category, quantity, amount."""
        total = round(sum(amount for *_, amount in lines), 2)
        self.record("orders", day, order_id=order_id, amount=total, **values)
        orders = self.journal.tables["orders"]
        if not orders or orders[-1]["order_id"] != order_id:
            return
        for product, category, quantity, amount in lines:
            line = {"product_id": product, "category": category, "quantity": quantity, "amount": amount}
            self.journal.tables["order_lines"].append(
                {"customer_id": self.id, "time": orders[-1]["time"], "order_id": order_id, **line}
            )

    def after(self, day: date, least: int, most: int) -> date:
        """Return a day by chance, so many days later."""
        return day + timedelta(days=int(self.rng.integers(least, most + 1)))

    def rate(self, first: date, last: date, level: float, every: int = 100) -> None:
        """Answer surveys now and then: satisfaction from 1 to 5 about the level, recommendation from 0 to 10."""
        day = self.after(first, 25, 60)
        while day <= last:
            mood = level + float(self.rng.normal(0, 0.35))
            self.record("feedback", day, survey="quarterly", measure="csat", score=int(np.clip(round(mood), 1, 5)))
            nps = int(np.clip(round(2.2 * mood - 1), 0, 10))
            self.record("feedback", day, survey="quarterly", measure="nps", score=nps)
            day = self.after(day, every - 15, every + 15)

    def complain(self, day: date, severity: str, *, solved: bool) -> None:
        """Open a complaint, which is solved within days or never."""
        case = {"case_id": f"T-{self.id}-{day:%y%m%d}", "kind": "complaint", "severity": severity}
        self.record("cases", day, event="opened", **case)
        if solved:
            self.record("cases", self.after(day, 2, 12), event="closed", **case)


def journal_of(
    kind: type[SomeCustomer],
    stories: Mapping[str, tuple[float, Callable[[SomeCustomer], None]]],
    customers: int,
    seed: int,
    *,
    last: date,
    referring: str,
) -> Journal:
    """Return the tables of a business up to a day: every customer lives a story; those of one story refer others."""
    journal = Journal(last)
    names = allot({name: share for name, (share, _) in stories.items()}, customers, seed)
    referrers = [f"{kind.letter}{number:04}" for number, name in enumerate(names) if name == referring]
    for number, name in enumerate(names):
        stories[name][1](kind(journal, number, name, seed, referrers))
    return journal


def allot(shares: Mapping[str, float], customers: int, seed: int) -> list[str]:
    """Return each customer's story, in the given proportions; every story has somebody."""
    counts = [max(1, round(share * customers)) for share in shares.values()]
    names = np.repeat(list(shares), counts)
    return [str(name) for name in np.random.default_rng(seed).permutation(names)]


def months_after(day: date, months: int) -> date:
    """Return the same day of a later month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
