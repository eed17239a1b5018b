"""The part "lifetime": gates, choice, scores, intervals, value and reports, on shops whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tenure.features.columns import numbers, with_columns
from tenure.features.snapshot import Snapshot
from tenure.scorecard.model import Context, Options
from tenure.stats.record import Fit
from tenure.value.buyers import buyers_of
from tenure.value.intervals import order_distribution
from tenure.value.lifetime import Lifetime
from tenure.value.notebook import features_of
from tenure.value.scoring import fitted_of
from tenure.value.spending import Basis, historic, moments, shares, spend_of
from value.shops import Shop, day_after, shop

MODEL = Lifetime()

AS_OF = day_after(730)


def made(one: Shop, **changes: Any) -> tuple[pa.Table, dict[str, Fit], pa.Table, Context]:
    """Return features, fits, features with scores, and the context."""
    context = Context(AS_OF, "UTC", "CNY", options=replace(Options(), **changes))
    table = features_of({"orders": one.orders}, AS_OF, "UTC")
    fits = {fit.part: fit for fit in MODEL.fit(table, context)}
    scores = MODEL.score(table, fits, context).columns
    return table, fits, with_columns(table, scores), context


@pytest.fixture(scope="module")
def truth() -> Shop:
    return shop(3_000, seed=7)


@pytest.fixture(scope="module")
def scored(truth: Shop) -> tuple[pa.Table, dict[str, Fit], pa.Table, Context]:
    return made(truth)


def test_a_small_shop_is_told_what_is_missing_and_gets_no_prediction() -> None:
    _, fits, whole, context = made(shop(120, seed=3))
    missing = {gate.name for gate in fits["purchases"].gates if not gate.passed}
    assert missing == {"buyers"}
    assert fits["purchases"].verdict == "too-little-data"
    assert not fits["purchases"].usable
    for name in MODEL.schema.names:
        if name not in ("historic_value", "frequency", "recency", "repeat_spend", "revenue"):
            assert whole.column(name).null_count == len(whole), name
    assert numbers(whole, "historic_value").sum() == pytest.approx(numbers(whole, "revenue").sum())
    told = MODEL.score(whole, fits, context).report()["predictions"]
    assert [one["name"] for one in told["gates"] if not one["passed"]] == ["buyers"]
    assert "totals" not in told


def test_scores_have_exactly_the_columns_promised(scored: Any) -> None:
    table, fits, _, context = scored
    found = MODEL.score(table, fits, context).columns
    assert found.schema == MODEL.schema
    assert len(found) == len(table)
    nobody = MODEL.score(table.slice(0, 0), fits, context).columns
    assert (nobody.schema, len(nobody)) == (MODEL.schema, 0)


def test_a_fit_that_was_written_down_scores_the_same_and_so_does_a_customer_alone(scored: Any) -> None:
    table, fits, whole, context = scored
    again = {part: Fit.from_json(fit.to_json()) for part, fit in fits.items()}
    assert MODEL.score(table, again, context).columns.equals(MODEL.score(table, fits, context).columns)
    few = table.take([5, 17, 1_203, 2_999])
    assert close(MODEL.score(few, again, context).columns, whole.select(MODEL.schema.names).take([5, 17, 1_203, 2_999]))


def close(one: pa.Table, other: pa.Table) -> bool:
    for name in one.column_names:
        a, b = one.column(name).to_pylist(), other.column(name).to_pylist()
        for x, y in zip(a, b, strict=True):
            assert (x == pytest.approx(y, rel=1e-9, abs=1e-12)) if isinstance(x, float) else x == y, name
    return True


def test_two_fits_of_the_same_facts_are_the_same(scored: Any) -> None:
    table, fits, _, context = scored
    assert [one.to_json() for one in MODEL.fit(table, context)] == [fit.to_json() for fit in fits.values()]


def test_the_model_is_chosen_in_the_open(scored: Any) -> None:
    _, fits, _, _ = scored
    fit = fits["purchases"]
    models = {figure["model"] for figure in fit.figures["models"]}
    assert {"nbd", "bg-nbd", "mbg-nbd", "pareto-nbd", "mbg-cnbd-2"} <= models
    tested = {(row["model"], row["origin"]) for row in fit.figures["backtest"]}
    assert {("rate-times-time", k) for k in (1, 2, 3)} <= tested
    assert {("last-period", k) for k in (1, 2, 3)} <= tested
    assert {(name, k) for name in models for k in (1, 2, 3)} <= tested
    assert (fit.verdict, fit.figures["why"]) in {("ok", "both"), ("ok", "likelihood"), ("ok", "backtest")}
    assert fit.model in {"pareto-nbd", "mbg-nbd", "bg-nbd"}  # people do leave here, and buy at random
    best = min(fit.figures["models"], key=lambda one: one["aic"])
    assert fit.figures["likeliest"] == best["model"]


def test_ninety_days_are_foretold_well_where_the_model_is_true(truth: Shop, scored: Any) -> None:
    _, fits, whole, _ = scored
    actual = truth.after(AS_OF, 365, whole.column("customer_id").to_pylist())
    expected = numbers(whole, "expected_orders")
    assert expected.sum() == pytest.approx(actual.sum(), rel=0.06)
    assert np.corrcoef(actual, expected)[0, 1] > 0.75
    rows = fits["purchases"].figures["models"]
    own = next(row for row in rows if row["model"] == fits["purchases"].model)["backtest"]
    plain = {figure["model"]: figure["backtest"]["rmse"] for figure in fits["purchases"].figures["baselines"]}
    assert own["rmse"] < min(plain.values())


def test_nineteen_in_twenty_orders_fall_into_their_intervals(truth: Shop, scored: Any) -> None:
    _, _, whole, _ = scored
    actual = truth.after(AS_OF, 365, whole.column("customer_id").to_pylist())
    low, high = numbers(whole, "expected_orders_low"), numbers(whole, "expected_orders_high")
    mean = numbers(whole, "expected_orders")
    inside = (actual >= low) & (actual <= high)
    assert 0.93 <= inside.mean() <= 0.99
    busy = mean > 5  # where a count is not nearly always 0 or 1, the interval is as good as it says
    assert busy.sum() > 300
    assert 0.92 <= inside[busy].mean() <= 0.985
    assert (low <= mean).all()


def test_nineteen_in_twenty_values_fall_into_their_intervals(truth: Shop, scored: Any) -> None:
    _, fits, whole, context = scored
    orders = truth.orders
    days = pc.cast(
        pc.floor(pc.divide(pc.cast(orders.column("at").cast(pa.int64()), pa.float64()), 86_400_000_000)), pa.int64()
    )
    low = (AS_OF - timedelta(days=0)).toordinal() - 719_163
    inside = pc.and_(pc.greater(days, low), pc.less_equal(days, low + 365))
    spent = orders.filter(inside).group_by("customer_id").aggregate([("amount", "sum")])
    sums = dict(
        zip(spent.column("customer_id").to_pylist(), map(float, spent.column("amount_sum").to_pylist()), strict=True)
    )
    actual = np.array([sums.get(one, 0.0) for one in whole.column("customer_id").to_pylist()])
    # Without discount, to be held against money as it came.
    plain = replace(context, options=replace(context.options, discount=0.0))
    values = MODEL.score(whole.drop_columns(MODEL.schema.names), fits, plain).columns
    inside = (actual >= numbers(values, "potential_low")) & (actual <= numbers(values, "potential_high"))
    assert 0.93 <= inside.mean() <= 0.99
    assert numbers(values, "potential_value").sum() == pytest.approx(actual.sum(), rel=0.08)


def test_discounting_takes_about_half_a_years_interest_off_a_year(scored: Any) -> None:
    _, fits, whole, context = scored
    bare = whole.drop_columns(MODEL.schema.names)
    plain = MODEL.score(bare, fits, replace(context, options=replace(context.options, discount=0.0))).columns
    ratio = numbers(whole, "potential_value").sum() / numbers(plain, "potential_value").sum()
    assert np.exp(-0.1 * 0.6) < ratio < np.exp(-0.1 * 0.35)


def test_the_next_order_comes_within_its_range_for_those_who_are_still_customers() -> None:
    """Nobody leaves here, so everybody's next order is there to be looked at."""
    one = shop(2_000, seed=11, days=2_500, leaving=None)
    _, fits, whole, _ = made(one)
    assert (fits["purchases"].verdict, fits["purchases"].model) == ("no-dropout", "nbd")
    ids = whole.column("customer_id").to_pylist()
    today = (AS_OF - day_after(0)).days
    following: dict[int, int] = {}
    for who, day in zip(one.who.tolist(), (one.day - (one.day.min())).tolist(), strict=True):
        if day > today and day < following.get(who, 10**9):
            following[who] = day
    low, high = (numbers(whole, name) for name in ("next_order_low", "next_order_high"))
    start = today - ((AS_OF - day_after(0)).days) + (AS_OF.toordinal() - 719_163)
    came = np.array([following.get(int(i), 10**9) - today + start for i in ids], dtype=float)
    dated = ~np.isnan(high)
    assert dated.sum() > 1_000
    assert 0.76 <= ((came >= low) & (came <= high))[dated].mean() <= 0.84


