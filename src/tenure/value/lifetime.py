"""The scorecard model "lifetime": what each customer has brought and will bring.

Purchases and spend are fitted on everybody and scored for anybody; nothing is calculated here.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.features.columns import with_columns
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.stats.record import Fit
from tenure.stats.threads import one_thread
from tenure.value.buyers import WEEK, Buyers, buyers_of
from tenure.value.model_selection import BASELINES, SAMPLE, averaged, backtest, comparison, fit_all, gates, select
from tenure.value.scoring import SCHEMA, scored
from tenure.value.spending import basis_of, dependence, fit_spend

if TYPE_CHECKING:
    from tenure.scorecard.model import Context


class Lifetime(ScorecardModel):
    """Purchases and spend; its fits are ``purchases`` and ``spend``."""

    name = "lifetime"
    schema = SCHEMA
    families = ("purchases",)

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        from tenure.stats.metrics import quantiles

        buyers = buyers_of(table)
        conditions = gates(buyers, context.options)
        enough = all(condition.passed for condition in conditions)
        shared: dict[str, Any] = {"gates": conditions, "customers": len(buyers), "seed": context.options.seed}
        # What a later fit is compared with, to notice that customers have changed.
        inputs = {
            "frequency": quantiles(buyers.frequency),
            "recency": quantiles(buyers.recency * WEEK),
            "age": quantiles(buyers.age * WEEK),
            "repeat_spend": quantiles(buyers.spend),
        }
        spending = _fit_spend(table, buyers, context, enough=enough)
        if not enough:
            return [
                Fit("purchases", verdict="too-little-data", inputs=inputs, **shared),
                Fit("spend", model="", inputs=inputs, **{**spending, "verdict": "too-little-data"}, **shared),
            ]
        purchases = _fit_purchases(table, buyers, context.options.seed)
        return [
            Fit("purchases", inputs=inputs, **purchases, **shared),
            Fit("spend", model=spending["params"]["spend"]["model"], inputs=inputs, **spending, **shared),
        ]

    @one_thread()
    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        columns = scored(table, fits, context)
        return Result(columns, fits, report=partial(_report, table, columns, fits, context))


@one_thread()
def _report(table: pa.Table, columns: pa.Table, fits: Fits, context: Context) -> dict[str, Any]:
    from tenure.value.lifetime_report import predictions

    return {"predictions": predictions(with_columns(table, columns), fits, context)}


def _fit_purchases(table: pa.Table, buyers: Buyers, seed: int) -> dict[str, Any]:
    """Return what is written down of the models of purchases: the selected one, and how all of them did."""
    from tenure.stats import purchases

    snapshots = {k: buyers_of(table, k).sample(SAMPLE, seed) for k in range(1, SNAPSHOTS + 1)}
    sample = buyers.sample(SAMPLE, seed)
    fits = fit_all(sample.cells)
    rows, models = backtest([fit.name for fit in fits], snapshots)
    selection = select(fits, rows)
    fitted = next(fit for fit in fits if fit.name == selection.model)
    if len(sample) < len(buyers):
        fitted = purchases.fit(selection.model, buyers.cells, start=fitted.params)
    # At the snapshots the models of the back-test answer, so that pages and scores speak of the same.
    then = {str(k): fits_then[selection.model].to_dict() for k, fits_then in models.items()}
    means = averaged(rows)
    return {
        "model": selection.model,
        "verdict": selection.verdict,
        "params": {"unit_days": WEEK, "model": fitted.to_dict(), "origins": then},
        "figures": {
            "why": selection.why,
            "likeliest": selection.likeliest,
            "compared_on": len(sample),
            "horizon": HORIZON,
            "models": comparison(fits, rows),
            "baselines": [{"model": name, "backtest": means[name]} for name in BASELINES if name in means],
            "backtest": rows,
        },
    }


def _fit_spend(table: pa.Table, buyers: Buyers, context: Context, *, enough: bool) -> dict[str, Any]:
    params: dict[str, Any] = {"basis": asdict(basis_of(table, context.options))}
    if not enough:
        return {"params": params}
    spend = fit_spend(buyers)
    relation = dependence(buyers)
    return {
        "verdict": "dependent" if relation["warning"] else "ok",
        "params": {**params, "spend": asdict(spend)},
        "figures": {"dependence": relation, "log_likelihood": spend.log_likelihood, "mean": spend.mean},
    }
