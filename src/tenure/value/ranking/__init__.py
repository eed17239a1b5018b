"""Ranking: who carries the business today, told from facts alone.

RFM groups, tiers, loyalty classes, ABC and the top fifth are columns of the scorecard; old-customer share, cohorts,
the inverted U, costs, cycle length and the profile of the best customers are tables over a :class:`Ledger` that
reconcile with the order rows.
"""

from __future__ import annotations

from tenure.value.ranking.figures import FIGURES
from tenure.value.ranking.ledger import Ledger
from tenure.value.ranking.notebook import rank
from tenure.value.ranking.part import PART

__all__ = ["FIGURES", "PART", "Ledger", "rank"]
