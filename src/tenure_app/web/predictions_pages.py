"""Predictions: every number that was foretold beside what came, so that one knows what to believe."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenure_app.core import conf
from tenure_app.value import queries
from tenure_app.web import exports, formats
from tenure_app.web import predictions_said as said
from tenure_app.web.layout import business
from tenure_app.web.pages import SIGNED_IN, page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Colours: what came, and what was foretold.
CAME, FORETOLD, PLAIN = "F6", "F4", "F1"
FIGURES = ("mae", "rmse", "corr", "auc", "gini")


@page("predictions/", "predictions", rule=SIGNED_IN)
def predictions(request: HttpRequest) -> HttpResponse:
    """Show the back-tests of the last refresh."""
    con = conf.connection()
    told = queries.report(con, "predictions")
    if told is None:
        return render(request, "tenure_app/predictions/empty.html")
    missing = [said.gate(gate) for gate in told["gates"] if not gate["passed"]]
    if missing or "choice" not in told:
        return render(request, "tenure_app/predictions/gated.html", {"missing": missing, "told": told})
    download = request.GET.get("format", "")
    if download in _DOWNLOADS:
        heads, rows = _DOWNLOADS[download](told)
        return exports.csv_file(f"{download.removesuffix('.csv')}-{told['as_of']}", exports.Sheet("", heads, rows))
    context = {
        "told": told,
        "title": said.title(told),
        "day": told["as_of"],
        "model": said.model_name(told["model"]),
        "verdict": said.verdict(told),
        "why": said.why(told["choice"]),
        "against": said.against_guesses(told["choice"], told["model"]),
        "params": sorted(told["params"].items()),
        "models": _models(told),
        "totals": _totals(told),
        "spend": _spend(told),
        "charts": _charts(told),
        "fits": _fits(con),
        "origins": _origins(told),
    }
    return render(request, "tenure_app/predictions/page.html", context)


def _models(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a line a model, likeliest first, then the plain guesses: with the mean of their tests."""
    lines = []
    for baseline in (*told["choice"]["models"], *told["choice"]["baselines"]):
        test = baseline["backtest"]
        lines.append(
            {
                "name": said.model_name(baseline["model"]),
                "chosen": baseline["model"] == told["model"],
                "plain": "aic" not in baseline,
                "aic": baseline.get("aic"),
                "verdict": baseline.get("verdict"),
                "bias": test.get("bias"),
                "figures": [(name, test.get(name)) for name in FIGURES],
                "tests": _tests(told, baseline["model"]),
            }
        )
    return lines


def _tests(told: dict[str, Any], model: str) -> list[dict[str, Any]]:
    """Return the single tests of a model, the oldest first."""
    days = {origin["origin"]: origin["day"] for origin in told["origins"]}
    rows = [row for row in told["choice"]["backtest"] if row["model"] == model]
    return [{**row, "day": days.get(row["origin"])} for row in sorted(rows, key=lambda row: -row["origin"])]


