"""The tables of early warnings, decline and settlement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tenure_app.risk.declining import INDUSTRY, NO, UNKNOWN, YES
from tenure_app.web.formats import MISSING, change, day, number, percent
from tenure_app.web.tables import Column, Table, columns, numeric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tenure_app.risk.declining import Row
    from tenure_app.risk.queries import WarnedCustomer

#: The answers to whether a customer declines.
ANSWERS = {
    YES: _("Declining: our volume falls, theirs does not"),
    UNKNOWN: _("Undetermined: our volume falls, theirs is not known"),
    INDUSTRY: _("Their own business falls too"),
    NO: _("Our volume does not fall"),
}
_CUSTOMER = Column("customer", template="components/customer.html", export=columns("customer_id", "name"))


def _due(row: WarnedCustomer) -> str:
    if not row.overdue:
        return format_html('<span class="text-nowrap">{}</span>', day(row.due_on))
    return format_html(
        '<span class="text-nowrap text-red">{}<span class="under text-red">{}</span></span>',
        day(row.due_on),
        gettext("overdue"),
    )


WARNINGS = Table(
    "warnings",
    (
        _CUSTOMER,
        Column("why", _("Why"), template="risk/why.html"),
        Column("warning_score", value="score", term="warning_score"),
        Column("value_at_stake", brief=True),
        numeric(
            "lead_days",
            _("Lead time"),
            html=lambda row: (
                MISSING
                if row.lead_days is None
                else ngettext("%(shown)s day", "%(shown)s days", row.lead_days) % {"shown": number(row.lead_days)}
            ),
            term="lead-time",
        ),
        Column("owner", _("Owner")),
        Column("warning_due_on", html=_due),
        Column("actions", _("Actions"), template="risk/actions.html", bare=True, classes="row-actions", export=()),
    ),
    caption=_("Early warnings, the most money at stake first"),
    classes="table-vcenter card-table cards warnings",
    row_class=lambda row: "text-secondary" if row.handled_as_of else "",
)


def signals_of(customers: Iterable[WarnedCustomer]) -> Iterator[dict[str, Any]]:
    for customer in customers:
        stake = customer.value_at_stake
        rounded = {"stake": None if stake is None else round(stake, 2), "warning_score": round(customer.score, 4)}
        for signal in customer.signals:
            about = {"signal": signal.name, "why": signal.why, "since": signal.since, "score": round(signal.score, 4)}
            yield {**vars(customer), **rounded, **about}


#: The list of warnings as a file: a row a signal.
WARNED_SIGNALS = Table(
    "warned-signals",
    (
        *columns("customer_id", "name"),
        Column("signal", _("Signal")),
        Column("why", _("Why")),
        Column("since", _("Since"), "day"),
        Column("score", _("Score of the signal"), "percent"),
        Column("warning_score"),
        Column("value_at_stake", value="stake"),
        numeric("lead_days", _("Days until a worse stage")),
        Column("owner", _("Owner")),
        Column("warning_due_on", value="due_on"),
        Column("handled_as_of", _("Dealt with on"), "day"),
        Column("note", _("Note")),
    ),
)


def _wallet_share(row: Row) -> str:
    if row["wallet_share"] is None:
        return MISSING
    before = f"{percent(row['wallet_before'])} → " if row["wallet_before"] is not None else ""
    query = urlencode({"answer": row["answer"], "customer": row["customer_id"]})
    return format_html('<a href="{}?{}">{}{}</a>', reverse("risk-decline"), query, before, percent(row["wallet_share"]))


_SHARES = (Column("wallet_before", _("Share of wallet before"), "percent"), Column("wallet_share"))
_P = (Column("decline_p"),)
DECLINING = Table(
    "declining",
    (
        _CUSTOMER,
        Column("answer", _("Answer"), value=lambda row: str(ANSWERS[row["answer"]])),
        Column("volume_change", html=lambda row: change(row["volume_change"])),
        Column(
            "total_change",
            html=lambda row: (
                format_html('<span class="text-secondary">{}</span>', gettext("not known"))
                if row["total_change"] is None
                else change(row["total_change"])
            ),
        ),
        Column("wallet_share", html=_wallet_share, export=_SHARES),
        Column("activity_change", html=lambda row: change(row["activity_change"]), term="activity_change", also=_P),
        Column("value_at_stake", brief=True),
        Column("last_order_on"),
    ),
    classes="table-sm table-vcenter cards card-table",
)
UNSETTLED = Table(
    "unsettled",
    (
        _CUSTOMER,
        Column("last_order_on"),
        Column("receivable", _("Receivable"), "money"),
        Column("payable", _("Payable"), "money"),
        Column("stated_on", _("Stated on"), "day"),
        numeric("open_cases", _("Open cases"), value="cases"),
        Column("cancelled", _("Contract cancelled"), "yesno"),
    ),
)
