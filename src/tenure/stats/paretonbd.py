"""Pareto/NBD: customers buy at random at rates of their own and leave for good at an unobserved time.

While a customer, purchases follow a Poisson process whose rate differs between customers by a gamma distribution
(r, alpha); the time of leaving is exponential, with a rate that differs by another one (s, beta).

Schmittlein, Morrison, Colombo (1987), Management Science 33(1):1-24; Fader, Hardie (2005), "A note on deriving the
Pareto/NBD model"; Fader, Hardie, Lee (2005), Journal of Marketing Research 42(4):415-430, for residual purchases.

The likelihood needs the probability that a customer bought nothing since their last purchase, by chance while still a
customer or because they left in between. Its closed form has Gauss' hypergeometric function, which loses all digits or
overflows for frequent buyers; here the time of leaving is integrated numerically on a logarithmic scale, where the
integrand is close to a plain exponential.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import special

from tenure.errors import FitError
from tenure.stats.condensed import NBD
from tenure.words import mark

if TYPE_CHECKING:
    from tenure.stats.cells import Cells, Floats
    from tenure.stats.fitted import Params

NEGLIGIBLE = 1e-3  # leaving is this much rarer than buying: nobody leaves
DEEP = 40.0  # discounted integrands are followed down to exp(-40) of their top
QUIET = 28.0  # those of silence down to exp(-28): what is left out is below 1e-12 of them
BLOCK = 1024  # customers at a time, so that all nodes of a block stay in the processor's cache
#: Nodes for customers whose logarithmic range and depth are at most so large; the last for all others.
NODES = ((8, 1.5, 4.0), (16, 6.0, np.inf), (32, 12.0, np.inf), (64, np.inf, np.inf))
NEVER = 1e9  # ages: a purchase that is farther off than this never comes


class ParetoNbd:
    """The Pareto/NBD model; parameters r, alpha (buying) and s, beta (leaving)."""

    name = "pareto-nbd"
    names = ("r", "alpha", "s", "beta")
    timed = frozenset({"alpha", "beta"})
    moved = ("alpha", "beta")
    null = NBD

    def starts(self, cells: Cells) -> list[Params]:
        rate = max(float(cells.weight @ cells.frequency) / max(float(cells.weight @ cells.age), 1e-12), 1e-3)
        points = [(0.7, 0.6, 0.6, 3.0), (2.0, 1.5, 1.0, 20.0), (0.3, 0.2, 0.2, 1.0)]
        return [{"r": r, "alpha": bought / rate, "s": s, "beta": beta} for r, bought, s, beta in points]

    def terms(self, params: Params, cells: Cells) -> tuple[Floats, list[Floats]]:
        r, alpha, s, beta = (params[name] for name in self.names)
        x, recency = cells.frequency, cells.recency
        distinct, where = cells.frequencies
        quiet = silence(r + x, alpha, s, beta, recency, cells.age, slopes=True)
        near_alpha, near_beta = np.log1p(recency / alpha), np.log1p(recency / beta)
        busy = (special.gammaln(r + distinct) - special.gammaln(r))[where]
        value = busy - (r + x) * near_alpha - x * np.log(alpha) - s * near_beta + quiet.log_total
        digamma = (special.digamma(r + distinct) - special.digamma(r))[where]
        return value, [
            r * (digamma - near_alpha - quiet.log_alpha),
            r - (r + x) * quiet.share_alpha,
            (1.0 - quiet.alive) - s * (near_beta + quiet.log_beta),
            s - quiet.share_beta,
        ]

    def never_leaves(self, params: Params) -> bool:
        """Whether leaving is a thousand times rarer than buying, as s -> 0 or beta -> infinity make it."""
        leaving = np.mean(params["s"] / np.asarray(params["beta"]))
        return bool(leaving < NEGLIGIBLE * np.mean(params["r"] / np.asarray(params["alpha"])))

    def p_alive(self, params: Params, cells: Cells) -> Floats:
        r, alpha, s, beta = (params[name] for name in self.names)
        return silence(r + cells.frequency, alpha, s, beta, cells.recency, cells.age).alive

    def p_active(self, params: Params, horizon: float, cells: Cells) -> Floats:
        first, where = cells.births
        quiet = _quiet(_taken(params, first), cells.frequency[first], cells.age[first], np.full(len(first), horizon))
        return self.p_alive(params, cells) * -np.expm1(quiet)[where]

    def expected(self, params: Params, horizon: float, cells: Cells) -> Floats:
        r, alpha, s, beta = (params[name] for name in self.names)
        stay = _stay(s, beta + cells.age, np.asarray(horizon))
        return self.p_alive(params, cells) * (r + cells.frequency) / (alpha + cells.age) * stay

    def new_expected(self, params: Params, t: Floats) -> Floats:
        return params["r"] / params["alpha"] * _stay(params["s"], params["beta"], t)

    def pmf(self, params: Params, n_max: int, t: float) -> Floats:
        r, alpha, s, beta = (float(params[name]) for name in self.names)
        near = min(alpha, beta)
        place, weight = _nodes(128)
        span = np.log1p(t / near)
        moment = near * np.expm1(place * span)  # of leaving
        density = s / (beta + moment) * np.exp(-s * np.log1p(moment / beta)) * (near + moment) * span * weight
        stays = np.append(density, np.exp(-s * np.log1p(t / beta)))
        lasts = np.append(moment, t)
        n = np.arange(n_max + 1.0)[:, None]
        ways = special.gammaln(r + n) - special.gammaln(r) - special.gammaln(n + 1.0)
        chance = np.exp(ways - r * np.log1p(lasts / alpha) + special.xlogy(n, lasts / (alpha + lasts)))
        return np.asarray(chance @ stays)

    def residual(self, params: Params, rate: float, cells: Cells) -> Floats:
        if not rate >= 0.0:
            raise FitError(mark("The discount rate must be 0 or more, not %(rate)s."), rate=rate)
        first, where = cells.births
        r, alpha, s, beta = (_taken(params, first)[name] for name in self.names)
        old = beta + cells.age[first]
        each = (r + cells.frequency[first]) / (alpha + cells.age[first]) * old * _discounted(s, rate * old)
        return self.p_alive(params, cells) * each[where]

    def waiting(self, params: Params, q: float, cells: Cells) -> Floats:
        # Newton steps: the probability of a purchase is concave, so that none goes too far.
        first, where = cells.births
        params, x, age = _taken(params, first), cells.frequency[first], cells.age[first]
        r, alpha, beta = params["r"], params["alpha"], params["beta"]
        target = np.log1p(-q)
        t = (alpha + age) * np.expm1(-target / (r + x))  # as if nobody left: not late enough, where it differs
        never = _quiet(params, x, age, NEVER * (age + np.minimum(alpha, beta))) > target
        t[never] = np.inf
        open_ = np.flatnonzero(~never)
        for _ in range(100):
            rest, wait = _taken(params, open_), t[open_]
            quiet = _quiet(rest, x[open_], age[open_], wait)
            grown, left = np.log1p(wait / (rest["alpha"] + age[open_])), np.log1p(wait / (rest["beta"] + age[open_]))
            hazard = (rest["r"] + x[open_]) / (rest["alpha"] + age[open_] + wait)
            steep = hazard * np.exp(-(rest["r"] + x[open_]) * grown - rest["s"] * left - quiet)  # of -quiet
            step = (quiet - target) / steep
            t[open_] = wait + np.maximum(step, 0.0)
            open_ = open_[step > 1e-10 * wait]
            if not len(open_):
                break
        return t[where]

    def simulate(self, params: Params, ages: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        size = len(ages)
        life = rng.exponential(1.0, size) / _rates(params["s"], params["beta"], size, rng)
        open_ = np.minimum(life, ages)
        x = rng.poisson(_rates(params["r"], params["alpha"], size, rng) * open_).astype(float)
        # The last of x moments, each as likely anywhere in the time as a customer.
        recency = np.where(x > 0, open_ * rng.random(size) ** (1.0 / np.maximum(x, 1.0)), 0.0)
        return x, recency

    def future(self, params: Params, cells: Cells, horizon: float, rng: np.random.Generator) -> Floats:
        r, alpha, s, beta = (params[name] for name in self.names)
        size = len(cells)
        alive = rng.random(size) < self.p_alive(params, cells)
        # Of those who are still customers, buying and leaving are independent.
        life = rng.exponential(1.0, size) / _rates(s, beta + cells.age, size, rng)
        rate = _rates(r + cells.frequency, alpha + cells.age, size, rng)
        return np.where(alive, rng.poisson(rate * np.minimum(life, horizon)), 0).astype(float)


PARETO_NBD = ParetoNbd()


class Unseen(NamedTuple):
    """The posterior of customers who bought nothing between `begin` and `end`; each array has shape (customers,)."""

    log_total: Floats  # logarithm of the probability of no purchase, relative to rates known at `begin`
    alive: Floats  # probability that the customer has not left by `end`
    # Only with `slopes`. Mean of ``log((alpha + tau) / (alpha + begin))``, and of the same for beta, where tau is the
    # end of the customer's life or `end`, whichever is first
    log_alpha: Floats = np.empty(0)
    log_beta: Floats = np.empty(0)
    share_alpha: Floats = np.empty(0)  # mean of ``alpha / (alpha + tau)``
    share_beta: Floats = np.empty(0)  # minus the slope of the log-probability by ``log(beta)`` at fixed ``beta ** s``


@cache
def _nodes(count: int) -> tuple[Floats, Floats]:
    """Return Gauss-Legendre nodes between 0 and 1 and their weights, each of shape (count,)."""
    place, weight = np.polynomial.legendre.leggauss(count)
    return (place + 1.0) / 2.0, weight / 2.0


def silence(k: Any, alpha: Any, s: Any, beta: Any, begin: Floats, end: Floats, *, slopes: bool = False) -> Unseen:
    """Return the probability of no purchase from `begin` to `end`, and the posterior given none.

    `k` (r + x) and alpha are shape and rate of the gamma distribution of buying, `s` and beta those of leaving; rates
    are those at time 0, times in one unit with alpha and beta. Only derivatives need the `slopes`. ``log_total`` is
    ``log(((α+b)/(α+e))^k ((β+b)/(β+e))^s + s ∫_b^e ((α+b)/(α+τ))^k ((β+b)/(β+τ))^(s+1) dτ/(β+b))``.
    """
    first = np.less_equal(alpha, beta)  # the smaller of the two is the origin of the logarithmic scale
    near, far = np.minimum(alpha, beta) + begin, np.maximum(alpha, beta) + begin
    k_near, k_far = np.where(first, k, s + 1.0), np.where(first, s + 1.0, k)
    span = end - begin
    ratio = near / far
    log_near, log_far = np.log1p(span / near), np.log1p(span / far)
    limit = _limit(k_near, k_far, ratio, log_near)
    sums = _sums(k_near, k_far, ratio, limit, slopes)
    lived = np.exp(-np.where(first, k * log_near + s * log_far, k * log_far + s * log_near))
    total = lived + s * sums[0] * limit * near / (beta + begin)
    alive = lived / total
    if not slopes:
        return Unseen(np.log(total), alive)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(sums[0] > 0.0, sums[1:] / sums[0], 0.0)
    # Each mean is that of customers who stayed to the end, and of those who left in between.
    gone = 1.0 - alive
    by_near, by_far = alive * log_near + gone * (mean[0] * limit), alive * log_far + gone * mean[1]
    stayed_near, stayed_far = alive * (near / (near + span)), alive * (far / (far + span))
    left_near, left_far = gone * mean[2], gone * mean[3]
    share_near, share_far = s * stayed_near + (s + 1.0) * left_near, s * stayed_far + (s + 1.0) * left_far
    return Unseen(
        log_total=np.log(total),
        alive=alive,
        log_alpha=np.where(first, by_near, by_far),
        log_beta=np.where(first, by_far, by_near),
        share_alpha=alpha / (alpha + begin) * np.where(first, stayed_near + left_near, stayed_far + left_far),
        share_beta=beta / (beta + begin) * np.where(first, share_far, share_near),
    )


def _limit(k_near: Any, k_far: Any, ratio: Floats, way: Floats) -> Floats:
    """Return how far to integrate: to the end, or to where the integrand has become negligible."""
    # Minus its logarithm is convex, so that it is at least its first slope times the way, and Newton steps from the
    # right never jump over the point where it is QUIET.
    slope = k_near + k_far * ratio - 1.0
    with np.errstate(divide="ignore"):
        limit = np.where(slope * way > QUIET, QUIET / np.abs(slope), way)
    for _ in range(60):
        rise = ratio * np.expm1(limit)
        depth = (k_near - 1.0) * limit + k_far * np.log1p(rise)
        steep = k_near - 1.0 + k_far * (rise + ratio) / (1.0 + rise)
        if depth.max(initial=0.0) <= 1.3 * QUIET:
            break
        deep = depth > 1.3 * QUIET
        limit = np.where(deep, limit - (depth - QUIET) / np.where(deep, steep, 1.0), limit)
    return limit


def _sums(k_near: Any, k_far: Any, ratio: Floats, limit: Floats, slopes: bool) -> Floats:
    """Return the weighted sums over the nodes, shape (1 or 5, customers)."""
    sums = np.zeros((5 if slopes else 1, len(limit)))
    depth = (k_near - 1.0) * limit + k_far * np.log1p(ratio * np.expm1(limit))
    open_ = np.ones(len(limit), np.bool_)
    for count, widest, deepest in NODES:
        fits = open_ & (limit <= widest) & (depth <= deepest)
        open_ &= ~fits
        rows = np.flatnonzero(fits)
        for start in range(0, len(rows), BLOCK):
            part = rows[start : start + BLOCK]
            columns = (column if np.ndim(column) == 0 else column[part] for column in (k_near, k_far, ratio, limit))
            sums[:, part] = _block(count, slopes, *columns)
    return sums


def _block(count: int, slopes: bool, k_near: Any, k_far: Any, ratio: Floats, limit: Floats) -> list[Floats]:
    place, weight = _nodes(count)
    nodes = place[:, None]
    grown = np.exp(nodes * limit)
    far = grown * ratio
    far += 1.0 - ratio
    log_far = np.log(far)
    value = np.exp(nodes * ((1.0 - k_near) * limit) - k_far * log_far)
    total = weight @ value
    if not slopes:
        return [total]
    value *= weight[:, None]
    factors = (np.multiply(value, log_far), value / grown, value / far)
    return [total, place @ value, *(factor.sum(axis=0) for factor in factors)]


def _rates(shape: Any, rate: Any, size: int, rng: np.random.Generator) -> Floats:
    # A shape near zero draws rates that are zero in floating point; they mean "never".
    return np.maximum(rng.gamma(shape, 1.0, size) / rate, 1e-300)


def _taken(params: Params, rows: Any) -> Params:
    return {name: value if np.ndim(value) == 0 else value[rows] for name, value in params.items()}


def _stay(s: Any, old: Any, t: Floats) -> Floats:
    """Return the expected part of the next `t` as a customer, given that one still is: Pareto II, also at s = 1."""
    grown = np.log1p(t / old)
    product = (s - 1.0) * grown
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(np.abs(product) < 1e-12, 1.0, -np.expm1(-product) / product)
    return np.asarray(old * grown * share)


def _quiet(params: Params, x: Floats, age: Floats, t: Floats) -> Floats:
    """Return the log-probability that a customer of today buys nothing for another `t`."""
    r, alpha, s, beta = (params[name] for name in ParetoNbd.names)
    return silence(r + x, alpha, s, beta, age, age + t).log_total


def _discounted(s: float, z: Floats) -> Floats:
    """Return ∫ exp(-z y) (1 + y)^(-s) dy from 0 to infinity: Tricomi's function U(1, 2 - s, z)."""
    undiscounted = 1.0 / (s - 1.0) if s > 1.0 else np.inf
    with np.errstate(divide="ignore"):
        span = np.minimum(np.log1p(DEEP / z), DEEP * undiscounted)  # of log(1 + y)
    place, weight = _nodes(64)
    values = np.full(len(z), undiscounted)
    for begin in range(0, len(z), 4 * BLOCK):
        rows = begin + np.flatnonzero(z[begin : begin + 4 * BLOCK] > 0.0)
        way = span[rows, None] * place
        values[rows] = np.exp((1.0 - s) * way - z[rows, None] * np.expm1(way)) @ weight * span[rows]
    return values
