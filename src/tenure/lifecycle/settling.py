"""Settling: who moves only after a while, or stays by another rule than the one that let them in.

Then a stage follows from what came before it, day after day, and not from a day's rules alone. Nothing happens on
most days, though: the first stage that claims a customer changes only where a rule's truth does, and somebody who
waits moves on one day that is known beforehand. So everybody is led from one such day to the next, all customers of a
block in step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tenure.facts.blocks import DAYS, day_number_of
from tenure.lifecycle.history import UNSTAGED, History
from tenure.lifecycle.state import States
from tenure.rules.evaluation.steps import ends_within, starts
from tenure.rules.evaluation.truth import LAST_DAY, TRUE
from tenure.rules.evaluation.windows import NEVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.lifecycle.model import Model
    from tenure.rules.evaluation.compute import EvaluationContext
    from tenure.rules.syntax.tree import RuleNode

#: How far ahead of today everybody is led whose stage depends on their stage, and might come back for ever.
FORESEEN_DAYS = 1000


def _days_to_settle(model: Model) -> np.ndarray:
    """Return the days that each stage takes to settle; the last is for none, so that UNSTAGED finds it."""
    return np.array([*(stage.settles for stage in model.stages), model.settles])


def settled(model: Model, given: History) -> History:
    """Return a history in which stages that did not last until they settled do not happen.

    Only for models in which the rules alone say whose turn it is, whatever stage somebody is in.
    """
    keys, stages = given.keys, given.stages
    first, days = starts(keys), _days_to_settle(model)[stages]
    lasts = np.full(len(keys), DAYS)
    lasts[:-1] = np.where(first[1:], DAYS, keys[1:] - keys[:-1])
    lasting = (lasts > days) & ((keys & (DAYS - 1)) + days <= LAST_DAY)
    # Into the model, and out of no stage, everybody comes at once.
    at_once = first.copy()
    at_once[1:] |= (stages[:-1] == UNSTAGED) & (first | lasting)[:-1]
    happens = np.flatnonzero(at_once | lasting)
    return History.of(np.where(at_once, keys, keys + days)[happens], stages[happens])


def walked(
    model: Model,
    context: EvaluationContext,
    keys: np.ndarray,
    part_truths: Mapping[RuleNode, np.ndarray],
    has_facts: np.ndarray | None,
    facts: np.ndarray | None,
) -> History:
    """Return the history of customers who are led through it.

    Parameters
    ----------
    model : Model
        The model.
    context : EvaluationContext
        Its block.
    keys : numpy.ndarray
        Moments at which anything may change, from everybody's entry on.
    part_truths : mapping of RuleNode to numpy.ndarray
        The truths of the rules' parts at each, see :func:`tenure.lifecycle.state.without_state`.
    has_facts : numpy.ndarray, optional
        Whether there was a fact by each, where it decides who may be claimed.
    facts : numpy.ndarray, optional
        Whether there is a fact at each, which ends what is terminal; None when no stage is.
    """
    if not len(keys):
        return History.of(keys, keys)
    states = States(model, context)
    columns = [*part_truths.values(), *([] if has_facts is None else [has_facts])]
    examples, codes = _distinct_rows(columns, len(keys))
    has_facts = None if has_facts is None else has_facts[examples]
    table = _candidates(
        states, {part: truths[examples] for part, truths in part_truths.items()}, has_facts, len(examples)
    )
    # Much that the rules say differently comes to the same.
    table, same = np.unique(table, axis=0, return_inverse=True)
    codes = same.reshape(-1)[codes]
    happens = starts(keys)
    happens[1:] |= codes[1:] != codes[:-1]
    if facts is not None:
        happens |= facts
    places = np.flatnonzero(happens)
    is_fact = np.zeros(len(places), dtype=bool) if facts is None else facts[places]
    return _walk(states, _Events(keys[places], codes[places], is_fact), table)


def _distinct_rows(columns: list[np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a place for every different row of some columns of small numbers, and which of these each row equals."""
    codes, different = np.zeros(size, dtype=np.int64), 1
    for column in columns:
        if different > 1 << 40:
            numbers, codes = np.unique(codes, return_inverse=True)
            different = len(numbers)
        codes, different = codes * 3 + column, different * 3
    if different > 1 << 22:
        _, examples, codes = np.unique(codes, return_index=True, return_inverse=True)
        return examples, codes
    last = np.full(different, -1)  # where each was met last: faster than sorting them all
    last[codes] = np.arange(size)
    met = last >= 0
    return last[met], (np.cumsum(met) - 1)[codes]


def _candidates(
    states: States, part_truths: Mapping[RuleNode, np.ndarray], has_facts: np.ndarray | None, size: int
) -> np.ndarray:
    """Return whose turn it is: for all that the rules say a row, for each state a column."""
    stages = states.model.stages
    turn = np.full((size, *states.shape), len(stages))
    for place in reversed(range(len(stages))):
        stage = stages[place]
        claims = np.broadcast_to(states.truth(stage.rule, part_truths) == TRUE, turn.shape).copy()
        if stage.stay_rule is not None:
            stays = np.broadcast_to(states.truth(stage.stay_rule, part_truths) == TRUE, turn.shape)
            claims[:, place] |= stays[:, place]
        if has_facts is not None and not stage.without_facts:
            claims &= has_facts[:, None, None, None]
        turn[claims] = place
    return turn.reshape(size, -1)


