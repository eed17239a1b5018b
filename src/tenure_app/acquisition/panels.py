"""The panel of a customer's page on the way to the transaction: both windows, notes, and the form for a note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from tenure.acquisition import windows
from tenure.acquisition.labels import WINDOWS, kind_label
from tenure.errors import LakeError
from tenure.words import say
from tenure_app.acquisition import queries, tables
from tenure_app.web.filters import Input, Select
from tenure_app.web.layout import default_day

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import duckdb


def first_contact(
    con: duckdb.DuckDBPyConnection, customer: str, day: date, form: Mapping[str, str] | None = None, problem: str = ""
) -> dict[str, Any]:
    """Return the panel of a customer; `form` and its `problem` are those of a note that was refused."""
    form = form or {"day": default_day().isoformat()}
    known = queries.notes(con, customer, day)
    kinds = [(kind, [row for row in known if row["kind"] == kind]) for kind, _topics in queries.topics()]
    return {
        "prospect": _prospect(con, customer, day),
        "notes": [(kind_label(kind), rows) for kind, rows in kinds if rows],
        "topics": [
            (kind_label(kind), topics or [(f"{kind}/", _("Brand (enter its name)"))])
            for kind, topics in queries.topics()
        ],
        "topic": form.get("topic", ""),
        "fields": (
            Input("text", _("Brand or comment"), form.get("text", ""), grow=True),
            Select(
                "score",
                _("Score (brand perception only)"),
                [(score, score) for score in "12345"],
                form.get("score", ""),
                any="–",
            ),
            Input("day", _("Day"), form.get("day", ""), "date"),
        ),
        "problem": problem,
    }


def _prospect(con: duckdb.DuckDBPyConnection, customer: str, day: date) -> tables.Row | None:
    """Return the windows of a customer without a transaction; None for others."""
    try:
        contacts = queries.contacts_on(day, con, customer)
    except LakeError:
        return None
    prospect = windows.of_customer(contacts, customer)
    if prospect is None:
        return None
    [row] = tables.labelled([prospect], queries.steps())
    closing = [
        (say(name), row[f"{window}_closes_on"], tables.days_left(row[f"{window}_left"]))
        for window, name in WINDOWS.items()
    ]
    return row | {"windows": closing}
