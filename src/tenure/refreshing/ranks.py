"""Ranks: a tier, a class or a top fifth says where a customer stands among everybody, so it moves when others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tenure.refreshing.scoring import run_models

if TYPE_CHECKING:
    from tenure.facts.lake import Lake
    from tenure.scorecard.model import Context, Fits, ScorecardModel
    from tenure.stats.record import Fit


def renewed(
    lake: Lake, features: pa.Table, models: tuple[ScorecardModel, ...], fits: Fits, context: Context
) -> tuple[dict[str, Fit], list[str]]:
    """Return the ranks fitted anew, and the customers beside those of `features` who have another rank now."""
    place = next((number for number, model in enumerate(models) if model.ranks), None)
    if place is None:
        return {}, []
    model = models[place]
    changed = run_models(features, models[:place], context, fits, everybody=False).table
    names = ", ".join(f'"{name}"' for name in ("customer_id", *model.inputs, *model.schema.names))
    stored = lake.connect(("scorecard",)).execute(f"SELECT {names} FROM scorecard").to_arrow_table()
    stored = stored.filter(pc.invert(pc.is_in(stored.column("customer_id"), changed.column("customer_id"))))
    inputs = ["customer_id", *model.inputs]
    customers = pa.concat_tables([stored.select(inputs), changed.select(inputs)], promote_options="permissive")
    result = model.run(customers, context)
    differs = pa.repeat(pa.scalar(False), len(stored))
    for name in model.schema.names:
        before, now = stored.column(name).combine_chunks(), result.columns.column(name).slice(0, len(stored))
        same = pc.fill_null(pc.equal(before, now.combine_chunks().cast(before.type)), pa.scalar(False))
        both_null = pc.and_(pc.is_null(before), pc.is_null(now.combine_chunks()))
        differs = pc.or_(differs, pc.invert(pc.or_(same, both_null)))
    return dict(result.fits), stored.column("customer_id").filter(differs).to_pylist()
