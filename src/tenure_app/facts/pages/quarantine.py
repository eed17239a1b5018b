"""The quarantine: rows that wait, filtered by reason and file, repaired in place or in a spreadsheet."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

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

PAGE = 50


def _in_force(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET[name] for name in waiting.FILTERS if request.GET.get(name)}


@page("imports/quarantine/", "quarantine", rule=SIGNED_IN)
def quarantine(request: HttpRequest) -> HttpResponse:
    filters = _in_force(request)
    rows = SqlRows(waiting.count(filters), partial(waiting.find, filters))
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


def _row_or_404(key: str) -> waiting.Row:
    row = waiting.row_of(key)
    if row is None:
        raise Http404
    return row


@page("imports/quarantine/repair/", "quarantine-repair", rule=SIGNED_IN, methods=("POST",))
def repair(request: HttpRequest) -> HttpResponse:
    """Import one repaired row, and return its line; open again when it is still wrong."""
    row = _row_or_404(request.POST.get("key", ""))
    cells = {name: request.POST.get(f"cell-{name}", value) for name, value in row["cells"].items()}
    done, still = waiting.repair(row, cells)
    if still is not None:
        return render(request, "imports/quarantine_repair.html", {"row": still})
    return render(request, "imports/quarantine_done.html", {"row": row, "duplicate": done.duplicates > 0})


@page("imports/quarantine/row/", "quarantine-row", rule=SIGNED_IN)
def form(request: HttpRequest) -> HttpResponse:
    """Return a row with its cells open for repair, or closed again."""
    row = _row_or_404(request.GET.get("key", ""))
    if "close" in request.GET:
        return HttpResponse(QUARANTINE.show([row]).body({"request": request}))
    return render(request, "imports/quarantine_repair.html", {"row": row})


@page("imports/quarantine/dismiss/", "quarantine-dismiss", rule=SIGNED_IN, methods=("POST",))
def dismiss(request: HttpRequest) -> HttpResponse:
    waiting.dismiss(request.POST.get("key", ""))
    return HttpResponse("")


@page("imports/quarantine/quarantine.csv", "quarantine-csv", rule=SIGNED_IN)
def download(request: HttpRequest) -> StreamingHttpResponse:
    response = StreamingHttpResponse(waiting.as_csv(_in_force(request)), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="quarantine.csv"'
    return response


@page("imports/quarantine/upload/", "quarantine-upload", rule=SIGNED_IN, methods=("POST",))
def upload(request: HttpRequest) -> HttpResponse:
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
        with suppress(UnicodeDecodeError):
            return data.decode(encoding)
    return data.decode("utf-8", "replace")
