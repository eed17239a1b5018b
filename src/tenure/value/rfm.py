"""RFM: how lately, how often, how much, each as a score of 1 to 5 against all buyers.

Scores are fifths of the buyers. Equal values always get equal scores, whatever the order of the rows, so a score can
be explained and repeated.

Where many are equal, a fifth cannot hold a fifth. Each measure is therefore counted from the end at which equal values
pile up: frequency and money from below (a buyer's score is one more than the whole fifths of buyers who have less),
recency from above (five less the whole fifths of buyers who came later). Single purchases, however many, score 1;
all who came on the last day score 5.

After Hughes, *Strategic Database Marketing* (1994), whose quintiles leave ties to chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

FIFTHS = 5


def cuts(values: np.ndarray) -> list[float]:
    """Return the four values that part the buyers into fifths."""
    if not len(values):
        return []
    places = [-(-k * len(values) // FIFTHS) - 1 for k in range(1, FIFTHS)]
    return [value.item() for value in np.partition(values, places)[places]]


def score_from_below(values: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    """Return 1 to 5: one more than the number of cuts that a value exceeds."""
    return 1 + np.searchsorted(np.asarray(bounds), values, side="left").astype(np.int64)


def score_from_above(values: np.ndarray, bounds: Sequence[float]) -> np.ndarray:
    """Return 1 to 5: one more than the number of cuts that a value does not exceed (the smaller the better)."""
    return 2 + len(bounds) - score_from_below(values, bounds)
