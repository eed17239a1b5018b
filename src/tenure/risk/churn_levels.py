"""Levels: low, medium, high.

By odds against the ordinary customer of the same business and kind: **medium** from one and a half times the ordinary
odds of leaving, **high** from three times. A fixed share would call everybody safe where two in a hundred leave in
ninety days, and everybody lost where sixty do.

============== ===== ====== =====
rate of leaving   2 %   27 %  60 %
medium from       3 %   36 %  69 %
high from         6 %   53 %  82 %
============== ===== ====== =====
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LOW, MEDIUM, HIGH = "low", "medium", "high"
#: Times the ordinary odds.
MEDIUM_ODDS, HIGH_ODDS = 1.5, 3.0


class Levels(NamedTuple):
    """The bounds of one business and kind."""

    rate: float  # the rate at which customers left in the newest ninety days that are known
    medium: float  # probabilities from which the levels begin
    high: float

    @classmethod
    def around(cls, rate: float) -> Levels:
        rate = min(max(rate, 0.001), 0.999)
        odds = rate / (1 - rate)
        return cls(rate, *(times * odds / (1 + times * odds) for times in (MEDIUM_ODDS, HIGH_ODDS)))

    def of(self, risk: np.ndarray) -> np.ndarray:
        return np.array((LOW, MEDIUM, HIGH), object)[np.searchsorted((self.medium, self.high), risk, side="right")]
