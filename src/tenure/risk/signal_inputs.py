"""The inputs of warning signals: what the features say of every customer, and what the tests say of them.

Every signal is a comparison of columns of :class:`SignalInputs`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number
from tenure.facts.schema import SCALE
from tenure.features.contact import REFERENCE
from tenure.features.snapshot import Snapshot
from tenure.features.windows import HORIZON, NEVER
from tenure.risk import decline, long_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from tenure.lifecycle.model import Model
    from tenure.scorecard.model import Context
    from tenure.stats.record import Fit
    from tenure.words import LocalizedText

    Read = Callable[[Snapshot], NDArray[np.float64]]

WINDOW = HORIZON
#: Windows before the last one in which a customer's own rhythm is read.
_BEFORE = REFERENCE // WINDOW
#: So many customers are weighed at once: a matrix of all would be large.
AT_ONCE = 100_000
#: "Falls": below this part of the 90 days before.
FALLS = 0.7
#: Fewest messages, now and before, that make a rate of answers, and the fall of the rate from which it counts.
MESSAGES, TIRED = 3, 0.3
#: The first of these with spans is used. A model of recency comes first: its boundaries lie on known days.
MODELS = ("retail-activity", "telecom-5", "ecommerce-5", "retail-value-path", "crm-5", "clm-4", "relationship-4")
#: How bad the families of stages are; the others are 0.
BAD = {"F8": 1, "F9": 2, "F10": 3, "F11": 4}
#: For no more customers than these only their own stages are read.
FEW = 10_000


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


class Fatigue(NamedTuple):
    """How often our messages are answered, one row a customer."""

    now: NDArray[np.float64]  # answers per message; NaN where there are too few messages
    before: NDArray[np.float64]
    fall: NDArray[np.float64]  # by which share the rate fell, 0 when it did not; NaN where it cannot be judged
    tired: NDArray[np.bool_]  # clearly fewer answers


class NextStage(NamedTuple):
    """The worse stage that a customer enters if nothing happens: by the rules of a model, no forecast. One row each."""

    days: NDArray[np.int64]  # days until it begins; -1 where none is to come
    worse: NDArray[np.int64]  # how bad it will be, see :data:`BAD`
    stage: NDArray[np.object_]  # from which stage to which
    next_stage: NDArray[np.object_]
    model: Model | None = None

    def name_of(self, stage: str) -> LocalizedText:
        assert self.model is not None  # without a model nobody has a stage
        return self.model.stage(stage).name


@dataclass
class SignalInputs:
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
        shape, rate = self.rates.posterior(count, days)
        expected = np.where(days >= decline.SHORTEST, shape / rate * WINDOW, np.nan)
        p = unknown
        p[tested] = decline.tail(self.rates, count[tested], days[tested], self["order_days"][tested], WINDOW)
        chance = np.nan_to_num(p, nan=1.0)
        return decline.OrderTest(tested, expected, p, chance <= self.params["cutoff"], chance <= decline.LEVEL)

    @cached_property
    def volume(self) -> VolumeChange:
        """Our volume over 90 and over 180 days, and the customer's own total as they last stated it."""
        now, before, now_180, before_180 = (
            self[name] for name in ("spend_90", "spend_before", "spend_180", "spend_before_180")
        )
        fell = (now < decline.FALLEN * before) | (now_180 < decline.FALLEN * before_180)
        short, long = (
            np.where(past > 0, present / np.where(past > 0, past, 1.0) - 1.0, np.inf)
            for present, past in ((now, before), (now_180, before_180))
        )
        ours, longer = np.minimum(short, long), long < short
        theirs = _change(self["volume_latest"], self["volume_others"])
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
    def gap(self) -> long_gaps.Gap:
        days = np.where(self.bought, self.today - self["last_order_on"], np.nan)
        p, usual = np.full(len(self), np.nan), np.full(len(self), np.nan)
        rhythmic = np.flatnonzero(self.bought & (self["gaps"] >= long_gaps.GAPS)) if self.params else np.empty(0, int)
        for first in range(0, len(rhythmic), AT_ONCE):
            at = rhythmic[first : first + AT_ONCE]
            gaps, span = self["gaps"][at], self["gap_days"][at]
            shares = long_gaps.shares_of(self.params["shapes"], gaps, span, self["gap_logs"][at])
            p[at] = long_gaps.tail(shares, gaps, span, days[at])
            late = p[at] <= long_gaps.UNLIKELY
            usual[at[late]] = long_gaps.longest_usual(shares[late], gaps[late], span[late])
        return long_gaps.Gap(days, p, usual)

    @cached_property
    def fatigue(self) -> Fatigue:
        """Whether so few of all answers fall on the recent messages by chance (Fisher's exact test, one side).

        An answer is a day on which a message was opened, clicked, replied to or redeemed.
        """
        from scipy.stats import hypergeom

        sent, sent_before = self["messages"].astype(np.int64), self["messages_before"].astype(np.int64)
        answered = np.minimum(self["answers"].astype(np.int64), sent)
        answered_before = np.minimum(self["answers_before"].astype(np.int64), sent_before)
        judged = (sent >= MESSAGES) & (sent_before >= MESSAGES) & (answered_before > 0)
        now = np.where(judged, answered / np.maximum(sent, 1), np.nan)
        before = np.where(judged, answered_before / np.maximum(sent_before, 1), np.nan)
        fall = np.where(judged, np.maximum(1.0 - now / np.where(judged, before, 1.0), 0.0), np.nan)
        tired = np.nan_to_num(fall) >= TIRED
        at = np.flatnonzero(tired)  # the test costs a tenth of a millisecond each
        chance = hypergeom.cdf(answered[at], (sent + sent_before)[at], (answered + answered_before)[at], sent[at])
        tired[at] = chance <= decline.LEVEL
        return Fatigue(now, before, fall, tired)

    @cached_property
    def next_stage(self) -> NextStage:
        """The next boundary of one life-cycle model only, so that a customer is warned about once."""
        from tenure.lifecycle.model_file import models_of

        lake, size = self.context.lake, len(self)
        spans = set() if lake is None else {file.partition.get("model") for file in lake.files("spans") if file.rows}
        looked_at = () if lake is None else (*MODELS, *(lake.settings.models_on or ()))
        name = next((name for name in looked_at if name in spans), None)
        if lake is None or name is None or not size:
            return NextStage(np.full(size, -1), np.zeros(size, np.int64), *np.full((2, size), None, object))
        model, ids = models_of(lake, [name])[0], self.table.column("customer_id")
        reader = lake.connect(("spans",), customers=ids.to_pylist() if size <= FEW else None).execute(
            "select customer_id, stage, next_stage, next_change_on from spans"
            " where model = ? and left_on is null and next_stage is not null and next_change_on > ?"
            " order by customer_id",
            [model.id, self.context.as_of],
        )
        rows = reader.to_arrow_table()
        rows = rows.take(pc.index_in(ids, rows.column("customer_id").combine_chunks()))
        stage, next_stage = (rows.column(name).to_numpy() for name in ("stage", "next_stage"))
        on = rows.column("next_change_on").cast(pa.int32()).fill_null(0).to_numpy().astype(np.int64)
        bad = {stage.id: BAD.get(stage.family, 0) for stage in model.stages}
        before, worse = (np.array([bad.get(name, 0) for name in names], np.int64) for names in (stage, next_stage))
        days = np.where(worse > before, on - self.today, -1)
        return NextStage(days, np.where(worse > before, worse, 0), stage, next_stage, model)


def _change(now: NDArray[np.float64], before: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(now) & ~np.isnan(before)
    positive = known & (before > 0)
    change = np.where(positive, now / np.where(positive, before, 1.0) - 1.0, np.sign(np.nan_to_num(now)))
    return np.where(known, change, np.nan)
