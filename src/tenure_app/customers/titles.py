"""What a query of customers is called: the list's heading, and its filters, each with the way to remove it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.columns import column
from tenure.words import listing
from tenure_app.customers.query import AT_LEAST, AT_MOST, EQUALS, UNKNOWN, AttributeFilter, CustomerQuery
from tenure_app.web.filters import Chip
from tenure_app.web.formats import day, number
from tenure_app.web.tables import Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from tenure_app.lifecycle.catalogue import Entry

Without = dict[str, object]  # the fields of a query that a filter leaves empty when it is removed


def chips(query: CustomerQuery, entries: Mapping[str, Entry]) -> list[Chip]:
    """Return every filter of a query in words, with the address without it."""
    named = (*_places(query, entries.get(query.model)), *_bounds(query), *_by_column(query))
    return [Chip(text, f"?{query.address(**without)}") for text, without in named]


def heading(query: CustomerQuery, entries: Mapping[str, Entry]) -> str:
    if not query.narrows:
        return _("All customers")
    entry = entries.get(query.model)
    named = [*_by_column(query), *_places(query, entry)] if entry else []
    return named[0][0] if named else _("Customers that match")


def _places(query: CustomerQuery, entry: Entry | None) -> list[tuple[str, Without]]:
    if entry is None:
        return []
    named: list[tuple[str, Without]] = []
    on = day(query.as_of)
    if query.was and query.was_on:
        words = {
            "model": entry.name, "was": entry.stage_name(query.was), "was_on": day(query.was_on),
            "stage": entry.stage_name(query.stage) if query.stage else _("any stage"), "on": on,
        }  # fmt: skip
        text = _("%(model)s: from %(was)s on %(was_on)s to %(stage)s on %(on)s") % words
        named.append((text, {"was": "", "was_on": None, "stage": ""}))
    elif query.stage:
        words = {"model": entry.name, "stage": entry.stage_name(query.stage), "on": on}
        named.append((_("%(model)s: %(stage)s on %(on)s") % words, {"stage": ""}))
    if query.moved and query.move_from and query.move_to:
        words = {
            "model": entry.name, "stage": entry.stage_name(query.move_stage),
            "start": day(query.move_from), "end": day(query.move_to),
        }  # fmt: skip
        entered = _("%(model)s: entered %(stage)s between %(start)s and %(end)s")
        back = _("%(model)s: came back into %(stage)s between %(start)s and %(end)s")
        left = _("%(model)s: left %(stage)s between %(start)s and %(end)s")
        without: Without = {"moved": "", "move_stage": "", "move_from": None, "move_to": None}
        named.append(({"entered": entered, "reactivated": back}.get(query.moved, left) % words, without))
    if query.since:
        named.append((_("In their stage since %(day)s or later") % {"day": day(query.since)}, {"since": None}))
    if query.cannot_judge:
        words = {"model": entry.name, "stage": entry.stage_name(query.cannot_judge), "on": on}
        named.append((_("%(model)s: %(stage)s is undetermined on %(on)s") % words, {"cannot_judge": ""}))
    if query.next_within is not None or query.next_stage:
        named.append((_near(query, entry), {"next_within": None, "next_stage": ""}))
    return named


def undetermined(doubts: Sequence[Mapping[str, Any]]) -> str:
    """Say which stages cannot be judged on the day, and what is not known; nothing when all can."""
    text = _("%(stage)s (missing: %(missing_facts)s)")
    stages = [text % row if row["missing_facts"] else row["stage"] for row in doubts if row["left_on"] is None]
    return _("Undetermined: %(stages)s") % {"stages": listing(stages)} if stages else ""


def _near(query: CustomerQuery, entry: Entry) -> str:
    words = {"model": entry.name, "stage": entry.stage_name(query.next_stage), "days": query.next_within}
    if query.next_within is None:
        text = _("Next stage: %(stage)s")
    elif query.next_stage:
        text = ngettext(
            "%(model)s: moves to %(stage)s within %(days)d day",
            "%(model)s: moves to %(stage)s within %(days)d days",
            query.next_within,
        )
    else:
        text = ngettext(
            "%(model)s: stage changes within %(days)d day",
            "%(model)s: stage changes within %(days)d days",
            query.next_within,
        )
    return text % words


def _by_column(query: CustomerQuery) -> list[tuple[str, Without]]:
    templates = {
        EQUALS: _("%(what)s: %(value)s"),
        AT_LEAST: _("%(what)s: %(value)s or more"),
        AT_MOST: _("%(what)s: %(value)s or less"),
    }
    days = {**templates, AT_LEAST: _("%(what)s: from %(value)s on"), AT_MOST: _("%(what)s: until %(value)s")}
    named: list[tuple[str, Without]] = []
    for item in query.filters:
        known = None if isinstance(item, AttributeFilter) else item.definition
        label = item.attribute if isinstance(item, AttributeFilter) else str(item.definition.label)
        text: Callable[[Any], str] = Column(item.column).text if known else str
        written = days if known and known.kind == "day" else templates
        value = _("not known") if item.text == UNKNOWN else listing(map(text, item.values))
        others = tuple(other for other in query.filters if other != item)
        named.append((written[item.operator] % {"what": label, "value": value}, {"filters": others}))
    return named


def _bounds(query: CustomerQuery) -> list[tuple[str, Without]]:
    named: list[tuple[str, Without]] = []
    if query.q:
        named.append((_("Found by “%(words)s”") % {"words": query.q}, {"q": ""}))
    both = _("%(what)s: %(a)s to %(b)s")
    numbers = (number, _("%(what)s: %(a)s or more"), _("%(what)s: %(b)s or less"))
    days = (day, _("%(what)s: from %(a)s on"), _("%(what)s: until %(b)s"))
    for name, low, high, (write, at_least, at_most) in (
        ("orders", "orders_min", "orders_max", numbers),
        ("amount", "amount_min", "amount_max", numbers),
        ("last_order_on", "last_from", "last_to", days),
    ):
        a, b = getattr(query, low), getattr(query, high)
        if a is not None or b is not None:
            text = at_least if b is None else at_most if a is None else both
            words = {"what": column(name).label, "a": write(a), "b": write(b)}
            named.append((text % words, {low: None, high: None}))
    return named
