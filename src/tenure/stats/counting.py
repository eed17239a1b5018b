"""Expected purchases of the condensed models, also discounted, without hypergeometric functions.

Given the rate, ticks are Poisson; the rate is gamma distributed; so ticks are negative binomial. Every k-th tick is a
purchase, and after each the customer may leave. The sum over ticks has only positive terms, so it is exact for any
history, also where the closed forms of the papers overflow or cancel.

Discounted expected residual transactions (DERT): Fader, Hardie and Lee (2005), "RFM and CLV: using iso-value curves",
Journal of Marketing Research 42(4). Given the purchase rate and the probability of leaving, the sum is a geometric
series. It is averaged over both by trapezoids on logarithmic scales, where the integrands fall off exponentially.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaln, gammaln

from tenure.stats.cells import Floats

BLOCK = 16  # ticks at a time
ROWS = 16_384  # rows at a time: what fits a processor's cache
ENOUGH = 1e-13  # share of the sum that may be missing
LONG = 300.0  # ticks, from which on an integral is faster than a sum
DEEP = 32.0  # integrands are followed down to exp(-32) of their top
LEAST = 48  # nodes
RATE_STEP, CHANCE_STEP = 0.35, 0.4  # width of a node at most, by how near the singularities of the integrands are
DISCOUNT_ROWS = 128  # rows at a time of a discounted sum, whose nodes are many


def log_ticks(n: Floats | float, log_odds: Floats | float, i: Floats | float) -> Floats:
    """Return the logarithm of P(i ticks) where the rate is Gamma(n, A) and ``log_odds`` is log(t / A)."""
    ways = gammaln(n + i) - gammaln(n) - gammaln(i + 1.0)
    return ways - n * np.logaddexp(0.0, log_odds) - i * np.logaddexp(0.0, -np.asarray(log_odds))


def purchases(
    n: Floats, scale: Any, leaving: Floats, staying: Floats, horizon: Any, k: int = 1, stage: int = 0
) -> Floats:
    """Return the expected number of purchases of customers who are still customers; arrays have shape (rows,).

    Ticks come at a rate that is Gamma distributed with shape `n` and scale A; `k` of them are a purchase, and `stage`
    (below `k`) came since the last one. `leaving` and `staying` are the parameters a and b of the beta distribution of
    leaving after a purchase; 0 and 1 when nobody does.
    """
    expected, odds = np.zeros(len(n)), horizon / scale
    long = (n + 30.0) * odds > LONG
    # The integral needs some 64 nodes a row, so its parts are that much smaller.
    for rows, size, compute in ((~long, ROWS, _sum), (long, ROWS // 64, _integral)):
        places = np.flatnonzero(rows)
        for begin in range(0, len(places), size):
            part = places[begin : begin + size]
            expected[part] = compute(n[part], odds[part], leaving[part], staying[part], k, stage)
    return expected


def _integral(n: Floats, odds: Floats, a: Floats, b: Floats, k: int, stage: int) -> Floats:
    """Average over the probability of leaving, given which the expectation has a closed form."""
    everything = _given(n, odds, np.zeros((len(n), 1)), k, stage)[:, 0]
    if not (a > 0).all():
        return everything
    # With a small `a` the density falls off too slowly towards p = 0: there lost orders are averaged, not orders.
    lost = bool((a < 0.3).any())
    _, log_q, weight = chances(a, b, a + 1.0 if lost else a)
    orders = _given(n, odds, log_q, k, stage)
    if not lost:
        return (orders * weight).sum(axis=1)
    return everything - ((everything[:, None] - orders) * weight).sum(axis=1)


def _given(n: Floats, odds: Floats, log_q: Floats, k: int, stage: int) -> Floats:
    """Return the expectation where each purchase is followed by staying with probability q, shape of `log_q`."""
    least = -17.0 / max(k - 1, 1e-3)  # of log q / k: below, the sum would cancel, and q is as good as zero
    log_root = np.maximum(log_q / k, least)
    n, odds = n[:, None], odds[:, None]
    slow = -np.expm1(log_root)
    safe = np.where(slow > 0, slow, 1.0)
    total = np.where(slow > 0, -np.expm1(-n * np.log1p(odds * safe)) / safe, n * odds)
    # Every k-th term of an exponential series is the mean of k exponentials, one for each k-th root of unity.
    for turn in range(1, k):
        root = np.exp(2j * np.pi * turn / k)
        decay = 1.0 - np.exp(log_root) * root
        total = total + (root ** (stage + 1) * (1.0 - (1.0 + odds * decay) ** -n) / decay).real
    return total * np.exp(log_root * (stage + 1 - k)) / k


def _sum(n: Floats, odds: Floats, a: Floats, b: Floats, k: int, stage: int) -> Floats:
    """Sum over ticks: P(i ticks) times the purchases that so many ticks bring."""
    total = np.zeros(len(n))
    active = np.flatnonzero(odds > 0)
    n, odds, a, b = (column[active, None] for column in (n, odds, a, b))
    log_z = -np.log1p(1.0 / odds)
    log_p = -n * np.log1p(odds)
    orders_before = np.zeros_like(n)  # expected from the ticks before the block
    stays = np.ones_like(n)  # probability to have stayed through these
    count, first = 0, 0
    while len(active):
        ticks = np.arange(first, first + BLOCK)
        steps = np.log((n + ticks) / (ticks + 1.0)) + log_z
        p = np.exp(log_p + np.concatenate([np.zeros_like(n), np.cumsum(steps[:, :-1], axis=1)], axis=1))
        log_p = log_p + steps.sum(axis=1, keepdims=True)
        orders = (ticks + stage) // k
        gained, kept = _gains(a, b, stays, count, int(orders[-1]))
        reached = np.concatenate([orders_before, orders_before + np.cumsum(gained, axis=1)], axis=1)
        terms = p * reached[:, orders - count]
        total[active] += terms.sum(axis=1)
        first, count, orders_before, stays = first + BLOCK, int(orders[-1]), reached[:, -1:], kept
        ratio = np.exp(log_z) * (n + first) / (first + 1.0) * (1.0 + 1.0 / max(count, 1))
        rest = np.exp(log_p) * (orders_before + 1.0) / np.maximum(1.0 - ratio, 1e-300)
        # Rows whose remaining terms are bounded by a negligible geometric series are finished.
        going = np.flatnonzero(((ratio >= 1.0) | (rest > ENOUGH * total[active][:, None])).ravel())
        active = active[going]
        n, odds, a, b, log_z, log_p, orders_before, stays = (
            column[going] for column in (n, odds, a, b, log_z, log_p, orders_before, stays)
        )
    return total


def _gains(a: Floats, b: Floats, stays: Floats, begin: int, end: int) -> tuple[Floats, Floats]:
    """Return what the orders begin + 1 … end are worth, each the probability to be there for it, and for the next."""
    if end == begin:
        return np.empty((len(a), 0)), stays
    orders = np.arange(begin, end)
    through = stays * np.cumprod((b + orders) / (a + b + orders), axis=1)
    return np.concatenate([stays, through[:, :-1]], axis=1), through[:, -1:]


def discounted(
    n: Floats, scale: Floats, leaving: Floats, staying: Floats, rate: float, k: int = 1, stage: int = 0
) -> Floats:
    """Return the discounted number of all purchases to come of customers who are still customers.

    `rate` is continuous, per unit of time, and above zero; the other arguments are those of :func:`purchases`.
    """
    values = np.empty(len(n))
    for begin in range(0, len(values), DISCOUNT_ROWS):
        part = slice(begin, begin + DISCOUNT_ROWS)
        values[part] = _average(n[part], scale[part], leaving[part], staying[part], rate, k, stage)
    return values


def _average(n: Floats, scale: Floats, a: Floats, b: Floats, rate: float, k: int, stage: int) -> Floats:
    shape = n + k - stage  # with which the integrand vanishes where the rate does
    slow, sudden = _falls(shape)
    y, width = _grid(np.log(shape / scale), slow, sudden, RATE_STEP)
    weight = np.exp(n[:, None] * (y + np.log(scale)[:, None]) - scale[:, None] * np.exp(y) - gammaln(n)[:, None])
    gap = np.log1p(rate * np.exp(-y))  # minus the logarithm of what a tick's waiting costs
    first, each, left = np.exp(-(k - stage) * gap), np.exp(-k * gap), -np.expm1(-k * gap)
    inner = first / left
    if (a > 0).any():
        log_p, _, chance = chances(a, b, a + 1.0)
        part = np.exp(log_p)[:, None, :] * each[:, :, None]
        # The share of the value that leaving costs is E[p·φ / (1 − φ + p·φ)].
        inner = inner * (1.0 - np.einsum("rlp,rp->rl", part / (left[:, :, None] + part), chance))
    return (weight * inner).sum(axis=1) * width


def chances(a: Floats, b: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
    """Return nodes, as the logarithms of p and 1 - p, and weights, one row each, to average over Beta(a, b).

    The integrand times the density, in the logit, falls off to the left like p to the power of `shape`: `a` for a
    function that is not zero at p = 0, a + 1 for one that is zero there like p.
    """
    slow, sudden = _falls(shape)
    slow_right, sudden_left = _falls(b)
    y, width = _grid(np.log(shape / b), slow + sudden_left, slow_right + sudden, CHANCE_STEP)
    log_p, log_q = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
    weight = np.exp(a[:, None] * log_p + b[:, None] * log_q - betaln(a, b)[:, None]) * width[:, None]
    return log_p, log_q, weight


def _falls(shape: Floats) -> tuple[Floats, Floats]:
    """Return how far from its top exp(shape · y − exp(y)) falls off, to the left and to the right."""
    slow = DEEP / shape + np.sqrt(2.0 * DEEP / shape)
    return slow, np.log1p(slow)


def _grid(middle: Floats, below: Floats, above: Floats, step: float) -> tuple[Floats, Floats]:
    """Return nodes, one row each, around the middle, no wider than `step`, and their width."""
    nodes = max(LEAST, int(np.ceil((below + above).max() / step)))
    width = (below + above) / (nodes - 1)
    return (middle - below)[:, None] + width[:, None] * np.arange(nodes), width
