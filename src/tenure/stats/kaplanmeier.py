"""Kaplan and Meier's survival curve: how many are still there after so long, without assuming any shape.

Answers: which share keeps its contract (or stays in a stage) for at least 3, 6, 12 months, how sure is that, and when
is half of them gone? Customers who have not left yet count for as long as they were seen; nothing is guessed about
what they will do.

Time may be whole periods or any real number. Who is censored at the very moment others leave was still there to
leave. Weights mean repeated rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtri

from tenure.errors import TenureError
from tenure.words import mark

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Survival:
    """A survival curve as steps, with its intervals.

    Attributes
    ----------
    times : numpy.ndarray, shape (steps,)
        When somebody left, rising; the unit is that of the durations.
    at_risk, events : numpy.ndarray, shape (steps,)
        How many could leave at that time, and how many did.
    survival : numpy.ndarray, shape (steps,)
        Share still there just after each time.
    error : numpy.ndarray, shape (steps,)
        Greenwood's standard error of it.
    low, high : numpy.ndarray, shape (steps,)
        Its interval, each time by itself.
    level : float
        How sure the intervals are.
    last : float
        The longest time anybody was seen; nothing is said beyond.
    customers, lost : float
        Sum of the weights, and of those who left.
    """

    times: Floats
    at_risk: Floats
    events: Floats
    survival: Floats
    error: Floats
    low: Floats
    high: Floats
    level: float
    last: float
    customers: float
    lost: float

    def at(self, time: ArrayLike) -> Floats:
        """Return the share still there after each `time`; ``nan`` beyond the longest time seen."""
        return self._step(self.survival, time)

    def interval_at(self, time: ArrayLike) -> tuple[Floats, Floats]:
        """Return the interval of :meth:`at`; both are 1 before the first who left."""
        return self._step(self.low, time), self._step(self.high, time)

    def _step(self, curve: Floats, time: ArrayLike) -> Floats:
        time = np.asarray(time, np.float64)
        found = np.concatenate(([1.0], curve))[np.searchsorted(self.times, time, side="right")]
        # A curve that has reached 0 stays there.
        return np.where((time > self.last) & (self.at_end > 0.0), np.nan, found)

    @property
    def at_end(self) -> float:
        """The share still there at the last time seen."""
        return float(self.survival[-1]) if self.survival.size else 1.0

    def quantile(self, left: float = 0.5) -> float:
        """Return the first time by which the share `left` has gone; infinite when not so many have."""
        return _first_at_most(self.times, self.survival, 1.0 - left)

    def quantile_interval(self, left: float = 0.5) -> tuple[float, float]:
        """Return the interval of :meth:`quantile`: the times at which the interval of the curve crosses it.

        References
        ----------
        Brookmeyer, Crowley (1982), A confidence interval for the median survival time, Biometrics 38:29-41.
        """
        # Where the curve's interval is not defined (it has reached 0) it cannot say "still above".
        return tuple(_first_at_most(self.times, np.nan_to_num(one), 1.0 - left) for one in (self.low, self.high))  # type: ignore[return-value]

    @property
    def median(self) -> float:
        """The time by which half has gone; infinite when fewer have."""
        return self.quantile()

    @property
    def median_interval(self) -> tuple[float, float]:
        """The interval of :attr:`median`."""
        return self.quantile_interval()

    def mean_until(self, horizon: float) -> float:
        """Return the mean time spent there within `horizon` (the area below the curve); ``nan`` if never seen so far.

        Parameters
        ----------
        horizon : float
            In the unit of the durations.
        """
        if horizon > self.last and self.at_end > 0.0:
            return float("nan")
        inside = self.times < horizon
        edges = np.concatenate(([0.0], self.times[inside], [horizon]))
        return float(np.diff(edges) @ np.concatenate(([1.0], self.survival[inside])))


def _first_at_most(times: Floats, curve: Floats, share: float) -> float:
    # Shares such as 7/10 are met with the last bit off.
    reached = np.flatnonzero(curve <= share + 1e-12)
    return float(times[reached[0]]) if reached.size else float("inf")


def _checked(
    duration: ArrayLike, observed: ArrayLike, weight: ArrayLike | None, entry: ArrayLike | None
) -> tuple[Floats, NDArray[np.bool_], Floats, Floats]:
    duration = np.asarray(duration, np.float64).ravel()
    left = np.asarray(observed).ravel().astype(np.bool_)
    weight = np.ones(duration.size) if weight is None else np.asarray(weight, np.float64).ravel()
    begin = np.full(duration.size, -np.inf) if entry is None else np.asarray(entry, np.float64).ravel()
    if not duration.size == left.size == weight.size == begin.size:
        raise TenureError(
            mark("There are %(durations)d durations and %(observed)d marks of who left. Give one of each a row."),
            durations=duration.size,
            observed=left.size,
        )
    wrong = np.flatnonzero(~(duration >= 0.0) | ~(weight >= 0.0) | ~(begin < duration))
    if wrong.size:
        raise TenureError(
            mark(
                "Row %(row)d: a duration (%(duration)s) and a weight (%(weight)s) are not negative,"
                " and everybody enters (%(entry)s) before their end."
            ),
            row=int(wrong[0]),
            duration=float(duration[wrong[0]]),
            weight=float(weight[wrong[0]]),
            entry=float(begin[wrong[0]]),
        )
    return duration, left, weight, begin


def fit(
    duration: ArrayLike,
    observed: ArrayLike,
    weight: ArrayLike | None = None,
    entry: ArrayLike | None = None,
    level: float = 0.95,
    interval: Literal["log-log", "plain"] = "log-log",
) -> Survival:
    """Return the survival curve of durations of which some have not ended yet.

    Parameters
    ----------
    duration : array_like of float, shape (customers,)
        How long each stayed, or was seen to stay; any unit, 0 or more.
    observed : array_like of bool, shape (customers,)
        Whether the customer left then; otherwise they were still there.
    weight : array_like of float, shape (customers,), optional
        How many customers a row stands for.
    entry : array_like of float, shape (customers,), optional
        From which duration on the customer could have been seen leaving (left truncation); 0 when omitted.
    level : float
        How sure the intervals are.
    interval : {"log-log", "plain"}
        How intervals are built; ``log-log`` never leaves 0 to 1.

    Raises
    ------
    TenureError
        When columns differ in length, or hold negative or missing values.

    References
    ----------
    Kaplan, Meier (1958), JASA 53:457-481; Greenwood (1926); Kalbfleisch, Prentice (1980) for the log-log interval.
    """
    duration, left, weight, begin = _checked(duration, observed, weight, entry)
    times = np.unique(duration[left & (weight > 0.0)])
    gone = np.searchsorted(times, duration[left])
    events = np.bincount(gone, weight[left], minlength=times.size)[: times.size].astype(np.float64)
    at_risk = _not_less(duration, weight, times) - _not_less(begin, weight, times)
    survival = np.asarray(np.cumprod(1.0 - events / at_risk), np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.cumsum(events / (at_risk * (at_risk - events)))
    low, high = _interval(survival, spread, level, interval)
    return Survival(
        times=times,
        at_risk=at_risk,
        events=events,
        survival=survival,
        error=np.where(survival > 0.0, survival * np.sqrt(np.where(np.isfinite(spread), spread, 0.0)), np.nan),
        low=low,
        high=high,
        level=level,
        last=float(duration.max()) if duration.size else 0.0,
        customers=float(weight.sum()),
        lost=float(weight[left].sum()),
    )


def _not_less(values: Floats, weight: Floats, times: Floats) -> Floats:
    """Return the weight of everybody whose value is at least each time."""
    order = np.argsort(values, kind="stable")
    before = np.concatenate(([0.0], np.cumsum(weight[order])))
    return before[-1] - before[np.searchsorted(values[order], times, side="left")]


def _interval(survival: Floats, spread: Floats, level: float, kind: str) -> tuple[Floats, Floats]:
    z = float(ndtri(0.5 + level / 2.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(spread)
        if kind == "plain":
            low, high = survival - z * survival * error, survival + z * survival * error
        else:
            width = z * error / np.log(survival)  # negative, since the logarithm is
            low, high = survival ** np.exp(-width), survival ** np.exp(width)
    known = (survival > 0.0) & np.isfinite(spread)
    return np.where(known, np.clip(low, 0.0, 1.0), np.nan), np.where(known, np.clip(high, 0.0, 1.0), np.nan)
