"""What the charts of the economics page say in one sentence, and how checks and plans read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.economics.plans import GONE
from tenure.words import LocalizedText
from tenure_app.web.formats import decimal_of, money, number, percent
from tenure_app.web.layout import business

if TYPE_CHECKING:
    from tenure.economics.plans import Plan
    from tenure_app.economics.queries import Economics
    from tenure_app.lifecycle.catalogue import Entry


def amount(value: object) -> str:
    """Write an amount in the business's currency, whole from a hundred on."""
    exact = decimal_of(value)
    return money(exact, business().currency, places=2 if exact is None or abs(exact) < 100 else 0)


def plan_name(plan: Plan | dict[str, Any] | None) -> str:
    """Return what a plan is called; doing nothing for none."""
    if plan is None:
        return _("Do nothing more")
    zh, en, kind = (plan["zh"], plan["en"], plan["kind"]) if isinstance(plan, dict) else (plan.zh, plan.en, plan.kind)
    if kind == "withdraw" and (zh, en) == ("减少投入", "Spend less"):
        return _("Withdraw: spend less")
    return LocalizedText(zh, en).render()


def aim(entry: Entry, stage: str) -> str:
    """Return what the aim of a plan is called."""
    return _("Gone for good") if stage == GONE else entry.stage_name(stage)


def kind_name(kind: str) -> str:
    """Return what a kind of decision is called."""
    names = {"develop": _("Reinvest"), "maintain": _("Maintain"), "withdraw": _("Withdraw")}
    return names.get(kind, kind)


def tier_name(tier: str) -> str:
    """Return what a tier is called."""
    return {"high": _("high"), "middle": _("middle"), "low": _("low"), "": _("all")}.get(tier, tier)


def weeks_name(first: int, after: int | None) -> str:
    """Return a band of weeks in a stage."""
    if after is None:
        return _("%(weeks)d weeks and more") % {"weeks": first}
    if after == first + 1:
        return ngettext("%(weeks)d week", "%(weeks)d weeks", first) % {"weeks": first}
    return _("%(from)d to %(to)d weeks") % {"from": first, "to": after - 1}


def stays(entry: Entry, stages: list[dict[str, Any]]) -> str:
    """Say in which stage people stay shortest."""
    known = [stage for stage in stages if stage["half_days"] is not None and stage["ended"]]
    if not known:
        return _("In no stage has half of those who entered it left it yet")
    one = min(known, key=lambda row: row["half_days"])
    return _("People leave %(stage)s fastest: half of them within %(days)s days") % {
        "stage": entry.stage_name(one["stage"]), "days": number(one["half_days"], 0),
    }  # fmt: skip


def values(entry: Entry, body: dict[str, Any]) -> str:
    """Say which stage is worth most over the horizon."""
    known = [stage for stage in body["stages"] if stage["value"] is not None and stage["people"]]
    if not known:
        return _("Nobody has been watched in any stage long enough")
    best = max(known, key=lambda one: one["value"])
    return _("A customer in %(stage)s will probably bring most over the next %(days)s days: %(value)s") % {
        "stage": entry.stage_name(best["stage"]), "days": number(body["horizon_days"]), "value": amount(best["value"]),
    }  # fmt: skip


def moves(entry: Entry, found: dict[str, Any]) -> str:
    """Say which change between the two days was largest."""
    pairs = [
        (count, here, there)
        for here, row in enumerate(found["counts"])
        for there, count in enumerate(row)
        if here != there and count
    ]
    if not pairs:
        return _("Nobody changed the stage between the two days")
    count, here, there = max(pairs)
    total = sum(found["counts"][here])
    return _("Of those in %(from)s, %(share)s were in %(to)s %(days)s days later") % {
        "from": entry.stage_name(found["stages"][here]), "to": entry.stage_name(found["stages"][there]),
        "share": percent(count / total), "days": number(found["days"]),
    }  # fmt: skip


def worth(entry: Entry, body: dict[str, Any]) -> str:
    """Say which move that was really seen is worth most."""
    seen = {(move["source"], move["target"]) for move in body["moves"]}
    known = [
        value for value in body["move_values"] if (value["source"], value["target"]) in seen and value["value"] > 0
    ]
    if not known:
        return _("No move that was seen makes a customer worth more")
    best = max(known, key=lambda one: one["value"])
    return _("A customer who moves from %(from)s to %(to)s is worth %(value)s more over the next %(days)s days") % {
        "from": entry.stage_name(best["source"]), "to": entry.stage_name(best["target"]),
        "value": amount(best["value"]), "days": number(body["horizon_days"]),
    }  # fmt: skip


def result(found: Economics) -> str:
    """Say what the plans come to."""
    choice = found.choice
    people = sum(row.people for row in choice.rows if row.plan is not None)
    if not people:
        return _("No plan is worth its cost here: doing nothing more is best")
    said = {"people": number(people), "spend": amount(choice.spend), "profit": amount(choice.profit),
            "low": amount(choice.low), "high": amount(choice.high)}  # fmt: skip
    return (
        _("%(people)s customers get a plan: %(spend)s spent should bring %(profit)s more (%(low)s to %(high)s)") % said
    )


def check(entry: Entry, one: dict[str, Any]) -> str:
    """Say what a check claims."""
    names = {"lower": entry.stage_name(one["lower"] or None), "higher": entry.stage_name(one["higher"] or None)}
    claims = {
        "T10": _("Profit a month is lower in %(lower)s than in %(higher)s"),
        "N35": _("In %(higher)s income exceeds what is invested"),
        "N36": _("Profit a month is lower in %(lower)s than in %(higher)s"),
        "M12.5": _("In %(lower)s there is no income any more"),
    }
    return claims[one["check"]] % names


def verdict(one: dict[str, Any]) -> str:
    """Say how a check came out."""
    return {
        "holds": _("holds"),
        "rather-holds": _("holds, but chance could explain it"),
        "violated": _("violated"),
        "rather-violated": _("violated, but chance could explain it"),
        "cannot-judge": _("cannot be judged: nobody stood there"),
    }[one["verdict"]]
