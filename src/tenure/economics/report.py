"""The economics of one model's stages, as one JSON report that pages, command line and decisions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from tenure.clock import day_of
from tenure.economics.allocation import Allocation, StageValues, allocate
from tenure.economics.episodes import CashFlows, Episodes
from tenure.economics.plans import Book, default_plans
from tenure.economics.source import Source, order_of
from tenure.economics.tiers import pace_on, thirds, windows
from tenure.economics.transitions import MONTH, matrix, time_in_stage, transitions
from tenure.economics.value import BANDS, DURATIONS, count, estimate, forward, profit_by_stage, weights
from tenure.errors import ModelError
from tenure.features.windows import HORIZON
from tenure.lifecycle.model import Model
from tenure.scorecard.model import Options
from tenure.words import mark

#: A back-test needs at least so many days before its snapshot.
_BEFORE = 90
#: Models that claim that profit rises along their ladder, by the place of their source in the checklist.
CLAIMS = ("M12",)


@dataclass(frozen=True, slots=True, eq=False)
class ModelEconomics:
    report: dict[str, Any]  # of one model, for pages and the command line: JSON
    values: StageValues  # what decisions are made from
    book: Book  # the plans that were considered, entered or assumed
    allocation: Allocation  # which customers get which plan

    def with_book(self, book: Book) -> ModelEconomics:
        """Return the same economics under other plans or another budget; nothing is estimated anew."""
        allocation = allocate(self.values, self.values.usable(book.plans), book.budget)
        return replace(self, report=self.report | _planned(book, allocation), book=book, allocation=allocation)


def _planned(book: Book, allocation: Allocation) -> dict[str, Any]:
    return {"plans": [plan.to_json() for plan in book.plans], "budget": book.budget, "choice": allocation.to_json()}


def check_subject(model: Model | None) -> None:
    """Refuse a model of products: what a stage brings is counted of customers."""
    if model is not None and model.subject != "customer":
        text = mark("The model %(model)s is about products. Economics need a model of customers.")
        raise ModelError(text, model=model.id)


def analyse(
    source: Source, model: str, definition: Model | None, options: Options, book: Book | None = None
) -> ModelEconomics:
    """Estimate the economics of a model's stages, and allocate plans: those of a book, or the model's own."""
    episodes, flows = source.episodes(model, order_of(definition)), source.cash_flows(options.margin)
    counts = count(episodes, flows, windows(episodes, flows, source.tiers, source.tier), source.tiers.names)
    drawn = weights(counts.risk.shape[0], seed=options.seed)
    outlook = forward(counts, options.horizon_days, options.discount, drawn)
    profits = profit_by_stage(episodes, flows, drawn)
    moves, worth = transitions(episodes), outlook.move_values()
    values = StageValues.of(outlook, _people(source, model, episodes))
    if book is None:
        orders = flows.sales[flows.sales > 0]
        plans = default_plans(
            definition,
            {(move["source"], move["target"]): move["value"] for move in worth},
            {(move.source, move.target): move.moves for move in moves},
            float(orders.mean()) if len(orders) else 0.0,
            {row["stage"]: (row["month_invested"] or 0.0) * options.horizon_days / MONTH for row in profits},
        )
        book = Book(tuple(plans))
    allocation = allocate(values, values.usable(book.plans), book.budget)
    stages = zip(profits, outlook.stage_values(), time_in_stage(episodes), strict=True)
    report = {
        "model": model,
        "version": definition.version if definition else "",
        "as_of": source.day.isoformat(),
        "horizon_days": options.horizon_days,
        "discount": options.discount,
        "basis": flows.basis,
        "margin": options.margin,
        "costs_known": flows.invested_known,
        "customers": source.customers,
        "read": episodes.people,
        "tiers": source.tiers.to_json(),
        # The bootstrap's draws are for the checks only.
        "stages": [
            {key: figure for key, figure in (profit | value | time).items() if key != "draws"}
            for profit, value, time in stages
        ],
        "matrix": matrix(episodes),
        "moves": [asdict(move) for move in moves],
        "move_values": worth,
        "checks": checks_of(definition, profits),
        "backtest": backtest(episodes, flows, options.discount),
        **_planned(book, allocation),
        "bands": list(BANDS),
        "values": values.to_json(),
    }
    return ModelEconomics(report, values, book, allocation)


def _people(source: Source, model: str, episodes: Episodes) -> np.ndarray:
    """Count all customers, shape (tiers, stages, durations)."""
    people = np.zeros((len(source.tiers.names), len(episodes.stages), DURATIONS), dtype=np.int64)
    for stage, weeks, tier, number in source.stage_counts(model):
        if stage in episodes.stages:
            people[tier, episodes.stages.index(stage), min(weeks, DURATIONS - 1)] += number
    return people


def backtest(episodes: Episodes, flows: CashFlows, discount: float, days: int = HORIZON) -> dict[str, Any] | None:
    """Compare what stages were worth, as predicted some days ago, with what came of them.

    Tiers are thirds by the spend known then, also where the scorecard has tiers: those are of today.
    """
    snapshot = episodes.day - days
    then, known = episodes.until(snapshot), flows.until(snapshot)
    if not len(then) or int(then.entered.min()) > snapshot - _BEFORE:
        return None
    tiers = thirds(pace_on(known, then.first_day, snapshot))
    counts = count(then, known, windows(then, known, tiers, tiers.of), tiers.names)
    predicted = forward(counts, days, discount, np.ones((1, counts.risk.shape[0]))).current_all[0]
    stage_of = np.full(episodes.people, -1)
    stage_of[then.who[~then.ended]] = then.stage[~then.ended]
    later = flows.day > snapshot
    stage = stage_of[flows.who[later]]
    worth = flows.profit[later] * np.exp(-discount * (flows.day[later] - snapshot) / 365)
    size = len(episodes.stages)
    paid = np.bincount(stage[stage >= 0], worth[stage >= 0], size)
    people = np.bincount(stage_of[stage_of >= 0], minlength=size)
    rows = []
    for n in np.flatnonzero(people):
        figures = {"predicted": float(predicted[n]), "actual": float(paid[n] / people[n])}
        rows.append({"stage": episodes.stages[n], "people": int(people[n]), **figures})
    return {"days": days, "origin": day_of(snapshot).isoformat(), "stages": rows}


def checks_of(model: Model | None, profits: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compare monthly profits with what the model claims.

    These are claims of the relationship model's source; where facts say otherwise, the rules or the claim are wrong
    for this shop, and both numbers are shown. The source once says that profit rises "until degeneration" (G05) and
    elsewhere that degeneration turns it back: it is read as rising up to stability only.
    """
    if model is None or model.checklist not in CLAIMS:
        return []
    by_stage = {profit["stage"]: profit for profit in profits}
    ladder = [stage for stage in model.ladder if stage in by_stage]
    fallen, over = (
        [stage.id for stage in model.stages if stage.family == family and stage.id in by_stage]
        for family in ("F8", "F11")
    )
    checks = [_rises("T10", by_stage[low], by_stage[high]) for low, high in pairwise(ladder)]
    if len(ladder) > 1:  # from the second stage on, customers bring more than they cost
        nothing = {"stage": "", "month_profit": 0.0, "draws": 0.0}
        checks.append(_rises("N35", nothing, by_stage[ladder[1]]))
    if ladder:
        checks += [_rises("N36", by_stage[stage], by_stage[ladder[-1]]) for stage in fallen]
    return checks + [_no_income(by_stage[stage]) for stage in over]


