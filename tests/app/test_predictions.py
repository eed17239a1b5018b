"""The page of predictions, on a shop that was really refreshed: numbers, tables, downloads, both languages."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from cli.test_value import tenure
from value.shops import day_after, shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from playwright.sync_api import Page

    from tenure.facts.lake import Lake

AS_OF = day_after(730)
CHARTS = ("calibration", "after", "tracking", "reliability", "deciles", "gain")


@pytest.fixture(scope="session")
def busy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a shop of 700 customers whom a model can be fitted to, refreshed twice."""
    from tenure.facts.lake import Lake
    from tenure.refreshing.run import refresh

    lake = Lake.create(tmp_path_factory.mktemp("busy") / "lake", business="大店", tz="UTC")
    lake.append_facts("orders", shop(700, seed=31, days=731).orders)
    for day in (day_after(640), AS_OF):
        refresh(lake, as_of=day, models=["retail-activity"])
    return lake.path


@pytest.fixture
def busy(settings: Any, busy_folder: Path) -> Lake:
    """Return that shop's lake, which the application reads."""
    from tenure.facts.lake import Lake

    settings.TENURE_LAKE = busy_folder
    return Lake.open(busy_folder)


def report(lake: Lake) -> dict[str, Any]:
    found: tuple[str] | None = lake.connect().execute("SELECT body FROM reports WHERE name = 'predictions'").fetchone()
    assert found is not None
    told: dict[str, Any] = json.loads(found[0])
    return told


def rows(client: Client, name: str) -> list[dict[str, str]]:
    answer = client.get("/predictions/", {"format": f"{name}.csv"})
    assert answer["Content-Disposition"] == f'attachment; filename="{name}-{AS_OF}.csv"'
    return list(csv.DictReader(answer.content.decode("utf-8-sig").splitlines()))


@pytest.mark.usefixtures("lake")
def test_before_a_refresh_it_says_what_will_stand_here(signed_in: Client) -> None:
    page = signed_in.get("/predictions/").content.decode()
    assert "No predictions yet" in page


@pytest.mark.usefixtures("shop")
def test_a_small_shop_reads_what_is_missing_and_no_number(signed_in: Client) -> None:
    page = signed_in.get("/predictions/").content.decode()
    assert "There is too little to predict from" in page
    assert "It takes 500 buyers; there are 40." in page
    assert "data-chart" not in page


def test_the_title_is_how_far_off_predictions_were(signed_in: Client, busy: Lake) -> None:
    told = report(busy)
    own = next(model for model in told["choice"]["models"] if model["model"] == told["model"])
    page = signed_in.get("/predictions/").content.decode()
    assert f"off by {own['backtest']['off'] * 100:.1f}".rstrip("0").rstrip(".") in page
    assert "Constant average rate" in page
    assert "Last 90 days again" in page
    for name in CHARTS:
        assert f'id="{name}"' in page


def test_every_chart_is_a_download_that_says_what_the_report_says(signed_in: Client, busy: Lake) -> None:
    told = report(busy)
    buyers = busy.connect().execute("SELECT count(*) FROM scorecard WHERE frequency IS NOT NULL").fetchone()[0]
    assert sum(int(row["Customers"]) for row in rows(signed_in, "calibration")) == buyers
    actual = sum(float(row["Actual sales"]) for row in rows(signed_in, "deciles"))
    assert actual == pytest.approx(sum(decile["sales_actual"] for decile in told["deciles"]), abs=0.05)
    assert len(rows(signed_in, "tracking")) == len(told["tracking"]["weeks"])
    assert len(rows(signed_in, "reliability")) == len(told["reliability"])
    assert rows(signed_in, "gain")[-1]["By the model"] == "1.0"
    tests = {(row["Model"], row["Test from"]) for row in rows(signed_in, "models")}
    assert len(tests) == len(told["choice"]["backtest"])


def test_a_count_leads_to_exactly_these_customers(signed_in: Client, busy: Lake) -> None:
    told = report(busy)
    low, high = told["calibration"][0]["frequency"], told["calibration"][0]["upto"]
    people = told["calibration"][0]["actual"]
    page = signed_in.get("/predictions/").content.decode()
    address = f"/customers/?as_of={AS_OF}&amp;frequency_min={low}&amp;frequency_max={high}"
    assert f'<a href="{address}">{people}</a>' in page
    found = busy.connect().execute("SELECT count(*) FROM scorecard WHERE frequency BETWEEN ? AND ?", [low, high])
    assert found.fetchone()[0] == people
    assert signed_in.get(address.replace("&amp;", "&")).status_code == 200


def test_it_shows_every_fit_and_how_its_inputs_moved(signed_in: Client, busy: Lake) -> None:
    from tenure_app.core import conf
    from tenure_app.predictions import queries

    fits = queries.fittings(conf.connection())
    assert [fit["as_of"] for fit in fits] == [AS_OF, day_after(640)]
    assert (fits[1]["drift"], fits[0]["drift"] is not None) == (None, True)
    page = signed_in.get("/predictions/").content.decode()
    assert f"PSI {fits[0]['drift']:.3f}" in page


def test_the_command_line_says_the_same_of_the_lake(busy: Lake) -> None:
    told = json.loads(tenure("value", "--lake", busy.path, "--json").stdout)
    assert told == report(busy)
    shown = tenure("value", "--lake", busy.path)
    assert shown.returncode == 0, shown.stderr
    assert f"{told['totals'][0]['orders']['expected']:,.0f}" in shown.stdout
    assert "rate-times-time" in shown.stdout


def test_a_notebook_gets_the_numbers_of_the_lake(busy: Lake) -> None:
    """One calculation, two doors: the scorecard and tn.clv."""
    import tenure as tn

    orders = busy.connect().execute("SELECT * FROM orders").to_arrow_table()
    mine = {row["customer_id"]: row for row in tn.clv(orders, as_of=AS_OF, tz="UTC").to_arrow().to_pylist()}
    names = ("p_alive", "p_active_90", "expected_orders", "potential_value", "potential_high", "historic_value")
    theirs = busy.connect().execute(f"SELECT customer_id, {', '.join(names)}, next_order_on FROM scorecard").fetchall()
    assert len(theirs) == len(mine)
    for who, *values, following in theirs:
        assert [mine[who][name] for name in names] == pytest.approx(values, rel=1e-9)
        assert mine[who]["next_order_on"] == following


@pytest.mark.parametrize(("language", "width"), [("en", 1440), ("zh-hans", 390)])
def test_charts_are_drawn_and_nothing_runs_over(
    open_page: Callable[..., Page], busy: Lake, language: str, width: int
) -> None:
    del busy
    page = open_page("/predictions/", language=language, width=width)
    for name in CHARTS:
        page.locator(f"#{name} canvas").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if language == "zh-hans":
        assert page.locator("h1").inner_text().startswith("3 次回测中")
        assert "Predicted" not in page.inner_text("main")
