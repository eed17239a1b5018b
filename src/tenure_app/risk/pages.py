"""Early warnings: who may leave, why, how much is at stake, who looks after it and until when; decline; settlement."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template import Context
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.columns import value_name
from tenure.risk.signals import SIGNALS
from tenure_app.core import conf
from tenure_app.customers.query import customers_url
from tenure_app.risk import actions, declining, figures, queries, tables
from tenure_app.risk.queries import ALL, HANDLED, NO_OWNER, OPEN, STATES, WarnedCustomer, WarningQuery
from tenure_app.web import exports
from tenure_app.web.figures import sheets
from tenure_app.web.filters import Chip, FilterForm, Select
from tenure_app.web.formats import number, percent
from tenure_app.web.layout import as_of, business
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.tables import SqlRows
from tenure_app.web.templatetags.tenure import here

if TYPE_CHECKING:
    import duckdb
    from django.contrib.auth.models import User
    from django.http import QueryDict

LINES, ROWS = 20, 50  # of a page
#: How many days "due soon" looks ahead.
SOON = 7
#: Customers of a section below the list.
FIRST = 8


# The list of warnings


@page("risk/", "risk", rule=SIGNED_IN)
def risk(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    if not queries.ready(con):
        return render(request, "risk/empty.html", {"title": _("Early warning")})
    day = queries.as_of(con)
    query, data = _query(request, day), figures.Risk(con, day)
    files = {"": lambda: tables.WARNED_SIGNALS.sheet(tables.signals_of(queries.find(con, query)))}
    file = exports.requested(request, files, f"warnings-{day}")
    if file := file or exports.requested(request, sheets(figures.FIGURES, data), day):
        return file
    people, stake = queries.total(con, query)
    rows = SqlRows(people, lambda start, count: list(queries.find(con, query, start, count)))
    lines = Paginator(rows, LINES).get_page(request.GET.get("page"))
    context = {
        "title": _("Early warning"),
        "day": day,
        "total": people,
        "stake": stake,
        "form": _form(request, con, query),
        "narrowed": query != WarningQuery(),
        "warnings": tables.WARNINGS.show(lines),
        "figures": [figure.show(data) for figure in figures.FIGURES if figure is not figures.SILENCE or data.silence],
        "gates": _missing(data.report("summary")),
        "declining": _declining(con, data),
        "fatigue": data.report("fatigue"),
        "fatigue_url": customers_url(day, warning_signals="fatigue"),
        "churn": _churn(data),
    }
    return render(request, "risk/page.html", context)


def _query(request: HttpRequest, day: date | None) -> WarningQuery:
    """Return which warnings the address asks for; what means nothing restricts nothing."""
    signal, state = request.GET.get("signal", ""), request.GET.get("state", OPEN)
    return WarningQuery(
        signal if signal in SIGNALS else "",
        request.GET.get("owner", ""),
        state if state in STATES else OPEN,
        day + timedelta(days=SOON) if request.GET.get("due") == "soon" and day else None,
    )


def _form(request: HttpRequest, con: duckdb.DuckDBPyConnection, query: WarningQuery) -> FilterForm:
    signals = [(code, value_name("warning_signals", code)) for code in SIGNALS]
    owners = [(NO_OWNER, _("No owner")), *((name, name) for name in queries.owners(con))]
    states = [(OPEN, _("To be dealt with")), (HANDLED, _("Dealt with")), (ALL, _("All"))]
    soon = [("soon", _("due within %(days)s days") % {"days": SOON})]
    fields = (
        Select("signal", _("Signal"), signals, query.signal, any=_("All"), submits=True, grow=True),
        Select("owner", _("Owner"), owners, query.owner, any=_("All"), submits=True),
        Select("state", _("Dealt with or not"), states, query.state, submits=True),
        Select("due", _("Due on"), soon, "soon" if query.due_by else "", any=_("Any day"), submits=True),
    )
    used = [field for field in fields if field.value and (field.name, field.value) != ("state", OPEN)]
    context = Context({"request": request})
    chips = [
        Chip(dict(field.options).get(field.value, field.value), here(context, page=None, **{field.name: None}))
        for field in used
    ]
    return FilterForm(_("Filter warnings"), fields, chips=chips, button=False)


def _declining(con: duckdb.DuckDBPyConnection, data: figures.Risk) -> dict[str, object] | None:
    """Return the answers to whether customers decline, the first who do, and how good the test behind it is."""
    if not declining.ready(con):
        return None
    counts, report = declining.answers(con), data.report("decline")
    shown = declining.YES if counts[declining.YES] else declining.UNKNOWN
    table = tables.DECLINING.only(lambda column: column.name != "answer")
    rows = declining.find(con, shown, 0, FIRST)
    return {
        "count": counts[declining.YES],
        "answers": [(code, name, counts[code]) for code, name in tables.ANSWERS.items()],
        "table": table.show(rows) if rows else None,
        "test": _decline_test(report.get("test")),
        "any_total": bool(report.get("total_known")),
    }


def _churn(data: figures.Risk) -> list[dict[str, object]]:
    """Return the report of churn, a kind of it a row; empty where none was fitted."""
    names = {"contract": _("Ending contracts"), "silence": _("Customers who stop ordering")}
    return [
        {**body, "name": names[kind], "url": customers_url(data.day, churn_kind=kind, churn_level="high")}
        for kind, body in data.report("churn").get("kinds", {}).items()
    ]


def _missing(summary: dict[str, Any]) -> list[str]:
    lines = []
    for gate in summary.get("gates", ()):
        count = int(gate["needed"])
        text = ngettext(
            "It needs %(needed)s day of facts, there are %(found)s.",
            "It needs %(needed)s days of facts, there are %(found)s.",
            count,
        )
        if gate["name"] == "buyers":
            text = ngettext(
                "It needs %(needed)s buyer, there are %(found)s.",
                "It needs %(needed)s buyers, there are %(found)s.",
                count,
            )
        if gate["found"] < gate["needed"]:
            lines.append(text % {"needed": number(gate["needed"]), "found": number(gate["found"])})
    return lines


def _decline_test(test: dict[str, Any] | None) -> list[str]:
    """Return how sure it is that single customers decline, in sentences."""
    if not test:
        return []
    words = {"tested": number(test["tested"]), "named": number(test["named"]), "level": percent(test["level"])}
    first = _(
        "Of %(tested)s customers whose past is long enough, %(named)s ordered on fewer of the last %(window)s days "
        "than chance explains. Of these, %(level)s at most are false alarms."
    )
    lines = [first % {**words, "window": test["window"]}]
    for item in test["power"]:
        words = {"drop": percent(item["drop"]), "part": percent(item["power"])}
        lines.append(_("A fall of %(drop)s would be detected in %(part)s.") % words)
    expected, actual = test["expected_orders"], test["found_orders"]
    if expected:
        text = _(
            "All together: %(actual)s order days, where %(expected)s were expected (%(change)s). If the whole shop "
            "moves, it is the season or the market, not single customers."
        )
        words = {"actual": number(actual, 0), "expected": number(expected, 0), "change": percent(actual / expected - 1)}
        lines.append(text % words)
    return lines


# One line


@page("risk/line", "risk-line", rule=SIGNED_IN)
def line(request: HttpRequest) -> HttpResponse:
    """Answer a line, with its form open unless it is being closed."""
    con = conf.connection()
    open_form = "close" not in request.GET
    return _line(request, con, open=open_form, owners=queries.owners(con) if open_form else ())


@page("risk/assign", "risk-assign", rule=SIGNED_IN, methods=("POST",))
def assign(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    customer, given = _customer(con, request.POST), request.POST.get("due_on")
    try:
        due = date.fromisoformat(given) if given else None
    except ValueError:
        wrong = _("This is not a valid date. Write it like 2026-12-31.")
        return _line(request, con, open=True, owners=queries.owners(con), wrong=wrong)
    owner, note = request.POST.get("owner", "").strip()[:120], request.POST.get("note", "").strip()[:500]
    actions.assign(customer, owner, due, note, cast("User", request.user))
    return _line(request, con)


@page("risk/handle", "risk-handle", rule=SIGNED_IN, methods=("POST",))
def handle(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    customer = _customer(con, request.POST)
    if customer.day is None:
        raise Http404
    actions.handle(customer, customer.day, cast("User", request.user))
    return _line(request, con)


@page("risk/reopen", "risk-reopen", rule=SIGNED_IN, methods=("POST",))
def reopen(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    actions.reopen(_customer(con, request.POST), cast("User", request.user))
    return _line(request, con)


def _customer(con: duckdb.DuckDBPyConnection, form: QueryDict) -> WarnedCustomer:
    """Return the customer that a form names, with the signals of its line: what is decided holds for these only."""
    query = WarningQuery(customer=form.get("customer", ""), state=ALL)
    customer = next(queries.find(con, query, limit=1), None) if query.customer else None
    if customer is None:
        raise Http404
    shown = form.get("signals", "").split(",")
    return replace(customer, signals=tuple(s for s in customer.signals if s.signal in shown) or customer.signals)


def _line(request: HttpRequest, con: duckdb.DuckDBPyConnection, **state: Any) -> HttpResponse:
    customer = _customer(con, request.POST if request.method == "POST" else request.GET)
    shown = tables.WARNINGS.show([replace(customer, **state)])
    return HttpResponse(shown.body({"request": request, "business": business(), "csrf_token": get_token(request)}))


# Decline and settlement


@page("risk/decline/", "risk-decline", rule=SIGNED_IN)
def decline(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    if not (queries.ready(con) and declining.ready(con)):
        return render(request, "risk/empty.html", {"title": _("Decline")})
    answer = request.GET.get("answer", declining.YES)
    answer = answer if answer in declining.ANSWERS else ""
    every = {"": lambda: tables.DECLINING.sheet(declining.find(con, answer))}
    if file := exports.requested(request, every, f"decline-{answer or 'all'}"):
        return file
    counts, selected = declining.answers(con), request.GET.get("customer")
    total = counts[answer] if answer else sum(counts.values())
    shown = Paginator(SqlRows(total, partial(declining.find, con, answer)), ROWS).get_page(request.GET.get("page"))
    named = declining.find(con, customer=selected) if selected else []
    customer = next(iter([*named, *(row for row in shown if row["wallet_share"])]), None)
    day = queries.as_of(con) or as_of(request)
    wallet: dict[str, Any] = {"rows": []}
    if customer:
        name = customer["name"] or customer["customer_id"]
        wallet = {"name": name, "rows": declining.wallet(customer["customer_id"], day)}
        if file := exports.requested(request, sheets([figures.WALLET], wallet), customer["customer_id"]):
            return file
    context = {
        "title": _("Decline and share of wallet"),
        "day": day,
        "total": total,
        "table": tables.DECLINING.show(shown),
        "answer": answer,
        "answers": [(code, name, counts[code]) for code, name in tables.ANSWERS.items()],
        "wallet": figures.WALLET.show(wallet) if wallet["rows"] else None,
    }
    return render(request, "risk/decline.html", context)


@page("risk/settlement/", "risk-settlement", rule=SIGNED_IN)
def settlement(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    if not queries.ready(con):
        return render(request, "risk/empty.html", {"title": _("Settlement")})
    day = as_of(request)
    rows = declining.unsettled(con, day)
    if file := exports.requested(request, {"": lambda: tables.UNSETTLED.sheet(rows)}, f"settlement-{day}"):
        return file
    context = {
        "title": _("Settlement"),
        "day": day,
        "table": tables.UNSETTLED.show(Paginator(rows, ROWS).get_page(request.GET.get("page"))),
        "total": len(rows),
        "receivable": sum(row["receivable"] or 0 for row in rows),
        "payable": sum(row["payable"] or 0 for row in rows),
        "days": declining.STOPPED,
        **declining.stopped(con, day),
    }
    return render(request, "risk/settlement.html", context)
