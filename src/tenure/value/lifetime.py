"""The scorecard model "lifetime": what each customer has brought and will bring.

Purchases and spend are fitted on everybody and scored for anybody. A model of purchases is selected by likelihood and
by back-test, both shown: back-tests compare what a model predicts at a snapshot with what happened after it, and with
two guesses that need no model. Customers who first bought after the snapshot are left out: nobody could have foreseen
them. Where a shop is large, models are *compared* on a sample of its buyers and the selected one is fitted on all.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from tenure.features.columns import with_columns
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.stats import metrics
from tenure.stats.record import Fit, Gate
from tenure.stats.threads import one_thread
from tenure.value.buyers import WEEK, Buyers, buyers_of
from tenure.value.scoring import SCHEMA, scored
from tenure.value.spending import basis_of, dependence, expected_spend, fit_spend

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.scorecard.model import Context, Options
    from tenure.stats.cells import Cells
    from tenure.stats.fitted import Fitted

#: How many customers must have come back for the rhythm of coming back to be learnt.
REPEATERS = 50
#: A snapshot is held to less: it only tests what was learnt.
SNAPSHOT_BUYERS, SNAPSHOT_REPEATERS, SNAPSHOT_DAYS = 100, 30, 60
#: Buyers on whom models are compared.
SAMPLE = 30_000
#: Models that are always tried; the families with regular gaps are climbed, k = 2, 3 …, while they gain.
ALWAYS = ("nbd", "bg-nbd", "mbg-nbd", "pareto-nbd")
FAMILIES = {"bg-cnbd": "bg-nbd", "mbg-cnbd": "mbg-nbd"}
REGULAR = range(2, 7)
#: By how much a model must err less, at every snapshot, to be taken against the likelihood.
CLEARLY = 0.02
#: Guesses without a model: go on at the average rate so far, or as in the 90 days before.
BASELINES = ("rate-times-time", "last-period")
ERRORS = ("bias", "mae", "rel_mae", "rmse", "corr")
METRICS = (*ERRORS, "auc", "gini")


class Lifetime(ScorecardModel):
    """Purchases and spend; its fits are ``purchases`` and ``spend``."""

    name = "lifetime"
    schema = SCHEMA
    families = ("purchases",)

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        buyers = buyers_of(table)
        conditions = gates(buyers, context.options)
        # What a later fit is compared with, to notice that customers have changed.
        inputs = {
            "frequency": metrics.quantiles(buyers.frequency),
            "recency": metrics.quantiles(buyers.recency * WEEK),
            "age": metrics.quantiles(buyers.age * WEEK),
            "repeat_spend": metrics.quantiles(buyers.spend),
        }
        seed = context.options.seed
        shared: dict[str, Any] = {"gates": conditions, "customers": len(buyers), "seed": seed, "inputs": inputs}
        params: dict[str, Any] = {"basis": asdict(basis_of(table, context.options))}
        if not all(condition.passed for condition in conditions):
            shared["verdict"] = "too-little-data"
            return [Fit("purchases", **shared), Fit("spend", params=params, **shared)]
        spend, relation = fit_spend(buyers), dependence(buyers)
        return [
            Fit("purchases", **_fit_purchases(table, buyers, seed), **shared),
            Fit(
                "spend",
                model=spend.model,
                verdict="dependent" if relation["warning"] else "ok",
                params={**params, "spend": asdict(spend)},
                figures={"dependence": relation, "log_likelihood": spend.log_likelihood, "mean": spend.mean},
                **shared,
            ),
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


def gates(buyers: Buyers, options: Options) -> tuple[Gate, ...]:
    """Return the conditions for predicting purchases, met or not; pages say which one is missing."""
    return (
        Gate("buyers", options.buyers, len(buyers)),
        Gate("days", options.days, _days(buyers)),
        Gate("repeaters", min(REPEATERS, options.buyers), buyers.repeaters),
    )


def _days(buyers: Buyers) -> float:
    """Return the days from the first purchase of all to the last."""
    if not len(buyers):
        return 0.0
    return float(round((buyers.age.max() - (buyers.age - buyers.recency).min()) * WEEK))


def guesses(then: Buyers) -> dict[str, np.ndarray]:
    """Return the orders that two guesses without a model expect in the next 90 days.

    ``rate-times-time``: purchase days after the first, by the time known, go on. A customer who came on the very day
    is taken as known for a week. ``last-period``: what came in the 90 days before comes again.
    """
    rate = then.frequency / np.maximum(then.age, 1.0) * (HORIZON / WEEK)
    return dict(zip(BASELINES, (rate, then.before), strict=True))


def scores_of(then: Buyers, orders: np.ndarray, active: np.ndarray, revenue: np.ndarray) -> dict[str, Any]:
    """Return the :data:`METRICS` of what was expected of the 90 days after a snapshot, with totals.

    `active` ranks the buyers for "buys at all": a probability where there is a model.
    """
    return {
        "customers": len(then),
        "actual": float(then.after.sum()),
        "expected": float(orders.sum()),
        "revenue_actual": float(then.spent.sum()),
        "revenue_expected": float(revenue.sum()),
        **{name: getattr(metrics, name)(then.after, orders) for name in ERRORS},
        "auc": metrics.auc(then.after > 0, active),
        "gini": metrics.gini(then.spent, revenue),
    }


def averaged(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the mean of each metric over the snapshots, by model; of the bias, the mean distance from 0 too."""
    means: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(row["model"] for row in rows):
        mine = [row for row in rows if row["model"] == name]
        metrics = {metric: _mean([row[metric] for row in mine]) for metric in METRICS}
        means[name] = {**metrics, "off": _mean([abs(row["bias"]) for row in mine]), "origins": float(len(mine))}
    return means


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def fit_all(cells: Cells) -> list[Fitted]:
    from tenure.stats import purchases

    fits = [purchases.fit(name, cells) for name in ALWAYS]
    for family, plain in FAMILIES.items():
        before = next(fit for fit in fits if fit.name == plain)
        for k in REGULAR:
            fit = purchases.fit(f"{family}-{k}", cells)
            fits.append(fit)
            if not fit.log_likelihood > before.log_likelihood:
                break
            before = fit
    return fits


