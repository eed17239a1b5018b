"""Stepwise models: whoever jumps forward passes through the steps between (T01).

Setbacks and ends are no steps: they can be entered from anywhere, and the position on the path is remembered through
them (T02).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import Block, day_number_of, who_of
from tenure.facts.schema import DAY, TEXT
from tenure.lifecycle.history import SPANS, History
from tenure.rules.evaluation.steps import starts

if TYPE_CHECKING:
    from tenure.lifecycle.model import Model
    from tenure.lifecycle.overrides import Overrides


def _skipped(model: Model, history: History) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each entering, the steps of the ladder that it jumped over: from (inclusive) and to (exclusive)."""
    ladder = {stage_id: n for n, stage_id in enumerate(model.ladder)}
    rank_of = np.array([ladder.get(stage.id, -1) for stage in model.stages] + [-1])
    rank = rank_of[history.stages]
    first = np.flatnonzero(starts(history.keys))
    sizes = np.diff(np.append(first, len(history.keys)))
    position = np.full(len(first), -1)
    before = np.full(len(history.keys), -1)
    for k in range(int(sizes.max(initial=0))):  # everybody's k-th entering at once
        going = np.flatnonzero(sizes > k)
        rows = first[going] + k
        before[rows] = position[going]
        position[going] = np.where(rank[rows] >= 0, rank[rows], position[going])
    low = before + 1
    return low, np.where(rank > low, rank, low)


def with_passages(
    model: Model, block: Block, table: pa.Table, judged: History, overrides: Overrides | None
) -> pa.Table:
    """Put a span of no days before every jump for each step that it skipped, except under an override."""
    low, high = _skipped(model, judged)
    under = overrides.holding(judged.keys) >= 0 if overrides is not None else np.zeros(len(judged.keys), dtype=bool)
    counts = np.where((day_number_of(judged.keys) <= block.last_day) & ~under, high - low, 0)
    if not counts.any():
        return table
    jumps = np.repeat(np.arange(len(counts)), counts)
    steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    names = pa.array([stage.id for stage in model.stages], TEXT)
    towards = names.take(pa.array(judged.stages[jumps]))
    size = len(jumps)
    day = pa.array(day_number_of(judged.keys)[jumps].astype(np.int32)).cast(DAY)
    columns = {
        "model": pa.repeat(pa.scalar(model.id, TEXT), size),
        "version": pa.repeat(pa.scalar(model.version, TEXT), size),
        "customer_id": block.ids.take(pa.array(who_of(judged.keys)[jumps])),
        "stage": pa.array(model.ladder, TEXT).take(pa.array(steps)),
        "entered_on": day,
        "left_on": day,
        "because": pc.binary_join_element_wise("passed through on the way to", towards, " ").cast(TEXT),
        "passed_through": pa.repeat(pa.scalar(True), size),
    }
    passed = pa.table([columns.get(span.name, pa.nulls(size, span.type)) for span in SPANS], schema=SPANS)
    whole = pa.concat_tables([table, passed])
    # By customer and day; the steps passed through come before where they led.
    who = pc.index_in(whole.column("customer_id"), block.ids).to_numpy()
    entered = whole.column("entered_on").cast(pa.int32()).to_numpy()
    through = ~whole.column("passed_through").to_numpy()
    return whole.take(np.lexsort((np.arange(len(whole)), through, entered, who)))
