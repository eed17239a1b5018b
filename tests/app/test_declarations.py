"""Pages, tables, figures and columns are declared once, and everything that shows them follows the declaration."""

from __future__ import annotations

import csv
import importlib
import io
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openpyxl  # type: ignore[import-untyped]
import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import URLPattern, get_resolver
from django.utils import translation

import tenure_app
from tenure.columns import KINDS, catalogue
from tenure.words import speaking
from tenure_app.customers import figures, tables
from tenure_app.customers.tables import CUSTOMERS
from tenure_app.web import exports
from tenure_app.web.charts import Bar, Bars
from tenure_app.web.figures import Figure
from tenure_app.web.pages import EVERYONE, declaration
from tenure_app.web.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client
    from django.urls import URLResolver

    from tenure.facts.lake import Lake

#: Pages that people see before they sign in.
OPEN = {"sign-in", "language", "health"}


def views(patterns: Any = None) -> Iterator[URLPattern]:
    """Yield every address of the application."""
    pattern: URLPattern | URLResolver
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from views(pattern.url_patterns)


def declared_tables() -> list[Table]:
    """Return every table that a package declares."""
    found = []
    app = Path(tenure_app.__file__).parent
    for path in sorted((*app.rglob("tables.py"), *app.rglob("panels.py"))):
        if path.parent.name != "web":
            module = importlib.import_module(".".join(("tenure_app", *path.relative_to(app).with_suffix("").parts)))
            found += [value for value in vars(module).values() if isinstance(value, Table)]
    return found


def heads_of(html: str) -> list[str]:
    """Return the heads of the first table of a page."""
    head = re.search(r"<thead[^>]*>(.*?)</thead>", html, re.DOTALL)
    assert head
    return [text_of(cell) for cell in re.findall(r"<th[^>]*>(.*?)</th>", head[1], re.DOTALL)]


def text_of(html: str) -> str:
    """Return what a reader sees of a piece of a page."""
    return unescape(" ".join(re.sub(r"<details.*?</details>|<[^>]+>", " ", html, flags=re.DOTALL).split()))


def labels_of(html: str) -> list[str]:
    """Return what phones write before the cells of the first row."""
    row = re.search(r"<tbody>.*?<tr[^>]*>(.*?)</tr>", html, re.DOTALL)
    assert row
    return [unescape(label) for label in re.findall(r'<t[dh][^>]* data-label="([^"]*)"', row[1])]


def test_every_view_declares_who_may_see_it() -> None:
    undeclared = [pattern.name for pattern in views() if declaration(pattern.callback) is None]
    assert not undeclared, f"declare these with @page(…, rule=…): {undeclared}"
    declared = {page.name: page for pattern in views() if (page := declaration(pattern.callback))}
    assert {name for name, page in declared.items() if page.rule is EVERYONE} == OPEN


def test_who_is_not_signed_in_sees_nothing_but_the_open_pages(client: Client, db: None) -> None:
    for pattern in views():
        page = declaration(pattern.callback)
        assert page
        if page.name in OPEN or "GET" not in page.methods:
            continue
        address = "/" + re.sub(r"<int:\w+>", "1", re.sub(r"<(str|path):\w+>", "x", page.address))
        answer = client.get(address)
        assert answer.status_code == 302 and answer["Location"].startswith("/sign-in/"), page.name


def test_every_column_has_one_label_one_kind_and_one_definition() -> None:
    columns = catalogue()
    for language in ("zh", "en"):
        labels = [getattr(column.label, language) for column in columns.values()]
        assert len(labels) == len(set(labels))
    for column in columns.values():
        assert column.kind in KINDS and column.rows, column.id
        assert column.definition.zh and column.definition.en, column.id


def test_every_column_of_a_scorecard_is_in_the_catalogue(shop: Lake) -> None:
    rows = shop.connect().execute("select column_name from (describe scorecard)").fetchall()
    assert not {name for (name,) in rows} - set(catalogue())


