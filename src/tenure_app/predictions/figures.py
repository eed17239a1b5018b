"""The figures of predictions, each named as its part of the report: what happened beside what was predicted."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure_app.customers.query import customers_url
from tenure_app.web import formats
from tenure_app.web.charts import Chart, Curve, GroupedBars, Mark, Series
from tenure_app.web.figures import Figure
from tenure_app.web.formats import number, percent
from tenure_app.web.layout import business
from tenure_app.web.tables import Column, Table, url_of

Report = dict[str, Any]
#: Colours.
ACTUAL, PREDICTED, PLAIN = "F6", "F4", "F1"


def _frequency(row: Report) -> str:
    """Return how often, in words as short as a column is wide: 3, 12–25 or 7+."""
    low, high = row["frequency"], row["upto"]
    return f"{low}+" if high is None else f"{low}–{high}" if high > low else str(low)


def _count(name: str, label: Any, kind: str = "number", digits: int | None = None, **more: Any) -> Column:
    # Rounded, since parts of a person or an order mislead.
    return Column(name, label, kind, value=lambda row: round(row[name], digits), **more)


_decimal = partial(_count, digits=6, places=2)
_share = partial(_count, kind="percent", digits=6)
_money = partial(_count, kind="money", digits=2, brief=True)
_GROUP = Column("group", _("Purchases after the first"), value=_frequency)


def _pair(rows: list[Report], actual: str = "actual", expected: str = "expected", places: int = 4) -> list[Series]:
    return [
        Series(gettext("Actual"), ACTUAL, [round(row[actual], places) for row in rows]),
        Series(gettext("Predicted"), PREDICTED, [round(row[expected], 4) for row in rows]),
    ]


def _by_frequency(rows: list[Report], unit: str = "") -> Chart:
    names = [_frequency(row) for row in rows]
    return GroupedBars(names, _pair(rows), gettext("Purchases after the first"), unit=unit)


def calibration_title(report: Report) -> str:
    rows = report["calibration"]
    total = sum(row["actual"] for row in rows)
    off = sum(abs(row["actual"] - row["expected"]) for row in rows) / 2 / total if total else 0
    words = {"off": percent(off)}
    return gettext("How often customers came back: the model puts %(off)s of them into a wrong column") % words


def calibration_rows(report: Report) -> list[Report]:
    day = date.fromisoformat(report["as_of"])
    return [
        {**row, "url": customers_url(day, frequency_min=row["frequency"], frequency_max=row["upto"])}
        for row in report["calibration"]
    ]


def after_title(report: Report) -> str:
    actual, expected = (sum(row["customers"] * row[name] for row in report["after"]) for name in ("actual", "expected"))
    words = {"day": formats.day(report["origins"][0]["day"]), "actual": number(round(actual))}
    text = gettext("%(actual)s purchases in the 90 days after %(day)s; %(expected)s were predicted")
    return text % {**words, "expected": number(round(expected))}


def _weeks(report: Report) -> list[Report]:
    end = date.fromisoformat(report["as_of"])
    return [{**row, "day": end - timedelta(days=7 * row["ago"])} for row in report["tracking"]["weeks"]]


def _tracking(report: Report) -> Chart:
    weeks, split = _weeks(report), report["tracking"]["day"]
    lines = [
        Series(gettext("Actual"), ACTUAL, [week["actual_sum"] for week in weeks]),
        Series(gettext("Predicted"), PREDICTED, [round(week["expected_sum"], 2) for week in weeks], dashed=True),
    ]
    # The mark stands at noon, between two points of the axis.
    mark = Mark(formats.day(split), f"{split}T12:00:00")
    return Curve(lines, days=[week["day"] for week in weeks], marks=[mark])


def tracking_title(report: Report) -> str:
    tracking = report["tracking"]
    weeks = [week for week in tracking["weeks"] if week["after"]]
    actual, expected = (sum(week[name] for week in weeks) for name in ("actual", "expected"))
    off = percent(abs(expected / actual - 1)) if actual else formats.MISSING
    text = gettext("Week by week since %(day)s: predicted repeat purchases are %(off)s too low")
    if expected >= actual:
        text = gettext("Week by week since %(day)s: predicted repeat purchases are %(off)s too high")
    return text % {"day": formats.day(tracking["day"]), "off": off}


def _reliability(report: Report) -> Chart:
    rows = report["reliability"]
    at = [0.0, *(row["predicted"] for row in rows), 1.0]
    lines = [
        Series(gettext("Actual"), ACTUAL, [None, *(row["actual"] for row in rows), None], symbol="circle"),
        Series(gettext("Exact"), PLAIN, at, dashed=True),
    ]
    return Curve(lines, at, percent=True, x_percent=True, x_name=gettext("Probability of an order within 90 days"))


def reliability_title(report: Report) -> str:
    rows = report["reliability"]
    people = sum(row["customers"] for row in rows)
    off = sum(row["customers"] * abs(row["predicted"] - row["actual"]) for row in rows) / people if people else 0
    points = gettext("%(points)s percentage points") % {"points": number(off * 100, 1)}
    return gettext("Probabilities of an order within 90 days were off by %(off)s on average") % {"off": points}


def _deciles(report: Report) -> Chart:
    rows = report["deciles"]
    names, money = [str(row["decile"]) for row in rows], formats.symbol(business().currency)
    pair = _pair(rows, "sales_actual", "sales_expected", 2)
    return GroupedBars(names, pair, gettext("Tenth, the best first"), money=money)


def deciles_title(report: Report) -> str:
    rows = report["deciles"]
    total = sum(row["sales_actual"] for row in rows)
    share = rows[0]["sales_actual"] / total if total else 0
    return gettext("The tenth ranked first made %(share)s of all sales of the 90 days") % {"share": percent(share)}


def _gains(report: Report) -> list[Report]:
    # Simulated sales may add up to slightly more than everything.
    names = {"by_model": "model", "by_past": "past", "by_sales": "best"}
    return [
        {"part": row["share"], **{name: min(row[key], 1.0) for name, key in names.items()}} for row in report["gain"]
    ]


def _gain(report: Report) -> Chart:
    rows, names = _gains(report), {column.name: column.title for column in _GAIN.columns}
    series = [
        Series(names[key], family, [row[key] for row in rows], dashed=key != "by_model")
        for key, family in (("by_model", PREDICTED), ("by_past", ACTUAL), ("by_sales", PLAIN))
    ]
    x_name = gettext("Share of customers, ranked")
    return Curve(series, [row["part"] for row in rows], percent=True, x_percent=True, x_name=x_name)


def gain_title(report: Report) -> str:
    fifth = next((row for row in report["gain"] if abs(row["share"] - 0.2) < 1e-9), None)
    if fifth is None:
        return gettext("Share of sales made by the customers ranked first")
    words = {"share": percent(fifth["model"]), "past": percent(fifth["past"])}
    return gettext("The fifth ranked first made %(share)s of sales; ranked by past spending, %(past)s") % words


# The tables below the charts.

_CALIBRATION = Table(
    "calibration", (_GROUP, _count("actual", _("Customers"), url=url_of), _count("expected", _("Predicted")))
)
_MEANS = (_decimal("actual", _("Actual mean")), _decimal("expected", _("Predicted mean")))
_AFTER = Table("after", (_GROUP, _count("customers", _("Customers then")), *_MEANS))
_TRACKING = Table(
    "tracking",
    (
        Column("day", _("Week up to"), "day"),
        _count("actual", _("Actual")),
        _count("expected", _("Predicted")),
        _count("actual_sum", _("Actual, cumulative")),
        _count("expected_sum", _("Predicted, cumulative")),
    ),
)
_RELIABILITY = Table(
    "reliability",
    (
        _share("low", _("Probability from")),
        _share("high", _("up to")),
        _count("customers", _("Customers, all tests")),
        _share("predicted", _("Predicted")),
        _share("actual", _("Actual")),
    ),
)
_DECILES = Table(
    "deciles",
    (
        Column("decile", _("Tenth")),
        _count("customers", _("Customers")),
        _money("sales_actual", _("Actual sales")),
        _money("sales_expected", _("Predicted sales")),
        _count("orders_actual", _("Actual purchases")),
        _count("orders_expected", _("Predicted purchases")),
    ),
)
_GAIN = Table(
    "gain",
    (
        _share("part", _("Share of customers")),
        _share("by_model", _("By the model")),
        _share("by_past", _("By past spending")),
        _share("by_sales", _("Best possible")),
    ),
)
FIGURES = (
    Figure(
        "calibration",
        calibration_title,
        _CALIBRATION,
        calibration_rows,
        lambda report: _by_frequency(report["calibration"], gettext(" customers")),
        note=_("How many customers have returned how often, and how many the model expects."),
        term="calibration",
    ),
    Figure(
        "after",
        after_title,
        _AFTER,
        lambda report: report["after"],
        lambda report: _by_frequency(report["after"]),
        note=_(
            "Mean purchases of a customer, by how often they had returned before. Customers whose first purchase came "
            "later are left out."
        ),
        term="back-test",
    ),
    Figure(
        "tracking",
        tracking_title,
        _TRACKING,
        lambda report: list(reversed(_weeks(report))),
        _tracking,
        note=_(
            "Cumulative repeat purchases of customers known on the dotted day. The model was fitted to what is left of "
            "it; right of it the model predicts, and knows only when each customer first bought."
        ),
        term="tracking",
        wide=True,
    ),
    Figure(
        "reliability",
        reliability_title,
        _RELIABILITY,
        lambda report: report["reliability"],
        _reliability,
        note=_(
            "Ten groups of equal size by their probability of an order. On the dashed line, probabilities are exact."
        ),
        term="buying-reliability",
    ),
    Figure(
        "deciles",
        deciles_title,
        _DECILES,
        lambda report: report["deciles"],
        _deciles,
        note=_("Ten groups of equal size, by the predicted sales of each customer, highest first."),
        term="deciles",
    ),
    Figure(
        "gain",
        gain_title,
        _GAIN,
        _gains,
        _gain,
        note=_("How much of the sales of the 90 days came from the customers who were ranked first."),
        term="gain",
    ),
)
