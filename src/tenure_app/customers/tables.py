"""The tables of customers' pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.lifecycle.model import NOT_IN_MODEL
from tenure_app.web.formats import MISSING, ago, day, instant
from tenure_app.web.tables import LIST, Column, Table, under, url_of
from tenure_app.web.templatetags.tenure import stage_badge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure_app.lifecycle.catalogue import Entry

Row = dict[str, Any]


def list_row(row: Row, entry: Entry | None, url: str) -> Row:
    """Return a row of the list with its stages named and the address of its customer."""
    stage = row["stage"] if row["entered_on"] else NOT_IN_MODEL
    return row | {
        "stage_name": entry.stage_name(stage) if entry else "",
        "family": entry.family(row["stage"]) if entry else "",
        "next_stage_name": entry.stage_name(row["next_stage"]) if entry else "",
        "url": url,
    }


def file_row(row: Row, stages: Mapping[str, str]) -> Row:
    """Return a row of the file, the stages that the model still has by their names."""
    stage, following = row["stage"], row["next_stage"]
    return row | {"stage_name": stages.get(stage, stage), "next_stage_name": stages.get(following, following)}


def _customer(row: Row) -> str:
    number = row["customer_id"] if row["name"] else ""
    return format_html(
        '<span><a href="{}">{}</a><span class="under">{}</span></span>',
        row["url"],
        row["name"] or row["customer_id"],
        " ".join(filter(None, (number, row["phone"] or row["email"]))),
    )


def _next_change(row: Row) -> str:
    on = row["next_change_on"]
    return under(day(on), f"→ {row['next_stage_name']}") if on else MISSING


def _windows(row: Row) -> str:
    decision = row["decision_closes_on"]
    below = gettext("decision: %(day)s") % {"day": day(decision)} if decision else ""
    return under(day(row["attention_closes_on"]), below)


CUSTOMERS = Table(
    "customers",
    (
        Column(
            "customer",
            sort="customer",
            sql="k.customer_id",
            html=_customer,
            export=(
                Column("customer_id", sql="k.customer_id"),
                Column("name", sql="k.name", sort="name"),
                Column("phone", sql="k.phone"),
                Column("email", sql="k.email"),
            ),
        ),
        Column(
            "stage",
            sort="stage",
            sql="s.stage",
            html=lambda row: stage_badge(row["stage_name"], row["family"]) if row["stage_name"] else MISSING,
            export=(Column("stage_id", value="stage"), Column("stage", value="stage_name")),
        ),
        Column("entered_on", sql="s.entered_on", sort="since", largest_first=True),
        Column(
            "next_change_on",
            sort="next",
            sql="s.change_on",
            html=_next_change,
            also=(Column("next_stage", sql="s.next_stage", value="next_stage_name"),),
        ),
        Column("orders", sql="k.orders", sort="orders", largest_first=True),
        Column("amount", sql="k.amount", sort="amount", largest_first=True),
        Column(
            "last_order_on",
            sql="k.last_order_on",
            sort="last_order",
            largest_first=True,
            export=(
                Column("first_order_on", sql="k.first_order_on", sort="first_order", largest_first=True),
                Column("last_order_on"),
            ),
        ),
        Column(
            "attention_closes_on",
            sql="k.attention_closes_on",
            sort="attention",
            html=_windows,
            also=(Column("decision_closes_on", sql="k.decision_closes_on", sort="decision"),),
        ),
        Column("lifetime_value", sql="k.lifetime_value", sort="value", largest_first=True, brief=True),
        Column("churn", sql="k.churn", sort="churn", largest_first=True),
    ),
    classes=f"{LIST} customers",
    row_url=url_of,
)


def _stage(row: Row) -> str:
    if row["now"] is None:
        return format_html('<span class="text-secondary">{}</span>', gettext("In no stage"))
    return stage_badge(row["now"].name, row["now"].family)


#: Rows are made by :func:`tenure_app.customers.pages.customer`.
PRESENT_STAGES = Table(
    "present-stages",
    (
        Column("model", url=url_of),
        Column("stage", value=lambda row: row["now"].name if row["now"] else "", html=_stage),
        Column("entered_on", value=lambda row: row["now"] and row["now"].span.entered_on),
        Column(
            "reason",
            value=lambda row: row["now"] and row["now"].why.text,
            template="customers/reason_brief.html",
            classes="because",
        ),
        Column("next_change_on", html=_next_change, also=(Column("next_stage", value="next_stage_name"),)),
    ),
    caption=_("The present stage under every model"),
    classes=LIST,
    is_current=lambda row: row["current"],
)

#: Rows are stays of a life.
HISTORY = Table(
    "history",
    (
        Column("entered_on", value=lambda stay: stay.span.entered_on),
        Column("stage", template="customers/stay.html"),
        Column("days", _("Days"), "number", template="customers/stay_days.html"),
        Column("reason", template="customers/stay_reason.html", classes="because"),
        Column("version", _("Model version"), value=lambda stay: stay.span.version),
    ),
)

#: Rows are doubts of a customer: stages that could not be judged, from when to when.
DOUBTS = Table(
    "doubts",
    (
        Column("first_day", _("First day"), "day", value="entered_on"),
        Column("judged_on", _("Determined again from"), "day", value="left_on"),
        Column("stage"),
        Column("missing_facts"),
    ),
    caption=_("Periods in which a stage was undetermined"),
    is_current=lambda row: row["left_on"] is None,
)


def _code(rule: str) -> str:
    return format_html("<code>{}</code>", rule)


def _stay_rule(row: Row) -> str:
    """Return by which other rule a stage keeps those who are in it."""
    if not row["stay_sentence"]:
        return ""
    sentence = format_html("{} {}", _("Stays while"), row["stay_sentence"])
    return format_html("<div>{}</div>", under(sentence, _code(row["stage"].stays_while)))


#: Rows are rules of stages with their truth, see :mod:`tenure_app.customers.pages`.
VERDICTS = Table(
    "why",
    (
        Column("stage", html=lambda row: stage_badge(row["stage"].name.render(), row["stage"].family)),
        Column("truth", _("Holds"), template="customers/truth.html"),
        Column(
            "rule",
            _("Rule"),
            html=lambda row: format_html("{}{}", under(row["sentence"], _code(row["stage"].when)), _stay_rule(row)),
        ),
        Column(
            "values",
            _("Values on the day"),
            html=lambda row: format_html(
                "<span>{}</span>", format_html_join("", "<div>{}: <strong>{}</strong></div>", row["values"])
            ),
        ),
    ),
    classes=f"{LIST} truths",
    is_current=lambda row: row["current"],
)

#: Rows are merges of the library.
MERGES = Table(
    "merges",
    (
        Column("keep", _("Counts as")),
        Column("others", _("Merged"), value=lambda merge: ", ".join(merge.others)),
        Column("why", _("Why"), value="reason"),
        Column(
            "at",
            _("When"),
            "instant",
            html=lambda merge: format_html('<span title="{}">{}</span>', instant(merge.at), ago(merge.at)),
        ),
        Column("undo", _("Undo"), template="customers/merge_undo.html", classes="row-actions", bare=True),
    ),
)
