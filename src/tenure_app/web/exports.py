"""Tables as files: CSV that a spreadsheet opens rightly and Excel workbooks; no text ever runs as a formula."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import translation
from django.utils.http import content_disposition_header

from tenure.words import language_of, speaking

CSV = "text/csv; charset=utf-8"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Without it Excel reads Chinese as Latin-1.
BYTE_ORDER_MARK = "\ufeff"
#: Rows of a sheet below its heads; Excel's own bound.
SHEET_ROWS = 1_048_575
CHUNK = 5_000
_NUMBER = re.compile(r"[+-]?[\d .()-]+")
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")  # in the name of a sheet


@dataclass(frozen=True, slots=True)
class Sheet:
    title: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Any]]


def requested(request: HttpRequest, sheets: Mapping[str, Callable[[], Sheet]], suffix: object) -> HttpResponse | None:
    """Return the file that ``?format=NAME.csv`` (or ``xlsx``) asks for, None when it asks for none.

    A sheet under the empty name is asked for by ``?format=csv``.
    """
    name, _dot, kind = request.GET.get("format", "").rpartition(".")
    if name not in sheets or kind not in ("csv", "xlsx"):
        return None
    file_name, sheet = "-".join(filter(None, (name, str(suffix)))), sheets[name]()
    return csv_file(file_name, sheet) if kind == "csv" else excel_file(file_name, sheet)


def csv_file(name: str, sheet: Sheet) -> HttpResponse:
    return HttpResponse("".join(_csv(sheet)), content_type=CSV, headers=_named(f"{name}.csv"))


def csv_stream(name: str, sheet: Sheet) -> StreamingHttpResponse:
    """Return a large table as CSV that is sent while it is read."""
    pieces = _in_language(_csv(sheet), translation.get_language())
    return StreamingHttpResponse(pieces, content_type=CSV, headers=_named(f"{name}.csv"))


def excel_file(name: str, *sheets: Sheet) -> HttpResponse:
    """Return tables as an Excel workbook; what does not fit into a sheet goes into the next one."""
    import xlsxwriter  # loaded late: few requests need it

    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold = book.add_format({"bold": True, "text_wrap": True})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for sheet in sheets:
        rows = iter(sheet.rows)
        title: str | None = _FORBIDDEN.sub("-", sheet.title)[:31]
        first: Sequence[Any] | None = next(rows, ())  # an empty table is a sheet with nothing but its heads
        while first is not None:
            page = book.add_worksheet(title)
            page.freeze_panes(1, 0)
            page.set_column(0, max(len(sheet.heads) - 1, 0), 16)
            page.write_row(0, 0, [str(head) for head in sheet.heads], bold)
            for line, row in enumerate(chain([first], islice(rows, SHEET_ROWS - 1)), 1):
                for at, cell in enumerate(row):
                    _write(page, line, at, cell, day)
            first, title = next(rows, None), None
    book.close()
    return HttpResponse(file.getvalue(), content_type=EXCEL, headers=_named(f"{name}.xlsx"))


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": content_disposition_header(as_attachment=True, filename=name) or ""}


def _csv(sheet: Sheet) -> Iterator[str]:
    lines = chain([sheet.heads], sheet.rows)
    yield BYTE_ORDER_MARK
    while part := list(islice(lines, CHUNK)):
        text = io.StringIO()
        csv.writer(text).writerows([_harmless(cell) for cell in row] for row in part)
        yield text.getvalue()


def _in_language(pieces: Iterator[str], language: str | None) -> Iterator[str]:
    # The pieces are made after the request's language is put away, so it is taken up again for each of them.
    while True:
        with translation.override(language), speaking(language_of(language)):
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


def _harmless(cell: Any) -> Any:
    """Return a cell of which a spreadsheet makes no formula; telephone numbers may begin with a plus."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell


def _write(page: Any, line: int, at: int, cell: Any, day: Any) -> None:
    match cell:
        case None:
            return
        case bool():
            page.write_boolean(line, at, cell)
        case int() | float() | Decimal() if math.isfinite(cell):
            page.write_number(line, at, float(cell))
        case datetime():
            page.write_string(line, at, cell.isoformat())
        case date():
            page.write_datetime(line, at, datetime(cell.year, cell.month, cell.day), day)
        case _:
            page.write_string(line, at, str(cell)[:32_767])
