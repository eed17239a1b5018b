"""The mature period before and after a day: counted by hand from spans, and judged only where there is enough."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pyarrow as pa
import pytest
import yaml

from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import read
from tenure.value import cycle
from tenure.value.sales import Sales

AS_OF = date(2024, 12, 31)
BEGIN = date(2023, 1, 1)
MODEL = """
id: three
name: {zh: 三期, en: Three}
needs: [order]
stages:
  - {id: gone, name: {zh: 走, en: Gone}, family: F10, when: days_since(order) > 90}
  - {id: fond, name: {zh: 爱, en: Fond}, family: F7, when: count(order) > 9}
  - {id: grown, name: {zh: 熟, en: Grown}, family: F6, when: has(order)}
"""
Span = tuple[str, str, date, date | None]


def model() -> Model:
    return read(yaml.safe_load(MODEL))


def sales_of(spans: list[Span]) -> Sales:
    orders = pa.table({"customer_id": ["a"], "at": [BEGIN.isoformat()], "amount": [1.0]})
    sales = Sales.of(orders, as_of=AS_OF)
    rows = [
        {"customer_id": who, "model": "three", "stage": stage, "entered_on": start, "left_on": end,
         "passed_through": False}
        for who, stage, start, end in spans
    ]  # fmt: skip
    days = {"entered_on": pa.date32(), "left_on": pa.date32()}
    schema = pa.schema({"customer_id": pa.string(), "model": pa.string(), "stage": pa.string(), **days,
                        "passed_through": pa.bool_()})  # fmt: skip
    sales.con.register("spans", pa.Table.from_pylist(rows, schema=schema))
    return sales


def spans(seed: int, stay: dict[bool, int], customers: int = 300) -> list[Span]:
    """Return lives of grown (and sometimes fond) and gone in turns; stays begun after the cut last otherwise."""
    draw, cut, found = random.Random(seed), AS_OF - timedelta(days=180), []
    for who in range(customers):
        day = BEGIN + timedelta(days=draw.randrange(60))
        while day <= AS_OF:
            length = max(1, round(draw.expovariate(1 / stay[day >= cut - timedelta(days=30)])))
            middle, end = day + timedelta(days=length // 2), day + timedelta(days=length)
            if draw.random() < 0.4 and middle > day:
                found += [(f"{who:03d}", "grown", day, middle), (f"{who:03d}", "fond", middle, end)]
            else:
                found.append((f"{who:03d}", "grown", day, end))
            day = end + timedelta(days=draw.randrange(5, 30))
            found.append((f"{who:03d}", "gone", end, day))
    return [(who, stage, start, None if end is None or end > AS_OF else end) for who, stage, start, end in found
            if start <= AS_OF]  # fmt: skip


def by_hand(found: list[Span], begin: date, end: date) -> tuple[int, int]:
    """Return customer-days in mature stages on the days of a window, and departures in it, day by day."""
    mature: set[tuple[str, date]] = set()
    for who, stage, start, left in found:
        day = start
        while stage != "gone" and day < (left or AS_OF + timedelta(days=1)):
            mature.add((who, day))
            day += timedelta(days=1)
    window = [begin + timedelta(days=n) for n in range((end - begin).days)]
    people = {who for who, _ in mature}
    spent = sum((who, day) in mature for who in people for day in window)
    left = sum(
        (who, day) in mature and (who, day + timedelta(days=1)) not in mature for who in people for day in window
    )
    return spent, left


@pytest.mark.parametrize("seed", range(3))
def test_days_and_departures_are_those_counted_day_by_day(seed: int) -> None:
    lives = spans(seed, {False: 60, True: 60}, 40)
    found = cycle.extension(sales_of(lives), model())
    assert found is not None
    assert (found.begin, found.cut, found.end) == (AS_OF - timedelta(360), AS_OF - timedelta(180), AS_OF)
    assert (found.before.days, found.before.left) == by_hand(lives, found.begin, found.cut)
    assert (found.after.days, found.after.left) == by_hand(lives, found.cut, found.end)


@pytest.mark.parametrize(
    ("before", "after", "verdict"), [(60, 160, "longer"), (160, 60, "shorter"), (80, 80, "no-difference")]
)
def test_a_longer_and_a_shorter_cycle_are_told_from_chance(before: int, after: int, verdict: str) -> None:
    found = cycle.extension(sales_of(spans(1, {False: before, True: after})), model())
    assert found is not None
    assert found.verdict == verdict


def test_a_stay_that_goes_from_mature_to_loyal_has_not_ended() -> None:
    day = AS_OF - timedelta(days=100)
    lives: list[Span] = [("a", "grown", BEGIN, day), ("a", "fond", day, None)]
    found = cycle.extension(sales_of(lives), model())
    assert found is not None
    assert found.after == cycle.Length(180, 0)
    assert (found.after.mean, found.verdict) == (None, "cannot-judge")


def test_too_short_a_history_gives_no_comparison() -> None:
    sales = sales_of([("a", "grown", AS_OF - timedelta(days=10), None)])
    young = Sales(sales.con, AS_OF, AS_OF - timedelta(days=80), sales.tz)
    assert cycle.extension(young, model()) is None
    assert cycle.extension(sales, model(), cut=AS_OF - timedelta(days=5)) is None
    assert cycle.extension(sales, model(), cut=AS_OF - timedelta(days=50)) is not None
