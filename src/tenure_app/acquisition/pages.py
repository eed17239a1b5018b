"""The pages of first contact: the funnel with what goes with it, the people behind its numbers, closing windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.acquisition import funnel, windows
from tenure.acquisition.funnel import WHICH, PeopleQuery
from tenure.acquisition.scoring import STEPS
from tenure.errors import TenureError
from tenure.words.formats import month
from tenure_app.acquisition import actions, figures, queries, tables
from tenure_app.acquisition.figures import FirstContacts, kind_words
from tenure_app.core import conf
from tenure_app.customers.profile import report
from tenure_app.web import exports
from tenure_app.web.figures import sheets
from tenure_app.web.filters import FilterForm, Input, Select
from tenure_app.web.formats import day, percent
from tenure_app.web.layout import as_of
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.tables import SqlRows

if TYPE_CHECKING:
    from datetime import date

    import duckdb

    from tenure.acquisition.contacts import Contacts

ROWS = 50  # of a page
#: People of the section of closing windows.
FIRST = 8


@page("first-contact/", "first-contact", rule=SIGNED_IN)
def first_contact(request: HttpRequest) -> HttpResponse:
    contacts = queries.contacts_on(conf.connection(), as_of(request))
    if contacts is None or contacts.edges() is None:
        return _empty(request, contacts)
    data, known = _data(request, contacts)
    if file := exports.requested(request, sheets(figures.FIGURES, data), contacts.day):
        return file
    since, until = queries.days_of("", "", contacts.day, windows.WEEK)
    context = {
        "title": _("First contact"),
        "day": contacts.day,
        "known": known,
        "form": _form(request, data),
        "figures": [figure.show(data) for figure in figures.FIGURES if figure.name != "factor" or data.groups],
        "closing": windows.count(contacts, since, until),
        "closing_table": _closing_table(windows.closing(contacts, since, until, limit=FIRST)),
        "repurchase": _repurchase(contacts),
        "options": contacts.options,
    }
    return render(request, "acquisition/page.html", context)


def _empty(request: HttpRequest, contacts: Contacts | None) -> HttpResponse:
    """Say what is missing: a refresh, or contacts before the first order."""
    return render(
        request, "acquisition/empty.html", {"title": _("First contact"), "stale": contacts and not contacts.ready}
    )


def _data(request: HttpRequest, contacts: Contacts) -> tuple[FirstContacts, bool]:
    address, model = request.GET, queries.funnel_model()
    period, known = queries.period_of(address.get("period", ""), contacts)
    step = address.get("step", "")
    kept = {name: address[name] for name in ("as_of", "period") if address.get(name)}
    data = FirstContacts(
        contacts, period, step if step in STEPS[1:] else _farthest(contacts), address.get("factor", ""),
        address.get("group", "channel"), queries.step_names(model), queries.families(model), kept,
    )  # fmt: skip
    if data.group not in data.decision["groups"]:
        data.group = next(iter(data.decision["groups"]), "")
    return data, known


def _farthest(contacts: Contacts) -> str:
    """Return the farthest step that anybody has reached: a shop without orders still has a funnel to look at."""
    places = contacts.rows("SELECT coalesce(max(step), 1) AS place FROM first_contacts")
    return STEPS[max(places[0]["place"], 1)]


def _form(request: HttpRequest, data: FirstContacts) -> FilterForm:
    months = queries.periods(data.contacts)
    options = {f"{item.since:%Y-%m}": month(item.since) for item in months}
    quarters = {f"{item.since.year}-Q{(item.since.month + 2) // 3}": "" for item in months}
    years = {f"{item.since.year}": "" for item in months}
    text = request.GET.get("period", "")
    choices = [*options.items(), *((name, name.replace("-", " ")) for name in (*quarters, *years))]
    if text and text not in dict(choices):
        choices.insert(0, (text, f"{day(data.period.since)} – {day(data.period.until)}"))
    steps = [(step, data.names.get(step, step)) for step in STEPS[1:]]
    return FilterForm(
        _("Choose a period"),
        (
            Select("period", _("First contact in"), choices, text, any=_("All"), submits=True, grow=True),
            Select("step", _("Counts as conversion"), steps, data.step, submits=True),
        ),
        hidden=[(name, request.GET[name]) for name in ("as_of", "factor", "group") if request.GET.get(name)],
        button=False,
    )


def _repurchase(contacts: Contacts) -> str:
    """Return the repurchase rate as the page Value has it: it is worked out there and nowhere else."""
    rate = report(contacts.con, "value.stickiness").get("repurchase_rate")
    return percent(rate) if rate is not None else ""


# The people behind a number


@page("first-contact/people/", "first-contact-people", rule=SIGNED_IN)
def people(request: HttpRequest) -> HttpResponse:
    contacts = queries.contacts_on(conf.connection(), as_of(request))
    if contacts is None or contacts.edges() is None:
        return _empty(request, contacts)
    period, _known = queries.period_of(request.GET.get("period", ""), contacts)
    step, which = request.GET.get("step", ""), request.GET.get("which", "")
    query = PeopleQuery(period, step if step in STEPS else STEPS[0], which if which in WHICH else WHICH[0])
    find = lambda offset=0, size=None: _staged(funnel.people(contacts, query, size, offset))  # noqa: E731
    name = f"{query.step}-{query.which}-{contacts.day}"
    if file := exports.requested(request, {"people": lambda: tables.PEOPLE.sheet(find())}, name):
        return file
    total = funnel.count(contacts, query)
    headings = {
        "reached": _("Reached “%(step)s”, first met from %(from)s to %(to)s"),
        "dropped": _("Dropped out before “%(step)s”, first met from %(from)s to %(to)s"),
        "now": _("In “%(step)s” now, first met from %(from)s to %(to)s"),
    }
    names = queries.step_names(queries.funnel_model())
    words = {"step": names.get(query.step, query.step), "from": day(period.since), "to": day(period.until)}
    context = {
        "title": headings[query.which] % words,
        "day": contacts.day,
        "total": total,
        "table": tables.PEOPLE.show(Paginator(SqlRows(total, find), ROWS).get_page(request.GET.get("page"))),
        "file": "people",
    }
    return render(request, "acquisition/list.html", context)


def _staged(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with their step named and coloured, and the kinds of interactions in words."""
    model = queries.funnel_model()
    names, families, plays = queries.step_names(model), queries.families(model), queries.plays(model)
    return [
        row
        | {"stage": names.get(row["step"], row["step"]), "family": families.get(row["step"], "")}
        | {"kind_name": kind_words(row.get("kind")), "touch": kind_words(row.get("touched_by"))}
        | {"suggested": next(iter(plays.get(row["step"], [])), "")}
        for row in rows
    ]


