"""One customer's value, risk and next order: the page says what the scorecard says, and what is missing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from scorecard.shop import LAST, lake_of
from tenure.facts.lake import Lake
from tenure.refreshing.run import refresh
from tenure.scorecard.model import Options
from tenure.words import loads
from tenure_app.web.formats import money, percent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def big_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = lake_of(tmp_path_factory.mktemp("big") / "lake")
    refresh(lake, LAST, ["retail-activity", "crm-5"], options=Options(strict=True))
    return lake.path


@pytest.fixture
def big(settings: Any, big_folder: Path) -> Lake:
    settings.TENURE_LAKE = big_folder
    return Lake.open(big_folder)


def rows(lake: Lake, where: str) -> list[dict[str, Any]]:
    sql = f"SELECT * FROM scorecard WHERE {where} ORDER BY customer_id"
    return lake.connect().execute(sql).to_arrow_table().to_pylist()


def test_the_page_says_what_the_scorecard_says(signed_in: Client, big: Lake) -> None:
    row = rows(big, "churn_level = 'high' AND next_order_on IS NOT NULL AND warning_signals IS NOT NULL")[0]
    page = signed_in.get(f"/customers/{row['customer_id']}/").content.decode()
    for said in (money(row["lifetime_value"], "CNY", brief=True), percent(row["churn"]), percent(row["p_alive"])):
        assert said in page
    for reason in loads(row["churn_reasons"]):
        assert reason["text"].render("en").split("(")[0].strip() in page
    assert "not proof of a cause" in page and "/economics/choose/?model=" in page


def test_a_small_shop_reads_what_is_missing(signed_in: Client, settings: Any, tmp_path: Path) -> None:
    lake = lake_of(tmp_path / "small", buyers=30)
    refresh(lake, LAST, ["retail-activity"], options=Options(strict=True))
    settings.TENURE_LAKE = lake.path
    page = signed_in.get("/customers/C00001/").content.decode()
    assert "Predictions need at least 500 buyers; you have 30." in page


def test_a_lake_without_value_and_risk_still_shows_its_customers(signed_in: Client, filled_lake: Lake) -> None:
    from refreshes import stages_only

    stages_only(filled_lake)
    assert signed_in.get("/customers/A001/").status_code == 200
    page = signed_in.get("/customers/?churn_level=high&sort=-value")
    assert page.status_code == 200 and "0 customers" in page.content.decode()


def test_every_restriction_lists_exactly_its_rows(signed_in: Client, big: Lake) -> None:
    for address, where in (
        ("churn_level=high", "churn_level = 'high'"),
        ("rfm_group=champions,loyal&churn_max=0.5", "rfm_group IN ('champions', 'loyal') AND churn <= 0.5"),
        ("p_alive_min=0.9&old_customer=1", "p_alive >= 0.9 AND old_customer"),
        ("next_order_on_max=2025-04-01", "next_order_on <= DATE '2025-04-01'"),
        ("wallet_share=-", "wallet_share IS NULL"),
        ("warning_signals=silence", "list_contains(string_split(warning_signals, ','), 'silence')"),
    ):
        many = len(rows(big, where))
        text = signed_in.get(f"/customers.csv?{address}").getvalue().decode("utf-8-sig")
        assert len(text.splitlines()) - 1 == many, address
        assert many, address
    said = signed_in.get("/customers/?churn_min=many&tier=high").content.decode()
    assert "churn_min" in said  # what means nothing is said, the rest counts


def test_the_panels_fit_both_widths_in_both_languages(
    open_page: Callable[..., Page], lake: Lake, big_folder: Path
) -> None:
    shutil.rmtree(lake.path)
    shutil.copytree(big_folder, lake.path)
    for language, heading in (("zh-hans", "价值"), ("en", "Value")):
        for width in (1440, 390):
            page = open_page("/customers/C00003/", language=language, width=width)
            assert page.locator(".outlook .card-title").first.inner_text() == heading
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
