"""The page of products: pairs, offers, what is due, one product; also when there is little or nothing."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pytest
from django.utils import translation

from recommend import shops
from tenure.facts.importing import import_files
from tenure.facts.lake import Lake
from tenure.recommend.lines import lines_of
from tenure.refreshing.run import refresh
from tenure.scorecard.model import Options
from tenure.words import language_of, speaking
from tenure_app.recommend import tables
from tenure_app.recommend.figures import Products, life_note

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

ODD = 'grill "XL" & co/7'


def _rows() -> list[dict[str, Any]]:
    rows = shops.renewing(21, people=130)
    for n in range(0, 130, 2):
        for ago in (40 + n % 30, 100 + n % 30, 160 + n % 30):
            rows += [shops.row(f"c{n:03d}", ago, ODD, "garden"), shops.row(f"c{n:03d}", ago, "coal", "fuel")]
    rows += [shops.row("c001", ago, ODD, "garden") for ago in (2, 9, 15, 21)]
    return rows


def _fill(lake: Lake, folder: Path, options: Options) -> None:
    """Import the shop's baskets and refresh."""
    pd.DataFrame(_rows()).to_csv(folder / "baskets.csv", index=False)
    import_files(lake, [folder / "baskets.csv"], as_="baskets")
    report = refresh(lake, shops.LAST, ["retail-activity", "product-life-cycle"], options=options)
    assert "recommend" not in report.problems


@pytest.fixture(scope="session")
def products_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("products")
    lake = Lake.create(folder / "lake", tz="UTC", business="小店")
    _fill(lake, folder, Options(buyers=100, days=90))
    return lake.path


@pytest.fixture
def products(settings: Any, products_folder: Path) -> Lake:
    settings.TENURE_LAKE = products_folder
    return Lake.open(products_folder)


def _csv(client: Client, address: str, **query: Any) -> list[list[str]]:
    text = client.get(address, query).content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def _rows_of(client: Client, name: str) -> Any:
    """Return the rows of one table of the page."""
    (figure,) = [figure for figure in client.get("/products/").context["figures"] if figure.id == name]
    return figure.table.rows


def test_pairs_on_the_page_are_those_of_the_lake(signed_in: Client, products: Lake) -> None:
    found = _csv(signed_in, "/products/", format="pairs.csv", level="category", chance="all")
    count = products.connect().execute("select count(*) from pairs where level = 'category'").fetchone()[0]
    assert len(found) == count + 1
    assert count > 5
    page = signed_in.get("/products/", {"level": "product", "q": "coal"}).content.decode()
    assert "coal" in page
    assert "grill &quot;XL&quot; &amp; co/7" in page


def test_filters_and_order_narrow_the_pairs(signed_in: Client, products: Lake) -> None:
    every = _csv(signed_in, "/products/", format="pairs.csv", level="product", chance="all", sort="count")
    many = _csv(signed_in, "/products/", format="pairs.csv", level="product", chance="all", least="100", sort="-count")
    counts = [int(one[4]) for one in every[1:]]
    assert counts == sorted(counts)
    assert [int(one[4]) for one in many[1:]] == sorted((n for n in counts if n >= 100), reverse=True)
    assert len(_csv(signed_in, "/products/", format="pairs.csv", level="product", q="no such thing")) == 1
    assert (
        signed_in.get("/products/", {"least": "x", "sort": "nonsense", "level": "?", "page": "99"}).status_code == 200
    )


def test_what_rises_leads_to_the_customers_whom_it_concerns(signed_in: Client, products: Lake) -> None:
    offers = _rows_of(signed_in, "offers")
    (garden,) = [offer for offer in offers if offer["trigger"] == "garden"]
    assert (garden["partner"], garden["people"]) == ("fuel", 1)
    page = signed_in.get(tables.offer_url(garden))
    assert [person["customer_id"] for person in page.context["people"].rows] == ["c001"]
    assert "garden" in page.context["people"].rows[0]["why"]
    assert signed_in.get("/products/offer/", {"trigger": "garden", "category": "?"}).status_code == 404


def test_who_is_due_is_counted_as_listed(signed_in: Client, products: Lake) -> None:
    soon = _rows_of(signed_in, "soon")
    assert soon
    for one in soon[:4]:
        page = signed_in.get(tables.due_url(one))
        assert page.context["total"] == one["people_due"]
        assert all(row["kind"] == "buy-again" for row in page.context["people"].rows)


