"""Plans: what could be done with the customers of a stage, what it costs and what it is thought to change.

Costs and effects are entered by people, or measured by hold-outs; until then the plans drawn from the model's advised
plays carry assumptions and say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tenure.errors import TenureError
from tenure.lake.files import write_text
from tenure.lifecycle.model import Model, Stage
from tenure.words import mark

DEVELOP, MAINTAIN, WITHDRAW = "develop", "maintain", "withdraw"
KINDS = (DEVELOP, MAINTAIN, WITHDRAW)
NOTHING = "nothing"
#: As an aim: out of all stages for good, worth nothing from then on.
GONE = "-gone-"
#: Families of stages that have fallen back, sleep or are lost; and those whose life is over.
FALLEN, OVER = ("F8", "F9", "F10"), ("F11",)
#: Assumed of a plan that was not entered: five customers in a hundred move who would not have, for five hundredths of
#: an average order each. Of withdrawing: four fifths of what is spent is saved, and ten in a hundred leave who would
#: not have.
EFFECT, COST_SHARE, LEAVING, SAVED = 0.05, 0.05, 0.10, 0.8
#: In a lake's folder: what people entered, one file a model.
FOLDER = "plans"


class PlanError(TenureError):
    code = "plan"


@dataclass(frozen=True, slots=True)
class Plan:
    # its name for machines; ``develop`` (brings customers on), ``maintain`` (keeps them from falling) or
    # ``withdraw`` (spends less on them)
    id: str
    kind: str
    # whom it is for; and the stage it brings customers to, keeps them from, or lets more of them fall into.
    # :data:`GONE` for leaving for good.
    stage: str
    target: str
    cost: float  # money spent on one customer over the horizon; negative where money is saved
    effect: float  # probability, 0 to 1, that a customer ends up otherwise than without the plan
    capacity: int | None = None  # at most so many customers
    tiers: tuple[str, ...] = ()  # only customers of these tiers; all when empty
    zh: str = ""  # what it is called
    en: str = ""
    assumed: bool = False  # whether cost and effect are assumptions of ours that nobody confirmed

    def checked(self, stages: Sequence[str]) -> Plan:
        """Return the plan itself; raise a PlanError when it makes no sense under a model with these stages."""
        if self.kind not in KINDS:
            text = mark("The kind of a plan must be one of %(kinds)s, not %(kind)r.")
            raise PlanError(text, kinds=", ".join(KINDS), kind=self.kind)
        aims = stages if self.kind == DEVELOP else (*stages, GONE)
        for stage, known in ((self.stage, stages), (self.target, aims)):
            if stage not in known:
                text = mark("Plan %(plan)s: unknown stage %(stage)r. Stages: %(stages)s.")
                raise PlanError(text, plan=self.id, stage=stage, stages=", ".join(stages))
        if not 0 <= self.effect <= 1:
            text = mark("Plan %(plan)s: the effect must be from 0 to 1 (0%% to 100%%), not %(effect)s.")
            raise PlanError(text, plan=self.id, effect=self.effect)
        if not math.isfinite(self.cost) or (self.cost < 0) != (self.kind == WITHDRAW and self.cost != 0):
            text = mark("Plan %(plan)s: the cost cannot be %(cost)s. Only withdrawing can have a negative cost.")
            raise PlanError(text, plan=self.id, cost=self.cost)
        if self.capacity is not None and self.capacity < 0:
            text = mark("Plan %(plan)s: capacity must be a number of customers, 0 or more, not %(capacity)s.")
            raise PlanError(text, plan=self.id, capacity=self.capacity)
        return self

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Plan:
        try:
            plan = cls(**{**body, "tiers": tuple(body.get("tiers") or ())})
            capacity = None if plan.capacity is None else int(plan.capacity)
            return replace(plan, cost=float(plan.cost), effect=float(plan.effect), capacity=capacity)
        except (TypeError, ValueError) as error:
            text = mark("The plan %(plan)s cannot be read: %(why)s. It needs id, kind, stage, target, cost and effect.")
            raise PlanError(text, plan=body.get("id", "?"), why=error) from error

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "tiers": list(self.tiers)}


def default_plans(
    model: Model | None,
    worth: Mapping[tuple[str, str], float],
    moves: Mapping[tuple[str, str], int],
    order_mean: float,
    invested: Mapping[str, float],
) -> list[Plan]:
    """Make plans of a model's advised plays, with assumed costs and effects.

    `worth` and `moves` are the value of a move between two stages, and how often it happened.
    """
    if model is None:
        return []

    def most_frequent(stage: Stage, aims: list[str]) -> str:
        return max(aims, key=lambda aim: moves.get((stage.id, aim), 0), default="")

    plans: list[Plan] = []
    known = {name for pair in worth for name in pair}
    fallen = {stage.id for stage in model.stages if stage.setback or stage.terminal or stage.family in (*FALLEN, *OVER)}
    for stage in (model.stage(name) for name in model.path):
        if stage.id not in known or stage.family in OVER:
            continue
        # Better: awake, worth moving to, and further on unless the stage itself has fallen back.
        further = model.path if stage.id in fallen else model.path[model.path.index(stage.id) + 1 :]
        better = [aim for aim in further if aim not in fallen and worth.get((stage.id, aim), 0.0) > 0]
        worse = [aim for aim in model.path if aim in fallen and worth.get((stage.id, aim), 0.0) < 0]
        upwards, downwards = most_frequent(stage, better), most_frequent(stage, worse)
        if upwards or downwards:
            kind = DEVELOP if upwards else MAINTAIN
            plans.append(_plan(stage, kind, upwards or downwards, EFFECT, COST_SHARE * order_mean))
        if stage.family in FALLEN or stage.setback:
            saved = SAVED * invested.get(stage.id, 0.0)
            plans.append(_plan(stage, WITHDRAW, downwards or GONE, LEAVING, -saved))
    return plans


def _plan(stage: Stage, kind: str, target: str, effect: float, cost: float) -> Plan:
    verb, zh, en = {
        DEVELOP: ("reinvest", "加大投入", "Invest more"),
        MAINTAIN: ("keep", "保持", "Keep them"),
        WITHDRAW: ("withdraw", "减少投入", "Spend less"),
    }[kind]
    if kind != WITHDRAW and stage.advised and stage.advised[0].words:
        zh, en = stage.advised[0].words.zh, stage.advised[0].words.en
    cost = round(cost, 2) + 0.0  # no "-0.00"
    return Plan(f"{verb}-{stage.id}", kind, stage.id, target, cost, effect, zh=zh, en=en, assumed=True)


@dataclass(frozen=True, slots=True)
class Book:
    plans: tuple[Plan, ...]
    budget: float | None = None  # money for all of them together over the horizon; None for no limit


def read_book(folder: Path, model: str) -> Book | None:
    """Return the plans that were entered for a model in a lake's folder, None when there are none.

    They lie there, and not in the application, so that a refresh and the command line use the same as the pages.
    """
    import yaml

    path = folder / FOLDER / f"{model}.yaml"
    if not path.is_file():
        return None
    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        budget = body.get("budget")
        plans = tuple(Plan.from_json(plan) for plan in body.get("plans") or ())
        return Book(plans, None if budget is None else float(budget))
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, OSError) as error:
        raise PlanError(mark("The plans in %(path)s cannot be read: %(why)s."), path=path, why=error) from error


def write_book(folder: Path, model: str, book: Book) -> None:
    import yaml

    body = {"budget": book.budget, "plans": [plan.to_json() for plan in book.plans]}
    write_text(folder / FOLDER / f"{model}.yaml", yaml.safe_dump(body, allow_unicode=True, sort_keys=False))


def forget_book(folder: Path, model: str) -> None:
    (folder / FOLDER / f"{model}.yaml").unlink(missing_ok=True)
