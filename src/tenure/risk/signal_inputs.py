"""The inputs of warning signals: what the features say of every customer, and what the tests say of them.

Every signal is a comparison of columns of :class:`SignalInputs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tenure.clock import day_number
from tenure.facts.blocks import SCALE
from tenure.features.contact import REFERENCE
from tenure.features.snapshot import Snapshot
from tenure.features.windows import HORIZON, NEVER
from tenure.risk import decline, silence
from tenure.risk.fatigue import Fatigue, fatigue_of
from tenure.risk.next_stage import NextStage, next_stages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from tenure.scorecard.model import Context
    from tenure.stats.record import Fit

    Read = Callable[[Snapshot], NDArray[np.float64]]

WINDOW = HORIZON
#: Windows before the last one in which a customer's own rhythm is read.
_BEFORE = REFERENCE // WINDOW
#: So many customers are weighed at once: a matrix of all would be large.
AT_ONCE = 100_000
#: "Falls": below this part of the 90 days before.
FALLS = 0.7
#: Low answers: on a scale to 5, and of the question whether they would recommend us (0 to 10).
LOW_CSAT, DETRACTOR = 3.0, 6.0


def _windows(name: str, first: int, last: int) -> Read:
    """Return the sum of a feature over some windows; 0 is the one that ends on the last day."""
    return lambda now: sum((now.at(name, k) for k in range(first, last + 1)), np.zeros(1))


def _money(name: str, first: int, last: int) -> Read:
    return lambda now: _windows(name, first, last)(now) / SCALE


def _rhythm_before(now: Snapshot) -> NDArray[np.float64]:
    # The day of the first order opens the rhythm and is not counted in it.
    opened = (now.age >= WINDOW) & (now.age < WINDOW + REFERENCE)
    return _windows("order_days", 1, _BEFORE)(now) - opened


#: Inputs that are not a feature of the last day by its own name.
_INPUTS: dict[str, Read] = {
    "days_before": _windows("order_days", 1, 1),
    "days_reference": _rhythm_before,
    "reference_days": lambda now: np.nan_to_num(np.clip(now.age - WINDOW, 0, REFERENCE)),
    "gaps": lambda now: np.nan_to_num(now.frequency),
    "gap_days": lambda now: np.nan_to_num(now.recency),
    "gap_logs": lambda now: np.nan_to_num(now.at("log_gaps")),
    "spend_90": _money("spend", 0, 0),
    "spend_before": _money("spend", 1, 1),
    "spend_180": _money("spend", 0, 1),
    "spend_before_180": _money("spend", 2, 3),
    "sales_year": _money("year_sales", 0, 0),
    "cost_year": lambda now: np.nan_to_num(now.at("year_cost") / SCALE),
    "costed_year": lambda now: np.isfinite(now.at("year_cost")).astype(np.float64),
    "first_order_on": lambda now: now.column("first_order_on"),
    "last_order_on": lambda now: now.column("last_order_on"),
    "open_complaints": lambda now: now.column("open_complaints"),
}


class VolumeChange(NamedTuple):
    """Rule T04: what became of our volume, and of the customer's own total, one row a customer."""

    fell: NDArray[np.bool_]  # ours, gradually or sharply
    ours: NDArray[np.float64]  # the change over 90 or 180 days, whichever fell more; NaN without any before
    theirs: NDArray[np.float64]  # the change of the customer's own total; NaN where it is not known
    share: NDArray[np.float64]  # our share of wallet, over the same days as `ours`; NaN where it is not known
    share_before: NDArray[np.float64]
    verdict: NDArray[np.str_]  # yes, no or cannot-judge


class Satisfaction(NamedTuple):
    """The ways to be dissatisfied, one row a customer."""

    low: NDArray[np.bool_]  # the last score is low
    fell: NDArray[np.bool_]  # by a whole point or more
    detractor: NDArray[np.bool_]  # would not recommend us
    disappointed: NDArray[np.bool_]  # got less than expected


class ContactTest(NamedTuple):
    """Contacts in the window against those in the window before it, one row a customer."""

    p: NDArray[np.float64]  # how likely so few are, had they been spread evenly over both
    fewer: NDArray[np.bool_]  # less than before, more than chance explains


