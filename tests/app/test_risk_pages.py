"""Early warning: the list first, each number leads to its rows, warnings are given away and dealt with in place."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.scorecard.model import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

TODAY = date(2026, 6, 30)


def ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def _files(folder: Path) -> dict[str, Path]:
    """Write a small shop: Ann complains, Bob's share falls, Cyd fell silent, Dan stopped and owes, Eve is well."""
    rows: dict[str, list[str]] = {
        "customers": [
            "customer_id,name,owner",
            "ann,安娜,李雷",
            "bob,鲍勃,李雷",
            "cyd,=cmd(),",
            "dan,丹,",
            "eve,夏娃,",
        ],
        "orders": ["customer_id,at,amount"],
        "volumes": ["customer_id,at,amount"],
        "cases": ["customer_id,at,case_id,kind,event", f"ann,{ago(9)},K1,complaint,opened"],
        "balances": ["customer_id,at,receivable,payable", f"dan,{ago(300)},250,40"],
        "feedback": ["customer_id,at,measure,score", f"ann,{ago(12)},csat,1"],
    }
    for who, days, amount in (
        ("ann", range(4, 400, 14), 100),
        ("bob", range(100, 400, 10), 100),
        ("bob", range(3, 90, 30), 50),
        ("cyd", range(60, 400, 7), 80),
        ("dan", range(380, 700, 20), 60),
        ("eve", range(2, 400, 9), 70),
    ):
        rows["orders"] += [f"{who},{ago(day)},{amount}" for day in days]
    rows["volumes"] += [f"bob,{ago(day)},3000" for day in (280, 190, 100, 1)]
    for name, lines in rows.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {name: folder / f"{name}.csv" for name in rows}


