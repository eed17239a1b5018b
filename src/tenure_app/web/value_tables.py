"""The tables of value as files: one CSV each, or all of them in one workbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from tenure.columns import value_name as name_of
from tenure.value.groups import groups
from tenure.value.profile import label_of
from tenure_app.value import ranking_queries as queries
from tenure_app.web import value_said as said
from tenure_app.web.exports import Sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure_app.web.value_parts import Page


def _best(page: Page) -> Sheet:
    found = page.bodies["pareto"][page.by]
    heads = [_("Customer id"), _("Name"), _("Orders"), _("Sales"), _("Profit"), _("First order"), _("Last order"),
             _("Old customer"), _("Tier"), _("RFM group")]  # fmt: skip
    rows = [
        [one.customer_id, one.name, one.orders, float(one.sales), float(one.profit), one.first_order_on,
         one.last_order_on, _("yes") if one.old_customer else _("no"), name_of("tier", one.tier),
         name_of("rfm_group", one.rfm_group)]
        for one in queries.best(page.con, page.by, found["count"])
    ]  # fmt: skip
    return Sheet(_("Top fifth by profit") if page.by == "profit" else _("Top fifth by sales"), heads, rows)


def _curve(page: Page) -> Sheet:
    rows = [[by, part, share] for by in queries.BY for part, share in page.bodies["pareto"][by]["curve"]]
    names = {"sales": _("Sales"), "profit": _("Profit")}
    return Sheet(_("80/20 curve"), [_("By"), _("Part of the buyers"), _("Part of the total")],
                 [[names[by], part, share] for by, part, share in rows])  # fmt: skip


def _groups(page: Page) -> Sheet:
    kinds = (("rfm", "rfm_group", _("RFM group")), ("tiers", "tier", _("Tier")), ("loyalty", "loyalty",
             _("Loyalty class")), ("abc_sales", "abc_sales", _("ABC by sales")), ("abc_profit", "abc_profit",
             _("ABC by profit")))  # fmt: skip
    rows = [
        [label, name_of(column, row["id"]), row["customers"], row["old"], row["sales"], row["profit"]]
        for kind, column, label in kinds
        for row in page.bodies["groups"][kind]
    ]
    return Sheet(
        _("Groups"), [_("Kind"), _("Group"), _("Customers"), _("Old customers"), _("Sales"), _("Profit")], rows
    )


def _rfm(page: Page) -> Sheet:
    rows = [
        [cell["r"], cell["f"], cell["customers"], cell["sales"],
         _(", ").join(f"{name_of('rfm_group', name)} {count}" for name, count in cell["groups"])]
        for cell in page.bodies["rfm"]
    ]  # fmt: skip
    return Sheet(_("RFM grid"), [_("Recency"), _("Frequency"), _("Customers"), _("Sales"), _("Groups")], rows)


def _policy(page: Page) -> Sheet:
    rows = [[group.name.render(), group.means.render(), group.policy.render(), group.source]
            for group in groups("tiers")]  # fmt: skip
    return Sheet(_("Tier policy"), [_("Tier"), _("What they want"), _("Policy"), _("Source")], rows)


def _old(page: Page) -> Sheet:
    heads = [_("From"), _("To"), _("Group"), _("Buyers"), _("Orders"), _("Sales"), _("Margin"), _("Invested"),
             _("Profit"), _("Part of the sales"), _("Part of the buyers"), _("Part of the profit")]  # fmt: skip
    rows = []
    for body in page.bodies["old"]["periods"]:
        for side, label in (("old", _("Old customers")), ("new", _("New customers"))):
            shares = [body["shares"][of] if side == "old" else None if body["shares"][of] is None else 1 -
                      body["shares"][of] for of in ("sales", "buyers", "profit")]  # fmt: skip
            told = [body[side][key] for key in ("buyers", "orders", "sales", "margin", "invested", "profit")]
            rows.append([body["since"], body["until"], label, *told, *shares])
    return Sheet(_("Old and new customers"), heads, rows)


def _old_days(page: Page) -> Sheet:
    heads = [_("Date"), _("Buyers"), _("Old buyers"), _("Sales"), _("Sales to old customers"), _("Margin"),
             _("Margin from old customers")]  # fmt: skip
    keys = ("day", "buyers", "old_buyers", "sales", "old_sales", "margin", "old_margin")
    return Sheet(_("Old customers by day"), heads, [[row[key] for key in keys] for row in page.bodies["old"]["days"]])


def _ladder(page: Page) -> Sheet:
    heads = [_("Deals"), _("Customers"), _("Got there"), _("Went on"), _("Part that went on"), _("Deals short")]
    keys = ("deals", "customers", "reached", "went_on", "rate", "missing")
    return Sheet(_("Stickiness"), heads, [[row[key] for key in keys] for row in page.bodies["stickiness"]["steps"]])


def _cohorts(page: Page) -> Sheet:
    heads = [_("First month"), _("Customers"), _("Month of life"), _("Active"), _("Retention"), _("Sales"), _("Margin")]
    rows = [
        [row["first_month"], row["customers"], month, row["active"][month], row["retention"][month],
         row["sales"][month], row["margin"][month]]
        for row in page.bodies["cohorts"]["cohorts"]
        for month in range(len(row["active"]))
    ]  # fmt: skip
    return Sheet(_("Cohorts"), heads, rows)


def _life(page: Page) -> Sheet:
    heads = [_("Month of life"), _("Customers"), _("Active"), _("Sales a customer"), _("Low"), _("High"), _("Phase"),
             _("Margin"), _("Invested"), _("Profit"), _("Profit so far")]  # fmt: skip
    keys = ("customers", "active", "value", "low", "high", "phase", "margin", "invested", "profit", "profit_so_far")
    rows = [
        [row["month"] + 1, *(said.phase(row[key]) if key == "phase" else row[key] for key in keys)]
        for row in page.bodies["life"]["months"]
    ]
    return Sheet(_("Month of life"), heads, rows)


def _cycle(page: Page) -> Sheet:
    heads = [_("Model"), _("From"), _("Compared at"), _("To"), _("Days before"), _("Left before"), _("Days after"),
             _("Left after"), _("Change"), _("Low"), _("High"), _("Conclusion")]  # fmt: skip
    rows = [
        [body["model"], body["begin"], body["cut"], body["end"], body["before"]["mean"], body["before"]["left"],
         body["after"]["mean"], body["after"]["left"], *(ratio - 1 for ratio in body["ratio"] or ()),
         *([None] * (0 if body["ratio"] else 3)), said.verdict(body["verdict"])]
        for body in page.bodies["cycle"]
    ]  # fmt: skip
    return Sheet(_("Cycle length"), heads, rows)


def _profile(page: Page) -> Sheet:
    heads = [_("Habit"), _("Top fifth"), _("Others"), _("Effect"), _("Low"), _("High"), _("Size"), _("Adjusted p"),
             _("Differs")]  # fmt: skip
    rows = [
        [label_of(row), row["top"], row["rest"], row["delta"], row["low"], row["high"],
         said.size(row["size"]), row["q"], _("yes") if row["differs"] else _("no")]
        for row in page.bodies["profile"]
    ]  # fmt: skip
    return Sheet(_("Profile of the top fifth"), heads, rows)


#: By the names under which they are downloaded.
TABLES: dict[str, Callable[[Page], Sheet]] = {
    "best": _best, "curve": _curve, "groups": _groups, "rfm": _rfm, "policy": _policy, "old": _old,
    "old-days": _old_days,
    "stickiness": _ladder, "cohorts": _cohorts, "life": _life, "cycle": _cycle, "profile": _profile,
}  # fmt: skip
