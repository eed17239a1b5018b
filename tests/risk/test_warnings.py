"""Early warnings: each sign shows in those who have it, in words, with a day and an owner, and in nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from refreshes import stages_only as refresh
from risk import shops
from risk.people import Facts, ago, case, did, evidence, found, orders, said, scored, signals, tables, volumes
from tenure.facts.lake import Lake
from tenure.risk.signals import SIGNALS
from tenure.risk.warnings import WARNINGS, Warnings

if TYPE_CHECKING:
    from pathlib import Path

MODEL = Warnings()


@pytest.mark.parametrize(
    ("rows", "shown"),
    [
        ([case("ann", "1", "opened", 200)], True),
        ([case("ann", "1", "opened", 20), case("ann", "1", "closed", 10)], False),
        ([case("ann", n, event, day) for n in "12" for event, day in (("opened", 20), ("closed", 10))], True),
        ([case("ann", n, "opened", 200) for n in "1"] + [case("ann", "1", "closed", 150)], False),
    ],
    ids=["open for long", "one, closed", "repeated", "long ago"],
)
def test_an_open_or_repeated_complaint_warns(rows: list[dict[str, Any]], shown: bool) -> None:
    facts = {"orders": orders("ann", 5), "cases": rows}
    assert ("complaint" in signals(facts)) is shown


def test_an_open_complaint_is_due_within_three_days_and_began_with_the_newest() -> None:
    facts = {"orders": orders("ann", 5), "cases": [case("ann", "1", "opened", 40), case("ann", "2", "opened", 9)]}
    warning = signals(facts)["complaint"]
    assert warning["since"] == ago(9).date()  # a new one warns anew, though an older one was dealt with
    assert warning["evidence"]["figures"]["since"] == ago(40).date().isoformat()
    assert warning["due_on"] == shops.TODAY + timedelta(days=3)
    assert warning["evidence"]["figures"]["open"] == 2


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        (said("ann", "csat", (10, "2")), True),
        (said("ann", "csat", (40, "5"), (10, "4")), True),
        (said("ann", "csat", (40, "4"), (10, "4")), False),
        (said("ann", "csat", (400, "1")), False),
        (said("ann", "nps", (10, "5")), True),
        (said("ann", "nps", (10, "9")), False),
        (said("ann", "expectation", (10, "4")) + said("ann", "experience", (10, "3")), True),
        (said("ann", "expectation", (10, "4")) + said("ann", "experience", (10, "4")), False),
    ],
    ids=["low", "fell", "steady", "long ago", "detractor", "promoter", "gap", "as expected"],
)
def test_low_or_falling_answers_warn(answers: list[dict[str, Any]], shown: bool) -> None:
    assert ("satisfaction-down" in signals({"orders": orders("ann", 5), "feedback": answers})) is shown


@pytest.mark.parametrize(
    ("bought", "seen", "shown"),
    [((100, 120, 140, 20), (100, 110, 120, 10), True), ((100, 120, 20, 30), (100, 110, 10), False)],
)
def test_m23_orders_and_contacts_that_both_fall_warn(
    bought: tuple[int, ...], seen: tuple[int, ...], shown: bool
) -> None:
    facts = {"orders": orders("ann", *bought), "interactions": did("ann", "view", *seen)}
    assert ("both-frequencies-down" in signals(facts)) is shown


def test_m23_where_contacts_were_never_recorded_nothing_is_said_of_both() -> None:
    assert "both-frequencies-down" not in signals({"orders": orders("ann", 100, 120, 140, 20)})


def test_p04_contacts_that_dry_up_are_activity_down() -> None:
    facts = {"orders": orders("ann", 5), "interactions": did("ann", "view", *range(95, 155, 5), 3)}
    warning = signals(facts)["activity-down"]
    assert warning["evidence"]["figures"] == {"interactions_90": 1, "interactions_before": 12}


def test_a_prospect_whose_visits_dry_up_does_not_leave_but_a_member_without_orders_may() -> None:
    visits = did("ann", "view", *range(95, 155, 5), 3)
    contract = {"customer_id": "ann", "at": ago(200), "contract_id": "1", "event": "started"}
    assert signals({"interactions": visits}) == {}
    assert "activity-down" in signals({"interactions": visits, "contracts": [contract]})


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        ({"interactions": did("ann", "unsubscribe", 4)}, True),
        ({"interactions": did("ann", "unsubscribe", 400)}, False),
        ({"interactions": did("ann", "view", 4)}, False),
        ({"contracts": [{"customer_id": "ann", "at": ago(9), "contract_id": "1", "event": "cancelled"}]}, True),
        (
            {
                "contracts": [
                    {"customer_id": "ann", "at": ago(9), "contract_id": "1", "event": "cancelled"},
                    {"customer_id": "ann", "at": ago(2), "contract_id": "2", "event": "started"},
                ]
            },
            False,
        ),
    ],
    ids=["says it", "said it long ago", "only looks", "cancelled", "cancelled and begun anew"],
)
def test_words_of_leaving_warn(facts: Facts, shown: bool) -> None:
    warnings = signals({"orders": orders("ann", 5), **facts})
    assert ("intent-to-leave" in warnings) is shown


def test_g15_answers_that_fall_are_fatigue_and_our_own_messages_are_no_activity_of_theirs() -> None:
    before, now = tuple(range(91, 331, 12)), (3, 13, 23, 33, 43, 53, 63, 73)
    rows = did("ann", "message", *before, *now) + did("ann", "open", *(day - 1 for day in before[:16]))
    row = scored({"orders": orders("ann", 5), "interactions": rows})
    assert row["fatigue"] == pytest.approx(1.0)
    warnings = signals({"orders": orders("ann", 5), "interactions": rows})
    assert warnings["fatigue"]["evidence"]["figures"]["messages"] == 8
    steady = rows + did("ann", "open", *(day - 1 for day in now[:6]))
    assert "fatigue" not in signals({"orders": orders("ann", 5), "interactions": steady})


def test_without_recorded_messages_fatigue_is_not_judged() -> None:
    row = scored({"orders": orders("ann", 5), "interactions": did("ann", "open", 3, 120)})
    assert row["fatigue"] is None


# Owner, money, words


def test_the_owner_comes_from_the_customers_record() -> None:
    record = {"customer_id": "ann", "attributes": json.dumps({"owner": "李雷", "level": "gold"})}
    rows = found({"orders": orders("ann", 5), "cases": [case("ann", "1", "opened", 4)]}, [record])
    assert [row["owner"] for row in rows] == ["李雷"]


def test_at_stake_is_the_chance_of_leaving_times_the_worth() -> None:
    facts = {
        "orders": orders("ann", 5, 30, cost=Decimal("40")) + orders("bob", 5, 30),
        "cases": [case("ann", "1", "opened", 4), case("bob", "2", "opened", 4)],
    }
    plain = {row["customer_id"]: row["value_at_stake"] for row in found(facts)}
    score = SIGNALS["complaint"].weight * 0.7
    assert plain == {"ann": pytest.approx(score * 120), "bob": pytest.approx(score * 200)}
    known = {
        row["customer_id"]: row["value_at_stake"]
        for row in found(facts, churn=[0.5, None], potential_value=[900.0, None])
    }
    assert known == {"ann": pytest.approx(450), "bob": pytest.approx(score * 200)}


def test_every_sentence_is_said_in_both_languages_without_a_hole() -> None:
    facts = {
        "orders": orders("ann", 100, 120, 140, 150, 20) + orders("bob", 5),
        "volumes": volumes((120, "1000"), (20, "1000")),
        "cases": [case("ann", "1", "opened", 4), case("ann", "2", "opened", 3)],
        "feedback": said("ann", "csat", (40, "5"), (3, "2")) + said("ann", "nps", (3, "1")),
        "interactions": did("ann", "view", *range(100, 160, 5)) + did("ann", "unsubscribe", 2),
    }
    rows = [row for row in found(facts) if row["customer_id"] == "ann"]
    assert len(rows) == 6
    for row in rows:
        for language in ("zh", "en"):
            assert row["evidence"][language]
            assert "%(" not in row["evidence"][language]


def test_several_signals_weigh_more_than_one_and_never_more_than_certainty() -> None:
    complaint = {"orders": orders("ann", 5), "cases": [case("ann", "1", "opened", 4)]}
    both = {**complaint, "feedback": said("ann", "csat", (3, "1"))}
    all_of_them = {**both, "interactions": did("ann", "unsubscribe", 2)}
    scores = [scored(facts)["warning_score"] for facts in (complaint, both, all_of_them)]
    assert 0 < scores[0] < scores[1] < scores[2] < 1
    assert scored(all_of_them)["warning_signals"] == "intent-to-leave,complaint,satisfaction-down"


def test_without_any_sign_there_is_no_warning_and_no_due_day() -> None:
    row = scored({"orders": orders("ann", 5)})
    assert (row["warning_score"], row["warning_signals"], row["warning_due_on"]) == (0.0, None, None)


# Everybody


def test_too_few_buyers_say_so_and_the_plain_signs_still_warn() -> None:
    table = shops.features_of(tables({"orders": orders("ann", 5), "cases": [case("ann", "1", "opened", 4)]}))
    fit = MODEL.fit(table, shops.context(buyers=500))[0]
    assert fit.verdict == "too-little-data"
    assert not fit.usable
    assert {gate.name: (gate.needed, gate.found) for gate in fit.gates}["buyers"] == (500.0, 1.0)
    assert (
        MODEL.score(table, {"warnings": fit}, shops.context()).columns.to_pylist()[0]["warning_signals"] == "complaint"
    )


def test_no_customers_make_an_empty_table_of_the_same_columns() -> None:
    table = shops.features_of(
        {
            "orders": pa.table(
                {
                    "customer_id": pa.array([], pa.string()),
                    "at": pa.array([], pa.timestamp("us")),
                    "amount": pa.array([], pa.float64()),
                }
            )
        }
    )
    assert set(shops.FEATURES.schema.names) <= set(table.column_names)
    fits = {fit.part: fit for fit in MODEL.fit(table, shops.context())}
    assert MODEL.score(table, fits, shops.context()).columns.schema == MODEL.schema
    assert MODEL.score(table, fits, shops.context()).tables["warnings"].schema == WARNINGS
    json.dumps(MODEL.score(table, fits, shops.context()).report())


def test_some_customers_score_as_they_did_among_all() -> None:
    table, context = shops.table_of(shops.shop(400, changed=0.3)), shops.context()
    fits = {fit.part: fit for fit in MODEL.fit(table, context)}
    everybody = MODEL.score(table, fits, context).columns
    assert everybody.schema == MODEL.schema
    assert MODEL.score(table.slice(50, 20), fits, context).columns.equals(everybody.slice(50, 20))


def test_figures_are_the_same_however_customers_are_cut_into_blocks() -> None:
    shop = shops.shop(60)
    whole = shops.table_of(shop)
    cut = shops.table_of(replace(shop, who=shop.who[shop.who < 25], day=shop.day[shop.who < 25]))
    assert cut.equals(whole.slice(0, len(cut)))


def test_a_fit_survives_being_written_down() -> None:
    from tenure.stats.record import Fit

    table, context = shops.table_of(shops.shop(400, changed=0.3)), shops.context()
    fit = MODEL.fit(table, context)[0]
    again = Fit.from_json(fit.to_json())
    assert MODEL.score(table, {"warnings": again}, context).columns.equals(
        MODEL.score(table, {"warnings": fit}, context).columns
    )


@pytest.fixture(scope="module")
def silent_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake.create(tmp_path_factory.mktemp("silent") / "lake", tz="UTC")
    rows = orders("near", 25) + orders("far", 2) + orders("gone", 400)
    from tenure.facts.importing import import_files

    path: Path = lake.path.parent / "orders.csv"
    path.write_text("customer_id,at,amount\n" + "".join(f"{r['customer_id']},{r['at']:%Y-%m-%d},100\n" for r in rows))
    import_files(lake, [path], as_="orders")
    refresh(lake, as_of=shops.TODAY, models=["retail-activity"])
    return lake


def test_t12_the_next_worse_stage_warns_before_its_day_and_sets_the_lead_time(silent_lake: Lake) -> None:
    facts = tables({"orders": orders("near", 25) + orders("far", 2) + orders("gone", 400)})
    table = shops.features_of(facts)
    context = replace(shops.context(), lake=silent_lake)
    rows = MODEL.score(table, {}, context).tables["warnings"].to_pylist()
    warned = {row["customer_id"]: row for row in rows if row["signal"] == "next-boundary"}
    assert set(warned) == {"near"}  # active up to 45 days: the boundary of `far` is 44 days away
    assert warned["near"]["lead_days"] == 21
    assert warned["near"]["due_on"] < shops.TODAY + timedelta(days=21)
    said_of = evidence(warned["near"]["evidence"])
    assert date.fromisoformat(said_of["figures"]["day"]) == shops.TODAY + timedelta(days=21)
    assert "沉默" in said_of["zh"]
