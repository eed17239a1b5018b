"""The charts of predictions: what happened beside what was predicted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from tenure_app.customers.query import customers_url
from tenure_app.predictions import tables, titles
from tenure_app.web import formats
from tenure_app.web.charts import Chart, Curve, GroupedBars, Mark, Series
from tenure_app.web.figures import Figure
from tenure_app.web.layout import business

Report = dict[str, Any]
#: Colours.
ACTUAL, PREDICTED, PLAIN = "F6", "F4", "F1"


def _pair(rows: list[Report], actual: str, expected: str, places: int = 4) -> list[Series]:
    return [
        Series(_("Actual"), ACTUAL, [round(row[actual], places) for row in rows]),
        Series(_("Predicted"), PREDICTED, [round(row[expected], 4) for row in rows]),
    ]


def _calibration(report: Report) -> Chart:
    rows = report["calibration"]
    names = [titles.frequency(row) for row in rows]
    return GroupedBars(names, _pair(rows, "actual", "expected"), _("Purchases after the first"), unit=_(" customers"))


def _calibration_rows(report: Report) -> list[Report]:
    """Return the groups, each with the address of its customers."""
    day = date.fromisoformat(report["as_of"])
    return [
        {**row, "url": customers_url(day, frequency_min=row["frequency"], frequency_max=row["upto"])}
        for row in report["calibration"]
    ]


def _after(report: Report) -> Chart:
    rows = report["after"]
    names = [titles.frequency(row) for row in rows]
    return GroupedBars(names, _pair(rows, "actual", "expected"), _("Purchases after the first"))


def _weeks(report: Report) -> list[Report]:
    end = date.fromisoformat(report["as_of"])
    return [{**row, "day": end - timedelta(days=7 * row["ago"])} for row in report["tracking"]["weeks"]]


def _tracking(report: Report) -> Chart:
    weeks, split = _weeks(report), report["tracking"]["day"]
    lines = [
        Series(_("Actual"), ACTUAL, [week["actual_sum"] for week in weeks]),
        Series(_("Predicted"), PREDICTED, [round(week["expected_sum"], 2) for week in weeks], dashed=True),
    ]
    # The mark stands at noon, between two points of the axis.
    mark = Mark(formats.day(split), f"{split}T12:00:00")
    return Curve(lines, days=[week["day"] for week in weeks], marks=[mark])


def _reliability(report: Report) -> Chart:
    rows = report["reliability"]
    at = [0.0, *(row["predicted"] for row in rows), 1.0]
    lines = [
        Series(_("Actual"), ACTUAL, [None, *(row["actual"] for row in rows), None], symbol="circle"),
        Series(_("Exact"), PLAIN, at, dashed=True),
    ]
    return Curve(lines, at, percent=True, x_percent=True, x_name=_("Probability of an order within 90 days"))


def _deciles(report: Report) -> Chart:
    rows = report["deciles"]
    return GroupedBars(
        [str(row["decile"]) for row in rows],
        _pair(rows, "sales_actual", "sales_expected", 2),
        _("Tenth, the best first"),
        money=formats.symbol(business().currency),
    )


def _gains(report: Report) -> list[Report]:
    # Simulated sales may add up to slightly more than everything.
    names = {"by_model": "model", "by_past": "past", "by_sales": "best"}
    return [
        {"part": row["share"], **{name: min(row[key], 1.0) for name, key in names.items()}} for row in report["gain"]
    ]


def _gain(report: Report) -> Chart:
    rows = _gains(report)
    lines = (("by_model", PREDICTED, False), ("by_past", ACTUAL, True), ("by_sales", PLAIN, True))
    names = {column.name: column.title for column in tables.GAIN.columns}
    return Curve(
        [Series(names[key], family, [row[key] for row in rows], dashed=dashed) for key, family, dashed in lines],
        [row["part"] for row in rows],
        percent=True,
        x_percent=True,
        x_name=_("Share of customers, ranked"),
    )


#: The figures of the page, each named as its part of the report.
FIGURES = (
    Figure(
        "calibration",
        title=lambda report: titles.calibration(report["calibration"]),
        chart=_calibration,
        table=tables.CALIBRATION,
        rows=_calibration_rows,
        note=lambda _report: _("How many customers have returned how often, and how many the model expects."),
        term="calibration",
    ),
    Figure(
        "after",
        title=lambda report: titles.after(report["after"], report["origins"][0]["day"]),
        chart=_after,
        table=tables.AFTER,
        rows=lambda report: report["after"],
        note=lambda _report: _(
            "Mean purchases of a customer, by how often they had returned before. Customers whose first purchase came "
            "later are left out."
        ),
        term="back-test",
    ),
    Figure(
        "tracking",
        title=lambda report: titles.tracking(report["tracking"]),
        chart=_tracking,
        table=tables.TRACKING,
        rows=lambda report: list(reversed(_weeks(report))),
        note=lambda _report: _(
            "Cumulative repeat purchases of customers known on the dotted day. The model was fitted to what is left of "
            "it; right of it the model predicts, and knows only when each customer first bought."
        ),
        term="tracking",
        wide=True,
    ),
    Figure(
        "reliability",
        title=lambda report: titles.reliability(report["reliability"]),
        chart=_reliability,
        table=tables.RELIABILITY,
        rows=lambda report: report["reliability"],
        note=lambda _report: _(
            "Ten groups of equal size by their probability of an order. On the dashed line, probabilities are exact."
        ),
        term="buying-reliability",
    ),
    Figure(
        "deciles",
        title=lambda report: titles.deciles(report["deciles"]),
        chart=_deciles,
        table=tables.DECILES,
        rows=lambda report: report["deciles"],
        note=lambda _report: _("Ten groups of equal size, by the predicted sales of each customer, highest first."),
        term="deciles",
    ),
    Figure(
        "gain",
        title=lambda report: titles.gain(report["gain"]),
        chart=_gain,
        table=tables.GAIN,
        rows=_gains,
        note=lambda _report: _("How much of the sales of the 90 days came from the customers who were ranked first."),
        term="gain",
    ),
)
