"""What pages show of churn: who is at risk in all, how good the models are, what weighs."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from tenure.features.columns import numbers, with_columns
from tenure.features.contracts import GAP, LATE
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.risk.churn_features import GROUPS
from tenure.risk.churn_kinds import CONTRACT, HIGH, HIGH_ODDS, LOW, MEDIUM, MEDIUM_ODDS, SILENCE
from tenure.risk.churn_reasons import ASSOCIATION
from tenure.words import Message

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from tenure.scorecard.model import Context
    from tenure.stats.record import Fit


def report(table: pa.Table, scored: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
    table = with_columns(table, scored)
    kinds = {kind: _of_kind(table, fits[f"churn-{kind}"]) for kind in (CONTRACT, SILENCE) if f"churn-{kind}" in fits}
    body = {
        "as_of": context.as_of.isoformat(),
        "horizon_days": HORIZON,
        "gap_days": GAP,
        "late_days": LATE,
        "levels": {"medium_odds": MEDIUM_ODDS, "high_odds": HIGH_ODDS},
        "association": Message(ASSOCIATION),
        "groups": {name: Message(text) for name, text in GROUPS.items()},
        "kinds": kinds,
    }
    return {"risk.churn": body}


#: Days of a relationship from which its customers are reported together.
_AGES = (0, 90, 180, 360, 720)


def _of_kind(table: pa.Table, fit: Fit) -> dict[str, Any]:
    kind = fit.part.removeprefix("churn-")
    # Filtering copies, and of more than a hundred columns only these are read.
    read = [name for name in table.column_names if name.startswith("churn") or name in ("age", "_contract_age@0")]
    rows = table.select(read).filter(pc.equal(table.column("churn_kind"), kind))
    risk = numbers(rows, "churn")
    known = np.isfinite(risk)
    levels = Counter(rows.column("churn_level").to_pylist())
    # The same customers on each snapshot, oldest first: the curve of a whole business.
    before = {90 * k: numbers(rows, f"churn_{90 * k}_ago") for k in range(SNAPSHOTS, 0, -1)} | {0: risk}
    reasons = rows.column("churn_reasons").drop_null().to_pylist()[:5000]
    groups = Counter(reason["group"] for text in reasons for reason in json.loads(text))
    # By the length of the relationship: risk along the life cycle.
    age = np.fmax(numbers(rows, "age"), numbers(rows, "_contract_age@0"))
    by_age = [
        {"from_days": low, "to_days": high, **_mean(risk[known & (age >= low) & (age < (high or np.inf))])}
        for low, high in zip(_AGES, (*_AGES[1:], None), strict=True)
    ]
    return {
        "model": fit.model,
        "verdict": fit.verdict,
        "gates": [
            {"name": gate.name, "needed": gate.needed, "found": gate.found, "passed": gate.passed} for gate in fit.gates
        ],
        "customers": len(rows),
        "scored": int(known.sum()),
        "expected_to_leave": float(risk[known].sum()) if known.any() else None,
        "by_level": {level: levels.get(level, 0) for level in (HIGH, MEDIUM, LOW)},
        "bounds": fit.params.get("levels"),
        "risk_before": [{"days_ago": days, **_mean(past[np.isfinite(past)])} for days, past in before.items()],
        "by_age": by_age,
        "top_reasons": dict(groups.most_common()),
        # How the model that answers did on the newest ninety days, which it had not seen.
        "newest": fit.figures.get("newest") or fit.figures.get("models", {}).get(fit.model),
        **{
            name: fit.figures[name]
            for name in ("models", "chosen", "why", "origins", "profit", "group_weights", "leak", "missing")
            if name in fit.figures
        },
    }


def _mean(risk: np.ndarray) -> dict[str, Any]:
    return {"customers": len(risk), "mean": float(risk.mean()) if len(risk) else None}
