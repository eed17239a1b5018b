"""Whether the money follows the stages as the model says it does.

These are claims of the relationship model's source; where facts say otherwise, the rules or the claim are wrong here,
and both numbers are shown. The source once says that profit rises "until degeneration" (G05) and elsewhere that
degeneration turns it back: it is read as rising up to stability only.
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
    ladder = [one for one in model.ladder if one in by_stage]
    told = [_rises("T10", by_stage, low, high) for low, high in pairwise(ladder)]
    if len(ladder) > 1:
        told.append(_positive(by_stage, ladder[1]))
    fallen = [stage.id for stage in model.stages if stage.family in _FALLEN and stage.id in by_stage]
    told += [_rises("N36", by_stage, one, ladder[-1]) for one in fallen if ladder]
    over = [stage.id for stage in model.stages if stage.family in _OVER and stage.id in by_stage]
    return told + [_no_income(by_stage[one]) for one in over]


def _rises(check: str, by_stage: Mapping[str, Mapping[str, Any]], lower: str, higher: str) -> dict[str, Any]:
    one, other = by_stage[lower], by_stage[higher]
    told = {
        "check": check, "lower": lower, "higher": higher,
        "lower_profit": one["month_profit"], "higher_profit": other["month_profit"],
    }  # fmt: skip
    known = one["month_profit"] is not None and other["month_profit"] is not None
    return told | _judged(np.asarray(other["draws"]) - np.asarray(one["draws"]) if known else None)


def _positive(by_stage: Mapping[str, Mapping[str, Any]], stage: str) -> dict[str, Any]:
    one = by_stage[stage]
    told = {"check": "N35", "lower": "", "higher": stage, "lower_profit": 0.0, "higher_profit": one["month_profit"]}
    return told | _judged(np.asarray(one["draws"]) if one["month_profit"] is not None else None)


def _no_income(one: Mapping[str, Any]) -> dict[str, Any]:
    """Whether a life that is over brings no revenue any more (small costs are allowed)."""
    sales = one["month_sales"]
    verdict = "cannot-judge" if sales is None else ("holds" if sales <= 0 else "violated")
    return {
        "check": "M12.5", "lower": one["stage"], "higher": "", "lower_profit": sales, "higher_profit": 0.0,
        "difference": None if sales is None else -sales, "low": None, "high": None, "verdict": verdict,
    }  # fmt: skip


def _judged(draws: np.ndarray | None) -> dict[str, Any]:
    """Judge whether a difference is above 0; the first of the draws is the estimate."""
    if draws is None:
        return {"difference": None, "low": None, "high": None, "verdict": "cannot-judge"}
    low, high = (float(one) for one in interval(draws))
    up = bool(draws[0] > 0)
    sure = low > 0 if up else high < 0
    verdict = ("" if sure else "rather-") + ("holds" if up else "violated")
    return {"difference": float(draws[0]), "low": low, "high": high, "verdict": verdict}
