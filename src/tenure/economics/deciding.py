"""From a choice for cells of customers to a decision for each customer.

Those of one stage, tier and time in it are worth the same to the model. Where money or capacity does not reach for
all of them, each customer's own dice decides: the same ones get it tomorrow, and whether one customer is asked for or
everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.economics.decision import Choice, Chosen, Values
from tenure.economics.plans import MAINTAIN, NOTHING
from tenure.economics.reading import Source
from tenure.economics.weekly import BAND_OF, BANDS, DURATIONS

SCHEMA = pa.schema(
    {
        "decision": pa.string(),
        "decision_plan": pa.string(),
        "decision_profit": pa.float64(),
        "decision_low": pa.float64(),
        "decision_high": pa.float64(),
    }
)


def cells_of(values: Values, choice: Choice, source: Source, model: str) -> list[dict[str, Any]]:
    """Write a choice down so that any customer can be looked up in it."""
    groups: dict[tuple[str, str, int], list[Chosen]] = {}
    for one in choice.rows:
        groups.setdefault((one.stage, one.tier, one.band), []).append(one)
    partial = {key for key, rows in groups.items() if len(rows) > 1}
    dice = _dice(source, values, model) if partial else {}
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


def _dice(source: Source, values: Values, model: str) -> dict[tuple[str, str, int], np.ndarray]:
    """Return the sorted dice of everybody who stands in each stage, tier and band."""
    found: dict[tuple[str, str, int], list[np.ndarray]] = {}
    for tier, stage, weeks, dice in source.dice(model):
        key = (stage, values.tiers[tier], int(BAND_OF[min(weeks, DURATIONS - 1)]))
        found.setdefault(key, []).append(dice)
    return {key: np.sort(np.concatenate(lists)) for key, lists in found.items()}


def scored(source: Source, model: str, params: Mapping[str, Any]) -> pa.Table:
    """Look customers up in what was chosen."""
    stages, tiers = list(params["stages"]), source.tiers.names
    standing = source.standing(model)
    who, weeks = standing.column("who").to_numpy(), standing.column("weeks").to_numpy()
    held = standing.column("stage").combine_chunks().dictionary_encode()
    names = held.dictionary.to_pylist()
    place = np.array([stages.index(name) if name in stages else -1 for name in names], dtype=np.int64)
    stage = place[held.indices.to_numpy()] if len(place) else np.zeros(0, dtype=np.int64)
    band = BAND_OF[np.clip(weeks, 0, DURATIONS - 1)]
    dice = standing.column("dice").to_numpy()
    cell = (source.tier[who] * len(stages) + stage) * len(BANDS) + band
    rows = _rows(params, stages, tiers)
    chosen = np.full(len(source.ids), -1)
    for n, one in reversed(list(enumerate(rows))):
        chosen[who[(cell == one["cell"]) & (stage >= 0) & (dice <= one["until"])]] = n
    # A stage, tier and time in it in which nobody stood when plans were chosen: nothing was decided for it.
    bare = {"decision": MAINTAIN, "plan": NOTHING, "profit": 0.0, "low": 0.0, "high": 0.0}
    chosen[who[(chosen[who] < 0) & (stage >= 0)]] = len(rows)
    taken = pa.array(chosen, mask=chosen < 0)
    keys = zip(("decision", "plan", "profit", "low", "high"), SCHEMA, strict=True)
    told = pa.table(
        {one.name: pa.array([row[key] for row in [*rows, bare]], one.type).take(taken) for key, one in keys},
        schema=SCHEMA,
    )
    since, where = np.full(len(source.ids), -1), np.full(len(source.ids), -1)
    since[who], where[who] = weeks, stage
    nobody = where < 0
    return (
        told.append_column("stage", pa.array(stages, pa.string()).take(pa.array(where, mask=nobody)))
        .append_column("tier", pa.array(tiers, pa.string()).take(pa.array(source.tier)))
        .append_column("weeks", pa.array(since, mask=nobody))
    )


def _rows(params: Mapping[str, Any], stages: list[str], tiers: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the cells with their positions."""
    rows = []
    for param in params["cells"]:
        if param["stage"] in stages and param["tier"] in tiers:
            first = tiers.index(param["tier"]) * len(stages) + stages.index(param["stage"])
            rows.append({**param, "cell": first * len(BANDS) + int(param["band"])})
    return rows
