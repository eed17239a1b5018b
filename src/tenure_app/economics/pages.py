"""Economics: who goes where, what a stage brings, what a move is worth, and whom to invest in again or to let go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from tenure.errors import TenureError
from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.economics import actions, figures, form, panels, queries, tables, titles
from tenure_app.economics.figures import StageEconomics
from tenure_app.lifecycle import catalogue
from tenure_app.lifecycle.pages import chosen_entry, period
from tenure_app.web import exports
from tenure_app.web.filters import Input
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tenure_app.lifecycle.catalogue import Entry
    from tenure_app.web.exports import Sheet

PAGE_SIZE = 50
#: The files of the page.
FILES: dict[str, Callable[[StageEconomics], Sheet]] = {
    **{figure.name: figure.sheet for figure in (*figures.ABOVE, *figures.BELOW)},
    "plans": lambda data: panels.PLANS.sheet(panels.plans(data)),
    "chosen": lambda data: panels.CHOSEN.sheet(panels.chosen(data)),
}


@page("economics/", "economics", rule=SIGNED_IN)
def economics(request: HttpRequest) -> HttpResponse:
    """Show the economics of one model, or one of its tables as a file."""
    data = _data(request)
    if data is None:
        return render(request, "economics/empty.html", {"title": _("Economics")})
    files = {name: partial(make, data) for name, make in FILES.items()}
    if file := exports.requested(request, files, f"{data.entry.id}-{data.day}"):
        return file
    return render(request, "economics/page.html", _context(data))


def _data(request: HttpRequest) -> StageEconomics | None:
    con = conf.connection()
    if not (profile.has(con, "spans") and profile.has(con, "scorecard")):
        return None
    entry = chosen_entry(request, _entries())
    result = queries.economics_of(con, entry) if entry else None
    return StageEconomics(con, entry, result, period(request, 90)) if entry and result else None


def _entries() -> dict[str, Entry]:
    entries = catalogue.catalogue(conf.connection()).items()
    return {name: entry for name, entry in entries if entry.fits and entry.customers}


def _context(data: StageEconomics, given: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return what the page shows; `given` is a form of plans that could not be read."""
    budget = data.economics.book.budget
    return {
        "entry": data.entry,
        "entries": list(_entries().values()),
        "report": data.report,
        "day": data.day,
        "above": [figure.show(data) for figure in figures.ABOVE],
        "below": [figure.show(data) for figure in figures.BELOW],
        "checks": tables.CHECKS.show(panels.checks(data)),
        "plans_title": titles.result(data.economics),
        "plans": panels.form(data, given),
        "new_plan": panels.new_plan(data, given or {}),
        "given": given or {},
        "assumed": any(plan.assumed for plan in data.economics.book.plans),
        "entered": data.economics.entered,
        "budget": given.get("budget", "") if given else "" if budget is None else f"{budget:.2f}",
        "more_budget": titles.more_budget(data.economics),
        "changed": queries.changed(data.entry.id),
        "chosen": panels.CHOSEN.show(panels.chosen(data)),
    }


@page("economics/plans/", "economics-plans", rule=SIGNED_IN, methods=("POST",))
def save_plans(request: HttpRequest) -> HttpResponse:
    """Put other costs, effects, capacities and another budget in force."""
    data = _named(request)
    # Resetting takes the entered plans away; those assumed of the model hold again.
    if "reset" in request.POST:
        actions.reset_book(data.entry.id)
        messages.success(request, _("The plans are those assumed of the model again."))
        return redirect(data.address("economics") + "#plans")
    try:
        book = form.read_book(request.POST, data.economics)
        actions.save_book(data.economics, book, cast("User", request.user))
    except TenureError as error:
        messages.error(request, error.say())
        return render(request, "economics/page.html", _context(data, request.POST), status=400)
    messages.success(request, _("Saved. Refreshes and the command line use these plans from now on."))
    return redirect(data.address("economics") + "#plans")


def _named(request: HttpRequest) -> StageEconomics:
    """Return the economics of the model that a request names; no other model takes its place.

    Raises
    ------
    Http404
        When the model has no stages here.
    """
    con = conf.connection()
    form_or_address = request.POST if request.method == "POST" else request.GET
    entry = _entries().get(form_or_address.get("model", "")) if profile.has(con, "spans") else None
    result = queries.economics_of(con, entry) if entry else None
    if entry is None or result is None:
        raise Http404
    return StageEconomics(con, entry, result, period(request, 90))


