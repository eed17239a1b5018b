"""What it is worth when a customer stands in another stage.

That is a difference between customers who went there by themselves. It is an association, not the effect of bringing
somebody there; only a hold-out shows that.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenure.economics.value import Forward, interval


def stage_values(found: Forward) -> list[dict[str, Any]]:
    """Return the value of every stage over the horizon."""
    told = []
    standing, entering = found.standing_all, found.entering_all
    for n, name in enumerate(found.counts.stages):
        known = bool(found.known[n])
        one: dict[str, Any] = {"stage": name}
        for key, draws in (("value", standing[:, n]), ("entering", entering[:, n])):
            low, high = interval(draws)
            one[key] = float(draws[0]) if known else None
            one[f"{key}_low"], one[f"{key}_high"] = (float(low), float(high)) if known else (None, None)
        told.append(one)
    return told


def move_values(found: Forward) -> list[dict[str, Any]]:
    """Return the value of moving one customer from each stage to each other."""
    known = np.flatnonzero(found.known)
    # Like with like: what the tiers that stand in the source would bring after entering the target.
    after = np.einsum("ntb,ta->nab", found.entering, found.tier_mix)
    difference = after - found.standing_all[:, :, None]
    low, high = interval(difference)
    return [
        {
            "source": found.counts.stages[source],
            "target": found.counts.stages[target],
            "value": float(difference[0, source, target]),
            "low": float(low[source, target]),
            "high": float(high[source, target]),
        }
        for source in known
        for target in known
        if source != target
    ]
