"""The profile of the best customers: what the top fifth do differently.

Every habit gets an effect size with its interval, and as many are looked at together, they are named at a false
discovery rate of 5 %. It is association, not cause: making somebody shop in the evening will not make them a top
customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.features import columns
from tenure.value.effects import cliffs_delta
from tenure.value.habits import Habit, habits
from tenure.words import say

if TYPE_CHECKING:
    import pyarrow as pa

    from tenure.value.ledger import Ledger

#: Customers looked at on each side at most: more would make no interval narrower that anybody could see.
MOST = 50_000
FALSE = 0.05


def profile(ledger: Ledger, table: pa.Table, seed: int = 20_240_101) -> list[dict[str, Any]]:
    """Return how the top fifth differ from the other buyers, the largest differences first."""
    tops = columns.numbers(table, "top_fifth")
    kept = _sampled(tops, seed)
    buyers = table.take(kept)
    first = tops[kept] == 1
    found = [row for habit in habits(ledger, buyers) if (row := _row(habit, first)) is not None]
    if not found:
        return []
    from tenure.stats.multiple import benjamini_hochberg

    for row, q in zip(found, benjamini_hochberg([row["p"] for row in found]), strict=True):
        row["q"] = float(q)
        row["differs"] = bool(q <= FALSE)
    return sorted(found, key=lambda row: (-abs(row["delta"]), row["id"]))


def _sampled(tops: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sides = [np.flatnonzero(tops == side) for side in (1, 0)]
    chosen = [side if len(side) <= MOST else rng.choice(side, MOST, replace=False) for side in sides]
    return np.sort(np.concatenate(chosen))


def _row(habit: Habit, first: np.ndarray) -> dict[str, Any] | None:
    effect = cliffs_delta(habit.values[first], habit.values[~first])
    if effect is None:
        return None
    sides = habit.values[first], habit.values[~first]
    by = "mean" if habit.kind == "yes" else "median"
    top, rest = (float((np.nanmean if by == "mean" else np.nanmedian)(side)) for side in sides)
    if top == rest and effect.delta:  # mostly equal, and yet different: the mean shows it
        by, top, rest = "mean", float(np.nanmean(sides[0])), float(np.nanmean(sides[1]))
    return {
        "id": habit.id, "group": habit.group, "label": habit.label, "name": habit.name, "kind": habit.kind,
        "defining": habit.defining, "by": by, "top": top, "rest": rest, "delta": effect.delta, "low": effect.low,
        "high": effect.high, "p": effect.p, "size": effect.size, "more": (effect.delta + 1) / 2,
    }  # fmt: skip


def label_of(row: dict[str, Any], language: str | None = None) -> str:
    """Return what a row of the profile is about, in a language."""
    return say(row["label"], language, name=row["name"]) if row["name"] else say(row["label"], language)
