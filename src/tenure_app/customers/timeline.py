"""One fact as an entry of the timeline: what happened, with which values, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language
from tenure_app.customers.profile import STAGES, Event
from tenure_app.web.formats import day, money, number
from tenure_app.web.layout import business

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

ICONS = {
    "orders": "shopping-cart", "interactions": "eye", "feedback": "star", "cases": "headset", "contracts": "file-text",
    "balances": "receipt", "volumes": "chart-bar", "costs": "coin", "overrides": "user-check", STAGES: "arrow-right",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One entry of the timeline."""

    table: str
    at: datetime | None
    day: date
    icon: str
    title: str
    values: str = ""
    note: str = ""
    stay: Any = None


def names() -> dict[str, str]:
    """Return what each table of the timeline is called."""
    return {
        "orders": _("Orders"), "interactions": _("Interactions"), "feedback": _("Feedback"), "cases": _("Cases"),
        "contracts": _("Contracts"), "balances": _("Balances"), "volumes": _("Total volumes"), "costs": _("Costs"),
        "overrides": _("Set manually"), STAGES: _("Stage changes"),
    }  # fmt: skip


def entry(event: Event, stays: Mapping[Any, Any]) -> TimelineEntry:
    """Return an event as an entry."""
    if event.table == STAGES:
        stay = stays.get(event.fact["stay"])
        return TimelineEntry(STAGES, None, event.day, ICONS[STAGES], stay.name if stay else "", stay=stay)
    title, values, note = _TEXTS[event.table](event.fact)
    return TimelineEntry(event.table, event.at, event.day, ICONS[event.table], title, values, note)


#: Title, values and note of an entry.
Text = tuple[str, str, str]


def _joined(*parts: object) -> str:
    return " · ".join(str(part) for part in parts if part not in (None, ""))


def _amount(value: object, currency: object = None) -> str:
    return money(value, str(currency or business().currency))


def _order(fact: Mapping[str, Any]) -> Text:
    title = _("Refunded") if fact.get("status") == "refund" else _("Ordered")
    amount = _amount(fact.get("amount"), fact.get("currency"))
    return title, amount, _joined(fact.get("order_id"), fact.get("channel"), fact.get("store"))


def _interaction(fact: Mapping[str, Any]) -> Text:
    seconds = fact.get("seconds")
    values = _("%(count)s seconds") % {"count": number(seconds)} if seconds else ""
    return (
        _kind(fact.get("kind")),
        values,
        _joined(fact.get("channel"), fact.get("content_id"), fact.get("campaign_id")),
    )


def _kind(kind: object) -> str:
    name = kind_name(str(kind or ""), current_language())
    return name[:1].upper() + name[1:]


def _feedback(fact: Mapping[str, Any]) -> Text:
    return _kind(fact.get("measure")), number(fact.get("score")), _joined(fact.get("survey"), fact.get("comment"))


def _case(fact: Mapping[str, Any]) -> Text:
    events = {"opened": _("opened"), "closed": _("closed")}
    title = f"{_kind(fact.get('kind'))}: {events.get(str(fact.get('event')), fact.get('event') or '')}"
    return title, "", _joined(fact.get("severity"), fact.get("case_id"))


def _contract(fact: Mapping[str, Any]) -> Text:
    events = {"started": _("Contract began"), "renewed": _("Contract renewed"), "cancelled": _("Contract cancelled")}
    ends = fact.get("ends_at")
    until = _("until %(day)s") % {"day": day(ends)} if ends else ""
    return events.get(str(fact.get("event")), str(fact.get("event") or "")), until, _joined(fact.get("contract_id"))


def _balance(fact: Mapping[str, Any]) -> Text:
    words = {"a": _amount(fact.get("receivable")), "b": _amount(fact.get("payable"))}
    return _("Balance"), _("they owe %(a)s, we owe %(b)s") % words, ""


def _volume(fact: Mapping[str, Any]) -> Text:
    start = fact.get("period_start")
    return (
        _("Their total volume"),
        _amount(fact.get("amount")),
        _("from %(day)s on") % {"day": day(start)} if start else "",
    )


def _cost(fact: Mapping[str, Any]) -> Text:
    return _("Cost"), _amount(fact.get("amount")), _joined(fact.get("kind"))


def _override(fact: Mapping[str, Any]) -> Text:
    ended = not fact.get("stage")
    until = fact.get("until")
    title = _("Manual stage removed") if ended else _("Stage set manually")
    limit = _("until %(day)s") % {"day": day(until)} if until and not ended else ""
    return title, _joined(fact.get("stage"), limit), _joined(fact.get("model"), fact.get("reason"))


_TEXTS: dict[str, Callable[[Mapping[str, Any]], Text]] = {
    "orders": _order, "interactions": _interaction, "feedback": _feedback, "cases": _case, "contracts": _contract,
    "balances": _balance, "volumes": _volume, "costs": _cost, "overrides": _override,
}  # fmt: skip
