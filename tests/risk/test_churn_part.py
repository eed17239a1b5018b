"""Churn on the scorecard: simulated businesses of which it is known who leaves, from facts to reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from risk.shops_with_churn import CONTEXT, Truth, orders, subscriptions, with_active
from tenure.features.snapshot import Snapshot
from tenure.risk.churn import Churn
from tenure.risk.churn_fitting import wins
from tenure.scorecard.model import Context, Options
from tenure.stats.record import Fit
from tenure.words import Message, dumps, loads

MODEL = Churn()


def _fits(table: pa.Table, context: Context = CONTEXT) -> dict[str, Fit]:
    """Return the fits, as they come back from where they are stored."""
    return {one.part: Fit.from_json(one.to_json()) for one in MODEL.fit(table, context)}


def _scored(table: pa.Table, fits: dict[str, Fit]) -> pa.Table:
    made = MODEL.score(table, fits, CONTEXT).columns
    assert made.schema == MODEL.schema
    for name in made.column_names:
        table = table.append_column(name, made.column(name))
    return table


@pytest.fixture(scope="module")
def club() -> pa.Table:
    return subscriptions(1500, 1).features()


@pytest.fixture(scope="module")
def club_fits(club: pa.Table) -> dict[str, Fit]:
    return _fits(club)


@pytest.fixture(scope="module")
def shop() -> Truth:
    return orders(1500, 2)


@pytest.fixture(scope="module")
def shop_table(shop: Truth) -> pa.Table:
    return shop.shop.features()


def test_contracts_are_learnt_and_judged_on_the_newest_ninety_days(club_fits: dict[str, Fit]) -> None:
    fit = club_fits["churn-contract"]
    assert (fit.usable, fit.verdict) == (True, "ok")
    assert [figure["origin"] for figure in fit.figures["origins"]] == [3, 2, 1]
    models = fit.figures["models"]
    assert set(models) == {"logistic", "boosting"}
    for found in models.values():
        assert found["customers"] == fit.figures["origins"][-1]["customers"]
        assert found["auc"] > 0.65
        assert found["lift"] > 3
        assert found["brier"] < found["brier_of_the_rate"]
        assert abs(sum(one["predicted"] - one["actual"] for one in found["reliability"]) / 10) < 0.03
    loss = {name: model["loss_when_chosen"] for name, model in models.items()}
    assert fit.model == ("boosting" if loss["boosting"] < loss["logistic"] - 0.002 else "logistic")


def test_what_made_them_leave_is_what_weighs(club: pa.Table, club_fits: dict[str, Fit]) -> None:
    weights = club_fits["churn-contract"].figures["group_weights"]
    assert {"interaction", "satisfaction"} <= set(list(weights)[:3])
    table = _scored(club, club_fits)
    risky = sorted(
        zip(table["churn"].to_pylist(), table["churn_reasons"].to_pylist(), strict=True), key=lambda one: -(one[0] or 0)
    )
    told = [loads(text) for _, text in risky[:50]]
    assert sum(len(reasons) == 3 for reasons in told) > 40  # the others stand out by two things only
    for reasons in told:
        assert reasons[0]["group"] in ("interaction", "satisfaction", "complaints")
        assert len({reason["measure"] for reason in reasons}) == len(reasons) >= 2
        for one in reasons:
            assert set(one) == {
                "group",
                "measure",
                "value",
                "own_past",
                "peers",
                "weight",
                "association",
                "text",
            }
            assert one["association"] is True
            assert one["text"].render("en")
            assert one["text"].render("zh") != one["text"].render("en")


def test_a_reason_tells_the_customers_own_number_past_and_peers(club: pa.Table, club_fits: dict[str, Fit]) -> None:
    table = _scored(club, club_fits)
    seen = 0
    for row, text in enumerate(table["churn_reasons"].to_pylist()):
        for load in loads(text or "[]"):
            if load["measure"] == "interactions":
                assert load["value"] == table["_interactions@0"][row].as_py()
                assert load["own_past"] == table["_interactions@1"][row].as_py()
                assert (
                    load["text"]
                    .render("en")
                    .startswith(
                        f"contacts in the last 90 days: {load['value']:g} "
                        f"(in the previous 90 days: {load['own_past']:g};"
                    )
                )
                assert load["value"] < max(load["own_past"], load["peers"])  # fewer than either
                seen += 1
    assert seen > 10


def test_one_customer_is_scored_from_the_stored_fit_as_among_everybody(
    club: pa.Table, club_fits: dict[str, Fit]
) -> None:
    whole = MODEL.score(club, club_fits, CONTEXT).columns.to_pylist()
    for row in [0, 5, 77, *np.argsort([-(one["churn"] or 0) for one in whole])[:5].tolist()]:
        assert MODEL.score(club.slice(row, 1), club_fits, CONTEXT).columns.to_pylist() == [whole[row]]
    assert MODEL.score(club.slice(0, 0), club_fits, CONTEXT).columns.num_rows == 0


def test_a_second_fit_on_the_same_facts_is_the_same(club: pa.Table, club_fits: dict[str, Fit]) -> None:
    again = _fits(club)
    assert {name: one.to_json() for name, one in again.items()} == {n: fit.to_json() for n, fit in club_fits.items()}


def test_only_customers_under_contract_have_a_risk_and_levels_follow_it(
    club: pa.Table, club_fits: dict[str, Fit]
) -> None:
    table = _scored(club, club_fits)
    bounds = club_fits["churn-contract"].params["levels"]
    for row in table.to_pylist():
        assert (row["churn"] is not None) == row["_contract@0"] == (row["churn_kind"] == "contract")
        assert (row["churn_90_ago"] is not None) == row["_contract@1"]
        if row["churn"] is not None:
            level = (
                "high" if row["churn"] >= bounds["high"] else "medium" if row["churn"] >= bounds["medium"] else "low"
            )
            assert row["churn_level"] == level
            assert (row["churn_reasons"] is not None) == (level != "low")


def test_a_planted_leak_keeps_everything_from_being_predicted_and_is_named() -> None:
    table = subscriptions(900, 3, leak=True).features()
    fit = _fits(table)["churn-contract"]
    assert (fit.verdict, fit.model, fit.usable) == ("leak", "", False)
    assert fit.figures["leak"]["name"] == "open"
    assert "open alone separates leavers from stayers" in Message.from_dict(fit.figures["leak"]["text"]).render("en")
    scored = MODEL.score(table, {fit.part: fit}, CONTEXT).columns
    assert scored.column("churn").null_count == len(table)


def test_too_little_data_is_explained_instead_of_predicted(club: pa.Table) -> None:
    fit = _fits(club.slice(0, 400))["churn-contract"]
    assert (fit.verdict, fit.usable) == ("too-little-data", False)
    assert [(gate.name, gate.needed) for gate in fit.gates if not gate.passed] == [("buyers", 500), ("left", 100)]
    assert MODEL.score(club, {fit.part: fit}, CONTEXT).columns.column("churn").null_count == len(club)
    young = replace(CONTEXT, options=Options(days=2000))
    assert [gate.name for gate in _fits(club, young)["churn-contract"].gates if not gate.passed] == ["days"]
    assert MODEL.fit(club.slice(0, 0), CONTEXT) == []


def test_the_purchase_model_answers_where_nothing_beats_it(shop: Truth, shop_table: pa.Table) -> None:
    table = with_active(shop_table, shop.active)
    fits = _fits(table)
    fit = fits["churn-silence"]
    assert (fit.model, fit.figures["why"]) == ("p-active", "not-beaten")
    assert set(fit.figures["models"]) == {"p-active", "logistic", "boosting"}
    scored = MODEL.score(table, fits, CONTEXT).columns
    np.testing.assert_allclose(scored.column("churn").to_numpy(), 1 - shop.active[:, 0])
    np.testing.assert_allclose(
        scored.column("churn_180_ago").drop_null().to_numpy().mean(), 1 - shop.active[_bought(table, 2), 2].mean()
    )
    assert set(scored.column("churn_level").to_pylist()) == {"low", "medium", "high"}
    assert any("days since the last order" in one for one in scored.column("churn_reasons").drop_null().to_pylist())


def _bought(table: pa.Table, k: int) -> np.ndarray:
    return np.asarray(np.isfinite(Snapshot(table, k).age))


def test_a_learnt_model_answers_where_it_wins_on_days_it_has_not_seen(shop_table: pa.Table) -> None:
    rng = np.random.default_rng(4)
    poor = np.clip(0.5 + rng.normal(0, 0.05, (len(shop_table), 4)), 0, 1)
    fit = _fits(with_active(shop_table, poor))["churn-silence"]
    assert fit.model in ("logistic", "boosting")
    assert fit.figures["why"] == "won"
    models = fit.figures["models"]
    assert models[fit.model]["brier"] < models["p-active"]["brier"]


def test_having_grown_older_together_is_nobodys_reason() -> None:
    table = orders(1200, 6, began=500).shop.features()
    scored = MODEL.score(table, _fits(table), CONTEXT).columns
    reasons = [load for text in scored.column("churn_reasons").drop_null().to_pylist() for load in loads(text)]
    shown = {reason["measure"] for reason in reasons}
    assert "silence" in shown
    assert "age" not in shown
    assert all(reason["value"] is not None for reason in reasons)  # what is unknown is no reason


def test_without_a_purchase_model_the_learnt_one_answers(shop_table: pa.Table) -> None:
    fit = _fits(shop_table)["churn-silence"]
    assert fit.figures["why"] == "no-baseline"
    assert fit.usable


def test_too_few_labels_leave_the_purchase_model_in_charge(shop: Truth, shop_table: pa.Table) -> None:
    table = with_active(shop_table, shop.active)
    older = [name for name in table.column_names if name.startswith("_order_days@")]
    for name in older:  # everybody has bought in every ninety days: nobody to learn leaving from
        table = table.set_column(table.column_names.index(name), name, pa.array(np.ones(len(table), np.int16)))
    fit = _fits(table)["churn-silence"]
    assert (fit.model, fit.figures["missing"]) == ("p-active", ["left"])
    assert fit.usable


def test_winning_needs_more_than_luck() -> None:
    rng = np.random.default_rng(5)
    said = rng.uniform(0.05, 0.95, 2000)
    labels = rng.random(2000) < said
    assert not wins(labels, np.clip(said + rng.normal(0, 0.005, 2000), 0, 1), said)
    assert wins(labels, said, np.clip(said + rng.normal(0, 0.2, 2000), 0, 1))


def test_the_report_says_in_json_what_pages_need(club: pa.Table, club_fits: dict[str, Fit]) -> None:
    table = _scored(club, club_fits)
    told: dict[str, Any] = MODEL.score(table, club_fits, CONTEXT).report()
    body = loads(dumps(told))["risk.churn"]
    contract = body["kinds"]["contract"]
    levels = table["churn_level"].to_pylist()
    assert contract["by_level"] == {one: levels.count(one) for one in ("high", "medium", "low")}
    assert contract["expected_to_leave"] == pytest.approx(sum(one or 0 for one in table["churn"].to_pylist()))
    assert [one["days_ago"] for one in contract["risk_before"]] == [270, 180, 90, 0]
    assert sum(one["customers"] for one in contract["by_age"]) == contract["scored"]
    assert contract["profit"]["best_profit"] > 0
    assert contract["top_reasons"]["interaction"] > 20
    assert "not proof of a cause" in body["association"].render("en")
    assert MODEL.score(table, club_fits, CONTEXT).tables == {}
