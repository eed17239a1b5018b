"""The value page in words: each title is a sentence with the number that matters most."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.columns import value_name
from tenure.value.behaviour import label_of
from tenure.words import listing
from tenure_app.web import formats
from tenure_app.web.formats import day as say_day
from tenure_app.web.formats import number, percent
from tenure_app.web.layout import business

Row = dict[str, Any]


def money(amount: object, *, brief: bool = False) -> str:
    return formats.money(amount, business().currency, brief=brief)


def days(count: int) -> str:
    return ngettext("%(shown)s day", "%(shown)s days", count) % {"shown": count}


def pareto(report: Row, by: str) -> str:
    if report["share"] is None:
        return _("There is no positive total yet of which the best could bring a part")
    texts = {
        "sales": _(
            "The best 20%% of the buyers, %(count)s, bring %(share)s of the sales; %(old)s of them are existing"
            " customers"
        ),
        "profit": _(
            "The best 20%% of the buyers, %(count)s, bring %(share)s of the profit; %(old)s of them are existing"
            " customers"
        ),
    }
    words = {"count": number(report["count"]), "share": percent(report["share"]), "old": number(report["old"])}
    return texts[by] % words


def existing(period: Row | None) -> str:
    """Say the existing customers' share of sales and whether it reaches 60 %."""
    if period is None or period["shares"]["sales"] is None:
        return _("No sales in this period, so nobody has a share of them")
    reached, missed = (
        _("Existing customers made %(share)s of the sales from %(start)s to %(end)s: the 60%% mark is reached"),
        _("Existing customers made %(share)s of the sales from %(start)s to %(end)s: the 60%% mark is not reached"),
    )
    if period["since"] == period["until"]:
        reached = _("Existing customers made %(share)s of the sales on %(end)s: the 60%% mark is reached")
        missed = _("Existing customers made %(share)s of the sales on %(end)s: the 60%% mark is not reached")
    share, start, end = percent(period["shares"]["sales"]), say_day(period["since"]), say_day(period["until"])
    return (reached if period["passes"]["sales"] else missed) % {"share": share, "start": start, "end": end}


def compared(period: Row | None) -> str:
    if period is None or not (period["old"]["buyers"] and period["new"]["buyers"]):
        return ""

    def each(measure: str) -> dict[str, str]:
        return {side: money(period[side][measure] / period[side]["buyers"]) for side in ("old", "new")}

    text = _("An existing buyer bought for %(old)s, a new one for %(new)s.") % each("sales")
    if period["old"]["invested"] or period["new"]["invested"]:
        text += " " + _("An existing buyer cost %(old)s, a new one %(new)s.") % each("invested")
    return text


def step(deals: int) -> str:
    return _("%(deals)s deals") % {"deals": deals} if deals < 6 else _("more than 5 deals")


def stickiness(report: Row) -> str:
    """Say how many are one or two deals short of the band."""
    if report["repurchase_rate"] is None:
        return _("Nobody has bought yet")
    short = sum(row["customers"] for row in report["steps"] if row["deals"] in (1, 2))
    return ngettext(
        "%(share)s of the buyers came back; %(people)s customer is still short of the third deal",
        "%(share)s of the buyers came back; %(people)s customers are still short of the third deal",
        short,
    ) % {"share": percent(report["repurchase_rate"]), "people": number(short)}


def second(report: Row) -> str:
    if not report["days"]:
        return _("Nobody has ordered a second time yet.")
    text = _("Half of those who came back did so within %(middle)s days (the middle half: %(low)s to %(high)s).")
    return text % _quartiles(report["days"])


def _quartiles(counts: Sequence[float]) -> dict[str, str]:
    return dict(zip(("low", "middle", "high"), map(number, counts), strict=True))


def rfm(groups: Sequence[Row]) -> str:
    customers, sales = sum(row["customers"] for row in groups), sum(row["sales"] for row in groups)
    if not customers or sales <= 0:
        return _("There are not enough buyers for groups yet")
    top = max(groups, key=lambda row: row["sales"])
    return _("%(group)s are %(people)s of the buyers and bring %(share)s of the sales") % {
        "group": value_name("rfm_group", top["id"]),
        "people": percent(top["customers"] / customers),
        "share": percent(top["sales"] / sales),
    }


def cohorts(by_age: Sequence[Row]) -> str:
    """Say how many are still active after one month and after the last one that is known, the sixth at most."""
    known = [row for row in by_age if row["month"]][:6]
    if not known:
        return _("The first cohort is less than a month old")
    first, last = known[0], known[-1]
    share = percent(first["retention"])
    text = _("%(share)s of the customers buy again in the month after their first order") % {"share": share}
    if last is first:
        return text
    after = ngettext(", %(share)s after %(months)s month", ", %(share)s after %(months)s months", last["month"])
    return text + after % {"share": percent(last["retention"]), "months": number(last["month"])}


