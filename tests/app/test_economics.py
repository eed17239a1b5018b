"""The economics page: every number of people opens its rows, files hold the tables, plans can be edited and dropped."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pytest

from app import numbers
from tenure_app.economics import queries
from tenure_app.economics.models import PlanRow
from tenure_app.economics.pages import FILES

if TYPE_CHECKING:
    from django.test import Client

    from tenure.facts.lake import Lake

MODEL = "retail-activity"


def rows_of(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))


def form_of(html: str) -> dict[str, str]:
    """Return the form of the plans as a browser would send it unchanged."""
    return dict(re.findall(r'name="([^":]+:(?:cost|effect|capacity))" [^>]*value="([^"]*)"', html))


def test_every_number_of_people_opens_exactly_its_rows(shop: Lake, signed_in: Client) -> None:
    numbers.check(signed_in, f"/economics/?model={MODEL}&days=90", 12)
    numbers.check(signed_in, "/economics/?model=crm-5&days=30", 12)


def test_every_move_and_every_plan_opens_its_rows(shop: Lake, signed_in: Client) -> None:
    html = signed_in.get("/economics/", {"model": MODEL}).content.decode()
    found = re.findall(r'<a href="(/economics/(?:who|moves)/\?[^"]+)">([\d,]+)</a>', html)
    assert len(found) > 10
    for address, number in found:
        page = signed_in.get(address.replace("&amp;", "&")).content.decode()
        said = re.search(r"([\d,]+) (?:customers?|moves?)\b", page.split('class="page-title"', 1)[1])
        assert said
        assert said[1] == number, address
        table = rows_of(signed_in.get(address.replace("&amp;", "&") + "&format=csv").content)
        assert len(table) == int(number.replace(",", ""))


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_table_can_be_taken_along(shop: Lake, signed_in: Client, name: str) -> None:
    answer = signed_in.get("/economics/", {"model": MODEL, "format": f"{name}.csv"})
    assert answer["Content-Type"].startswith("text/csv")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len({len(line) for line in lines}) == 1
    assert len(set(lines[0])) == len(lines[0])
    assert len(lines) > 1 or name == "decided"
    assert signed_in.get("/economics/", {"model": MODEL, "format": f"{name}.xlsx"}).content[:2] == b"PK"


def test_the_page_shows_what_the_library_says(shop: Lake, signed_in: Client) -> None:
    from stories.telling import command

    told = command("economics", "--lake", str(shop.path), "--model", MODEL, "--json")
    rows = rows_of(signed_in.get("/economics/", {"model": MODEL, "format": "stages.csv"}).content)
    for row, one in zip(rows, told["stages"], strict=True):
        assert int(row["Customers"]) == one["people"]
        assert float(row["Sales"]) == pytest.approx(one["sales"])
        assert (row["Future value"] or None) == (None if one["value"] is None else str(one["value"]))


@pytest.mark.slow
def test_every_staged_model_has_its_economics(shop: Lake, signed_in: Client) -> None:
    html = signed_in.get("/economics/").content.decode()
    choice = re.search(r'<select class="form-select" id="model".*?</select>', html, re.DOTALL)
    assert choice
    models = re.findall(r'<option value="([\w-]+)"', choice[0])
    assert len(models) > 15
    for model in models:
        assert signed_in.get("/economics/", {"model": model}).status_code == 200


def test_a_plan_is_added_and_dropped(own_shop: Lake, signed_in: Client) -> None:
    html = signed_in.get("/economics/", {"model": MODEL}).content.decode()
    words = form_of(html)
    assert words
    new = {"new:name": "Call <b>them</b>", "new:kind": "develop", "new:stage": "dormant", "new:target": "active",
           "new:cost": "¥2.50", "new:effect": "30%", "new:capacity": "3"}  # fmt: skip
    assert signed_in.post("/economics/plans/", {**words, **new, "model": MODEL}).status_code == 302
    row = PlanRow.objects.get(en="Call <b>them</b>")
    assert (row.cost, row.effect, row.capacity, row.assumed) == (2.5, 0.3, 3, False)
    html = signed_in.get("/economics/", {"model": MODEL}).content.decode()
    assert "Call &lt;b&gt;them&lt;/b&gt;" in html
    assert (own_shop.path / "plans" / f"{MODEL}.yaml").is_file()
    words = form_of(html)
    assert f"{row.plan_id}:cost" in words
    signed_in.post("/economics/plans/", {**words, f"{row.plan_id}:drop": "1", "model": MODEL})
    assert not PlanRow.objects.filter(plan_id=row.plan_id).exists()
    signed_in.post("/economics/plans/", {"reset": "1", "model": MODEL})
    assert not PlanRow.objects.exists()
    assert not (own_shop.path / "plans" / f"{MODEL}.yaml").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"budget": "plenty"}, "Budget for all plans: &#x27;plenty&#x27; is no number"),
        ({"budget": "-5"}, "amount from 0 on"),
        ({"reinvest-silent:effect": "500"}, "must be from 0 to 1"),
        ({"reinvest-silent:cost": "1e9"}, "is no number"),
        ({"new:name": "x", "new:kind": "hope", "new:stage": "dormant"}, "The kind of a plan must be one of"),
        ({"new:name": "x", "new:kind": "develop", "new:stage": "moon", "new:target": "active"}, "unknown stage"),
    ],
)
def test_what_cannot_be_is_explained_and_nothing_is_saved(
    own_shop: Lake, signed_in: Client, words: dict[str, str], told: str
) -> None:
    plans = {"reinvest-silent:cost": "1", "reinvest-silent:effect": "5", "reinvest-silent:capacity": ""}
    answer = signed_in.post("/economics/plans/", {**plans, **words, "model": MODEL})
    assert answer.status_code == 400
    assert told in answer.content.decode()
    assert not PlanRow.objects.exists()


def test_addresses_that_name_nothing_are_not_found(shop: Lake, signed_in: Client) -> None:
    for address in ("/economics/who/", "/economics/who/?model=moon", f"/economics/choose/?model={MODEL}&customer=moon"):
        assert signed_in.get(address).status_code == 404
    assert signed_in.get("/economics/moves/", {"model": MODEL, "source": "a", "target": "b"}).status_code == 200
    assert signed_in.get("/economics/?model=moon").status_code == 200  # the first model that fits


def test_m28_a_model_of_products_is_refused_with_a_sentence(shop: Lake, signed_in: Client) -> None:
    text = signed_in.get("/economics/", {"model": "product-life-cycle"}).content.decode()
    assert "Economics need a model of customers." in text


def test_a_decision_needs_an_option_and_a_day_that_can_be_read(own_shop: Lake, signed_in: Client) -> None:
    table = rows_of(signed_in.get("/economics/who/", {"model": MODEL, "stage": "dormant", "format": "csv"}).content)
    asked = {"model": MODEL, "customer": table[0]["Customer id"]}
    for words, told in (({"plan": "moon"}, "no option"), ({"plan": "nothing", "due_on": "soon"}, "cannot be read")):
        answer = signed_in.post("/economics/choose/", {**asked, **words})
        assert answer.status_code == 400
        assert told in answer.content.decode()
    assert signed_in.post("/economics/choose/", {**asked, "plan": "nothing"}).status_code == 302
    assert len(queries.choices(MODEL)) == 1


def test_without_data_the_page_says_what_to_do(lake: Lake, signed_in: Client) -> None:
    assert "Bring an orders file" in signed_in.get("/economics/").content.decode()


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_opens_in_a_browser_and_draws_its_charts(shop: Lake, open_page: object, language: str, width: int) -> None:
    page = open_page(f"/economics/?model={MODEL}", language=language, width=width)  # type: ignore[operator]
    for chart in ("#stages", "#matrix", "#stay"):
        page.wait_for_selector(f"{chart} canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
