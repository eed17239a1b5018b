"""What pages call parts of models: groups of the list, stages, versions and what they changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language
from tenure_app.lifecycle.definitions import changes
from tenure_app.lifecycle.definitions.models import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise

    from tenure.lifecycle.model import Model

CUSTOM = "own"
#: The list shows models in these groups: its name, its title, the ids of the shipped models in it.
GROUPS: tuple[tuple[str, _StrPromise, str], ...] = (
    (CUSTOM, gettext_lazy("Your own"), ""),
    (
        "relationship",
        gettext_lazy("Customer relationship"),
        "crm-5 value-5 crm-4 clm-4 crm-span-3 customer-4 relationship-4 seven-periods saas-6 inverted-u "
        "satisfaction-4 contact-span tiers-3 internal-external",
    ),
    (
        "marketing",
        gettext_lazy("Marketing and first contact"),
        "awareness-3 first-contact-funnel campaign-6 attract-retain-convert",
    ),
    (
        "retail",
        gettext_lazy("Retail and e-commerce"),
        "retail-activity retail-value-path chaoke-5 apparel-3 ecommerce-5 ecommerce-journey purchase-type",
    ),
    ("telecom", gettext_lazy("Telecom"), "telecom-5 telecom-deck"),
    ("bank", gettext_lazy("Banking and education"), "bank-icbc education-3"),
    ("product", gettext_lazy("Products instead of customers"), "product-life-cycle"),
)
#: How a version came about.
ORIGINS: dict[str, _StrPromise] = {
    ModelVersion.WRITTEN: gettext_lazy("edited"),
    ModelVersion.COPIED: gettext_lazy("copied"),
    ModelVersion.UPLOADED: gettext_lazy("uploaded"),
    ModelVersion.RESTORED: gettext_lazy("restored"),
    ModelVersion.SHIPPED: gettext_lazy("reset to the shipped version"),
    ModelVersion.FOLDER: gettext_lazy("read from the lake's folder"),
}
#: What a change is about.
PARTS: dict[str, _StrPromise] = {
    "when": gettext_lazy("rule"),
    "name": gettext_lazy("name"),
    "family": gettext_lazy("family"),
    "path": gettext_lazy("order of the stages"),
    "order": gettext_lazy("order of the rules"),
    "added": gettext_lazy("new stage"),
    "removed": gettext_lazy("stage removed"),
    "setback": gettext_lazy("setback"),
    "terminal": gettext_lazy("end of the relationship"),
    "without_facts": gettext_lazy("customers without facts"),
    "stepwise": gettext_lazy("step by step"),
    "traits": gettext_lazy("traits"),
    "needs_text": gettext_lazy("needs"),
    "goal": gettext_lazy("goal"),
    "advised": gettext_lazy("advised plays"),
    "discouraged": gettext_lazy("discouraged plays"),
    "assumption": gettext_lazy("assumption"),
    "causes": gettext_lazy("causes"),
    "summary": gettext_lazy("summary"),
    "sources": gettext_lazy("sources"),
    "needs": gettext_lazy("needed facts"),
}


def group_of(model_id: str) -> str:
    """Return the group in which the list shows a model."""
    return next((group for group, _title, ids in GROUPS if model_id in ids.split()), CUSTOM)


def kind_names(kinds: Iterable[str]) -> str:
    """Return what some kinds of facts are called."""
    language = current_language()
    return ("、" if language == "zh_Hans" else ", ").join(kind_name(kind, language) for kind in kinds)


@dataclass(frozen=True, slots=True)
class Badge:
    """A stage as a badge."""

    id: str
    name: str
    family: str


class Badges:
    """What the stages of one or two versions of a model are called; the newer version's names count."""

    def __init__(self, *models: Model | None) -> None:
        self._stages = {stage.id: stage for model in models if model is not None for stage in model.stages}

    def __getitem__(self, stage_id: str) -> Badge:
        if stage_id == UNSTAGED:
            return Badge(stage_id, _("In no stage"), "")
        if stage_id == NOT_IN_MODEL:
            return Badge(stage_id, _("Not in this model"), "")
        stage = self._stages.get(stage_id)
        return Badge(stage_id, stage.name.render(), stage.family) if stage else Badge(stage_id, stage_id, "")


def path_of(model: Model) -> list[Badge]:
    """Return a model's stages as badges in the order of a customer's life, setbacks last."""
    badges = Badges(model)
    ids = [*model.path, *(stage.id for stage in model.stages if stage.id not in model.path)]
    return [badges[stage_id] for stage_id in ids]


def changes_between(before: str | None, after: str) -> list[dict[str, Any]]:
    """Return what differs between two texts of a model, for ``models/changes.html``."""
    if before is None:
        return []
    return [
        {
            "part": PARTS.get(change.what, change.what),
            "stage": change.name.render(),
            "before": change.before,
            "after": change.after,
            "is_rule": change.what == "when",
        }
        for change in changes.changes(before, after)
    ]
