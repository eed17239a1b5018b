"""A17: for a declining customer both options show their numbers; what is selected changes tasks and budget."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import django
import pytest

from economics.people import append

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

    from tenure.facts.lake import Lake

django.setup()  # tests/conftest.py names the settings after pytest-django looked for them
LAST = date(2025, 6, 30)
MODEL = "relationship-4"
DECLINING = "D07"


def orders_of(who: str, gap: int, until: int, amount: float, fade: float = 1.0) -> list[dict[str, Any]]:
    """Return a customer's orders; in the last 90 days of them amounts are `fade` as large."""
    found, day = [], 0
    while day <= until:
        at = datetime.combine(LAST, datetime.min.time()) - timedelta(days=540 - day, hours=-9)
        paid = amount * (fade if day > until - 90 else 1.0)
        found.append({"customer_id": who, "at": at, "order_id": f"{who}-{day}", "amount": paid, "cost": paid * 0.6})
        day += gap
    return found


@pytest.fixture(scope="module")
def business(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A business with steady customers, declining ones whose own business goes on, and what each of them costs."""
    from refreshes import stages_only as refresh
    from tenure.facts.lake import Lake

    lake = Lake.create(tmp_path_factory.mktemp("a17") / "lake", tz="Asia/Shanghai", business="协作件厂")
    orders: list[dict[str, Any]] = []
    for n in range(40):
        orders += orders_of(f"S{n:02}", 20 + n % 5, 540, 400.0 + 5 * n)
        # Half of those who ever declined came back; the others still decline.
        orders += orders_of(f"D{n:02}", 22 + n % 4, 540, 380.0 + 4 * n, fade=0.3)
        orders += orders_of(f"R{n:02}", 21 + n % 4, 200, 390.0, fade=0.3)
        orders += [{**order, "at": order["at"] + timedelta(days=260), "order_id": order["order_id"] + "+"}
                   for order in orders_of(f"R{n:02}", 21 + n % 4, 280, 390.0)]  # fmt: skip
    append(lake, "orders", orders)
    start = datetime.combine(LAST, datetime.min.time()) - timedelta(days=540)
    who = [f"{kind}{n:02}" for kind in "SDR" for n in range(40)]
    months = [start + timedelta(days=30 * n + 1) for n in range(18)]
    append(lake, "volumes", [{"customer_id": one, "at": at, "amount": 9000.0} for one in who for at in months])
    append(
        lake,
        "costs",
        [{"customer_id": one, "at": at, "kind": "service", "amount": 60.0} for one in who for at in months],
    )
    refresh(lake, as_of=LAST, models=[MODEL, "retail-activity"])
    return lake.path


@pytest.fixture
def reader(business: Path, settings: Any, tmp_path: Path, client: Client, db: None) -> Client:
    """A signed-in manager, in English, with a data folder of their own."""
    import shutil

    shutil.copytree(business, tmp_path / "lake")
    settings.TENURE_LAKE, settings.TENURE_DATA = tmp_path / "lake", tmp_path / "data"
    settings.TENURE_TOKEN_SHA256 = hashlib.sha256(b"token").hexdigest()
    settings.ALLOWED_HOSTS = ["*"]
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if "whitenoise" not in one]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    client.cookies["tenure_language"] = "en"
    assert client.get("/", {"token": "token"}).status_code == 302
    return client


def options_on(html: str) -> dict[str, list[float]]:
    """Return each option's cost, saving, return and profit as the page shows them."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL):
        name = re.search(r'name="plan" value="([^"]+)"', row)
        if name:
            cells = re.findall(r'<td class="number"[^>]*>(.*?)</td>', row, re.DOTALL)
            firsts = [re.search(r"-?¥[\d,.]+", cell) for cell in cells]
            found[name[1]] = [float(first[0].replace("¥", "").replace(",", "")) for first in firsts if first]
    return found


def budget_on(html: str, stage: str) -> str:
    """Return a stage's line of the budget by stage, without marks."""
    part = html.split('id="budget"', 1)[1].split("</section>", 1)[0]
    row = next(one for one in re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL) if stage in one)
    return " ".join(re.sub(r"<[^>]+>", " ", row).split())


