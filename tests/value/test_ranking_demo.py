"""On two shops that none of us made, every figure is the sum of its order rows, to the cent.

The rows are read anew from the files and counted in plain Python; nothing of the product's counting is used.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest

from services import DATA
from tenure.practices.samples import SAMPLES
from tenure.value import cohorts, existing_customers
from tenure.value.notebook import rank
from tenure.value.sales import Sales

Rows = list[tuple[str, date, Decimal]]


def music() -> tuple[pa.Table, Rows, date, str]:
    """Return the orders of a music shop (CDNOW) and its rows by hand."""
    rows: Rows = []
    for line in (DATA / "cdnow/CDNOW_sample.txt").read_text().splitlines():
        _, who, day, _, amount = line.split()
        rows.append((who, datetime.strptime(day, "%Y%m%d").date(), Decimal(amount)))
    orders = {"customer_id": [row[0] for row in rows], "at": [row[1].isoformat() for row in rows],
              "amount": pa.array([row[2] for row in rows], pa.decimal128(18, 4))}  # fmt: skip
    return pa.table(orders), rows, date(1998, 6, 30), "UTC"


@pytest.fixture(scope="module")
def supermarket(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, Rows, date, str]:
    """Return the baskets of a supermarket (the demo) and its rows by hand, days by the clock of its city."""
    tz = "America/New_York"
    lines, *_ = SAMPLES["complete-journey"].files(tmp_path_factory.mktemp("shop"))
    baskets = (
        duckdb.connect()
        .execute(
            f'SELECT customer_id, min("at") AS at, order_id, sum(amount)::DECIMAL(18, 4) AS amount'
            f" FROM '{lines.path}' GROUP BY customer_id, order_id"
        )
        .to_arrow_table()
    )
    at = baskets.column("at").cast(pa.timestamp("us"))
    instants = at.cast(pa.timestamp("us", tz="UTC"))
    baskets = baskets.set_column(1, "at", instants)
    zone = ZoneInfo(tz)
    told = (baskets.column(name).to_pylist() for name in ("customer_id", "at", "amount"))
    rows = [(who, moment.astimezone(zone).date(), amount) for who, moment, amount in zip(*told, strict=True)]
    return baskets, rows, date(2017, 12, 31), tz


@pytest.fixture(scope="module", params=["music", "supermarket"])
def shop(request: pytest.FixtureRequest) -> tuple[pa.Table, Rows, date, str]:
    return music() if request.param == "music" else request.getfixturevalue("supermarket")


def sums(rows: Rows) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for who, _, amount in rows:
        found[who] += amount
    return found


def test_rfm_is_the_fifths_of_the_rows(shop: tuple[pa.Table, Rows, date, str]) -> None:
    orders, rows, as_of, tz = shop
    money, last, often = sums(rows), {}, defaultdict(int)  # type: ignore[var-annotated]
    for who, day, _ in rows:
        last[who] = max(day, last.get(who, day))
        often[who] += 1
    wanted = {}
    size = len(money)
    ranks = {name: _below(values) for name, values in (("f", often), ("m", money))}
    later = _below({who: -day.toordinal() for who, day in last.items()})
    for who in money:
        r, f, m = 5 - 5 * later[who] // size, 1 + 5 * ranks["f"][who] // size, 1 + 5 * ranks["m"][who] // size
        wanted[who] = f"{r}{f}{m}"
    table = rank(orders, as_of=as_of, tz=tz)
    assert dict(zip(table.column("customer_id").to_pylist(), table.column("rfm").to_pylist(), strict=True)) == wanted


def _below(values: Any) -> dict[str, int]:
    """Return how many have strictly less."""
    ordered = sorted(values.values())
    place: dict[Any, int] = {}
    for at, value in enumerate(ordered):
        place.setdefault(value, at)
    return {who: place[value] for who, value in values.items()}


def test_the_top_fifth_and_abc_add_up_to_the_rows(shop: tuple[pa.Table, Rows, date, str]) -> None:
    orders, rows, as_of, tz = shop
    money = sums(rows)
    ordered = sorted(money, key=lambda who: (-money[who], who))
    fifth = set(ordered[: -(-len(ordered) // 5)])
    table = {row["customer_id"]: row for row in rank(orders, as_of=as_of, tz=tz).to_pylist()}
    assert {who for who, row in table.items() if row["top_fifth"]} == fifth
    assert sum(table[who]["amount"] + table[who]["refunds"] for who in fifth) == sum(money[who] for who in fifth)
    total = sum((one for one in money.values() if one > 0), Decimal(0))
    above, running = {}, Decimal(0)  # what everybody with more brings
    for value in sorted(set(money.values()), reverse=True):
        above[value] = running
        running += value * sum(one == value for one in money.values())
    for who, value in money.items():
        share = above[value] / total if value > 0 else 1
        assert table[who]["abc_sales"] == ("A" if share < Decimal("0.8") else "B" if share < Decimal("0.95") else "C")


def test_old_customers_of_a_month_add_up_to_the_rows(shop: tuple[pa.Table, Rows, date, str]) -> None:
    orders, rows, as_of, tz = shop
    first: dict[str, date] = {}
    for who, day, _ in rows:
        first[who] = min(day, first.get(who, day))
    sales = Sales.of(orders, tz=tz, as_of=as_of)
    for back in (as_of, as_of - timedelta(days=120), min(first.values()) + timedelta(days=60)):
        since = back - timedelta(days=29)
        found = existing_customers.existing_share(sales, since, back)
        mine = [row for row in rows if since <= row[1] <= back]
        old = [row for row in mine if first[row[0]] < since]
        assert found.existing.sales == sum((row[2] for row in old), Decimal(0))
        assert found.existing.sales + found.new.sales == sum((row[2] for row in mine), Decimal(0))
        assert found.existing.buyers == len({row[0] for row in old})
        assert found.new.buyers == len({row[0] for row in mine}) - found.existing.buyers


def test_cohorts_add_up_to_the_rows(shop: tuple[pa.Table, Rows, date, str]) -> None:
    orders, rows, as_of, tz = shop
    first: dict[str, date] = {}
    for who, day, _ in rows:
        first[who] = min(day, first.get(who, day))
    money: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
    people: dict[tuple[str, int], set[str]] = defaultdict(set)
    for who, day, amount in rows:
        begin = first[who]
        place = begin.strftime("%Y-%m"), (day.year - begin.year) * 12 + day.month - begin.month
        money[place] += amount
        people[place].add(who)
    cells = cohorts.cohorts(Sales.of(orders, tz=tz, as_of=as_of)).to_pylist()
    assert {(cell["first_month"], cell["month"]): cell["sales"] for cell in cells} == money
    assert {(cell["first_month"], cell["month"]): cell["active"] for cell in cells} == {
        place: len(who) for place, who in people.items()
    }
    assert sum(cell["sales"] for cell in cells) == sum(row[2] for row in rows)