def _origins(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tests of the chosen model: from which day, how many came, how many were foretold."""
    return _tests(told, told["model"])


def _totals(told: dict[str, Any]) -> list[dict[str, Any]]:
    names = {"orders": _("Purchases"), "sales": _("Sales")}
    end, currency = date.fromisoformat(told["as_of"]), business().currency
    return [
        {
            "what": names[kind],
            "until": end + timedelta(days=total["days"]),
            **{name: said.rounded(value, currency if kind == "sales" else "") for name, value in total[kind].items()},
        }
        for total in told["totals"]
        for kind in names
    ]


def _spend(told: dict[str, Any]) -> dict[str, Any]:
    spend = told["spend"]
    basis = told["basis"]
    words = {
        "margin": _("margin, since the costs of at least half the sales are known"),
        "assumed": _("the share of sales that the settings assume as margin"),
        "sales": _("sales as they are, since no costs are known and no margin is assumed"),
    }
    return {
        "model": said.model_name(spend["model"]),
        "gamma": spend["model"] == "gamma-gamma",
        "mean": spend["mean"],
        "spearman": spend["dependence"]["spearman"],
        "warning": spend["dependence"]["warning"],
        "basis": words.get(basis.get("kind", ""), ""),
        "share": basis.get("share"),
        "net": basis.get("net"),
    }


def _charts(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every chart that the report has data for: its sentence, its data, its table."""
    makers = {
        "calibration": _calibration,
        "after": _after,
        "tracking": _tracking,
        "reliability": _reliability,
        "deciles": _deciles,
        "gain": _gain,
    }
    return [{"id": name, "source": f"{name}-data", **make(told)} for name, make in makers.items() if told.get(name)]


def _frequency_names(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return how often, in words as short as a column is wide: 3, 12–25 or 7+."""
    names = []
    for row in rows:
        low, high = row["frequency"], row["upto"]
        names.append(f"{low}+" if high is None else f"{low}–{high}" if high > low else str(low))
    return names


def _pair(actual: list[float], expected: list[float]) -> list[dict[str, Any]]:
    return [
        {"name": _("Came"), "family": CAME, "values": actual},
        {"name": _("Foretold"), "family": FORETOLD, "values": [round(one, 4) for one in expected]},
    ]


def _calibration(told: dict[str, Any]) -> dict[str, Any]:
    rows = told["calibration"]
    names = _frequency_names(rows)
    cells = []
    for name, row in zip(names, rows, strict=True):
        asked = {"as_of": told["as_of"], "frequency_min": row["frequency"]}
        if row["upto"] is not None:
            asked["frequency_max"] = row["upto"]
        url = f"{reverse('customers')}?{urlencode(asked)}"
        cells.append([_text(name), _count(row["actual"], url), _count(round(row["expected"]))])
    return {
        "kind": "beside",
        "term": "calibration",
        "said": said.calibration(rows),
        "note": _("How many customers came back how often up to now, and how many the model says there should be."),
        "data": {
            "names": names,
            "x_name": _("Purchases after the first"),
            "unit": _(" customers"),
            "series": _pair([row["actual"] for row in rows], [row["expected"] for row in rows]),
        },
        "heads": [_("Purchases after the first"), _("Customers"), _("Foretold")],
        "rows": cells,
    }


def _after(told: dict[str, Any]) -> dict[str, Any]:
    rows = told["after"]
    names = _frequency_names(rows)
    return {
        "kind": "beside",
        "term": "back-test",
        "said": said.after(rows, told["origins"][0]["day"]),
        "note": _(
            "Mean purchases of a customer, by how often they had come back before. Whoever first bought later is left "
            "out."
        ),
        "data": {
            "names": names,
            "x_name": _("Purchases after the first"),
            "series": _pair([round(row["actual"], 4) for row in rows], [row["expected"] for row in rows]),
        },
        "heads": [
            _("Purchases after the first"),
            _("Customers then"),
            _("Came, on average"),
            _("Foretold, on average"),
        ],
        "rows": [
            [_text(name), _count(row["customers"]), _decimal(row["actual"]), _decimal(row["expected"])]
            for name, row in zip(names, rows, strict=True)
        ],
    }


def _weeks(told: dict[str, Any]) -> list[tuple[date, dict[str, Any]]]:
    end = date.fromisoformat(told["as_of"])
    return [(end - timedelta(days=7 * row["ago"]), row) for row in told["tracking"]["weeks"]]


def _tracking(told: dict[str, Any]) -> dict[str, Any]:
    weeks = _weeks(told)
    series = [
        {"name": _("Came"), "family": CAME, "values": [row["actual_sum"] for _day, row in weeks]},
        {
            "name": _("Foretold"),
            "family": FORETOLD,
            "dashed": True,
            "values": [round(row["expected_sum"], 2) for _day, row in weeks],
        },
    ]
    split = told["tracking"]["day"]
    return {
        "kind": "curve",
        "term": "tracking",
        "said": said.tracking(told["tracking"]),
        "wide": True,
        "note": _(
            "Repeat purchases added up, of customers known on the dotted day. Left of it the model was fitted, right "
            "of it it only foretells, knowing nothing but when each customer came first."
        ),
        "data": {
            "days": [day.isoformat() for day, _row in weeks],
            "series": series,
            "marks": [{"x": f"{split}T12:00:00", "name": formats.day(split)}],
        },
        "heads": [_("Week up to"), _("Came"), _("Foretold"), _("Came, added up"), _("Foretold, added up")],
        "rows": [
            [
                _text(formats.day(day)),
                _count(row["actual"]),
                _count(round(row["expected"])),
                _count(row["actual_sum"]),
                _count(round(row["expected_sum"])),
            ]
            for day, row in reversed(weeks)
        ],
    }


def _reliability(told: dict[str, Any]) -> dict[str, Any]:
    rows = told["reliability"]
    at = [0.0, *(row["predicted"] for row in rows), 1.0]
    return {
        "kind": "curve",
        "term": "buying-reliability",
        "said": said.reliability(rows),
        "note": _("Ten groups of equal size by their chance of buying. On the dashed line, chances come true exactly."),
        "data": {
            "x": at,
            "percent": True,
            "x_percent": True,
            "x_name": _("Chance of buying within 90 days"),
            "series": [
                {
                    "name": _("Bought"),
                    "family": CAME,
                    "symbol": "circle",
                    "values": [None, *(row["actual"] for row in rows), None],
                },
                {"name": _("Exact"), "family": PLAIN, "dashed": True, "values": at},
            ],
        },
        "heads": [_("Chance from"), _("up to"), _("Customers, all tests"), _("Foretold"), _("Bought")],
        "rows": [
            [
                _share(row["low"]),
                _share(row["high"]),
                _count(row["customers"]),
                _share(row["predicted"]),
                _share(row["actual"]),
            ]
            for row in rows
        ],
    }


def _deciles(told: dict[str, Any]) -> dict[str, Any]:
    rows = told["deciles"]
    currency = business().currency
    money = lambda value: {"text": formats.money(value, currency, brief=True), "raw": round(value, 2), "number": True}  # noqa: E731
    return {
        "kind": "beside",
        "term": "deciles",
        "said": said.deciles(rows),
        "note": _("Ten groups of equal size, by the sales foretold of each customer, highest first."),
        "data": {
            "names": [str(row["decile"]) for row in rows],
            "x_name": _("Tenth, the best first"),
            "money": formats.symbol(currency),
            "series": _pair([round(row["sales_actual"], 2) for row in rows], [row["sales_expected"] for row in rows]),
        },
        "heads": [
            _("Tenth"),
            _("Customers"),
            _("Sales that came"),
            _("Sales foretold"),
            _("Purchases that came"),
            _("Purchases foretold"),
        ],
        "rows": [
            [
                _text(str(row["decile"])),
                _count(row["customers"]),
                money(row["sales_actual"]),
                money(row["sales_expected"]),
                _count(row["orders_actual"]),
                _count(round(row["orders_expected"])),
            ]
            for row in rows
        ],
    }


def _gain(told: dict[str, Any]) -> dict[str, Any]:
    rows = told["gain"]
    lines = (
        ("model", _("By the model"), FORETOLD, False),
        ("past", _("By past spending"), CAME, True),
        ("best", _("Best possible"), PLAIN, True),
    )
    return {
        "kind": "curve",
        "term": "gain",
        "said": said.gain(rows),
        "note": _("How much of the sales of the 90 days came from the customers who were ranked first."),
        "data": {
            "x": [row["share"] for row in rows],
            "percent": True,
            "x_percent": True,
            "x_name": _("Share of customers, ranked"),
            "series": [
                {"name": name, "family": family, "dashed": dashed, "values": [min(row[key], 1.0) for row in rows]}
                for key, name, family, dashed in lines
            ],
        },
        "heads": [_("Share of customers"), *(name for _key, name, _family, _dashed in lines)],
        "rows": [[_share(row["share"]), *(_share(min(row[key], 1.0)) for key, *_rest in lines)] for row in rows],
    }


# Cells of tables: how they read, and what stands in the CSV


def _text(text: str) -> dict[str, Any]:
    return {"text": text, "raw": text, "number": False}


def _count(value: float, url: str = "") -> dict[str, Any]:
    return {"text": formats.number(value, 0), "raw": int(value), "number": True, "url": url}


def _decimal(value: float) -> dict[str, Any]:
    return {"text": formats.number(value, 2), "raw": round(value, 6), "number": True}


def _share(value: float) -> dict[str, Any]:
    return {"text": formats.percent(value), "raw": round(value, 6), "number": True}


def _fits(con: Any) -> list[dict[str, Any]]:
    """Return the last fits, and how far their inputs and their calibration moved."""
    return [
        {
            "one": fitting,
            "name": said.model_name(fitting.model) if fitting.model else "–",
            "drift": said.drift(fitting.drift),
            "input": said.input_name(fitting.input),
        }
        for fitting in queries.fittings(con)
    ]


# Downloads


def _chart_rows(make: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], Any]:
    def rows(told: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
        chart = make(told)
        return chart["heads"], [[cell["raw"] for cell in row] for row in chart["rows"]]

    return rows


def _model_rows(told: dict[str, Any]) -> tuple[list[str], list[list[Any]]]:
    names = ("bias", *FIGURES)
    heads = [_("Model"), _("Test from"), _("Customers"), _("Came"), _("Foretold"), *names]
    rows = []
    for baseline in (*told["choice"]["models"], *told["choice"]["baselines"]):
        for test in _tests(told, baseline["model"]):
            figures = [test.get(name) for name in names]
            counts = [test["customers"], test["actual"], test["expected"]]
            rows.append([said.model_name(baseline["model"]), test["day"], *counts, *figures])
    return heads, rows


_DOWNLOADS: dict[str, Callable[[dict[str, Any]], tuple[list[str], list[list[Any]]]]] = {
    "models.csv": _model_rows,
    "calibration.csv": _chart_rows(_calibration),
    "after.csv": _chart_rows(_after),
    "tracking.csv": _chart_rows(_tracking),
    "reliability.csv": _chart_rows(_reliability),
    "deciles.csv": _chart_rows(_deciles),
    "gain.csv": _chart_rows(_gain),
}
