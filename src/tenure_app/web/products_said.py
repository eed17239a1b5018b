"""The page of products in words: rankings, kinds, sentences above tables."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenure_app.web.formats import number, percent

RANKINGS = {
    "popularity": gettext_lazy("What everybody buys"),
    "often": gettext_lazy("What the customer bought most often"),
    "buy-again": gettext_lazy("What is due to be bought again"),
    "blend": gettext_lazy("Everything weighed together"),
}
KINDS = {
    "buy-again": gettext_lazy("Buy again"),
    "cross-sell": gettext_lazy("Goes with it"),
    "up-sell": gettext_lazy("Step up"),
    "popular": gettext_lazy("Popular"),
}
_GATES = {
    "buyers": gettext_lazy("buyers"),
    "days": gettext_lazy("days of facts"),
    "products": gettext_lazy("products in enough baskets"),
}


def missing(body: dict[str, Any]) -> list[str]:
    """Return what is still too little, one sentence each."""
    return [
        _("It takes %(needed)s %(what)s; there are %(found)s.")
        % {"needed": number(one["needed"]), "what": _GATES.get(one["name"], one["name"]), "found": number(one["found"])}
        for one in body.get("gates", [])
        if one["found"] < one["needed"]
    ]


def backtest(figures: dict[str, Any]) -> str:
    """Say which ranking is used, how good it is, and against what."""
    chosen, again = figures["chosen"], figures["buy-again"]
    words = {
        "people": number(figures["customers"]), "hit": percent(figures[chosen]["hit_rate"]["value"]),
        "popular": percent(figures["popularity"]["hit_rate"]["value"]), "again": percent(again["hit_rate"]["value"]),
    }  # fmt: skip
    text = _("%(hit)s of %(people)s last baskets held something of our ten; popular products reach %(popular)s")
    if chosen == "blend":
        text = _(
            "%(hit)s of %(people)s last baskets held something of our ten; popular products reach %(popular)s,"
            " buying again alone %(again)s"
        )
    return text % words


def why_chosen(figures: dict[str, Any]) -> str:
    """Say why the blend is used or not."""
    wins = figures["blend"].get("against_buy_again")
    if not wins:
        return ""
    words = {name: f"{wins[name]:+.4f}" for name in ("value", "low", "high")}
    text = _(
        "What is due to be bought again is used: everything weighed together does not beat it for sure"
        " (difference of NDCG@10 %(value)s, 95%%: %(low)s to %(high)s)."
    )
    if figures["chosen"] == "blend":
        text = _(
            "Everything weighed together is used: its NDCG@10 beats that of buying again by %(value)s"
            " (95%%: %(low)s to %(high)s)."
        )
    return text % words


def rows_of(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rankings that were tried, as rows of a table."""
    best = max((figures[name]["ndcg"]["value"] for name in RANKINGS if name in figures), default=0.0) or 1.0
    return [
        {
            "name": name, "label": text, "chosen": name == figures["chosen"], **figures[name],
            "width": f"{100 * figures[name]['ndcg']['value'] / best:.1f}",
        }
        for name, text in RANKINGS.items()
        if name in figures
    ]  # fmt: skip


def offers(found: list[dict[str, Any]]) -> str:
    """Say what rises most, and what to offer with it."""
    if not found:
        return _("Nothing rises with anybody beyond luck these four weeks")
    top = found[0]
    return ngettext(
        "%(people)s customer buys more %(trigger)s lately: offer %(partner)s with it",
        "%(people)s customers buy more %(trigger)s lately: offer %(partner)s with it",
        top["people"],
    ) % {"people": number(top["people"]), "trigger": top["trigger"], "partner": top["partner"]}


def due(rows: list[dict[str, Any]], ahead: int) -> str:
    """Say which product most will buy again soon."""
    if not rows:
        return _("No product is expected to be bought again soon")
    words = {"expected": number(rows[0]["expected"], 0), "product": _named(rows[0]), "days": ahead}
    return _("%(product)s will be bought again about %(expected)s times in %(days)d days") % words


def _named(row: dict[str, Any]) -> str:
    return f"{row['category']} {row['product']}" if row["category"] else str(row["product"])
