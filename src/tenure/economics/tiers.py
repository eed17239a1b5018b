"""Tiers by what customers spend, so that a heavy and a light buyer in one stage are not taken for alike.

The scorecard's tiers (M29) where they are there; else thirds by spend a day since the first order. Without them, the
few who fell asleep would be expected to buy like everybody else once awake: on the sample shop that doubled the value
of the stages of sleep in the back-test, and thirds mended it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.economics.stays import Money, Stays
from tenure.economics.weekly import WEEK, Window, whole

NAMES = ("high", "middle", "low")
#: Customers with less time behind them are taken to have had so many days.
_YOUNG = 30
#: Quarters of the past that are looked at, each beginning with at least so many days of facts before it.
QUARTERS, QUARTER, _HISTORY = 8, 13, 90
#: Below so many customers in a tier, tiers are not told apart.
LEAST = 50


@dataclass(frozen=True, slots=True, eq=False)
class Tiers:
    """Everybody's tier."""

    names: tuple[str, ...]  # the tiers, best first; one empty name when nothing is told apart
    of: np.ndarray  # position in `names` of each customer
    source: str = ""  # where they come from
    cuts: tuple[float, ...] = ()  # of ``pace``: the spend a day that separates middle from low, and high from middle

    @property
    def shares(self) -> np.ndarray:
        """Which part of everybody each tier is."""
        return np.bincount(self.of, minlength=len(self.names)) / max(len(self.of), 1)

    def told(self) -> dict[str, Any]:
        """Return what it takes to put other customers into the same tiers."""
        return {"names": list(self.names), "source": self.source, "cuts": list(self.cuts)}


def tiers_of(table: pa.Table, day: date, like: dict[str, Any] | None = None) -> Tiers:
    """Put everybody into a tier."""
    if like is not None:
        names: tuple[str, ...] = tuple(like["names"])
        if like["source"] == "scorecard":
            return Tiers(names, _coded(table, names), "scorecard")
        cuts: tuple[float, ...] = tuple(like["cuts"])
        return Tiers(names, _by_pace(_pace(table, day), cuts) if cuts else _alike(table).of, str(like["source"]), cuts)
    if "tier" in table.column_names:
        found = [one for one in table.column("tier").unique().to_pylist() if one]
        names = tuple(sorted(found, key=lambda one: (NAMES.index(one) if one in NAMES else len(NAMES), one)))
        coded = _coded(table, names)
        if len(names) > 1 and np.bincount(coded, minlength=len(names)).min() >= LEAST:
            return Tiers(names, coded, "scorecard")
    if not {"amount", "first_order_on"} <= set(table.column_names):
        return _alike(table)
    return thirds(_pace(table, day))


def _alike(table: pa.Table) -> Tiers:
    return Tiers(("",), np.zeros(len(table), dtype=np.int64))


def thirds(pace: np.ndarray) -> Tiers:
    """Put customers into thirds by a pace (money a day); those without any are low and do not move the bounds."""
    buying = pace[pace > 0]
    if len(buying) < len(NAMES) * LEAST:
        return Tiers(("",), np.zeros(len(pace), dtype=np.int64))
    cuts = tuple(float(one) for one in np.quantile(buying, (1 / 3, 2 / 3)))
    return Tiers(NAMES, _by_pace(pace, cuts), "pace", cuts)


def _by_pace(pace: np.ndarray, cuts: tuple[float, ...]) -> np.ndarray:
    return np.asarray(len(NAMES) - 1 - np.searchsorted(np.asarray(cuts), pace, side="right"), dtype=np.int64)


def _pace(table: pa.Table, day: date) -> np.ndarray:
    amount = table.column("amount").cast(pa.float64()).fill_null(0.0).to_numpy()
    first = table.column("first_order_on").cast(pa.int32()).fill_null(day_number(day)).to_numpy()
    return amount / np.maximum(day_number(day) - first.astype(np.int64) + 1, _YOUNG)


def _coded(table: pa.Table, names: tuple[str, ...]) -> np.ndarray:
    """Return positions in `names`; whoever has another tier, or none, counts as the last."""
    held = table.column("tier").combine_chunks().fill_null("").dictionary_encode()
    place = np.array([names.index(one) if one in names else len(names) - 1 for one in held.dictionary.to_pylist()])
    return place.astype(np.int64)[held.indices.to_numpy()] if len(place) else np.zeros(len(table), dtype=np.int64)


def windows(stays: Stays, money: Money, tiers: Tiers, today: np.ndarray) -> list[Window]:
    """Cut the past into quarters, each with the tiers as they would have been said at its beginning.

    Whoever spends most today was lucky as well as good. To learn what becomes of a tier, customers must therefore be
    put into it by what they had done before, not by what they did afterwards.
    """
    if len(tiers.names) < 2 or not len(stays):
        return whole(stays)
    first = _first(stays)
    back = (stays.day - int(first.min()) - _HISTORY) // (WEEK * QUARTER)
    number = min(max(back, 1), QUARTERS)
    ends = [stays.day - n * WEEK * QUARTER for n in range(number + 1)]
    then = [_ranked(_pace_on(money, first, day), first <= day, tiers.shares) for day in ends]
    found = [
        Window(-n * QUARTER, -(n - 1) * QUARTER, np.where(first <= ends[n], then[n], then[n - 1]))
        for n in range(number, 0, -1)
    ]
    return [*found, Window(0, 1, today)]


def pace_then(stays: Stays, money: Money) -> np.ndarray:
    """Return what each customer spent a day, from the first stay to the last watched day."""
    return _pace_on(money, _first(stays), stays.day)


def _first(stays: Stays) -> np.ndarray:
    """Return the first day of each customer; the day after the last for those without any."""
    first = np.full(stays.people, stays.day + 1)
    np.minimum.at(first, stays.who, stays.entered)
    return first


def _pace_on(money: Money, first: np.ndarray, day: int) -> np.ndarray:
    by_then = money.day <= day
    spent = np.bincount(money.who[by_then], money.sales[by_then], len(first))
    return spent / np.maximum(day - first + 1, _YOUNG)


def _ranked(pace: np.ndarray, there: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return tiers of the given sizes by pace, the largest pace in the first; whoever is not there yet in the last."""
    tier = np.full(len(pace), len(shares) - 1)
    rows = np.flatnonzero(there)
    rank = np.empty(len(rows), dtype=np.int64)
    rank[np.argsort(-pace[rows], kind="stable")] = np.arange(len(rows))
    tier[rows] = np.searchsorted(np.cumsum(shares)[:-1] * len(rows), rank, side="right")
    return tier
