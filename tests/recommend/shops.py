"""Small shops with a known truth."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.facts.frames import completed
from tenure.recommend.lines import Lines, lines_of

LAST = date(2026, 6, 30)


def row(
    who: str, ago: int, product: str, category: str | None = None, basket: str = "", price: float = 1.0, units: int = 1
) -> dict[str, Any]:
    """Return one line, bought `ago` days before the last day."""
    day = LAST - timedelta(days=ago)
    return {
        "customer_id": who,
        "at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
        "order_id": basket or f"{who}-{ago}",
        "product_id": product,
        "category": category or product.rstrip("0123456789"),
        "quantity": Decimal(units),
        "amount": Decimal(str(round(price * units, 2))),
    }


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return completed("order_lines", pa.Table.from_pylist(rows))


def lines(rows: list[dict[str, Any]], orders: list[dict[str, Any]] | None = None) -> Lines:
    given = None if orders is None else completed("orders", pa.Table.from_pylist(orders))
    return lines_of(table(rows), LAST, "UTC", given)


def random_baskets(seed: int, baskets: int, items: int) -> list[dict[str, Any]]:
    """Return baskets of independent products, popular ones and rare ones."""
    rng = np.random.default_rng(seed)
    share = np.geomspace(0.4, 0.02, items)
    return [
        row(f"c{n % 50:02d}", n % 300, f"p{item:02d}", f"k{item % 5}", basket=f"b{n}")
        for n in range(baskets)
        for item in np.flatnonzero(rng.random(items) < share)
    ]


def renewing(seed: int, people: int = 200, days: int = 300) -> list[dict[str, Any]]:
    """Return a shop in which everybody buys five own staples at their own rhythm, and now and then anything."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        staples = rng.choice(60, 5, replace=False)
        gaps = rng.uniform(7, 30, 5)
        due = rng.uniform(0, gaps)
        for day in range(0, days, 3):
            for place in np.flatnonzero(due <= day):
                rows.append(row(f"c{person:03d}", days - day, f"p{staples[place]:02d}", f"k{staples[place] % 6}"))
                due[place] = day + gaps[place] * rng.gamma(4, 1 / 4)
            if rng.random() < 0.05:
                extra = int(rng.integers(60))
                rows.append(row(f"c{person:03d}", days - day, f"p{extra:02d}", f"k{extra % 6}"))
    return rows


def following(seed: int, people: int = 600) -> list[dict[str, Any]]:
    """Return a shop in which nobody buys anything twice: every product is followed by the next of its series."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        series, first = int(rng.integers(5)), int(rng.integers(0, 4))
        for step in range(6):
            ago = 200 - 30 * step - int(rng.integers(5))
            if rng.random() < 0.95:
                rows.append(row(f"c{person:03d}", ago, f"s{series}v{first + step}", f"series {series}"))
            rows.append(row(f"c{person:03d}", ago, f"any{int(rng.integers(400))}", "any"))
    return rows
