"""The parameters of a model: a form with sliders, a live preview, a new version; list, board and statistics follow."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from app.people import TODAY, noon
from refreshes import stages_only as refresh
from tenure.facts.frames import completed
from tenure.lifecycle.model_file import builtin_texts
from tenure_app.lifecycle.definitions import actions, queries
from tenure_app.lifecycle.definitions.models import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from playwright.sync_api import Page

    from tenure.facts.lake import Lake

SHIPPED = builtin_texts()["retail-activity"]
SHORTER = SHIPPED.replace("active_until: {value: 45d,", "active_until: {value: 30d,")
FORM = {"text": SHIPPED, "mode": "parameters", "base": "0", "as_of": TODAY.isoformat(), "parameter-active_until": "45"}


@pytest.fixture
def shop(lake: Lake) -> Lake:
    """Return a refreshed lake of sixty customers who bought once each, two days one after the other."""
    rows = [
        {"fact_id": f"o{n}", "customer_id": f"K{n:03d}", "at": noon(TODAY - timedelta(days=2 * n)), "source": "till",
         "order_id": f"S{n}", "amount": 10.0 + n, "status": "sale", "currency": "CNY", "channel": "shop"}
        for n in range(60)
    ]  # fmt: skip
    lake.append_facts("orders", completed("orders", pa.Table.from_pylist(rows)))
    refresh(lake, as_of=TODAY)
    return lake


def active_now(lake: Lake) -> int:
    sql = "SELECT count(*) FROM spans WHERE model = 'retail-activity' AND stage = 'active' AND left_on IS NULL"
    (count,) = lake.connect().execute(sql).fetchone() or (0,)
    return int(count)


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "label", "default", "unit"),
    [
        ("en", "Days a customer stays active", "default: 45 days", "days"),
        ("zh-hans", "活跃期的天数", "默认：45 天", "天"),
    ],
)
def test_the_page_of_a_model_shows_every_parameter(
    signed_in: Client, shop: Lake, language: str, label: str, default: str, unit: str
) -> None:
    signed_in.cookies["tenure_language"] = language
    for address in ("/models/retail-activity/", "/models/retail-activity/edit/"):
        page = signed_in.get(address).content.decode()
        for parameter in queries.models_in_force()["retail-activity"].parameters:
            assert f'name="parameter-{parameter.name}"' in page
        slider = re.search(r'<input class="form-range"[^>]*data-slides="parameter-active_until"[^>]*>', page)
        assert slider
        assert re.search(r'value="45" min="30" max="60"\s+step="1"', slider[0])
        assert label in page
        assert default in plain(page)
        assert f'<span class="input-group-text">{unit}</span>' in page


@pytest.mark.django_db
def test_a_moved_slider_previews_counts_moves_and_the_new_descriptions(signed_in: Client, shop: Lake) -> None:
    answer = signed_in.post(
        "/models/-/preview/", {**FORM, "parameter-active_until": "30"}, headers={"HX-Request": "true"}
    )
    shown = plain(answer.content.decode())
    assert answer.headers["HX-Trigger-After-Settle"] == "previewed"
    assert "7 of 60 customers would move. All of them from Active to Silent." in shown
    checked = signed_in.post("/models/-/check/", {**FORM, "parameter-active_until": "30"})
    assert "Days a customer stays active 45 days → 30 days" in plain(checked.content.decode())
    assert "Moves undone within 14 days" in shown
    assert "Bought within the last 45 days" in shown  # as it was
    assert "Bought within the last 30 days" in shown
    assert queries.one_in_force("retail-activity").number == 0  # type: ignore[union-attr]


@pytest.mark.django_db
def test_a10_one_number_moves_list_board_statistics_and_description_together(
    signed_in: Client, shop: Lake, run_jobs: Callable[[], int]
) -> None:
    before = active_now(shop)
    refused = signed_in.post("/models/-/save/", {**FORM, "parameter-active_until": "30"}).content.decode()
    assert "Preview this version first" in refused
    page = signed_in.post("/models/-/preview/", {**FORM, "parameter-active_until": "30"}).content.decode()
    assert "<html" in page  # without JavaScript it is a page of its own, with the numbers as they were sent
    assert "would move" in page
    assert 'value="30" min="30"' in page
    assert signed_in.post("/models/-/save/", {**FORM, "parameter-active_until": "30"}).status_code == 302
    assert ModelVersion.objects.get().text == SHORTER  # nothing but the value differs
    assert run_jobs() >= 1
    after = active_now(shop)
    assert (before, after) == (23, 16)
    listed = signed_in.get("/customers/", {"model": "retail-activity", "stage": "active"}).context
    assert listed["total"] == after
    board = signed_in.get("/lifecycle/", {"model": "retail-activity"}).content.decode()
    assert f">{after}<" in re.sub(r"\s", "", board)
    counts = dict(
        shop.connect()
        .execute("SELECT stage, count(*) FROM spans WHERE model = 'retail-activity' AND left_on IS NULL GROUP BY 1")
        .fetchall()
    )
    assert sum(counts.values()) == 60
    described = plain(signed_in.get("/models/retail-activity/").content.decode())
    assert "Bought within the last 30 days" in described
    assert "default: 45 days" in described


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "number", "message"),
    [
        ("en", "300", "Days a customer stays active: enter a value from 30 days to 60 days."),
        ("en", "abc", "Days a customer stays active: enter a value from 30 days to 60 days."),
        ("en", "45.5", "Days a customer stays active: enter a whole number of days."),
        ("zh-hans", "-5", "活跃期的天数：请输入范围内的值（30 天–60 天）。"),
        ("zh-hans", "", "活跃期的天数：请输入范围内的值（30 天–60 天）。"),
        ("zh-hans", "45.5", "活跃期的天数：请输入整数天数。"),
    ],
)
def test_a_number_out_of_bounds_is_neither_previewed_nor_saved_and_named_as_in_the_form(
    signed_in: Client, shop: Lake, language: str, number: str, message: str
) -> None:
    signed_in.cookies["tenure_language"] = language
    wrong = {**FORM, "parameter-active_until": number}
    for address in ("preview", "check", "save"):
        answer = signed_in.post(f"/models/-/{address}/", wrong, headers={"HX-Request": "true"}).content.decode()
        assert message in answer, address
        assert "active_until:" not in answer.replace(SHIPPED, "").split("textarea")[0]
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_an_own_model_keeps_its_notation_and_shares_are_shown_in_percent(signed_in: Client, shop: Lake) -> None:
    text = """id: shares  # a comment that stays
