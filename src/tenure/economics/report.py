"""The economics of one model's stages, as one JSON report that pages, command line and decisions share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tenure.clock import day_of
from tenure.economics.allocation import Allocation, StageValues, allocate
from tenure.economics.checks import checks_of
from tenure.economics.episodes import CashFlows, Episodes
from tenure.economics.plans import Book, default_plans
from tenure.economics.source import Source, order_of
from tenure.economics.tiers import pace_on, thirds, windows
from tenure.economics.time_in_stage import time_in_stage
from tenure.economics.transitions import MONTH, matrix, transitions
from tenure.economics.value import forward, profit_by_stage, weights
from tenure.economics.weekly import BANDS, DURATIONS, count
from tenure.features.windows import HORIZON
from tenure.lifecycle.model import Model
from tenure.scorecard.model import Options

#: A back-test needs at least so many days before its snapshot.
_BEFORE = 90


@dataclass(frozen=True, slots=True, eq=False)
class ModelEconomics:
    """The economics of one model."""

    report: dict[str, Any]  # for pages and the command line: JSON
    values: StageValues  # what decisions are made from
    book: Book  # the plans that were considered, entered or assumed
    allocation: Allocation  # which customers get which plan

    def with_book(self, book: Book) -> ModelEconomics:
        """Return the same economics under other plans or another budget; nothing is estimated anew."""
        allocation = allocate(self.values, self.values.usable(book.plans), book.budget)
        return replace(self, report=self.report | _planned(book, allocation), book=book, allocation=allocation)


def _planned(book: Book, allocation: Allocation) -> dict[str, Any]:
    return {"plans": [plan.to_json() for plan in book.plans], "budget": book.budget, "choice": allocation.to_json()}


def analyse(
    source: Source, model: str, definition: Model | None, flows: CashFlows, options: Options, book: Book | None = None
) -> ModelEconomics:
    """Estimate the economics of a model's stages, and allocate plans: those of a book, or the model's own."""
    episodes = source.episodes(model, order_of(definition))
    counts = count(episodes, flows, windows(episodes, flows, source.tiers, source.tier), source.tiers.names)
    drawn = weights(counts.risk.shape[0], seed=options.seed)
    estimate = forward(counts, options.horizon_days, options.discount, drawn)
    profits = profit_by_stage(episodes, flows, drawn)
    moves, worth = transitions(episodes), estimate.move_values()
    values = StageValues.of(estimate, _people(source, model, episodes))
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
    stages = zip(profits, estimate.stage_values(), time_in_stage(episodes), strict=True)
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
    """Return how many of all customers are in each tier, stage and week, shape (tiers, stages, durations)."""
    people = np.zeros((len(source.tiers.names), len(episodes.stages), DURATIONS), dtype=np.int64)
    position = {name: n for n, name in enumerate(episodes.stages)}
    for tier, stage, weeks, number in source.stage_counts(model):
        if stage in position:
            people[tier, position[stage], min(weeks, DURATIONS - 1)] += number
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
    rows = [
        {
            "stage": name,
            "people": int(people[n]),
            "predicted": float(predicted[n]),
            "actual": float(paid[n] / people[n]),
        }
        for n, name in enumerate(episodes.stages)
        if people[n]
    ]
    return {"days": days, "origin": day_of(snapshot).isoformat(), "stages": rows}
