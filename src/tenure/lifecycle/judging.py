"""Judging blocks: what the facts of some customers give, under some models.

One function, whoever carries the facts to it: this machine's threads, Spark, or the live path for a single customer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from os import cpu_count

import pyarrow as pa

from tenure.clock import day_number
from tenure.facts.blocks import Block
from tenure.facts.kinds import Kind
from tenure.facts.lake import Lake
from tenure.facts.slices import ROWS_A_BLOCK, slices_of
from tenure.facts.streams import Stream
from tenure.lifecycle.figures import Figures
from tenure.lifecycle.history import SPANS
from tenure.lifecycle.model import Model
from tenure.lifecycle.roster import ROSTER, roster_of
from tenure.lifecycle.roster import STREAMS as ROSTER_STREAMS
from tenure.lifecycle.spans import stage_block, streams_needed
from tenure.rules.evaluation.compute import EvaluationContext


@dataclass(frozen=True)
class Judged:
    """What came of one block: spans of every model one below the other, and the roster with the figures."""

    spans: pa.Table
    roster: pa.Table
    part: float  # of all the work, 0 to 1


Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Asked:
    """What is wanted of every block."""

    models: Sequence[Model]  # under which models stages are wanted; all of one subject
    # columns that follow the roster's; None when not even the roster is wanted
    figures: Sequence[Figures] | None = None
    # published figures, ``{name: {customer_id: number}}``, read by ``score(name)``
    scores: Scores = field(default_factory=dict)

    @property
    def roster(self) -> pa.Schema:
        """The columns of roster rows."""
        return pa.schema([*ROSTER, *(one for figures in self.figures or () for one in figures.schema)])

    def needed(self, kinds: Mapping[str, Kind]) -> dict[Stream, tuple[str, ...]]:
        """Return the streams that models, roster and figures read, each with its number fields."""
        needed = streams_needed(self.models, kinds)
        if self.figures is not None:
            for streams in (ROSTER_STREAMS, *(figure.streams for figure in self.figures)):
                for stream, fields in streams.items():
                    needed[stream] = tuple(dict.fromkeys((*needed.get(stream, ()), *fields)))
        return needed


def judge(asked: Asked, block: Block) -> tuple[pa.Table, pa.Table]:
    """Return the spans under every model, and the roster, of a block: the one function behind every path."""
    context = EvaluationContext(block, asked.scores)
    spans = [stage_block(model, context) for model in asked.models]
    return (
        pa.concat_tables(spans) if spans else SPANS.empty_table(),
        asked.roster.empty_table() if asked.figures is None else _roster(asked.figures, context),
    )


def _roster(wanted: Sequence[Figures], context: EvaluationContext) -> pa.Table:
    roster = roster_of(context)
    for figures in wanted:
        made = figures.of(context)
        for one in figures.schema:
            roster = roster.append_column(one, made.column(one.name))
    return roster


Blocks = Callable[[Lake, Asked, date, str], Iterable[Judged]]


def blocks_here(lake: Lake, asked: Asked, as_of: date, subject: str) -> Iterator[Judged]:
    """Judge everybody on this machine, a thread per processor, in the order of the customers."""
    with slices_of(lake, asked.needed(lake.kinds()), subject=subject) as slices:
        # Many models make many spans of a block, and all of them are held until they are written.
        ranges = slices.ranges(max(150_000, ROWS_A_BLOCK * 3 // (2 + len(asked.models))))

        def one(n: int) -> Judged:
            block = slices.block(*ranges[n], day_number(as_of))
            return Judged(*judge(asked, block), (n + 1) / len(ranges))

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
