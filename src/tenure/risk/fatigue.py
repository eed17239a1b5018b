"""Fatigue: whether a customer answers our messages less than before.

Of all messages and all answers, how likely is it that so few answers fall on the recent messages by chance (Fisher's
exact test, one side)? An answer is a day on which a message was opened, clicked, replied to or redeemed. Where
messages are not recorded, nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Fewest messages, now and before, that make a rate.
MESSAGES = 3
#: The fall of the rate from which it counts, and the chance below which it is no accident.
FALL, UNLIKELY = 0.3, 0.05


class Fatigue(NamedTuple):
    """The rates of answers, one row a customer."""

    now: NDArray[np.float64]  # answers per message; NaN where there are too few messages
    before: NDArray[np.float64]
    fall: NDArray[np.float64]  # by which share the rate fell, 0 when it did not; NaN where it cannot be judged
    tired: NDArray[np.bool_]  # clearly fewer answers


def fatigue_of(
    messages: ArrayLike, answers: ArrayLike, messages_before: ArrayLike, answers_before: ArrayLike
) -> Fatigue:
    """Return how the rate of answers changed, from counts in the last 90 days and in the year before these."""
    from scipy.stats import hypergeom

    sent, sent_before = np.asarray(messages, np.int64), np.asarray(messages_before, np.int64)
    answered = np.minimum(np.asarray(answers, np.int64), sent)
    answered_before = np.minimum(np.asarray(answers_before, np.int64), sent_before)
    judged = (sent >= MESSAGES) & (sent_before >= MESSAGES) & (answered_before > 0)
    now = np.where(judged, answered / np.maximum(sent, 1), np.nan)
    before = np.where(judged, answered_before / np.maximum(sent_before, 1), np.nan)
    fall = np.where(judged, np.maximum(1.0 - now / np.where(judged, before, 1.0), 0.0), np.nan)
    tired = np.nan_to_num(fall) >= FALL
    at = np.flatnonzero(tired)  # the test costs a tenth of a millisecond each
    chance = hypergeom.cdf(answered[at], (sent + sent_before)[at], (answered + answered_before)[at], sent[at])
    tired[at] = chance <= UNLIKELY
    return Fatigue(now, before, fall, tired)
