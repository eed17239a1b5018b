"""Reinvest or withdraw: which plan for which customers, under a budget and capacities.

Customers who stand in the same stage and tier for as long are worth the same to the model, so they are decided
together: a small integer program, solved exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tenure.economics.plans import GONE, MAINTAIN, NOTHING, Plan
from tenure.economics.value import Forward, interval
from tenure.economics.weekly import BAND_OF, BANDS

#: Of the bootstrap's draws, so many are written down with the values.
KEPT = 60


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """What a customer is worth over the horizon, by tier, stage and band of weeks in it."""

    stages: tuple[str, ...]  # what positions mean
    tiers: tuple[str, ...]
    value: np.ndarray  # the estimate first, then bootstrap draws. Band 0 is the first week: the value of entering.
    people: np.ndarray  # how many stand there now

    @classmethod
    def of(cls, found: Forward, people: np.ndarray) -> Values:
        """Return the values of a forward calculation, with how many stand in each tier, stage and week."""
        banded = np.zeros((*people.shape[:2], len(BANDS)), dtype=np.int64)
        for band in range(len(BANDS)):
            banded[..., band] = people[..., band == BAND_OF].sum(axis=-1)
        return cls(found.counts.stages, found.counts.tiers, found.banded()[: KEPT + 1], banded)

    def profit(self, plan: Plan) -> np.ndarray:
        """Return the profit of a plan on one customer beyond doing nothing, shape (1 + draws, tiers, bands)."""
        here = self.value[:, :, self.stages.index(plan.stage), :]
        if plan.target == plan.stage:  # nobody is moved: only the cost, or what is saved, counts
            gained = np.zeros_like(here)
        elif plan.target == GONE:
            gained = -here
        else:
            gained = self.value[:, :, self.stages.index(plan.target), :1] - here
        return plan.effect * (-gained if plan.kind == MAINTAIN else gained) - plan.cost

    def told(self) -> dict[str, Any]:
        """Return it as a mapping for JSON, numbers with six digits."""
        value = [[[[float(f"{x:.6g}") for x in d] for d in c] for c in b] for b in self.value.tolist()]
        return {
            "stages": list(self.stages), "tiers": list(self.tiers), "value": value, "people": self.people.tolist(),
        }  # fmt: skip

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Values:
        """Return what :meth:`told` wrote."""
        return cls(
            tuple(told["stages"]),
            tuple(told["tiers"]),
            np.asarray(told["value"], dtype=np.float64),
            np.asarray(told["people"], dtype=np.int64),
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some customers of one tier, stage and band for whom a plan was chosen."""

    plan: Plan | None  # none where nothing is done
    stage: str  # who they are
    tier: str
    band: int
    people: int  # how many of them
    profit: float = 0.0  # expected incremental profit of one customer over the horizon, and its 95 % interval
    low: float = 0.0
    high: float = 0.0

    @property
    def kind(self) -> str:
        """``develop``, ``maintain`` or ``withdraw``; doing nothing maintains what there is."""
        return self.plan.kind if self.plan else MAINTAIN

    @property
    def plan_id(self) -> str:
        """The plan's id, or ``nothing``."""
        return self.plan.id if self.plan else NOTHING


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with everybody."""

    rows: tuple[Chosen, ...]  # who gets what, those who get nothing included
    spend: float = 0.0  # money that the chosen plans cost, and that they save
    saved: float = 0.0
    profit: float = 0.0  # expected incremental profit of all of it, and its 95 % interval
    low: float = 0.0
    high: float = 0.0
    # what one more of the currency in the budget would earn; None without a budget, 0 when money is left
    last_yuan: float | None = None
    left_out: int = 0  # customers for whom some plan would have been worth its cost, but money or capacity ended
    # expected profit, low and high of each plan that anybody gets
    by_plan: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return it as a mapping for JSON: totals, and rows with customers."""
        rows = [
            {"stage": row.stage, "tier": row.tier, "weeks_from": BANDS[row.band], "plan": row.plan_id,
             "decision": row.kind, "people": row.people, "profit": row.profit, "low": row.low, "high": row.high}
            for row in self.rows if row.people
        ]  # fmt: skip
        totals = ("spend", "saved", "profit", "low", "high", "last_yuan", "left_out")
        return {**{name: getattr(self, name) for name in totals}, "rows": rows}


@dataclass(frozen=True, slots=True, eq=False)
class _Options:
    """Every plan for every cell that it fits and where it is worth its cost: one row an option."""

    plan: np.ndarray
    cell: np.ndarray  # position in the flat array of tiers, stages and bands
    draws: np.ndarray  # shape (1 + draws, options)


def choose(values: Values, plans: Sequence[Plan], budget: float | None = None) -> Choice:
    """Choose plans so that expected profit is largest, within budget and capacities."""
    plans = [plan.checked(values.stages) for plan in plans]
    people = values.people.ravel()
    options = _options(values, plans)
    taken, last_yuan = _solved(options, plans, people, budget)
    rows = [*_chosen(values, plans, options, taken), *_nothing(values, options, taken)]
    each = options.draws @ taken
    low, high = interval(each)
    costs = np.array([plan.cost for plan in plans])[options.plan] if plans else np.zeros(0)
    wanted = int(people[np.unique(options.cell)].sum())
    return Choice(
        tuple(rows),
        spend=float(np.maximum(costs, 0) @ taken),
        saved=float(np.maximum(-costs, 0) @ taken),
        profit=float(each[0]),
        low=float(low),
        high=float(high),
        last_yuan=last_yuan,
        left_out=wanted - int(taken.sum()),
        by_plan={plan.id: _sum(options, taken, n) for n, plan in enumerate(plans) if taken[options.plan == n].any()},
    )


