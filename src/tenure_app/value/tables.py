"""The tables of the value page and of its files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.columns import value_name
from tenure.value.behaviour import label_of
from tenure_app.value import titles
from tenure_app.web.formats import MISSING, money, number, percent
from tenure_app.web.layout import business
from tenure_app.web.tables import Column, Table
from tenure_app.web.templatetags.tenure import stage_badge

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure_app.value.ranking_queries import Customer
    from tenure_app.web.tables import Row

SMALL = "table-sm cards"


def columns(*names: str) -> tuple[Column, ...]:
    """Return columns as the catalogue defines them."""
    return tuple(map(Column, names))


def _bounds(kind: str = "money") -> tuple[Column, Column]:
    """Return the bounds of an interval as columns of a file."""
    return Column("low", _("Low"), kind), Column("high", _("High"), kind)


def customer_url(row: Customer) -> str:
    """Return the address of a customer's page."""
    return reverse("customer", args=[row.customer_id])


#: Rows are customers of :mod:`tenure_app.value.ranking_queries`.
BEST = Table(
    "best",
    (
        Column(
            "customer",
            value=lambda row: row.name or row.customer_id,
            url=customer_url,
            export=columns("customer_id", "name"),
        ),
        Column("orders"),
        Column("revenue", value=lambda row: float(row.sales)),
        Column("profit", value=lambda row: float(row.profit), also=columns("first_order_on", "last_order_on")),
        Column("old_customer", also=columns("tier", "rfm_group")),
    ),
    caption=_("Top fifth"),
    classes=SMALL,
)


def _by(row: Row) -> str:
    return gettext("Profit") if row["by"] == "profit" else gettext("Sales")


CURVE = Table(
    "curve",
    (
        Column("by", _("By"), value=_by),
        Column("buyers", _("Share of buyers"), "percent"),
        Column("total", _("Share of the total"), "percent"),
    ),
    caption=_("80/20 curve"),
    classes="table-sm",
)


def url_of(row: Row) -> str:
    return row.get("url", "")


def _badge(row: Row) -> str:
    return stage_badge(row["group"], row["family"])


def _amount_with_share(name: str) -> Callable[[Row], str]:
    """Return a cell with an amount and its share of the total."""

    def cell(row: Row) -> str:
        amount = money(row[name], business().currency, brief=True)
        text = '<span>{} <span class="text-secondary">{}</span></span>'
        return format_html(text, amount, percent(row[f"{name}_share"]))

    return cell


def _words(name: str) -> Callable[[Row], str]:
    """Return a text of a group's definition."""
    return lambda row: getattr(row["definition"], name).render() if row["definition"] else ""


_GROUP = Column("group", _("Group"), html=_badge)
PEOPLE = Column("people", value="customers", url=url_of)
_EXISTING = Column("old", _("Existing customers"), "number")
SALES_SHARE = Column("sales_share", _("Share of sales"), "percent")
ABC = Table(
    "abc",
    (
        Column("group", _("Class"), html=_badge),
        PEOPLE,
        _EXISTING,
        Column("revenue", value="sales", html=_amount_with_share("sales")),
        Column("profit", html=_amount_with_share("profit")),
    ),
    classes=SMALL,
)
RFM_GROUPS = Table(
    "rfm-groups",
    (_GROUP, PEOPLE, SALES_SHARE, Column("advice", _("What to do"), value=_words("advice"), classes="value-advice")),
    classes=SMALL,
)
RFM_REPORT = Table(
    "rfm-report",
    (_GROUP, PEOPLE, Column("revenue", value="sales", brief=True), SALES_SHARE),
    classes="table-sm",
    bare_heads=True,
)
LOYALTY = Table(
    "loyalty",
    (
        Column("loyalty", value="group", html=_badge),
        PEOPLE,
        SALES_SHARE,
        Column("means", _("What it means"), value=_words("means"), classes="value-advice"),
    ),
    classes=SMALL,
)
TIERS_REPORT = Table(
    "tiers-report",
    (
        Column("tier", value="group", row_head=True),
        PEOPLE,
        SALES_SHARE,
        Column("policy", _("Policy"), value=_words("policy"), classes="value-advice"),
    ),
    classes="table-sm",
    bare_heads=True,
)
#: Every group of every kind as a file.
GROUPS = Table(
    "groups",
    (
        Column("kind", _("Kind"), value=lambda row: titles.group_kind(row["kind"])),
        Column("group", _("Group")),
        PEOPLE,
        _EXISTING,
        Column("revenue", value="sales"),
        Column("profit"),
    ),
    caption=_("Groups"),
)


