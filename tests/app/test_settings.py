"""Settings, first steps, duplicates, work in progress."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tenure.practices.b2b import b2b_journal
from tenure.practices.samples import SAMPLES, SampleFile
from tenure_app.core.work import queries as job_queries

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

    from tenure.facts.lake import Lake
    from tenure_app.core.models import Job

pytestmark = pytest.mark.django_db


def test_the_business_is_saved_in_the_lake(signed_in: Client, lake: Lake) -> None:
    from tenure.facts.lake import Lake as Opened

    signed_in.post("/settings/business/", {"business": "好味超市", "tz": "Asia/Shanghai", "currency": "USD"})
    settings = Opened.open(lake.path).settings
    assert (settings.business, settings.tz, settings.currency) == ("好味超市", "Asia/Shanghai", "USD")
    assert "好味超市" in signed_in.get("/settings/").content.decode()


def test_assumptions_are_saved_in_the_lake_and_ask_for_a_refresh(signed_in: Client, lake: Lake) -> None:
    from tenure.scorecard.options import options_of
    from tenure_app.core.work import queries

    given = {"horizon_days": "730", "discount": "8", "margin": "35", "attention_days": "14", "decision_days": "60",
             "decision_from": "first-contact", "funnel_days": "45"}  # fmt: skip
    assert signed_in.post("/settings/assumptions/", given).status_code == 302
    saved = options_of(lake)
    assert (saved.horizon_days, saved.discount, saved.margin) == (730, 0.08, 0.35)
    assert (saved.attention_days, saved.decision_days, saved.funnel_days) == (14, 60, 45)
    assert saved.decision_from == "first-contact"
    assert [job.kind for job in queries.open_jobs()] == ["refresh"]
    assert 'value="35' in signed_in.get("/settings/").content.decode()
    assert signed_in.post("/settings/assumptions/", {**given, "discount": "300"}).status_code == 422
    assert options_of(lake) == saved


def test_another_time_zone_asks_for_a_refresh(signed_in: Client, lake: Lake) -> None:
    from tenure_app.core.work import queries

    signed_in.post("/settings/business/", {"business": "", "tz": "Europe/Berlin", "currency": "EUR"})
    assert [job.kind for job in queries.open_jobs()] == ["refresh"]
    assert signed_in.post("/settings/business/", {"tz": "Mars/Base", "currency": "EUR"}).status_code == 422


def test_a_refused_password_is_explained_in_the_language_of_the_page(signed_in: Client) -> None:
    signed_in.cookies["tenure_language"] = "zh-hans"
    for weak, why in (("short1", "密码至少需要 10 个字符。"), ("9081726354", "密码只包含数字。")):
        page = signed_in.post("/settings/password/", {"password": weak, "repeated": weak}).content.decode()
        assert why in page
        assert "This password" not in page


def test_a_password_is_set_and_other_sessions_end(signed_in: Client, client: Client, token: str, lake: Lake) -> None:
    from django.test import Client as Other

    other = Other()
    other.get("/", {"token": token})
    weak = signed_in.post("/settings/password/", {"password": "12345678", "repeated": "12345678"})
    assert weak.status_code == 422
    two = signed_in.post("/settings/password/", {"password": "long enough words", "repeated": "other words here"})
    assert two.status_code == 422
    signed_in.post("/settings/password/", {"password": "long enough words", "repeated": "long enough words"})
    assert signed_in.get("/settings/").status_code == 200
    assert other.get("/settings/").status_code == 302
    assert Other().post("/sign-in/", {"secret": "long enough words"}).status_code == 302


def test_pages_speak_of_the_last_data_day_or_today_as_chosen(signed_in: Client, filled_lake: Lake) -> None:
    from tenure_app.web import layout

    assert layout.default_day() == date(2026, 4, 1)
    signed_in.post("/settings/view/", {"language": "", "as_of": "today"})
    assert layout.default_day() == layout.today()


def test_a_chosen_day_stays_in_the_links(signed_in: Client, filled_lake: Lake) -> None:
    page = signed_in.get("/settings/", {"as_of": "2026-02-01"}).content.decode()
    assert 'href="/imports/?as_of=2026-02-01"' in page
    assert 'value="2026-02-01"' in page
    wrong = signed_in.get("/settings/", {"as_of": "nonsense"}).content.decode()
    assert 'href="/imports/"' in wrong


def test_the_first_page_leads_to_the_first_steps_until_there_are_stages(signed_in: Client, lake: Lake) -> None:
    assert signed_in.get("/").headers["Location"] == "/start/"
    page = signed_in.get("/start/").content.decode()
    assert "Import data" in page
    for sample in SAMPLES.values():
        assert f'<option value="{sample.id}">{sample.name}</option>' in page


def test_the_first_page_brings_the_chosen_sample(
    signed_in: Client, lake: Lake, run_job: Callable[[str], Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenure.facts.lake import Lake as Opened
    from tenure.scorecard.options import options_of

    def volumes(folder: Path) -> tuple[SampleFile, ...]:
        return (SampleFile(b2b_journal(20).write(folder)["volumes"], "volumes"),)

    monkeypatch.setitem(SAMPLES, "b2b", replace(SAMPLES["b2b"], files=volumes))
    signed_in.post("/start/demo/", {"sample": "b2b"})
    assert run_job("demo").state == "done"
    settings = Opened.open(lake.path).settings
    assert (settings.tz, settings.currency) == ("Asia/Shanghai", "CNY")
    assert options_of(lake).buyers == 100
    assert lake.has("volumes")
    assert [job.kind for job in job_queries.open_jobs()] == ["refresh"]


def test_a_sample_that_does_not_exist_is_not_brought(signed_in: Client, lake: Lake) -> None:
    assert signed_in.post("/start/demo/", {"sample": "nonsense"}).status_code == 404
    assert job_queries.open_jobs() == []


def test_the_first_steps_say_what_was_brought_and_which_models_fit(signed_in: Client, filled_lake: Lake) -> None:
    page = signed_in.get("/start/").content.decode()
    assert "1 file, 6 facts." in page
    assert "Every row was accepted." in page
    assert "Retail activity" in page
    assert signed_in.get("/", {"as_of": "2026-03-01"}).headers["Location"].endswith("?as_of=2026-03-01")


@pytest.fixture
def twins(lake: Lake, tmp_path: Path) -> Lake:
    """Return a lake in which two records are probably one person."""
    from tenure.facts.importing import import_files

    people = tmp_path / "客户.csv"
    people.write_text(
        "客户编号,姓名,手机\nA001,王芳,13800138000\nA009,王芳,+86 138 0013 8000\nA003,李雷,13900139000\n", "utf-8"
    )
    orders = tmp_path / "o.csv"
    orders.write_text("customer_id,at,amount\nA001,2026-01-05,10\nA001,2026-01-09,10\nA009,2026-02-05,10\n", "utf-8")
    import_files(lake, [people], as_="customers")
    import_files(lake, [orders], as_="orders")
    return lake


def test_duplicates_are_found_merged_and_taken_apart_again(signed_in: Client, twins: Lake) -> None:
    from tenure_app.core.work import queries

    found = signed_in.get("/customers/duplicates/", headers={"HX-Request": "true"}).content.decode()
    assert "A001" in found
    assert "Same phone number" in found
    assert "A003" not in found
    signed_in.post("/customers/duplicates/merge/", {"one": "A001", "other": "A009", "keep": "one", "reason": "phone"})
    assert set(twins.read("orders").column("customer_id").to_pylist()) == {"A001"}
    assert [job.kind for job in queries.open_jobs()] == ["refresh"]
    page = signed_in.get("/customers/duplicates/").content.decode()
    assert "A009" in page
    from tenure_app.customers.merging import merges

    signed_in.post("/customers/duplicates/undo/", {"merge_id": merges()[0].merge_id})
    assert set(twins.read("orders").column("customer_id").to_pylist()) == {"A001", "A009"}
    again = signed_in.post("/customers/duplicates/undo/", {"merge_id": merges()[0].merge_id}, follow=True)
    assert "no merge" in again.content.decode()


def test_a_failed_job_says_why_in_the_readers_language_and_can_be_tried_again(signed_in: Client, lake: Lake) -> None:
    from tenure_app.core.models import Job
    from tenure_app.core.work import actions

    job = actions.enqueue("refresh", as_of="2026-01-01")
    Job.objects.filter(pk=job.pk).update(
        state="failed",
        finished_at=timezone.now(),
        error={
            "template": "There is no lake in %(path)s. Create one with: tenure import FILE --lake %(path)s",
            "data": {"path": "X"},
        },
    )
    assert "There is no lake in X." in signed_in.get("/in-progress/").content.decode()
    signed_in.cookies["tenure_language"] = "zh-hans"
    page = signed_in.get("/in-progress/").content.decode()
    assert "There is no lake" not in page
    signed_in.post(f"/in-progress/{job.pk}/again/")
    job.refresh_from_db()
    assert job.state == "waiting"


PAGES = ("/start/", "/imports/", "/imports/quarantine/", "/customers/duplicates/", "/in-progress/", "/settings/")


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_pages_work_in_a_real_browser_without_a_complaint(
    open_page: Callable[..., Page],
    filled_lake: Lake,
    orders_file: Path,
    transactional_db: None,
    language: str,
    width: int,
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tenure_app.facts import actions

    draft = actions.bring([SimpleUploadedFile("六月的很长的文件名.csv", orders_file.read_bytes())], "orders")
    page = open_page("/settings/", language=language, width=width)
    for address in (*PAGES, f"/imports/{draft.pk}/"):
        page.goto(page.url.split("/", 3)[0] + "//" + page.url.split("/", 3)[2] + address)
        page.wait_for_load_state("networkidle")
        assert page.locator("h1").inner_text().strip()
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{address} is {wider} px wider than the screen of {width}"


def test_the_navigation_folds_on_a_narrow_screen_and_opens_by_keyboard(
    open_page: Callable[..., Page], lake: Lake, transactional_db: None
) -> None:
    page = open_page("/settings/", language="en", width=390)
    link = page.get_by_role("link", name="Imports")
    assert not link.is_visible()
    page.get_by_role("button", name="Navigation").focus()
    page.keyboard.press("Enter")
    link.wait_for()
    link.click()
    page.get_by_role("heading", name="Imports", exact=True).wait_for()


def test_a_model_that_cannot_be_read_keeps_the_kind_of_business_and_says_why(signed_in: Client, own_shop: Lake) -> None:
    from tenure.facts.lake import Lake as Opened

    given = {"business": "小店", "tz": "Asia/Shanghai", "currency": "CNY", "business_kind": "retail"}
    (own_shop.path / "models").mkdir()
    broken = own_shop.path / "models/broken.yaml"
    broken.write_text("id: broken\nstages: 3\n", "utf-8")
    refused = signed_in.post("/settings/business/", given)
    assert refused.status_code == 422
    assert "broken" in refused.content.decode()
    assert Opened.open(own_shop.path).settings.business_kind == ""
    broken.unlink()
    answered = signed_in.post("/settings/business/", given, follow=True).content.decode()
    assert "Switched on:" in answered
    assert Opened.open(own_shop.path).settings.business_kind == "retail"


def test_pages_speak_of_the_newest_refresh_even_when_it_is_of_an_earlier_day(filled_lake: Lake, db: None) -> None:
    from refreshes import stages_only
    from tenure_app.web import layout

    stages_only(filled_lake, as_of=date(2026, 3, 1))
    assert layout.last_data_day() == date(2026, 3, 1)
