"""Transitions between stages, and how long customers are in one.

Intervals are Wilson's for shares (Wilson 1927) and Garwood's for rates (Garwood 1936); both take moves for
independent of each other. Time in stage is a Kaplan-Meier survival curve (Kaplan, Meier 1958, JASA 53:457) with
Greenwood's bounds on the scale of log(-log S). Current episodes count as long as they were observed: they enter the
curve as right-censored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenure.clock import day_of
from tenure.economics.episodes import Episodes
from tenure.stats.intervals import garwood, wilson
from tenure.stats.survival import kaplan_meier

MONTH = 30
#: A survival curve is stored in at most this many points.
MAX_POINTS = 60


@dataclass(frozen=True, slots=True)
class Transition:
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
        share = moves / leaving, *wilson(moves, leaving)
        rate = moves / months if months else float("inf"), *garwood(moves, months)
        ends = episodes.stages[source], episodes.stages[target]
        result.append(Transition(*ends, moves, int(customers[source, target]), *share, *rate))
    return result


def matrix(episodes: Episodes, days: int = MONTH) -> dict[str, Any]:
    """Compare the stages of customers some days before the last watched day with those on it."""
    since = episodes.day - days
    size = len(episodes.stages)
    who = np.arange(episodes.people)
    before, after = (episodes.at(who, np.full(episodes.people, day)) for day in (since, episodes.day))
    both = (before >= 0) & (after >= 0)
    pairs = episodes.stage[before[both]] * size + episodes.stage[after[both]]
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size)
    totals = counts.sum(axis=1)
    bounds = [[wilson(int(count), int(total)) for count in row] for row, total in zip(counts, totals, strict=True)]
    low, high = np.reshape(bounds, (size, size, 2)).transpose(2, 0, 1).tolist()
    return {
        "since": day_of(since).isoformat(),
        "until": day_of(episodes.day).isoformat(),
        "stages": list(episodes.stages),
        "counts": counts.tolist(),
        "shares": (counts / np.maximum(totals, 1)[:, None]).tolist(),
        "low": low,
        "high": high,
    }


def time_in_stage(episodes: Episodes) -> list[dict[str, Any]]:
    """Return durations and survival of every stage, in the order of ``episodes.stages``.

    ``half_days`` is the day by which half of those who entered have left, with its interval (Brookmeyer and Crowley,
    1982); None when fewer have.
    """
    rows = []
    for number, stage in enumerate(episodes.stages):
        inside = episodes.stage == number
        days, ended = episodes.length[inside], episodes.ended[inside]
        closed, current = days[ended], days[~ended]
        quartiles = np.quantile(closed, (0.25, 0.5, 0.75)).tolist() if len(closed) else [None] * 3
        row = {
            "stage": stage,
            "ended": len(closed),
            "current": len(current),
            "mean_days": float(closed.mean()) if len(closed) else None,
            **dict(zip(("lower_quartile", "median_days", "upper_quartile"), quartiles, strict=True)),
            "current_mean_days": float(current.mean()) if len(current) else None,
        }
        rows.append(row | _survival(days, ended))
    return rows


def _survival(days: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
    curve = kaplan_meier(days, ended)
    kept = np.unique(np.linspace(0, len(curve.days) - 1, MAX_POINTS).round().astype(int))[: len(curve.days)]
    names = ("days", "share", "low", "high", "at_risk")
    return {
        "survival": {name: getattr(curve, name)[kept].tolist() for name in names},
        "half_days": curve.first_day_at(0.5),
        "half_low": curve.first_day_at(0.5, "low"),
        "half_high": curve.first_day_at(0.5, "high"),
    }