def test_a17_both_options_show_their_numbers_and_the_selected_one_changes_tasks_and_budget(reader: Client) -> None:
    page = reader.get("/economics/", {"model": MODEL}).content.decode()
    assert "Degeneration" in page
    assert "Nothing was decided for single customers yet" in page
    before = budget_on(page, "Degeneration")

    asked = {"model": MODEL, "customer": DECLINING}
    shown = reader.get("/economics/choose/", asked).content.decode()
    options = options_on(shown)
    assert set(options) == {"nothing", "reinvest-degeneration", "withdraw-degeneration"}
    cost, saved, returns, profit = options["reinvest-degeneration"]
    assert cost > 0
    assert saved == 0
    assert profit == pytest.approx(returns - cost, abs=1.01)
    cost, saved, returns, profit = options["withdraw-degeneration"]
    assert saved > 0  # four fifths of the service that is known to be spent
    assert returns < 0
    assert profit == pytest.approx(returns + saved, abs=1.01)

    answer = reader.post(
        "/economics/choose/", {**asked, "plan": "reinvest-degeneration", "owner": "Li Na", "due_on": "2025-07-15"}
    )
    assert answer.status_code == 302
    page = reader.get("/economics/", {"model": MODEL}).content.decode()
    decided = page.split('id="decided"', 1)[1]
    assert all(text in decided for text in (DECLINING, "Li Na", "15 Jul 2025", "Reinvest"))
    after = budget_on(page, "Degeneration")
    assert after != before
    assert f"+¥{options['reinvest-degeneration'][0]:.2f}" in after
    assert "1 customer" in after

    reader.post("/economics/choose/", {**asked, "plan": "withdraw-degeneration"})
    page = reader.get("/economics/", {"model": MODEL}).content.decode()
    withdrawn = budget_on(page, "Degeneration")
    assert "−¥" in withdrawn
    assert f"+¥{options['reinvest-degeneration'][0]:.2f}" not in withdrawn
    history = reader.get("/economics/choose/", asked).content.decode().split("What was decided before", 1)[1]
    assert history.count("<tr>") == 3  # the heading and both decisions

    reader.post("/economics/choose/", {**asked, "back": "1"})
    assert budget_on(reader.get("/economics/", {"model": MODEL}).content.decode(), "Degeneration") == before


def test_a17_the_library_and_the_page_advise_the_same(reader: Client, settings: Any) -> None:
    from stories.telling import command

    told = command("economics", "--lake", str(settings.TENURE_LAKE), "--model", MODEL, "--json")
    fallen = [row for row in told["choice"]["rows"] if row["stage"] == "degeneration"]
    assert fallen
    page = reader.get("/economics/who/", {"model": MODEL, "stage": "degeneration", "format": "csv"})
    rows = page.content.decode("utf-8-sig").strip().splitlines()[1:]
    assert len(rows) == sum(one["people"] for one in fallen)
    checks = {check["check"]: check["verdict"] for check in told["checks"] if check["lower"] in ("", "degeneration")}
    assert set(checks) == {"N35", "N36"}
    assert checks["N36"].endswith("holds")


def test_a17_a_changed_cost_and_budget_change_who_gets_what(reader: Client, settings: Any) -> None:
    from stories.telling import command

    page = reader.get("/economics/", {"model": MODEL}).content.decode()
    names = re.findall(r'name="([^":]+:(?:cost|effect|capacity))" [^>]*value="([^"]*)"', page)
    words = {**dict(names), "model": MODEL, "reinvest-degeneration:cost": "30", "reinvest-degeneration:effect": "60",
             "withdraw-degeneration:cost": "0", "budget": "300"}  # fmt: skip
    assert reader.post("/economics/plans/", words).status_code == 302
    told = command("economics", "--lake", str(settings.TENURE_LAKE), "--model", MODEL, "--json")
    assert told["budget"] == 300.0
    plan = next(one for one in told["plans"] if one["id"] == "reinvest-degeneration")
    assert (plan["cost"], plan["effect"], plan["assumed"]) == (30.0, 0.6, False)
    assert 0 < told["choice"]["spend"] <= 300
    got = reader.get("/economics/who/", {"model": MODEL, "plan": "reinvest-degeneration"}).content.decode()
    people = sum(row["people"] for row in told["choice"]["rows"] if row["plan"] == "reinvest-degeneration")
    assert 0 < people <= 10
    assert f"{people} customer" in got

    bad = reader.post("/economics/plans/", {**words, "reinvest-degeneration:effect": "400"})
    assert bad.status_code == 400
    assert "must be from 0 to 1" in bad.content.decode()
    assert 'value="400"' in bad.content.decode()
    assert reader.post("/economics/plans/", {"model": MODEL, "reset": "1"}).status_code == 302
    assert command("economics", "--lake", str(settings.TENURE_LAKE), "--model", MODEL, "--json")["budget"] is None


def lake_of(folder: Path) -> Lake:
    """Return the lake in a folder."""
    from tenure.facts.lake import Lake

    return Lake.open(folder)


def test_a17_the_decision_stands_in_the_scorecard_too(business: Path) -> None:
    from tenure.economics.decisions import Decisions
    from tenure.scorecard.model import Context, Options

    lake = lake_of(business)
    context = Context(LAST, lake.settings.tz, lake.settings.currency, lake, Options(buyers=100))
    table = lake.read("scorecard").sort_by("customer_id")
    (fit,) = Decisions().fit(table, context)
    assert fit.model == MODEL  # somebody declines, so the relationship model decides
    told = dict(
        zip(
            table.column("customer_id").to_pylist(),
            Decisions().score(table, {"decisions": fit}, context).columns.to_pylist(),
            strict=True,
        )
    )
    assert told[DECLINING]["decision"] in ("develop", "withdraw")
    assert told[DECLINING]["decision_plan"].endswith("-degeneration")
    assert told[DECLINING]["decision_low"] <= told[DECLINING]["decision_profit"] <= told[DECLINING]["decision_high"]
