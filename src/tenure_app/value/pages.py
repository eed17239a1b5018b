"""Value: who carries the business, how the customers develop, and one page of it for a manager's desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.errors import TenureError
from tenure.value import groups as definitions
from tenure.value.behaviour import label_of
from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.lifecycle import catalogue
from tenure_app.value import actions, figures, panels, queries, tables, titles
from tenure_app.value.figures import LISTED, LOYALTY, MONTHS, PERIODS, Value
from tenure_app.web import exports
from tenure_app.web.exports import Sheet
from tenure_app.web.pages import SIGNED_IN, page

#: The columns of the scorecard that hold groups.
GROUPS = ("rfm_group", "tier", "loyalty", "abc_sales", "abc_profit")


def _best(data: Value) -> Sheet:
    title = _("Top fifth by profit") if data.by == "profit" else _("Top fifth by sales")
    return replace(tables.BEST, caption=title).sheet(queries.best(data.con, data.by, data.pareto["count"]))


#: The files of the page, and the sheets of the report's workbook.
FILES: dict[str, Callable[[Value], Sheet]] = {
    "best": _best,
    "curve": figures.CURVE.sheet,
    "groups": lambda data: tables.GROUPS.sheet(row for column in GROUPS for row in data.groups(column)),
    "rfm": lambda data: tables.RFM.sheet(data.reports["rfm"]),
    "policy": lambda _data: tables.POLICY.sheet(definitions.groups("tiers")),
    "old": lambda data: tables.PERIODS.sheet(panels.period_file(data.reports["old"]["periods"])),
    "old-days": figures.OLD_DAYS.sheet,
    "stickiness": figures.STICKINESS.sheet,
    "cohorts": figures.COHORTS_FIGURE.sheet,
    "life": figures.LIFE.sheet,
    "cycle": figures.CYCLE.sheet,
    "profile": lambda data: tables.PROFILE.sheet(data.reports["profile"]),
}


@page("value/", "value", rule=SIGNED_IN)
def value(request: HttpRequest) -> HttpResponse:
    """Show what customers are worth, or one of the page's tables as a file."""
    data = _data(request)
    if data is None:
        return render(request, "value/empty.html")
    files = {name: partial(make, data) for name, make in FILES.items()}
    if file := exports.requested(request, files, data.day):
        return file
    shared, loyalty = _shared(data), {row["id"]: row for row in data.groups("loyalty")}
    habits = (
        (_("What they do differently"), data.habits["habits"][:LISTED]),
        (_("Who they are"), data.habits["traits"]),
        (_("What goes with buying more by itself"), data.habits["defining"]),
    )
    context = {
        **shared,
        "best": tables.BEST.show(queries.best(data.con, data.by, LISTED)),
        "best_url": data.customers(top_fifth=1) if data.by == "sales" else "",
        "classes": tables.ABC.show(data.groups(f"abc_{data.by}")),
        "period": data.period and tables.PERIOD.show(panels.period_rows(data.period)),
        "other": _other_period(request, data),
        "second": titles.second(data.reports["stickiness"]["second"]),
        "second_orders": tables.SECOND_ORDERS.show(data.reports["stickiness"]["second"]["within"]),
        "needing": [
            (deals, data.customers(deals=deals), customers)
            for deals in (2, 1)
            if (customers := queries.short_of_the_next(data.con, deals, 5))
        ],
        "rfm_grid": panels.rfm_grid(data),
        "loyalty": tables.LOYALTY.show(loyalty[name] for name in LOYALTY if name in loyalty),
        "costs": panels.costs(data),
        "habits": [(title, tables.PROFILE.show(rows)) for title, rows in habits if rows],
        "slight": tables.PROFILE.show(data.habits["habits"][LISTED:]),
        "compared_habits": len(data.reports["profile"]),
        "differing": sum(map(len, data.habits.values())),
        "targets_table": tables.TARGETS.show(shared["targets"]),
        "measures": queries.measures(data.entries),
    }
    return render(request, "value/page.html", context)


