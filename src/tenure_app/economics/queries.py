"""Reads of the economics room: a model's economics, its plans, who gets what, what was decided.

Estimates are those that the last refresh reported; only the choice of plans is worked out anew when somebody changes
a cost, an effect or a budget.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tenure_app.core import conf
from tenure_app.customers.profile import has
from tenure_app.economics.models import BookState, CustomerChoice, PlanRow
from tenure_app.lifecycle.answers import Answers

if TYPE_CHECKING:
    from datetime import date

    import duckdb
    import pyarrow as pa

    from tenure.economics.allocation import Allocation, StageValues
    from tenure.economics.plans import Book, Plan
    from tenure_app.lifecycle.catalogue import Entry


@dataclass(frozen=True)
class Economics:
    """The economics of one model: what was estimated, the plans in force, and what they come to."""

    entry: Entry
    body: dict[str, Any]
    book: Book

    @property
    def entered(self) -> bool:
        """Whether somebody entered the plans."""
        return any(not plan.assumed for plan in self.book.plans) or self.book.budget is not None

    @cached_property
    def values(self) -> StageValues:
        """What customers are worth."""
        from tenure.economics.allocation import StageValues

        return StageValues.from_json(self.body["values"])

    @cached_property
    def plans(self) -> list[Plan]:
        """The plans whose stages are there."""
        return self.values.usable(self.book.plans)

    @cached_property
    def choice(self) -> Allocation:
        """What to do with everybody under the plans in force."""
        from tenure.economics.allocation import allocate

        return allocate(self.values, self.plans, self.book.budget)

    def plan(self, plan_id: str) -> Plan | None:
        """Return a plan by its id."""
        return next((plan for plan in self.book.plans if plan.id == plan_id), None)


def economics_of(con: duckdb.DuckDBPyConnection, entry: Entry) -> Economics | None:
    """Return a model's economics; None where it has no stages."""
    key = ("economics", entry.id, entry.model.version)
    ask = Answers(con)
    body = ask.kept(("reported", *key), lambda: reported(con, entry), "reports", "refreshes")
    if body is None:
        # Nothing was reported, so it is worked out from the facts themselves, whichever was written last.
        body = ask.kept(key, lambda: _worked_out(entry))
    return None if body is None else Economics(entry, body, book_of(entry, body))


def reported(con: duckdb.DuckDBPyConnection, entry: Entry) -> dict[str, Any] | None:
    """Return what the last refresh reported of a model in its present version, None when it did not."""
    if not has(con, "reports"):
        return None
    row = con.execute(
        "select r.body from reports r where r.name = ? and r.as_of = (select as_of from refreshes"
        " order by generation desc limit 1) order by r.generation desc limit 1",
        [f"economics.{entry.id}"],
    ).fetchone()
    body: dict[str, Any] | None = json.loads(row[0]) if row else None
    return body if body is not None and body.get("version") == entry.model.version else None


def _worked_out(entry: Entry) -> dict[str, Any] | None:
    """Work a model out now: one of this installation's own, or one that was staged after the last full refresh."""
    from tenure.economics.report import analyse
    from tenure.economics.source import Source
    from tenure.scorecard.options import options_of
    from tenure_app.lifecycle.catalogue import last_refresh

    lake = conf.lake()
    day = last_refresh(conf.connection())
    if day is None:
        return None
    source = Source.of(lake, day)
    if entry.id not in source.models():
        return None
    options = options_of(lake)
    return analyse(source, entry.id, entry.model, source.cash_flows(options.margin), options).report


def book_of(entry: Entry, body: dict[str, Any]) -> Book:
    """Return the plans in force: those in the lake's folder, as refreshes read them, else those assumed."""
    from tenure.economics.plans import Book, Plan, PlanError, read_book

    try:
        written = read_book(conf.lake().path, entry.id)
    except PlanError:  # somebody wrote the file by hand and broke it: what was entered here is kept beside it
        written = None
    if written is not None:
        return written
    state = BookState.objects.filter(model_id=entry.id).first()
    if state is None:
        return Book(tuple(Plan.from_json({**plan, "assumed": True}) for plan in body["plans"]))
    plans = tuple(
        Plan(
            row.plan_id,
            row.kind,
            row.stage,
            row.target,
            row.cost,
            row.effect,
            row.capacity,
            tuple(row.tiers),
            row.zh,
            row.en,
            row.assumed,
        )
        for row in PlanRow.objects.filter(model_id=entry.id)
    )
    return Book(plans, None if state.budget is None else float(state.budget))


def changed(model: str) -> BookState | None:
    """Return when and by whom a model's plans were last changed."""
    return BookState.objects.filter(model_id=model).select_related("author").first()


def everybody(economics: Economics) -> pa.Table:
    """Return who gets which plan: customer_id, the columns of the scorecard's decision, stage, tier, weeks."""
    key = json.dumps([[plan.to_json() for plan in economics.plans], economics.book.budget], sort_keys=True)
    ask = Answers(conf.connection())
    table: pa.Table = ask.kept(("economics.who", economics.entry.id, key), lambda: _everybody(economics))
    return table


def recipients(economics: Economics, *, band: int | None = None, **columns: str) -> list[dict[str, Any]]:
    """Return customers of certain columns and weeks in their stage with their plans, the largest profit first."""
    import numpy as np
    import pyarrow.compute as pc

    from tenure.economics.weekly import BAND_OF

    table = everybody(economics)
    table = table.filter(pc.is_valid(table.column("stage")))
    for name, value in columns.items():
        table = table.filter(pc.equal(table.column(name), value))
    if band is not None:
        weeks = np.clip(table.column("weeks").to_numpy(), 0, len(BAND_OF) - 1).astype(np.int64)
        table = table.filter(BAND_OF[weeks] == band)
    rows: list[dict[str, Any]] = table.sort_by(
        [("decision_profit", "descending"), ("customer_id", "ascending")]
    ).to_pylist()
    return rows