def test_a_shop_that_nobody_leaves_says_so_and_everybody_is_alive() -> None:
    one = shop(1_500, seed=5, leaving=None)
    _, fits, whole, _ = made(one)
    assert fits["purchases"].verdict == "no-dropout"
    assert numbers(whole, "p_alive") == pytest.approx(1.0)
    actual = one.after(AS_OF, 365, whole.column("customer_id").to_pylist())
    assert numbers(whole, "expected_orders").sum() == pytest.approx(actual.sum(), rel=0.06)


def test_regular_buyers_get_a_model_of_regular_buying() -> None:
    one = shop(1_500, seed=9, regular=4, rate=(3.0, 60.0))
    _, fits, whole, _ = made(one)
    assert fits["purchases"].model.split("-")[0:2] in (["bg", "cnbd"], ["mbg", "cnbd"])
    assert int(fits["purchases"].model[-1]) >= 3
    actual = one.after(AS_OF, 365, whole.column("customer_id").to_pylist())
    inside = (actual >= numbers(whole, "expected_orders_low")) & (actual <= numbers(whole, "expected_orders_high"))
    assert inside.mean() >= 0.92


@pytest.mark.slow
def test_the_total_of_everybody_falls_into_its_interval() -> None:
    hits = []
    for seed in range(20, 32):
        one = shop(700, seed=seed)
        table, fits, whole, context = made(one)
        told = MODEL.score(whole, fits, context).report()["predictions"]["totals"]
        actual = one.after(AS_OF, 365, table.column("customer_id").to_pylist()).sum()
        year = next(part for part in told if part["days"] == 365)["orders"]
        assert year["wide_low"] <= year["low"] < year["expected"] < year["high"] <= year["wide_high"]
        hits.append(year["low"] <= actual <= year["high"])
    assert sum(hits) >= 10  # of 12 at 95 %: fewer come twice in a hundred times, and seeds are fixed


