"""The assumptions of a lake: how far to look ahead, at which interest, with which margin.

They lie beside the facts, so that the command line, a notebook and the pages assume the same.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from tenure.errors import TenureError
from tenure.lake.files import write_text
from tenure.scorecard.model import Options
from tenure.words import mark

if TYPE_CHECKING:
    from tenure.facts.lake import Lake

OPTIONS = "options.json"
#: What each may be.
BOUNDS: dict[str, tuple[float, float]] = {
    "horizon_days": (30, 3650),
    "discount": (0.0, 1.0),
    "margin": (0.0, 1.0),
    "buyers": (20, 1_000_000),
    "days": (28, 3650),
    "attention_days": (1, 365),
    "decision_days": (1, 730),
    "funnel_days": (1, 730),
}
#: From which day the decision window runs.
DECISION_FROM = ("consideration", "first-contact")


def options_of(lake: Lake) -> Options:
    """Return the assumptions of a lake; the defaults where none were set."""
    try:
        given = json.loads((lake.path / OPTIONS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Options()
    known = {name: given[name] for name in asdict(Options()) if name in given}
    return Options(**known)


def save_options(lake: Lake, **changes: float | str | None) -> Options:
    """Change assumptions of a lake and return all of them."""
    options = replace(options_of(lake), **changes)  # type: ignore[arg-type]
    for name, (low, high) in BOUNDS.items():
        value = getattr(options, name)
        if value is not None and not low <= value <= high:
            text = mark("%(name)s must be between %(low)s and %(high)s, not %(value)s.")
            raise TenureError(text, name=name, value=value, low=low, high=high)
    if options.decision_from not in DECISION_FROM:
        text = mark("%(name)s must be one of %(known)s, not %(value)r.")
        raise TenureError(text, name="decision_from", value=options.decision_from, known=", ".join(DECISION_FROM))
    write_text(lake.path / OPTIONS, json.dumps(asdict(options), indent=2) + "\n")
    return options
