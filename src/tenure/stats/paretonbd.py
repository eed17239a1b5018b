"""Pareto/NBD: customers buy at random at rates of their own and leave for good at an unobserved time.

While a customer, purchases follow a Poisson process whose rate differs between customers by a gamma distribution
(r, alpha); the time of leaving is exponential, with a rate that differs by another one (s, beta).

Schmittlein, Morrison, Colombo (1987), Management Science 33(1):1-24; Fader, Hardie (2005), "A note on deriving the
Pareto/NBD model"; Fader, Hardie, Lee (2005), Journal of Marketing Research 42(4):415-430, for residual purchases.
The likelihood is integrated over the time of leaving, see :mod:`tenure.stats.deathtime`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from tenure.errors import FitError
from tenure.stats.condensed import NBD
from tenure.stats.deathtime import nodes, silence
from tenure.stats.fitted import PurchaseModel
from tenure.words import mark

if TYPE_CHECKING:
    from tenure.stats.cells import Cells, Floats
    from tenure.stats.fitted import Params

NEGLIGIBLE = 1e-3  # leaving is this much rarer than buying: nobody leaves
DEEP = 40.0  # integrands are followed down to exp(-40) of their top
ROWS = 4096  # customers at a time
NEVER = 1e9  # ages: a purchase that is farther off than this never comes


class ParetoNbd(PurchaseModel):
    """The Pareto/NBD model; parameters r, alpha (buying) and s, beta (leaving)."""

    name = "pareto-nbd"
    names = ("r", "alpha", "s", "beta")
    timed = frozenset({"alpha", "beta"})
    moved = ("alpha", "beta")
    null = NBD

    def starts(self, cells: Cells) -> list[Params]:
        """Return three points around the mean rate of purchases."""
        rate = float(cells.weight @ cells.frequency) / max(float(cells.weight @ cells.age), 1e-12)
        rate = max(rate, 1e-3)
        return [
            {"r": 0.7, "alpha": 0.6 / rate, "s": 0.6, "beta": 3.0},
            {"r": 2.0, "alpha": 1.5 / rate, "s": 1.0, "beta": 20.0},
            {"r": 0.3, "alpha": 0.2 / rate, "s": 0.2, "beta": 1.0},
        ]

    def terms(self, params: Params, cells: Cells) -> tuple[Floats, list[Floats]]:
        """Return log-likelihoods and their derivatives by log r, log alpha, log s, log beta."""
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
        """Return the probability that customers have not left."""
        r, alpha, s, beta = (params[name] for name in self.names)
        return silence(r + cells.frequency, alpha, s, beta, cells.recency, cells.age).alive

    def p_active(self, params: Params, horizon: float, cells: Cells) -> Floats:
        """Return the probability of a purchase within the horizon."""
        first, where = cells.births
        quiet = _quiet(_taken(params, first), cells.frequency[first], cells.age[first], np.full(len(first), horizon))
        return self.p_alive(params, cells) * -np.expm1(quiet)[where]

    def expected(self, params: Params, horizon: float, cells: Cells) -> Floats:
        """Return the expected number of purchases within the horizon."""
        r, alpha, s, beta = (params[name] for name in self.names)
        stay = _stay(s, beta + cells.age, np.asarray(horizon))
        return self.p_alive(params, cells) * (r + cells.frequency) / (alpha + cells.age) * stay

    def new_expected(self, params: Params, t: Floats) -> Floats:
        """Return the expected repeat purchases of a new customer up to each time."""
        return params["r"] / params["alpha"] * _stay(params["s"], params["beta"], t)

    def pmf(self, params: Params, n_max: int, t: float) -> Floats:
        """Return the probabilities of 0 … n_max repeat purchases of a new customer within `t`."""
        r, alpha, s, beta = (float(params[name]) for name in self.names)
        near = min(alpha, beta)
        place, weight = nodes(128)
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
        """Return the discounted number of all purchases to come; refuse a negative rate."""
        if not rate >= 0.0:
            raise FitError(mark("The discount rate must be 0 or more, not %(rate)s."), rate=rate)
        first, where = cells.births
        r, alpha, s, beta = (_taken(params, first)[name] for name in self.names)
        old = beta + cells.age[first]
        each = (r + cells.frequency[first]) / (alpha + cells.age[first]) * old * _discounted(s, rate * old)
        return self.p_alive(params, cells) * each[where]

    def waiting(self, params: Params, q: float, cells: Cells) -> Floats:
        """Return the quantile of the time to the next purchase, infinite where it may well never come."""
        first, where = cells.births
        return _waiting(_taken(params, first), q, cells.frequency[first], cells.age[first])[where]

    def simulate(self, params: Params, ages: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return frequency and recency of new customers of these ages."""
        size = len(ages)
        life = rng.exponential(1.0, size) / _rates(params["s"], params["beta"], size, rng)
        open_ = np.minimum(life, ages)
        x = rng.poisson(_rates(params["r"], params["alpha"], size, rng) * open_).astype(float)
        # The last of x moments, each as likely anywhere in the time as a customer.
        recency = np.where(x > 0, open_ * rng.random(size) ** (1.0 / np.maximum(x, 1.0)), 0.0)
        return x, recency

    def future(self, params: Params, cells: Cells, horizon: float, rng: np.random.Generator) -> Floats:
        """Return one simulated number of purchases within the horizon for each cell."""
        r, alpha, s, beta = (params[name] for name in self.names)
        size = len(cells)
        alive = rng.random(size) < self.p_alive(params, cells)
        # Of those who are still customers, buying and leaving are independent.
        life = rng.exponential(1.0, size) / _rates(s, beta + cells.age, size, rng)
        rate = _rates(r + cells.frequency, alpha + cells.age, size, rng)
        return np.where(alive, rng.poisson(rate * np.minimum(life, horizon)), 0).astype(float)


PARETO_NBD = ParetoNbd()


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
    place, weight = nodes(64)
    values = np.full(len(z), undiscounted)
    for begin in range(0, len(z), ROWS):
        rows = begin + np.flatnonzero(z[begin : begin + ROWS] > 0.0)
        way = span[rows, None] * place
        values[rows] = np.exp((1.0 - s) * way - z[rows, None] * np.expm1(way)) @ weight * span[rows]
    return values


def _waiting(params: Params, q: float, x: Floats, age: Floats) -> Floats:
    """Return the quantile by Newton steps; the probability of a purchase is concave, so that none goes too far."""
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
    return t
