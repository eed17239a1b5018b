"""What the pages show of all warnings together: counts by signal, the tests behind them and their power."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.risk import decline, silence
from tenure.risk.signal_inputs import WINDOW, SignalInputs
from tenure.risk.signals import SIGNALS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tenure.risk.signs import Sign

#: Customers who say how much of the test's power there is; more would say the same.
SAMPLE = 5_000
#: Falls of the rate for which the power of the test is told.
DROPS = (0.5, 0.75, 1.0)


def summary(seen: SignalInputs, signs: list[Sign], stake: NDArray[np.float64]) -> dict[str, Any]:
    """Return how many show each signal and how much is at stake; one customer counts once in the sums."""
    warned = np.zeros(len(seen), dtype=bool)
    lines = []
    for sign in signs:
        warned[sign.who] = True
        lead = seen.ahead.days[sign.who]
        lines.append(
            {
                "signal": sign.signal,
                "customers": len(sign.who),
                "value_at_stake": float(np.nansum(stake[sign.who])),
                "score": float(sign.score.mean()) if len(sign.who) else None,
                "lead_days": float(np.median(lead[lead >= 0])) if (lead >= 0).any() else None,
            }
        )
    return {
        "customers": len(seen),
        "warned": int(warned.sum()),
        "value_at_stake": float(np.nansum(stake[warned])),
        "signals": lines,
        "weights": {name: signal.weight for name, signal in SIGNALS.items()},
        "model": seen.ahead.model.id if seen.ahead.model else None,
        "verdict": seen.fit.verdict if seen.fit else "too-little-data",
        "gates": [
            {"name": gate.name, "needed": gate.needed, "found": gate.found}
            for gate in (seen.fit.gates if seen.fit else ())
        ],
    }


def tests(seen: SignalInputs) -> dict[str, Any]:
    """Return how the test for decline did: whom it could test, whom it named, what it would have found."""
    at = np.flatnonzero(seen.tested)
    assert seen.fit is not None
    limit = seen.fit.params["cutoff"]
    some = at[:: max(len(at) // SAMPLE, 1)]
    count, days = seen["days_reference"][some], seen["reference_days"][some]
    # Where nobody is named, the power is that of the first who would be.
    floor = limit or decline.LEVEL / max(len(at), 1)
    found = decline.power(seen.rates, count, days, WINDOW, floor, DROPS)
    past = ~np.isnan(seen.expected)
    return {
        "window": WINDOW,
        "level": decline.LEVEL,
        "cutoff": limit,
        "tested": len(at),
        "named": int(seen.named.sum()),
        "power": [{"drop": drop, "power": part} for drop, part in found.items()],
        "expected_orders": float(seen.expected[past].sum()),
        "found_orders": float(seen["days_90"][past].sum()),
        "mean_rate": seen.rates.r / seen.rates.alpha,
    }


def of_decline(seen: SignalInputs) -> dict[str, Any]:
    """Return the answers of rule T04 and of the test behind them."""
    bought = seen.bought
    answers = {name: int((bought & (seen.verdict == name)).sum()) for name in ("yes", "no", "cannot-judge")}
    shrinking = bought & seen.ours_fell & (seen.their_change < 0)
    return {
        "answers": answers,
        "fell": int((bought & seen.ours_fell).sum()),
        "industry": int(shrinking.sum()),  # their own business falls too: not decline by this rule
        "total_known": int((bought & ~np.isnan(seen.their_change)).sum()),
        "test": tests(seen) if seen.usable else None,
    }


def of_silence(seen: SignalInputs) -> dict[str, Any]:
    """Return how likely the present gaps are, in twentieths, and how regular customers buy."""
    p = seen.silence_p[~np.isnan(seen.silence_p)]
    counts, _edges = np.histogram(p, bins=np.linspace(0.0, 1.0, 21))
    return {
        "judged": len(p),
        "silent": int((p <= silence.UNLIKELY).sum()),
        "unlikely": silence.UNLIKELY,
        "twentieths": counts.tolist(),
        "shapes": [
            {"shape": shape, "share": share}
            for shape, share in zip(
                silence.SHAPES, seen.fit.params["shapes"] if seen.usable and seen.fit else (), strict=False
            )
        ],
    }


def of_fatigue(seen: SignalInputs) -> dict[str, Any]:
    """Return how many messages were answered, now and before, and who answers clearly less."""
    found = seen.fatigue
    judged = ~np.isnan(found.fall)
    sent, before = float(seen["messages_90"].sum()), float(seen["messages_before"].sum())
    return {
        "judged": int(judged.sum()),
        "tired": int(found.tired.sum()),
        "messages": sent,
        "messages_before": before,
        "rate": float(np.minimum(seen["answers_90"], seen["messages_90"]).sum()) / sent if sent else None,
        "rate_before": float(np.minimum(seen["answers_before"], seen["messages_before"]).sum()) / before
        if before
        else None,
    }