@page("value/report/", "value-report", rule=SIGNED_IN)
def report(request: HttpRequest) -> HttpResponse:
    """Show the management report: one page to print, and a workbook with every table of it."""
    data = _data(request)
    if data is None:
        return render(request, "value/empty.html")
    # One workbook with every table, so that a manager needs one download.
    if request.GET.get("format") == "xlsx":
        return exports.excel_file(f"value-{data.day}", *(make(data) for make in FILES.values()))
    context = {
        **_shared(data),
        "groups": tables.RFM_REPORT.show(row for row in data.groups("rfm_group") if row["customers"]),
        "steps": tables.STEPS_REPORT.show(data.steps),
        # Each share with the depth of its colour, from 0 to 10.
        "cohorts": [
            (cohort, [(round(100 * share), round(10 * share)) for share in cohort["retention"][:MONTHS]])
            for cohort in data.cohorts[-MONTHS:]
        ],
        "months": range(data.cohort_months(MONTHS)),
        "tiers_table": tables.TIERS_REPORT.show(data.groups("tier")),
        "habits": [
            {
                "label": label_of(row),
                "size": titles.size(row["size"]),
                **{side: titles.habit_value(row, side) for side in ("top", "rest")},
            }
            for row in data.habits["habits"][:5]
        ],
    }
    return render(request, "value/report.html", context)


def _data(request: HttpRequest) -> Value | None:
    """Return what the page shows; None before the first refresh that knew of value."""
    con = conf.connection()
    reports = queries.reports(con)
    day = queries.refreshed_on(con) if reports else None
    # A lake that was refreshed before value was known has a scorecard without these reports.
    if not profile.has(con, "scorecard") or not {"money", "pareto", "old"} <= set(reports) or day is None:
        return None
    query = request.GET
    return Value(
        con,
        day,
        reports,
        {entry.id: entry for entry in catalogue.offered(catalogue.catalogue(con), query)},
        by="profit" if query.get("by") == "profit" else "sales",
        cohort="sales" if query.get("cohort") == "sales" else "retention",
        days=next((days for days in PERIODS if query.get("days") == str(days)), 30),
    )


def _shared(data: Value) -> dict[str, Any]:
    return {
        "day": data.day,
        "buyers": data.reports["money"]["buyers"],
        "buyers_url": data.customers(deals_min=1),
        "stats": panels.stats(data),
        "figures": {figure.name: figure.show(data) for figure in figures.FIGURES},
        "compared": titles.compared(data.period),
        "rfm_title": titles.rfm(data.groups("rfm_group")),
        "rfm_groups": tables.RFM_GROUPS.show(data.groups("rfm_group")),
        "tiers": data.groups("tier"),
        "costs_title": titles.costs(data.reports["costs"]),
        "profile_title": titles.profile(data.habits["habits"]),
        "targets": panels.targets(data),
    }


def _other_period(request: HttpRequest, data: Value) -> dict[str, Any] | None:
    """Return existing and new customers of the two days that the address names, counted from the order rows."""
    from tenure.value.existing_customers import existing_share
    from tenure.value.sales import Sales

    days = [request.GET.get(name, "") for name in ("since", "until")]
    if not all(days):
        return None
    try:
        since, until = (date.fromisoformat(day) for day in days)
        sales = Sales.on(data.con, conf.lake().settings.tz, data.day)
        period = existing_share(sales, since, until).to_json()
    except ValueError:  # a day that was typed into the address
        return None
    except TenureError as error:
        messages.error(request, error.say())
        return None
    return {
        "title": titles.existing(period),
        "table": tables.PERIOD.show(panels.period_rows(period)),
        "compared": titles.compared(period),
    }


@page("value/targets/", "value-targets", rule=SIGNED_IN, methods=("POST",))
def change_targets(request: HttpRequest) -> HttpResponse:
    if request.POST.get("drop", "").isdecimal():
        actions.delete_target(int(request.POST["drop"]))
        messages.success(request, _("The target is deleted."))
    elif error := actions.set_target(request.POST, request.user if request.user.is_authenticated else None):
        messages.error(request, error)
    else:
        messages.success(request, _("The target is set."))
    return redirect(reverse("value") + "#targets")
