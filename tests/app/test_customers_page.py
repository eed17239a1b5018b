"""One customer: their life under every model, the reasons, everything that happened, and a person's judgement."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from app import people
from app.test_customers import MODEL, TODAY, orders_of, stage_on
from tenure.facts.customers import merge

if TYPE_CHECKING:
    from django.test import Client

    from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import builtin


def ribbon(client: Client, address: str) -> dict[str, object]:
    """Return the ribbon's data."""
    html = client.get(address).content.decode()
    found = re.search(r'<script id="ribbon-data" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])  # type: ignore[no-any-return]


@pytest.mark.parametrize("customer", ["K000", "K003", "K011", "K030"])
def test_the_ribbon_is_right_on_every_day(shop: Lake, signed_in: Client, customer: str) -> None:
    data = ribbon(signed_in, f"/customers/{customer}/")
    row = next(one for one in data["rows"] if one["id"] == MODEL)  # type: ignore[attr-defined]
    orders = [on for on, _amount in orders_of()[customer]]
    names = {"Active": "active", "Silent": "silent", "Dormant": "dormant", "Lost": "lost"}
    day = min(orders)
    while day <= TODAY:
        there = [
            s for s in row["spans"] if s["from"] <= day.isoformat() and (s["to"] is None or s["to"] > day.isoformat())
        ]
        assert [names[one["stage"]] for one in there] == [stage_on(orders, day)]
        day += timedelta(days=1)
    if row["next"]:
        on = date.fromisoformat(row["next"]["on"])
        assert stage_on(orders, on) == names[row["next"]["stage"]]
        assert stage_on(orders, on - timedelta(days=1)) == stage_on(orders, TODAY)


def test_all_models_are_shown_over_the_same_orders(shop: Lake, signed_in: Client) -> None:
    data = ribbon(signed_in, "/customers/K003/")
    assert len(data["rows"]) > 15  # type: ignore[arg-type]
    assert [order["on"] for order in data["orders"]] == sorted(on.isoformat() for on, _a in orders_of()["K003"])  # type: ignore[attr-defined]


def test_a_past_day_shows_what_was_known_then(shop: Lake, signed_in: Client) -> None:
    day = min(on for on, _amount in orders_of()["K003"]) + timedelta(days=1)
    data = ribbon(signed_in, f"/customers/K003/?as_of={day}")
    assert all(span["from"] <= day.isoformat() for row in data["rows"] for span in row["spans"])  # type: ignore[attr-defined]
    assert len(data["orders"]) == 1  # type: ignore[arg-type]


def test_a_day_before_the_first_stage_shows_the_customer_without_one(shop: Lake, signed_in: Client) -> None:
    page = signed_in.get("/customers/K003/?as_of=2020-01-01").content.decode()
    assert "In no stage yet" in page and 'id="ribbon"' not in page


def test_the_profile_and_the_reasons_are_told(shop: Lake, signed_in: Client) -> None:
    said = signed_in.get("/customers/K003/").content.decode()
    for words in (
        "刘洋",
        "+8613800000003",
        "k003@example.com",
        "杭州",
        "the last order, contract start or renewal was at most 45 days ago",
        "Open complaints",
    ):
        assert words in said


def test_the_timeline_holds_everything_and_can_be_narrowed(shop: Lake, signed_in: Client) -> None:
    said = signed_in.get("/customers/K003/").content.decode()
    assert "SO00300" in said
    assert "T1" in said
    said = signed_in.get("/customers/K003/", {"show": "cases"}).content.decode()
    assert "T1" in said
    assert "SO00300" not in said


def test_the_timeline_says_what_kind_of_purchase_an_order_was(shop: Lake, signed_in: Client) -> None:
    page = signed_in.get("/customers/K003/", {"show": "orders"}).content.decode()
    assert page.count("first purchase · ") == 1
    assert page.count("repeat purchase · ") == sum(row["customer_id"] == "K003" for row in people.order_rows()) - 1


def test_it_says_why_this_stage_and_not_another(shop: Lake, signed_in: Client) -> None:
    said = signed_in.get("/customers/K012/why/", {"model": MODEL}).content.decode()
    gap = (TODAY - max(on for on, _amount in orders_of()["K012"])).days
    assert f"<strong>{gap}</strong>" in said
    assert said.count('class="truth yes"') >= 1
    assert said.count('class="truth no"') >= 1
    none = signed_in.get("/customers/P001/why/", {"model": MODEL}).content.decode()
    assert "Not in this model by this day" in none


def test_a_judgement_by_hand_wins_is_listed_and_can_be_taken_back(own_shop: Lake, signed_in: Client) -> None:
    asked = {"model": MODEL, "what": "set", "stage": "active", "reason": "called, will buy again", "until": ""}
    answer = signed_in.post("/customers/K039/override/", asked, follow=True)
    said = answer.content.decode()
    assert "Saved." in said
    assert "called, will buy again" in said
    assert "<strong>Stage set manually</strong> Active <" in said
    assert '<span class="under">Retail activity · called, will buy again · by ' in said
    version = builtin()[MODEL].version
    assert version in said, "the history names the version of the model"
    listed = signed_in.get("/customers/", {"model": MODEL, "stage": "active"}).content.decode()
    assert "/customers/K039/" in listed
    before = signed_in.get("/customers/", {"model": MODEL, "stage": "lost", "as_of": str(TODAY - timedelta(days=1))})
    assert "/customers/K039/" in before.content.decode(), "the past stays as it was"
    why = signed_in.get("/customers/K039/why/", {"model": MODEL}).content.decode()
    assert "The rules give Lost, but the stage was set manually: called, will buy again" in why
    (marked,) = re.findall(r'<tr[^>]* aria-current="true".*?</tr>', why, flags=re.DOTALL)
    assert "Active" in marked
    assert "Lost" not in marked, "the stage in which the customer is stands out"
    signed_in.post("/customers/K039/override/", {"model": MODEL, "what": "cancel", "reason": ""})
    again = signed_in.get("/customers/", {"model": MODEL, "stage": "active"}).content.decode()
    assert "/customers/K039/" not in again


def test_a_judgement_ends_by_itself_after_its_last_day(own_shop: Lake, signed_in: Client) -> None:
    last = TODAY + timedelta(days=3)
    asked = {"model": MODEL, "what": "set", "stage": "active", "reason": "on trial", "until": last.isoformat()}
    signed_in.post("/customers/K039/override/", asked)
    data = ribbon(signed_in, "/customers/K039/")
    row = next(one for one in data["rows"] if one["id"] == MODEL)  # type: ignore[attr-defined]
    assert row["next"] == {"on": (last + timedelta(days=1)).isoformat(), "stage": "Lost", "family": "F10"}


def test_everybody_else_keeps_their_stage_after_a_judgement(own_shop: Lake, signed_in: Client) -> None:
    def stages() -> set[tuple[str, str, str]]:
        rows = (
            own_shop.connect().execute("select model, customer_id, stage from spans where left_on is null").fetchall()
        )
        return {row for row in rows if row[:2] != (MODEL, "K039")}

    before = stages()
    signed_in.post(
        "/customers/K039/override/", {"model": MODEL, "what": "set", "stage": "active", "reason": "x", "until": ""}
    )
    assert stages() == before


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reason": " "}, "Enter a reason"),
        ({"stage": "no-such"}, "no stage"),
        ({"model": "no-such"}, "no model"),
        ({"until": "2020-01-01"}, "is before the first"),
        ({"until": "soon"}, "is not a valid date"),
    ],
)
def test_a_judgement_that_says_nothing_is_refused_with_its_reason(
    own_shop: Lake, signed_in: Client, changed: dict[str, str], said: str
) -> None:
    asked = {"model": MODEL, "what": "set", "stage": "active", "reason": "why not", "until": "", **changed}
    answer = signed_in.post("/customers/K039/override/", asked, follow=True)
    assert said in answer.content.decode()
    assert not own_shop.has("overrides")


