"""The pages of customers: the list, one customer, why they are in a stage, and records that are probably one."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.columns import column
from tenure.errors import TenureError
from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED
from tenure.refreshing.report import last_refresh
from tenure.rules.wording.sentence import measure_phrase
from tenure.words import current_language
from tenure_app.acquisition import actions as notes
from tenure_app.acquisition.panels import first_contact
from tenure_app.core import conf
from tenure_app.customers import figures, merging, panels, profile, queries, query, tables, timeline, titles
from tenure_app.customers.figures import LifeData
from tenure_app.customers.query import CustomerQuery
from tenure_app.lifecycle import actions, catalogue, reasons
from tenure_app.lifecycle.reasons import life_of
from tenure_app.web import exports
from tenure_app.web.figures import sheets
from tenure_app.web.filters import FilterForm, Input, Range, Select
from tenure_app.web.formats import number
from tenure_app.web.layout import as_of, business, default_day
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.tables import SqlRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    import duckdb

    from tenure.lifecycle.explain import StageEvaluation
    from tenure.lifecycle.model import Model
    from tenure.lifecycle.reasons import Value
    from tenure_app.lifecycle.catalogue import Entry
    from tenure_app.lifecycle.reasons import Stay
    from tenure_app.web.filters import Field
    from tenure_app.web.tables import Table

#: Entries of the timeline on one page.
ENTRIES = 50


# The list


@page("customers/", "customers", rule=SIGNED_IN)
def customers(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    # A scorecard of an older version has no numbers to join by, until the next refresh.
    if "number" not in queries.columns(con):
        return render(request, "customers/empty.html")
    entries = catalogue.catalogue(con)
    table = queries.available(con, tables.CUSTOMERS)
    selection, unknown = _selection(request, entries)
    if selection.model in entries:
        con = conf.connection(*queries.copies(con, selection, table))
    # One query counts and reads the page of the address; another page is read only when that one does not exist.
    place = request.GET.get("page", "1")
    start = (max(int(place), 1) - 1) * queries.PAGE if re.fullmatch(r"[0-9]{1,7}", place) else 0
    count, first = queries.page(con, selection, table, queries.PAGE, start)
    if request.GET.get("jump") and count == 1 and first:
        return redirect("customer", first[0]["customer_id"])
    entry = entries.get(selection.model)
    tail = f"?{urlencode({'as_of': request.GET['as_of']})}" if request.GET.get("as_of") else ""

    def fetch(offset: int, size: int) -> list[tables.Row]:
        rows = first if offset == start else queries.page(con, selection, table, size, offset)[1]
        return [tables.list_row(row, entry, reverse("customer", args=[row["customer_id"]]) + tail) for row in rows]

    heading, refreshed = titles.heading(selection, entries), last_refresh(con)
    context = {
        "title": _("Customers"),
        "heading": heading,
        "entry": entry,
        "as_of": selection.as_of,
        "wrong": unknown,
        "total": count,
        "address": selection.address(),
        "form": _form(con, table, selection, entries, request.GET),
        "table": table.show(
            Paginator(SqlRows(count, fetch), queries.PAGE).get_page(start // queries.PAGE + 1),
            sort=selection.sort,
            down=selection.down,
            address=lambda sort, down: f"?{selection.address(sort=sort, down=down)}",
            caption=heading,
        ),
        "refreshed_on": refreshed or selection.as_of,
    }
    return render(request, "customers/list.html", context)


def _selection(request: HttpRequest, entries: Mapping[str, Entry]) -> tuple[CustomerQuery, list[str]]:
    """Return the query of the address, under a model that can be shown, and which of its words mean nothing."""
    first = next((entry.id for entry in entries.values() if entry.fits), "")
    selection, unknown = query.read(request.GET, as_of(request), first)
    if selection.model and selection.model not in entries:
        unknown.append("model")
    if not tables.CUSTOMERS.sorted_by(selection.sort):
        selection = replace(selection, sort=query.DEFAULT_SORT, down=True)
    return selection, unknown


def _form(
    con: duckdb.DuckDBPyConnection,
    table: Table,
    selection: CustomerQuery,
    entries: Mapping[str, Entry],
    address: Mapping[str, str],
) -> FilterForm:
    entry = entries.get(selection.model)
    stages = [(stage, entry.stage_name(stage)) for stage in [*entry.order, UNSTAGED, NOT_IN_MODEL]] if entry else []
    models = [(item.id, item.name) for item in catalogue.offered(entries, address) if item.fits]
    search = _("Id, name, phone, e-mail or whole order number")
    kept = ("was", "was_on", "moved", "move_stage", "move_from", "move_to")
    values = {item.name: item.text for item in selection.filters}
    present = queries.columns(con)
    columns = [column(name) for name in query.OFFERED if name in present]
    filters = {*query.OFFERED, *(name + end for name in query.CLOSING for end in (query.AT_LEAST, query.AT_MOST))}
    return FilterForm(
        _("Filter customers"),
        (
            Input("q", _("Search"), selection.q, "search", search, grow=True),
            Select("model", _("Model"), models, selection.model, submits=True),
            Select("stage", column("stage").label, stages, selection.stage, _("All"), submits=True),
        ),
        more=(
            [
                Select(item.id, item.label, list(item.values.items()), values.get(item.id, ""), _("Any"))
                for item in columns
            ],
            _bounds(selection, stages),
            [_closing(name, values) for name in query.CLOSING if name in table.every],
        ),
        more_open=selection.is_detailed,
        hidden=[
            ("as_of", selection.as_of),
            *((name, value) for name in kept if (value := getattr(selection, name))),
            ("sort", ("-" if selection.down else "") + selection.sort),
            *((name, text) for name, text in values.items() if name not in filters),
            *([("models", catalogue.ALL)] if address.get("models") == catalogue.ALL else []),
        ],
        chips=titles.chips(selection, entries),
        clear_url=f"{reverse('customers')}?{urlencode({'model': selection.model, 'as_of': selection.as_of})}",
    )


def _closing(name: str, values: Mapping[str, str]) -> Range:
    """Return the filter by the days on which a window closes."""
    ends = ((name + query.AT_LEAST, _("from")), (name + query.AT_MOST, _("until")))
    return Range(column(name).label, *(Input(end, text, values.get(end, ""), "date", text) for end, text in ends))


def _bounds(selection: CustomerQuery, stages: list[tuple[str, str]]) -> list[Field]:
    next_stages = [stage for stage in stages if stage[0] != NOT_IN_MODEL]

    def between(name: str, low: str, high: str, type_: str, words: tuple[str, str]) -> Range:
        ends = zip((low, high), words, strict=True)
        return Range(
            column(name).label, *(Input(end, text, getattr(selection, end), type_, text) for end, text in ends)
        )

    amounts = (_("at least"), _("at most"))
    return [
        Input("since", _("In their stage since"), selection.since, "date"),
        Input(
            "next_within",
            _("Stage changes within (days)"),
            selection.next_within,
            "number",
            least=1,
            most=query.MOST_DAYS,
        ),
        Select("next_stage", column("next_stage").label, next_stages, selection.next_stage, _("Any")),
        Select("cannot_judge", column("cannot_judge").label, next_stages[:-1], selection.cannot_judge, _("Any")),
        between("orders", "orders_min", "orders_max", "number", amounts),
        between("amount", "amount_min", "amount_max", "decimal", amounts),
        between("last_order_on", "last_from", "last_to", "date", (_("from"), _("until"))),
    ]


@page("customers.csv", "customers-csv", rule=SIGNED_IN)
def download(request: HttpRequest) -> HttpResponseBase:
    return _file(request, exports.csv_stream)


@page("customers.xlsx", "customers-xlsx", rule=SIGNED_IN)
def workbook(request: HttpRequest) -> HttpResponseBase:
    return _file(request, exports.excel_file)


def _file(request: HttpRequest, make: Callable[[str, exports.Sheet], HttpResponseBase]) -> HttpResponseBase:
    con = conf.connection()
    if "number" not in queries.columns(con):
        return redirect("customers")
    entries = catalogue.catalogue(con)
    selection, _unknown = _selection(request, entries)
    entry, table = entries.get(selection.model), queries.available(con, tables.CUSTOMERS)
    stages = {stage: entry.stage_name(stage) for stage in entry.order} if entry else {}
    rows = (tables.file_row(row, stages) for row in queries.stream(con, selection, table))
    return make(f"customers-{selection.as_of}", replace(table.sheet(rows), title=_("Customers")))


# Records that are probably one customer


@page("customers/duplicates/", "duplicates", rule=SIGNED_IN)
def duplicates(request: HttpRequest) -> HttpResponse:
    """Show the page at once; htmx then asks for the pairs, which takes a while with many customers."""
    if request.headers.get("HX-Request"):
        shown = {"pairs": merging.suspects(), "most": merging.SHOWN}
        return render(request, "customers/duplicate_pairs.html", shown)
    merges = merging.merges()
    context = {
        "title": _("Duplicates"),
        "subtitle": _(
            "Records that probably belong to the same customer. Merging does not move any data "
            "and can be undone at any time."
        ),
        "merges": tables.MERGES.show(merges) if merges else None,
    }
    return render(request, "customers/duplicates.html", context)


@page("customers/duplicates/merge/", "duplicates-merge", rule=SIGNED_IN, methods=("POST",))
def merge(request: HttpRequest) -> HttpResponse:
    both = request.POST.get("one", ""), request.POST.get("other", "")
    keep, other = reversed(both) if request.POST.get("keep") == "other" else both
    with _refusals(request):
        merging.merge(keep, other, request.POST.get("reason", ""))
        words = {"other": other, "keep": keep}
        messages.success(request, _("%(other)s now counts as %(keep)s. You can undo this below.") % words)
    return redirect("duplicates")


@page("customers/duplicates/undo/", "duplicates-undo", rule=SIGNED_IN, methods=("POST",))
def undo(request: HttpRequest) -> HttpResponse:
    with _refusals(request):
        merging.undo(request.POST.get("merge_id", ""))
        messages.success(request, _("The merge was undone: they are separate customers again."))
    return redirect("duplicates")


@contextmanager
def _refusals(request: HttpRequest) -> Iterator[None]:
    try:
        yield
    except TenureError as error:
        messages.error(request, error.say())


# Why this stage


@page("customers/<path:customer_id>/why/", "customer-why", rule=SIGNED_IN)
def why(request: HttpRequest, customer_id: str) -> HttpResponse:
    """Show every rule of a model with its truth for one customer on one day."""
    from tenure.lifecycle.explain import explain_from

    con = conf.connection()
    who = profile.profile(con, customer_id)
    entries = catalogue.catalogue(con)
    entry = entries.get(request.GET.get("model", "")) or next((item for item in entries.values() if item.fits), None)
    if who is None or entry is None:
        raise Http404(_("There is no customer %(id)s.") % {"id": customer_id})
    day = as_of(request)
    explained = explain_from(conf.lake(), entry.model, customer_id, day)
    verdicts = [_verdict(evaluation, entry.model, explained.stage) for evaluation in explained.evaluations]
    differs = explained.why_not_by_rules(entry.model)
    context = {
        "who": who,
        "entry": entry,
        "entries": [item for item in catalogue.offered(entries, request.GET) if item.fits],
        "day": day,
        "staged": explained.stage,
        "verdicts": tables.VERDICTS.show(verdicts) if verdicts else None,
        "stage": entry.stage_name(explained.stage),
        "family": entry.family(explained.stage),
        "differs": differs.render() if differs else "",
    }
    return render(request, "customers/why.html", context)


def _verdict(evaluation: StageEvaluation, model: Model, staged: str | None) -> tables.Row:
    """Return a stage's rule in words: whether it holds, and by which values."""
    language = current_language()
    return {
        "stage": evaluation.stage,
        "sentence": reasons.sentence_of(evaluation.stage.rule, model),
        "stay_sentence": reasons.sentence_of(stay_rule, model) if (stay_rule := evaluation.stage.stay_rule) else "",
        "holds": True if evaluation.stays else evaluation.holds,
        "current": evaluation.stage.id == staged,
        "values": [(measure_phrase(read.measure, language), _value(read.value)) for read in evaluation.values],
    }


