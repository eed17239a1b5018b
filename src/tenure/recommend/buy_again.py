"""When a customer will buy a product again: gaps with shrinkage, for every customer and product.

A customer who bought a product six times has a rhythm of their own; who bought it once borrows that of the product's
other buyers, and a product with few buyers borrows from its category.

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
    from tenure.recommend.lines import Histories

#: Purchases after which returning is counted apart: after the first, the second, the third and every later one.
STEPS = 3
#: How many buyers' evidence a category's (or the shop's) own figure is worth.
WEIGHT = 10.0
#: Histories to which shape and spread are fitted at most; more would not change two numbers.
SAMPLE = 50_000


@dataclass(frozen=True, slots=True)
class Gaps:
    shape: float  # of the gamma of one customer's gaps: 1 is random, more is regular
    spread: float  # shape of the gamma of the rates: small when customers differ much
    mean: np.ndarray  # usual days between two purchases of each item, shrunk
    returns: np.ndarray  # share of buyers who buy once more after the first, second, third purchase, shrunk

    def of(self, item: np.ndarray, times: np.ndarray, days: np.ndarray) -> Rhythm:
        """Return the rhythm of customers who bought `item` on `times` days that lie `days` apart, first to last."""
        rate = self.mean[item] * (self.spread - 1.0) / self.shape + days
        again = self.returns[item, np.minimum(times, STEPS) - 1]
        return Rhythm(self.shape, self.spread + self.shape * (times - 1), rate, again)


@dataclass(frozen=True, slots=True)
class Rhythm:
    shape: float  # of the gaps
    tail: np.ndarray  # posterior shape of the rate
    scale: np.ndarray  # posterior rate of the rate, in days
    again: np.ndarray  # probability of any further purchase, at the moment of the last one

    def by(self, days: np.ndarray) -> np.ndarray:
        """Return the probability that the gap is at most `days` long."""
        from scipy.special import betainc

        elapsed = np.maximum(days, 0.0)
        return betainc(self.shape, self.tail, elapsed / (elapsed + self.scale))

    def quantile(self, level: float) -> np.ndarray:
        """Return the days after which the share `level` of such gaps has ended."""
        from scipy.special import betaincinv

        share = betaincinv(self.shape, self.tail, level)
        return self.scale * share / (1.0 - share)

    def within(self, elapsed: np.ndarray, days: float) -> np.ndarray:
        """Return the probability of a purchase in the coming `days`, after `elapsed` days of silence."""
        now, then = self.by(elapsed), self.by(elapsed + days)
        silent = 1.0 - self.again * now
        return self.again * (then - now) / np.maximum(silent, 1e-12)


def fit_gaps(histories: Histories, category: np.ndarray) -> Gaps:
    items = len(category)
    repeated = histories.times > 1
    item = histories.item[repeated]
    gap = (histories.last[repeated] - histories.first[repeated]) / histories.gaps[repeated]
    # Each customer counts once for an item, so that frequent buyers do not drown the others.
    mean = _shrunk(np.bincount(item, gap, items), np.bincount(item, None, items).astype(float), category)
    mean = np.maximum(mean, 1.0)
    returns = []
    for step in range(1, STEPS + 1):
        bought, repeats = histories.times >= step, histories.times > step
        if step == STEPS:  # every later purchase counts: so many were followed by another one
            bought, repeats = (np.maximum(histories.times - STEPS + extra, 0) for extra in (1, 0))
        more, had = (np.bincount(histories.item, weights, items) for weights in (repeats, bought))
        returns.append(_shrunk(more, had, category))
    shape, spread = _fit_shapes(histories, mean)
    return Gaps(shape, spread, mean, np.clip(np.stack(returns, axis=1), 0.0, 1.0))


def _shrunk(top: np.ndarray, under: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Return top / under of each item, drawn to its category's, which is drawn to that of the shop."""
    overall = top.sum() / under.sum() if under.sum() else 0.0
    kinds = int(category.max(initial=-1)) + 2  # the last is for items without a category
    place = np.where(category < 0, kinds - 1, category)
    kind = (np.bincount(place, top, kinds) + WEIGHT * overall) / (np.bincount(place, under, kinds) + WEIGHT)
    kind[kinds - 1] = overall
    return (top + WEIGHT * kind[place]) / (under + WEIGHT)


def _fit_shapes(histories: Histories, mean: np.ndarray) -> tuple[float, float]:
    """Return the shape of gaps and the spread of rates by maximum likelihood over customers with at least two gaps."""
    from scipy.optimize import minimize
    from scipy.special import gammaln

    rows = np.flatnonzero(histories.gaps >= 2)
    if len(rows) < 20:
        return 1.0, 2.5
    rows = rows[:: max(len(rows) // SAMPLE, 1)]
    gaps = histories.gaps[rows].astype(float)
    days, logs, usual = histories.days[rows], histories.logs[rows], mean[histories.item[rows]]

    def loss(theta: Any) -> float:
        shape, spread = np.exp(theta[0]), 1.0 + np.exp(theta[1])
        rate, total = usual * (spread - 1.0) / shape, spread + shape * gaps
        ends = gammaln(total) - gammaln(spread) - gaps * gammaln(shape)
        likelihood = ends + spread * np.log(rate) - total * np.log(rate + days) + (shape - 1.0) * logs
        return -float(np.mean(likelihood / gaps))

    best = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-1.5, 3.0), (-3.0, 4.0)]).x
    return float(np.exp(best[0])), float(1.0 + np.exp(best[1]))
