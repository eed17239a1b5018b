"""The value page: its figures are those of the order rows, and every number of people opens exactly its rows."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from app import numbers
from app.test_overview import data_of
from tenure.value.ranking_report import reports

if TYPE_CHECKING:
    from pathlib import Path

    from django.test import Client

    from tenure.facts.lake import Lake

TODAY = date(2026, 3, 31)


def _orders() -> list[dict[str, Any]]:
    """Return 60 customers of very different worth; the last ten are new, some of all bring goods back."""
    rows = []
    for who in range(60):
        first = 20 if who >= 50 else 300 - 3 * who
        for number in range(1 + who % 8):
            back = first - number * (first // max(who % 8, 1))
            at = datetime(2026, 3, 31, 1 + who % 10, tzinfo=UTC) - timedelta(days=back)
            amount = Decimal(10 + who * who % 97)
            rows.append({"customer_id": f"K{who:02d}", "at": at, "order_id": f"{who}-{number}", "amount": amount,
                         "cost": amount * Decimal("0.6"), "status": "sale"})  # fmt: skip
        if who % 9 == 0:
            rows.append({**rows[-1], "status": "refund", "amount": -rows[-1]["amount"] / 2, "cost": None})
    return rows


@pytest.fixture(scope="module")
def valued_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a shop with costs, refreshed for real."""
    from tenure.facts.frames import completed
    from tenure.facts.lake import Lake
    from tenure.refreshing.run import refresh

    lake = Lake.create(tmp_path_factory.mktemp("valued") / "lake", business="果铺", tz="Asia/Shanghai")
    spent = [{"customer_id": f"K{who:02d}", "at": datetime(2026, 1, 1 + who % 28, tzinfo=UTC), "amount": Decimal(25),
              "kind": "gift"} for who in range(0, 60, 4)]  # fmt: skip
    for name, rows in (("orders", _orders()), ("costs", spent)):
        table = completed(name, pa.Table.from_pylist(rows))
        ids = pa.array([f"{name}-{n}" for n in range(len(table))])
        lake.append_facts(name, table.set_column(table.schema.get_field_index("fact_id"), "fact_id", ids))
    refresh(lake, as_of=TODAY)
    return lake.path


@pytest.fixture
def valued(settings: Any, valued_folder: Path) -> Lake:
    from tenure.facts.lake import Lake

    settings.TENURE_LAKE = valued_folder
    return Lake.open(valued_folder)


def csv_of(client: Client, address: str) -> list[dict[str, str]]:
    text = client.get(address).content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("query", ["", "?days=90&by=profit&cohort=sales", "?days=1"])
def test_every_number_of_people_opens_exactly_its_rows(valued: Lake, signed_in: Client, query: str) -> None:
    numbers.check(signed_in, f"/value/{query}", 25)
    numbers.check(signed_in, "/value/report/", 10)


def test_the_top_list_and_the_groups_add_up_to_the_order_rows(valued: Lake, signed_in: Client) -> None:
    worth: dict[str, Decimal] = {}
    for row in _orders():
        worth[row["customer_id"]] = worth.get(row["customer_id"], Decimal(0)) + row["amount"]
    best = sorted(worth, key=lambda who: (-worth[who], who))[:12]
    listed = csv_of(signed_in, "/value/?format=best.csv")
    assert [row["Customer id"] for row in listed] == best
    assert [Decimal(row["Sales"]) for row in listed] == [worth[who] for who in best]
    for kind in ("RFM group", "Tier", "ABC by sales"):
        rows = [row for row in csv_of(signed_in, "/value/?format=groups.csv") if row["Kind"] == kind]
        assert sum(Decimal(row["Sales"]) for row in rows) == sum(worth.values())
        assert sum(int(row["Customers"]) for row in rows) == 60


