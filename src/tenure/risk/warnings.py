"""The scorecard model "warnings": early signs of leaving, fitted on everybody and scored for anybody.

The signals are detected in :mod:`tenure.risk.detection`; here they become columns, a table of warnings and a report.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.facts.schema import DAY, TEXT
from tenure.features.columns import number_column, numbers
from tenure.features.windows import NEVER
from tenure.risk import decline, silence
from tenure.risk import warnings_report as reports
from tenure.risk.detection import Detection, combined, detect
from tenure.risk.evidence import Evidence
from tenure.risk.signal_inputs import WINDOW, SignalInputs
from tenure.risk.signals import SIGNALS
from tenure.scorecard.model import Fits, Result, ScorecardModel
from tenure.stats import metrics
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
#: Customers from whom regularity, and the possible p-values, are learnt; more would say the same.
SAMPLE = 5_000


class Warnings(ScorecardModel):
    """Early warnings: who shows a sign of leaving, what is at stake, and until when to react."""

    name = "warnings"
    schema = SCHEMA
    families = ("purchases", "satisfaction", "contact", "wallet")

    def fit(self, table: pa.Table, context: Context) -> list[Fit]:
        """Return how rates and regularity differ between customers, and the p-value up to which decline is named."""
        inputs, seed = SignalInputs(table, None, context), context.options.seed
        first, count, days = inputs["first_order_on"], inputs["days_reference"], inputs["reference_days"]
        buyers = int(inputs.bought.sum())
        lived = float(inputs.today - first[inputs.bought].min()) if buyers else 0.0
        gates = (
            Gate("buyers", float(context.options.buyers), float(buyers)),
            Gate("days", float(context.options.days), lived),
        )
        past = inputs.bought & (days >= decline.SHORTEST)
        rhythmic = _sample(inputs.bought & (inputs["gaps"] >= silence.GAPS))
        if not all(gate.passed for gate in gates) or not past.any() or not len(rhythmic):
            return [Fit("warnings", "", "too-little-data", gates, seed=seed)]
        rates = decline.fit_rates(count[past], days[past])
        shapes = silence.fit_shapes(
            inputs["gaps"][rhythmic], inputs["gap_days"][rhythmic], inputs["gap_logs"][rhythmic]
        )
        params = {"r": rates.r, "alpha": rates.alpha, "shapes": list(shapes), "cutoff": 0.0}
        orders = SignalInputs(table, Fit("warnings", "gamma-poisson", params=params), context).orders
        tested = _sample(orders.tested)
        possible = decline.steps(rates, count[tested], days[tested], WINDOW)
        params["cutoff"] = decline.cutoff(orders.p, possible, decline.LEVEL)
        columns = {"days_90": inputs["order_days"], "days_reference": count, "gap_days": inputs["gap_days"]}
        quantiles = {name: metrics.quantiles(column[past]) for name, column in columns.items()}
        fit = Fit("warnings", "gamma-poisson", "ok", gates, params, {}, quantiles, int(past.sum()), seed)
        fit.figures.update(reports.tests(SignalInputs(table, fit, context)))
        return [fit]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        inputs = SignalInputs(table, fits.get("warnings"), context)
        detections = detect(inputs)
        score = combined(detections, len(inputs))
        stake = _at_stake(inputs, score)
        due = [_due(inputs, detection) for detection in detections]
        columns = _columns(inputs, detections, score, stake, due)
        tables = {"warnings": _warnings(inputs, detections, stake, due)}
        return Result(columns, fits, tables, partial(reports.report, inputs, detections, stake))


def _sample(rows: NDArray[np.bool_]) -> NDArray[np.intp]:
    places = np.flatnonzero(rows)
    return places[:: max(len(places) // SAMPLE, 1)]


def _columns(
    inputs: SignalInputs,
    detections: list[Detection],
    score: NDArray[np.float64],
    stake: NDArray[np.float64],
    due: list[NDArray[np.int64]],
) -> pa.Table:
    last = np.iinfo(np.int64).max
    earliest = np.full(len(inputs), last, dtype=np.int64)
    shown = np.zeros(len(inputs), dtype=np.int64)  # one bit a signal: only a small part of all combinations occurs
    for place, (detection, days) in enumerate(zip(detections, due, strict=True)):
        earliest[detection.who] = np.minimum(earliest[detection.who], days)
        shown[detection.who] |= 1 << place
    combinations, codes = np.unique(shown, return_inverse=True)
    names = [
        ",".join(detection.signal for place, detection in enumerate(detections) if bits >> place & 1) or None
        for bits in combinations.tolist()
    ]
    volume = inputs.volume
    columns: dict[str, pa.Array] = {
        "decline": pa.array(volume.verdict.astype(object), TEXT, mask=~inputs.bought),
        "decline_p": number_column(inputs.orders.p),
        "wallet_share": number_column(volume.share),
        "wallet_change": number_column(volume.share - volume.share_before),
        "volume_change": number_column(volume.ours),
        "total_change": number_column(volume.theirs),
        "activity_change": number_column(inputs["order_days"] / inputs.orders.expected - 1.0),
        "silence_p": number_column(inputs.gap.p),
        "fatigue": number_column(inputs.fatigue.fall),
        "warning_score": pa.array(score),
        "warning_signals": pa.array(names, TEXT).take(pa.array(codes)),
        "value_at_stake": number_column(stake),
        "warning_due_on": _days(np.where(earliest == last, NEVER, earliest)),
    }
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _warnings(
    inputs: SignalInputs, detections: list[Detection], stake: NDArray[np.float64], due: list[NDArray[np.int64]]
) -> pa.Table:
    """Return one row a customer and signal, in the order of the customers."""
    who = np.concatenate([detection.who for detection in detections])
    lead, evidence = inputs.next_stage.days[who], Evidence(inputs)
    codes = np.repeat(np.arange(len(detections)), [len(detection.who) for detection in detections])
    texts = [evidence.of(detection.signal, row) for detection in detections for row in detection.who.tolist()]
    columns = {
        "customer_id": inputs.table.column("customer_id").take(pa.array(who)),
        "signal": pa.array([detection.signal for detection in detections], TEXT).take(pa.array(codes)),
        "score": pa.array(np.concatenate([detection.score for detection in detections])),
        "since": _days(np.concatenate([detection.since for detection in detections])),
        "lead_days": pa.array(lead, mask=lead < 0),
        "value_at_stake": number_column(stake[who]),
        "owner": inputs.table.column("_owner@0").take(pa.array(who)),
        "due_on": _days(np.concatenate(due)),
        "evidence": pa.array(texts, TEXT),
    }
    table = pa.table([columns[name] for name in WARNINGS.names], schema=WARNINGS)
    return table.take(pa.array(np.argsort(who, kind="stable")))


def _days(days: NDArray[np.int64]) -> pa.Array:
    return pa.array(days.astype(np.int32), mask=days == NEVER).cast(DAY)


def _due(inputs: SignalInputs, detection: Detection) -> NDArray[np.int64]:
    """Return the day by which to react: the signal's own days, sooner where a worse stage is nearer."""
    lead = inputs.next_stage.days[detection.who]
    days = SIGNALS[detection.signal].days
    return np.asarray(inputs.today + np.where(lead >= 0, np.clip(lead - 1, 0, days), days), dtype=np.int64)


def _at_stake(inputs: SignalInputs, score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the money that leaving would cost: the chance of it times what the customer is worth.

    The chance is the predicted churn, else one minus P(active), else the warning score. The worth is the potential
    value, else the margin of the past year (sales where no cost is known, or the given share of them).
    """
    churn, inactive = numbers(inputs.table, "churn"), 1.0 - numbers(inputs.table, "p_active_90")
    chance = np.where(np.isnan(churn), np.where(np.isnan(inactive), score, inactive), churn)
    sales, share = inputs["sales_year"], inputs.context.options.margin
    estimate = sales if share is None else sales * share
    margin = np.where(inputs["costed_year"] > 0, sales - inputs["cost_year"], estimate)
    worth = numbers(inputs.table, "potential_value")
    return chance * np.maximum(np.where(np.isnan(worth), margin, worth), 0.0)
