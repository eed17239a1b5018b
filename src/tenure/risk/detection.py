"""Detection: for each signal, who shows it, how strongly and since when.

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

#: Days for which an answer, a silence or a word of leaving is a warning; later it is history.
FRESH = 180
#: A stage boundary so near is a warning.
NEAR = 30


class Detection(NamedTuple):
    """The customers who show one signal."""

    signal: str  # which, see :mod:`tenure.risk.signals`
    who: NDArray[np.int64]  # rows of the table
    score: NDArray[np.float64]  # how strongly, 0 to 1, of these rows
    since: NDArray[np.int64]  # since which day (since 1970-01-01), of these rows


# Of every customer: whether they show a signal, how strongly, and since which day.
Shown = tuple["NDArray[np.bool_]", "NDArray[np.float64]", "NDArray[np.float64] | float"]


def detect(inputs: SignalInputs) -> list[Detection]:
    """Return every signal with those who show it, the most telling signal first."""
    detections = []
    for signal in SIGNALS:
        shown, score, since = _DETECT[signal](inputs)
        who = np.flatnonzero(shown)
        days = np.broadcast_to(np.asarray(since, dtype=np.float64), shown.shape)[who].astype(np.int64)
        detections.append(Detection(signal, who, np.clip(score[who], 0.0, 1.0), days))
    return detections


def combined(detections: list[Detection], size: int) -> NDArray[np.float64]:
    """Return the combined score of each customer: one minus the product of what every signal leaves.

    A full signal counts with its weight in the catalogue, so several weak signals add up and never exceed 1.
    """
    left = np.ones(size)
    for detection in detections:
        left[detection.who] *= 1.0 - SIGNALS[detection.signal].weight * detection.score
    return 1.0 - left


def _strength(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 0.5 at the limit, 1 where chance explains nothing."""
    return 1.0 - 0.5 * np.clip(np.nan_to_num(p, nan=LEVEL) / LEVEL, 0.0, 1.0)


def _window(inputs: SignalInputs) -> float:
    return float(inputs.today - WINDOW + 1)


def _intent(inputs: SignalInputs) -> Shown:
    on = inputs["leaving_on"]
    shown = (on > inputs.today - FRESH) & (on > NEVER)
    age = np.where(shown, inputs.today - on, 0.0)
    return shown, 1.0 - 0.5 * age / FRESH, on


def _complaint(inputs: SignalInputs) -> Shown:
    still_open, recent = inputs["open_complaints"], inputs["complaints_opened"]
    score = np.where(still_open > 0, 0.7, 0.5) + 0.15 * (np.maximum(still_open, recent) - 1)
    return (still_open > 0) | (recent >= 2), score, inputs["complaint_on"]


def _satisfaction(inputs: SignalInputs) -> Shown:
    fresh = inputs["feedback_on"] > inputs.today - FRESH
    depths = (
        0.5 + 0.25 * (LOW_CSAT - inputs["csat_last"]),
        0.4 + 0.15 * (inputs["csat_before"] - inputs["csat_last"]),
        0.5 + 0.08 * (DETRACTOR - inputs["nps_last"]),
        0.4 + 0.15 * (inputs["expectation"] - inputs["experience"]),
    )
    ways = inputs.satisfaction
    score = np.max([np.where(way, depth, 0.0) for way, depth in zip(ways, depths, strict=True)], axis=0)
    return fresh & np.any(ways, axis=0), score, inputs["feedback_on"]


def _decline(inputs: SignalInputs) -> Shown:
    orders = inputs.orders
    score = np.where(inputs.volume.verdict == "yes", 0.6, 0.4)
    return inputs.declines, score + np.where(orders.named, 0.4 * _strength(orders.p), 0.0), _window(inputs)


def _silence(inputs: SignalInputs) -> Shown:
    late = ~np.isnan(inputs.gap.usual)
    since = np.where(late, inputs["last_order_on"] + np.ceil(np.nan_to_num(inputs.gap.usual)), NEVER)
    shown = late & (since > inputs.today - FRESH)
    return shown, _strength(inputs.gap.p), np.minimum(since, inputs.today)


def _both(inputs: SignalInputs) -> Shown:
    orders, orders_before = inputs["order_days"], inputs["days_before"]
    contacts, contacts_before = inputs["contacts"], inputs["contacts_before"]
    regular = (orders_before >= 2) & (contacts_before >= 2)
    shown = regular & (orders < FALLS * orders_before) & (contacts < FALLS * contacts_before)
    left = np.maximum(orders / np.maximum(orders_before, 1.0), contacts / np.maximum(contacts_before, 1.0))
    return shown, 1.0 - 0.5 * left / FALLS, _window(inputs)


def _activity(inputs: SignalInputs) -> Shown:
    # Fewer orders that are reported as decline are not reported twice.
    orders, contacts = inputs.orders.fewer & ~inputs.declines, inputs.contacts.fewer
    by_orders = np.where(orders, _strength(inputs.orders.p), 0.0)
    by_contacts = np.where(contacts, _strength(inputs.contacts.p), 0.0)
    return orders | contacts, np.maximum(by_orders, by_contacts), _window(inputs)


def _fatigue(inputs: SignalInputs) -> Shown:
    return inputs.fatigue.tired, np.nan_to_num(inputs.fatigue.fall), _window(inputs)


def _boundary(inputs: SignalInputs) -> Shown:
    days, worse = inputs.next_stage.days, inputs.next_stage.worse
    shown = (days >= 0) & (days <= NEAR)
    score = 0.4 + 0.1 * worse + 0.2 * (1.0 - days / NEAR)
    # Since the boundary has come near: a customer it was dealt with is not warned about until the next one.
    return shown, score, np.where(shown, inputs.today + days - NEAR, NEVER)


_DETECT: dict[str, Callable[[SignalInputs], Shown]] = {
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
