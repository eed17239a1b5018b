"""The scorecard model "churn": who will leave in the next ninety days, how sure that is, and what speaks for it.

Fitted once on everybody; a stored fit then scores any single customer exactly as it scored everybody.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import TEXT
from tenure.features.columns import number_column, numbers, with_columns
from tenure.features.contracts import GAP, LATE
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.risk import churn_fitting as fitting
from tenure.risk.churn_features import FEATURES, View, features
from tenure.risk.churn_fitting import CONTRACT, HIGH, HIGH_ODDS, KINDS, LOW, MEDIUM, MEDIUM_ODDS, Levels, kinds_of
from tenure.risk.churn_reasons import ASSOCIATION, reasons_of
from tenure.risk.learning import Predictor
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.words import Message

if TYPE_CHECKING:
    from tenure.scorecard.model import Context
    from tenure.stats.record import Fit

_CHUNK = 100_000


class Churn(ScorecardModel):
    """Its fits are ``churn-contract`` and ``churn-silence``; a kind that nobody belongs to has none."""

    name = "churn"
    schema = pa.schema(
        {
            "churn": pa.float64(),
            "churn_kind": TEXT,
            "churn_model": TEXT,
            "churn_level": TEXT,
            "churn_reasons": TEXT,
            # What the same model would have said 90, 180 and 270 days before: a customer's risk through time.
            **{f"churn_{90 * k}_ago": pa.float64() for k in range(1, SNAPSHOTS + 1)},
        }
    )

    families = ("purchases", "activity", "satisfaction", "contracts")

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        now = kinds_of(table)
        fits = (fitting.fitted(table, context, kind, now) for kind in KINDS)
        return [fit for fit in fits if fit is not None]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        fitted = {kind: fits[f"churn-{kind}"] for kind in KINDS if f"churn-{kind}" in fits}
        kinds = [kinds_of(table, k) for k in range(SNAPSHOTS + 1)]
        risks = np.full((SNAPSHOTS + 1, len(table)), np.nan)
        level, model, reasons = (np.full(len(table), None, dtype=object) for _ in range(3))
        for kind, fit in fitted.items():
            if not fit.usable:
                continue
            for k in range(SNAPSHOTS + 1):
                rows = np.flatnonzero(kinds[k] == kind)
                if len(rows):
                    risks[k, rows] = fitting.risk_of(table, fit, kind, k, rows)
            rows = np.flatnonzero((kinds[0] == kind) & np.isfinite(risks[0]))
            model[rows], level[rows] = fit.model, Levels(**fit.params["levels"]).of(risks[0, rows])
            if fit.params.get("explain"):
                low, high = fit.params["reasons"]
                rows = rows[np.isin(level[rows], (MEDIUM, HIGH)) & (risks[0, rows] >= low) & (risks[0, rows] <= high)]
                reasons[rows] = _reasons(table, fit, kind, rows, context.currency)
        columns = {
            "churn": number_column(risks[0]),
            "churn_kind": kinds[0],
            "churn_model": model,
            "churn_level": level,
            "churn_reasons": reasons,
            **{f"churn_{90 * k}_ago": number_column(risks[k]) for k in range(1, SNAPSHOTS + 1)},
        }
        scored = pa.table(columns, schema=self.schema)
        return Result(scored, fits, report=partial(_report, table, scored, fits, context))


def _reasons(table: pa.Table, fit: Fit, kind: str, rows: np.ndarray, currency: str) -> list[str]:
    explain, texts = Predictor.from_dict(fit.params["explain"]), []
    for n in range(0, len(rows), _CHUNK):
        view = View(table, 0, rows[n : n + _CHUNK])
        columns = features(view, contract=kind == CONTRACT)
        texts += reasons_of(explain, columns, view, fit.params["peers"], currency)
    return texts


def _report(table: pa.Table, scored: pa.Table, fits: Fits, context: Context) -> dict[str, Any]:
    table = with_columns(table, scored)
    body = {
        "as_of": context.as_of.isoformat(),
        "horizon_days": HORIZON,
        "gap_days": GAP,
        "late_days": LATE,
        "levels": {"medium_odds": MEDIUM_ODDS, "high_odds": HIGH_ODDS},
        "association": Message(ASSOCIATION),
        "groups": {group: Message(name) for group, (name, _features) in FEATURES.items()},
        "kinds": {kind: _of_kind(table, kind, fit) for kind in KINDS if (fit := fits.get(f"churn-{kind}"))},
    }
    return {"risk.churn": body}


#: Days of a relationship from which its customers are reported together.
_AGES = (0, 90, 180, 360, 720)


def _of_kind(table: pa.Table, kind: str, fit: Fit) -> dict[str, Any]:
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
        "gates": [asdict(gate) | {"passed": gate.passed} for gate in fit.gates],
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
