"""Acceptance scenarios, by the numbers of the requirements."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
import yaml

import tenure as tn
from memory import explain
from moves import TRANSITIONS
from oracle.strategies import customer_table, tables
from stories.telling import said
from tenure.lifecycle import statistics
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.model_file import builtin_texts, read

if TYPE_CHECKING:
    from pathlib import Path

TODAY = date(2026, 6, 30)
Row = tuple[str, dict[str, Any]]


def ago(days: int, hour: int = 12) -> datetime:
    day = TODAY - timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def order(days: int, amount: str = "100", who: str = "ann", number: int = 0, **more: Any) -> Row:
    name = f"{who}-{days}-{number}"
    row = {"customer_id": who, "at": ago(days), "order_id": name, "amount": Decimal(amount), "status": "sale"}
    return "orders", {**row, **more}


def line(days: int, category: str, who: str = "ann") -> Row:
    row = {"customer_id": who, "at": ago(days), "order_id": f"{who}-{days}-0", "product_id": category}
    return "order_lines", {**row, "category": category, "quantity": Decimal(1), "amount": Decimal(100)}


def did(days: int, kind: str, who: str = "ann", **more: Any) -> Row:
    return "interactions", {"customer_id": who, "at": ago(days), "kind": kind, **more}


def volume(days: int, amount: str, who: str = "ann") -> Row:
    return "volumes", {"customer_id": who, "at": ago(days, 8), "amount": Decimal(amount)}


def score(days: int, value: str, who: str = "ann") -> Row:
    return "feedback", {"customer_id": who, "at": ago(days), "measure": "csat", "score": Decimal(value)}


def complaint(days: int, event: str, who: str = "ann") -> Row:
    return "cases", {"customer_id": who, "at": ago(days), "case_id": who, "kind": "complaint", "event": event}


def balance(days: int, receivable: str, who: str = "ann") -> Row:
    row = {"receivable": Decimal(receivable), "payable": Decimal(0)}
    return "balances", {"customer_id": who, "at": ago(days), **row}


def life(rows: list[Row], model: str | dict[str, Any], as_of: date = TODAY) -> list[dict[str, Any]]:
    return tn.spans_of(tables(rows), read(model), as_of=as_of, tz="UTC").to_pylist()


def now(rows: list[Row], model: str, as_of: date = TODAY) -> dict[str, Any]:
    (current,) = [row for row in life(rows, model, as_of) if row["left_on"] is None]
    return current


@pytest.mark.parametrize(
    ("days", "stage"),
    [(0, "active"), (20, "active"), (45, "active"), (46, "silent"), (60, "silent"), (90, "silent"), (91, "dormant"),
     (120, "dormant"), (180, "dormant"), (181, "lost"), (200, "lost")],
)  # fmt: skip
def test_a01_days_since_the_last_purchase_say_how_awake_a_customer_is(days: int, stage: str) -> None:
    orders = pd.DataFrame({"customer_id": ["ann"], "at": [ago(days)], "amount": [9.9]})
    found = tn.spans(orders, "retail-activity", as_of=TODAY).to_pandas()
    current = found[found.left_on.isna()]
    assert list(current.stage) == [stage]
    assert current.because.str.len().gt(0).all()
    bounds = {"active": 46, "silent": 91, "dormant": 181}
    coming = current.next_change_on.iloc[0]
    assert pd.isna(coming) if stage == "lost" else coming.date() == ago(days - bounds[stage]).date()


def test_a01_a_purchase_brings_a_lost_customer_back_and_the_move_is_listed() -> None:
    rows = [order(400), order(10)]
    found = life(rows, "retail-activity")
    assert [row["stage"] for row in found] == ["active", "silent", "dormant", "lost", "active"]
    con = duckdb.connect()
    con.register("spans", pa.Table.from_pylist(found, schema=SPANS))
    model = read("retail-activity")
    (back,) = statistics.statistic(con, TRANSITIONS, model.id, since=ago(30).date(), until=TODAY).to_pylist()
    assert (back["from_stage"], back["to_stage"], back["on"]) == ("lost", "active", ago(10).date())
    assert back["days"] == 400 - 181 - 10


def test_a02_a_jump_from_exploration_to_stability_passes_through_formation() -> None:
    # Two orders, then a commitment and five orders on one day: the rules alone lead straight to
    # stability, once it has settled.
    rows = [order(100), order(90), did(60, "commitment"), *(order(60, number=n) for n in range(5))]
    found = life(rows, "relationship-4", ago(40).date())
    assert [(row["stage"], row["passed_through"]) for row in found] == [
        ("exploration", False),
        ("formation", True),
        ("stability", False),
    ]
    assert found[1]["entered_on"] == found[1]["left_on"] == found[2]["entered_on"] == ago(60 - 14).date()


@pytest.mark.parametrize(("stage", "orders"), [("exploration", 2), ("formation", 4)])
@pytest.mark.parametrize(
    ("sign", "cause"),
    # Signs come before the silence of 91 days, which is the other cause.
    [(score(20, "2"), "dissatisfied"), (complaint(18, "opened"), "dissatisfied"), (None, "other")],
    ids=["low score", "complaint", "no sign"],
)
def test_a02_a_relationship_may_degenerate_from_any_stage_with_its_cause(
    stage: str, orders: int, sign: Row | None, cause: str
) -> None:
    # Without a sign it is a silence of three months that tells, while their own business goes on.
    last = 100 if sign is None else 60
    rows = [order(last + n, "1000") for n in range(orders)] + [
        order(3, "10"),
        volume(200, "5000"),
        volume(100, "5000"),
        volume(3, "5000"),
    ]
    found = life([*rows, *([sign] if sign else [])], "relationship-4")
    assert "degeneration" in [row["stage"] for row in found]
    before, after = next((one, two) for one, two in pairwise(found) if two["stage"] == "degeneration")
    assert (before["stage"], after["cause"]) == (stage, cause)


def _two_quarters(ours: tuple[str, str], theirs: tuple[str, str] | None) -> list[Row]:
    """Return an order a month for two quarters, which end with May, and twice what the customer's own business was."""
    rows = [order(days, ours[0] if days > 122 else ours[1]) for days in (197, 166, 135, 107, 76, 46)]
    return rows + ([volume(120, theirs[0]), volume(20, theirs[1])] if theirs else [])


