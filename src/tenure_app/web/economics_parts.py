"""The parts of the economics page: each as a template wants it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from tenure.economics.plans import GONE
from tenure_app.customers.query import NOT_STAGED, UNSTAGED, CustomerQuery
from tenure_app.economics import queries
from tenure_app.lifecycle import queries as lifecycle
from tenure_app.lifecycle.pages import answers
from tenure_app.web import economics_said as said

if TYPE_CHECKING:
    import duckdb

    from tenure_app.economics.queries import Economics
    from tenure_app.lifecycle.catalogue import Entry

#: Points of a survival curve.
_GRID = 60


@dataclass(frozen=True)
class Page:
    """What the page speaks of."""

    con: duckdb.DuckDBPyConnection
    entry: Entry
    found: Economics
    days: int

    @property
    def body(self) -> dict[str, Any]:
        """What was estimated."""
        return self.found.body

    @cached_property
    def day(self) -> date:
        """The day that everything speaks of: that of the last refresh."""
        return date.fromisoformat(self.body["as_of"])

    @cached_property
    def people(self) -> dict[str, int]:
        """How many stand in each stage, as the lists count them."""
        board = lifecycle.board(answers(self.con), self.entry, self.day, self.day - timedelta(days=self.days))
        return {place.stage: place.people for place in board.places}

    def to(self, name: str, **query: Any) -> str:
        """Return the address of a page of this room about the same model."""
        return f"{reverse(name)}?{urlencode({'model': self.entry.id, **query})}"

    def here(self, stage: str) -> str:
        """Return the address of the customers in a stage."""
        return CustomerQuery(model=self.entry.id, as_of=self.day, stage=stage).url()


def stages(page: Page) -> dict[str, Any]:
    """Return money and value of every stage."""
    tested = {one["stage"]: one for one in (page.body["backtest"] or {}).get("stages", [])}
    rows = [
        {
            **stage,
            "name": page.entry.stage_name(stage["stage"]),
            "family": page.entry.family(stage["stage"]),
            "people": page.people.get(stage["stage"], 0),
            "url": page.here(stage["stage"]),
            "tested": tested.get(stage["stage"]),
        }
        for stage in page.body["stages"]
        if stage["stage"] != UNSTAGED
    ]
    items = [
        {"name": row["name"], "family": row["family"], "value": round(row["value"], 2), "url": row["url"]}
        for row in rows
        if row["value"] is not None
    ]
    return {
        "rows": rows,
        "data": {"items": items, "unit": ""},
        "said": said.values(page.entry, page.body),
        "backtest": page.body["backtest"],
    }


def matrix(page: Page) -> dict[str, Any]:
    """Return where those who stood in a stage some days ago stand now, with the interval of each share."""
    from tenure.economics.transitions import wilson

    since = page.day - timedelta(days=page.days)
    flows = lifecycle.flows(answers(page.con), page.entry, since, page.day)
    places = [one for one in page.entry.order if any(one in (flow.source, flow.target) for flow in flows)]
    left, right = [*places], [*places, *([NOT_STAGED] if any(f.target == NOT_STAGED for f in flows) else [])]
    people = {(flow.source, flow.target): flow.people for flow in flows}
    base = CustomerQuery(model=page.entry.id, as_of=page.day, was_on=since)
    cells, rows, counts = [], [], []
    for y, source in enumerate(left):
        total = sum(people.get((source, one), 0) for one in right)
        row: list[dict[str, Any] | None] = []
        counts.append([people.get((source, one), 0) for one in right])
        for x, target in enumerate(right):
            number = people.get((source, target), 0)
            url = base.url(was=source, stage=target)
            low, high = wilson(number, total)
            row.append(
                {
                    "people": number,
                    "share": number / total,
                    "low": low,
                    "high": high,
                    "url": url,
                    "stayed": source == target,
                }
                if number
                else None
            )
            if total:
                cells.append([x, y, number / total, url])
        rows.append(
            {
                "name": page.entry.stage_name(source),
                "family": page.entry.family(source),
                "total": total,
                "cells": row,
                "url": CustomerQuery(model=page.entry.id, as_of=since, stage=source).url(),
            }
        )
    names = [page.entry.stage_name(one) for one in right]
    told = {"counts": counts, "stages": right, "days": page.days}
    data = {"x": names, "y": [row["name"] for row in rows], "cells": cells, "percent": True}
    return {
        "rows": rows,
        "heads": names,
        "since": since,
        "data": data,
        "said": said.moves(page.entry, told),
        "empty": not cells,
    }


def moves(page: Page) -> list[dict[str, Any]]:
    """Return every kind of move that was seen, with its share and rate, and what it is worth."""
    worth = {(value["source"], value["target"]): value for value in page.body["move_values"]}
    whole = page.body["read"] == page.body["customers"]
    return [
        {
            **move,
            "from": page.entry.stage_name(move["source"]),
            "to": page.entry.stage_name(move["target"]),
            "from_family": page.entry.family(move["source"]),
            "to_family": page.entry.family(move["target"]),
            "worth": worth.get((move["source"], move["target"])),
            "rare": move["moves"] < 10,
            "url": page.to("economics-moves", source=move["source"], target=move["target"]) if whole else "",
        }
        for move in page.body["moves"]
    ]


def stays(page: Page) -> dict[str, Any]:
    """Return time in stage and the survival curves on one grid of days."""
    rows = [
        {
            **stage,
            "name": page.entry.stage_name(stage["stage"]),
            "family": page.entry.family(stage["stage"]),
            "people": page.people.get(stage["stage"], 0),
            "url": page.here(stage["stage"]),
            "half": None if stage["half_days"] is None else round(stage["half_days"]),
        }
        for stage in page.body["stages"]
        if (stage["ended"] or stage["current"]) and stage["stage"] != UNSTAGED
    ]
    ends = [row["survival"]["days"][-1] for row in rows if row["survival"]["days"]]
    grid = [round(max(ends, default=0) * n / _GRID, 1) for n in range(_GRID + 1)]
    series = [
        {"name": row["name"], "family": row["family"], **_steps(row["survival"], grid)}
        for row in rows
        if row["survival"]["days"]
    ]
    data = {"x": grid, "series": series, "percent": True, "x_name": _("Days in the stage")}
    return {"rows": rows, "data": data, "said": said.stays(page.entry, rows), "empty": not series}


def _steps(curve: dict[str, list[float]], grid: list[float]) -> dict[str, list[float | None]]:
    """Return a curve's share and interval on a grid; nothing beyond the last day on which anybody left."""
    found: dict[str, list[float | None]] = {"values": [], "low": [], "high": []}
    days, at, over = curve["days"], -1, False
    for day in grid:
        over = over or (at >= 0 and (curve["share"][at] <= 0 or day > days[-1]))
        while at + 1 < len(days) and days[at + 1] <= day:
            at += 1
        for name, key in (("values", "share"), ("low", "low"), ("high", "high")):
            found[name].append(None if over else 1.0 if at < 0 else curve[key][at])
    return found


