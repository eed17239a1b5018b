"""The scorecard model "churn": who will leave in the next ninety days, how sure that is, and what speaks for it.

Fitted once on everybody; a stored fit then scores any single customer exactly as it scored everybody.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.facts.schema import TEXT
from tenure.features.columns import number_column, with_columns
from tenure.features.windows import SNAPSHOTS
from tenure.risk import churn_fitting as fitting
from tenure.risk import churn_report
from tenure.risk.churn_features import View, features
from tenure.risk.churn_kinds import CONTRACT, SILENCE, kinds_of
from tenure.risk.churn_levels import HIGH, MEDIUM, Levels
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
        """Return what was fitted on all customers, one fit a kind of leaving."""
        now = kinds_of(table)
        return [made for kind in (CONTRACT, SILENCE) if (made := fitting.fitted(table, context, kind, now)) is not None]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Return everybody's risk now and on each snapshot, its level and its reasons."""
        scored = _Scored(table, fits)
        columns = pa.table([scored.column(name, context) for name in self.schema.names], schema=self.schema)
        return Result(columns, fits, report=partial(_report, table, columns, fits, context))


def _report(table: pa.Table, columns: pa.Table, fits: Fits, context: Context) -> dict[str, Any]:
    return {"risk.churn": churn_report.body(with_columns(table, columns), fits, context)}


class _Scored:
    """Everybody's risk on every origin, worked out kind by kind."""

    def __init__(self, table: pa.Table, fits: Fits) -> None:
        self.table = table
        self.fits = {kind: fits[f"churn-{kind}"] for kind in (CONTRACT, SILENCE) if f"churn-{kind}" in fits}
        self.kinds = kinds_of(table)
        self.risk = [self._risk(k) for k in range(SNAPSHOTS + 1)]
        self.levels = self._levels()

    def _risk(self, origin: int) -> np.ndarray:
        risk = np.full(len(self.table), np.nan)
        kinds = self.kinds if origin == 0 else kinds_of(self.table, origin)
        for kind, fit in self.fits.items():
            rows = np.flatnonzero(kinds == kind)
            if fit.usable and len(rows):
                risk[rows] = fitting.risk_of(self.table, fit, kind, origin, rows)
        return risk

    def _levels(self) -> np.ndarray:
        levels = np.full(len(self.table), None, dtype=object)
        for kind, fit in self.fits.items():
            rows = np.flatnonzero((self.kinds == kind) & np.isfinite(self.risk[0]))
            if fit.usable:
                levels[rows] = Levels.from_dict(fit.params["levels"]).of(self.risk[0][rows])
        return levels

    def column(self, name: str, context: Context) -> pa.Array:
        """Return one column of the schema."""
        if name.endswith("_ago"):
            return number_column(self.risk[int(name.split("_")[1]) // 90])
        if name == "churn":
            return number_column(self.risk[0])
        if name == "churn_level":
            return pa.array(self.levels, TEXT)
        if name == "churn_reasons":
            return pa.array(self._reasons(context), TEXT)
        known = np.isfinite(self.risk[0])
        if name == "churn_kind":
            return pa.array(self.kinds, TEXT)
        models = {kind: fit.model for kind, fit in self.fits.items()}
        return pa.array([models.get(one) if ok else None for one, ok in zip(self.kinds, known, strict=True)], TEXT)

    def _reasons(self, context: Context) -> np.ndarray:
        texts = np.full(len(self.table), None, dtype=object)
        for kind, fit in self.fits.items():
            if not fit.usable or not fit.params.get("explain"):
                continue
            explain = Predictor.from_dict(fit.params["explain"])
            wanted = (self.kinds == kind) & np.isin(self.levels, (MEDIUM, HIGH))
            low, high = fit.params["reasons"]
            rows = np.flatnonzero(wanted & (self.risk[0] >= low) & (self.risk[0] <= high))
            for n in range(0, len(rows), _CHUNK):
                some = rows[n : n + _CHUNK]
                view = View(self.table, 0, some)
                columns = features(view, contract=kind == CONTRACT)
                texts[some] = reasons_of(explain, columns, view, fit.params["peers"], context.currency)
        return texts
