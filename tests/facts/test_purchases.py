"""Every order is a first, a repeat or a referral purchase (M27), and a referral is credited once (A22)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from stories.telling import command
from tenure.facts import customers
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.facts.purchases import orders_of
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import spans_of

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = """customer_id,at,order_id,amount,referrer_id,status
ann,2024-01-01,A1,50,,sale
ann,2024-02-01,A2,60,,sale
ann,2024-02-05,A2r,-60,,refund
ann,2024-03-01,A3,70,bob,sale
ann,2024-04-01,A4,80,,sale
bob,2023-12-01,B1,90,,sale
cem,2024-05-01,C1,20,bob,sale
cem,2024-06-01,C2,20,,sale
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake.create(tmp_path / "lake", tz="Asia/Shanghai", currency="CNY")
    (tmp_path / "orders.csv").write_text(ORDERS, encoding="utf-8")
    import_files(made, [tmp_path / "orders.csv"], as_="orders")
    return made


def types(lake: Lake, customer: str) -> list[tuple[str, str | None]]:
    return [(row["order_id"], row["purchase_type"]) for row in orders_of(lake, customer)]


def test_each_order_has_its_type(lake: Lake) -> None:
    assert types(lake, "ann") == [
        ("A1", "first"), ("A2", "repeat"), ("A2r", None), ("A3", "referral"), ("A4", "repeat")
    ]  # fmt: skip
    assert types(lake, "bob") == [("B1", "first")]


def test_a22_a_referred_first_order_is_a_referral_and_the_next_one_a_repeat(lake: Lake) -> None:
    assert types(lake, "cem") == [("C1", "referral"), ("C2", "repeat")]


def test_a22_a_file_that_comes_twice_credits_the_referrer_once(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "again.csv").write_text(ORDERS, encoding="utf-8")
    import_files(lake, [tmp_path / "again.csv"], as_="orders")
    assert types(lake, "cem") == [("C1", "referral"), ("C2", "repeat")]
    model = read({"id": "credited", "stages": [{"id": "twice", "when": "count(referred_buyer) = 2"}]})
    facts = lake.connect().execute("SELECT * FROM orders").to_arrow_table()
    now = spans_of({"orders": facts}, model, as_of=date(2024, 12, 31)).to_pylist()
    assert [(span["customer_id"], span["left_on"]) for span in now] == [("bob", None)], "ann and cem, once each"


def test_orders_of_merged_customers_are_numbered_together(lake: Lake) -> None:
    customers.merge(lake, "ann", ["bob"], "the same person", datetime(2024, 12, 1, tzinfo=UTC))
    assert types(lake, "ann")[:2] == [("B1", "first"), ("A1", "repeat")]


def test_the_command_line_says_it(lake: Lake) -> None:
    rows = command("customers", "orders", "ann", "--lake", str(lake.path), "--json")
    assert [row["purchase_type"] for row in rows] == ["first", "repeat", None, "referral", "repeat"]
