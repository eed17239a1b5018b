"""The part of the scorecard that says develop, maintain or withdraw.

It is fitted on everybody under one model: the relationship model where it sees anybody fall back, else retail
activity, else the model with the most customers. Every model gets a report.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from tenure.lifecycle.context import Context
from tenure.lifecycle.model import Model
from tenure.stats.record import Fit, Gate

#: Tried first, in this order.
PREFERRED = ("relationship-4", "retail-activity")
BIG = 200_000
#: In the relationship model, the stage without which it has nothing to say about reinvesting.
_FALLING = "degeneration"


class Decisions:
    """See :class:`tenure.lifecycle.context.Part`."""

    name = "decisions"
    schema = SCHEMA

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers."""
        gates = _gates(table, context)
        if context.lake is None or not all(gate.passed for gate in gates):
            return [Fit("decisions", verdict="too-little-data", gates=gates, seed=context.options.seed)]
        source = Source.of(context.lake, context.as_of, table)
        model = default_model(source)
        if not model:
            return [Fit("decisions", verdict="no-stages", gates=gates, seed=context.options.seed)]
        money = source.money(context.options.margin)
        worked = work_one(context, source, money, model, definitions(context.lake).get(model))
        body = worked.body
        return [
            Fit(
                "decisions",
                model=model,
                gates=gates,
                params={
                    "stages": list(worked.values.stages),
                    "tiers": source.tiers.told(),
                    "cells": cells_of(worked.values, worked.choice, source, model),
                },
                figures={name: body[name] for name in ("plans", "budget", "choice", "backtest", "basis", "checks")},
                customers=len(table),
                seed=context.options.seed,
            )
        ]

    def score(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> pa.Table:
        """Return the columns of the schema for these customers, in their order; null for who stands in no stage."""
        fit = fits.get("decisions")
        if fit is None or not fit.usable or context.lake is None or not len(table):
            return pa.table({field.name: pa.nulls(len(table), field.type) for field in SCHEMA}, schema=SCHEMA)
        source = Source.of(context.lake, context.as_of, table, sample=len(table), like=fit.params["tiers"])
        return scored(source, fit.model, fit.params).select(SCHEMA.names)

    def report(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
        """Return the economics of every model, ``economics.MODEL``, and which of them decisions are made under.

        Of more than :data:`BIG` customers only the models that decide: the others are worked out when somebody looks.
        """
        if context.lake is None:
            return {}
        source = Source.of(context.lake, context.as_of, table)
        known = definitions(context.lake)
        models = [model for model in source.models() if model not in known or known[model].subject == "customer"]
        chosen = fits["decisions"].model if "decisions" in fits else ""
        if len(table) > BIG:
            models = [model for model in models if model in (chosen, *PREFERRED)]
        money = source.money(context.options.margin)
        found = {
            f"economics.{model}": work_one(context, source, money, model, known.get(model)).body for model in models
        }
        return {**found, "economics": {"default": chosen, "models": models}}

    def tables(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, pa.Table]:
        """Return no tables: decisions are columns of the scorecard."""
        return {}


PART = Decisions()


def definitions(lake: Lake) -> dict[str, Model]:
    """Return the models of a lake by their ids."""
    from tenure.lifecycle.refresh import models_of

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
