"""Predictions in words: models, verdicts, what is missing, and the sentence above each chart."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.words import current_language
from tenure_app.web.formats import MISSING, day, money, number, percent

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


def model_name(name: str) -> str:
    """Return a model or a baseline by its name for people; papers' names stay as they are."""
    baselines = {"rate-times-time": _("Constant average rate"), "last-period": _("Last 90 days again")}
    family, _sign, k = name.rpartition("-")
    if k.isdigit():
        return _("%(name)s with regular gaps (k=%(k)s)") % {"name": PAPERS.get(family, family), "k": k}
    return baselines.get(name) or PAPERS.get(name, name)


def remark(model: dict[str, Any]) -> str:
    """Return what is particular about a model that was compared."""
    if model["baseline"]:
        return _("simple baseline")
    remarks = {"no-dropout": _("detects no customer leaving"), "not-identified": _("not identified")}
    return remarks.get(model.get("verdict") or "", "")


def verdict(report: dict[str, Any]) -> str:
    """Return what the data say about leaving."""
    return {
        "ok": _("The data show that some customers leave for good; the model knows when that is likely."),
        "no-dropout": _(
            "The data show no detectable dropout yet: customers buy more or less often, but none can be seen to leave "
            "for good. The model without leaving is used, so that everybody counts as still a customer."
        ),
        "not-identified": _(
            "The data cannot tell the model's parameters apart. Totals may be right, single customers hardly."
        ),
    }.get(report["verdict"], "")


def why(choice: dict[str, Any]) -> str:
    """Return why this model is used."""
    return {
        "both": _("It explains the past best (smallest AIC), and no model predicted better in the back-tests."),
        "likelihood": _(
            "It explains the past best (smallest AIC); no other model had a clearly smaller error in the back-tests."
        ),
        "backtest": _(
            "Another model explains the past better, but this one had a smaller error in every back-test, by 2 % or "
            "more on average."
        ),
        "untested": _("It explains the past best (smallest AIC); the data are too young for a back-test."),
    }.get(choice.get("why", ""), "")


def against_baselines(choice: dict[str, Any], model: str) -> str:
    """Return how the model compares with the baselines that need no model."""
    rmse = {item["model"]: item["backtest"].get("rmse") for item in (*choice["models"], *choice["baselines"])}
    own = rmse.get(model)
    baselines = {item["model"]: rmse[item["model"]] for item in choice["baselines"] if rmse[item["model"]] is not None}
    if own is None or not baselines:
        return ""
    best = min(baselines, key=lambda name: baselines[name])
    words = {"baseline": model_name(best)}
    if own < baselines[best]:
        return _(
            "Its error for a single customer is %(share)s smaller than that of the best simple baseline (%(baseline)s)."
        ) % {**words, "share": percent(1 - own / baselines[best])}
    return _(
        "A simple baseline (%(baseline)s) had a smaller error for a single customer, by %(share)s. Use the model for "
        "who and when; do not expect more precise counts from it here."
    ) % {**words, "share": percent(1 - baselines[best] / own)}


def gate(item: dict[str, Any]) -> str:
    """Return what is missing, as a sentence with its numbers."""
    count = int(item["needed"])
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
    words = {"needed": number(item["needed"]), "found": number(item["found"])}
    return sentences.get(item["name"], item["name"]) % words


def title(report: dict[str, Any]) -> str:
    """Return the page's title: how far off predictions were."""
    tests = {model["model"]: model["backtest"] for model in report["choice"]["models"]}
    test = tests.get(report["model"], {})
    if test.get("off") is None:
        return _("Predictions are not tested yet: the data are too young")
    return ngettext(
        "Predictions of 90 days were off by %(off)s in total in %(origins)s test",
        "Predictions of 90 days were off by %(off)s in total, on average over %(origins)s tests",
        int(test["origins"]),
    ) % {"off": percent(test["off"]), "origins": number(test["origins"])}