def _everybody(economics: Economics) -> pa.Table:
    from tenure.economics.decisions import cells_of, decided
    from tenure.economics.source import Source

    source = Source.of(conf.lake(), _day(economics), sample=2**62, like=economics.body["tiers"])
    params = {
        "stages": list(economics.values.stages),
        "cells": cells_of(economics.values, economics.choice, source, economics.entry.id),
    }
    return decided(source, economics.entry.id, params).add_column(0, "customer_id", source.ids)


def _day(economics: Economics) -> date:
    from datetime import date

    return date.fromisoformat(economics.body["as_of"])


def moved(
    con: duckdb.DuckDBPyConnection, economics: Economics, source: str, target: str, most: int = 1_000_000
) -> list[tuple[str, date, int]]:
    """Return every move from one stage to another: customer, on which day, after how many days; the newest first."""
    from tenure.lifecycle.model import UNSTAGED

    spans = (
        "select customer_id, stage, entered_on, left_on, lead(stage) over w as next_stage,"
        " lead(entered_on) over w as next_on from spans where model = ? and not passed_through and entered_on <= ?"
        " window w as (partition by customer_id order by entered_on)"
    )
    day = _day(economics)
    model: list[Any] = [economics.entry.id, day]
    if target == UNSTAGED:
        sql = (
            f"select customer_id, left_on, left_on - entered_on from ({spans}) where stage = ? and left_on <= ?"
            " and (next_on is null or next_on > left_on)"
        )
        model += [source, day]
    elif source == UNSTAGED:
        sql = (
            f"select customer_id, next_on, next_on - left_on from ({spans}) where next_stage = ? and next_on > left_on"
        )
        model += [target]
    else:
        sql = (
            f"select customer_id, next_on, next_on - entered_on from ({spans})"
            " where stage = ? and next_stage = ? and next_on = left_on"
        )
        model += [source, target]
    return con.execute(f"{sql} order by 2 desc, 1 limit {int(most)}", model).fetchall()


@dataclass(frozen=True)
class ChoiceStanding:
    """Where one customer stands, and the options there are."""

    customer_id: str
    stage: str
    tier: str
    weeks: int
    options: list[dict[str, Any]]


def standing(economics: Economics, customer: str) -> ChoiceStanding | None:
    """Return both options of a customer with their numbers; None for who stands in no stage of the model."""
    from tenure.economics.allocation import compare_options
    from tenure.economics.source import Source, row_of

    table = row_of(conf.connection(), customer)
    if table is None:
        return None
    source = Source.of(conf.lake(), _day(economics), table, like=economics.body["tiers"])
    places = source.current(economics.entry.id).to_pylist()
    if not places:
        return None
    tier, (place,) = source.tiers.names[int(source.tier[0])], places
    weeks = max(int(place["weeks"]), 0)
    options = compare_options(economics.values, economics.plans, place["stage"], tier, weeks)
    return ChoiceStanding(customer, place["stage"], tier, weeks, options)


def chosen(model: str, customer: str) -> CustomerChoice | None:
    """Return what was decided for a customer, None when nothing was."""
    choices = CustomerChoice.objects.filter(model_id=model, customer_id=customer, newest=True).exclude(plan_id="")
    return choices.select_related("author").first()


def history(model: str, customer: str) -> list[CustomerChoice]:
    """Return everything that was ever decided for a customer, the newest first."""
    return list(CustomerChoice.objects.filter(model_id=model, customer_id=customer).select_related("author"))


def choices(model: str) -> list[CustomerChoice]:
    """Return what was decided for single customers, the soonest due first."""
    choices = CustomerChoice.objects.filter(model_id=model, newest=True).exclude(plan_id="")
    return sorted(choices, key=lambda choice: (choice.due_on is None, choice.due_on, choice.customer_id))


@dataclass
class Share:
    """What one stage gets of the budget, beside what it brings."""

    stage: str
    people: int = 0
    invested_month: float | None = None
    profit_month: float | None = None
    wasted_month: float = 0.0
    planned: float = 0.0
    saved: float = 0.0
    gets_plan: int = 0
    profit: float = 0.0
    decided: int = 0
    decided_spend: float = 0.0
    decided_saved: float = 0.0
    decided_profit: float = 0.0


def budget_by_stage(economics: Economics) -> list[Share]:
    """Return what is spent, planned and decided in each stage, and what of it brings nothing back."""
    shares = {name: Share(name) for name in economics.values.stages}
    for stage in economics.body["stages"]:
        share = shares[stage["stage"]]
        share.people = int(economics.values.people[:, economics.values.stages.index(stage["stage"])].sum())
        share.invested_month, share.profit_month = stage["month_invested"], stage["month_profit"]
        if (stage["month_profit"] or 0.0) < 0 < (stage["month_invested"] or 0.0):
            share.wasted_month = min(-stage["month_profit"], stage["month_invested"]) * share.people
    for row in economics.choice.rows:
        if row.plan is not None:
            share = shares[row.stage]
            share.gets_plan += row.people
            share.planned += max(row.plan.cost, 0.0) * row.people
            share.saved += max(-row.plan.cost, 0.0) * row.people
            share.profit += row.profit * row.people
    for choice in choices(economics.entry.id):
        if choice.stage in shares:
            share = shares[choice.stage]
            share.decided += 1
            share.decided_spend += max(choice.cost, 0.0)
            share.decided_saved += max(-choice.cost, 0.0)
            share.decided_profit += choice.profit
    return list(shares.values())
