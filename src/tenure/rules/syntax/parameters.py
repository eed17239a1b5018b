"""Named parameters of a model: numbers that its rules and texts share."""

from __future__ import annotations

from dataclasses import dataclass

from tenure.words import LocalizedText


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number with a name, and the bounds within which it makes sense."""

    name: str
    value: float
    in_days: bool = False  # whether it is a length of time, which may also be that of a window
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    label: LocalizedText = LocalizedText()
