"""The tables of imports: what was imported, how a file is understood, and what waits in quarantine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from tenure_app.core.tables import ago_of
from tenure_app.web.formats import number
from tenure_app.web.tables import Column, Table
from tenure_app.web.templatetags.tenure import file_name

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]
NOTHING = "∅"


def _quarantine_url(**filters: str) -> str:
    return f"{reverse('quarantine')}?{urlencode(filters)}"


BATCHES = Table(
    "batches",
    (
        Column("file", _("File"), value=lambda row: file_name(row["file"]), classes="file-name"),
        Column("table_name", _("As")),
        Column("rows", _("Rows"), "number"),
        Column("accepted", _("Accepted"), "number", term="accepted"),
        Column("corrected", _("Corrected"), "number", value=lambda row: row["corrected"] or 0, term="corrected"),
        Column("duplicates", _("Duplicate rows"), "number", term="duplicate-row"),
        Column(
            "quarantined",
            _("Quarantined"),
            "number",
            url=lambda row: _quarantine_url(batch_id=row["batch_id"]) if row["quarantined"] else "",
            term="quarantined",
        ),
        Column("at", _("When"), "instant", html=lambda row: ago_of(row["at"])),
    ),
)


#: Why rows of an import wait in quarantine.
REASONS = Table(
    "reasons",
    (
        Column("text", _("Reason")),
        Column("rows", _("Rows"), "number", url=lambda row: _quarantine_url(reason=row["code"])),
    ),
    classes="card-table",
    bare_heads=True,
)


# How a file is understood


#: Which column of a file is which field; rows are a choice and the file's columns.
CHOICES = Table(
    "choices",
    (
        Column("field", _("Field"), value="label", template="imports/choice_field.html"),
        Column("column", _("Column in the file"), template="imports/choice_column.html"),
        Column(
            "examples", _("For example"), template="imports/choice_examples.html", classes="text-secondary examples"
        ),
    ),
    classes="table-vcenter cards columns-table",
    row_class=lambda row: "table-warning" if row["is_missing"] else "",
)


def sample_table(columns: Sequence[str], meanings: Sequence[str]) -> Table:
    """Return the table of a file's first rows: its columns, below each the field that it is read as."""
    return Table(
        "sample",
        tuple(
            Column(
                f"column-{place}",
                name,
                value=partial(_cell, place),
                head_html=format_html('{}<br><span class="fw-normal text-green">{}</span>', name, meaning),
            )
            for place, (name, meaning) in enumerate(zip(columns, meanings, strict=True))
        ),
        classes="table-sm sample",
    )


def _cell(place: int, row: Sequence[str]) -> str:
    return row[place] if place < len(row) else ""


# The quarantine


def _place(row: Row) -> str:
    line = _("row %(n)s") % {"n": number(row["row"])}
    return format_html(
        '<div><span class="file-name">{}</span> <span class="text-secondary">{}</span></div>', row["file"], line
    )


def _short(value: str, length: int) -> str:
    return Truncator(value).chars(length) if value else NOTHING


_BUTTONS = "imports/quarantine_buttons.html"
#: Rows that are no facts yet; a button opens a row's cells for repair.
QUARANTINE = Table(
    "quarantine",
    (
        Column("file", _("File and row"), html=_place, also=(Column("row", _("Row"), "number"),)),
        Column("problem", _("What is wrong"), value="reason"),
        Column(
            "value",
            _("Column and value"),
            html=lambda row: format_html("<div>{} <code>{}</code></div>", row["column"], _short(row["value"], 60)),
            also=(Column("column", _("Column in the file")),),
        ),
        Column(
            "cells",
            _("Whole row"),
            value=lambda row: " · ".join(_short(value, 30) for value in row["cells"].values()),
            classes="text-secondary raw",
        ),
        Column("repair", _("Repair"), template=_BUTTONS, classes="row-actions", bare=True, export=()),
    ),
)
