"""Reinvest or withdraw: against every possible choice tried out, and by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from tenure.economics.allocation import StageValues, allocate, compare_options
from tenure.economics.plans import GONE, Book, Plan, PlanError, default_plans, read_book, write_book
from tenure.economics.report import checks_of
from tenure.economics.value import BANDS
from tenure.lifecycle.model_file import read

STAGES = ("good", "weak", "gone")


def values(people: dict[tuple[int, int], int], noise: float = 0.0) -> StageValues:
    """Return values of one tier: 100 in good, 40 in weak (30 after a week), 10 in gone; `people` by (stage, band)."""
    rng = np.random.default_rng(2)
    value = np.zeros((41, 1, 3, len(BANDS)))
    value[:, 0, 0], value[:, 0, 1], value[:, 0, 2] = 100.0, 30.0, 10.0
    value[:, 0, 1, 0] = 40.0
    value[1:] += rng.normal(0, noise, (40, 1, 3, 1)) if noise else 0.0
    counts = np.zeros((1, 3, len(BANDS)), dtype=np.int64)
    for (stage, band), number in people.items():
        counts[0, stage, band] = number
    return StageValues(STAGES, ("",), value, counts)


WIN = Plan("win", "develop", "weak", "good", 5.0, 0.2)
CALL = Plan("call", "develop", "weak", "good", 12.0, 0.4)
BACK = Plan("back", "develop", "gone", "good", 4.0, 0.1)
STOP = Plan("stop", "withdraw", "gone", "gone", -3.0, 0.0)


def test_doing_nothing_wins_where_no_plan_is_worth_its_cost() -> None:
    told = allocate(values({(1, 0): 5}), [replace(WIN, cost=50.0)])
    assert (told.profit, told.spend, told.left_out) == (0.0, 0.0, 0)
    assert [(row.plan_id, row.kind, row.people) for row in told.rows] == [("nothing", "maintain", 5)]


def test_profit_is_effect_times_the_value_of_the_move_less_the_cost() -> None:
    told = allocate(values({(1, 0): 2, (1, 1): 3}), [WIN])
    by_band = {row.band: row for row in told.rows}
    assert by_band[0].profit == pytest.approx(0.2 * (100 - 40) - 5)
    assert by_band[1].profit == pytest.approx(0.2 * (100 - 30) - 5)
    assert told.profit == pytest.approx(2 * 7 + 3 * 9)
    assert told.spend == 25.0


def test_withdrawing_wins_where_it_saves_more_than_trying_brings() -> None:
    told = allocate(values({(2, 3): 4}), [replace(BACK, cost=8.0), STOP])
    (one,) = told.rows
    assert (one.kind, one.plan_id, one.profit, told.saved, told.spend) == ("withdraw", "stop", 3.0, 12.0, 0.0)
    (other,) = allocate(values({(2, 3): 4}), [BACK, STOP]).rows
    assert other.kind == "develop"
    assert other.profit == pytest.approx(5.0)


def test_whoever_leaves_for_good_brings_nothing_any_more() -> None:
    leave = Plan("leave", "withdraw", "gone", GONE, -3.0, 0.2)
    (one,) = allocate(values({(2, 3): 4}), [leave]).rows
    assert one.profit == pytest.approx(3.0 - 0.2 * 10)
    with pytest.raises(PlanError, match="unknown stage"):
        allocate(values({(2, 3): 4}), [Plan("lead", "develop", "gone", GONE, 1.0, 0.2)])


def test_keeping_is_worth_what_falling_would_cost() -> None:
    keep = Plan("keep", "maintain", "good", "weak", 1.0, 0.1)
    (one,) = allocate(values({(0, 2): 1}), [keep]).rows
    assert one.kind == "maintain"
    assert one.profit == pytest.approx(0.1 * (100 - 40) - 1)


def _best_by_trying(worth: StageValues, plans: list[Plan], budget: float | None) -> float:
    """Try every way of giving plans to customers, one by one."""
    cells = [(s, b) for s, b in np.argwhere(worth.people[0]) for _ in range(worth.people[0, s, b])]
    options = [[None, *(p for p in plans if p.stage == STAGES[s])] for s, _ in cells]
    best = 0.0
    for tried in itertools.product(*options):
        given = [one for one in tried if one]
        if budget is not None and sum(max(one.cost, 0) for one in given) > budget + 1e-9:
            continue
        if any(plan.capacity is not None and given.count(plan) > plan.capacity for plan in plans):
            continue
        total = sum(
            float(worth.profit(one)[0, 0, b]) for one, (_, b) in zip(tried, cells, strict=True) if one is not None
        )
        best = max(best, total)
    return best


@pytest.mark.parametrize("budget", [None, 0.0, 7.0, 16.0, 21.0, 29.0, 60.0])
@pytest.mark.parametrize("capacity", [None, 0, 1, 2])
def test_the_choice_is_the_best_of_all(budget: float | None, capacity: int | None) -> None:
    worth = values({(1, 0): 2, (1, 2): 2, (2, 1): 2})
    plans = [WIN, replace(CALL, capacity=capacity), BACK, STOP]
    told = allocate(worth, plans, budget)
    assert told.profit == pytest.approx(_best_by_trying(worth, plans, budget))
    assert sum(row.people for row in told.rows) == 6
    assert budget is None or told.spend <= budget + 1e-9
    given = sum(row.people for row in told.rows if row.plan_id == "call")
    assert capacity is None or given <= capacity


def test_random_problems_are_solved_to_the_best_of_all() -> None:
    rng = np.random.default_rng(11)
    for _ in range(25):
        worth = values({(1, int(b)): int(rng.integers(1, 3)) for b in rng.choice(8, 2, replace=False)} | {(2, 0): 2})
        plans = [
            Plan(f"p{n}", "develop", STAGES[int(rng.integers(1, 3))], "good", float(rng.integers(1, 9)),
                 float(rng.uniform(0.05, 0.4)), capacity=int(rng.integers(0, 4)) if rng.random() < 0.5 else None)
            for n in range(3)
        ]  # fmt: skip
        budget = float(rng.integers(0, 25))
        assert allocate(worth, plans, budget).profit == pytest.approx(_best_by_trying(worth, plans, budget))


def test_the_last_of_the_budget_has_a_price() -> None:
    worth = values({(1, 1): 10})
    told = allocate(worth, [WIN], 20.0)  # four of ten customers
    assert told.last_yuan == pytest.approx(9 / 5)
    assert told.left_out == 6
    assert allocate(worth, [WIN], 100.0).last_yuan == pytest.approx(0.0)
    assert allocate(worth, [WIN], None).last_yuan is None
    more = allocate(worth, [WIN], 25.0).profit - told.profit
    assert more / 5 == pytest.approx(9 / 5)


def test_profit_has_an_interval_and_its_sum_too() -> None:
    told = allocate(values({(1, 1): 10}, noise=5.0), [WIN])
    (one,) = told.rows
    assert one.low < one.profit < one.high
    assert told.high - told.low == pytest.approx(10 * (one.high - one.low))


def test_tiers_are_asked_for() -> None:
    value = np.zeros((3, 2, 3, len(BANDS)))
    value[:, 0, 0], value[:, 1, 0] = 1000.0, 20.0
    counts = np.zeros((2, 3, len(BANDS)), dtype=np.int64)
    counts[:, 1, 0] = 3
    worth = StageValues(STAGES, ("high", "low"), value, counts)
    told = allocate(worth, [replace(WIN, cost=30.0)])
    assert {(row.tier, row.plan_id) for row in told.rows} == {("high", "win"), ("low", "nothing")}
    assert allocate(worth, [replace(WIN, cost=1.0, tiers=("low",))]).profit == pytest.approx(3 * (0.2 * 20 - 1))


def test_both_options_of_one_customer_stand_beside_each_other() -> None:
    told = compare_options(values({(2, 4): 1}, noise=3.0), [BACK, STOP, WIN], "gone", "", 10)
    assert [one["kind"] for one in told] == ["maintain", "develop", "withdraw"]
    reinvest, withdraw = told[1], told[2]
    assert (reinvest["cost"], reinvest["profit"]) == (4.0, pytest.approx(0.1 * 90 - 4))
    assert reinvest["returns"] == pytest.approx(0.1 * 90)
    assert reinvest["low"] < reinvest["profit"] < reinvest["high"]
    assert (withdraw["cost"], withdraw["profit"]) == (-3.0, 3.0)
    assert [one["best"] for one in told] == [False, True, False]


def test_values_survive_being_written_down() -> None:
    worth = values({(1, 0): 2}, noise=1.0)
    again = StageValues.from_json(worth.to_json())
    assert np.allclose(again.value, worth.value, rtol=1e-5)
    assert (again.people == worth.people).all()
    assert allocate(again, [WIN]).profit == pytest.approx(allocate(worth, [WIN]).profit, rel=1e-5)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"effect": 5.0}, "must be from 0 to 1"),
        ({"stage": "nowhere"}, "unknown stage"),
        ({"cost": -4.0}, "Only withdrawing"),
        ({"cost": float("nan")}, "the cost cannot be"),
        ({"capacity": -1}, "capacity"),
        ({"kind": "hope"}, "develop, maintain, withdraw"),
    ],
)
def test_a_plan_that_cannot_be_says_why(changed: dict[str, object], told: str) -> None:
    with pytest.raises(PlanError, match=told):
        allocate(values({(1, 0): 1}), [replace(WIN, **changed)])  # type: ignore[arg-type]


def test_plans_are_kept_in_the_lakes_folder(tmp_path: object) -> None:
    book = Book((WIN, replace(STOP, zh="减少投入")), 120.0)
    write_book(tmp_path, "retail-activity", book)  # type: ignore[arg-type]
    assert read_book(tmp_path, "retail-activity") == book  # type: ignore[arg-type]
    assert read_book(tmp_path, "crm-5") is None  # type: ignore[arg-type]
    (tmp_path / "plans" / "crm-5.yaml").write_text("plans: [{id: x}]")  # type: ignore[operator]
    with pytest.raises(PlanError, match="needs id"):
        read_book(tmp_path, "crm-5")  # type: ignore[arg-type]
    (tmp_path / "plans" / "crm-4.yaml").write_text("plans: [")  # type: ignore[operator]
    with pytest.raises(PlanError, match=r"crm-4\.yaml"):
        read_book(tmp_path, "crm-4")  # type: ignore[arg-type]


def test_assumed_plans_follow_the_models_plays_and_say_that_they_are_assumed() -> None:
    model = read("retail-activity")
    path = list(model.path)
    worth = {(a, b): float(path.index(a) - path.index(b)) * 100 for a in path for b in path if a != b}
    went = {("silent", "active"): 9, ("silent", "dormant"): 5, ("dormant", "lost"): 2, ("dormant", "active"): 3}
    plans = {plan.id: plan for plan in default_plans(model, worth, went, 50.0, {"dormant": 20.0})}
    assert all(plan.assumed for plan in plans.values())
    assert (plans["reinvest-silent"].target, plans["reinvest-silent"].cost) == ("active", 2.5)
    assert plans["reinvest-silent"].zh == model.stage("silent").advised[0].words.zh
    assert (plans["keep-active"].kind, plans["keep-active"].target) == ("maintain", "silent")
    assert (plans["withdraw-dormant"].target, plans["withdraw-dormant"].cost) == ("lost", -16.0)
    assert plans["withdraw-lost"].target == GONE
    assert default_plans(None, worth, went, 50.0, {}) == []


def _profits(**months: float | None) -> list[dict[str, object]]:
    return [
        {"stage": stage, "month_profit": month, "month_sales": month,
         "draws": None if month is None else np.array([month, month - 1, month + 1, month])}
        for stage, month in months.items()
    ]  # fmt: skip


def test_t10_profit_rises_from_exploration_over_formation_to_stability() -> None:
    model = read("relationship-4")
    names = {"exploration": 1.0, "formation": 20.0, "stability": 60.0, "degeneration": 15.0, "terminated": 0.0}
    told = {(check["check"], check["lower"], check["higher"]): check for check in checks_of(model, _profits(**names))}
    assert all(one["verdict"] == "holds" for one in told.values())
    assert set(told) == {
        ("T10", "exploration", "formation"), ("T10", "formation", "stability"), ("N35", "", "formation"),
        ("N36", "degeneration", "stability"), ("M12.5", "terminated", ""),
    }  # fmt: skip


def test_t10_violations_are_reported_with_their_numbers() -> None:
    model = read("relationship-4")
    names = {"exploration": 30.0, "formation": -5.0, "stability": None, "degeneration": 15.0, "terminated": 2.0}
    told = {(check["check"], check["higher"]): check for check in checks_of(model, _profits(**names))}
    first = told["T10", "formation"]
    assert (first["verdict"], first["lower_profit"], first["higher_profit"]) == ("violated", 30.0, -5.0)
    assert first["difference"] == pytest.approx(-35.0)
    assert told["T10", "stability"]["verdict"] == "cannot-judge"
    assert told["N35", "formation"]["verdict"] == "violated"
    assert told["M12.5", ""]["verdict"] == "violated"


def test_a_difference_that_chance_could_make_is_said_to_be_uncertain() -> None:
    near = _profits(exploration=10.0, formation=11.0)
    near[0]["draws"], near[1]["draws"] = np.array([10.0, 0, 30, 5, 20]), np.array([11.0, 30, 2, 25, 8])
    assert checks_of(read("relationship-4"), near)[0]["verdict"] == "rather-holds"
    assert checks_of(read("retail-activity"), near) == []
