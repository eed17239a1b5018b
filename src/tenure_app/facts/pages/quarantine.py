"""The quarantine: rows that wait, filtered by reason and file, repaired in place or in a spreadsheet."""

from __future__ import annotations

from functools import partial
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
from tenure_app.facts import labels
from tenure_app.facts import quarantine as waiting
from tenure_app.web.pages import SIGNED_IN, page
from tenure_app.web.tables import SqlRows

FILTERS = ("reason", "file", "table", "batch_id")
PAGE = 50


def _line(row: waiting.Row, said: str = "") -> dict[str, Any]:
    reason = said or reason_text(row.reason, current_language())
    return {"row": row, "reason": reason, "table": labels.table_name(row.table)}


@page("imports/quarantine/", "quarantine", rule=SIGNED_IN)
def quarantine(request: HttpRequest) -> HttpResponse:
    """List the rows that wait."""
    chosen = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    found = SqlRows(waiting.count(chosen), partial(waiting.find, chosen))
    rows = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "title": _("Quarantine"),
        "subtitle": _("Rows that are no facts yet. Repair a value and the row comes in; nothing is lost meanwhile."),
        "page": rows,
        "lines": [_line(row) for row in rows],
        "chosen": chosen,
        "reasons": [(code, reason_text(code, current_language()), count) for code, count in waiting.choices("reason")],
        "files": waiting.choices("file"),
        "total": waiting.count(),
        "csv_url": _address("quarantine-csv", chosen),
    }
    return render(request, "imports/quarantine.html", context)


def _address(name: str, chosen: dict[str, str]) -> str:
    return reverse(name) + (f"?{urlencode(chosen)}" if chosen else "")


@page("imports/quarantine/repair/", "quarantine-repair", rule=SIGNED_IN, methods=("POST",))
def repair(request: HttpRequest) -> HttpResponse:
    """Bring one repaired row in, and answer its line."""
    row = waiting.one(request.POST.get("key", ""))
    if row is None:
        raise Http404
    typed = {name: request.POST.get(f"cell-{name}") for name in row.cells}
    done, still = waiting.repair(row, {name: value for name, value in typed.items() if value is not None})
    if still is not None:
        return render(request, "imports/quarantine_row.html", {"line": _line(still), "open": True})
    return render(request, "imports/quarantine_done.html", {"row": row, "duplicate": done.duplicates > 0})


@page("imports/quarantine/row/", "quarantine-row", rule=SIGNED_IN)
def form(request: HttpRequest) -> HttpResponse:
    """Answer a row's line with its cells open for repair."""
    row = waiting.one(request.GET.get("key", ""))
    if row is None:
        raise Http404
    return render(request, "imports/quarantine_row.html", {"line": _line(row), "open": "close" not in request.GET})


@page("imports/quarantine/dismiss/", "quarantine-dismiss", rule=SIGNED_IN, methods=("POST",))
def dismiss(request: HttpRequest) -> HttpResponse:
    """Take a row out for good."""
    waiting.dismiss([request.POST.get("key", "")])
    return HttpResponse("")


@page("imports/quarantine/quarantine.csv", "quarantine-csv", rule=SIGNED_IN)
def download(request: HttpRequest) -> StreamingHttpResponse:
    """Answer the chosen rows as CSV, to be repaired in a spreadsheet."""
    chosen = {name: request.GET[name] for name in FILTERS if request.GET.get(name)}
    response = StreamingHttpResponse(waiting.as_csv(chosen), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="quarantine.csv"'
    return response


@page("imports/quarantine/upload/", "quarantine-upload", rule=SIGNED_IN, methods=("POST",))
def upload(request: HttpRequest) -> HttpResponse:
    """Bring the rows of a repaired CSV in."""
    file = request.FILES.get("file")
    if file is None:
        messages.error(request, _("Choose the repaired CSV first."))
        return redirect("quarantine")
    try:
        done = waiting.replay(_text(file.read()))
    except TenureError as wrong:
        messages.error(request, wrong.say(current_language()))
        return redirect("quarantine")
    messages.success(
        request,
        _("%(accepted)d rows became facts, %(duplicates)d were facts already, %(still)d still wait.")
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
