"""Signs: for each signal, who shows it, how strongly and since when.

One small function a signal; each compares columns of :class:`tenure.risk.signal_inputs.SignalInputs`. The words are
put together in :mod:`tenure.risk.evidence`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tenure.features.windows import NEVER
from tenure.risk.decline import LEVEL
from tenure.risk.signal_inputs import DETRACTOR, FALLS, LOW_CSAT, WINDOW, SignalInputs
from tenure.risk.signals import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

#: How long an answer, a silence or a word of leaving is a warning; later it is history.
FRESH = 180
#: A stage boundary so near is a warning.
NEAR = 30


class Sign(NamedTuple):
    """Who shows one signal."""

    signal: str  # which, see :mod:`tenure.risk.signals`
    who: NDArray[np.int64]  # rows of the table
    score: NDArray[np.float64]  # how strongly, 0 to 1, of these rows
    since: NDArray[np.int64]  # since which day (since 1970-01-01), of these rows


def signs_of(seen: SignalInputs) -> list[Sign]:
    """Return every signal with those who show it, the most telling signal first."""
    return [_READ[name](seen) for name in SIGNALS]


def together(signs: list[Sign], size: int) -> NDArray[np.float64]:
    """Return the combined score of each customer: one minus the product of what every signal leaves.

    A full signal counts with its weight in the catalogue, so several weak signs add up and never exceed 1.
    """
    left = np.ones(size)
    for sign in signs:
        left[sign.who] *= 1.0 - SIGNALS[sign.signal].weight * sign.score
    return 1.0 - left


def _sign(name: str, shown: NDArray[np.bool_], score: NDArray[np.float64], since: NDArray[np.float64] | float) -> Sign:
    who = np.flatnonzero(shown)
    days = np.broadcast_to(np.asarray(since, dtype=np.float64), shown.shape)
    return Sign(name, who, np.clip(score[who], 0.0, 1.0), days[who].astype(np.int64))


def _strength(p: NDArray[np.float64], limit: float = LEVEL) -> NDArray[np.float64]:
    """Return 0.5 at the limit, 1 where chance explains nothing."""
    return 1.0 - 0.5 * np.clip(np.nan_to_num(p, nan=limit) / limit, 0.0, 1.0)


def _window(seen: SignalInputs) -> float:
    return float(seen.today - WINDOW + 1)


def _intent(seen: SignalInputs) -> Sign:
    on = seen["leaving_on"]
    shown = (on > seen.today - FRESH) & (on > NEVER)
    age = np.where(shown, seen.today - on, 0.0)
    return _sign("intent-to-leave", shown, 1.0 - 0.5 * age / FRESH, on)


def _complaint(seen: SignalInputs) -> Sign:
    still, many = seen["complaints_open"], seen["complaints_90"]
    shown = (still > 0) | (many >= 2)
    score = np.where(still > 0, 0.7, 0.5) + 0.15 * (np.maximum(still, many) - 1)
    return _sign("complaint", shown, score, seen["complaint_on"])


def _satisfaction(seen: SignalInputs) -> Sign:
    fresh = seen["feedback_on"] > seen.today - FRESH
    parts = [seen.low_csat, seen.fell_csat, seen.detractor, seen.disappointed]
    depth = [
        0.5 + 0.25 * (LOW_CSAT - seen["csat"]),
        0.4 + 0.15 * (seen["csat_before"] - seen["csat"]),
        0.5 + 0.08 * (DETRACTOR - seen["nps"]),
        0.4 + 0.15 * (seen["expectation"] - seen["experience"]),
    ]
    score = np.max([np.where(part, deep, 0.0) for part, deep in zip(parts, depth, strict=True)], axis=0)
    return _sign("satisfaction-down", fresh & np.any(parts, axis=0), score, seen["feedback_on"])


def _decline(seen: SignalInputs) -> Sign:
    proved = seen.verdict == "yes"
    score = np.where(proved, 0.6, 0.4) + np.where(seen.named, 0.4 * _strength(seen.decline_p), 0.0)
    return _sign("decline", seen.declines, score, _window(seen))


def _silence(seen: SignalInputs) -> Sign:
    late = ~np.isnan(seen.usual)
    since = np.where(late, seen["last_order_on"] + np.ceil(np.nan_to_num(seen.usual)), NEVER)
    shown = late & (since > seen.today - FRESH)
    return _sign("silence", shown, _strength(seen.silence_p), np.minimum(since, seen.today))


def _both(seen: SignalInputs) -> Sign:
    now, before = seen["days_90"], seen["days_before"]
    heard, heard_before = seen["interactions_90"], seen["interactions_before"]
    shown = (before >= 2) & (heard_before >= 2) & (now < FALLS * before) & (heard < FALLS * heard_before)
    kept = np.maximum(now / np.maximum(before, 1.0), heard / np.maximum(heard_before, 1.0))
    return _sign("both-frequencies-down", shown, 1.0 - 0.5 * kept / FALLS, _window(seen))


def _activity(seen: SignalInputs) -> Sign:
    """Return those who do less; fewer orders that are told as decline already are not told twice."""
    orders, contacts = seen.fewer_orders & ~seen.declines, seen.fewer_contacts
    score = np.maximum(
        np.where(orders, _strength(seen.decline_p), 0.0), np.where(contacts, _strength(seen.contacts_p), 0.0)
    )
    return _sign("activity-down", orders | contacts, score, _window(seen))


def _fatigue(seen: SignalInputs) -> Sign:
    return _sign("fatigue", seen.fatigue.tired, np.nan_to_num(seen.fatigue.fall), _window(seen))


def _boundary(seen: SignalInputs) -> Sign:
    days, worse = seen.ahead.days, seen.ahead.worse
    shown = (days >= 0) & (days <= NEAR)
    score = 0.4 + 0.1 * worse + 0.2 * (1.0 - days / NEAR)
    # Since the boundary has come near: who has dealt with it is not warned again until the next one.
    return _sign("next-boundary", shown, score, np.where(shown, seen.today + days - NEAR, NEVER))


_READ: dict[str, Callable[[SignalInputs], Sign]] = {
    "intent-to-leave": _intent,
    "complaint": _complaint,
    "satisfaction-down": _satisfaction,
    "decline": _decline,
    "silence": _silence,
    "both-frequencies-down": _both,
    "activity-down": _activity,
    "fatigue": _fatigue,
    "next-boundary": _boundary,
}
