"""The page of predictions in words: models, verdicts, what is missing, and the sentence over each chart."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenure.words import current_language
from tenure_app.web.formats import day, money, number, percent


def model_name(name: str) -> str:
    """Return a model or a plain guess by its name for people; papers' names stay as they are."""
    plain = {"rate-times-time": _("Average rate goes on"), "last-period": _("Last 90 days again")}
    if name in plain:
        return plain[name]
    family, _sign, k = name.rpartition("-")
    if k.isdigit():
        return _("%(name)s with regular gaps (k=%(k)s)") % {"name": _paper(family), "k": k}
    return _paper(name)


def _paper(name: str) -> str:
    known = {
        "nbd": "NBD", "bg-nbd": "BG/NBD", "mbg-nbd": "MBG/NBD", "pareto-nbd": "Pareto/NBD", "bg-cnbd": "BG/CNBD",
        "mbg-cnbd": "MBG/CNBD", "gamma-gamma": "Gamma-Gamma",
    }  # fmt: skip
    return known.get(name, name)


def verdict(told: dict[str, Any]) -> str:
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
    }.get(told["verdict"], "")


def why(choice: dict[str, Any]) -> str:
    """Return why this model was chosen."""
    return {
        "both": _("It explains the past best (smallest AIC), and no model foretold better in the back-tests."),
        "likelihood": _(
            "It explains the past best (smallest AIC); no other model erred clearly less in the back-tests."
        ),
        "backtest": _(
            "Another model explains the past better, but this one erred clearly less in every back-test: smaller error "
            "at each origin and by 2 % or more on average."
        ),
        "untested": _("It explains the past best (smallest AIC); the data are too young for a back-test."),
    }.get(choice.get("why", ""), "")


def against_guesses(choice: dict[str, Any], model: str) -> str:
    """Return how the model compares with the guesses that need no model."""
    rmse = {
        baseline["model"]: baseline["backtest"].get("rmse") for baseline in (*choice["models"], *choice["baselines"])
    }
    own = rmse.get(model)
    guesses = {
        baseline["model"]: rmse[baseline["model"]]
        for baseline in choice["baselines"]
        if rmse[baseline["model"]] is not None
    }
    if own is None or not guesses:
        return ""
    best = min(guesses, key=lambda one: guesses[one])
    data = {"guess": model_name(best), "share": percent(abs(own / guesses[best] - 1))}
    if own < guesses[best]:
        return (
            _("Its error for a single customer is %(share)s smaller than that of the best plain guess (%(guess)s).")
            % data
        )
    return _(
        "A plain guess (%(guess)s) erred less for a single customer, by %(share)s. Use the model for who and when; "
        "do not expect more precise counts from it here."
    ) % {**data, "share": percent(abs(guesses[best] / own - 1))}


def gate(one: dict[str, Any]) -> str:
    """Return what is missing, as a sentence with its numbers."""
    data = {"needed": number(one["needed"]), "found": number(one["found"])}
    many = int(one["needed"])
    sentences = {
        "buyers": ngettext(
            "It takes %(needed)s buyer; there are %(found)s.", "It takes %(needed)s buyers; there are %(found)s.", many
        ),
        "days": ngettext(
            "It takes %(needed)s day from the first purchase to the last; there are %(found)s.",
            "It takes %(needed)s days from the first purchase to the last; there are %(found)s.",
            many,
        ),
        "repeaters": ngettext(
            "It takes %(needed)s customer who came back; there are %(found)s.",
            "It takes %(needed)s customers who came back; there are %(found)s.",
            many,
        ),
    }
    return sentences.get(one["name"], one["name"]) % data


def title(told: dict[str, Any]) -> str:
    """Return the page's title: how far off predictions were."""
    model = next((one for one in told["choice"]["models"] if one["model"] == told["model"]), None)
    test = model["backtest"] if model else {}
    if test.get("off") is None:
        return _("Predictions are not tested yet: the data are too young")
    return ngettext(
        "Predictions of 90 days were off by %(off)s in total in %(origins)s test",
        "Predictions of 90 days were off by %(off)s in total, on average over %(origins)s tests",
        int(test["origins"]),
    ) % {"off": percent(test["off"]), "origins": number(test["origins"])}


