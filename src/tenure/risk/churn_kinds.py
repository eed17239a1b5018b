"""The two kinds of leaving, a contract that ends and silence; rows for learning, and the levels of risk.

A customer is under ``contract`` on a snapshot while a contract of theirs runs; everybody else who has ever bought may
fall into ``silence``, which means that no order comes in the ninety days after the snapshot.

Levels go by odds against the ordinary customer of the same business and kind: **medium** from one and a half times the
ordinary odds of leaving, **high** from three times. A fixed share would call everybody safe where two in a hundred
leave in ninety days, and everybody lost where sixty do.

============== ===== ====== =====
rate of leaving   2 %   27 %  60 %
medium from       3 %   36 %  69 %
high from         6 %   53 %  82 %
============== ===== ====== =====
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tenure.features.catalogue import column_of
from tenure.features.columns import numbers
from tenure.features.windows import SNAPSHOTS
from tenure.risk.churn_features import View, features
from tenure.risk.learning import Fold

if TYPE_CHECKING:
    import pyarrow as pa

CONTRACT, SILENCE = "contract", "silence"
LOW, MEDIUM, HIGH = "low", "medium", "high"
#: Levels begin at so many times the ordinary odds.
MEDIUM_ODDS, HIGH_ODDS = 1.5, 3.0
#: Rows learnt from at each snapshot: more add seconds and no accuracy.
MOST_ROWS = 20_000


@dataclass(frozen=True)
class LabelledRows:
    """The customers of one kind on one snapshot, of whom it is known whether they left."""

    origin: int  # the snapshot, 1 to SNAPSHOTS
    rows: np.ndarray  # which customers of the table
    left: np.ndarray  # whether they left in the days after the snapshot

    def fold(self, table: pa.Table, kind: str, seed: int) -> tuple[Fold, np.ndarray]:
        """Return at most :data:`MOST_ROWS` of the rows with their features, and which customers they are."""
        rows, left = self.rows, self.left
        if len(rows) > MOST_ROWS:
            sample = np.sort(np.random.default_rng(seed + self.origin).choice(len(rows), MOST_ROWS, replace=False))
            rows, left = rows[sample], left[sample]
        return Fold(features(View(table, self.origin, rows), contract=kind == CONTRACT), left), rows


def kinds_of(table: pa.Table, origin: int = 0) -> np.ndarray:
    """Return each customer's kind on a snapshot as objects; None for who never bought and has no contract."""
    kinds = np.full(len(table), None, dtype=object)
    view = View(table, origin)
    kinds[np.isfinite(view.at("silence"))] = SILENCE
    kinds[view.at("contract") > 0] = CONTRACT
    return kinds


def labelled(table: pa.Table, kind: str) -> list[LabelledRows]:
    """Return the rows of a kind with their labels, the oldest snapshot first; empty snapshots are left out."""
    snapshots = []
    for origin in range(SNAPSHOTS, 0, -1):
        if kind == CONTRACT:
            churned = numbers(table, column_of("churned", origin))
            rows = np.flatnonzero(np.isfinite(churned))
            left = churned[rows] > 0
        else:
            rows = np.flatnonzero(kinds_of(table, origin) == SILENCE)
            # What happened after this snapshot is what is read on the next one: a label, never a feature.
            left = View(table, origin - 1).at("orders")[rows] == 0
        if len(rows):
            snapshots.append(LabelledRows(origin, rows, left))
    return snapshots


class Levels(NamedTuple):
    """The bounds of one business and kind."""

    rate: float  # the rate at which customers left in the newest ninety days that are known
    medium: float  # probabilities from which the levels begin
    high: float

    @classmethod
    def around(cls, rate: float) -> Levels:
        rate = min(max(rate, 0.001), 0.999)
        odds = rate / (1 - rate)
        return cls(rate, *(times * odds / (1 + times * odds) for times in (MEDIUM_ODDS, HIGH_ODDS)))

    def of(self, risk: np.ndarray) -> np.ndarray:
        return np.array((LOW, MEDIUM, HIGH), object)[np.searchsorted((self.medium, self.high), risk, side="right")]
