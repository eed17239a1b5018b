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
from tenure.lifecycle.model import Model, Stage
from tenure.words import mark

DEVELOP, MAINTAIN, WITHDRAW = "develop", "maintain", "withdraw"
KINDS = (DEVELOP, MAINTAIN, WITHDRAW)
NOTHING = "nothing"
#: Stands where an aim is expected for: out of all stages for good, worth nothing from then on.
GONE = "-gone-"
#: Families of stages that have fallen back, sleep or are lost; and those whose life is over.
FALLEN, OVER = ("F8", "F9", "F10"), ("F11",)
#: Assumed of a plan that nobody entered: five customers in a hundred move who would not have, for five hundredths of an
#: average order each. Of withdrawing: four fifths of what is spent is saved, and ten in a hundred leave who would not.
EFFECT, COST_SHARE, LEAVING, SAVED = 0.05, 0.05, 0.10, 0.8
#: In a lake's folder: what people entered, one file a model.
FOLDER = "plans"


class PlanError(TenureError):
    """A plan that cannot be reckoned with."""

    code = "plan"


@dataclass(frozen=True, slots=True)
class Plan:
    """One option for the customers of a stage."""

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
        """Return the plan itself."""
        if self.kind not in KINDS:
            raise PlanError(mark("A plan is one of %(kinds)s, not %(kind)r."), kinds=", ".join(KINDS), kind=self.kind)
        gone = () if self.kind == DEVELOP else (GONE,)
        for one, known in ((self.stage, stages), (self.target, (*stages, *gone))):
            if one not in known:
                raise PlanError(
                    mark("Plan %(plan)s: there is no stage %(stage)r. There are: %(stages)s."),
                    plan=self.id, stage=one, stages=", ".join(stages),
                )  # fmt: skip
        if not 0 <= self.effect <= 1:
            raise PlanError(
                mark("Plan %(plan)s: the effect is a share from 0 to 1 (0%% to 100%%), not %(effect)s."),
                plan=self.id, effect=self.effect,
            )  # fmt: skip
        if not math.isfinite(self.cost) or (self.cost < 0) != (self.kind == WITHDRAW and self.cost != 0):
            raise PlanError(
                mark("Plan %(plan)s: %(cost)s cannot be its cost. Only withdrawing saves money (a cost below 0)."),
                plan=self.id, cost=self.cost,
            )  # fmt: skip
        if self.capacity is not None and self.capacity < 0:
            raise PlanError(
                mark("Plan %(plan)s: a capacity is a number of customers from 0 on, not %(capacity)s."),
                plan=self.id, capacity=self.capacity,
            )  # fmt: skip
        return self

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Plan:
        """Return a plan from a mapping, such as one of a plan file or of a report."""
        try:
            plan = cls(**{**told, "tiers": tuple(told.get("tiers") or ())})
            return replace(
                plan,
                cost=float(plan.cost),
                effect=float(plan.effect),
                capacity=None if plan.capacity is None else int(plan.capacity),
            )
        except (TypeError, ValueError) as wrong:
            raise PlanError(
                mark("The plan %(plan)s cannot be read: %(why)s. It needs id, kind, stage, target, cost and effect."),
                plan=told.get("id", "?"), why=wrong,
            ) from wrong  # fmt: skip

    def told(self) -> dict[str, Any]:
        """Return it as a mapping for JSON."""
        return {**asdict(self), "tiers": list(self.tiers)}


def default_plans(
    model: Model | None,
    worth: Mapping[tuple[str, str], float],
    went: Mapping[tuple[str, str], int],
    order_mean: float,
    invested: Mapping[str, float],
) -> list[Plan]:
    """Make plans of a model's advised plays, with assumed costs and effects."""
    if model is None:
        return []
    found: list[Plan] = []
    known = {one for pair in worth for one in pair}
    for stage in (model.stage(one) for one in model.path):
        if stage.id not in known or stage.family in OVER:
            continue
        better, worse = _better(model, stage, worth, went), _worse(model, stage, worth, went)
        if better:
            found.append(_plan(stage, DEVELOP, better, EFFECT, COST_SHARE * order_mean))
        elif worse:
            found.append(_plan(stage, MAINTAIN, worse, EFFECT, COST_SHARE * order_mean))
        if stage.family in FALLEN or stage.setback:
            saved = SAVED * invested.get(stage.id, 0.0)
            found.append(_plan(stage, WITHDRAW, worse or GONE, LEAVING, -saved))
    return found


