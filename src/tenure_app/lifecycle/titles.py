"""The life cycle's figures in words: each title is a sentence with the number that matters most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language
from tenure_app.lifecycle import queries
from tenure_app.lifecycle.catalogue import Entry
from tenure_app.lifecycle.reasons import sentence_of
from tenure_app.web.formats import day as say_day
from tenure_app.web.formats import number, percent


def standing(board: queries.Board, rows: list[dict[str, Any]], days: int) -> str:
    if not board.inside:
        return _("No customer was in a stage of this model on %(day)s") % {"day": say_day(board.day)}
    top = max(rows, key=lambda row: row["people"])
    words = {
        "people": number(top["people"]), "stage": top["stage"], "share": percent(top["share"]),
        "change": number(abs(top["change"])),
        "days": days,
    }  # fmt: skip
    if top["change"] > 0:
        return _("Most are %(stage)s: %(people)s, %(share)s; %(change)s more than %(days)d days before") % words
    if top["change"] < 0:
        return _("Most are %(stage)s: %(people)s, %(share)s; %(change)s fewer than %(days)d days before") % words
    return _("Most are %(stage)s: %(people)s, %(share)s; as many as %(days)d days before") % words


def trend(entry: Entry, trend: queries.Trend) -> str:
    if not trend.days or not trend.people:
        return _("No stages in this period yet")
    changes = {stage: people[-1] - people[0] for stage, people in trend.people.items()}
    stage = max(changes, key=lambda stage: abs(changes[stage]))
    words = {
        "stage": entry.stage_name(stage), "a": number(trend.people[stage][0]), "b": number(trend.people[stage][-1]),
        "start": say_day(trend.days[0]),
    }  # fmt: skip
    if changes[stage] > 0:
        return _("%(stage)s grew most since %(start)s: from %(a)s to %(b)s") % words
    if changes[stage] < 0:
        return _("%(stage)s shrank most since %(start)s: from %(a)s to %(b)s") % words
    return _("Stage sizes are unchanged since %(start)s") % words


def flow(entry: Entry, flows: list[queries.Flow], since: date, day: date, days: int) -> str:
    moves = [flow for flow in flows if not flow.stayed]
    if not moves:
        return _("No stage changes between %(start)s and %(end)s") % {"start": say_day(since), "end": say_day(day)}
    top = max(moves, key=lambda flow: flow.people)
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


def coming(soon: queries.Soon) -> str:
    if not soon.people:
        return _("No stage changes expected by %(day)s if nothing happens") % {"day": say_day(soon.until)}
    return ngettext(
        "%(people)s customer changes stage by %(day)s, if nothing happens",
        "%(people)s customers change stage by %(day)s, if nothing happens",
        soon.people,
    ) % {"people": number(soon.people), "day": say_day(soon.until)}


def why_next(entry: Entry, source: str, target: str) -> str:
    """Say what will be different on the day of the next change: a rule that begins or ceases to hold."""
    order = [stage.id for stage in entry.model.stages]
    before, after = entry.stage(source), entry.stage(target)
    if after is not None and (before is None or order.index(after.id) < order.index(before.id)):
        return sentence_of(after.rule, entry.model)
    if before is None:
        return ""
    return _("No longer true: %(rule)s") % {"rule": sentence_of(before.rule, entry.model)}


def periods(days: Sequence[int]) -> list[tuple[int, str]]:
    return [(count, ngettext("%(shown)s day", "%(shown)s days", count) % {"shown": count}) for count in days]


def family_names() -> dict[str, str]:
    return {
        "F1": _("Awareness"), "F2": _("Consideration"), "F3": _("Purchase"), "F4": _("Activation"), "F5": _("Growth"),
        "F6": _("Maturity"), "F7": _("Loyalty"), "F8": _("Decline"), "F9": _("Dormant"), "F10": _("Lost"),
        "F11": _("Ended"), "F12": _("Satisfaction"), "": _("No family"),
    }  # fmt: skip


def missing_facts(entry: Entry) -> list[str]:
    return [kind_name(kind, current_language()) for kind in entry.missing]
