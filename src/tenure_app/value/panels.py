"""The panels of the value page that are no figures: numbers at the top, periods, the RFM grid, costs, targets."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from tenure.columns import value_name
from tenure_app.lifecycle import catalogue
from tenure_app.value import queries, tables, titles
from tenure_app.value.figures import FAMILIES, MONTHS, Value
from tenure_app.value.titles import money
from tenure_app.web.figures import Stat
from tenure_app.web.formats import number, percent
from tenure_app.web.tables import Row


def period_file(periods: list[Row]) -> list[Row]:
    """Return both sides of every period as rows of :data:`tables.PERIODS`."""
    rows = []
    for period in periods:
        for side, name in (("old", _("Existing customers")), ("new", _("New customers"))):
            row = {**period[side], "since": period["since"], "until": period["until"], "group": name}
            for of in ("sales", "buyers", "profit"):
                share = period["shares"][of]
                row[f"{of}_share"] = share if side == "old" or share is None else 1 - share
            rows.append(row)
    return rows


def period_rows(period: Row) -> list[Row]:
    """Return one period as rows of :data:`tables.PERIOD`."""
    names = {"buyers": _("Buyers"), **_amounts("sales", "profit", "invested"), "orders": _("Orders")}
    rows: list[Row] = [
        {
            "measure": label,
            "old": period["old"][name],
            "new": period["new"][name],
            "share": period["shares"].get(name),
            "passes": period["passes"].get(name),
            "money": name not in ("buyers", "orders"),
        }
        for name, label in names.items()
    ]
    # Buyers of a period that ends on the day of the figures can be listed.
    rows[0] |= {"old_url": period.get("old_url"), "new_url": period.get("new_url")}
    return rows


def _amounts(*names: str) -> dict[str, str]:
    labels = {"sales": _("Sales"), "margin": _("Margin"), "invested": _("Invested"), "profit": _("Profit")}
    return {name: labels[name] for name in names}


def stats(data: Value) -> list[Stat]:
    """Return the numbers at the top: what was brought, what is expected, and how far that can be trusted."""
    sums = data.reports["money"]
    stats = [Stat(_("Sales so far"), money(sums["sales"], brief=True), term="value-brought")]
    # Without costs profit equals sales, and saying so twice helps nobody.
    if sums["profit"] != sums["sales"]:
        stats.append(Stat(_("Profit so far"), money(sums["profit"], brief=True), term="value-profit"))
    stats.append(_expected(data))
    stats.append(Stat(_("Top fifth bring"), percent(data.reports["pareto"]["sales"]["share"]), term="pareto"))
    if data.period:
        note = _("last %(days)s days; the mark is 60%%") % {"days": data.period["days"]}
        share = percent(data.period["shares"]["sales"])
        stats.append(Stat(_("Existing customers' share of sales"), share, note, "old-share"))
    rate = percent(data.reports["stickiness"]["repurchase_rate"])
    stats.append(Stat(_("Repurchase rate"), rate, term="repurchase-rate"))
    return stats


def _expected(data: Value) -> Stat:
    predictions = data.reports.get("predictions") or {}
    totals, horizon = predictions.get("totals") or [], predictions.get("horizon_days")
    label, potential = _("Expected"), data.reports["money"]["potential"]
    # Reports hold several horizons; the one of the settings is shown, else the first.
    if total := next((total for total in totals if total["days"] == horizon), totals[0] if totals else None):
        label = _("Expected in %(days)s days") % {"days": total["days"]}
        sales = {name: money(total["sales"][name], brief=True) for name in ("low", "expected", "high")}
        note = _("95%%: %(low)s to %(high)s, from those who have bought before") % sales
        return Stat(label, sales["expected"], note, "value-expected")
    if potential is not None:
        return Stat(label, money(potential, brief=True), term="value-expected")
    return Stat(label, _("too little data"), _("Predictions say what is missing"), "value-expected")


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
    amounts = _amounts("sales", "margin", "invested", "profit")
    totals = [{"measure": label, "text": money(report[name])} for name, label in amounts.items()]
    totals.append({"measure": _("Sales of which the cost is known"), "text": percent(report["cost_known_share"])})
    return {
        "totals": tables.TOTALS.show(totals),
        "kinds": tables.COST_KINDS.show(report["kinds"]) if report["kinds"] else None,
        "months": tables.MONTHLY_COSTS.show(data.months[:MONTHS]) if data.months else None,
        "invested_in": number(report["break_even"]["invested_in"]) if report["break_even"]["invested_in"] else "",
        "invested_url": data.customers(invested_min="0.0001"),
        "paid_back": number(report["break_even"]["paid_back"]),
        "paid_url": data.customers(invested_min="0.0001", break_even_on_min="1900-01-01"),
        "break_even": titles.break_even(report["break_even"]),
        "month": titles.break_even_month(data.months),
    }


def targets(data: Value) -> list[Row]:
    groups = queries.measures(catalogue.catalogue(data.con))
    names = {measure: (name, group) for group, members in groups.items() for measure, name in members.items()}
    rows = []
    for target in queries.targets():
        # A model may be gone since the target was set: then its measure stands for its name.
        name, group = names.get(target.measure, (target.measure, ""))
        write = percent if target.measure in queries.SHARES else number
        today = queries.figure(data.con, data.reports, target.measure)
        state, progress = queries.progress(target, today, data.day)
        rows.append(
            {
                "id": target.pk,
                "name": name,
                "group": group,
                "due_on": target.due_on,
                "state": state,
                "state_name": titles.target_state(state),
                "today": write(today),
                "goal": write(target.value),
                "sense": "≥" if target.sense == target.AT_LEAST else "≤",
                "began": write(target.began_at),
                "width": f"{100 * (progress or 0):.0f}",
                "url": _counted(data, target.measure),
            }
        )
    return rows


def _counted(data: Value, measure: str) -> str:
    """Return the address of the customers that a measure counts; none for shares."""
    kind, _sep, rest = measure.partition(":")
    name, _sep, value = rest.partition(":")
    if kind == "group":
        return data.customers(**{name: value})
    return data.customers(model=name, stage=value) if kind == "stage" else ""
