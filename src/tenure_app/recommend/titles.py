"""Products in words: rankings, kinds of recommendations, and sentences above and below tables."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenure_app.recommend.queries import SOON
from tenure_app.web.formats import number, percent

RANKINGS = {
    "popularity": gettext_lazy("Most popular"),
    "often": gettext_lazy("Most often bought by the customer"),
    "buy-again": gettext_lazy("Due for repurchase"),
    "blend": gettext_lazy("Combined ranking"),
}
KINDS = {
    "buy-again": gettext_lazy("Buy again"),
    "cross-sell": gettext_lazy("Bought together"),
    "up-sell": gettext_lazy("Upgrade"),
    "popular": gettext_lazy("Popular"),
}
_GATES = {
    "buyers": gettext_lazy("buyers"),
    "days": gettext_lazy("days of data"),
    "products": gettext_lazy("products found in enough baskets"),
}


def missing(report: dict[str, Any]) -> list[str]:
    """Return what is still too little, one sentence each."""
    return [
        _("It takes %(needed)s %(what)s; there are %(found)s.")
        % {
            "needed": number(gate["needed"]),
            "what": _GATES.get(gate["name"], gate["name"]),
            "found": number(gate["found"]),
        }
        for gate in report.get("gates", [])
        if gate["found"] < gate["needed"]
    ]


def backtest(metrics: dict[str, Any]) -> str:
    """Return which ranking is used, how good it is, and against what."""
    hits = {name: percent(metrics[name]["hit_rate"]["value"]) for name in RANKINGS if name in metrics}
    words = {
        "people": number(metrics["customers"]),
        "hit": hits[metrics["chosen"]],
        "popular": hits["popularity"],
        "again": hits["buy-again"],
    }
    if metrics["chosen"] == "blend":
        return (
            _(
                "%(hit)s of %(people)s last baskets held something of our ten; popular products reach %(popular)s,"
                " buying again alone %(again)s"
            )
            % words
        )
    return _("%(hit)s of %(people)s last baskets held something of our ten; popular products reach %(popular)s") % words


def why_used(metrics: dict[str, Any]) -> str:
    """Return why the blend is used or not."""
    wins = metrics["blend"].get("against_buy_again")
    if not wins:
        return ""
    text = _(
        "What is due to be bought again is used: everything weighed together does not beat it for sure"
        " (difference of NDCG@10 %(value)s, 95%%: %(low)s to %(high)s)."
    )
    if metrics["chosen"] == "blend":
        text = _(
            "Everything weighed together is used: its NDCG@10 beats that of buying again by %(value)s"
            " (95%%: %(low)s to %(high)s)."
        )
    return text % {name: f"{wins[name]:+.4f}" for name in ("value", "low", "high")}


def offers(rows: list[dict[str, Any]]) -> str:
    """Return what rises most, and what to offer with it."""
    if not rows:
        return _("No category rises beyond chance in the last four weeks")
    return ngettext(
        "%(people)s customer buys more %(trigger)s lately: offer %(partner)s with it",
        "%(people)s customers buy more %(trigger)s lately: offer %(partner)s with it",
        rows[0]["people"],
    ) % {"people": number(rows[0]["people"]), "trigger": rows[0]["trigger"], "partner": rows[0]["partner"]}


def offers_note(rows: list[dict[str, Any]], shown: int) -> str:
    """Return what offers are for, or when there are any."""
    if not rows:
        return _(
            "An offer appears when customers buy more of a category in four weeks than in the twelve before, and"
            " another category goes with it."
        )
    text = _("Suits a buy-and-gift: the other one is cheaper, or a gift, for customers who buy what rises.")
    if len(rows) <= shown:
        return text
    return f"{text} {_('%(shown)s more in the CSV.') % {'shown': number(len(rows) - shown)}}"


def due(rows: list[dict[str, Any]], ahead: int) -> str:
    """Return which product most will buy again soon."""
    if not rows:
        return _("No product is expected to be bought again soon")
    product, category = rows[0]["product"], rows[0]["category"]
    words = {
        "expected": number(rows[0]["expected"], 0),
        "product": f"{category} {product}" if category else str(product),
        "days": ahead,
    }
    return _("%(product)s will be bought again about %(expected)s times in %(days)d days") % words


def due_note(rows: list[dict[str, Any]], days: int) -> str:
    """Return within how many days a customer counts as due, or what it takes."""
    if not rows:
        return _("This needs products that the same customers bought several times.")
    return _("Customers due: within %(days)d days.") % {"days": days}


def people(count: int, *, bought: bool, due: bool) -> str:
    """Return the sentence above the customers of a product."""
    words = {"shown": number(count), "n": SOON}
    if bought:
        return ngettext("%(shown)s customer bought it", "%(shown)s customers bought it", count) % words
    if due:
        return (
            ngettext(
                "%(shown)s customer is due for it within %(n)s days",
                "%(shown)s customers are due for it within %(n)s days",
                count,
            )
            % words
        )
    return (
        ngettext("It is recommended to %(shown)s customer", "It is recommended to %(shown)s customers", count) % words
    )
