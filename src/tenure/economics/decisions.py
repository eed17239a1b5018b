"""The scorecard model "decisions": develop, maintain or withdraw.

It is fitted on all customers under one model: the relationship model where any customer falls back in it, else retail
activity, else the model with the most customers. Customers of one stage, tier and time in it are worth the same to the
model. Where money or capacity does not reach for all of them, a number that is fixed for each customer decides: the
same ones get it tomorrow, and whether one customer is asked for or all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.economics.allocation import Allocation, AllocationRow, StageValues
from tenure.economics.plans import MAINTAIN, NOTHING, read_book
from tenure.economics.report import ModelEconomics, analyse
from tenure.economics.source import Source
from tenure.economics.value import BAND_OF, BANDS, DURATIONS
from tenure.facts.lake import Lake
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import models_of
from tenure.scorecard.model import Context, Fits, Result, ScorecardModel
from tenure.stats.record import Fit, Gate

SCHEMA = pa.schema(
    {
        "decision": pa.string(),
        "decision_plan": pa.string(),
        "decision_profit": pa.float64(),
        "decision_low": pa.float64(),
        "decision_high": pa.float64(),
    }
)
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
        return [_fitted(table, context)[0]]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Null for customers in no stage."""
        return _result(table, fits, context)

    def run(self, table: pa.Table, context: Context, fits: Fits | None = None) -> Result:
        """Fit and score; the deciding model is analysed once, for the fit and for the report."""
        if fits is not None:
            return self.score(table, fits, context)
        fit, economics = _fitted(table, context)
        return _result(table, {self.name: fit}, context, economics)


def _fitted(table: pa.Table, context: Context) -> tuple[Fit, ModelEconomics | None]:
    gates, seed = _gates(table, context), context.options.seed
    if context.lake is None or not all(gate.passed for gate in gates):
        return Fit("decisions", verdict="too-little-data", gates=gates, seed=seed), None
    source = Source.of(context.lake, context.as_of, table)
    model = default_model(source)
    if not model:
        return Fit("decisions", verdict="no-stages", gates=gates, seed=seed), None
    economics = _analysed(source, model, context)
    params = {
        "stages": list(economics.values.stages),
        "tiers": source.tiers.to_json(),
        "cells": cells_of(economics.values, economics.allocation, source, model),
    }
    shown = ("plans", "budget", "choice", "backtest", "basis", "checks")
    figures = {name: economics.report[name] for name in shown}
    fit = Fit("decisions", model=model, gates=gates, params=params, figures=figures, customers=len(table), seed=seed)
    return fit, economics


def _analysed(source: Source, model: str, context: Context) -> ModelEconomics:
    assert context.lake is not None
    definition, book = definitions(context.lake).get(model), read_book(context.lake.path, model)
    return analyse(source, model, definition, context.options, book)


def _result(table: pa.Table, fits: Fits, context: Context, economics: ModelEconomics | None = None) -> Result:
    fit = fits.get("decisions")
    if fit is None or not fit.usable or context.lake is None or not len(table):
        columns = pa.table([pa.nulls(len(table), field.type) for field in SCHEMA], schema=SCHEMA)
    else:
        source = Source.of(context.lake, context.as_of, table, sample=len(table), like=fit.params["tiers"])
        columns = decided(source, fit.model, fit.params).select(SCHEMA.names)
    model = fit.model if fit is not None else ""
    return Result(columns, fits, report=partial(_report, table, model, context, economics))


def _report(table: pa.Table, model: str, context: Context, economics: ModelEconomics | None) -> dict[str, Any]:
    """Return the economics of the deciding model; those of another one are worked out when somebody looks."""
    if context.lake is None:
        return {}
    if not model:
        return {"economics": {"default": "", "models": []}}
    if economics is None:
        economics = _analysed(Source.of(context.lake, context.as_of, table), model, context)
    return {f"economics.{model}": economics.report, "economics": {"default": model, "models": [model]}}


def definitions(lake: Lake) -> dict[str, Model]:
    return {model.id: model for model in models_of(lake)}


def default_model(source: Source) -> str:
    """Return the model under which decisions are made, empty when there is none."""
    models = source.models()
    if PREFERRED[0] in models and source.was_reached(PREFERRED[0], _FALLING):
        return PREFERRED[0]
    return next((name for name in (*PREFERRED[1:], PREFERRED[0], *models) if name in models), "")


