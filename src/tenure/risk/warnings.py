"""The scorecard model "warnings": early signs of leaving, fitted on everybody and scored for anybody.

The signals are detected in :mod:`tenure.risk.detection`; here they become columns, a table of warnings and a report.
"""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.facts.schema import DAY, TEXT
from tenure.features.columns import day_column, number_column, numbers
from tenure.features.windows import NEVER
from tenure.risk import decline, long_gaps
from tenure.risk.detection import Detection, combined, detect
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
#: Customers from whom regularity, the possible p-values and the power of the test are learnt; more would say the same.
SAMPLE = 5_000
#: Falls of the rate for which the power of the test is reported.
DROPS = (0.5, 0.75, 1.0)


class Warnings(ScorecardModel):
    name = "warnings"
    schema = SCHEMA
    families = ("purchases", "satisfaction", "contact", "contracts", "wallet")

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
        rhythmic = _sample(inputs.bought & (inputs["gaps"] >= long_gaps.GAPS))
        if not all(gate.passed for gate in gates) or not past.any() or not len(rhythmic):
            return [Fit("warnings", "", "too-little-data", gates, seed=seed)]
        rates = decline.fit_rates(count[past], days[past])
        gaps, span, logs = (inputs[name][rhythmic] for name in ("gaps", "gap_days", "gap_logs"))
        shapes = long_gaps.fit_shapes(gaps, span, logs)
        params = {"r": rates.r, "alpha": rates.alpha, "shapes": list(shapes), "cutoff": 0.0}
        orders = SignalInputs(table, Fit("warnings", "gamma-poisson", params=params), context).orders
        tested = _sample(orders.tested)
        possible = decline.steps(rates, count[tested], days[tested], WINDOW)
        params["cutoff"] = decline.cutoff(orders.p, possible, decline.LEVEL)
        columns = {"days_90": inputs["order_days"], "days_reference": count, "gap_days": inputs["gap_days"]}
        quantiles = {name: metrics.quantiles(column[past]) for name, column in columns.items()}
        fit = Fit("warnings", "gamma-poisson", "ok", gates, params, {}, quantiles, int(past.sum()), seed)
        fit.figures.update(_test(SignalInputs(table, fit, context)))
        return [fit]

    def score(self, table: pa.Table, fits: Fits, context: Context) -> Result:
        inputs = SignalInputs(table, fits.get("warnings"), context)
        detections = detect(inputs)
        score = combined(detections, len(inputs))
        stake = _at_stake(inputs, score)
        columns, warnings = _columns(inputs, detections, score, stake), _warnings(inputs, detections, stake)
        return Result(columns, fits, {"warnings": warnings}, partial(_report, inputs, detections, stake))


