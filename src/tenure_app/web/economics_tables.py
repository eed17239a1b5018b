"""The tables of the economics page as files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from tenure_app.economics import queries
from tenure_app.web import economics_parts as parts
from tenure_app.web import economics_said as said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tenure_app.web.economics_parts import Page


@dataclass(frozen=True)
class Table:
    """A table: its headings and rows."""

    heads: list[str]
    rows: Iterable[list[Any]]


def _stages(page: Page) -> Table:
    heads = [
        _("Stage"), _("Customers"), _("Customer-days"), _("Sales"), _("Margin"), _("Invested"), _("Profit"),
        _("Profit a month"), _("Low (95 %)"), _("High (95 %)"), _("Value ahead"), _("Low (95 %)"), _("High (95 %)"),
        _("Value on entering"), _("Back-test: expected"), _("Back-test: came"),
    ]  # fmt: skip
    keys = ("people", "customer_days", "sales", "margin", "invested", "profit", "month_profit", "month_low",
            "month_high", "value", "value_low", "value_high", "entering")  # fmt: skip
    rows = (
        [
            stage["name"],
            *(stage[key] for key in keys),
            *((stage["tested"] or {}).get(key) for key in ("predicted", "actual")),
        ]
        for stage in parts.stages(page)["rows"]
    )
    return Table(heads, rows)


def _matrix(page: Page) -> Table:
    told = parts.matrix(page)
    heads = [_("From"), _("To"), _("Customers"), _("Share"), _("Low (95 %)"), _("High (95 %)")]
    rows = (
        [row["name"], name, cell["people"], cell["share"], cell["low"], cell["high"]]
        for row in told["rows"]
        for name, cell in zip(told["heads"], row["cells"], strict=True)
        if cell
    )
    return Table(heads, rows)


def _moves(page: Page) -> Table:
    heads = [
        _("From"), _("To"), _("Moves"), _("Customers"), _("Share of exits"), _("Low (95 %)"), _("High (95 %)"),
        _("Moves in 30 days"), _("Low (95 %)"), _("High (95 %)"), _("Worth"), _("Low (95 %)"), _("High (95 %)"),
    ]  # fmt: skip
    keys = ("moves", "customers", "share", "share_low", "share_high", "rate", "rate_low", "rate_high")
    rows = (
        [move["from"], move["to"], *(move[key] for key in keys),
         *((move["worth"] or {}).get(key) for key in ("value", "low", "high"))]
        for move in parts.moves(page)
    )  # fmt: skip
    return Table(heads, rows)


def _stay(page: Page) -> Table:
    heads = [
        _("Stage"), _("Ended stays"), _("Mean days"), _("Lower quartile"), _("Median"), _("Upper quartile"),
        _("There now"), _("Mean days so far"), _("Half gone after days"), _("Low (95 %)"), _("High (95 %)"),
    ]  # fmt: skip
    keys = ("ended", "mean_days", "lower_quartile", "median_days", "upper_quartile", "current", "current_mean_days",
            "half_days", "half_low", "half_high")  # fmt: skip
    return Table(heads, ([stay["name"], *(stay[key] for key in keys)] for stay in parts.stays(page)["rows"]))


def _worth(page: Page) -> Table:
    heads = [_("From"), _("To"), _("Worth"), _("Low (95 %)"), _("High (95 %)")]
    name = page.entry.stage_name
    rows = (
        [name(value["source"]), name(value["target"]), value["value"], value["low"], value["high"]]
        for value in page.body["move_values"]
    )
    return Table(heads, rows)


def _plans(page: Page) -> Table:
    heads = [
        _("Plan"), _("Decision"), _("Stage"), _("Target"), _("Cost each"), _("Effect of the plan"), _("At most"),
        _("Customers"), _("Spent"), _("Expected profit"), _("Low (95 %)"), _("High (95 %)"), _("Assumed"),
    ]  # fmt: skip
    rows = (
        [plan["name"], plan["kind"], plan["stage"], plan["target"], plan["plan"].cost, plan["plan"].effect,
         plan["plan"].capacity, plan["people"], plan["spend"], plan["profit"], plan["low"], plan["high"],
         _("yes") if plan["plan"].assumed else _("no")]
        for plan in parts.plans(page)["rows"]
    )  # fmt: skip
    return Table(heads, rows)


def _chosen(page: Page) -> Table:
    heads = [
        _("Stage"), _("Tier"), _("Time in stage"), _("Decision"), _("Plan"), _("Customers"), _("Profit each"),
        _("Low (95 %)"), _("High (95 %)"),
    ]  # fmt: skip
    rows = (
        [one["stage"], one["tier"], one["weeks"], one["kind"], one["plan"], one["row"].people, one["row"].profit,
         one["row"].low, one["row"].high]
        for one in parts.chosen(page)
    )  # fmt: skip
    return Table(heads, rows)


def _budget(page: Page) -> Table:
    heads = [
        _("Stage"), _("Customers"), _("Invested a month, each"), _("Profit a month, each"), _("Lost a month"),
        _("Get a plan"), _("Planned spend"), _("Planned saving"), _("Expected profit"), _("Decided one by one"),
        _("Decided spend"), _("Decided saving"),
    ]  # fmt: skip
    rows = (
        [row["name"], row["people"], row["share"].invested_month, row["share"].profit_month, row["share"].wasted_month,
         row["share"].gets_plan, row["share"].planned, row["share"].saved, row["share"].profit, row["share"].decided,
         row["share"].decided_spend, row["share"].decided_saved]
        for row in parts.budget(page)["rows"]
    )  # fmt: skip
    return Table(heads, rows)


def _decided(page: Page) -> Table:
    heads = [
        _("Customer id"), _("Stage"), _("Decision"), _("Plan"), _("Cost each"), _("Expected profit"), _("Low (95 %)"),
        _("High (95 %)"), _("Owner"), _("Due day"), _("Note"),
    ]  # fmt: skip
    rows = (
        [one["choice"].customer_id, one["stage"], one["kind"], one["plan"], one["choice"].cost, one["choice"].profit,
         one["choice"].low, one["choice"].high, one["choice"].owner, one["choice"].due_on, one["choice"].note]
        for one in parts.decided(page)
    )  # fmt: skip
    return Table(heads, rows)


def who_table(page: Page, rows: list[dict[str, Any]]) -> Table:
    """Return customers with their plans."""
    heads = [
        _("Customer id"), _("Stage"), _("Tier"), _("Weeks in stage"), _("Decision"), _("Plan"), _("Expected profit"),
        _("Low (95 %)"), _("High (95 %)"),
    ]  # fmt: skip
    told = (
        [row["customer_id"], page.entry.stage_name(row["stage"]), said.tier_name(row["tier"]), row["weeks"],
         said.kind_name(row["decision"]), said.plan_name(page.found.plan(row["decision_plan"])),
         row["decision_profit"], row["decision_low"], row["decision_high"]]
        for row in rows
    )  # fmt: skip
    return Table(heads, told)


def moved_table(page: Page, source: str, target: str) -> Table:
    """Return the moves from one stage to another."""
    heads = [_("Customer id"), _("Date"), _("Days in the stage before")]
    return Table(heads, ([*row] for row in queries.moved(page.con, page.found, source, target)))


TABLES: dict[str, Callable[[Page], Table]] = {
    "stages": _stages,
    "matrix": _matrix,
    "moves": _moves,
    "stay": _stay,
    "worth": _worth,
    "plans": _plans,
    "chosen": _chosen,
    "budget": _budget,
    "decided": _decided,
}
