"""Value: who carries the business, how the customers develop, and one page of it for a manager's desk."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenure.errors import TenureError
from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.value import ranking_queries as queries
from tenure_app.web import exports, value_parts, value_said, value_tables, value_targets
from tenure_app.web.layout import business
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.value_parts import Page

if TYPE_CHECKING:
    from collections.abc import Callable

#: The parts of the page, in its order.
PARTS: dict[str, Callable[[Page], Any]] = {
    "head": value_parts.head,
    "targets": value_targets.standings,
    "pareto": value_parts.pareto,
    "old": value_parts.old,
    "ladder": value_parts.ladder,
    "rfm": value_parts.rfm,
    "tiers": value_parts.tiers,
    "loyalty": value_parts.loyalty,
    "cohorts": value_parts.cohorts,
    "life": value_parts.life,
    "costs": value_parts.costs,
    "cycle": value_parts.cycle,
    "profile": value_parts.profile,
}


@page("value/", "value", rule=SIGNED_IN)
def value(request: HttpRequest) -> HttpResponse:
    """Show what customers are worth, or one of the page's tables as a file."""
    page = _page(request)
    if page is None:
        return render(request, "tenure_app/value/empty.html")
    asked = request.GET.get("format", "")
    if asked.endswith(".csv") and asked.removesuffix(".csv") in value_tables.TABLES:
        table = value_tables.TABLES[asked.removesuffix(".csv")](page)
        return exports.csv_file(f"{asked.removesuffix('.csv')}-{page.day}", table)
    context = _context(page)
    context["period"] = _own_period(request, page)
    return render(request, "tenure_app/value/page.html", context)


@page("value/report/", "value-report", rule=SIGNED_IN)
def report(request: HttpRequest) -> HttpResponse:
    """Show the management report: one page to print, and a workbook with every table of it."""
    page = _page(request)
    if page is None:
        return render(request, "tenure_app/value/empty.html")
    if request.GET.get("format") == "xlsx":
        return exports.excel_file(f"value-{page.day}", *(make(page) for make in value_tables.TABLES.values()))
    return render(request, "tenure_app/value/report.html", _context(page))


def _page(request: HttpRequest) -> Page | None:
    """Return what the page speaks of; None before the first refresh that knew of value."""
    con = conf.connection()
    bodies = queries.bodies(con)
    day = queries.refreshed_on(con) if bodies else None
    if not profile.has(con, "scorecard") or not {"money", "pareto", "old"} <= set(bodies) or day is None:
        return None
    asked = request.GET
    days = asked.get("days", "")
    return Page(
        con,
        day,
        business().currency,
        bodies,
        by="profit" if asked.get("by") == "profit" else "sales",
        cohort="sales" if asked.get("cohort") == "sales" else "retention",
        days=int(days) if days in {"1", "7", "30", "90", "365"} else 30,
    )


def _context(page: Page) -> dict[str, Any]:
    return {"page": page, "day": page.day, **{name: make(page) for name, make in PARTS.items()}}


def _own_period(request: HttpRequest, page: Page) -> dict[str, Any] | None:
    """Return old and new customers of the two days that the address names, counted anew from the order rows."""
    asked = [request.GET.get(name, "") for name in ("since", "until")]
    if not all(asked):
        return None
    try:
        since, until = (date.fromisoformat(one) for one in asked)
        found = queries.old_share(since, until, page.day).to_json()
    except ValueError:
        return None
    except TenureError as wrong:
        messages.error(request, wrong.say())
        return None
    return {**found, "said": value_said.old(found), "compared": value_said.compared(found, page.currency)}
