"""The catalogue of warning signals: what each is called, how much it weighs, how soon to react."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.words import mark


@dataclass(frozen=True, slots=True)
class Signal:
    weight: float  # how much a full signal says about leaving, 0 to 1. These are assumptions, not estimates.
    days: int  # days within which to react
    name: str  # its name and one sentence about it, marked for translation
    about: str


#: By id, its name in tables and addresses, the most telling first.
SIGNALS: dict[str, Signal] = {
    "intent-to-leave": Signal(
        0.9,
        3,
        mark("Intention to leave"),
        mark("The customer cancelled a contract, asked how to leave, or is comparing competitors."),
    ),
    "complaint": Signal(
        0.6, 3, mark("Complaint"), mark("A complaint is open, or there were at least two complaints in 90 days.")
    ),
    "satisfaction-down": Signal(
        0.5,
        7,
        mark("Satisfaction down"),
        mark("Recent survey scores are low or falling, or experience fell short of expectation."),
    ),
    "decline": Signal(
        0.7,
        14,
        mark("Decline"),
        mark("Our volume with the customer is falling, with no sign that their own business is."),
    ),
    "silence": Signal(
        0.6,
        14,
        mark("Unusually long silence"),
        mark("The current gap is longer than 95 % of the gaps expected from their usual pattern."),
    ),
    "both-frequencies-down": Signal(
        0.5, 14, mark("Orders and contacts both down"), mark("Both fell below 70 % of the previous 90 days.")
    ),
    "activity-down": Signal(
        0.4, 14, mark("Activity down"), mark("Fewer orders or contacts than expected from their usual pattern.")
    ),
    "fatigue": Signal(
        0.3, 30, mark("Message fatigue"), mark("They respond to significantly fewer of our messages than before.")
    ),
    "next-boundary": Signal(
        0.3,
        30,
        mark("About to move to a worse stage"),
        mark("Without new activity, the customer moves to a worse stage within 30 days."),
    ),
}
