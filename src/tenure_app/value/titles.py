"""The value page in words: each title is a sentence with the number that matters most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.columns import column, value_name
from tenure.value.behaviour import label_of
from tenure_app.web.formats import day as say_day
from tenure_app.web.formats import money, number, percent
from tenure_app.web.layout import business

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

Row = dict[str, Any]


def days(count: int) -> str:
    """Return what a period of so many days is called."""
    return ngettext("%(shown)s day", "%(shown)s days", count) % {"shown": count}


def periods(counts: Sequence[int]) -> list[tuple[int, str]]:
    """Return periods of so many days, each with what it is called."""
    return [(count, days(count)) for count in counts]


def pareto(report: Row, by: str) -> str:
    """Say which share the top fifth bring, and how many of them are existing customers."""
    if report["share"] is None:
        return _("There is no positive total yet of which the best could bring a part")
    words = {"count": number(report["count"]), "share": percent(report["share"]), "old": number(report["old"])}
    if by == "profit":
        text = _(
            "The best 20%% of the buyers, %(count)s, bring %(share)s of the profit; %(old)s of them are existing"
            " customers"
        )
    else:
        text = _(
            "The best 20%% of the buyers, %(count)s, bring %(share)s of the sales; %(old)s of them are existing"
            " customers"
        )
    return text % words


def existing(period: Row | None) -> str:
    """Say the existing customers' share of sales and whether it reaches 60 %."""
    if period is None or period["shares"]["sales"] is None:
        return _("No sales in this period, so nobody has a share of them")
    words = {
        "share": percent(period["shares"]["sales"]),
        "start": say_day(period["since"]),
        "end": say_day(period["until"]),
    }
    if period["since"] == period["until"]:
        text = (
            _("Existing customers made %(share)s of the sales on %(end)s: the 60%% mark is reached")
            if period["passes"]["sales"]
            else _("Existing customers made %(share)s of the sales on %(end)s: the 60%% mark is not reached")
        )
    elif period["passes"]["sales"]:
        text = _("Existing customers made %(share)s of the sales from %(start)s to %(end)s: the 60%% mark is reached")
    else:
        text = _(
            "Existing customers made %(share)s of the sales from %(start)s to %(end)s: the 60%% mark is not reached"
        )
    return text % words


def compared(period: Row | None) -> str:
    """Say what an existing and a new buyer bring and cost."""
    if period is None or not (period["old"]["buyers"] and period["new"]["buyers"]):
        return ""

    def each(measure: str) -> dict[str, str]:
        sides = ((side, period[side]) for side in ("old", "new"))
        return {name: money(side[measure] / side["buyers"], business().currency) for name, side in sides}

    text = _("An existing buyer bought for %(old)s, a new one for %(new)s.") % each("sales")
    if period["old"]["invested"] or period["new"]["invested"]:
        text += " " + _("An existing buyer cost %(old)s, a new one %(new)s.") % each("invested")
    return text


def step(deals: int) -> str:
    """Return what a number of deals is called."""
    return _("%(deals)s deals") % {"deals": deals} if deals < 6 else _("more than 5 deals")


def stickiness(report: Row) -> str:
    """Say how many are one or two deals short of the band."""
    short = sum(row["customers"] for row in report["steps"] if row["deals"] in (1, 2))
    if report["repurchase_rate"] is None:
        return _("Nobody has bought yet")
    return ngettext(
        "%(share)s of the buyers came back; %(people)s customer is still short of the third deal",
        "%(share)s of the buyers came back; %(people)s customers are still short of the third deal",
        short,
    ) % {"share": percent(report["repurchase_rate"]), "people": number(short)}


def second(report: Row) -> str:
    """Say how soon the second order comes."""
    if not report["days"]:
        return _("Nobody has ordered a second time yet.")
    low, middle, high = (number(count) for count in report["days"])
    words = {"low": low, "middle": middle, "high": high}
    return (
        _("Half of those who came back did so within %(middle)s days (the middle half: %(low)s to %(high)s).") % words
    )


def group_kind(name: str) -> str:
    """Return what a grouping of customers is called: the label of its column."""
    return str(column(name).label)


def rfm(groups: Sequence[Row]) -> str:
    """Say which named group brings most."""
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
    """Say how many are still active after one month and after the last one that is known."""
    known = [row for row in by_age if row["month"]]
    if not known:
        return _("The first cohort is less than a month old")
    first, last = known[0], known[min(5, len(known) - 1)]
    share = percent(first["retention"])
    text = _("%(share)s of the customers buy again in the month after their first order") % {"share": share}
    if last is first:
        return text
    return text + ngettext(
        ", %(share)s after %(months)s month", ", %(share)s after %(months)s months", last["month"]
    ) % {"share": percent(last["retention"]), "months": number(last["month"])}


