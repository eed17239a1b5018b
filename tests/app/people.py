"""A small shop for tests of pages: forty customers with orders, contact data, visits, scores, complaints, a merge."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.facts.frames import completed

if TYPE_CHECKING:
    from tenure.facts.lake import Lake

TODAY = date(2026, 11, 22)
NAMES = ("王芳", "李伟", "张敏", "刘洋", "陈静", "杨磊", "赵强", "黄丽", "周军", "吴娜")


def noon(day: date) -> datetime:
    """Return noon of a day in China."""
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


def order_rows(count: int = 40) -> list[dict[str, Any]]:
    """Return orders: customer n buys every 10 + 3n days on average and stopped 5n days before today.

    A short interval and a long one take turns: steady customers would be judged by their own rhythm and all be active.
    """
    rows = []
    for n in range(count):
        day, number = TODAY - timedelta(days=5 * n), 0
        while day > date(2025, 6, 1) and number < 12:
            rows.append({
                "fact_id": f"o{n}-{number}", "customer_id": f"K{n:03d}", "at": noon(day), "source": "till",
                "order_id": f"SO{n:03d}{number:02d}", "amount": 20.0 + n + number, "status": "sale", "currency": "CNY",
                "channel": "shop",
            })  # fmt: skip
            day -= (10 + 3 * n) * timedelta(days=1.7 if number % 2 else 0.3)
            number += 1
    return rows


def fill(lake: Lake, count: int = 40) -> None:
    """Write the shop's facts into a lake."""
    lake.append_facts("orders", _facts("orders", order_rows(count)))
    visits = [
        {
            "fact_id": f"v{n}",
            "customer_id": f"K{n:03d}",
            "at": noon(TODAY - timedelta(days=n)),
            "source": "web",
            "kind": "view",
        }
        for n in range(0, count, 2)
    ]
    lake.append_facts("interactions", _facts("interactions", visits))
    cases = [
        {"fact_id": "c1", "customer_id": "K003", "at": noon(date(2026, 11, 1)), "source": "desk", "case_id": "T1",
         "kind": "complaint", "event": "opened", "severity": "high"},
    ]  # fmt: skip
    lake.append_facts("cases", _facts("cases", cases))
    people = [
        {"customer_id": f"K{n:03d}", "name": NAMES[n % 10], "phone": f"+861380000{n:04d}",
         "email": f"k{n:03d}@example.com", "attributes": json.dumps({"city": "杭州", "level": n % 3}), "source": "till",
         "seen_at": noon(date(2025, 6, 1)), "created_on": date(2025, 6, 1)}
        for n in range(count)
    ]  # fmt: skip
    people.append({"customer_id": "P001", "name": "潜在客户", "source": "fair", "seen_at": noon(date(2026, 10, 1)),
                   "created_on": date(2026, 10, 1)})  # fmt: skip
    lake.write("customers", completed("customers", pa.Table.from_pylist(people)))


def _facts(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return completed(name, pa.Table.from_pylist(rows))
