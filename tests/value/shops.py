"""Made-up shops whose truth is known: who leaves when, who buys how regularly, who spends what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.clock import day_of
from tenure.facts.schema import FACT_TABLES

START = (datetime(2022, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days


@dataclass(frozen=True)
class Shop:
    """Orders of everybody over all days, and how many purchase days each customer really has after a day."""

    orders: pa.Table
    who: np.ndarray
    day: np.ndarray

    def after(self, day: date, days: int, ids: list[str]) -> np.ndarray:
        """Return what really came: purchase days of customers in the days after one."""
        low = (day - date(1970, 1, 1)).days
        inside = (self.day > low) & (self.day <= low + days)
        pairs = np.unique(np.stack([self.who[inside], self.day[inside]]), axis=1)
        counted = dict(zip(*np.unique(pairs[0], return_counts=True), strict=True))
        return np.array([counted.get(int(one), 0) for one in ids], dtype=float)


def shop(
    customers: int,
    seed: int = 1,
    *,
    days: int = 1_100,
    joined: int = 500,
    rate: tuple[float, float] = (0.8, 30.0),
    leaving: tuple[float, float] | None = (0.7, 200.0),
    regular: int = 1,
    cost: float | None = None,
) -> Shop:
    """Return a shop: gamma rates a day (shape, rate), gamma leaving rates, Erlang gaps, Gamma-Gamma spend."""
    rng = np.random.default_rng(seed)
    first = START + rng.integers(0, joined, customers)
    own = rng.gamma(rate[0], 1 / rate[1], customers)
    end = (
        np.full(customers, np.inf)
        if leaving is None
        else rng.exponential(1 / rng.gamma(leaving[0], 1 / leaving[1], customers))
    )
    level = 6.0 / rng.gamma(4.0, 1 / 15.0, customers)
    who, day = [np.arange(customers)], [first]
    clock = np.zeros(customers)
    alive = np.arange(customers)
    while len(alive):
        clock[alive] += rng.gamma(regular, 1 / (regular * own[alive]))
        alive = alive[(clock[alive] < np.minimum(end, START + days - first)[alive])]
        who.append(alive)
        day.append(first[alive] + np.ceil(clock[alive]).astype(int))
    people, when = np.concatenate(who), np.concatenate(day)
    kept = when < START + days
    people, when = people[kept], when[kept]
    amounts = np.maximum(np.round(rng.gamma(6.0, level[people] / 6.0), 2), 0.01)
    return Shop(_table(people, when, amounts, cost), people, when)


def _table(who: np.ndarray, day: np.ndarray, amounts: np.ndarray, cost: float | None) -> pa.Table:
    schema = FACT_TABLES["orders"].schema
    size = len(who)
    given: dict[str, Any] = {
        "fact_id": [str(n) for n in range(size)],
        "customer_id": [f"{one:06d}" for one in who],
        "at": pa.array(day.astype(np.int64) * 86_400_000_000 + 43_200_000_000).cast(pa.timestamp("us", tz="UTC")),
        "amount": pa.array(np.round(amounts, 2)).cast(schema.field("amount").type),
        "status": ["sale"] * size,
    }
    if cost is not None:
        given["cost"] = pa.array(np.round(amounts * cost, 2)).cast(schema.field("cost").type)
    return pa.table([given.get(field.name, pa.nulls(size, field.type)) for field in schema], names=schema.names).cast(
        schema
    )


def day_after(start: int) -> date:
    """Return the day so many days after the shops open."""
    return day_of(START + start)
