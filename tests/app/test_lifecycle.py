"""The board: its figures are the list's, on any day, and it says what it cannot show."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from app import numbers, people
from app.test_customers import MODEL, TODAY, by_hand, orders_of
from tenure.lifecycle.model import NOT_IN_MODEL
from tenure.lifecycle.statistics import CANNOT_JUDGE, statistic

if TYPE_CHECKING:
    from django.test import Client

    from tenure.facts.lake import Lake


def board(client: Client, day: date, model: str = MODEL, days: int = 30) -> dict[str, dict[str, str]]:
    """Return the board's table as it is downloaded, by stage."""
    asked = {"model": model, "as_of": day.isoformat(), "days": days, "format": "csv"}
    text = client.get("/lifecycle/", asked).content.decode("utf-8-sig")
    return {row["Stage id"]: row for row in csv.DictReader(io.StringIO(text))}


@pytest.mark.parametrize("days_ago", [0, 45, 120, 300])
def test_the_board_counts_people_and_value_as_by_hand(shop: Lake, signed_in: Client, days_ago: int) -> None:
    day = TODAY - timedelta(days=days_ago)
    places, rows = by_hand(day), board(signed_in, day)
    worth = {one: sum((amount for _on, amount in orders), Decimal(0)) for one, orders in orders_of().items()}
    for stage in ("active", "silent", "dormant", "lost"):
        there = [one for one, place in places.items() if place == stage]
        assert int(rows[stage]["Customers"]) == len(there)
        assert Decimal(rows[stage]["Amount"]) == sum((worth[one] for one in there), Decimal(0))
        if there:
            assert float(rows[stage]["Share"]) == pytest.approx(
                len(there) / sum(p != NOT_IN_MODEL for p in places.values()), abs=1e-5
            )


def test_people_at_the_end_are_those_at_the_start_plus_entries_minus_exits(shop: Lake, signed_in: Client) -> None:
    day = TODAY - timedelta(days=40)
    now, then = board(signed_in, day), board(signed_in, day - timedelta(days=30))
    for stage in ("active", "silent", "dormant", "lost"):
        moved = int(now[stage]["Entries"]) - int(now[stage]["Exits"])
        assert int(now[stage]["Customers"]) == int(then[stage]["Customers"]) + moved


@pytest.mark.parametrize("model", ["retail-activity", "crm-5", "relationship-4", "saas-6"])
@pytest.mark.parametrize("days_ago", [0, 90])
def test_every_number_of_the_board_opens_exactly_its_rows(
    shop: Lake, signed_in: Client, model: str, days_ago: int
) -> None:
    day = TODAY - timedelta(days=days_ago)
    numbers.check(signed_in, f"/lifecycle/?model={model}&as_of={day}&days=90", 4)


def test_t09_who_was_brought_back_is_counted_on_the_board_and_labelled_on_the_customers_page(
    shop: Lake, signed_in: Client
) -> None:
    moves = shop.connect().execute(
        "select customer_id, entered_on from (select customer_id, stage, entered_on, lag(stage) over"
        " (partition by customer_id order by entered_on) as former from spans where model = ?)"
        " where stage = 'active' and former in ('silent', 'dormant', 'lost')",
        [MODEL],
    )
    customer, day = moves.fetchone() or pytest.fail("nobody came back")
    page = signed_in.get("/lifecycle/", {"model": MODEL, "as_of": str(day), "days": "1"})
    (card,) = [card for card in page.context["cards"] if card["place"].stage == "active"]
    (url, people) = next((url, people) for _label, term, url, people, _times in card["moves"] if term == "reactivated")
    assert people >= 1
    assert f"/customers/{customer}/" in signed_in.get(url).content.decode()
    assert "Re-activated" in signed_in.get(f"/customers/{customer}/", {"model": MODEL}).content.decode()
    assert "What to look at" in page.content.decode()


def test_every_number_of_the_families_opens_exactly_its_rows(shop: Lake, signed_in: Client) -> None:
    numbers.check(signed_in, f"/lifecycle/families/?as_of={TODAY - timedelta(days=10)}", 30)


