"""What the rule language itself says of everybody on a day, to hold features against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import keys_of
from tenure.rules.evaluation.steps import Moments

if TYPE_CHECKING:
    from tenure.rules.evaluation.compute import EvaluationContext
    from tenure.rules.syntax.tree import Measure


def read_at(context: EvaluationContext, measure: Measure, day: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a measure of every customer on a day: values as float64, and which are known."""
    size = len(context.block)
    values = context.values(measure, Moments(keys_of(np.arange(size), np.full(size, day))))
    known = np.ones(size, dtype=bool) if values.known is None else values.known
    return np.asarray(values.value, dtype=np.float64), known