def test_no_table_gives_a_column_of_the_catalogue_another_label() -> None:
    for table in declared_tables():
        for column in (*table.columns, *(part for shown in table.columns for part in shown.in_files)):
            if column.name in catalogue():
                assert not column.label or str(column.label) == str(catalogue()[column.name].label), (
                    f"{table.name}: {column.name} takes its label from the catalogue"
                )


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_heads_of_every_declared_table_are_those_of_its_files(language: str) -> None:
    with translation.override(language), speaking(language):
        for table in declared_tables():
            shown = [column.title for column in table.columns]
            assert all(shown), f"{table.name} has a column without a label"
            assert len(shown) == len(set(shown)), f"{table.name} says the same twice"
            assert not [c.name for c in table.columns if c.export is not None and c.export == () and not c.bare]
            html = Template("{% table shown %}").render(Context({"shown": table.show([]), "request": None}))
            assert heads_of(html) == shown
            sheet = replace(table, name="x").sheet([])
            csv_heads = next(csv.reader(io.StringIO(exports.csv_file("x", sheet).content.decode("utf-8-sig"))))
            book = openpyxl.load_workbook(io.BytesIO(exports.excel_file("x", table.sheet([])).content))
            assert csv_heads == [cell.value for cell in book.active[1]] == table.heads()
            assert csv_heads == [part.title for column in table.columns for part in column.in_files]


def test_one_declaration_adds_a_column_to_the_list_of_customers(
    shop: Lake, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = Column("order_days", sql="k.order_days", sort="order_days", largest_first=True)
    monkeypatch.setattr(tables, "CUSTOMERS", replace(CUSTOMERS, columns=(*CUSTOMERS.columns, added)))
    html = signed_in.get("/customers/?sort=-order_days").content.decode()
    assert heads_of(html)[-1] == labels_of(html)[-1] == "Days with an order"
    assert 'aria-sort="descending"' in html
    top = shop.connect().execute("select max(order_days) from scorecard").fetchone()
    cell = re.search(r'<td class="number" data-label="Days with an order">(\d+)</td>', html)
    assert cell and top and int(cell[1]) == top[0]
    text = b"".join(signed_in.get("/customers.csv?sort=-order_days").streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert int(rows[0]["Days with an order"]) == top[0]
    book = openpyxl.load_workbook(io.BytesIO(signed_in.get("/customers.xlsx?sort=-order_days").content))
    assert (book.active[1][-1].value, book.active[2][-1].value) == ("Days with an order", top[0])


def test_one_declaration_adds_a_chart_to_a_page(shop: Lake, signed_in: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    added = Figure(
        "orders-by-day",
        title=lambda data: f"{len(data.orders)} days with orders",
        chart=lambda data: Bars([Bar(on.isoformat(), count) for on, count, _amount in data.orders]),
        table=Table(
            "orders-by-day", (Column("as_of", value=lambda row: row[0]), Column("orders", value=lambda row: row[1]))
        ),
        rows=lambda data: data.orders,
        term="orders",
    )
    monkeypatch.setattr(figures, "FIGURES", (*figures.FIGURES, added))
    html = signed_in.get("/customers/K003/").content.decode()
    assert "days with orders" in html and 'data-chart="bar"' in html and 'id="orders-by-day-data"' in html
    place = html[html.index('id="orders-by-day"') :]
    assert heads_of(place) == labels_of(place) == ["As of", "Orders"]
    answer = signed_in.get("/customers/K003/?format=orders-by-day.csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == ["As of", "Orders"] and len(rows) > 1
    book = openpyxl.load_workbook(io.BytesIO(signed_in.get("/customers/K003/?format=orders-by-day.xlsx").content))
    assert [cell.value for cell in book.active[1]] == ["As of", "Orders"]


def test_text_never_runs_as_a_formula_and_numbers_stay_numbers() -> None:
    rows = [["=1+1", "+A1", "-A1", "@x", "\tx", "\rx", "+86 138 0000 0000", -5, 2.5]]
    sheet = exports.Sheet("x", [str(at) for at in range(9)], rows)
    cells = list(csv.reader(io.StringIO(exports.csv_file("x", sheet).content.decode("utf-8-sig"), newline="")))[1]
    assert cells == ["'=1+1", "'+A1", "'-A1", "'@x", "'\tx", "'\rx", "+86 138 0000 0000", "-5", "2.5"]
    book = openpyxl.load_workbook(io.BytesIO(exports.excel_file("x", sheet).content))
    assert [cell.data_type for cell in book.active[2]][:4] == ["s"] * 4
    assert [cell.value for cell in book.active[2]][7:] == [-5, 2.5]


def test_a_request_without_a_known_file_is_a_page() -> None:
    asked = RequestFactory().get("/", {"format": "other.csv"})
    assert exports.requested(asked, {"known": lambda: exports.Sheet("", [], [])}, "today") is None