def worth(page: Page) -> dict[str, Any]:
    """Return the value of moving one customer from each stage to each other."""
    known = [one for one in page.entry.order if any(one == move["source"] for move in page.body["move_values"])]
    by_pair = {(value["source"], value["target"]): value for value in page.body["move_values"]}
    rows = [
        {
            "name": page.entry.stage_name(source),
            "family": page.entry.family(source),
            "cells": [by_pair.get((source, target)) for target in known],
        }
        for source in known
    ]
    heads = [(page.entry.stage_name(one), page.entry.family(one)) for one in known]
    return {"rows": rows, "heads": heads, "said": said.worth(page.entry, page.body)}


def checks(page: Page) -> list[dict[str, Any]]:
    """Return what the model claims about money, and how it came out."""
    return [
        {
            **check,
            "claim": said.check(page.entry, check),
            "came": said.verdict(check),
            "good": check["verdict"].endswith("holds"),
            "bad": check["verdict"].endswith("violated"),
            "lower_name": page.entry.stage_name(check["lower"]) if check["lower"] else "",
            "higher_name": page.entry.stage_name(check["higher"]) if check["higher"] else "",
        }
        for check in page.body["checks"]
    ]


def plans(page: Page) -> dict[str, Any]:
    """Return the plans with their numbers, and what they come to."""
    rows = []
    for plan in page.found.book.plans:
        got = [row for row in page.found.choice.rows if row.plan_id == plan.id]
        people = sum(row.people for row in got)
        sums = page.found.choice.by_plan.get(plan.id, (0.0, 0.0, 0.0))
        rows.append(
            {
                "plan": plan,
                "name": said.plan_name(plan),
                "kind": said.kind_name(plan.kind),
                "stage": page.entry.stage_name(plan.stage),
                "family": page.entry.family(plan.stage),
                "target": said.aim(page.entry, plan.target),
                "target_family": page.entry.family(plan.target),
                "cost": abs(plan.cost),
                "effect": round(plan.effect * 100, 4),
                "people": people,
                "tiers": [said.tier_name(tier) for tier in plan.tiers],
                "spend": plan.cost * people,
                "profit": sums[0],
                "low": sums[1],
                "high": sums[2],
                "url": page.to("economics-who", plan=plan.id),
            }
        )
    nothing = sum(row.people for row in page.found.choice.rows if row.plan is None)
    return {
        "rows": rows,
        "nothing": nothing,
        "nothing_url": page.to("economics-who", plan="nothing"),
        "choice": page.found.choice,
        "said": said.result(page.found),
        "entered": page.found.entered,
        "assumed": any(plan.assumed for plan in page.found.book.plans),
        "budget": page.found.book.budget,
        "changed": queries.changed(page.entry.id),
        "stages": [(stage, page.entry.stage_name(stage)) for stage in page.found.values.stages if stage != UNSTAGED],
        "gone": (GONE, said.aim(page.entry, GONE)),
        "tiers": [(tier, said.tier_name(tier)) for tier in page.found.values.tiers if tier],
        "kinds": [(one, said.kind_name(one)) for one in ("develop", "maintain", "withdraw")],
    }


