"""Discounted expected residual transactions (DERT) of the condensed models.

Fader, Hardie and Lee (2005), "RFM and CLV: using iso-value curves", Journal of Marketing Research 42(4). Given the
purchase rate and the probability of leaving, the sum is a geometric series. It is averaged over both by trapezoids on
logarithmic scales, where the integrands fall off exponentially on both sides.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, gammaln

from tenure.stats.cells import Floats

DEEP = 32.0  # integrands are followed down to exp(-32) of their top
LEAST = 48  # nodes
RATE_STEP, CHANCE_STEP = 0.35, 0.4  # width of a node at most, by how near the singularities of the integrands are
ROWS = 128


def discounted(
    n: Floats, scale: Floats, leaving: Floats, staying: Floats, rate: float, k: int = 1, stage: int = 0
) -> Floats:
    """Return the discounted number of purchases to come of customers who are still customers.

    Parameters
    ----------
    n, scale : array, shape (rows,)
        Shape and scale A of the gamma distribution of the rate of ticks.
    leaving, staying : array, shape (rows,)
        Parameters of the beta distribution of leaving after a purchase; ``leaving`` 0 when nobody does.
    rate : float
        Continuous discount rate a unit of time, above zero.
    k, stage : int
        Ticks to a purchase, and ticks since the last one.
    """
    values = np.empty(len(n))
    for begin in range(0, len(values), ROWS):
        part = slice(begin, begin + ROWS)
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
        inner = inner * (1.0 - _lost(a, b, each, left))
    return (weight * inner).sum(axis=1) * width


def _lost(a: Floats, b: Floats, each: Floats, left: Floats) -> Floats:
    """Return the share of the value that leaving costs: E[p·φ / (1 − φ + p·φ)]."""
    log_p, _, weight = chances(a, b, a + 1.0)
    part = np.exp(log_p)[:, None, :] * each[:, :, None]
    return np.einsum("rlp,rp->rl", part / (left[:, :, None] + part), weight)


def chances(a: Floats, b: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
    """Return nodes, as the logarithms of p and 1 - p, and weights, one row each, to average over Beta(a, b).

    Parameters
    ----------
    a, b : array, shape (rows,)
        Parameters of the beta distribution.
    shape : array, shape (rows,)
        The integrand times the density, in the logit, falls off to the left like this power of p: `a` for a function
        that is not zero at p = 0, a + 1 for one that is zero there like p.
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
