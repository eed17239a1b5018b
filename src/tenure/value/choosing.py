"""Choosing a model of purchases: by likelihood and by back-test, both shown.

The rule is written in :func:`choose` and told to the reader with every choice; there is no hidden one. Where a shop
is large, models are *compared* on a sample of its buyers and the chosen one is fitted on all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenure.value.backtest import averaged, baselines, judged, predicted
from tenure.value.gates import can_test
from tenure.value.spending import expected_spend, fit_spend

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tenure.stats.cells import Cells
    from tenure.stats.fitted import Fitted
    from tenure.value.buyers import Buyers

#: Buyers on whom models are compared.
SAMPLE = 30_000
#: Models that are always tried; the families with regular gaps are climbed, k = 2, 3 …, while they gain.
ALWAYS = ("nbd", "bg-nbd", "mbg-nbd", "pareto-nbd")
FAMILIES = {"bg-cnbd": "bg-nbd", "mbg-cnbd": "mbg-nbd"}
REGULAR = range(2, 7)
#: By how much a model must err less, at every origin, to be taken against the likelihood.
CLEARLY = 0.02


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The outcome of a comparison."""

    model: str  # which one is used
    # ``both`` (likelihood and back-test agree), ``likelihood`` (no other is clearly better at every origin),
    # ``backtest`` (another one is), or ``untested`` (no origin could be tested)
    why: str
    verdict: str  # ``ok``, or ``no-dropout`` when no model that knows leaving finds any
    likeliest: str  # the model with the smallest AIC


def fit_all(cells: Cells) -> list[Fitted]:
    """Return all models worth looking at, fitted to buyers."""
    from tenure.stats import purchases

    found = [purchases.fit(name, cells) for name in ALWAYS]
    for family, plain in FAMILIES.items():
        before = next(one for one in found if one.name == plain)
        for k in REGULAR:
            one = purchases.fit(f"{family}-{k}", cells)
            found.append(one)
            if not one.log_likelihood > before.log_likelihood:
                break
            before = one
    return found


def fit_these(names: Iterable[str], cells: Cells) -> list[Fitted]:
    """Return the named models, fitted to buyers."""
    from tenure.stats import purchases

    return [purchases.fit(name, cells) for name in names]


def tested(
    names: Iterable[str], origins: Mapping[int, Buyers]
) -> tuple[list[dict[str, Any]], dict[int, dict[str, Fitted]]]:
    """Return the figures of every model and baseline at every origin that has enough buyers, and the models there."""
    rows: list[dict[str, Any]] = []
    found: dict[int, dict[str, Fitted]] = {}
    wanted = list(names)
    for number, then in origins.items():
        if not can_test(then):
            continue
        spend = expected_spend(fit_spend(then), then)
        found[number] = {one.name: one for one in fit_these(wanted, then.cells)}
        said = [predicted(one, then, spend) for one in found[number].values()]
        rows += [{"origin": number, **judged(one, then)} for one in [*said, *baselines(then)]]
    return rows, found


def choose(fits: list[Fitted], rows: list[dict[str, Any]]) -> ModelChoice:
    """Return which model is used, and why.

    The model with the smallest AIC wins (where it finds no dropout, the AIC of its fallback), unless another one errs
    clearly less (root mean squared error of a customer's next 90 days smaller at every origin, and by 2 % on average):
    then the one that errs least. Squared error is used because its smallest value belongs to the true mean; absolute
    error would favour saying "nothing" of people who seldom buy.
    """
    fit = [one for one in fits if one.verdict != "not-identified"] or fits
    best = min(fit, key=lambda one: one.used.aic)
    verdict = _verdict(fits, best)
    errors = {name: means["rmse"] for name, means in averaged(rows).items()}
    if best.name not in errors:
        return ModelChoice(best.name, "untested", verdict, best.name)
    better = [one for one in fit if one is not best and _clearly_better(one.name, best.name, rows, errors)]
    if better:
        taken = min(better, key=lambda one: errors[one.name])
        return ModelChoice(taken.name, "backtest", _verdict(fits, taken), best.name)
    least = min(fit, key=lambda one: errors[one.name])
    return ModelChoice(best.name, "both" if least is best else "likelihood", verdict, best.name)


def _verdict(fits: list[Fitted], chosen: Fitted) -> str:
    """Return the verdict of the chosen model; of NBD, which knows no leaving, what the models say that know it."""
    if chosen.name != "nbd":
        return chosen.verdict
    knowing = [fit.verdict for fit in fits if fit.name in ALWAYS and fit is not chosen]
    return "no-dropout" if knowing and "ok" not in knowing else chosen.verdict


def _clearly_better(name: str, than: str, rows: list[dict[str, Any]], errors: Mapping[str, float]) -> bool:
    own = {row["origin"]: row["rmse"] for row in rows if row["model"] == name}
    others = {row["origin"]: row["rmse"] for row in rows if row["model"] == than}
    return all(own[k] < others[k] for k in others) and errors[name] < (1 - CLEARLY) * errors[than]


def compared(fits: list[Fitted], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one line a model, likeliest first: parameters, likelihood and its mean figures over the origins.

    Where nobody leaves, AIC and BIC are those of the model without dropout that answers in its place (``used``).
    """
    means = averaged(rows)
    return [
        {
            "model": fit.name,
            "params": {name: float(value) for name, value in fit.params.items()},
            "log_likelihood": float(fit.log_likelihood),
            "aic": float(fit.used.aic),
            "bic": float(fit.used.bic),
            "used": fit.used.name,
            "verdict": fit.verdict,
            "customers": float(fit.customers),
            "backtest": means.get(fit.name, {}),
        }
        for fit in sorted(fits, key=lambda one: one.used.aic)
    ]
