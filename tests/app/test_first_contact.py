"""First contact: every number of people opens exactly its people, windows count down, notes are made and taken back."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from acquisition.met import LAST, by_hand, drawn
from tenure.acquisition.contacts import Contacts, Period
from tenure.acquisition.funnel import PeopleQuery, count, funnel
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lifecycle.explain import explain_from
from tenure.lifecycle.model_file import read
from tenure.refreshing.run import refresh
from tenure.scorecard.model import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page


@pytest.fixture(scope="session")
def met_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return by_hand(tmp_path_factory.mktemp("by-hand")).path


@pytest.fixture(scope="session")
def drawn_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return drawn(tmp_path_factory.mktemp("drawn")).path


@pytest.fixture
def met(settings: Any, met_folder: Path) -> Lake:
    """Return the shop of the eight, which the application reads."""
    settings.TENURE_LAKE = met_folder
    return Lake.open(met_folder)


@pytest.fixture
def own_met(settings: Any, met_folder: Path, tmp_path: Path) -> Lake:
    """Return a copy of it that a test may change."""
    shutil.copytree(met_folder, tmp_path / "own")
    settings.TENURE_LAKE = tmp_path / "own"
    return Lake.open(tmp_path / "own")


@pytest.fixture
def many(settings: Any, drawn_folder: Path) -> Lake:
    settings.TENURE_LAKE = drawn_folder
    return Lake.open(drawn_folder)


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def rows_of(client: Client, path: str) -> list[dict[str, str]]:
    answer = client.get(path)
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_every_number_of_the_funnel_opens_the_people_it_counts(signed_in: Client, met: Lake) -> None:
    page = signed_in.get("/first-contact/?period=2024-03").content.decode()
    links = [unescape(link) for link in re.findall(r'href="(/first-contact/people/[^"]+)"', page)]
    assert links
    contacts = Contacts.of(met.connect(), LAST, Options(), met.settings.tz)
    body = funnel(contacts, Period.read("2024-03"))
    for step in body["steps"]:
        for which, number in (("reached", step["reached"]), ("dropped", step["dropped"]), ("now", step["now"])):
            link = next((one for one in links if f"step={step['step']}&which={which}" in one), None)
            assert (link is None) == (number == 0) or which == "reached"
            if link:
                people = rows_of(signed_in, f"{link}&format=people.csv")
                query = PeopleQuery(Period.read("2024-03"), step["step"], which)
                assert len(people) == number == count(contacts, query)
    dropped = next(one for one in links if "step=intent&which=dropped" in one)
    assert [row["Customer id"] for row in rows_of(signed_in, f"{dropped}&format=people.csv")] == ["bob"]


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Of 5 people first met from 1 Mar 2024 to 31 Mar 2024, 40% reached “Transaction” within 90 days",
                "2 more customers have no contact on record before their first order", "too few people to judge"]),
        ("zh-hans", ["2024年3月1日至2024年3月31日首次接触的 5 人中，40% 在 90 天内走到“完成交易”",
                     "另有 2 位客户在首单之前没有任何接触记录", "人数太少，不下结论"]),
    ],
)  # fmt: skip
def test_the_page_says_in_both_languages_how_far_people_came(
    signed_in: Client, met: Lake, language: str, sentences: list[str]
) -> None:
    signed_in.cookies["tenure_language"] = language
    text = text_of(signed_in, "/first-contact/?period=2024-03")
    assert [sentence for sentence in sentences if sentence not in text] == []


def test_an_open_period_says_that_it_is_open_and_shows_no_share(signed_in: Client, met: Lake) -> None:
    text = text_of(signed_in, "/first-contact/?period=2024-11")
    assert "1 people first met from 1 Nov 2024 to 30 Nov 2024; their days are not over yet" in text
    assert "Still open: the first 90 days of 1 people are not over" in text
    assert "The period in the address means nothing" in text_of(signed_in, "/first-contact/?period=spring")


@pytest.mark.parametrize(("language", "named"), [("en", "differs by: Channel"), ("zh-hans", "有差别的因素：渠道")])
def test_only_a_factor_beyond_chance_is_named(signed_in: Client, many: Lake, language: str, named: str) -> None:
    signed_in.cookies["tenure_language"] = language
    text = text_of(signed_in, "/first-contact/")
    assert named in text
    assert "referral 7" in text_of(signed_in, "/first-contact/?factor=channel")


def test_every_figure_has_its_file(signed_in: Client, many: Lake) -> None:
    funnel_rows = rows_of(signed_in, "/first-contact/?format=funnel.csv")
    assert funnel_rows[0]["Reached"] == "400"
    trend = rows_of(signed_in, "/first-contact/?format=trend.csv")
    assert {row["Finished or not"] for row in trend} == {"finished", "still open"}
    groups = rows_of(signed_in, "/first-contact/?factor=campaign&format=factor.csv")
    assert {row["Group"] for row in groups} == {"C0", "C1"}
    assert len(rows_of(signed_in, "/first-contact/?format=factors.csv")) == 5
    assert len(rows_of(signed_in, "/first-contact/?group=month&format=decision-time.csv")) == 13


def test_windows_that_close_are_listed_by_day_with_what_to_do(signed_in: Client, met: Lake) -> None:
    rows = rows_of(
        signed_in, "/first-contact/windows/?as_of=2024-03-30&from=2024-04-01&to=2024-04-05&format=windows.csv"
    )
    assert [(row["Customer id"], row["Closes"], row["Days left"], row["Last touch by"]) for row in rows] == [
        ("bob", "2024-04-01", "2", "Enquiry"),
        ("dan", "2024-04-03", "4", "View"),
    ]
    assert rows[0]["Suggested now"].startswith("Build trust")
    assert "Nobody belongs here" in text_of(signed_in, "/first-contact/windows/?from=2030-01-01&to=2030-01-02")
    assert "The windows of 2 people close this week" in text_of(signed_in, "/first-contact/?as_of=2024-03-30")


def test_the_list_of_customers_has_the_windows_as_a_column_and_a_filter(signed_in: Client, met: Lake) -> None:
    page = "attention_closes_on_min=2024-04-01&attention_closes_on_max=2024-04-30"
    text = text_of(signed_in, f"/customers/?{page}")
    assert "Attention closes: from 1 Apr 2024 on" in text
    rows = list(csv.DictReader(io.StringIO(b"".join(signed_in.get(f"/customers.csv?{page}")).decode("utf-8-sig"))))
    closing = {row["Customer id"]: (row["Attention closes"], row["Decision closes"]) for row in rows}
    assert closing == {"bob": ("2024-04-01", "2024-05-31"), "fay": ("2024-04-19", "")}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_shop_without_contacts_is_told_what_to_import(
    signed_in: Client, lake: Lake, tmp_path: Path, language: str
) -> None:
    signed_in.cookies["tenure_language"] = language
    expected = {"en": "Import interactions", "zh-hans": "请导入互动"}[language]
    assert expected in text_of(signed_in, "/first-contact/")
    (tmp_path / "orders.csv").write_text("customer_id,at,amount\nann,2024-01-05,10\n", "utf-8")
    import_files(lake, [tmp_path / "orders.csv"])
    refresh(lake, LAST)
    for path in ("/first-contact/", "/first-contact/people/", "/first-contact/windows/"):
        assert expected in text_of(signed_in, path)


# The customer's page


def test_a_prospect_sees_both_windows_count_down(signed_in: Client, met: Lake) -> None:
    text = text_of(signed_in, "/customers/eva/")
    assert "Attention window closes" in text
    assert "closed 11 days ago" in text
    assert "50 days left" in text
    assert "not begun" in text_of(signed_in, "/customers/fay/")
    assert "Attention window closes" not in text_of(signed_in, "/customers/ann/")
    # Seen from an earlier day, less had happened.
    assert "2 days left" in text_of(signed_in, "/customers/bob/?as_of=2024-03-30")


def note(client: Client, customer: str, **form: str) -> str:
    answer = client.post(f"/customers/{customer}/notes/", form, follow=True)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def test_a_note_is_made_shown_used_by_rules_and_taken_back(signed_in: Client, own_met: Lake) -> None:
    note(signed_in, "bob", topic="information_need/price", text="asked twice", day="2024-03-10")
    text = note(signed_in, "bob", topic="competing_brand/", text="小米 Pro")
    note(signed_in, "bob", topic="psychology/safety")
    text = note(signed_in, "bob", topic="brand_perception/awareness", score="4")
    for part in ("What they want to know Price asked twice 10 Mar 2024", "Whom else they consider 小米 Pro",
                 "What drives them Need for safety", "How they see the brand Awareness 4/5"):  # fmt: skip
        assert part in text
    assert "What they want to know" not in text_of(signed_in, "/customers/bob/?as_of=2024-03-09")
    model = read(_MODEL)
    assert explain_from(own_met, model, "bob", LAST).stage == "wary"
    fact = own_met.read("profile_notes", ["bob"]).to_pylist()
    price = next(row["fact_id"] for row in fact if row["category"] == "price")
    assert {row["author"] for row in fact} == {"admin"}
    text = note(signed_in, "bob", what="withdraw", note=price)
    assert "The note was withdrawn." in text
    assert "What they want to know" not in text
    assert "Note withdrawn: Price" in text  # the timeline forgets nothing
    assert explain_from(own_met, model, "bob", LAST).stage == "other"
    (kept,) = own_met.read("replaced").to_pylist()
    assert json.loads(kept["was"])["kind"] == "information_need"


_MODEL = """
id: notes-test
name: {zh: 记录, en: Notes}
path: [wary, other]
stages:
  - id: wary
    name: {zh: 谨慎, en: Wary}
    when: has(information_need[category = "price"]) and last(brand_perception) >= 4
  - {id: other, name: {zh: 其他, en: Other}, when: otherwise}
