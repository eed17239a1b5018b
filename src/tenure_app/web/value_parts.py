"""The parts of the value page: from the bodies of the last refresh to what templates show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from tenure.columns import value_name as name_of
from tenure.value.groups import groups
from tenure_app.lifecycle import catalogue
from tenure_app.value import ranking_queries as queries
from tenure_app.web import value_said as said
from tenure_app.web.formats import percent

if TYPE_CHECKING:
    import duckdb

#: Colours of the named groups: those of the families of stages that mean about the same.
FAMILY = {
    "champions": "F7", "loyal": "F6", "potential-loyal": "F5", "new": "F4", "promising": "F3", "need-attention": "F8",
    "about-to-sleep": "F8", "at-risk": "F10", "cannot-lose": "F12", "hibernating": "F9", "lost": "F11",
    "high": "F7", "middle": "F6", "low": "F2", "repeat": "F5", "lapsing": "F8", "lapsed": "F10", "prospect": "F1",
    "none": "F1", "first": "F3", "second": "F4", "forming": "F5", "sticky": "F6", "A": "F7", "B": "F6", "C": "F2",
}  # fmt: skip
LISTED, COHORTS, SHOWN = 10, 24, 12
#: Classes in the order of a customer's life; those without orders are no buyers.
LOYALTY = ("new", "repeat", "loyal", "lapsing", "lapsed")
PHASES = {"first": "F3", "rising": "F5", "holding": "F6", "falling": "F8"}


@dataclass
class Page:
    """What one showing of the page speaks of.

    Attributes
    ----------
    con : duckdb.DuckDBPyConnection
        The lake.
    day : date
        Of the last refresh.
    currency : str
        The business's.
    bodies : dict
        See :func:`tenure_app.value.ranking_queries.bodies`.
    by, cohort : str
        ``sales`` or ``profit``; ``retention`` or ``sales``.
    days : int
        The period of old customers, back from `day`.
    """

    con: duckdb.DuckDBPyConnection
    day: date
    currency: str
    bodies: dict[str, Any] = field(default_factory=dict)
    by: str = "sales"
    cohort: str = "retention"
    days: int = 30

    def rows(self, **asked: object) -> str:
        """Return the address of the customers that a figure counts."""
        return f"{reverse('customers')}?{urlencode({'as_of': self.day.isoformat(), **asked})}"


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def head(page: Page) -> dict[str, Any]:
    """Return the figures at the top: what was brought, what is expected, and how far that can be trusted."""
    money = page.bodies["money"]
    totals = (page.bodies.get("predictions") or {}).get("totals") or []
    horizon = (page.bodies.get("predictions") or {}).get("horizon_days")
    return {
        **money,
        "horizon": horizon,
        "coming": next((total for total in totals if total["days"] == horizon), totals[0] if totals else None),
        "buyers_url": page.rows(deals_min=1),
        "all_url": page.rows(),
        "concentration": page.bodies["pareto"]["sales"]["share"],
        "top_url": page.rows(top_fifth=1),
    }


def pareto(page: Page) -> dict[str, Any]:
    """Return the 80/20 curve, the ABC classes and the beginning of the list."""
    found = page.bodies["pareto"][page.by]
    name = {"sales": _("part of the sales"), "profit": _("part of the profit")}[page.by]
    points = found["curve"]
    data: dict[str, Any] = {
        "x": [x for x, _y in points], "series": [{"name": "", "family": "F6", "values": [y for _x, y in points]}],
        "percent": True, "x_percent": True, "x_name": _("part of the buyers, best first"),
        "marks": [{"x": 0.2, "name": "20%"}, {"y": 0.8, "name": "80%"}],
        "points": [{"x": 0.2, "y": found["share"], "name": percent(found["share"])}] if found["share"] else [],
    }  # fmt: skip
    data["series"][0]["name"] = name
    return {
        **found,
        "by": page.by,
        "said": said.pareto(found, page.by),
        "data": data,
        "empty": not points,
        "best": queries.best(page.con, page.by, LISTED),
        "classes": of_groups(page, f"abc_{page.by}", f"abc_{page.by}"),
        "for_80_count": round(found["for_80"] * found["buyers"]) if found["for_80"] else None,
        "url": page.rows(top_fifth=1) if page.by == "sales" else "",
    }


def of_groups(page: Page, kind: str, column: str) -> list[dict[str, Any]]:
    """Return the groups of a kind with their words, shares and links."""
    rows = page.bodies["groups"][kind]
    people, sales = sum(row["customers"] for row in rows), sum(row["sales"] for row in rows)
    profit = sum(row["profit"] for row in rows)
    known = {} if kind.startswith("abc") else {group.id: group for group in groups(kind)}
    return [
        {
            **row, "name": name_of(column, row["id"]), "family": FAMILY.get(row["id"], ""),
            "share": _share(row["customers"], people), "sales_share": _share(row["sales"], sales),
            "profit_share": _share(row["profit"], profit), "url": page.rows(**{column: row["id"]}),
            **{key: getattr(known[row["id"]], key).render() for key in ("means", "advice", "policy", "note")
               if row["id"] in known},
            "source": known[row["id"]].source if row["id"] in known else "",
        }
        for row in rows
    ]  # fmt: skip


def loyalty(page: Page) -> list[dict[str, Any]]:
    """Return the loyalty classes in the order of a customer's life."""
    found = {row["id"]: row for row in of_groups(page, "loyalty", "loyalty")}
    return [found[name] for name in LOYALTY if name in found]


