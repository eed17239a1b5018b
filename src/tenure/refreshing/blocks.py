"""Evaluation of blocks: the spans under every model, and the features, of some customers.

One function, whoever carries the facts to it: this machine's threads, Spark, or the live path for a single customer.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from os import cpu_count
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from tenure.clock import day_number
from tenure.facts.slices import ROWS_A_BLOCK, slices_of
from tenure.lifecycle.arrivals import ENCODED_ARRIVALS
from tenure.lifecycle.doubts import ENCODED_DOUBTS
from tenure.lifecycle.history import ENCODED_SPANS
from tenure.lifecycle.spans import stage_block, streams_needed
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.rules.evaluation.published import Published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from tenure.facts.blocks import Block
    from tenure.facts.kinds import Kind
    from tenure.facts.lake import Lake
    from tenure.facts.streams import Stream
    from tenure.features.catalogue import FeatureSet
    from tenure.lifecycle.model import Model

    #: An engine: evaluates everybody of a subject, block by block, in the order of the customers.
    Engine = Callable[[Lake, "EvaluationRequest", date, str], Iterable["EvaluatedBlock"]]


class EvaluatedBlock(NamedTuple):
    """What one block gave: encoded spans, doubts and arrivals of every model one below the other, and the features."""

    spans: pa.Table
    doubts: pa.Table
    arrivals: pa.Table
    features: pa.Table
    share: float = 1.0  # of all the work, 0 to 1


@dataclass(frozen=True)
class EvaluationRequest:
    """What is computed of every block."""

    models: Sequence[Model]  # under which models stages are computed; all of one subject
    features: FeatureSet | None = None  # None when no features are needed
    published: Published = field(default_factory=Published)  # what rules read besides facts

    @property
    def schema(self) -> pa.Schema:
        """The columns of the features."""
        return pa.schema([]) if self.features is None else self.features.schema

    def streams(self, kinds: Mapping[str, Kind]) -> dict[Stream, tuple[str, ...]]:
        """Return the streams that models and features read, each with its number fields."""
        needed = streams_needed(self.models, kinds)
        for stream, fields in (self.features.streams if self.features else {}).items():
            needed[stream] = tuple(dict.fromkeys((*needed.get(stream, ()), *fields)))
        return needed


def evaluate(request: EvaluationRequest, block: Block) -> EvaluatedBlock:
    """Return what every model, and the features, give of a block: the one function behind every engine."""
    context = EvaluationContext(block, request.published)
    staged = [stage_block(model, context) for model in request.models]
    return EvaluatedBlock(
        pa.concat_tables([ENCODED_SPANS.empty_table(), *(part.spans for part in staged)]),
        pa.concat_tables([ENCODED_DOUBTS.empty_table(), *(part.doubts for part in staged)]),
        pa.concat_tables([ENCODED_ARRIVALS.empty_table(), *(part.arrivals for part in staged)]),
        request.schema.empty_table() if request.features is None else request.features.compute(context),
    )


def evaluate_customers(lake: Lake, request: EvaluationRequest, as_of: date, customers: Sequence[str]) -> EvaluatedBlock:
    """Return what every model, and the features, give of some customers."""
    with slices_of(lake, request.streams(lake.kinds()), customers=customers) as slices:
        return evaluate(request, slices.block_of(customers, day_number(as_of)))


def evaluate_here(lake: Lake, request: EvaluationRequest, as_of: date, subject: str) -> Iterator[EvaluatedBlock]:
    """Evaluate everybody on this machine, a thread per processor, in the order of the customers."""
    with slices_of(lake, request.streams(lake.kinds()), subject=subject) as slices:
        # Many models make many spans of a block, and all of them are held until they are written.
        ranges = slices.ranges(max(150_000, ROWS_A_BLOCK * 3 // (2 + len(request.models))))

        def evaluated(number: int) -> EvaluatedBlock:
            block = slices.block(*ranges[number], day_number(as_of))
            return evaluate(request, block)._replace(share=(number + 1) / len(ranges))

        # Only a few blocks are evaluated ahead of the one that is yielded: memory stays bounded.
        workers = cpu_count() or 1
        with ThreadPoolExecutor(workers) as threads:
            waiting: deque[Future[EvaluatedBlock]] = deque()
            for number in range(len(ranges)):
                waiting.append(threads.submit(evaluated, number))
                if len(waiting) > workers + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
