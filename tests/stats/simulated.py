"""Shops whose truth is known: each customer's purchases drawn one after the other, as the models tell the story.

It shares no code with the models, so that what they simulate and predict can be held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.stats.cells import compress

if TYPE_CHECKING:
    from tenure.stats.cells import Cells, Floats


@dataclass(frozen=True)
class Shop:
    """One row a customer."""

    frequency: Floats
    recency: Floats
    age: Floats
    log_gaps: Floats
    later: Floats  # purchases in the time after
    there: Floats  # still a customer at the end of age

    @property
    def cells(self) -> Cells:
        return compress(self.frequency, self.recency, self.age)


def shop(
    rng: np.random.Generator,
    ages: Floats,
    truth: dict[str, float],
    *,
    leaving: str = "repeat",
    k: int = 1,
    horizon: float = 0.0,
) -> Shop:
    """Draw customers of these ages: gaps are sums of k exponential ones, after a purchase some leave."""
    rows = []
    for age in ages:
        rate = rng.gamma(truth["r"], 1.0 / truth["alpha"])
        chance = 0.0 if leaving == "never" else rng.beta(truth["a"], truth["b"])
        here = leaving != "every" or rng.random() >= chance
        now, past, gaps, later, there = 0.0, 0, 0.0, 0, True
        last = 0.0
        while True:
            # A rate of zero is one that nobody lives long enough to see.
            gap = rng.gamma(k, 1.0 / max(rate, 1e-12)) if here else np.inf
            there = there if now > age else here
            now += gap
            if now > age + horizon:
                break
            if now <= age:
                past, gaps, last = past + 1, gaps + np.log(gap), now
            else:
                later += 1
            here = rng.random() >= chance
        rows.append((past, last, age, gaps, later, there))
    return Shop(*np.array(rows, dtype=float).T)
