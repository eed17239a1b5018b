"""Early warnings: each sign shows in those who have it, in words, with a day and an owner, and in nobody else."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from risk import shops
from tenure.facts.lake import Lake
from tenure.lifecycle.refresh import refresh
from tenure.risk import wallet
from tenure.risk.looking import Look
from tenure.risk.signals.catalogue import SIGNALS
from tenure.risk.warnings import FIGURES, PART, WARNINGS

if TYPE_CHECKING:
    from pathlib import Path

Facts = dict[str, list[dict[str, Any]]]


def ago(days: int) -> datetime:
    day = shops.TODAY - timedelta(days=days)
    return datetime(day.year, day.month, day.day, 12)


def orders(who: str, *days: int, amount: str = "100", **more: Any) -> list[dict[str, Any]]:
    return [{"customer_id": who, "at": ago(day), "amount": Decimal(amount), **more} for day in days]


def did(who: str, kind: str, *days: int) -> list[dict[str, Any]]:
    return [{"customer_id": who, "at": ago(day), "kind": kind} for day in days]


def said(who: str, measure: str, *answers: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"customer_id": who, "at": ago(day), "measure": measure, "score": Decimal(score)} for day, score in answers]


def case(who: str, number: str, event: str, day: int) -> dict[str, Any]:
    return {"customer_id": who, "at": ago(day), "case_id": number, "kind": "complaint", "event": event}


def tables(facts: Facts) -> dict[str, pa.Table]:
    return {name: pa.Table.from_pylist(rows) for name, rows in facts.items()}


def found(facts: Facts, customers: list[dict[str, Any]] | None = None, **more: Any) -> list[dict[str, Any]]:
    """Return the warnings of a few hand-made customers; too few for anything to be fitted."""
    records = pa.Table.from_pylist(customers) if customers else None
    table = shops.figures_of(tables(facts), records)
    for name, values in more.items():
        table = table.append_column(name, pa.array(values))
    fits = {fit.part: fit for fit in PART.fit(table, shops.context())}
    rows = PART.tables(table, fits, shops.context())["warnings"].to_pylist()
    return [{**row, "evidence": json.loads(row["evidence"])} for row in rows]


def signals(facts: Facts, who: str = "ann") -> dict[str, dict[str, Any]]:
    return {row["signal"]: row for row in found(facts) if row["customer_id"] == who}


def scored(facts: Facts) -> dict[str, Any]:
    table = shops.figures_of(tables(facts))
    fits = {fit.part: fit for fit in PART.fit(table, shops.context())}
    return PART.score(table, fits, shops.context()).to_pylist()[0]


def volumes(*rows: tuple[int, str]) -> list[dict[str, Any]]:
    return [{"customer_id": "ann", "at": ago(day), "amount": Decimal(amount)} for day, amount in rows]


QUARTERS = orders("ann", 120) + orders("ann", 20, amount="60")


# A03 and rule T04


@pytest.mark.parametrize("theirs", [("1000", "1000"), ("1000", "1200")])
def test_a03_our_volume_falls_and_theirs_does_not_so_it_is_decline_with_the_wallet_share_as_evidence(
    theirs: tuple[str, str],
) -> None:
    facts = {"orders": QUARTERS, "volumes": volumes((120, theirs[0]), (20, theirs[1]))}
    row = scored(facts)
    assert row["decline"] == "yes"
    assert row["wallet_share"] == pytest.approx(60 / float(theirs[1]))
    assert row["wallet_change"] == pytest.approx(60 / float(theirs[1]) - 0.1)
    warning = signals(facts)["decline"]
    assert warning["evidence"]["figures"]["share_before"] == pytest.approx(0.1)
    assert "10%" in warning["evidence"]["en"]
    assert "10%" in warning["evidence"]["zh"]


def test_a03_a_customer_whose_own_business_falls_too_is_not_declining_but_counted_apart() -> None:
    facts = {"orders": QUARTERS, "volumes": volumes((120, "1000"), (20, "600"))}
    assert scored(facts)["decline"] == "no"
    assert "decline" not in signals(facts)
    table = shops.figures_of(tables(facts))
    told = PART.report(table, {}, shops.context())["risk.decline"]
    assert (told["fell"], told["industry"], told["answers"]["yes"]) == (1, 1, 0)


def test_a03_without_the_customers_own_total_the_answer_is_cannot_judge_and_no_guess() -> None:
    row = scored({"orders": QUARTERS})
    assert row["decline"] == "cannot-judge"
    assert row["wallet_share"] is None
    assert "decline" not in signals({"orders": QUARTERS})


def test_a_fall_over_two_halves_of_a_year_is_gradual_decline() -> None:
    slow = orders("ann", 350, 300, 250, 200, amount="100") + orders("ann", 170, 130, 80, 40, amount="70")
    facts = {"orders": slow, "volumes": volumes((350, "900"), (250, "900"), (130, "900"), (40, "900"))}
    assert scored(facts)["decline"] == "yes"


def test_who_never_ordered_is_neither_declining_nor_judged() -> None:
    row = scored({"interactions": did("ann", "view", 3)})
    assert row["decline"] is None
    assert row["decline_p"] is None


# Wallet


@pytest.mark.parametrize(
    ("facts", "now", "before"),
    [
        # Dated at the end of the period that began on period_start.
        ([(30, "500", 59), (60, "500", 89)], 0.2, 0.4),
        # Dated on the first day of the period.
        ([(59, "500", 59), (89, "500", 89)], 0.2, 0.4),
        # One statement says nothing about before.
        ([(30, "500", 59)], 0.2, None),
        # A single one without its first day says nothing at all.
        ([(30, "500", None)], None, None),
        ([(30, "0", 59)], None, None),
    ],
)
def test_share_of_wallet_is_ours_in_the_days_that_the_statement_speaks_of(
    facts: list[tuple[int, str, int | None]], now: float | None, before: float | None
) -> None:
    rows = [
        {
            "customer_id": "ann", "at": ago(day), "amount": Decimal(amount),
            "period_start": None if start is None else ago(start).date(),
        }
        for day, amount, start in facts
    ]  # fmt: skip
    ours = orders("ann", 89, 60) + orders("ann", 59, 10)
    row = scored({"orders": ours, "volumes": rows})
    if now is None:
        assert row["wallet_share"] is None
    else:
        assert row["wallet_share"] == pytest.approx(now)
    assert row["wallet_change"] == (None if before is None else pytest.approx(now - before))


def test_share_of_wallet_takes_the_statements_of_ninety_days_together() -> None:
    ours = orders("ann", *range(5, 90, 10), amount="50") + orders("ann", *range(95, 180, 10), amount="100")
    monthly = volumes(
        (179, "1000"), (150, "1000"), (120, "1000"), (91, "1000"), (60, "1000"), (30, "1000"), (1, "1000")
    )
    row = scored({"orders": ours, "volumes": monthly})
    assert row["wallet_share"] == pytest.approx(450 / 3000)
    assert row["wallet_share"] - row["wallet_change"] == pytest.approx(900 / 4000)  # the first speaks of 29 days too


def test_the_history_of_the_wallet_ends_with_the_share_of_the_scorecard() -> None:
    facts = {"orders": QUARTERS + orders("bob", 3), "volumes": volumes((220, "500"), (120, "1000"), (20, "1000"))}
    ann, bob = wallet.history(Look(shops.block(tables(facts))))
    assert [(one.ours, one.total) for one in ann] == [(0.0, 500.0), (100.0, 1000.0), (60.0, 1000.0)]
    assert ann[-1].share == pytest.approx(scored(facts)["wallet_share"])
    assert bob == []


# The other signs


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
    table = shops.figures_of(tables({"orders": orders("ann", 5), "cases": [case("ann", "1", "opened", 4)]}))
    fit = PART.fit(table, shops.context(buyers=500))[0]
    assert fit.verdict == "too-little-data"
    assert not fit.usable
    assert {gate.name: (gate.needed, gate.found) for gate in fit.gates}["buyers"] == (500.0, 1.0)
    assert PART.score(table, {"warnings": fit}, shops.context()).to_pylist()[0]["warning_signals"] == "complaint"


def test_no_customers_make_an_empty_table_of_the_same_columns() -> None:
    table = shops.figures_of(
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
    assert set(FIGURES.schema.names) <= set(table.column_names)
    fits = {fit.part: fit for fit in PART.fit(table, shops.context())}
    assert PART.score(table, fits, shops.context()).schema == PART.schema
    assert PART.tables(table, fits, shops.context())["warnings"].schema == WARNINGS
    json.dumps(PART.report(table, fits, shops.context()))


def test_some_customers_score_as_they_did_among_all() -> None:
    table, context = shops.table_of(shops.shop(400, changed=0.3)), shops.context()
    fits = {fit.part: fit for fit in PART.fit(table, context)}
    everybody = PART.score(table, fits, context)
    assert everybody.schema == PART.schema
    assert PART.score(table.slice(50, 20), fits, context).equals(everybody.slice(50, 20))


def test_figures_are_the_same_however_customers_are_cut_into_blocks() -> None:
    shop = shops.shop(60)
    whole = shops.table_of(shop)
    cut = shops.table_of(replace(shop, who=shop.who[shop.who < 25], day=shop.day[shop.who < 25]))
    assert cut.equals(whole.slice(0, len(cut)))


def test_a_fit_survives_being_written_down() -> None:
    from tenure.stats.record import Fit

    table, context = shops.table_of(shops.shop(400, changed=0.3)), shops.context()
    fit = PART.fit(table, context)[0]
    again = Fit.from_json(fit.to_json())
    assert PART.score(table, {"warnings": again}, context).equals(PART.score(table, {"warnings": fit}, context))


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
    table = shops.figures_of(facts)
    context = replace(shops.context(), lake=silent_lake)
    rows = PART.tables(table, {}, context)["warnings"].to_pylist()
    warned = {row["customer_id"]: row for row in rows if row["signal"] == "next-boundary"}
    assert set(warned) == {"near"}  # active up to 45 days: the boundary of `far` is 44 days away
    assert warned["near"]["lead_days"] == 21
    assert warned["near"]["due_on"] < shops.TODAY + timedelta(days=21)
    said_of = json.loads(warned["near"]["evidence"])
    assert date.fromisoformat(said_of["figures"]["day"]) == shops.TODAY + timedelta(days=21)
    assert "沉默" in said_of["zh"]
