"""The next stage boundary: when, if nothing happens, a customer enters a worse stage.

The day follows from the rules of a life-cycle model; it is no forecast. One model is asked, so that a customer is
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

#: Asked in this order; the first with spans answers. A model of recency comes first: its boundaries lie on known days.
ASKED = ("retail-activity", "telecom-5", "ecommerce-5", "retail-value-path", "crm-5", "clm-4", "relationship-4")
#: How bad the families of stages are; the others are 0.
BAD = {"F8": 1, "F9": 2, "F10": 3, "F11": 4}
#: For so few customers only their own rows are read.
FEW = 10_000


class Ahead(NamedTuple):
    """What comes next, one row a customer."""

    days: NDArray[np.int64]  # days until a worse stage begins; -1 where none is ahead
    worse: NDArray[np.int64]  # how bad it will be, see :data:`BAD`
    stage: list[str | None]  # from which stage to which
    next_stage: list[str | None]
    model: Model | None = None  # which model was asked


def ahead(lake: Lake | None, ids: pa.ChunkedArray, as_of: date) -> Ahead:
    """Return what lies ahead of each of some customers, in their order."""
    size = len(ids)
    nothing = Ahead(np.full(size, -1, dtype=np.int64), np.zeros(size, dtype=np.int64), [None] * size, [None] * size)
    model = _model(lake) if lake is not None and size else None
    if lake is None or model is None:
        return nothing
    few = ids.to_pylist() if size <= FEW else None
    rows = (
        lake.connect(("spans",), customers=few)
        .execute(
            "select customer_id, stage, next_stage, next_change_on from spans"
            " where model = ? and left_on is null and next_stage is not null and next_change_on > ?"
            " order by customer_id",
            [model.id, as_of],
        )
        .to_arrow_table()
    )
    bad = {stage.id: BAD.get(stage.family, 0) for stage in model.stages}
    place = pc.index_in(ids, rows.column("customer_id").combine_chunks())
    now, then = (rows.column(name).take(place).to_pylist() for name in ("stage", "next_stage"))
    before = np.array([bad.get(one, 0) for one in now], dtype=np.int64)
    worse = np.array([bad.get(one, 0) for one in then], dtype=np.int64)
    on = rows.column("next_change_on").cast(pa.int32()).take(place).fill_null(0).to_numpy().astype(np.int64)
    coming = worse > before
    return Ahead(np.where(coming, on - day_number(as_of), -1), np.where(coming, worse, 0), now, then, model)


def _model(lake: Lake) -> Model | None:
    """Return the model that is asked."""
    from tenure.lifecycle.lake_models import models_of

    there = {file.partition.get("model") for file in lake.files("spans") if file.rows}
    asked = next((one for one in ASKED if one in there), None)
    return models_of(lake, [asked])[0] if asked else None
