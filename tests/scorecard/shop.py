"""A small shop made by chance, with the same seed every time: enough buyers and days for every part to be fitted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.facts.frames import completed
from tenure.facts.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

FIRST, LAST = date(2024, 1, 1), date(2025, 2, 28)
GOODS = [
    ("毛肚", "火锅"),
    ("肥牛", "火锅"),
    ("底料", "火锅"),
    ("凉茶", "饮料"),
    ("可乐", "饮料"),
    ("苹果", "水果"),
    ("牛奶", "乳品"),
]

Made = dict[str, list[dict[str, object]]]


def rows(buyers: int, seed: int = 5) -> Made:
    """Return orders with lines, costs, views, answers to surveys and complaints of a number of buyers."""
    rng = np.random.default_rng(seed)
    made: dict[str, list[dict[str, object]]] = {
        name: [] for name in ("orders", "order_lines", "interactions", "feedback")
    }
    days = (LAST - FIRST).days
    for number in range(buyers):
        who, rate, spend = f"C{number:05}", rng.gamma(1.4, 1 / 40), rng.gamma(6, 8)
        day = float(rng.integers(0, days - 60))
        while day <= days:
            _order(made, who, FIRST + timedelta(days=int(day)), spend, rng)
            if rng.random() < 0.07:  # leaves for good
                break
            day += rng.exponential(1 / max(rate, 1e-3))
    return made


def _order(
    made: dict[str, list[dict[str, object]]], who: str, day: date, spend: float, rng: np.random.Generator
) -> None:
    at = datetime(day.year, day.month, day.day, int(rng.integers(1, 12)), tzinfo=UTC)
    order, amount = f"O{len(made['orders'])}", round(float(rng.gamma(5, spend / 5)) + 1, 2)
    cost = round(amount * 0.7, 2)
    made["orders"].append(
        {"customer_id": who, "at": at, "order_id": order, "amount": amount, "cost": cost, "status": "sale"}
    )
    for place in rng.choice(len(GOODS), size=int(rng.integers(1, 4)), replace=False):
        product, category = GOODS[place]
        made["order_lines"].append(
            {"customer_id": who, "at": at, "order_id": order, "product_id": product, "category": category,
             "quantity": 1, "amount": round(amount / 3, 2)}
        )  # fmt: skip
    made["interactions"].append({"customer_id": who, "at": at - timedelta(hours=1), "kind": "view"})
    if rng.random() < 0.2:
        made["feedback"].append({"customer_id": who, "at": at, "measure": "csat", "score": int(rng.integers(1, 6))})


def lake_of(folder: Path, buyers: int = 640) -> Lake:
    """Return a lake with the shop's facts."""
    lake = Lake.create(folder, tz="Asia/Shanghai", currency="CNY", business="小店")
    for name, some in rows(buyers).items():
        facts = [{**row, "fact_id": f"{name}-{place}", "source": "shop"} for place, row in enumerate(some)]
        lake.append_facts(name, completed(name, pa.Table.from_pylist(facts)))
    return lake