def _groups_of_cell(row: Row) -> str:
    return gettext(", ").join(f"{value_name('rfm_group', name)} {count}" for name, count in row["groups"])


#: The grid as a file.
RFM = Table(
    "rfm",
    (
        Column("r", _("Recency"), "number"),
        Column("f", _("Frequency"), "number"),
        PEOPLE,
        Column("revenue", value="sales"),
        Column("groups", _("Groups"), value=_groups_of_cell),
    ),
    caption=_("RFM grid"),
)
#: Rows are definitions of tiers.
POLICY = Table(
    "policy",
    (
        Column("tier", value=lambda group: group.name.render()),
        Column("means", _("What they want"), value=lambda group: group.means.render()),
        Column("policy", _("Policy"), value=lambda group: group.policy.render()),
        Column("source", _("Source"), value="source"),
    ),
    caption=_("Tier policy"),
)
OLD_DAYS = Table(
    "old-days",
    (
        Column("day", _("Date"), "day", row_head=True),
        Column("buyers", _("Buyers"), "number"),
        Column("old_buyers", _("Existing buyers"), "number"),
        Column("revenue", value="sales"),
        Column("old_sales", _("Sales to existing customers"), "money", also=columns("margin")),
        Column("old_margin", _("Margin from existing customers"), "money"),
    ),
    caption=_("Existing customers by day"),
    classes="table-sm",
)


def _step(row: Row) -> str:
    return format_html(
        '<span class="bar-name">{}</span><div class="stage-bar" data-family="{}" style="width: {}%"></div>',
        row["name"],
        row["family"],
        row["width"],
    )


STICKINESS = Table(
    "stickiness",
    (
        Column("deals", kind="text", html=_step, row_head=True),
        PEOPLE,
        Column(
            "rate",
            _("Of those who reached it, continued"),
            "percent",
            classes="text-secondary",
            export=(
                Column("reached", _("Reached"), "number"),
                Column("went_on", _("Continued"), "number"),
                Column("rate", _("Share that continued"), "percent"),
                Column("missing", _("Deals short"), "number"),
            ),
        ),
    ),
    caption=_("Stickiness"),
    classes="table-sm bars",
    row_class=lambda row: "value-band" if 3 <= row["deals"] <= 5 else "",
)
STEPS_REPORT = replace(STICKINESS, name="steps-report", bare_heads=True, row_class=None)
SECOND_ORDERS = Table(
    "second-orders",
    (
        Column(
            "days",
            _("Second order within"),
            value=lambda row: titles.days(row["days"]),
            row_head=True,
            term="second-purchase",
        ),
        Column("watched", _("Observed long enough"), "number"),
        Column("second", _("Ordered again"), "number"),
        Column("rate", _("Rate"), "percent"),
    ),
    classes="table-sm",
)


def cohorts(months: int, kind: str) -> Table:
    """Return the table of cohorts: a column a month after the first order."""
    shown = (Column(f"month-{month}", str(month), kind) for month in range(months))
    return Table("cohorts", (Column("first_month", row_head=True), PEOPLE, *shown), classes="table-sm")


#: Every month of every cohort as a file.
COHORT_MONTHS = Table(
    "cohorts",
    (
        Column("first_month"),
        PEOPLE,
        Column("month", _("Month of life"), "number"),
        Column("active", _("Active"), "number"),
        Column("retention", _("Retention"), "percent"),
        Column("revenue", value="sales"),
        Column("margin"),
    ),
    caption=_("Cohorts"),
)
#: Colours of the phases of the inverted U.
_PHASES = {"first": "F3", "rising": "F5", "holding": "F6", "falling": "F8"}


def _phase(row: Row) -> str:
    return titles.phase(row["phase"])


