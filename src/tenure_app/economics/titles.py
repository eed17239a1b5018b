"""The economics pages in words: each title is a sentence with the number that matters most."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.economics.plans import GONE, Plan
from tenure.words import LocalizedText
from tenure_app.economics.queries import Economics
from tenure_app.lifecycle.catalogue import Entry
from tenure_app.web.formats import decimal_of, money, number, percent
from tenure_app.web.layout import business


def amount(value: object) -> str:
    """Write an amount in the business's currency, whole from a hundred on."""
    exact = decimal_of(value)
    return money(exact, business().currency, places=2 if exact is None or abs(exact) < 100 else 0)


def plan_name(plan: Plan | None) -> str:
    return task_name(plan.zh, plan.en, plan.kind) if plan else task_name("", "", "")


def task_name(zh: str, en: str, kind: str) -> str:
    """Return what is to be done; doing nothing when it has no name."""
    if not (zh or en):
        return _("Do nothing more")
    if kind == "withdraw" and (zh, en) == ("减少投入", "Spend less"):
        return _("Withdraw: spend less")
    return LocalizedText(zh, en).render()


def aim(entry: Entry, stage: str) -> str:
    return _("Gone for good") if stage == GONE else entry.stage_name(stage)


def kind_name(kind: str) -> str:
    names = {"develop": _("Reinvest"), "maintain": _("Maintain"), "withdraw": _("Withdraw")}
    return names.get(kind, kind)


def tier_name(tier: str) -> str:
    return {"high": _("high"), "middle": _("middle"), "low": _("low"), "": _("all")}.get(tier, tier)


def weeks_name(first: int, after: int | None) -> str:
    if after is None:
        return _("%(weeks)d weeks and more") % {"weeks": first}
    if after == first + 1:
        return ngettext("%(weeks)d week", "%(weeks)d weeks", first) % {"weeks": first}
    return _("%(from)d to %(to)d weeks") % {"from": first, "to": after - 1}


def weeks(count: int) -> str:
    return ngettext("%(shown)s week", "%(shown)s weeks", count) % {"shown": number(count)}


def stays(stages: list[dict[str, Any]]) -> str:
    known = [stage for stage in stages if stage["half_days"] is not None and stage["ended"]]
    if not known:
        return _("In no stage has half of those who entered it left it yet")
    stage = min(known, key=lambda row: row["half_days"])
    words = {"stage": stage["stage"], "days": number(stage["half_days"], 0)}
    return _("People leave %(stage)s fastest: half of them within %(days)s days") % words


def values(entry: Entry, report: dict[str, Any]) -> str:
    known = [stage for stage in report["stages"] if stage["value"] is not None and stage["people"]]
    if not known:
        return _("Nobody has been watched in any stage long enough")
    best = max(known, key=lambda row: row["value"])
    return _("A customer in %(stage)s will probably bring most over the next %(days)s days: %(value)s") % {
        "stage": entry.stage_name(best["stage"]),
        "days": number(report["horizon_days"]),
        "value": amount(best["value"]),
    }


def flows(entry: Entry, matrix: list[dict[str, Any]], days: int) -> str:
    """Say which change between the two days was largest."""
    changes = [
        (cell["people"], cell["share"], row["stage"], entry.stage_name(target))
        for row in matrix
        for target, cell in row["cells"].items()
        if target != row["id"]
    ]
    if not changes:
        return _("Nobody changed the stage between the two days")
    # Of equal changes the last in the order of the stages.
    _people, share, source, target = max(reversed(changes), key=lambda change: change[0])
    words = {"from": source, "to": target, "share": percent(share), "days": number(days)}
    return _("Of those in %(from)s, %(share)s were in %(to)s %(days)s days later") % words


def worth(entry: Entry, report: dict[str, Any]) -> str:
    """Say which move that was observed is worth most."""
    observed = {(move["source"], move["target"]) for move in report["moves"]}
    known = [
        value
        for value in report["move_values"]
        if (value["source"], value["target"]) in observed and value["value"] > 0
    ]
    if not known:
        return _("No observed move makes a customer worth more")
    best = max(known, key=lambda row: row["value"])
    return _("A customer who moves from %(from)s to %(to)s is worth %(value)s more over the next %(days)s days") % {
        "from": entry.stage_name(best["source"]),
        "to": entry.stage_name(best["target"]),
        "value": amount(best["value"]),
        "days": number(report["horizon_days"]),
    }


def result(economics: Economics) -> str:
    choice = economics.choice
    people = sum(row.people for row in choice.rows if row.plan is not None)
    if not people:
        return _("No plan is worth its cost here: doing nothing more is best")
    amounts = {name: amount(getattr(choice, name)) for name in ("spend", "profit", "low", "high")}
    text = _("%(people)s customers get a plan: %(spend)s spent should bring %(profit)s more (%(low)s to %(high)s)")
    return text % {"people": number(people), **amounts}


def check(entry: Entry, row: dict[str, Any]) -> str:
    lower = _("Profit a month is lower in %(lower)s than in %(higher)s")
    claims = {
        "T10": lower,
        "N35": _("In %(higher)s income exceeds what is invested"),
        "N36": lower,
        "M12.5": _("In %(lower)s there is no income any more"),
    }
    return claims[row["check"]] % {side: entry.stage_name(row[side] or None) for side in ("lower", "higher")}


def verdict(name: str) -> str:
    return {
        "holds": _("holds"),
        "rather-holds": _("holds, but chance could explain it"),
        "violated": _("violated"),
        "rather-violated": _("violated, but chance could explain it"),
        "cannot-judge": _("undetermined: no customers in the stage"),
    }[name]


def more_budget(economics: Economics) -> str:
    """Say what one more in the budget would bring, and how many customers are left out."""
    choice = economics.choice
    words = {"left": number(choice.left_out), "each": amount(choice.last_yuan)}
    if choice.last_yuan is None:
        text = _("%(left)s customers for whom a plan would be worth its cost get none: capacity ends.")
        return text % words if choice.left_out else ""
    if choice.last_yuan <= 0:
        return _("More budget would bring nothing: every plan that is worth its cost is paid for.")
    text = _(
        "One more in the budget would bring %(each)s. %(left)s customers for whom a plan would be worth its cost get"
        " none."
    )
    return text % words


def decided(count: int) -> str:
    if not count:
        return _("Nothing was decided for single customers yet")
    text = ngettext("Decided for %(shown)s customer", "Decided for %(shown)s customers", count)
    return text % {"shown": number(count)}


def moves(count: int) -> str:
    return ngettext("%(shown)s move", "%(shown)s moves", count) % {"shown": number(count)}
