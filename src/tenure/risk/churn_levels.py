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

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

LOW, MEDIUM, HIGH = "low", "medium", "high"
#: Times the ordinary odds.
MEDIUM_ODDS, HIGH_ODDS = 1.5, 3.0


@dataclass(frozen=True, slots=True)
class Levels:
    """The bounds of one business and kind."""

    rate: float  # the rate at which customers left in the newest ninety days that are known
    medium: float  # probabilities from which the levels begin
    high: float

    @classmethod
    def around(cls, rate: float) -> Levels:
        """Return the bounds for a rate of leaving."""
        rate = min(max(rate, 0.001), 0.999)
        odds = rate / (1 - rate)
        medium, high = (times * odds / (1 + times * odds) for times in (MEDIUM_ODDS, HIGH_ODDS))
        return cls(rate, medium, high)

    def of(self, risk: np.ndarray) -> np.ndarray:
        """Return the level of each risk, as objects."""
        levels = np.full(len(risk), LOW, dtype=object)
        levels[risk >= self.medium] = MEDIUM
        levels[risk >= self.high] = HIGH
        return levels

    def to_dict(self) -> dict[str, float]:
        """Return it as JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Levels:
        """Return what :meth:`to_dict` wrote."""
        return cls(**found)
