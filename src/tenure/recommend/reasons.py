"""Why something is recommended.

What is stored is the kind of the reason and its figures, which can be counted and checked; a message is made of them
when somebody reads it. There are fifteen of them a customer, too many to store the same seven templates with each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tenure.words import Day, Message, Number, Percent, mark

_TEMPLATES = {
    "again": mark(
        "Bought %(times)s times, usually every %(gap)s days, last on %(last)s: due on %(due)s (%(low)s to %(high)s)"
    ),
    "once": mark("Bought on %(last)s; other buyers come back after about %(gap)s days: due on %(due)s"),
    "basket": mark(
        "Bought %(with)s; %(confidence)s of baskets with it also contain this product, %(lift)s times as "
        "often as by chance (%(low)s to %(high)s; %(count)s baskets)"
    ),
    "customer": mark(
        "Bought %(with)s; %(confidence)s of its buyers also buy this product, %(lift)s times as often as by "
        "chance (%(low)s to %(high)s; %(count)s customers)"
    ),
    "step": mark(
        "Buys %(with)s; %(movers)s of its %(buyers)s buyers upgraded to this product, which costs %(price)s "
        "instead of %(before)s"
    ),
    "popular": mark("%(buyers)s customers bought it in the last %(days)s days"),
    "rising": mark(
        "Recently buys more %(category)s: on %(lately)s of the last %(lately_days)s days, compared with "
        "%(before)s of the %(before_days)s days before; %(confidence)s of baskets with %(category)s also "
        "contain %(partner)s, %(lift)s times as often as by chance (support %(support)s, lift %(low)s to "
        "%(high)s)"
    ),
}
_DAYS = ("last", "due", "low", "high")


def message(reason: str | Mapping[str, Any] | None) -> Message:
    """Return the stored reason of a recommendation as a message; an empty one without a reason."""
    if not reason:
        return Message("")
    data: Mapping[str, Any] = json.loads(reason) if isinstance(reason, str) else reason
    kind = "once" if data["because"] == "again" and data["times"] == 1 else data["because"]
    return Message(_TEMPLATES[kind], {name: _formatted(name, value) for name, value in data.items()})


def _formatted(name: str, value: Any) -> Any:
    if name in ("confidence", "support"):
        return Percent(value, digits=3)
    if isinstance(value, str):
        return Day(value) if name in _DAYS else value
    if isinstance(value, float):
        return Number(value, 2 if name in ("price", "before") else 1)
    return Number(value)
