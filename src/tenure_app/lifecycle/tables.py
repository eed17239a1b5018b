"""The tables of the life cycle's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import number
from tenure_app.web.tables import Column, Table
from tenure_app.web.templatetags.tenure import stage_badge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure_app.lifecycle.catalogue import Entry

Row = dict[str, Any]


def _bar(row: Row) -> str:
    return format_html(
        '<span class="bar-name">{}</span><div class="stage-bar" data-family="{}" style="width: {}%"></div>',
        row["stage"],
        row["family"],
        row["width"],
    )


def _change(row: Row) -> str:
    if not row["change"]:
        return format_html('<span class="text-secondary">{}</span>', 0)
    return f"{'+' if row['change'] > 0 else '−'}{number(abs(row['change']))}"


#: Where the customers stand.
STANDING = Table(
    "standing",
    (
        Column("stage", html=_bar, row_head=True),
        Column("people", url=lambda row: row["url"]),
        Column("share", classes="text-secondary"),
        Column("people_change", value=lambda row: row["change"], html=_change),
    ),
    caption=_("Customers in each stage"),
    classes="table-sm bars",
    bare_heads=True,
)


def _move(row: Row) -> str:
    return format_html("<span>{} → {}</span>", row["source"], row["target"])


#: Who moves within a week, if nothing happens.
NEXT_MOVES = Table(
    "next",
    (
        Column("on", _("Date"), "day"),
        Column(
            "customer",
            value=lambda row: row["name"] or row["customer_id"],
            url=lambda row: row["url"],
            export=(Column("customer_id"),),
        ),
        Column("move", _("From → to"), html=_move, export=(Column("source", _("From")), Column("target", _("To")))),
        Column("why", _("Because then"), classes="because"),
    ),
    classes="table-sm table-vcenter cards",
)

FLOWS = Table(
    "flow",
    (
        Column("source", _("From"), html=lambda row: stage_badge(row["source"], row["source_family"])),
        Column("target", _("To"), html=lambda row: stage_badge(row["target"], row["target_family"])),
        Column("people", url=lambda row: row["url"]),
        Column("before", _("In the period before"), "number", classes="text-secondary"),
    ),
    classes="table-sm",
)


def trend_table(stages: Mapping[str, str]) -> Table:
    """Return the table of a trend: a column a stage, by its id and name."""
    return Table(
        "trend",
        (
            Column("on", _("Date"), "day", row_head=True),
            *(
                Column(
                    stage,
                    name,
                    "number",
                    value=lambda row, stage=stage: row["people"][stage],
                    url=lambda row, stage=stage: row["urls"][stage],
                )
                for stage, name in stages.items()
            ),
        ),
        classes="table-sm",
    )


#: The board as a file; rows are places of a board with their names.
BOARD = Table(
    "stages",
    (
        Column("stage_id", value=lambda row: row["place"].stage),
        Column("stage"),
        *(
            Column(name, value=lambda row, name=name: getattr(row["place"], name))
            for name in (
                "people", "share", "amount", "average_days", "entries", "entered", "exits", "left", "leaving"
            )
        ),
    ),
)  # fmt: skip


def families_table(families: Sequence[tuple[str, str]]) -> Table:
    """Return the table of all models by family: a column a family, by its id and name."""
    return Table(
        "families",
        (
            Column("model", value=lambda row: row["entry"].name, url=lambda row: row["url"], row_head=True),
            *(
                Column(
                    family,
                    f"{family} {name}",
                    "number",
                    value=lambda row, family=family: row["cells"][family]["people"],
                    html=lambda row, family=family: _family(row["cells"][family]),
                    head_html=stage_badge(name, family),
                )
                for family, name in families
            ),
        ),
        classes="table-vcenter card-table families",
    )


def _family(cell: Row) -> str:
    if cell["people"] is None:
        return format_html('<span class="text-secondary" aria-label="{}">·</span>', _("no such stage"))
    people = format_html('<a href="{}">{}</a>', cell["url"], number(cell["people"])) if cell["people"] else "0"
    return format_html('{}<span class="under">{}</span>', people, " · ".join(cell["stages"]))


def placed(entry: Entry, places: Sequence[Any]) -> list[Row]:
    """Return places of a board as rows of :data:`BOARD`."""
    return [{"place": place, "stage": entry.stage_name(place.stage)} for place in places]
