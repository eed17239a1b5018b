"""Whether the money follows the stages as the model says it does.

These are claims of the relationship model's source; where facts say otherwise, the rules or the claim are wrong for
this shop, and both numbers are shown. The source once says that profit rises "until degeneration" (G05) and elsewhere
that degeneration turns it back: it is read as rising up to stability only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tenure.economics.value import interval
from tenure.lifecycle.model import Model

#: Models that claim that profit rises along their ladder, by the place of their source in the checklist.
CLAIMS = ("M12",)
#: Families of stages that have fallen back, and that are over.
_FALLEN, _OVER = ("F8",), ("F11",)


def checks_of(model: Model | None, profits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compare monthly profits with what the model claims."""
    if model is None or model.checklist not in CLAIMS:
        return []
    by_stage = {profit["stage"]: profit for profit in profits}
    ladder = [stage for stage in model.ladder if stage in by_stage]
    fallen = [stage.id for stage in model.stages if stage.family in _FALLEN and stage.id in by_stage]
    over = [stage.id for stage in model.stages if stage.family in _OVER and stage.id in by_stage]
    checks = [_rises("T10", by_stage[low], by_stage[high]) for low, high in pairwise(ladder)]
    if len(ladder) > 1:  # from the second stage on, customers bring more than they cost
        nothing = {"stage": "", "month_profit": 0.0, "draws": 0.0}
        checks.append(_rises("N35", nothing, by_stage[ladder[1]]))
    if ladder:
        checks += [_rises("N36", by_stage[stage], by_stage[ladder[-1]]) for stage in fallen]
    return checks + [_no_income(by_stage[stage]) for stage in over]


def _rises(check: str, lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Judge whether one stage brings more profit than another; the first of the draws is the estimate."""
    claim = {
        "check": check,
        "lower": lower["stage"],
        "higher": higher["stage"],
        "lower_profit": lower["month_profit"],
        "higher_profit": higher["month_profit"],
    }
    if lower["month_profit"] is None or higher["month_profit"] is None:
        return claim | {"difference": None, "low": None, "high": None, "verdict": "cannot-judge"}
    draws = np.asarray(higher["draws"]) - np.asarray(lower["draws"])
    low, high = (float(bound) for bound in interval(draws))
    holds = bool(draws[0] > 0)
    sure = low > 0 if holds else high < 0
    verdict = ("" if sure else "rather-") + ("holds" if holds else "violated")
    return claim | {"difference": float(draws[0]), "low": low, "high": high, "verdict": verdict}


def _no_income(stage: Mapping[str, Any]) -> dict[str, Any]:
    """Judge whether a life that is over brings no revenue any more (small costs are allowed)."""
    sales = stage["month_sales"]
    return {
        "check": "M12.5",
        "lower": stage["stage"],
        "higher": "",
        "lower_profit": sales,
        "higher_profit": 0.0,
        "difference": None if sales is None else -sales,
        "low": None,
        "high": None,
        "verdict": "cannot-judge" if sales is None else ("holds" if sales <= 0 else "violated"),
    }