# Closing windows


@page("first-contact/windows/", "first-contact-windows", rule=SIGNED_IN)
def closing(request: HttpRequest) -> HttpResponse:
    contacts = queries.contacts_on(conf.connection(), as_of(request))
    if contacts is None or contacts.edges() is None:
        return _empty(request, contacts)
    since, until = queries.days_of(request.GET.get("from", ""), request.GET.get("to", ""), contacts.day, windows.WEEK)
    find = lambda offset=0, size=None: _staged(windows.closing(contacts, since, until, limit=size, offset=offset))  # noqa: E731
    if file := exports.requested(request, {"windows": lambda: tables.CLOSING.sheet(find())}, f"{since}-{until}"):
        return file
    total = windows.count(contacts, since, until)["people"]
    context = {
        "title": _("Windows that close from %(from)s to %(to)s") % {"from": day(since), "to": day(until)},
        "day": contacts.day,
        "total": total,
        "form": FilterForm(
            _("Choose days"),
            (Input("from", _("from"), since, "date"), Input("to", _("until"), until, "date")),
            hidden=[("as_of", request.GET["as_of"])] if request.GET.get("as_of") else (),
        ),
        "table": tables.CLOSING.show(Paginator(SqlRows(total, find), ROWS).get_page(request.GET.get("page"))),
        "file": "windows",
    }
    return render(request, "acquisition/list.html", context)


@page("customers/<path:customer_id>/notes/", "customer-notes", rule=SIGNED_IN, methods=("POST",))
def note(request: HttpRequest, customer_id: str) -> HttpResponse:
    """Write down a note on a customer, or take one back."""
    form = request.POST
    try:
        if form.get("what") == "withdraw":
            actions.withdraw_note(customer_id, form.get("note", ""))
            messages.success(request, _("The note was withdrawn."))
        else:
            values = (form.get(name, "") for name in ("topic", "text", "score", "day"))
            actions.add_note(customer_id, *values, by=request.user.get_username())
            messages.success(request, _("Saved. The customer was re-evaluated."))
    except TenureError as error:
        messages.error(request, error.say())
    return redirect(f"{reverse('customer', args=[customer_id])}#met")


def met(con: duckdb.DuckDBPyConnection, customer: str, day: date) -> dict[str, Any]:
    """Return what the customer's page says of the way to the first order: windows, notes, and what to note."""
    contacts = queries.contacts_on(con, day, customer)
    prospect = windows.of_customer(contacts, customer) if contacts and contacts.ready else None
    if prospect:
        prospect = _staged([prospect])[0]
        prospect["windows"] = [
            (name, tables.WINDOWS[name], prospect[f"{name}_closes_on"], tables.days_left(prospect[f"{name}_left"]))
            for name in windows.WINDOWS
        ]
    made = queries.notes(con, customer, day)
    by_kind = [(kind, KINDS_OF_NOTES[kind], [row for row in made if row["kind"] == kind]) for kind in KINDS_OF_NOTES]
    topics = [
        (KINDS_OF_NOTES[kind], options or [(f"{kind}/", _("Brand (name it beside)"))])
        for kind, options in queries.topics()
    ]
    return {
        "prospect": prospect,
        "notes": [group for group in by_kind if group[2]],
        "topics": topics,
        "day": contacts and contacts.day,
    }


#: What notes of each kind say, as headings.
KINDS_OF_NOTES = {
    "information_need": gettext_lazy("What they want to know"),
    "competing_brand": gettext_lazy("Whom else they consider"),
    "psychology": gettext_lazy("What drives them"),
    "brand_perception": gettext_lazy("How they see the brand"),
}


def _closing_table(rows: list[dict[str, Any]]) -> Any:
    return tables.CLOSING.show(_staged(rows)) if rows else None
