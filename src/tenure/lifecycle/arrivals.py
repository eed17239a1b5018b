"""Arrivals: customers in no stage whom time alone will bring into one.

What a span is to a customer in a stage, with its next change, an arrival is to one who has no span now: without it
nobody would know on which day to look again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import day_number_of, who_of
from tenure.facts.schema import DAY, TEXT
from tenure.lifecycle.history import UNSTAGED, History, in_memory
from tenure.lifecycle.reasons import encoded
from tenure.rules.evaluation.steps import starts

if TYPE_CHECKING:
    from tenure.facts.blocks import Block
    from tenure.lifecycle.model import Model

ARRIVALS = pa.schema(
    {
        "model": TEXT,
        "version": TEXT,
        "customer_id": TEXT,
        "stage": TEXT,  # which will be entered
        "entered_on": DAY,  # when, if nothing happens until then
    }
)
ENCODED_ARRIVALS = in_memory(ARRIVALS)


def arrivals_of(model: Model, block: Block, history: History) -> pa.Table:
    """Return the arrivals of a block of customers."""
    days, stages = day_number_of(history.keys), history.stages
    now = (stages[:-1] == UNSTAGED) & (days[:-1] <= block.last_day) & (days[1:] > block.last_day)
    place = np.flatnonzero(now & ~starts(history.keys)[1:]) + 1
    who = who_of(history.keys[place])
    columns = [
        encoded(np.zeros(len(place)), [model.id]),
        encoded(np.zeros(len(place)), [model.version]),
        block.ids.take(pa.array(who)),
        encoded(stages[place], [stage.id for stage in model.stages]),
        pa.array(days[place].astype(np.int32)).cast(DAY),
        pa.array(who.astype(np.int32)),
    ]
    return pa.table(columns, schema=ENCODED_ARRIVALS)
