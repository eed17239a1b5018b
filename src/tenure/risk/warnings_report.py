"""What the pages show of all warnings together: counts by signal, the tests behind them and their power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.risk import decline, silence
from tenure.risk.signal_inputs import WINDOW, SignalInputs
from tenure.risk.signals import SIGNALS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tenure.risk.detection import Detection

#: Customers from whom the power of the test is learnt; more would say the same.
SAMPLE = 5_000
#: Falls of the rate for which the power of the test is reported.
DROPS = (0.5, 0.75, 1.0)


def report(inputs: SignalInputs, detections: list[Detection], stake: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "risk.summary": _summary(inputs, detections, stake),
        "risk.decline": _decline(inputs),
        "risk.silence": _silence(inputs),
        "risk.fatigue": _fatigue(inputs),
    }


def _summary(inputs: SignalInputs, detections: list[Detection], stake: NDArray[np.float64]) -> dict[str, Any]:
    """Return how many show each signal and how much is at stake; one customer counts once in the sums."""
    warned = np.zeros(len(inputs), dtype=bool)
    signals = []
    for signal, who, score, _since in detections:
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
        "gates": [{"name": gate.name, "needed": gate.needed, "found": gate.found} for gate in gates],
    }


def tests(inputs: SignalInputs) -> dict[str, Any]:
    """Return how the test for decline did: whom it could test, whom it named, what it would have found."""
    orders, limit = inputs.orders, inputs.params["cutoff"]
    at = np.flatnonzero(orders.tested)
    sample = at[:: max(len(at) // SAMPLE, 1)]
    count, days = inputs["days_reference"][sample], inputs["reference_days"][sample]
    # Where nobody is named, the power is that of the first who would be.
    floor = limit or decline.LEVEL / max(len(at), 1)
    power = decline.power(inputs.rates, count, days, WINDOW, floor, DROPS)
    past = ~np.isnan(orders.expected)
    return {
        "window": WINDOW,
        "level": decline.LEVEL,
        "cutoff": limit,
        "tested": len(at),
        "named": int(orders.named.sum()),
        "power": [{"drop": drop, "power": share} for drop, share in power.items()],
        "expected_orders": float(orders.expected[past].sum()),
        "found_orders": float(inputs["order_days"][past].sum()),
        "mean_rate": inputs.rates.r / inputs.rates.alpha,
    }


def _decline(inputs: SignalInputs) -> dict[str, Any]:
    """Return the answers of rule T04 and of the test behind them."""
    bought, volume = inputs.bought, inputs.volume
    return {
        "answers": {name: int((bought & (volume.verdict == name)).sum()) for name in ("yes", "no", "cannot-judge")},
        "fell": int((bought & volume.fell).sum()),
        # Their own business falls too: not decline by this rule.
        "industry": int((bought & volume.fell & (volume.theirs < 0)).sum()),
        "total_known": int((bought & ~np.isnan(volume.theirs)).sum()),
        "test": tests(inputs) if inputs.params else None,
    }


def _silence(inputs: SignalInputs) -> dict[str, Any]:
    """Return how likely the present gaps are, in twentieths, and how regular customers buy."""
    p = inputs.gap.p[~np.isnan(inputs.gap.p)]
    shapes = zip(silence.SHAPES, inputs.params.get("shapes", ()), strict=False)
    return {
        "judged": len(p),
        "silent": int((p <= silence.UNLIKELY).sum()),
        "unlikely": silence.UNLIKELY,
        "twentieths": np.histogram(p, bins=np.linspace(0.0, 1.0, 21))[0].tolist(),
        "shapes": [{"shape": shape, "share": share} for shape, share in shapes],
    }


def _fatigue(inputs: SignalInputs) -> dict[str, Any]:
    """Return how many messages were answered, now and before, and who answers clearly less."""
    totals: dict[str, float | None] = {}
    for name, messages, answers in (
        ("", "messages", "answers"),
        ("_before", "messages_before", "answers_before"),
    ):
        sent = float(inputs[messages].sum())
        # One message may be answered on several days; a rate above 1 would say nothing.
        answered = float(np.minimum(inputs[answers], inputs[messages]).sum())
        totals |= {f"messages{name}": sent, f"rate{name}": answered / sent if sent else None}
    return {
        "judged": int((~np.isnan(inputs.fatigue.fall)).sum()),
        "tired": int(inputs.fatigue.tired.sum()),
        **{name: totals[name] for name in ("messages", "messages_before", "rate", "rate_before")},
    }