def _sum(options: _Options, taken: np.ndarray, plan: int) -> tuple[float, float, float]:
    mine = options.plan == plan
    each = options.draws[:, mine] @ taken[mine]
    low, high = interval(each)
    return float(each[0]), float(low), float(high)


def _options(values: Values, plans: Sequence[Plan]) -> _Options:
    shape = values.people.shape
    plan_of, cells, draws = [], [], []
    for number, plan in enumerate(plans):
        profit = values.profit(plan)
        stage = values.stages.index(plan.stage)
        for tier, name in enumerate(values.tiers):
            if plan.tiers and name not in plan.tiers:
                continue
            for band in np.flatnonzero((values.people[tier, stage] > 0) & (profit[0, tier] > 0)):
                plan_of.append(number)
                cells.append(int(np.ravel_multi_index((tier, stage, int(band)), shape)))
                draws.append(profit[:, tier, band])
    return _Options(
        np.array(plan_of, dtype=np.int64),
        np.array(cells, dtype=np.int64),
        np.stack(draws, axis=1) if draws else np.zeros((len(values.value), 0)),
    )


def _solved(
    options: _Options, plans: Sequence[Plan], people: np.ndarray, budget: float | None
) -> tuple[np.ndarray, float | None]:
    """Return how many customers each option takes, and the price of the budget."""
    from scipy.optimize import Bounds, LinearConstraint, linprog, milp

    size = len(options.cell)
    if not size:
        return np.zeros(0), None if budget is None else 0.0
    cost = np.maximum([plans[one].cost for one in options.plan], 0.0)
    rows, limits = _limits(options, plans, people)
    if budget is not None:
        rows, limits = np.concatenate([rows, cost[None]]), np.append(limits, max(budget, 0.0))
    most = people[options.cell].astype(np.float64)
    found = milp(
        -options.draws[0],
        integrality=np.ones(size),
        bounds=Bounds(0, most),
        constraints=LinearConstraint(rows, ub=limits),
        options={"mip_rel_gap": 1e-9, "time_limit": 20.0},
    )
    taken = np.zeros(size) if found.x is None else np.round(found.x)
    if budget is None:
        return taken, None
    relaxed = linprog(-options.draws[0], A_ub=rows, b_ub=limits, bounds=np.stack([np.zeros(size), most], axis=1))
    return taken, -float(relaxed.ineqlin.marginals[-1]) + 0.0 if relaxed.success else None


def _limits(options: _Options, plans: Sequence[Plan], people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and bounds of: one plan a customer, and a plan's capacity."""
    cells = np.unique(options.cell)
    capped = [n for n, plan in enumerate(plans) if plan.capacity is not None]
    rows = np.concatenate(
        [options.cell[None] == cells[:, None], options.plan[None] == np.array(capped, dtype=np.int64)[:, None]]
    )
    capacities = [float(plans[n].capacity or 0) for n in capped]
    return rows.astype(np.float64), np.append(people[cells].astype(np.float64), capacities)


def _chosen(values: Values, plans: Sequence[Plan], options: _Options, taken: np.ndarray) -> list[Chosen]:
    found = []
    for n in np.flatnonzero(taken):
        tier, stage, band = np.unravel_index(options.cell[n], values.people.shape)
        draws = options.draws[:, n]
        low, high = interval(draws)
        found.append(
            Chosen(plans[options.plan[n]], values.stages[stage], values.tiers[tier], int(band), int(taken[n]),
                   float(draws[0]), float(low), float(high))
        )  # fmt: skip
    order = {name: n for n, name in enumerate(values.stages)}
    return sorted(found, key=lambda one: (order[one.stage], values.tiers.index(one.tier), one.band, -one.profit))


def _nothing(values: Values, options: _Options, taken: np.ndarray) -> list[Chosen]:
    rest = values.people.copy().ravel()
    np.subtract.at(rest, options.cell, taken.astype(np.int64))
    left = rest.reshape(values.people.shape)
    return [
        Chosen(None, values.stages[stage], values.tiers[tier], int(band), int(left[tier, stage, band]))
        for stage in range(len(values.stages))
        for tier in range(len(values.tiers))
        for band in np.flatnonzero(left[tier, stage])
    ]


def both_ways(values: Values, plans: Sequence[Plan], stage: str, tier: str, weeks: int) -> list[dict[str, Any]]:
    """Set every option for one customer beside each other, doing nothing first."""
    band = int(BAND_OF[min(max(weeks, 0), len(BAND_OF) - 1)])
    place = values.tiers.index(tier) if tier in values.tiers else 0
    found: list[dict[str, Any]] = [
        {"plan": None, "kind": MAINTAIN, "cost": 0.0, "returns": 0.0, "profit": 0.0, "low": 0.0, "high": 0.0}
    ]
    for plan in plans:
        if plan.stage != stage or (plan.tiers and tier not in plan.tiers):
            continue
        draws = values.profit(plan)[:, place, band]
        low, high = interval(draws)
        found.append(
            {"plan": plan.told(), "kind": plan.kind, "cost": plan.cost, "returns": float(draws[0]) + plan.cost,
             "profit": float(draws[0]), "low": float(low), "high": float(high)}
        )  # fmt: skip
    best = max(found, key=lambda one: one["profit"])
    return [{**one, "best": one is best} for one in found]
