"""Reinvest or withdraw: which plan for which customers, under a budget and capacities.

Customers who have been in the same stage and tier for as long are worth the same to the model, so they are decided
together: a small integer program, solved exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tenure.economics.plans import GONE, MAINTAIN, NOTHING, Plan
from tenure.economics.value import BAND_OF, BANDS, Forward, estimate

#: Of the bootstrap's draws, so many are written down with the values.
KEPT = 60


@dataclass(frozen=True, slots=True, eq=False)
class StageValues:
    stages: tuple[str, ...]  # what positions mean
    tiers: tuple[str, ...]
    # what a customer is worth over the horizon, by tier, stage and band of weeks in it
    value: np.ndarray  # the estimate first, then bootstrap draws. Band 0 is the first week: the value of entering.
    people: np.ndarray  # how many are there now

    @classmethod
    def of(cls, values: Forward, people: np.ndarray) -> StageValues:
        banded = np.add.reduceat(people, BANDS, axis=-1)
        return cls(values.counts.stages, values.counts.tiers, values.banded()[: KEPT + 1], banded)

    def profit(self, plan: Plan) -> np.ndarray:
        """Return the profit of a plan on one customer beyond doing nothing, shape (1 + draws, tiers, bands)."""
        current = self.value[:, :, self.stages.index(plan.stage), :]
        if plan.target == plan.stage:  # no customer is moved: only the cost, or what is saved, counts
            gained = np.zeros_like(current)
        elif plan.target == GONE:
            gained = -current
        else:
            gained = self.value[:, :, self.stages.index(plan.target), :1] - current
        return plan.effect * (-gained if plan.kind == MAINTAIN else gained) - plan.cost

    def usable(self, plans: Sequence[Plan]) -> list[Plan]:
        """Return the plans whose stages are there: a model may have lost one since its plan was entered."""
        return [plan for plan in plans if plan.stage in self.stages and plan.target in (*self.stages, GONE)]

    def to_json(self) -> dict[str, Any]:
        """Return it for JSON, numbers with six digits."""
        value = [[[[float(f"{x:.6g}") for x in d] for d in c] for c in b] for b in self.value.tolist()]
        return {"stages": list(self.stages), "tiers": list(self.tiers), "value": value, "people": self.people.tolist()}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> StageValues:
        value, people = np.asarray(body["value"], np.float64), np.asarray(body["people"], np.int64)
        return cls(tuple(body["stages"]), tuple(body["tiers"]), value, people)


@dataclass(frozen=True, slots=True)
class AllocationRow:
    plan: Plan | None  # none where nothing is done
    stage: str  # whom it is for, and how many of them
    tier: str
    band: int
    people: int
    profit: float = 0.0  # expected incremental profit of one customer over the horizon, and its 95 % interval
    low: float = 0.0
    high: float = 0.0

    @property
    def kind(self) -> str:
        """The plan's; doing nothing maintains what there is."""
        return self.plan.kind if self.plan else MAINTAIN

    @property
    def plan_id(self) -> str:
        return self.plan.id if self.plan else NOTHING


@dataclass(frozen=True, slots=True)
class Allocation:
    rows: tuple[AllocationRow, ...]  # those who get nothing included
    spend: float = 0.0  # money that the plans cost, and that they save
    saved: float = 0.0
    profit: float = 0.0  # expected incremental profit of all of it, and its 95 % interval
    low: float = 0.0
    high: float = 0.0
    # what one more of the currency in the budget would earn; None without a budget, 0 when money is left
    last_yuan: float | None = None
    left_out: int = 0  # customers for whom some plan would have been worth its cost, but money or capacity ended
    # expected profit, low and high of each plan that any customer gets
    by_plan: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        totals = ("spend", "saved", "profit", "low", "high", "last_yuan", "left_out")
        rows = [
            {"stage": row.stage, "tier": row.tier, "weeks_from": BANDS[row.band], "plan": row.plan_id,
             "decision": row.kind, "people": row.people, "profit": row.profit, "low": row.low, "high": row.high}
            for row in self.rows if row.people
        ]  # fmt: skip
        return {**{name: getattr(self, name) for name in totals}, "rows": rows}


@dataclass(frozen=True, slots=True, eq=False)
class _Options:
    """Every plan for every cell that it fits and where it is worth its cost: one row an option."""

    plan: np.ndarray
    cell: np.ndarray  # position in the flat array of tiers, stages and bands
    draws: np.ndarray  # shape (1 + draws, options)


