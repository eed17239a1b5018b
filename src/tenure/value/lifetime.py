"""The part "lifetime" of the scorecard: purchases and spend, fitted on everybody and scored for anybody.

Nothing is calculated here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.lifecycle.figures import HORIZON, ORIGINS
from tenure.stats.record import Fit
from tenure.value import choosing
from tenure.value.buyers import WEEK, Seen, seen
from tenure.value.gates import gates
from tenure.value.scoring import SCHEMA, scored
from tenure.value.spending import basis_of, dependence, fit_spend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.lifecycle.context import Context


class Lifetime:
    """See :class:`tenure.lifecycle.context.Part`."""

    name = "lifetime"
    schema = SCHEMA

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return the fits ``purchases`` and ``spend`` of everybody."""
        buyers = seen(table)
        conditions = gates(buyers, context.options)
        enough = all(condition.passed for condition in conditions)
        shared: dict[str, Any] = {"gates": conditions, "customers": len(buyers), "seed": context.options.seed}
        inputs = _inputs(buyers)
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

    def score(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> pa.Table:
        """Return the columns of :attr:`schema`, see :func:`tenure.value.scoring.scored`."""
        from tenure.stats.threads import one_thread

        with one_thread():
            return scored(table, fits, context)

    def report(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
        """Return ``predictions``: totals with intervals, and every back-test, see `reporting`."""
        from tenure.stats.threads import one_thread
        from tenure.value.lifetime_report import reported

        with one_thread():
            return {"predictions": reported(table, fits, context)}

    def tables(self, table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, pa.Table]:
        """Return no tables: everything is a column."""
        del table, fits, context
        return {}


def _fit_purchases(table: pa.Table, buyers: Seen, seed: int) -> dict[str, Any]:
    """Return what is written down of the models of purchases: the chosen one, and how all of them did."""
    from tenure.stats import purchases

    origins = {k: seen(table, k) for k in range(1, ORIGINS + 1) if f"_frequency@{k}" in table.column_names}
    few = {k: then.sample(choosing.SAMPLE, seed) for k, then in origins.items()}
    sample = buyers.sample(choosing.SAMPLE, seed)
    fits = choosing.fit_all(sample.cells)
    rows, tested = choosing.tested([fit.name for fit in fits], few)
    choice = choosing.choose(fits, rows)
    found = next(fit for fit in fits if fit.name == choice.model)
    if len(sample) < len(buyers):
        found = purchases.fit(choice.model, buyers.cells, start=found.params)
    # At the origins the models of the back-test answer, so that pages and scores speak of the same.
    then = {str(k): models[choice.model].to_dict() for k, models in tested.items()}
    return {
        "model": choice.model,
        "verdict": choice.verdict,
        "params": {"unit_days": WEEK, "model": found.to_dict(), "origins": then},
        "figures": {
            "why": choice.why,
            "likeliest": choice.likeliest,
            "compared_on": len(sample),
            "horizon": HORIZON,
            "models": choosing.compared(fits, rows),
            "baselines": _baselines(rows),
            "backtest": rows,
        },
    }


def _baselines(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from tenure.value.backtest import BASELINES, averaged

    means = averaged(rows)
    return [{"model": name, "backtest": means[name]} for name in BASELINES if name in means]


def _fit_spend(table: pa.Table, buyers: Seen, context: Context, *, enough: bool) -> dict[str, Any]:
    basis = basis_of(table, context.options)
    params: dict[str, Any] = {"basis": basis.params}
    if not enough:
        return {"params": params}
    spend = fit_spend(buyers)
    relation = dependence(buyers)
    return {
        "verdict": "dependent" if relation["warning"] else "ok",
        "params": {**params, "spend": spend.params},
        "figures": {"dependence": relation, "log_likelihood": spend.log_likelihood, "mean": spend.mean},
    }


def _inputs(buyers: Seen) -> dict[str, list[float]]:
    from tenure.stats.metrics import quantiles

    columns: dict[str, np.ndarray] = {
        "frequency": buyers.frequency,
        "recency": buyers.recency * WEEK,
        "age": buyers.age * WEEK,
        "repeat_spend": buyers.spend,
    }
    return {name: quantiles(values) for name, values in columns.items()}


PART = Lifetime()