@pytest.mark.parametrize("theirs", [("1000", "1000"), ("1000", "1200")])
def test_a03_our_share_falls_while_the_customers_own_business_does_not(theirs: tuple[str, str]) -> None:
    assert now(_two_quarters(("100", "60"), theirs), "relationship-4")["stage"] == "degeneration"


def test_a03_a_customer_whose_own_business_falls_too_is_not_declining_by_this_rule() -> None:
    current = now(_two_quarters(("100", "60"), ("1000", "600")), "relationship-4")
    assert current["stage"] == "formation"
    assert "degeneration" not in (current["cannot_judge"] or "")


def test_a03_without_the_customers_own_volume_the_product_says_that_it_cannot_judge() -> None:
    rows = _two_quarters(("100", "60"), None)
    assert now(rows, "relationship-4")["stage"] == "formation"
    told = explain(tables(rows), read("relationship-4"), "ann", TODAY)
    doubted = {evaluation.stage.id: evaluation for evaluation in told.evaluations if evaluation.holds is None}
    assert "degeneration" in doubted
    measures = [str(read.measure) for read in doubted["degeneration"].values if read.value is None]
    # Scores and signs that nobody gave are unknown as well, but the rule reads those only where there are some.
    unknown = [measure for measure in measures if not measure.startswith(("last(csat", "days_since("))]
    assert set(unknown) == {"last(volume, last 456d)"}


def test_a03_the_doubt_stands_beside_the_stage_that_was_taken_instead() -> None:
    # When a complaint is closed she stands elsewhere; what could not be judged on that day is written beside the span.
    rows = [*_two_quarters(("100", "60"), None), complaint(9, "opened"), complaint(2, "closed")]
    current = now(rows, "relationship-4")
    assert current["stage"] in ("formation", "stability")
    assert "degeneration" in current["cannot_judge"].split(",")


