"""The table of what was imported."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import ago, instant
from tenure_app.web.tables import Column, Table
from tenure_app.web.templatetags.tenure import file_name

Row = dict[str, Any]


def _quarantine(row: Row) -> str:
    return f"{reverse('quarantine')}?{urlencode({'batch_id': row['batch_id']})}" if row["quarantined"] else ""


BATCHES = Table(
    "batches",
    (
        Column("file", _("File"), value=lambda row: file_name(row["file"]), classes="file-name"),
        Column("table_name", _("As")),
        Column("rows", _("Rows"), "number"),
        Column("accepted", _("Accepted"), "number", term="accepted"),
        Column("corrected", _("Corrected"), "number", value=lambda row: row["corrected"] or 0, term="corrected"),
        Column("duplicates", _("Duplicate rows"), "number", term="duplicate-row"),
        Column("quarantined", _("Quarantined"), "number", url=_quarantine, term="quarantined"),
        Column(
            "at",
            _("When"),
            "instant",
            html=lambda row: format_html('<span title="{}">{}</span>', instant(row["at"]), ago(row["at"])),
        ),
    ),
)
