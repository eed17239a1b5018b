"""The crosswalk: which stages of different models mean the same.

Twelve families (F1 awareness … F11 termination, and F12, the satisfaction overlay) hold the stages of all models
together, each with the figures that people expect to see for it. Stages of a user's own model join by naming a
family.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml

from tenure.lifecycle.model import Model, Stage
from tenure.lifecycle.model_file import builtin
from tenure.words import LocalizedText

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Built-in models that are no customer's life cycle and therefore in no family: a product's life, a classification
#: by money, and one by role.
WITHOUT_FAMILY = frozenset({"product-life-cycle", "tiers-3", "internal-external"})


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure expected for the stages of a family."""

    id: str
    name: LocalizedText


@dataclass(frozen=True, slots=True)
class StageFamily:
    """One family of stages."""

    id: str  # F1 to F12
    name: LocalizedText
    metrics: tuple[Metric, ...]  # the figures expected for its stages
    # models that lie over all others in this family, whatever families their stages belong to
    overlays: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FamilyStage:
    """A stage of a model and the family it belongs to."""

    family: str
    model: Model
    stage: Stage


@cache
def families() -> dict[str, StageFamily]:
    """Return the families by id, F1 first."""
    text = (files("tenure.lifecycle") / "families.yaml").read_text(encoding="utf-8")
    return {
        family: StageFamily(
            family,
            LocalizedText(**given["name"]),
            tuple(Metric(metric["id"], LocalizedText(metric["zh"], metric["en"])) for metric in given["metrics"]),
            tuple(given.get("overlays", ())),
        )
        for family, given in yaml.safe_load(text).items()
    }


def crosswalk(models: Iterable[Model] | None = None) -> tuple[FamilyStage, ...]:
    """Return every stage that belongs to a family, models in the given order, stages in the order of life."""
    return tuple(
        FamilyStage(stage.family, model, stage)
        for model in (builtin().values() if models is None else models)
        for stage in map(model.stage, model.path)
        if stage.family
    )


def stages_of(family: str, models: Iterable[Model] | None = None) -> tuple[FamilyStage, ...]:
    """Return the stages of a family; for an overlay also every stage of the models that lie over the others."""
    overlays = families()[family].overlays
    return tuple(entry for entry in crosswalk(models) if entry.family == family or entry.model.id in overlays)
