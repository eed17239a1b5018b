"""Economics: who goes where, what a stage brings, what a move is worth, and whom to invest in again or to let go."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from tenure.errors import TenureError
from tenure_app.core import conf
from tenure_app.customers import profile
from tenure_app.economics import actions, queries
from tenure_app.lifecycle import catalogue
from tenure_app.lifecycle.figures import PERIODS
from tenure_app.lifecycle.pages import chosen_entry, period
from tenure_app.web import economics_form, economics_said, exports
from tenure_app.web import economics_parts as parts
from tenure_app.web.economics_parts import Page
from tenure_app.web.economics_tables import TABLES, Table, moved_table, who_table
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from tenure_app.lifecycle.catalogue import Entry

_PAGE = 50


@page("economics/", "economics", rule=SIGNED_IN)
def economics(request: HttpRequest) -> HttpResponse:
    """Show the economics of one model, or one of its tables as a file."""
    page = _page(request)
    if page is None:
        return render(request, "tenure_app/economics/empty.html", {"title": _("Economics")})
    asked = request.GET.get("format", "")
    name, _dot, kind = asked.partition(".")
    if name in TABLES and kind in ("csv", "xlsx"):
        return _file(f"{name}-{page.entry.id}-{page.day}", kind, TABLES[name](page))
    return render(request, "tenure_app/economics/page.html", _context(page))


def _page(request: HttpRequest) -> Page | None:
    con = conf.connection()
    if not (profile.has(con, "spans") and profile.has(con, "scorecard")):
        return None
    entries = _entries(con)
    entry = chosen_entry(request, entries)
    found = queries.economics_of(con, entry) if entry else None
    return Page(con, entry, found, period(request, 90)) if entry and found else None


def _entries(con: Any) -> dict[str, Entry]:
    return {key: entry for key, entry in catalogue.catalogue(con).items() if entry.fits and entry.customers}


def _context(page: Page) -> dict[str, Any]:
    return {
        "page": page, "entry": page.entry, "entries": list(_entries(page.con).values()), "body": page.body,
        "day": page.day, "days": page.days, "periods": PERIODS,
        "stages": parts.stages(page), "matrix": parts.matrix(page), "moves": parts.moves(page),
        "stays": parts.stays(page), "worth": parts.worth(page), "checks": parts.checks(page),
        "plans": parts.plans(page), "chosen": parts.chosen(page), "budget": parts.budget(page),
        "decided": parts.decided(page),
    }  # fmt: skip


def _file(name: str, kind: str, table: Table) -> HttpResponse:
    sheet = exports.Sheet("", table.heads, table.rows)
    return exports.csv_file(name, sheet) if kind == "csv" else exports.excel_file(name, sheet)


@page("economics/plans/", "economics-plans", rule=SIGNED_IN, methods=("POST",))
def save_plans(request: HttpRequest) -> HttpResponse:
    """Put other costs, effects, capacities and another budget in force."""
    page = _of(request)
    if "reset" in request.POST:
        actions.reset_book(page.entry.id)
        messages.success(request, _("The plans are those assumed of the model again."))
        return redirect(page.to("economics") + "#plans")
    try:
        book = economics_form.read_book(request.POST, page.found)
        actions.save_book(page.found, book, cast("User", request.user))
    except TenureError as wrong:
        messages.error(request, wrong.say())
        context = {**_context(page), "given": request.POST}
        return render(request, "tenure_app/economics/page.html", context, status=400)
    messages.success(request, _("Saved. Refreshes and the command line reckon with these plans from now on."))
    return redirect(page.to("economics") + "#plans")


def _of(request: HttpRequest) -> Page:
    """Return the page of the model that a request names; there is no other to fall back on.

    Raises
    ------
    Http404
        When the model has no stages here.
    """
    con = conf.connection()
    words = request.POST if request.method == "POST" else request.GET
    entry = _entries(con).get(words.get("model", "")) if profile.has(con, "spans") else None
    found = queries.economics_of(con, entry) if entry else None
    if entry is None or found is None:
        raise Http404
    return Page(con, entry, found, period(request, 90))


@page("economics/who/", "economics-who", rule=SIGNED_IN)
def who(request: HttpRequest) -> HttpResponse:
    """List the customers for whom a plan was chosen, or of one stage, tier and time in it."""
    page = _of(request)
    rows = _who(page, request)
    kind = request.GET.get("format", "")
    if kind in ("csv", "xlsx"):
        return _file(f"plans-{page.entry.id}-{page.day}", kind, who_table(page, rows))
    shown = Paginator(rows, _PAGE).get_page(request.GET.get("page"))
    plan = request.GET.get("plan", "")
    context = {
        "page_of": page, "entry": page.entry, "shown": shown, "count": len(rows), "plan": plan,
        "name": economics_said.plan_name(page.found.plan(plan)) if plan else "",
        "rows": [
            {**one, "name": page.entry.stage_name(one["stage"]), "family": page.entry.family(one["stage"]),
             "tier_name": economics_said.tier_name(one["tier"]),
             "kind": economics_said.kind_name(one["decision"]),
             "plan": economics_said.plan_name(page.found.plan(one["decision_plan"])),
             "url": page.to("economics-choose", customer=one["customer_id"])}
            for one in shown.object_list
        ],
    }  # fmt: skip
    return render(request, "tenure_app/economics/who.html", context)


def _who(page: Page, request: HttpRequest) -> list[dict[str, Any]]:
    import numpy as np
    import pyarrow.compute as pc

    from tenure.economics.weekly import BAND_OF

    table = queries.everybody(page.found)
    table = table.filter(pc.is_valid(table.column("stage")))
    for name, column in (("plan", "decision_plan"), ("stage", "stage"), ("tier", "tier")):
        if name in request.GET:
            table = table.filter(pc.equal(table.column(column), request.GET[name]))
    band = request.GET.get("band", "")
    if band.isascii() and band.isdigit():
        weeks = np.clip(table.column("weeks").to_numpy(), 0, len(BAND_OF) - 1).astype(np.int64)
        table = table.filter(BAND_OF[weeks] == int(band))
    order = [("decision_profit", "descending"), ("customer_id", "ascending")]
    rows: list[dict[str, Any]] = table.sort_by(order).to_pylist()
    return rows


@page("economics/moves/", "economics-moves", rule=SIGNED_IN)
def moved(request: HttpRequest) -> HttpResponse:
    """List every move from one stage to another."""
    page = _of(request)
    source, target = request.GET.get("source", ""), request.GET.get("target", "")
    kind = request.GET.get("format", "")
    if kind in ("csv", "xlsx"):
        return _file(f"moves-{page.entry.id}-{page.day}", kind, moved_table(page, source, target))
    rows = queries.moved(page.con, page.found, source, target)
    context = {
        "entry": page.entry, "page_of": page, "count": len(rows),
        "shown": Paginator(rows, _PAGE).get_page(request.GET.get("page")),
        "from": page.entry.stage_name(source), "to": page.entry.stage_name(target),
        "from_family": page.entry.family(source), "to_family": page.entry.family(target),
    }  # fmt: skip
    return render(request, "tenure_app/economics/moves.html", context)


@page("economics/choose/", "economics-choose", rule=SIGNED_IN, methods=("GET", "POST"))
def choose(request: HttpRequest) -> HttpResponse:
    """Show every option of one customer with its numbers, and store what is chosen."""
    page = _of(request)
    words = request.POST if request.method == "POST" else request.GET
    customer = words.get("customer", "")
    standing = queries.standing(page.found, customer)
    if standing is None:
        raise Http404
    if request.method == "POST":
        return _store(request, page, standing)
    return render(request, "tenure_app/economics/choose.html", _choice_context(page, standing))


def _store(request: HttpRequest, page: Page, standing: queries.Standing) -> HttpResponse:
    author = cast("User", request.user)
    if "back" in request.POST:
        actions.take_back(page.entry.id, standing.customer_id, author)
        messages.success(request, _("The general choice holds for this customer again."))
        return redirect(page.to("economics-choose", customer=standing.customer_id))
    try:
        due_on = date.fromisoformat(request.POST["due_on"]) if request.POST.get("due_on") else None
        actions.decide(
            page.found, standing, request.POST.get("plan", ""), owner=request.POST.get("owner", "").strip(),
            due_on=due_on, note=" ".join(request.POST.get("note", "").split()), author=author,
        )  # fmt: skip
    except TenureError as wrong:
        messages.error(request, wrong.say())
    except ValueError:
        messages.error(request, _("The due day cannot be read. Write it as 2026-11-30, or leave it empty."))
    else:
        messages.success(request, _("Stored. The budget by stage counts it, and it stands among the tasks."))
        return redirect(page.to("economics-choose", customer=standing.customer_id))
    context = {**_choice_context(page, standing), "given": request.POST}
    return render(request, "tenure_app/economics/choose.html", context, status=400)


def _choice_context(page: Page, standing: queries.Standing) -> dict[str, Any]:
    options = [
        {**option, "id": (option["plan"] or {}).get("id", "nothing"), "name": economics_said.plan_name(option["plan"]),
         "kind_name": economics_said.kind_name(option["kind"]), "assumed": bool((option["plan"] or {}).get("assumed")),
         "spend": max(option["cost"], 0.0), "saves": max(-option["cost"], 0.0),
         "effect": (option["plan"] or {}).get("effect"),
         "target": economics_said.aim(page.entry, option["plan"]["target"]) if option["plan"] else ""}
        for option in standing.options
    ]  # fmt: skip
    return {
        "page_of": page, "entry": page.entry, "standing": standing, "options": options, "day": page.day,
        "stage": page.entry.stage_name(standing.stage), "family": page.entry.family(standing.stage),
        "tier": economics_said.tier_name(standing.tier), "person": profile.profile(page.con, standing.customer_id),
        "chosen": queries.chosen(page.entry.id, standing.customer_id),
        "history": [
            (one, economics_said.kind_name(one.kind)) for one in queries.history(page.entry.id, standing.customer_id)
        ],
        "horizon": page.body["horizon_days"],
    }  # fmt: skip
