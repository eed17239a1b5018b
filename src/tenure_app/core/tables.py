"""The table of finished work."""

from __future__ import annotations

from datetime import datetime

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import ago, instant
from tenure_app.web.tables import Column, Table


def ago_of(at: datetime | None) -> str:
    """Return a cell that says how long ago something was; pointed at, when exactly."""
    return format_html('<span title="{}">{}</span>', instant(at), ago(at))


#: Rows are described jobs, see :mod:`tenure_app.core.pages`.
FINISHED = Table(
    "finished",
    (
        Column("kind", _("What")),
        Column("result", _("Result"), value=lambda row: row["job"].state, template="jobs/result.html"),
        Column(
            "finished_at",
            _("Finished"),
            "instant",
            value=lambda row: row["job"].finished_at,
            html=lambda row: ago_of(row["job"].finished_at),
        ),
        Column("retry", _("Try again"), template="jobs/retry.html", bare=True, export=()),
    ),
)