def test_historic_value_reconciles_with_the_rows_to_the_cent(truth: Shop, scored: Any) -> None:
    _, fits, whole, _ = scored
    assert fits["spend"].params["basis"]["kind"] == "sales"
    low = AS_OF.toordinal() - 719_163
    days = truth.orders.column("at").cast(pa.int64()).to_numpy() // 86_400_000_000
    amounts = truth.orders.column("amount").cast(pa.float64()).to_numpy()
    assert round(numbers(whole, "historic_value").sum(), 2) == round(amounts[days <= low].sum(), 2)
    lifetime = numbers(whole, "historic_value") + numbers(whole, "potential_value")
    assert numbers(whole, "lifetime_value") == pytest.approx(lifetime)


def test_value_is_margin_where_costs_are_known() -> None:
    _, fits, whole, _ = made(shop(800, seed=13, cost=0.7))
    basis = Basis(**fits["spend"].params["basis"])
    assert (basis.kind, basis.net) == ("margin", 1.0)
    assert basis.share == pytest.approx(0.3, abs=0.001)
    assert numbers(whole, "historic_value") == pytest.approx(numbers(whole, "margin"))
    _, _, sales, _ = made(shop(800, seed=13))
    ratio = numbers(whole, "potential_value").sum() / numbers(sales, "potential_value").sum()
    assert ratio == pytest.approx(0.3, abs=0.005)


def test_value_is_an_assumed_share_of_sales_where_somebody_said_one() -> None:
    table, fits, whole, _ = made(shop(800, seed=13), margin=0.25)
    basis = Basis(**fits["spend"].params["basis"])
    assert (basis.kind, basis.share) == ("assumed", 0.25)
    assert numbers(whole, "historic_value") == pytest.approx(0.25 * numbers(whole, "revenue"))
    assert shares(table, basis) == pytest.approx(0.25)
    assert historic(table, Basis("sales")) == pytest.approx(numbers(whole, "revenue"))


