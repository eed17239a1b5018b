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

from acquisition.met import LAST, TZ, at, by_hand, drawn
from tenure.acquisition.contacts import Contacts, NotEvaluated, Period
from tenure.acquisition.funnel import PeopleQuery, count, funnel
from tenure.acquisition.labels import FunnelSteps
from tenure.acquisition.scoring import SCHEMA
from tenure.facts.customers import merge
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.lifecycle.explain import explain_from
from tenure.lifecycle.model_file import read
from tenure.refreshing.run import refresh
from tenure.scorecard.model import Options
from tenure.words import speaking
from tenure_app.web.layout import today

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
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"))))


def test_every_number_of_the_funnel_opens_the_people_it_counts(signed_in: Client, met: Lake) -> None:
    page = signed_in.get("/first-contact/?period=2024-03").content.decode()
    links = [unescape(link) for link in re.findall(r'href="(/first-contact/people/[^"]+)"', page)]
    assert links
    contacts = Contacts.of(met.connect(), LAST, Options(), met.settings.tz)
    body = funnel(contacts, Period.read("2024-03"))
    for step in body["steps"]:
        for which, number in (("reached", step["reached"]), ("dropped", step["dropped"]), ("now", step["now"])):
            link = next((one for one in links if f"step={step['step']}&measure={which}" in one), None)
            assert (link is None) == (number == 0) or which == "reached"
            if link:
                people = rows_of(signed_in, f"{link}&format=people.csv")
                query = PeopleQuery(Period.read("2024-03"), step["step"], which)
                assert len(people) == number == count(contacts, query)
    dropped = next(one for one in links if "step=intent&measure=dropped" in one)
    assert [row["Customer id"] for row in rows_of(signed_in, f"{dropped}&format=people.csv")] == ["bob"]


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Of 5 people with a first contact from 1 Mar 2024 to 31 Mar 2024, 40% reached “Transaction” within 90 "
                "days",
                "2 more customers have no contact on record before their first order or contract", "too few people"]),
        ("zh-hans", ["2024年3月1日至2024年3月31日首次接触的 5 人中，40% 在 90 天内走到“完成交易”",
                     "另有 2 位客户在首单或签约之前没有任何接触记录", "人数太少，无法判断"]),
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
    assert "1 people with a first contact from 1 Nov 2024 to 30 Nov 2024; no observation window is complete yet" in text
    assert "The observation window of 90 days is not complete for 1 people" in text
    assert "The period in the address is not valid" in text_of(signed_in, "/first-contact/?period=spring")


@pytest.mark.parametrize(
    ("language", "named"), [("en", "differs significantly by: Channel"), ("zh-hans", "差异显著的因素：渠道")]
)
def test_only_a_factor_beyond_chance_is_named(signed_in: Client, many: Lake, language: str, named: str) -> None:
    signed_in.cookies["tenure_language"] = language
    text = text_of(signed_in, "/first-contact/")
    assert named in text
    assert "referral 7" in text_of(signed_in, "/first-contact/?factor=channel")


def test_every_figure_has_its_file(signed_in: Client, many: Lake) -> None:
    funnel_rows = rows_of(signed_in, "/first-contact/?format=funnel.csv")
    assert funnel_rows[0]["Reached"] == "400"
    trend = rows_of(signed_in, "/first-contact/?format=trend.csv")
    assert {row["Observation window"] for row in trend} == {"complete", "not complete yet"}
    groups = rows_of(signed_in, "/first-contact/?factor=campaign&format=factor.csv")
    assert {row["Group"] for row in groups} == {"C0", "C1"}
    assert len(rows_of(signed_in, "/first-contact/?format=factors.csv")) == 5
    assert len(rows_of(signed_in, "/first-contact/?group=month&format=decision-time.csv")) == 13


def test_windows_that_close_are_listed_by_day_with_what_to_do(signed_in: Client, met: Lake) -> None:
    rows = rows_of(
        signed_in, "/first-contact/windows/?as_of=2024-03-30&from=2024-04-01&to=2024-04-05&format=windows.csv"
    )
    assert [(row["Customer id"], row["Closes"], row["Days left"], row["Kind of last interaction"]) for row in rows] == [
        ("bob", "2024-04-01", "2", "Enquiry"),
        ("dan", "2024-04-03", "4", "View"),
    ]
    assert rows[0]["Suggested now"].startswith("Build trust")
    assert "Nothing matches" in text_of(signed_in, "/first-contact/windows/?from=2030-01-01&to=2030-01-02")
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


def test_a_day_before_the_first_contact_is_no_reason_to_import(signed_in: Client, met: Lake) -> None:
    text = text_of(signed_in, "/first-contact/?as_of=2024-02-01")
    assert "No first contacts by 1 Feb 2024" in text
    assert "Import interactions" not in text


