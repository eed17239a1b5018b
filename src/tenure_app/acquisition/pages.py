"""The pages of first contact: the funnel with its factors, the people behind its numbers, closing windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from tenure.acquisition import funnel, windows
from tenure.acquisition.contacts import NotEvaluated
from tenure.acquisition.funnel import MEASURES, PeopleQuery
from tenure.acquisition.scoring import STEPS
from tenure.errors import LakeError
from tenure.words.formats import month
from tenure_app.acquisition import figures, queries, tables
from tenure_app.acquisition.figures import FirstContacts
from tenure_app.customers.profile import report
from tenure_app.web import exports
from tenure_app.web.figures import sheets
from tenure_app.web.filters import FilterForm, Input, Select
from tenure_app.web.formats import day, percent
from tenure_app.web.layout import as_of
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.tables import Row, SqlRows, Table

if TYPE_CHECKING:
    from tenure.acquisition.contacts import Contacts

ROWS = 50  # of a page
#: People of the section of closing windows.
FIRST = 8

View = Callable[[HttpRequest, "Contacts"], HttpResponseBase]


def _with_contacts(view: View) -> Callable[[HttpRequest], HttpResponseBase]:
    """Give a view the first contacts of the day; without any, say what is missing."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponseBase:
        try:
            contacts = queries.contacts_on(as_of(request))
        except LakeError as error:
            return _empty(request, not_evaluated=isinstance(error, NotEvaluated))
        if contacts.edges() is None:
            return _empty(request, later_than=contacts.first_day() and contacts.day)
        return view(request, contacts)

    return answer


def _empty(request: HttpRequest, **reason: object) -> HttpResponse:
    return render(request, "acquisition/empty.html", {"title": _("First contact"), **reason})


@page("first-contact/", "first-contact", rule=SIGNED_IN)
@_with_contacts
def first_contact(request: HttpRequest, contacts: Contacts) -> HttpResponseBase:
    data, is_valid = _data(request, contacts)
    if file := exports.requested(request, sheets(figures.FIGURES, data), contacts.day):
        return file
    warnings = [data.step_labels.warning()] if data.step_labels.missing else []
    if not is_valid:
        warnings.append(_("The period in the address is not valid, so all first contacts are shown."))
    week = windows.week_from(contacts.day)
    closing = windows.closing(contacts, limit=FIRST)
    context = {
        "title": _("First contact"),
        "day": contacts.day,
        "warnings": warnings,
        "form": _form(request, data),
        "figures": [figure.show(data) for figure in figures.FIGURES if figure.name != "factor" or data.groups],
        "closing": windows.count(contacts, week.since, week.until),
        "closing_table": tables.CLOSING.show(tables.labelled(closing, data.step_labels)) if closing else None,
        "repurchase": _repurchase(contacts),
        "options": contacts.options,
    }
    return render(request, "acquisition/page.html", context)


def _data(request: HttpRequest, contacts: Contacts) -> tuple[FirstContacts, bool]:
    """Return what the page shows, and whether the period of its address is valid."""
    address = request.GET
    period, is_valid = queries.period_of(address.get("period", ""), contacts)
    step = address.get("step", "")
    kept = {name: address[name] for name in ("as_of", "period", "factor", "group") if address.get(name)}
    step = step if step in STEPS[1:] else _farthest(contacts)
    factor, group = address.get("factor", ""), address.get("group", "")
    return FirstContacts(contacts, period, step, factor, group, queries.steps(), kept), is_valid


def _farthest(contacts: Contacts) -> str:
    """Return the farthest step that anybody has reached: a shop without orders still has a funnel to look at."""
    places = contacts.rows("SELECT coalesce(max(step), 1) AS place FROM first_contacts")
    return STEPS[max(places[0]["place"], 1)]