def test_a_judgement_never_makes_a_customer(own_shop: Lake, signed_in: Client) -> None:
    asked = {"model": MODEL, "what": "set", "stage": "active", "reason": "why not", "until": ""}
    signed_in.post("/customers/NOBODY/override/", asked)
    assert not own_shop.has("overrides")
    merge(own_shop, "K038", ["K039"], "same", datetime(2026, 11, 30, tzinfo=UTC))
    signed_in.post("/customers/K039/override/", asked)
    assert own_shop.read("overrides", ["K038"]).column("customer_id").to_pylist() == ["K038"]


def test_a_merged_customer_leads_to_the_one_that_counts(own_shop: Lake, signed_in: Client) -> None:
    import pyarrow as pa

    from refreshes import stages_only as refresh
    from tenure.facts.schema import IDENTITIES

    row = {
        "merge_id": "m1",
        "action": "merge",
        "customer_id": "K038",
        "into_id": "K037",
        "reason": "phone",
        "at": people.noon(TODAY),
    }
    own_shop.write("identities", pa.Table.from_pylist([row], schema=IDENTITIES))
    refresh(own_shop, as_of=TODAY)
    answer = signed_in.get("/customers/K038/")
    assert answer.status_code == 302
    assert answer["Location"].endswith("/customers/K037/")
    said = signed_in.get("/customers/K037/").content.decode()
    assert "<code>K038</code>" in said
    assert "SO03800" in said, "the merged customer's orders are told here"


@pytest.mark.parametrize("customer", ["no-such", "../etc", "K0%2F"])
def test_an_unknown_customer_is_said_to_be_unknown(shop: Lake, signed_in: Client, customer: str) -> None:
    assert signed_in.get(f"/customers/{customer}/").status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_opens_in_a_browser_with_its_ribbon(shop: Lake, open_page: object, language: str, width: int) -> None:
    page = open_page("/customers/K003/", language=language, width=width)  # type: ignore[operator]
    page.wait_for_selector("#ribbon canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("[data-toggle='#by-hand']").click()
    assert page.locator("#o-reason").is_visible()
    page = open_page("/customers/", language=language, width=width)  # type: ignore[operator]
    assert page.locator("table.customers tbody tr").count() == 41
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page = open_page("/customers/K003/why/", language=language, width=width)  # type: ignore[operator]
    assert page.locator(".truth").count() == 4
