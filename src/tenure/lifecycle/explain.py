"""Why this stage and not another: one customer, one day, every rule.

Each stage's rule is evaluated on the day, true, false or unknown, with the value of every measure in it, through the
same kernel as everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from tenure.clock import day_number, day_of
from tenure.facts.blocks import Block, block_of, day_number_of, keys_of, who_of
from tenure.facts.completing import completed
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.slices import RECORDS, slices_of
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.reasons import Reason, Value
from tenure.lifecycle.spans import entries_of, stage_block, streams_needed, streams_of
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.steps import Moments
from tenure.rules.evaluation.truth import FALSE, TRUE, truth_of
from tenure.rules.syntax.tree import Measure, Otherwise, measures_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import pyarrow as pa

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model, Stage


@dataclass(frozen=True, slots=True)
class MeasureValue:
    """A measure on a day: what it is, and its value, None when unknown."""

    measure: Measure
    value: Value


@dataclass(frozen=True, slots=True)
class Judgement:
    """A stage's rule on a day."""

    stage: Stage  # the stage
    holds: bool | None  # whether its rule holds; None is unknown. For ``otherwise``, whether no rule before it holds.
    values: tuple[MeasureValue, ...]  # the measures of its rule
    taken: bool  # whether this is the first that holds


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a customer is where they are on a day."""

    customer_id: str  # who, under which model, on which day
    model: Model
    day: date
    entered_on: date | None  # day of entering the model; None when the customer is not in it by that day
    stage: str | None  # the stage on that day, overrides and the model's manners included
    reason: Reason | None  # the reason recorded with the span
    judgements: tuple[Judgement, ...]  # every stage's rule, in the order in which they are tried


def explain(
    facts: Mapping[str, pa.Table],
    model: Model,
    customer_id: str,
    day: date,
    tz: str = "UTC",
    *,
    customers: pa.Table | None = None,
    kinds: Mapping[str, Kind] = KINDS,
) -> Explanation:
    """Explain one customer's stage on a day."""

    def of_customer(table: pa.Table) -> pa.Table:
        return table.filter(pc.equal(table.column("customer_id").cast("string"), customer_id))

    tables = {name: completed(name, table) for name, table in facts.items()}
    # Facts that name a customer in another column, such as a referrer's orders, are rows of other customers.
    read_kinds = (kinds[name] for name in (*model.kinds, *model.entry_kinds))
    if model.subject == "customer" and all(kind.who == "customer_id" for kind in read_kinds):
        tables = {name: of_customer(table) for name, table in tables.items()}
    block = block_of(
        streams_of(tables, [model], kinds),
        tz=tz,
        last_day=day_number(day),
        customers=of_customer(completed("customers", customers)) if customers is not None else None,
        kinds=kinds,
        subject=model.subject,
    )
    return explain_in(block, model, customer_id, day)


def explain_from(lake: Lake, model: Model, customer_id: str, day: date) -> Explanation:
    """Explain one customer of a lake, see :func:`explain`."""
    kinds = lake.kinds()
    needed = {**streams_needed([model], kinds), RECORDS: ()}
    with slices_of(lake, needed, subject=model.subject, customers=[customer_id]) as slices:
        return explain_in(slices.block_of([customer_id], day_number(day)), model, customer_id, day)


def explain_in(block: Block, model: Model, customer_id: str, day: date) -> Explanation:
    """Explain one customer of a block whose last day is the requested day."""
    context = EvaluationContext(block)
    entries = entries_of(model, context)[1]
    who = pc.index(block.ids, customer_id).as_py()
    entry = entries[who_of(entries) == who]
    if not len(entry):
        return Explanation(customer_id, model, day, None, None, None, ())
    moment = Moments(keys_of(np.array([who]), np.array([day_number(day)])))
    judgements: list[Judgement] = []
    for stage in model.stages:
        if isinstance(stage.rule, Otherwise):
            holds: bool | None = not any(judgement.holds for judgement in judgements)
        else:
            holds = {FALSE: False, TRUE: True}.get(truth_of(stage.rule, context).at(moment)[0])
        first = holds is True and not any(judgement.taken for judgement in judgements)
        values = tuple(MeasureValue(measure, _value(measure, context, moment)) for measure in measures_of(stage.rule))
        judgements.append(Judgement(stage, holds, values, first))
    spans = stage_block(model, context).cast(SPANS)
    current = pc.and_(pc.equal(spans.column("customer_id"), customer_id), pc.is_null(spans.column("left_on")))
    span = next(iter(spans.filter(current).to_pylist()), None)
    reason = span and Reason.read(span["reason"], span["reason_values"], span["cannot_judge"])
    entered_on = day_of(int(day_number_of(entry)[0]))
    return Explanation(customer_id, model, day, entered_on, span and span["stage"], reason, tuple(judgements))


def _value(measure: Measure, context: EvaluationContext, moment: Moments) -> Value:
    if measure.name == "attribute":
        text = context.texts(measure)[int(moment.who[0])]
        return None if text is None else str(text)
    values = context.values(measure, moment)
    if values.known is not None and not values.known[0]:
        return None
    return bool(values.value[0] > 0) if measure.returns == "truth" else float(values.value[0])
