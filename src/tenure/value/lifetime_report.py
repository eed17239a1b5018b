"""The report "predictions": every prediction compared with what happened, as JSON.

Calibration by frequency, actual and expected orders, tracking week by week, deciles, reliability, gain, the
table of all models and both baselines, and totals with intervals.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.features.columns import numbers
from tenure.features.purchases import WEEKS
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.value.buyers import WEEK, Buyers, buyers_of
from tenure.value.model_selection import SAMPLE
from tenure.value.scoring import fitted_of
from tenure.value.spending import expected_spend, fit_spend, spend_of
from tenure.value.totals import total

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from tenure.scorecard.model import Context
    from tenure.stats.fitted import Fitted
    from tenure.stats.record import Fit

#: Frequencies from here on stand together, unless most customers come more often than that.
MOST = 7


def predictions(table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
    """Return the report."""
    purchases, spend = fits["purchases"], fits["spend"]
    report: dict[str, Any] = {
        "as_of": context.as_of.isoformat(),
        "horizon_days": context.options.horizon_days,
        "discount": context.options.discount,
        "currency": context.currency,
        "gates": [
            {"name": gate.name, "needed": gate.needed, "found": gate.found, "passed": gate.passed}
            for gate in purchases.gates
        ],
        "model": purchases.model,
        "verdict": purchases.verdict,
        "basis": spend.params.get("basis", {}),
        "value": _value(table),
    }
    fitted = fitted_of(purchases)
    if not purchases.usable or fitted is None:
        return report
    buyers = buyers_of(table)
    report |= {
        "choice": purchases.figures,
        "spend": {"model": spend.model, "verdict": spend.verdict, **spend.params["spend"], **spend.figures},
        "params": {name: float(value) for name, value in fitted.used.params.items()},
        "calibration": by_frequency(fitted, buyers),
        "totals": _totals(fitted, fits, buyers, context),
    }
    return report | _compared(table, purchases, context)


def _value(table: pa.Table) -> dict[str, Any]:
    """Return what all customers have brought and will probably bring, as sums of the columns."""
    names = ("historic_value", "potential_value", "lifetime_value", "expected_orders")
    present = [name for name in names if name in table.column_names]
    return {
        "customers": len(table),
        "buyers": int((~np.isnan(numbers(table, "frequency"))).sum()),
        **{name: float(np.nansum(numbers(table, name))) for name in present},
    }


def groups(frequency: np.ndarray) -> np.ndarray:
    """Return the smallest frequency of each group that is shown: 0, 1 … 7, or wider ones where most come more often."""
    if not len(frequency) or (frequency >= MOST).mean() <= 0.5:
        return np.arange(MOST + 1)
    edges = np.unique(np.rint(np.quantile(frequency, np.arange(1, MOST + 1) / (MOST + 1))).astype(int))
    return np.unique(np.concatenate(([0], edges)))


def _ranges(edges: np.ndarray) -> list[dict[str, Any]]:
    """Return each group as its smallest and its largest frequency; the last one is open."""
    ends = [*(int(edge) - 1 for edge in edges[1:]), None]
    return [{"frequency": int(low), "upto": high} for low, high in zip(edges, ends, strict=True)]


def by_frequency(fitted: Fitted, buyers: Buyers) -> list[dict[str, Any]]:
    """Return how many customers bought 0, 1 … 7 or more times again, and how many the model says there should be.

    Customers of one age are put together; ages are gathered to at most 120 of them, each at its mean.
    """
    ages, where = np.unique(buyers.age, return_inverse=True)
    weight = np.bincount(where).astype(float)
    group = np.minimum((np.cumsum(weight) - weight) * 120 // weight.sum(), 119).astype(int)
    people = np.bincount(group, weight, minlength=120)
    mean = np.bincount(group, weight * ages, minlength=120)
    edges = groups(buyers.frequency)
    upto = np.zeros(edges[-1])
    for count, summed in zip(people, mean, strict=True):
        if count:
            upto += count * fitted.pmf(int(edges[-1]) - 1, summed / count)
    running = np.append(0.0, np.cumsum(upto))
    expected = np.diff(np.append(running[edges], len(buyers)))
    actual = np.bincount(np.searchsorted(edges, buyers.frequency, side="right") - 1, minlength=len(edges))
    return [
        {**frequency, "actual": int(count), "expected": float(max(predicted, 0.0))}
        for frequency, count, predicted in zip(_ranges(edges), actual, expected, strict=True)
    ]


def after_by_frequency(then: Buyers, expected: np.ndarray) -> list[dict[str, Any]]:
    """Return mean orders after a snapshot by how often customers had bought again before it: actual and expected."""
    edges = groups(then.frequency)
    group = np.searchsorted(edges, then.frequency, side="right") - 1
    people = np.bincount(group, minlength=len(edges))
    actual, predicted = (np.bincount(group, column, len(edges)) for column in (then.after, expected))
    return [
        {
            **frequency,
            "customers": int(people[n]),
            "actual": float(actual[n] / people[n]),
            "expected": float(predicted[n] / people[n]),
        }
        for n, frequency in enumerate(_ranges(edges))
        if people[n]
    ]


def deciles(then: Buyers, expected: np.ndarray, revenue: np.ndarray) -> list[dict[str, Any]]:
    """Return ten groups by expected revenue, best first: customers, and orders and sales expected and actual."""
    order = np.argsort(-revenue, kind="stable")
    return [
        {
            "decile": number,
            "customers": len(part),
            "orders_expected": float(expected[part].sum()),
            "orders_actual": float(then.after[part].sum()),
            "sales_expected": float(revenue[part].sum()),
            "sales_actual": float(then.spent[part].sum()),
        }
        for number, part in enumerate(np.array_split(order, 10), start=1)
    ]


def gain(then: Buyers, revenue: np.ndarray) -> list[dict[str, float]]:
    """Return which share of all sales the best-ranked share of customers brought; in steps of five in a hundred."""
    sales = then.spent.sum()
    if not sales > 0:
        return []
    size = len(then)
    orders = {"model": -revenue, "best": -then.spent, "past": -(then.frequency + 1) * then.mean_spend}
    running = {
        name: np.append(0.0, np.cumsum(then.spent[np.argsort(key, kind="stable")])) / sales
        for name, key in orders.items()
    }
    steps = np.linspace(0, 1, 21)
    return [
        {"share": float(step), **{name: float(line[round(step * size)]) for name, line in running.items()}}
        for step in steps
    ]


def _compared(table: pa.Table, fit: Fit, context: Context) -> dict[str, Any]:
    """Return predictions against what happened after a snapshot: of the latest one, and of all for reliability."""
    from tenure.stats import metrics

    compared: dict[str, Any] = {"origins": []}
    reliability = []
    for k in range(1, SNAPSHOTS + 1):
        fitted = fitted_of(fit, k)
        if fitted is None:
            continue
        then = buyers_of(table, k)
        weeks = HORIZON / WEEK
        expected = fitted.expected(weeks, then.cells)[then.cells.where]
        returned = np.bincount(then.cells.where, then.after > 0, len(then.cells)) / then.cells.weight
        reliability.append((returned, fitted.p_active(weeks, then.cells), then.cells.weight))
        day = context.as_of - timedelta(days=k * HORIZON)
        compared["origins"].append({"origin": k, "day": day.isoformat(), "customers": len(then)})
        if "deciles" not in compared:
            revenue = expected * expected_spend(fit_spend(then.sample(SAMPLE, context.options.seed)), then)
            compared |= {
                "after": after_by_frequency(then, expected),
                "deciles": deciles(then, expected, revenue),
                "gain": gain(then, revenue),
            }
        tracked = tracking(table, fitted, k)
        compared["tracking"] = {"origin": k, "day": day.isoformat(), "weeks": tracked}
    if reliability:
        outcome, chance, weight = (np.concatenate(column) for column in zip(*reliability, strict=True))
        compared["reliability"] = [
            {
                "low": line.low,
                "high": line.high,
                "customers": float(line.customers),
                "predicted": line.predicted,
                "actual": line.actual,
            }
            for line in metrics.calibration_table(outcome, chance, 10, weight)
        ]
    return compared


def tracking(table: pa.Table, fitted: Fitted, number: int) -> list[dict[str, Any]]:
    """Return repeat purchases week by week, and added up: actual and expected, of buyers known at a snapshot.

    The model was fitted at the snapshot; what it says of the weeks before is how it fits, of the weeks after, how it
    predicts. Expected is what new customers of the same first days would buy: it knows nothing of who did buy.
    """
    age = numbers(table, "age")
    known = age >= number * HORIZON
    actual, begin = np.zeros(WEEKS), 0
    for chunk in table.column("_weekly@0").chunks:  # every customer's counts lie beside each other in its buffer
        counts = np.frombuffer(chunk.buffers()[2], np.uint8).reshape(-1, WEEKS)[
            chunk.offset : chunk.offset + len(chunk)
        ]
        actual += counts[known[begin : begin + len(chunk)]].sum(axis=0, dtype=np.int64)
        begin += len(chunk)
    age = age[known]
    born = np.bincount(np.minimum(age // WEEK, WEEKS).astype(int), minlength=WEEKS + 1)
    actual -= born[:WEEKS]  # the first purchase is no repeat
    weeks = min(int(age.max() // WEEK) + 1, WEEKS)
    days, people = np.unique(age, return_counts=True)
    upto = np.array([people @ fitted.new_expected(np.maximum(days - n * WEEK, 0.0) / WEEK) for n in range(weeks + 1)])
    expected = upto[:-1] - upto[1:]
    split = number * HORIZON / WEEK
    rows = zip(range(weeks, 0, -1), actual[:weeks][::-1], expected[::-1], strict=True)
    sums = [float(upto[weeks])] * 2  # what happened before the weeks shown is taken as expected
    result = []
    for ago, count, predicted in rows:
        sums = [sums[0] + float(count), sums[1] + float(predicted)]
        result.append(
            {
                "ago": ago - 1,
                "actual": float(count),
                "expected": float(predicted),
                "actual_sum": sums[0],
                "expected_sum": sums[1],
                "after": bool(ago - 1 < split),
            }
        )
    return result


def _totals(fitted: Fitted, fits: Mapping[str, Fit], buyers: Buyers, context: Context) -> list[dict[str, Any]]:
    rows = [row for row in fits["purchases"].figures.get("backtest", []) if row["model"] == fits["purchases"].model]
    errors = [float(np.log(row["actual"] / row["expected"])) for row in rows if row["actual"] and row["expected"]]
    spend = spend_of(fits["spend"].params["spend"])
    spans = sorted({HORIZON, context.options.horizon_days})
    return [total(fitted, spend, buyers, days, errors, context.options.seed) for days in spans]