def test_old_customers_are_held_against_the_sixty_percent_mark(valued: Lake, signed_in: Client) -> None:
    since = TODAY - timedelta(days=29)
    first: dict[str, date] = {}
    rows = [(row["customer_id"], row["at"].date(), row["amount"]) for row in _orders()]  # 1 to 10 UTC is the same day
    for who, day, _ in rows:
        first[who] = min(day, first.get(who, day))
    mine = [row for row in rows if row[1] >= since]
    old = sum(amount for who, _, amount in mine if first[who] < since)
    share = old / sum(amount for _, _, amount in mine)
    html = signed_in.get("/value/").content.decode()
    mark = "is reached" if share >= Decimal("0.6") else "is not reached"
    assert re.search(
        rf"Existing customers made {float(round(100 * share, 1)):g}% of the sales from .* the 60% mark {mark}", html
    )
    table = next(row for row in csv_of(signed_in, "/value/?format=old.csv") if row["From"] == since.isoformat())
    assert Decimal(table["Sales"]) == old


def test_a_period_of_ones_own_is_counted_from_the_rows(valued: Lake, signed_in: Client) -> None:
    html = signed_in.get("/value/", {"since": "2026-01-01", "until": "2026-01-31"}).content.decode()
    sales = sum(row["amount"] for row in _orders() if date(2026, 1, 1) <= row["at"].date() <= date(2026, 1, 31))
    period = html.split("from 1 Jan 2026 to 31 Jan 2026", 1)[1]
    shown = [Decimal(one.replace(",", "")) for one in re.findall(r"¥([\d,.]+)</td>", period)[:2]]
    assert sum(shown) == sales
    refused = signed_in.get("/value/", {"since": "2026-02-01", "until": "2026-01-01"}).content.decode()
    assert "Swap the two days" in refused
    assert signed_in.get("/value/", {"since": "never", "until": "2026-01-01"}).status_code == 200


def test_charts_hold_the_bodies_of_the_refresh(valued: Lake, signed_in: Client) -> None:
    from tenure.scorecard.model import Context

    con = valued.connect(("scorecard",))
    table = con.execute("select * from scorecard order by customer_id").to_arrow_table()
    told = reports(table, Context(TODAY, "Asia/Shanghai", "CNY", valued))
    html = signed_in.get("/value/").content.decode()
    assert data_of(html, "curve-data")["series"][0]["values"] == [y for _, y in told["value.pareto"]["sales"]["curve"]]
    cells = {(x, y): value for x, y, value in data_of(html, "cohorts-data")["cells"]}
    for at, row in enumerate(told["value.cohorts"]["cohorts"]):
        assert [cells[month, at] for month in range(len(row["active"]))] == row["retention"]
    curve = data_of(html, "life-data")["series"][0]["values"]
    assert curve == [max(one["value"], 0) for one in told["value.life"]["months"]]


def test_downloads_hold_every_table_and_the_workbook_all_of_them(valued: Lake, signed_in: Client) -> None:
    from python_calamine import CalamineWorkbook

    from tenure_app.value.pages import FILES

    answer = signed_in.get("/value/report/?format=xlsx")
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert len(book.sheet_names) == len(FILES)
    for at, name in enumerate(FILES):
        rows = csv_of(signed_in, f"/value/?format={name}.csv")
        sheet = book.get_sheet_by_index(at).to_python()
        assert len(sheet) - 1 == len(rows)
        assert sheet[0] == list(rows[0])


def test_costs_tell_break_even(valued: Lake, signed_in: Client) -> None:
    html = signed_in.get("/value/").content.decode()
    told = re.search(r"was invested in (\d+) customers; (\d+) have paid it back", html)
    assert told
    earned = {f"K{who:02d}": Decimal(0) for who in range(60)}
    for row in _orders():
        earned[row["customer_id"]] += row["amount"] - (row["cost"] or 0)
    asked = [f"K{who:02d}" for who in range(0, 60, 4)]
    assert int(told[1]) == len(asked)
    # Nobody returns anything after breaking even here, so who is above it today has reached it.
    assert int(told[2]) >= sum(earned[who] >= 25 for who in asked) > 0


