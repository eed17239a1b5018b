"""The tables of a preview: how many customers are in each stage before and after, and every move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenure.lifecycle.model import NOT_IN_MODEL
from tenure_app.lifecycle.definitions.labels import Badge, Badges
from tenure_app.web.formats import number
from tenure_app.web.tables import Column, Table, numeric
from tenure_app.web.templatetags.tenure import stage_badge

Row = dict[str, Any]


def _badge(name: str, row: Row) -> str:
    return stage_badge(row[name].name, row[name].family) if row[name] else str(_("After"))


#: Every move, with its value.
MOVES = Table(
    "moves",
    (
        Column("source", _("From"), value=lambda row: row["source"].name, html=partial(_badge, "source")),
        Column("target", _("To"), value=lambda row: row["target"].name, html=partial(_badge, "target")),
        Column("people"),
        Column("value", _("Net sales to date"), "money", brief=True, classes="text-secondary"),
    ),
    classes="table-sm",
)


def _cell(target: str, row: Row) -> str:
    count = row["counts"].get(target, 0)
    if not count:
        return format_html('<span aria-hidden="true">{}</span>', "·")
    if row["source"] is None:
        return number(count)
    style = "preview-stays" if row["source"].id == target else "preview-moves"
    return format_html('<span class="{}">{}</span>', style, number(count))


def _matrix_table(targets: Sequence[Badge]) -> Table:
    counts = (
        numeric(
            target.id, target.name, html=partial(_cell, target.id), head_html=stage_badge(target.name, target.family)
        )
        for target in targets
    )
    return Table(
        "matrix",
        (
            Column("source", _("From ↓ to →"), html=partial(_badge, "source"), row_head=True),
            *counts,
            numeric("total", _("Before"), classes="text-secondary"),
        ),
        caption=_("Customers by stage before (rows) and after (columns)"),
        classes="table-sm preview-matrix",
    )


def matrix(result: Mapping[str, Any], badges: Badges) -> tuple[Table, list[Row]]:
    """Return the matrix of a preview's result; its last row holds the sums after the change."""
    moves = {(move["source"], move["target"]): move["customers"] for move in result["moves"]}
    # Customers who are outside the model both before and after would only hide the moves.
    moved = {stage for pair in moves for stage in pair}
    before, after = (
        {stage: count for stage, count in result[side].items() if count and (stage != NOT_IN_MODEL or stage in moved)}
        for side in ("before", "after")
    )
    rows: list[Row] = []
    for source, total in before.items():
        counts = {target: moves.get((source, target), 0) for target in after}
        counts[source] = total - sum(count for (start, _end), count in moves.items() if start == source)
        rows.append({"source": badges[source], "counts": counts, "total": total})
    rows.append({"source": None, "counts": after, "total": sum(before.values())})
    return _matrix_table([badges[stage] for stage in after]), rows
