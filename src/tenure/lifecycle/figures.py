"""Figures: columns that one block of customers gives by itself, so that every engine gives the same.

A room names its figures once; whoever carries the blocks (threads, Spark, the live path) makes them in the same pass
as the stages.

Figures are also made at *origins*: days before the last one, as somebody would have seen the customer then. They feed
back-tests and learnt models. A measure at a day reads facts up to that day only, so nothing can leak back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tenure.facts.blocks import keys_of
from tenure.rules.evaluation.steps import Moments

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.facts.streams import Stream
    from tenure.rules.evaluation.compute import EvaluationContext
    from tenure.rules.syntax.tree import Measure

#: Days that a prediction looks ahead, and the distance between origins.
HORIZON = 90
#: How many origins before the last day: 90, 180 and 270 days before it.
ORIGINS = 3


class Figures(Protocol):
    """Columns of one room. Names that begin with ``_`` are read by models and not published."""

    @property
    def schema(self) -> pa.Schema: ...  # noqa: D102

    @property
    def streams(self) -> Mapping[Stream, Sequence[str]]: ...  # noqa: D102

    def of(self, context: EvaluationContext) -> pa.Table:
        """Return the columns for the customers of a block, in the order of their ids."""


def origin(last_day: int, number: int) -> int:
    """Return the day (since 1970-01-01) of an origin; 0 is the last day itself."""
    return last_day - number * HORIZON


def read_at(context: EvaluationContext, measure: Measure, day: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a measure of every customer on a day: values as float64, and which are known.

    A waiting time (``days_since``) is returned as days waited.
    """
    size = len(context.block)
    values = context.values(measure, Moments(keys_of(np.arange(size), np.full(size, day))))
    known = np.ones(size, dtype=bool) if values.known is None else values.known
    return np.asarray(values.value, dtype=np.float64), known
