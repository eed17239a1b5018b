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
class Change:
    """One difference.

    Attributes
    ----------
    what : str
        ``added``, ``removed``, ``order``, or the key that changed (``when``, ``name``, ``path`` …).
    stage : str
        Id of the stage; empty when it is about the model.
    name : LocalizedText
        The stage's name.
    before, after : str
        The values as text.
    """

    what: str
    stage: str = ""
    name: LocalizedText = LocalizedText()
    before: str = ""
    after: str = ""


def changes(before: str, after: str) -> list[Change]:
    """Return what differs between two texts of a model, in the order in which one would tell it."""
    old, new = drafts.mapping_of(before), drafts.mapping_of(after)
    if old is None or new is None:
        return []
    found = [Change(key, before=_said(old.get(key)), after=_said(new.get(key))) for key in _different(old, new)]
    olds = {str(stage["id"]): stage for stage in old["stages"]}
    news = {str(stage["id"]): stage for stage in new["stages"]}
    found += [Change("removed", key, _name(stage)) for key, stage in olds.items() if key not in news]
    found += [
        Change("added", key, _name(stage), "", _said(stage.get("when")))
        for key, stage in news.items()
        if key not in olds
    ]
    kept_old, kept_new = [key for key in olds if key in news], [key for key in news if key in olds]
    if kept_old != kept_new:
        found.append(Change("order", before=" → ".join(kept_old), after=" → ".join(kept_new)))
    for key in kept_new:
        for part in _different(olds[key], news[key]):
            found.append(Change(part, key, _name(news[key]), _said(olds[key].get(part)), _said(news[key].get(part))))
    return found


def _different(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    keys = dict.fromkeys([*old, *new])
    return [str(key) for key in keys if key not in ("stages", "id") and old.get(key) != new.get(key)]


def _name(stage: Mapping[str, Any]) -> LocalizedText:
    name = stage.get("name", stage["id"])
    if isinstance(name, Mapping):
        return LocalizedText(str(name.get("zh") or ""), str(name.get("en") or ""))
    return LocalizedText(str(name), str(name))


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return " / ".join(_said(one) for one in value.values())
    if isinstance(value, list):
        return "; ".join(_said(one) for one in value)
    return str(value)


def unified(before: str, after: str) -> list[str]:
    """Return the lines of a unified difference of two texts, both laid out alike first."""
    old, new = _laid_out(before), _laid_out(after)
    return list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]


def _laid_out(text: str) -> list[str]:
    given = drafts.mapping_of(text)
    return (drafts.written(given) if given is not None else text).splitlines()
