"""What the last refresh reports of value, lists of customers, and targets with how far they are.

A target keeps what its figure was on the day it was set, so that progress can be told (「精準設定目標」[S001]).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.columns import column
from tenure_app.customers.profile import has
from tenure_app.customers.queries import has_value_and_risk
from tenure_app.value.models import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import duckdb
    from django.db.models import QuerySet

    from tenure_app.lifecycle.catalogue import Entry

#: What the best are the best by.
BY = {"sales": "(amount + refunds)", "profit": "profit"}
#: The shares that a target can be about.
SHARES = {
    "old_sales": _("Existing customers' share of sales, 30 days"),
    "old_buyers": _("Existing customers' share of buyers, 30 days"),
    "old_profit": _("Existing customers' share of profit, 30 days"),
    "repurchase": _("Repurchase rate"),
    "second_90": _("Second order within 90 days"),
    "retention_1": _("Retention in the month after the first order"),
    "top_share": _("Top fifth's share of sales"),
}
#: Columns whose groups can be counted.
GROUPS = {"rfm_group": "rfm", "tier": "tiers", "loyalty": "loyalty", "stickiness": "stickiness"}


def reports(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return what the last refresh says of value by name, without ``value.``; empty when there was none."""
    if not (has(con, "reports") and has_value_and_risk(con)):
        return {}
    rows = con.execute("select name, body from reports where name like 'value.%' or name = 'predictions'").fetchall()
    return {name.removeprefix("value."): json.loads(body) for name, body in rows}


def refreshed_on(con: duckdb.DuckDBPyConnection) -> date | None:
    row = con.execute("select max(as_of) from reports").fetchone()
    return row[0] if row else None


def best(con: duckdb.DuckDBPyConnection, by: str, count: int) -> list[dict[str, Any]]:
    """Return the customers who bring most by ``sales`` or ``profit``, equal ones by their id."""
    return _customers(con, "orders > 0", BY[by], count)


def short_of_the_next(con: duckdb.DuckDBPyConnection, deals: int, count: int) -> list[dict[str, Any]]:
    """Return customers with so many deals whose last order is the freshest: the next one is nearest there."""
    return _customers(con, f"deals = {deals:d}", "last_order_on", count)


def _customers(con: duckdb.DuckDBPyConnection, condition: str, largest: str, count: int) -> list[dict[str, Any]]:
    rows = con.execute(
        "select customer_id, name, orders, amount + refunds as sales, profit, first_order_on, last_order_on,"
        f" old_customer, tier, rfm_group from scorecard where {condition} order by {largest} desc, customer_id limit ?",
        [count],
    )
    return rows.to_arrow_table().to_pylist()


# Targets


def measures(entries: Mapping[str, Entry]) -> dict[str, dict[str, str]]:
    """Return what a target can be about, in groups of the form: {group: {measure: name}}."""
    groups = {gettext("Shares"): {measure: str(name) for measure, name in SHARES.items()}}
    for definition in map(column, GROUPS):
        groups[str(definition.label)] = {
            f"group:{definition.id}:{code}": gettext("Customers: %(group)s") % {"group": name}
            for code, name in definition.values.items()
        }
    for entry in entries.values():
        if entry.fits:
            groups[entry.name] = {
                f"stage:{entry.id}:{stage.id}": gettext("Customers in %(stage)s")
                % {"stage": entry.stage_name(stage.id)}
                for stage in entry.model.stages
            }
    return groups


def figure(con: duckdb.DuckDBPyConnection, reports: Mapping[str, Any], measure: str) -> float | None:
    """Return the figure of a measure as of the last refresh, None when it cannot be told any more."""
    kind, _sep, rest = measure.partition(":")
    name, _sep, value = rest.partition(":")
    if kind == "group":
        rows = reports["groups"].get(GROUPS.get(name, ""), [])
        return next((float(row["customers"]) for row in rows if row["id"] == value), None)
    if kind == "stage":
        return _in_stage(con, name, value)
    month = [row["shares"] for row in reports["old"]["periods"] if row["days"] == 30]
    figures = {
        **{f"old_{name}": share for shares in month for name, share in shares.items()},
        "repurchase": reports["stickiness"]["repurchase_rate"],
        **{f"second_{row['days']}": row["rate"] for row in reports["stickiness"]["second"]["within"]},
        **{f"retention_{row['month']}": row["retention"] for row in reports["cohorts"]["by_age"]},
        "top_share": reports["pareto"]["sales"]["share"],
    }
    return figures.get(measure)


def _in_stage(con: duckdb.DuckDBPyConnection, model: str, stage: str) -> float | None:
    if not has(con, "spans"):
        return None
    row = con.execute(
        "select count(*) filter (stage = ?), count(*) from spans"
        " where model = ? and left_on is null and not passed_through",
        [stage, model],
    ).fetchone()
    return float(row[0]) if row and row[1] else None


def targets() -> QuerySet[Target]:
    return Target.objects.all()


def progress(target: Target, today: float | None, day: date) -> tuple[str, float | None]:
    """Return the state of a target, and the part of the way from where it began; None without a way to go.

    It is missed when it is not reached by the day it was due.
    """
    if today is None:
        return "unknown", None
    if today >= target.value if target.sense == Target.AT_LEAST else today <= target.value:
        return "reached", 1.0
    began = today if target.began_at is None else target.began_at
    way = target.value - began
    late = target.due_on is not None and day > target.due_on
    return "missed" if late else "under-way", min(max((today - began) / way, 0.0), 1.0) if way else None
