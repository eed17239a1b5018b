"""The tables of early warnings, decline and settlement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from tenure.columns import value_name
from tenure.words import sentences
from tenure_app.risk import titles
from tenure_app.risk.queries import WarnedCustomer, WarningSignal
from tenure_app.web.formats import MISSING, change, day, number, percent
from tenure_app.web.tables import Column, Table

if TYPE_CHECKING:
    from tenure_app.risk.declining import Declining

#: How many reasons a line shows before it is opened.
GLANCE = 2
Row = dict[str, Any]
_CUSTOMER = Column("customer", template="components/customer.html", export=(Column("customer_id"), Column("name")))


@dataclass(frozen=True, slots=True)
class WarningLine:
    """One customer of the list of warnings, as it is shown."""

    customer: WarnedCustomer
    day: date | None
    open: bool = False  # its form is shown
    owners: Sequence[str] = ()  # that the form offers
    wrong: str = ""  # about the day in the form

    @property
    def customer_id(self) -> str:
        """The customer."""
        return self.customer.customer_id

    @property
    def name(self) -> str | None:
        """Their name."""
        return self.customer.name

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """The signals by name, each with its evidence in sentences, the most telling first."""
        signals = self.customer.signals
        return [(value_name("warning_signals", item.signal), sentences(item.evidence)) for item in signals]

    @property
    def first(self) -> list[tuple[str, str]]:
        """The reasons that are read at a glance; one more is not worth folding."""
        reasons = self.reasons
        return reasons if len(reasons) <= GLANCE + 1 else reasons[:GLANCE]

    @property
    def others(self) -> list[tuple[str, str]]:
        """The other reasons."""
        return self.reasons[len(self.first) :]

    @property
    def signals(self) -> str:
        """The signals of this line, with commas: what is decided holds for them."""
        return ",".join(signal.signal for signal in self.customer.signals)

    @property
    def overdue(self) -> bool:
        """Whether its day has passed."""
        due = self.customer.due_on
        return bool(due and self.day and due < self.day and not self.customer.handled_as_of)


def _days(days: int | None) -> str:
    if days is None:
        return MISSING
    return ngettext("%(shown)s day", "%(shown)s days", days) % {"shown": number(days)}


def _due(line: WarningLine) -> str:
    if not line.overdue:
        return format_html('<span class="text-nowrap">{}</span>', day(line.customer.due_on))
    return format_html(
        '<span class="text-nowrap text-red">{}<span class="under text-red">{}</span></span>',
        day(line.customer.due_on),
        gettext("overdue"),
    )


WARNINGS = Table(
    "warnings",
    (
        _CUSTOMER,
        Column("why", _("Why"), template="risk/why.html"),
        Column("warning_score", value=lambda line: line.customer.score, term="warning_score"),
        Column("value_at_stake", value=lambda line: line.customer.value_at_stake, brief=True),
        Column(
            "lead_days", _("Lead time"), "number", html=lambda line: _days(line.customer.lead_days), term="lead-time"
        ),
        Column("owner", _("Owner"), value=lambda line: line.customer.owner),
        Column("warning_due_on", html=_due),
        Column("actions", _("Actions"), template="risk/actions.html", bare=True, classes="row-actions", export=()),
    ),
    caption=_("Early warnings, the most money at stake first"),
    classes="table-vcenter card-table cards warnings",
    row_class=lambda line: "text-secondary" if line.customer.handled_as_of else "",
)


@dataclass(frozen=True, slots=True)
class SignalOf:
    """One signal of a customer, a row of a file."""

    customer: WarnedCustomer
    signal: WarningSignal


def signals_of(customers: Iterable[WarnedCustomer]) -> Iterator[SignalOf]:
    """Yield every signal of customers."""
    for customer in customers:
        for signal in customer.signals:
            yield SignalOf(customer, signal)


#: The list of warnings as a file: a row a signal.
WARNED_SIGNALS = Table(
    "warned-signals",
    (
        Column("customer_id", value=lambda row: row.customer.customer_id),
        Column("name", value=lambda row: row.customer.name),
        Column("signal", _("Signal"), value=lambda row: value_name("warning_signals", row.signal.signal)),
        Column("why", _("Why"), value=lambda row: sentences(row.signal.evidence)),
        Column("since", _("Since"), "day", value=lambda row: row.signal.since),
        Column("score", _("Score of the signal"), "percent", value=lambda row: round(row.signal.score, 4)),
        Column("warning_score", value=lambda row: round(row.customer.score, 4)),
        Column("value_at_stake", value=lambda row: _cents(row.customer.value_at_stake)),
        Column("lead_days", _("Days until a worse stage"), "number", value=lambda row: row.customer.lead_days),
        Column("owner", _("Owner"), value=lambda row: row.customer.owner),
        Column("warning_due_on", value=lambda row: row.customer.due_on),
        Column("handled_as_of", _("Dealt with on"), "day", value=lambda row: row.customer.handled_as_of),
        Column("note", _("Note"), value=lambda row: row.customer.note),
    ),
)


def _cents(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 2)


#: How many customers show each signal.
SIGNALS = Table(
    "signals",
    (
        Column(
            "signal",
            _("Signal"),
            html=lambda row: format_html('<span>{}<span class="under">{}</span></span>', row["signal"], row["about"]),
            export=(Column("signal_id", _("Signal id")), Column("signal", _("Signal"))),
        ),
        Column("people", url=lambda row: row["url"] if row["people"] else ""),
        Column("value_at_stake", brief=True),
        Column("lead_days", _("Days until a worse stage"), "number"),
        Column("weight", _("Weight"), "percent"),
    ),
    classes="table-sm table-vcenter cards",
)
SILENCE = Table(
    "silence",
    (
        Column("gap", _("Probability of so long a gap")),
        Column("people", url=lambda row: row["url"]),
        Column("chance", _("By chance alone"), "number", places=0, classes="text-secondary"),
    ),
    classes="table-sm",
)


def _total_change(row: Declining) -> str:
    if row.total_change is None:
        return format_html('<span class="text-secondary">{}</span>', gettext("not known"))
    return change(row.total_change)


def _wallet_share(row: Declining) -> str:
    if row.wallet_share is None:
        return MISSING
    before = f"{percent(row.wallet_before)} → " if row.wallet_before is not None else ""
    query = urlencode({"answer": row.answer, "customer": row.customer_id})
    return format_html('<a href="{}?{}">{}{}</a>', reverse("risk-decline"), query, before, percent(row.wallet_share))


DECLINING = Table(
    "declining",
    (
        _CUSTOMER,
        Column("answer", _("Answer"), value=lambda row: titles.answers()[row.answer]),
        Column("volume_change", html=lambda row: change(row.volume_change)),
        Column("total_change", html=_total_change),
        Column(
            "wallet_share",
            html=_wallet_share,
            export=(Column("wallet_before", _("Share of wallet before"), "percent"), Column("wallet_share")),
        ),
        Column(
            "activity_change",
            html=lambda row: change(row.activity_change),
            term="activity_change",
            also=(Column("decline_p", value="p"),),
        ),
        Column("value_at_stake", brief=True),
        Column("last_order_on"),
    ),
    classes="table-sm table-vcenter cards card-table",
)
WALLET = Table(
    "wallet",
    (
        Column("first", _("From"), "day"),
        Column("last", _("To"), "day"),
        Column("ours", _("Bought from us"), "money"),
        Column("total", _("Their total"), "money"),
        Column("wallet_share", value="share"),
    ),
    classes="table-sm",
)
UNSETTLED = Table(
    "unsettled",
    (
        _CUSTOMER,
        Column("last_order_on"),
        Column("receivable", _("Receivable"), "money"),
        Column("payable", _("Payable"), "money"),
        Column("stated_on", _("Stated on"), "day"),
        Column("open_cases", _("Open cases"), "number"),
        Column("cancelled", _("Contract cancelled"), "yesno"),
    ),
)
