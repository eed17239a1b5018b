"""The inputs of warning signals: what the features say of every customer, and what the tests say of them.

Every signal is a comparison of columns of :class:`SignalInputs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tenure.clock import day_number
from tenure.facts.blocks import SCALE
from tenure.features.contact import REFERENCE
from tenure.features.snapshot import Snapshot
from tenure.features.windows import HORIZON, NEVER
from tenure.risk import decline, silence
from tenure.risk.ahead import Ahead, ahead
from tenure.risk.fatigue import Fatigue, fatigue_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from tenure.scorecard.model import Context
    from tenure.stats.record import Fit

WINDOW = HORIZON
#: Windows before the last one in which a customer's own rhythm is read.
_BEFORE = REFERENCE // WINDOW
#: So many customers are weighed at once: a matrix of all would be large.
AT_ONCE = 100_000
#: "Falls": below this part of the 90 days before.
FALLS = 0.7
#: Low answers: on a scale to 5, and of the question whether they would recommend us (0 to 10).
LOW_CSAT, DETRACTOR = 3.0, 6.0


def _zero(read: Callable[[Snapshot], NDArray[np.float64]]) -> Callable[[Snapshot], NDArray[np.float64]]:
    return lambda now: np.nan_to_num(read(now))


def _day(name: str) -> Callable[[Snapshot], NDArray[np.float64]]:
    return lambda now: np.nan_to_num(now.column(name), nan=float(NEVER))


def _of(name: str) -> Callable[[Snapshot], NDArray[np.float64]]:
    return lambda now: now.at(name)


def _windows(name: str, first: int, last: int) -> Callable[[Snapshot], NDArray[np.float64]]:
    """Return the sum of a feature over some windows; 0 is the one that ends on the last day."""
    return lambda now: sum((now.at(name, k) for k in range(first, last + 1)), np.zeros(1))


def _money(name: str, first: int, last: int) -> Callable[[Snapshot], NDArray[np.float64]]:
    return lambda now: _windows(name, first, last)(now) / SCALE


def _rhythm_before(now: Snapshot) -> NDArray[np.float64]:
    # The day of the first order opens the rhythm and is not counted in it.
    opened = (now.age >= WINDOW) & (now.age < WINDOW + REFERENCE)
    return _windows("order_days", 1, _BEFORE)(now) - opened


_INPUTS: dict[str, Callable[[Snapshot], NDArray[np.float64]]] = {
    "days_90": _of("order_days"),
    "days_before": _windows("order_days", 1, 1),
    "days_reference": _rhythm_before,
    "reference_days": lambda now: np.nan_to_num(np.clip(now.age - WINDOW, 0, REFERENCE)),
    "gaps": _zero(lambda now: now.frequency),
    "gap_days": _zero(lambda now: now.recency),
    "gap_logs": _zero(_of("log_gaps")),
    "first_order_on": _day("first_order_on"),
    "last_order_on": _day("last_order_on"),
    "spend_90": _money("spend", 0, 0),
    "spend_before": _money("spend", 1, 1),
    "spend_180": _money("spend", 0, 1),
    "spend_before_180": _money("spend", 2, 3),
    "sales_year": _money("year_sales", 0, 0),
    "cost_year": _zero(_money("year_cost", 0, 0)),
    "costed_year": lambda now: np.isfinite(now.at("year_cost")).astype(np.float64),
    "volume_90": _of("volume_90"),
    "volume_before": _of("volume_before_90"),
    "volume_180": _of("volume_180"),
    "volume_before_180": _of("volume_before_180"),
    "wallet": _of("wallet_90"),
    "wallet_before": _of("wallet_before_90"),
    "wallet_180": _of("wallet_180"),
    "wallet_before_180": _of("wallet_before_180"),
    "interactions_90": _of("contacts"),
    "interactions_before": _of("contacts_before"),
    "messages_90": _of("messages"),
    "messages_before": _of("messages_before"),
    "answers_90": _of("answers"),
    "answers_before": _of("answers_before"),
    "csat": _of("csat_last"),
    "csat_before": _of("csat_before"),
    "nps": _of("nps_last"),
    "expectation": _of("expectation"),
    "experience": _of("experience"),
    "feedback_on": _day("_feedback_on@0"),
    "complaints_90": _of("complaints_opened"),
    "complaints_open": lambda now: now.column("open_complaints"),
    "complaint_on": _day("_complaint_on@0"),
    "complaint_since": _day("_complaint_since@0"),
    "leaving_on": _day("_leaving_on@0"),
}


@dataclass
class SignalInputs:
    """Some customers, seen on one day."""

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
            self._columns[name] = _INPUTS[name](Snapshot(self.table, 0, None, self._read))
        return self._columns[name]

    def texts(self, name: str) -> list[str | None]:
        """Return a text of each customer."""
        return self.table.column(name).to_pylist() if name in self.table.column_names else [None] * len(self)

    @cached_property
    def today(self) -> int:
        """The day, since 1970-01-01."""
        return day_number(self.context.as_of)

    @cached_property
    def usable(self) -> bool:
        """Whether something was fitted."""
        return self.fit is not None and self.fit.usable

    @cached_property
    def rates(self) -> decline.Rates:
        """How rates differ between customers."""
        assert self.fit is not None
        return decline.Rates(self.fit.params["r"], self.fit.params["alpha"])

    @cached_property
    def bought(self) -> NDArray[np.bool_]:
        """Who has ever ordered."""
        return self["first_order_on"] > NEVER

    # The window against the year before it

    @cached_property
    def tested(self) -> NDArray[np.bool_]:
        """In whom a decline could show: a past long enough, and an order in the 90 days before the window."""
        if not self.usable:
            return np.zeros(len(self), dtype=bool)
        could = decline.testable(self.rates, self["days_reference"], self["reference_days"], WINDOW)
        return could & (self["days_before"] > 0)

    @cached_property
    def expected(self) -> NDArray[np.float64]:
        """Order days to be expected in the window; NaN without a past of 90 days."""
        if not self.usable:
            return np.full(len(self), np.nan)
        past = self["reference_days"] >= decline.SHORTEST
        many = decline.expected(self.rates, self["days_reference"], self["reference_days"], WINDOW)
        return np.where(past, many, np.nan)

    @cached_property
    def decline_p(self) -> NDArray[np.float64]:
        """The chance of so few order days, NaN in whom it is not tested."""
        p = np.full(len(self), np.nan)
        at = np.flatnonzero(self.tested)
        if len(at):
            p[at] = decline.tail(
                self.rates, self["days_reference"][at], self["reference_days"][at], self["days_90"][at], WINDOW
            )
        return p

    @cached_property
    def named(self) -> NDArray[np.bool_]:
        """Whom the false-discovery control lets one name."""
        limit = self.fit.params["cutoff"] if self.usable and self.fit is not None else 0.0
        return np.nan_to_num(self.decline_p, nan=1.0) <= limit

    # Rule T04

    @cached_property
    def ours_fell(self) -> NDArray[np.bool_]:
        """Whether our volume fell, gradually or sharply."""
        return decline.falls(self["spend_90"], self["spend_before"]) | decline.falls(
            self["spend_180"], self["spend_before_180"]
        )

    @cached_property
    def _our_changes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """By which part our volume changed over 90 and over 180 days; infinite without any before."""
        short, long = (
            np.where(self[before] > 0, self[now] / np.where(self[before] > 0, self[before], 1.0) - 1.0, np.inf)
            for now, before in (("spend_90", "spend_before"), ("spend_180", "spend_before_180"))
        )
        return short, long

    @cached_property
    def our_change(self) -> NDArray[np.float64]:
        """By which part our volume changed, over 90 or 180 days, whichever fell more; NaN without any before."""
        least = np.minimum(*self._our_changes)
        return np.where(np.isfinite(least), least, np.nan)

    @cached_property
    def wallet(self) -> NDArray[np.float64]:
        """Our share of wallet, over the days over which our volume fell more; NaN where it is not known."""
        return np.where(self._longer, self["wallet_180"], self["wallet"])

    @cached_property
    def wallet_before(self) -> NDArray[np.float64]:
        """Our share of wallet in as many days before."""
        return np.where(self._longer, self["wallet_before_180"], self["wallet_before"])

    @cached_property
    def _longer(self) -> NDArray[np.bool_]:
        short, long = self._our_changes
        return long < short

    @cached_property
    def their_change(self) -> NDArray[np.float64]:
        """By which part the customer's own total changed, over 90 days or else 180; NaN where it is not known."""
        short = _change(self["volume_90"], self["volume_before"])
        return np.where(np.isnan(short), _change(self["volume_180"], self["volume_before_180"]), short)

    @cached_property
    def verdict(self) -> NDArray[np.str_]:
        """The answer of rule T04."""
        return decline.verdict(self.ours_fell, self.their_change)

    @cached_property
    def declines(self) -> NDArray[np.bool_]:
        """In whom decline is proved by the rule, or shown by the test where their own total is not known."""
        return (self.verdict == "yes") | (self.ours_fell & self.named & (self.verdict != "no"))

    # Silence and fatigue

    @cached_property
    def rhythmic(self) -> NDArray[np.bool_]:
        """Who has gaps enough for a rhythm of their own."""
        return self.bought & (self["gaps"] >= silence.GAPS) if self.usable else np.zeros(len(self), dtype=bool)

    @cached_property
    def present(self) -> NDArray[np.float64]:
        """Days since the last order."""
        return np.where(self.bought, self.today - self["last_order_on"], np.nan)

    def shapes(self, at: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return how likely each regularity is for some of the customers."""
        assert self.fit is not None
        return silence.shares_of(
            self.fit.params["shapes"], self["gaps"][at], self["gap_days"][at], self["gap_logs"][at]
        )

    @cached_property
    def silence_p(self) -> NDArray[np.float64]:
        """How likely the present gap is under their own rhythm; NaN where there is no rhythm yet."""
        p = np.full(len(self), np.nan)
        rhythmic = np.flatnonzero(self.rhythmic)
        for first in range(0, len(rhythmic), AT_ONCE):
            at = rhythmic[first : first + AT_ONCE]
            p[at] = silence.tail(self.shapes(at), self["gaps"][at], self["gap_days"][at], self.present[at])
        return p

    @cached_property
    def usual(self) -> NDArray[np.float64]:
        """The customer's own 95 % gap in days, of those whose present gap is longer; NaN of all others."""
        usual = np.full(len(self), np.nan)
        at = np.flatnonzero(np.nan_to_num(self.silence_p, nan=1.0) <= silence.UNLIKELY)
        if len(at):
            usual[at] = silence.longest_usual(self.shapes(at), self["gaps"][at], self["gap_days"][at])
        return usual

    # Answers and contacts

    @cached_property
    def low_csat(self) -> NDArray[np.bool_]:
        """Whose last satisfaction score is low."""
        return self["csat"] < LOW_CSAT

    @cached_property
    def fell_csat(self) -> NDArray[np.bool_]:
        """Whose satisfaction fell by a whole point or more."""
        return self["csat"] <= self["csat_before"] - 1.0

    @cached_property
    def detractor(self) -> NDArray[np.bool_]:
        """Who would not recommend us."""
        return self["nps"] <= DETRACTOR

    @cached_property
    def disappointed(self) -> NDArray[np.bool_]:
        """Who got less than they expected."""
        return self["experience"] < self["expectation"]

    @cached_property
    def fewer_orders(self) -> NDArray[np.bool_]:
        """Who orders less than their own past lets one expect: each judged alone, at 5 %."""
        return np.nan_to_num(self.decline_p, nan=1.0) <= decline.LEVEL

    @cached_property
    def contacts_p(self) -> NDArray[np.float64]:
        """How likely so few contacts are, had they been spread evenly over the last two 90 days."""
        from scipy.special import bdtr

        now = np.nan_to_num(self["interactions_90"])
        both = now + np.nan_to_num(self["interactions_before"])
        return np.where(both > 0, bdtr(now, np.maximum(both, 1.0).astype(np.int64), 0.5), 1.0)

    @cached_property
    def fewer_contacts(self) -> NDArray[np.bool_]:
        """Who is in contact less than before, more than chance explains."""
        return (self.contacts_p <= decline.LEVEL) & (self["interactions_90"] < FALLS * self["interactions_before"])

    @cached_property
    def leaving_kinds(self) -> list[str | None]:
        """By which kind of fact they said that they will leave."""
        return self.texts("_leaving_kind@0")

    @cached_property
    def fatigue(self) -> Fatigue:
        """Whether they answer less."""
        return fatigue_of(self["messages_90"], self["answers_90"], self["messages_before"], self["answers_before"])

    @cached_property
    def ahead(self) -> Ahead:
        """Which worse stage comes next."""
        return ahead(self.context.lake, self.table.column("customer_id"), self.context.as_of)


def _change(now: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(now) & ~np.isnan(before)
    some = known & (before > 0)
    change = np.where(some, now / np.where(some, before, 1.0) - 1.0, np.sign(np.nan_to_num(now)))
    return np.where(known, change, np.nan)
