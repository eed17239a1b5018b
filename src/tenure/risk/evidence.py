"""The evidence of a signal: sentences as data, rendered when somebody reads them.

A sentence names the customer's own figures, now and before, and never a cause: what happens together is not
a cause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.clock import day_of
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import Change, Day, LocalizedText, Message, Number, Percent, dumps, mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenure.risk.signal_inputs import SignalInputs


class Evidence:
    """The evidence of many customers; what is equal is written once."""

    def __init__(self, inputs: SignalInputs) -> None:
        self.inputs = inputs
        self._written: dict[tuple[Any, ...], str] = {}

    def of(self, signal: str, row: int) -> str:
        messages = _EVIDENCE[signal](self.inputs, row)
        key = tuple((message.template, *message.data.values()) for message in messages)
        if key not in self._written:
            self._written[key] = dumps(messages)
        return self._written[key]


def _share(value: float) -> Percent:
    # Rounded to what is read, so that equal sentences are equal data.
    return Percent(_as_read(value), digits=2)


def _change(value: float) -> Change:
    return Change(_as_read(value), digits=2)


def _as_read(value: float) -> float:
    return float(f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}")


def _day(number: int) -> Day:
    return Day(day_of(int(number)).isoformat())


def _count(inputs: SignalInputs, name: str, row: int) -> Number:
    return Number(int(inputs[name][row]))


def _counts(inputs: SignalInputs, row: int, **names: str) -> dict[str, Number]:
    return {shown: _count(inputs, name, row) for shown, name in names.items()}


def _score(inputs: SignalInputs, name: str, row: int) -> Number:
    return Number(float(inputs[name][row]), at_most=1)


def _intent(inputs: SignalInputs, row: int) -> list[Message]:
    # A contract that was cancelled is no fact of its own kind.
    kind = inputs.leaving_kinds[row] or "cancel"
    what: Message | LocalizedText = Message(mark("Contract cancelled"))
    if kind != "cancel":
        what = LocalizedText(zh=kind_name(kind, "zh_Hans"), en=kind_name(kind, "en"))
    return [Message(mark("%(what)s on %(day)s."), {"what": what, "day": _day(inputs["leaving_on"][row])})]


def _complaint(inputs: SignalInputs, row: int) -> list[Message]:
    messages = []  # one complaint that was settled is no sign; two of them are
    if inputs["open_complaints"][row]:
        data = {"open": _count(inputs, "open_complaints", row), "since": _day(inputs["complaint_since"][row])}
        messages.append(Message(mark("Open complaints: %(open)s, the oldest since %(since)s."), data))
    if inputs["complaints_opened"][row] >= 2:
        data = {"recent": _count(inputs, "complaints_opened", row)}
        messages.append(Message(mark("Complaints in the last 90 days: %(recent)s."), data))
    return messages


def _satisfaction(inputs: SignalInputs, row: int) -> list[Message]:
    messages = []
    data = {"before": _score(inputs, "csat_before", row), "score": _score(inputs, "csat_last", row)}
    if inputs.satisfaction.fell[row]:
        messages.append(Message(mark("Satisfaction fell from %(before)s to %(score)s."), data))
    elif inputs.satisfaction.low[row]:
        messages.append(Message(mark("Last satisfaction score: %(score)s."), {"score": data["score"]}))
    if inputs.satisfaction.detractor[row]:
        data = {"nps": _score(inputs, "nps_last", row)}
        messages.append(Message(mark("Unlikely to recommend us: %(nps)s out of 10."), data))
    if inputs.satisfaction.disappointed[row]:
        data = {name: _score(inputs, name, row) for name in ("experience", "expectation")}
        messages.append(Message(mark("Experience (%(experience)s) fell short of expectation (%(expectation)s)."), data))
    return messages


def _decline(inputs: SignalInputs, row: int) -> list[Message]:
    data: dict[str, Percent | Change] = {"fall": _share(-float(inputs.volume.ours[row]))}
    text = mark("Our volume fell by %(fall)s; their purchases elsewhere are unknown.")
    if inputs.volume.verdict[row] == "yes":
        data["theirs"] = _change(float(inputs.volume.theirs[row]))
        text = mark("Our volume fell by %(fall)s, while their total did not (%(theirs)s).")
    messages = [Message(text, data)]
    share, before = float(inputs.volume.share[row]), float(inputs.volume.share_before[row])
    if not np.isnan(share) and not np.isnan(before):
        shares = {"share_before": _share(before), "share": _share(share)}
        messages.append(Message(mark("Share of wallet: %(share_before)s, now %(share)s."), shares))
    return messages + (_orders(inputs, row) if inputs.orders.fewer[row] else [])


def _orders(inputs: SignalInputs, row: int) -> list[Message]:
    data = {
        "seen": _count(inputs, "order_days", row),
        "expected": Number(round(float(inputs.orders.expected[row]), 1)),
        "p": _share(float(inputs.orders.p[row])),
    }
    text = mark("Order days in the last 90 days: %(seen)s; expected: %(expected)s (probability of so few: %(p)s).")
    return [Message(text, data)]


def _silence(inputs: SignalInputs, row: int) -> list[Message]:
    data = {
        "days": Number(int(inputs.gap.days[row])),
        "mean": Number(round(float(inputs["gap_days"][row] / max(inputs["gaps"][row], 1.0)), 1)),
        "usual": Number(int(np.ceil(inputs.gap.usual[row]))),
    }
    text = mark("No order for %(days)s days. Gaps between orders average %(mean)s days and rarely exceed %(usual)s.")
    return [Message(text, data)]


def _both(inputs: SignalInputs, row: int) -> list[Message]:
    text = mark(
        "Order days fell from %(days_before)s to %(days_90)s and contacts from %(interactions_before)s to "
        "%(interactions_90)s, comparing the last two 90-day periods."
    )
    orders = {"days_before": "days_before", "days_90": "order_days"}
    contacts = {"interactions_before": "contacts_before", "interactions_90": "contacts"}
    return [Message(text, _counts(inputs, row, **orders, **contacts))]


def _activity(inputs: SignalInputs, row: int) -> list[Message]:
    messages = _orders(inputs, row) if inputs.orders.fewer[row] and not inputs.declines[row] else []
    if inputs.contacts.fewer[row]:
        data = _counts(inputs, row, interactions_90="contacts", interactions_before="contacts_before")
        text = mark(
            "Contacts in the last 90 days: %(interactions_90)s; in the 90 days before: %(interactions_before)s."
        )
        messages.append(Message(text, data))
    return messages


def _fatigue(inputs: SignalInputs, row: int) -> list[Message]:
    data = {
        "now": _share(float(inputs.fatigue.now[row])),
        "before": _share(float(inputs.fatigue.before[row])),
        "messages": _count(inputs, "messages", row),
    }
    text = mark("Responded to %(now)s of %(messages)s messages in the last 90 days; %(before)s in the year before.")
    return [Message(text, data)]


def _boundary(inputs: SignalInputs, row: int) -> list[Message]:
    coming = inputs.next_stage
    assert coming.model is not None
    data = {
        "stage": coming.model.stage(str(coming.stage[row])).name,
        "next": coming.model.stage(str(coming.next_stage[row])).name,
        "day": _day(inputs.today + int(coming.days[row])),
    }
    return [Message(mark("Moves from %(stage)s to %(next)s on %(day)s if nothing happens before then."), data)]


_EVIDENCE: dict[str, Callable[[SignalInputs, int], list[Message]]] = {
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
