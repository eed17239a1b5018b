"""A model while it is being edited: its YAML and the editor's fields are two views of one text.

What the fields do not show (plays, sources, traits) stays as it is. A text whose fields were not touched stays the
same to the letter, comments included; touched ones are written anew in the product's own layout.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from math import inf, nan
from typing import Any

import yaml
from yaml.composer import ComposerError

from tenure.errors import ModelError
from tenure.lifecycle.file_entries import KeysOnce, load_yaml
from tenure.lifecycle.model import FAMILIES
from tenure.lifecycle.model_file import parameters_of
from tenure.lifecycle.model_parameters import set_parameters
from tenure.rules.syntax.parameters import Parameter
from tenure.words import mark

FLAGS = ("setback", "terminal", "without_facts")
DEEPEST = 20
SIGNS = {"days": "d", "percent": "%", "number": "", "money": ""}  # after a parameter's number, as files have it
NEW_RULE = "days_since(order) <= 45"


@dataclass(frozen=True, slots=True)
class StageFields:
    key: str  # its id when the text was read; steady while fields change
    zh: str
    en: str
    family: str
    when: str
    setback: bool
    terminal: bool
    without_facts: bool


@dataclass(frozen=True, slots=True)
class Fields:
    id: str
    zh: str
    en: str
    stepwise: bool
    stages: tuple[StageFields, ...]
    path: tuple[str, ...]


class _Layout(yaml.SafeDumper):
    """YAML as the shipped models are written: lists indented, innermost mappings in one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        scalars = [part for pair in node.value for part in pair if isinstance(part, yaml.ScalarNode)]
        short = sum(len(part.value) for part in scalars) <= 60
        node.flow_style = len(scalars) == 2 * len(node.value) and short
        return node


class _Plain(KeysOnce, yaml.SafeLoader):
    """YAML without aliases and without end of nesting: such a text can grow to any size when it is read."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        place = self.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            raise ComposerError(None, None, "aliases are not allowed in a model", place)
        if self.depth > DEEPEST:
            raise ComposerError(None, None, "too many brackets in brackets", place)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


def load(text: str) -> Any:
    return load_yaml(text, _Plain)


def written(content: Mapping[str, Any]) -> str:
    return yaml.dump(
        dict(content), Dumper=_Layout, allow_unicode=True, sort_keys=False, width=4096, default_flow_style=None
    )


def mapping_of(text: str) -> dict[str, Any] | None:
    """Return the mapping that a text holds, or None when it cannot be shown as fields."""
    try:
        content = load(text)
    except ModelError:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("stages"), list):
        return None
    stages = content["stages"]
    ids = [str(stage.get("id")) for stage in stages if isinstance(stage, dict) and stage.get("id")]
    return content if len(ids) == len(stages) == len(set(ids)) else None


def fields_of(text: str) -> Fields | None:
    """Return the editor's fields of a text, or None when only the text itself can be edited."""
    content = mapping_of(text)
    if content is None:
        return None
    stages = tuple(
        StageFields(
            str(stage["id"]),
            *both_languages(stage.get("name", stage["id"])),
            family=str(stage.get("family") or ""),
            when=str(stage.get("when") or ""),
            setback=stage.get("setback") is True,
            terminal=stage.get("terminal") is True,
            without_facts=stage.get("without_facts") is True,
        )
        for stage in content["stages"]
    )
    model_id = str(content.get("id", ""))
    names = both_languages(content.get("name", model_id))
    return Fields(model_id, *names, content.get("stepwise") is True, stages, tuple(_path(content)))


def both_languages(text: object) -> tuple[str, str]:
    """Return a text of the file in Chinese and English; one that is written plainly stands for both."""
    if isinstance(text, Mapping):
        return str(text.get("zh") or ""), str(text.get("en") or "")
    return str(text or ""), str(text or "")


def _path(content: Mapping[str, Any]) -> list[str]:
    ids = [str(stage["id"]) for stage in content["stages"]]
    path = content.get("path")
    return [str(stage) for stage in path] if isinstance(path, list) else ids


# From fields to text


def filled_in(text: str, posted: Mapping[str, str]) -> str:
    """Return the text with the names, rules and flags of posted fields put in.

    Fields are called ``name-zh``, ``name-en``, ``stepwise`` and, per stage key, ``stage-KEY-zh``, ``…-en``,
    ``…-family``, ``…-when`` and the flags.
    """
    content = mapping_of(text)
    if content is None or posted.get("fields") != "1":
        return text
    changed = copy.deepcopy(content)
    if posted.get("id"):
        changed["id"] = posted["id"].strip()
    _put_words(changed, "name", posted, "name", str(content.get("id", "")))
    _put_flag(changed, "stepwise", posted, "stepwise")
    for stage in changed["stages"]:
        if f"stage-{stage['id']}-when" in posted:
            _fill_stage(stage, posted, f"stage-{stage['id']}")
    return text if changed == content else written(changed)


def posted_parameters(posted: Mapping[str, str]) -> dict[str, str]:
    """Return the values of the fields ``parameter-NAME`` by name, in the unit that the form shows."""
    prefix = "parameter-"
    return {name.removeprefix(prefix): posted[name].strip() for name in posted if name.startswith(prefix)}


def with_parameters(text: str, numbers: Mapping[str, str]) -> str:
    """Return the text with other values of its parameters, or raise a ModelError for a value that is not valid."""
    content = mapping_of(text) if numbers else None
    if content is None:
        return text
    known = parameters_of(content)
    return set_parameters(
        text,
        {name: _file_value(number, known[name]) if name in known else number for name, number in numbers.items()},
    )


