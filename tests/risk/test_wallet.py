"""Decline by rule T04, with the share of wallet as its evidence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from memory import explain
from risk import shops
from risk.people import ago, did, orders, scored, signals, tables, volumes
from tenure.features import wallet
from tenure.features.windows import WindowAggregates
from tenure.lifecycle.model_file import builtin
from tenure.risk.decline import FALLEN, NOT_FALLEN
from tenure.risk.warnings import Warnings

MODEL = Warnings()

QUARTERS = orders("ann", 120) + orders("ann", 20, amount="60")


@pytest.mark.parametrize("theirs", [("1000", "1000"), ("1000", "1200"), ("1000", "950")])
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
    table = shops.features_of(tables(facts))
    told = MODEL.score(table, {}, shops.context()).report()["risk.decline"]
    assert (told["fell"], told["industry"], told["answers"]["yes"]) == (1, 1, 0)


def test_a03_without_the_customers_own_total_the_answer_is_cannot_judge_and_no_guess() -> None:
    row = scored({"orders": QUARTERS})
    assert row["decline"] == "cannot-judge"
    assert row["wallet_share"] is None
    assert "decline" not in signals({"orders": QUARTERS})


@pytest.mark.parametrize(("theirs", "answer"), [("950", "yes"), ("900", "no"), (None, "cannot-judge")])
def test_the_signal_and_the_relationship_model_answer_alike(theirs: str | None, answer: str) -> None:
    stated = volumes((120, "1000"), *([(20, theirs)] if theirs else []))
    facts = {"orders": orders("ann", 150, 140, 130, 120) + orders("ann", 20, amount="60"), "volumes": stated}
    assert scored(facts)["decline"] == answer
    told = explain(tables(facts), builtin()["relationship-4"], "ann", shops.TODAY)
    (holds,) = [judged.holds for judged in told.evaluations if judged.stage.id == "degeneration"]
    assert {True: "yes", False: "no", None: "cannot-judge"}[holds] == answer


def test_the_signal_judges_the_customers_own_total_by_the_initial_values_of_the_relationship_model() -> None:
    values = {parameter.name: parameter.value for parameter in builtin()["relationship-4"].parameters}
    names = ("own_volume_ratio", "own_volume_valid", "own_volume_span", "decline_ratio")
    assert [values[name] for name in names] == [NOT_FALLEN, wallet.VALID, wallet.SPAN, FALLEN]


def test_a_fall_over_two_halves_of_a_year_is_gradual_decline() -> None:
    slow = orders("ann", 350, 300, 250, 200, amount="100") + orders("ann", 170, 130, 80, 40, amount="70")
    facts = {"orders": slow, "volumes": volumes((350, "900"), (250, "900"), (130, "900"), (40, "900"))}
    assert scored(facts)["decline"] == "yes"


def test_who_never_ordered_is_neither_declining_nor_judged() -> None:
    row = scored({"interactions": did("ann", "view", 3)})
    assert row["decline"] is None
    assert row["decline_p"] is None


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
    ann, bob = wallet.history(WindowAggregates(shops.block(tables(facts))))
    assert [(one.ours, one.total) for one in ann] == [(0.0, 500.0), (100.0, 1000.0), (60.0, 1000.0)]
    assert ann[-1].share == pytest.approx(scored(facts)["wallet_share"])
    assert bob == []
