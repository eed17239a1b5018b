"""How many false alarms counts let through, and up to which p-value customers may be named.

A count of order days is a whole number, so its p-value takes few values and is seldom as small as a continuous one:
at 5 % the usual control names far fewer than it might. Every customer's possible p-values are known beforehand, and
the control of Döhler, Durand and Roquain (2018, "New FDR bounds for discrete and heterogeneous tests", Electronic
Journal of Statistics 12:1867-1900) uses them: it holds the false discovery rate for independent tests, as Benjamini
and Hochberg's does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Steps at which the share of false alarms is read off, for each tenth of a decade.
_GRID = np.concatenate([10.0 ** np.arange(-12.0, -1.3, 0.05), [0.05]])


def reached(steps: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Return how likely each customer's p-value is at most `limit` though nothing changed."""
    below = np.count_nonzero(steps <= limit, axis=1)
    value = np.where(below > 0, steps[np.arange(len(steps)), np.maximum(below - 1, 0)], 0.0)
    return np.where(below == steps.shape[1], limit, value)  # where the row ends too early: as if it were continuous


def cutoff(p_values: NDArray[np.float64], steps: NDArray[np.float64], level: float) -> float:
    """Return the largest p-value that may be named at a false discovery rate of `level`; 0.0 when none may."""
    found = np.sort(p_values[~np.isnan(p_values)])
    if not len(found) or not len(steps):
        return 0.0
    grid = _GRID[level >= _GRID]
    alarms = [reached(steps, limit) for limit in grid]
    odds = np.array([(alarm / (1.0 - alarm)).mean() for alarm in alarms])
    top = int(np.searchsorted(odds, level, side="right")) - 1  # the most that could ever be named
    if top < 0:
        return 0.0
    weight = 1.0 / (1.0 - alarms[top])
    false = np.array([(alarm * weight).mean() for alarm in alarms[: top + 1]]) * len(found)
    candidates = found[found <= grid[top]]
    # Between two steps of the grid the higher one counts, so the rate is never understated.
    at = np.searchsorted(grid[: top + 1], candidates)
    rank = np.searchsorted(found, candidates, side="right")
    named = false[np.minimum(at, top)] <= level * rank
    return float(candidates[named].max()) if named.any() else 0.0
