"""The models in a real browser: edit with the keyboard, be taught, preview, save, see list and board move, restore."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from app.people import TODAY, fill
from refreshes import stages_only as refresh

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tenure.facts.lake import Lake

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop(lake: Lake) -> Lake:
    """Return a refreshed lake of forty customers."""
    fill(lake)
    refresh(lake, as_of=TODAY)
    return lake


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where TENURE_PICTURES says, for whoever wants to look."""
    folder = os.environ.get("TENURE_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def customers_in(lake: Lake, stage: str) -> int:
    sql = "select count(*) from spans where model = 'retail-activity' and stage = ? and left_on is null"
    return int(lake.connect().execute(sql, [stage]).fetchone()[0])


def test_a_rule_is_edited_previewed_saved_and_brought_back(
    shop: Lake, open_page: Callable[..., Page], run_jobs: Callable[[], int]
) -> None:
    page = open_page("/models/retail-activity/edit/", language="en")
    before = customers_in(shop, "active")
    rule = page.locator("#when-active")
    save = page.locator("#save-button")
    expect(save).to_be_disabled()

    rule.fill("days_since(ordr) <= 30")
    said = page.locator("#check-active")
    expect(said).to_contain_text("Unknown kind of fact: ordr.")
    expect(said.locator("mark")).to_have_text("ordr")
    picture(page, "editor-error-en")
    said.get_by_role("button", name="order", exact=True).click()
    expect(rule).to_have_value("days_since(order) <= 30")
    expect(said).to_have_text(re.compile("the last order was at most 30 days ago"))

    page.locator("#preview-button").click()
    expect(page.locator("#preview .preview-head")).to_contain_text("customers would move")
    expect(save).to_be_enabled()
    page.locator("#preview-button").scroll_into_view_if_needed()
    picture(page, "editor-preview-en")
    rule.fill("days_since(order) <= 29")
    expect(save).to_be_disabled()
    rule.fill("days_since(order) <= 30")
    expect(save).to_be_enabled()

    page.locator("#note").fill("Faster shelves")
    save.click()
    page.wait_for_url("**/models/retail-activity/")
    expect(page.locator("#content")).to_contain_text("Version 1 is saved")
    expect(page.locator("#content")).to_contain_text("Faster shelves")
    picture(page, "model-saved-en")
    assert run_jobs() >= 1
    after = customers_in(shop, "active")
    assert after < before
    page.goto(page.url.split("/models/")[0] + "/customers/?model=retail-activity&stage=active")
    expect(page.locator("#content")).to_contain_text(str(after))

    page.goto(page.url.split("/customers/")[0] + "/models/retail-activity/edit/?version=0")
    page.locator("#preview-button").click()
    expect(page.locator("#preview .preview-head")).to_contain_text("would move")
    page.locator("#save-button").click()
    page.wait_for_url("**/models/retail-activity/")
    run_jobs()
    assert customers_in(shop, "active") == before


def test_suggestions_are_chosen_with_the_keyboard_alone(shop: Lake, open_page: Callable[..., Page]) -> None:
    page = open_page("/models/retail-activity/edit/")
    rule = page.locator("#when-silent")
    rule.fill("")
    rule.press_sequentially("days_s", delay=20)
    suggestions = page.locator("#suggestions")
    expect(suggestions).to_be_visible()
    expect(rule).to_have_attribute("aria-expanded", "true")
    picture(page, "editor-suggestions-zh")
    rule.press("Escape")
    expect(suggestions).to_be_hidden()
    expect(rule).to_be_focused()
    rule.press("Control+Space")
    expect(suggestions).to_be_visible()
    rule.press("ArrowDown")
    expect(rule).to_have_attribute("aria-activedescendant", "suggestion-1")
    rule.press("ArrowUp")
    rule.press("Enter")
    expect(rule).to_have_value("days_since()")
    expect(suggestions).to_be_visible()  # the kinds that fit between the parentheses
    rule.press_sequentially("下单", delay=20)
    expect(suggestions.locator("[aria-selected=true]")).to_contain_text("order")
    rule.press("Enter")
    expect(rule).to_have_value("days_since(order)")
    expect(suggestions).to_be_hidden()


def test_stages_move_with_the_keyboard_and_yaml_shows_the_same(shop: Lake, open_page: Callable[..., Page]) -> None:
    page = open_page("/models/retail-activity/edit/", language="en")
    page.locator("#down-active").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".editor-stage").first).to_contain_text("silent")
    expect(page.locator("#down-active")).to_be_focused()
    page.wait_for_timeout(200)  # no hand is faster than the form's settling
    page.get_by_role("button", name="Add a stage").click()
    expect(page.locator("#when-stage-5")).to_be_visible()
    page.wait_for_timeout(200)
    page.get_by_role("button", name="YAML", exact=True).click()
    text = page.locator("#text").input_value()
    assert text.index("id: silent") < text.index("id: active")
    assert "stage-5" in text
    page.locator("#text").fill(text.replace("stage-5", "fresh"))
    page.get_by_role("button", name="Fields", exact=True).click()
    expect(page.locator("#when-fresh")).to_be_visible()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_fit_the_screen(shop: Lake, open_page: Callable[..., Page], language: str, width: int) -> None:
    base = ""
    for name, path in (
        ("list", "/models/"),
        ("model", "/models/relationship-4/"),
        ("edit", "/models/retail-activity/edit/?version=0"),
    ):
        page: Any = open_page(path, language=language, width=width)
        base = base or page.url
        if name == "edit":
            page.locator("#when-active").fill("days_since(order) <= 30")
            expect(page.locator("#preview-button")).to_be_enabled()
            page.locator("#preview-button").click()
            expect(page.locator("#preview .preview-head")).to_be_visible()
        picture(page, f"{name}-{language}-{width}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"), (name, width)


def test_conditions_and_calendar_windows_are_suggested_and_read_back(
    shop: Lake, open_page: Callable[..., Page]
) -> None:
    page = open_page("/models/retail-activity/edit/")
    rule, suggestions = page.locator("#when-silent"), page.locator("#suggestions")
    rule.fill("")
    rule.press_sequentially("count(order[wee", delay=20)
    expect(suggestions).to_contain_text("星期")
    rule.press("Enter")
    expect(suggestions).to_contain_text("not in")
    rule.press_sequentially("in", delay=20)
    rule.press("Enter")
    expect(rule).to_have_value("count(order[weekday in ()")
    rule.press("Control+Space")
    expect(suggestions).to_contain_text("周六")
    picture(page, "editor-values-zh")
    rule.press("Escape")
    rule.press_sequentially("6, 7", delay=20)
    rule.press("Escape")
    rule.press("End")
    rule.press_sequentially("], this mo", delay=20)
    expect(suggestions).to_contain_text("month")
    rule.press("Enter")
    rule.press_sequentially(") > 0 for 14", delay=20)
    said = page.locator("#check-silent")
    expect(said.locator("mark")).to_have_text("14")
    rule.press("Escape")
    said.get_by_role("button", name="14d", exact=True).click()
    expect(rule).to_have_value("count(order[weekday in (6, 7)], this month) > 0 for 14d")
    expect(said).to_have_text(re.compile("连续至少 14 天符合“当月有过周末的下单”"))
    picture(page, "editor-conditions-zh")