def _value(value: Value) -> str:
    return number(value) if isinstance(value, float) else reasons.value_text(value)


# One customer


@page("customers/<path:customer_id>/override/", "customer-override", rule=SIGNED_IN, methods=("POST",))
def override(request: HttpRequest, customer_id: str) -> HttpResponse:
    """Put the customer into a stage by hand, or let the rules decide again."""
    form, author = request.POST, request.user.get_username()
    model, reason = form.get("model", ""), form.get("reason", "")
    with _refusals(request):
        if form.get("what") == "cancel":
            evaluated = actions.cancel_override(customer_id, model, reason, by=author)
            text = _("The manual stage was removed.")
        else:
            until = actions.day_of(form.get("until", ""))
            evaluated = actions.set_override(customer_id, model, form.get("stage", ""), reason, until, by=author)
            text = _("Saved.")
        _say_saved(request, text, evaluated=evaluated)
    return redirect(f"{reverse('customer', args=[customer_id])}?model={model}")


@page("customers/<path:customer_id>/notes/", "customer-notes", rule=SIGNED_IN, methods=("POST",))
def note(request: HttpRequest, customer_id: str) -> HttpResponse:
    """Add a note on a customer, or withdraw one; a form that is refused is shown again as it was filled in."""
    form = request.POST
    try:
        if form.get("what") == "withdraw":
            evaluated = notes.withdraw_note(customer_id, form.get("note", ""))
            text = _("The note was withdrawn.")
        else:
            values = (form.get(name, "") for name in ("topic", "text", "score", "day"))
            evaluated = notes.add_note(customer_id, *values, by=request.user.get_username())
            hidden = form.get("day", "") > default_day().isoformat()
            text = _("Saved. The note appears once the data reaches its day.") if hidden else _("Saved.")
    except TenureError as error:
        return _customer(request, customer_id, form.dict(), error.say())
    _say_saved(request, text, evaluated=evaluated)
    return redirect(f"{reverse('customer', args=[customer_id])}#first-contact")


