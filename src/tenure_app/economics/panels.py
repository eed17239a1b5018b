"""The rows of the plans and their form, of who gets which plan, and of the options of one customer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from tenure.economics.plans import GONE, KINDS, NOTHING
from tenure.lifecycle.model import UNSTAGED
from tenure_app.economics import titles
from tenure_app.economics.figures import StageEconomics
from tenure_app.economics.models import CustomerChoice
from tenure_app.web.filters import Field, Input, Select
from tenure_app.web.tables import Row


def plans(data: StageEconomics) -> list[Row]:
    rows = []
    for plan in data.book.plans:
        people = sum(row.people for row in data.choice.rows if row.plan_id == plan.id)
        profit, low, high = data.choice.by_plan.get(plan.id, (0.0, 0.0, 0.0))
        tiers = [_("tier %(tier)s") % {"tier": titles.tier_name(tier)} for tier in plan.tiers]
        rows.append(
            {
                **{name: getattr(plan, name) for name in ("id", "kind", "cost", "effect", "capacity", "assumed")},
                "plan": plan,
                "name": titles.plan_name(plan),
                "kind_name": titles.kind_name(plan.kind),
                "about": [titles.kind_name(plan.kind), *tiers, _("assumed") if plan.assumed else ""],
                **data.named(plan.stage),
                "target": titles.aim(data.entry, plan.target),
                "target_family": data.entry.family(plan.target),
                "people": people,
                "spend": plan.cost * people,
                "profit": profit,
                "low": low,
                "high": high,
                "url": data.address("economics-who", plan=plan.id),
            }
        )
    return rows


def plan_name(data: StageEconomics, plan_id: str) -> str:
    """Return what a plan is called; doing nothing where there is none."""
    return titles.plan_name(next((plan for plan in data.book.plans if plan.id == plan_id), None))


def who_gets_what(data: StageEconomics) -> list[Row]:
    from tenure.economics.value import BANDS

    ends = [*(after for _first, after in pairwise(BANDS)), None]
    return [
        {
            **data.named(row.stage),
            "tier_name": titles.tier_name(row.tier),
            "weeks": titles.weeks_name(BANDS[row.band], ends[row.band]),
            "kind_name": titles.kind_name(row.kind),
            "plan": titles.plan_name(row.plan),
            "people": row.people,
            "profit_each": row.profit,
            "low": row.low,
            "high": row.high,
            "url": data.address("economics-who", plan=row.plan_id, stage=row.stage, tier=row.tier, band=row.band),
        }
        for row in data.choice.rows
    ]


def form(data: StageEconomics, given: Mapping[str, str] | None) -> list[Row]:
    """Return the plans with what the form holds of each, and doing nothing as the last of them."""
    rows = plans(data)
    for plan in rows:
        fields = {
            "cost": f"{abs(plan['cost']):.2f}",
            "effect": f"{round(plan['effect'] * 100, 4):g}",
            "capacity": "" if plan["capacity"] is None else plan["capacity"],
        }
        # A form with a mistake comes back as it was typed.
        typed = None if given is None else {name: given.get(f"{plan['id']}:{name}", "") for name in fields}
        plan["given"] = fields if typed is None else typed
    # Doing nothing costs nothing and is never dropped, so its row has no fields.
    nothing: Row = {
        **dict.fromkeys(("id", "kind", "stage", "family", "target", "plan"), ""),
        **dict.fromkeys(("spend", "profit", "low", "high"), 0),
        "name": titles.plan_name(None),
        "about": [_("always possible")],
        "people": sum(row.people for row in data.choice.rows if row.plan is None),
        "url": data.address("economics-who", plan=NOTHING),
    }
    return [*rows, nothing]


def new_plan(data: StageEconomics, given: Mapping[str, str]) -> list[Field]:
    def select(field: str, label: str, options: list[tuple[str, str]], **more: Any) -> Select:
        return Select(f"new:{field}", label, options, given.get(f"new:{field}", ""), **more)

    def typed(field: str, label: str) -> Input:
        return Input(f"new:{field}", label, given.get(f"new:{field}", ""), "decimal")

    stages = [(stage, data.entry.stage_name(stage)) for stage in data.values.stages if stage != UNSTAGED]
    tiers = [(tier, titles.tier_name(tier)) for tier in data.values.tiers if tier]
    return [
        Input("new:name", _("Name of the plan"), given.get("new:name", ""), grow=True),
        select("kind", _("Decision"), [(kind, titles.kind_name(kind)) for kind in KINDS]),
        select("stage", _("For"), stages),
        select("target", _("Aim"), [*stages, (GONE, titles.aim(data.entry, GONE))]),
        *([select("tier", _("Tier"), tiers, any=_("all"))] if tiers else []),
        typed("cost", _("Cost each")),
        typed("effect", _("Effect of the plan") + " (%)"),
        typed("capacity", _("At most")),
    ]


def recipient(data: StageEconomics, row: Row) -> Row:
    """Return a row of :func:`tenure_app.economics.queries.recipients` in words."""
    return {
        "customer_id": row["customer_id"],
        "weeks": row["weeks"],
        **data.named(row["stage"]),
        "tier_name": titles.tier_name(row["tier"]),
        "kind_name": titles.kind_name(row["decision"]),
        "plan": plan_name(data, row["decision_plan"]),
        "expected": row["decision_profit"],
        "low": row["decision_low"],
        "high": row["decision_high"],
        "url": data.address("customer", row["customer_id"]),
        "options_url": data.address("economics-choose", customer=row["customer_id"]),
    }


def move(data: StageEconomics, row: tuple[str, date, int]) -> Row:
    customer, on, days = row
    return {"customer_id": customer, "on": on, "days": days, "url": data.address("customer", customer)}


def options(data: StageEconomics, standing: Row, choice: CustomerChoice | None) -> list[Row]:
    """Return the options of one customer, checked what was decided, else the best."""
    rows = []
    for option in standing["options"]:
        plan = option["plan"] or {}
        name = plan.get("id", NOTHING)
        rows.append(
            {
                **option,
                "id": name,
                "checked": choice.plan_id == name if choice else option["best"],
                "name": titles.task_name(plan.get("zh", ""), plan.get("en", ""), plan.get("kind", "")),
                "kind_name": titles.kind_name(option["kind"]),
                "assumed": bool(plan.get("assumed")),
                "spend": max(option["cost"], 0.0),
                "saves": max(-option["cost"], 0.0),
                "effect": plan.get("effect"),
                "target": titles.aim(data.entry, plan["target"]) if plan else "",
            }
        )
    return rows


def checks(data: StageEconomics) -> list[Row]:
    names = data.entry.stage_name
    return [
        {
            **check,
            "claim": titles.check(data.entry, check),
            **{f"{side}_name": names(check[side]) if check[side] else "" for side in ("lower", "higher")},
        }
        for check in data.report["checks"]
    ]
