"""Simulated businesses of which it is known who leaves and why, for the tests of churn."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.facts.blocks import block_of
from tenure.facts.schema import FACT_TABLES
from tenure.facts.streams import Stream
from tenure.features.catalogue import FeatureSet
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.risk.churn import Churn
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.scorecard.model import Context

FEATURES = FeatureSet.of(Churn.families)
END = date(2024, 12, 31)
LAST = day_number(END)
CONTEXT = Context(END)
DAY = datetime(1970, 1, 1, 12, tzinfo=UTC)


@dataclass
class Business:
    """Facts being written down."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, table: str, who: str, day: float, **more: Any) -> None:
        """Write a fact down, if it has happened by the end."""
        if day <= LAST:
            rows = self.rows.setdefault(table, [])
            rows.append({"fact_id": f"f{len(rows)}", "customer_id": who, "at": DAY + timedelta(days=int(day)), **more})

    def order(self, who: str, day: float, amount: float) -> None:
        """Write a sale down."""
        self.add("orders", who, day, status="sale", amount=Decimal(f"{amount:.2f}"))

    def tables(self) -> dict[str, pa.Table]:
        """Return the facts in the schema of their tables."""
        return {name: pa.Table.from_pylist(rows, FACT_TABLES[name].schema) for name, rows in self.rows.items()}

    def context(self, last_day: int = LAST) -> EvaluationContext:
        """Return the facts, read as one block."""
        tables = {Stream(name): table for name, table in self.tables().items()}
        return EvaluationContext(block_of(tables, tz="UTC", last_day=last_day))

    def features(self) -> pa.Table:
        """Return the table that the churn model is given."""
        return FEATURES.compute(self.context())


def subscriptions(people: int, seed: int, *, leak: bool = False) -> Business:
    """Return customers under contracts of half a year that most renew.

    At some day some of them grow unhappy: they get in touch less, complain, rate lower, and cancel soon. With `leak`,
    everybody's leaving was written back in time, as an open complaint three months before.
    """
    rng = np.random.default_rng(seed)
    shop = Business()
    for n in range(people):
        who = f"c{n:05d}"
        begin = LAST - rng.integers(60, 900)
        unhappy = begin + rng.exponential(700)
        leaves = unhappy + 20 + rng.exponential(60)
        _contract(shop, who, begin, leaves)
        _contacts(shop, rng, who, begin, min(leaves, LAST), unhappy)
        if leak and leaves <= LAST + HORIZON:
            for ago in (100, 60, 30):
                shop.add("cases", who, leaves - ago, case_id=f"{who}-{ago}", kind="complaint", event="opened")
    return shop


def _contract(shop: Business, who: str, begin: float, leaves: float) -> None:
    day, event = float(begin), "started"
    while day < min(leaves, LAST):
        end = DAY + timedelta(days=int(day) + 180)
        shop.add("contracts", who, day, contract_id=f"k{who}", event=event, ends_at=end)
        day, event = day + 180, "renewed"
    shop.add("contracts", who, leaves, contract_id=f"k{who}", event="cancelled")


def _contacts(shop: Business, rng: np.random.Generator, who: str, begin: float, end: float, unhappy: float) -> None:
    for day in np.arange(begin, end, 6):
        keen = 0.8 if day < unhappy else 0.25
        if rng.random() < keen:
            shop.add("interactions", who, day, kind="login")
        if rng.random() < (0.004 if day < unhappy else 0.08):
            shop.add("cases", who, day, case_id=f"{who}{day}", kind="complaint", event="opened")
            shop.add("cases", who, day + 9, case_id=f"{who}{day}", kind="complaint", event="closed")
    for day in np.arange(begin + 30, end, 120):
        score = rng.normal(4.3 if day < unhappy else 2.8, 0.6)
        shop.add("feedback", who, day, measure="csat", score=Decimal(f"{np.clip(score, 1, 5):.1f}"))


@dataclass(frozen=True)
class Truth:
    """A shop without contracts, and the true chance of an order within ninety days of each origin."""

    shop: Business
    active: np.ndarray


def orders(people: int, seed: int, *, began: int | None = None) -> Truth:
    """Return customers who buy at their own rates until a day on which they leave for good, unseen.

    They come over 600 days, or all of them `began` days before the end.
    """
    rng = np.random.default_rng(seed)
    shop = Business()
    active = np.zeros((people, SNAPSHOTS + 1))
    for n in range(people):
        rate, death = rng.gamma(4, 1 / 120), rng.exponential(400)
        begin = LAST - (rng.integers(300, 900) if began is None else began)
        day, amount = 0.0, rng.lognormal(4, 0.5)
        while day < death and begin + day <= LAST:
            shop.order(f"c{n:05d}", begin + day, amount * rng.lognormal(0, 0.2))
            day += rng.exponential(1 / rate)
        for k in range(SNAPSHOTS + 1):
            left = np.clip(death - (LAST - HORIZON * k - begin), 0, HORIZON)
            active[n, k] = 1 - np.exp(-rate * left)
    return Truth(shop, active)


def with_active(table: pa.Table, active: np.ndarray) -> pa.Table:
    """Add what a purchase model says of the next ninety days, seen from each origin."""
    table = table.append_column("p_active_90", pa.array(active[:, 0]))
    for k in range(1, SNAPSHOTS + 1):
        table = table.append_column(f"_p_active@{k}", pa.array(active[:, k]))
    return table