def tiers(page: Page) -> list[dict[str, Any]]:
    """Return the tiers with their policy."""
    return of_groups(page, "tiers", "tier")


def old(page: Page) -> dict[str, Any]:
    """Return old customers of the usual periods, day by day, and beside the new ones."""
    found = page.bodies["old"]
    periods = [_period(page, one) for one in found["periods"]]
    chosen = next((period for period in periods if period["days"] == page.days), periods[-1] if periods else None)
    days = [one for one in found["days"] if one["sales"] > 0]
    series = [
        {"name": _("of the sales"), "family": "F6", "values": [day["old_sales"] / day["sales"] for day in days]},
        {"name": _("of the buyers"), "family": "F4", "dashed": True,
         "values": [day["old_buyers"] / day["buyers"] if day["buyers"] else None for day in days]},
    ]  # fmt: skip
    data = {"days": [day["day"] for day in days], "series": series, "percent": True,
            "marks": [{"y": 0.6, "name": "60%"}]}  # fmt: skip
    return {
        "periods": periods, "chosen": chosen, "data": data, "empty": not days, "days": list(reversed(days)),
        "said": said.old(chosen), "compared": said.compared(chosen, page.currency) if chosen else "",
    }  # fmt: skip


def _period(page: Page, one: dict[str, Any]) -> dict[str, Any]:
    """Return a period with links to its buyers: they can be listed because it ends on the day of the figures."""
    since = date.fromisoformat(one["since"])
    before = (since - timedelta(days=1)).isoformat()
    last = {"last_from": since.isoformat()}
    return {
        **one,
        "old_url": page.rows(**last, first_order_on_max=before),
        "new_url": page.rows(**last, first_order_on_min=since.isoformat()),
    }


def ladder(page: Page) -> dict[str, Any]:
    """Return the steps of stickiness with who stands on each, and who needs the next deal."""
    found = page.bodies["stickiness"]
    most = max((step["customers"] for step in found["steps"]), default=0) or 1
    steps = [
        {
            **step, "width": f"{100 * step['customers'] / most:.2f}",
            "url": page.rows(**({"deals": step["deals"]} if step["deals"] < 6 else {"deals_min": 6})),
            "name": _("%(deals)s deals") % {"deals": step["deals"]} if step["deals"] < 6 else _("more than 5 deals"),
            "family": FAMILY[("none", "first", "second", "forming", "forming", "forming", "sticky")[step["deals"]]],
        }
        for step in found["steps"]
    ]  # fmt: skip
    needing = [(deals, queries.short_of_the_next(page.con, deals, 5)) for deals in (2, 1)]
    return {
        **found, "steps": steps, "said": said.ladder(found), "second_said": said.second(found["second"]),
        "needing": [(deals, page.rows(deals=deals), some) for deals, some in needing if some],
    }  # fmt: skip


def rfm(page: Page) -> dict[str, Any]:
    """Return the grid of recency by frequency and the named groups."""
    cells = page.bodies["rfm"]
    most = max((cell["customers"] for cell in cells), default=0) or 1
    told = [
        {
            **cell, "url": page.rows(rfm_r=cell["r"], rfm_f=cell["f"]),
            "family": FAMILY.get(cell["groups"][0][0], "") if cell["groups"] else "",
            "width": f"{100 * cell['customers'] / most:.1f}",
            "names": [(name_of("rfm_group", name), count) for name, count in cell["groups"]],
        }
        for cell in cells
    ]  # fmt: skip
    named = of_groups(page, "rfm", "rfm_group")
    people, sales = sum(one["customers"] for one in named), sum(one["sales"] for one in named)
    lines = [told[at : at + 5] for at in range(0, len(told), 5)]
    return {"lines": lines, "groups": named, "said": said.rfm(named, sales, people), "empty": not people}