def _sample(rows: NDArray[np.bool_]) -> NDArray[np.intp]:
    places = np.flatnonzero(rows)
    return places[:: max(len(places) // SAMPLE, 1)]


def _columns(
    inputs: SignalInputs, detections: list[Detection], score: NDArray[np.float64], stake: NDArray[np.float64]
) -> pa.Table:
    last = np.iinfo(np.int64).max
    earliest = np.full(len(inputs), last, dtype=np.int64)
    shown = np.zeros(len(inputs), dtype=np.int64)  # one bit a signal: only a small part of all combinations occurs
    for place, detection in enumerate(detections):
        earliest[detection.who] = np.minimum(earliest[detection.who], detection.due)
        shown[detection.who] |= 1 << place
    combinations, codes = np.unique(shown, return_inverse=True)
    names = [
        ",".join(detection.signal for place, detection in enumerate(detections) if bits >> place & 1) or None
        for bits in combinations.tolist()
    ]
    volume = inputs.volume
    columns = {
        "decline": pa.array(volume.verdict.astype(object), TEXT, mask=~inputs.bought),
        "decline_p": number_column(inputs.orders.p),
        "wallet_share": number_column(volume.share),
        "wallet_change": number_column(volume.share - volume.share_before),
        "volume_change": number_column(volume.ours),
        "total_change": number_column(volume.theirs),
        "activity_change": number_column(inputs["order_days"] / inputs.orders.expected - 1.0),
        "silence_p": number_column(inputs.gap.p),
        "fatigue": number_column(inputs.fatigue.fall),
        "warning_score": score,
        "warning_signals": pa.array(names, TEXT).take(pa.array(codes)),
        "value_at_stake": number_column(stake),
        "warning_due_on": day_column(earliest, earliest < last),
    }
    return pa.table(columns, schema=SCHEMA)


def _warnings(inputs: SignalInputs, detections: list[Detection], stake: NDArray[np.float64]) -> pa.Table:
    """Return one row a customer and signal, signal by signal: sorting the evidence of all would hold it twice."""
    signals, whos, scores, sinces, dues, evidence = zip(*detections, strict=True)
    who, since = np.concatenate(whos), np.concatenate(sinces)
    rows, lead = pa.array(who), inputs.next_stage.days[who]
    codes = np.repeat(np.arange(len(detections)), [len(rows) for rows in whos])
    columns = {
        "customer_id": inputs.table.column("customer_id").take(rows),
        "signal": pa.array(signals, TEXT).take(pa.array(codes)),
        "score": np.concatenate(scores),
        "since": day_column(since, since != NEVER),
        "lead_days": pa.array(lead, mask=lead < 0),
        "value_at_stake": number_column(stake[who]),
        "owner": inputs.table.column("_owner@0").take(rows),
        "due_on": np.concatenate(dues).astype("datetime64[D]"),
        "evidence": pa.chunked_array(evidence, TEXT),
    }
    return pa.table(columns, schema=WARNINGS)


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


def _report(inputs: SignalInputs, detections: list[Detection], stake: NDArray[np.float64]) -> dict[str, Any]:
    """Return what the pages show of all warnings together: counts by signal, the tests behind them and their power."""
    bought, volume, fatigue = inputs.bought, inputs.volume, inputs.fatigue
    p = inputs.gap.p[~np.isnan(inputs.gap.p)]
    shapes = zip(long_gaps.SHAPES, inputs.params.get("shapes", ()), strict=False)
    sent, sent_before = (float(inputs[name].sum()) for name in ("messages", "messages_before"))
    # One message may be answered on several days; a rate above 1 would say nothing.
    answered, answered_before = (
        float(np.minimum(inputs[f"answers{when}"], inputs[f"messages{when}"]).sum()) for when in ("", "_before")
    )
    return {
        "risk.summary": _summary(inputs, detections, stake),
        "risk.decline": {
            "answers": {name: int((bought & (volume.verdict == name)).sum()) for name in ("yes", "no", "cannot-judge")},
            "fell": int((bought & volume.fell).sum()),
            # Their own business falls too: not decline by rule T04.
            "industry": int((bought & volume.fell & (volume.verdict == "no")).sum()),
            "total_known": int((bought & ~np.isnan(volume.theirs)).sum()),
            "test": _test(inputs) if inputs.params else None,
        },
        "risk.silence": {
            "judged": len(p),
            "silent": int((p <= long_gaps.UNLIKELY).sum()),
            "unlikely": long_gaps.UNLIKELY,
            "twentieths": np.histogram(p, bins=np.linspace(0.0, 1.0, 21))[0].tolist(),
            "shapes": [{"shape": shape, "share": share} for shape, share in shapes],
        },
        "risk.fatigue": {
            "judged": int((~np.isnan(fatigue.fall)).sum()),
            "tired": int(fatigue.tired.sum()),
            "messages": sent,
            "messages_before": sent_before,
            "rate": answered / sent if sent else None,
            "rate_before": answered_before / sent_before if sent_before else None,
        },
    }


def _summary(inputs: SignalInputs, detections: list[Detection], stake: NDArray[np.float64]) -> dict[str, Any]:
    """Return how many show each signal and how much is at stake; one customer counts once in the sums."""
    warned = np.zeros(len(inputs), dtype=bool)
    signals = []
    for signal, who, score, *_more in detections:
        warned[who] = True
        lead = inputs.next_stage.days[who]
        signals.append(
            {
                "signal": signal,
                "customers": len(who),
                "value_at_stake": float(np.nansum(stake[who])),
                "score": float(score.mean()) if len(who) else None,
                "lead_days": float(np.median(lead[lead >= 0])) if (lead >= 0).any() else None,
            }
        )
    gates = inputs.fit.gates if inputs.fit else ()
    return {
        "customers": len(inputs),
        "warned": int(warned.sum()),
        "value_at_stake": float(np.nansum(stake[warned])),
        "signals": signals,
        "weights": {name: signal.weight for name, signal in SIGNALS.items()},
        "model": inputs.next_stage.model.id if inputs.next_stage.model else None,
        "verdict": inputs.fit.verdict if inputs.fit else "too-little-data",
        "gates": [asdict(gate) for gate in gates],
    }


def _test(inputs: SignalInputs) -> dict[str, Any]:
    """Return how the test for decline did: whom it could test, whom it named, what it would have found."""
    orders, limit = inputs.orders, inputs.params["cutoff"]
    sample, tested = _sample(orders.tested), int(orders.tested.sum())
    count, days = inputs["days_reference"][sample], inputs["reference_days"][sample]
    # Where nobody is named, the power is that of the first who would be.
    floor = limit or decline.LEVEL / max(tested, 1)
    power = decline.power(inputs.rates, count, days, WINDOW, floor, DROPS)
    past = ~np.isnan(orders.expected)
    return {
        "window": WINDOW,
        "level": decline.LEVEL,
        "cutoff": limit,
        "tested": tested,
        "named": int(orders.named.sum()),
        "power": [{"drop": drop, "power": share} for drop, share in power.items()],
        "expected_orders": float(orders.expected[past].sum()),
        "found_orders": float(inputs["order_days"][past].sum()),
        "mean_rate": inputs.rates.r / inputs.rates.alpha,
    }
