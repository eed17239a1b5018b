"""The twelve families: stages of different models that mean the same, and what to look at in each.

A family also says what a move means, whatever the model: from decline, dormancy or loss back into activity is a
re-activation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from tenure.words import LocalizedText

if TYPE_CHECKING:
    from tenure.lifecycle.model import Model

#: Families that somebody is brought back from, and those they are brought back to.
FALLEN, ACTIVE = ("F8", "F9", "F10"), ("F4", "F5", "F6", "F7")


@dataclass(frozen=True, slots=True)
class StageFamily:
    """A family of stages.

    Attributes
    ----------
    id, name
        F1 to F12, and what it is called.
    metrics : tuple of LocalizedText
        The figures expected for its stages.
    overlays : tuple of str
        Models that lie over all others in this family, whatever families their stages belong to.
    """

    id: str
    name: LocalizedText
    metrics: tuple[LocalizedText, ...]
    overlays: tuple[str, ...] = ()


@cache
def families() -> dict[str, StageFamily]:
    """Return the families by id, F1 first."""
    import yaml

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


def metrics_of(model: Model, family: str) -> tuple[LocalizedText, ...]:
    """Return what to look at in a model's stage of a family; an overlay has figures of its own."""
    overlay = next((known for known in families().values() if model.id in known.overlays), None)
    known = overlay or families().get(family)
    return known.metrics if known else ()


def reactivations(model: Model) -> list[tuple[str, str]]:
    """Return the moves of a model that bring a customer back: from a fallen stage to an active one.

    An overlay such as satisfaction has none: who is satisfied again need not have been away.
    """
    if any(model.id in family.overlays for family in families().values()):
        return []
    fallen = [stage.id for stage in model.stages if stage.family in FALLEN]
    return [(before, stage.id) for before in fallen for stage in model.stages if stage.family in ACTIVE]
