"""Tables as Excel files: numbers stay numbers, days stay days, and no text runs as a formula."""

from __future__ import annotations

import io
import math
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Excel's own bound.
ROWS = 1_048_575


def answer(name: str, heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Return a table as a download; what does not fit into a sheet goes into the next one."""
    response = HttpResponse(book(heads, rows), content_type=KIND)
    response["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response


def book(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as an Excel file."""
    import xlsxwriter

    file = io.BytesIO()
    made = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold, day = made.add_format({"bold": True, "text_wrap": True}), made.add_format({"num_format": "yyyy-mm-dd"})
    sheet, at = None, 0
    for row in _with_end(rows):
        if sheet is None or at > ROWS:
            sheet, at = made.add_worksheet(), 1
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, len(heads) - 1, 16)
            for place, head in enumerate(heads):
                sheet.write_string(0, place, str(head), bold)
        if row is None:
            break
        for place, cell in enumerate(row):
            _write(sheet, at, place, cell, day)
        at += 1
    made.close()
    return file.getvalue()


def _with_end(rows: Iterable[Sequence[Any]]) -> Iterable[Sequence[Any] | None]:
    yield from rows
    yield None


def _write(sheet: Any, row: int, place: int, cell: Any, day: Any) -> None:
    match cell:
        case None:
            return
        case bool():
            sheet.write_boolean(row, place, cell)
        case int() | float() | Decimal() if math.isfinite(cell):
            sheet.write_number(row, place, float(cell))
        case datetime():
            sheet.write_string(row, place, cell.isoformat())
        case date():
            sheet.write_datetime(row, place, datetime(cell.year, cell.month, cell.day), day)
        case _:
            sheet.write_string(row, place, str(cell)[:32_767])