def test_spend_is_drawn_towards_everybodys_mean_the_more_the_less_is_known(scored: Any) -> None:
    _, fits, _, _ = scored
    spend = spend_of(fits["spend"].params["spend"])
    assert spend.p == pytest.approx(6.0, rel=0.25)
    assert spend.q == pytest.approx(4.0, rel=0.15)
    mean, second = moments(spend, np.array([0.0, 1.0, 5.0, 50.0]), np.array([0.0, 100.0, 100.0, 100.0]))
    assert mean[0] == pytest.approx(spend.mean)
    assert mean[0] < mean[1] < mean[2] < mean[3] < 100.0
    assert (second > mean**2).all()
    assert not fits["spend"].figures["dependence"]["warning"]


def test_the_law_of_counts_keeps_the_models_mean_and_chance(scored: Any) -> None:
    table, fits, _, _ = scored
    fitted = fitted_of(fits["purchases"])
    assert fitted is not None
    buyers = buyers_of(table)
    law = order_distribution(fitted, 52.0, buyers.cells)
    rng = np.random.default_rng(4)
    draws = np.stack([fitted.future(buyers.cells, 52.0, rng) for _ in range(400)])
    weight = buyers.cells.weight
    many = law.mean > 2
    assert weight @ draws.mean(axis=0) == pytest.approx(weight @ law.mean, rel=0.02)
    ratio = np.average(draws.var(axis=0)[many], weights=weight[many]) / np.average(
        law.variance[many], weights=weight[many]
    )
    assert 0.8 < ratio < 1.2
    above = (draws <= law.quantile(0.975)).mean(axis=0)
    assert np.average(above, weights=weight) >= 0.965


def test_the_report_adds_up(truth: Shop, scored: Any) -> None:
    table, fits, whole, context = scored
    told = MODEL.score(whole, fits, context).report()["predictions"]
    buyers = len(buyers_of(table))
    assert sum(row["actual"] for row in told["calibration"]) == buyers
    assert sum(row["expected"] for row in told["calibration"]) == pytest.approx(buyers)
    then = buyers_of(table, 1)
    assert sum(row["customers"] for row in told["deciles"]) == len(then)
    assert sum(row["orders_actual"] for row in told["deciles"]) == then.after.sum()
    assert sum(row["customers"] * row["actual"] for row in told["after"]) == pytest.approx(then.after.sum())
    assert told["gain"][-1]["model"] == pytest.approx(1.0)
    assert all(row["model"] <= row["best"] + 1e-9 for row in told["gain"])
    weeks = told["tracking"]["weeks"]
    came = sum(row["actual"] for row in weeks)
    known = buyers_of(table, told["tracking"]["origin"])
    now = numbers(whole, "frequency")[known.where]
    ages = numbers(table, "age")[known.where]
    assert came <= now.sum()
    if ages.max() < 78 * 7:
        assert came == now.sum()
    assert sum(row["customers"] for row in told["reliability"]) == sum(len(buyers_of(table, k)) for k in (1, 2, 3))
    assert told["value"]["historic_value"] == pytest.approx(numbers(whole, "historic_value").sum())
    assert [total["days"] for total in told["totals"]] == [90, 365]


def test_back_tests_see_nothing_of_what_came_after_their_origin(truth: Shop, scored: Any) -> None:
    """The same shop, cut off on the day of origin 1, says the same of that day's customers."""
    table, fits, whole, _ = scored
    day = AS_OF - timedelta(days=90)
    low = day.toordinal() - 719_163
    days = truth.orders.column("at").cast(pa.int64()).to_numpy() // 86_400_000_000
    then = features_of({"orders": truth.orders.filter(pa.array(days <= low))}, day, "UTC")
    ids = dict(zip(then.column("customer_id").to_pylist(), range(len(then)), strict=True))
    rows = [n for n, one in enumerate(table.column("customer_id").to_pylist()) if one in ids]
    there = [ids[table.column("customer_id")[n].as_py()] for n in rows]
    before, last = Snapshot(table, 1), Snapshot(then, 0)
    for name in ("frequency", "recency", "age", "repeat_spend"):
        np.testing.assert_array_equal(getattr(before, name)[rows], getattr(last, name)[there], err_msg=name)
    fitted = fitted_of(fits["purchases"], 1)
    assert fitted is not None
    alone = fitted.p_active(90 / 7, buyers_of(then).cells)[buyers_of(then).cells.where]
    assert np.sort(alone) == pytest.approx(np.sort(numbers(whole, "_p_active@1")[rows]), rel=1e-6)
