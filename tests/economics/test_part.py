"""The part of the scorecard: what a lake with orders and costs says of everybody, and of a few."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pytest

from economics.people import fill
from refreshes import stages_only as refresh
from stories.telling import command, said
from tenure.economics.decisions import SCHEMA, Decisions, definitions
from tenure.economics.plans import Book, Plan, write_book
from tenure.economics.report import analyse, backtest
from tenure.economics.source import Source
from tenure.facts.customers import merge
from tenure.facts.lake import Lake
from tenure.scorecard.model import Context, Options
from tenure.stats.record import Fit

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

MODEL = Decisions()

MODELS = ["retail-activity", "relationship-4", "crm-5", "product-life-cycle"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake.create(tmp_path_factory.mktemp("economics") / "lake", tz="Asia/Shanghai")
    refresh(lake, as_of=fill(lake), models=MODELS)
    return lake


@pytest.fixture
def context(shop: Lake) -> Context:
    row = shop.connect(("refreshes",)).execute("SELECT as_of FROM refreshes").fetchone()
    assert row
    return Context(row[0], shop.settings.tz, shop.settings.currency, shop)


def table_of(lake: Lake) -> pa.Table:
    return lake.read("scorecard").sort_by("customer_id")


def fitted(context: Context) -> dict[str, Fit]:
    assert context.lake
    (fit,) = MODEL.fit(table_of(context.lake), context)
    return {"decisions": Fit.from_json(fit.to_json())}


def test_everybody_in_a_stage_has_a_decision_and_few_have_the_same_as_all(shop: Lake, context: Context) -> None:
    fits = fitted(context)
    assert fits["decisions"].usable
    assert fits["decisions"].model == "retail-activity"
    table = table_of(shop)
    told = MODEL.score(table, fits, context).columns
    assert told.schema == SCHEMA
    assert told.column("decision").null_count == 0
    assert set(told.column("decision").to_pylist()) <= {"develop", "maintain", "withdraw"}
    assert MODEL.score(table.slice(40, 7), fits, context).columns.equals(told.slice(40, 7))
    shuffled = table.take(np.arange(len(table))[::-1])
    assert MODEL.score(shuffled, fits, context).columns.to_pylist()[::-1] == told.to_pylist()


def test_decisions_are_those_of_the_fits_choice(shop: Lake, context: Context) -> None:
    fits = fitted(context)
    told = MODEL.score(table_of(shop), fits, context).columns
    counts: dict[str, int] = {}
    for figure in fits["decisions"].figures["choice"]["rows"]:
        counts[figure["plan"]] = counts.get(figure["plan"], 0) + figure["people"]
    found = {row["values"]: row["counts"] for row in told.column("decision_plan").value_counts().to_pylist()}
    assert found == counts
    profit = np.nansum(np.array(told.column("decision_profit").to_pylist(), dtype=float))
    assert profit == pytest.approx(fits["decisions"].figures["choice"]["profit"])


def test_too_few_buyers_are_said_and_nothing_is_decided(shop: Lake, context: Context) -> None:
    strict = replace(context, options=Options(buyers=5000))
    (fit,) = MODEL.fit(table_of(shop), strict)
    assert (fit.verdict, fit.usable) == ("too-little-data", False)
    assert {gate.name: gate.passed for gate in fit.gates} == {"buyers": False, "days": True}
    told = MODEL.score(table_of(shop), {"decisions": fit}, strict).columns
    assert told.schema == SCHEMA
    assert all(column.null_count == len(told) for column in told.columns)
    assert MODEL.score(table_of(shop), {}, replace(context, lake=None)).columns.num_rows == len(table_of(shop))


def test_every_model_of_customers_gets_a_report_that_is_json(shop: Lake, context: Context) -> None:
    table = table_of(shop)
    told = MODEL.score(table, fitted(context), context).report()
    # The others are worked out when somebody asks.
    assert told["economics"] == {"default": "retail-activity", "models": ["retail-activity"]}
    bodies = {name: economics_of(shop, table, context, name) for name in ("relationship-4", "crm-5")}
    for body in (told["economics.retail-activity"], *bodies.values()):
        json.dumps(body, allow_nan=False)
        assert 0 < sum(stage["people"] for stage in body["stages"]) <= len(table)
        assert body["basis"] == "margin"
        assert body["costs_known"]


def economics_of(shop: Lake, table: pa.Table, context: Context, model: str) -> dict[str, Any]:
    source = Source.of(shop, context.as_of, table)
    return analyse(source, model, definitions(shop)[model], context.options).report


def test_money_of_all_stages_is_the_money_of_the_facts(shop: Lake, context: Context) -> None:
    body = economics_of(shop, table_of(shop), context, "relationship-4")
    sums_of = (
        "(SELECT sum(amount) FROM orders), (SELECT sum(amount - cost) FROM orders), (SELECT sum(amount) FROM costs)"
    )
    row = shop.connect(("orders", "costs")).execute(f"SELECT {sums_of}").fetchone()
    assert row
    sums = {name: sum(stage[name] for stage in body["stages"]) for name in ("sales", "margin", "invested", "profit")}
    assert sums["sales"] == pytest.approx(float(row[0]), abs=0.005)
    assert sums["margin"] == pytest.approx(float(row[1]), abs=0.005)
    assert sums["invested"] == pytest.approx(float(row[2]), abs=0.005)
    assert sums["profit"] == pytest.approx(sums["margin"] - sums["invested"], abs=0.005)


def test_a_part_of_the_customers_gives_the_same_counts_and_near_values(shop: Lake, context: Context) -> None:
    whole = Source.of(shop, context.as_of)
    part = Source.of(shop, context.as_of, sample=250)
    assert len(part.ids) < len(whole.ids) == part.customers
    assert sorted(part.stage_counts("crm-5")) == sorted(whole.stage_counts("crm-5"))
    assert 0.7 < part.cash_flows().sales.sum() / whole.cash_flows().sales.sum() * len(whole.ids) / len(part.ids) < 1.3


def test_the_back_test_sees_only_what_was_known_then(shop: Lake, context: Context) -> None:
    source = Source.of(shop, context.as_of)
    stays, money = source.episodes("retail-activity"), source.cash_flows()
    told = backtest(stays, money, 0.1)
    assert told
    later = money.day > stays.day - 90
    doubled = replace(money, margin=np.where(later, 2 * money.margin, money.margin))
    again = backtest(stays, doubled, 0.1)
    assert again
    assert [stage["predicted"] for stage in again["stages"]] == [one["predicted"] for one in told["stages"]]
    active = next(stage for stage in told["stages"] if stage["stage"] == "active")
    assert active["actual"] == pytest.approx(active["predicted"], rel=0.35)
    assert backtest(stays.until(stays.day - 300), money.until(stays.day - 300), 0.1) is None


def test_plans_of_the_lake_and_their_budget_bind_the_decisions(shop: Lake, context: Context, tmp_path: Path) -> None:
    shutil.copytree(shop.path, tmp_path / "lake")
    lake = Lake.open(tmp_path / "lake")
    wake = Plan("wake", "develop", "lost", "active", 5.0, 0.5)
    write_book(lake.path, "retail-activity", Book((wake,), 50.0))
    mine = replace(context, lake=lake)
    fits = fitted(mine)
    told = MODEL.score(table_of(lake), fits, mine).columns
    chosen = [row for row in told.to_pylist() if row["decision_plan"] == "wake"]
    assert len(chosen) == 10  # fifty pay for ten, exactly
    assert all(row["decision"] == "develop" and row["decision_profit"] > 0 for row in chosen)
    again = MODEL.score(table_of(lake).slice(100, 50), fits, mine).columns
    assert again.equals(told.slice(100, 50))


def test_facts_of_a_merged_customer_count_under_the_id_that_counts(
    shop: Lake, context: Context, tmp_path: Path
) -> None:
    shutil.copytree(shop.path, tmp_path / "lake")
    lake = Lake.open(tmp_path / "lake")
    merge(lake, "C0000", ["C0001"], "the same person", datetime(2025, 3, 1, tzinfo=UTC))
    table = table_of(lake).filter(pc.not_equal(table_of(lake).column("customer_id"), "C0001"))
    # Few customers are read from the files that can hold them; the merged one's orders lie there under the old id.
    sales = Source.of(lake, context.as_of, table).cash_flows().sales.sum()
    assert sales == pytest.approx(float(Source.of(shop, context.as_of).cash_flows().sales.sum()))


def test_the_command_tells_people_and_machines(shop: Lake) -> None:
    told = command("economics", "--lake", str(shop.path), "--model", "relationship-4", "--json", "--budget", "10")
    assert [check["check"] for check in told["checks"]] == ["T10", "T10", "N35", "N36", "M12.5"]
    assert told["budget"] == 10.0
    assert told["choice"]["spend"] <= 10.0
    assert command("economics", "--lake", str(shop.path), "--horizon", "30", "--json")["horizon_days"] == 30
    assert "plans" in told
    said("economics", "--lake", str(shop.path), "--model", "crm-5")


def test_the_command_explains_what_is_wrong(shop: Lake) -> None:
    for more, text in (
        (["--model", "nothing"], "No customer has a stage"),
        (["--horizon", "0"], "1 to 3650 days"),
        (["--discount", "10"], "from 0 to 1"),
    ):
        with pytest.raises(AssertionError, match=text):
            said("economics", "--lake", str(shop.path), *more)


def test_plans_travel_in_a_backup(shop: Lake, tmp_path: Path) -> None:
    from tenure.economics.plans import read_book
    from tenure.lake.backup import backup, restore

    shutil.copytree(shop.path, tmp_path / "lake")
    book = Book((Plan("wake", "develop", "lost", "active", 5.0, 0.5, en="Wake"),), 50.0)
    write_book(tmp_path / "lake", "retail-activity", book)
    backup(Lake.open(tmp_path / "lake"), tmp_path / "kept.tar.gz")
    restore(tmp_path / "kept.tar.gz", tmp_path / "again")
    assert read_book(tmp_path / "again", "retail-activity") == book