def _form(request: HttpRequest, data: FirstContacts) -> FilterForm:
    months = [period.since for period in queries.months(data.contacts)]
    choices = [(f"{since:%Y-%m}", month(since)) for since in months]
    for since in months:
        quarter = f"{since.year}-Q{(since.month + 2) // 3}"
        names = {"year": since.year, "quarter": quarter[-1]}
        choices += [(quarter, _("Q%(quarter)s %(year)s") % names), (f"{since.year}", _("All of %(year)s") % names)]
    # Months, then quarters, then years, each once.
    choices = sorted(dict(choices).items(), key=lambda choice: (len(choice[0]) == 4, "Q" in choice[0]))
    text = request.GET.get("period", "")
    if text and text not in dict(choices):
        choices.insert(0, (text, f"{day(data.period.since)} – {day(data.period.until)}"))
    return FilterForm(
        _("Choose a period"),
        (
            Select("period", _("First contact in"), choices, text, any=_("All"), submits=True, grow=True),
            Select(
                "step",
                _("Counts as conversion"),
                [(step, data.step_name(step)) for step in STEPS[1:]],
                data.step,
                submits=True,
            ),
        ),
        hidden=[(name, value) for name, value in data.query.items() if name != "period"],
        button=False,
    )


def _repurchase(contacts: Contacts) -> str:
    """Return the repurchase rate as the page Value has it: it is worked out there and nowhere else."""
    rate = report(contacts.con, "value.stickiness").get("repurchase_rate")
    return percent(rate) if rate is not None else ""


# The people behind a number


@page("first-contact/people/", "first-contact-people", rule=SIGNED_IN)
@_with_contacts
def people(request: HttpRequest, contacts: Contacts) -> HttpResponseBase:
    period, _is_valid = queries.period_of(request.GET.get("period", ""), contacts)
    step, measure = request.GET.get("step", ""), request.GET.get("measure", "")
    query = PeopleQuery(period, step if step in STEPS else STEPS[0], measure if measure in MEASURES else MEASURES[0])
    steps = queries.steps()

    def find(offset: int, size: int) -> list[Row]:
        return tables.labelled(funnel.people(contacts, query, size, offset), steps)

    rows = SqlRows(funnel.count(contacts, query), find)
    if file := _file(request, "people", tables.PEOPLE, rows, f"{query.step}-{query.measure}-{contacts.day}"):
        return file
    headings = {
        "reached": _("Reached “%(step)s”, first contact from %(from)s to %(to)s"),
        "dropped": _("Dropped out before “%(step)s”, first contact from %(from)s to %(to)s"),
        "now": _("In “%(step)s” now, first contact from %(from)s to %(to)s"),
    }
    words = {"step": steps.name(query.step), "from": day(period.since), "to": day(period.until)}
    return _list(request, contacts, headings[query.measure] % words, tables.PEOPLE, rows)


# Closing windows


@page("first-contact/windows/", "first-contact-windows", rule=SIGNED_IN)
@_with_contacts
def closing(request: HttpRequest, contacts: Contacts) -> HttpResponseBase:
    days = queries.days_of(request.GET.get("from", ""), request.GET.get("to", ""), contacts.day)
    steps = queries.steps()

    def find(offset: int, size: int) -> list[Row]:
        return tables.labelled(windows.closing(contacts, days.since, days.until, size, offset), steps)

    rows = SqlRows(windows.count(contacts, days.since, days.until)["people"], find)
    if file := _file(request, "windows", tables.CLOSING, rows, f"{days.since}-{days.until}"):
        return file
    form = FilterForm(
        _("Choose days"),
        (Input("from", _("from"), days.since, "date"), Input("to", _("until"), days.until, "date")),
        hidden=[("as_of", request.GET["as_of"])] if request.GET.get("as_of") else (),
    )
    title = _("Windows that close from %(from)s to %(to)s") % {"from": day(days.since), "to": day(days.until)}
    return _list(request, contacts, title, tables.CLOSING, rows, form=form)


def _file(request: HttpRequest, name: str, table: Table, rows: SqlRows, suffix: str) -> HttpResponseBase | None:
    """Return the file of all rows that the address asks for, read in pieces."""

    def pieces() -> Iterator[Row]:
        for offset in range(0, len(rows), exports.CHUNK):
            yield from rows[offset : offset + exports.CHUNK]

    if request.GET.get("format") == f"{name}.csv":
        return exports.csv_stream(f"{name}-{suffix}", table.sheet(pieces()))
    return exports.requested(request, {name: lambda: table.sheet(pieces())}, suffix)


def _list(
    request: HttpRequest, contacts: Contacts, title: str, table: Table, rows: SqlRows, **more: object
) -> HttpResponse:
    shown = table.show(Paginator(rows, ROWS).get_page(request.GET.get("page")))
    context = {"title": title, "day": contacts.day, "total": len(rows), "table": shown, "file": table.name, **more}
    return render(request, "acquisition/list.html", context)
