"""Transitions between stages: counts, shares and rates, each with an interval.

How often does a customer move in thirty days there? And which stages were customers in a while ago, and which now?
Intervals are Wilson's for shares (Wilson 1927) and Garwood's for rates (Garwood 1936); both take moves for
independent of each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.clock import day_of
from tenure.economics.episodes import Episodes

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
class Transition:
    """Moves from one stage to another."""

    source: str  # stage ids, or :data:`tenure.lifecycle.model.UNSTAGED`
    target: str
    moves: int  # how often, and how many different customers
    customers: int
    share: float  # of all moves out of `source`
    share_low: float
    share_high: float
    rate: float  # moves per 30 days that a customer is in `source`
    rate_low: float
    rate_high: float

    @property
    def rare(self) -> bool:
        """Whether there were so few moves that the figures say little."""
        return self.moves < 10


def transitions(episodes: Episodes) -> list[Transition]:
    """Count every move between two episodes, in the order of the stages."""
    size = len(episodes.stages)
    rows = np.flatnonzero(episodes.continues)
    pairs = episodes.stage[rows] * size + episodes.stage[rows + 1]
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    # Each customer once a pair: pair and customer as one key.
    distinct = np.unique(pairs * max(episodes.people, 1) + episodes.who[rows]) // max(episodes.people, 1)
    customers = np.bincount(distinct, minlength=size * size).reshape(size, size)
    exposed = np.bincount(episodes.stage, weights=episodes.length, minlength=size)
    result = []
    for source, target in np.argwhere(counts):
        moves, leaving = int(counts[source, target]), int(counts[source].sum())
        months = float(exposed[source]) / MONTH
        result.append(
            Transition(
                episodes.stages[source],
                episodes.stages[target],
                moves,
                int(customers[source, target]),
                moves / leaving,
                *wilson(moves, leaving),
                moves / months if months else float("inf"),
                *garwood(moves, months),
            )
        )
    return result


def matrix(episodes: Episodes, days: int = MONTH) -> dict[str, Any]:
    """Compare the stages of customers some days before the last watched day with those on it."""
    since = episodes.day - days
    size = len(episodes.stages)
    who = np.arange(episodes.people)
    before = episodes.at(who, np.full(episodes.people, since))
    after = episodes.at(who, np.full(episodes.people, episodes.day))
    both = (before >= 0) & (after >= 0)
    pairs = episodes.stage[before[both]] * size + episodes.stage[after[both]]
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    totals = counts.sum(axis=1)
    bounds = [[wilson(int(count), int(total)) for count in row] for row, total in zip(counts, totals, strict=True)]
    return {
        "since": day_of(since).isoformat(),
        "until": day_of(episodes.day).isoformat(),
        "stages": list(episodes.stages),
        "counts": counts.tolist(),
        "shares": (counts / np.maximum(totals, 1)[:, None]).tolist(),
        "low": [[low for low, _ in row] for row in bounds],
        "high": [[high for _, high in row] for row in bounds],
    }
