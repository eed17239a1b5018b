"""The plans of a model and their form, who gets which plan, and the options of one customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.economics.plans import GONE
from tenure.lifecycle.model import UNSTAGED
from tenure_app.economics import titles
from tenure_app.economics.tables import (
    CARDS,
    DECISION,
    PEOPLE,
    PLAN,
    badge,
    bounds,
    interval,
    money,
    numeric,
    ranged,
    under,
    url_of,
)
from tenure_app.economics.titles import amount
from tenure_app.web.filters import Input, Select
from tenure_app.web.formats import instant
from tenure_app.web.tables import Column, Table
from tenure_app.web.templatetags.tenure import stage_badge

if TYPE_CHECKING:
    from tenure.economics.plans import Plan
    from tenure_app.economics.figures import StageEconomics
    from tenure_app.economics.models import CustomerChoice
    from tenure_app.economics.queries import ChoiceStanding
    from tenure_app.web.filters import Field
    from tenure_app.web.tables import Row, ShownTable


_ASSUMED = Column("assumed", _("Assumed"), "yesno")


def _aim(row: Row) -> str:
    if not row["stage"]:
        return ""
    text = stage_badge(row["stage"], row["family"])
    if row["target"] == row["stage"]:
        return format_html("<span>{}</span>", text)
    arrow = "↛" if row["kind"] == "maintain" else "→"
    return format_html("<span>{} {} {}</span>", text, arrow, stage_badge(row["target"], row["target_family"]))


def _plan(row: Row) -> str:
    return under(row["name"], " · ".join(filter(None, row["about"])))


def _input(field: str, label: Any, mode: str = "decimal", placeholder: str = "") -> Callable[[Row], str]:
    """Return an input in which a number of a plan is typed."""
    text = (
        '<input class="form-control form-control-sm{}" name="{}:{}" inputmode="{}" placeholder="{}" value="{}"'
        ' aria-label="{}: {}">'
    )

    def cell(row: Row) -> str:
        if not row["id"]:
            return ""
        size = "" if field == "effect" else " plan-number"
        return format_html(text, size, row["id"], field, mode, placeholder, row["given"][field], label, row["name"])

    return cell


def _cost(row: Row) -> str:
    saves = format_html('<span class="under">{}</span>', gettext("saves")) if row["kind"] == "withdraw" else ""
    return format_html("<span>{}{}</span>", saves, _input("cost", gettext("Cost each"))(row)) if row["id"] else "0"


def _effect(row: Row) -> str:
    if not row["id"]:
        return "0%"
    text = '<span class="input-group input-group-flat plan-number">{}<span class="input-group-text">%</span></span>'
    return format_html(text, _input("effect", gettext("Effect of the plan"))(row))


def _plan_profit(row: Row) -> str:
    if row["id"] and not row["people"]:
        return format_html('<span class="text-secondary">{}</span>', gettext("not chosen"))
    return under(amount(row["profit"]), interval(amount, row["low"], row["high"]) if row["id"] else "")


def _drop(row: Row) -> str:
    if not row["id"]:
        return ""
    text = (
        '<label class="form-check mb-0"><input class="form-check-input" type="checkbox" name="{}:drop" value="1"'
        ' aria-label="{}: {}"><span class="form-check-label">{}</span></label>'
    )
    return format_html(text, row["id"], gettext("Delete"), row["name"], gettext("Delete"))


#: The plans in the form that changes them.
PLANS = Table(
    "plans",
    (
        Column(
            "plan",
            _("Plan"),
            html=_plan,
            export=(Column("plan_name", _("Plan"), value="name"), Column("kind_name", _("Decision"))),
        ),
        Column("aim", _("For → aim"), html=_aim, export=(Column("stage"), Column("target", _("Target")))),
        numeric("cost", _("Cost each"), html=_cost),
        numeric("effect", _("Effect of the plan"), html=_effect, term="plan-effect"),
        numeric("capacity", _("At most"), html=_input("capacity", _("At most"), "numeric", "∞")),
        PEOPLE,
        money("spend", _("Spent")),
        numeric(
            "plan_profit",
            _("Expected profit"),
            html=_plan_profit,
            value="profit",
            also=(*bounds("low", "high"), _ASSUMED),
        ),
        Column("drop", _("Delete"), html=_drop, classes="no-print", bare=True, export=()),
    ),
    classes=f"{CARDS} plan-table",
)


def _plan_with_kind(row: Row) -> str:
    return under(row["plan"], row["kind_name"])


#: Who gets what, by stage, tier and time in the stage.
CHOSEN = Table(
    "chosen",
    (
        Column("stage", html=badge),
        Column("tier_name", _("Tier")),
        Column("weeks", _("Time in stage")),
        Column("plan", _("Plan"), html=_plan_with_kind, export=(DECISION, PLAN)),
        PEOPLE,
        ranged("profit_each", _("Profit per customer"), "low", "high"),
    ),
    classes="table-sm cards",
)


def _stage_since(row: Row) -> str:
    return under(badge(row), titles.weeks(row["weeks"]))


def _options(row: Row) -> str:
    return format_html('<a class="btn btn-sm" href="{}">{}</a>', row["options_url"], gettext("Options"))


#: Customers with the plan that was chosen for them.
WHO = Table(
    "who",
    (
        Column("customer", value="customer_id", url=url_of, export=(Column("customer_id"),)),
        Column("stage", html=_stage_since),
        Column("tier_name", _("Tier"), also=(numeric("weeks", _("Weeks in stage")),)),
        Column("plan", _("Plan"), html=_plan_with_kind, export=(DECISION, PLAN)),
        ranged("expected", _("Expected profit"), "low", "high"),
        Column("options", _("Options"), html=_options, classes="no-print", bare=True, export=()),
    ),
    classes="table-vcenter card-table cards",
)
#: The moves from one stage to another.
MOVED = Table(
    "moved",
    (
        Column("customer", value="customer_id", url=url_of, export=(Column("customer_id"),)),
        Column("on", _("Date"), "day"),
        numeric("days", _("Days in the stage before")),
    ),
    classes="table-vcenter card-table cards",
)
#: The options of one customer, of which one is taken.
OPTIONS = Table(
    "options",
    (
        Column("option", _("Option"), template="economics/option.html"),
        money("spend", _("Costs")),
        money("saves", _("Saves")),
        money("returns", _("Expected return")),
        numeric(
            "profit_expected",
            _("Expected profit"),
            html=lambda row: under(
                amount(row["profit"]), interval(amount, row["low"], row["high"]) if row["plan"] else ""
            ),
        ),
        Column(
            "best",
            _("largest"),
            "yesno",
            html=lambda row: (
                format_html('<span class="value-mark value-yes">{}</span>', gettext("largest")) if row["best"] else ""
            ),
            bare=True,
        ),
    ),
    classes="table-vcenter cards",
)


def _amount_if_decided(name: str) -> Callable[[Any], str]:
    return lambda choice: amount(getattr(choice, name)) if choice.plan_id else ""


#: What was decided for a customer before; rows are choices.
HISTORY = Table(
    "history",
    (
        Column("at", _("When"), "instant", html=lambda choice: instant(choice.at)),
        Column(
            "kind",
            _("Decision"),
            value=lambda choice: titles.kind_name(choice.kind) if choice.plan_id else gettext("taken back"),
        ),
        numeric("cost", _("Cost each"), html=_amount_if_decided("cost")),
        numeric("profit_expected", _("Expected profit"), value="profit", html=_amount_if_decided("profit")),
        Column("note", _("Note")),
    ),
    classes="table-sm cards",
)


def plans(data: StageEconomics) -> list[Row]:
    """Return the plans with what they come to."""
    return [_with_sums(data, plan) for plan in data.economics.book.plans]


def _with_sums(data: StageEconomics, plan: Plan) -> Row:
    choice = data.economics.choice
    people = sum(row.people for row in choice.rows if row.plan_id == plan.id)
    profit, low, high = choice.by_plan.get(plan.id, (0.0, 0.0, 0.0))
    tiers = [gettext("tier %(tier)s") % {"tier": titles.tier_name(tier)} for tier in plan.tiers]
    return {
        **{name: getattr(plan, name) for name in ("id", "kind", "cost", "effect", "capacity", "assumed")},
        "name": titles.plan_name(plan),
        "kind_name": titles.kind_name(plan.kind),
        "about": [titles.kind_name(plan.kind), *tiers, gettext("assumed") if plan.assumed else ""],
        "stage": data.entry.stage_name(plan.stage),
        "family": data.entry.family(plan.stage),
        "target": titles.aim(data.entry, plan.target),
        "target_family": data.entry.family(plan.target),
        "people": people,
        "spend": plan.cost * people,
        "profit": profit,
        "low": low,
        "high": high,
        "url": data.address("economics-who", plan=plan.id),
    }


def chosen(data: StageEconomics) -> list[Row]:
    """Return who gets what by stage, tier and time in the stage."""
    from tenure.economics.weekly import BANDS

    ends = dict(enumerate(after for _first, after in pairwise(BANDS)))
    return [
        {
            "stage": data.entry.stage_name(row.stage),
            "family": data.entry.family(row.stage),
            "tier_name": titles.tier_name(row.tier),
            "weeks": titles.weeks_name(BANDS[row.band], ends.get(row.band)),
            "kind_name": titles.kind_name(row.kind),
            "plan": titles.plan_name(row.plan),
            "people": row.people,
            "profit_each": row.profit,
            "low": row.low,
            "high": row.high,
            "url": data.address("economics-who", plan=row.plan_id, stage=row.stage, tier=row.tier, band=row.band),
        }
        for row in data.economics.choice.rows
    ]


def form(data: StageEconomics, given: Mapping[str, str] | None) -> ShownTable:
    """Return the plans with what the form holds of each, and doing nothing as the last of them."""
    rows = []
    for plan in plans(data):
        fields = {
            "cost": f"{abs(plan['cost']):.2f}",
            "effect": f"{round(plan['effect'] * 100, 4):g}",
            "capacity": "" if plan["capacity"] is None else plan["capacity"],
        }
        # A form with a mistake comes back as it was typed.
        if given is not None:
            fields = {name: given.get(f"{plan['id']}:{name}", "") for name in fields}
        rows.append({**plan, "given": fields})
    # Doing nothing costs nothing and is never dropped, so its row has no fields.
    nothing: Row = {
        **dict.fromkeys(("id", "kind", "stage", "family", "target"), ""),
        **dict.fromkeys(("spend", "profit", "low", "high"), 0),
        "name": titles.plan_name(None),
        "about": [gettext("always possible")],
        "people": sum(row.people for row in data.economics.choice.rows if row.plan is None),
        "url": data.address("economics-who", plan="nothing"),
    }
    return PLANS.show([*rows, nothing])


def new_plan(data: StageEconomics, given: Mapping[str, str]) -> list[Field]:
    """Return the fields of another plan."""
    name = data.entry.stage_name
    stages = [(stage, name(stage)) for stage in data.economics.values.stages if stage != UNSTAGED]
    kinds = [(kind, titles.kind_name(kind)) for kind in ("develop", "maintain", "withdraw")]
    tiers = [(tier, titles.tier_name(tier)) for tier in data.economics.values.tiers if tier]
    gone = (GONE, titles.aim(data.entry, GONE))
    fields: list[Field] = [
        Input("new:name", gettext("Name"), given.get("new:name", ""), grow=True),
        Select("new:kind", gettext("Decision"), kinds, given.get("new:kind", "")),
        Select("new:stage", gettext("For"), stages, given.get("new:stage", "")),
        Select("new:target", gettext("Aim"), [*stages, gone], given.get("new:target", "")),
        Input("new:cost", gettext("Cost each"), given.get("new:cost", ""), "decimal"),
        Input("new:effect", f"{gettext('Effect of the plan')} (%)", given.get("new:effect", ""), "decimal"),
        Input("new:capacity", gettext("At most"), given.get("new:capacity", ""), "decimal"),
    ]
    if tiers:
        fields.insert(4, Select("new:tier", gettext("Tier"), tiers, given.get("new:tier", ""), any=gettext("all")))
    return fields


def recipient(data: StageEconomics, row: Row) -> Row:
    return {
        "customer_id": row["customer_id"],
        "weeks": row["weeks"],
        "stage": data.entry.stage_name(row["stage"]),
        "family": data.entry.family(row["stage"]),
        "tier_name": titles.tier_name(row["tier"]),
        "kind_name": titles.kind_name(row["decision"]),
        "plan": titles.plan_name(data.economics.plan(row["decision_plan"])),
        "expected": row["decision_profit"],
        "low": row["decision_low"],
        "high": row["decision_high"],
        "url": data.customer(row["customer_id"]),
        "options_url": data.address("economics-choose", customer=row["customer_id"]),
    }


def options(data: StageEconomics, standing: ChoiceStanding, chosen: CustomerChoice | None) -> list[Row]:
    """Return the options of one customer, checked what was chosen, else the best."""
    rows = []
    for option in standing.options:
        plan = option["plan"] or {}
        name = plan.get("id", "nothing")
        rows.append(
            {
                **option,
                "id": name,
                "checked": chosen.plan_id == name if chosen else option["best"],
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
    """Return what the model claims about money, and whether it holds."""
    names = data.entry.stage_name
    return [
        {
            **check,
            "claim": titles.check(data.entry, check),
            **{f"{side}_name": names(check[side]) if check[side] else "" for side in ("lower", "higher")},
        }
        for check in data.report["checks"]
    ]
