"""The tables of first contacts."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import MISSING, day, number, percent
from tenure_app.web.tables import CARDS, LIST, Column, Table, badge, columns, numeric, under, url_of

Row = dict[str, Any]

CUSTOMER = Column("customer", template="components/customer.html", export=columns("customer_id", "name"))
WINDOWS = {"attention": _("Attention window"), "decision": _("Decision window")}
VERDICTS = {
    "differs": _("differs beyond chance"),
    "no-difference": _("no difference beyond chance"),
    "too-few": _("too few people to judge"),
}


def _linked(name: str) -> Any:
    def html(row: Row) -> str:
        address = row[f"{name}_url"] if row[name] else ""
        return format_html('<a href="{}">{}</a>', address, number(row[name])) if address else number(row[name])

    return html


def _interval(row: Row) -> str:
    if row["share"] is None:
        return MISSING
    return under(percent(row["share"]), f"{percent(row['share_low'])}–{percent(row['share_high'])}")


_STEP = Column("step", _("Step"), value="stage", html=badge)
#: Rows are steps of a funnel.
STEPS = Table(
    "funnel",
    (
        _STEP,
        numeric("reached", _("Reached"), html=_linked("reached"), term="funnel-step"),
        Column(
            "of_all",
            _("Share of all"),
            "percent",
            value="share",
            html=_interval,
            also=(Column("share_low", _("Lower bound"), "percent"), Column("share_high", _("Upper bound"), "percent")),
            term="step-conversion",
        ),
        Column("rate", _("Of the step before"), "percent"),
        numeric("dropped", _("Dropped out before"), html=_linked("dropped"), term="drop-off"),
        numeric("median_days", _("Median days since the step before"), places=1),
        numeric("now", _("There now"), html=_linked("now")),
    ),
    classes=CARDS,
)
#: Rows are months of first contact.
TREND = Table(
    "trend",
    (
        Column("month", _("First contact in"), url=url_of),
        Column("people"),
        *(Column(name, name, "percent") for name in ("trust", "intent", "transaction")),
        Column("state", _("Finished or not")),
    ),
    classes=CARDS,
)


def trend_table(names: dict[str, str]) -> Table:
    """Return the table of months with its steps named as the model names them."""
    months, people, *_steps, state = TREND.columns
    steps = (Column(name, names.get(name, name), "percent") for name in ("trust", "intent", "transaction"))
    return Table("trend", (months, people, *steps, state), classes=CARDS)


def _rate(row: Row) -> str:
    return under(percent(row["rate"]), f"{percent(row['low'])}–{percent(row['high'])}")


#: Rows are groups of one factor.
GROUPS = Table(
    "factor",
    (
        Column("value", _("Group")),
        Column("people"),
        numeric("reached", _("Converted")),
        Column(
            "rate",
            _("Conversion"),
            "percent",
            html=_rate,
            also=(Column("low", _("Lower bound"), "percent"), Column("high", _("Upper bound"), "percent")),
            term="wilson",
        ),
    ),
    classes=CARDS,
)


def _p(row: Row) -> str:
    value = row["p_adjusted"]
    return "<0.001" if value is not None and value < 0.001 else number(value, 3)


#: Rows are factors.
FACTORS = Table(
    "factors",
    (
        Column("factor", _("Factor"), value="name", url=url_of),
        numeric("groups", _("Number of groups")),
        numeric("unknown", _("Not known of")),
        numeric("p_adjusted", _("Adjusted p"), html=_p, term="adjusted-p"),
        Column("verdict", _("Verdict"), value=lambda row: str(VERDICTS[row["verdict"]])),
    ),
    classes=CARDS,
    is_current=lambda row: row["current"],
)
#: Rows are groups of people with their decision time.
DECISION = Table(
    "decision-time",
    (
        Column("value", _("Group")),
        Column("people"),
        numeric("ordered", _("Ordered")),
        numeric("waiting", _("Not yet")),
        numeric("lower_quartile", _("A quarter by day")),
        numeric("median_days", _("Half by day")),
        numeric("upper_quartile", _("Three quarters by day")),
    ),
    classes=CARDS,
)


def days_left(left: int | None) -> str:
    """Say how many days a window is still open."""
    if left is None:
        return MISSING
    if left < 0:
        text = ngettext("closed %(days)s day ago", "closed %(days)s days ago", -left)
        return text % {"days": number(-left)}
    if not left:
        return gettext("closes today")
    return ngettext("%(days)s day left", "%(days)s days left", left) % {"days": number(left)}


#: Rows are people whose window closes.
CLOSING = Table(
    "windows",
    (
        CUSTOMER,
        _STEP,
        Column(
            "closes_on",
            _("Closes"),
            "day",
            html=lambda row: under(day(row["closes_on"]), days_left(row["days_left"])),
            also=(numeric("days_left", _("Days left")),),
        ),
        Column("window", _("Window"), value=lambda row: str(WINDOWS[row["window"]]), term="attention-window"),
        Column("contact_on", _("First contact"), "day"),
        Column(
            "touched_on",
            _("Last touch"),
            "day",
            html=lambda row: under(day(row["touched_on"]), row["touch"]) if row["touched_on"] else MISSING,
            also=(Column("touch", _("Last touch by")),),
        ),
        Column("suggested", _("Suggested now")),
    ),
    caption=_("Windows that close"),
    classes=LIST,
)
#: Rows are people behind a number of the funnel.
PEOPLE = Table(
    "people",
    (
        CUSTOMER,
        _STEP,
        Column("contact_on", _("First contact"), "day"),
        Column("first_contact_kind", value="kind_name"),
        Column("first_channel", value="channel"),
        *columns("trust_on", "intent_on"),
        Column("first_order_on", value="order_on"),
        *columns("attention_closes_on", "decision_closes_on"),
    ),
    caption=_("People first met"),
    classes=LIST,
)
