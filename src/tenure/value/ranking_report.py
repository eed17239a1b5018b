"""The bodies of the value page: everything about everybody, as JSON.

Money is in the shop's currency, days are ISO texts; sums are made exactly and only then written as numbers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.facts.blocks import SCALE
from tenure.features import columns
from tenure.value import cohorts, costs, cycle, inverted_u, old_customers, pareto, profile, stickiness
from tenure.value.groups import groups
from tenure.value.ledger import Ledger
from tenure.value.rfm import FIFTHS

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from tenure.scorecard.model import Context

#: Periods, in days back from the last day, for which old customers are counted.
PERIODS = (1, 7, 30, 90, 365)
#: How many days the daily share goes back.
DAYS = 90


def bodies(table: pa.Table, context: Context) -> dict[str, Any]:
    """Return the bodies by name."""
    buyers = table.filter(columns.numbers(table, "orders") > 0)
    told: dict[str, Any] = {
        "value.money": money(table),
        "value.groups": {kind: of_groups(buyers, column) for kind, column in COLUMNS.items()},
        "value.rfm": rfm_grid(buyers),
        "value.pareto": concentrations(buyers),
    }
    if context.lake is None:
        return told
    ledger = Ledger.of_lake(context.lake, context.as_of)
    return told | {
        "value.old": {"periods": old_periods(ledger), "days": old_days(ledger)},
        "value.stickiness": ladder(table, ledger),
        "value.cohorts": of_cohorts(ledger),
        "value.life": inverted_u.curve(ledger),
        "value.costs": {**costs.summary(ledger), "break_even": costs.break_even(table)},
        "value.cycle": of_cycles(ledger, context),
        "value.profile": profile.profile(ledger, buyers, context.options.seed),
    }


#: Which column holds which kind of group.
COLUMNS = {
    "rfm": "rfm_group",
    "tiers": "tier",
    "loyalty": "loyalty",
    "stickiness": "stickiness",
    "abc_sales": "abc_sales",
    "abc_profit": "abc_profit",
}


def money(table: pa.Table) -> dict[str, Any]:
    """Return what customers brought, and are expected to bring."""
    orders = columns.numbers(table, "orders")
    potential, lifetime = columns.numbers(table, "potential_value"), columns.numbers(table, "lifetime_value")
    known = ~np.isnan(potential)
    return {
        "customers": len(table),
        "buyers": int((orders > 0).sum()),
        "orders": int(orders.sum()),
        "sales": int(columns.sales(table).sum()) / SCALE,
        "profit": int(columns.amounts(table, "profit").sum()) / SCALE,
        "predicted": int(known.sum()),
        "potential": float(potential[known].sum()) if known.any() else None,
        "lifetime": float(np.nansum(lifetime)) if known.any() else None,
    }


def of_groups(buyers: pa.Table, column: str) -> list[dict[str, Any]]:
    """Return customers, old customers, sales and profit of each group of a column, in the order of the groups."""
    found = columns.texts(buyers, column)
    sales, profit = columns.sales(buyers), columns.amounts(buyers, "profit")
    old = columns.numbers(buyers, "old_customer") == 1
    kind = next((kind for kind, name in COLUMNS.items() if name == column), "")
    ids = list("ABC") if column.startswith("abc") else [group.id for group in groups(kind)]
    told = []
    for name in ids:
        mine = found == name
        told.append(
            {
                "id": name,
                "customers": int(mine.sum()),
                "old": int((mine & old).sum()),
                "sales": int(sales[mine].sum()) / SCALE,
                "profit": int(profit[mine].sum()) / SCALE,
            }
        )
    return told


def rfm_grid(buyers: pa.Table) -> list[dict[str, Any]]:
    """Return the cells of recency by frequency: r, f, customers, sales, and the groups in it with their customers."""
    r, f = columns.numbers(buyers, "rfm_r"), columns.numbers(buyers, "rfm_f")
    sales, group = columns.sales(buyers), columns.texts(buyers, "rfm_group")
    told = []
    for high in range(FIFTHS, 0, -1):
        for often in range(1, FIFTHS + 1):
            mine = (r == high) & (f == often)
            names, counts = np.unique(group[mine].astype(str), return_counts=True)
            there = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda one: -one[1])
            worth = int(sales[mine].sum()) / SCALE
            told.append({"r": high, "f": often, "customers": int(mine.sum()), "sales": worth, "groups": there})
    return told


def concentrations(buyers: pa.Table) -> dict[str, Any]:
    """Return the 80/20 figures and curves by sales and by profit, and of the top fifth how many are old customers."""
    ids, old = columns.texts(buyers, "customer_id"), columns.numbers(buyers, "old_customer") == 1
    told = {}
    for name, values in (("sales", columns.sales(buyers)), ("profit", columns.amounts(buyers, "profit"))):
        found = pareto.concentration(values, ids, old)
        told[name] = {**found.to_json(), "curve": pareto.curve(values), "for_80": pareto.part_for(values, 0.8)}
    return told


def old_periods(ledger: Ledger) -> list[dict[str, Any]]:
    """Return old and new customers of the usual periods that end on the last day."""
    found = []
    for days in PERIODS:
        since = ledger.as_of - timedelta(days=days - 1)
        if days == 1 or since > ledger.since:  # otherwise nobody can have been there before
            found.append({"days": days, **old_customers.old_share(ledger, since, ledger.as_of).to_json()})
    return found


def old_days(ledger: Ledger) -> list[dict[str, Any]]:
    """Return old customers day by day."""
    table = old_customers.old_share_by_day(ledger, ledger.as_of - timedelta(days=DAYS - 1), ledger.as_of)
    return [
        {
            **{name: value if isinstance(value, int) else float(value) for name, value in row.items() if name != "day"},
            "day": row["day"].isoformat(),
        }
        for row in table.to_pylist()
    ]


def ladder(table: pa.Table, ledger: Ledger) -> dict[str, Any]:
    """Return the steps of stickiness, the repurchase rate and the second purchase."""
    deals = columns.numbers(table, "orders")
    return {
        "steps": stickiness.steps(deals),
        "repurchase_rate": stickiness.repurchase_rate(deals),
        "second": stickiness.second_purchase(ledger),
    }


def of_cohorts(ledger: Ledger) -> dict[str, Any]:
    """Return the cohort table and the mean of all cohorts by month of life."""
    rows = cohorts.grid(cohorts.cohorts(ledger), ledger.as_of)
    whole = is_last_of_month(ledger.as_of)
    return {"cohorts": rows, "by_age": cohorts.by_age(rows, whole_last=whole), "whole_last": whole}


def is_last_of_month(day: date) -> bool:
    """Whether a month is over at the end of this day."""
    return (day + timedelta(days=1)).day == 1


def of_cycles(ledger: Ledger, context: Context) -> list[dict[str, Any]]:
    """Return the mature period of every model, before and after."""
    from tenure.lifecycle.lake_models import models_of

    if context.lake is None or not ledger.has("spans"):
        return []
    models = [model for model in models_of(context.lake) if model.subject == "customer"]
    return [extension.to_json() for extension in cycle.extensions(ledger, models)]
