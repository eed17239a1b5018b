"""Scores: what the fitted models say of each customer.

Everything follows from the customer's own features and the stored fits, so that one customer alone gets what they get
among a million.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.facts.schema import DAY, NUMBER, TEXT
from tenure.features.columns import day_column, money_column, number_column, sales
from tenure.features.snapshot import Snapshot
from tenure.features.windows import HORIZON, SNAPSHOTS
from tenure.value.buyers import WEEK, Buyers, buyers_of
from tenure.value.intervals import LEVEL, PIECES, OrderDistribution, order_distribution, value_range
from tenure.value.spending import Basis, historic, moments, shares, spend_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.scorecard.model import Context
    from tenure.stats.fitted import Fitted
    from tenure.stats.record import Fit

_NUMBERS = ("p_alive", "p_active_90", "expected_orders", "expected_orders_low", "expected_orders_high")
_MONEY = ("expected_spend", "historic_value", "potential_value", "potential_low", "potential_high", "lifetime_value")
_DAYS = ("next_order_on", "next_order_low", "next_order_high")
_TESTS = tuple(f"_p_active@{k}" for k in range(1, SNAPSHOTS + 1))

SCHEMA = pa.schema(
    {
        "frequency": pa.float64(),
        "recency": pa.float64(),
        "repeat_spend": pa.float64(),
        "revenue": NUMBER,
        "purchase_model": TEXT,
        **dict.fromkeys((*_NUMBERS, *_MONEY), pa.float64()),
        **dict.fromkeys(_DAYS, DAY),
        **dict.fromkeys(_TESTS, pa.float64()),
    }
)
#: Median and 80 % range of the next order's day.
QUANTILES = {"next_order_on": 0.5, "next_order_low": 0.1, "next_order_high": 0.9}
#: A next order later than this many days is not dated.
FARTHEST = 1_095


def scored(table: pa.Table, fits: Mapping[str, Fit], context: Context) -> pa.Table:
    """Return the columns of :data:`SCHEMA` for these customers, in their order."""
    spend = fits.get("spend")
    basis = Basis(**spend.params["basis"]) if spend and spend.params else Basis("sales")
    brought = historic(table, basis)
    now = Snapshot(table, 0)
    columns: dict[str, pa.Array] = {
        "frequency": number_column(now.frequency),
        "recency": number_column(now.recency),
        "repeat_spend": number_column(now.repeat_spend),
        "revenue": money_column(sales(table)),
        "historic_value": number_column(brought),
    }
    purchases = fits.get("purchases")
    if purchases is not None and purchases.usable and spend is not None:
        buyers = buyers_of(table)
        if len(buyers):
            fitted = fitted_of(purchases)
            assert fitted is not None
            orders = order_distribution(fitted, context.options.horizon_days / WEEK, buyers.cells)
            known = np.zeros(len(table), dtype=bool)
            known[buyers.where] = True
            columns["purchase_model"] = pa.array([purchases.model] * len(table), TEXT, mask=~known)
            columns |= _of_buyers(len(table), buyers, fitted, orders)
            columns |= _next_order(len(table), buyers, fitted, context)
            columns |= _worth(table, buyers, orders, spend, context)
            columns["lifetime_value"] = pc.add(columns["historic_value"], columns["potential_value"])
        # At each snapshot, so that churn can be tested against what was known then.
        for k in range(1, SNAPSHOTS + 1):
            fitted, then = fitted_of(purchases, k), buyers_of(table, k)
            if fitted is not None and len(then):
                active = fitted.p_active(HORIZON / WEEK, then.cells)[then.cells.where]
                columns[f"_p_active@{k}"] = _spread(active, then, len(table))
    return pa.table([columns.get(name, pa.nulls(len(table), SCHEMA.field(name).type)) for name in SCHEMA.names], SCHEMA)


def fitted_of(fit: Fit, number: int = 0) -> Fitted | None:
    """Return the model of purchases that a fit wrote down, of the last day or of an origin; None when there is none."""
    from tenure.stats import purchases

    body = fit.params.get("origins", {}).get(str(number)) if number else fit.params.get("model")
    return purchases.from_dict(body) if body else None


def _spread(values: np.ndarray, buyers: Buyers, size: int) -> pa.Array:
    """Return a number a buyer, brought back to all customers; null for those who have not bought."""
    column = np.full(size, np.nan)
    column[buyers.where] = values
    return number_column(column, ~np.isnan(column))


def _of_buyers(size: int, buyers: Buyers, fitted: Fitted, orders: OrderDistribution) -> dict[str, pa.Array]:
    values = {
        "p_alive": fitted.p_alive(buyers.cells),
        "p_active_90": fitted.p_active(HORIZON / WEEK, buyers.cells),
        "expected_orders": orders.mean,
        "expected_orders_low": orders.quantile((1 - LEVEL) / 2),
        "expected_orders_high": orders.quantile((1 + LEVEL) / 2),
    }
    return {name: _spread(column[buyers.cells.where], buyers, size) for name, column in values.items()}


def _next_order(size: int, buyers: Buyers, fitted: Fitted, context: Context) -> dict[str, pa.Array]:
    today = day_number(context.as_of)
    columns = {}
    for name, level in QUANTILES.items():
        days = np.full(size, np.inf)
        days[buyers.where] = np.maximum(np.ceil(fitted.waiting(level, buyers.cells) * WEEK), 1.0)[buyers.cells.where]
        soon = days <= FARTHEST
        columns[name] = day_column(today + np.where(soon, days, 0.0), soon)
    return columns


def _worth(
    table: pa.Table, buyers: Buyers, orders: OrderDistribution, spend: Fit, context: Context
) -> dict[str, pa.Array]:
    options = context.options
    known, basis = spend_of(spend.params["spend"]), Basis(**spend.params["basis"])
    mean, second = moments(known, buyers.frequency, np.nan_to_num(buyers.spend))
    unit = (basis.net * shares(table, basis))[buyers.where]
    # Money of each piece of the horizon is discounted as at its middle.
    middles = (np.arange(PIECES) + 0.5) * options.horizon_days / PIECES / 365
    worth = np.exp(-options.discount * middles) @ np.diff(orders.upto, axis=0, prepend=0.0)
    expected = orders.mean > 0
    discount = np.where(expected, worth / np.where(expected, orders.mean, 1.0), 1.0)
    unit = unit * discount[buyers.cells.where]
    each = orders.of(buyers.cells.where)
    low, high = value_range(each, (mean, second), 1 / known.p if known.p else known.scatter**2)
    values = {
        "expected_spend": mean,
        "potential_value": each.mean * mean * unit,
        # Where every sale loses money, the range turns round.
        "potential_low": np.minimum(low * unit, high * unit),
        "potential_high": np.maximum(low * unit, high * unit),
    }
    return {name: _spread(column, buyers, len(table)) for name, column in values.items()}