def test_without_a_refresh_the_page_says_what_to_do(lake: Lake, signed_in: Client) -> None:
    for address in ("/value/", "/value/report/"):
        html = signed_in.get(address).content.decode()
        assert "Bring orders, then refresh" in html


def test_a_shop_with_nobody_in_it_has_a_page_without_numbers(lake: Lake, signed_in: Client) -> None:
    from tenure.refreshing.run import refresh

    refresh(lake)
    assert signed_in.get("/value/").status_code == 200
    assert signed_in.get("/value/report/?format=xlsx").status_code == 200


def test_the_chinese_page_is_chinese(valued: Lake, signed_in: Client) -> None:
    signed_in.cookies["tenure_language"] = "zh-hans"
    html = signed_in.get("/value/").content.decode()
    for words in ("重要价值客户", "高端客户", "60% 的标准", "老客户", "低成本，大规模"):
        assert words in html
    title = re.search(r'<h1 class="page-title">(.*?)</h1>', html)
    assert title is not None
    assert "客户价值" in title[1]


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("width", [1440, 390])
def test_it_opens_in_a_browser_and_draws_its_charts(valued: Lake, open_page: object, language: str, width: int) -> None:
    page = open_page("/value/", language=language, width=width)  # type: ignore[operator]
    for chart in ("#curve", "#old-days", "#cohorts", "#life"):
        page.wait_for_selector(f"{chart} canvas")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    report = open_page("/value/report/", language=language, width=width)  # type: ignore[operator]
    report.wait_for_selector("#curve canvas")
    printed = report.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b", printed)) == 1


def test_a_target_is_set_followed_and_taken_away(valued: Lake, signed_in: Client) -> None:
    from tenure_app.value.models import Target

    wanted = {"measure": "repurchase", "sense": "min", "value": "99", "due_on": "2026-12-31"}
    html = signed_in.post("/value/targets/", wanted, follow=True).content.decode()
    assert "The target is set." in html
    assert "Repurchase rate" in html
    assert "under way" in html
    rate = sum(n % 8 >= 1 for n in range(60)) / 60
    target = Target.objects.get()
    assert target.began_at == pytest.approx(rate)
    assert target.value == pytest.approx(0.99)
    signed_in.post("/value/targets/", {**wanted, "value": "50"})  # the same figure again: in the old one's place
    html = signed_in.get("/value/").content.decode()
    assert Target.objects.count() == 1
    assert "value-gone value-reached" in html
    signed_in.post("/value/targets/", {"drop": str(Target.objects.get().pk)})
    assert not Target.objects.exists()


def test_targets_of_groups_and_stages_lead_to_their_customers(valued: Lake, signed_in: Client) -> None:
    for measure in ("group:rfm_group:champions", "stage:retail-activity:active"):
        signed_in.post("/value/targets/", {"measure": measure, "sense": "max", "value": "1", "due_on": "2026-01-01"})
    html = signed_in.get("/value/").content.decode()
    assert html.count("value-gone value-missed") == 2  # due before the day of the figures, and not reached
    section = html.split('id="targets"', 1)[1]
    links = numbers.counted_links(section)
    assert len(links) == 2
    assert all(numbers.rows_behind(address) == count > 1 for address, count in links.items())


@pytest.mark.parametrize(
    ("change", "said"),
    [({"measure": "love"}, "Choose what"), ({"value": "much"}, "as a number"), ({"value": "nan"}, "as a number"),
     ({"value": "120"}, "at most 100"), ({"due_on": "soon"}, "the day like")],
)  # fmt: skip
def test_a_target_that_means_nothing_is_refused(
    valued: Lake, signed_in: Client, change: dict[str, str], said: str
) -> None:
    wanted = {"measure": "repurchase", "sense": "min", "value": "65", "due_on": "2026-12-31", **change}
    assert said in signed_in.post("/value/targets/", wanted, follow=True).content.decode()
