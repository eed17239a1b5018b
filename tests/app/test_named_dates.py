"""Named dates: named in the settings or a terminal, known wherever rules are read, kept while rules need them."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from app import people
from app.people import TODAY
from cli.test_import import tenure
from refreshes import stages_only as refresh
from tenure.facts.lake import Lake
from tenure.lifecycle.model_file import models_of, read_in
from tenure_app.core.work import queries as work
from tenure_app.lifecycle.definitions import actions, queries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db

MODEL = """id: party
name: {zh: 店庆, en: Party}
stages:
  - {id: guest, name: {zh: 来过, en: Guest}, when: 'has(order[on "店庆"])'}
  - {id: other, name: {zh: 其他, en: Other}, when: otherwise}
"""


def plain(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def name_dates(client: Client, **fields: str) -> tuple[int, str]:
    answer = client.post("/settings/named-dates/", fields)
    return answer.status_code, plain(answer.content.decode())


@pytest.mark.parametrize(
    ("fields", "english", "chinese"),
    [
        ({"name": " ", "dates": "11-11"}, "The dates need a name", "请填写名称"),
        ({"name": "店庆", "dates": ""}, "No dates are given", "没有填写日期"),
        ({"name": "店庆", "dates": "11-11, 13-01"}, "13-01 is not a date", "13-01 不是日期"),
        ({"name": "店庆", "dates": "2024-05-20..2024-05-18"}, "2024-05-20..2024-05-18 is not a date", "不是日期"),
        ({"name": "店庆", "dates": "11-01..11-05..11-11"}, "11-01..11-05..11-11 is not a date", "不是日期"),
        ({"name": "店庆", "dates": "5月18日"}, "5月18日 is not a date", "5月18日 不是日期"),
        ({"name": '店"庆', "dates": "11-11"}, "cannot be the name of dates", "不能用作日期的名称"),
        ({"name": "双十一", "remove": "1"}, "No dates of your own are called", "没有名为"),
    ],
)
def test_what_is_no_named_date_is_refused_in_both_languages(
    signed_in: Client, lake: Lake, fields: dict[str, str], english: str, chinese: str
) -> None:
    status, page = name_dates(signed_in, **fields)
    assert status == 422
    assert english in page
    signed_in.cookies["tenure_language"] = "zh-hans"
    assert chinese in name_dates(signed_in, **fields)[1]
    assert Lake.open(lake.path).settings.named_dates == {}


def test_a_name_is_given_used_changed_and_kept_while_a_rule_needs_it(signed_in: Client, lake: Lake) -> None:
    people.fill(lake)
    refresh(lake, as_of=TODAY)
    unknown = signed_in.post("/models/-/check/", {"text": MODEL, "mode": "fields"}).content.decode()
    assert "No date is named 店庆" in unknown
    assert name_dates(signed_in, name="店庆", dates="11-12..11-14，11-20") == (302, "")
    assert Lake.open(lake.path).settings.named_dates == {"店庆": ["11-12..11-14", "11-20"]}
    page = signed_in.get("/settings/").content.decode()
    assert 'value="11-12..11-14, 11-20"' in page
    asked = {"text": MODEL, "mode": "fields", "rule": 'has(order[on "', "caret": "14"}
    offered = [item["text"] for item in signed_in.post("/models/-/completion/", asked).json()["suggestions"]]
    assert any("店庆" in text for text in offered)

    form = {"text": MODEL, "mode": "yaml", "base": "0", "new": "1", "as_of": TODAY.isoformat()}
    preview = signed_in.post("/models/-/preview/", form, headers={"HX-Request": "true"}).context["result"]
    guests = {
        row["customer_id"]
        for row in people.order_rows()
        if (row["at"].month, row["at"].day) in {(11, 12), (11, 13), (11, 14), (11, 20)}
    }
    assert preview["after"]["guest"] == len(guests) > 0
    assert signed_in.post("/models/-/save/", form).status_code == 302
    assert not [job for job in work.open_jobs() if job.kind != "refresh"]
    assert "guest" in {stage.id for stage in queries.models_in_force()["party"].stages}
    actions.publish()  # as the end of the transaction does
    assert "party" in {model.id for model in models_of(Lake.open(lake.path))}  # what a refresh in a terminal reads

    status, page = name_dates(signed_in, name="店庆", remove="1")
    assert status == 422
    assert "店庆 is used in the rules of party. Change these rules first." in page
    assert name_dates(signed_in, name="店庆", dates="11-12") == (302, "")
    now = queries.models_in_force()["party"]
    (condition,) = next(part for part in now.stages[0].rule.walk() if hasattr(part, "facts")).facts[0].where
    assert condition.values == ("11-12",)


def test_a_row_that_is_refused_shows_what_was_typed_and_leaves_the_other_form_empty(
    signed_in: Client, lake: Lake
) -> None:
    answer = signed_in.post("/settings/named-dates/", {"name": "双十一", "dates": "11-11, 13-01"})
    page = answer.content.decode()
    assert answer.context["named_dates"] == {"双十一": ("11-11, 13-01", False)}
    assert page.count("11-11, 13-01") == 1
    assert "13-01 is not a date" in page
    added = signed_in.post("/settings/named-dates/", {"name": "店庆", "dates": "05-18"})
    assert added.headers["Location"].endswith("/settings/#named-dates")


def test_a_built_in_model_follows_the_dates_of_the_shop(signed_in: Client, lake: Lake) -> None:
    assert name_dates(signed_in, name="双十一", dates="11-10..11-12") == (302, "")
    text = MODEL.replace("店庆", "双十一")
    for model in (queries.read(text), read_in(Lake.open(lake.path), text)):
        (condition,) = next(part for part in model.stages[0].rule.walk() if hasattr(part, "facts")).facts[0].where
        assert condition.values == ("11-10..11-12",)
    assert name_dates(signed_in, name="双十一", remove="1") == (302, "")
    assert Lake.open(lake.path).named_dates == {"双十一": ("11-11",)}


def test_dates_are_named_in_a_terminal(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    done = tenure("init", "--lake", lake, "--named-date", "店庆=05-18", "--named-date", "618=06-01..06-18")
    assert done.returncode == 0, done.stderr
    assert Lake.open(lake).named_dates == {"双十一": ("11-11",), "店庆": ("05-18",), "618": ("06-01..06-18",)}
    (lake / "models").mkdir()
    (lake / "models/party.yaml").write_text(MODEL, encoding="utf-8")
    refused = tenure("init", "--lake", lake, "--named-date", "店庆=")
    assert refused.returncode == 2
    assert "店庆 is used in the rules of party" in refused.stderr
    assert tenure("init", "--lake", lake, "--named-date", "618=").returncode == 0
    assert "618" not in Lake.open(lake).named_dates
    typo = tenure("init", "--lake", lake, "--business", "retial", "--named-date", "七夕=08-19")
    assert typo.returncode == 2
    assert "七夕" not in Lake.open(lake).named_dates
    wrong = tenure("init", "--lake", lake, "--named-date", "七夕=02-30", language="zh_Hans")
    assert "02-30 不是日期" in wrong.stderr


@pytest.mark.needs("chromium")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("language", "width"), [("zh-hans", 390), ("en", 1440)])
def test_dates_are_named_in_the_browser_and_a_rule_uses_them(
    own_shop: Lake, open_page: Callable[..., Page], language: str, width: int
) -> None:
    from playwright.sync_api import expect

    page = open_page("/settings/", language=language, width=width)
    page.locator("#named-dates #id_name").fill("店庆")
    page.locator("#named-dates #id_dates").fill("11-12..11-14")
    page.locator("#named-dates .btn", has_text=re.compile("Add|添加")).click()
    expect(page.locator("#named-dates")).to_contain_text("店庆")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    page.goto(page.url.split("/settings")[0] + "/models/retail-activity/edit/")
    rule = page.locator("#when-active")
    rule.fill('has(order[on "店庆"])')
    expect(page.locator("#check-active")).to_contain_text("店庆")
    page.keyboard.press("Escape")
    page.locator("#preview-button").click()
    expect(page.locator("#preview .preview-head")).to_contain_text(str(date(2026, 11, 22).year))
