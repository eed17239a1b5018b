"""The table of finished work."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import ago, instant
from tenure_app.web.tables import Column, Table

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
            html=lambda row: format_html(
                '<span title="{}">{}</span>', instant(row["job"].finished_at), ago(row["job"].finished_at)
            ),
        ),
        Column("retry", _("Try again"), template="jobs/retry.html", bare=True, export=()),
    ),
)
