"""Blocks of facts in memory, so that tests explain and preview without a lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.clock import day_number
from tenure.facts.blocks import Block, block_of
from tenure.facts.frames import completed
from tenure.facts.kinds import KINDS
from tenure.lifecycle.explain import Explanation, explain_in
from tenure.lifecycle.preview import Preview, compare_blocks, read_by
from tenure.lifecycle.spans import streams_of
from tenure.rules.evaluation.compute import EvaluationContext

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa

    from tenure.lifecycle.model import Model


def block(
    facts: Mapping[str, pa.Table], models: list[Model], day: date, tz: str = "UTC", customers: pa.Table | None = None
) -> Block:
    return block_of(
        streams_of({name: completed(name, table) for name, table in facts.items()}, models, KINDS),
        tz=tz,
        last_day=day_number(day),
        customers=completed("customers", customers) if customers is not None else None,
        kinds=KINDS,
        subject=models[-1].subject,
    )


def explain(
    facts: Mapping[str, pa.Table],
    model: Model,
    customer_id: str,
    day: date,
    tz: str = "UTC",
    customers: pa.Table | None = None,
) -> Explanation:
    return explain_in(block(facts, [model], day, tz, customers), model, customer_id)


def compare(facts: Mapping[str, pa.Table], before: Model | None, after: Model, *, as_of: date) -> Preview:
    context = EvaluationContext(block(facts, read_by(before, after), as_of))
    return compare_blocks([context], before, after, as_of=as_of)
