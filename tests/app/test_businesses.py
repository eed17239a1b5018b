"""What kind of business it is: the question, the models that are switched on, and what pages show of them."""

from __future__ import annotations

import importlib
import re
from html import unescape
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from app import people
from refreshes import stages_only as refresh
from tenure.facts.lake import Lake
from tenure.lifecycle.choice import choose_first
from tenure.lifecycle.model_file import builtin
from tenure_app.core.work import actions as jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = pytest.mark.django_db
QUESTION = "What kind of business is this?"
CHOSEN = ("retail-activity", "crm-5", "clm-4")


def page(client: Client, path: str, language: str = "en", **query: str) -> str:
    client.cookies["tenure_language"] = language
    return client.get(path, query).content.decode()


def options(text: str) -> list[str]:
    """Return the models that a page's choice offers."""
    select = re.search(r'<select[^>]*name="model".*?</select>', text, re.DOTALL)
    return re.findall(r'<option value="([^"]+)"', select[0]) if select else []


@pytest.fixture
def three(own_shop: Lake) -> Lake:
    own_shop.save_settings(business_kind="retail", models_on=CHOSEN, recommended="retail-activity")
    return own_shop


def test_the_question_is_asked_until_it_is_answered_and_the_answer_switches_three_models_on(
    signed_in: Client, own_shop: Lake
) -> None:
    assert QUESTION in page(signed_in, "/overview/")
    assert "请选择所属行业" in page(signed_in, "/overview/", "zh-hans")
    signed_in.cookies["tenure_language"] = "en"
    answered = signed_in.post("/models/-/choose/", {"business": "retail"}, follow=True).content.decode()
    settings = Lake.open(own_shop.path).settings
    assert settings.business_kind == "retail"
    assert settings.recommended in (settings.models_on or ())
    assert len([name for name in settings.models_on or () if name != "product-life-cycle"]) == 3
    assert "Switched on:" in answered
    assert "is recommended" in answered
    assert QUESTION not in page(signed_in, "/overview/")
    assert QUESTION in page(signed_in, "/models/"), "where it can be answered anew"


def test_an_unknown_kind_of_business_changes_nothing(signed_in: Client, own_shop: Lake) -> None:
    shown = signed_in.post("/models/-/choose/", {"business": "retial"}, follow=True).content.decode()
    assert "There is no kind of business &#x27;retial&#x27;. Try: retail." in shown
    assert Lake.open(own_shop.path).settings.models_on is None


def test_before_the_first_refresh_the_answer_waits_for_it(
    signed_in: Client, lake: Lake, run_jobs: Callable[[], int]
) -> None:
    people.fill(lake)
    signed_in.post("/models/-/choose/", {"business": "retail"})
    assert Lake.open(lake.path).settings.models_on is None
    assert run_jobs() == 1
    settings = Lake.open(lake.path).settings
    assert settings.recommended in (settings.models_on or ())


def test_an_answer_on_an_empty_lake_waits_for_facts_and_its_reason_is_kept(
    signed_in: Client, lake: Lake, run_jobs: Callable[[], int]
) -> None:
    """What was chosen without facts would be kept, although it lacks what it needs once facts are there."""
    signed_in.post("/models/-/choose/", {"business": "education"})
    assert run_jobs() == 0
    refresh(lake, as_of=people.TODAY)
    assert choose_first(lake, as_of=people.TODAY) is None
    signed_in.post("/models/-/choose/", {"business": "education"})
    assert Lake.open(lake.path).settings.models_on is None
    people.fill(lake)
    jobs.enqueue("refresh")
    run_jobs()
    settings = Lake.open(lake.path).settings
    assert settings.recommended in (settings.models_on or ())
    assert not builtin()[settings.recommended].missing(lake.available_kinds())
    assert settings.recommended_because["en"] in unescape(page(signed_in, "/models/"))
    assert settings.recommended_because["zh_Hans"] in unescape(page(signed_in, "/models/", "zh-hans"))
    assert "is recommended" in settings.recommended_because["en"]


def test_the_settings_show_and_change_the_answer(signed_in: Client, three: Lake) -> None:
    assert '<option value="retail" selected>Retail</option>' in page(signed_in, "/settings/")
    assert '<option value="retail" selected>零售</option>' in page(signed_in, "/settings/", "zh-hans")
    form = {"business": "小店", "tz": "Asia/Shanghai", "currency": "CNY"}
    signed_in.post("/settings/business/", {**form, "business_kind": "retail"})
    assert Lake.open(three.path).settings.models_on == CHOSEN, "the same answer keeps what was switched by hand"
    signed_in.post("/settings/business/", {**form, "business_kind": "b2b"})
    settings = Lake.open(three.path).settings
    assert settings.business_kind == "b2b"
    assert settings.models_on != CHOSEN
    assert signed_in.post("/settings/business/", {**form, "business_kind": "shop"}).status_code == 422


