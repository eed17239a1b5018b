"""Acceptance scenarios of value, by the numbers of the requirements."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tenure.value import existing_customers, pareto
from tenure.value.notebook import rank
from tenure.value.repeat_funnel import steps
from tenure.value.sales import Sales

TODAY = date(2026, 6, 30)


def order(who: str, back: int, amount: str, cost: str | None = None) -> dict[str, Any]:
    at = (TODAY - timedelta(days=back)).isoformat()
    return {"customer_id": who, "at": at, "amount": Decimal(amount), "cost": None if cost is None else Decimal(cost)}


@pytest.mark.parametrize(("by_old", "share", "passes"), [(310_000, "0.62", True), (290_000, "0.58", False)])
def test_a07_a_day_of_500000_with_the_share_of_old_customers(by_old: int, share: str, passes: bool) -> None:
    """A supermarket sells 500,000 in a day: 310,000 to old customers reach the 60 % mark, 290,000 do not."""
    before = [order(f"old{n}", 40, "88") for n in range(20)]
    today = [order(f"old{n}", 0, str(by_old // 20)) for n in range(20)]
    today += [order(f"new{n}", 0, str((500_000 - by_old) // 10)) for n in range(10)]
    sales = Sales.of(pa.Table.from_pylist(before + today), as_of=TODAY)
    found = existing_customers.existing_share(sales, TODAY, TODAY)
    assert found.existing.sales + found.new.sales == 500_000
    assert found.share("sales") == Decimal(share)
    assert found.passes("sales") is passes
    assert found.share("buyers") == Decimal(20) / 30  # of customers it is another share: both are shown
    (day,) = existing_customers.existing_share_by_day(sales, TODAY, TODAY).to_pylist()
    assert (day["sales"], day["old_sales"], day["old_buyers"], day["buyers"]) == (500_000, by_old, 20, 30)


def test_a07_exactly_sixty_percent_reaches_the_mark() -> None:
    side, share_of = existing_customers.PeriodTotals, existing_customers.ExistingShare
    at = share_of(TODAY, TODAY, side(sales=Decimal("300000")), side(sales=Decimal("200000")))
    below = share_of(TODAY, TODAY, side(sales=Decimal("299999.99")), side(sales=Decimal("200000.01")))
    assert (at.passes(), below.passes()) == (True, False)


def test_a08_the_top_fifth_reconciles_exactly_with_the_order_rows_by_sales_and_by_profit() -> None:
    """Twenty customers; those who buy most are not those who leave most, and both lists add up to their rows."""
    rows = []
    for n in range(20):
        for number in range(1 + n % 4):
            amount = Decimal(f"{(n + 1) * 37}.{n:02d}")
            rows.append(order(f"c{n:02d}", 5 * number + n, str(amount), str(amount * (9 if n > 15 else 3) / 10)))
    table = rank(pa.Table.from_pylist(rows), as_of=TODAY)
    for column, value in (("sales", lambda r: r["amount"]), ("profit", lambda r: r["amount"] - r["cost"])):
        worth: dict[str, Decimal] = {}
        for row in rows:
            worth[row["customer_id"]] = worth.get(row["customer_id"], Decimal(0)) + value(row)
        best = sorted(worth, key=lambda who: (-worth[who], who))[:4]
        name = "amount" if column == "sales" else "profit"
        ids = np.array(table.column("customer_id").to_pylist(), dtype=object)
        values = np.array([int(one * 10_000) for one in table.column(name).to_pylist()])
        found = pareto.concentration(values, ids)
        listed = [ids[at] for at in pareto.best_first(values, ids)[: found.count]]
        assert listed == best
        assert Decimal(found.top) / 10_000 == sum(worth[who] for who in best)
        assert Decimal(found.total) / 10_000 == sum(worth.values())
        if column == "sales":
            assert [who for who, top in zip(ids, table.column("top_fifth").to_pylist(), strict=True) if top] == sorted(
                best
            )
    assert {row["customer_id"] for row in table.to_pylist() if row["top_fifth"]} == {"c11", "c15", "c18", "c19"}
    assert best == ["c15", "c11", "c14", "c10"]  # by profit: of what c18 and c19 buy, nine tenths are cost


def test_a09_two_deals_are_not_yet_sticky_three_enter_and_five_are_fully_in_the_band() -> None:
    deals = {"ann": 1, "bob": 2, "cat": 3, "dan": 4, "eve": 5, "fay": 6}
    rows = [order(who, 3 * number, "50") for who, count in deals.items() for number in range(count)]
    table = {row["customer_id"]: row for row in rank(pa.Table.from_pylist(rows), as_of=TODAY).to_pylist()}
    assert {who: row["stickiness"] for who, row in table.items()} == {
        "ann": "first", "bob": "second", "cat": "forming", "dan": "forming", "eve": "forming", "fay": "sticky"
    }  # fmt: skip
    ladder = steps(np.array([row["deals"] for row in table.values()]))
    # Who needs the next one: ann two more, bob one more, and from the third deal nobody is short of the band.
    assert [(step["deals"], step["customers"], step["missing"]) for step in ladder[1:6]] == [
        (1, 1, 2), (2, 1, 1), (3, 1, 0), (4, 1, 0), (5, 1, 0)
    ]  # fmt: skip
