"""The catalogue of warning signals: what each is called, how much it weighs, how soon to react."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.words import mark


@dataclass(frozen=True, slots=True)
class Signal:
    """One sign that a customer may leave."""

    id: str  # its name in tables and addresses
    name: str  # its name and one sentence about it, marked for translation
    about: str
    weight: float  # how much a full signal says about leaving, 0 to 1. These are assumptions, not estimates.
    days: int  # days within which to react


_SIGNALS = (
    Signal(
        "intent-to-leave",
        mark("Says they will leave"),
        mark("A contract was cancelled, or the customer asked how to leave or compares others."),
        0.9,
        3,
    ),
    Signal(
        "complaint",
        mark("Complaint"),
        mark("A complaint is open, or there were at least two in 90 days."),
        0.6,
        3,
    ),
    Signal(
        "satisfaction-down",
        mark("Satisfaction down"),
        mark("The last answers are low or lower than before, or less was got than expected."),
        0.5,
        7,
    ),
    Signal(
        "decline",
        mark("Decline"),
        mark("Our volume with the customer falls, and nothing says that their own business does."),
        0.7,
        14,
    ),
    Signal(
        "silence",
        mark("Silent beyond their rhythm"),
        mark("The present gap is longer than 95 % of what their own rhythm lets one expect."),
        0.6,
        14,
    ),
    Signal(
        "both-frequencies-down",
        mark("Orders and contacts both fall"),
        mark("Both fell below 70 % of the 90 days before."),
        0.5,
        14,
    ),
    Signal(
        "activity-down",
        mark("Activity down"),
        mark("Fewer orders, or fewer contacts, than their own past lets one expect."),
        0.4,
        14,
    ),
    Signal(
        "fatigue",
        mark("Tired of messages"),
        mark("They answer clearly fewer of our messages than before."),
        0.3,
        30,
    ),
    Signal(
        "next-boundary",
        mark("Stage about to get worse"),
        mark("If nothing happens, a worse stage begins within 30 days."),
        0.3,
        30,
    ),
)

#: By id, the most telling first.
SIGNALS: dict[str, Signal] = {signal.id: signal for signal in _SIGNALS}
