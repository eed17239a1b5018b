"""Rules that ask where a customer was: ``in_stage``, ``previous_stage`` and ``days_in_stage``.

Before a history is known, such a rule has no truth on a day, but one for every state in which a customer might be on
it. Once it is known, they are measures like any other.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import day_number_of
from tenure.lifecycle.history import UNSTAGED, History
from tenure.rules.evaluation.compute import TextSteps
from tenure.rules.evaluation.steps import Steps, starts
from tenure.rules.evaluation.truth import FALSE, TRUE, UNKNOWN, flips_of_waiting, spelled_out
from tenure.rules.syntax import tree
from tenure.rules.syntax.tree import Comparison, Known, Measure, RuleNode, TextLiteral, measures_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tenure.facts.blocks import Block
    from tenure.lifecycle.model import Model
    from tenure.rules.evaluation.compute import EvaluationContext


def asks_for_state(node: RuleNode) -> bool:
    return any(measure.of_state for measure in measures_of(node))


def without_state(model: Model) -> tuple[RuleNode, ...]:
    """Return the largest parts of a model's rules that do not ask where the customer was."""
    return tuple(dict.fromkeys(part for stage in model.stages for rule in stage.rules for part in _parts(rule)))


def _parts(node: RuleNode) -> Iterator[RuleNode]:
    if not asks_for_state(node):
        yield node
    elif isinstance(node, tree.And | tree.Or | tree.Not):
        for child in node.children:
            yield from _parts(child)


class States:
    """All states in which a customer of a model can be, as far as its rules tell them apart.

    A state is a stage, or none; the stage before it, none, or unknown; and between which of some marks its age lies.
    """

    def __init__(self, model: Model, context: EvaluationContext) -> None:
        self.model, self.context = model, context
        self.places = {stage.id: place for place, stage in enumerate(model.stages)}
        measures = [measure for stage in model.stages for rule in stage.rules for measure in measures_of(rule)]
        nodes = [node for stage in model.stages for rule in stage.rules for node in rule.walk()]
        waits = [_among_spelled_out(node) for node in nodes]
        self._flips = {
            part: flips_of_waiting(part, measure, context)
            for node in waits
            for part in node.walk()
            if isinstance(part, Comparison) and (measure := _age_in(part)) is not None
        }
        flips = [days for days, _ in self._flips.values()]
        # On the day after a move the state is another one: a mark of its own, if anybody asks.
        day_after = np.full(int(any(measure.of_state for measure in measures)), 1)
        self.marks = np.unique(np.concatenate((day_after, *flips)))
        self.marks = self.marks[self.marks > 0]
        knows_before = any(measure.name == "previous_stage" for measure in measures)
        self.shape = len(model.stages) + 1, len(model.stages) + 2 if knows_before else 1, len(self.marks) + 1

    def number(self, stage: np.ndarray, before: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Return the numbers of some states."""
        _, befores, ages = self.shape
        number = stage if befores == 1 else stage * befores + before
        return number if ages == 1 else number * ages + np.searchsorted(self.marks, age, side="right")

    def truth(self, node: RuleNode, part_truths: Mapping[RuleNode, np.ndarray]) -> np.ndarray:
        """Return the truth of a rule in every state (further axes), given the truths of its parts (first axis)."""
        if node in part_truths:
            return part_truths[node][:, None, None, None]
        match node:
            case tree.Not(operand=operand):
                return TRUE - self.truth(operand, part_truths)
            case tree.And(parts=parts):
                return reduce(np.minimum, (self.truth(part, part_truths) for part in parts))
            case tree.Or(parts=parts):
                return reduce(np.maximum, (self.truth(part, part_truths) for part in parts))
            case tree.Among():
                return self.truth(spelled_out(node), part_truths)
        return self._of_state(node)

    def _of_state(self, node: RuleNode) -> np.ndarray:
        """Return the truth of a test that only asks for the state."""
        [measure] = measures_of(node)
        stages = [*self.places, ""]
        if measure.name == "in_stage":
            return _truths([stage in measure.arguments for stage in self.places], FALSE)[None, :, None, None]
        if isinstance(node, Known):
            unknown = FALSE if node.known else TRUE
            if measure.name == "days_in_stage":
                return _truths([node.known] * len(self.places), unknown)[None, :, None, None]
            return _truths([node.known] * len(stages), unknown)[None, None, :, None]
        if measure.name == "previous_stage":
            assert isinstance(node, Comparison)
            name = next(side.value for side in (node.left, node.right) if isinstance(side, TextLiteral))
            return _truths([(stage == name) == (node.operator == "=") for stage in stages], UNKNOWN)[
                None, None, :, None
            ]
        days, values = self._flips[node]  # type: ignore[index]
        at_mark = values[np.searchsorted(days, np.append(0, self.marks), side="right") - 1]
        truth = np.full((len(stages), len(at_mark)), UNKNOWN)  # there is no age in no stage
        truth[:-1] = at_mark
        return truth[None, :, None, :]


def _truths(holds: list[bool], last: np.int8) -> np.ndarray:
    return np.array([*(TRUE if each else FALSE for each in holds), last])


def _among_spelled_out(node: RuleNode) -> RuleNode:
    return spelled_out(node) if isinstance(node, tree.Among) else node


def _age_in(node: Comparison) -> Measure | None:
    """Return the days in the stage that a comparison is about."""
    return next((measure for measure in measures_of(node) if measure.name == "days_in_stage"), None)


def state_measures(
    model: Model, history: History, block: Block
) -> tuple[dict[Measure, Steps], dict[Measure, TextSteps]]:
    """Return what the rules ask about a history that is known, as it stood on the day before each."""
    measures = [measure for measure in model.measures if measure.of_state]
    keys = np.concatenate((block.origins, history.keys + 1))
    order = np.argsort(keys, kind="stable")
    outside = np.full(len(block), -2)

    def column(of_origins: np.ndarray, of_history: np.ndarray) -> np.ndarray:
        return np.concatenate((of_origins, of_history))[order]

    names = [*(stage.id for stage in model.stages), ""]
    stages = column(outside, history.stages)
    nowhere = len(model.stages)
    before = np.append(nowhere, np.where(history.stages == UNSTAGED, nowhere, history.stages))[: len(history.keys)]
    before[starts(history.keys)] = -1
    steps, texts = {}, {}
    for measure in measures:
        if measure.name == "previous_stage":
            texts[measure] = TextSteps(keys[order], column(np.full(len(block), -1), before), names)
        elif measure.name == "in_stage":
            within = [place for place, name in enumerate(names[:-1]) if name in measure.arguments]
            steps[measure] = Steps(keys[order], np.isin(stages, within).astype(np.float64))
        else:
            since = column(outside, day_number_of(history.keys)).astype(np.float64)
            steps[measure] = Steps(keys[order], since, stages >= 0)
    return steps, texts