def life(report: Row) -> str:
    if not report["phases"]:
        return _("Customers are not old enough yet to say how their value develops")
    texts = {
        "rising": _("rises in months %(a)s to %(b)s of life"),
        "holding": _("holds in months %(a)s to %(b)s of life"),
        "falling": _("falls in months %(a)s to %(b)s of life"),
    }
    phases = [
        texts[part["phase"]] % {"a": number(part["since"] + 1), "b": number(part["until"] + 1)}
        for part in report["phases"]
    ]
    return _("What a customer brings %(phases)s") % {"phases": listing(phases)}


def phase(name: str) -> str:
    names = {"rising": _("rising"), "holding": _("holding"), "falling": _("falling"), "first": _("first order")}
    return names.get(name, name)


def costs(report: Row) -> str:
    paid = report["break_even"]
    if not report["invested"] and not report["cost_known_share"]:
        return _("No costs are on record, so profit equals sales everywhere on this page")
    if not paid["invested_in"]:
        text = _("Profit is %(profit)s; nothing is on record as invested in single customers")
        return text % {"profit": money(report["profit"], brief=True)}
    return ngettext(
        "%(invested)s was invested in %(people)s customer; %(paid)s has paid it back",
        "%(invested)s was invested in %(people)s customers; %(paid)s have paid it back",
        paid["invested_in"],
    ) % {
        "invested": money(report["invested"], brief=True),
        "people": number(paid["invested_in"]),
        "paid": number(paid["paid_back"]),
    }


def break_even(report: Row) -> str:
    """Say how long paying back took, and how much is still missing."""
    text = _("Those below break-even today still need %(loss)s to break even.") % {"loss": money(report["loss"])}
    if not report["days"]:
        return text
    took = _("That took %(middle)s days for half of them (middle half: %(low)s to %(high)s).")
    return f"{took % _quartiles(report['days'])} {text}"


def break_even_month(months: Sequence[Row]) -> str:
    """Say by which month of life an average customer has paid back what was spent; empty while none has."""
    month = next((row["month"] + 1 for row in months if row["profit_so_far"] >= 0), None)
    text = _(
        "On average a customer has paid back what was spent on them since the first order by month %(month)s of life."
    )
    return "" if month is None else text % {"month": month}


def cycle(row: Row | None, day: date) -> str:
    if row is None:
        return _("The history is too short to compare the mature period with an earlier one")
    return {
        "longer": _("%(model)s: customers stay mature longer since %(day)s than before"),
        "shorter": _("%(model)s: customers stay mature for a shorter time since %(day)s than before"),
        "no-difference": _("%(model)s: since %(day)s customers stay mature about as long as before"),
        "cannot-judge": _("%(model)s: too few customers left the mature stages to compare with before %(day)s"),
    }[row["verdict"]] % {"model": row["name"], "day": say_day(row.get("cut", day))}


def cycle_periods(row: Row) -> str:
    return _(
        "Before: %(begin)s to %(cut)s. After: %(cut)s to %(end)s. Length is days spent in mature stages over departures"
        " from them."
    ) % {name: say_day(row[name]) for name in ("begin", "cut", "end")}


def verdict(name: str) -> str:
    return {
        "longer": _("longer"),
        "shorter": _("shorter"),
        "no-difference": _("no difference"),
        "cannot-judge": _("undetermined"),
    }[name]


def profile(habits: Sequence[Row]) -> str:
    """Say the largest difference that does not go without saying."""
    if not habits:
        return _("The top fifth do nothing differently that could be told from chance")
    words = {"label": label_of(habits[0]), **{side: habit_value(habits[0], side) for side in ("top", "rest")}}
    return _("What tells the top fifth apart most is %(label)s: %(top)s against %(rest)s") % words


def size(name: str) -> str:
    return {"negligible": _("negligible"), "small": _("small"), "medium": _("medium"), "large": _("large")}[name]


def habit_value(row: Row, side: str) -> str:
    """Return a number of the profile as its kind is written."""
    value = row[side]
    if row["kind"] in ("yes", "share"):
        return percent(value)
    return money(value) if row["kind"] == "money" else number(value, 2 if abs(value) < 100 else 0)


def target_state(name: str) -> str:
    names = {"reached": _("reached"), "under-way": _("under way"), "missed": _("missed"), "unknown": _("unknown")}
    return names[name]