def test_a_product_shows_its_sales_its_partners_and_its_buyers(signed_in: Client, products: Lake) -> None:
    page = signed_in.get("/products/product/", {"id": ODD})
    lines = lines_of(shops.table(_rows()), shops.LAST, "UTC")
    item = lines.items.to_pylist().index(ODD)
    buyers = len(set(lines.who[lines.item == item].tolist()))
    assert page.context["sales"]["customers"] == buyers
    assert page.context["sales"]["last_on"].isoformat() == "2026-06-28"
    assert page.context["partners"].rows[0]["product"] == "coal"
    assert len(_csv(signed_in, "/products/product/", id=ODD, bought="1", format="customers.csv")) == buyers + 1
    assert signed_in.get("/products/product/", {"id": ODD, "bought": "1"}).context["total"] == buyers
    assert (
        len(_csv(signed_in, "/products/product/", id=ODD, format="partners.csv")) == page.context["partners_total"] + 1
    )
    file = signed_in.get("/products/product/", {"id": ODD, "format": "partners.csv"})["Content-Disposition"]
    assert file == 'attachment; filename="partners-2026-06-30.csv"'
    assert signed_in.get("/products/product/", {"id": "nothing"}).status_code == 404


def test_the_back_test_says_which_ranking_is_used(signed_in: Client, products: Lake) -> None:
    rankings = _rows_of(signed_in, "backtest")
    assert [ranking["name"] for ranking in rankings] == ["popularity", "often", "buy-again", "blend"]
    assert sum(ranking["used"] for ranking in rankings) == 1
    assert len(_csv(signed_in, "/products/", format="backtest.csv")) == 5


def test_m28_the_stage_of_every_product_is_listed_filtered_and_on_its_page(products: Lake, signed_in: Client) -> None:
    everything = _csv(signed_in, "/products/", format="life.csv")[1:]
    stage = everything[0][1]
    shown = signed_in.get("/products/").context["figures"]
    (life,) = [figure for figure in shown if figure.id == "life"]
    (code,) = [code for code, name in life.switch.options if name.startswith(stage)]
    listed = _csv(signed_in, "/products/", stage=code, format="life.csv")[1:]
    assert listed == [row for row in everything if row[1] == stage]
    text = signed_in.get("/products/product/", {"id": listed[0][0]}).content.decode()
    assert listed[0][1] in text
    assert f"/products/?stage={code}" in text


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "sentence"), [("en", "1 more product is in no stage. Products with fewer than"),
                                                     ("zh-hans", "另有 1 件商品不在任何阶段。一年卖不到")])  # fmt: skip
def test_products_in_no_stage_are_counted_so_that_the_list_of_models_agrees(
    products: Lake, language: str, sentence: str
) -> None:
    con = duckdb.connect()
    con.execute(
        """create view spans as select * from (values ('product-life-cycle', 'tea', 'growth', null),
        ('product-life-cycle', 'tea', 'introduction', date '2026-01-05'), ('product-life-cycle', 'pin', null, null),
        ('product-life-cycle', 'pin', 'introduction', date '2026-01-05'), ('crm-5', 'ann', null, null))
        as spans(model, customer_id, stage, left_on)"""
    )
    with translation.override(language), speaking(language_of(language)):
        assert life_note(Products(con, {}, None)).startswith(sentence)


def test_an_empty_lake_says_what_fills_the_page(signed_in: Client, lake: Lake) -> None:
    for address in ("/products/", "/products/product/?id=a", "/products/offer/"):
        assert "Import order lines" in signed_in.get(address).content.decode()


def test_with_too_few_buyers_pairs_are_shown_and_lists_explained(signed_in: Client, lake: Lake, tmp_path: Path) -> None:
    lake.save_settings(tz="UTC")
    _fill(lake, tmp_path, Options(buyers=500, days=90))
    page = signed_in.get("/products/")
    text = page.content.decode()
    assert "It takes 500 buyers; there are 130." in text
    assert page.context["total"] > 0
    assert signed_in.get("/products/product/", {"id": "coal"}).status_code == 200


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_fit_their_window_in_both_languages(
    open_page: Callable[..., Page], settings: Any, products_folder: Path, width: int
) -> None:
    settings.TENURE_LAKE = products_folder
    for language, title in (("zh-hans", "哪些商品常一起买"), ("en", "What is bought together")):
        page = open_page("/products/", language=language, width=width)
        assert title in page.inner_text("h1")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.goto(page.url + "product/?id=coal")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