def test_all_models_together_speak_of_the_same_customers(shop: Lake, signed_in: Client) -> None:
    text = signed_in.get("/lifecycle/families/", {"format": "csv"}).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) > 15
    assert all(name == name.strip() for name in rows[0])
    for row in rows:
        assert sum(int(cell) for name, cell in row.items() if name != "Model" and cell) <= 41


@pytest.mark.parametrize("days_ago", [0, 60, 90])
def test_board_list_command_and_statistics_agree_on_what_cannot_be_judged(
    shop: Lake, signed_in: Client, days_ago: int
) -> None:
    from tenure.cli import board as command

    day = TODAY - timedelta(days=days_ago)
    counted = statistic(shop.connect(), CANNOT_JUDGE, "relationship-4", day=day).to_pylist()
    unjudged = {row["stage"]: row["people"] for row in counted}
    assert unjudged["degeneration"] > 0
    rows = board(signed_in, day, "relationship-4")
    assert {stage: int(row["Undetermined"]) for stage, row in rows.items() if row["Undetermined"] != "0"} == unjudged
    app = typer.Typer()
    app.command()(command.board)
    arguments = ["--lake", str(shop.path), "--model", "relationship-4", "--as-of", str(day), "--json"]
    stages = json.loads(CliRunner().invoke(app, arguments).stdout)["stages"]
    assert {row["stage"]: row["cannot_judge"] for row in stages if row["cannot_judge"]} == unjudged
    asked = {"model": "relationship-4", "as_of": day.isoformat(), "cannot_judge": "degeneration"}
    text = signed_in.get("/customers.csv", asked).getvalue().decode("utf-8-sig")
    listed = {row["Customer id"] for row in csv.DictReader(io.StringIO(text))}
    assert len(listed) == unjudged["degeneration"]
    customer = sorted(listed)[0]
    page = signed_in.get(f"/customers/{customer}/?model=relationship-4&as_of={day}").content.decode()
    assert "Undetermined: Degeneration (missing: figure of their own volume)" in page
    assert "Periods in which a stage was undetermined" in page
    chips = signed_in.get("/customers/", asked).content.decode()
    assert re.search("Relationship model: Degeneration is undetermined on", chips)


def test_a_lake_without_the_table_of_doubts_shows_its_board_without_them(own_shop: Lake, signed_in: Client) -> None:
    shutil.rmtree(own_shop.path / "life" / "doubts")
    rows = board(signed_in, TODAY, "relationship-4")
    assert {row["Undetermined"] for row in rows.values()} == {"0"}
    assert signed_in.get("/customers/", {"model": "relationship-4", "cannot_judge": "degeneration"}).status_code == 200


def test_a_model_without_its_facts_says_which_are_missing(shop: Lake, signed_in: Client) -> None:
    said = signed_in.get("/lifecycle/", {"model": "satisfaction-4"}).content.decode()
    assert "does not fit these data yet" in said
    assert "satisfaction" in said.lower()
    assert "board-column" not in said


def test_the_board_says_plays_goals_and_rules_in_the_reader_s_language(shop: Lake, signed_in: Client) -> None:
    said = signed_in.get("/lifecycle/", {"model": MODEL}).content.decode()
    assert "the last order, contract start or renewal was at most 45 days ago" in said
    signed_in.cookies["tenure_language"] = "zh-hans"
    assert "最近一次下单、签约或续约在 45 天以内" in signed_in.get("/lifecycle/", {"model": MODEL}).content.decode()


def test_an_empty_lake_leads_to_the_imports(lake: Lake, signed_in: Client) -> None:
    for page in ("/lifecycle/", "/lifecycle/families/", "/overview/"):
        answer = signed_in.get(page, follow=True)
        assert answer.status_code == 200


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_board_and_the_families_open_in_a_browser(shop: Lake, open_page: object, language: str, width: int) -> None:
    page = open_page("/lifecycle/", language=language, width=width)  # type: ignore[operator]
    assert page.locator(".board-column").count() == 5
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page = open_page("/lifecycle/families/", language=language, width=width)  # type: ignore[operator]
    assert page.locator("table.families").is_visible()
    assert people.TODAY.year == 2026
