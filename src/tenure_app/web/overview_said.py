"""The overview's charts in words: each title is a sentence with the figure that matters most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure_app.lifecycle.reasons import sentence_of
from tenure_app.web.formats import day as say_day
from tenure_app.web.formats import number, percent

if TYPE_CHECKING:
    from datetime import date

    from tenure_app.lifecycle import queries
    from tenure_app.lifecycle.catalogue import Entry


def standing(entry: Entry, board: queries.Board, bars: list[Any], days: int) -> str:
    """Say where most customers stand, and how that changed."""
    if not board.inside:
        return _("Nobody was in a stage of this model on %(day)s.") % {"day": say_day(board.day)}
    top = max(bars, key=lambda bar: bar.people)
    words = {
        "people": number(top.people), "stage": top.name, "share": percent(top.share), "change": number(abs(top.change)),
        "days": days,
    }  # fmt: skip
    if top.change > 0:
        return _("Most are %(stage)s: %(people)s, %(share)s; %(change)s more than %(days)d days before") % words
    if top.change < 0:
        return _("Most are %(stage)s: %(people)s, %(share)s; %(change)s fewer than %(days)d days before") % words
    return _("Most are %(stage)s: %(people)s, %(share)s; as many as %(days)d days before") % words


def trend(entry: Entry, found: queries.Trend) -> str:
    """Say which stage changed most over the time shown."""
    if not found.days or not found.people:
        return _("No stages in this time yet")
    changes = {stage: people[-1] - people[0] for stage, people in found.people.items()}
    stage = max(changes, key=lambda one: abs(changes[one]))
    words = {
        "stage": entry.stage_name(stage), "a": number(found.people[stage][0]), "b": number(found.people[stage][-1]),
        "start": say_day(found.days[0]),
    }  # fmt: skip
    if changes[stage] > 0:
        return _("%(stage)s grew most since %(start)s: from %(a)s to %(b)s") % words
    if changes[stage] < 0:
        return _("%(stage)s shrank most since %(start)s: from %(a)s to %(b)s") % words
    return _("The stages are as large as on %(start)s") % words


def flow(entry: Entry, found: list[queries.Flow], since: date, day: date, days: int) -> str:
    """Say which move was the largest, and how it compares with the period before."""
    moves = [one for one in found if not one.stayed]
    if not moves:
        return _("Nobody changed their stage between %(start)s and %(end)s") % {
            "start": say_day(since),
            "end": say_day(day),
        }
    top = max(moves, key=lambda one: one.people)
    text = ngettext(
        "%(people)s customer went from %(source)s to %(target)s in %(days)d days",
        "%(people)s customers went from %(source)s to %(target)s in %(days)d days",
        top.people,
    ) % {
        "people": number(top.people), "source": entry.stage_name(top.source), "target": entry.stage_name(top.target),
        "days": days,
    }  # fmt: skip
    return text + _compared(top.people, top.before)


def _compared(now: int, before: int) -> str:
    if not before:
        return ""
    share = percent(abs(now - before) / before, 0)
    if now > before:
        return _(", %(share)s more than in the period before") % {"share": share}
    if now < before:
        return _(", %(share)s fewer than in the period before") % {"share": share}
    return _(", as many as in the period before")


def coming(entry: Entry, soon: queries.Soon) -> str:
    """Say how many move within a week."""
    if not soon.people:
        return _("Nobody changes their stage by %(day)s, if nothing happens") % {"day": say_day(soon.until)}
    return ngettext(
        "%(people)s customer changes stage by %(day)s, if nothing happens",
        "%(people)s customers change stage by %(day)s, if nothing happens",
        soon.people,
    ) % {"people": number(soon.people), "day": say_day(soon.until)}


def why_next(entry: Entry, source: str, target: str) -> str:
    """Say what will be different on the day of the next change: a rule that begins or ceases to hold."""
    order = [stage.id for stage in entry.model.stages]
    here, there = entry.stage(source), entry.stage(target)
    if there is not None and (here is None or order.index(there.id) < order.index(here.id)):
        return sentence_of(there.when)
    if here is None:
        return ""
    return _("No longer true: %(rule)s") % {"rule": sentence_of(here.when)}
