"""The scorecard model "warnings": early signs of leaving, fitted on everybody and scored for anybody.

The signs stand in :mod:`tenure.risk.signs`; here they become columns, a table of warnings and a report.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.facts.schema import DAY, TEXT
from tenure.features.columns import number_column, numbers
from tenure.features.windows import NEVER
from tenure.risk import decline, silence
from tenure.risk import warnings_report as reports
from tenure.risk.discoveries import cutoff
from tenure.risk.evidence import Evidence
from tenure.risk.signal_inputs import WINDOW, SignalInputs
from tenure.risk.signals import SIGNALS
from tenure.risk.signs import Sign, signs_of, together
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.stats.record import Fit, Gate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tenure.scorecard.model import Context

SCHEMA = pa.schema(
    {
        "decline": TEXT,  # yes, no or cannot-judge, by rule T04; null without any order
        "decline_p": pa.float64(),
        "wallet_share": pa.float64(),
        "wallet_change": pa.float64(),
        "volume_change": pa.float64(),  # of ours, over 90 or 180 days, whichever fell more
        "total_change": pa.float64(),  # of the customer's own total
        "activity_change": pa.float64(),
        "silence_p": pa.float64(),
        "fatigue": pa.float64(),
        "warning_score": pa.float64(),
        "warning_signals": TEXT,
        "value_at_stake": pa.float64(),
        "warning_due_on": DAY,
    }
)
#: One row a customer and signal. A refresh adds its generation and the day.
WARNINGS = pa.schema(
    {
        "customer_id": TEXT,
        "signal": TEXT,
        "score": pa.float64(),
        "since": DAY,
        "lead_days": pa.int64(),  # until a worse stage begins; null where none is foreseen
        "value_at_stake": pa.float64(),
        "owner": TEXT,
        "due_on": DAY,
        "evidence": TEXT,  # JSON list of messages, see tenure.words
    }
)
#: Customers who say how regular a shop's customers are, and which p-values are possible; more would say the same.
SAMPLE = 5_000


class Warnings(ScorecardModel):
    """Early warnings: who shows a sign of leaving, what is at stake, and until when to react."""

    name = "warnings"
    schema = SCHEMA
    families = ("purchases", "satisfaction", "contact", "wallet")

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return how rates and regularity differ between customers, and the p-value up to which decline is named."""
        seen = SignalInputs(table, None, context)
        past = seen.bought & (seen["reference_days"] >= decline.SHORTEST)
        gates = _gates(seen, context)
        rhythmic = np.flatnonzero(seen.bought & (seen["gaps"] >= silence.GAPS))
        if not all(gate.passed for gate in gates) or not past.any() or not len(rhythmic):
            return [Fit("warnings", "", "too-little-data", gates, seed=context.options.seed)]
        rates = decline.fit_rates(seen["days_reference"][past], seen["reference_days"][past])
        some = rhythmic[:: max(len(rhythmic) // SAMPLE, 1)]
        shapes = silence.fit_shapes(seen["gaps"][some], seen["gap_days"][some], seen["gap_logs"][some])
        params = {"r": rates.r, "alpha": rates.alpha, "shapes": list(shapes), "cutoff": 0.0}
        draft = SignalInputs(table, Fit("warnings", "gamma-poisson", params=params), context)
        params["cutoff"] = _cutoff(draft)
        inputs = {
            name: np.quantile(seen[name][past], np.linspace(0.0, 1.0, 11)).tolist()
            for name in ("days_90", "days_reference", "gap_days")
        }
        fit = Fit("warnings", "gamma-poisson", "ok", gates, params, {}, inputs, int(past.sum()), context.options.seed)
        fit.figures.update(reports.tests(SignalInputs(table, fit, context)))
        return [fit]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        """Return the columns, the table of warnings, and a report of all of them."""
        seen = SignalInputs(table, fits.get("warnings"), context)
        signs = signs_of(seen)
        score = together(signs, len(seen))
        stake = at_stake(seen, score)
        return Result(
            _columns(seen, signs, score, stake), fits, {"warnings": _warnings(seen, signs, stake)},
            partial(_report, seen, signs, stake),
        )  # fmt: skip


def _report(seen: SignalInputs, signs: list[Sign], stake: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "risk.summary": reports.summary(seen, signs, stake),
        "risk.decline": reports.of_decline(seen),
        "risk.silence": reports.of_silence(seen),
        "risk.fatigue": reports.of_fatigue(seen),
    }


def _columns(seen: SignalInputs, signs: list[Sign], score: NDArray[np.float64], stake: NDArray[np.float64]) -> pa.Table:
    columns: dict[str, pa.Array] = {
        "decline": pa.array(seen.verdict.astype(object), TEXT, mask=~seen.bought),
        "decline_p": number_column(seen.decline_p),
        "wallet_share": number_column(seen.wallet),
        "wallet_change": number_column(seen.wallet - seen.wallet_before),
        "volume_change": number_column(seen.our_change),
        "total_change": number_column(seen.their_change),
        "activity_change": number_column(seen["days_90"] / seen.expected - 1.0),
        "silence_p": number_column(seen.silence_p),
        "fatigue": number_column(seen.fatigue.fall),
        "warning_score": pa.array(score),
        "warning_signals": _names(signs, len(seen)),
        "value_at_stake": number_column(stake),
        "warning_due_on": _days(_due(seen, signs)),
    }
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _warnings(seen: SignalInputs, signs: list[Sign], stake: NDArray[np.float64]) -> pa.Table:
    """Return one row a customer and signal, in the order of the customers."""
    who = np.concatenate([sign.who for sign in signs])
    order = np.argsort(who, kind="stable")
    lead = seen.ahead.days[who]
    written = Evidence(seen)
    codes = np.repeat(np.arange(len(signs)), [len(sign.who) for sign in signs])
    names = pa.array([sign.signal for sign in signs], TEXT)
    columns = {
        "customer_id": seen.table.column("customer_id").take(pa.array(who)),
        "signal": names.take(pa.array(codes)),
        "score": pa.array(np.concatenate([sign.score for sign in signs])),
        "since": _days(np.concatenate([sign.since for sign in signs])),
        "lead_days": pa.array(lead, mask=lead < 0),
        "value_at_stake": number_column(stake[who]),
        "owner": seen.table.column("_owner@0").take(pa.array(who)),
        "due_on": _days(np.concatenate([_due_of(seen, sign) for sign in signs])),
        "evidence": pa.array([written.of(sign.signal, row) for sign in signs for row in sign.who.tolist()], TEXT),
    }
    return pa.table([columns[name] for name in WARNINGS.names], schema=WARNINGS).take(pa.array(order))


def _days(days: NDArray[np.int64]) -> pa.Array:
    return pa.array(days.astype(np.int32), mask=days == NEVER).cast(DAY)


def _cutoff(seen: SignalInputs) -> float:
    """Return up to which p-value decline is named."""
    tested = np.flatnonzero(seen.tested)
    some = tested[:: max(len(tested) // SAMPLE, 1)]
    possible = decline.steps(seen.rates, seen["days_reference"][some], seen["reference_days"][some], WINDOW)
    return cutoff(seen.decline_p, possible, decline.LEVEL)


def _gates(seen: SignalInputs, context: Context) -> tuple[Gate, ...]:
    first = seen["first_order_on"][seen.bought]
    days = float(day_number(context.as_of) - first.min()) if len(first) else 0.0
    return (
        Gate("buyers", float(context.options.buyers), float(len(first))),
        Gate("days", float(context.options.days), days),
    )


def at_stake(seen: SignalInputs, score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the money that leaving would cost: the chance of it times what the customer is worth.

    The chance is the predicted churn, else one minus P(active), else the warning score. The worth is the potential
    value, else the margin of the past year (sales where no cost is known, or the given share of them).
    """
    chance = score
    for name, turned in (("p_active_90", True), ("churn", False)):
        found = numbers(seen.table, name)
        chance = np.where(np.isnan(found), chance, 1.0 - found if turned else found)
    sales, known = seen["sales_year"], seen["costed_year"] > 0
    share = seen.context.options.margin
    margin = np.where(known, sales - seen["cost_year"], sales if share is None else sales * share)
    worth = numbers(seen.table, "potential_value")
    return chance * np.maximum(np.where(np.isnan(worth), margin, worth), 0.0)


def _due_of(seen: SignalInputs, sign: Sign) -> NDArray[np.int64]:
    """Return by when somebody should have reacted: the signal's own days, sooner where a worse stage is nearer."""
    lead = seen.ahead.days[sign.who]
    days = np.full(len(sign.who), SIGNALS[sign.signal].days, dtype=np.int64)
    days = np.where(lead >= 0, np.minimum(days, np.maximum(lead - 1, 0)), days)
    return np.asarray(seen.today + days, dtype=np.int64)


def _due(seen: SignalInputs, signs: list[Sign]) -> NDArray[np.int64]:
    """Return the earliest due day of each customer, NEVER for those without a warning."""
    last = np.iinfo(np.int64).max
    due = np.full(len(seen), last, dtype=np.int64)
    for sign in signs:
        due[sign.who] = np.minimum(due[sign.who], _due_of(seen, sign))
    return np.where(due == last, NEVER, due)


def _names(signs: list[Sign], size: int) -> pa.Array:
    """Return each customer's signals, the most telling first, with commas between them; null without any."""
    shown = np.zeros(size, dtype=np.int64)  # one bit a signal: few of all combinations are there
    for place, sign in enumerate(signs):
        shown[sign.who] |= 1 << place
    found, codes = np.unique(shown, return_inverse=True)
    said = [",".join(sign.signal for n, sign in enumerate(signs) if one >> n & 1) or None for one in found.tolist()]
    return pa.array(said, TEXT).take(pa.array(codes))
