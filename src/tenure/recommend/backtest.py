"""The last basket is held out: a good list would have named what is in it.

Two baskets of each customer are put aside. The catalogue is learnt without both, weights are fitted on the last but
one, and every ranking is judged on the last, seen from the day before it. What everybody buys and what the customer
bought before are strong; a blend must beat the latter, or it is not used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.recommend.candidates import FEATURES, Candidates, Near, candidates_of, crowd_of
from tenure.recommend.histories import histories_of
from tenure.recommend.items import Catalogue, learn
from tenure.recommend.lines import distinct
from tenure.recommend.ranking import AGAIN, BLEND, OFTEN, POPULARITY, TOP, Weights, fit_weights, quality, ranked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.recommend.lines import Lines

#: Customers that are tried at most, baskets each must have, and how many such customers it takes.
MOST, BASKETS, FEWEST = 3000, 4, 100


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came out."""

    customers: int = 0  # whose last baskets were tried; 0 when there were too few
    chosen: str = AGAIN  # the ranking that is used: ``blend`` where it wins, else ``buy-again``
    weights: Mapping[str, Weights] = field(default_factory=dict)  # of ``buy-again`` and ``blend``
    # hit rate and NDCG@10 of each ranking, with 95 % intervals
    figures: Mapping[str, Any] = field(default_factory=dict)


def backtest(lines: Lines, seed: int, least: int | None = None, most: int = MOST) -> Backtest:
    """Try every ranking on last baskets."""
    if not len(lines):
        return Backtest()
    tried, ages = _tried(lines, seed, most)
    if len(tried) < FEWEST:
        return Backtest(len(tried))
    known = learn(lines.only(ages > 1), int(lines.day.max()), least)
    near = Near.of(known)
    before, bought = _seen(known, near, lines, tried, ages, 1)
    weights = {
        AGAIN: fit_weights(before.features[own := before.row >= 0], bought[own], ("due",)),
        BLEND: fit_weights(before.features, bought, FEATURES),
    }
    found, hit = _seen(known, near, lines, tried, ages, 0)
    wanted = np.bincount(lines.who[ages == 0], minlength=len(lines.customers))[tried]
    lists = {name: _judged(found, score, hit, tried, wanted) for name, score in _scores(found, weights).items()}
    figures = {name: {"hit_rate": _mean(hits), "ndcg": _mean(gain)} for name, (hits, gain) in lists.items()}
    wins = _mean(lists[BLEND][1] - lists[AGAIN][1])
    figures[BLEND]["against_buy_again"] = wins
    return Backtest(len(tried), BLEND if wins["low"] > 0 else AGAIN, weights, figures)


def _tried(lines: Lines, seed: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the customers that are tried, and of each row its basket's age: 0 the last, 1 the one before.

    Rows of everybody else are as old as can be, so that they always count as known.
    """
    owner = np.full(lines.baskets, -1, dtype=np.int64)
    owner[lines.basket] = lines.who
    many = np.bincount(owner[owner >= 0], minlength=len(lines.customers))
    enough = np.flatnonzero(many >= BASKETS)
    if len(enough) > most:
        enough = np.sort(np.random.default_rng(seed).choice(enough, most, replace=False))
    end = np.zeros(len(lines.customers), dtype=np.int64)
    end[lines.who] = lines.basket  # sorted, so the last one stays
    ages = end[lines.who] - lines.basket
    return enough, np.where(np.isin(lines.who, enough), ages, lines.baskets + 2)


def _seen(
    known: Catalogue, near: Near, lines: Lines, tried: np.ndarray, ages: np.ndarray, held: int
) -> tuple[Candidates, np.ndarray]:
    """Return the candidates on the day before a held-out basket, and which of them were in it."""
    today = np.zeros(len(lines.customers), dtype=np.int64)
    basket = ages == held
    today[lines.who[basket]] = lines.day[basket]
    past = np.isin(lines.who, tried) & (ages > held) & (lines.day < today[lines.who])
    histories = histories_of(lines.only(past))
    places = known.places(lines)
    found = candidates_of(known, near, crowd_of(known, histories, places, today - 1))
    wide = len(lines.items)
    truth = distinct(lines.who[basket].astype(np.int64) * wide + lines.item[basket])
    back = np.zeros(len(known), dtype=np.int64)
    inside = places < len(known)
    back[places[inside]] = np.flatnonzero(inside)
    items = np.where(found.row >= 0, histories.item[np.maximum(found.row, 0)], back[np.maximum(found.item, 0)])
    return found, np.isin(found.who.astype(np.int64) * wide + items, truth)


def _scores(found: Candidates, weights: Mapping[str, Weights]) -> dict[str, np.ndarray]:
    own = found.row >= 0
    demand = found.features[:, FEATURES.index("demand")]
    often = found.features[:, FEATURES.index("often")] + 1e-3 * found.features[:, FEATURES.index("due")]
    return {
        # Among candidates, of which the most wanted products are some for everybody, the order of demand is popularity.
        POPULARITY: np.where(own & (found.item < 0), -np.inf, demand),
        OFTEN: np.where(own, often, -1e3 + demand),
        AGAIN: again_first(found),
        BLEND: weights[BLEND].chance(found.features),
    }


def again_first(found: Candidates) -> np.ndarray:
    """Return scores that put what is due first, and after it what goes with what was bought, then what all want."""
    demand = found.features[:, FEATURES.index("demand")]
    nearness = found.features[:, FEATURES.index("basket") :].sum(axis=1)
    return np.where(found.row >= 0, found.chance, np.where(nearness > 0, nearness - 1e3, demand - 1e6))


def _judged(
    found: Candidates, score: np.ndarray, hit: np.ndarray, tried: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    rows, rank = ranked(found, score, TOP)
    return quality(np.searchsorted(tried, found.who[rows]), rank, hit[rows], wanted)


def _mean(values: np.ndarray) -> dict[str, float]:
    """Return a mean with its 95 % interval, one customer one voice."""
    middle = float(values.mean())
    half = 1.96 * float(values.std(ddof=1) / np.sqrt(len(values)))
    return {"value": middle, "low": middle - half, "high": middle + half}
