"""Tiers by what customers spend, so that a heavy and a light buyer in one stage are not taken for alike.

The scorecard's tiers (M29) where it has them; else thirds by spend a day since the first order. Without them, the
few who fell asleep would be expected to buy like all others once awake: on the sample shop that doubled the value
of the stages of sleep in the back-test, and thirds mended it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.economics.episodes import CashFlows, Episodes
from tenure.economics.value import WEEK, TierWindow, one_window

NAMES = ("high", "middle", "low")
#: Customers with less time behind them are taken to have had so many days.
_YOUNG = 30
#: Quarters of the past that are looked at, each beginning with at least so many days of facts before it.
QUARTERS, QUARTER, _HISTORY = 8, 13, 90
#: Below so many customers in a tier, tiers are not told apart.
LEAST = 50


@dataclass(frozen=True, slots=True, eq=False)
class Tiers:
    names: tuple[str, ...]  # the tiers, best first; one empty name when nothing is told apart
    of: np.ndarray  # position in `names` of each customer
    source: str = ""  # where they come from
    cuts: tuple[float, ...] = ()  # of ``pace``: the spend a day that separates middle from low, and high from middle

    def to_json(self) -> dict[str, Any]:
        """Return what :func:`tiers_of` takes to put other customers into the same tiers."""
        return {"names": list(self.names), "source": self.source, "cuts": list(self.cuts)}

    @classmethod
    def none(cls, size: int) -> Tiers:
        return cls(("",), np.zeros(size, dtype=np.int64))


def tiers_of(table: pa.Table, day: date, like: dict[str, Any] | None = None) -> Tiers:
    """Put every customer into a tier; with `like`, into those that :meth:`Tiers.to_json` wrote down."""
    if like is not None:
        names: tuple[str, ...] = tuple(like["names"])
        if like["source"] == "scorecard":
            return Tiers(names, _from_column(table, names), "scorecard")
        cuts: tuple[float, ...] = tuple(like["cuts"])
        position = _by_pace(_pace(table, day), cuts) if cuts else Tiers.none(len(table)).of
        return Tiers(names, position, str(like["source"]), cuts)
    if "tier" in table.column_names:
        present = [name for name in table.column("tier").unique().to_pylist() if name]
        names = tuple(sorted(present, key=lambda name: (NAMES.index(name) if name in NAMES else len(NAMES), name)))
        position = _from_column(table, names)
        # A tier of a few customers would be estimated from noise.
        if len(names) > 1 and np.bincount(position, minlength=len(names)).min() >= LEAST:
            return Tiers(names, position, "scorecard")
    if not {"amount", "first_order_on"} <= set(table.column_names):
        return Tiers.none(len(table))
    return thirds(_pace(table, day))


def thirds(pace: np.ndarray) -> Tiers:
    """Put customers into thirds by a pace (money a day); those without any are low and do not move the bounds."""
    buying = pace[pace > 0]
    if len(buying) < len(NAMES) * LEAST:
        return Tiers.none(len(pace))
    cuts = tuple(float(cut) for cut in np.quantile(buying, (1 / 3, 2 / 3)))
    return Tiers(NAMES, _by_pace(pace, cuts), "pace", cuts)


def _by_pace(pace: np.ndarray, cuts: tuple[float, ...]) -> np.ndarray:
    return np.asarray(len(NAMES) - 1 - np.searchsorted(np.asarray(cuts), pace, side="right"), dtype=np.int64)


def _pace(table: pa.Table, day: date) -> np.ndarray:
    amount = table.column("amount").cast(pa.float64()).fill_null(0.0).to_numpy()
    first = table.column("first_order_on").cast(pa.int32()).fill_null(day_number(day)).to_numpy()
    return amount / np.maximum(day_number(day) - first.astype(np.int64) + 1, _YOUNG)


def _from_column(table: pa.Table, names: tuple[str, ...]) -> np.ndarray:
    """Return positions in `names`; a customer with another tier, or none, counts as in the last."""
    position = pc.index_in(table.column("tier"), pa.array(names, pa.string()))
    return position.fill_null(len(names) - 1).to_numpy().astype(np.int64)


def windows(episodes: Episodes, flows: CashFlows, tiers: Tiers, today: np.ndarray) -> list[TierWindow]:
    """Cut the past into quarters, each with the tiers as they were at its beginning.

    A customer who spends most today was lucky as well as good. To learn what becomes of a tier, customers must
    therefore be put into it by what they had done before, not by what they did afterwards.
    """
    if len(tiers.names) < 2 or not len(episodes):
        return one_window(episodes)
    first = episodes.first_day
    quarters = (episodes.day - int(first.min()) - _HISTORY) // (WEEK * QUARTER)
    number = min(max(quarters, 1), QUARTERS)
    ends = [episodes.day - n * WEEK * QUARTER for n in range(number + 1)]
    # Whoever is not in the model yet, such as a prospect where only buyers count, makes no tier larger.
    ranked = today[first <= episodes.day]
    shares = np.bincount(ranked, minlength=len(tiers.names)) / len(ranked)
    then = [_ranked(pace_on(flows, first, day), first <= day, shares) for day in ends]
    # A customer who came during a quarter has no past at its beginning, and gets the tier of its end.
    past = [
        TierWindow(-n * QUARTER, -(n - 1) * QUARTER, np.where(first <= ends[n], then[n], then[n - 1]))
        for n in range(number, 0, -1)
    ]
    return [*past, TierWindow(0, 1, today)]


def pace_on(flows: CashFlows, first: np.ndarray, day: int) -> np.ndarray:
    """Return what each customer had spent a day, from the first day to this one."""
    by_then = flows.day <= day
    spent = np.bincount(flows.who[by_then], flows.sales[by_then], len(first))
    return spent / np.maximum(day - first + 1, _YOUNG)


def _ranked(pace: np.ndarray, present: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return tiers of the given sizes by pace, the largest pace in the first; customers yet to come in the last."""
    tier = np.full(len(pace), len(shares) - 1)
    rows = np.flatnonzero(present)
    rank = np.empty(len(rows), dtype=np.int64)
    rank[np.argsort(-pace[rows], kind="stable")] = np.arange(len(rows))
    tier[rows] = np.searchsorted(np.cumsum(shares)[:-1] * len(rows), rank, side="right")
    return tier