def _plan(stage: Stage, kind: str, target: str, effect: float, cost: float) -> Plan:
    play = stage.advised[0].words if stage.advised and kind != WITHDRAW else None
    if play is None or not play:
        zh = {WITHDRAW: "减少投入", MAINTAIN: "保持", DEVELOP: "加大投入"}[kind]
        en = {WITHDRAW: "Spend less", MAINTAIN: "Keep them", DEVELOP: "Invest more"}[kind]
    else:
        zh, en = play.zh, play.en
    verb = {DEVELOP: "reinvest", MAINTAIN: "keep", WITHDRAW: "withdraw"}[kind]
    cost = round(cost, 2) + 0.0  # no "-0.00"
    return Plan(f"{verb}-{stage.id}", kind, stage.id, target, cost, effect, zh=zh, en=en, assumed=True)


def _fallen(model: Model, stage: str) -> bool:
    found = next((one for one in model.stages if one.id == stage), None)
    return found is None or found.setback or found.terminal or found.family in (*FALLEN, *OVER)


def _better(
    model: Model, stage: Stage, worth: Mapping[tuple[str, str], float], went: Mapping[tuple[str, str], int]
) -> str:
    """Return the stage to aim at: one that is awake, worth moving to, further on, and that most go to."""
    awake = [one for one in model.path if one != stage.id and not _fallen(model, one)]
    aims = [one for one in awake if worth.get((stage.id, one), 0.0) > 0]
    if not _fallen(model, stage.id):
        aims = [aim for aim in aims if model.path.index(aim) > model.path.index(stage.id)]
    return max(aims, key=lambda one: went.get((stage.id, one), 0)) if aims else ""


def _worse(
    model: Model, stage: Stage, worth: Mapping[tuple[str, str], float], went: Mapping[tuple[str, str], int]
) -> str:
    """Return where those who fall from a stage land most: a fallen stage that is worth less."""
    fallen = [one for one in model.path if one != stage.id and _fallen(model, one)]
    aims = [one for one in fallen if worth.get((stage.id, one), 0.0) < 0]
    return max(aims, key=lambda one: went.get((stage.id, one), 0)) if aims else ""


# Plans of a lake: what people entered, so that a refresh and the command line reckon with the same as the pages


@dataclass(frozen=True, slots=True)
class Book:
    """The plans of one model as people entered them."""

    plans: tuple[Plan, ...]  # what there is to do
    budget: float | None = None  # money for all of them together over the horizon; None for no limit


def read_book(folder: Path, model: str) -> Book | None:
    """Return the plans that were entered for a model in a lake's folder, None when there are none."""
    import yaml

    path = folder / FOLDER / f"{model}.yaml"
    if not path.is_file():
        return None
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        budget = told.get("budget")
        return Book(tuple(Plan.of(one) for one in told.get("plans") or ()), None if budget is None else float(budget))
    except (yaml.YAMLError, AttributeError, TypeError, ValueError, OSError) as wrong:
        raise PlanError(mark("The plans in %(path)s cannot be read: %(why)s."), path=path, why=wrong) from wrong


def write_book(folder: Path, model: str, book: Book) -> None:
    """Write the plans of a model into a lake's folder, whole or not at all."""
    import yaml

    path = folder / FOLDER / f"{model}.yaml"
    path.parent.mkdir(exist_ok=True)
    told = {"budget": book.budget, "plans": [plan.told() for plan in book.plans]}
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False), encoding="utf-8")
    draft.replace(path)


def forget_book(folder: Path, model: str) -> None:
    """Remove the plans that were entered for a model from a lake's folder."""
    (folder / FOLDER / f"{model}.yaml").unlink(missing_ok=True)
