"""The quarantine: rows that wait, filtered by reason and file, repaired in place or in a spreadsheet."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from tenure.errors import TenureError
from tenure.facts.reasons import reason_text
from tenure.words import current_language
from tenure_app.facts import quarantine as waiting
from tenure_app.facts.tables import QUARANTINE
from tenure_app.web.filters import Chip, FilterForm, Select
from tenure_app.web.formats import number
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.tables import SqlRows
from tenure_app.web.templatetags.tenure import file_name

FILTERS = ("reason", "file", "table", "batch_id")
PAGE = 50


def _line(row: waiting.Row) -> dict[str, Any]:
    """Return a row for its table, with its reason in words."""
    return {
        "key": row.key,
        "file": row.file,
        "row": row.row,
        "column": row.column,
        "value": row.value,
        "cells": row.cells,
        "reason": reason_text(row.reason, current_language()),
    }


def _in_force(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in FILTERS if request.GET.get(name)}


@page("imports/quarantine/", "quarantine", rule=SIGNED_IN)
def quarantine(request: HttpRequest) -> HttpResponse:
    """List the rows that wait."""
    filters = _in_force(request)
    rows = SqlRows(
        waiting.count(filters), lambda start, limit: [_line(row) for row in waiting.find(filters, start, limit)]
    )
    csv_url = reverse("quarantine-csv") + (f"?{urlencode(filters)}" if filters else "")
    context = {
        "title": _("Quarantine"),
        "subtitle": _("Rejected rows. Fix a value and the row is imported; nothing is lost in the meantime."),
        "table": QUARANTINE.show(Paginator(rows, PAGE).get_page(request.GET.get("page")), files={"CSV": csv_url}),
        "form": _filters(filters),
        "total": waiting.count(),
        "csv_url": csv_url,
    }
    return render(request, "imports/quarantine.html", context)


def _filters(filters: dict[str, str]) -> FilterForm:
    """Return the form above the list; rows of one import are reached by a link, so that filter is only removed here."""
    language = current_language()
    reasons = [(code, f"{reason_text(code, language)} ({number(count)})") for code, count in waiting.choices("reason")]
    files = [(name, f"{file_name(name)} ({number(count)})") for name, count in waiting.choices("file")]
    kept = [(name, value) for name, value in filters.items() if name not in ("reason", "file")]
    others = urlencode({name: value for name, value in filters.items() if name != "batch_id"})
    return FilterForm(
        _("Filter the rows"),
        (
            Select("reason", _("Reason"), reasons, filters.get("reason", ""), _("All"), submits=True, grow=True),
            Select("file", _("File"), files, filters.get("file", ""), _("All"), submits=True, grow=True),
        ),
        hidden=kept,
        chips=[Chip(_("Of one import"), f"?{others}")] if "batch_id" in filters else (),
        button=False,
    )


def _row(request: HttpRequest, row: waiting.Row, *, is_open: bool) -> HttpResponse:
    """Return a row of the table, or its cells open for repair."""
    if is_open:
        return render(request, "imports/quarantine_repair.html", {"row": _line(row)})
    return HttpResponse(QUARANTINE.show([_line(row)]).body({"request": request}))


@page("imports/quarantine/repair/", "quarantine-repair", rule=SIGNED_IN, methods=("POST",))
def repair(request: HttpRequest) -> HttpResponse:
    """Import one repaired row, and return its line."""
    row = waiting.row_of(request.POST.get("key", ""))
    if row is None:
        raise Http404
    typed = {name: request.POST.get(f"cell-{name}") for name in row.cells}
    done, still = waiting.repair(row, {name: value for name, value in typed.items() if value is not None})
    if still is not None:
        return _row(request, still, is_open=True)
    return render(request, "imports/quarantine_done.html", {"row": row, "duplicate": done.duplicates > 0})


@page("imports/quarantine/row/", "quarantine-row", rule=SIGNED_IN)
def form(request: HttpRequest) -> HttpResponse:
    """Return a row with its cells open for repair, or closed again."""
    row = waiting.row_of(request.GET.get("key", ""))
    if row is None:
        raise Http404
    return _row(request, row, is_open="close" not in request.GET)


@page("imports/quarantine/dismiss/", "quarantine-dismiss", rule=SIGNED_IN, methods=("POST",))
def dismiss(request: HttpRequest) -> HttpResponse:
    """Take a row out for good."""
    waiting.dismiss([request.POST.get("key", "")])
    return HttpResponse("")


@page("imports/quarantine/quarantine.csv", "quarantine-csv", rule=SIGNED_IN)
def download(request: HttpRequest) -> StreamingHttpResponse:
    """Send the rows that the filters leave as CSV, to be repaired in a spreadsheet."""
    response = StreamingHttpResponse(waiting.as_csv(_in_force(request)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="quarantine.csv"'
    return response


@page("imports/quarantine/upload/", "quarantine-upload", rule=SIGNED_IN, methods=("POST",))
def upload(request: HttpRequest) -> HttpResponse:
    """Bring the rows of a repaired CSV in."""
    file = request.FILES.get("file")
    if file is None:
        messages.error(request, _("Choose the fixed CSV first."))
        return redirect("quarantine")
    try:
        done = waiting.replay(_text(file.read()))
    except TenureError as wrong:
        messages.error(request, wrong.say(current_language()))
        return redirect("quarantine")
    messages.success(
        request,
        _("%(accepted)d rows accepted, %(duplicates)d duplicates, %(still)d still quarantined.")
        % {"accepted": done.accepted, "duplicates": done.duplicates, "still": done.quarantined},
    )
    return redirect("quarantine")


def _text(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):  # what Excel saves in China when asked for CSV
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("utf-8", "replace")
