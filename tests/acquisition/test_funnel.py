"""The first-contact funnel: by hand to the number, against pandas on the clickstream, and honest about chance."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from acquisition.met import LAST, at, by_hand, drawn, order, touch, write
from tenure.acquisition.contacts import Contacts, Period
from tenure.acquisition.decision import decision_time_by
from tenure.acquisition.factors import factors, independence
from tenure.acquisition.funnel import PeopleQuery, count, funnel, people, trend
from tenure.acquisition.labels import FunnelSteps
from tenure.acquisition.scoring import STEPS
from tenure.acquisition.windows import closing
from tenure.errors import FactsError
from tenure.facts.frames import completed
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import builtin
from tenure.refreshing.run import refresh
from tenure.scorecard.model import Options

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

MARCH = Period(date(2024, 3, 1), date(2024, 3, 31))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return by_hand(tmp_path_factory.mktemp("met"))


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return drawn(tmp_path_factory.mktemp("drawn"))


def contacts_of(lake: Lake, day: date = LAST, **options: Any) -> Contacts:
    return Contacts.of(lake.connect(), day, Options(**options), lake.settings.tz)


def steps(body: dict[str, Any], name: str) -> list[Any]:
    return [step[name] for step in body["steps"]]


def test_march_is_counted_step_by_step_as_by_hand(shop: Lake) -> None:
    """Ann took all steps, Bob asked only, Dan ordered after 150 days, Fay is a lead, Gus bought within the hour."""
    body = funnel(contacts_of(shop), MARCH)
    assert (body["people"], body["closed"], body["open"], body["state"]) == (5, 5, 0, "finished")
    assert body["without_contact"] == 2  # Cat was never seen before; Hal looked around after the order of the same day
    assert steps(body, "reached") == [5, 3, 2, 2]
    assert steps(body, "share") == [1.0, 0.6, 0.4, 0.4]
    assert steps(body, "rate") == [1.0, 0.6, pytest.approx(2 / 3), 1.0]
    assert steps(body, "dropped") == [0, 2, 1, 0]
    assert steps(body, "median_days") == [None, 0.0, 2.5, 1.0]
    assert steps(body, "now") == [1, 1, 0, 3]
    # Wilson's interval of 2 in 5, as in its tables.
    assert (body["steps"][3]["share_low"], body["steps"][3]["share_high"]) == pytest.approx((0.1176, 0.7693), abs=1e-4)


def test_every_number_of_people_is_a_list_of_them(shop: Lake) -> None:
    contacts = contacts_of(shop)

    def names(step: str, which: str) -> list[str]:
        query = PeopleQuery(MARCH, step, which)
        rows = people(contacts, query)
        assert count(contacts, query) == len(rows)
        return sorted(row["customer_id"] for row in rows)

    assert names("attract", "reached") == ["ann", "bob", "dan", "fay", "gus"]
    assert names("transaction", "reached") == ["ann", "gus"]
    assert names("trust", "dropped") == ["dan", "fay"]
    assert names("intent", "dropped") == ["bob"]
    assert names("transaction", "now") == ["ann", "dan", "gus"]
    body = funnel(contacts, MARCH)
    for step in body["steps"]:
        assert len(names(step["step"], "reached")) == step["reached"]
        assert len(names(step["step"], "dropped")) == step["dropped"]
        assert len(names(step["step"], "now")) == step["now"]


def test_a_longer_window_lets_dan_in_and_a_shorter_one_ann_out(shop: Lake) -> None:
    assert steps(funnel(contacts_of(shop, funnel_days=150), MARCH), "reached") == [5, 4, 3, 3]
    assert steps(funnel(contacts_of(shop, funnel_days=10), MARCH), "reached") == [5, 3, 2, 1]


def test_a_young_period_is_open_and_has_no_shares(shop: Lake) -> None:
    body = funnel(contacts_of(shop), Period.read("2024-11"))
    assert (body["people"], body["closed"], body["open"], body["state"]) == (1, 0, 1, "open")
    assert steps(body, "reached") == [1, 1, 1, 0]
    assert steps(body, "share") == [None] * 4
    assert funnel(contacts_of(shop), Period.read("2024-05"))["state"] == "empty"


def test_seen_from_an_earlier_day_later_steps_are_not_known(shop: Lake) -> None:
    body = funnel(contacts_of(shop, date(2024, 3, 9)), MARCH)
    assert steps(body, "reached") == [4, 3, 1, 1]  # Fay is not on file yet, Ann has filled no cart yet
    assert body["state"] == "open"
    # A window is over on its last day, not a day earlier.
    over = date(2024, 3, 2) + timedelta(days=90)
    bob = Period(date(2024, 3, 2), date(2024, 3, 2))
    assert funnel(contacts_of(shop, over - timedelta(days=1)), bob)["closed"] == 0
    assert funnel(contacts_of(shop, over), bob)["closed"] == 1


def test_how_a_first_contact_came_about_is_kept_with_the_customer(shop: Lake) -> None:
    sql = """SELECT customer_id, first_contact_kind, first_channel, first_content, first_campaign, first_category,
        trust_on, intent_on, attention_closes_on, decision_closes_on FROM scorecard ORDER BY 1"""
    rows = {row[0]: row[1:] for row in shop.connect().execute(sql).fetchall()}
    assert rows["ann"] == ("view", "web", "P1", "spring", "tea", date(2024, 3, 5), date(2024, 3, 10), None, None)
    assert rows["bob"] == (
        "enquiry", "phone", None, None, None, date(2024, 3, 2), None, date(2024, 4, 1), date(2024, 5, 31),
    )  # fmt: skip
    assert (rows["cat"][0], rows["hal"][0]) == ("order", "order")
    assert rows["fay"] == ("record", None, None, None, None, None, None, date(2024, 4, 19), None)
    assert rows["gus"][0] == "view"


def test_the_steps_are_those_of_the_model_that_is_in_force(shop: Lake) -> None:
    """The board of the model and the funnel can never disagree about where somebody is."""
    now = shop.connect().execute(
        "SELECT customer_id, stage FROM spans WHERE model = 'first-contact-funnel' AND left_on IS NULL"
    )
    stages = dict(now.fetchall())
    rows = contacts_of(shop).rows("SELECT customer_id, step FROM first_contacts")
    assert {row["customer_id"]: STEPS[row["step"]] for row in rows} == {
        who: stage for who, stage in stages.items() if who not in ("cat", "hal")
    }


def test_only_the_channel_that_decides_is_named_a_factor(many: Lake) -> None:
    found = {item["factor"]: item for item in factors(contacts_of(many), Period.read("2024"))}
    assert found["channel"]["verdict"] == "differs"
    assert found["channel"]["p_adjusted"] < 0.001
    assert {row["value"] for row in found["channel"]["rows"]} == {"referral", "search", "banner"}
    others = {name: item["verdict"] for name, item in found.items() if name != "channel"}
    assert others == dict.fromkeys(("content", "campaign", "price", "attribute:城市"), "no-difference")
    # Only people whose ninety days are over are compared.
    assert (
        sum(row["people"] for row in found["campaign"]["rows"])
        == funnel(contacts_of(many), Period.read("2024"))["closed"]
    )


def test_with_few_people_no_factor_is_named(shop: Lake) -> None:
    found = factors(contacts_of(shop), MARCH)
    assert {item["factor"] for item in found} == {"kind", "channel"}
    assert {item["verdict"] for item in found} == {"too-few"}
    assert all(item["p"] is None for item in found)


def test_independence_agrees_with_published_tables() -> None:
    # Fisher's tea: too few for anything, so nothing is said.
    assert independence([(3, 4), (1, 4)]) is None
    # Two groups of 100: 30 against 45 conversions; Fisher's exact p as R gives it.
    assert independence([(30, 100), (45, 100)]) == pytest.approx(0.0407, abs=2e-4)
    # Three groups, chi-square 10.0 on 2 degrees of freedom: exp(-5).
    assert independence([(40, 100), (50, 100), (60, 100)]) == pytest.approx(0.018316, abs=1e-5)
    # Small groups are tested together: (1, 3), (2, 4) and (0, 5) are one group of 12.
    pooled = independence([(40, 100), (60, 100), (1, 3), (2, 4), (0, 5)])
    assert pooled == pytest.approx(independence([(40, 100), (60, 100), (3, 12)]) or 0)


def test_the_trend_compares_finished_months_and_claims_nothing_by_chance(many: Lake) -> None:
    body = trend(contacts_of(many))
    states = [month["state"] for month in body["months"]]
    # The ninety days of September are over on 29 December, those of October are not.
    assert states == ["finished"] * 9 + ["open"] * 3
    assert body["compared"][0]["month"] == date(2024, 9, 1)
    assert not any(row["differ"] for row in body["compared"])


def test_a_month_that_really_fell_is_said_to_have_fallen(many: Lake, tmp_path_factory: pytest.TempPathFactory) -> None:
    body = trend(contacts_of(many, date(2024, 12, 30), funnel_days=1))
    assert [month["state"] for month in body["months"]][-1] == "open"  # December is not over yet
    # Nobody of this shop carts within a day; the test itself must be able to see a fall.
    from tenure.acquisition.funnel import _compared

    high = {"since": date(2024, 1, 1), "closed": 100, "steps": [{"closed_reached": 60}] * 4}
    low = {"since": date(2024, 2, 1), "closed": 100, "steps": [{"closed_reached": 30}] * 4}
    assert all(row["differ"] and row["share"] == 0.3 and row["share_before"] == 0.6 for row in _compared([high, low]))


def test_a_month_is_finished_exactly_when_nobody_in_it_is_open(shop: Lake) -> None:
    """The first contacts of March lie before the 20th: their days are over before those of the 31st would be."""
    over = date(2024, 3, 20) + timedelta(days=90)
    assert [funnel(contacts_of(shop, day), MARCH)["state"] for day in (over - timedelta(days=1), over)] == [
        "open",
        "finished",
    ]


def test_a_contract_is_a_transaction_also_where_the_facts_do_not_suffice_for_the_model(tmp_path: Path) -> None:
    """A member is no prospect; somebody who asked and then signed has converted on that day."""
    lake = Lake.create(tmp_path / "lake", tz="Asia/Shanghai")
    write(lake, "contracts", [contract("mia", "2024-03-01"), contract("ned", "2024-03-09")])
    lead = {"customer_id": "ned", "created_on": date(2024, 3, 4), "seen_at": at("2024-03-04")}
    lake.write("customers", completed("customers", pa.Table.from_pylist([lead])))
    refresh(lake, LAST)
    assert not lake.connect().execute("SELECT 1 FROM spans WHERE model = 'first-contact-funnel'").fetchall()
    contacts = contacts_of(lake)
    assert contacts.count_without_contact(MARCH) == 1
    (ned,) = contacts.rows("SELECT customer_id, contact_on, transaction_on, attention_closes_on FROM first_contacts")
    assert ned == {
        "customer_id": "ned", "contact_on": date(2024, 3, 4), "transaction_on": date(2024, 3, 9),
        "attention_closes_on": None,
    }  # fmt: skip


def contract(customer: str, day: str) -> dict[str, Any]:
    return {"customer_id": customer, "at": at(day), "contract_id": customer, "event": "started"}


def test_an_attribute_counts_as_it_was_known_on_the_day_of_the_first_contact(tmp_path: Path) -> None:
    """A level that buyers get later divides them perfectly, and says nothing of why they bought."""
    lake = Lake.create(tmp_path / "lake", tz="Asia/Shanghai")
    touches, orders, records = [], [], []
    for number in range(40):
        who, buys = f"V{number:02d}", number % 2 == 0
        touches.append(touch(who, "2024-03-01", "view"))
        orders += [order(who, "2024-04-01")] if buys else []
        for attributes, since in (
            ({"town": "old" if number < 20 else "new", "source": "fair"}, date(2024, 3, 1)),
            ({"town": "moved", "level": "gold" if buys else "none"}, date(2024, 5, 1)),
        ):
            record = {"customer_id": who, "attributes": json.dumps(attributes), "valid_from": since}
            records.append(record | {"seen_at": at(LAST)})
        records.append({"customer_id": who, "attributes": '{"source": "later"}', "seen_at": at(LAST)})
    write(lake, "interactions", touches)
    write(lake, "orders", orders)
    lake.write("customers", completed("customers", pa.Table.from_pylist(records)))
    refresh(lake, LAST, models=["first-contact-funnel"])
    (town,) = factors(contacts_of(lake), MARCH)
    assert (town["factor"], {row["value"]: row["people"] for row in town["rows"]}, town["unknown"]) == (
        "attribute:town", {"old": 20, "new": 20}, 0,
    )  # fmt: skip
    # Where they came from is the value recorded first.
    assert {row["value"] for row in decision_time_by(contacts_of(lake), MARCH, "attribute:source")} == {"fair"}


def test_the_last_day_of_the_calendar_and_the_first_one_are_days_like_others(shop: Lake) -> None:
    assert closing(contacts_of(shop), date.max) == []
    assert funnel(contacts_of(shop), Period.read("9999"))["state"] == "empty"
    assert trend(contacts_of(shop, date.min)) == {"months": [], "compared": []}


def test_steps_that_the_model_in_force_lacks_are_named() -> None:
    model = builtin()["first-contact-funnel"]
    assert FunnelSteps.of(model).missing == []
    renamed = replace(model, stages=tuple(stage for stage in model.stages if stage.id != "trust"))
    assert "has no stage trust" in FunnelSteps.of(renamed).warning()
    assert FunnelSteps.of(None).missing == list(STEPS)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2024-q4", date(2024, 10, 1), date(2024, 12, 31)),
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024-01-15..2024-02-14", date(2024, 1, 15), date(2024, 2, 14)),
        ("2024-01-15", date(2024, 1, 15), date(2024, 1, 15)),
    ],
)
def test_a_period_is_read_from_its_text(text: str, since: date, until: date) -> None:
    assert Period.read(text) == Period(since, until)


@pytest.mark.parametrize("text", ["", "2024-13", "spring", "2024-02-14..2024-01-15", "2024-Q5"])
def test_what_is_no_period_is_refused_with_examples(text: str) -> None:
    with pytest.raises(FactsError, match=r"2024-03|ends before it begins"):
        Period.read(text)
