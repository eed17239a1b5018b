"""Behind the list of warnings: counts by signal, decline, silence against rhythm, fatigue, the trust in churn."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.risk.signals import SIGNALS
from tenure.words import say
from tenure_app.customers.filters import ColumnFilter
from tenure_app.customers.query import CustomerQuery
from tenure_app.risk import declining, queries
from tenure_app.web import exports
from tenure_app.web.formats import number, percent

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

#: Customers shown of a longer table.
FIRST = 8


def address(day: date | None, **columns: object) -> str:
    """Return the list of customers whose columns hold these values: ``silence_p_max=0.05``."""
    asked = []
    for name, value in columns.items():
        sign = name[-4:] if name.endswith(("_min", "_max")) else ""
        asked.append(ColumnFilter(name.removesuffix(sign), sign, str(value)))
    return CustomerQuery(as_of=day, filters=tuple(asked)).url()


def sections(con: duckdb.DuckDBPyConnection, day: date | None) -> dict[str, Any]:
    """Return what the page shows below the list."""
    return {
        "by_signal": _by_signal(con, day),
        "declining": _decline(con),
        "silence": _silence(con, day),
        "fatigue": _fatigue(con, day),
        "churn": _churn(con, day),
        "gates": _gates(con),
        "settlement_url": reverse("risk-settlement"),
    }


def _by_signal(con: duckdb.DuckDBPyConnection, day: date | None) -> dict[str, Any]:
    """Return how many show each signal, as a chart and a table."""
    told = {one["signal"]: one for one in (queries.report(con, "risk.summary") or {}).get("signals", ())}
    counts = queries.signals(con)
    lines = [
        {
            "id": code, "name": say(signal.name), "about": say(signal.about),
            "weight": signal.weight, "people": counts.get(code, 0), "url": address(day, warning_signals=code),
            "stake": told.get(code, {}).get("value_at_stake"), "lead": told.get(code, {}).get("lead_days"),
        }
        for code, signal in SIGNALS.items()
    ]  # fmt: skip
    seen = [line for line in lines if line["people"]]
    seen.sort(key=lambda line: -line["people"])
    items = [{"name": one["name"], "family": "F8", "value": one["people"], "url": one["url"]} for one in seen]
    said = _("No signal shows in anybody")
    if seen:
        most = {"name": seen[0]["name"], "people": number(seen[0]["people"])}
        said = _("Most often: %(name)s (%(people)s customers)") % most
    return {
        "lines": lines,
        "data": {"items": items, "unit": _(" customers"), "plain": True},
        "said": said,
        "empty": not seen,
    }


def _decline(con: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """Return the answers of rule T04, the customers who decline, and how good the test behind it is."""
    if not declining.can_tell(con):
        return None
    counts = declining.answers(con)
    report = queries.report(con, "risk.decline") or {}
    return {
        "counts": [(code, name, counts[code], f"{reverse('risk-decline')}?answer={code}") for code, name in names()],
        "declining": counts[declining.YES],
        "rows": declining.find(con, declining.YES, 0, FIRST) or declining.find(con, declining.UNKNOWN, 0, FIRST),
        "certain": bool(counts[declining.YES]),
        "test": _test(report.get("test")),
        "any_total": bool(report.get("total_known")),
    }


def names() -> list[tuple[str, str]]:
    """Return the answers of rule T04 in words."""
    return [
        (declining.YES, _("Declining: our volume falls, theirs does not")),
        (declining.UNKNOWN, _("Cannot judge: our volume falls, theirs is not known")),
        (declining.INDUSTRY, _("Their own business falls too")),
        (declining.NO, _("Our volume does not fall")),
    ]


def _test(told: dict[str, Any] | None) -> dict[str, Any] | None:
    if not told:
        return None
    expected, found = told["expected_orders"], told["found_orders"]
    return {
        **told,
        "powers": [(one["drop"], one["power"]) for one in told["power"]],
        "shop_change": found / expected - 1 if expected else None,
    }


def _silence(con: duckdb.DuckDBPyConnection, day: date | None) -> dict[str, Any] | None:
    """Return how likely the present gaps are, against what chance would give."""
    told = queries.report(con, "risk.silence")
    if not told or not told["judged"]:
        return None
    judged, parts = told["judged"], told["twentieths"]
    by_chance = judged * told["unlikely"]
    items = [
        {
            "name": f"{percent(at / 20, 0)}–{percent((at + 1) / 20, 0)}", "family": "F8" if not at else "F6",
            "value": people, "url": address(day, silence_p_min=at / 20, silence_p_max=(at + 1) / 20),
        }
        for at, people in enumerate(parts)
    ]  # fmt: skip
    data = {"silent": number(told["silent"]), "chance": number(round(by_chance))}
    return {
        **told,
        "said": _("%(silent)s customers are silent beyond their own rhythm; chance alone would give %(chance)s") % data,
        "data": {"items": items, "unit": _(" customers"), "upright": True, "plain": True},
        "rows": [(item["name"], item["value"], by_chance, item["url"]) for item in items],
        "url": address(day, silence_p_max=told["unlikely"]),
        "regular": sum(shape["share"] for shape in told["shapes"] if shape["shape"] >= 2),
    }


def _fatigue(con: duckdb.DuckDBPyConnection, day: date | None) -> dict[str, Any] | None:
    told = queries.report(con, "risk.fatigue")
    if not told:
        return None
    return {**told, "url": address(day, warning_signals="fatigue")}


def _churn(con: duckdb.DuckDBPyConnection, day: date | None) -> list[dict[str, Any]]:
    """Return how far the churn figures may be believed, a kind of churn a line; empty where nothing was learnt."""
    told = queries.report(con, "risk.churn") or {}
    kinds = {"contract": _("Contracts that end"), "silence": _("Customers who stop ordering")}
    return [
        {
            "name": kinds.get(kind, kind), "model": one.get("model"), "customers": one.get("scored") or 0,
            "expected": one.get("expected_to_leave"),
            "tested": one.get("newest") or (one.get("models") or {}).get(one.get("chosen") or "", {}),
            "high": (one.get("by_level") or {}).get("high", 0),
            "url": address(day, churn_kind=kind, churn_level="high"),
        }
        for kind, one in (told.get("kinds") or {}).items()
    ]  # fmt: skip


def _gates(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return what is missing before rates and rhythms can be judged, in sentences."""
    summary = queries.report(con, "risk.summary") or {}
    said = []
    for gate in summary.get("gates", ()):
        if gate["found"] >= gate["needed"]:
            continue
        data = {"needed": number(gate["needed"]), "found": number(gate["found"])}
        many = int(gate["needed"])
        if gate["name"] == "buyers":
            text = ngettext(
                "It needs %(needed)s buyer, there are %(found)s.",
                "It needs %(needed)s buyers, there are %(found)s.",
                many,
            )
        else:
            text = ngettext(
                "It needs %(needed)s day of facts, there are %(found)s.",
                "It needs %(needed)s days of facts, there are %(found)s.",
                many,
            )
        said.append(text % data)
    return said


# Downloads


def _signals_csv(con: duckdb.DuckDBPyConnection, day: date | None) -> HttpResponse:
    found = _by_signal(con, day)
    heads = [
        _("Signal id"),
        _("Signal"),
        _("Customers"),
        _("Value at stake"),
        _("Days until a worse stage"),
        _("Weight"),
    ]
    rows = (
        [line["id"], line["name"], line["people"], line["stake"], line["lead"], line["weight"]]
        for line in found["lines"]
    )
    return exports.csv_file(f"signals-{day}", exports.Sheet("", heads, rows))


def _silence_csv(con: duckdb.DuckDBPyConnection, day: date | None) -> HttpResponse:
    found = _silence(con, day)
    heads = [_("Chance of so long a gap"), _("Customers"), _("By chance alone")]
    rows = ([name, people, chance] for name, people, chance, _url in (found["rows"] if found else ()))
    return exports.csv_file(f"silence-{day}", exports.Sheet("", heads, rows))


DOWNLOADS: dict[str, Callable[[duckdb.DuckDBPyConnection, date | None], HttpResponse]] = {
    "signals.csv": _signals_csv,
    "silence.csv": _silence_csv,
}
