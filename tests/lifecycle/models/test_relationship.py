"""The relationship model against its source (M12, T01 to T06, A02 to A04), and where it once contradicted it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lifecycle.models.small_people import AS_OF, NAME, history, record, stages, tables
from tenure.lifecycle.model_file import builtin
from tenure.lifecycle.table import Spans

MODEL = "relationship-4"
WEEKLY = {"every": 7, "from": 728, "to": 0}
STEADY_VOLUME = [[ago, 1000] for ago in range(820, 0, -91)]


def path(facts: dict[str, Any]) -> list[str]:
    return [stage for stage, _ago in stages(MODEL, facts)]


def cannot_judge(facts: dict[str, Any]) -> dict[str, int]:
    return Spans(tables(facts), record(facts), builtin()[MODEL], AS_OF, "UTC").cannot_judge()


# Signs of degeneration


@pytest.mark.parametrize(
    ("sign", "cause"),
    [
        ({"feedback": [[20, "csat", 1]]}, "dissatisfied"),
        ({"cases": [[20, "c1", "opened"]]}, "dissatisfied"),
        ({"interactions": [[20, "termination_notice"]]}, "intent-to-end"),
        ({"interactions": [[20, "competitor_search"]]}, "other-partner"),
    ],
)
def test_a_stated_sign_degenerates_at_once_and_never_leads_back_to_exploration(sign: Any, cause: str) -> None:
    """Forty orders in four hundred days once went from formation back to exploration, with no cause."""
    facts = {"orders": [{"every": 10, "from": 400, "to": 0}], **sign}
    now = history(MODEL, facts)[-1]
    assert (now["stage"], now["cause"], now["entered_on"]) == ("degeneration", cause, AS_OF - timedelta(days=20))
    assert path(facts).count("exploration") == 1


def test_a_commitment_after_a_sign_takes_it_back() -> None:
    interactions = [[60, "competitor_search"], [40, "commitment"]]
    facts = {"orders": [{"every": 10, "from": 400, "to": 0}], "interactions": interactions}
    assert path(facts)[-2:] == ["degeneration", "stability"]


def test_an_old_sign_counts_no_more() -> None:
    facts = {"orders": [{"every": 10, "from": 800, "to": 0}], "interactions": [[300, "competitor_search"]]}
    assert path(facts)[-2:] == ["degeneration", "stability"]


# Volumes


@pytest.mark.parametrize(
    ("volumes", "degenerates"),
    [
        ([[600, 1000], [120, 1000], [30, 1000]], True),
        ([[600, 1000], [120, 1000], [30, 1200]], True),
        ([[600, 1000], [120, 1000], [100, 600]], False),
    ],
)
def test_a03_a_sharp_fall_degenerates_unless_the_customer_fell_too(volumes: list[list[int]], degenerates: bool) -> None:
    orders = [{"every": 7, "from": 728, "to": 105}, {"every": 7, "from": 98, "to": 0, "amount": 60}]
    facts = {"orders": orders, "volumes": volumes}
    assert (path(facts)[-1] == "degeneration") is degenerates
    assert path(facts).count("degeneration") == degenerates, "once, not four times"
    assert not cannot_judge(facts)["degeneration"]


def test_a03_a_fall_with_an_unknown_total_cannot_be_judged_since_the_day_of_the_fall() -> None:
    """The doubt begins with the fall, long after the stage did."""
    orders = [{"every": 7, "from": 728, "to": 105}, {"every": 7, "from": 98, "to": 0, "amount": 60}]
    assert path({"orders": orders})[-1] == "stability"
    assert cannot_judge({"orders": orders})["degeneration"] == 1
    steady = {"orders": [WEEKLY]}
    assert cannot_judge(steady)["degeneration"] == 0


def test_a_gradual_decline_degenerates() -> None:
    """Three per cent less every month for two years, while the customer's own volume stays as it is."""
    orders = [[780 - 30 * month, round(100 * 0.97**month, 2)] for month in range(27)]
    facts = {"orders": orders, "volumes": STEADY_VOLUME}
    assert path(facts)[-1] == "degeneration"
    assert path(facts).count("degeneration") == 1


def test_a_steady_customer_with_known_volumes_never_degenerates() -> None:
    assert path({"orders": [WEEKLY], "volumes": STEADY_VOLUME}) == ["exploration", "formation", "stability"]


def test_without_volumes_silence_is_no_formation() -> None:
    """Four orders and 300 silent days were "rapid development" until day 366."""
    facts = {"orders": [420, 380, 340, 300]}
    assert history(MODEL, facts)[-1]["left_on"] is not None
    assert cannot_judge(facts)["degeneration"] == 1


def test_silence_degenerates_where_the_customers_own_volume_did_not_fall() -> None:
    facts = {"orders": [420, 380, 340, 300], "volumes": [[400, 1000], [200, 1000]]}
    assert path(facts)[-1] == "degeneration"


# Profit, size and commitment


def test_refunded_orders_are_no_income() -> None:
    facts = {"orders": [100, 80, 60, 40], "refunds": [[95, -100], [75, -100], [55, -100], [35, -100]]}
    assert path(facts) == ["exploration"]


def test_n35_the_order_that_pays_back_the_investment_begins_formation() -> None:
    facts = {"orders": [[100 - 10 * n, 100] for n in range(6)], "costs": [[101, 450]]}
    assert stages(MODEL, facts)[-1] == ("formation", 60)


def test_a_large_customer_with_few_orders_is_stable() -> None:
    """An order of a hundred thousand every two months is "large transactions", though it is not many."""
    facts = {"orders": [{"every": 61, "from": 1098, "to": 0, "amount": 100_000}]}
    assert path(facts) == ["exploration", "formation", "stability"]


def test_a_quiet_season_does_not_take_stability_away() -> None:
    facts = {"orders": [{"every": 14, "from": 900, "to": 100}, [60, 100], [20, 100]]}
    assert path(facts) == ["exploration", "formation", "stability"]


# Contracts


def test_a_subscriber_without_orders_becomes_stable_and_ends_with_the_contract() -> None:
    subscriber = {"contracts": [[800, "started"], [435, "renewed"]], "interactions": [[10, "login"]]}
    assert path(subscriber) == ["exploration", "formation", "stability"]
    cancelled = {"contracts": [[800, "started"], [435, "renewed"], [30, "cancelled"]]}
    assert stages(MODEL, cancelled)[-1] == ("settlement", 30)


def test_one_of_two_contracts_may_be_cancelled() -> None:
    contracts = [[800, "started"], [700, "started", "k2"], [30, "cancelled"]]
    facts = {"orders": [{"every": 30, "from": 800, "to": 0}], "contracts": contracts}
    assert path(facts)[-1] == "stability"


# The end


@pytest.mark.parametrize("balance", [[900, 0, 0], [450, 0, 0]])
def test_a_balance_older_than_the_last_business_settles_nothing(balance: list[int]) -> None:
    """A balance of 0 once closed the file over an unpaid order that came after it."""
    assert path({"orders": [920, [420, 9000]], "balances": [balance]})[-1] == "settlement"


def test_a_debt_and_a_credit_of_the_same_size_are_not_settled() -> None:
    assert path({"orders": [500], "balances": [[30, 500, -500]]})[-1] == "settlement"
    assert path({"orders": [500], "balances": [[30, 0, 0]]})[-1] == "terminated"


def test_every_span_is_the_customers_own() -> None:
    assert {span["customer_id"] for span in history(MODEL, {"orders": [WEEKLY]})} == {NAME}
