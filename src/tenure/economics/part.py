"""The part of the scorecard that says develop, maintain or withdraw.

Answers: what does the newest reading of stage economics advise for each customer, and what is that worth? It is fitted
on everybody under one model: the relationship model where it sees anybody fall back, else retail activity, else the
model with the most customers. Every model gets a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.economics.decision import Chosen
from tenure.economics.plans import MAINTAIN, NOTHING, read_book
from tenure.economics.reading import Source
from tenure.economics.report import Worked, work_out
from tenure.economics.stays import Money
from tenure.economics.weekly import BAND_OF, BANDS, DURATIONS
from tenure.facts.lake import Lake
from tenure.lifecycle.context import Context
from tenure.lifecycle.model import Model
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


class Decisions:
    """See :class:`tenure.lifecycle.context.Part`."""

    name = "decisions"
    schema = SCHEMA

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return what was fitted on all customers."""
        gates = _gates(table, context)
        if context.lake is None or not all(one.passed for one in gates):
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
                    "cells": _cells(worked, source, model),
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
            return pa.table({one.name: pa.nulls(len(table), one.type) for one in SCHEMA}, schema=SCHEMA)
        source = Source.of(context.lake, context.as_of, table, sample=len(table), like=fit.params["tiers"])
        return _scored(source, fit)

    def report(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
        """Return the economics of every model, ``economics.MODEL``, and which of them decisions are made under."""
        if context.lake is None:
            return {}
        source = Source.of(context.lake, context.as_of, table)
        known = definitions(context.lake)
        models = [one for one in source.models() if one not in known or known[one].subject == "customer"]
        money = source.money(context.options.margin)
        found = {f"economics.{one}": work_one(context, source, money, one, known.get(one)).body for one in models}
        fit = fits.get("decisions")
        return {**found, "economics": {"default": fit.model if fit else "", "models": models}}

    def tables(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, pa.Table]:
        """Return no tables: decisions are columns of the scorecard."""
        return {}


PART = Decisions()


def definitions(lake: Lake) -> dict[str, Model]:
    """Return the models of a lake by their ids."""
    from tenure.lifecycle.refresh import models_of

    return {one.id: one for one in models_of(lake)}


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


def _cells(worked: Worked, source: Source, model: str) -> list[dict[str, Any]]:
    """Write down what was chosen for whom; `until` says up to which dice a plan holds where not all get it."""
    groups: dict[tuple[str, str, int], list[Chosen]] = {}
    for one in worked.choice.rows:
        groups.setdefault((one.stage, one.tier, one.band), []).append(one)
    partial = {key for key, rows in groups.items() if len(rows) > 1}
    dice = _dice(source, worked, model) if partial else {}
    found = []
    for (stage, tier, band), rows in groups.items():
        taken = 0
        for one in sorted(rows, key=lambda row: row.plan is None):
            taken += one.people
            thrown = dice.get((stage, tier, band), np.zeros(0))
            until = 1.0 if one is rows[-1] or taken >= len(thrown) else float(thrown[taken - 1])
            found.append(
                {"stage": stage, "tier": tier, "band": band, "decision": one.kind, "plan": one.plan_id,
                 "profit": one.profit, "low": one.low, "high": one.high, "until": until}
            )  # fmt: skip
    return found


def _dice(source: Source, worked: Worked, model: str) -> dict[tuple[str, str, int], np.ndarray]:
    """Return the sorted dice of everybody who stands in each stage, tier and band."""
    found: dict[tuple[str, str, int], list[np.ndarray]] = {}
    for tier, stage, weeks, dice in source.dice(model):
        key = (stage, worked.values.tiers[tier], int(BAND_OF[min(weeks, DURATIONS - 1)]))
        found.setdefault(key, []).append(dice)
    return {key: np.sort(np.concatenate(lists)) for key, lists in found.items()}


def _scored(source: Source, fit: Fit) -> pa.Table:
    stages, tiers = list(fit.params["stages"]), source.tiers.names
    standing = source.standing(fit.model)
    who = standing.column("who").to_numpy()
    held = standing.column("stage").combine_chunks().dictionary_encode()
    place = np.array(
        [stages.index(one) if one in stages else -1 for one in held.dictionary.to_pylist()], dtype=np.int64
    )
    stage = place[held.indices.to_numpy()] if len(place) else np.zeros(0, dtype=np.int64)
    band = BAND_OF[np.clip(standing.column("weeks").to_numpy(), 0, DURATIONS - 1)]
    dice = standing.column("dice").to_numpy()
    cell = (source.tier[who] * len(stages) + stage) * len(BANDS) + band
    rows = _rows(fit, stages, tiers)
    chosen = np.full(len(source.ids), -1)
    for n, one in reversed(list(enumerate(rows))):
        chosen[who[(cell == one["cell"]) & (stage >= 0) & (dice <= one["until"])]] = n
    # A stage, tier and time in it in which nobody stood when plans were chosen: nothing was decided for it.
    bare = {"decision": MAINTAIN, "plan": NOTHING, "profit": 0.0, "low": 0.0, "high": 0.0}
    missed = who[(chosen[who] < 0) & (stage >= 0)]
    chosen[missed] = len(rows)
    rows.append(bare)
    nulls = pa.array(chosen, mask=chosen < 0)
    columns = [("decision", "decision"), ("plan", "decision_plan"), ("profit", "decision_profit")]
    columns += [("low", "decision_low"), ("high", "decision_high")]
    return pa.table(
        {name: pa.array([one[key] for one in rows], SCHEMA.field(name).type).take(nulls) for key, name in columns},
        schema=SCHEMA,
    )


def _rows(fit: Fit, stages: list[str], tiers: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the cells of a fit with their positions."""
    rows = []
    for one in fit.params["cells"]:
        if one["stage"] in stages and one["tier"] in tiers:
            first = tiers.index(one["tier"]) * len(stages) + stages.index(one["stage"])
            rows.append({**one, "cell": first * len(BANDS) + int(one["band"])})
    return rows
