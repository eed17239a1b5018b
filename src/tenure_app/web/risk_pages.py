"""Early warnings: who may leave, why, how much is at stake, who takes care and until when; then what lies behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.columns import value_name as name_of
from tenure.risk.signals import SIGNALS
from tenure.words import sentences
from tenure_app.core import conf
from tenure_app.risk import actions, queries
from tenure_app.risk.queries import ALL, HANDLED, NOBODY, OPEN, STATES, Asked, Warned
from tenure_app.web import exports, risk_behind
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb
    from django.contrib.auth.models import User

PAGE = 20
#: How many days "due soon" looks ahead.
SOON = 7
#: How many reasons a line shows before it is opened.
GLANCE = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One customer of the list, in words."""

    warned: Warned
    reasons: list[tuple[str, str, str]]  # signal's id, its name, its evidence
    overdue: bool
    shown: str  # the signals of this line, with commas: what is decided holds for them

    @property
    def first(self) -> list[tuple[str, str, str]]:
        """The most telling reasons, which are read at a glance."""
        return self.reasons if len(self.reasons) <= GLANCE + 1 else self.reasons[:GLANCE]

    @property
    def others(self) -> list[tuple[str, str, str]]:
        """The other reasons."""
        return self.reasons[len(self.first) :]


class _People:
    """The customers of a choice, read page by page."""

    def __init__(self, con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
        self.con, self.asked = con, asked
        self.total = queries.count(con, asked)

    def count(self) -> int:
        return self.total

    def __len__(self) -> int:
        return self.total

    def __getitem__(self, part: slice) -> list[Warned]:
        return queries.find(self.con, self.asked, part.start or 0, (part.stop or 0) - (part.start or 0))


def _line(warned: Warned, day: date | None) -> Line:
    reasons = [
        (sign.signal, name_of("warning_signals", sign.signal), sentences(sign.evidence)) for sign in warned.signs
    ]
    late = bool(warned.due_on and day and warned.due_on < day and not warned.handled_as_of)
    return Line(warned, reasons, late, ",".join(sign.signal for sign in warned.signs))


def _asked(request: HttpRequest, day: date | None) -> Asked:
    """Return which warnings the address asks for; what means nothing restricts nothing."""
    signal, state = request.GET.get("signal", ""), request.GET.get("state", OPEN)
    return Asked(
        signal if signal in SIGNALS else "",
        request.GET.get("owner", ""),
        state if state in STATES else OPEN,
        day + timedelta(days=SOON) if request.GET.get("due") == "soon" and day else None,
    )


@page("risk/", "risk", rule=SIGNED_IN)
def risk(request: HttpRequest) -> HttpResponse:
    """Show the list of warnings and what lies behind it."""
    con = conf.connection()
    if not queries.ready(con):
        return render(request, "tenure_app/risk/empty.html", {"title": _("Early warning")})
    day = queries.seen_on(con)
    asked = _asked(request, day)
    download = _DOWNLOADS.get(request.GET.get("format", ""))
    if download:
        return download(con, asked, day)
    behind = risk_behind.DOWNLOADS.get(request.GET.get("format", ""))
    if behind:
        return behind(con, day)
    people: Page[Warned] = Paginator(cast("Any", _People(con, asked)), PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Early warning"),
        "day": day, "asked": asked, "page": people, "total": people.paginator.count,
        "lines": [_line(person, day) for person in people],
        "stake": queries.at_stake(con, asked),
        "signals": [(code, name_of("warning_signals", code)) for code in SIGNALS],
        "owners": queries.owners(con), "states": _states(), "nobody": NOBODY, "due": request.GET.get("due") == "soon",
        "soon": SOON, "narrowed": asked != Asked(),
        "chips": _chips(request, asked),
        **risk_behind.sections(con, day),
    }  # fmt: skip
    return render(request, "tenure_app/risk/page.html", context)


def _states() -> list[tuple[str, str]]:
    return [(OPEN, _("To be dealt with")), (HANDLED, _("Dealt with")), (ALL, _("All"))]


def _chips(request: HttpRequest, asked: Asked) -> list[tuple[str, str]]:
    """Return the filters in force, each with the address without it."""
    said = {
        "signal": name_of("warning_signals", asked.signal),
        "owner": _("nobody takes care") if asked.owner == NOBODY else asked.owner,
        "state": "" if asked.state == OPEN else dict(_states())[asked.state],
        "due": _("due within %(days)s days") % {"days": SOON} if asked.due_by else "",
    }
    chips = []
    for name, text in said.items():
        kept = {key: value for key, value in request.GET.items() if key not in (name, "page")}
        if text:
            chips.append((text, f"{reverse('risk')}?{urlencode(kept)}"))
    return chips


# Files


def _heads() -> list[str]:
    return [
        _("Customer id"), _("Name"), _("Signal"), _("Why"), _("Since"), _("Score of the signal"), _("Warning score"),
        _("Value at stake"), _("Days until a worse stage"), _("Owner"), _("Due on"), _("Dealt with on"), _("Note"),
    ]  # fmt: skip


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[list[Any]]:
    for one in queries.everybody(con, asked):
        for sign in one.signs:
            yield [
                one.customer_id, one.name, name_of("warning_signals", sign.signal), sentences(sign.evidence),
                sign.since, round(sign.score, 4), round(one.score, 4),
                None if one.value_at_stake is None else round(one.value_at_stake, 2), one.lead_days, one.owner,
                one.due_on, one.handled_as_of, one.note,
            ]  # fmt: skip


def _csv(con: duckdb.DuckDBPyConnection, asked: Asked, day: date | None) -> HttpResponse:
    return exports.csv_file(f"warnings-{day}", exports.Sheet("", _heads(), _rows(con, asked)))


def _excel(con: duckdb.DuckDBPyConnection, asked: Asked, day: date | None) -> HttpResponse:
    return exports.excel_file(f"warnings-{day}", exports.Sheet("", _heads(), _rows(con, asked)))


_DOWNLOADS = {"csv": _csv, "xlsx": _excel}


# One line


def _found(con: duckdb.DuckDBPyConnection, words: Any) -> Warned:
    """Return the customer that a form names, with the signals of its line."""
    customer, signals = words.get("customer", ""), words.get("signals", "").split(",")
    every = queries.find(con, Asked(customer=customer, state=ALL))
    if not every:
        raise Http404
    one = every[0]
    return replace(one, signs=tuple(sign for sign in one.signs if sign.signal in signals) or one.signs)


def _answer(request: HttpRequest, con: duckdb.DuckDBPyConnection, *, open_form: bool = False) -> HttpResponse:
    """Answer one line as it is now; without htmx go back to the list."""
    words = request.POST if request.method == "POST" else request.GET
    day = queries.seen_on(con)
    shown = _found(con, words)
    state = {"line": _line(shown, day), "open": open_form, "owners": queries.owners(con) if open_form else ()}
    return render(request, "tenure_app/risk/line.html", state)


@page("risk/line", "risk-line", rule=SIGNED_IN)
def line(request: HttpRequest) -> HttpResponse:
    """Answer a line, with its form open unless it is being closed."""
    return _answer(request, conf.connection(), open_form="close" not in request.GET)


@page("risk/assign", "risk-assign", rule=SIGNED_IN, methods=("POST",))
def assign(request: HttpRequest) -> HttpResponse:
    """Give a customer's warnings to somebody, until a day."""
    con = conf.connection()
    warned = _found(con, request.POST)
    try:
        due = date.fromisoformat(request.POST.get("due_on", "")) if request.POST.get("due_on") else None
    except ValueError:
        state = {
            "line": _line(warned, queries.seen_on(con)), "open": True, "owners": queries.owners(con),
            "wrong": _("This is no day. Write it like 2026-12-31."),
        }  # fmt: skip
        return render(request, "tenure_app/risk/line.html", state)
    owner, note = request.POST.get("owner", "").strip()[:120], request.POST.get("note", "").strip()[:500]
    actions.assign(warned, owner, due, note, cast("User", request.user))
    return _answer(request, con)


@page("risk/handle", "risk-handle", rule=SIGNED_IN, methods=("POST",))
def handle(request: HttpRequest) -> HttpResponse:
    """Mark a customer's warnings as dealt with."""
    con = conf.connection()
    warned, day = _found(con, request.POST), queries.seen_on(con)
    if day is None:
        raise Http404
    actions.handle(warned, day, author=cast("User", request.user))
    return _answer(request, con)


@page("risk/reopen", "risk-reopen", rule=SIGNED_IN, methods=("POST",))
def reopen(request: HttpRequest) -> HttpResponse:
    """Take back that they were dealt with."""
    con = conf.connection()
    warned = _found(con, request.POST)
    actions.reopen(warned.customer_id, [sign.signal for sign in warned.signs], cast("User", request.user))
    return _answer(request, con)
