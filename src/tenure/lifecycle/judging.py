"""Judging blocks: what the facts of some customers give, under some models.

Answers: which spans and which roster rows come of this block? One function, whoever carries the facts to it: this
machine's threads, Spark, or the live path for a single customer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from os import cpu_count

import pyarrow as pa

from tenure.clock import day_number
from tenure.facts.blocks import Block
from tenure.facts.kinds import Kind
from tenure.facts.lake import Lake
from tenure.facts.slices import ROWS_A_BLOCK, slices_of
from tenure.facts.streams import Stream
from tenure.lifecycle.compute import Reading
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.model import Model
from tenure.lifecycle.roster import ROSTER, roster_of
from tenure.lifecycle.roster import STREAMS as ROSTER_STREAMS
from tenure.lifecycle.spans import stage_block, streams_needed


@dataclass(frozen=True)
class Judged:
    """What came of one block: spans of every model one below the other, and the roster."""

    spans: pa.Table
    roster: pa.Table
    part: float  # of all the work, 0 to 1


def judge(models: Sequence[Model], block: Block, *, with_roster: bool) -> tuple[pa.Table, pa.Table]:
    """Return the spans under every model, and the roster, of a block: the one function behind every path."""
    reading = Reading(block)
    spans = [stage_block(model, reading) for model in models]
    return (
        pa.concat_tables(spans) if spans else SPANS.empty_table(),
        roster_of(reading) if with_roster else ROSTER.empty_table(),
    )


def needed_by(
    models: Sequence[Model], kinds: Mapping[str, Kind], *, with_roster: bool
) -> dict[Stream, tuple[str, ...]]:
    """Return the streams that some models of one subject, and the roster, read."""
    needed = streams_needed(models, kinds)
    if with_roster:
        for stream, fields in ROSTER_STREAMS.items():
            needed[stream] = tuple(dict.fromkeys((*needed.get(stream, ()), *fields)))
    return needed


Blocks = Callable[[Lake, Sequence[Model], date, str, bool], Iterable[Judged]]


def blocks_here(lake: Lake, models: Sequence[Model], as_of: date, subject: str, with_roster: bool) -> Iterator[Judged]:
    """Judge everybody on this machine, a thread per processor, in the order of the customers."""
    needed = needed_by(models, lake.kinds(), with_roster=with_roster)
    with slices_of(lake, needed, subject=subject) as slices:
        # Many models make many spans of a block, and all of them are held until they are written.
        ranges = slices.ranges(max(150_000, ROWS_A_BLOCK * 3 // (2 + len(models))))

        def one(n: int) -> Judged:
            block = slices.block(*ranges[n], day_number(as_of))
            return Judged(*judge(models, block, with_roster=with_roster), (n + 1) / len(ranges))

        yield from _in_order(one, len(ranges))


def _in_order(work: Callable[[int], Judged], count: int) -> Iterator[Judged]:
    """Run pieces of work side by side and yield them in order, only a few ahead: memory stays bounded."""
    workers = cpu_count() or 1
    with ThreadPoolExecutor(workers) as threads:
        waiting: deque[Future[Judged]] = deque()
        for n in range(count):
            waiting.append(threads.submit(work, n))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