def life(report: Row) -> str:
    """Say where value rises, holds and falls."""
    if not report["phases"]:
        return _("Customers are not old enough yet to say how their value develops")
    texts = {
        "rising": _("rises in months %(a)s to %(b)s of life"),
        "holding": _("holds in months %(a)s to %(b)s of life"),
    }
    falling = _("falls in months %(a)s to %(b)s of life")
    phases = [
        texts.get(part["phase"], falling) % {"a": number(part["since"] + 1), "b": number(part["until"] + 1)}
        for part in report["phases"]
    ]
    return _("What a customer brings %(phases)s") % {"phases": _(", ").join(phases)}


def phase(name: str) -> str:
    """Return what a phase of the inverted U is called."""
    names = {"rising": _("rising"), "holding": _("holding"), "falling": _("falling"), "first": _("first order")}
    return names.get(name, name)


def costs(report: Row) -> str:
    """Say what was invested and how much of it came back."""
    paid, currency = report["break_even"], business().currency
    if not report["invested"] and not report["cost_known_share"]:
        return _("No costs are on record, so profit equals sales everywhere on this page")
    if not paid["invested_in"]:
        profit = money(report["profit"], currency, brief=True)
        return _("Profit is %(profit)s; nothing is on record as invested in single customers") % {"profit": profit}
    return ngettext(
        "%(invested)s was invested in %(people)s customer; %(paid)s has paid it back",
        "%(invested)s was invested in %(people)s customers; %(paid)s have paid it back",
        paid["invested_in"],
    ) % {
        "invested": money(report["invested"], currency, brief=True),
        "people": number(paid["invested_in"]),
        "paid": number(paid["paid_back"]),
    }


def break_even(report: Row) -> str:
    """Say how long paying back took, and how much is still missing."""
    texts = []
    if report["days"]:
        low, middle, high = (number(count) for count in report["days"])
        texts.append(
            _("That took %(middle)s days for half of them (middle half: %(low)s to %(high)s).")
            % {"low": low, "middle": middle, "high": high}
        )
    loss = money(report["loss"], business().currency)
    texts.append(_("Those below break-even today still need %(loss)s to break even.") % {"loss": loss})
    return " ".join(texts)


def break_even_month(months: Sequence[Row]) -> str:
    """Say by which month of life an average customer has paid back what was spent; empty while none has."""
    month = next((row["month"] + 1 for row in months if row["profit_so_far"] >= 0), None)
    if month is None:
        return ""
    return _(
        "On average a customer has paid back what was spent on them since the first order by month %(month)s of life."
    ) % {"month": month}


def cycle(row: Row | None, day: date) -> str:
    """Say whether the mature period of one model is getting longer."""
    if row is None:
        return _("The history is too short to compare the mature period with an earlier one")
    return {
        "longer": _("%(model)s: customers stay mature longer since %(day)s than before"),
        "shorter": _("%(model)s: customers stay mature for a shorter time since %(day)s than before"),
        "no-difference": _("%(model)s: since %(day)s customers stay mature about as long as before"),
        "cannot-judge": _("%(model)s: too few customers left the mature stages to compare with before %(day)s"),
    }[row["verdict"]] % {"model": row["name"], "day": say_day(row.get("cut", day))}


def cycle_periods(row: Row) -> str:
    """Say which two periods are compared."""
    return _(
        "Before: %(begin)s to %(cut)s. After: %(cut)s to %(end)s. Length is days spent in mature stages over departures"
        " from them."
    ) % {name: say_day(row[name]) for name in ("begin", "cut", "end")}


def verdict(name: str) -> str:
    """Return what a comparison of cycles is called."""
    return {
        "longer": _("longer"),
        "shorter": _("shorter"),
        "no-difference": _("no difference"),
        "cannot-judge": _("cannot judge"),
    }[name]


def profile(habits: Sequence[Row]) -> str:
    """Say the largest difference that does not go without saying."""
    if not habits:
        return _("The top fifth do nothing differently that could be told from chance")
    words = {"label": label_of(habits[0]), **{side: habit_value(habits[0], side) for side in ("top", "rest")}}
    return _("What tells the top fifth apart most is %(label)s: %(top)s against %(rest)s") % words


def size(name: str) -> str:
    """Return what the size of an effect is called."""
    return {"negligible": _("negligible"), "small": _("small"), "medium": _("medium"), "large": _("large")}[name]


def habit_value(row: Row, side: str) -> str:
    """Return a number of the profile as its kind is written."""
    value = row[side]
    if row["kind"] in ("yes", "share"):
        return percent(value)
    if row["kind"] == "money":
        return money(value, business().currency)
    return number(value, 2 if abs(value) < 100 else 0)


def target_state(name: str) -> str:
    """Return what the state of a target is called."""
    names = {"reached": _("reached"), "under-way": _("under way"), "missed": _("missed"), "unknown": _("unknown")}
    return names[name]
