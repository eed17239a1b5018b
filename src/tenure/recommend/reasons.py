"""Why something is recommended, in words.

The evidence itself is data, so that it can be counted and checked; the sentence is made when somebody reads it, in
their language.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tenure.words import mark, say

_AGAIN = mark(
    "Bought %(times)s times, usually every %(gap)s days, last on %(last)s: due on %(due)s (%(low)s to %(high)s)"
)
_AGAIN_ONCE = mark("Bought on %(last)s; other buyers come back after about %(gap)s days: due on %(due)s")
_BASKET = mark(
    "Bought %(with)s; %(confidence)s of baskets with it hold this as well, %(lift)s times as often as by chance"
    " (%(low)s to %(high)s; %(count)s baskets)"
)
_CUSTOMER = mark(
    "Bought %(with)s; %(confidence)s of its buyers also buy this, %(lift)s times as often as by chance"
    " (%(low)s to %(high)s; %(count)s customers)"
)
_STEP = mark(
    "Buys %(with)s; %(movers)s of its %(buyers)s buyers went on to this one,"
    " which costs %(price)s instead of %(before)s"
)
_POPULAR = mark("%(buyers)s customers bought it in the last %(days)s days")
_RISING = mark(
    "Buys more of %(category)s lately: on %(lately)s days in the last %(lately_days)s, after %(before)s"
    " in the %(before_days)s before; %(confidence)s of baskets with %(category)s also hold %(partner)s,"
    " %(lift)s times as often as by chance (support %(support)s, lift %(low)s to %(high)s)"
)
_WORDS = {
    "again": _AGAIN,
    "once": _AGAIN_ONCE,
    "basket": _BASKET,
    "customer": _CUSTOMER,
    "step": _STEP,
    "popular": _POPULAR,
    "rising": _RISING,
}


def sentence(reason: str | Mapping[str, Any] | None, language: str | None = None) -> str:
    """Return the reason of a recommendation as a sentence."""
    if not reason:
        return ""
    told: Mapping[str, Any] = json.loads(reason) if isinstance(reason, str) else reason
    name = "once" if told["because"] == "again" and told["times"] == 1 else told["because"]
    text = _WORDS[name]
    return say(text, language, **{name: _said(name, value) for name, value in told.items()})


def _said(name: str, value: Any) -> str:
    if name in ("confidence", "support"):
        return f"{100 * value:.3g}%"
    if name in ("price", "before") and isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
