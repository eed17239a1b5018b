"""The scorecard model "decisions": develop, maintain or withdraw.

It is fitted on everybody under one model: the relationship model where it sees anybody fall back, else retail
activity, else the model with the most customers.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.economics.deciding import SCHEMA, cells_of, scored
from tenure.economics.plans import read_book
from tenure.economics.reading import Source
from tenure.economics.report import Worked, work_out
from tenure.economics.stays import Money
from tenure.facts.lake import Lake
from tenure.lifecycle.lake_models import models_of
from tenure.lifecycle.model import Model
from tenure.scorecard.model import Context, Fits, Result, ScorecardModel
from tenure.stats.record import Fit, Gate

#: Tried first, in this order.
PREFERRED = ("relationship-4", "retail-activity")
#: In the relationship model, the stage without which it has nothing to say about reinvesting.
_FALLING = "degeneration"


class Decisions(ScorecardModel):
    """Develop, maintain or withdraw, under the model that decides; its fit is ``decisions``."""

    name = "decisions"
    schema = SCHEMA
    families = ()

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers."""
        return [_fitted(table, context)[0]]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Return the decisions of these customers; null for who stands in no stage."""
        return _result(table, fits, context)

    def run(self, table: pa.Table, context: Context, fits: Fits | None = None) -> Result:
        """Fit and score; the deciding model is worked out once, for the fit and for the report."""
        if fits is not None:
            return self.score(table, fits, context)
        fit, worked = _fitted(table, context)
        return _result(table, {self.name: fit}, context, worked)


def _fitted(table: pa.Table, context: Context) -> tuple[Fit, Worked | None]:
    gates = _gates(table, context)
    if context.lake is None or not all(gate.passed for gate in gates):
        return Fit("decisions", verdict="too-little-data", gates=gates, seed=context.options.seed), None
    source = Source.of(context.lake, context.as_of, table)
    model = default_model(source)
    if not model:
        return Fit("decisions", verdict="no-stages", gates=gates, seed=context.options.seed), None
    money = source.money(context.options.margin)
    worked = work_one(context, source, money, model, definitions(context.lake).get(model))
    fit = Fit(
        "decisions",
        model=model,
        gates=gates,
        params={
            "stages": list(worked.values.stages),
            "tiers": source.tiers.told(),
            "cells": cells_of(worked.values, worked.choice, source, model),
        },
        figures={name: worked.body[name] for name in ("plans", "budget", "choice", "backtest", "basis", "checks")},
        customers=len(table),
        seed=context.options.seed,
    )
    return fit, worked


def _result(table: pa.Table, fits: Fits, context: Context, worked: Worked | None = None) -> Result:
    fit = fits.get("decisions")
    if fit is None or not fit.usable or context.lake is None or not len(table):
        columns = pa.table({field.name: pa.nulls(len(table), field.type) for field in SCHEMA}, schema=SCHEMA)
    else:
        source = Source.of(context.lake, context.as_of, table, sample=len(table), like=fit.params["tiers"])
        columns = scored(source, fit.model, fit.params).select(SCHEMA.names)
    model = fit.model if fit is not None else ""
    return Result(columns, fits, report=partial(_report, table, model, context, worked))


def _report(table: pa.Table, model: str, context: Context, worked: Worked | None) -> dict[str, Any]:
    """Return the economics of the deciding model; those of another one are worked out when somebody looks."""
    if context.lake is None or not model:
        return {} if context.lake is None else {"economics": {"default": "", "models": []}}
    if worked is None:
        source = Source.of(context.lake, context.as_of, table)
        money = source.money(context.options.margin)
        worked = work_one(context, source, money, model, definitions(context.lake).get(model))
    return {f"economics.{model}": worked.body, "economics": {"default": model, "models": [model]}}


def definitions(lake: Lake) -> dict[str, Model]:
    """Return the models of a lake by their ids."""
    return {model.id: model for model in models_of(lake)}


def work_one(context: Context, source: Source, money: Money, model: str, definition: Model | None) -> Worked:
    """Work out one model of a lake, with the plans that people entered for it there."""
    assert context.lake is not None
    book = read_book(context.lake.path, model)
    return work_out(source, model, definition, money, context.options, book)


def default_model(source: Source) -> str:
    """Return the model under which decisions are made, empty when there is none."""
    there = source.models()
    if PREFERRED[0] in there and source.ever(PREFERRED[0], _FALLING):
        return PREFERRED[0]
    rest = [one for one in (*PREFERRED[1:], PREFERRED[0]) if one in there]
    return rest[0] if rest else next(iter(there), "")


def _gates(table: pa.Table, context: Context) -> tuple[Gate, ...]:
    orders = table.column("orders").fill_null(0).to_numpy() if "orders" in table.column_names else np.zeros(0)
    days = 0
    if "first_seen_on" in table.column_names:
        first = table.column("first_seen_on").drop_null().cast(pa.int32()).to_numpy()
        days = day_number(context.as_of) - int(first.min()) if len(first) else 0
    options = context.options
    return (Gate("buyers", options.buyers, float((orders > 0).sum())), Gate("days", options.days, float(days)))
