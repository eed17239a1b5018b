"""The figures of the value page: chart, table and files of each, from what the last refresh reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.columns import value_name
from tenure.lifecycle.choice import FAVOURITE
from tenure.value import groups as definitions
from tenure_app.customers.query import customers_url
from tenure_app.lifecycle import catalogue
from tenure_app.lifecycle.titles import periods
from tenure_app.value import queries, tables, titles
from tenure_app.web.charts import Curve, Heatmap, Mark, Series
from tenure_app.web.figures import Figure, Switch
from tenure_app.web.formats import number, percent
from tenure_app.web.layout import business

if TYPE_CHECKING:
    import duckdb

    from tenure_app.web.tables import Row

#: Colours of the named groups: those of the families of stages that mean about the same.
FAMILIES = {
    "champions": "F7", "loyal": "F6", "potential-loyal": "F5", "new": "F4", "promising": "F3", "need-attention": "F8",
    "about-to-sleep": "F8", "at-risk": "F10", "cannot-lose": "F12", "hibernating": "F9", "lost": "F11",
    "high": "F7", "middle": "F6", "low": "F2", "repeat": "F5", "lapsing": "F8", "lapsed": "F10",
    "A": "F7", "B": "F6", "C": "F2",
}  # fmt: skip
#: Colours of the steps to loyalty by the number of deals, from none to more than five.
STEP_FAMILIES = ("F1", "F3", "F4", "F5", "F5", "F5", "F6")
#: Loyalty classes in the order of a customer's life; those without orders are no buyers.
LOYALTY = ("new", "repeat", "loyal", "lapsing", "lapsed")
#: WIDEST: three years of months are as wide as a page can show.
LISTED, COHORTS, MONTHS, WIDEST = 10, 24, 12, 36
PERIODS = (1, 7, 30, 90, 365)


@dataclass
class Value:
    """What the value page shows: the reports of the last refresh, and what the address chooses of them."""

    con: duckdb.DuckDBPyConnection
    day: date
    reports: dict[str, Any]  # see tenure_app.value.queries.reports
    entries: dict[str, catalogue.Entry]  # the models that the page offers
    by: str = "sales"  # or profit
    cohort: str = "retention"  # or sales
    days: int = 30  # the period of existing customers, back from the day

    def customers(self, **filters: object) -> str:
        """Return the address of the customers that a number counts."""
        return customers_url(self.day, **filters)

    @property
    def pareto(self) -> dict[str, Any]:
        return self.reports["pareto"][self.by]

    def groups(self, column: str) -> list[Row]:
        """Return the groups of a column with their definitions, shares and customers."""
        kind = queries.GROUPS.get(column, column)
        rows = self.reports["groups"][kind]
        # Shares are of all buyers, whatever the group: groups of one column do not overlap.
        totals = {name: sum(row[name] for row in rows) for name in ("customers", "sales", "profit")}
        known = {} if kind.startswith("abc") else {group.id: group for group in definitions.groups(kind)}
        return [
            {
                **row,
                "kind": column,
                "group": value_name(column, row["id"]),
                "family": FAMILIES.get(row["id"], ""),
                "definition": known.get(row["id"]),
                "url": self.customers(**{column: row["id"]}),
                **{f"{name}_share": row[name] / total if total > 0 else None for name, total in totals.items()},
            }
            for row in rows
        ]

    @cached_property
    def periods(self) -> list[Row]:
        """The usual periods with their buyers, who can be listed because each period ends on the day."""
        periods = []
        for period in self.reports["old"]["periods"]:
            since = date.fromisoformat(period["since"])
            # Buyers of the period have their last order in it, since the period ends on the day.
            last = {"last_from": since.isoformat()}
            before = (since - timedelta(days=1)).isoformat()
            existing = self.customers(**last, first_order_on_max=before)
            new = self.customers(**last, first_order_on_min=since.isoformat())
            periods.append({**period, "old_url": existing, "new_url": new})
        return periods

    @property
    def period(self) -> Row | None:
        last = self.periods[-1] if self.periods else None
        return next((period for period in self.periods if period["days"] == self.days), last)

    @property
    def sales_days(self) -> list[Row]:
        return [day for day in self.reports["old"]["days"] if day["sales"] > 0]

    @cached_property
    def steps(self) -> list[Row]:
        """How many customers have so many deals, and how many of those who got that far continued."""
        steps = self.reports["stickiness"]["steps"]
        # Bars are as long as their share of the largest step.
        most = max((step["customers"] for step in steps), default=0) or 1
        return [
            {
                **step,
                "name": titles.step(step["deals"]),
                "family": STEP_FAMILIES[step["deals"]],
                "width": f"{100 * step['customers'] / most:.2f}",
                "url": self.customers(**{"deals" if step["deals"] < 6 else "deals_min": min(step["deals"], 6)}),
            }
            for step in steps
        ]

    @cached_property
    def cohorts(self) -> list[Row]:
        """The latest cohorts, each with the address of its customers."""
        cohorts = self.reports["cohorts"]["cohorts"][-COHORTS:]
        return [{**cohort, "url": self.customers(first_month=cohort["first_month"])} for cohort in cohorts]

    def cohort_months(self, most: int) -> int:
        """Return how many months the oldest cohort has been there, or as many as can be shown."""
        return min(max((len(cohort["active"]) for cohort in self.cohorts), default=0), most)

    @property
    def months(self) -> list[Row]:
        return self.reports["life"]["months"]

    @cached_property
    def cycles(self) -> list[Row]:
        """The mature period of every model, those that can be judged first."""
        rows = [
            {**cycle, "name": entry.name, "stage_names": [entry.stage_name(stage) for stage in cycle["stages"]]}
            for cycle in self.reports["cycle"]
            if (entry := self.entries.get(cycle["model"]))
        ]
        return sorted(rows, key=lambda row: (row["verdict"] == "cannot-judge", row["model"] != FAVOURITE))

    @cached_property
    def habits(self) -> dict[str, list[Row]]:
        """What tells the top fifth apart: habits first, then who they are, then what follows from buying more."""
        kinds: dict[str, list[Row]] = {"habits": [], "traits": [], "defining": []}
        for row in self.reports["profile"]:
            if row["differs"]:
                kinds["defining" if row["defining"] else "traits" if row["group"] == "trait" else "habits"].append(row)
        return kinds


#: Notes stand below most figures of this page.
_figure = partial(Figure, note_below=True)


def _curve(data: Value) -> Curve | None:
    points = data.pareto["curve"]
    if not points:
        return None
    name = {"sales": _("share of sales"), "profit": _("share of profit")}[data.by]
    share = data.pareto["share"]
    return Curve(
        [Series(name, "F6", [y for _x, y in points])],
        x=[x for x, _y in points],
        percent=True,
        x_percent=True,
        x_name=_("share of buyers, best first"),
        marks=[Mark("20%", x=0.2), Mark("80%", y=0.8)],
        points=[Mark(percent(share), x=0.2, y=share)] if share else [],
    )


def _curve_note(data: Value) -> str:
    if not data.pareto["for_80"]:
        return ""
    count = round(data.pareto["for_80"] * data.pareto["buyers"])
    words = {"share": percent(data.pareto["for_80"]), "count": number(count)}
    return _("80%% of it comes from %(share)s of the buyers, %(count)s of them.") % words


def _curve_rows(data: Value, *kinds: str) -> list[Row]:
    return [
        {"by": by, "buyers": buyers, "total": total}
        for by in kinds
        for buyers, total in data.reports["pareto"][by]["curve"]
    ]


CURVE = _figure(
    "curve",
    title=lambda data: titles.pareto(data.pareto, data.by),
    chart=_curve,
    table=tables.CURVE,
    rows=lambda data: _curve_rows(data, data.by),
    file_rows=lambda data: _curve_rows(data, *queries.BY),
    note=_curve_note,
    term="pareto",
    switch=lambda data: Switch(_("By"), "by", (("sales", _("Sales")), ("profit", _("Profit"))), data.by),
)


def _old_days(data: Value) -> Curve | None:
    days = data.sales_days
    if not days:
        return None
    sales = [day["old_sales"] / day["sales"] for day in days]
    buyers = [day["old_buyers"] / day["buyers"] if day["buyers"] else None for day in days]
    series = [Series(_("of the sales"), "F6", sales), Series(_("of the buyers"), "F4", buyers, dashed=True)]
    return Curve(series, days=[day["day"] for day in days], percent=True, marks=[Mark("60%", y=0.6)])


OLD_DAYS = _figure(
    "old-days",
    title=lambda data: titles.existing(data.period),
    chart=_old_days,
    table=tables.OLD_DAYS,
    rows=lambda data: reversed(data.sales_days),
    file_rows=lambda data: data.reports["old"]["days"],
    note=gettext_lazy("Day by day; on each day, existing customers are those who had ordered before that day."),
    term="old-share",
    switch=lambda data: Switch(_("Period"), "days", periods([period["days"] for period in data.periods]), data.days),
)
STICKINESS = _figure(
    "stickiness",
    title=lambda data: titles.stickiness(data.reports["stickiness"]),
    table=tables.STICKINESS,
    rows=lambda data: data.steps,
    note=gettext_lazy(
        "Three to five deals make a customer stay: two are not yet sticky, the third enters the band, the fifth"
        " completes it."
    ),
    term="stickiness",
)


def _cohorts(data: Value) -> Heatmap | None:
    if not data.cohorts:
        return None
    months, keep = data.cohort_months(WIDEST), data.cohort == "retention"
    cells = [
        [month, at, value if keep else value / cohort["customers"]]
        for at, cohort in enumerate(data.cohorts)
        for month, value in enumerate(cohort[data.cohort][:months])
    ]
    unit = "" if keep else f" {business().currency}"
    names = [cohort["first_month"] for cohort in data.cohorts]
    return Heatmap([str(month) for month in range(months)], names, cells, percent=keep, unit=unit)


def _cohort_note(data: Value) -> str:
    note = {
        "retention": _("Share of the cohort that ordered, by months after the first order."),
        "sales": _("Sales a customer of the cohort, by months after the first order."),
    }[data.cohort]
    last = "" if data.reports["cohorts"]["whole_last"] else _("The last month of each row is not over yet.")
    return f"{note} {last}".strip()


def _cohort_file(data: Value) -> list[Row]:
    names = ("active", "retention", "sales", "margin")
    return [
        {**cohort, "month": month, **{name: cohort[name][month] for name in names}}
        for cohort in data.reports["cohorts"]["cohorts"]
        for month in range(len(cohort["active"]))
    ]


COHORTS_FIGURE = _figure(
    "cohorts",
    title=lambda data: titles.cohorts(data.reports["cohorts"]["by_age"]),
    chart=_cohorts,
    table=lambda data: tables.cohorts(data.cohort_months(WIDEST), "percent" if data.cohort == "retention" else "money"),
    # A total of sales, not of each customer, as the head says.
    rows=lambda data: [
        {**cohort, **{f"month-{at}": value for at, value in enumerate(cohort[data.cohort])}} for cohort in data.cohorts
    ],
    file=tables.COHORT_MONTHS,
    file_rows=_cohort_file,
    note=_cohort_note,
    term="cohort",
    switch=lambda data: Switch(
        _("Shown"), "cohort", (("retention", _("Retention")), ("sales", _("Sales"))), data.cohort
    ),
    wide=True,
    tall=True,
)


def _life(data: Value) -> Curve | None:
    if len(data.months) < 2:
        return None
    # Refunds can make an average negative; the axis begins at 0.
    value, low, high = ([max(month[name], 0) for month in data.months] for name in ("value", "low", "high"))
    series = Series(_("a customer"), "F6", value, low, high, symbol="circle")
    ages = [month["month"] + 1 for month in data.months]
    return Curve([series], x=ages, x_name=_("month of life"), unit=f" {business().currency}")


def _life_note(data: Value) -> str:
    if len(data.months) < 2:
        return _("At least 30 customers must have been there for two months.")
    return _(
        "A month of life is 30 days from the first order; who has left counts with 0. Each month is compared with the"
        " one before among the same customers. The band is the %(level)d%% interval."
    ) % {"level": 95}


LIFE = _figure(
    "life",
    title=lambda data: titles.life(data.reports["life"]),
    chart=_life,
    table=tables.LIFE,
    rows=lambda data: data.months,
    note=_life_note,
    term="inverted-u",
    wide=True,
)
CYCLE = _figure(
    "cycle",
    title=lambda data: titles.cycle(data.cycles[0] if data.cycles else None, data.day),
    table=tables.CYCLE,
    rows=lambda data: data.cycles,
    file_rows=lambda data: data.reports["cycle"],
    note=lambda data: titles.cycle_periods(data.cycles[0]) if data.cycles else "",
    term="cycle-length",
    wide=True,
    note_below=False,
)
#: What the page shows of each, in its order.
FIGURES = (CURVE, OLD_DAYS, STICKINESS, COHORTS_FIGURE, LIFE, CYCLE)