def calibration(rows: list[dict[str, Any]]) -> str:
    """Return the sentence over the chart of frequencies."""
    total = sum(row["actual"] for row in rows)
    off = sum(abs(row["actual"] - row["expected"]) for row in rows) / 2 / total if total else 0
    return _("How often customers came back: the model puts %(off)s of them into a wrong column") % {
        "off": percent(off)
    }


def after(rows: list[dict[str, Any]], on: str) -> str:
    """Return the sentence over what came after an origin, by frequency."""
    actual = sum(row["customers"] * row["actual"] for row in rows)
    expected = sum(row["customers"] * row["expected"] for row in rows)
    data = {"day": day(on), "actual": number(round(actual)), "expected": number(round(expected))}
    return _("In the 90 days after %(day)s, %(actual)s purchases came and %(expected)s were foretold") % data


def tracking(told: dict[str, Any]) -> str:
    """Return the sentence over the weeks."""
    weeks = [row for row in told["weeks"] if row["after"]]
    actual, expected = (sum(row[name] for row in weeks) for name in ("actual", "expected"))
    data = {
        "day": day(told["day"]),
        "off": percent(abs(expected / actual - 1)) if actual else "–",
    }
    if expected >= actual:
        return _("Week by week since %(day)s: %(off)s more repeat purchases foretold than came") % data
    return _("Week by week since %(day)s: %(off)s fewer repeat purchases foretold than came") % data


def deciles(rows: list[dict[str, Any]]) -> str:
    """Return the sentence over the ten groups."""
    total = sum(row["sales_actual"] for row in rows)
    share = rows[0]["sales_actual"] / total if total else 0
    return _("The tenth ranked first brought %(share)s of all sales of the 90 days") % {"share": percent(share)}


def reliability(rows: list[dict[str, Any]]) -> str:
    """Return the sentence over chances that came true."""
    people = sum(row["customers"] for row in rows)
    off = sum(row["customers"] * abs(row["predicted"] - row["actual"]) for row in rows) / people if people else 0
    return _("Chances of buying within 90 days came true to within %(off)s on average") % {"off": points(off)}


def rounded(value: float, currency: str = "") -> str:
    """Return a total as precise as it deserves, four figures at most: 1,046,000; ¥104.6万 in Chinese."""
    digits = 4 - len(str(int(abs(value))))
    exact = round(value, digits) if digits < 0 else round(value)
    if not currency:
        return number(exact, 0)
    return money(exact, currency, brief=current_language() == "zh_Hans", places=0)


def points(share: float) -> str:
    """Return a difference of shares in percentage points."""
    return _("%(points)s percentage points") % {"points": number(share * 100, 1)}


def gain(rows: list[dict[str, Any]]) -> str:
    """Return the sentence over the gain curve."""
    fifth = next((row for row in rows if abs(row["share"] - 0.2) < 1e-9), None)
    if fifth is None:
        return _("How much of the sales the customers ranked first brought")
    data = {"share": percent(fifth["model"]), "past": percent(fifth["past"])}
    return _("The fifth ranked first brought %(share)s of sales; ranked by past spending, %(past)s") % data


def drift(value: float | None) -> tuple[str, str]:
    """Return how far inputs moved, as a level and in words."""
    if value is None:
        return "", "–"
    if value < 0.1:
        return "stable", _("as before")
    return ("shifted", _("somewhat different")) if value < 0.25 else ("changed", _("another population"))


def input_name(name: str) -> str:
    """Return an input of the models for people."""
    return {
        "frequency": _("repeat purchases"), "recency": _("time from first to last purchase"),
        "age": _("time since the first purchase"), "repeat_spend": _("spend of a repeat purchase"),
    }.get(name, name)  # fmt: skip
