"""The scorecard model "churn": who will leave in the next ninety days, how sure that is, and what speaks for it.

Fitted once on everybody; a stored fit then scores any single customer exactly as it scored everybody.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.facts.schema import TEXT
from tenure.features.columns import number_column
from tenure.features.windows import SNAPSHOTS
from tenure.risk import churn_fitting as fitting
from tenure.risk import churn_report
from tenure.risk.churn_features import View, features
from tenure.risk.churn_kinds import CONTRACT, HIGH, MEDIUM, SILENCE, Levels, kinds_of
from tenure.risk.churn_reasons import reasons_of
from tenure.risk.learning import Predictor
from tenure.scorecard.model import Fits, Result, ScorecardModel

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
        fits = (fitting.fitted(table, context, kind, now) for kind in (CONTRACT, SILENCE))
        return [fit for fit in fits if fit is not None]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        usable = {kind: fits[f"churn-{kind}"] for kind in (CONTRACT, SILENCE) if f"churn-{kind}" in fits}
        usable = {kind: fit for kind, fit in usable.items() if fit.usable}
        kinds = [kinds_of(table, k) for k in range(SNAPSHOTS + 1)]
        risks = np.full((SNAPSHOTS + 1, len(table)), np.nan)
        level, model, reasons = (np.full(len(table), None, dtype=object) for _ in range(3))
        for kind, fit in usable.items():
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
            "churn_kind": pa.array(kinds[0], TEXT),
            "churn_model": pa.array(model, TEXT),
            "churn_level": pa.array(level, TEXT),
            "churn_reasons": pa.array(reasons, TEXT),
            **{f"churn_{90 * k}_ago": number_column(risks[k]) for k in range(1, SNAPSHOTS + 1)},
        }
        scored = pa.table([columns[name] for name in self.schema.names], schema=self.schema)
        return Result(scored, fits, report=partial(churn_report.report, table, scored, fits, context))


def _reasons(table: pa.Table, fit: Fit, kind: str, rows: np.ndarray, currency: str) -> list[str]:
    explain, texts = Predictor.from_dict(fit.params["explain"]), []
    for n in range(0, len(rows), _CHUNK):
        view = View(table, 0, rows[n : n + _CHUNK])
        columns = features(view, contract=kind == CONTRACT)
        texts += reasons_of(explain, columns, view, fit.params["peers"], currency)
    return texts
