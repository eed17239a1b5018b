"""Why this stage and not another: every rule on one customer's day, evaluated as a refresh evaluates it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow.compute as pc

from tenure.clock import day_number, day_of
from tenure.facts.blocks import Block, day_number_of, keys_of, who_of
from tenure.facts.slices import slices_of
from tenure.lifecycle.history import SPANS, UNSTAGED, History
from tenure.lifecycle.published import published_for
from tenure.lifecycle.reasons import Reason, Value
from tenure.lifecycle.spans import judged, stage_block, streams_needed
from tenure.lifecycle.waiting import Waiting
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.published import Published
from tenure.rules.evaluation.steps import Moments
from tenure.rules.evaluation.truth import FALSE, TRUE, truth_of
from tenure.rules.syntax.tree import Measure, Otherwise, Population, RuleNode
from tenure.words import Message, mark

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from tenure.facts.lake import Lake
    from tenure.lifecycle.model import Model, Stage


class MeasureValue(NamedTuple):
    measure: Measure | Population
    value: Value  # None is unknown


@dataclass(frozen=True, slots=True)
class StageEvaluation:
    """A stage's rule on a day."""

    stage: Stage
    holds: bool | None  # whether its rule holds; None is unknown. For ``otherwise``, whether no stage before is taken.
    values: tuple[MeasureValue, ...]  # of the measures of both rules, and of what they compare with all customers
    taken: bool  # whether this is the first that holds, or by which the customer stays
    stays: bool | None = False  # whether the customer came from here and its rule to stay holds; None is unknown


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a customer is where they are on a day."""

    entered_on: date | None = None  # day of entering the model; None when the customer is not in it by that day
    stage: str | None = None  # the stage on that day, overrides and passages included
    reason: Reason | None = None  # recorded with the span
    evaluations: tuple[StageEvaluation, ...] = ()  # of every stage, in the order in which they are tried
    waiting: Waiting | None = None  # whose turn it is, though the customer has not moved yet

    def why_not_by_rules(self, model: Model) -> Message | None:
        """Return why the customer is not in the stage that the rules give; None when they are there."""
        turn = next((evaluation.stage for evaluation in self.evaluations if evaluation.taken), None)
        if self.entered_on is None or (turn and turn.id) == self.stage:
            return None
        none = Message(mark("no stage"))
        names = {"stage": turn.name if turn else none, "now": none}
        current = model.stage(self.stage) if self.stage else None
        if current:
            names["now"] = current.name
        if self.reason and self.reason.note is not None:
            text = mark("The rules give %(stage)s, but the stage was set manually: %(reason)s")
            return Message(text, {**names, "reason": self.reason.note})
        if self.waiting:
            return Message(mark("Still %(now)s. %(waiting)s"), {**names, "waiting": self.waiting.sentence(model)})
        if current and current.terminal:
            return Message(mark("The rules give %(stage)s, but only a new fact leads out of %(now)s."), names)
        text = mark("The rules give %(stage)s; a stage that is kept, or reached step by step, changes the result.")
        return Message(text, names)


def explain_from(lake: Lake, model: Model, customer_id: str, day: date) -> Explanation:
    with slices_of(
        lake, streams_needed([model], lake.kinds()), subject=model.subject, customers=[customer_id]
    ) as slices:
        published = published_for(lake, [model], [customer_id])
        return explain_in(slices.block_of([customer_id], day_number(day)), model, customer_id, published)


def explain_in(block: Block, model: Model, customer_id: str, published: Published | None = None) -> Explanation:
    """Explain one customer of a block on its last day."""
    context, first_facts, entries, history = judged(model, EvaluationContext(block, published or Published()))
    who = pc.index(block.ids, customer_id).as_py()
    entry = entries[who_of(entries) == who]
    if not len(entry):
        return Explanation()
    by_rules = _ByRules.of(history, who, block.last_day)
    has_facts = bool((who_of(first_facts) == who).any())
    evaluations = _evaluations(model, context, who, by_rules.yesterday, has_facts=has_facts)
    spans = stage_block(model, context).spans.select(SPANS.names).cast(SPANS)
    current = pc.and_(pc.equal(spans.column("customer_id"), customer_id), pc.is_null(spans.column("left_on")))
    span = next(iter(spans.filter(current).to_pylist()), None)
    reason = span and Reason.read(span["reason"], span["reason_values"], span["cannot_judge"])
    entered_on = day_of(int(day_number_of(entry)[0]))
    waiting = by_rules.waiting(model, evaluations, day_of(block.last_day))
    return Explanation(entered_on, span and span["stage"], reason, evaluations, waiting)


@dataclass(frozen=True, slots=True)
class _ByRules:
    """Where the rules alone put a customer; positions in the model, UNSTAGED for none."""

    yesterday: int
    today: int
    following: int  # where they go next, and when
    on: date | None

    @classmethod
    def of(cls, history: History, who: int, today: int) -> _ByRules:
        mine = np.flatnonzero(who_of(history.keys) == who)
        days, stages = day_number_of(history.keys[mine]), [*history.stages[mine].tolist(), UNSTAGED]
        now = int(np.searchsorted(days, today, side="right"))
        before = int(np.searchsorted(days, today))
        on = day_of(int(days[now])) if now < len(days) else None
        return cls(stages[before - 1], stages[now - 1], stages[now], on)

    def waiting(self, model: Model, evaluations: Sequence[StageEvaluation], day: date) -> Waiting | None:
        turn = next((place for place, evaluation in enumerate(evaluations) if evaluation.taken), UNSTAGED)
        stage = None if turn == UNSTAGED else model.stages[turn].id
        settles = model.settles if stage is None else model.stages[turn].settles
        if turn == self.today or not settles:
            return None
        if turn == self.following and self.on is not None:
            foreseen = Waiting.foreseen(model, stage, self.on, day)
            if foreseen is not None:
                return foreseen
        # What is terminal is kept until a fact comes, whoever's turn it is.
        kept = self.today != UNSTAGED and model.stages[self.today].terminal
        return None if kept else Waiting(stage, settles)


def _evaluations(
    model: Model, context: EvaluationContext, who: int, yesterday: int, *, has_facts: bool
) -> tuple[StageEvaluation, ...]:
    moment = Moments(keys_of(np.array([who]), np.array([context.block.last_day])))

    def holds(rule: RuleNode) -> bool | None:
        return {FALSE: False, TRUE: True}.get(truth_of(rule, context).at(moment)[0])

    evaluations: list[StageEvaluation] = []
    for place, stage in enumerate(model.stages):
        free = not any(evaluation.taken for evaluation in evaluations)
        enters = free if isinstance(stage.rule, Otherwise) else holds(stage.rule)
        stays = holds(stage.stay_rule) if place == yesterday and stage.stay_rule is not None else False
        parts = (part for rule in stage.rules for part in rule.walk())
        measures = dict.fromkeys(part for part in parts if isinstance(part, Measure | Population))
        values = tuple(MeasureValue(measure, _value(measure, context, moment)) for measure in measures)
        taken = free and (enters is True or stays is True) and (has_facts or stage.without_facts)
        evaluations.append(StageEvaluation(stage, enters, values, taken, stays))
    return tuple(evaluations)


def _value(measure: Measure | Population, context: EvaluationContext, moment: Moments) -> Value:
    if isinstance(measure, Measure) and measure.is_text:
        texts = context.texts(measure)
        code = int(texts.at(moment)[0])
        return None if code < 0 else str(texts.names[code])
    values = context.values(measure, moment)
    if values.known is not None and not values.known[0]:
        return None
    is_truth = isinstance(measure, Measure) and measure.returns == "truth"
    return bool(values.value[0] > 0) if is_truth else float(values.value[0])
