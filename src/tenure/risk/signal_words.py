"""The evidence of a signal in words, in both languages, with the figures beside it.

A sentence names the customer's own figures, now and before, and never a cause: what is seen together is not what
brings about.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tenure.clock import day_of
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import mark, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure.risk.signal_inputs import Seen

Told = list[tuple[str, dict[str, Any]]]  # marked sentences, and what they are filled with
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Part(float):
    """A share, written as a percentage; kept as exactly as it is written."""

    def __new__(cls, value: float) -> Part:
        """Round to what is read."""
        return super().__new__(cls, f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}")


class Change(Part):
    """By which part something changed, written with its sign."""


class Spoken(NamedTuple):
    """Something that each language calls by another name."""

    zh: str
    en: str


class Words:
    """The evidence of everybody who is seen; what reads the same is put together once.

    Parameters
    ----------
    seen : Seen
        The customers.
    """

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self._told: dict[tuple[Any, ...], str] = {}

    def of(self, signal: str, row: int) -> str:
        """Return the JSON object ``{"zh": …, "en": …, "figures": {…}}`` of one customer's signal."""
        told = _TELL[signal](self.seen, row)
        key = tuple((text, *data.values()) for text, data in told)
        if key not in self._told:
            self._told[key] = json.dumps(evidence(told), ensure_ascii=False)
        return self._told[key]


def evidence(told: Told) -> dict[str, Any]:
    """Return sentences in both languages, and the figures in them."""
    return {
        "zh": "".join(_said(text, data, "zh_Hans") for text, data in told),
        "en": " ".join(_said(text, data, "en") for text, data in told),
        "figures": {name: _plain(value) for _text, data in told for name, value in data.items()},
    }


def _said(text: str, data: dict[str, Any], language: str) -> str:
    return say(text, language, **{name: _written(value, language) for name, value in data.items()})


def _written(value: Any, language: str) -> str:
    match value:
        case Spoken():
            return value.zh if language.startswith("zh") else value.en
        case Change():
            return ("−" if value < 0 else "+" if value > 0 else "") + _percent(abs(value))
        case Part():
            return _percent(value)
        case date():
            if language.startswith("zh"):
                return f"{value.year}年{value.month}月{value.day}日"
            return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"
        case float():
            return f"{value:,.1f}".removesuffix(".0")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _percent(value: float) -> str:
    if 0 < value < 0.0001:
        return "<0.01%"
    return f"{100 * value:.0f}%" if value >= 0.1 or not value else f"{100 * value:.2g}%"


def _plain(value: Any) -> Any:
    if isinstance(value, Spoken):
        return value._asdict()
    return value.isoformat() if isinstance(value, date) else value


def _whole(seen: Seen, name: str, row: int) -> int:
    return int(seen[name][row])


def _intent(seen: Seen, row: int) -> Told:
    kind = seen.leaving_kinds[row] or "cancel"
    data = {"what": _leaving_name(kind), "day": day_of(_whole(seen, "leaving_on", row))}
    return [(mark("%(what)s on %(day)s."), data)]


def _leaving_name(kind: str) -> Spoken:
    if kind == "cancel":
        return Spoken(zh=say(mark("Contract cancelled"), "zh_Hans"), en=say(mark("Contract cancelled"), "en"))
    return Spoken(zh=kind_name(kind, "zh_Hans"), en=kind_name(kind, "en"))


def _complaint(seen: Seen, row: int) -> Told:
    still, many = _whole(seen, "complaints_open", row), _whole(seen, "complaints_90", row)
    told: Told = []
    if still:
        since = day_of(_whole(seen, "complaint_since", row))
        told.append((mark("Open complaints: %(open)s, the oldest since %(since)s."), {"open": still, "since": since}))
    if many >= 2:
        told.append((mark("Complaints in the last 90 days: %(recent)s."), {"recent": many}))
    return told


def _satisfaction(seen: Seen, row: int) -> Told:
    csat, before = float(seen["csat"][row]), float(seen["csat_before"][row])
    told: Told = []
    if seen.fell_csat[row]:
        told.append((mark("Satisfaction fell from %(before)s to %(score)s."), {"before": before, "score": csat}))
    elif seen.low_csat[row]:
        told.append((mark("Last satisfaction score: %(score)s."), {"score": csat}))
    if seen.detractor[row]:
        data = {"nps": float(seen["nps"][row])}
        told.append((mark("Would hardly recommend us: %(nps)s of 10."), data))
    if seen.disappointed[row]:
        data = {"experience": float(seen["experience"][row]), "expectation": float(seen["expectation"][row])}
        told.append((mark("Got less (%(experience)s) than they expected (%(expectation)s)."), data))
    return told


