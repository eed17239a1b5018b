"""The charts of value in words: each title is a sentence with the figure that matters most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.columns import value_name as name_of
from tenure_app.web.formats import day as say_day
from tenure_app.web.formats import money, number, percent

if TYPE_CHECKING:
    from datetime import date


def pareto(found: dict[str, Any], by: str) -> str:
    """Say what the top fifth bring, and whether they are old customers."""
    if found["share"] is None:
        return _("There is no positive total yet of which the best could bring a part")
    words = {"count": number(found["count"]), "share": percent(found["share"]), "old": number(found["old"])}
    if by == "profit":
        return _("The best 20%% of the buyers, %(count)s, bring %(share)s of the profit; %(old)s of them are old "
                 "customers") % words  # fmt: skip
    return _("The best 20%% of the buyers, %(count)s, bring %(share)s of the sales; %(old)s of them are old "
             "customers") % words  # fmt: skip


def old(period: dict[str, Any] | None) -> str:
    """Say the old customers' share of sales and whether it reaches 60 %."""
    if period is None or period["shares"]["sales"] is None:
        return _("No sales in this period, so nobody has a share of them")
    words = {"share": percent(period["shares"]["sales"]), "start": say_day(period["since"]),
             "end": say_day(period["until"])}  # fmt: skip
    one_day, reached = period["since"] == period["until"], period["passes"]["sales"]
    if one_day and reached:
        return _("Old customers made %(share)s of the sales on %(end)s: the 60%% mark is reached") % words
    if one_day:
        return _("Old customers made %(share)s of the sales on %(end)s: the 60%% mark is not reached") % words
    if reached:
        return _("Old customers made %(share)s of the sales from %(start)s to %(end)s: the 60%% mark is "
                 "reached") % words  # fmt: skip
    return _("Old customers made %(share)s of the sales from %(start)s to %(end)s: the 60%% mark is not "
             "reached") % words  # fmt: skip


def compared(period: dict[str, Any], currency: str) -> str:
    """Say what an old and a new buyer bring and cost."""
    sides = period["old"], period["new"]
    if not all(side["buyers"] for side in sides):
        return ""
    each = [money(side["sales"] / side["buyers"], currency) for side in sides]
    text = _("An old buyer bought for %(old)s, a new one for %(new)s.") % {"old": each[0], "new": each[1]}
    if any(side["invested"] for side in sides):
        cost = [money(side["invested"] / side["buyers"], currency) for side in sides]
        text += " " + _("An old buyer cost %(old)s, a new one %(new)s.") % {"old": cost[0], "new": cost[1]}
    return text


def ladder(found: dict[str, Any]) -> str:
    """Say how many are one or two deals short of the band."""
    short = sum(step["customers"] for step in found["steps"] if step["deals"] in (1, 2))
    rate = found["repurchase_rate"]
    if rate is None:
        return _("Nobody has bought yet")
    return ngettext(
        "%(share)s of the buyers came back; %(people)s customer is still short of the third deal",
        "%(share)s of the buyers came back; %(people)s customers are still short of the third deal",
        short,
    ) % {"share": percent(rate), "people": number(short)}


def second(found: dict[str, Any]) -> str:
    """Say how soon the second order comes."""
    if not found["days"]:
        return _("Nobody has ordered a second time yet.")
    low, middle, high = found["days"]
    return _("Half of those who came back did so within %(middle)s days (the middle half: %(low)s to %(high)s).") % {
        "low": number(low), "middle": number(middle), "high": number(high)
    }  # fmt: skip


def rfm(groups: list[dict[str, Any]], sales: float, customers: int) -> str:
    """Say which named group brings most."""
    if not customers or sales <= 0:
        return _("There are not enough buyers for groups yet")
    top = max(groups, key=lambda one: one["sales"])
    return _("%(group)s are %(people)s of the buyers and bring %(share)s of the sales") % {
        "group": name_of("rfm_group", top["id"]), "people": percent(top["customers"] / customers),
        "share": percent(top["sales"] / sales),
    }  # fmt: skip


