"""Everything about the economics of one model's stages, as one JSON body.

It is worked out once, here, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tenure.clock import day_of
from tenure.economics.checks import checks_of
from tenure.economics.decision import Choice, Values, choose
from tenure.economics.moves import move_values, stage_values
from tenure.economics.plans import GONE, Book, Plan, default_plans
from tenure.economics.reading import Source, order_of
from tenure.economics.stays import Money, Stays
from tenure.economics.tiers import pace_then, thirds, windows
from tenure.economics.time_in_stage import time_in_stage
from tenure.economics.transitions import MONTH, Move, matrix, moves_of
from tenure.economics.value import forward, profit_by_stage, weights
from tenure.economics.weekly import BANDS, DURATIONS, count
from tenure.features.windows import HORIZON
from tenure.lifecycle.model import Model
from tenure.scorecard.model import Options

#: A back-test needs at least so many days before its origin.
_BEFORE = 90


@dataclass(frozen=True, slots=True, eq=False)
class Worked:
    """The economics of one model, worked out."""

    body: dict[str, Any]  # for pages and the command line; JSON, see :func:`work_out`
    values: Values  # what decisions are made from
    book: Book  # the plans that were reckoned with, entered or assumed
    choice: Choice  # what to do with everybody under those plans


def work_out(
    source: Source,
    model: str,
    definition: Model | None,
    money: Money,
    options: Options,
    book: Book | None = None,
) -> Worked:
    """Work out the economics of a model's stages."""
    stays = source.stays(model, order_of(definition))
    counts = count(stays, money, windows(stays, money, source.tiers, source.tier), source.tiers.names)
    taken = weights(counts.risk.shape[0], seed=options.seed)
    found = forward(counts, options.horizon_days, options.discount, taken)
    profits = profit_by_stage(stays, money, taken)
    moves, worth = moves_of(stays), move_values(found)
    values = Values.of(found, _people(source, model, stays))
    if book is None:
        book = Book(tuple(_defaults(definition, worth, moves, money, profits, options.horizon_days)))
    choice = choose(values, [plan for plan in book.plans if _possible(plan, values)], book.budget)
    body = {
        "model": model,
        "version": definition.version if definition else "",
        "as_of": source.day.isoformat(),
        "horizon_days": options.horizon_days,
        "discount": options.discount,
        "basis": money.basis,
        "margin": options.margin,
        "costs_known": money.invested_known,
        "customers": source.everybody,
        "read": stays.people,
        "tiers": source.tiers.told(),
        "stages": _stages(profits, stage_values(found), time_in_stage(stays)),
        "matrix": _dated(matrix(stays)),
        "moves": [asdict(move) for move in moves],
        "move_values": worth,
        "checks": checks_of(definition, profits),
        "backtest": backtest(stays, money, options.discount),
        "plans": [plan.told() for plan in book.plans],
        "budget": book.budget,
        "choice": choice.told(),
        "bands": list(BANDS),
        "values": values.told(),
    }
    return Worked(body, values, book, choice)


def choose_again(worked: Worked, book: Book) -> Worked:
    """Return the same economics under other plans or another budget; nothing is estimated anew."""
    choice = choose(worked.values, [plan for plan in book.plans if _possible(plan, worked.values)], book.budget)
    told = {"plans": [plan.told() for plan in book.plans], "budget": book.budget, "choice": choice.told()}
    return Worked({**worked.body, **told}, worked.values, book, choice)


def _people(source: Source, model: str, stays: Stays) -> np.ndarray:
    """Return how many stand in each tier, stage and week, shape (tiers, stages, durations), of everybody."""
    people = np.zeros((len(source.tiers.names), len(stays.stages), DURATIONS), dtype=np.int64)
    place = {name: n for n, name in enumerate(stays.stages)}
    for tier, stage, weeks, number in source.standing_counts(model):
        if stage in place:
            people[tier, place[stage], min(weeks, DURATIONS - 1)] += number
    return people


def _defaults(
    definition: Model | None,
    worth: Sequence[dict[str, Any]],
    moves: Sequence[Move],
    money: Money,
    profits: Sequence[dict[str, Any]],
    horizon: int,
) -> list[Plan]:
    sold = money.sales[money.sales > 0]
    return default_plans(
        definition,
        {(one["source"], one["target"]): one["value"] for one in worth},
        {(move.source, move.target): move.moves for move in moves},
        float(sold.mean()) if len(sold) else 0.0,
        {profit["stage"]: (profit["month_invested"] or 0.0) * horizon / MONTH for profit in profits},
    )


def _possible(plan: Plan, values: Values) -> bool:
    """Whether both of a plan's stages are there: a model may have lost a stage since the plan was entered."""
    return plan.stage in values.stages and plan.target in (*values.stages, GONE)


def _stages(*parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    joined = [{key: value for part in row for key, value in part.items()} for row in zip(*parts, strict=True)]
    return [{key: value for key, value in one.items() if key != "draws"} for one in joined]


def _dated(told: dict[str, Any]) -> dict[str, Any]:
    return {**told, **{key: day_of(told[key]).isoformat() for key in ("since", "until")}}


def backtest(stays: Stays, money: Money, discount: float, days: int = HORIZON) -> dict[str, Any] | None:
    """Compare what stages were worth, as somebody would have said some days ago, with what came of them.

    Tiers are thirds by the spend known then, also where the scorecard has tiers: those are of today.
    """
    origin = stays.day - days
    then, known = stays.until(origin), money.until(origin)
    if not len(then) or int(then.entered.min()) > origin - _BEFORE:
        return None
    tiers = thirds(pace_then(then, known))
    counts = count(then, known, windows(then, known, tiers, tiers.of), tiers.names)
    found = forward(counts, days, discount, np.ones((1, counts.risk.shape[0])))
    where = np.full(stays.people, -1)
    here = ~then.ended
    where[then.who[here]] = then.stage[here]
    later = money.day > origin
    age = (money.day[later] - origin) / 365
    stage = where[money.who[later]]
    size = len(stays.stages)
    paid = np.bincount(stage[stage >= 0], (money.profit[later] * np.exp(-discount * age))[stage >= 0], size)
    people = np.bincount(where[where >= 0], minlength=size)
    rows = [
        {"stage": name, "people": int(people[n]), "predicted": float(found.standing_all[0, n]),
         "actual": float(paid[n] / people[n])}
        for n, name in enumerate(stays.stages) if people[n]
    ]  # fmt: skip
    return {"days": days, "origin": day_of(origin).isoformat(), "stages": rows}