def _gates(table: pa.Table, context: Context) -> tuple[Gate, ...]:
    orders = table.column("orders").fill_null(0).to_numpy() if "orders" in table.column_names else np.zeros(0)
    days = 0
    if "first_seen_on" in table.column_names:
        first = table.column("first_seen_on").drop_null().cast(pa.int32()).to_numpy()
        days = day_number(context.as_of) - int(first.min()) if len(first) else 0
    options = context.options
    return (Gate("buyers", options.buyers, float((orders > 0).sum())), Gate("days", options.days, float(days)))


def cells_of(values: StageValues, allocation: Allocation, source: Source, model: str) -> list[dict[str, Any]]:
    """Write an allocation down so that any customer can be looked up in it.

    Those of a cell are taken in the order of their uniform numbers; ``until`` is the last one that a row reaches.
    """
    groups: defaultdict[tuple[str, str, int], list[AllocationRow]] = defaultdict(list)
    for row in allocation.rows:
        groups[row.stage, row.tier, row.band].append(row)
    # Only where a cell is shared are its customers told apart.
    shared = any(len(rows) > 1 for rows in groups.values())
    uniforms: defaultdict[tuple[str, str, int], list[np.ndarray]] = defaultdict(list)
    for tier_position, stage, weeks, numbers in source.uniforms(model) if shared else ():
        uniforms[stage, values.tiers[tier_position], int(BAND_OF[min(weeks, DURATIONS - 1)])].append(numbers)
    cells = []
    for (stage, tier, band), rows in groups.items():
        taken = 0
        numbers = np.sort(np.concatenate([*uniforms[stage, tier, band], np.zeros(0)]))
        for row in sorted(rows, key=lambda row: row.plan is None):
            taken += row.people
            until = 1.0 if row is rows[-1] or taken >= len(numbers) else float(numbers[taken - 1])
            cell = {"stage": stage, "tier": tier, "band": band, "decision": row.kind, "plan": row.plan_id}
            cells.append({**cell, "profit": row.profit, "low": row.low, "high": row.high, "until": until})
    return cells


def decided(source: Source, model: str, params: Mapping[str, Any]) -> pa.Table:
    """Look customers up in an allocation: the columns of :data:`SCHEMA`, stage, tier and weeks in the stage."""
    stages, tiers = list(params["stages"]), source.tiers.names
    current = source.current(model)
    who, weeks, uniform = (current.column(name).to_numpy() for name in ("who", "weeks", "uniform"))
    stage = pc.index_in(current.column("stage"), pa.array(stages, pa.string())).fill_null(-1).to_numpy()

    def cell_of(tier: Any, stage: Any, band: Any) -> Any:
        return (tier * len(stages) + stage) * len(BANDS) + band

    cell = cell_of(source.tier[who], stage, BAND_OF[np.clip(weeks, 0, DURATIONS - 1)])
    rows = [row for row in params["cells"] if row["stage"] in stages and row["tier"] in tiers]
    decision = np.full(len(source.ids), -1)
    # Backwards, so that of the rows of one cell the first that reaches a customer has the last word.
    for n, row in reversed(list(enumerate(rows))):
        position = cell_of(tiers.index(row["tier"]), stages.index(row["stage"]), int(row["band"]))
        decision[who[(cell == position) & (stage >= 0) & (uniform <= row["until"])]] = n
    # A stage, tier and time in it that was empty when plans were allocated: nothing was decided for it.
    undecided = {"decision": MAINTAIN, "plan": NOTHING, "profit": 0.0, "low": 0.0, "high": 0.0}
    decision[who[(decision[who] < 0) & (stage >= 0)]] = len(rows)
    taken = pa.array(decision, mask=decision < 0)
    columns = {
        field.name: pa.array([row[key] for row in [*rows, undecided]], field.type).take(taken)
        for key, field in zip(undecided, SCHEMA, strict=True)
    }
    since, position = np.full(len(source.ids), -1), np.full(len(source.ids), -1)
    since[who], position[who] = weeks, stage
    outside = position < 0
    columns["stage"] = pa.array(stages, pa.string()).take(pa.array(position, mask=outside))
    columns["tier"] = pa.array(tiers, pa.string()).take(pa.array(source.tier))
    return pa.table({**columns, "weeks": pa.array(since, mask=outside)})
