"""Stretches of time that facts begin and end: cases that are open, contracts that are running."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import DAYS, SHIFT, day_number_of, who_of
from tenure.facts.matching import meets, numbers_of
from tenure.facts.schema import SCALE, TEXT
from tenure.facts.selection import Facts
from tenure.rules.evaluation.steps import Steps, accumulated, merge, starts
from tenure.rules.evaluation.windows import NEVER

if TYPE_CHECKING:
    from tenure.facts.blocks import Block, StreamRows
    from tenure.facts.selection import Condition


class Stretches(NamedTuple):
    """Each lasts from its beginning to, not including, its end; some last no time at all."""

    begins: np.ndarray
    ends: np.ndarray
    values: np.ndarray  # a day that belongs to each; NEVER where there is none


def active(stretches: Stretches, origins: np.ndarray) -> Steps:
    """Return how many stretches are going on."""
    lasting = stretches.begins < stretches.ends
    begins, ends = stretches.begins[lasting], stretches.ends[lasting]
    ends = ends[ends != NEVER]
    return accumulated(np.concatenate((begins, ends)), np.repeat([1, -1], [len(begins), len(ends)]), origins)


def smallest_active(stretches: Stretches, origins: np.ndarray) -> Steps:
    """Return the smallest value of the stretches that are going on; unknown when none is."""
    lasting = stretches.begins < stretches.ends
    begins, ends, values = (column[lasting] for column in stretches)
    moments = np.unique(np.concatenate((begins, ends[ends != NEVER])))
    # A stretch covers a row of moments: the first and the last 2**k of them, which overlap.
    first = np.searchsorted(moments, begins)
    end = np.searchsorted(moments, np.minimum(ends, who_of(begins) + 1 << SHIFT))
    level = np.log2(end - first).astype(np.int64)
    smallest = np.full(len(moments), NEVER)
    for k in reversed(range(level.max(initial=0) + 1)):
        at = np.flatnonzero(level == k)
        np.minimum.at(smallest, first[at], values[at])
        np.minimum.at(smallest, end[at] - (1 << k), values[at])
        if k:  # what covers 2**k moments covers two rows of half as many
            half = 1 << k - 1
            smallest[half:] = np.minimum(smallest[half:], smallest[:-half])
    keys = merge(origins, moments)
    every = np.full(len(keys), NEVER)
    every[np.searchsorted(keys, moments)] = smallest
    known = every != NEVER
    return Steps(keys, np.where(known, every, 0).astype(np.float64), known)


_BEGINNINGS, _ENDINGS = ("opened", "started"), ("closed", "cancelled")


class _Timeline(NamedTuple):
    """What happened to cases, or to contracts: all that concerns one of them together, in the order of time."""

    rows: StreamRows
    places: np.ndarray  # among the rows
    keys: np.ndarray
    fresh: np.ndarray  # where a case or a contract begins
    ends: np.ndarray  # the moment of its next event; NEVER after the last
    events: np.ndarray
    facts: tuple[Facts, ...]
    of_kind: dict[str, np.ndarray]  # by kind, which of them are its facts

    def so_far(self, valid: np.ndarray) -> np.ndarray:
        """Return the latest place up to each, within the same case, at which something is valid; -1 before."""
        places = np.arange(len(valid))
        latest = np.maximum.accumulate(np.where(valid, places, -1))
        return np.where(latest >= np.maximum.accumulate(np.where(self.fresh, places, 0)), latest, -1)

    @property
    def qualifies(self) -> np.ndarray:
        """Where the case or contract, by what is known of it so far, is among the facts meant."""
        result = np.zeros(len(self.places), dtype=bool)
        for facts in self.facts:
            meant = self.of_kind[facts.kind].copy()
            for condition in facts.where:
                meant &= self._meets(condition)
            result |= meant
        return result

    def _meets(self, condition: Condition) -> np.ndarray:
        known = condition.__class__(condition.column, "known")
        latest = self.so_far(meets(self.rows, known)[self.places])
        holds = meets(self.rows, condition)[self.places]
        return np.where(latest >= 0, holds[latest], condition.operator == "unknown")


def _timeline(block: Block, facts: tuple[Facts, ...], identity: str) -> _Timeline | None:
    of_each = ((part.kind, block.rows_of((Facts(part.kind),))) for part in facts)
    selected = {kind: facts_of_kind for kind, facts_of_kind in of_each if facts_of_kind is not None}
    if not selected:
        return None
    rows = next(iter(selected.values()))[0]
    places = np.unique(np.concatenate([of_kind for _, of_kind in selected.values()]))
    names = rows.columns.column(identity).cast(TEXT).take(pa.array(places)).combine_chunks().dictionary_encode()
    codes = names.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    events = rows.columns.column("event").cast(TEXT).take(pa.array(places)).to_numpy(zero_copy_only=False)
    # A file with days only has both ends of a short case at one instant: what begins comes before what ends.
    rank = np.where(np.isin(events, _BEGINNINGS), 0, np.where(np.isin(events, _ENDINGS), 2, 1))
    order = np.lexsort((rank, rows.at[places], codes, rows.who[places]))
    places, codes, events = places[order], codes[order], events[order]
    keys = rows.keys[places]
    fresh = starts(keys)
    fresh[1:] |= codes[1:] != codes[:-1]
    ends = np.append(np.where(fresh[1:], NEVER, keys[1:]), NEVER)[: len(keys)]
    of_kind = {kind: np.isin(places, meant) for kind, (_, meant) in selected.items()}
    return _Timeline(rows, places, keys, fresh, ends, events, facts, of_kind)


_NO_END = DAYS  # later than every day
_NOTHING = Stretches(*(np.empty(0, dtype=np.int64) for _ in range(3)))


def open_cases(block: Block, facts: tuple[Facts, ...]) -> Stretches:
    """Return the stretches between events in which cases are open; their value is the day of opening."""
    timeline = _timeline(block, facts, "case_id")
    if timeline is None:
        return _NOTHING
    # A case is open after an event unless that event closed it; it is opened by the first event, or after a closing.
    is_open = timeline.events != "closed"
    was_open = np.append(False, is_open[:-1])[: len(is_open)] & ~timeline.fresh
    opening = timeline.so_far(is_open & ~was_open)
    going = is_open & timeline.qualifies
    begins, ends = timeline.keys[going], timeline.ends[going]
    return Stretches(begins, ends, day_number_of(timeline.keys[opening[going]]))


def running(block: Block, facts: tuple[Facts, ...]) -> Stretches:
    """Return the stretches between events in which contracts run; their value is the last day they are to run."""
    timeline = _timeline(block, facts, "contract_id")
    if timeline is None:
        return _NOTHING
    begun = np.isin(timeline.events, ("started", "renewed"))
    cancelled = timeline.events == "cancelled"
    has_begun = timeline.so_far(begun) >= 0
    days, present = numbers_of(timeline.rows, "ends_at")
    dated = (np.ones(len(days), dtype=bool) if present is None else present)[timeline.places]
    today = day_number_of(timeline.keys)
    last_day = np.where(dated & (begun | cancelled), days[timeline.places] // SCALE, _NO_END)
    # Cancelled without a date, it does not run on the day of the cancellation any more.
    last_day = np.where(cancelled & ~dated, today - 1, last_day)
    # Of several ends since it last began the first counts: a cancellation never lets a contract run longer.
    lift = np.cumsum(begun | timeline.fresh) * 2 * _NO_END
    last_day = np.minimum.accumulate(last_day - lift) + lift
    last_day = np.where(last_day < _NO_END, last_day, NEVER)
    ends = np.where(last_day == NEVER, NEVER, timeline.keys - today + np.where(last_day == NEVER, 0, last_day) + 1)
    going = has_begun & timeline.qualifies
    ends = np.minimum(ends, timeline.ends)
    return Stretches(timeline.keys[going], ends[going], last_day[going])
