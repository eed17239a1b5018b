"""Why this stage and not another: every rule on one customer's day, evaluated as a refresh evaluates it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow.compute as pc

from tenure.clock import day_number, day_of
from tenure.facts.blocks import Block, day_number_of, keys_of, who_of
from tenure.facts.slices import slices_of
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.published import published_for
from tenure.lifecycle.reasons import Reason, Value
from tenure.lifecycle.spans import entries_of, stage_block, streams_needed
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.published import Published
from tenure.rules.evaluation.steps import Moments
from tenure.rules.evaluation.truth import FALSE, TRUE, truth_of
from tenure.rules.syntax.tree import Measure, Otherwise, measures_of

if TYPE_CHECKING:
    from datetime import date

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model, Stage


class MeasureValue(NamedTuple):
    measure: Measure
    value: Value  # None is unknown


@dataclass(frozen=True, slots=True)
class StageEvaluation:
    """A stage's rule on a day."""

    stage: Stage
    holds: bool | None  # whether its rule holds; None is unknown. For ``otherwise``, whether no rule before it holds.
    values: tuple[MeasureValue, ...]
    taken: bool  # whether this is the first that holds


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a customer is where they are on a day."""

    entered_on: date | None = None  # day of entering the model; None when the customer is not in it by that day
    stage: str | None = None  # the stage on that day, overrides and passages included
    reason: Reason | None = None  # recorded with the span
    evaluations: tuple[StageEvaluation, ...] = ()  # of every stage, in the order in which they are tried


def explain_from(lake: Lake, model: Model, customer_id: str, day: date) -> Explanation:
    with slices_of(
        lake, streams_needed([model], lake.kinds()), subject=model.subject, customers=[customer_id]
    ) as slices:
        return explain_in(
            slices.block_of([customer_id], day_number(day)), model, customer_id, published_for(lake, [model])
        )


def explain_in(block: Block, model: Model, customer_id: str, published: Published | None = None) -> Explanation:
    """Explain one customer of a block on its last day."""
    context = EvaluationContext(block, published or Published())
    entries = entries_of(model, context)[1]
    who = pc.index(block.ids, customer_id).as_py()
    entry = entries[who_of(entries) == who]
    if not len(entry):
        return Explanation()
    moment = Moments(keys_of(np.array([who]), np.array([block.last_day])))
    evaluations: list[StageEvaluation] = []
    for stage in model.stages:
        if isinstance(stage.rule, Otherwise):
            holds: bool | None = not any(evaluation.holds for evaluation in evaluations)
        else:
            holds = {FALSE: False, TRUE: True}.get(truth_of(stage.rule, context).at(moment)[0])
        taken = holds is True and not any(evaluation.taken for evaluation in evaluations)
        values = tuple(
            MeasureValue(measure, _value(measure, context, moment))
            for measure in measures_of(stage.rule)
            if not measure.of_state
        )
        evaluations.append(StageEvaluation(stage, holds, values, taken))
    spans = stage_block(model, context).select(SPANS.names).cast(SPANS)
    current = pc.and_(pc.equal(spans.column("customer_id"), customer_id), pc.is_null(spans.column("left_on")))
    span = next(iter(spans.filter(current).to_pylist()), None)
    reason = span and Reason.read(span["reason"], span["reason_values"], span["cannot_judge"])
    entered_on = day_of(int(day_number_of(entry)[0]))
    return Explanation(entered_on, span and span["stage"], reason, tuple(evaluations))


def _value(measure: Measure, context: EvaluationContext, moment: Moments) -> Value:
    if measure.is_text:
        texts = context.texts(measure)
        code = int(texts.at(moment)[0])
        return None if code < 0 else str(texts.names[code])
    values = context.values(measure, moment)
    if values.known is not None and not values.known[0]:
        return None
    return bool(values.value[0] > 0) if measure.returns == "truth" else float(values.value[0])
