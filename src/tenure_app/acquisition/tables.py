"""The tables of first contacts."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tenure.acquisition.labels import VERDICTS, WINDOWS, FunnelSteps, kind_label
from tenure.acquisition.scoring import STEPS
from tenure.words import say
from tenure_app.web.formats import MISSING, day, number, percent
from tenure_app.web.tables import CARDS, LIST, Column, Table, badge, columns, numeric, under, url_of

Row = dict[str, Any]

CUSTOMER = Column("customer", template="components/customer.html", export=columns("customer_id", "name"))


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
STEP_TABLE = Table(
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
        numeric("now", _("In this step now"), html=_linked("now"), term="step-now"),
    ),
    classes=CARDS,
)


def trend_table(names: dict[str, str]) -> Table:
    """Return the table of months of first contact, its steps named as the model names them."""
    return Table(
        "trend",
        (
            Column("month", _("First contact in"), url=url_of),
            Column("people"),
            *(Column(step, names.get(step, step), "percent") for step in STEPS[1:]),
            Column("state", _("Observation window")),
        ),
        classes=CARDS,
    )


def _rate(row: Row) -> str:
    return under(percent(row["rate"]), f"{percent(row['low'])}–{percent(row['high'])}")


#: Rows are groups of one factor.
GROUP_TABLE = Table(
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
FACTOR_TABLE = Table(
    "factors",
    (
        Column("factor", _("Factor"), value="name", url=url_of),
        numeric("groups", _("Number of groups")),
        numeric("unknown", _("Unknown")),
        numeric("p_adjusted", _("Adjusted p"), html=_p, term="adjusted-p"),
        Column("verdict", _("Verdict"), value=lambda row: say(VERDICTS[row["verdict"]])),
    ),
    classes=CARDS,
    is_current=lambda row: row["current"],
)
#: Rows are groups of people with their decision time.
DECISION_TABLE = Table(
    "decision-time",
    (
        Column("value", _("Group")),
        Column("people"),
        numeric("converted", _("With a transaction")),
        numeric("waiting", _("No transaction yet")),
        numeric("lower_quartile", _("25% (days)")),
        numeric("median_days", _("Median (days)")),
        numeric("upper_quartile", _("75% (days)")),
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


def labelled(rows: list[Row], steps: FunnelSteps) -> list[Row]:
    """Return people with their step named and coloured, and the kinds of interactions in words."""
    return [
        row
        | {"stage": steps.name(row["step"]), "family": steps.families.get(row["step"], "")}
        | {"kind_name": kind_label(row.get("kind")), "touch": kind_label(row.get("touched_by"))}
        | {"suggested": next(iter(steps.plays.get(row["step"], [])), "")}
        for row in rows
    ]


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
        Column("window", _("Window"), value=lambda row: say(WINDOWS[row["window"]]), term="attention-window"),
        Column("contact_on", _("First contact"), "day"),
        Column(
            "touched_on",
            _("Last interaction"),
            "day",
            html=lambda row: under(day(row["touched_on"]), row["touch"]) if row["touched_on"] else MISSING,
            also=(Column("touch", _("Kind of last interaction")),),
        ),
        Column("suggested", _("Suggested now")),
    ),
    caption=_("Closing windows"),
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
        *columns("trust_on", "intent_on", "transaction_on", "attention_closes_on", "decision_closes_on"),
    ),
    caption=_("People by first contact"),
    classes=LIST,
)