def _decline(seen: Seen, row: int) -> Told:
    told: Told = []
    fall = -float(seen.our_change[row])
    if seen.verdict[row] == "yes":
        text = mark("Our volume fell by %(fall)s; their own total did not fall (%(theirs)s).")
        told.append((text, {"fall": Part(fall), "theirs": Change(float(seen.their_change[row]))}))
    else:
        text = mark("Our volume fell by %(fall)s; what they buy elsewhere is not known.")
        told.append((text, {"fall": Part(fall)}))
    share, before = float(seen.wallet[row]), float(seen.wallet_before[row])
    if not np.isnan(share) and not np.isnan(before):
        data = {"share_before": Part(before), "share": Part(share)}
        told.append((mark("Share of wallet: %(share_before)s, now %(share)s."), data))
    return told + (_orders(seen, row) if seen.fewer_orders[row] else [])


def _orders(seen: Seen, row: int) -> Told:
    data = {
        "seen": _whole(seen, "days_90", row),
        "expected": round(float(seen.expected[row]), 1),
        "p": Part(float(seen.decline_p[row])),
    }
    text = mark(
        "Order days in the last 90: %(seen)s, where %(expected)s were to be expected (chance of so few: %(p)s)."
    )
    return [(text, data)]


def _silence(seen: Seen, row: int) -> Told:
    data = {
        "days": int(seen.present[row]),
        "mean": round(float(seen["gap_days"][row] / max(seen["gaps"][row], 1.0)), 1),
        "usual": int(np.ceil(seen.usual[row])),
    }
    text = mark("No order for %(days)s days. Their gaps last %(mean)s days on average and seldom more than %(usual)s.")
    return [(text, data)]


def _both(seen: Seen, row: int) -> Told:
    names = ("days_before", "days_90", "interactions_before", "interactions_90")
    text = mark(
        "Order days %(days_before)s, then %(days_90)s; contacts %(interactions_before)s, then %(interactions_90)s:"
        " the last two 90 days compared."
    )
    return [(text, {name: _whole(seen, name, row) for name in names})]


def _activity(seen: Seen, row: int) -> Told:
    told: Told = _orders(seen, row) if seen.fewer_orders[row] and not seen.declines[row] else []
    if seen.fewer_contacts[row]:
        data = {name: _whole(seen, name, row) for name in ("interactions_90", "interactions_before")}
        text = mark("Contacts in the last 90 days: %(interactions_90)s, in the 90 before: %(interactions_before)s.")
        told.append((text, data))
    return told


def _fatigue(seen: Seen, row: int) -> Told:
    found = seen.fatigue
    data = {
        "now": Part(float(found.now[row])),
        "before": Part(float(found.before[row])),
        "messages": _whole(seen, "messages_90", row),
    }
    text = mark("Answered %(now)s of %(messages)s messages in the last 90 days; in the year before %(before)s.")
    return [(text, data)]


def _boundary(seen: Seen, row: int) -> Told:
    next_one = seen.ahead
    assert next_one.model is not None
    stage, then = (next_one.model.stage(str(name)).name for name in (next_one.stage[row], next_one.next_stage[row]))
    data = {
        "stage": Spoken(zh=stage.say("zh_Hans"), en=stage.say("en")),
        "next": Spoken(zh=then.say("zh_Hans"), en=then.say("en")),
        "day": day_of(seen.today + int(next_one.days[row])),
    }
    return [(mark("From %(stage)s to %(next)s on %(day)s, if nothing happens until then."), data)]


_TELL: dict[str, Callable[[Seen, int], Told]] = {
    "intent-to-leave": _intent,
    "complaint": _complaint,
    "satisfaction-down": _satisfaction,
    "decline": _decline,
    "silence": _silence,
    "both-frequencies-down": _both,
    "activity-down": _activity,
    "fatigue": _fatigue,
    "next-boundary": _boundary,
}
