"""Overrides: what a person decided wins while it lasts (T14).

The rules go on underneath: when a decision ends, the customer is where the rules say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import SHIFT, Block, day_number_of, who_of
from tenure.facts.streams import Stream
from tenure.lifecycle.history import NOWHERE, History, at
from tenure.rules.evaluation.steps import merge
from tenure.rules.evaluation.truth import within

if TYPE_CHECKING:
    from tenure.lifecycle.model import Model


@dataclass(frozen=True, slots=True)
class Overrides:
    """What people decided for customers under one model, none overlapping: a later decision ends an earlier."""

    starts: np.ndarray  # from which moment up to, not including, which moment each holds
    ends: np.ndarray
    stages: np.ndarray  # position of the stage in the model
    reasons: list[str]  # why

    def holding(self, keys: np.ndarray) -> np.ndarray:
        """Return which decision holds at some moments, -1 for none."""
        if not len(self.starts):
            return np.full(len(keys), -1)
        place = np.searchsorted(self.starts, keys, side="right") - 1
        holds = (place >= 0) & (keys < self.ends[place]) & (who_of(self.starts[place]) == who_of(keys))
        return np.where(holds, place, -1)


def _overrides_of(model: Model, block: Block) -> Overrides | None:
    rows = block.rows.get(Stream("overrides"))
    if rows is None or not len(rows.who) or model.subject != "customer":
        return None
    mine = np.flatnonzero(
        pc.equal(rows.columns.column("model"), model.id).fill_null(False).to_numpy()
        & (day_number_of(rows.keys) <= block.last_day)
    )
    if not len(mine):
        return None
    keys = rows.keys[mine]
    endless = (who_of(keys) + 1 << SHIFT) - 1
    until = rows.columns.column("until").cast(pa.int32()).cast(pa.float64()).to_numpy()[mine]
    ends = np.where(np.isnan(until), endless, keys - day_number_of(keys) + np.nan_to_num(until) + 1).astype(np.int64)
    following = np.append(keys[1:], np.iinfo(np.int64).max)
    places = {stage.id: n for n, stage in enumerate(model.stages)}
    names = [rows.columns.column("stage")[int(n)].as_py() for n in mine]
    whys = [rows.columns.column("reason")[int(n)].as_py() or "" for n in mine]
    stages = np.array([places.get(name, NOWHERE) for name in names])
    ends = np.minimum(ends, following)
    lasting = np.flatnonzero((stages >= 0) & (ends > keys))  # not cancelled, nor replaced on the same day
    return Overrides(keys[lasting], ends[lasting], stages[lasting], [whys[n] for n in lasting])


def overridden(history: History, entries: np.ndarray, model: Model, block: Block) -> tuple[History, Overrides | None]:
    """Return the history with overrides laid over it, from each customer's entry on, and the overrides themselves."""
    overrides = _overrides_of(model, block)
    if overrides is None or not len(overrides.starts) or not len(entries):
        return history, overrides
    bounded = overrides.ends[(overrides.ends & ((1 << SHIFT) - 1)) != (1 << SHIFT) - 1]
    keys = within(merge(history.keys, overrides.starts, np.sort(bounded), entries), entries)
    rows = overrides.holding(keys)
    stages = np.where(rows >= 0, overrides.stages[rows], at(history.keys, history.stages, keys, NOWHERE))
    return History.of(keys, stages, rows), overrides
