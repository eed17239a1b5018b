"""The tables of the page of predictions."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure_app.predictions import titles
from tenure_app.web import formats
from tenure_app.web.tables import Column, Table

Row = dict[str, Any]
_BIAS = Column("bias", _("Bias"), "percent", html=lambda row: formats.change(row["bias"]))

#: The tests of the model that is used.
USED_TESTS = Table(
    "tests",
    (
        Column("day", _("90 days from"), "day"),
        Column("actual", _("Actual"), "number", places=0),
        Column("expected", _("Predicted"), "number", places=0),
        _BIAS,
    ),
    caption=_("Tests of the model that is used"),
    classes="table-sm cards",
)
#: Every test of every model, as a file.
TESTS = Table(
    "models",
    (
        Column("model", value=lambda row: titles.model_name(row["model"])),
        Column("day", _("Test from"), "day"),
        Column("customers", _("Customers"), "number"),
        Column("actual", _("Actual"), "number"),
        Column("expected", _("Predicted"), "number"),
        *(Column(name, name, "number") for name in ("bias", "mae", "rmse", "corr", "auc", "gini")),
    ),
)
TOTALS = Table(
    "totals",
    (
        Column("until", _("Up to"), "day", classes="text-nowrap"),
        Column("measure", _("Measure")),
        Column(
            "expected", _("Expected"), "number", html=lambda row: format_html("<strong>{}</strong>", row["expected"])
        ),
        Column("chance", _("95 %, sampling error"), "number", html=lambda row: f"{row['low']}–{row['high']}"),
        Column("error", _("95 %, with error"), "number", html=lambda row: f"{row['wide_low']}–{row['wide_high']}"),
    ),
    classes="table-sm table-vcenter cards",
)


def _model(row: Row) -> str:
    """Return a model's name, whether it is used, and what is particular about it."""
    badge = format_html(' <span class="badge">{}</span>', gettext("used")) if row["used"] else ""
    name = format_html("<strong>{}</strong>{}" if row["used"] else "{}{}", titles.model_name(row["model"]), badge)
    remark = titles.remark(row)
    under = format_html('<span class="under">{}</span>', remark) if remark else ""
    return format_html("<span>{}{}</span>", name, under)


MODELS = Table(
    "compared",
    (
        Column("model", html=_model),
        Column("aic", "AIC", "number", value=lambda row: row.get("aic"), places=0),
        Column("bias", _("Bias"), "percent", html=lambda row: formats.change(row.get("bias"))),
        Column("mae", _("Mean error"), "number", places=3),
        Column("rmse", _("Root mean squared error"), "number", places=3),
        Column("corr", _("Correlation"), "number", places=3),
        Column("auc", "AUC", "number", places=3),
        Column("gini", "Gini", "number", places=3),
    ),
    classes="table-sm table-vcenter cards",
    is_current=lambda row: row["used"],
)


def _drift(fit: Any) -> str:
    words = titles.drift(fit.drift)
    if fit.drift is None:
        return words
    under = f"{titles.input_name(fit.input)}, PSI {formats.number(fit.drift, 3)}"
    return format_html('<span>{}<span class="under">{}</span></span>', words, under)


#: The last fits, and how far their inputs and their calibration moved.
FITS = Table(
    "fits",
    (
        Column("fitted_at", _("Fitted"), "instant"),
        Column("as_of"),
        Column("model", value=lambda fit: titles.model_name(fit.model) if fit.model else ""),
        Column("customers", _("Buyers"), "number"),
        Column("bias", _("Bias"), "percent", html=lambda fit: formats.change(fit.bias)),
        Column("drift", _("Inputs compared with the previous fit"), html=_drift),
    ),
    classes="table-sm cards",
)

# Tables below the charts. Their files hold rounded counts: parts of a person or an order mislead.

_GROUP = Column("group", _("Purchases after the first"), value=titles.frequency)


def _count(name: str, label: Any, **more: Any) -> Column:
    return Column(name, label, "number", value=lambda row: round(row[name]), **more)


def _decimal(name: str, label: Any) -> Column:
    return Column(name, label, "number", value=lambda row: round(row[name], 6), places=2)


def _share(name: str, label: Any) -> Column:
    return Column(name, label, "percent", value=lambda row: round(row[name], 6))


def _money(name: str, label: Any) -> Column:
    return Column(name, label, "money", value=lambda row: round(row[name], 2), brief=True)


CALIBRATION = Table(
    "calibration",
    (_GROUP, _count("actual", _("Customers"), url=lambda row: row["url"]), _count("expected", _("Predicted"))),
    classes="table-sm",
)
AFTER = Table(
    "after",
    (
        _GROUP,
        _count("customers", _("Customers then")),
        _decimal("actual", _("Actual mean")),
        _decimal("expected", _("Predicted mean")),
    ),
    classes="table-sm",
)
TRACKING = Table(
    "tracking",
    (
        Column("week", _("Week up to"), value=lambda row: formats.day(row["day"])),
        _count("actual", _("Actual")),
        _count("expected", _("Predicted")),
        _count("actual_sum", _("Actual, cumulative")),
        _count("expected_sum", _("Predicted, cumulative")),
    ),
    classes="table-sm",
)
RELIABILITY = Table(
    "reliability",
    (
        _share("low", _("Probability from")),
        _share("high", _("up to")),
        _count("customers", _("Customers, all tests")),
        _share("predicted", _("Predicted")),
        _share("actual", _("Actual")),
    ),
    classes="table-sm",
)
DECILES = Table(
    "deciles",
    (
        Column("decile", _("Tenth")),
        _count("customers", _("Customers")),
        _money("sales_actual", _("Actual sales")),
        _money("sales_expected", _("Predicted sales")),
        _count("orders_actual", _("Actual purchases")),
        _count("orders_expected", _("Predicted purchases")),
    ),
    classes="table-sm",
)
GAIN = Table(
    "gain",
    (
        _share("part", _("Share of customers")),
        _share("by_model", _("By the model")),
        _share("by_past", _("By past spending")),
        _share("by_sales", _("Best possible")),
    ),
    classes="table-sm",
)