def _say_saved(request: HttpRequest, text: str, *, evaluated: bool) -> None:
    messages.success(request, text)
    if not evaluated:
        messages.warning(request, _("The customer could not be re-evaluated now; the next refresh will do it."))


@page("customers/<path:customer_id>/", "customer", rule=SIGNED_IN)
def customer(request: HttpRequest, customer_id: str) -> HttpResponse:
    return _customer(request, customer_id)


def _customer(
    request: HttpRequest, customer_id: str, note_form: Mapping[str, str] | None = None, problem: str = ""
) -> HttpResponse:
    """Show a customer, with the form of a note that was refused and its problem."""
    con = conf.connection()
    who = profile.profile(con, customer_id)
    if who is None:
        into = conf.lake().merged().get(customer_id)
        if into:
            return redirect("customer", into)
        raise Http404(_("There is no customer %(id)s.") % {"id": customer_id})
    entries = catalogue.catalogue(con)
    day = as_of(request)
    spans = profile.spans(con, who.customer_id, entries)
    offered = catalogue.offered(entries, request.GET)
    lives = [life for entry in offered if (life := life_of(entry, spans.get(entry.id, []), day)).stays]
    shown = next((life for life in lives if life.entry.id == request.GET.get("model")), lives[0] if lives else None)
    kept = request.GET.copy()
    kept.pop("page", None)
    rows = []
    for life in lives:
        kept["model"] = life.entry.id
        url = f"{request.path}?{kept.urlencode()}#history"
        change = {"next_change_on": life.next_on, "next_stage_name": life.next_name}
        rows.append({"model": life.entry.name, "now": life.now, "url": url, "current": life is shown, **change})
    doubts = _doubts(con, who.customer_id, shown.entry, day) if shown else []
    data = LifeData(lives, rows, profile.order_days(con, who.customer_id, business().tz), day)
    if lives and (file := exports.requested(request, sheets(figures.FIGURES, data), who.customer_id)):
        return file
    context = {
        "title": who.called,
        "who": who,
        "merged": sorted(old for old, into in conf.lake().merged().items() if into == who.customer_id),
        "facts": panels.facts(who, f"?{urlencode({**request.GET.dict(), 'show': 'orders'})}#timeline"),
        "lives": lives,
        "life": shown,
        "history": tables.HISTORY.show(shown.stays) if shown else None,
        "doubts": tables.DOUBTS.show(doubts) if doubts else None,
        "undetermined": titles.undetermined(doubts),
        "stages": [(stage, shown.entry.stage_name(stage)) for stage in shown.entry.order] if shown else [],
        "day": day,
        "panels": panels.panels(con, who.customer_id),
        "first_contact": first_contact(con, who.customer_id, day, note_form, problem),
        "figures": [figure.show(data) for figure in figures.FIGURES] if lives else [],
        "absent": [entry for entry in offered if entry.fits and entry not in [life.entry for life in lives]],
        **_timeline(request, con, who.customer_id, shown.stays if shown else (), entries),
    }
    return render(request, "customers/page.html", context, status=422 if problem else 200)