def cohorts(page: Page) -> dict[str, Any]:
    """Return the cohort table as a heat map and as a table."""
    found = page.bodies["cohorts"]
    rows = found["cohorts"][-COHORTS:]
    size = min(max((len(row["active"]) for row in rows), default=0), 36)
    keep = page.cohort == "retention"
    cells = [
        [month, at, row["retention"][month] if keep else row["sales"][month] / row["customers"]]
        for at, row in enumerate(rows)
        for month in range(min(len(row["active"]), size))
    ]
    data = {
        "x": [str(month) for month in range(size)], "y": [row["first_month"] for row in rows], "cells": cells,
        "percent": keep, "unit": "" if keep else f" {page.currency}",
    }  # fmt: skip
    heat = [
        (row, [(round(100 * part), round(10 * part)) for part in row["retention"][:SHOWN]]) for row in rows[-SHOWN:]
    ]  # the last year, for print
    return {
        "heat": heat, "heat_months": range(min(size, SHOWN)),
        "data": data, "months": range(size), "said": said.cohorts(found["by_age"]), "whole_last": found["whole_last"],
        "shown": page.cohort, "empty": not rows,
        "rows": [(row, page.rows(first_month=row["first_month"]),
                  row["retention" if keep else "sales"][:size]) for row in rows],
    }  # fmt: skip


def life(page: Page) -> dict[str, Any]:
    """Return the inverted U."""
    found = page.bodies["life"]
    months = found["months"]
    series = {"name": _("a customer"), "family": "F6", "symbol": "circle",
              **{key: [max(month[name], 0) for month in months] for key, name in
                 (("values", "value"), ("low", "low"), ("high", "high"))}}  # fmt: skip
    data = {"x": [month["month"] + 1 for month in months], "series": [series], "x_name": _("month of life"),
            "unit": f" {page.currency}"}  # fmt: skip
    rows = [{**month, "said": said.phase(month["phase"]), "family": PHASES.get(month["phase"], "")} for month in months]
    phases = [{**phase, "said": said.phase(phase["phase"]), "family": PHASES[phase["phase"]], "a": phase["since"] + 1,
               "b": phase["until"] + 1} for phase in found["phases"]]  # fmt: skip
    return {"data": data, "rows": rows, "phases": phases, "said": said.life(found), "empty": len(months) < 2}


def costs(page: Page) -> dict[str, Any]:
    """Return costs, break-even and what a customer has left so far by month of life."""
    found = page.bodies["costs"]
    months = page.bodies["life"]["months"]
    even = next((month["month"] + 1 for month in months if month["profit_so_far"] >= 0), None)
    return {
        **found, "said": said.costs(found, page.currency), "none": not found["invested"] and not
        found["cost_known_share"], "even_month": even, "months": months[:SHOWN],
        "invested_url": page.rows(invested_min="0.0001"),
        "paid_url": page.rows(invested_min="0.0001", break_even_on_min="1900-01-01"),
    }  # fmt: skip


def cycle(page: Page) -> dict[str, Any]:
    """Return the mature period of every model, those that can be judged first."""
    entries = catalogue.catalogue(page.con)
    rows = []
    for body in page.bodies["cycle"]:
        entry = entries.get(body["model"])
        if entry is None:
            continue
        stages = _(", ").join(entry.stage_name(stage) for stage in body["stages"])
        ratio = body["ratio"] if body["verdict"] != "cannot-judge" else None
        told: dict[str, Any] = {"name": entry.name, "stages_said": stages, "said": said.verdict(body["verdict"])}
        for at, name in enumerate(("change", "low", "high")):
            told[name] = ratio[at] - 1 if ratio else None
        rows.append({**body, **told})
    rows.sort(key=lambda row: (row["verdict"] == "cannot-judge", row["model"] != "retail-activity"))
    first = rows[0] if rows else None
    return {"rows": rows, "first": first, "said": said.cycle(first, first["cut"] if first else page.day)}


def profile(page: Page) -> dict[str, Any]:
    """Return what the top fifth do differently: habits apart from traits, and what goes without saying last."""
    from tenure.value.profile import label_of

    rows = [
        {
            **row, "label": label_of(row), "top_said": said.written(row, "top", page.currency),
            "rest_said": said.written(row, "rest", page.currency), "size_said": said.size(row["size"]),
            "left": f"{50 + 50 * min(row['low'], row['high']):.1f}", "width": f"{50 * (row['high'] - row['low']):.1f}",
        }
        for row in page.bodies["profile"]
    ]  # fmt: skip
    named = [row for row in rows if row["differs"]]
    habits = [row for row in named if not row["defining"] and row["group"] != "trait"]
    return {
        "said": said.profile(habits),
        "habits": habits[:LISTED],
        "slight": habits[LISTED:],
        "traits": [row for row in named if row["group"] == "trait"],
        "defining": [row for row in named if row["defining"]],
        "asked": len(rows), "named": len(named), "rows": rows,
    }  # fmt: skip
