"""Imports: bring files, see how they are understood, start, follow, see what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from tenure.errors import TenureError
from tenure.words import Message
from tenure_app.core.pages import describe
from tenure_app.facts import actions, labels, quarantine, queries
from tenure_app.facts.forms import RecordsForm
from tenure_app.facts.tables import BATCHES, CHOICES, REASONS, sample_table
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from tenure_app.facts.models import Import, ImportFile


def _or_404(import_id: int) -> Import:
    upload = queries.import_of(import_id)
    if upload is None:
        raise Http404
    return upload


def tables() -> list[tuple[str, str]]:
    return [(name, labels.table_name(name)) for name in actions.TABLES]


@page("imports/", "imports", rule=SIGNED_IN)
def imports(request: HttpRequest) -> HttpResponse:
    batches = [{**row, "table_name": labels.table_name(row["table"])} for row in queries.batches()]
    context = {
        "title": _("Imports"),
        "subtitle": _("Import files. Every row is accepted or quarantined, and duplicates are never counted twice."),
        "tables": tables(),
        "upload_mb": settings.TENURE_UPLOAD_MB,
        "open": [
            _line(upload)
            for upload in queries.imports()
            if upload.state == "draft" or (upload.job and upload.job.state != "done")
        ],
        "batches": BATCHES.show(batches) if batches else None,
        "quarantined": quarantine.count(),
    }
    return render(request, "imports/page.html", context)


def _line(upload: Import) -> dict[str, Any]:
    names = ", ".join(file.name for file in upload.files.all())
    return {
        "upload": upload,
        "names": names,
        "table": labels.table_name(upload.table),
        **(describe(upload.job) if upload.job else {}),
    }


@page("imports/new/", "import-new", rule=SIGNED_IN, methods=("POST",))
def bring(request: HttpRequest) -> HttpResponse:
    files = request.FILES.getlist("files")
    table = request.POST.get("table", "orders")
    if not files or table not in actions.TABLES:
        messages.error(request, _("Choose one or more files first."))
        return redirect("imports")
    if sum(file.size or 0 for file in files) > settings.TENURE_UPLOAD_MB * 1_048_576:
        messages.error(
            request,
            _("These files exceed %(limit)s MB in total. Import them with: tenure import FILE --lake DIR")
            % {"limit": settings.TENURE_UPLOAD_MB},
        )
        return redirect("imports")
    return redirect("import", actions.bring(files, table).pk)


@page("imports/<int:import_id>/", "import", rule=SIGNED_IN)
def show_import(request: HttpRequest, import_id: int) -> HttpResponse:
    """Show one import: the columns while it is a draft, then its progress, then its result."""
    upload = _or_404(import_id)
    context = _context(upload)
    if upload.state == "draft":
        return render(request, "imports/columns.html", context | _draft(upload))
    if upload.job is not None:
        context |= describe(upload.job)
        reasons = quarantine.reasons(upload.job.result.get("batches", []))
        context["reasons"] = REASONS.show(reasons) if reasons else None
    return render(request, "imports/result.html", context)


def _context(upload: Import) -> dict[str, Any]:
    return {
        "upload": upload,
        "title": _("Import of %(files)s") % {"files": ", ".join(file.name for file in queries.files(upload.pk))},
        "table_name": labels.table_name(upload.table),
        "tables": tables(),
    }


def _draft(upload: Import, form: RecordsForm | None = None) -> dict[str, Any]:
    """Return what is asked before files are imported."""
    form = form or RecordsForm(initial={"valid_from": upload.valid_from})
    records = form if upload.table == "customers" else None
    return {"upload": upload, "groups": _groups(upload), "records_form": records}


def _groups(upload: Import) -> list[dict[str, Any]]:
    """Return the files, those with the same columns behind the first of them, whose choices they follow."""
    groups: dict[tuple[str, ...], list[ImportFile]] = {}
    for file in queries.files(upload.pk):
        key = tuple(file.looked.get("columns", ())) or (f"trouble-{file.pk}",)
        groups.setdefault(key, []).append(file)
    return [_group(upload, files) for files in groups.values()]


def _group(upload: Import, files: list[ImportFile]) -> dict[str, Any]:
    file = files[0]
    columns, sample = file.looked.get("columns", []), file.looked.get("sample", [])
    # A row may be shorter than the header.
    cells = {name: [row[place] for row in sample if place < len(row)] for place, name in enumerate(columns)}
    needed, by_column = queries.needed_of(upload.table), {column: field for field, column in file.mapping.items()}
    choices = []
    for field in queries.fields_of(upload.table):
        column = file.mapping.get(field, "")
        choices.append(
            {
                "name": f"map-{file.pk}-{field}",
                "label": labels.field_name(field),
                "needed": field in needed,
                "column": column,
                "columns": columns,
                "examples": " · ".join(list(dict.fromkeys(filter(None, cells.get(column, ()))))[:3]),
                "unsure": field in file.looked.get("unsure", ()) and column == file.looked["guessed"].get(field),
                "is_missing": field in needed and not column,
            }
        )
    meanings = [labels.field_name(by_column[column]) if column in by_column else "" for column in columns]
    return {
        "file": file,
        "layout": labels.layout_in_words(file.looked),
        "choices": CHOICES.show(choices),
        "sample": sample_table(columns, meanings).show(sample),
        "trouble": Message.from_dict(file.trouble).render() if file.trouble else "",
        "alike": files[1:],
    }


@page("imports/<int:import_id>/table/", "import-table", rule=SIGNED_IN, methods=("POST",))
def choose_table(request: HttpRequest, import_id: int) -> HttpResponse:
    """Say what the files hold; their columns are guessed anew."""
    upload, table = _or_404(import_id), request.POST.get("table", "")
    if upload.state == "draft" and table in actions.TABLES:
        actions.choose_table(upload, table)
    return redirect("import", import_id)


@page("imports/<int:import_id>/columns/", "import-columns", rule=SIGNED_IN, methods=("POST",))
def choose_columns(request: HttpRequest, import_id: int) -> HttpResponse:
    """Keep the chosen columns; answer the form again (htmx), or start when the button was pressed."""
    upload = _or_404(import_id)
    if upload.state != "draft":
        return redirect("import", import_id)
    form = RecordsForm(request.POST)
    actions.choose_columns(
        upload,
        _mappings(request, upload),
        request.POST.get("date_format", ""),
        corrections=bool(request.POST.get("corrections")),
        valid_from=form.cleaned_data["valid_from"] if form.is_valid() else upload.valid_from,
    )
    if "start" not in request.POST:
        return render(request, "imports/groups.html", _draft(upload, form))
    if not form.is_valid():
        return render(request, "imports/columns.html", _context(upload) | _draft(upload, form), status=422)
    try:
        actions.start(upload)
    except TenureError as wrong:
        data = dict(wrong.data)
        if "fields" in data:
            data["fields"] = ", ".join(labels.field_name(name) for name in str(data["fields"]).split(", "))
        messages.error(request, Message(wrong.message.template, data).render())
    return redirect("import", import_id)


def _mappings(request: HttpRequest, upload: Import) -> dict[int, dict[str, str]]:
    mappings: dict[int, dict[str, str]] = {}
    first: dict[tuple[str, ...], int] = {}
    for file in queries.files(upload.pk):
        leader = first.setdefault(tuple(file.looked.get("columns", ())), file.pk)
        columns = {field: request.POST.get(f"map-{leader}-{field}", "") for field in queries.fields_of(upload.table)}
        mappings[file.pk] = {field: column for field, column in columns.items() if column}
    return mappings


@page("imports/<int:import_id>/discard/", "import-discard", rule=SIGNED_IN, methods=("POST",))
def discard(request: HttpRequest, import_id: int) -> HttpResponse:
    upload = _or_404(import_id)
    if upload.state == "draft":
        actions.discard(upload)
        messages.info(request, _("The files were discarded. Nothing was imported."))
    return redirect("imports")
