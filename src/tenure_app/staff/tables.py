"""The table of refreshes."""

from __future__ import annotations

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure_app.core.tables import ago_of
from tenure_app.web.formats import number
from tenure_app.web.tables import Column, Table

REFRESHES = Table(
    "refreshes",
    (
        Column("started_at", _("Started"), "instant", html=lambda row: ago_of(row["started_at"])),
        Column("as_of"),
        Column(
            "mode",
            _("Who"),
            value=lambda row: (
                gettext("All customers") if row["mode"] == "full" else gettext("Only customers with new facts")
            ),
        ),
        Column("people", value=lambda row: row["customers"]),
        Column("seconds", _("Took"), "number", html=lambda row: gettext("%(n)s s") % {"n": number(row["seconds"], 1)}),
        Column("engine", _("Engine")),
    ),
)
