"""Roads through the models that a single stage does not show: jumps, setbacks, ends, returns, prospects."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lifecycle.models.small_people import AS_OF, record, tables
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import builtin
from tenure.lifecycle.spans import spans_of


def road(model: str, facts: dict[str, Any]) -> list[dict[str, Any]]:
    return spans_of(tables(facts), builtin()[model], as_of=AS_OF, tz="UTC", customers=record(facts)).to_pylist()


def stages(model: str, facts: dict[str, Any]) -> list[str]:
    return [span["stage"] for span in road(model, facts)]


def test_a01_a_purchase_brings_a_lost_customer_back_to_active() -> None:
    assert stages("retail-activity", {"orders": [400, 10]}) == ["active", "silent", "dormant", "lost", "active"]


def test_a01_the_next_boundary_is_foreseen() -> None:
    now = road("retail-activity", {"orders": [20]})[-1]
    assert (now["next_stage"], now["next_change_on"]) == ("silent", AS_OF + timedelta(days=26))


def test_a02_exploration_does_not_jump_to_stability() -> None:
    many_at_once = {"orders": [[50, 100]] + [[40, 100]] * 6, "contracts": [[50, "started"], [40, "renewed"]]}
    history = road("relationship-4", many_at_once)
    assert [(span["stage"], span["passed_through"]) for span in history] == [
        ("exploration", False),
        ("formation", True),
        ("stability", False),
    ]


@pytest.mark.parametrize(
    ("orders", "came_from"),
    # Whoever buys every hundred days has not fallen silent after a hundred: the rhythm is the customer's own.
    [([[100, 50]], "exploration"), ([[160, 90], [130, 90], [100, 90]], "formation")],
)
def test_a02_degeneration_may_follow_any_stage_and_has_a_cause(orders: list[list[int]], came_from: str) -> None:
    history = road("relationship-4", {"orders": orders, "volumes": [[120, 1000], [30, 1100]]})
    assert [span["stage"] for span in history[-2:]] == [came_from, "degeneration"]
    assert history[-1]["cause"] == "other"
    assert not any(span["passed_through"] and span["stage"] == "stability" for span in history)


def test_a04_a_debt_holds_termination_back_until_it_is_settled() -> None:
    history = road("relationship-4", {"orders": [500], "balances": [[450, 500, 0], [30, 0, 0]]})
    assert [span["stage"] for span in history] == ["exploration", "settlement", "terminated"]
    assert history[-1]["entered_on"] == AS_OF - timedelta(days=30)


def test_a_new_order_reopens_a_terminated_customer() -> None:
    history = stages("relationship-4", {"orders": [900, 5], "balances": [[800, 0, 0]]})
    assert history == ["exploration", "terminated", "exploration"]


def test_a16_the_second_order_begins_maintenance() -> None:
    assert stages("clm-4", {"orders": [60, 20], "interactions": [[70, "view"]]}) == [
        "acquisition",
        "development",
        "maintenance",
    ]


@pytest.mark.parametrize(
    "model", ["crm-5", "value-5", "crm-4", "telecom-5", "customer-4", "clm-4", "ecommerce-5", "apparel-3", "bank-icbc"]
)
def test_a_prospect_enters_by_an_interaction_and_leaves_with_the_first_order(model: str) -> None:
    history = road(model, {"interactions": [[30, "first_contact"]], "orders": [10], "lines": [[10, "tea"]]})
    assert history[0]["entered_on"] == AS_OF - timedelta(days=30)
    assert history[0]["stage"] == builtin()[model].path[0]


CUSTOMERS_MODELS = [model for model in builtin().values() if model.subject == "customer"]


@pytest.mark.parametrize("model", CUSTOMERS_MODELS, ids=lambda model: model.id)
def test_on_plain_orders_nothing_is_beyond_judgement_unless_its_source_asks_for_more(model: Model) -> None:
    spans = road(model.id, {"orders": [400, 390, 300, 120, 60, 10]})
    unjudged = {span["cannot_judge"] for span in spans if span["cannot_judge"]}
    if model.id not in ("relationship-4", "contact-span"):  # their sources want to know about volumes and balances
        assert not unjudged


SUBSCRIBER = {
    "interactions": [[740, "trial"], *([day, "login"] for day in range(730, 0, -7))],
    "contracts": [[730, "started"], [365, "renewed"]],
    "feedback": [[20, "csat", 5]],
}


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("saas-6", ["purchase", "retention"]),
        ("telecom-5", ["acquisition", "uplift", "maturity"]),
        ("crm-span-3", ["purchase-decision", "after-sales-loyalty"]),
        ("contact-span", ["first-contact", "in-business"]),
        ("satisfaction-4", ["loyal"]),
        ("awareness-3", ["decision"]),
        ("first-contact-funnel", ["intent", "transaction"]),
    ],
)
def test_a_subscriber_without_orders_goes_through_the_model(model: str, path: list[str]) -> None:
    """The subscriber once fell back to awareness, and was off-net with a contract that ran and was used every week."""
    assert stages(model, SUBSCRIBER) == path


@pytest.mark.parametrize("model", ["telecom-5", "satisfaction-4", "saas-6", "crm-span-3", "contact-span"])
def test_one_of_two_contracts_may_be_cancelled(model: str) -> None:
    contracts = [[400, "started"], [300, "started", "k2"], [20, "cancelled"]]
    facts = {"orders": [{"every": 30, "from": 400, "to": 30}], "contracts": contracts, "feedback": [[60, "csat", 4]]}
    now = road(model, facts)[-1]
    assert now["left_on"] is None
    assert builtin()[model].stage(now["stage"]).family not in ("F1", "F9", "F10", "F11")


def test_purchases_of_products_are_compared_with_the_same_season_of_last_year() -> None:
    """Ice cream sells in summer: without the year before it would decline every autumn."""
    summers = [{"every": 2, "from": ago, "to": ago - 120} for ago in (1040, 675, 310)]
    assert stages("product-life-cycle", {"lines": summers})[-1] == "maturity"


def test_a21_one_customer_under_all_models_is_a_customer_in_all_of_them_or_in_none_that_sees_them_as_lost() -> None:
    facts = {"orders": [{"every": 14, "from": 800, "to": 0}], "lines": [[5, "tea"]], "feedback": [[5, "csat", 4]]}
    families = set()
    for model in CUSTOMERS_MODELS:
        now = [span for span in road(model.id, facts) if span["left_on"] is None]
        families |= {model.stage(span["stage"]).family for span in now}
    assert families.isdisjoint({"F1", "F2", "F8", "F9", "F10", "F11"})