@pytest.mark.parametrize("path", ["/overview/", "/lifecycle/", "/customers/", "/customers/K001/why/"])
def test_every_choice_of_a_model_offers_those_switched_on_and_all_of_them_with_a_click(
    signed_in: Client, three: Lake, path: str
) -> None:
    text = page(signed_in, path)
    assert set(options(text)) == set(CHOSEN)
    assert "Show all models" in text
    everything = options(page(signed_in, path, models="all"))
    assert set(CHOSEN) < set(everything)
    assert "saas-6" in everything


def test_ribbons_families_and_targets_show_what_is_switched_on(signed_in: Client, three: Lake) -> None:
    ribbon, everything = page(signed_in, "/customers/K001/"), page(signed_in, "/customers/K001/", models="all")
    assert "CLM four stages" in ribbon
    assert "SaaS six stages" not in ribbon
    assert "SaaS six stages" in everything
    families = page(signed_in, "/lifecycle/families/")
    assert "model=clm-4" in families
    assert "model=saas-6" not in families
    assert "model=saas-6" in page(signed_in, "/lifecycle/families/", models="all")


def test_a_lake_without_an_answer_shows_every_model(signed_in: Client, own_shop: Lake) -> None:
    text = page(signed_in, "/lifecycle/")
    assert "saas-6" in options(text)
    assert "Show all models" not in text


def test_the_list_of_models_shows_those_switched_on_and_for_whom_each_is(signed_in: Client, three: Lake) -> None:
    few, everything = page(signed_in, "/models/"), page(signed_in, "/models/", models="all")
    assert 'href="/models/saas-6/"' not in few
    assert 'href="/models/saas-6/"' in everything
    assert "Show all 30 models" in few
    assert "For: Retail, E-commerce, Catering" in few
    assert "适用：零售、电商、餐饮" in page(signed_in, "/models/", "zh-hans")
    assert 'href="/models/saas-6/"' in page(signed_in, "/models/", q="saas"), "a search looks everywhere"


def test_the_board_says_what_cannot_be_reached_and_that_a_model_says_little(signed_in: Client, three: Lake) -> None:
    board = page(signed_in, "/lifecycle/", model="relationship-4")
    assert "Cannot be reached: your facts contain no balances." in board
    assert "无法到达：数据里没有往来余额记录。" in page(signed_in, "/lifecycle/", "zh-hans", model="relationship-4")
    one_stage = page(signed_in, "/lifecycle/", model="internal-external")
    assert "does not separate your customers: 100% of them are in one stage" in one_stage
    assert "Open the recommended model: Retail activity" in one_stage
    assert "does not separate" not in page(signed_in, "/lifecycle/", model="retail-activity")


def test_a_model_page_says_for_whom_it_is_what_it_needs_and_what_cannot_be_reached(
    signed_in: Client, three: Lake
) -> None:
    text = page(signed_in, "/models/saas-6/")
    assert "Industries" in text
    assert "SaaS" in text
    missing = "shares, reviews, referrals or orders by people they referred"
    assert f"Cannot be reached: your facts contain no {missing}." in text
    assert "This model is switched off: the next refresh leaves it out." in text


def test_a_model_that_is_off_loses_its_stages_and_can_be_evaluated_once(
    signed_in: Client, three: Lake, run_jobs: Callable[[], int]
) -> None:
    refresh(three, as_of=people.TODAY)
    assert "Switched off" in page(signed_in, "/lifecycle/", model="saas-6")
    assert "so nobody is in its stages" in page(signed_in, "/models/saas-6/")
    signed_in.post("/models/saas-6/evaluate/")
    assert run_jobs() == 1
    assert "Retention" in page(signed_in, "/lifecycle/", model="saas-6")
    assert "retail-activity" in options(page(signed_in, "/lifecycle/")), "the others keep their stages"
    assert not Lake.open(three.path).settings.is_on("saas-6")


def test_switching_in_the_browser_is_seen_by_commands(signed_in: Client, three: Lake) -> None:
    signed_in.post("/models/saas-6/switch/", {"on": "1"})
    assert Lake.open(three.path).settings.models_on == (*CHOSEN, "saas-6")
    signed_in.post("/models/retail-activity/switch/", {"on": "0"})
    settings = Lake.open(three.path).settings
    assert (settings.models_on, settings.recommended) == (("crm-5", "clm-4", "saas-6"), "")


def test_models_switched_on_in_the_database_of_an_older_version_move_into_the_lake(own_shop: Lake) -> None:
    migration: Any = importlib.import_module("tenure_app.staff.migrations.0002_models_on_in_the_lake")
    rows = SimpleNamespace(filter=lambda **_: SimpleNamespace(first=lambda: SimpleNamespace(models_on=["crm-5"])))
    apps = SimpleNamespace(get_model=lambda *_: SimpleNamespace(objects=rows))
    migration.move(apps, None)
    assert Lake.open(own_shop.path).settings.models_on == ("crm-5",)
