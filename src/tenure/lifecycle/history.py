"""A history: in which stage everybody was from which moment on, before it becomes a table.

Positions in the model stand for stages, keys for moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import who_of
from tenure.facts.schema import DAY, TEXT
from tenure.rules.evaluation.steps import starts

NOWHERE = -1  # in the model, in no stage

SPANS = pa.schema(
    {
        "model": TEXT,
        "version": TEXT,
        "customer_id": TEXT,
        "stage": TEXT,
        "entered_on": DAY,
        "left_on": DAY,  # the first day no longer in the stage; null while current
        "because": TEXT,
        "cause": TEXT,  # of a setback
        "passed_through": pa.bool_(),
        "cannot_judge": TEXT,  # stages whose rule was unknown, comma-separated
        "next_stage": TEXT,
        "next_change_on": DAY,
    }
)


@dataclass(frozen=True, slots=True)
class History:
    """Stages over time, neighbours of a customer differing."""

    keys: np.ndarray  # moments of entering, sorted; those after the last day are foreseen
    stages: np.ndarray  # position of the stage in the model, or NOWHERE
    overrides: np.ndarray  # row of the override that put the customer here, or -1

    @classmethod
    def of(cls, keys: np.ndarray, stages: np.ndarray, overrides: np.ndarray | None = None) -> History:
        """Collapse equal neighbours."""
        overrides = np.full(len(keys), -1) if overrides is None else overrides
        keep = starts(keys)
        keep[1:] |= stages[1:] != stages[:-1]
        return cls(keys[keep], stages[keep], overrides[keep])


def at(keys: np.ndarray, values: np.ndarray, points: np.ndarray, before: int) -> np.ndarray:
    """Return the values in force at some moments; `before` where the customer has none yet."""
    if not len(keys):
        return np.full(len(points), before)
    place = np.searchsorted(keys, points, side="right") - 1
    return np.where((place >= 0) & (who_of(keys[place]) == who_of(points)), values[place], before)
