"""The tables and the words of the page of predictions."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure_app.web.formats import MISSING, change, number
from tenure_app.web.tables import CARDS, Column, Table, numeric, under

Row = dict[str, Any]
#: Models by the names of their papers.
PAPERS = {
    "nbd": "NBD",
    "bg-nbd": "BG/NBD",
    "mbg-nbd": "MBG/NBD",
    "pareto-nbd": "Pareto/NBD",
    "bg-cnbd": "BG/CNBD",
    "mbg-cnbd": "MBG/CNBD",
    "gamma-gamma": "Gamma-Gamma",
}
#: What the data say about leaving.
VERDICTS = {
    "ok": _("The data show that some customers leave for good; the model knows when that is likely."),
    "no-dropout": _(
        "The data show no detectable dropout yet: customers buy more or less often, but none can be seen to leave "
        "for good. The model without leaving is used, so that everybody counts as still a customer."
    ),
    "not-identified": _(
        "The data cannot tell the model's parameters apart. Totals may be right, single customers hardly."
    ),
}
#: Why a model is used.
REASONS = {
    "both": _("It explains the past best (smallest AIC), and no model predicted better in the back-tests."),
    "likelihood": _(
        "It explains the past best (smallest AIC); no other model had a clearly smaller error in the back-tests."
    ),
    "backtest": _(
        "Another model explains the past better, but this one had a smaller error in every back-test, by 2 % or "
        "more on average."
    ),
    "untested": _("It explains the past best (smallest AIC); the data are too young for a back-test."),
}
#: In what the value of customers is counted.
BASES = {
    "margin": _("margin, since the costs of at least half the sales are known"),
    "assumed": _("the share of sales that the settings assume as margin"),
    "sales": _("sales as they are, since no costs are known and no margin is assumed"),
}


def model_name(name: str) -> str:
    """Return a model or a baseline by its name for people; papers' names stay as they are."""
    baselines = {"rate-times-time": gettext("Constant average rate"), "last-period": gettext("Last 90 days again")}
    family, _sign, k = name.rpartition("-")
    if k.isdigit():
        return gettext("%(name)s with regular gaps (k=%(k)s)") % {"name": PAPERS.get(family, family), "k": k}
    return baselines.get(name) or PAPERS.get(name, name)


#: How far a model is off for single customers, and how well it ranks them.
_ERRORS = (
    numeric("mae", _("Mean error"), places=3),
    numeric("rmse", _("Root mean squared error"), places=3),
    numeric("corr", _("Correlation"), places=3),
    numeric("auc", "AUC", places=3),
    numeric("gini", "Gini", places=3),
)
#: The tests of the model that is used.
USED_TESTS = Table(
    "tests",
    (
        Column("day", _("90 days from"), "day"),
        numeric("actual", _("Actual"), places=0),
        numeric("expected", _("Predicted"), places=0),
        Column("bias", _("Bias"), "percent", html=lambda row: change(row["bias"])),
    ),
    caption=_("Tests of the model that is used"),
    classes="table-sm cards",
)
#: Every test of every model, as a file.
TESTS = Table(
    "models",
    (
        Column("model", value=lambda row: model_name(row["model"])),
        Column("day", _("Test from"), "day"),
        numeric("customers", _("Customers")),
        numeric("actual", _("Actual")),
        numeric("expected", _("Predicted")),
        Column("bias", _("Bias"), "percent"),
        *_ERRORS,
    ),
)
TOTALS = Table(
    "totals",
    (
        Column("until", _("Up to"), "day", classes="text-nowrap"),
        Column("measure", _("Measure")),
        numeric("expected", _("Expected"), html=lambda row: format_html("<strong>{}</strong>", row["expected"])),
        numeric("chance", _("95 %, sampling error"), html=lambda row: f"{row['low']}–{row['high']}"),
        numeric("error", _("95 %, with error"), html=lambda row: f"{row['wide_low']}–{row['wide_high']}"),
    ),
    classes=CARDS,
)


def _model(row: Row) -> str:
    """Return a model's name, whether it is used, and what is particular about it."""
    name = model_name(row["model"])
    if row["used"]:
        name = format_html('<strong>{}</strong> <span class="badge">{}</span>', name, gettext("used"))
    remarks = {"no-dropout": gettext("detects no customer leaving"), "not-identified": gettext("not identified")}
    remark = gettext("simple baseline") if row["baseline"] else remarks.get(row.get("verdict") or "", "")
    return under(name, remark) if remark else format_html("<span>{}</span>", name)


MODELS = Table(
    "compared",
    (
        Column("model", html=_model),
        numeric("aic", "AIC", value=lambda row: row.get("aic"), places=0),
        Column("bias", _("Bias"), "percent", html=lambda row: change(row.get("bias"))),
        *_ERRORS,
    ),
    classes=CARDS,
    is_current=lambda row: row["used"],
)


def _drift(fit: Row) -> str:
    drift, name = fit["drift"], fit["input"]
    if drift is None:
        return MISSING
    name = {
        "frequency": gettext("repeat purchases"),
        "recency": gettext("time from first to last purchase"),
        "age": gettext("time since the first purchase"),
        "repeat_spend": gettext("spend of a repeat purchase"),
    }.get(name, name)
    words = gettext("as before") if drift < 0.1 else gettext("somewhat different")
    words = gettext("another population") if drift >= 0.25 else words
    return under(words, f"{name}, PSI {number(drift, 3)}")


#: The last fits, and how far their inputs and their calibration moved.
FITS = Table(
    "fits",
    (
        Column("fitted_at", _("Fitted"), "instant"),
        Column("as_of"),
        Column("model", value=lambda fit: model_name(fit["model"]) if fit["model"] else ""),
        numeric("customers", _("Buyers")),
        Column("bias", _("Bias"), "percent", html=lambda fit: change(fit["bias"])),
        Column("drift", _("Inputs compared with the previous fit"), html=_drift),
    ),
    classes="table-sm cards",
)