def _doubts(con: duckdb.DuckDBPyConnection, customer_id: str, entry: Entry, day: date) -> list[tables.Row]:
    words = reasons.missing_in_words
    return [
        row | {"stage": entry.stage_name(row["stage"]), "missing_facts": words(row["missing_facts"])}
        for row in profile.doubts(con, customer_id, entry.id, day)
    ]


def _timeline(
    request: HttpRequest,
    con: duckdb.DuckDBPyConnection,
    customer_id: str,
    stays: Sequence[Stay],
    models: Mapping[str, Entry],
) -> dict[str, Any]:
    """Return one page of everything that happened, by the tables that the address names."""
    sizes = {**timeline.counts(con, customer_id), **({timeline.STAGES: len(stays)} if stays else {})}
    selected = [table for table in request.GET.getlist("show") if table in sizes]
    shown = selected or list(sizes)
    facts = [table for table in shown if table != timeline.STAGES]
    changes = stays if timeline.STAGES in shown else ()
    entries = SqlRows(
        sum(sizes[table] for table in shown),
        lambda offset, size: timeline.timeline(con, customer_id, facts, changes, models, size, offset),
    )
    return {
        "timeline": Paginator(entries, ENTRIES).get_page(request.GET.get("page")),
        "sizes": [(table, timeline.KINDS[table].name, count, table in selected) for table, count in sizes.items()],
    }
