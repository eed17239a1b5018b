"""The tables of value as files: one CSV each, or all of them in one workbook."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from tenure.value.groups import groups
from tenure.value.profile import label_of
from tenure_app.value import ranking_queries as queries
from tenure_app.web import value_said as said
from tenure_app.web.excel_out import KIND
from tenure_app.web.scorecard_said import name as name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tenure_app.web.value_parts import Page


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its title, its columns' names and its rows."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]


def _best(page: Page) -> Table:
    found = page.bodies["pareto"][page.by]
    heads = [_("Customer id"), _("Name"), _("Orders"), _("Sales"), _("Profit"), _("First order"), _("Last order"),
             _("Old customer"), _("Tier"), _("RFM group")]  # fmt: skip
    rows = [
        [one.customer_id, one.name, one.orders, float(one.sales), float(one.profit), one.first_order_on,
         one.last_order_on, _("yes") if one.old_customer else _("no"), name_of("tier", one.tier),
         name_of("rfm_group", one.rfm_group)]
        for one in queries.best(page.con, page.by, found["count"])
    ]  # fmt: skip
    return Table(_("Top fifth by profit") if page.by == "profit" else _("Top fifth by sales"), heads, rows)


def _curve(page: Page) -> Table:
    rows = [[by, part, share] for by in queries.BY for part, share in page.bodies["pareto"][by]["curve"]]
    names = {"sales": _("Sales"), "profit": _("Profit")}
    return Table(_("80/20 curve"), [_("By"), _("Part of the buyers"), _("Part of the total")],
                 [[names[by], part, share] for by, part, share in rows])  # fmt: skip


def _groups(page: Page) -> Table:
    kinds = (("rfm", "rfm_group", _("RFM group")), ("tiers", "tier", _("Tier")), ("loyalty", "loyalty",
             _("Loyalty class")), ("abc_sales", "abc_sales", _("ABC by sales")), ("abc_profit", "abc_profit",
             _("ABC by profit")))  # fmt: skip
    rows = [
        [label, name_of(column, row["id"]), row["customers"], row["old"], row["sales"], row["profit"]]
        for kind, column, label in kinds
        for row in page.bodies["groups"][kind]
    ]
    return Table(
        _("Groups"), [_("Kind"), _("Group"), _("Customers"), _("Old customers"), _("Sales"), _("Profit")], rows
    )


def _rfm(page: Page) -> Table:
    rows = [
        [cell["r"], cell["f"], cell["customers"], cell["sales"],
         _(", ").join(f"{name_of('rfm_group', name)} {count}" for name, count in cell["groups"])]
        for cell in page.bodies["rfm"]
    ]  # fmt: skip
    return Table(_("RFM grid"), [_("Recency"), _("Frequency"), _("Customers"), _("Sales"), _("Groups")], rows)


def _policy(page: Page) -> Table:
    rows = [[group.name.render(), group.means.render(), group.policy.render(), group.source]
            for group in groups("tiers")]  # fmt: skip
    return Table(_("Tier policy"), [_("Tier"), _("What they want"), _("Policy"), _("Source")], rows)


def _old(page: Page) -> Table:
    heads = [_("From"), _("To"), _("Group"), _("Buyers"), _("Orders"), _("Sales"), _("Margin"), _("Invested"),
             _("Profit"), _("Part of the sales"), _("Part of the buyers"), _("Part of the profit")]  # fmt: skip
    rows = []
    for body in page.bodies["old"]["periods"]:
        for side, label in (("old", _("Old customers")), ("new", _("New customers"))):
            shares = [body["shares"][of] if side == "old" else None if body["shares"][of] is None else 1 -
                      body["shares"][of] for of in ("sales", "buyers", "profit")]  # fmt: skip
            told = [body[side][key] for key in ("buyers", "orders", "sales", "margin", "invested", "profit")]
            rows.append([body["since"], body["until"], label, *told, *shares])
    return Table(_("Old and new customers"), heads, rows)


def _old_days(page: Page) -> Table:
    heads = [_("Date"), _("Buyers"), _("Old buyers"), _("Sales"), _("Sales to old customers"), _("Margin"),
             _("Margin from old customers")]  # fmt: skip
    keys = ("day", "buyers", "old_buyers", "sales", "old_sales", "margin", "old_margin")
    return Table(_("Old customers by day"), heads, [[row[key] for key in keys] for row in page.bodies["old"]["days"]])


def _ladder(page: Page) -> Table:
    heads = [_("Deals"), _("Customers"), _("Got there"), _("Went on"), _("Part that went on"), _("Deals short")]
    keys = ("deals", "customers", "reached", "went_on", "rate", "missing")
    return Table(_("Stickiness"), heads, [[row[key] for key in keys] for row in page.bodies["stickiness"]["steps"]])


def _cohorts(page: Page) -> Table:
    heads = [_("First month"), _("Customers"), _("Month of life"), _("Active"), _("Retention"), _("Sales"), _("Margin")]
    rows = [
        [row["first_month"], row["customers"], month, row["active"][month], row["retention"][month],
         row["sales"][month], row["margin"][month]]
        for row in page.bodies["cohorts"]["cohorts"]
        for month in range(len(row["active"]))
    ]  # fmt: skip
    return Table(_("Cohorts"), heads, rows)


def _life(page: Page) -> Table:
    heads = [_("Month of life"), _("Customers"), _("Active"), _("Sales a customer"), _("Low"), _("High"), _("Phase"),
             _("Margin"), _("Invested"), _("Profit"), _("Profit so far")]  # fmt: skip
    keys = ("customers", "active", "value", "low", "high", "phase", "margin", "invested", "profit", "profit_so_far")
    rows = [
        [row["month"] + 1, *(said.phase(row[key]) if key == "phase" else row[key] for key in keys)]
        for row in page.bodies["life"]["months"]
    ]
    return Table(_("Month of life"), heads, rows)


def _cycle(page: Page) -> Table:
    heads = [_("Model"), _("From"), _("Compared at"), _("To"), _("Days before"), _("Left before"), _("Days after"),
             _("Left after"), _("Change"), _("Low"), _("High"), _("Conclusion")]  # fmt: skip
    rows = [
        [body["model"], body["begin"], body["cut"], body["end"], body["before"]["mean"], body["before"]["left"],
         body["after"]["mean"], body["after"]["left"], *(ratio - 1 for ratio in body["ratio"] or ()),
         *([None] * (0 if body["ratio"] else 3)), said.verdict(body["verdict"])]
        for body in page.bodies["cycle"]
    ]  # fmt: skip
    return Table(_("Cycle length"), heads, rows)


def _profile(page: Page) -> Table:
    heads = [_("Habit"), _("Top fifth"), _("Others"), _("Effect"), _("Low"), _("High"), _("Size"), _("Adjusted p"),
             _("Differs")]  # fmt: skip
    rows = [
        [label_of(row), row["top"], row["rest"], row["delta"], row["low"], row["high"],
         said.size(row["size"]), row["q"], _("yes") if row["differs"] else _("no")]
        for row in page.bodies["profile"]
    ]  # fmt: skip
    return Table(_("Profile of the top fifth"), heads, rows)


#: By the names under which they are downloaded.
TABLES: dict[str, Callable[[Page], Table]] = {
    "best": _best, "curve": _curve, "groups": _groups, "rfm": _rfm, "policy": _policy, "old": _old,
    "old-days": _old_days,
    "stickiness": _ladder, "cohorts": _cohorts, "life": _life, "cycle": _cycle, "profile": _profile,
}  # fmt: skip


def workbook(name: str, tables: Sequence[Table]) -> HttpResponse:
    """Return tables as one Excel file, a sheet each."""
    import xlsxwriter

    file = io.BytesIO()
    made = xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False})
    bold, day = made.add_format({"bold": True, "text_wrap": True}), made.add_format({"num_format": "yyyy-mm-dd"})
    for table in tables:
        sheet = made.add_worksheet(table.title.replace("/", "-")[:31])
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(table.heads) - 1, 16)
        sheet.write_row(0, 0, table.heads, bold)
        for at, row in enumerate(table.rows, 1):
            for place, cell in enumerate(row):
                if hasattr(cell, "isoformat"):
                    sheet.write_datetime(at, place, cell, day)
                elif cell is not None:
                    sheet.write(at, place, cell)
    made.close()
    answer = HttpResponse(file.getvalue(), content_type=KIND)
    answer["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return answer
