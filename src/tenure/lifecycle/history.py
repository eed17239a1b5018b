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
from tenure.rules.evaluation.windows import NEVER

UNSTAGED = -1  # in the model, in no stage

SPANS = pa.schema(
    {
        "model": TEXT,
        "version": TEXT,
        "customer_id": TEXT,
        "stage": TEXT,
        "entered_on": DAY,
        "left_on": DAY,  # the first day no longer in the stage; null while current
        "reason": TEXT,  # why, see :mod:`tenure.lifecycle.reasons`: what holds for many spans, as JSON ...
        "reason_values": pa.list_(pa.float64()),  # ... and the values of its measures on the day of entering
        "cause": TEXT,  # of a setback
        "passed_through": pa.bool_(),
        "cannot_judge": TEXT,  # stages whose rule was unknown, comma-separated
        "next_stage": TEXT,
        "next_change_on": DAY,
    }
)

_REPEATED = pa.dictionary(pa.int32(), TEXT)


def in_memory(stored: pa.Schema) -> pa.Schema:
    """Return columns as a block holds them: texts that rows share only once, and whose row it is also by place."""
    encoded = [
        field.with_type(_REPEATED) if field.type == TEXT and field.name != "customer_id" else field for field in stored
    ]
    return pa.schema(encoded).append(pa.field("row", pa.int32()))


ENCODED_SPANS = in_memory(SPANS)


@dataclass(frozen=True, slots=True)
class History:
    """Stages over time, neighbours of a customer differing."""

    keys: np.ndarray  # moments of entering, sorted; those after the last day are foreseen
    stages: np.ndarray  # position of the stage in the model, or UNSTAGED
    overrides: np.ndarray  # row of the override that put the customer there, or -1

    @classmethod
    def of(cls, keys: np.ndarray, stages: np.ndarray, overrides: np.ndarray | None = None) -> History:
        """Collapse equal neighbours."""
        keep = starts(keys)
        keep[1:] |= stages[1:] != stages[:-1]
        places = np.flatnonzero(keep)
        return cls(keys[places], stages[places], np.full(len(places), -1) if overrides is None else overrides[places])


def entered(keys: np.ndarray, entries: np.ndarray, customers: int) -> np.ndarray:
    """Return which moments are those of customers that enter, from their entry on."""
    return keys >= entry_of(entries, customers)[who_of(keys)]


def entry_of(entries: np.ndarray, customers: int) -> np.ndarray:
    """Return everybody's moment of entering, NEVER where there is none."""
    moments = np.full(customers, NEVER)
    moments[who_of(entries)] = entries
    return moments
