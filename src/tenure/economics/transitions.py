"""Who goes where: counts of moves, their shares and rates, each with an interval.

How often does a customer move in thirty days there? And who stood where a while ago and stands where now? Intervals
are Wilson's for shares (Wilson 1927) and Garwood's for rates (Garwood 1936); both take moves for independent of each
other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.economics.stays import Stays

MONTH = 30
LEVEL = 0.95


def wilson(hits: int, tries: int, level: float = LEVEL) -> tuple[float, float]:
    """Return an interval for a share."""
    from scipy.special import ndtri

    if tries <= 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + level / 2))
    share = hits / tries
    middle = (share + z * z / (2 * tries)) / (1 + z * z / tries)
    half = z / (1 + z * z / tries) * np.sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries))
    return (0.0 if hits == 0 else float(middle - half)), (1.0 if hits == tries else float(middle + half))


def garwood(count: int, exposure: float, level: float = LEVEL) -> tuple[float, float]:
    """Return an exact interval for a rate of events."""
    from scipy.special import gammaincinv

    if exposure <= 0:
        return 0.0, float("inf")
    low = float(gammaincinv(count, 0.5 - level / 2)) if count else 0.0
    return low / exposure, float(gammaincinv(count + 1, 0.5 + level / 2)) / exposure


@dataclass(frozen=True, slots=True)
class Move:
    """Moves from one stage to another."""

    source: str  # stage ids, or :data:`tenure.economics.stays.NOWHERE`
    target: str
    moves: int  # how often, and how many different customers
    customers: int
    share: float  # of all moves out of `source`
    share_low: float
    share_high: float
    rate: float  # moves per 30 days that a customer stands in `source`
    rate_low: float
    rate_high: float

    @property
    def rare(self) -> bool:
        """Whether so few moves were seen that the figures say little."""
        return self.moves < 10


def moves_of(stays: Stays) -> list[Move]:
    """Count every move between two stays, in the order of the stages."""
    size = len(stays.stages)
    rows = np.flatnonzero(stays.continues)
    pairs = stays.stage[rows] * size + stays.stage[rows + 1]
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    people = np.unique(pairs * max(stays.people, 1) + stays.who[rows]) // max(stays.people, 1)
    different = np.bincount(people, minlength=size * size).reshape(size, size)
    exposed = np.bincount(stays.stage, weights=stays.length, minlength=size)
    found = []
    for source, target in np.argwhere(counts):
        moves, months = int(counts[source, target]), float(exposed[source]) / MONTH
        found.append(
            Move(
                stays.stages[source],
                stays.stages[target],
                moves,
                int(different[source, target]),
                moves / int(counts[source].sum()),
                *wilson(moves, int(counts[source].sum())),
                moves / months if months else float("inf"),
                *garwood(moves, months),
            )
        )
    return found


def matrix(stays: Stays, days: int = MONTH) -> dict[str, Any]:
    """Compare where customers stood some days before the last watched day with where they stand on it."""
    since = stays.day - days
    size = len(stays.stages)
    everybody = np.arange(stays.people)
    before = stays.at(everybody, np.full(stays.people, since))
    after = stays.at(everybody, np.full(stays.people, stays.day))
    both = (before >= 0) & (after >= 0)
    pairs = stays.stage[before[both]] * size + stays.stage[after[both]]
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    totals = counts.sum(axis=1)
    bounds = [[wilson(int(one), int(total)) for one in row] for row, total in zip(counts, totals, strict=True)]
    return {
        "since": since,
        "until": stays.day,
        "stages": list(stays.stages),
        "counts": counts.tolist(),
        "shares": (counts / np.maximum(totals, 1)[:, None]).tolist(),
        "low": [[one[0] for one in row] for row in bounds],
        "high": [[one[1] for one in row] for row in bounds],
    }