@dataclass
class SignalInputs:
    """Some customers, as of one day."""

    table: pa.Table  # the scorecard so far, with the features
    fit: Fit | None  # what was fitted on everybody; without it only plain comparisons are made
    context: Context  # the day, and the lake
    _columns: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    _read: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """Return an input as float64, NaN where there is none; days as days since 1970-01-01, NEVER where none."""
        if name not in self._columns:
            now = Snapshot(self.table, 0, None, self._read)
            column = _INPUTS[name](now) if name in _INPUTS else now.at(name)
            self._columns[name] = np.nan_to_num(column, nan=float(NEVER)) if name.endswith("_on") else column
        return self._columns[name]

    @cached_property
    def today(self) -> int:
        return day_number(self.context.as_of)

    @property
    def params(self) -> Mapping[str, Any]:
        """What was fitted; empty when nothing was."""
        return self.fit.params if self.fit is not None and self.fit.usable else {}

    @property
    def rates(self) -> decline.Rates:
        return decline.Rates(self.params["r"], self.params["alpha"])

    @cached_property
    def bought(self) -> NDArray[np.bool_]:
        return self["first_order_on"] > NEVER

    @cached_property
    def orders(self) -> decline.OrderTest:
        nobody, unknown = np.zeros(len(self), dtype=bool), np.full(len(self), np.nan)
        if not self.params:
            return decline.OrderTest(nobody, unknown, unknown, nobody, nobody)
        count, days = self["days_reference"], self["reference_days"]
        # Without an order in the 90 days before the window, what fell fell earlier.
        tested = decline.testable(self.rates, count, days, WINDOW) & (self["days_before"] > 0)
        expected = np.where(days >= decline.SHORTEST, decline.expected(self.rates, count, days, WINDOW), np.nan)
        p = unknown
        p[tested] = decline.tail(self.rates, count[tested], days[tested], self["order_days"][tested], WINDOW)
        chance = np.nan_to_num(p, nan=1.0)
        return decline.OrderTest(tested, expected, p, chance <= self.params["cutoff"], chance <= decline.LEVEL)

    @cached_property
    def volume(self) -> VolumeChange:
        """Our volume and the customer's own total, over 90 and over 180 days."""
        now, before, now_180, before_180 = (
            self[name] for name in ("spend_90", "spend_before", "spend_180", "spend_before_180")
        )
        fell = decline.falls(now, before) | decline.falls(now_180, before_180)
        short, long = (
            np.where(past > 0, present / np.where(past > 0, past, 1.0) - 1.0, np.inf)
            for present, past in ((now, before), (now_180, before_180))
        )
        ours, longer = np.minimum(short, long), long < short
        theirs = _change(self["volume_90"], self["volume_before_90"])
        theirs = np.where(np.isnan(theirs), _change(self["volume_180"], self["volume_before_180"]), theirs)
        return VolumeChange(
            fell,
            np.where(np.isfinite(ours), ours, np.nan),
            theirs,
            np.where(longer, self["wallet_180"], self["wallet_90"]),
            np.where(longer, self["wallet_before_180"], self["wallet_before_90"]),
            decline.verdict(fell, theirs),
        )

    @cached_property
    def declines(self) -> NDArray[np.bool_]:
        """In whom decline is proved by the rule, or shown by the test where their own total is not known."""
        verdict = self.volume.verdict
        return (verdict == "yes") | (self.volume.fell & self.orders.named & (verdict != "no"))

    @cached_property
    def gap(self) -> silence.Gap:
        days = np.where(self.bought, self.today - self["last_order_on"], np.nan)
        p, usual = np.full(len(self), np.nan), np.full(len(self), np.nan)
        rhythmic = np.flatnonzero(self.bought & (self["gaps"] >= silence.GAPS)) if self.params else np.empty(0, int)
        for first in range(0, len(rhythmic), AT_ONCE):
            at = rhythmic[first : first + AT_ONCE]
            gaps, span = self["gaps"][at], self["gap_days"][at]
            shares = silence.shares_of(self.params["shapes"], gaps, span, self["gap_logs"][at])
            p[at] = silence.tail(shares, gaps, span, days[at])
            late = p[at] <= silence.UNLIKELY
            usual[at[late]] = silence.longest_usual(shares[late], gaps[late], span[late])
        return silence.Gap(days, p, usual)

    @cached_property
    def satisfaction(self) -> Satisfaction:
        return Satisfaction(
            self["csat_last"] < LOW_CSAT,
            self["csat_last"] <= self["csat_before"] - 1.0,
            self["nps_last"] <= DETRACTOR,
            self["experience"] < self["expectation"],
        )

    @cached_property
    def contacts(self) -> ContactTest:
        from scipy.special import bdtr

        now = np.nan_to_num(self["contacts"])
        both = now + np.nan_to_num(self["contacts_before"])
        p = np.where(both > 0, bdtr(now, np.maximum(both, 1.0).astype(np.int64), 0.5), 1.0)
        fewer = (p <= decline.LEVEL) & (self["contacts"] < FALLS * self["contacts_before"])
        return ContactTest(p, fewer)

    @cached_property
    def fatigue(self) -> Fatigue:
        return fatigue_of(self["messages"], self["answers"], self["messages_before"], self["answers_before"])

    @cached_property
    def leaving_kinds(self) -> list[str | None]:
        return self.table.column("_leaving_kind@0").to_pylist()

    @cached_property
    def next_stage(self) -> NextStage:
        return next_stages(self.context.lake, self.table.column("customer_id"), self.context.as_of)


def _change(now: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(now) & ~np.isnan(before)
    positive = known & (before > 0)
    change = np.where(positive, now / np.where(positive, before, 1.0) - 1.0, np.sign(np.nan_to_num(now)))
    return np.where(known, change, np.nan)