def backtest(
    names: Sequence[str], snapshots: Mapping[int, Buyers]
) -> tuple[list[dict[str, Any]], dict[int, dict[str, Fitted]]]:
    """Return the metrics of every model and baseline at every snapshot that can be tested, and the models there."""
    from tenure.stats import purchases

    rows: list[dict[str, Any]] = []
    models: dict[int, dict[str, Fitted]] = {}
    for number, then in snapshots.items():
        # Too few buyers, or too short a past, to fit on what was known there.
        if len(then) < SNAPSHOT_BUYERS or then.repeaters < SNAPSHOT_REPEATERS or _days(then) < SNAPSHOT_DAYS:
            continue
        spend = expected_spend(fit_spend(then), then)
        models[number] = {name: purchases.fit(name, then.cells) for name in names}
        weeks, cells = HORIZON / WEEK, then.cells
        for fit in models[number].values():
            orders, active = fit.expected(weeks, cells)[cells.where], fit.p_active(weeks, cells)[cells.where]
            rows.append({"origin": number, "model": fit.name, **scores_of(then, orders, active, orders * spend)})
        for name, orders in guesses(then).items():
            scores = scores_of(then, orders, orders, orders * then.mean_spend)
            rows.append({"origin": number, "model": name, **scores})
    return rows, models


class ModelSelection(NamedTuple):
    """The outcome of a comparison."""

    model: str  # which one is used
    # ``both`` (likelihood and back-test agree), ``likelihood`` (no other is clearly better at every snapshot),
    # ``backtest`` (another one is), or ``untested`` (no snapshot could be tested)
    why: str
    verdict: str  # ``ok``, or ``no-dropout`` when no model that knows leaving finds any
    likeliest: str  # the model with the smallest AIC


def select(fits: list[Fitted], rows: list[dict[str, Any]]) -> ModelSelection:
    """Return which model is used, and why.

    The model with the smallest AIC wins (where it finds no dropout, the AIC of its fallback), unless another one errs
    clearly less (root mean squared error of a customer's next 90 days smaller at every snapshot, and by 2 % on
    average): then the one that errs least. Squared error is used because its smallest value belongs to the true mean;
    absolute error would favour saying "nothing" of people who seldom buy.
    """
    candidates = [fit for fit in fits if fit.verdict != "not-identified"] or fits
    best = min(candidates, key=lambda fit: fit.used.aic)
    errors = {name: means["rmse"] for name, means in averaged(rows).items()}
    used, why = best, "untested"
    if best.name in errors:
        at = {(row["model"], row["origin"]): row["rmse"] for row in rows}
        everywhere = {number: error for (name, number), error in at.items() if name == best.name}

        def clearly_better(fit: Fitted) -> bool:
            less = all(at[fit.name, number] < error for number, error in everywhere.items())
            return less and errors[fit.name] < (1 - CLEARLY) * errors[best.name]

        better = [fit for fit in candidates if fit is not best and clearly_better(fit)]
        least = min(better or candidates, key=lambda fit: errors[fit.name])
        used, why = (least, "backtest") if better else (best, "both" if least is best else "likelihood")
    verdict = used.verdict
    if used.name == "nbd":  # it knows no leaving: what the models say that know it
        verdicts = [fit.verdict for fit in fits if fit.name in ALWAYS and fit is not used]
        verdict = "no-dropout" if verdicts and "ok" not in verdicts else verdict
    return ModelSelection(used.name, why, verdict, best.name)


def comparison(fits: list[Fitted], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one line a model, likeliest first: parameters, likelihood and its mean metrics over the snapshots.

    Where nobody leaves, AIC and BIC are those of the model without dropout that answers in its place (``used``).
    """
    means = averaged(rows)
    return [
        {
            "model": fit.name,
            "params": {name: float(value) for name, value in fit.params.items()},
            "log_likelihood": float(fit.log_likelihood),
            "aic": float(fit.used.aic),
            "bic": float(fit.used.bic),
            "used": fit.used.name,
            "verdict": fit.verdict,
            "customers": float(fit.customers),
            "backtest": means.get(fit.name, {}),
        }
        for fit in sorted(fits, key=lambda fit: fit.used.aic)
    ]