def basis(basis: dict[str, Any]) -> str:
    """Return in what the value of customers is counted."""
    return {
        "margin": _("margin, since the costs of at least half the sales are known"),
        "assumed": _("the share of sales that the settings assume as margin"),
        "sales": _("sales as they are, since no costs are known and no margin is assumed"),
    }.get(basis.get("kind", ""), "")


def frequency(row: dict[str, Any]) -> str:
    """Return how often, in words as short as a column is wide: 3, 12–25 or 7+."""
    low, high = row["frequency"], row["upto"]
    return f"{low}+" if high is None else f"{low}–{high}" if high > low else str(low)


def calibration(rows: list[dict[str, Any]]) -> str:
    """Return the sentence above the chart of frequencies."""
    total = sum(row["actual"] for row in rows)
    off = sum(abs(row["actual"] - row["expected"]) for row in rows) / 2 / total if total else 0
    words = {"off": percent(off)}
    return _("How often customers came back: the model puts %(off)s of them into a wrong column") % words


def after(rows: list[dict[str, Any]], on: str) -> str:
    """Return the sentence above the purchases after a snapshot, by frequency."""
    actual, expected = (sum(row["customers"] * row[name] for row in rows) for name in ("actual", "expected"))
    words = {"day": day(on), "actual": number(round(actual)), "expected": number(round(expected))}
    return _("%(actual)s purchases in the 90 days after %(day)s; %(expected)s were predicted") % words


def tracking(report: dict[str, Any]) -> str:
    """Return the sentence above the weeks."""
    weeks = [week for week in report["weeks"] if week["after"]]
    actual, expected = (sum(week[name] for week in weeks) for name in ("actual", "expected"))
    words = {"day": day(report["day"]), "off": percent(abs(expected / actual - 1)) if actual else MISSING}
    if expected >= actual:
        return _("Week by week since %(day)s: predicted repeat purchases are %(off)s too high") % words
    return _("Week by week since %(day)s: predicted repeat purchases are %(off)s too low") % words


def reliability(rows: list[dict[str, Any]]) -> str:
    """Return the sentence above predicted and actual shares."""
    people = sum(row["customers"] for row in rows)
    off = sum(row["customers"] * abs(row["predicted"] - row["actual"]) for row in rows) / people if people else 0
    points = _("%(points)s percentage points") % {"points": number(off * 100, 1)}
    return _("Probabilities of an order within 90 days were off by %(off)s on average") % {"off": points}


def deciles(rows: list[dict[str, Any]]) -> str:
    """Return the sentence above the ten groups."""
    total = sum(row["sales_actual"] for row in rows)
    share = rows[0]["sales_actual"] / total if total else 0
    return _("The tenth ranked first made %(share)s of all sales of the 90 days") % {"share": percent(share)}


def gain(rows: list[dict[str, Any]]) -> str:
    """Return the sentence above the gain curve."""
    fifth = next((row for row in rows if abs(row["share"] - 0.2) < 1e-9), None)
    if fifth is None:
        return _("Share of sales made by the customers ranked first")
    words = {"share": percent(fifth["model"]), "past": percent(fifth["past"])}
    return _("The fifth ranked first made %(share)s of sales; ranked by past spending, %(past)s") % words


def rounded(value: float, currency: str = "") -> str:
    """Return a total as precise as it deserves, four figures at most: 1,046,000; ¥104.6万 in Chinese."""
    digits = 4 - len(str(int(abs(value))))
    exact = round(value, digits) if digits < 0 else round(value)
    return money(exact, currency, brief=current_language() == "zh_Hans", places=0) if currency else number(exact, 0)


def drift(value: float | None) -> str:
    """Return how far inputs moved."""
    if value is None:
        return MISSING
    return _("as before") if value < 0.1 else _("somewhat different") if value < 0.25 else _("another population")


def input_name(name: str) -> str:
    """Return an input of the models for people."""
    return {
        "frequency": _("repeat purchases"),
        "recency": _("time from first to last purchase"),
        "age": _("time since the first purchase"),
        "repeat_spend": _("spend of a repeat purchase"),
    }.get(name, name)
