"""Shares, cohorts, second purchases, curves and costs: each table is the one that counting by hand gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from tenure.errors import TenureError
from tenure.value import cohorts, costs, existing_customers, pareto, repeat_funnel, value_by_age
from tenure.value.notebook import rank
from tenure.value.sales import Sales
from value.ranking_shop import AS_OF, TZ, Clerk, shop

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEDS = range(6)


def books(seed: int) -> tuple[Clerk, Sales, pa.Table]:
    orders, spent = (pa.Table.from_pylist(rows) for rows in shop(seed))
    return Clerk(*shop(seed)), Sales.of(orders, spent, tz=TZ, as_of=AS_OF), rank(orders, spent, as_of=AS_OF, tz=TZ)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("days", [1, 30, 200])
def test_old_and_new_customers_of_a_period_are_those_counted_by_hand(seed: int, days: int) -> None:
    clerk, sales, _ = books(seed)
    since = AS_OF - timedelta(days=days - 1)
    found = existing_customers.existing_share(sales, since, AS_OF)
    for side, old in ((found.existing, True), (found.new, False)):
        mine = [row for row in clerk.orders if row["on"] >= since and _is_old(clerk, row["customer_id"], since) == old]
        sales = [row for row in mine if row["status"] == "sale"]
        spent = [row for row in clerk.costs if row["on"] >= since and _is_old(clerk, row["customer_id"], since) == old]
        assert side.buyers == len({row["customer_id"] for row in sales})
        assert side.orders == len(sales)
        assert side.sales == sum((row["amount"] for row in mine), Decimal(0))
        assert side.margin == sum((clerk.margin_of(row) for row in mine), Decimal(0))
        assert side.invested == sum((row["amount"] for row in spent), Decimal(0))
        assert side.profit == side.margin - side.invested


def _is_old(clerk: Clerk, who: str, day: date) -> bool:
    return who in clerk.first and clerk.first[who] < day


@pytest.mark.parametrize("seed", SEEDS)
def test_the_daily_share_counts_as_old_who_ordered_before_that_day(seed: int) -> None:
    clerk, sales, _ = books(seed)
    since = AS_OF - timedelta(days=300)
    found = {row["day"]: row for row in existing_customers.existing_share_by_day(sales, since, AS_OF).to_pylist()}
    assert set(found) == {row["on"] for row in clerk.orders if row["on"] >= since}
    for day, row in found.items():
        mine = [order for order in clerk.orders if order["on"] == day]
        old = [one for one in mine if _is_old(clerk, one["customer_id"], day)]
        assert row["sales"] == sum(one["amount"] for one in mine)
        assert row["old_sales"] == sum((one["amount"] for one in old), Decimal(0))
        assert row["old_buyers"] == len({one["customer_id"] for one in old if one["status"] == "sale"})


def test_a_period_that_ends_before_it_begins_is_refused_with_what_to_do() -> None:
    _, sales, _ = books(0)
    with pytest.raises(TenureError, match="Swap the two days"):
        existing_customers.existing_share(sales, AS_OF, AS_OF - timedelta(days=1))


def test_a_share_of_nothing_or_of_a_loss_is_no_share() -> None:
    share_of, nothing = existing_customers.ExistingShare, existing_customers.PeriodTotals()
    nobody = share_of(AS_OF, AS_OF, nothing, nothing)
    assert nobody.share() is None
    assert nobody.passes() is None
    loss = existing_customers.PeriodTotals(margin=Decimal(-5))
    assert share_of(AS_OF, AS_OF, loss, nothing).share("profit") is None


@pytest.mark.parametrize("seed", SEEDS)
def test_cohorts_are_those_counted_by_hand_and_add_up_to_the_rows(seed: int) -> None:
    clerk, sales, _ = books(seed)
    wanted: dict[tuple[str, int], list[object]] = defaultdict(lambda: [set(), Decimal(0), 0])
    for row in clerk.orders:
        first = clerk.first.get(row["customer_id"])
        if first is None:
            continue
        cell = wanted[first.strftime("%Y-%m"), max(_months(first, row["on"]), 0)]
        cell[1] += row["amount"]  # type: ignore[operator]
        if row["status"] == "sale":
            cell[0].add(row["customer_id"])  # type: ignore[attr-defined]
            cell[2] += 1  # type: ignore[operator]
    table = cohorts.cohorts(sales)
    found = {(row["first_month"], row["month"]): row for row in table.to_pylist()}
    assert set(found) == set(wanted)
    sizes = Counter(day.strftime("%Y-%m") for day in clerk.first.values())
    for place, (who, sales, orders) in wanted.items():
        row = found[place]
        assert (row["active"], row["sales"], row["orders"]) == (len(who), sales, orders)  # type: ignore[arg-type]
        assert row["customers"] == sizes[place[0]]
    rows = cohorts.grid(table, AS_OF)
    assert sum(sum(row["sales"]) for row in rows) == pytest.approx(float(sum(clerk.net(who) for who in clerk.buyers)))
    assert all(row["retention"][0] == 1 and len(row["sales"]) == len(row["active"]) for row in rows)


def _months(first: date, day: date) -> int:
    return (day.year - first.year) * 12 + day.month - first.month


def test_the_month_that_is_not_over_is_left_out_of_the_mean() -> None:
    rows = [{"first_month": "2024-05", "customers": 4, "active": [4, 1], "sales": [40.0, 10.0]}]
    assert [one["retention"] for one in cohorts.by_age(rows, whole_last=False)] == [1.0]
    assert [one["retention"] for one in cohorts.by_age(rows, whole_last=True)] == [1.0, 0.25]


@pytest.mark.parametrize("seed", SEEDS)
def test_second_purchases_are_those_counted_by_hand(seed: int) -> None:
    clerk, sales, table = books(seed)
    found = repeat_funnel.second_purchase(sales)
    again = {who: (days[1] - days[0]).days for who, days in clerk.days.items() if len(days) > 1}
    assert (found["buyers"], found["second"]) == (len(clerk.buyers), len(again))
    assert found["rate"] == repeat_funnel.repurchase_rate(np.array(table.column("deals").to_pylist()))
    assert found["days"][1] == sorted(again.values())[(len(again) + 1) // 2 - 1]
    for one in found["within"]:
        watched = {who for who, first in clerk.first.items() if (AS_OF - first).days >= one["days"]}
        assert one["watched"] == len(watched)
        assert one["second"] == sum(again.get(who, 9999) <= one["days"] for who in watched)


def test_steps_of_stickiness_count_who_went_on() -> None:
    found = repeat_funnel.steps(np.array([0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 40]))
    assert [one["customers"] for one in found] == [2, 3, 1, 1, 1, 1, 2]
    assert [one["reached"] for one in found] == [11, 9, 6, 5, 4, 3, 2]
    assert found[1]["rate"] == 6 / 9
    assert found[6]["rate"] is None
    assert [one["missing"] for one in found[:4]] == [3, 2, 1, 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_concentration_and_curve_add_up_to_the_total(seed: int) -> None:
    clerk, _, table = books(seed)
    ids = np.array(clerk.buyers, dtype=object)
    values = np.array([int(clerk.net(who) * 10_000) for who in clerk.buyers])
    found = pareto.concentration(values, ids)
    assert found.total == sum(values)
    best = sorted(values, reverse=True)[: found.count]
    assert found.top == sum(best)
    assert found.count == -(-len(values) // 5)
    points = pareto.curve(values)
    assert (points[0], points[-1]) == ((0.0, 0.0), (1.0, 1.0))
    part = pareto.part_for(values, 0.8)
    assert part is not None
    few = round(part * len(values))
    ordered = sorted(values, reverse=True)
    assert sum(ordered[:few]) >= 0.8 * sum(values) > sum(ordered[: few - 1])
    assert sum(row["top_fifth"] for row in table.to_pylist() if row["deals"]) == found.count


def test_the_80_20_of_a_loss_is_no_share() -> None:
    values, ids = np.array([-5, -7]), np.array(["a", "b"], dtype=object)
    assert pareto.concentration(values, ids).share is None
    assert pareto.curve(values) == []
    assert pareto.part_for(values, 0.8) is None
    assert pareto.abc_of(values, pareto.abc_bounds(values)).tolist() == ["C", "C"]


@pytest.mark.parametrize("seed", SEEDS)
def test_costs_add_up_to_the_rows_and_break_even_is_counted_by_hand(seed: int) -> None:
    clerk, sales, table = books(seed)
    found = costs.summary(sales)
    assert found["sales"] == pytest.approx(float(sum(row["amount"] for row in clerk.orders)))
    assert found["invested"] == pytest.approx(float(sum(row["amount"] for row in clerk.costs)))
    assert found["profit"] == pytest.approx(float(sum(clerk.profit(who) for who in clerk.everybody)))
    known = sum(row["amount"] for row in clerk.sales if row["cost"] is not None)
    assert found["cost_known_share"] == pytest.approx(float(known / sum(row["amount"] for row in clerk.sales)))
    spent: dict[str, Decimal] = defaultdict(Decimal)
    for row in clerk.costs:
        spent[row["customer_id"]] += row["amount"]
    column = pa.array([spent.get(who) for who in clerk.everybody], pa.decimal128(18, 4))
    told = costs.break_even(table.drop_columns("invested").append_column("invested", column))
    reached = {who: clerk.break_even(who) for who in spent}
    assert told["invested_in"] == len(spent)
    assert told["paid_back"] == sum(day is not None for day in reached.values())
    assert told["in_profit"] == sum(clerk.profit(who) >= 0 for who in spent)
    assert told["loss"] == pytest.approx(-float(sum(min(clerk.profit(who), Decimal(0)) for who in spent)))


def _lives() -> Iterator[dict[str, object]]:
    """Yield 40 customers won on one day who buy more each month, then as much, then less, then nothing."""
    begin = date(2023, 1, 1)
    for who in range(40):
        for month, amount in enumerate([100, 20, 40, 80, 120, 120, 122, 119, 121, 80, 40, 20]):
            day = begin + timedelta(days=30 * month + who % 20)
            yield {"customer_id": f"{who:02d}", "at": day.isoformat(), "amount": float(amount)}


def test_the_inverted_u_rises_holds_and_falls() -> None:
    last = (date(2023, 1, 1) + timedelta(days=30 * 12 + 19)).isoformat()
    orders = [row for row in _lives() if row["customer_id"] != "x"]
    found = value_by_age.curve(Sales.of(pa.Table.from_pylist(orders), as_of=last))
    assert [month["value"] for month in found["months"]][1:5] == pytest.approx([20, 40, 80, 120])
    assert [phase["phase"] for phase in found["phases"]] == ["rising", "holding", "falling"]
    assert found["months"][3]["low"] == found["months"][3]["high"]  # all alike: nothing is uncertain
    assert found["months"][11]["profit_so_far"] == pytest.approx(
        sum([100, 20, 40, 80, 120, 120, 122, 119, 121, 80, 40, 20])
    )


def test_older_customers_who_are_better_do_not_make_the_curve_rise() -> None:
    """Half the customers are a year old and spend 100 a month, half are 120 days old and spend 10: all spend evenly."""
    orders = []
    for who in range(80):
        months, amount = (12, 100.0) if who < 40 else (4, 10.0)
        for month in range(months):
            day = date(2024, 1, 1) - timedelta(days=30 * (month + 1))
            orders.append({"customer_id": f"{who:02d}", "at": day.isoformat(), "amount": amount})
    found = value_by_age.curve(Sales.of(pa.Table.from_pylist(orders), as_of="2024-01-01"))
    assert [phase["phase"] for phase in found["phases"]] == ["holding"]
    assert found["months"][-1]["value"] == pytest.approx(55)
    assert found["months"][-1]["mean"] == pytest.approx(100)


@pytest.mark.parametrize("seed", SEEDS)
def test_months_of_life_are_those_counted_by_hand(seed: int) -> None:
    clerk, sales, _ = books(seed)
    for one in value_by_age.curve(sales)["months"]:
        old_enough = [who for who, first in clerk.first.items() if (AS_OF - first).days + 1 >= 30 * (one["month"] + 1)]
        assert one["customers"] == len(old_enough)
        mine = [
            row
            for row in clerk.orders
            if row["customer_id"] in old_enough
            and max((row["on"] - clerk.first[row["customer_id"]]).days, 0) // 30 == one["month"]
        ]
        assert one["mean"] == pytest.approx(float(sum((row["amount"] for row in mine), Decimal(0))) / len(old_enough))
        assert one["active"] == len({row["customer_id"] for row in mine if row["status"] == "sale"})


def test_a_phase_of_one_month_is_noise() -> None:
    assert value_by_age.phases([100, 100, 100, 145, 100, 100, 100]) == ["holding"] * 7
    assert value_by_age.phases([1, 2]) == ["holding", "holding"]
    assert value_by_age.phases([0, 0, 0]) == ["holding"] * 3


def test_an_empty_shop_has_empty_tables_and_no_errors() -> None:
    nothing = pa.table({"customer_id": pa.array([], pa.string()), "at": pa.array([], pa.string()),
                        "amount": pa.array([], pa.float64())})  # fmt: skip
    sales = Sales.of(nothing, as_of="2024-01-01")
    assert cohorts.cohorts(sales).num_rows == 0
    assert value_by_age.curve(sales) == {"months": [], "phases": []}
    assert repeat_funnel.second_purchase(sales)["rate"] is None
    assert existing_customers.existing_share(sales, date(2024, 1, 1), date(2024, 1, 1)).share() is None
    assert costs.summary(sales)["cost_known_share"] is None
    assert rank(nothing, as_of="2024-01-01").num_rows == 0
