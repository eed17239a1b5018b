"""Economics: who goes where, what a stage brings, what a move is worth, and whom to invest in again or to let go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from tenure.economics.report import check_subject
from tenure.errors import TenureError
from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.economics import actions, figures, panels, queries, tables, titles
from tenure_app.economics.figures import StageEconomics
from tenure_app.lifecycle import catalogue
from tenure_app.lifecycle.catalogue import Entry
from tenure_app.lifecycle.definitions.queries import models_in_force
from tenure_app.lifecycle.pages import chosen_entry, period
from tenure_app.web import exports
from tenure_app.web.exports import Sheet
from tenure_app.web.filters import Input
from tenure_app.web.formats import customers
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.tables import Row, Table

PAGE_SIZE = 50
#: The files of the page.
FILES: dict[str, Callable[[StageEconomics], Sheet]] = {
    **{figure.name: figure.sheet for figure in (*figures.ABOVE, *figures.BELOW)},
    "plans": lambda data: tables.PLANS.sheet(panels.plans(data)),
    "chosen": lambda data: tables.CHOSEN.sheet(panels.who_gets_what(data)),
}


@page("economics/", "economics", rule=SIGNED_IN)
def economics(request: HttpRequest) -> HttpResponse:
    """Show the economics of one model, or one of its tables as a file."""
    check_subject(models_in_force().get(request.GET.get("model", "")))
    data = _data(request, chosen_entry(request, _entries()))
    if data is None:
        return render(request, "economics/empty.html", {"title": _("Economics")})
    files = {name: partial(make, data) for name, make in FILES.items()}
    if file := exports.requested(request, files, f"{data.entry.id}-{data.day}"):
        return file
    return render(request, "economics/page.html", _context(request, data))


def _entries() -> dict[str, Entry]:
    con = conf.connection()
    if not (profile.has(con, "spans") and profile.has(con, "scorecard")):
        return {}
    return {name: entry for name, entry in catalogue.catalogue(con).items() if entry.fits and entry.customers}


def _data(request: HttpRequest, entry: Entry | None) -> StageEconomics | None:
    con = conf.connection()
    report = queries.report_of(con, entry) if entry else None
    if entry is None or report is None:
        return None
    return StageEconomics(entry, report, queries.book_of(entry, report), con, period(request, 90))


def _context(request: HttpRequest, data: StageEconomics, given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what the page shows; `given` is a form of plans that could not be read."""
    budget, plans = data.book.budget, data.book.plans
    return {
        "entry": data.entry,
        "entries": catalogue.offered(_entries(), request.GET),
        "report": data.report,
        "day": data.day,
        "above": [figure.show(data) for figure in figures.ABOVE],
        "below": [figure.show(data) for figure in figures.BELOW],
        "checks": tables.CHECKS.show(panels.checks(data)),
        "plans_title": titles.result(data),
        "plans": tables.PLANS.show(panels.form(data, given)),
        "new_plan": panels.new_plan(data, given or {}),
        "given": given or {},
        "assumed": any(plan.assumed for plan in plans),
        "entered": not all(plan.assumed for plan in plans) or budget is not None,
        "budget": given.get("budget", "") if given else "" if budget is None else f"{budget:.2f}",
        "more_budget": titles.more_budget(data),
        "changed": queries.changed(data.entry.id),
        "chosen": tables.CHOSEN.show(panels.who_gets_what(data)),
    }


@page("economics/plans/", "economics-plans", rule=SIGNED_IN, methods=("POST",))
def save_plans(request: HttpRequest) -> HttpResponse:
    data = _named(request)
    # Resetting takes the entered plans away; those assumed of the model hold again.
    if "reset" in request.POST:
        actions.reset_book(data.entry.id)
        messages.success(request, _("The plans are those assumed of the model again."))
        return redirect(data.address("economics") + "#plans")
    try:
        actions.save_book(data, actions.book_from_form(request.POST, data), cast("User", request.user))
    except TenureError as error:
        messages.error(request, error.say())
        return render(request, "economics/page.html", _context(request, data, request.POST), status=400)
    messages.success(request, _("Saved. Refreshes and the command line use these plans from now on."))
    return redirect(data.address("economics") + "#plans")


def _given(request: HttpRequest, name: str) -> str:
    return (request.POST or request.GET).get(name, "")


def _named(request: HttpRequest) -> StageEconomics:
    """Return the economics of the model that a request names; no other model takes its place."""
    data = _data(request, _entries().get(_given(request, "model")))
    if data is None:
        raise Http404
    return data


