"""The editor's form of one stage: its buttons and fields, ready for their templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from tenure.words import LocalizedText
from tenure_app.lifecycle.titles import family_names

if TYPE_CHECKING:
    from tenure_app.lifecycle.definitions.drafts import Fields, StageFields


@dataclass(frozen=True, slots=True)
class Command:
    """A button that changes the text: what it does, to which stage."""

    verb: str
    key: str
    icon: str
    label: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """The field of a name in one language."""

    id: str
    name: str
    label: str
    value: str
    language: str


@dataclass(frozen=True, slots=True)
class StageForm:
    """One stage of the editor."""

    fields: StageFields
    name: str
    commands: tuple[Command, ...]  # on its rule
    earlier: Command | None  # on its place in the order of the stages; the first has none
    later: Command
    names: list[Name]
    families: list[tuple[str, str]]
    flags: tuple[tuple[str, bool, str], ...]


def names_of(fields: Fields) -> list[Name]:
    """Return the fields of the model's name."""
    return [
        Name("f-zh", "name-zh", _("Name in Chinese"), fields.zh, "zh"),
        Name("f-en", "name-en", _("Name in English"), fields.en, "en"),
    ]


def stages_of(fields: Fields) -> list[StageForm]:
    """Return the stages of a model in the order of their rules."""
    families = [(family, name) for family, name in family_names().items() if family]
    return [_stage(fields, place, families) for place in range(len(fields.stages))]


def path_of(fields: Fields, stages: list[StageForm]) -> list[StageForm]:
    """Return the stages in the order of a customer's life."""
    by_key = {stage.fields.key: stage for stage in stages}
    return [by_key[key] for key in fields.path if key in by_key]


def _stage(fields: Fields, place: int, families: list[tuple[str, str]]) -> StageForm:
    stage, count = fields.stages[place], len(fields.stages)
    key, name = stage.key, LocalizedText(stage.zh, stage.en).render() or stage.key
    words = {"name": name}
    return StageForm(
        stage,
        name,
        commands=(
            Command("up", key, "arrow-up", _("Try %(name)s earlier") % words, place == 0),
            Command("down", key, "arrow-down", _("Try %(name)s later") % words, place == count - 1),
            Command("remove", key, "trash", _("Remove %(name)s") % words, count == 1),
        ),
        earlier=(
            Command("earlier", key, "chevron-left", _("%(name)s earlier") % words)
            if key not in fields.path[:1]
            else None
        ),
        later=Command("later", key, "chevron-right", _("%(name)s later") % words),
        names=[
            Name(f"zh-{key}", f"stage-{key}-zh", _("Name in Chinese"), stage.zh, "zh"),
            Name(f"en-{key}", f"stage-{key}-en", _("Name in English"), stage.en, "en"),
        ],
        families=families,
        flags=(
            ("setback", stage.setback, _("Setback: can be entered from anywhere, is no step of the path")),
            ("terminal", stage.terminal, _("End: only a new fact leads out again")),
            (
                "without_facts",
                stage.without_facts,
                _("Also takes customers of whom nothing is known yet but their record"),
            ),
        ),
    )
