"""Spend of a purchase, and what of it counts as value.

Spend follows the Gamma-Gamma model (Colombo and Jiang 1999; Fader and Hardie 2013, note 025): purchases of one customer
scatter around an own mean, and these means scatter among customers. It assumes that who buys often does not therefore
spend more or less; the rank correlation of both is shown, and a warning where it is not small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.features.columns import money_column, numbers, sales
from tenure.stats import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tenure.features.purchases import Summary
    from tenure.scorecard.model import Options
    from tenure.value.buyers import Buyers

    Spenders = Buyers | Summary  # frequency (purchase days after the first), and mean spend of these, NaN without any

#: Rank correlation of frequency and spend from which the page warns.
DEPENDENT = 0.2
#: Share of sales with a known cost from which value is counted in margin.
KNOWN = 0.5
#: Spenders below which the model is not fitted.
SPENDERS = 30


@dataclass(frozen=True, slots=True)
class Spend:
    """What was learnt of spend."""

    model: str  # ``gamma-gamma``; ``average`` where it could not be fitted: then each customer's own mean counts
    p: float = 0.0  # its parameters; 0 for ``average``
    q: float = 0.0
    gamma: float = 0.0
    mean: float = 0.0  # mean spend of a repeat purchase over all customers
    scatter: float = 0.0  # standard deviation of the customers' means, divided by their mean
    log_likelihood: float = float("nan")  # of the model


@dataclass(frozen=True, slots=True)
class Basis:
    """What of a sale counts as value."""

    kind: str  # ``margin`` (costs are known), ``assumed`` (a share from the settings), or ``sales``
    share: float = 1.0  # value of one unit of net sales, over the whole shop
    net: float = 1.0  # what refunds leave of sales
    typical: float = 0.0  # mean sales of a customer: an own margin share counts as much as it has sales beside this


def fit_spend(buyers: Spenders) -> Spend:
    """Return the model of spend of these buyers: of those who came back and paid something."""
    paid = np.flatnonzero((buyers.frequency > 0) & (np.nan_to_num(buyers.spend) > 0))
    if not len(paid):
        return Spend("average")
    frequency, spend = buyers.frequency[paid], buyers.spend[paid]
    mean = float(np.average(spend, weights=frequency))
    plain = Spend("average", mean=mean, scatter=float(spend.std() / spend.mean()))
    if len(paid) < SPENDERS or plain.scatter < 1e-9:
        return plain
    from tenure.stats.gammagamma import fit

    fitted = fit(frequency, spend)
    if fitted.verdict != "ok":
        return plain
    p, q, gamma = fitted.params.values()
    return Spend("gamma-gamma", p, q, gamma, p * gamma / (q - 1), plain.scatter, float(fitted.log_likelihood))


def expected_spend(known: Spend, buyers: Spenders) -> np.ndarray:
    """Return the spend expected of each buyer's next purchase.

    A mean of few purchases is drawn towards the mean of all; who bought once gets that.
    """
    return moments(known, buyers.frequency, np.nan_to_num(buyers.spend))[0]


def moments(known: Spend, frequency: np.ndarray, spend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and second moment of a customer's own mean spend, given what was seen of it.

    With ``z ~ Gamma(p, nu)`` and ``nu ~ Gamma(q, gamma)``, ``nu`` has after x purchases of mean m the law
    ``Gamma(q + p x, gamma + x m)``, and the mean spend is ``p / nu``.
    """
    paid = (frequency > 0) & (spend > 0)
    if known.model != "gamma-gamma":
        mean = np.where(paid, spend, known.mean)
        return mean, mean**2 * (1 + known.scatter**2 / (1 + np.where(paid, frequency, 0.0)))
    x = np.where(paid, frequency, 0.0)
    shape = known.q + known.p * x
    rate = known.gamma + x * spend
    mean = known.p * rate / (shape - 1)
    # Below 2 the second moment is endless; just above it, it is at least wide.
    return mean, mean**2 * (shape - 1) / np.maximum(shape - 2, 0.05)


def dependence(buyers: Spenders) -> dict[str, Any]:
    """Return the rank correlation of frequency and spend among those who came back, and whether to warn."""
    paid = np.flatnonzero((buyers.frequency > 0) & (np.nan_to_num(buyers.spend) > 0))
    correlation = metrics.spearman(buyers.frequency[paid], buyers.spend[paid]) if len(paid) > 2 else float("nan")
    return {"spearman": correlation, "customers": len(paid), "warning": bool(abs(correlation) >= DEPENDENT)}


def basis_of(table: pa.Table, options: Options) -> Basis:
    """Return what counts as value in this shop.

    Margin where the costs of at least half the sales are known; else the share in `options`; else sales as they are.
    """
    sold, revenue, margin = (
        float(np.nansum(column)) for column in (numbers(table, "amount"), revenue_of(table), numbers(table, "margin"))
    )
    if sold <= 0:
        return Basis("sales")
    net = min(max(revenue / sold, 0.0), 1.0)
    typical = sold / max(int((numbers(table, "amount") > 0).sum()), 1)
    known = _known_sales(table)
    if known.sum() >= KNOWN * sold:
        return Basis("margin", margin / float(known.sum()), net, typical)
    if options.margin is not None:
        return Basis("assumed", options.margin, net, typical)
    return Basis("sales", 1.0, net, typical)


def revenue_of(table: pa.Table) -> np.ndarray:
    """Return what each customer has paid, refunds taken off."""
    return numbers(pa.table({"revenue": money_column(sales(table))}), "revenue")


def _known_sales(table: pa.Table) -> np.ndarray:
    return np.nan_to_num(numbers(table, "amount") * numbers(table, "cost_known_share"))


def shares(table: pa.Table, basis: Basis) -> np.ndarray:
    """Return the value of one unit of each customer's net sales: own margin, drawn towards the shop's."""
    if basis.kind != "margin":
        return np.full(len(table), basis.share)
    known = _known_sales(table)
    margin = np.nan_to_num(numbers(table, "margin")) + basis.typical * basis.share
    weight = known + basis.typical
    return np.where(weight > 0, margin / np.where(weight > 0, weight, 1.0), basis.share)


def historic(table: pa.Table, basis: Basis) -> np.ndarray:
    """Return what each customer has brought: known margin, and the share of everything else; refunds taken off."""
    revenue = revenue_of(table)
    if basis.kind == "sales":
        return revenue
    if basis.kind == "assumed":
        return revenue * basis.share
    return np.nan_to_num(numbers(table, "margin")) + (revenue - _known_sales(table)) * shares(table, basis)


def spend_of(params: Mapping[str, Any]) -> Spend:
    return Spend(**{**params, "log_likelihood": params.get("log_likelihood") or float("nan")})
