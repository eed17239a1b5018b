"""Words of life-cycle models in templates: {% load models_words %}, then {{ model.name|said }}."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from tenure.words import LocalizedText

if TYPE_CHECKING:
    from tenure_app.lifecycle.definitions.drafts import StageFields

register = template.Library()


@register.filter
def said(text: LocalizedText) -> str:
    """Return the reader's side of a model's text."""
    return text.render()


@register.filter
def stage_said(stage: StageFields) -> str:
    """Return what a stage is called in the editor."""
    return LocalizedText(stage.zh, stage.en).render() or stage.key
