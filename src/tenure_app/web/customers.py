"""The list of customers: search, filters, order, pages, CSV. Every number of people on other pages leads here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from tenure.words import speaking
from tenure_app.core import conf
from tenure_app.customers import filters, profile, queries
from tenure_app.customers.filters import NO_STAGE, OUTLOOK, OUTSIDE, Selection
from tenure_app.lifecycle import catalogue
from tenure_app.web import customers_page, customers_said, customers_why, scorecard_said
from tenure_app.web.csv_out import MARK, line
from tenure_app.web.layout import as_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from tenure_app.lifecycle.catalogue import Entry


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the list."""

    label: str
    sort: str
    number: bool = False
    url: str = ""
    way: str = ""  # ascending, descending or empty, as aria-sort says it


@dataclass(frozen=True, slots=True)
class Pages:
    """Where in the list this page stands."""

    number: int
    size: int
    total: int

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max((self.total + self.size - 1) // self.size, 1)

    @property
    def first_row(self) -> int:
        """Which row comes first, counted from one."""
        return min((self.number - 1) * self.size + 1, self.total)

    @property
    def last_row(self) -> int:
        """Which row comes last."""
        return min(self.number * self.size, self.total)


@require_GET
def customers(request: HttpRequest) -> HttpResponse:
    """Show one page of the customers that the address names."""
    con = conf.connection()
    if not profile.has(con, "scorecard"):
        return render(request, "tenure_app/customers/empty.html")
    entries = catalogue.catalogue(con)
    chosen, wrong = selection(request, entries)
    asked = _asked_page(request)
    many, rows = queries.page(con, chosen, queries.PAGE, (asked - 1) * queries.PAGE)
    if request.GET.get("jump") and many == 1 and rows:
        return redirect("customer", rows[0].customer_id)
    pages = Pages(min(asked, Pages(1, queries.PAGE, many).last), queries.PAGE, many)
    if pages.number != asked:
        many, rows = queries.page(con, chosen, queries.PAGE, (pages.number - 1) * queries.PAGE)
    with_outlook = queries.has_outlook(con)
    entry, refreshed = entries.get(chosen.model), catalogue.last_refresh(con)
    return render(
        request,
        "tenure_app/customers/list.html",
        {
            **_filters(con, chosen, entries),
            "wrong": wrong,
            "rows": [customers_said.Line(row, entry) for row in rows],
            "pages": pages,
            "columns": _columns(chosen, outlook=with_outlook),
            "outlook": with_outlook,
            "address_of_page": f"{chosen.address()}&page=",
            "previous": pages.number - 1,
            "next": pages.number + 1,
            "hidden": parse_qsl(chosen.address()),
            "figures_on": refreshed.as_of if refreshed else chosen.as_of,
        },
    )


def _filters(con: duckdb.DuckDBPyConnection, chosen: Selection, entries: dict[str, Entry]) -> dict[str, object]:
    """Return what the filters and the heading of the list show."""
    entry = entries.get(chosen.model)
    return {
        "chosen": chosen,
        "entry": entry,
        "entries": [one for one in entries.values() if one.fits],
        "chips": customers_said.chips(chosen, entries),
        "sentence": customers_said.sentence(chosen, entries),
        "stages": _stages(entry),
        "address": chosen.address(),
        "as_of": chosen.as_of,
        "sorted": ("-" if chosen.down else "") + chosen.sort,
        "more_open": _more(chosen),
        "outside": OUTSIDE,
        "choices": scorecard_said.choices(con, chosen),
        "offered": scorecard_said.CHOICES,
    }


def selection(request: HttpRequest, entries: dict[str, Entry]) -> tuple[Selection, list[str]]:
    """Return what the address asks for, under a model that can be shown, and which of its words mean nothing."""
    first = next((entry.id for entry in entries.values() if entry.fits), "")
    chosen, wrong = filters.read(request.GET, as_of(request), first)
    if chosen.model and chosen.model not in entries:
        wrong.append("model")
    return chosen, wrong


def _more(chosen: Selection) -> bool:
    return bool(chosen.having) or any(getattr(chosen, name) not in (None, "") for name in filters.RARE)


def _asked_page(request: HttpRequest) -> int:
    asked = request.GET.get("page", "1")
    return max(int(asked), 1) if re.fullmatch(r"[0-9]{1,7}", asked) else 1


def _columns(chosen: Selection, *, outlook: bool) -> list[Column]:
    titles = {
        "customer": (_("Customer"), False),
        "stage": (_("Stage"), False),
        "since": (_("Since"), False),
        "next": (_("Next change"), False),
        "orders": (_("Orders"), True),
        "amount": (_("Amount"), True),
        "last_order": (_("Last order"), False),
        "value": (_("Lifetime value"), True),
        "churn": (_("Churn"), True),
    }
    if not outlook:
        titles = {sort: title for sort, title in titles.items() if sort not in OUTLOOK}
    columns = []
    for sort, (label, number) in titles.items():
        mine = chosen.sort == sort
        down = not chosen.down if mine else filters.SORTS[sort]
        way = ("descending" if chosen.down else "ascending") if mine else ""
        columns.append(Column(label, sort, number, chosen.address(sort=sort, down=down), way))
    return columns


def _stages(entry: Entry | None) -> list[tuple[str, str]]:
    if entry is None:
        return []
    return [(stage, entry.stage_name(stage)) for stage in [*entry.order, NO_STAGE, OUTSIDE]]


@require_GET
def download(request: HttpRequest) -> HttpResponseBase:
    """Send all rows of the list as CSV, as they are read."""
    con = conf.connection()
    if not profile.has(con, "scorecard"):
        return redirect("customers")
    entries = catalogue.catalogue(con)
    chosen, _wrong = selection(request, entries)
    response = StreamingHttpResponse(
        _csv(con, chosen, entries.get(chosen.model), translation.get_language()), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="customers-{chosen.as_of}.csv"'
    return response


def _csv(con: duckdb.DuckDBPyConnection, chosen: Selection, entry: Entry | None, language: str | None) -> Iterator[str]:
    # The answer is sent after the request's language is put away again, so the language is chosen once more here.
    with translation.override(language), speaking(language or ""):
        heads = [
            _("Customer id"), _("Name"), _("Phone"), _("E-mail"), _("Stage id"), _("Stage"), _("Since"),
            _("Next change"), _("Next stage"), _("Orders"), _("Amount"), _("First order"), _("Last order"),
            *([_("Lifetime value"), _("Churn")] if queries.has_outlook(con) else []),
        ]  # fmt: skip
        names = {stage: entry.stage_name(stage) for stage in entry.order} if entry else {}
    yield MARK + line(heads)
    for part in queries.stream(con, chosen):
        yield "".join(
            line([*row[:4], row[4], names.get(row[4], row[4]), row[5], row[6], names.get(row[7], row[7]), *row[8:]])
            for row in part
        )


urlpatterns = [
    path("customers/", customers, name="customers"),
    path("customers.csv", download, name="customers-csv"),
    *customers_why.urlpatterns,
    *customers_page.urlpatterns,
]