@pytest.mark.parametrize(("model", "ended"), [("relationship-4", "terminated"), ("contact-span", "ended")])
def test_a04_a_customer_who_still_owes_is_not_terminated_until_the_account_is_cleared(model: str, ended: str) -> None:
    owing = [order(500), balance(499, "500")]
    assert now(owing, model)["stage"] == "settlement"
    cleared = [*owing, balance(30, "0")]
    found = life(cleared, model)
    assert [row["stage"] for row in found[-2:]] == ["settlement", ended]
    assert found[-1]["entered_on"] == ago(30).date()
    assert found[-1]["next_change_on"] is None


@pytest.fixture
def shop(tmp_path: Path) -> tn.Lake:
    """Return a lake with customers in every stage of retail activity."""
    lake = tn.Lake.create(tmp_path / "lake", tz="UTC")
    days = [5, 20, 29, 30, 31, 40, 45, 46, 60, 90, 91, 120, 180, 181, 300]
    lake.append_facts("orders", tables([order(n, who=f"c{n}") for n in days])["orders"])
    return lake


def _lists_and_statistics(lake: tn.Lake) -> tuple[dict[str, list[str]], dict[str, int]]:
    con = lake.connect()
    rows = con.execute(
        "SELECT stage, customer_id FROM spans WHERE model = 'retail-activity' AND left_on IS NULL ORDER BY customer_id"
    ).fetchall()
    listed: dict[str, list[str]] = {}
    for stage, customer in rows:
        listed.setdefault(stage, []).append(customer)
    counts = statistics.statistic(con, statistics.STAGE_COUNTS, "retail-activity", day=TODAY)
    return listed, {row["stage"]: row["people"] for row in counts.to_pylist()}


def _with(parameter: str, value: str, model: str) -> dict[str, Any]:
    """Return a model with another value of one of its parameters, and nothing else changed."""
    changed: dict[str, Any] = yaml.safe_load(builtin_texts()[model])
    changed["parameters"][parameter]["value"] = value
    return changed


def test_a10_a_changed_parameter_moves_the_list_and_the_statistics_to_the_same_totals(shop: tn.Lake) -> None:
    tn.refresh(shop, as_of=TODAY, models=["retail-activity"])
    listed, counted = _lists_and_statistics(shop)
    assert {stage: len(people) for stage, people in listed.items()} == counted
    assert counted == {"active": 7, "silent": 3, "dormant": 3, "lost": 2}

    (shop.path / "models").mkdir(exist_ok=True)
    text = yaml.safe_dump(_with("active_until", "30d", "retail-activity"), allow_unicode=True, sort_keys=False)
    (shop.path / "models" / "retail-activity.yaml").write_text(text, encoding="utf-8")
    report = tn.refresh(shop, as_of=TODAY, models=["retail-activity"])
    again, recounted = _lists_and_statistics(shop)
    assert {stage: len(people) for stage, people in again.items()} == recounted
    assert recounted == {"active": 4, "silent": 6, "dormant": 3, "lost": 2}
    assert set(again["silent"]) - set(listed["silent"]) == {"c31", "c40", "c45"}
    assert sum(recounted.values()) == sum(counted.values()) == report.models[0].customers == 15


@pytest.mark.parametrize("model", ["retail-activity", "chaoke-5"])
def test_a10_the_description_of_every_stage_follows_the_parameter(model: str) -> None:
    changed = read(_with("active_until", "30d", model))
    for stage in read(model).stages:
        after = changed.stage(stage.id).traits
        assert after.zh == stage.traits.zh.replace("45 天", "30 天")
        assert after.en == stage.traits.en.replace("45 days", "30 days")
    assert "30 天" in changed.stage("silent").traits.zh
    assert "30 days" in changed.stage("silent").traits.en


@pytest.mark.parametrize(("orders", "before"), [([40, 35], "key-follow-up"), ([160, 159, 110, 90, 60, 40], "loyal")])
def test_a10_one_parameter_says_who_is_silent_in_the_chaoke_model(orders: list[int], before: str) -> None:
    """Loyal, key follow-up and silent share the number: it stands in the model once."""
    rows = [order(days) for days in orders]
    assert now(rows, "chaoke-5")["stage"] == before
    (current,) = [row for row in life(rows, _with("active_until", "30d", "chaoke-5")) if row["left_on"] is None]
    assert current["stage"] == "silent"


