"""Reads of the economics room: a model's economics, its plans, who gets what, what was decided.

Estimates are those that the last refresh reported; only the choice of plans is worked out anew when somebody changes
a cost, an effect or a budget.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tenure_app.core import conf
from tenure_app.customers.profile import has
from tenure_app.economics.models import BookState, CustomerChoice, PlanRow
from tenure_app.lifecycle.answers import Answers

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from tenure.economics.allocation import Allocation, StageValues
    from tenure.economics.plans import Book, Plan
    from tenure_app.lifecycle.catalogue import Entry


@dataclass(frozen=True)
class Economics:
    """The economics of one model: what was estimated, the plans in force, and what they come to."""

    entry: Entry
    report: dict[str, Any]
    book: Book

    @cached_property
    def day(self) -> date:
        """The day of the last refresh."""
        return date.fromisoformat(self.report["as_of"])

    @cached_property
    def values(self) -> StageValues:
        from tenure.economics.allocation import StageValues

        return StageValues.from_json(self.report["values"])

    @cached_property
    def plans(self) -> list[Plan]:
        """The plans whose stages are there."""
        return self.values.usable(self.book.plans)

    @cached_property
    def choice(self) -> Allocation:
        """What to do with everybody under the plans in force."""
        from tenure.economics.allocation import allocate

        return allocate(self.values, self.plans, self.book.budget)


def report_of(con: duckdb.DuckDBPyConnection, entry: Entry) -> dict[str, Any] | None:
    """Return what was estimated of a model; None where it has no stages."""
    key, ask = ("economics", entry.id, entry.model.version), Answers(con)
    report = ask.kept(("reported", *key), lambda: _reported(con, entry), "reports", "refreshes")
    # Nothing was reported, so it is worked out from the facts themselves, whichever was written last.
    return ask.kept(key, lambda: _worked_out(entry)) if report is None else report


def _reported(con: duckdb.DuckDBPyConnection, entry: Entry) -> dict[str, Any] | None:
    """Return what the last refresh reported of a model in its present version, None when it did not."""
    if not has(con, "reports"):
        return None
    row = con.execute(
        "select r.body from reports r where r.name = ? and r.as_of = (select as_of from refreshes"
        " order by generation desc limit 1) order by r.generation desc limit 1",
        [f"economics.{entry.id}"],
    ).fetchone()
    report: dict[str, Any] = json.loads(row[0]) if row else {}
    return report if report.get("version") == entry.model.version else None


def _worked_out(entry: Entry) -> dict[str, Any] | None:
    """Work a model out now: one of this installation's own, or one that was staged after the last full refresh."""
    from tenure.economics.report import analyse
    from tenure.economics.source import Source
    from tenure.refreshing.report import last_refresh
    from tenure.scorecard.options import options_of

    lake = conf.lake()
    day = last_refresh(conf.connection())
    if day is None:
        return None
    source = Source.of(lake, day)
    if entry.id not in source.models():
        return None
    return analyse(source, entry.id, entry.model, options_of(lake)).report


def book_of(entry: Entry, report: dict[str, Any]) -> Book:
    """Return the plans in force: those in the lake's folder, as refreshes read them, else those assumed."""
    from tenure.economics.plans import Book, Plan, PlanError, read_book

    try:
        written = read_book(conf.lake().path, entry.id)
    except PlanError:  # somebody wrote the file by hand and broke it: what was entered here is kept beside it
        written = None
    if written is not None:
        return written
    state = changed(entry.id)
    if state is None:
        return Book(tuple(Plan.from_json({**plan, "assumed": True}) for plan in report["plans"]))
    names = [field.name for field in fields(Plan) if field.name != "id"]
    rows = PlanRow.objects.filter(model_id=entry.id).values("plan_id", *names)
    plans = tuple(Plan.from_json({"id": row.pop("plan_id"), **row}) for row in rows)
    return Book(plans, None if state.budget is None else float(state.budget))


def changed(model: str) -> BookState | None:
    """Return when and by whom a model's plans were last changed."""
    return BookState.objects.filter(model_id=model).select_related("author").first()


def _decisions(economics: Economics) -> pa.Table:
    """Return who gets which plan: customer_id, the columns of the scorecard's decision, stage, tier, weeks."""
    from tenure.economics.decisions import cells_of, decided
    from tenure.economics.source import Source

    model = economics.entry.id

    def worked_out() -> pa.Table:
        source = Source.of(conf.lake(), economics.day, sample=2**62, like=economics.report["tiers"])
        cells = cells_of(economics.values, economics.choice, source, model)
        columns = decided(source, model, {"stages": list(economics.values.stages), "cells": cells})
        return columns.add_column(0, "customer_id", source.ids)

    key = json.dumps([[plan.to_json() for plan in economics.plans], economics.book.budget], sort_keys=True)
    return Answers(conf.connection()).kept(("economics.who", model, key), worked_out)