def _rises(check: str, lower: Mapping[str, Any], higher: Mapping[str, Any]) -> dict[str, Any]:
    """Judge whether one stage brings more profit than another; the first of the draws is the estimate."""
    sides = {"lower": lower, "higher": higher}
    claim = {"check": check, **{side: row["stage"] for side, row in sides.items()}}
    claim |= {f"{side}_profit": row["month_profit"] for side, row in sides.items()}
    if lower["month_profit"] is None or higher["month_profit"] is None:
        return claim | {"difference": None, "low": None, "high": None, "verdict": "cannot-judge"}
    difference, low, high = estimate(np.asarray(higher["draws"]) - np.asarray(lower["draws"]))
    holds = difference > 0
    sure = low > 0 if holds else high < 0
    verdict = ("" if sure else "rather-") + ("holds" if holds else "violated")
    return claim | {"difference": difference, "low": low, "high": high, "verdict": verdict}


def _no_income(stage: Mapping[str, Any]) -> dict[str, Any]:
    """Judge whether a life that is over brings no revenue any more (small costs are allowed)."""
    sales = stage["month_sales"]
    return {
        "check": "M12.5",
        "lower": stage["stage"],
        "higher": "",
        "lower_profit": sales,
        "higher_profit": 0.0,
        "difference": None if sales is None else -sales,
        "low": None,
        "high": None,
        "verdict": "cannot-judge" if sales is None else ("holds" if sales <= 0 else "violated"),
    }
