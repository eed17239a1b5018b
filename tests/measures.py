"""What the rule language itself says of everybody on a day, to hold features against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.blocks import keys_of

if TYPE_CHECKING:
    from tenure.rules.evaluation.compute import Reading
    from tenure.rules.syntax.tree import Measure


def read_at(reading: Reading, measure: Measure, day: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a measure of every customer on a day: values as float64, and which are known."""
    size = len(reading.block)
    values = reading.values(measure, keys_of(np.arange(size), np.full(size, day)))
    known = np.ones(size, dtype=bool) if values.known is None else values.known
    return np.asarray(values.now, dtype=np.float64), known
