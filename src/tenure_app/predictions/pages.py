"""Predictions: every number that was predicted beside what happened, so that a reader knows what to trust."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.words import current_language
from tenure_app.core import conf
from tenure_app.customers.profile import report as report_of
from tenure_app.predictions import figures, queries, tables
from tenure_app.predictions.tables import model_name
from tenure_app.web import exports
from tenure_app.web.figures import sheets
from tenure_app.web.formats import money, number, percent
from tenure_app.web.layout import business
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@page("predictions/", "predictions", rule=SIGNED_IN)
def predictions(request: HttpRequest) -> HttpResponse:
    con = conf.connection()
    report = report_of(con, "predictions")
    if not report:
        return render(request, "predictions/empty.html")
    missing = [_gate(gate) for gate in report["gates"] if not gate["passed"]]
    if missing or "choice" not in report:
        return render(request, "predictions/gated.html", {"missing": missing, "day": report["as_of"]})
    choice, model = report["choice"], report["model"]
    # Young data have no back-test, hence not every figure.
    shown = [figure for figure in figures.FIGURES if report.get(figure.name)]
    # The models, the likeliest first, then the baselines, each with the means of its tests.
    models = [
        {**item["backtest"], **item, "used": item["model"] == model, "baseline": item in choice["baselines"]}
        for item in (*choice["models"], *choice["baselines"])
    ]
    tests = {item["model"]: _tests(report, item["model"]) for item in models}
    files = {**sheets(shown, report), "models": lambda: tables.TESTS.sheet(chain(*tests.values()))}
    if file := exports.requested(request, files, report["as_of"]):
        return file
    context = {
        "title": _title(report),
        "report": report,
        "model": model_name(model),
        "verdict": tables.VERDICTS.get(report["verdict"], ""),
        "reasons": [str(tables.REASONS.get(choice.get("why"), "")), _against_baselines(choice, model)],
        "parameters": sorted(report["params"].items()),
        "tests": tables.USED_TESTS.show(tests.get(model, [])),
        "totals": tables.TOTALS.show(_totals(report)),
        "spend": report["spend"],
        "basis": tables.BASES.get(report["basis"].get("kind"), ""),
        "models": tables.MODELS.show(models),
        "figures": [figure.show(report) for figure in shown],
        "fits": tables.FITS.show(queries.fittings(con)),
    }
    return render(request, "predictions/page.html", context)


def _tests(report: dict[str, Any], model: str) -> list[tables.Row]:
    """Return the single tests of a model, the oldest first."""
    days = {origin["origin"]: origin["day"] for origin in report["origins"]}
    tests = [test for test in report["choice"]["backtest"] if test["model"] == model]
    return [{**test, "day": days.get(test["origin"])} for test in sorted(tests, key=lambda test: -test["origin"])]


def _totals(report: dict[str, Any]) -> list[tables.Row]:
    """Return what all customers together are expected to buy, in purchases and in sales."""
    measures = {"orders": (_("Purchases"), ""), "sales": (_("Sales"), business().currency)}
    end = date.fromisoformat(report["as_of"])
    return [
        {
            "until": end + timedelta(days=total["days"]),
            "measure": label,
            **{name: _rounded(value, currency) for name, value in total[kind].items()},
        }
        for total in report["totals"]
        for kind, (label, currency) in measures.items()
    ]


def _rounded(value: float, currency: str) -> str:
    """Return a total as precise as it deserves, four figures at most: 1,046,000; ¥104.6万 in Chinese."""
    digits = 4 - len(str(int(abs(value))))
    exact = round(value, digits) if digits < 0 else round(value)
    return money(exact, currency, brief=current_language() == "zh_Hans", places=0) if currency else number(exact, 0)


def _title(report: dict[str, Any]) -> str:
    tests = {model["model"]: model["backtest"] for model in report["choice"]["models"]}
    test = tests.get(report["model"], {})
    if test.get("off") is None:
        return _("Predictions are not tested yet: the data are too young")
    return ngettext(
        "Predictions of 90 days were off by %(off)s in total in %(origins)s test",
        "Predictions of 90 days were off by %(off)s in total, on average over %(origins)s tests",
        int(test["origins"]),
    ) % {"off": percent(test["off"]), "origins": number(test["origins"])}


def _against_baselines(choice: dict[str, Any], model: str) -> str:
    rmse = {item["model"]: item["backtest"].get("rmse") for item in (*choice["models"], *choice["baselines"])}
    current = rmse.get(model)
    baselines = {item["model"]: rmse[item["model"]] for item in choice["baselines"] if rmse[item["model"]] is not None}
    if current is None or not baselines:
        return ""
    best, error = min(baselines.items(), key=lambda item: item[1])
    words = {"baseline": model_name(best)}
    if current < error:
        return _(
            "Its error for a single customer is %(share)s smaller than that of the best simple baseline (%(baseline)s)."
        ) % {**words, "share": percent(1 - current / error)}
    return _(
        "A simple baseline (%(baseline)s) had a smaller error for a single customer, by %(share)s. Use the model for "
        "who and when; do not expect more precise counts from it here."
    ) % {**words, "share": percent(1 - error / current)}


def _gate(gate: dict[str, Any]) -> str:
    count = int(gate["needed"])
    sentences = {
        "buyers": ngettext(
            "It takes %(needed)s buyer; there are %(found)s.", "It takes %(needed)s buyers; there are %(found)s.", count
        ),
        "days": ngettext(
            "It takes %(needed)s day from the first purchase to the last; there are %(found)s.",
            "It takes %(needed)s days from the first purchase to the last; there are %(found)s.",
            count,
        ),
        "repeaters": ngettext(
            "It takes %(needed)s returning customer; there are %(found)s.",
            "It takes %(needed)s returning customers; there are %(found)s.",
            count,
        ),
    }
    words = {"needed": number(gate["needed"]), "found": number(gate["found"])}
    return sentences.get(gate["name"], gate["name"]) % words
