"""The tables of the life cycle's pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import number
from tenure_app.web.tables import CARDS, Column, Table, bar, columns, numeric, url_of
from tenure_app.web.templatetags.tenure import stage_badge

Row = dict[str, Any]


def _change(row: Row) -> str:
    if not row["change"]:
        return format_html('<span class="text-secondary">{}</span>', 0)
    return f"{'+' if row['change'] > 0 else '−'}{number(abs(row['change']))}"


#: Where the customers stand.
STANDING = Table(
    "standing",
    (
        Column("stage", html=lambda row: bar(row["stage"], row["family"], row["width"]), row_head=True),
        Column("people", url=url_of),
        Column("share", classes="text-secondary"),
        Column("people_change", value=lambda row: row["change"], html=_change),
    ),
    caption=_("Customers in each stage"),
    classes="table-sm bars",
    bare_heads=True,
)


#: Who moves within a week, if nothing happens.
NEXT_MOVES = Table(
    "next",
    (
        Column("on", _("Date"), "day"),
        Column(
            "customer", value=lambda row: row["name"] or row["customer_id"], url=url_of, export=(Column("customer_id"),)
        ),
        Column(
            "move",
            _("From → to"),
            html=lambda row: format_html('<span class="text-nowrap">{} → {}</span>', row["source"], row["target"]),
            export=(Column("source", _("From")), Column("target", _("To"))),
        ),
        # A rule may be long, and many customers move by the same one: the customer's page has all of it.
        Column(
            "why",
            _("Because then"),
            classes="because",
            html=lambda row: format_html('<span class="clamped" title="{0}">{0}</span>', row["why"]),
        ),
    ),
    classes=CARDS,
)

FLOWS = Table(
    "flow",
    (
        Column("source", _("From"), html=lambda row: stage_badge(row["source"], row["source_family"])),
        Column("target", _("To"), html=lambda row: stage_badge(row["target"], row["target_family"])),
        Column("people", url=url_of),
        numeric("before", _("In the period before"), classes="text-secondary"),
    ),
)


def trend_table(stages: Mapping[str, str]) -> Table:
    """Return the table of a trend: a column a stage, by its id and name; rows hold `url-ID` beside the people."""
    counts = (numeric(stage, name, url=itemgetter(f"url-{stage}")) for stage, name in stages.items())
    return Table("trend", (Column("on", _("Date"), "day", row_head=True), *counts))


#: The board as a file.
BOARD = Table(
    "stages",
    columns(
        *("stage_id", "stage", "people", "share", "amount", "average_days"),
        *("entries", "entered", "exits", "left", "leaving", "cannot_judge"),
    ),
)


def families_table(families: Sequence[tuple[str, str]]) -> Table:
    """Return the table of all models by family: a column a family, by its id and name."""
    return Table(
        "families",
        (
            Column("model", value=lambda row: row["entry"].name, url=url_of, row_head=True),
            *(
                numeric(
                    family,
                    f"{family} {name}".strip(),
                    html=partial(_family, family),
                    head_html=stage_badge(name, family),
                )
                for family, name in families
            ),
        ),
        classes="table-vcenter card-table families",
    )


def _family(family: str, row: Row) -> str:
    cell = row[f"{family}-cell"]
    if cell["people"] is None:
        return format_html('<span class="text-secondary" aria-label="{}">·</span>', _("no such stage"))
    people = format_html('<a href="{}">{}</a>', cell["url"], number(cell["people"])) if cell["people"] else "0"
    return format_html('{}<span class="under">{}</span>', people, " · ".join(cell["stages"]))