MONTH = Column("month", _("Month of life"), "number", value=lambda row: row["month"] + 1, row_head=True)
PROFIT_SO_FAR = Column("profit_so_far", _("Cumulative profit"), "money")
LIFE = Table(
    "life",
    (
        MONTH,
        PEOPLE,
        Column("active", _("Active"), "number"),
        Column("value", _("Sales a customer"), "money", also=_bounds()),
        Column(
            "phase",
            _("Phase"),
            value=_phase,
            html=lambda row: stage_badge(_phase(row), _PHASES.get(row["phase"], "")),
            also=(*columns("margin", "invested", "profit"), PROFIT_SO_FAR),
        ),
    ),
    caption=_("Month of life"),
    classes="table-sm",
)


def _mean(side: str, label: Any, mean: Any, left: Any) -> Column:
    """Return the mean length of a period; the departures it is a mean of show on hovering."""
    text = '<span title="{}">{}</span>'
    return Column(
        side,
        label,
        "number",
        html=lambda row: format_html(text, number(row[side]["left"]), number(row[side]["mean"], 0)),
        export=(
            Column(f"{side}_days", mean, "number", value=lambda row: row[side]["mean"]),
            Column(f"{side}_left", left, "number", value=lambda row: row[side]["left"]),
        ),
    )


def _change(at: int) -> Callable[[Row], float | None]:
    """Return the change of the mean length, or a bound of its interval."""
    return lambda row: row["ratio"][at] - 1 if row["ratio"] else None


def _change_cell(row: Row) -> str:
    if not row["ratio"] or row["verdict"] == "cannot-judge":
        return MISSING
    change, low, high = (percent(ratio - 1, 0) for ratio in row["ratio"])
    return format_html('{} <span class="text-secondary">({} – {})</span>', change, low, high)


def _cycle_model(row: Row) -> str:
    url = f"{reverse('lifecycle')}?model={row['model']}"
    stages = gettext(", ").join(row["stage_names"])
    return format_html('<a href="{}">{}</a><span class="under">{}</span>', url, row["name"], stages)


CYCLE = Table(
    "cycle",
    (
        Column(
            "model",
            html=_cycle_model,
            row_head=True,
            also=(
                Column("begin", _("From"), "day"),
                Column("cut", _("Compared at"), "day"),
                Column("end", _("To"), "day"),
            ),
        ),
        _mean("before", _("Before, days"), _("Days before"), _("Left before")),
        _mean("after", _("After, days"), _("Days after"), _("Left after")),
        Column(
            "change",
            _("Change (95%)"),
            "percent",
            html=_change_cell,
            export=(
                Column("change", _("Change"), "percent", value=_change(0)),
                Column("low", _("Low"), "percent", value=_change(1)),
                Column("high", _("High"), "percent", value=_change(2)),
            ),
        ),
        Column("verdict", _("Conclusion"), value=lambda row: titles.verdict(row["verdict"])),
    ),
    caption=_("Cycle length"),
    classes="table-sm value-models",
)


def _habit_value(side: str) -> Callable[[Row], str]:
    return lambda row: titles.habit_value(row, side)


def _effect(row: Row) -> str:
    # Effects run from -1 to 1, the track from 0 to 100 %.
    left, width = f"{50 + 50 * min(row['low'], row['high']):.1f}", f"{50 * (row['high'] - row['low']):.1f}"
    return format_html(
        '<span><span class="value-effect"><span class="value-range" style="left: {}%; width: {}%"></span></span>'
        ' <span class="number-tabular">{}</span></span>',
        left,
        width,
        number(row["delta"], 2),
    )


PROFILE = Table(
    "profile",
    (
        Column("habit", _("Habit"), value=label_of),
        Column("top", _("Top fifth"), "number", html=_habit_value("top")),
        Column("rest", _("Others"), "number", html=_habit_value("rest")),
        Column(
            "delta",
            _("Effect (95%)"),
            html=_effect,
            term="effect-size",
            export=(Column("delta", _("Effect"), "number"), *_bounds("number")),
        ),
        Column(
            "size",
            _("Size"),
            value=lambda row: titles.size(row["size"]),
            also=(Column("q", _("Adjusted p"), "number"), Column("differs", _("Differs"), "yesno")),
        ),
    ),
    caption=_("Profile of the top fifth"),
    classes=SMALL,
)