@page("economics/who/", "economics-who", rule=SIGNED_IN)
def who(request: HttpRequest) -> HttpResponse:
    """List the customers for whom a plan was chosen, or of one stage, tier and time in it."""
    data, query = _named(request), request.GET
    # An empty tier is a tier of its own, so what counts is whether the address names it.
    columns = {
        column: query[name]
        for name, column in (("plan", "decision_plan"), ("stage", "stage"), ("tier", "tier"))
        if name in query
    }
    band = query.get("band", "")
    number = int(band) if band.isascii() and band.isdigit() else None
    rows = queries.recipients(data.economics, band=number, **columns)
    files = {"": lambda: panels.WHO.sheet(panels.recipient(data, row) for row in rows)}
    if file := exports.requested(request, files, f"plans-{data.entry.id}-{data.day}"):
        return file
    shown = Paginator(rows, PAGE_SIZE).get_page(query.get("page"))
    # Only the rows of the page are named: a list can hold a million.
    shown.object_list = [panels.recipient(data, row) for row in shown.object_list]
    plan = query.get("plan", "")
    context = {
        "entry": data.entry,
        "title": titles.plan_name(data.economics.plan(plan)) if plan else _("Who gets what"),
        "subtitle": tables.customers(len(rows)),
        "back": "#plans",
        "table": panels.WHO.show(shown),
    }
    return render(request, "economics/list.html", context)


@page("economics/moves/", "economics-moves", rule=SIGNED_IN)
def moved(request: HttpRequest) -> HttpResponse:
    """List every move from one stage to another."""
    data = _named(request)
    source, target = request.GET.get("source", ""), request.GET.get("target", "")
    rows = [
        {"customer_id": customer, "on": on, "days": days, "url": data.customer(customer)}
        for customer, on, days in queries.moved(data.con, data.economics, source, target)
    ]
    files = {"": lambda: panels.MOVED.sheet(rows)}
    if file := exports.requested(request, files, f"moves-{data.entry.id}-{data.day}"):
        return file
    context = {
        "entry": data.entry,
        "title": f"{data.entry.stage_name(source)} → {data.entry.stage_name(target)}",
        "subtitle": titles.moves(len(rows)),
        "back": "#matrix",
        "table": panels.MOVED.show(Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))),
    }
    return render(request, "economics/list.html", context)


@page("economics/choose/", "economics-choose", rule=SIGNED_IN, methods=("GET", "POST"))
def choose(request: HttpRequest) -> HttpResponse:
    """Show every option of one customer with its numbers, and store the decision."""
    data = _named(request)
    form_or_address = request.POST if request.method == "POST" else request.GET
    standing = queries.standing(data.economics, form_or_address.get("customer", ""))
    if standing is None:
        raise Http404
    if request.method == "POST":
        return _decide(request, data, standing)
    return render(request, "economics/choose.html", _options(data, standing))


def _decide(request: HttpRequest, data: StageEconomics, standing: queries.ChoiceStanding) -> HttpResponse:
    author, given = cast("User", request.user), request.POST
    if "back" in given:
        actions.take_back(data.entry.id, standing.customer_id, author)
        messages.success(request, _("The general choice holds for this customer again."))
        return redirect(data.address("economics-choose", customer=standing.customer_id))
    try:
        due_on = date.fromisoformat(given["due_on"]) if given.get("due_on") else None
        actions.decide(
            data.economics,
            standing,
            given.get("plan", ""),
            owner=given.get("owner", "").strip(),
            due_on=due_on,
            note=" ".join(given.get("note", "").split()),
            author=author,
        )
    except TenureError as error:
        messages.error(request, error.say())
    except ValueError:
        messages.error(request, _("The due day cannot be read. Write it as 2026-11-30, or leave it empty."))
    else:
        messages.success(request, _("Saved. The budget by stage counts it, and it is listed among the tasks."))
        return redirect(data.address("economics-choose", customer=standing.customer_id))
    return render(request, "economics/choose.html", _options(data, standing, given), status=400)


def _options(
    data: StageEconomics, standing: queries.ChoiceStanding, given: Mapping[str, str] | None = None
) -> dict[str, Any]:
    chosen = queries.chosen(data.entry.id, standing.customer_id)
    values = given or {name: getattr(chosen, name, "") or "" for name in ("owner", "due_on", "note")}
    return {
        "entry": data.entry,
        "day": data.day,
        "standing": standing,
        "stage": data.entry.stage_name(standing.stage),
        "family": data.entry.family(standing.stage),
        "tier": titles.tier_name(standing.tier),
        "person": profile.profile(data.con, standing.customer_id),
        "chosen": chosen,
        "options": panels.OPTIONS.show(panels.options(data, standing, chosen)),
        "fields": [
            Input("owner", _("Owner"), values.get("owner", "")),
            Input("due_on", _("Due day"), values.get("due_on", ""), "date"),
            Input("note", _("Note"), values.get("note", ""), grow=True),
        ],
        "history": panels.HISTORY.show(queries.history(data.entry.id, standing.customer_id)),
        "horizon": data.report["horizon_days"],
    }
