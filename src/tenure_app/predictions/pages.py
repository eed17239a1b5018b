"""Predictions: every number that was predicted beside what happened, so that a reader knows what to trust."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.utils.translation import gettext as _

from tenure_app.core import conf
from tenure_app.predictions import figures, queries, tables, titles
from tenure_app.web import exports
from tenure_app.web.figures import sheets
from tenure_app.web.layout import business
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@page("predictions/", "predictions", rule=SIGNED_IN)
def predictions(request: HttpRequest) -> HttpResponse:
    """Show the back-tests of the last refresh."""
    con = conf.connection()
    report = queries.report(con, "predictions")
    if report is None:
        return render(request, "predictions/empty.html")
    missing = [titles.gate(gate) for gate in report["gates"] if not gate["passed"]]
    if missing or "choice" not in report:
        return render(request, "predictions/gated.html", {"missing": missing, "day": report["as_of"]})
    # Young data have no back-test, hence not every figure.
    shown = [figure for figure in figures.FIGURES if report.get(figure.name)]
    files = {**sheets(shown, report), "models": lambda: tables.TESTS.sheet(_every_test(report))}
    if file := exports.requested(request, files, report["as_of"]):
        return file
    context = {
        "title": titles.title(report),
        "report": report,
        "model": titles.model_name(report["model"]),
        "verdict": titles.verdict(report),
        "reasons": [titles.why(report["choice"]), titles.against_baselines(report["choice"], report["model"])],
        "parameters": sorted(report["params"].items()),
        "tests": tables.USED_TESTS.show(_tests(report, report["model"])),
        "totals": tables.TOTALS.show(_totals(report)),
        "spend": report["spend"],
        "basis": titles.basis(report["basis"]),
        "models": tables.MODELS.show(_models(report)),
        "figures": [figure.show(report) for figure in shown],
        "fits": tables.FITS.show(queries.fittings(con)),
    }
    return render(request, "predictions/page.html", context)


def _models(report: dict[str, Any]) -> list[tables.Row]:
    """Return the models, the likeliest first, then the baselines, each with the means of its tests."""
    choice = report["choice"]
    return [
        {**model["backtest"], **model, "used": model["model"] == report["model"], "baseline": model in baselines}
        for baselines in [choice["baselines"]]
        for model in (*choice["models"], *baselines)
    ]


def _tests(report: dict[str, Any], model: str) -> list[tables.Row]:
    """Return the single tests of a model, the oldest first."""
    days = {origin["origin"]: origin["day"] for origin in report["origins"]}
    tests = [test for test in report["choice"]["backtest"] if test["model"] == model]
    return [{**test, "day": days.get(test["origin"])} for test in sorted(tests, key=lambda test: -test["origin"])]


def _every_test(report: dict[str, Any]) -> list[tables.Row]:
    models = (*report["choice"]["models"], *report["choice"]["baselines"])
    return [test for model in models for test in _tests(report, model["model"])]


def _totals(report: dict[str, Any]) -> list[tables.Row]:
    """Return what all customers together are expected to buy, in purchases and in sales."""
    measures = {"orders": (_("Purchases"), ""), "sales": (_("Sales"), business().currency)}
    end = date.fromisoformat(report["as_of"])
    return [
        {
            "until": end + timedelta(days=total["days"]),
            "measure": label,
            **{name: titles.rounded(value, currency) for name, value in total[kind].items()},
        }
        for total in report["totals"]
        for kind, (label, currency) in measures.items()
    ]
