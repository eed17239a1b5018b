"""What differs between two versions of a model, stage by stage.

Layout and comments are no difference; a rule, a name, an order is.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tenure.words import LocalizedText
from tenure_app.lifecycle.definitions import drafts


@dataclass(frozen=True, slots=True)
class ModelChange:
    """One difference."""

    what: str  # ``added``, ``removed``, ``order``, or the key that changed (``when``, ``name``, ``path`` …)
    stage: str = ""  # id of the stage; empty when it is about the model
    name: LocalizedText = LocalizedText()  # of the stage
    before: str = ""
    after: str = ""


def changes(before: str, after: str) -> list[ModelChange]:
    """Return what differs between two texts of a model: first the model, then its stages."""
    old, new = drafts.mapping_of(before), drafts.mapping_of(after)
    if old is None or new is None:
        return []
    olds, news = ({str(stage["id"]): stage for stage in model["stages"]} for model in (old, new))
    changed = [ModelChange(key, before=_text(old.get(key)), after=_text(new.get(key))) for key in _different(old, new)]
    changed += [ModelChange("removed", key, _name(stage)) for key, stage in olds.items() if key not in news]
    changed += [
        ModelChange("added", key, _name(stage), "", _text(stage.get("when")))
        for key, stage in news.items()
        if key not in olds
    ]
    order_before, order_after = [key for key in olds if key in news], [key for key in news if key in olds]
    if order_before != order_after:
        changed.append(ModelChange("order", before=" → ".join(order_before), after=" → ".join(order_after)))
    for key in order_after:
        stage, stage_before = news[key], olds[key]
        changed += [
            ModelChange(part, key, _name(stage), _text(stage_before.get(part)), _text(stage.get(part)))
            for part in _different(stage_before, stage)
        ]
    return changed


def _different(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    keys = dict.fromkeys([*old, *new])
    return [str(key) for key in keys if key not in ("stages", "id") and old.get(key) != new.get(key)]


def _name(stage: Mapping[str, Any]) -> LocalizedText:
    return LocalizedText(*drafts.both_languages(stage.get("name", stage["id"])))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " / ".join(map(_text, value.values()))
    if isinstance(value, list):
        return "; ".join(map(_text, value))
    return "" if value is None else str(value)


def unified(before: str, after: str) -> list[str]:
    """Return the lines of a unified difference of two texts, both laid out alike first."""
    old, new = _laid_out(before), _laid_out(after)
    return list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]


def _laid_out(text: str) -> list[str]:
    given = drafts.mapping_of(text)
    return (drafts.written(given) if given is not None else text).splitlines()