def _buys(days: list[int], category: str) -> list[Row]:
    return [row for day in days for row in (order(day), line(day, category))]


def test_a14_four_orders_in_one_category_are_not_yet_maturity() -> None:
    assert now(_buys([80, 60, 40, 20], "hot pot"), "ecommerce-5")["stage"] == "new"


@pytest.mark.parametrize(
    "news", [_buys([5], "herbal tea"), [did(5, "view", category="herbal tea")]], ids=["purchase", "browsing"]
)
def test_a14_interest_in_another_category_makes_a_repeat_buyer_mature(news: list[Row]) -> None:
    found = life([*_buys([80, 60, 40, 20], "hot pot"), *news], "ecommerce-5")
    assert [row["stage"] for row in found][-2:] == ["new", "mature"]
    assert found[-1]["entered_on"] == ago(5).date()


def test_a14_what_was_in_the_first_basket_is_no_new_interest() -> None:
    baskets = [row for day in (80, 60, 40, 20) for row in (order(day), line(day, "hot pot"), line(day, "herbal tea"))]
    assert now(baskets, "ecommerce-5")["stage"] == "new"


BUSY = [order(days) for days in (170, 150, 130, 110)]
LOOKS = [did(days, "view") for days in (170, 160, 150, 140, 130, 120)]


def test_a15_transactions_and_interactions_falling_together_are_degeneration() -> None:
    found = life([*BUSY, *LOOKS, order(20), did(20, "view")], "ecommerce-5")
    assert found[-1]["stage"] == "degenerating"


@pytest.mark.parametrize(
    "kept",
    [[did(days, "view") for days in (80, 60, 50, 40, 30, 20)], [order(days) for days in (80, 60, 40, 30)]],
    ids=["interactions kept", "orders kept"],
)
def test_a15_one_of_the_two_alone_is_not(kept: list[Row]) -> None:
    assert now([*BUSY, *LOOKS, order(19), did(19, "view"), *kept], "ecommerce-5")["stage"] != "degenerating"


def test_a15_a_buyer_who_only_browses_less_is_not_degenerating() -> None:
    monthly = [order(days) for days in range(330, 0, -30)]
    assert now([*monthly, *LOOKS], "ecommerce-5")["stage"] != "degenerating"


def test_a16_an_order_develops_the_second_maintains_and_a_tendency_is_seen_before_silence_is_complete() -> None:
    fortnightly = [order(days) for days in range(197, 50, -14)]
    found = life(fortnightly, "clm-4")
    assert [(row["stage"], row["entered_on"]) for row in found] == [
        ("development", ago(197).date()),
        ("maintenance", ago(183).date()),
        # Four fortnights after the last order, when retail activity calls nobody more than silent.
        ("churn", (ago(57) + timedelta(days=57)).date()),
    ]
    assert now(fortnightly, "retail-activity")["stage"] == "silent"


@pytest.mark.parametrize("model", ["crm-5", "clm-4", "bank-icbc", "campaign-6", "value-5"])
def test_a_contract_that_runs_keeps_a_customer_who_cancelled_another(model: str) -> None:
    def contract(days: int, name: str, event: str) -> Row:
        return "contracts", {"customer_id": "ann", "at": ago(days), "contract_id": name, "event": event}

    both = [contract(300, "line", "started"), contract(300, "phone", "started"), contract(10, "line", "cancelled")]
    gone = {"F8", "F9", "F10"}
    family = {stage.id: stage.family for stage in read(model).stages}
    assert family[now(both, model)["stage"]] not in gone
    ended = life([*both, contract(3, "phone", "cancelled")], model)[-1]
    assert (family[ended["stage"]] in gone, ended["entered_on"]) == (True, ago(3).date())


def test_a20_the_three_stage_model_warns_that_nothing_follows_the_purchase() -> None:
    assert "没有售后阶段" in said("models", "show", "awareness-3", language="zh_CN")
    assert "post-purchase" in " ".join(said("models", "show", "awareness-3").split())
    model = read("awareness-3")
    assert "没有售后阶段" in model.warns.render("zh_Hans")
    assert "post-purchase" in model.warns.render("en")
    assert model.follows in tn.models()
    assert {stage.family for stage in model.stages} <= {"F1", "F2", "F3"}


