"""Shops of people who were met before they bought: eight by hand, four hundred drawn with known conversion."""

from __future__ import annotations

import json
import random
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from tenure.facts.frames import completed
from tenure.facts.lake import Lake
from tenure.refreshing.run import refresh

if TYPE_CHECKING:
    from pathlib import Path

TZ = ZoneInfo("Asia/Shanghai")
LAST = date(2024, 12, 31)


def at(day: str | date, hour: int = 12) -> datetime:
    """Return an hour of a day in the shop's zone."""
    on = date.fromisoformat(day) if isinstance(day, str) else day
    return datetime(on.year, on.month, on.day, hour, tzinfo=TZ)


def touch(customer: str, day: str | date, kind: str, hour: int = 12, **where: Any) -> dict[str, Any]:
    return {"customer_id": customer, "at": at(day, hour), "kind": kind, **where}


def order(customer: str, day: str | date, hour: int = 12) -> dict[str, Any]:
    return {"customer_id": customer, "at": at(day, hour), "amount": 100.0, "status": "sale", "channel": "shop"}


#: The eight: who they are is told where they are tested.
TOUCHES = (
    touch("ann", "2024-03-01", "view", channel="web", content_id="P1", campaign_id="spring", category="tea"),
    touch("ann", "2024-03-05", "view", channel="app"),
    touch("ann", "2024-03-10", "cart"),
    touch("bob", "2024-03-02", "enquiry", channel="phone"),
    touch("dan", "2024-03-04", "view", channel="web"),
    touch("eva", "2024-11-20", "view", channel="web"),
    touch("eva", "2024-11-21", "cart"),
    touch("gus", "2024-03-06", "view", 10, channel="app"),
    touch("hal", "2024-03-07", "view", 15, channel="web"),
)
ORDERS = (
    order("ann", "2024-03-12"),
    order("cat", "2024-03-03"),
    order("dan", "2024-08-01"),
    order("gus", "2024-03-06", 11),
    order("hal", "2024-03-07", 9),
)
LEAD = {
    "customer_id": "fay",
    "name": "费",
    "created_on": date(2024, 3, 20),
    "seen_at": at("2024-03-20"),
    "source": "fair",
}


def by_hand(folder: Path) -> Lake:
    """Make the shop of the eight, refreshed."""
    lake = Lake.create(folder / "lake", tz="Asia/Shanghai", business="小店")
    write(lake, "interactions", list(TOUCHES))
    write(lake, "orders", list(ORDERS))
    lake.write("customers", completed("customers", pa.Table.from_pylist([LEAD])))
    refresh(lake, LAST, models=["first-contact-funnel"])
    return lake


def write(lake: Lake, table: str, rows: list[dict[str, Any]]) -> None:
    """Write rows of a fact table, numbered."""
    numbered = [{"fact_id": f"{table}-{number}", "source": "test", **row} for number, row in enumerate(rows)]
    lake.append_facts(table, completed(table, pa.Table.from_pylist(numbered)))


#: Conversion by channel of the drawn shop; the campaign makes no difference.
CHANCES = {"referral": 0.75, "search": 0.35, "banner": 0.12}


def drawn(folder: Path, count: int = 400) -> Lake:
    """Make a shop in which only the channel decides who buys, over a year, refreshed."""
    chance = random.Random(11)
    touches, orders, lines, people = [], [], [], []
    for number in range(count):
        who, channel, product = f"V{number:03d}", chance.choice(list(CHANCES)), chance.randrange(6)
        first = date(2024, 1, 1) + timedelta(days=chance.randrange(350))
        where: dict[str, Any] = {
            "channel": channel,
            "campaign_id": f"C{chance.randrange(2)}",
            "content_id": f"P{product}",
        }
        touches.append(touch(who, first, "view", **where))
        attributes = json.dumps({"城市": chance.choice(["杭州", "上海"])}, ensure_ascii=False)
        record = {"customer_id": who, "name": f"访客{number}", "attributes": attributes, "source": "web"}
        people.append(record | {"seen_at": at(LAST), "valid_from": first})
        buys = first + timedelta(days=chance.randrange(1, 60))
        if chance.random() < CHANCES[channel] and buys <= LAST:
            touches.append(touch(who, buys - timedelta(days=1), "cart", 18))
            orders.append(order(who, buys) | {"order_id": f"O{number}"})
            line = {"customer_id": who, "at": at(buys), "order_id": f"O{number}", "product_id": f"P{product}"}
            lines.append(line | {"category": "tea", "quantity": 1, "amount": 10.0 * (product + 1)})
    lake = Lake.create(folder / "lake", tz="Asia/Shanghai", business="小店")
    for table, rows in (("interactions", touches), ("orders", orders), ("order_lines", lines)):
        write(lake, table, rows)
    lake.write("customers", completed("customers", pa.Table.from_pylist(people)))
    refresh(lake, LAST, models=["first-contact-funnel"])
    return lake
