"""Activity: what a customer did in each of the last windows of ninety days, and how long ago contact was."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from tenure.facts.streams import Stream
from tenure.features.catalogue import Computed, Family, Feature, column_of
from tenure.features.windows import HORIZON, NEVER, SNAPSHOTS, WindowAggregates, snapshot_day

RESPONSES = ("open", "click", "reply", "redeem")
#: A change against the window before it is read on every snapshot, so one window more is needed.
WINDOWS = SNAPSHOTS + 2
_COUNTED = {"refunds": ("refund",), "interactions": ("interaction",), "responses": RESPONSES,
            "complaints": ("complaint",)}  # fmt: skip


def compute_activity(windows: WindowAggregates) -> Computed:
    block = windows.block
    computed: Computed = {}
    for name, kinds in _COUNTED.items():
        counts = windows.by_snapshot(block.events(kinds).keys, WINDOWS)
        computed |= {column_of(name, k): counts[k] for k in range(WINDOWS)}
    counts = windows.different(block.events(("line",), label="category"), WINDOWS, HORIZON)
    computed |= {column_of("categories", k): counts[k] for k in range(WINDOWS)}
    contacts = block.events(("interaction",)).keys
    for k in range(SNAPSHOTS + 1):
        day = snapshot_day(block.last_day, k)
        last = windows.last_day_of(contacts, day)
        computed[column_of("quiet", k)] = (np.where(last > NEVER, day - last, 0), last > NEVER)
    return computed


ACTIVITY = Family(
    "activity",
    (
        *(
            Feature(name, f"count({', '.join(kinds)})", pa.int16(), HORIZON, tuple(range(WINDOWS)))
            for name, kinds in _COUNTED.items()
        ),
        Feature("categories", "categories(line)", pa.int16(), HORIZON, tuple(range(WINDOWS))),
        Feature("quiet", "days_since(interaction)", pa.int16(), None, tuple(range(SNAPSHOTS + 1))),
    ),
    {Stream("orders"): (), Stream("order_lines"): (), Stream("interactions"): (), Stream("cases"): ()},
    compute_activity,
)
