"""The reports of the value page: everything about all customers, as JSON.

Money is in the shop's currency, days are ISO texts; sums are made exactly and only then written as numbers.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from tenure.facts.schema import SCALE
from tenure.features import columns
from tenure.value import behaviour, cohorts, costs, cycle, existing_customers, pareto, repeat_funnel, value_by_age
from tenure.value.groups import groups
from tenure.value.ranking import FIFTHS
from tenure.value.sales import Sales

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.facts.lake import Lake
    from tenure.scorecard.model import Context

#: Periods, in days back from the last day, for which existing customers are counted.
PERIODS = (1, 7, 30, 90, 365)
#: How many days the daily share goes back.
DAYS = 90
#: Which column holds which kind of group.
COLUMNS = {
    "rfm": "rfm_group",
    "tiers": "tier",
    "loyalty": "loyalty",
    "stickiness": "stickiness",
    "abc_sales": "abc_sales",
    "abc_profit": "abc_profit",
}


_OF_BUYERS = {
    *("customer_id", "orders", "amount", "refunds", "profit", "old_customer", "rfm_r", "rfm_f", "top_fifth"),
    *("gap_median", "gap_variation", "interactions", "open_complaints"),
    *COLUMNS.values(),
}


def reports(table: pa.Table, context: Context) -> dict[str, Any]:
    """Return the reports by name; those that read order rows only where there is a lake."""
    # Filtering copies, and a million customers have a hundred columns.
    read = [name for name in table.column_names if name in _OF_BUYERS]
    buyers = table.select(read).filter(columns.numbers(table, "orders") > 0)
    result: dict[str, Any] = {
        "value.money": money(table),
        "value.groups": {kind: by_group(buyers, kind) for kind in COLUMNS},
        "value.rfm": rfm_grid(buyers),
        "value.pareto": concentrations(buyers),
    }
    if context.lake is None:
        return result
    sales = Sales.of_lake(context.lake, context.as_of)
    sales.hold()
    deals = columns.numbers(table, "orders")
    cohort_rows = cohorts.grid(cohorts.cohorts(sales), sales.as_of)
    month_is_over = (sales.as_of + timedelta(days=1)).day == 1
    return result | {
        "value.old": {"periods": periods(sales), "days": days(sales)},
        "value.stickiness": {
            "steps": repeat_funnel.steps(deals),
            "repurchase_rate": repeat_funnel.repurchase_rate(deals),
            "second": repeat_funnel.second_purchase(sales),
        },
        "value.cohorts": {
            "cohorts": cohort_rows,
            "by_age": cohorts.by_age(cohort_rows, whole_last=month_is_over),
            "whole_last": month_is_over,
        },
        "value.life": value_by_age.curve(sales),
        "value.costs": {**costs.summary(sales), "break_even": costs.break_even(table)},
        "value.cycle": cycles(sales, context.lake),
        "value.profile": behaviour.profile(sales, buyers, context.options.seed),
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


def by_group(buyers: pa.Table, kind: str) -> list[dict[str, Any]]:
    """Return customers, existing customers, sales and profit of each group of a kind, in the order of the groups."""
    group = buyers.column(COLUMNS[kind])
    sales, profit = columns.sales(buyers), columns.amounts(buyers, "profit")
    existing = columns.numbers(buyers, "old_customer") == 1
    ids = list("ABC") if kind.startswith("abc") else [group.id for group in groups(kind)]
    members = {name: pc.fill_null(pc.equal(group, name), False).to_numpy() for name in ids}
    return [
        {
            "id": name,
            "customers": int(mine.sum()),
            "old": int((mine & existing).sum()),
            "sales": int(sales[mine].sum()) / SCALE,
            "profit": int(profit[mine].sum()) / SCALE,
        }
        for name, mine in members.items()
    ]


def rfm_grid(buyers: pa.Table) -> list[dict[str, Any]]:
    """Return the cells of recency by frequency: r, f, customers, sales, and the groups in it with their customers."""
    recency, frequency = columns.numbers(buyers, "rfm_r"), columns.numbers(buyers, "rfm_f")
    sales, group = columns.sales(buyers), columns.texts(buyers, "rfm_group")
    cells = []
    for r in range(FIFTHS, 0, -1):
        for f in range(1, FIFTHS + 1):
            mine = (recency == r) & (frequency == f)
            names, counts = np.unique(group[mine].astype(str), return_counts=True)
            largest = sorted(zip(names.tolist(), counts.tolist(), strict=True), key=lambda pair: -pair[1])
            worth = int(sales[mine].sum()) / SCALE
            cells.append({"r": r, "f": f, "customers": int(mine.sum()), "sales": worth, "groups": largest})
    return cells


def concentrations(buyers: pa.Table) -> dict[str, Any]:
    """Return the 80/20 figures and curves by sales and by profit, and how many of the top fifth are existing."""
    ids, existing = columns.texts(buyers, "customer_id"), columns.numbers(buyers, "old_customer") == 1
    measures = {"sales": columns.sales(buyers), "profit": columns.amounts(buyers, "profit")}
    return {
        name: {
            **pareto.concentration(values, ids, existing).to_json(),
            "curve": pareto.curve(values),
            "for_80": pareto.part_for(values, 0.8),
        }
        for name, values in measures.items()
    }


def periods(sales: Sales) -> list[dict[str, Any]]:
    """Return existing and new customers of the usual periods that end on the last day."""
    rows = []
    for length in PERIODS:
        since = sales.as_of - timedelta(days=length - 1)
        if length == 1 or since > sales.since:  # otherwise no customer can have been there before
            share = existing_customers.existing_share(sales, since, sales.as_of)
            rows.append({"days": length, **share.to_json()})
    return rows


def days(sales: Sales) -> list[dict[str, Any]]:
    """Return existing customers day by day."""
    since = sales.as_of - timedelta(days=DAYS - 1)
    rows = existing_customers.existing_share_by_day(sales, since, sales.as_of).to_pylist()
    return [
        {
            **{name: value if isinstance(value, int) else float(value) for name, value in row.items() if name != "day"},
            "day": row["day"].isoformat(),
        }
        for row in rows
    ]


def cycles(sales: Sales, lake: Lake) -> list[dict[str, Any]]:
    """Return the mature period of every model, before and after."""
    from tenure.lifecycle.model_file import models_of

    if not sales.has("spans"):
        return []
    models = [model for model in models_of(lake) if model.subject == "customer"]
    return [extension.to_json() for extension in cycle.extensions(sales, models)]
