"""The figures of customers' pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure_app.customers.tables import PRESENT_STAGES
from tenure_app.web.charts import Ribbon, RibbonChange, RibbonOrder, RibbonRow, RibbonSpan
from tenure_app.web.figures import Figure
from tenure_app.web.formats import money
from tenure_app.web.layout import business, today

if TYPE_CHECKING:
    from decimal import Decimal

    from tenure_app.lifecycle.reasons import Life


@dataclass(frozen=True, slots=True)
class LifeData:
    lives: list[Life]
    rows: list[dict[str, Any]]  # of the table below
    orders: list[tuple[date, int, Decimal]]  # days with orders, how many and for how much
    day: date


def _ribbon(data: LifeData) -> Ribbon:
    orders = [order for order in data.orders if order[0] <= data.day]
    days = [stay.span.entered_on for life in data.lives for stay in life.stays] + [on for on, _count, _amount in orders]
    # What was is what matters: the future gets a third of the width at most. Later changes stand in the table.
    horizon = data.day + timedelta(days=max(60, (data.day - min(days)).days // 2))
    changes = [life.next_on for life in data.lives if life.next_on and life.next_on <= horizon]
    last = max([data.day + timedelta(days=30), *changes])
    return Ribbon(
        start=min(days),
        to=last + timedelta(days=7),
        today=data.day,
        today_name=_("today") if data.day == today() else _("as of"),
        orders_name=_("Orders"),
        rows=[_row(life, last) for life in data.lives],
        orders=[RibbonOrder(on, _order(count, amount)) for on, count, amount in orders],
    )


def _row(life: Life, last: date) -> RibbonRow:
    spans = [
        RibbonSpan(stay.name, stay.family, stay.span.entered_on, stay.span.left_on, stay.why.text, stay.why.by_hand)
        for stay in reversed(life.stays)
        if not stay.span.passed_through
    ]
    on = life.next_on
    change = RibbonChange(on, life.next_name, life.next_family) if on and on <= last else None
    return RibbonRow(life.entry.id, life.entry.name, spans, change)


def _order(count: int, amount: Decimal) -> str:
    text = money(amount, business().currency)
    return text if count == 1 else _("%(count)d orders, %(amount)s") % {"count": count, "amount": text}


#: The figures of the customer's page.
FIGURES = (
    Figure(
        "ribbon",
        term="ribbon",
        title=lambda _data: _("Life so far, under every model"),
        chart=_ribbon,
        table=PRESENT_STAGES,
        rows=lambda data: data.rows,
        note=lambda _data: _(
            "Marks above: orders. Vertical line: the day chosen. Hollow mark: the next change, if nothing happens."
        ),
        note_below=True,
        summary=gettext_lazy("The present stage under every model, as a table"),
    ),
)