#: What is said of a number outside its bounds, by whether there is a lower and an upper one.
_OUTSIDE = {
    (True, True): mark("%(name)s: enter a value from %(low)s to %(high)s."),
    (True, False): mark("%(name)s: enter a value of at least %(low)s."),
    (False, True): mark("%(name)s: enter a value of at most %(high)s."),
    (False, False): mark("%(name)s: enter a number."),
}


def _file_value(number: str, parameter: Parameter) -> str:
    """Return a number of the form as files have it; errors name it and its bounds as the form does."""
    try:
        value = float(Decimal(number.strip()) / (100 if parameter.unit == "percent" else 1))
    except InvalidOperation:
        value = nan
    low = -inf if parameter.minimum is None else parameter.minimum
    high = inf if parameter.maximum is None else parameter.maximum
    words = {"name": parameter.label.render() or parameter.name}
    if not low <= value <= high or abs(value) == inf:
        limits = {"low": parameter.minimum, "high": parameter.maximum}
        bounds = {
            key: replace(parameter, value=bound).value_text("") for key, bound in limits.items() if bound is not None
        }
        raise ModelError(_OUTSIDE["low" in bounds, "high" in bounds], **words, **bounds)
    if parameter.in_days and not value.is_integer():
        raise ModelError(mark("%(name)s: enter a whole number of days."), **words)
    return f"{Decimal(number.strip()):f}{SIGNS[parameter.unit]}"


def _fill_stage(stage: dict[str, Any], posted: Mapping[str, str], prefix: str) -> None:
    _put_words(stage, "name", posted, prefix, str(stage["id"]))
    rule = posted[f"{prefix}-when"].replace("\r\n", "\n").strip()
    if rule != str(stage.get("when") or "").strip():
        stage["when"] = rule
    family = posted.get(f"{prefix}-family", "")
    if family in FAMILIES:
        stage["family"] = family
    elif "family" in stage and not family:
        del stage["family"]
    for flag in FLAGS:
        _put_flag(stage, flag, posted, f"{prefix}-{flag}")


def _put_words(target: dict[str, Any], key: str, posted: Mapping[str, str], prefix: str, default: str) -> None:
    if f"{prefix}-zh" not in posted or f"{prefix}-en" not in posted:
        return
    zh, en = posted[f"{prefix}-zh"].strip(), posted[f"{prefix}-en"].strip()
    if (zh, en) != both_languages(target.get(key, default)):
        target[key] = {"zh": zh, "en": en}


def _put_flag(target: dict[str, Any], key: str, posted: Mapping[str, str], name: str) -> None:
    ticked = posted.get(name) in ("on", "1", "true")
    if ticked and target.get(key) is not True:
        target[key] = True
    elif not ticked and target.get(key) is True:
        del target[key]


# What the editor's buttons do


def apply_command(text: str, command: str) -> str:
    """Return the text after a button: ``add``, or ``up`` ``down`` ``earlier`` ``later`` ``remove`` with ``:KEY``."""
    content = mapping_of(text)
    if content is None:
        return text
    verb, _, key = command.partition(":")
    changed = copy.deepcopy(content)
    ids = [str(stage["id"]) for stage in changed["stages"]]
    if verb == "add":
        _add(changed, ids)
    elif key in ids and verb == "remove" and len(ids) > 1:
        changed["stages"] = [stage for stage in changed["stages"] if str(stage["id"]) != key]
        if isinstance(changed.get("path"), list):
            changed["path"] = [stage for stage in changed["path"] if str(stage) != key]
    elif key in ids and verb in ("up", "down"):
        _swap(changed["stages"], ids.index(key), -1 if verb == "up" else 1)
    elif verb in ("earlier", "later") and key in (path := _path(changed)):
        _swap(path, path.index(key), -1 if verb == "earlier" else 1)
        changed["path"] = path
    return text if changed == content else written(changed)


def _swap(items: list[Any], place: int, step: int) -> None:
    other = place + step
    if 0 <= other < len(items):
        items[place], items[other] = items[other], items[place]


def _add(content: dict[str, Any], ids: list[str]) -> None:
    number = next(n for n in range(len(ids) + 1, 10_000) if f"stage-{n}" not in ids)
    path = _path(content)
    stage = {"id": f"stage-{number}", "name": {"zh": f"阶段 {number}", "en": f"Stage {number}"}, "when": NEW_RULE}
    last = content["stages"][-1]
    # otherwise stands last: nothing below it would ever be tried.
    place = len(ids) - 1 if str(last.get("when", "")).strip().lower() == "otherwise" else len(ids)
    content["stages"].insert(place, stage)
    if isinstance(content.get("path"), list):
        content["path"] = [*path, stage["id"]]


def copied(text: str, model_id: str, zh: str, en: str) -> str:
    """Return a model's text as a new model of another id and name."""
    content = load(text)
    changed = {"id": model_id, "name": {"zh": zh or en or model_id, "en": en or zh or model_id}}
    changed.update({key: value for key, value in content.items() if key not in ("id", "name", "checklist")})
    return written(changed)


def id_of(name: str, taken: set[str]) -> str:
    """Return a free id made of a name: letters, digits and hyphens."""
    plain = re.sub(r"[^0-9a-z]+", "-", name.lower())[:60].strip("-") or "model"
    numbered = (f"{plain}-{n}" for n in range(2, 10_000))
    return next(model_id for model_id in (plain, *numbered) if model_id not in taken)


def empty(model_id: str) -> str:
    """Return the text that a new model starts from."""
    return written(
        {
            "id": model_id,
            "name": {"zh": "新模型", "en": "New model"},
            "stages": [
                {"id": "active", "name": {"zh": "活跃", "en": "Active"}, "family": "F6", "when": NEW_RULE},
                {"id": "other", "name": {"zh": "其他", "en": "Other"}, "family": "F9", "when": "otherwise"},
            ],
        }
    )
