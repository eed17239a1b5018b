"""What a selection of customers is called, in words: the list's heading, its removable chips, one line of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure_app.customers import having
from tenure_app.customers.filters import OUTSIDE, Selection
from tenure_app.customers.having import COLUMNS
from tenure_app.web import scorecard_said
from tenure_app.web.formats import day, number

if TYPE_CHECKING:
    from tenure_app.customers.queries import Row
    from tenure_app.lifecycle.catalogue import Entry

Without = dict[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the list, its stages named."""

    row: Row
    entry: Entry | None

    @property
    def stage(self) -> str:
        """What the stage is called; a dash when nothing is shown under any model."""
        if self.entry is None:
            return ""
        return self.entry.stage_name(self.row.stage if self.row.inside else OUTSIDE)

    @property
    def family(self) -> str:
        """The stage's family."""
        return self.entry.family(self.row.stage) if self.entry and self.row.inside else ""

    @property
    def next_stage(self) -> str:
        """What the next stage is called."""
        return self.entry.stage_name(self.row.next_stage) if self.entry else ""

    @property
    def next_family(self) -> str:
        """The next stage's family."""
        return self.entry.family(self.row.next_stage) if self.entry else ""


@dataclass(frozen=True, slots=True)
class Chip:
    """One restriction in words, and the address without it."""

    text: str
    url: str


def chips(chosen: Selection, entries: dict[str, Entry]) -> list[Chip]:
    """Return every restriction of a selection in words, with the way to take it away."""
    entry = entries.get(chosen.model)
    found = []
    for text, without in (*_places(chosen, entry), *_figures(chosen), *_having(chosen)):
        found.append(Chip(text, chosen.address(**without)))
    return found


def sentence(chosen: Selection, entries: dict[str, Entry]) -> str:
    """Return the selection as the list's heading."""
    entry = entries.get(chosen.model)
    if not chosen.narrows or entry is None:
        return _("All customers") if not chosen.narrows else _("Customers that match")
    first = next((text for text, _without in (*_having(chosen), *_places(chosen, entry))), "")
    return first or _("Customers that match")


def _places(chosen: Selection, entry: Entry | None) -> list[tuple[str, Without]]:
    if entry is None:
        return []
    found: list[tuple[str, Without]] = []
    on = day(chosen.as_of)
    if chosen.was and chosen.was_on:
        words = {
            "model": entry.name, "was": entry.stage_name(chosen.was), "was_on": day(chosen.was_on),
            "stage": entry.stage_name(chosen.stage) if chosen.stage else _("any stage"), "on": on,
        }  # fmt: skip
        text = _("%(model)s: from %(was)s on %(was_on)s to %(stage)s on %(on)s") % words
        found.append((text, {"was": "", "was_on": None, "stage": ""}))
    elif chosen.stage:
        words = {"model": entry.name, "stage": entry.stage_name(chosen.stage), "on": on}
        found.append((_("%(model)s: %(stage)s on %(on)s") % words, {"stage": ""}))
    if chosen.moved and chosen.move_from and chosen.move_to:
        words = {
            "model": entry.name, "stage": entry.stage_name(chosen.move_stage),
            "start": day(chosen.move_from), "end": day(chosen.move_to),
        }  # fmt: skip
        entered = _("%(model)s: entered %(stage)s between %(start)s and %(end)s")
        left = _("%(model)s: left %(stage)s between %(start)s and %(end)s")
        gone: Without = {"moved": "", "move_stage": "", "move_from": None, "move_to": None}
        found.append(((entered if chosen.moved == "entered" else left) % words, gone))
    if chosen.since:
        found.append((_("In their stage since %(day)s or later") % {"day": day(chosen.since)}, {"since": None}))
    if chosen.next_within is not None or chosen.next_stage:
        found.append((_near(chosen, entry), {"next_within": None, "next_stage": ""}))
    return found


def _near(chosen: Selection, entry: Entry) -> str:
    if chosen.next_within is None:
        return _("Next stage: %(stage)s") % {"stage": entry.stage_name(chosen.next_stage)}
    days = chosen.next_within
    if not chosen.next_stage:
        text = ngettext(
            "%(model)s: stage changes within %(days)d day", "%(model)s: stage changes within %(days)d days", days
        )
        return text % {"model": entry.name, "days": days}
    text = ngettext(
        "%(model)s: moves to %(stage)s within %(days)d day", "%(model)s: moves to %(stage)s within %(days)d days", days
    )
    return text % {"model": entry.name, "stage": entry.stage_name(chosen.next_stage), "days": days}


def _having(chosen: Selection) -> list[tuple[str, Without]]:
    found: list[tuple[str, Without]] = []
    for one in chosen.having:
        rest = tuple(other for other in chosen.having if other != one)
        words = {"what": COLUMNS[one.column].label, "value": scorecard_said.value(one)}
        text = {
            having.LEAST: _("%(what)s: %(value)s or more"),
            having.MOST: _("%(what)s: %(value)s or less"),
        }.get(one.sign, _("%(what)s: %(value)s"))
        found.append((text % words, {"having": rest}))
    return found


def _figures(chosen: Selection) -> list[tuple[str, Without]]:
    found: list[tuple[str, Without]] = []
    if chosen.q:
        found.append((_("Found by “%(words)s”") % {"words": chosen.q}, {"q": ""}))
    for label, low, high, say in (
        (_("Orders"), "orders_min", "orders_max", number),
        (_("Amount"), "amount_min", "amount_max", number),
        (_("Last order"), "last_from", "last_to", day),
    ):
        a, b = getattr(chosen, low), getattr(chosen, high)
        gone: Without = {low: None, high: None}
        if a is not None and b is not None:
            found.append((_("%(what)s: %(a)s to %(b)s") % {"what": label, "a": say(a), "b": say(b)}, gone))
        elif a is not None:
            found.append(
                (_("%(what)s: %(a)s or more") % {"what": label, "a": say(a)}, gone)
                if say is number
                else (_("%(what)s: from %(a)s on") % {"what": label, "a": say(a)}, gone)
            )
        elif b is not None:
            found.append(
                (_("%(what)s: %(b)s or less") % {"what": label, "b": say(b)}, gone)
                if say is number
                else (_("%(what)s: until %(b)s") % {"what": label, "b": say(b)}, gone)
            )
    return found
