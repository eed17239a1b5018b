"""Overrides: what a person decided wins while it lasts (T14).

The rules go on underneath: when a decision ends, the customer is where the rules say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.blocks import SHIFT, Block, day_number_of, who_of
from tenure.facts.streams import Stream
from tenure.lifecycle.history import UNSTAGED, History, entered
from tenure.lifecycle.model import Model
from tenure.rules.evaluation.steps import Moments, is_origin, merge
from tenure.rules.evaluation.windows import NEVER


@dataclass(frozen=True, slots=True)
class Overrides:
    """What people decided for customers under one model, none overlapping: a later decision ends an earlier."""

    starts: np.ndarray  # from which moment up to, not including, which moment each holds
    ends: np.ndarray
    stages: np.ndarray  # position of the stage in the model
    notes: list[str]  # why

    @property
    def known_ends(self) -> np.ndarray:
        """The ends of those that do not hold for good, sorted."""
        return np.sort(self.ends[~is_origin(self.ends + 1)])

    def holding(self, keys: np.ndarray) -> np.ndarray:
        """Return which decision holds at some moments, -1 for none."""
        if not len(self.starts):
            return np.full(len(keys), -1)
        place = np.searchsorted(self.starts, keys, side="right") - 1
        holds = (place >= 0) & (keys < self.ends[place]) & (who_of(self.starts[place]) == who_of(keys))
        return np.where(holds, place, -1)


def overrides_of(model: Model, block: Block) -> Overrides | None:
    """Return the decisions about a block's customers; None when there are none."""
    rows = block.rows.get(Stream("overrides"))
    if rows is None or not len(rows.who) or model.subject != "customer":
        return None
    table = rows.columns
    of_model = pc.equal(table.column("model"), model.id).fill_null(False).to_numpy()
    selected = np.flatnonzero(of_model & (day_number_of(rows.keys) <= block.last_day))
    keys, table = rows.keys[selected], table.take(pa.array(selected))
    # A decision lasts to the end of its last day, without one for good, and at most until the next decision.
    until = table.column("until").cast(pa.int32()).cast(pa.float64()).to_numpy()
    forever = (who_of(keys) + 1 << SHIFT) - 1
    ends = np.where(np.isnan(until), forever, keys - day_number_of(keys) + np.nan_to_num(until) + 1).astype(np.int64)
    ends = np.minimum(ends, np.append(keys[1:], NEVER)[: len(keys)])
    places = {stage.id: place for place, stage in enumerate(model.stages)}
    stages = np.array([places.get(name, UNSTAGED) for name in table.column("stage").to_pylist()], dtype=np.int64)
    notes = [note or "" for note in table.column("reason").to_pylist()]
    lasting = np.flatnonzero((stages >= 0) & (ends > keys))  # not cancelled, nor replaced on the same day
    if not len(lasting):
        return None
    return Overrides(keys[lasting], ends[lasting], stages[lasting], [notes[row] for row in lasting])


def overridden(history: History, overrides: Overrides, entries: np.ndarray, block: Block) -> History:
    """Return the history with decisions laid over it, from each customer's entry on."""
    keys = merge(history.keys, overrides.starts, overrides.known_ends, entries)
    keys = keys[entered(keys, entries, len(block))]
    place = Moments(keys).place(history.keys)
    rows = overrides.holding(keys)
    return History.of(keys, np.where(rows >= 0, overrides.stages[rows], history.stages[place]), rows)
