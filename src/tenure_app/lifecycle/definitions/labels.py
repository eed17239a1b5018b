"""What pages call parts of models: groups of the list, stages, where versions come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tenure.lifecycle.model import NOT_IN_MODEL, UNSTAGED
from tenure_app.lifecycle.definitions.models import ModelVersion

if TYPE_CHECKING:
    from tenure.lifecycle.model import Model

#: The groups of the list: title, ids of the shipped models in it. What is in none stands in the first.
GROUPS = (
    (_("Your own"), ""),
    (
        _("Customer relationship"),
        "crm-5 value-5 crm-4 clm-4 crm-span-3 customer-4 relationship-4 seven-periods saas-6 inverted-u "
        "satisfaction-4 contact-span tiers-3 internal-external",
    ),
    (_("Marketing and first contact"), "awareness-3 first-contact-funnel campaign-6 attract-retain-convert"),
    (
        _("Retail and e-commerce"),
        "retail-activity retail-value-path chaoke-5 apparel-3 ecommerce-5 ecommerce-journey purchase-type",
    ),
    (_("Telecom"), "telecom-5 telecom-deck"),
    (_("Banking and education"), "bank-icbc education-3"),
    (_("Products instead of customers"), "product-life-cycle"),
)
ORIGINS = {
    ModelVersion.WRITTEN: _("edited"),
    ModelVersion.COPIED: _("copied"),
    ModelVersion.UPLOADED: _("uploaded"),
    ModelVersion.RESTORED: _("restored"),
    ModelVersion.SHIPPED: _("reset to the shipped version"),
    ModelVersion.FOLDER: _("read from the lake's folder"),
}


def group_of(model_id: str) -> int:
    """Return the place in GROUPS of the group in which the list shows a model."""
    return next((place for place, (_title, ids) in enumerate(GROUPS) if model_id in ids.split()), 0)


class Badge(NamedTuple):
    id: str
    name: str
    family: str


class Badges:
    """What the stages of one or two versions of a model are called; the newer version's names count."""

    def __init__(self, *models: Model | None) -> None:
        self._stages = {stage.id: stage for model in models if model is not None for stage in model.stages}

    def __getitem__(self, stage_id: str) -> Badge:
        if stage := self._stages.get(stage_id):
            return Badge(stage_id, stage.name.render(), stage.family)
        names = {UNSTAGED: gettext("In no stage"), NOT_IN_MODEL: gettext("Not in this model")}
        return Badge(stage_id, names.get(stage_id, stage_id), "")


def path_of(model: Model) -> list[Badge]:
    """Return a model's stages in the order of a customer's life, setbacks last."""
    badges = Badges(model)
    return [badges[stage_id] for stage_id in model.path]
