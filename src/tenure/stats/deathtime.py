"""The Pareto/NBD model's integral over the unobserved time of leaving.

It is the probability that a customer bought nothing since `begin`, by chance while still a customer or because they
left in between, averaged over gamma-distributed rates of buying and of leaving (Schmittlein, Morrison, Colombo 1987,
Management Science 33(1):1-24). The closed form needs Gauss' hypergeometric function, which loses all digits or
overflows for frequent buyers; here the time of leaving is integrated numerically on a logarithmic scale, where the
integrand is close to a plain exponential.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tenure.stats.cells import Floats, Ints

DEEP = 28.0  # the integrand is followed until it has fallen by exp(-28): what is left out is below 1e-12 of it
BLOCK = 1024  # customers at a time, so that all nodes of a block stay in the processor's cache
#: Nodes for customers whose logarithmic range and depth are at most so large; the last for all others.
NODES = ((8, 1.5, 4.0), (16, 6.0, np.inf), (32, 12.0, np.inf), (64, np.inf, np.inf))


@dataclass(frozen=True, slots=True)
class Unseen:
    """The posterior of customers who bought nothing between `begin` and `end`.

    Attributes
    ----------
    log_total : array, shape (customers,)
        Logarithm of the probability of no purchase, relative to rates known at `begin`.
    alive : array, shape (customers,)
        Probability that the customer has not left by `end`.
    log_alpha, log_beta : array, shape (customers,)
        Posterior mean of ``log((alpha + tau) / (alpha + begin))``, and of the same for beta, where tau is the end of
        the customer's life or `end`, whichever is first. Only with `slopes`.
    share_alpha, share_beta : array, shape (customers,)
        Posterior mean of ``alpha / (alpha + tau)`` and minus the slope of the log-probability by ``log(beta)`` at fixed
        ``beta ** s``. Only with `slopes`.
    """

    log_total: Floats
    alive: Floats
    log_alpha: Floats
    log_beta: Floats
    share_alpha: Floats
    share_beta: Floats


@cache
def nodes(count: int) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes between 0 and 1 and their weights, each of shape (count,)."""
    place, weight = np.polynomial.legendre.leggauss(count)
    return (place + 1.0) / 2.0, weight / 2.0


def silence(
    k: Any, alpha: Any, s: Any, beta: Any, begin: Floats, end: Floats, *, slopes: bool = False, count: int = 0
) -> Unseen:
    """Return the probability of no purchase from `begin` to `end`, and the posterior given none.

    Parameters
    ----------
    k, alpha : float or array, shape (customers,)
        Shape and rate (time already added to ``alpha`` only through `begin`) of the gamma distribution of buying:
        ``k`` is r + x.
    s, beta : float or array, shape (customers,)
        The same for leaving.
    begin, end : array, shape (customers,)
        In one unit with alpha and beta; ``begin <= end``.
    slopes : bool
        Whether to compute the means that derivatives need.
    count : int
        Number of nodes for all customers; for each customer its own when 0.

    Returns
    -------
    Unseen
        With ``log(((α+b)/(α+e))^k ((β+b)/(β+e))^s + s ∫_b^e ((α+b)/(α+τ))^k ((β+b)/(β+τ))^(s+1) dτ/(β+b))`` as
        ``log_total``.
    """
    first = np.less_equal(alpha, beta)  # the smaller of the two is the origin of the logarithmic scale
    near, far = np.minimum(alpha, beta) + begin, np.maximum(alpha, beta) + begin
    k_near, k_far = np.where(first, k, s + 1.0), np.where(first, s + 1.0, k)
    span = end - begin
    ratio = near / far
    log_near, log_far = np.log1p(span / near), np.log1p(span / far)
    limit = _limit(k_near, k_far, ratio, log_near)
    sums = _sums(k_near, k_far, ratio, limit, slopes, count)
    lived = np.exp(-np.where(first, k * log_near + s * log_far, k * log_far + s * log_near))
    left = s * sums[0] * limit * near / (beta + begin)
    total = lived + left
    alive = lived / total
    if not slopes:
        none = np.empty(0)
        return Unseen(np.log(total), alive, none, none, none, none)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(sums[0] > 0.0, sums[1:] / sums[0], 0.0)
    gone = 1.0 - alive
    ends = (log_near, log_far, near / (near + span), far / (far + span))
    # Each mean is that of customers who stayed to the end, and of those who left in between.
    means = [(alive * end, gone * before) for end, before in zip(ends, (mean[0] * limit, *mean[1:]), strict=True)]
    by_alpha = [[np.where(first, a, b) for a, b in zip(means[i], means[i + 1], strict=True)] for i in (0, 2)]
    by_beta = [[np.where(first, b, a) for a, b in zip(means[i], means[i + 1], strict=True)] for i in (0, 2)]
    return Unseen(
        log_total=np.log(total),
        alive=alive,
        log_alpha=by_alpha[0][0] + by_alpha[0][1],
        log_beta=by_beta[0][0] + by_beta[0][1],
        share_alpha=alpha / (alpha + begin) * (by_alpha[1][0] + by_alpha[1][1]),
        share_beta=beta / (beta + begin) * (s * by_beta[1][0] + (s + 1.0) * by_beta[1][1]),
    )


