"""The editor's form of a model's stages: buttons and fields, ready for their templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.translation import gettext as _

from tenure.words import LocalizedText
from tenure_app.lifecycle.titles import family_names

if TYPE_CHECKING:
    from tenure_app.lifecycle.definitions.drafts import Fields


class Command(NamedTuple):
    """A button that changes the text: what it does, to which stage."""

    verb: str
    key: str
    icon: str
    label: str
    disabled: bool = False


def names_of(prefix: str, suffix: str, words: Any) -> list[dict[str, str]]:
    """Return the fields of a name in Chinese and English; prefix and suffix make their ids and names."""
    labels = {"zh": _("Name in Chinese"), "en": _("Name in English")}
    return [
        {
            "id": f"{language}-{suffix}" if suffix else f"f-{language}",
            "name": f"{prefix}-{language}",
            "label": label,
            "value": getattr(words, language),
            "language": language,
        }
        for language, label in labels.items()
    ]


def stages_of(fields: Fields) -> list[dict[str, Any]]:
    """Return the stages of a model in the order of their rules."""
    families, last = [item for item in family_names().items() if item[0]], len(fields.stages) - 1
    stages = []
    for place, stage in enumerate(fields.stages):
        key, name = stage.key, LocalizedText(stage.zh, stage.en).render() or stage.key
        words = {"name": name}
        commands = (  # on its rule
            Command("up", key, "arrow-up", _("Try %(name)s earlier") % words, place == 0),
            Command("down", key, "arrow-down", _("Try %(name)s later") % words, place == last),
            Command("remove", key, "trash", _("Remove %(name)s") % words, last == 0),
        )
        flags = (
            ("setback", stage.setback, _("Setback: can be entered from anywhere, is no step of the path")),
            ("terminal", stage.terminal, _("End: only a new fact leads out again")),
            (
                "without_facts",
                stage.without_facts,
                _("Also takes customers of whom nothing is known yet but their record"),
            ),
        )
        earlier = Command("earlier", key, "chevron-left", _("%(name)s earlier") % words)
        stages.append(
            {
                "fields": stage,
                "name": name,
                "commands": commands,
                # On its place in the order of life; the first goes no earlier.
                "earlier": earlier if key not in fields.path[:1] else None,
                "later": Command("later", key, "chevron-right", _("%(name)s later") % words),
                "names": names_of(f"stage-{key}", key, stage),
                "families": families,
                "flags": flags,
            }
        )
    return stages


def path_of(fields: Fields, stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the stages in the order of a customer's life."""
    by_key = {stage["fields"].key: stage for stage in stages}
    return [by_key[key] for key in fields.path if key in by_key]
