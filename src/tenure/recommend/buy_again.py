"""When a customer will buy a product again: gaps with shrinkage, for every customer and product.

Who bought a product six times has a rhythm of their own; who bought it once borrows that of the product's other
buyers, and a product with few buyers borrows from its category.

The gaps of one customer and product are gamma distributed with one shape; their rates differ among customers as a
gamma whose mean belongs to the product. So the gap to come, given the gaps so far, is a compound gamma (beta prime), in
closed form. N. Dubey, "Compound gamma, beta and F distributions", Metrika 16 (1970). After each purchase a customer may
also be done with a product; how often that happens is counted for each product, and silence makes it likelier, as in
the mixture cure model of Boag (1949).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tenure.recommend.histories import Histories

#: Purchases after which returning is counted apart: after the first, the second, the third and every later one.
STEPS = 3
#: How many buyers' evidence a category's (or the shop's) own figure is worth.
WEIGHT = 10.0


@dataclass(frozen=True, slots=True)
class Gaps:
    """What was learnt of all gaps."""

    shape: float  # of the gamma of one customer's gaps: 1 is random, more is regular
    spread: float  # shape of the gamma of the rates: small when customers differ much
    mean: np.ndarray  # usual days between two purchases of each item, shrunk
    returns: np.ndarray  # share of buyers who buy once more after the first, second, third purchase, shrunk

    def of(self, item: np.ndarray, times: np.ndarray, days: np.ndarray) -> Rhythm:
        """Return the rhythm of customers who bought `item` on `times` days that lie `days` apart, first to last."""
        gaps = times - 1
        rate = self.mean[item] * (self.spread - 1.0) / self.shape + days
        again = self.returns[item, np.minimum(times, STEPS) - 1]
        return Rhythm(self.shape, self.spread + self.shape * gaps, rate, again)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The gap to come of some customers and products: compound gamma, and how likely there is one at all."""

    shape: float  # of the gaps
    tail: np.ndarray  # posterior shape of the rate
    scale: np.ndarray  # posterior rate of the rate, in days
    again: np.ndarray  # probability of any further purchase, at the moment of the last one

    def by(self, days: np.ndarray) -> np.ndarray:
        """Return the probability that the gap is at most `days` long."""
        from scipy.special import betainc

        waited = np.maximum(days, 0.0)
        return betainc(self.shape, self.tail, waited / (waited + self.scale))

    def quantile(self, level: float) -> np.ndarray:
        """Return the days after which the share `level` of such gaps has ended."""
        from scipy.special import betaincinv

        part = betaincinv(self.shape, self.tail, level)
        return self.scale * part / (1.0 - part)

    def within(self, waited: np.ndarray, days: float) -> np.ndarray:
        """Return the probability of a purchase in the coming `days`, after `waited` days of silence."""
        now, then = self.by(waited), self.by(waited + days)
        silent = 1.0 - self.again * now
        return self.again * (then - now) / np.maximum(silent, 1e-12)


def fit_gaps(histories: Histories, category: np.ndarray) -> Gaps:
    """Learn rhythms from everybody's purchases."""
    items = len(category)
    mean = _means(histories, category, items)
    shape, spread = _shapes(histories, mean)
    return Gaps(shape, spread, mean, _returns(histories, category, items))


def _shrunk(top: np.ndarray, under: np.ndarray, category: np.ndarray, weight: float) -> np.ndarray:
    """Return top / under of each item, drawn to its category's, which is drawn to the whole shop's."""
    whole = top.sum() / under.sum() if under.sum() else 0.0
    kinds = int(category.max(initial=-1)) + 2  # the last is for items without a category
    place = np.where(category < 0, kinds - 1, category)
    above = np.bincount(place, top, kinds)
    below = np.bincount(place, under, kinds)
    kind = (above + weight * whole) / (below + weight)
    kind[kinds - 1] = whole
    return (top + weight * kind[place]) / (under + weight)


def _means(histories: Histories, category: np.ndarray, items: int) -> np.ndarray:
    """Return the usual gap of each item: one voice a customer, so that frequent buyers do not drown the others."""
    some = histories.times > 1
    item = histories.item[some]
    own = (histories.last[some] - histories.first[some]) / histories.gaps[some]
    found = _shrunk(np.bincount(item, own, items), np.bincount(item, None, items).astype(float), category, WEIGHT)
    return np.maximum(found, 1.0)


def _returns(histories: Histories, category: np.ndarray, items: int) -> np.ndarray:
    columns = []
    for step in range(1, STEPS + 1):
        if step < STEPS:
            had = np.bincount(histories.item, histories.times >= step, items)
            more = np.bincount(histories.item, histories.times > step, items)
        else:  # every later purchase counts: so many were followed by another one
            had = np.bincount(histories.item, np.maximum(histories.times - STEPS + 1, 0), items)
            more = np.bincount(histories.item, np.maximum(histories.times - STEPS, 0), items)
        columns.append(_shrunk(more, had, category, WEIGHT))
    return np.clip(np.stack(columns, axis=1), 0.0, 1.0)


def _shapes(histories: Histories, mean: np.ndarray, most: int = 50_000) -> tuple[float, float]:
    """Return the shape of gaps and the spread of rates by maximum likelihood over customers with at least two gaps."""
    from scipy.optimize import minimize

    some = np.flatnonzero(histories.gaps >= 2)
    if len(some) < 20:
        return 1.0, 2.5
    some = some[:: max(len(some) // most, 1)]
    gaps = histories.gaps[some].astype(float)
    days = (histories.last - histories.first)[some].astype(float)
    logs, usual = histories.logs[some], mean[histories.item[some]]

    def loss(theta: Any) -> float:
        shape, spread = np.exp(theta[0]), 1.0 + np.exp(theta[1])
        return -float(np.mean(_likelihood(shape, spread, usual, gaps, days, logs) / gaps))

    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-1.5, 3.0), (-3.0, 4.0)])
    return float(np.exp(found.x[0])), float(1.0 + np.exp(found.x[1]))


def _likelihood(
    shape: float, spread: float, usual: np.ndarray, gaps: np.ndarray, days: np.ndarray, logs: np.ndarray
) -> np.ndarray:
    """Return the log-likelihood of each customer's gaps, their rate integrated out."""
    from scipy.special import gammaln

    rate = usual * (spread - 1.0) / shape
    whole = spread + shape * gaps
    ends = gammaln(whole) - gammaln(spread) - gaps * gammaln(shape)
    return ends + spread * np.log(rate) - whole * np.log(rate + days) + (shape - 1.0) * logs
