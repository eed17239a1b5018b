"""Stepwise models: whoever jumps forward passes through the steps between (T01).

Setbacks and ends are no steps: they can be entered from anywhere, and the position on the path is remembered through
them (T02).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import Block, day_number_of
from tenure.rules.evaluation.steps import ragged, starts

if TYPE_CHECKING:
    from tenure.lifecycle.history import History
    from tenure.lifecycle.model import Model
    from tenure.lifecycle.overrides import Overrides


def passages(
    model: Model, block: Block, evaluated: History, overrides: Overrides | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the jumps of a history, once per step that they skip, and these steps as positions in the model.

    Nobody jumps under an override, nor after the last day.
    """
    ladder = {stage: rung for rung, stage in enumerate(model.ladder)}
    rank = np.array([ladder.get(stage.id, -1) for stage in model.stages] + [-1])[evaluated.stages]
    # The rung on which everybody stood last, whatever setbacks came since; -1 before the first.
    places = np.arange(len(rank))
    latest = np.append(-1, np.maximum.accumulate(np.where(rank >= 0, places, -1)))[: len(rank)]
    begins = np.maximum.accumulate(np.where(starts(evaluated.keys), places, 0))
    low = np.where(latest >= begins, rank[latest], -1) + 1
    counts = np.maximum(rank - low, 0)
    counts[day_number_of(evaluated.keys) > block.last_day] = 0
    if overrides is not None:
        counts[overrides.holding(evaluated.keys) >= 0] = 0
    jumps, rungs = ragged(low, counts)
    position = {stage.id: place for place, stage in enumerate(model.stages)}
    return jumps, np.array([position[stage] for stage in model.ladder], dtype=np.int64)[rungs]