def cohorts(by_age: list[dict[str, Any]]) -> str:
    """Say how many are still there after one month and after the last one that is known."""
    known = [one for one in by_age if one["month"]]
    if not known:
        return _("The first cohort is less than a month old")
    first, last = known[0], known[min(5, len(known) - 1)]
    text = _("%(share)s of the customers buy again in the month after their first order") % {
        "share": percent(first["retention"])
    }
    if last is first:
        return text
    return text + ngettext(
        ", %(share)s after %(months)s month", ", %(share)s after %(months)s months", last["month"]
    ) % {"share": percent(last["retention"]), "months": number(last["month"])}


def life(found: dict[str, Any]) -> str:
    """Say where value rises, holds and falls."""
    phases = found["phases"]
    if not phases:
        return _("Customers are not old enough yet to say how their value develops")
    texts = []
    for phase in phases:
        words = {"a": number(phase["since"] + 1), "b": number(phase["until"] + 1)}
        if phase["phase"] == "rising":
            texts.append(_("rises in months %(a)s to %(b)s of life") % words)
        elif phase["phase"] == "holding":
            texts.append(_("holds in months %(a)s to %(b)s of life") % words)
        else:
            texts.append(_("falls in months %(a)s to %(b)s of life") % words)
    return _("What a customer brings %(phases)s") % {"phases": _(", ").join(texts)}


def phase(name: str) -> str:
    """Return what a phase of the inverted U is called."""
    return {"rising": _("rising"), "holding": _("holding"), "falling": _("falling"), "first": _("first order")}.get(
        name, name
    )


def costs(found: dict[str, Any], currency: str) -> str:
    """Say what was invested and how much of it came back."""
    told = found["break_even"]
    if not found["invested"] and not found["cost_known_share"]:
        return _("No costs are on record, so profit equals sales everywhere on this page")
    if not told["invested_in"]:
        return _("Profit is %(profit)s; nothing is on record as invested in single customers") % {
            "profit": money(found["profit"], currency, brief=True)
        }
    return ngettext(
        "%(invested)s was invested in %(people)s customer; %(paid)s has paid it back",
        "%(invested)s was invested in %(people)s customers; %(paid)s have paid it back",
        told["invested_in"],
    ) % {
        "invested": money(found["invested"], currency, brief=True), "people": number(told["invested_in"]),
        "paid": number(told["paid_back"]),
    }  # fmt: skip


def cycle(row: dict[str, Any] | None, cut: date | str) -> str:
    """Say whether the mature period of one model is getting longer."""
    if row is None:
        return _("The history is too short to compare the mature period with an earlier one")
    words = {"model": row["name"], "day": say_day(cut)}
    return {
        "longer": _("%(model)s: customers stay mature longer since %(day)s than before"),
        "shorter": _("%(model)s: customers stay mature for a shorter time since %(day)s than before"),
        "no-difference": _("%(model)s: since %(day)s customers stay mature about as long as before"),
        "cannot-judge": _("%(model)s: too few customers left the mature stages to compare with before %(day)s"),
    }[row["verdict"]] % words


def verdict(name: str) -> str:
    """Return what a comparison of cycles is called."""
    return {"longer": _("longer"), "shorter": _("shorter"), "no-difference": _("no difference"),
            "cannot-judge": _("cannot judge")}[name]  # fmt: skip


def profile(habits: list[dict[str, Any]]) -> str:
    """Say the largest difference that does not go without saying."""
    if not habits:
        return _("The top fifth do nothing differently that could be told from chance")
    first = habits[0]
    return _("What tells the top fifth apart most is %(label)s: %(top)s against %(rest)s") % {
        "label": first["label"], "top": first["top_said"], "rest": first["rest_said"]
    }  # fmt: skip


def size(name: str) -> str:
    """Return what the size of an effect is called."""
    return {"negligible": _("negligible"), "small": _("small"), "medium": _("medium"), "large": _("large")}[name]


def written(row: dict[str, Any], side: str, currency: str) -> str:
    """Return a figure of the profile as its kind is written."""
    value = row[side]
    if row["kind"] in ("yes", "share"):
        return percent(value)
    return money(value, currency) if row["kind"] == "money" else number(value, 2 if abs(value) < 100 else 0)