def _busy_customer(who: str) -> list[Row]:
    """Return facts of every kind that shipped models read."""
    return [
        did(400, "first_contact", who), did(398, "view", who, category="tea"), did(397, "register", who),
        did(396, "cart", who), order(395, "120", who), line(395, "tea", who), did(390, "use", who),
        *(row for day in (360, 330, 300, 270, 240) for row in (order(day, "90", who), line(day, "rice", who))),
        score(238, "5", who), did(230, "referral", who), volume(300, "1000", who), volume(100, "1000", who),
        ("contracts", {"customer_id": who, "at": ago(395), "contract_id": who, "event": "started"}),
        # Cancelled before the last order: while a contract runs, nobody is dormant.
        ("contracts", {"customer_id": who, "at": ago(140), "contract_id": who, "event": "cancelled"}),
        complaint(200, "opened", who), complaint(190, "closed", who),
        ("costs", {"customer_id": who, "at": ago(380), "kind": "gift", "amount": Decimal(5)}),
        balance(150, "0", who), did(120, "lesson", who), order(100, "20", who), line(100, "tea", who),
        score(90, "3", who),
    ]  # fmt: skip


def test_a21_one_customer_is_shown_in_all_models_without_contradiction_in_the_facts(tmp_path: Path) -> None:
    lake = tn.Lake.create(tmp_path / "lake", tz="UTC")
    facts = tables([*_busy_customer("ann"), *_busy_customer("bob")])
    for name, table in facts.items():
        lake.append_facts(name, table)
    report = tn.refresh(lake, as_of=TODAY)
    models = {one.id: tn.read_model(one.id) for one in report.models if not one.missing}
    assert len(models) == len(tn.models())
    families = {
        (model.id, stage.id): stage.family for model in models.values() for stage in model.stages if stage.family
    }
    rows = (
        lake.connect()
        .execute("SELECT * FROM spans WHERE customer_id = 'ann' ORDER BY model, entered_on")
        .to_arrow_table()
    )
    first = _first_days(facts)
    staged: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        if not row["passed_through"]:
            staged.setdefault(row["model"], []).append(row)
    about_customers = {one.id for one in models.values() if one.subject == "customer"}
    # A shop of two customers has no places among buyers, so the scorecard gives no tiers.
    assert set(staged) == about_customers - {"tiers-3"}
    for model_id, spans in staged.items():
        model = models[model_id]
        assert {row["stage"] for row in spans} <= set(model.path)
        assert {row["version"] for row in spans} == {model.version}
        if model_id != "internal-external":  # classes of customers, no stages of life
            assert all(families.get((model_id, row["stage"])) for row in spans), model_id
        for one, two in pairwise(spans):  # never in two stages on one day
            assert one["left_on"] is not None
            assert one["left_on"] <= two["entered_on"]
        assert spans[0]["entered_on"] >= min(first[kind] for kind in model.entry_kinds if kind in first)
    # Every model speaks about the same last order: none calls a buyer of 100 days ago both active and gone.
    standing = {model_id: spans[-1] for model_id, spans in staged.items() if spans[-1]["left_on"] is None}
    assert standing["retail-activity"]["stage"] == "dormant"
    assert standing["purchase-type"]["stage"] != "first"
    bought = lake.connect().execute("SELECT orders, last_order_on FROM scorecard WHERE customer_id = 'ann'").fetchone()
    assert bought == (7, ago(100).date())
    same = (
        lake.connect()
        .execute("SELECT count(DISTINCT customer_id) FROM spans WHERE model = 'retail-activity'")
        .fetchone()
    )
    assert same == (2,)


def _first_days(facts: dict[str, pa.Table]) -> dict[str, date]:
    """Return the first day of ann's facts per kind, by the oracle's reading of kinds."""
    from oracle.people import people

    ann = people(facts, TODAY, "UTC", customer_table([]))["ann"]
    return {kind: date.fromordinal(min(fact.day for fact in found)) for kind, found in ann.by_kind.items()}