@dataclass
class _Customers:
    """Those who are still on their way, in step: one row each."""

    event: np.ndarray  # the next of their events, and where these end
    end: np.ndarray
    code: np.ndarray  # what the rules say
    stage: np.ndarray  # where they are, the number of stages standing for none; and since when
    entered: np.ndarray
    before: np.ndarray  # where they were before that; one more stands for unknown
    waiting: np.ndarray  # whose turn it is, where they are or elsewhere, and since when
    since: np.ndarray
    due: np.ndarray  # when they move if nothing comes between
    free: np.ndarray  # whether a fact has led them out of what is terminal, though they have not moved yet

    @classmethod
    def at_entry(cls, keys: np.ndarray, stages: int) -> _Customers:
        begins = np.flatnonzero(starts(keys))
        nowhere, nothing = np.full(len(begins), stages), np.zeros(len(begins), dtype=np.int64)
        ends = np.append(begins[1:], len(keys))[: len(begins)]
        entry, never = keys[begins], np.full(len(begins), NEVER)
        return cls(begins, ends, nothing, nowhere, entry, nowhere + 1, nowhere, entry, never, nothing > 0)

    def take(self, rows: np.ndarray) -> _Customers:
        return _Customers(*(getattr(self, field.name)[rows] for field in fields(self)))


class _Events(NamedTuple):
    """Moments at which the rules say something else, or a fact comes."""

    keys: np.ndarray
    codes: np.ndarray
    is_fact: np.ndarray


def _walk(states: States, events: _Events, table: np.ndarray) -> History:
    """Lead everybody through their events, and through the days between on which those who wait move."""
    model = states.model
    customers = _Customers.at_entry(events.keys, len(model.stages))
    # Everybody's history begins with their entry, though no stage may claim them there.
    moves = [(customers.since, customers.stage)]
    settles = _days_to_settle(model)
    terminal = np.array([*(stage.terminal for stage in model.stages), False])
    horizon = states.context.block.last_day + FORESEEN_DAYS
    keys, marks = np.append(events.keys, NEVER), np.append(states.marks, NEVER >> 1)
    while len(customers.stage):
        event = np.where(customers.event < customers.end, keys[customers.event], NEVER)
        now = np.minimum(event, customers.due)
        if (rows := np.flatnonzero(now < NEVER)).size < now.size:
            customers, event, now = customers.take(rows), event[rows], now[rows]
        happens = np.flatnonzero(event == now)
        at = customers.event[happens]
        customers.code[happens], customers.event[happens] = events.codes[at], at + 1
        fact = np.zeros(len(now), dtype=bool)
        fact[happens] = events.is_fact[at]
        candidate = table[customers.code, states.number(customers.stage, customers.before, now - customers.entered)]
        moved = _step(customers, now, fact, candidate, settles, terminal)
        if len(moves) == 1:  # nobody was anywhere before they came
            customers.before = np.full(len(now), len(model.stages) + 1)
        moves.append((now[moved], customers.stage[moved]))
        if len(states.marks):  # the state changes by itself, too
            mark = customers.entered + marks[np.searchsorted(states.marks, now - customers.entered, side="right")]
            customers.due = np.minimum(customers.due, np.where(_is_a_day(mark, customers.entered), mark, NEVER))
            far = moved & (day_number_of(now) > horizon)
            customers.event, customers.due = (
                np.where(far, customers.end, customers.event),
                np.where(far, NEVER, customers.due),
            )
    return _history(moves)


def _is_a_day(moments: np.ndarray, same: np.ndarray) -> np.ndarray:
    """Return which moments are days that a calendar has, of the same customers as others."""
    return ((moments ^ same) < DAYS) & ((moments & (DAYS - 1)) <= LAST_DAY)


def _step(
    customers: _Customers,
    now: np.ndarray,
    fact: np.ndarray,
    candidate: np.ndarray,
    settles: np.ndarray,
    terminal: np.ndarray,
) -> np.ndarray:
    """Lead everybody through one moment of theirs; return who moved."""
    customers.free = (customers.free | fact) & (candidate != customers.stage)
    candidate = np.where(terminal[customers.stage] & ~customers.free, customers.stage, candidate)
    customers.since = np.where(candidate == customers.waiting, customers.since, now)
    customers.waiting = candidate
    due = customers.since + np.where(customers.stage == len(settles) - 1, 0, settles[candidate])
    elsewhere = candidate != customers.stage
    moved = elsewhere & (due <= now)
    customers.due = np.where(elsewhere & ~moved & _is_a_day(due, now), due, NEVER)
    customers.before = np.where(moved, customers.stage, customers.before)
    customers.entered = np.where(moved, now, customers.entered)
    customers.stage = np.where(moved, candidate, customers.stage)
    customers.free &= ~moved
    return moved


def _history(moves: list[tuple[np.ndarray, np.ndarray]]) -> History:
    keys, stages = (np.concatenate(columns) for columns in zip(*moves, strict=True))
    order = np.argsort(keys, kind="stable")
    order = order[ends_within(keys[order])]  # of an entry and the stage entered on it the latter
    nowhere = moves[0][1][:1]
    return History.of(keys[order], np.where(stages[order] == nowhere, UNSTAGED, stages[order]))