def chosen(page: Page) -> list[dict[str, Any]]:
    """Return who gets what by stage, tier and time in the stage."""
    from tenure.economics.weekly import BANDS

    ends = dict(enumerate(after for _first, after in pairwise(BANDS)))
    return [
        {
            "row": row,
            "stage": page.entry.stage_name(row.stage),
            "family": page.entry.family(row.stage),
            "tier": said.tier_name(row.tier),
            "weeks": said.weeks_name(BANDS[row.band], ends.get(row.band)),
            "kind": said.kind_name(row.kind),
            "plan": said.plan_name(row.plan),
            "url": page.to("economics-who", plan=row.plan_id, stage=row.stage, tier=row.tier, band=row.band),
        }
        for row in page.found.choice.rows
    ]


def budget(page: Page) -> dict[str, Any]:
    """Return the budget by stage: what is spent, planned and decided, and what brings nothing back."""
    rows = [
        {
            "share": one,
            "name": page.entry.stage_name(one.stage),
            "family": page.entry.family(one.stage),
            "url": page.here(one.stage),
            "people": page.people.get(one.stage, 0),
        }
        for one in queries.budget_by_stage(page.found)
        if one.stage != UNSTAGED
    ]
    shares = [row["share"] for row in rows]
    names = ("planned", "saved", "decided", "decided_spend", "decided_saved", "wasted_month", "profit", "gets_plan")
    totals: dict[str, Any] = {name: sum(getattr(share, name) for share in shares) for name in names}
    totals["people"] = sum(row["people"] for row in rows)
    left = None if page.found.book.budget is None else page.found.book.budget - totals["planned"]
    return {"rows": rows, "totals": totals, "left": left, "costs_known": page.body["costs_known"]}


def decided(page: Page) -> list[dict[str, Any]]:
    """Return what was decided for single customers: each is a task."""
    return [
        {
            "choice": choice,
            "kind": said.kind_name(choice.kind),
            "stage": page.entry.stage_name(choice.stage),
            "family": page.entry.family(choice.stage),
            "plan": said.plan_name({"zh": choice.task_zh, "en": choice.task_en, "kind": choice.kind})
            if choice.task_zh or choice.task_en
            else said.plan_name(None),
            "url": page.to("economics-choose", customer=choice.customer_id),
        }
        for choice in queries.choices(page.entry.id)
    ]
