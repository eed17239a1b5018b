"""All purchases to come, each worth less the later it comes.

Answers: how many orders is a customer still good for in today's money (DERT; Fader, Hardie and Lee 2005, "RFM and CLV:
using iso-value curves", Journal of Marketing Research 42(4))? With rate and inclination to leave known, the sum is a
geometric series. It is averaged over both by trapezoids on logarithmic scales, where the integrands fall off
exponentially on both sides.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betaln, gammaln

from tenure.stats.cells import Floats

RATES, CHANCES = 64, 128  # nodes
DEEP = 32.0  # integrands are followed down to exp(-32) of their top
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
    found = np.empty(len(n))
    for begin in range(0, len(found), ROWS):
        part = slice(begin, begin + ROWS)
        found[part] = _average(n[part], scale[part], leaving[part], staying[part], rate, k, stage)
    return found


def _average(n: Floats, scale: Floats, a: Floats, b: Floats, rate: float, k: int, stage: int) -> Floats:
    y, width = _grid(n + k, np.log((n + k) / scale), _above(n + k), RATES)
    weight = np.exp(n[:, None] * (y + np.log(scale)[:, None]) - scale[:, None] * np.exp(y) - gammaln(n)[:, None])
    gap = np.log1p(rate * np.exp(-y))  # minus the logarithm of what a tick's waiting costs
    first, each, left = np.exp(-(k - stage) * gap), np.exp(-k * gap), -np.expm1(-k * gap)
    inner = first / left
    if (a > 0).any():
        inner = inner * (1.0 - _lost(a, b, each, left))
    return (weight * inner).sum(axis=1) * width


def _lost(a: Floats, b: Floats, each: Floats, left: Floats) -> Floats:
    """Return the share of the never-leaving customer's value that leaving takes: E[p·φ / (1 − φ + p·φ)]."""
    middle = np.log((a + 1.0) / b)
    y, width = _grid(a + 1.0, middle, DEEP / b + np.sqrt(2.0 * DEEP / b), CHANCES)
    log_p, log_q = -np.logaddexp(0.0, -y), -np.logaddexp(0.0, y)
    weight = np.exp(a[:, None] * log_p + b[:, None] * log_q - betaln(a, b)[:, None]) * width[:, None]
    part = np.exp(log_p)[:, None, :] * each[:, :, None]
    return np.einsum("rlp,rp->rl", part / (left[:, :, None] + part), weight)


def _above(shape: Floats) -> Floats:
    return np.log1p(DEEP / shape + np.sqrt(2.0 * DEEP / shape))


def _grid(shape: Floats, middle: Floats, above: Floats, nodes: int) -> tuple[Floats, Floats]:
    """Return nodes, one row each, from where exp(shape · y) has fallen off to `above` the middle, and their width."""
    low = middle - DEEP / shape - np.sqrt(2.0 * DEEP / shape)
    width = (middle + above - low) / (nodes - 1)
    return low[:, None] + width[:, None] * np.arange(nodes), width
