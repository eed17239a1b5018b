"""The report "predictions": every prediction compared with what happened, as JSON.

Calibration by frequency, actual and expected orders, tracking week by week, deciles, reliability, gain, the
table of all models and both baselines, and totals of all customers with two intervals, both labelled. The *statistical*
one holds what chance and the uncertainty of the parameters do: futures of all customers are simulated under parameters
drawn as the data leave them. The *wide* one adds how far the model was off in the back-test: on real shops the model's
own error is the larger one (on CDNOW the total is 12 % too low, outside the statistical interval).
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.features.columns import numbers
from tenure.features.purchases import WEEKS
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.stats import metrics
from tenure.value.buyers import WEEK, Buyers, buyers_of
from tenure.value.lifetime import SAMPLE
from tenure.value.scoring import fitted_of
from tenure.value.spending import Spend, expected_spend, fit_spend, moments, spend_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.scorecard.model import Context, Options
    from tenure.stats.cells import Cells
    from tenure.stats.fitted import Fitted
    from tenure.stats.record import Fit

#: Frequencies from here on stand together, unless most customers come more often than that.
MOST = 7
#: Simulated futures, and customers that are simulated one by one; more are scaled up from them.
FUTURES, SIMULATED = 200, 5_000


def predictions(table: pa.Table, fits: Mapping[str, Fit], context: Context) -> dict[str, Any]:
    purchases, spend = fits["purchases"], fits["spend"]
    report: dict[str, Any] = {
        "as_of": context.as_of.isoformat(),
        "horizon_days": context.options.horizon_days,
        "discount": context.options.discount,
        "currency": context.currency,
        "gates": [{**asdict(gate), "passed": gate.passed} for gate in purchases.gates],
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
        "totals": totals(fitted, fits, buyers, context.options),
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


def _by_range(edges: np.ndarray, **columns: np.ndarray) -> list[dict[str, Any]]:
    """Return one row a group, with its smallest and its largest frequency; the last one is open."""
    upto = pa.array([*(edges[1:] - 1).tolist(), None], pa.int64())
    return pa.table({"frequency": edges, "upto": upto, **columns}).to_pylist()


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
    return _by_range(edges, actual=actual, expected=np.maximum(expected, 0.0))


def after_by_frequency(then: Buyers, expected: np.ndarray) -> list[dict[str, Any]]:
    """Return mean orders after a snapshot by how often customers had bought again before it: actual and expected."""
    edges = groups(then.frequency)
    group = np.searchsorted(edges, then.frequency, side="right") - 1
    people = np.bincount(group, minlength=len(edges))
    means = (np.bincount(group, column, len(edges)) / np.maximum(people, 1) for column in (then.after, expected))
    rows = _by_range(edges, customers=people, **dict(zip(("actual", "expected"), means, strict=True)))
    return [row for row in rows if row["customers"]]


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
    orders = {"model": -revenue, "best": -then.spent, "past": -(then.frequency + 1) * then.mean_spend}
    running = {
        name: np.append(0.0, np.cumsum(then.spent[np.argsort(key, kind="stable")])) / sales
        for name, key in orders.items()
    }
    steps = np.linspace(0, 1, 21)
    places = [round(step * len(then)) for step in steps]
    return pa.table({"share": steps, **{name: line[places] for name, line in running.items()}}).to_pylist()


def _compared(table: pa.Table, fit: Fit, context: Context) -> dict[str, Any]:
    """Return predictions against what happened after a snapshot: of the latest one, and of all for reliability."""
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
        compared["reliability"] = [asdict(row) for row in metrics.calibration_table(outcome, chance, 10, weight)]
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
    oldest_first = np.array([actual[:weeks], expected])[:, ::-1]
    # What happened before the weeks shown is taken as expected.
    sums = np.cumsum(np.column_stack([np.full(2, upto[weeks]), oldest_first]), axis=1)[:, 1:]
    ago = np.arange(weeks)[::-1]
    columns = dict(zip(("actual", "expected", "actual_sum", "expected_sum"), [*oldest_first, *sums], strict=True))
    return pa.table({"ago": ago, **columns, "after": ago < number * HORIZON / WEEK}).to_pylist()


def totals(fitted: Fitted, fits: Mapping[str, Fit], buyers: Buyers, options: Options) -> list[dict[str, Any]]:
    """Return expected totals of the next 90 days and of the horizon, with both intervals."""
    rows = [row for row in fits["purchases"].figures.get("backtest", []) if row["model"] == fits["purchases"].model]
    ratios = [row["actual"] / row["expected"] for row in rows if row["actual"] and row["expected"]]
    off = max((abs(float(np.log(ratio))) for ratio in ratios), default=0.0)
    spend = spend_of(fits["spend"].params["spend"])
    mean, _ = moments(spend, buyers.frequency, np.nan_to_num(buyers.spend))
    result = []
    for days in sorted({HORIZON, options.horizon_days}):
        weeks = days / WEEK
        expected = fitted.expected(weeks, buyers.cells)[buyers.cells.where]
        orders, sales = _simulated(fitted, spend, buyers, weeks, options.seed)
        bounds = {
            "orders": _bounds(float(expected.sum()), orders, off),
            "sales": _bounds(float((expected * mean).sum()), sales, off),
        }
        error = float(np.expm1(off)) if ratios else None
        result.append({"days": days, **bounds, "error": error, "futures": FUTURES})
    return result


def _bounds(expected: float, ratios: np.ndarray, off: float) -> dict[str, float]:
    low, high = (float(bound) for bound in expected * np.quantile(ratios, [0.025, 0.975]))
    return {
        "expected": expected,
        "low": low,
        "high": high,
        "wide_low": float(low * np.exp(-off)),
        "wide_high": float(high * np.exp(off)),
    }


def _simulated(fitted: Fitted, spend: Spend, buyers: Buyers, weeks: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the totals of simulated futures, divided by the expected total: of orders and of sales."""
    sample = buyers.sample(SIMULATED, seed)
    rows = sample.cells.rows()  # in the order of the customers
    rng = np.random.default_rng(seed)
    mean, _ = moments(spend, sample.frequency, np.nan_to_num(sample.spend))
    base = fitted.expected(weeks, rows)
    expected = np.array([base.sum(), (base * mean).sum()])
    shrink = np.sqrt(len(sample) / len(buyers))  # chance of one customer averages out over all of them
    slopes = _slopes(fitted, weeks, rows) if shrink < 1 else np.empty(0)
    ratios = np.empty((2, FUTURES))
    for number, draw in enumerate(fitted.draws(FUTURES, seed)):
        happened = draw.future(rows, weeks, rng)
        totals = np.array([happened.sum(), _paid(spend, sample, happened, rng).sum()])
        if shrink < 1:
            under = expected * np.exp(slopes @ (draw.used.vector() - fitted.used.vector()))
            totals = under + (totals - under) * shrink
        totals[1] *= np.exp(rng.standard_normal() * spend.scatter / np.sqrt(max(buyers.repeaters, 1)))
        ratios[:, number] = totals / np.maximum(expected, 1e-12)
    return ratios[0], ratios[1]


def _slopes(fitted: Fitted, weeks: float, rows: Cells) -> np.ndarray:
    """Return how the logarithm of the expected total changes with the logarithm of each parameter."""
    used, step = fitted.used, 1e-3
    theta, total = used.vector(), used.expected(weeks, rows).sum()
    shifted = (used.with_vector(theta + step * unit).expected(weeks, rows).sum() for unit in np.eye(len(theta)))
    return np.array([np.log(changed / total) / step for changed in shifted])


def _paid(spend: Spend, sample: Buyers, happened: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return simulated sums: each customer's own mean is drawn first, then their purchases around it."""
    mean, _ = moments(spend, sample.frequency, np.nan_to_num(sample.spend))
    if spend.model != "gamma-gamma":
        return happened * mean
    known = (sample.frequency > 0) & (np.nan_to_num(sample.spend) > 0)
    x = np.where(known, sample.frequency, 0.0)
    rate = rng.gamma(spend.q + spend.p * x) / (spend.gamma + x * np.nan_to_num(sample.spend))
    sums = rng.gamma(np.maximum(spend.p * happened, 1e-9)) / rate
    return np.where(happened > 0, sums, 0.0)
