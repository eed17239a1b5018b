"""Early warnings in words: what is missing, and the sentences above figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure_app.risk import declining
from tenure_app.web.formats import number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.features.wallet import Statement


def answers() -> dict[str, str]:
    """Return the answers to whether a customer declines."""
    return {
        declining.YES: _("Declining: our volume falls, theirs does not"),
        declining.UNKNOWN: _("Cannot judge: our volume falls, theirs is not known"),
        declining.INDUSTRY: _("Their own business falls too"),
        declining.NO: _("Our volume does not fall"),
    }


def churn_kind(kind: str) -> str:
    """Return what a kind of churn is called."""
    return {"contract": _("Ending contracts"), "silence": _("Customers who stop ordering")}.get(kind, kind)


def gates(summary: dict[str, Any]) -> list[str]:
    """Return what is missing before rates and rhythms can be judged, in sentences."""
    lines = []
    for gate in summary.get("gates", ()):
        if gate["found"] >= gate["needed"]:
            continue
        count = int(gate["needed"])
        text = ngettext(
            "It needs %(needed)s day of facts, there are %(found)s.",
            "It needs %(needed)s days of facts, there are %(found)s.",
            count,
        )
        if gate["name"] == "buyers":
            text = ngettext(
                "It needs %(needed)s buyer, there are %(found)s.",
                "It needs %(needed)s buyers, there are %(found)s.",
                count,
            )
        lines.append(text % {"needed": number(gate["needed"]), "found": number(gate["found"])})
    return lines


def signals(rows: Sequence[dict[str, Any]]) -> str:
    """Return the sentence above the signals that customers show, the most frequent first."""
    if not rows:
        return _("No customer shows a signal")
    words = {"name": rows[0]["signal"], "people": number(rows[0]["people"])}
    return _("Most often: %(name)s (%(people)s customers)") % words


def silence(report: dict[str, Any]) -> str:
    """Return the sentence above silence and chance."""
    chance = round(report["judged"] * report["unlikely"]) if report else 0
    words = {"silent": number(report.get("silent", 0)), "chance": number(chance)}
    return _("%(silent)s customers are silent beyond their own rhythm; chance alone would give %(chance)s") % words


def silence_note(report: dict[str, Any]) -> str:
    """Return how the columns are read."""
    regular = sum(item["share"] for item in report.get("shapes", ()) if item["shape"] >= 2)
    return _(
        "%(judged)s customers have a rhythm of their own; %(regular)s of them order more evenly than by chance. From "
        "left to right: how likely a gap as long as the present one is. By chance, all columns would have the same "
        "height; the excess of the first is real silence. Customers who ordered just now are at the far right."
    ) % {"judged": number(report.get("judged", 0)), "regular": percent(regular)}


def wallet(name: str, statements: Sequence[Statement]) -> str:
    """Return the sentence above a customer's share of wallet."""
    words = {"name": name, "first": percent(statements[0].share), "last": percent(statements[-1].share)}
    if len(statements) > 1:
        return _("Of all that %(name)s buys, %(first)s was with us at first and %(last)s lately") % words
    return _("Of all that %(name)s buys, %(last)s is with us") % words


def decline_test(test: dict[str, Any] | None) -> list[str]:
    """Return how sure it is that single customers decline, in sentences."""
    if not test:
        return []
    words = {
        "tested": number(test["tested"]),
        "named": number(test["named"]),
        "window": test["window"],
        "level": percent(test["level"]),
    }
    lines = [
        _(
            "Of %(tested)s customers whose past is long enough, %(named)s ordered on fewer of the last %(window)s days "
            "than chance explains. Of these, %(level)s at most are false alarms."
        )
        % words
    ]
    for item in test["power"]:
        words = {"drop": percent(item["drop"]), "part": percent(item["power"])}
        lines.append(_("A fall of %(drop)s would be detected in %(part)s.") % words)
    expected, actual = test["expected_orders"], test["found_orders"]
    if expected:
        words = {"actual": number(actual, 0), "expected": number(expected, 0), "change": percent(actual / expected - 1)}
        lines.append(
            _(
                "All together: %(actual)s order days, where %(expected)s were expected (%(change)s). If the whole shop "
                "moves, it is the season or the market, not single customers."
            )
            % words
        )
    return lines