@pytest.mark.parametrize(
    "address",
    ["?period=9999", "?period=2024-01-01..9999-12-31", "windows/?from=9999-12-31", "people/?period=9999",
     "?as_of=0001-01-01", "windows/?to=0001-01-01"],
)  # fmt: skip
def test_days_at_the_ends_of_the_calendar_are_answered(signed_in: Client, met: Lake, address: str) -> None:
    assert signed_in.get(f"/first-contact/{address}").status_code == 200


def test_links_of_factors_and_months_keep_what_was_chosen(signed_in: Client, many: Lake) -> None:
    page = unescape(signed_in.get("/first-contact/?group=month&period=2024&factor=campaign").content.decode())
    links = re.findall(r'href="(/first-contact/\?[^"]+)#factor"', page)
    assert links
    assert all("group=month" in link and "period=2024&" in link for link in links)
    assert re.search(r'href="/first-contact/\?[^"#]*period=2024-03[^"#]*factor=campaign', page)


def test_a_stage_that_the_model_lost_is_named_on_the_page(
    signed_in: Client, met: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenure_app.acquisition.queries.steps", FunnelSteps)
    assert "has no stage attract, trust, intent, transaction" in text_of(signed_in, "/first-contact/")


def test_the_choice_of_periods_names_only_months_with_first_contacts(signed_in: Client, met: Lake) -> None:
    page = signed_in.get("/first-contact/").content.decode()
    select = re.search(r'<select[^>]*name="period".*?</select>', page, re.S)
    assert select
    values = re.findall(r'value="([^"]+)"', select[0])
    assert values == ["2024-11", "2024-03", "2024-Q4", "2024-Q1", "2024"]
    assert "Q4 2024" in select[0]
    signed_in.cookies["tenure_language"] = "zh-hans"
    assert "2024年第4季度" in signed_in.get("/first-contact/").content.decode()


# The customer's page


def test_a_prospect_sees_both_windows_count_down(signed_in: Client, met: Lake) -> None:
    text = text_of(signed_in, "/customers/eva/")
    assert "Attention window closes" in text
    assert "closed 11 days ago" in text
    assert "50 days left" in text
    assert "not started" in text_of(signed_in, "/customers/fay/")
    assert "Attention window closes" not in text_of(signed_in, "/customers/ann/")
    # Seen from an earlier day, less had happened.
    assert "2 days left" in text_of(signed_in, "/customers/bob/?as_of=2024-03-30")


def note(client: Client, customer: str, **form: str) -> str:
    answer = client.post(f"/customers/{customer}/notes/", form, follow=True)
    assert answer.status_code in (200, 422)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def test_a_note_is_made_shown_used_by_rules_and_taken_back(signed_in: Client, own_met: Lake) -> None:
    note(signed_in, "bob", topic="information_need/price", text="asked twice", day="2024-03-10")
    text = note(signed_in, "bob", topic="competing_brand/", text="小米 Pro")
    note(signed_in, "bob", topic="psychology/safety")
    text = note(signed_in, "bob", topic="brand_perception/awareness", score="4")
    for part in ("Information need Price asked twice 10 Mar 2024", "Competing brand considered 小米 Pro",
                 "Psychology tag Need for safety", "Note on how the brand is seen Awareness 4/5"):  # fmt: skip
        assert part in text
    assert "Price asked twice 10 Mar" not in text_of(signed_in, "/customers/bob/?as_of=2024-03-09")
    model = read(_MODEL)
    assert explain_from(own_met, model, "bob", LAST).stage == "wary"
    fact = own_met.read("profile_notes", ["bob"]).to_pylist()
    price = next(row["fact_id"] for row in fact if row["category"] == "price")
    assert {row["author"] for row in fact} == {"admin"}
    signed_in.cookies["tenure_language"] = "zh-hans"
    chinese = text_of(signed_in, "/customers/bob/")
    assert "撤回" in chinese
    assert "减少投入" not in chinese, "that is what economics withdraws"
    assert "信息需求：价格" in chinese
    signed_in.cookies["tenure_language"] = "en"
    text = note(signed_in, "bob", what="withdraw", note=price)
    assert "The note was withdrawn." in text
    assert "Information need Price" not in text
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
        ({"topic": "brand_perception/culture", "score": "9"}, "9 is not a valid score"),
        ({"topic": "brand_perception/culture", "score": "much"}, "much is not a valid score"),
        ({"topic": "psychology/herd", "day": "2999-01-01"}, "is after today"),
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


def test_a_refused_note_is_shown_again_as_it_was_filled_in(signed_in: Client, met: Lake) -> None:
    form = {"topic": "brand_perception/culture", "text": "“long” story", "score": "4", "day": "2999-01-01"}
    answer = signed_in.post("/customers/bob/notes/", form)
    assert answer.status_code == 422
    page = answer.content.decode()
    for part in ('value="brand_perception/culture" selected', 'value="“long” story"', 'value="4" selected',
                 'value="2999-01-01"', "is after today"):  # fmt: skip
        assert part in page


def test_a_score_is_kept_only_where_a_topic_has_one(signed_in: Client, own_met: Lake) -> None:
    assert "Saved." in note(signed_in, "bob", topic="psychology/herd", score="3")
    assert own_met.read("profile_notes", ["bob"]).column("score").to_pylist() == [None]


def test_a_note_or_a_stage_needs_a_customer_who_exists(signed_in: Client, own_met: Lake) -> None:
    form = {"topic": "psychology/herd"}
    assert signed_in.post("/customers/NOBODY/notes/", form).status_code == 404
    stage = {"model": "first-contact-funnel", "stage": "trust", "reason": "known to us"}
    signed_in.post("/customers/NOBODY/override/", stage)
    assert not own_met.has("profile_notes")
    assert not own_met.has("overrides")
    # A note on a record that was merged belongs to the customer who remains.
    merge(own_met, "bob", ["eva"], "same phone", at(LAST))
    signed_in.post("/customers/eva/notes/", form)
    stored = own_met.stored("profile_notes")
    assert own_met.connect().execute(f"SELECT customer_id FROM {stored}").fetchall() == [("bob",)]


def test_a_note_is_saved_although_the_refresh_fails(
    signed_in: Client, own_met: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("tenure.refreshing.run.refresh", fail)
    text = note(signed_in, "bob", topic="psychology/herd")
    assert "the next refresh will do it" in text
    assert "Follows others" in text


def test_a_note_may_be_of_today_although_the_data_ends_earlier(signed_in: Client, own_met: Lake) -> None:
    page = signed_in.get("/customers/bob/?as_of=2024-04-01").content.decode()
    assert re.search(r'name="day"\s+value="2024-12-31"', page)
    text = note(signed_in, "bob", topic="psychology/herd", day=today().isoformat())
    assert "The note appears once the data reaches its day" in text
    (row,) = own_met.read("profile_notes", ["bob"]).to_pylist()
    assert row["at"].astimezone(TZ).date() == today()


def test_notes_come_from_a_file_in_chinese_words(signed_in: Client, own_met: Lake, tmp_path: Path) -> None:
    lines = ["客户编号,日期,类型,内容,评分", "bob,2024-03-09,竞品,小米 Pro,", "bob,2024-03-09,心理,从众,",
             "bob,2024-03-09,品牌认知,知名度,5", "bob,2024-03-09,天气,晴,"]  # fmt: skip
    (tmp_path / "notes.csv").write_text("\n".join(lines) + "\n", "utf-8")
    report = import_files(own_met, [tmp_path / "notes.csv"], as_="profile_notes")
    assert (report.accepted, report.reasons) == (3, {"unknown-word": 1})
    signed_in.cookies["tenure_language"] = "zh-hans"
    text = text_of(signed_in, "/customers/bob/")
    assert "考虑竞品 小米 Pro" in text
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
    for words in (
        ["funnel"], ["funnel", "--as-of", "0001-01-01"], ["windows", "--from", "2024-04-01"],
        ["windows", "--from", "9999-12-31"], ["decision-time"], ["decision-time", "--period", "2024-03"],
    ):  # fmt: skip
        assert CliRunner().invoke(acquisition, [*words, "--lake", str(met.path)]).exit_code == 0
    refused = CliRunner().invoke(acquisition, ["windows", "--lake", str(met.path), "--attention", "366"])
    assert refused.exit_code == 2


def test_the_command_speaks_chinese_and_leaves_attributes_as_they_are(
    many: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from tenure.cli.acquisition import acquisition

    with speaking("zh_Hans"):
        text = CliRunner().invoke(acquisition, ["funnel", "--lake", str(many.path)]).stdout
    for part in ("激发意愿", "最先看的商品价格", "低", "城市: 差异不显著", "观察中"):
        assert part in text


def test_without_an_evaluation_page_and_command_say_to_refresh(
    signed_in: Client, settings: Any, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from tenure.cli.acquisition import acquisition

    lake = by_hand(tmp_path)
    stages_alone = lake.read("scorecard").drop_columns(["as_of", *SCHEMA.names])
    lake.write("scorecard", stages_alone, replace=True)
    settings.TENURE_LAKE = lake.path
    assert "did not evaluate first contacts" in text_of(signed_in, "/first-contact/")
    refused = CliRunner().invoke(acquisition, ["windows", "--lake", str(lake.path)])
    assert isinstance(refused.exception, NotEvaluated)
