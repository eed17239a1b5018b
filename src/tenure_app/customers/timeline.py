"""Everything that happened to one customer: facts and stage changes, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.facts.notes import WITHDRAWN, topic_of
from tenure.facts.purchases import PURCHASE_TYPES, TYPED_ORDERS
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language, say
from tenure_app.customers.profile import has, local, rows
from tenure_app.web.formats import day, money, number
from tenure_app.web.layout import business

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import duckdb

    from tenure_app.lifecycle.catalogue import Entry
    from tenure_app.lifecycle.reasons import Stay

#: Title, values and note of an entry.
Text = tuple[str, str, str]
STAGES = "stages"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    day: date
    at: datetime | None
    icon: str
    title: str = ""
    values: str = ""
    note: str = ""
    stay: Stay | None = None


def counts(con: duckdb.DuckDBPyConnection, customer: str) -> dict[str, int]:
    """Return how many facts of each table there are about a customer, empty tables left out."""
    tables = [table for table in KINDS if table != STAGES and has(con, table)]
    selects = (f"select '{table}', count(*) from {table} where customer_id = $customer" for table in tables)
    sizes = dict(con.execute(" union all ".join(selects), {"customer": customer}).fetchall()) if tables else {}
    return {table: sizes[table] for table in tables if sizes[table]}


def timeline(
    con: duckdb.DuckDBPyConnection,
    customer: str,
    tables: Iterable[str],
    stays: Iterable[Stay],
    models: Mapping[str, Entry],
    limit: int,
    offset: int,
) -> list[TimelineEntry]:
    """Return what happened, newest first: facts of the chosen tables, and the stage changes to `stays`.

    `models` name the stages that were set manually.
    A stage change of a day stands after (above) the facts of the day, because they made it.
    """
    zone = ZoneInfo(business().tz)
    events: list[tuple[date, bool, datetime | None, str, Any]] = [
        (stay.span.entered_on, True, None, STAGES, stay) for stay in stays
    ]
    for table in tables:
        source = KINDS[table].rows or table
        facts = f'select epoch_us("at") as at, {KINDS[table].columns} from {source} where customer_id = ?'
        for fact in rows(con, f'{facts} order by "at" desc limit {limit + offset}', customer):
            at = local(fact["at"], zone)
            events.append((at.date(), False, at, table, fact | _names(fact, models)))
    events.sort(key=itemgetter(0, 1, 2), reverse=True)
    return [_entry(on, at, KINDS[table], what) for on, _late, at, table, what in events[offset : offset + limit]]


def _entry(on: date, at: datetime | None, kind: EntryKind, what: Any) -> TimelineEntry:
    return (
        TimelineEntry(on, at, kind.icon, *kind.text(what)) if kind.text else TimelineEntry(on, at, kind.icon, stay=what)
    )


def _names(fact: Mapping[str, Any], models: Mapping[str, Entry]) -> dict[str, str]:
    """Return the names of the model and the stage of a fact; nothing where it has none, or the model is gone."""
    entry = models.get(fact.get("model") or "")
    if entry is None:
        return {}
    return {"model": entry.name, "stage": entry.stage_name(fact["stage"]) if fact["stage"] else ""}


def _joined(*parts: object) -> str:
    return " · ".join(str(part) for part in parts if part not in (None, ""))


def _amount(value: object, currency: object = None) -> str:
    return money(value, str(currency or business().currency))


def _kind(kind: str | None) -> str:
    # A kind of the shop's own is a title here and no quotation.
    name = kind_name(kind or "", current_language()).strip("“”")
    return name[:1].upper() + name[1:]


def _order(fact: Mapping[str, Any]) -> Text:
    title = _("Refunded") if fact["status"] == "refund" else _("Ordered")
    kind = say(PURCHASE_TYPES[fact["purchase_type"]]) if fact["purchase_type"] else ""
    note = _joined(kind, fact["order_id"], fact["channel"], fact["store"])
    return title, _amount(fact["amount"], fact["currency"]), note


def _interaction(fact: Mapping[str, Any]) -> Text:
    values = _("%(count)s seconds") % {"count": number(fact["seconds"])} if fact["seconds"] else ""
    return _kind(fact["kind"]), values, _joined(fact["channel"], fact["content_id"], fact["campaign_id"])


def _note(fact: Mapping[str, Any]) -> Text:
    about = say(topic_of(fact["kind"], fact["category"]))
    title = _("Note withdrawn") if fact["kind"] == WITHDRAWN else _kind(fact["kind"])
    values = "" if fact["score"] is None else f"{number(fact['score'])}/5"
    return _("%(title)s: %(text)s") % {"title": title, "text": about}, values, _joined(fact["comment"], fact["author"])


def _case(fact: Mapping[str, Any]) -> Text:
    event = {"opened": _("opened"), "closed": _("closed")}.get(fact["event"], fact["event"] or "")
    return (
        _("%(title)s: %(text)s") % {"title": _kind(fact["kind"]), "text": event},
        "",
        _joined(fact["severity"], fact["case_id"]),
    )


def _contract(fact: Mapping[str, Any]) -> Text:
    events = {"started": _("Contract began"), "renewed": _("Contract renewed"), "cancelled": _("Contract cancelled")}
    until = _("until %(day)s") % {"day": day(fact["ends_on"])} if fact["ends_on"] else ""
    return events.get(fact["event"], fact["event"] or ""), until, fact["contract_id"] or ""


def _balance(fact: Mapping[str, Any]) -> Text:
    words = {"a": _amount(fact["receivable"]), "b": _amount(fact["payable"])}
    return _("Balance"), _("they owe %(a)s, we owe %(b)s") % words, ""


def _volume(fact: Mapping[str, Any]) -> Text:
    note = _("from %(day)s on") % {"day": day(fact["period_start"])} if fact["period_start"] else ""
    return _("Their total volume"), _amount(fact["amount"]), note


def _cost(fact: Mapping[str, Any]) -> Text:
    return _("Cost"), _amount(fact["amount"]), fact["kind"] or ""


def _override(fact: Mapping[str, Any]) -> Text:
    title = _("Stage set manually") if fact["stage"] else _("Manual stage removed")
    until = _("until %(day)s") % {"day": day(fact["until"])} if fact["until"] and fact["stage"] else ""
    author = (fact["source"] or "").removeprefix("staff:")
    by = _("by %(name)s") % {"name": author} if author else ""
    return title, _joined(fact["stage"], until), _joined(fact["model"], fact["reason"], by)


class EntryKind(NamedTuple):
    icon: str
    name: Any
    columns: str = ""  # of the table
    text: Callable[[Mapping[str, Any]], Text] | None = None  # of a fact with these columns
    rows: str = ""  # SQL that stands for the table, where it has columns of its own


#: What the timeline can show, in the order in which the filter offers it.
KINDS = {
    "orders": EntryKind(
        "shopping-cart",
        gettext_lazy("Orders"),
        "status, amount, currency, order_id, channel, store, purchase_type",
        _order,
        f"({TYPED_ORDERS})",
    ),
    "interactions": EntryKind(
        "eye", gettext_lazy("Interactions"), "kind, channel, seconds, content_id, campaign_id", _interaction
    ),
    "feedback": EntryKind(
        "star",
        gettext_lazy("Feedback"),
        "measure, score, survey, comment",
        lambda fact: (_kind(fact["measure"]), number(fact["score"]), _joined(fact["survey"], fact["comment"])),
    ),
    "profile_notes": EntryKind("bulb", gettext_lazy("Prospect notes"), "kind, category, score, comment, author", _note),
    "cases": EntryKind("headset", gettext_lazy("Cases"), "kind, event, severity, case_id", _case),
    "contracts": EntryKind(
        "file-text", gettext_lazy("Contracts"), "event, contract_id, ends_at::date as ends_on", _contract
    ),
    "balances": EntryKind("receipt", gettext_lazy("Balances"), "receivable, payable", _balance),
    "volumes": EntryKind("chart-bar", gettext_lazy("Total volumes"), "amount, period_start", _volume),
    "costs": EntryKind("coin", gettext_lazy("Costs"), "kind, amount", _cost),
    "overrides": EntryKind(
        "user-check", gettext_lazy("Set manually"), "model, stage, reason, until, source", _override
    ),
    STAGES: EntryKind("arrow-right", gettext_lazy("Stage changes")),
}
