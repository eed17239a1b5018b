"""The catalogue of warning signals: what each is called, how much it weighs, how soon to react."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.words import mark


@dataclass(frozen=True, slots=True)
class Signal:
    id: str  # its name in tables and addresses
    name: str  # its name and one sentence about it, marked for translation
    about: str
    weight: float  # how much a full signal says about leaving, 0 to 1. These are assumptions, not estimates.
    days: int  # days within which to react


_SIGNALS = (
    Signal(
        "intent-to-leave",
        mark("Intention to leave"),
        mark("The customer cancelled a contract, asked how to leave, or is comparing competitors."),
        0.9,
        3,
    ),
    Signal(
        "complaint",
        mark("Complaint"),
        mark("A complaint is open, or there were at least two complaints in 90 days."),
        0.6,
        3,
    ),
    Signal(
        "satisfaction-down",
        mark("Satisfaction down"),
        mark("Recent survey scores are low or falling, or experience fell short of expectation."),
        0.5,
        7,
    ),
    Signal(
        "decline",
        mark("Decline"),
        mark("Our volume with the customer is falling, with no sign that their own business is."),
        0.7,
        14,
    ),
    Signal(
        "silence",
        mark("Unusually long silence"),
        mark("The current gap is longer than 95 % of the gaps expected from their usual pattern."),
        0.6,
        14,
    ),
    Signal(
        "both-frequencies-down",
        mark("Orders and contacts both down"),
        mark("Both fell below 70 % of the previous 90 days."),
        0.5,
        14,
    ),
    Signal(
        "activity-down",
        mark("Activity down"),
        mark("Fewer orders or contacts than expected from their usual pattern."),
        0.4,
        14,
    ),
    Signal(
        "fatigue",
        mark("Message fatigue"),
        mark("They respond to significantly fewer of our messages than before."),
        0.3,
        30,
    ),
    Signal(
        "next-boundary",
        mark("About to move to a worse stage"),
        mark("Without new activity, the customer moves to a worse stage within 30 days."),
        0.3,
        30,
    ),
)

#: By id, the most telling first.
SIGNALS: dict[str, Signal] = {signal.id: signal for signal in _SIGNALS}
