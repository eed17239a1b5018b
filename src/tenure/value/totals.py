"""Totals: how many orders and how much money all customers will bring, and between which numbers.

Two intervals are given, both labelled. The *statistical* one holds what chance and the uncertainty of the parameters
do: futures of all customers are simulated under parameters drawn as the data leave them. The *wide* one adds how
far the model was off in the back-test: on real shops the model's own error is the larger one (on CDNOW the total is
12 % too low, outside the statistical interval).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.value.buyers import WEEK
from tenure.value.spending import Spend, moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.stats.cells import Cells
    from tenure.stats.fitted import Fitted
    from tenure.value.buyers import Buyers

#: Simulated futures, and customers that are simulated one by one; more are scaled up from them.
FUTURES, SIMULATED = 200, 5_000


def total(
    fitted: Fitted, spend: Spend, buyers: Buyers, days: int, errors: Sequence[float], seed: int
) -> dict[str, Any]:
    """Return expected totals of the next `days` with both intervals."""
    weeks = days / WEEK
    expected = fitted.expected(weeks, buyers.cells)[buyers.cells.where]
    mean, _ = moments(spend, buyers.frequency, np.nan_to_num(buyers.spend))
    orders, sales = _simulated(fitted, spend, buyers, weeks, seed)
    off = max((abs(error) for error in errors), default=0.0)
    return {
        "days": days,
        "orders": _bounds(float(expected.sum()), orders, off),
        "sales": _bounds(float((expected * mean).sum()), sales, off),
        "error": float(np.expm1(off)) if len(errors) else None,
        "futures": FUTURES,
    }


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
    # Optimisers take long to import, and most commands fit nothing.
    from tenure.stats.fitting import draws

    sample = buyers.sample(SIMULATED, seed)
    rows = sample.cells.rows()  # in the order of the customers
    rng = np.random.default_rng(seed)
    mean, _ = moments(spend, sample.frequency, np.nan_to_num(sample.spend))
    base = fitted.expected(weeks, rows)
    expected = np.array([base.sum(), (base * mean).sum()])
    shrink = np.sqrt(len(sample) / len(buyers))  # chance of one customer averages out over all of them
    slopes = _slopes(fitted, weeks, rows) if shrink < 1 else np.empty(0)
    ratios = np.empty((2, FUTURES))
    for number, draw in enumerate(draws(fitted, FUTURES, seed)):
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