name: {zh: 份额, en: Shares}
parameters:
  silent: 12w
  high: {value: 0.2, unit: percent, min: 0.05, max: 0.5, step: 0.05, zh: 高份额, en: High share}
stages:
  - {id: near, name: {zh: 近, en: Near}, when: "days_since(order) <= silent and count(order) > high"}
"""
    form = {"text": text, "mode": "fields", "base": "0", "new": "1"}
    page = signed_in.post("/models/-/change/", {**form, "do": "mode:fields"}).content.decode()
    assert 'value="84"' in page
    assert 'value="20" min="5" max="50"' in page
    one_sided = text.replace("min: 0.05, max: 0.5", "min: 0.05")
    refused = {**form, "text": one_sided, "parameter-silent": "84", "parameter-high": "2", "do": "mode:yaml"}
    answer = signed_in.post("/models/-/change/", refused)
    assert "High share: enter a value of at least 5%." in answer.content.decode()
    changed = {**form, "parameter-silent": "77", "parameter-high": "25"}
    page = signed_in.post("/models/-/change/", {**changed, "do": "mode:yaml"}).context["draft"].text
    assert page == text.replace("12w", "11w").replace("value: 0.2,", "value: 0.25,")


@pytest.mark.django_db
def test_a_value_set_in_a_terminal_becomes_a_version_even_one_that_was_there_before(shop: Lake, db: None) -> None:
    from cli.test_import import tenure

    for days in (30, 40, 30):
        done = tenure("models", "set", "retail-activity", f"active_until={days}d", "--lake", shop.path)
        assert done.returncode == 0, done.stderr
        actions.take_in_files()
        model = queries.models_in_force()["retail-activity"]
        assert model.parameters[0].value == days
    assert ModelVersion.objects.count() == 3


@pytest.mark.needs("chromium")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 390)])
def test_dragging_a_slider_shows_who_would_move_and_saving_keeps_it(
    shop: Lake, open_page: Callable[..., Page], run_jobs: Callable[[], int], language: str, width: int
) -> None:
    from playwright.sync_api import expect

    page: Any = open_page("/models/retail-activity/", language=language, width=width)
    slider, number = page.locator("[data-slides=parameter-active_until]"), page.locator("#parameter-active_until")
    expect(page.locator("#save-button")).to_be_disabled()
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 20, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    expect(number).to_have_value("30")
    expect(page.locator("#preview .preview-head")).to_contain_text("7", timeout=30_000)
    expect(page.locator("#preview .preview-texts")).to_contain_text("30")
    expect(page.locator("#save-button")).to_be_enabled(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    reset = page.locator("[data-for=parameter-active_until]")
    reset.click()
    expect(number).to_have_value("45")
    expect(slider).to_have_value("45")
    expect(page.locator("#save-button")).to_be_disabled()
    number.fill("30")
    expect(slider).to_have_value("30")
    expect(page.locator("#save-button")).to_be_enabled(timeout=30_000)
    page.locator("#save-button").click()
    expect(page.locator("#content")).to_contain_text(re.compile("Version 1|版本 1|第 1 版"), timeout=30_000)
    run_jobs()
    assert active_now(shop) == 16
