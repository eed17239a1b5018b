"""Gates: whether there is enough to predict from.

Below a gate nothing is predicted, and pages say which one it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.stats.record import Gate

if TYPE_CHECKING:
    from tenure.scorecard.model import Options
    from tenure.value.buyers import Buyers

#: How many customers must have come back for the rhythm of coming back to be learnt.
REPEATERS = 50
#: An origin is held to less: it only tests what was learnt.
ORIGIN_BUYERS, ORIGIN_REPEATERS, ORIGIN_DAYS = 100, 30, 60


def gates(buyers: Buyers, options: Options) -> tuple[Gate, ...]:
    """Return the conditions for predicting purchases, met or not."""
    return (
        Gate("buyers", options.buyers, len(buyers)),
        Gate("days", options.days, days(buyers)),
        Gate("repeaters", min(REPEATERS, options.buyers), buyers.repeaters),
    )


def days(buyers: Buyers) -> float:
    """Return the days from the first purchase of anybody to the last purchase of anybody."""
    if not len(buyers):
        return 0.0
    return float(round((buyers.age.max() - (buyers.age - buyers.recency).min()) * 7))


def can_test(buyers: Buyers) -> bool:
    """Whether an origin has enough buyers, and enough of a past, to fit on what was known there."""
    return len(buyers) >= ORIGIN_BUYERS and buyers.repeaters >= ORIGIN_REPEATERS and float(days(buyers)) >= ORIGIN_DAYS
