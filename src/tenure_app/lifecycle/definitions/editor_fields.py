"""The editor's form: fields and buttons of a text, and what its check says, ready for their templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from tenure.errors import RuleError, TenureError
from tenure.facts.kinds import Kind
from tenure.lifecycle.model import Model, stage_names
from tenure.lifecycle.model_file import builtin_texts, parameters_of
from tenure.rules.syntax.completion import KnownNames
from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.parser import parse
from tenure.rules.wording.sentence import sentence
from tenure.words import LocalizedText, current_language
from tenure.words.formats import symbol
from tenure_app.lifecycle.definitions import drafts, queries
from tenure_app.lifecycle.definitions.drafts import Fields
from tenure_app.lifecycle.definitions.queries import InForce
from tenure_app.lifecycle.titles import family_names
from tenure_app.web.layout import business


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


def parameters(text: str, now: InForce | None, posted: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the parameters of a text for its form, with posted values that the text does not hold.

    Their defaults are those shipped, else those in force.
    """
    shipped = builtin_texts().get(now.id, now.text) if now else text
    try:
        known, defaults = (parameters_of(drafts.mapping_of(version) or {}) for version in (text, shipped))
    except TenureError:  # the check says what is wrong with them
        return []
    currency = business().currency
    units = {"days": _("days"), "percent": "%", "money": symbol(currency), "number": ""}
    return [
        {
            "name": name,
            "label": parameter.label.render() or name,
            "unit": units[parameter.unit],
            "slides": None not in (parameter.minimum, parameter.maximum),
            "default": _number(defaults[name].value, parameter) if name in defaults else "",
            "default_text": defaults[name].value_text(currency) if name in defaults else "",
            **{key: _number(getattr(parameter, key), parameter) for key in ("minimum", "maximum", "step")},
            "value": posted.get(name, _number(parameter.value, parameter)),
        }
        for name, parameter in known.items()
    ]


def _number(value: float | None, parameter: Parameter) -> str:
    """Return a number as the fields of a browser have it; shares in percent."""
    if value is None:
        return ""
    return f"{(Decimal(str(value)) * (100 if parameter.unit == 'percent' else 1)).normalize():f}"


def path_of(fields: Fields, stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the stages in the order of a customer's life."""
    by_key = {stage["fields"].key: stage for stage in stages}
    return [by_key[key] for key in fields.path if key in by_key]


# The check: each rule as a sentence, or the place, the cause and the nearest name


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong: the cause, and for a rule its place and right names near the wrong one."""

    cause: str
    near: tuple[str, ...] = ()
    start: int = 0
    end: int = 0
    left: str = ""  # of the rule, before and after what is wrong
    wrong: str = ""
    right: str = ""
    where: str = ""

    @classmethod
    def of(cls, error: TenureError) -> Trouble:
        if not isinstance(error, RuleError):
            return cls(error.say())
        start, end = min(error.start, len(error.rule)), min(error.end, len(error.rule))
        pieces = (error.rule[:start], error.rule[start:end] or " ", error.rule[end:])
        cause = error.message.render(current_language())
        return cls(cause, error.nearest, start, max(end, start), *pieces, where=error.where)


class RuleCheck(NamedTuple):
    sentence: str = ""
    trouble: Trouble | None = None


class ModelCheck(NamedTuple):
    model: Model | None  # that the text is
    rules: dict[str, RuleCheck]  # by the keys of their stages
    trouble: Trouble | None = None


def names_in(text: str, fields: Fields | None) -> KnownNames:
    """Return what a rule of a model may name: its own parameters and stages, other models, what the lake holds."""
    language = current_language()
    stages = stage_names(queries.models_in_force().values(), "", language)
    if fields:
        stages[""] = {stage.key: LocalizedText(stage.zh, stage.en).render(language) for stage in fields.stages}
    try:
        known = parameters_of(drafts.mapping_of(text) or {}, queries.known_kinds())
    except TenureError:  # the check says what is wrong with them
        known = {}
    return replace(queries.names_in_lake(), parameters=known, stages=stages)


def check(text: str, unfilled: TenureError | None = None) -> ModelCheck:
    """Check a text, and whether the fields could be put into it."""
    kinds, fields = queries.known_kinds(), drafts.fields_of(text)
    names = names_in(text, fields)
    rules = {stage.key: _check_rule(stage.when, kinds, names) for stage in fields.stages} if fields else {}
    try:
        if unfilled:
            raise unfilled
        return ModelCheck(queries.read(text), rules)
    except TenureError as error:
        return ModelCheck(None, rules, Trouble.of(error))


def _check_rule(rule: str, kinds: Mapping[str, Kind], names: KnownNames) -> RuleCheck:
    try:
        tree = parse(rule.strip(), kinds, parameters=names.parameters, named_dates=names.named_dates)
        return RuleCheck(sentence(tree, current_language(), names.stages))
    except RuleError as error:
        return RuleCheck(trouble=Trouble.of(error))
