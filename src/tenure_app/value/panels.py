"""The panels of the value page that are no figures: numbers at the top, periods, the RFM grid, costs, targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.columns import value_name
from tenure_app.value import titles
from tenure_app.value.figures import FAMILIES, MONTHS
from tenure_app.value.tables import MONTH, PEOPLE, PROFIT_SO_FAR, SALES_SHARE, SMALL, url_of
from tenure_app.web.figures import Stat
from tenure_app.web.formats import MISSING, money, number, percent
from tenure_app.web.layout import business
from tenure_app.web.tables import Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure_app.value.figures import Value
    from tenure_app.web.tables import Row

#: Existing and new customers of every period as a file.
PERIODS = Table(
    "old",
    (
        Column("since", _("From"), "day"),
        Column("until", _("To"), "day"),
        Column("group", _("Group")),
        Column("buyers", _("Buyers"), "number"),
        Column("orders"),
        Column("revenue", value="sales"),
        Column("margin"),
        Column("invested"),
        Column("profit"),
        SALES_SHARE,
        Column("buyers_share", _("Share of buyers"), "percent"),
        Column("profit_share", _("Share of profit"), "percent"),
    ),
    caption=_("Existing and new customers"),
)


def period_file(periods: list[Row]) -> list[Row]:
    """Return both sides of every period as rows of :data:`PERIODS`."""
    rows = []
    for period in periods:
        for side, name in (("old", gettext("Existing customers")), ("new", gettext("New customers"))):
            row = {**period[side], "since": period["since"], "until": period["until"], "group": name}
            for of in ("sales", "buyers", "profit"):
                share = period["shares"][of]
                row[f"{of}_share"] = share if side == "old" or share is None else 1 - share
            rows.append(row)
    return rows


def _side(side: str) -> Callable[[Row], str]:
    """Return a cell of one side of a period: an amount, or a number with its customers."""

    def cell(row: Row) -> str:
        if row["money"]:
            return money(row[side], business().currency)
        url = row.get(f"{side}_url")
        return format_html('<a href="{}">{}</a>', url, number(row[side])) if url else number(row[side])

    return cell


def _mark(row: Row) -> str:
    match row["passes"]:
        case None:
            return format_html('<span class="text-secondary">{}</span>', MISSING)
        case True:
            return format_html('<span class="value-mark value-yes">✓ {}</span>', gettext("reached"))
    return format_html('<span class="value-mark value-no">✗ {}</span>', gettext("not reached"))


#: One period, see :func:`period_rows`.
PERIOD = Table(
    "period",
    (
        Column("measure", _("Measure"), row_head=True),
        Column("old", _("Existing customers"), "number", html=_side("old")),
        Column("new", _("New customers"), "number", html=_side("new")),
        Column("share"),
        Column("passes", "60%", "yesno", html=_mark),
    ),
    caption=_("Existing and new customers"),
    classes="table-sm",
)


def period_rows(period: Row) -> list[Row]:
    """Return one period as rows of :data:`PERIOD`."""
    names = {
        "buyers": gettext("Buyers"),
        "sales": gettext("Sales"),
        "profit": gettext("Profit"),
        "invested": gettext("Invested"),
        "orders": gettext("Orders"),
    }
    rows: list[Row] = [
        {
            "measure": label,
            "old": period["old"][name],
            "new": period["new"][name],
            "share": period["shares"].get(name),
            "passes": period["passes"].get(name),
            "money": name in ("sales", "profit", "invested"),
        }
        for name, label in names.items()
    ]
    # Buyers of a period that ends on the day of the figures can be listed.
    rows[0] |= {"old_url": period.get("old_url"), "new_url": period.get("new_url")}
    return rows


MONTHLY_COSTS = Table(
    "monthly-costs",
    (MONTH, Column("margin"), Column("invested"), PROFIT_SO_FAR),
    caption=_("A customer on average, by month of life"),
    classes="table-sm",
)
TOTALS = Table(
    "totals",
    (
        Column("measure", _("Measure"), row_head=True),
        Column("value", _("Total"), "number", html=lambda row: row["text"]),
    ),
    classes="table-sm",
    bare_heads=True,
)
COST_KINDS = Table(
    "cost-kinds", (Column("kind", _("Spent on"), row_head=True), Column("amount"), PEOPLE), classes="table-sm"
)


def _progress(row: Row) -> str:
    return format_html(
        '<span><span class="value-way"><span class="value-gone value-{}" style="width: {}%"></span></span> {}</span>',
        row["state"],
        row["width"],
        row["state_name"],
    )


TARGETS = Table(
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
        Column("goal", _("Target value"), "number", html=lambda row: f"{row['sense']} {row['goal']}"),
        Column("today", _("Today"), value="today", url=url_of, classes="number"),
        Column("began", _("When set"), classes="number"),
        Column("progress", _("Progress"), value="state_name", html=_progress),
        Column("due_on", _("Due by"), "day"),
        Column("delete", _("Delete"), template="value/target_delete.html", classes="no-print", bare=True, export=()),
    ),
    classes=SMALL,
)


def stats(data: Value) -> list[Stat]:
    """Return the numbers at the top: what was brought, what is expected, and how far that can be trusted."""
    sums = data.reports["money"]

    def brief(amount: object) -> str:
        return money(amount, data.currency, brief=True)

    stats = [Stat(gettext("Sales so far"), brief(sums["sales"]), term="value-brought")]
    # Without costs profit equals sales, and saying so twice helps nobody.
    if sums["profit"] != sums["sales"]:
        stats.append(Stat(gettext("Profit so far"), brief(sums["profit"]), term="value-profit"))
    predictions = data.reports.get("predictions") or {}
    totals, horizon = predictions.get("totals") or [], predictions.get("horizon_days")
    # Reports hold several horizons; the one of the settings is shown, else the first.
    total = next((total for total in totals if total["days"] == horizon), totals[0] if totals else None)
    if total:
        bounds = {name: brief(total["sales"][name]) for name in ("low", "high")}
        label = gettext("Expected in %(days)s days") % {"days": total["days"]}
        note = gettext("95%%: %(low)s to %(high)s, from those who have bought before") % bounds
        stats.append(Stat(label, brief(total["sales"]["expected"]), note, "value-expected"))
    elif sums["potential"] is not None:
        stats.append(Stat(gettext("Expected"), brief(sums["potential"]), term="value-expected"))
    else:
        note = gettext("Predictions say what is missing")
        stats.append(Stat(gettext("Expected"), gettext("too little data"), note, "value-expected"))
    stats.append(Stat(gettext("Top fifth bring"), percent(data.reports["pareto"]["sales"]["share"]), term="pareto"))
    if data.period:
        note = gettext("last %(days)s days; the mark is 60%%") % {"days": data.period["days"]}
        share = percent(data.period["shares"]["sales"])
        stats.append(Stat(gettext("Existing customers' share of sales"), share, note, "old-share"))
    rate = percent(data.reports["stickiness"]["repurchase_rate"])
    stats.append(Stat(gettext("Repurchase rate"), rate, term="repurchase-rate"))
    return stats


def rfm_grid(data: Value) -> list[list[Row]]:
    """Return the cells of recency by frequency, five a line."""
    cells = [
        {
            **cell,
            "url": data.customers(rfm_r=cell["r"], rfm_f=cell["f"]),
            # The colour of the group with most customers in the cell, which comes first.
            "family": FAMILIES.get(cell["groups"][0][0], "") if cell["groups"] else "",
            "names": [value_name("rfm_group", name) for name, _count in cell["groups"]],
        }
        for cell in data.reports["rfm"]
    ]
    return [cells[at : at + 5] for at in range(0, len(cells), 5)] if any(cell["customers"] for cell in cells) else []


def costs(data: Value) -> dict[str, Any] | None:
    """Return costs, break-even and cumulative profit by month of life; None where no costs are on record."""
    report = data.reports["costs"]
    if not report["invested"] and not report["cost_known_share"]:
        return None
    labels = {
        "sales": gettext("Sales"),
        "margin": gettext("Margin"),
        "invested": gettext("Invested"),
        "profit": gettext("Profit"),
    }
    totals = [{"measure": label, "text": money(report[name], data.currency)} for name, label in labels.items()]
    totals.append({"measure": gettext("Sales of which the cost is known"), "text": percent(report["cost_known_share"])})
    return {
        "totals": TOTALS.show(totals),
        "kinds": COST_KINDS.show(report["kinds"]) if report["kinds"] else None,
        "months": MONTHLY_COSTS.show(data.months[:MONTHS]) if data.months else None,
        "invested_in": number(report["break_even"]["invested_in"]) if report["break_even"]["invested_in"] else "",
        "invested_url": data.customers(invested_min="0.0001"),
        "paid_back": number(report["break_even"]["paid_back"]),
        "paid_url": data.customers(invested_min="0.0001", break_even_on_min="1900-01-01"),
        "break_even": titles.break_even(report["break_even"]),
        "month": titles.break_even_month(data.months),
    }
