"""Words of life-cycle models in templates: {% load models_words %}, then {{ model.name|said }}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from tenure_app.web import models_said

if TYPE_CHECKING:
    from tenure.lifecycle.model import Words
    from tenure_app.lifecycle.definitions.drafts import StageFields

register = template.Library()


@register.filter
def said(text: Words) -> str:
    """Return the reader's side of a model's text."""
    return models_said.words(text)


@register.filter
def stage_said(stage: StageFields) -> str:
    """Return what a stage is called in the editor."""
    first, second = (stage.zh, stage.en) if models_said.language() == "zh_Hans" else (stage.en, stage.zh)
    return first or second or stage.key
