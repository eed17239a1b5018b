"""Value of stages: against processes whose truth is known, and against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from economics.people import LAST, Chain, money, stays
from tenure.economics.episodes import cash_flows
from tenure.economics.tiers import thirds, windows
from tenure.economics.value import WEEK, count, forward, interval, one_window, profit_by_stage, weights

DISCOUNT = 0.10


def test_money_of_a_stage_is_divided_by_the_days_in_it() -> None:
    found = stays([(0, "a", LAST - 59, LAST - 29), (0, "b", LAST - 29, None), (1, "a", LAST - 29, None)])
    paid = money([(0, LAST - 59, 30.0), (0, LAST - 30, 60.0), (0, LAST - 29, 5.0), (1, LAST, 40.0)], [(1, LAST, 10.0)])
    told = {one["stage"]: one for one in profit_by_stage(found, paid, weights(2))}
    # Customer 0 was 30 days in a, then 30 days in b; customer 1 is in a for 30 days, today included.
    assert (told["a"]["customer_days"], told["b"]["customer_days"]) == (60.0, 30.0)
    assert (told["a"]["sales"], told["a"]["invested"], told["a"]["profit"]) == (130.0, 10.0, 120.0)
    assert told["a"]["month_profit"] == pytest.approx(60.0)
    assert told["b"]["month_profit"] == pytest.approx(5.0)
    assert told["c"]["month_profit"] is None
    assert (told["a"]["people"], told["b"]["people"], told["c"]["people"]) == (1, 1, 0)


def test_margin_is_exact_where_costs_are_known_and_a_share_elsewhere() -> None:
    import pyarrow as pa

    rows = pa.table(
        {"who": [0, 0, 1, 1], "at": [0, 0, 0, 0], "amount": [100.0, 50.0, 80.0, -30.0],
         "cost": [60.0, 30.0, None, None], "back": [False, False, False, True]}
    )  # fmt: skip
    partly = cash_flows(rows, None, "UTC", 10)
    assert partly.basis == "margin-share"
    assert partly.margin.tolist() == pytest.approx([40.0, 20.0, 32.0, -30.0])  # 40 % of 80; the refund in full
    assert cash_flows(rows, None, "UTC", 10, 0.25).margin.tolist() == pytest.approx([40.0, 20.0, 20.0, -30.0])
    known = cash_flows(rows.filter(pa.array([True, True, False, True])), None, "UTC", 10)
    assert (known.basis, known.margin.tolist()) == ("margin", [40.0, 20.0, -30.0])
    nothing = rows.set_column(3, "cost", pa.nulls(4, pa.float64()))
    assert cash_flows(nothing, None, "UTC", 10).basis == "sales"
    assert cash_flows(nothing, None, "UTC", 10).margin.tolist() == [100.0, 50.0, 80.0, -30.0]


def test_a_certain_life_is_worth_exactly_its_discounted_money() -> None:
    # Everybody pays 7 every week and stays for ever.
    found = stays([(n, "a", LAST - 7 * 60, None) for n in range(40)])
    paid = money([(n, day, 7.0) for n in range(40) for day in range(LAST - 7 * 60 + 1, LAST + 1, 7)])
    counts = count(found, paid, one_window(found))
    value = forward(counts, 70, DISCOUNT, weights(counts.risk.shape[0])).current_all[0, 0]
    assert value == pytest.approx(sum(7 * np.exp(-DISCOUNT * (7 * n + 3.5) / 365) for n in range(10)))
    part = forward(counts, 3, 0.0, weights(counts.risk.shape[0])).current_all[0, 0]
    assert part == pytest.approx(3.0)


def test_weeks_moves_and_money_are_all_counted_once() -> None:
    found, paid = Chain.watched(300, 80, 5)
    counts = count(found, paid, one_window(found))
    assert counts.now.sum() == 300
    assert counts.risk.sum() == sum((found.day - day) // WEEK for day in _first(found))
    cut = windows(found, paid, tiers := thirds(np.arange(1.0, 301.0)), tiers.of)
    again = count(found, paid, cut, tiers.names)
    seen = -cut[0].first
    assert again.risk.sum() == sum(min(seen, (found.day - day) // WEEK) for day in _first(found))
    assert counts.money.sum() == pytest.approx(paid.profit.sum())
    late = paid.day > found.day + 7 * cut[0].first
    assert again.money.sum() == pytest.approx(paid.profit[late].sum())


def _first(found: object) -> list[int]:
    first: dict[int, int] = {}
    for who, day in zip(found.who.tolist(), found.entered.tolist(), strict=True):  # type: ignore[attr-defined]
        first.setdefault(who, day)
    return list(first.values())


def test_the_value_of_every_stage_and_time_in_it_is_that_of_the_true_process() -> None:
    found, paid = Chain.watched(3000, 120, 1)
    counts = count(found, paid, one_window(found))
    told = forward(counts, 52 * 7, DISCOUNT, weights(counts.risk.shape[0]))
    for stage, weeks in ((0, 0), (0, 8), (1, 0), (1, 1), (1, 3), (1, 5), (2, 0), (2, 20)):
        truth = Chain.truth(stage, weeks, 52, DISCOUNT)
        assert told.value[0, 0, stage, weeks] == pytest.approx(truth, abs=max(4.0, 0.03 * abs(truth))), (stage, weeks)


def test_a_constant_rate_would_have_been_wrong() -> None:
    # Who has slept for five weeks is nearly lost; who fell asleep today is not: duration matters.
    found, paid = Chain.watched(3000, 120, 1)
    told = forward(count(found, paid, one_window(found)), 364, DISCOUNT, np.ones((1, 120)))
    assert told.value[0, 0, 1, 0] > told.value[0, 0, 1, 5] + 50


def test_a_move_is_worth_the_difference() -> None:
    found, paid = Chain.watched(2000, 120, 2)
    counts = count(found, paid, one_window(found))
    told = forward(counts, 364, DISCOUNT, weights(counts.risk.shape[0]))
    values = {value["stage"]: value for value in told.stage_values()}
    moves = {(value["source"], value["target"]): value for value in told.move_values()}
    difference = values["awake"]["entering"] - values["lost"]["value"]
    assert moves["lost", "awake"]["value"] == pytest.approx(difference)
    assert moves["lost", "awake"]["low"] < difference < moves["lost", "awake"]["high"]
    assert moves["awake", "lost"]["value"] < 0


def test_stages_nobody_was_watched_in_have_no_value() -> None:
    told = _forward(stays([(n, "a", 0, None) for n in range(30)])).stage_values()
    assert told[0]["value"] is not None
    assert told[1]["value"] is None
    assert told[1]["value_low"] is None


def _forward(found: object) -> object:
    counts = count(found, money([(0, LAST - 20, 5.0)]), one_window(found))  # type: ignore[arg-type]
    return forward(counts, 90, 0.1, weights(counts.risk.shape[0]))


@pytest.mark.slow
def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    truth = {stage: Chain.truth(stage, 0, 26, DISCOUNT) for stage in (0, 1)}
    inside = {0: 0, 1: 0}
    for seed in range(100):
        found, paid = Chain.watched(400, 70, 100 + seed)
        counts = count(found, paid, one_window(found))
        low, high = interval(forward(counts, 26 * 7, DISCOUNT, weights(counts.risk.shape[0], seed=seed)).entering[:, 0])
        for stage, wanted in truth.items():
            inside[stage] += int(low[stage] <= wanted <= high[stage])
    assert all(88 <= hits <= 100 for hits in inside.values()), inside


def test_heavy_and_light_buyers_are_told_apart() -> None:
    # Half pay 70 a week, half 7; both sleep alike. The value of a heavy buyer is ten times that of a light one.
    found, paid = Chain.watched(600, 110, 9)
    heavy = np.arange(600) % 2 == 0
    scale = np.where(heavy[paid.who], 7.0, 0.7)
    rich = type(paid)(paid.who, paid.day, paid.sales * scale, paid.sales * scale, paid.invested)
    tiers = type(thirds(np.ones(600)))(("high", "low"), np.where(heavy, 0, 1), "pace")
    counts = count(found, rich, windows(found, rich, tiers, tiers.of), tiers.names)
    told = forward(counts, 182, 0.0, np.ones((1, counts.risk.shape[0])))
    assert told.value[0, 0, 0, 0] > 5 * told.value[0, 1, 0, 0] > 0