def recipients(economics: Economics, *, band: int | None = None, **columns: str) -> list[dict[str, Any]]:
    """Return customers of certain columns and weeks in their stage with their plans, the largest profit first."""
    import numpy as np
    import pyarrow.compute as pc

    from tenure.economics.value import BAND_OF

    table = _decisions(economics)
    table = table.filter(pc.is_valid(table.column("stage")))
    for name, value in columns.items():
        table = table.filter(pc.equal(table.column(name), value))
    if band is not None:
        weeks = np.clip(table.column("weeks").to_numpy(), 0, len(BAND_OF) - 1).astype(np.int64)
        table = table.filter(BAND_OF[weeks] == band)
    return table.sort_by([("decision_profit", "descending"), ("customer_id", "ascending")]).to_pylist()


def moved(
    con: duckdb.DuckDBPyConnection, economics: Economics, source: str, target: str
) -> list[tuple[str, date, int]]:
    """Return every move from one stage to another: customer, on which day, after how many days; the newest first."""
    from tenure.lifecycle.model import UNSTAGED

    # Between two stays that do not touch, and after a last one that ended, a customer is in no stage.
    sql = """
        with stays as (
            select customer_id, stage, entered_on, left_on, lead(stage) over w as next_stage,
            lead(entered_on) over w as next_on from spans
            where model = $model and not passed_through and entered_on <= $day
            window w as (partition by customer_id order by entered_on)
        ), moves as (
            select customer_id, stage as source, if(next_on = left_on, next_stage, $unstaged) as target,
            left_on as day, left_on - entered_on as days from stays where left_on <= $day
            union all
            select customer_id, $unstaged, next_stage, next_on, next_on - left_on from stays where next_on > left_on
        )
        select customer_id, day, days from moves where source = $source and target = $target
        order by day desc, customer_id limit 1000000
    """
    names = {"source": source, "target": target, "unstaged": UNSTAGED}
    return con.execute(sql, {"model": economics.entry.id, "day": economics.day, **names}).fetchall()


def standing(economics: Economics, customer: str) -> dict[str, Any] | None:
    """Return where a customer stands, and the options with their numbers; None for who is in no stage of the model."""
    from tenure.economics.allocation import compare_options
    from tenure.economics.source import Source, row_of

    table = row_of(conf.connection(), customer)
    if table is None:
        return None
    source = Source.of(conf.lake(), economics.day, table, like=economics.report["tiers"])
    places = source.current(economics.entry.id).to_pylist()
    if not places:
        return None
    tier, (place,) = source.tiers.names[int(source.tier[0])], places
    weeks = max(int(place["weeks"]), 0)
    options = compare_options(economics.values, economics.plans, place["stage"], tier, weeks)
    return {"customer_id": customer, "stage": place["stage"], "tier": tier, "weeks": weeks, "options": options}


def history(model: str, customer: str) -> list[CustomerChoice]:
    return list(CustomerChoice.objects.filter(model_id=model, customer_id=customer).select_related("author"))


def current_choice(model: str, customer: str) -> CustomerChoice | None:
    """Return what was decided for a customer and not taken back, None when nothing was."""
    return next((choice for choice in history(model, customer) if choice.newest and choice.plan_id), None)


def choices(model: str) -> list[CustomerChoice]:
    """Return what was decided for single customers, the soonest due first."""
    choices = CustomerChoice.objects.filter(model_id=model, newest=True).exclude(plan_id="")
    return sorted(choices, key=lambda choice: (choice.due_on is None, choice.due_on, choice.customer_id))


def budget_by_stage(economics: Economics) -> list[dict[str, Any]]:
    """Return what is spent, planned and decided in each stage, and what of it brings nothing back."""
    amounts = ("wasted_month", "planned", "saved", "profit", "decided_spend", "decided_saved")
    shares: dict[str, dict[str, Any]] = {}
    for stage in economics.report["stages"]:
        people = int(economics.values.people[:, economics.values.stages.index(stage["stage"])].sum())
        invested, profit = stage["month_invested"], stage["month_profit"]
        share = {"stage": stage["stage"], "people": people, "invested_month": invested, "profit_month": profit}
        shares[stage["stage"]] = {**share, **dict.fromkeys(amounts, 0.0), "gets_plan": 0, "decided": 0}
        if (profit or 0.0) < 0 < (invested or 0.0):
            shares[stage["stage"]]["wasted_month"] = min(-profit, invested) * people
    for row in economics.choice.rows:
        if row.plan is not None:
            share = shares[row.stage]
            share["gets_plan"] += row.people
            share["planned"] += max(row.plan.cost, 0.0) * row.people
            share["saved"] += max(-row.plan.cost, 0.0) * row.people
            share["profit"] += row.profit * row.people
    for choice in choices(economics.entry.id):
        if choice.stage in shares:
            share = shares[choice.stage]
            share["decided"] += 1
            share["decided_spend"] += max(choice.cost, 0.0)
            share["decided_saved"] += max(-choice.cost, 0.0)
    return list(shares.values())