def allocate(values: StageValues, plans: Sequence[Plan], budget: float | None = None) -> Allocation:
    """Give plans to customers so that expected profit is largest, within budget and capacities."""
    plans = [plan.checked(values.stages) for plan in plans]
    people = values.people.ravel()
    options = _options(values, plans)
    taken, last_yuan = _solved(options, plans, people, budget)
    profit, low, high = estimate(options.draws @ taken)
    costs = np.array([plan.cost for plan in plans])[options.plan] if plans else np.zeros(0)
    by_plan = {}
    for n, plan in enumerate(plans):
        mine = options.plan == n
        if taken[mine].any():
            by_plan[plan.id] = estimate(options.draws[:, mine] @ taken[mine])
    return Allocation(
        _rows(values, plans, options, taken),
        spend=float(np.maximum(costs, 0) @ taken),
        saved=float(np.maximum(-costs, 0) @ taken),
        profit=profit,
        low=low,
        high=high,
        last_yuan=last_yuan,
        left_out=int(people[np.unique(options.cell)].sum()) - int(taken.sum()),
        by_plan=by_plan,
    )


def _options(values: StageValues, plans: Sequence[Plan]) -> _Options:
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
    # Optimisers take long to import, and most commands allocate nothing.
    from scipy.optimize import Bounds, LinearConstraint, linprog, milp

    size = len(options.cell)
    if not size:
        return np.zeros(0), None if budget is None else 0.0
    # One plan a customer, and each plan's capacity.
    cells = np.unique(options.cell)
    capped = [n for n, plan in enumerate(plans) if plan.capacity is not None]
    rows = np.concatenate(
        [options.cell[None] == cells[:, None], options.plan[None] == np.array(capped, dtype=np.int64)[:, None]]
    ).astype(np.float64)
    limits = np.append(people[cells].astype(np.float64), [float(plans[n].capacity or 0) for n in capped])
    if budget is not None:
        cost = np.maximum([plans[n].cost for n in options.plan], 0.0)
        rows, limits = np.concatenate([rows, cost[None]]), np.append(limits, max(budget, 0.0))
    most = people[options.cell].astype(np.float64)
    solution = milp(
        -options.draws[0],
        integrality=np.ones(size),
        bounds=Bounds(0, most),
        constraints=LinearConstraint(rows, ub=limits),
        options={"mip_rel_gap": 1e-9, "time_limit": 20.0},
    )
    taken = np.zeros(size) if solution.x is None else np.round(solution.x)
    if budget is None:
        return taken, None
    # An integer program has no prices; those of the relaxed one say what more budget would earn.
    relaxed = linprog(-options.draws[0], A_ub=rows, b_ub=limits, bounds=np.stack([np.zeros(size), most], axis=1))
    return taken, -float(relaxed.ineqlin.marginals[-1]) + 0.0 if relaxed.success else None


def _rows(
    values: StageValues, plans: Sequence[Plan], options: _Options, taken: np.ndarray
) -> tuple[AllocationRow, ...]:
    """Return rows in the order of stages, tiers and bands; then those who get nothing."""
    rows, stages, tiers = [], values.stages, values.tiers
    for n in np.flatnonzero(taken):
        tier, stage, band = np.unravel_index(options.cell[n], values.people.shape)
        who = stages[stage], tiers[tier], int(band), int(taken[n])
        rows.append(AllocationRow(plans[options.plan[n]], *who, *estimate(options.draws[:, n])))
    rows.sort(key=lambda row: (stages.index(row.stage), tiers.index(row.tier), row.band, -row.profit))
    left = values.people.copy()
    np.subtract.at(left.reshape(-1), options.cell, taken.astype(np.int64))
    rows += [
        AllocationRow(None, name, tier_name, int(band), int(left[tier, stage, band]))
        for stage, name in enumerate(stages)
        for tier, tier_name in enumerate(tiers)
        for band in np.flatnonzero(left[tier, stage])
    ]
    return tuple(rows)


def compare_options(
    values: StageValues, plans: Sequence[Plan], stage: str, tier: str, weeks: int
) -> list[dict[str, Any]]:
    """Compare every option for one customer, doing nothing first."""
    band = int(BAND_OF[min(max(weeks, 0), len(BAND_OF) - 1)])
    position = values.tiers.index(tier) if tier in values.tiers else 0
    nothing = dict.fromkeys(("cost", "returns", "profit", "low", "high"), 0.0)
    options: list[dict[str, Any]] = [{"plan": None, "kind": MAINTAIN, **nothing}]
    for plan in plans:
        if plan.stage == stage and (not plan.tiers or tier in plan.tiers):
            profit, low, high = estimate(values.profit(plan)[:, position, band])
            figures = {"cost": plan.cost, "returns": profit + plan.cost, "profit": profit, "low": low, "high": high}
            options.append({"plan": plan.to_json(), "kind": plan.kind, **figures})
    best = max(options, key=lambda option: option["profit"])
    return [{**option, "best": option is best} for option in options]
