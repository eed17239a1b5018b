"""Settling: who moves only after a while, or stays by another rule than the one that let them in.

Then a stage follows from what came before it, day after day, and not from a day's rules alone. Nothing happens on most
days, though: the first stage that claims a customer changes only where a rule's truth does, and somebody who waits moves
on one day that is known beforehand. So everybody is led from one such day to the next, all customers of a block in step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import DAYS
from tenure.lifecycle.history import UNSTAGED, History
from tenure.rules.evaluation.steps import ends_within, starts
from tenure.rules.evaluation.truth import LAST_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.lifecycle.model import Model

_NEVER = np.iinfo(np.int64).max


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
    model: Model, keys: np.ndarray, first: np.ndarray, staying: Mapping[int, np.ndarray], facts: np.ndarray | None
) -> History:
    """Return the history of customers who are led through it.

    Parameters
    ----------
    model : Model
        The model.
    keys : numpy.ndarray
        Moments at which anything may change, from everybody's entry on.
    first : numpy.ndarray
        The first stage whose `when` holds at each.
    staying : mapping of int to numpy.ndarray
        Whether the stay rule of a stage holds at each, for those that have one.
    facts : numpy.ndarray, optional
        Whether there is a fact at each, which ends what is terminal; None when no stage is.
    """
    claims, code = np.unique(_packed(first, list(staying.values())), return_inverse=True)
    happens = starts(keys)
    happens[1:] |= code[1:] != code[:-1]
    if facts is not None:
        happens |= facts
    places = np.flatnonzero(happens)
    table = _candidates(len(model.stages), claims, list(staying))
    is_fact = np.zeros(len(places), dtype=bool) if facts is None else facts[places]
    return _walk(model, _Events(keys[places], code[places], is_fact), table)


def _packed(first: np.ndarray, staying: list[np.ndarray]) -> np.ndarray:
    """Return all that the rules say at each moment as one number."""
    packed = first + 1
    for holds in staying:
        packed = packed * 2 + holds
    return packed


def _candidates(stages: int, claims: np.ndarray, stay_places: list[int]) -> np.ndarray:
    """Return whose turn it is, whatever the rules say (rows) and wherever a customer is (columns; the last: nowhere)."""
    first = claims >> len(stay_places)
    first = np.where(first == 0, stages, first - 1)
    table = np.repeat(first[:, None], stages + 1, axis=1)
    for bit, place in enumerate(reversed(stay_places)):
        table[:, place] = np.where(claims >> bit & 1, np.minimum(first, place), first)
    return table


@dataclass
class _Customers:
    """Those who are still on their way, in step: one row each."""

    event: np.ndarray  # the next of their events, and where these end
    end: np.ndarray
    code: np.ndarray  # what the rules say
    stage: np.ndarray  # where they are; the number of stages stands for none
    waiting: np.ndarray  # whose turn it is, where they are or elsewhere, and since which moment
    since: np.ndarray
    due: np.ndarray  # when they move if nothing comes between
    free: np.ndarray  # whether a fact has led them out of what is terminal, though they have not moved yet

    @classmethod
    def at_entry(cls, keys: np.ndarray, stages: int) -> _Customers:
        begins = np.flatnonzero(starts(keys))
        nowhere, nothing = np.full(len(begins), stages), np.zeros(len(begins), dtype=np.int64)
        ends = np.append(begins[1:], len(keys))[: len(begins)]
        never = np.full(len(begins), _NEVER)
        return cls(begins, ends, nothing, nowhere, nowhere, keys[begins], never, nothing > 0)

    def take(self, rows: np.ndarray) -> _Customers:
        return _Customers(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class _Events:
    """Moments at which the rules say something else, or a fact comes."""

    keys: np.ndarray
    codes: np.ndarray
    is_fact: np.ndarray


def _walk(model: Model, events: _Events, table: np.ndarray) -> History:
    """Lead everybody through their events, and through the days between on which those who wait move."""
    there = _Customers.at_entry(events.keys, len(model.stages))
    # Everybody's history begins with their entry, though no stage may claim them there.
    moves = [(there.since, there.stage)]
    settles = _days_to_settle(model)
    terminal = np.array([*(stage.terminal for stage in model.stages), False])
    keys = np.append(events.keys, _NEVER)
    while len(there.stage):
        event = np.where(there.event < there.end, keys[there.event], _NEVER)
        now = np.minimum(event, there.due)
        if (rows := np.flatnonzero(now < _NEVER)).size < now.size:
            there, event, now = there.take(rows), event[rows], now[rows]
        happens = np.flatnonzero(event == now)
        at = there.event[happens]
        there.code[happens], there.event[happens] = events.codes[at], at + 1
        fact = np.zeros(len(now), dtype=bool)
        fact[happens] = events.is_fact[at]
        moves.append(_step(there, now, fact, table, settles, terminal))
    return _history(moves)


def _step(
    there: _Customers, now: np.ndarray, fact: np.ndarray, table: np.ndarray, settles: np.ndarray, terminal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lead everybody through one moment of theirs; return when somebody moved, and where to."""
    nowhere = len(settles) - 1
    candidate = table[there.code, there.stage]
    there.free = (there.free | fact) & (candidate != there.stage)
    candidate = np.where(terminal[there.stage] & ~there.free, there.stage, candidate)
    there.since = np.where(candidate == there.waiting, there.since, now)
    there.waiting = candidate
    due = there.since + np.where(there.stage == nowhere, 0, settles[candidate])
    elsewhere = candidate != there.stage
    moved = elsewhere & (due <= now)
    there.due = np.where(elsewhere & ~moved & ((due & (DAYS - 1)) <= LAST_DAY), due, _NEVER)
    there.stage = np.where(moved, candidate, there.stage)
    there.free &= ~moved
    return now[moved], candidate[moved]


def _history(moves: list[tuple[np.ndarray, np.ndarray]]) -> History:
    keys, stages = (np.concatenate(columns) for columns in zip(*moves, strict=True))
    order = np.argsort(keys, kind="stable")
    order = order[ends_within(keys[order])]  # of an entry and the stage entered on it the latter
    nowhere = moves[0][1][:1]
    return History.of(keys[order], np.where(stages[order] == nowhere, UNSTAGED, stages[order]))