@page("economics/who/", "economics-who", rule=SIGNED_IN)
def who(request: HttpRequest) -> HttpResponse:
    """List the customers for whom a plan was chosen, or of one stage, tier and time in it."""
    data, query = _named(request), request.GET
    # An empty tier is a tier of its own, so what counts is whether the address names it.
    names = {"plan": "decision_plan", "stage": "stage", "tier": "tier"}
    columns = {column: query[name] for name, column in names.items() if name in query}
    band, plan = query.get("band", ""), query.get("plan", "")
    rows = queries.recipients(data, band=int(band) if band.isascii() and band.isdigit() else None, **columns)
    title = panels.plan_name(data, plan) if plan else _("Who gets what")
    context = {"title": title, "subtitle": customers(len(rows)), "back": "#plans"}
    return _list(request, data, "plans", tables.WHO, rows, panels.recipient, context)


@page("economics/moves/", "economics-moves", rule=SIGNED_IN)
def moved(request: HttpRequest) -> HttpResponse:
    data = _named(request)
    ends = request.GET.get("source", ""), request.GET.get("target", "")
    rows = queries.moved(data.con, data, *ends)
    title = " → ".join(map(data.entry.stage_name, ends))
    context = {"title": title, "subtitle": titles.moves(len(rows)), "back": "#matrix"}
    return _list(request, data, "moves", tables.MOVED, rows, panels.move, context)


def _list(
    request: HttpRequest,
    data: StageEconomics,
    file: str,
    table: Table,
    rows: list[Any],
    named: Callable[[StageEconomics, Any], Row],
    context: dict[str, str],
) -> HttpResponse:
    """Show rows; only those of the page are named, since a list can hold a million."""
    files = {"": lambda: table.sheet(named(data, row) for row in rows)}
    if answer := exports.requested(request, files, f"{file}-{data.entry.id}-{data.day}"):
        return answer
    shown = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    shown.object_list = [named(data, row) for row in shown.object_list]
    return render(request, "economics/list.html", {"entry": data.entry, "table": table.show(shown), **context})


@page("economics/choose/", "economics-choose", rule=SIGNED_IN, methods=("GET", "POST"))
def choose(request: HttpRequest) -> HttpResponse:
    data = _named(request)
    standing = queries.standing(data, _given(request, "customer"))
    if standing is None:
        raise Http404
    if request.method == "POST":
        return _decide(request, data, standing)
    return render(request, "economics/choose.html", _options(data, standing))


def _decide(request: HttpRequest, data: StageEconomics, standing: dict[str, Any]) -> HttpResponse:
    author, given = cast("User", request.user), request.POST
    here = data.address("economics-choose", customer=standing["customer_id"])
    if "back" in given:
        actions.take_back(data.entry.id, standing["customer_id"], author)
        messages.success(request, _("The general choice holds for this customer again."))
        return redirect(here)
    try:
        due_on = date.fromisoformat(given["due_on"]) if given.get("due_on") else None
        owner, note = given.get("owner", "").strip()[:120], " ".join(given.get("note", "").split())[:500]
        plan = given.get("plan", "")
        actions.decide(data, standing, plan, owner=owner, due_on=due_on, note=note, author=author)
    except TenureError as error:
        messages.error(request, error.say())
    except ValueError:
        messages.error(request, _("The due day cannot be read. Write it as 2026-11-30, or leave it empty."))
    else:
        messages.success(request, _("Saved. The budget by stage counts it, and it is listed among the tasks."))
        return redirect(here)
    return render(request, "economics/choose.html", _options(data, standing, given), status=400)


def _options(data: StageEconomics, standing: dict[str, Any], given: Mapping[str, str] | None = None) -> dict[str, Any]:
    current = queries.current_choice(data.entry.id, standing["customer_id"])
    values = given or {name: getattr(current, name, "") or "" for name in ("owner", "due_on", "note")}
    return {
        "entry": data.entry,
        "day": data.day,
        "standing": standing,
        **data.named(standing["stage"]),
        "tier": titles.tier_name(standing["tier"]),
        "person": profile.profile(data.con, standing["customer_id"]),
        "chosen": current,
        "options": tables.OPTIONS.show(panels.options(data, standing, current)),
        "fields": [
            Input("owner", _("Owner"), values.get("owner", "")),
            Input("due_on", _("Due day"), values.get("due_on", ""), "date"),
            Input("note", _("Note"), values.get("note", ""), grow=True),
        ],
        "history": tables.HISTORY.show(queries.history(data.entry.id, standing["customer_id"])),
        "horizon": data.report["horizon_days"],
    }
