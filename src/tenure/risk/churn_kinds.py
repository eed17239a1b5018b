"""The two kinds of leaving: a contract that ends, and silence. How rows for learning are taken of each.

A customer is under ``contract`` on an origin while a contract of theirs runs; everybody else who has ever bought may
fall into ``silence``, which means that no order comes in the ninety days after the origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.features.catalogue import column_of
from tenure.features.columns import numbers
from tenure.features.windows import SNAPSHOTS
from tenure.risk.churn_features import View, features
from tenure.risk.learning import Fold

if TYPE_CHECKING:
    import pyarrow as pa

CONTRACT, SILENCE = "contract", "silence"
#: Rows learnt from at each origin: more add seconds and no accuracy.
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Rows:
    """The customers of one kind on one origin, of whom it is known whether they left."""

    origin: int  # 1 to SNAPSHOTS
    rows: np.ndarray  # which customers of the table
    left: np.ndarray  # whether they left in the days after the origin

    def fold(self, table: pa.Table, kind: str, most: int = MOST_ROWS, seed: int = 0) -> tuple[Fold, np.ndarray]:
        """Return at most so many of the rows with their features, and which customers they are."""
        chosen = np.arange(len(self.rows))
        if len(chosen) > most:
            chosen = np.sort(np.random.default_rng(seed + self.origin).choice(len(chosen), most, replace=False))
        view = View(table, self.origin, self.rows[chosen])
        return Fold(features(view, contract=kind == CONTRACT), self.left[chosen]), self.rows[chosen]


def under_contract(table: pa.Table, origin: int) -> np.ndarray:
    """Return who is under contract on an origin."""
    return View(table, origin).at("contract") > 0


def kinds_of(table: pa.Table, origin: int = 0) -> np.ndarray:
    """Return each customer's kind on an origin as objects; None for who never bought and has no contract."""
    kinds = np.full(len(table), None, dtype=object)
    kinds[np.isfinite(View(table, origin).at("silence"))] = SILENCE
    kinds[under_contract(table, origin)] = CONTRACT
    return kinds


def labelled(table: pa.Table, kind: str) -> list[Rows]:
    """Return the rows of a kind with their labels, the oldest origin first; origins without anybody are left out."""
    found = []
    for origin in range(SNAPSHOTS, 0, -1):
        contract = under_contract(table, origin)
        if kind == CONTRACT:
            churned = numbers(table, column_of("churned", origin))
            rows = np.flatnonzero(np.isfinite(churned))
            left = churned[rows] > 0
        else:
            view = View(table, origin)
            rows = np.flatnonzero(np.isfinite(view.at("silence")) & ~contract)
            # What happened after this origin is what is read on the next one: a label, never a feature.
            left = View(table, origin - 1).at("orders")[rows] == 0
        if len(rows):
            found.append(Rows(origin, rows, left))
    return found