@pytest.fixture(scope="session")
def risky_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the business once, by a real refresh."""
    from tenure.refreshing.run import refresh

    folder = tmp_path_factory.mktemp("risky")
    lake = Lake.create(folder / "lake", tz="UTC", business="小店")
    for name, path in _files(folder).items():
        import_files(lake, [path], as_=name)
    refresh(lake, TODAY, ["retail-activity"], options=Options(buyers=4, days=90))
    return lake.path


@pytest.fixture
def risky(settings: Any, risky_folder: Path) -> Lake:
    """Return a copy that the application reads."""
    shutil.copytree(risky_folder, settings.TENURE_LAKE)
    return Lake.open(settings.TENURE_LAKE)


def _text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def _list(client: Client, query: str = "") -> list[str]:
    """Return the customers of the list in their order."""
    page = client.get(f"/risk/{query}").content.decode()
    table = re.search(r'<table class="[^"]*warnings.*?</table>', page, re.S)
    return re.findall(r'data-label="Customer"><span><a href="/customers/(\w+)/?[^"]*"', table[0]) if table else []


@pytest.mark.django_db
def test_before_any_refresh_the_page_says_what_to_do(signed_in: Client, lake: Lake) -> None:
    for path in ("/risk/", "/risk/decline/", "/risk/settlement/"):
        answer = signed_in.get(path)
        assert answer.status_code == 200
        assert "No warnings yet" in _text(answer)


def test_the_list_comes_first_with_who_why_stake_owner_and_due_day(signed_in: Client, risky: Lake) -> None:
    page = signed_in.get("/risk/").content.decode()
    assert page.index("安娜") < page.index('id="signals"')
    text = _text(signed_in.get("/risk/"))
    assert "Open complaints: 1, the oldest since 21 Jun 2026." in text
    assert "Last satisfaction score: 1." in text
    assert "李雷" in text
    assert "3 Jul 2026" in text  # a complaint is due within three days


def test_the_most_money_at_stake_times_score_comes_first(signed_in: Client, risky: Lake) -> None:
    rows = risky.connect(("scorecard",)).execute(
        "select customer_id from scorecard where warning_signals is not null"
        " order by coalesce(value_at_stake, 0) * warning_score desc"
    )
    assert _list(signed_in) == [row[0] for row in rows.fetchall()]


def test_filters_by_signal_owner_and_state(signed_in: Client, risky: Lake) -> None:
    assert _list(signed_in, "?signal=complaint") == ["ann"]
    assert set(_list(signed_in, "?owner=李雷")) == {"ann", "bob"}
    assert "ann" not in _list(signed_in, "?owner=-")
    assert "ann" in _list(signed_in, "?due=soon")
    assert _list(signed_in, "?state=handled") == []
    assert _list(signed_in, "?signal=no-such-thing") == _list(signed_in)


def test_every_count_by_signal_opens_exactly_its_customers(signed_in: Client, risky: Lake) -> None:
    page = signed_in.get("/risk/").content.decode()
    found = re.findall(r'href="(/customers/\?[^"]*warning_signals=[^"]*)">(\d+)</a>', page)
    assert found
    for url, shown in found:
        assert int(shown) == signed_in.get(url.replace("&amp;", "&")).context["total"]


def test_a03_decline_shows_the_share_of_wallet_and_says_where_it_cannot_judge(signed_in: Client, risky: Lake) -> None:
    answer = signed_in.get("/risk/decline/")
    assert [row["customer_id"] for row in answer.context["table"].rows] == ["bob"]
    assert "鲍勃" in answer.context["wallet"].title
    shares = [row["share"] for row in answer.context["wallet"].table.rows]
    assert shares[0] == pytest.approx(150 / 3000)
    assert shares[-1] > shares[0]
    unknown = signed_in.get("/risk/decline/?answer=cannot-judge")
    assert "cyd" in [row["customer_id"] for row in unknown.context["table"].rows]
    counts = {code: people for code, _name, people in answer.context["answers"]}
    for code, people in counts.items():
        assert signed_in.get(f"/risk/decline/?answer={code}").context["total"] == people


def test_c20_who_stopped_and_owes_waits_for_settlement(signed_in: Client, risky: Lake) -> None:
    answer = signed_in.get("/risk/settlement/")
    assert [row["customer_id"] for row in answer.context["table"].rows] == ["dan"]
    assert "Receivable ¥250.00, payable ¥40.00." in _text(answer)
    assert answer.context["stopped"] == 1
    table = list(csv.reader(io.StringIO(signed_in.get("/risk/settlement/?format=csv").content.decode("utf-8-sig"))))
    assert table[1][0] == "dan"


def _post(client: Client, name: str, customer: str, **words: str) -> Any:
    line = client.get(f"/risk/line?customer={customer}").content.decode()
    signals = re.search(r'name="signals" value="([^"]*)"', line)
    assert signals
    return client.post(f"/risk/{name}", {"customer": customer, "signals": signals[1], **words})


def test_a_warning_is_given_to_somebody_until_a_day(signed_in: Client, risky: Lake) -> None:
    answer = _post(signed_in, "assign", "cyd", owner="韩梅梅", due_on="2026-07-09", note="先打电话")
    assert answer.status_code == 200
    assert "韩梅梅" in _text(answer)
    assert "9 Jul 2026" in _text(answer)
    assert _list(signed_in, "?owner=韩梅梅") == ["cyd"]
    from tenure_app.risk.models import Followup

    kept = Followup.objects.filter(customer_id="cyd").first()
    assert kept is not None
    assert kept.seen["evidence"][0]["template"]  # what was seen then, so that it can become a task
    assert [step.what for step in kept.steps.all()] == ["assigned"]


def test_what_was_dealt_with_leaves_the_list_and_can_come_back(signed_in: Client, risky: Lake) -> None:
    assert "ann" in _list(signed_in)
    assert "Dealt with" in _text(_post(signed_in, "handle", "ann"))
    assert "ann" not in _list(signed_in)
    assert _list(signed_in, "?state=handled") == ["ann"]
    _post(signed_in, "reopen", "ann")
    assert "ann" in _list(signed_in)


def test_only_the_signal_that_is_shown_is_dealt_with(signed_in: Client, risky: Lake) -> None:
    signed_in.post("/risk/handle", {"customer": "ann", "signals": "complaint"})
    assert _list(signed_in, "?signal=complaint") == []
    assert "ann" in _list(signed_in, "?signal=satisfaction-down")


def test_a_sign_that_begins_anew_warns_anew_with_a_day_of_its_own(
    signed_in: Client, risky: Lake, tmp_path: Path
) -> None:
    from tenure.refreshing.run import refresh

    _post(signed_in, "assign", "ann", owner="韩梅梅", due_on="2026-07-01")
    _post(signed_in, "handle", "ann")
    later = TODAY + timedelta(days=8)
    again = tmp_path / "again.csv"
    again.write_text(f"customer_id,at,case_id,kind,event\nann,{later},K2,complaint,opened\n")
    import_files(risky, [again], as_="cases")
    refresh(risky, later, ["retail-activity"], options=Options(buyers=4, days=90))
    assert _list(signed_in, "?signal=complaint") == ["ann"]
    shown = signed_in.get("/risk/?signal=complaint").context["warnings"].rows[0]
    assert shown.owner == "韩梅梅"
    assert shown.due_on == later + timedelta(days=3)
    assert "ann" not in _list(signed_in, "?signal=satisfaction-down")  # nothing new there


@pytest.mark.parametrize("day", ["tomorrow", "2026-13-01"])
def test_a_day_that_is_none_is_refused_in_a_sentence(signed_in: Client, risky: Lake, day: str) -> None:
    answer = _post(signed_in, "assign", "ann", owner="韩梅梅", due_on=day)
    assert "This is not a valid date." in _text(answer)
    assert _list(signed_in, "?owner=韩梅梅") == []


def test_a_customer_without_warnings_has_no_line(signed_in: Client, risky: Lake) -> None:
    assert signed_in.post("/risk/handle", {"customer": "nobody", "signals": "complaint"}).status_code == 404
    assert signed_in.get("/risk/line?customer=nobody").status_code == 404


def test_the_list_goes_out_as_csv_and_excel_with_one_row_a_signal(signed_in: Client, risky: Lake) -> None:
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    rows = list(csv.reader(io.StringIO(signed_in.get("/risk/?format=csv").content.decode("utf-8-sig"))))
    many = risky.connect(("warnings",)).execute("select count(*) from warnings").fetchone()
    assert many
    assert len(rows) == many[0] + 1
    assert not any(cell.startswith("=") for row in rows for cell in row)
    sheet = load_workbook(io.BytesIO(signed_in.get("/risk/?format=xlsx").content)).active
    assert sheet is not None
    assert sheet.max_row == len(rows)
    named = {row[0].value: row[1] for row in sheet.iter_rows(min_row=2)}
    assert named["cyd"].value == "=cmd()"
    assert named["cyd"].data_type == "s"  # a name, not a formula
    assert len(list(csv.reader(io.StringIO(signed_in.get("/risk/?format=signals.csv").content.decode())))) == 10


def test_silence_stands_against_what_chance_would_give(signed_in: Client, risky: Lake) -> None:
    answer = signed_in.get("/risk/")
    (silence,) = [figure for figure in answer.context["figures"] if figure.id == "silence"]
    (report,) = risky.connect().execute("select body from reports where name = 'risk.silence'").fetchone()
    assert sum(row["people"] for row in silence.table.rows) == json.loads(report)["judged"]
    assert "cyd" in _list(signed_in, "?signal=silence")


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_too_few_buyers_are_told_and_the_plain_signs_still_warn(signed_in: Client, risky: Lake, language: str) -> None:
    from tenure.refreshing.run import refresh

    refresh(risky, TODAY, ["retail-activity"], options=Options(buyers=500))
    signed_in.cookies["tenure_language"] = language
    text = _text(signed_in.get("/risk/"))
    assert ("500" in text) and ("安娜" in text)


@pytest.mark.needs("chromium")
def test_a_line_is_given_away_and_dealt_with_in_place(
    open_page: Callable[..., Page], settings: Any, risky_folder: Path
) -> None:
    shutil.rmtree(settings.TENURE_LAKE)
    shutil.copytree(risky_folder, settings.TENURE_LAKE)
    page = open_page("/risk/", language="en")
    line = page.locator("table.warnings tbody tr", has_text="安娜")
    line.get_by_role("button", name="Owner and due day").click()
    line.get_by_label("Owner").fill("Mei")
    line.get_by_label("Due on").fill("2026-07-20")
    line.get_by_role("button", name="Save").click()
    line.get_by_text("20 Jul 2026").wait_for()
    assert "Mei" in line.inner_text()
    line.get_by_role("button", name="Dealt with").click()
    line.get_by_text("Dealt with, data of").wait_for()
    line.get_by_role("button", name="Open again").click()
    line.get_by_role("button", name="Owner and due day").wait_for()
    page.goto(page.url)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert json.loads(page.locator("#signals-data").inner_text())["items"]


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("path", ["/risk/", "/risk/decline/", "/risk/settlement/"])
def test_no_page_is_wider_than_a_phone(
    open_page: Callable[..., Page], settings: Any, risky_folder: Path, path: str
) -> None:
    shutil.rmtree(settings.TENURE_LAKE)
    shutil.copytree(risky_folder, settings.TENURE_LAKE)
    page = open_page(path, width=390)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
