"""The tables of the life cycle's pages."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import number
from tenure_app.web.tables import Column, Table
from tenure_app.web.templatetags.tenure import stage_badge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure_app.lifecycle.catalogue import Entry
    from tenure_app.lifecycle.queries import StageSummary

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
    """Return the table of a trend: a column a stage, by its id and name; rows hold `url-ID` beside the people."""
    columns = [Column(stage, name, "number", url=itemgetter(f"url-{stage}")) for stage, name in stages.items()]
    return Table("trend", (Column("on", _("Date"), "day", row_head=True), *columns), classes="table-sm")


#: The board as a file.
BOARD = Table(
    "stages",
    (
        Column("stage_id"),
        Column("stage"),
        Column("people"),
        Column("share"),
        Column("amount"),
        Column("average_days"),
        Column("entries"),
        Column("entered"),
        Column("exits"),
        Column("left"),
        Column("leaving"),
    ),
)


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
                    value=partial(_people, family),
                    html=partial(_family, family),
                    head_html=stage_badge(name, family),
                )
                for family, name in families
            ),
        ),
        classes="table-vcenter card-table families",
    )


def _people(family: str, row: Row) -> int | None:
    return row["cells"][family]["people"]


def _family(family: str, row: Row) -> str:
    cell = row["cells"][family]
    if cell["people"] is None:
        return format_html('<span class="text-secondary" aria-label="{}">·</span>', _("no such stage"))
    people = format_html('<a href="{}">{}</a>', cell["url"], number(cell["people"])) if cell["people"] else "0"
    return format_html('{}<span class="under">{}</span>', people, " · ".join(cell["stages"]))


def placed(entry: Entry, places: Sequence[StageSummary]) -> list[Row]:
    """Return places of a board as rows of :data:`BOARD`."""
    return [{**asdict(place), "stage_id": place.stage, "stage": entry.stage_name(place.stage)} for place in places]
