"""Models in words for the pages: groups, badges, changes, what a preview says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenure.lifecycle.preview import NOT_IN_MODEL, UNSTAGED
from tenure.lifecycle.reasons import Reason
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language
from tenure_app.lifecycle.definitions.models import ModelVersion
from tenure_app.lifecycle.reasons import ReasonInWords, in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django.utils.functional import _StrPromise

    from tenure.lifecycle.model import Model
    from tenure_app.lifecycle.definitions.changes import ModelChange

OWN = "own"
GROUPS: tuple[tuple[str, _StrPromise, tuple[str, ...]], ...] = (
    (OWN, gettext_lazy("Your own"), ()),
    (
        "relationship",
        gettext_lazy("Customer relationship"),
        (
            "crm-5", "value-5", "crm-4", "clm-4", "crm-span-3", "customer-4", "relationship-4", "seven-periods",
            "saas-6", "inverted-u", "satisfaction-4", "contact-span", "tiers-3", "internal-external",
        ),
    ),
    (
        "marketing",
        gettext_lazy("Marketing and first contact"),
        ("awareness-3", "first-contact-funnel", "campaign-6", "attract-retain-convert"),
    ),
    (
        "retail",
        gettext_lazy("Retail and e-commerce"),
        (
            "retail-activity", "retail-value-path", "chaoke-5", "apparel-3", "ecommerce-5", "ecommerce-journey",
            "purchase-type",
        ),
    ),
    ("telecom", gettext_lazy("Telecom"), ("telecom-5", "telecom-deck")),
    ("bank", gettext_lazy("Banking and education"), ("bank-icbc", "education-3")),
    ("product", gettext_lazy("Products instead of customers"), ("product-life-cycle",)),
)  # fmt: skip
ORIGINS: dict[str, _StrPromise] = {
    ModelVersion.WRITTEN: gettext_lazy("edited"),
    ModelVersion.COPIED: gettext_lazy("copied"),
    ModelVersion.UPLOADED: gettext_lazy("uploaded"),
    ModelVersion.RESTORED: gettext_lazy("restored"),
    ModelVersion.SHIPPED: gettext_lazy("reset to the shipped version"),
    ModelVersion.FOLDER: gettext_lazy("found in the lake's folder"),
}
PARTS: dict[str, _StrPromise] = {
    "when": gettext_lazy("rule"),
    "name": gettext_lazy("name"),
    "family": gettext_lazy("family"),
    "path": gettext_lazy("order of life"),
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
    return next((group for group, _name, ids in GROUPS if model_id in ids), OWN)


def kinds_said(kinds: Iterable[str]) -> str:
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
    """Return a model's stages as badges in the order of life, setbacks last."""
    badges = Badges(model)
    ids = [*model.path, *(stage.id for stage in model.stages if stage.id not in model.path)]
    return [badges[one] for one in ids]


def change_said(change: ModelChange) -> dict[str, Any]:
    """Return one difference between two versions for a page."""
    return {
        "what": PARTS.get(change.what, change.what),
        "stage": change.name.render(),
        "before": change.before,
        "after": change.after,
        "code": change.what == "when",
    }


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of the matrix."""

    customers: int
    stays: bool


def _why(reason: dict[str, Any] | None) -> ReasonInWords | None:
    return in_words(Reason(**reason)) if reason else None


def preview_said(result: Mapping[str, Any], before: Model | None, after: Model) -> dict[str, Any]:
    """Return a preview's result for a page: moves, matrix, examples and warnings, stages as badges."""
    badges = Badges(before, after)
    moves = [
        {"source": badges[move["source"]], "target": badges[move["target"]], **_figures(move)}
        for move in result["moves"]
    ]
    examples = [
        {
            "customer_id": example["customer_id"],
            "source": badges[example["source"]],
            "target": badges[example["target"]],
            "why_before": _why(example["reason_before"]),
            "why": _why(example["reason"]),
            "value": example["value"],
        }
        for example in result["examples"]
    ]
    overlaps = [
        {"first": badges[overlap["first"]], "second": badges[overlap["second"]], "customers": overlap["customers"]}
        for overlap in result["overlaps"]
    ]
    return {
        "moves": moves,
        "examples": examples,
        "overlaps": overlaps,
        "nobody": [badges[one] for one in result["nobody"] if one not in result["shadowed"]],
        "shadowed": [badges[one] for one in result["shadowed"]],
        "no_stage": result["after"].get(UNSTAGED, 0),
        "no_stage_before": result["before"].get(UNSTAGED, 0),
        "share": result["value_moved"] / result["value"] if result["value"] > 0 else None,
        **_matrix(result, badges),
    }


def _figures(move: Mapping[str, Any]) -> dict[str, Any]:
    return {"customers": move["customers"], "value": move["value"]}


def _matrix(result: Mapping[str, Any], badges: Badges) -> dict[str, Any]:
    went = {(move["source"], move["target"]): move["customers"] for move in result["moves"]}
    # Whoever is not in the model before or after is no part of the picture.
    touched = {place for pair in went for place in pair}
    sources = [one for one, count in result["before"].items() if count and (one != NOT_IN_MODEL or one in touched)]
    targets = [one for one, count in result["after"].items() if count and (one != NOT_IN_MODEL or one in touched)]
    rows = []
    for source in sources:
        left = sum(count for (start, _end), count in went.items() if start == source)
        stay = result["before"][source] - left
        cells = [
            Cell(stay, stays=True) if source == target else Cell(went.get((source, target), 0), stays=False)
            for target in targets
        ]
        rows.append({"stage": badges[source], "cells": cells, "total": result["before"][source]})
    columns = [{"stage": badges[one], "total": result["after"][one]} for one in targets]
    return {"rows": rows, "columns": columns, "total": sum(row["total"] for row in rows)}
