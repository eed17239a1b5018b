"""The overview: every chart's figures are those of the lists, its titles say the main one."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app import numbers
from app.test_customers import MODEL, TODAY, by_hand

if TYPE_CHECKING:
    from django.test import Client

    from tenure.facts.lake import Lake


def data_of(html: str, name: str) -> Any:
    """Return the data of a chart."""
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_every_number_opens_exactly_its_rows(shop: Lake, signed_in: Client) -> None:
    numbers.check(signed_in, "/overview/?days=90", 20)
    numbers.check(signed_in, f"/overview/?model=crm-5&as_of={TODAY - timedelta(days=50)}&span=quarter", 20)


def test_the_trend_is_right_on_every_day(shop: Lake, signed_in: Client) -> None:
    html = signed_in.get("/overview/", {"model": MODEL, "span": "quarter"}).content.decode()
    data = data_of(html, "trend-data")
    assert len(data["days"]) == 92
    for at in range(0, 92, 9):
        places = list(by_hand(date.fromisoformat(data["days"][at])).values())
        for line in data["series"]:
            assert line["values"][at] == places.count(line["stage"])


def test_the_flow_is_right_and_the_title_names_its_largest_move(shop: Lake, signed_in: Client) -> None:
    then = TODAY - timedelta(days=90)
    html = signed_in.get("/overview/", {"model": MODEL, "days": 90}).content.decode()
    data = data_of(html, "flow-data")
    here, there = by_hand(TODAY), by_hand(then)
    for link in data["links"]:
        source, target = link["source"].removeprefix("from-"), link["target"].removeprefix("to-")
        wanted = sum(there[one].replace("outside", "nowhere") == source and here[one] == target for one in here)
        assert link["value"] == wanted
    moved = [link for link in data["links"] if link["source"][5:] != link["target"][3:]]
    largest = max(link["value"] for link in moved)
    assert re.search(rf"{largest} customers? went from", html)


def test_the_coming_moves_are_those_of_the_rules(shop: Lake, signed_in: Client) -> None:
    text = signed_in.get("/overview/", {"model": MODEL, "format": "next.csv"}).content.decode("utf-8-sig")
    rows = {(row["Customer id"], row["Date"]) for row in csv.DictReader(io.StringIO(text))}
    wanted = set()
    for ahead in range(1, 8):
        day = TODAY + timedelta(days=ahead)
        before, after = by_hand(day - timedelta(days=1)), by_hand(day)
        wanted |= {
            (one, day.isoformat()) for one in after if before[one] != after[one] and before[one] == by_hand(TODAY)[one]
        }
    assert rows == wanted


def test_downloads_hold_the_tables_of_the_charts(shop: Lake, signed_in: Client) -> None:
    for name in ("trend.csv", "flow.csv", "next.csv"):
        answer = signed_in.get("/overview/", {"format": name})
        assert answer["Content-Type"].startswith("text/csv")
        assert len(list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))) > 1


def test_every_staged_model_has_an_overview_on_any_day(shop: Lake, signed_in: Client) -> None:
    html = signed_in.get("/overview/").content.decode()
    choice = re.search(r'<select class="form-select" id="model".*?</select>', html, re.DOTALL)
    assert choice
    models = re.findall(r'<option value="([\w-]+)"', choice[0])
    assert len(models) > 15
    for number, model in enumerate(models):
        day = (TODAY, date(2025, 1, 1), date(2030, 1, 1))[number % 3]
        assert signed_in.get("/overview/", {"model": model, "as_of": day.isoformat()}).status_code == 200


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_opens_in_a_browser_and_draws_its_charts(shop: Lake, open_page: object, language: str, width: int) -> None:
    page = open_page("/overview/", language=language, width=width)  # type: ignore[operator]
    for chart in ("#trend", "#flow"):
        page.wait_for_selector(f"{chart} canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    with page.expect_download() as saved:
        page.locator("#trend").scroll_into_view_if_needed()
        page.evaluate("document.querySelector('[data-download=svg][data-for=\"#trend\"]').click()")
    assert saved.value.suggested_filename == "trend.svg"