"""


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"topic": "competing_brand/", "text": " "}, "name the brand"),
        ({"topic": "psychology/greed"}, "cannot be about 'greed'"),
        ({"topic": "dream/x"}, "no kind of note 'dream'"),
        ({"topic": "brand_perception/culture", "score": "9"}, "A score from 1 to 5"),
        ({"topic": "brand_perception/culture", "score": "much"}, "A score from 1 to 5"),
        ({"topic": "psychology/herd", "score": "3"}, "A score from 1 to 5"),
        ({"topic": "psychology/herd", "day": "2025-01-01"}, "is after 2024-12-31"),
        ({"topic": "psychology/herd", "day": "soon"}, "not a valid date"),
        ({"topic": "psychology/herd", "text": "x" * 301}, "the maximum is 300"),
        ({"what": "withdraw", "note": "nothing"}, "There is no such note on bob"),
    ],
)
def test_a_note_that_says_nothing_is_refused_with_what_to_do(
    signed_in: Client, met: Lake, form: dict[str, str], problem: str
) -> None:
    assert problem in note(signed_in, "bob", **form)
    assert not met.has("profile_notes")


def test_notes_come_from_a_file_in_chinese_words(signed_in: Client, own_met: Lake, tmp_path: Path) -> None:
    lines = ["客户编号,日期,类型,内容,评分", "bob,2024-03-09,竞品,小米 Pro,", "bob,2024-03-09,心理,从众,",
             "bob,2024-03-09,品牌认知,知名度,5", "bob,2024-03-09,天气,晴,"]  # fmt: skip
    (tmp_path / "notes.csv").write_text("\n".join(lines) + "\n", "utf-8")
    report = import_files(own_met, [tmp_path / "notes.csv"], as_="profile_notes")
    assert (report.accepted, report.reasons) == (3, {"unknown-word": 1})
    signed_in.cookies["tenure_language"] = "zh-hans"
    text = text_of(signed_in, "/customers/bob/")
    assert "还在考虑谁 小米 Pro" in text
    assert "知名度 5/5" in text
    assert "从众心理" in text


def test_the_page_works_in_a_browser_on_a_phone_in_chinese(
    open_page: Callable[..., Page], settings: Any, drawn_folder: Path
) -> None:
    settings.TENURE_LAKE = drawn_folder
    page = open_page("/first-contact/", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("link", name="全部名单与其他日期").click()
    assert page.locator("tbody tr").count() == 5
    page.goto(page.url.replace("/first-contact/windows/", "/first-contact/?step=trust"))
    page.locator("#f-step").select_option("intent")
    page.wait_for_url("**step=intent**")
    assert "激发意愿" in page.locator("figcaption").first.inner_text()


def test_the_command_says_what_the_page_says(met: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    from typer.testing import CliRunner

    from tenure.cli.acquisition import acquisition

    def answer(*words: str) -> dict[str, Any]:
        result = CliRunner().invoke(acquisition, [*words, "--lake", str(met.path), "--json"])
        assert result.exit_code == 0, result.output
        body: dict[str, Any] = json.loads(result.stdout)
        return body

    body = answer("funnel", "--period", "2024-03")
    assert [step["reached"] for step in body["steps"]] == [5, 3, 2, 2]
    assert {item["verdict"] for item in body["factors"]} == {"too-few"}
    people = answer("windows", "--as-of", "2024-03-30")["people"]
    assert [(row["customer_id"], row["days_left"]) for row in people] == [("bob", 2), ("dan", 4)]
    assert people[0]["suggested"]
    assert answer("decision-time")["all"]["median_days"] == 150
    refused = CliRunner().invoke(acquisition, ["funnel", "--lake", str(met.path), "--as-of", "2025-06-01"])
    assert "after the last refresh (2024-12-31)" in str(refused.exception)
    for words in (["funnel"], ["windows", "--from", "2024-04-01"], ["decision-time"]):
        assert CliRunner().invoke(acquisition, [*words, "--lake", str(met.path)]).exit_code == 0
