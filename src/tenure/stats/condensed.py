"""NBD, BG/NBD, MBG/NBD and their relatives for regular buyers (CNBD-k) as one family of purchase models.

Ticks come at a rate of each customer's own, Gamma(r, alpha) distributed, and every k-th tick is a purchase: with k = 1
purchases are Poisson, the higher k, the more regular they are (gaps are Erlang-k). After a purchase a customer leaves
with a probability of their own, Beta(a, b) distributed:

- ``never``: NBD (Ehrenberg 1959); with k > 1 the condensed NBD (Chatfield and Goodhardt 1973);
- ``repeat``: after each repeat purchase, BG/NBD (Fader, Hardie and Lee 2005, Marketing Science 24(2)), BG/CNBD-k;
- ``every``: after every purchase, the first too, MBG/NBD (Batislam, Denizel and Filiztekin 2007; Hoppe and Wagner
  2007), MBG/CNBD-k (Reutterer, Platzer and Schröder 2021, International Journal of Research in Marketing 38(1)).

Derived from the papers; no code of any package was used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from scipy.special import betaln, expit, gammaln, psi

from tenure.stats.counting import discounted, log_ticks, purchases

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure.stats.cells import Cells, Floats
    from tenure.stats.fitted import Params

Leaving = Literal["never", "repeat", "every"]
NEGLIGIBLE = 1e-3  # where fewer than this share leave after a purchase, the data show no dropout
FAR = 1e15  # more purchases than any customer makes


class _Alive(NamedTuple):
    """The posterior of customers who are still customers."""

    n: Floats  # shape of the gamma distribution of their rate
    scale: Floats  # its scale A
    a: Any  # beta distribution of leaving after a purchase
    b: Floats
    p: Floats  # that they are still customers
    stages: Floats  # shape (k, cells): P(so many ticks since the last purchase)


class Condensed:
    """A model of the family: `k` ticks to a purchase, `leaving` after which purchases, `null` without leaving."""

    timed = frozenset({"alpha"})  # parameters that are lengths of time

    def __init__(self, name: str, k: int = 1, leaving: Leaving = "never", null: Condensed | None = None) -> None:
        self.name, self.k, self.leaving, self.null = name, k, leaving, null
        self.extra = 1 if leaving == "every" else 0  # chances to leave beside those after repeat purchases
        # Published names of the parameters, all of them above zero, and those that covariates may move.
        self.names = ("r", "alpha") if leaving == "never" else ("r", "alpha", "a", "b")
        self.moved = self.names[1:]

    # Fitting

    def starts(self, cells: Cells) -> list[Params]:
        """Return points to start from, best first; times are scaled so that the oldest customer is 10 old."""
        # The mean rate is right in all of them.
        lived = float(cells.weight @ cells.age) or 10.0
        rate = self.k * max(float(cells.weight @ cells.frequency), 0.5) / lived
        points = [(0.5, 1.5, 0.6, 2.0), (2.0, 1.0, 0.1, 2.0), (0.2, 3.0, 2.0, 2.0), (1.0, 1.0, 1.0, 20.0)]
        return [dict(zip(self.names, (r, r / (rate * more), a, b), strict=False)) for r, more, a, b in points]

    def terms(self, params: Params, cells: Cells) -> tuple[Floats, list[Floats]]:
        """Return each cell's log-likelihood and its derivatives by the logarithm of each parameter, in their order."""
        r, alpha, x = params["r"], params["alpha"], cells.frequency
        ticks, scale = self.k * x, alpha + cells.age
        n = r + ticks
        log_s, s_r, s_u, u = self._still(n, scale, cells)
        value = _each(_log_poch, cells, r, self.k) - r * np.log1p(cells.age / alpha) - ticks * np.log(scale) + log_s
        value += self._gaps(cells)
        by_r = _each(_psi_gap, cells, r, self.k) - np.log1p(cells.age / alpha)
        by_alpha = r * cells.age / (alpha * scale) - ticks / scale
        in_r, in_alpha = s_r, -s_u * u / scale
        if self.leaving == "never":
            return value, [r * (by_r + in_r), alpha * (by_alpha + in_alpha)]
        a, b, chances = params["a"], params["b"], x + self.extra
        last = alpha + cells.recency
        since = np.log1p((cells.age - cells.recency) / last)
        odds = self._odds(params, cells, n * since - log_s)
        gone = expit(odds)
        value += _each(_log_poch, cells, b, 1, self.extra) - _each(_log_poch, cells, a + b, 1, self.extra)
        value += np.logaddexp(0.0, odds)
        by_r = r * (by_r + (1.0 - gone) * in_r + gone * since)
        by_alpha = alpha * (by_alpha + (1.0 - gone) * in_alpha + gone * n * (1.0 / scale - 1.0 / last))
        both = _each(_psi_gap, cells, a + b, 1, self.extra)
        after = np.where(chances > 0, b + chances - 1.0, 1.0)
        by_b = b * (_each(_psi_gap, cells, b, 1, self.extra) - both - gone / after)
        return value, [by_r, by_alpha, gone - a * both, by_b]

    def never_leaves(self, params: Params) -> bool:
        """Whether fewer than one in a thousand leave after a purchase; parameters of cells count by their mean."""
        if self.leaving == "never":
            return True
        return float(np.mean(params["a"] / (params["a"] + params["b"]))) < NEGLIGIBLE

    def _gaps(self, cells: Cells) -> Floats | float:
        """Return the part of the likelihood that holds no parameter but tells one k from another.

        It is the density of the times of purchase, given rate and leaving, relative to that of k = 1: of all gaps where
        these are known, else of the last purchase alone.
        """
        if self.k == 1:
            return 0.0
        x = np.where(cells.frequency > 0, cells.frequency, 1.0)
        if cells.log_gaps is not None:
            known = (self.k - 1.0) * cells.log_gaps - x * gammaln(self.k)
        else:
            length = np.where(cells.frequency > 0, cells.recency, 1.0)
            known = (self.k - 1.0) * x * np.log(length) + gammaln(x) - gammaln(self.k * x)
        return np.where(cells.frequency > 0, known, 0.0)

    def _still(self, n: Floats, scale: Floats, cells: Cells) -> tuple[Floats | float, ...]:
        """Return log S, its derivatives by n and by u, and u: S is the sum over ticks since the last purchase."""
        if self.k == 1:
            return 0.0, 0.0, 0.0, 0.0
        u = (cells.age - cells.recency) / scale
        terms, by_n, total = np.ones_like(n), np.zeros_like(n), np.ones_like(n)
        total_n, total_u = np.zeros_like(n), np.zeros_like(n)
        for j in range(1, self.k):
            total_u += terms * (n + j - 1.0)  # j · term(j) / u
            by_n = by_n + 1.0 / (n + j - 1.0)
            terms = terms * u * (n + j - 1.0) / j
            total += terms
            total_n += terms * by_n
        return np.log(total), total_n / total, total_u / total, u

    def _odds(self, params: Params, cells: Cells, tail: Floats) -> Floats:
        """Return the logarithm of P(left) / P(still there), from what the time since the last purchase says."""
        chances = cells.frequency + self.extra
        may = chances > 0
        prior = np.log(params["a"]) - np.log(np.where(may, params["b"] + chances - 1.0, 1.0))
        return np.where(may, prior + tail, -np.inf)

    # Predicting

    def _alive(self, params: Params, cells: Cells) -> _Alive:
        scale = params["alpha"] + cells.age
        n = params["r"] + self.k * cells.frequency
        u = (cells.age - cells.recency) / scale
        stages = np.ones((self.k, len(cells)))
        for j in range(1, self.k):
            stages[j] = stages[j - 1] * u * (n + j - 1.0) / j
        total = stages.sum(axis=0)
        if self.leaving == "never":
            return _Alive(n, scale, 0.0, np.ones(len(n)), np.ones(len(n)), stages / total)
        since = np.log1p((cells.age - cells.recency) / (params["alpha"] + cells.recency))
        p = expit(-self._odds(params, cells, n * since - np.log(total)))
        return _Alive(n, scale, params["a"], params["b"] + cells.frequency + self.extra, p, stages / total)

    def p_alive(self, params: Params, cells: Cells) -> Floats:
        return self._alive(params, cells).p

    def _by_birth(self, predict: Callable[..., Floats], argument: float, params: Params, cells: Cells) -> Floats:
        """Return P(alive) times a prediction that depends on the last purchase only through the stage."""
        alive = self._alive(params, cells)
        # The prediction is computed once for each frequency and age; cells of other recencies share it.
        first, where = cells.births
        a = np.broadcast_to(alive.a, alive.n.shape)
        total = np.zeros(len(cells))
        for stage in range(self.k):
            n, scale = alive.n[first] + stage, alive.scale[first]
            total += alive.stages[stage] * predict(n, scale, a[first], alive.b[first], argument, self.k, stage)[where]
        return alive.p * total

    def expected(self, params: Params, horizon: float, cells: Cells) -> Floats:
        return self._by_birth(purchases, horizon, params, cells)

    def residual(self, params: Params, rate: float, cells: Cells) -> Floats:
        return self._by_birth(discounted, rate, params, cells)

    def p_active(self, params: Params, horizon: float, cells: Cells) -> Floats:
        # Nobody leaves before the next purchase.
        alive = self._alive(params, cells)
        if self.k == 1:
            return alive.p * -np.expm1(-alive.n * np.log1p(horizon / alive.scale))
        if horizon <= 0:
            return np.zeros(len(cells))
        return alive.p * (1.0 - self._quiet(alive, np.log(horizon / alive.scale)))

    def _quiet(self, alive: _Alive, log_odds: Floats) -> Floats:
        """Return the probability that customers who are still there do not buy for a while."""
        odds = np.exp(log_odds)
        z, staying = odds / (1.0 + odds), np.log1p(odds)
        quiet = np.zeros(len(alive.n))
        for stage in range(self.k):
            n = alive.n + stage
            term = np.exp(-n * staying)  # P(no tick), then one tick more at a time
            total = term
            for ticks in range(1, self.k - stage):
                term = term * z * (n + ticks - 1.0) / ticks
                total = total + term
            quiet += alive.stages[stage] * total
        return quiet

    def waiting(self, params: Params, q: float, cells: Cells) -> Floats:
        alive = self._alive(params, cells)
        if self.k == 1:
            with np.errstate(over="ignore"):
                return alive.scale * np.expm1(-np.log1p(-q) / alive.n)
        low, high = np.full(len(cells), -40.0), np.full(len(cells), 600.0)
        for _ in range(56):
            middle = 0.5 * (low + high)
            early = self._quiet(alive, middle) > 1.0 - q
            low, high = np.where(early, middle, low), np.where(early, high, middle)
        return alive.scale * np.exp(0.5 * (low + high))

    def _new(self, params: Params) -> tuple[float, float, float]:
        """Return the share of new customers who may buy again at all, and a and b among these."""
        if self.leaving == "never":
            return 1.0, 0.0, 1.0
        a, b = params["a"], params["b"]
        return (b / (a + b) if self.extra else 1.0), a, b + self.extra

    def new_expected(self, params: Params, t: Floats) -> Floats:
        share, a, b = self._new(params)
        n = np.full(len(t), float(params["r"]))
        return share * purchases(n, params["alpha"], np.full(len(t), a), np.full(len(t), b), t, self.k)

    def pmf(self, params: Params, n_max: int, t: float) -> Floats:
        # Stayed and no more came, or left after just so many.
        count = np.arange(n_max + 1.0)
        if t <= 0:
            return (count == 0).astype(float)
        ticks = np.arange(float(self.k * (n_max + 1)))
        each = np.exp(log_ticks(params["r"], np.log(t / params["alpha"]), ticks))
        exactly = each.reshape(n_max + 1, self.k).sum(axis=1)
        at_least = np.clip(1.0 - np.concatenate([[0.0], np.cumsum(exactly)[:-1]]), 0.0, 1.0)
        share, a, b = self._new(params)
        # Share that would make so many purchases and is still there after the last, and that left right after it.
        stays = share * np.cumprod(np.concatenate([[1.0], (b + count[:-1]) / (a + b + count[:-1])]))
        left = np.concatenate([[1.0], stays[:-1]]) - stays
        if not self.extra:  # leaving can be only after a repeat purchase: the first of them is always made
            left = np.where(count > 0, left, 0.0)
        return stays * exactly + left * at_least

    # Simulating

    def simulate(self, params: Params, ages: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        size = len(ages)
        rate = rng.gamma(params["r"], 1.0 / params["alpha"], size)
        ticks = rng.poisson(np.minimum(rate * ages, FAR)).astype(float)
        most = np.full(size, np.inf)
        if self.leaving != "never":
            most = self._until(rng.beta(params["a"], params["b"], size), rng) - self.extra
        frequency = np.minimum(np.floor(ticks / self.k), most)
        nth = frequency * self.k
        # Given their number, ticks fall uniformly: the n-th of them is beta distributed.
        recency = ages * rng.beta(np.maximum(nth, 1.0), np.maximum(ticks - nth + 1.0, 1.0))
        return frequency, np.where(frequency > 0, recency, 0.0)

    def future(self, params: Params, cells: Cells, horizon: float, rng: np.random.Generator) -> Floats:
        alive = self._alive(params, cells)
        size = len(cells)
        stage = (rng.random(size) > np.cumsum(alive.stages, axis=0)[:-1]).sum(axis=0)
        rate = rng.gamma(alive.n + stage, 1.0 / alive.scale)
        count = np.floor((stage + rng.poisson(np.minimum(rate * horizon, FAR))) / self.k)
        if self.leaving != "never":
            count = np.minimum(count, self._until(rng.beta(alive.a, alive.b), rng))
        return np.where(rng.random(size) < alive.p, count, 0.0)

    @staticmethod
    def _until(chance: Floats, rng: np.random.Generator) -> Floats:
        """Return the number of the chance at which customers leave, from 1."""
        with np.errstate(divide="ignore"):
            tries = np.log(rng.random(len(chance))) / np.log1p(-np.clip(chance, 1e-300, 1.0))
        return np.minimum(1.0 + np.floor(tries), FAR)


def _each(function: Callable[[Any, Floats], Floats], cells: Cells, parameter: Any, times: int, more: int = 0) -> Floats:
    """Return a function of a parameter and the frequency, computed once for each distinct frequency."""
    if np.ndim(parameter):
        return function(parameter, times * cells.frequency + more)
    values, where = cells.frequencies
    return function(parameter, times * values + more)[where]


def _log_poch(base: Floats | float, count: Floats) -> Floats:
    """Return log Γ(base + count) − log Γ(base), exact also for a huge base."""
    safe = np.where(count > 0, count, 1.0)
    return np.where(count > 0, gammaln(safe) - betaln(base, safe), 0.0)


def _psi_gap(base: Floats | float, count: Floats) -> Floats:
    return psi(base + count) - psi(base)


MOST_REGULAR = 6  # the largest k that is tried: beyond, gaps hardly differ from a clock's
NBD = Condensed("nbd")
BG_NBD = Condensed("bg-nbd", 1, "repeat", NBD)
MBG_NBD = Condensed("mbg-nbd", 1, "every", NBD)
CNBD = {k: Condensed(f"cnbd-{k}", k) for k in range(2, MOST_REGULAR + 1)}
BG_CNBD = {k: Condensed(f"bg-cnbd-{k}", k, "repeat", CNBD[k]) for k in range(2, MOST_REGULAR + 1)}
MBG_CNBD = {k: Condensed(f"mbg-cnbd-{k}", k, "every", CNBD[k]) for k in range(2, MOST_REGULAR + 1)}