def _limit(k_near: Any, k_far: Any, ratio: Floats, way: Floats) -> Floats:
    """Return how far to integrate: to the end, or to where the integrand has become negligible."""
    # Minus its logarithm is convex, so that it is at least its first slope times the way, and Newton steps from the
    # right never jump over the point where it is DEEP.
    slope = k_near + k_far * ratio - 1.0
    with np.errstate(divide="ignore"):
        limit = np.where(slope * way > DEEP, DEEP / np.abs(slope), way)
    for _ in range(60):
        rise = ratio * np.expm1(limit)
        depth = (k_near - 1.0) * limit + k_far * np.log1p(rise)
        steep = k_near - 1.0 + k_far * (rise + ratio) / (1.0 + rise)
        if depth.max(initial=0.0) <= 1.3 * DEEP:
            break
        deep = depth > 1.3 * DEEP
        limit = np.where(deep, limit - (depth - DEEP) / np.where(deep, steep, 1.0), limit)
    return limit


def _sums(k_near: Any, k_far: Any, ratio: Floats, limit: Floats, slopes: bool, count: int) -> Floats:
    """Return the weighted sums over the nodes, shape (1 or 5, customers)."""
    sums = np.zeros((5 if slopes else 1, len(limit)))
    if count:
        _fill(sums, np.arange(len(limit)), (k_near, k_far, ratio, limit), count)
        return sums
    depth = (k_near - 1.0) * limit + k_far * np.log1p(ratio * np.expm1(limit))
    open_ = np.ones(len(limit), np.bool_)
    for number, widest, deepest in NODES:
        fits = open_ & (limit <= widest) & (depth <= deepest)
        _fill(sums, np.flatnonzero(fits), (k_near, k_far, ratio, limit), number)
        open_ &= ~fits
    return sums


def _fill(sums: Floats, rows: Ints, columns: tuple[Any, ...], count: int) -> None:
    place, weight = nodes(count)
    place = place[:, None]
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        k_near, k_far, ratio, limit = (column if np.ndim(column) == 0 else column[part] for column in columns)
        grown = np.exp(place * limit)
        far = grown * ratio
        far += 1.0 - ratio
        log_far = np.log(far)
        value = np.exp(place * ((1.0 - k_near) * limit) - k_far * log_far)
        sums[0, part] = weight @ value
        if len(sums) > 1:
            value *= weight[:, None]
            sums[1, part] = place[:, 0] @ value
            for number, factor in ((2, np.multiply(value, log_far)), (3, value / grown), (4, value / far)):
                sums[number, part] = factor.sum(axis=0)
