"""What a customer buys more of lately than before.

Hot-pot ingredients three times in four weeks after none in twelve are a need that something else goes with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.recommend.lines import distinct

if TYPE_CHECKING:
    from tenure.recommend.lines import Lines

#: Days that are lately, and days before them that they are compared with.
LATELY, BEFORE = 28, 84
#: Days before lately that a customer must be known for, purchases it takes, and how likely luck may be.
KNOWN, TIMES, LUCK = 28, 3, 0.02


@dataclass(frozen=True, slots=True)
class Rising:
    """Categories that customers buy more of lately, sorted by customer and category."""

    who: np.ndarray  # the customer and the category
    category: np.ndarray
    lately: np.ndarray  # days with a purchase in the last `LATELY` days, and in the `days` days before
    before: np.ndarray
    days: np.ndarray  # how long before was: `BEFORE`, or less for who came later
    luck: np.ndarray  # probability of so many lately if nothing had changed

    def __len__(self) -> int:
        return len(self.who)


def rising(lines: Lines, last_day: int) -> Rising:
    """Return what rises with whom: given all purchase days of a category, too many are late (a binomial test)."""
    from scipy.special import betainc

    known = np.zeros(len(lines.customers), dtype=np.int64)
    known[lines.who[::-1]] = lines.day[::-1]  # the first day of each stays
    days = np.clip(last_day - LATELY - known + 1, 0, BEFORE)
    kind = lines.category[lines.item]
    kept = (kind >= 0) & (lines.day > last_day - LATELY - BEFORE) & (lines.day <= last_day)
    wide, span = max(len(lines.categories), 1), LATELY + BEFORE
    ago = last_day - lines.day[kept]
    keys = distinct((lines.who[kept].astype(np.int64) * wide + kind[kept]) * span + ago)
    pair, late = keys // span, keys % span < LATELY
    starts = np.flatnonzero(np.append(True, pair[1:] != pair[:-1])) if len(pair) else np.empty(0, dtype=np.int64)
    lately = np.add.reduceat(late.astype(np.int64), starts) if len(starts) else starts
    before = np.diff(np.append(starts, len(pair))) - lately
    who, category = np.divmod(pair[starts], wide)
    share = LATELY / np.maximum(LATELY + days[who], 1)
    luck = np.where(lately > 0, betainc(np.maximum(lately, 1), before + 1.0, share), 1.0)
    up = (lately >= TIMES) & (days[who] >= KNOWN) & (luck <= LUCK)
    return Rising(who[up], category[up], lately[up], before[up], days[who][up], luck[up])
