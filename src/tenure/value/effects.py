"""Effect sizes: how differently two groups behave, with an interval, whatever the scale.

Cliff's delta is that share less the share in which the second has more: 0 is no difference, 1 is all of the first above
all of the second. For yes-or-no measures it is the difference of the two shares.

Delta: Cliff (1993), Psychological Bulletin 114:494. Its variance from placements: DeLong, DeLong, Clarke-Pearson
(1988), Biometrics 44:837. Words for sizes: Romano et al. (2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np

NORMAL = 1.959964
SIZES = ((0.147, "negligible"), (0.33, "small"), (0.474, "medium"), (float("inf"), "large"))


@dataclass(frozen=True, slots=True)
class Effect:
    delta: float  # the difference, between -1 and 1, with its 95 % interval
    low: float
    high: float
    p: float  # probability of so large a difference if there were none (two-sided)
    first: int  # how many of each group have a value
    second: int

    @property
    def size(self) -> str:
        return next(name for bound, name in SIZES if abs(self.delta) < bound)


def cliffs_delta(first: np.ndarray, second: np.ndarray) -> Effect | None:
    """Return how much higher the first group is than the second."""
    a, b = np.sort(first[~np.isnan(first)]), np.sort(second[~np.isnan(second)])
    if min(len(a), len(b)) < 2:
        return None
    # Placements: for each value, the share of the other group below it less the share above it.
    above = (np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")) / len(b) - 1
    below = (np.searchsorted(a, b, "left") + np.searchsorted(a, b, "right")) / len(a) - 1
    delta = float(above.mean())
    variance = float(above.var(ddof=1) / len(a) + below.var(ddof=1) / len(b))
    low, high = _interval(delta, variance)
    return Effect(delta, low, high, _p_value(a, b, delta), len(a), len(b))


def _interval(delta: float, variance: float) -> tuple[float, float]:
    """Return the 95 % interval that stays within -1 and 1 (Cliff 1996; Feng and Cliff 2004)."""
    if abs(delta) >= 1 or variance == 0:
        return delta, delta
    spread = NORMAL * sqrt(variance) * sqrt((1 - delta**2) ** 2 + NORMAL**2 * variance)
    middle, scale = delta - delta**3, 1 - delta**2 + NORMAL**2 * variance
    return max((middle - spread) / scale, -1.0), min((middle + spread) / scale, 1.0)


def _p_value(a: np.ndarray, b: np.ndarray, delta: float) -> float:
    """Return the two-sided p-value of Mann and Whitney's test, ties counted, by the normal curve."""
    n, m = len(a), len(b)
    _, ties = np.unique(np.concatenate([a, b]), return_counts=True)
    total = n + m
    spread = (total + 1 - float((ties.astype(float) ** 3 - ties).sum()) / (total * (total - 1))) / (3 * n * m)
    return erfc(abs(delta) / sqrt(2 * spread)) if spread > 0 else 1.0
