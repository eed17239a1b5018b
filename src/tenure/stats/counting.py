"""Expected purchases of the condensed models, without hypergeometric functions.

Given the rate, ticks are Poisson; the rate is gamma distributed; so ticks are negative binomial. Every k-th tick is a
purchase, and after each the customer may leave. The sum over ticks has only positive terms, so it is exact for any
history, also where the closed forms of the papers overflow or cancel.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from tenure.stats.cells import Floats
from tenure.stats.discounting import chances

BLOCK = 16  # ticks at a time
ROWS = 16_384  # rows at a time: what fits a processor's cache
ENOUGH = 1e-13  # share of the sum that may be missing
MANY = 300.0  # ticks, from which on an integral is faster than a sum


def log_ticks(n: Floats | float, log_odds: Floats | float, i: Floats | float) -> Floats:
    """Return the logarithm of P(i ticks) where the rate is Gamma(n, A) and ``log_odds`` is log(t / A)."""
    return (
        gammaln(n + i)
        - gammaln(n)
        - gammaln(i + 1.0)
        - n * np.logaddexp(0.0, log_odds)
        - i * np.logaddexp(0.0, -np.asarray(log_odds))
    )


def purchases(n: Floats, odds: Floats, leaving: Floats, staying: Floats, k: int = 1, stage: int = 0) -> Floats:
    """Return the expected number of purchases of customers who are still customers.

    Parameters
    ----------
    n : array, shape (rows,)
        Shape of the gamma distribution of the rate of ticks.
    odds : array, shape (rows,)
        Horizon divided by the scale A of that distribution.
    leaving, staying : array, shape (rows,)
        Parameters a and b of the beta distribution of leaving after a purchase; 0 and 1 when nobody does.
    k : int
        Ticks to a purchase.
    stage : int
        Ticks since the last purchase, below `k`.
    """
    expected = np.zeros(len(n))
    long = (n + 30.0) * odds > MANY
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
