"""Churn: who will leave in the next ninety days, how sure that is, and what speaks for it.

Customers under contract are learnt from rolling snapshots; for all others the purchase model answers, and a learnt
model only where it wins on days that it has not seen. What would have seen the future is refused, see
:mod:`tenure.risk.churn.guards`.
"""

from tenure.risk.churn.figures import FIGURES
from tenure.risk.churn.guards import LeakError
from tenure.risk.churn.part import PART
from tenure.risk.churn.snapshots import Learnt, snapshot

__all__ = ["FIGURES", "PART", "LeakError", "Learnt", "snapshot"]
