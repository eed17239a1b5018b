"""The tables of the value page and of its files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.columns import column, value_name
from tenure.value.behaviour import label_of
from tenure.words import listing
from tenure_app.value import titles
from tenure_app.web.formats import MISSING, number, percent
from tenure_app.web.tables import Column, Row, Table, bar, columns, numeric, url_of
from tenure_app.web.templatetags.tenure import stage_badge

_small, _printed = partial(Table, classes="table-sm cards"), partial(Table, classes="table-sm")
share, money, day = (partial(Column, kind=kind) for kind in ("percent", "money", "day"))


def bounds(kind: str) -> tuple[Column, Column]:
    return Column("low", _("Low"), kind), Column("high", _("High"), kind)


def _badge(row: Row) -> str:
    return stage_badge(row["group"], row["family"])


def _amount_with_share(name: str) -> Callable[[Row], str]:
    text = '<span>{} <span class="text-secondary">{}</span></span>'
    return lambda row: format_html(text, titles.money(row[name], brief=True), percent(row[f"{name}_share"]))


def _defined(name: str, label: Any) -> Column:
    def text(row: Row) -> str:
        return getattr(row["definition"], name).render() if row["definition"] else ""

    return Column(name, label, value=text, classes="value-advice")


#: Columns that several tables share.
PEOPLE = Column("people", value="customers", url=url_of)
SALES = Column("revenue", value="sales")
SALES_SHARE = share("sales_share", _("Share of sales"))
BUYERS = numeric("buyers", _("Buyers"))
MONTH = numeric("month", _("Month of life"), value=lambda row: row["month"] + 1, row_head=True)
PROFIT_SO_FAR = money("profit_so_far", _("Cumulative profit"))
_GROUP = Column("group", _("Group"), html=_badge)
_EXISTING = numeric("old", _("Existing customers"))
_ACTIVE = numeric("active", _("Active"))
BEST = _small(
    "best",
    (
        Column(
            "customer",
            value=lambda row: row["name"] or row["customer_id"],
            url=lambda row: reverse("customer", args=[row["customer_id"]]),
            export=columns("customer_id", "name"),
        ),
        Column("orders"),
        Column("revenue", value=lambda row: float(row["sales"])),
        Column("profit", value=lambda row: float(row["profit"]), also=columns("first_order_on", "last_order_on")),
        Column("old_customer", also=columns("tier", "rfm_group")),
    ),
    _("Top fifth"),
)
CURVE = Table(
    "curve",
    (
        Column("by", _("By"), value=lambda row: gettext("Profit") if row["by"] == "profit" else gettext("Sales")),
        share("buyers", _("Share of buyers")),
        share("total", _("Share of the total")),
    ),
    _("80/20 curve"),
)
ABC = _small(
    "abc",
    (
        Column("group", _("Class"), html=_badge),
        PEOPLE,
        _EXISTING,
        Column("revenue", value="sales", html=_amount_with_share("sales")),
        Column("profit", html=_amount_with_share("profit")),
    ),
)
RFM_GROUPS = _small("rfm-groups", (_GROUP, PEOPLE, SALES_SHARE, _defined("advice", _("What to do"))))
RFM_REPORT = _printed("rfm-report", (_GROUP, PEOPLE, replace(SALES, brief=True), SALES_SHARE), bare_heads=True)
LOYALTY = _small(
    "loyalty",
    (Column("loyalty", value="group", html=_badge), PEOPLE, SALES_SHARE, _defined("means", _("What it means"))),
)
TIERS_REPORT = _printed(
    "tiers-report",
    (Column("tier", value="group", row_head=True), PEOPLE, SALES_SHARE, _defined("policy", _("Policy"))),
    bare_heads=True,
)
#: Every group of every kind as a file.
GROUPS = Table(
    "groups",
    (
        Column("kind", _("Kind"), value=lambda row: str(column(row["kind"]).label)),
        Column("group", _("Group")),
        PEOPLE,
        _EXISTING,
        SALES,
        Column("profit"),
    ),
    _("Groups"),
)


#: The grid as a file.
RFM = Table(
    "rfm",
    (
        numeric("r", _("Recency")),
        numeric("f", _("Frequency")),
        PEOPLE,
        SALES,
        Column(
            "groups",
            _("Groups"),
            value=lambda row: listing(f"{value_name('rfm_group', name)} {count}" for name, count in row["groups"]),
        ),
    ),
    _("RFM grid"),
)
#: Rows are definitions of tiers.
POLICY = Table(
    "policy",
    (
        Column("tier", value=lambda group: group.name.render()),
        Column("means", _("What they want"), value=lambda group: group.means.render()),
        Column("policy", _("Policy"), value=lambda group: group.policy.render()),
        Column("source", _("Source")),
    ),
    _("Tier policy"),
)
OLD_DAYS = Table(
    "old-days",
    (
        day("day", _("Date"), row_head=True, classes="text-nowrap"),
        BUYERS,
        numeric("old_buyers", _("Existing buyers")),
        SALES,
        money("old_sales", _("Sales to existing customers"), also=columns("margin")),
        money("old_margin", _("Margin from existing customers")),
    ),
    _("Existing customers by day"),
)
STICKINESS = Table(
    "stickiness",
    (
        Column("deals", kind="text", html=lambda row: bar(row["name"], row["family"], row["width"]), row_head=True),
        PEOPLE,
        share(
            "rate",
            _("Of those who reached it, continued"),
            classes="text-secondary",
            export=(
                numeric("reached", _("Reached")),
                numeric("went_on", _("Continued")),
                share("rate", _("Share that continued")),
                numeric("missing", _("Deals short")),
            ),
        ),
    ),
    _("Stickiness"),
    "table-sm bars",
    row_class=lambda row: "value-band" if 3 <= row["deals"] <= 5 else "",
)
STEPS_REPORT = replace(STICKINESS, name="steps-report", bare_heads=True, row_class=None)
SECOND_ORDERS = _printed(
    "second-orders",
    (
        Column(
            "days",
            _("Second order within"),
            value=lambda row: titles.days(row["days"]),
            row_head=True,
            term="second-purchase",
        ),
        numeric("watched", _("Observed long enough")),
        numeric("second", _("Ordered again")),
        share("rate", _("Rate")),
    ),
)


def cohorts(months: int, kind: str) -> Table:
    """Return the table of cohorts: a column a month after the first order."""
    shown = (Column(f"month-{month}", str(month), kind) for month in range(months))
    return Table("cohorts", (Column("first_month", row_head=True), PEOPLE, *shown))


#: Every month of every cohort as a file.
COHORT_MONTHS = Table(
    "cohorts",
    (
        Column("first_month"),
        PEOPLE,
        numeric("month", _("Month of life")),
        _ACTIVE,
        share("retention", _("Retention")),
        SALES,
        Column("margin"),
    ),
    _("Cohorts"),
)
#: Colours of the phases of the inverted U.
_PHASES = {"first": "F3", "rising": "F5", "holding": "F6", "falling": "F8"}
LIFE = Table(
    "life",
    (
        MONTH,
        PEOPLE,
        _ACTIVE,
        money("value", _("Sales a customer"), also=bounds("money")),
        Column(
            "phase",
            _("Phase"),
            value=lambda row: titles.phase(row["phase"]),
            html=lambda row: stage_badge(titles.phase(row["phase"]), _PHASES.get(row["phase"], "")),
            also=(*columns("margin", "invested", "profit"), PROFIT_SO_FAR),
        ),
    ),
    _("Month of life"),
)


def _mean(side: str, label: Any, mean: Any, left: Any) -> Column:
    """Return the mean length of a period; the departures it is a mean of show on hovering."""
    text = '<span title="{}">{}</span>'
    return numeric(
        side,
        label,
        html=lambda row: format_html(text, number(row[side]["left"]), number(row[side]["mean"], 0)),
        export=(
            numeric(f"{side}_days", mean, value=lambda row: row[side]["mean"]),
            numeric(f"{side}_left", left, value=lambda row: row[side]["left"]),
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
    text, url = '<a href="{}">{}</a><span class="under">{}</span>', f"{reverse('lifecycle')}?model={row['model']}"
    return format_html(text, url, row["name"], listing(row["stage_names"]))


CYCLE = Table(
    "cycle",
    (
        Column(
            "model",
            html=_cycle_model,
            row_head=True,
            also=(day("begin", _("From")), day("cut", _("Compared at")), day("end", _("To"))),
        ),
        _mean("before", _("Before, days"), _("Days before"), _("Left before")),
        _mean("after", _("After, days"), _("Days after"), _("Left after")),
        share(
            "change",
            _("Change (95%)"),
            html=_change_cell,
            export=(
                share("change", _("Relative change"), value=_change(0)),
                share("low", _("Low"), value=_change(1)),
                share("high", _("High"), value=_change(2)),
            ),
        ),
        Column("verdict", _("Conclusion"), value=lambda row: titles.verdict(row["verdict"])),
    ),
    _("Cycle length"),
    "table-sm value-models",
)


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


PROFILE = _small(
    "profile",
    (
        Column("habit", _("Habit"), value=label_of),
        numeric("top", _("Top fifth"), html=lambda row: titles.habit_value(row, "top")),
        numeric("rest", _("Others"), html=lambda row: titles.habit_value(row, "rest")),
        Column(
            "delta",
            _("Effect (95%)"),
            html=_effect,
            term="effect-size",
            export=(numeric("delta", _("Effect")), *bounds("number")),
        ),
        Column(
            "size",
            _("Size"),
            value=lambda row: titles.size(row["size"]),
            also=(numeric("q", _("Adjusted p")), Column("differs", _("Differs"), "yesno")),
        ),
    ),
    _("Profile of the top fifth"),
)
#: Existing and new customers of every period as a file.
PERIODS = Table(
    "old",
    (
        day("since", _("From")),
        day("until", _("To")),
        Column("group", _("Group")),
        BUYERS,
        Column("orders"),
        SALES,
        *columns("margin", "invested", "profit"),
        SALES_SHARE,
        share("buyers_share", _("Share of buyers")),
        share("profit_share", _("Share of profit")),
    ),
    _("Existing and new customers"),
)


def _side(side: str) -> Callable[[Row], str]:
    """Return a cell of one side of a period: an amount, or a number with its customers."""

    def cell(row: Row) -> str:
        if row["money"]:
            return titles.money(row[side])
        url = row.get(f"{side}_url")
        return format_html('<a href="{}">{}</a>', url, number(row[side])) if url else number(row[side])

    return cell


def _mark(row: Row) -> str:
    if row["passes"] is None:
        return format_html('<span class="text-secondary">{}</span>', MISSING)
    yes, no = ("yes", "✓", gettext("reached")), ("no", "✗", gettext("not reached"))
    return format_html('<span class="value-mark value-{}">{} {}</span>', *(yes if row["passes"] else no))


#: One period, a row a measure.
PERIOD = _printed(
    "period",
    (
        Column("measure", _("Measure"), row_head=True),
        numeric("old", _("Existing customers"), html=_side("old")),
        numeric("new", _("New customers"), html=_side("new")),
        Column("share"),
        Column("passes", "60%", "yesno", html=_mark),
    ),
    _("Existing and new customers"),
)
MONTHLY_COSTS = _printed(
    "monthly-costs",
    (MONTH, *columns("margin", "invested"), PROFIT_SO_FAR),
    _("A customer on average, by month of life"),
)
TOTALS = _printed(
    "totals",
    (Column("measure", _("Measure"), row_head=True), numeric("value", _("Total"), html=lambda row: row["text"])),
    bare_heads=True,
)
COST_KINDS = _printed("cost-kinds", (Column("kind", _("Spent on"), row_head=True), Column("amount"), PEOPLE))


TARGETS = _small(
    "targets",
    (
        Column(
            "target",
            _("Target"),
            value="name",
            html=lambda row: format_html(
                '<span>{} <span class="text-secondary">{}</span></span>', row["name"], row["group"]
            ),
        ),
        numeric("goal", _("Target value"), html=lambda row: f"{row['sense']} {row['goal']}"),
        Column("today", _("Today"), url=url_of, classes="number"),
        Column("began", _("When set"), classes="number"),
        Column(
            "progress",
            _("Progress"),
            value="state_name",
            html=lambda row: format_html(
                '<span><span class="value-way"><span class="value-gone value-{}" style="width: {}%"></span></span>'
                " {}</span>",
                row["state"],
                row["width"],
                row["state_name"],
            ),
        ),
        day("due_on", _("Due by")),
        Column("delete", _("Delete"), template="value/target_delete.html", classes="no-print", bare=True, export=()),
    ),
)
