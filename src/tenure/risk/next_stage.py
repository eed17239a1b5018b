"""The next stage boundary: when, if nothing happens, a customer enters a worse stage.

The day follows from the rules of a life-cycle model; it is no forecast. One model is used, so that a customer is
warned about once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model

#: The first of these with spans is used. A model of recency comes first: its boundaries lie on known days.
MODELS = ("retail-activity", "telecom-5", "ecommerce-5", "retail-value-path", "crm-5", "clm-4", "relationship-4")
#: How bad the families of stages are; the others are 0.
BAD = {"F8": 1, "F9": 2, "F10": 3, "F11": 4}
#: For no more customers than these only their own rows are read.
FEW = 10_000


class NextStage(NamedTuple):
    """The worse stage to come, one row a customer."""

    days: NDArray[np.int64]  # days until it begins; -1 where none is to come
    worse: NDArray[np.int64]  # how bad it will be, see :data:`BAD`
    stage: list[str | None]  # from which stage to which
    next_stage: list[str | None]
    model: Model | None = None


def next_stages(lake: Lake | None, ids: pa.ChunkedArray, as_of: date) -> NextStage:
    """Return the worse stage to come of each of some customers, in their order."""
    from tenure.lifecycle.model_file import models_of

    size = len(ids)
    spans = set() if lake is None else {file.partition.get("model") for file in lake.files("spans") if file.rows}
    name = next((name for name in MODELS if name in spans), None)
    if lake is None or name is None or not size:
        nothing = np.full(size, -1, dtype=np.int64), np.zeros(size, dtype=np.int64)
        return NextStage(*nothing, [None] * size, [None] * size)
    model = models_of(lake, [name])[0]
    rows = (
        lake.connect(("spans",), customers=ids.to_pylist() if size <= FEW else None)
        .execute(
            "select customer_id, stage, next_stage, next_change_on from spans"
            " where model = ? and left_on is null and next_stage is not null and next_change_on > ?"
            " order by customer_id",
            [model.id, as_of],
        )
        .to_arrow_table()
    )
    rows = rows.take(pc.index_in(ids, rows.column("customer_id").combine_chunks()))
    stage, next_stage = (rows.column(name).to_pylist() for name in ("stage", "next_stage"))
    on = rows.column("next_change_on").cast(pa.int32()).fill_null(0).to_numpy().astype(np.int64)
    bad = {stage.id: BAD.get(stage.family, 0) for stage in model.stages}
    before, worse = (np.array([bad.get(name, 0) for name in names], np.int64) for names in (stage, next_stage))
    days = np.where(worse > before, on - day_number(as_of), -1)
    return NextStage(days, np.where(worse > before, worse, 0), stage, next_stage, model)
