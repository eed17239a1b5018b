"""The crosswalk: which stages of different models mean the same.

Twelve families hold the stages of all models together. Stages of a user's own model join by naming a family.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import yaml

from tenure.lifecycle.model import Model, Stage
from tenure.lifecycle.model_file import builtin
from tenure.words import LocalizedText

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class StageFamily:
    id: str  # F1 to F12
    name: LocalizedText
    metrics: tuple[LocalizedText, ...]  # the figures expected for its stages
    # models that lie over all others in this family, whatever families their stages belong to
    overlays: tuple[str, ...]


class FamilyStage(NamedTuple):
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
            tuple(LocalizedText(metric["zh"], metric["en"]) for metric in given["metrics"]),
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
