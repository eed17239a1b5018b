"""Models from YAML: the built-in ones, those of a lake, files and texts, or an error that names the mend.

Reading is strict: an unknown key is named together with the nearest right one, so that a typing error never becomes a
silently ignored setting.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from tenure.errors import ModelError, RuleError
from tenure.facts.kinds import KINDS, Kind
from tenure.lifecycle.model import FAMILIES, Cause, Model, Play, SourceReference, Stage
from tenure.rules.syntax.parser import LONGEST_WINDOW, parse
from tenure.rules.syntax.tree import Otherwise, RuleNode, kinds_of
from tenure.words import LocalizedText, mark

if TYPE_CHECKING:
    from tenure.facts.lake import Lake

Item = TypeVar("Item")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same safe reading, ten times as fast
# The rest of their fields is worked out from the file.
_MODEL_KEYS = [field.name for field in fields(Model) if field.name not in ("version", "named", "text")]
_STAGE_KEYS = [field.name for field in fields(Stage) if field.name not in ("rule", "stay_rule")]
_DURATION = re.compile(r"(\d{1,6})\s*([dw])", re.IGNORECASE)


def read(what: str | Path | Mapping[str, Any], kinds: Mapping[str, Kind] = KINDS) -> Model:
    """Read a model.

    Parameters
    ----------
    what : str, Path or mapping
        The id of a built-in model, the path of a YAML file, YAML text (with a line break), or a parsed mapping.
    kinds : mapping of str to Kind, optional
        The fact kinds that rules may use.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        When there is no such model, or it breaks the schema.
    RuleError
        When a rule cannot be understood.
    """
    if isinstance(what, Mapping):
        return _model(what, yaml.safe_dump(dict(what), allow_unicode=True, sort_keys=False), kinds)
    return _read_text(_text_of(what), tuple(sorted(kinds.items())))


@cache
def builtin_texts() -> dict[str, str]:
    folder = files("tenure.lifecycle") / "models"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml"))
    return {name.removesuffix(".yaml"): (folder / name).read_text(encoding="utf-8") for name in names}


@cache
def builtin() -> dict[str, Model]:
    """Return every built-in model by its id."""
    return {name: read(name) for name in builtin_texts()}


def models_of(lake: Lake, given: Sequence[str | Path | Model] | None = None) -> list[Model]:
    """Return models of a lake: the given ones, or all built-in ones and the lake's own.

    A lake's own file ``models/ID.yaml`` goes before the built-in model of that id.
    """
    paths = {path.stem: path for path in sorted((lake.path / "models").glob("*.yaml"))}
    kinds = lake.kinds()
    if given is None:
        given = list(dict.fromkeys([*builtin_texts(), *paths]))
    models = [model if isinstance(model, Model) else read(paths.get(str(model), model), kinds) for model in given]
    for model in models:
        if [other.id for other in models].count(model.id) > 1:
            raise ModelError(mark("Two models have the id %(id)r. Change one of them."), id=model.id)
    return models


def _text_of(what: str | Path) -> str:
    if isinstance(what, str) and "\n" in what:
        return what
    if (text := builtin_texts().get(str(what))) is not None:
        return text
    path = Path(what)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        try:
            return path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as wrong:
            text = mark("Could not read model file %(path)s: %(why)s.")
            raise ModelError(text, path=str(path), why=wrong) from wrong
    near = get_close_matches(str(what), list(builtin_texts()), n=3, cutoff=0.5)
    hint = ", ".join(near) or "tenure models list"
    raise ModelError(
        mark("No built-in model or model file is named %(name)r. Try: %(hint)s."), name=str(what), hint=hint
    )


def load_yaml(text: str, loader: Any) -> Any:
    """Return what a YAML text holds; raise a ModelError with the line when it cannot be read."""
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - callers give safe loaders only
    except (yaml.YAMLError, ValueError) as wrong:  # ValueError: an impossible date
        place = getattr(wrong, "problem_mark", None)
        raise ModelError(
            mark("Invalid YAML: %(problem)s on line %(line)s. Put rules that contain # or : in quotation marks."),
            problem=getattr(wrong, "problem", "") or str(wrong),
            line=place.line + 1 if place else "?",
        ) from wrong


# Models cannot change, and a refresh asks for the same thirty several times.
@lru_cache(maxsize=256)
def _read_text(text: str, kinds: tuple[tuple[str, Kind], ...]) -> Model:
    given = load_yaml(text, _LOADER)
    if not isinstance(given, Mapping):
        raise ModelError(
            mark("A model must be a mapping with id, name and stages, not %(found)s."), found=type(given).__name__
        )
    return _model(given, text, dict(kinds))


class _Entry:
    """A mapping in the file whose keys are all known, with its place, which every error names."""

    def __init__(self, given: Any, keys: Sequence[str], where: str, kinds: Mapping[str, Kind]) -> None:
        self.given, self.where, self.kinds = given, where, kinds
        if not isinstance(given, Mapping):
            raise self.wrong(mark("%(where)s must be a mapping with %(keys)s."), keys=", ".join(keys))
        for key in given:
            if key not in keys:
                near = get_close_matches(str(key), keys, n=1, cutoff=0.4) or [", ".join(keys)]
                text = mark("%(where)s has an unknown key %(key)r. Did you mean %(near)s?")
                raise self.wrong(text, key=key, near=near[0])

    def wrong(self, text: str, **data: Any) -> ModelError:
        return ModelError(text, where=self.where, **data)

    def id(self) -> str:
        value = self.given.get("id")
        text = str(value) if value is not None else ""
        if not text or not all(part.isalnum() for part in text.replace("_", "-").split("-")):
            raise self.wrong(
                mark(
                    "%(where)s: id must consist of letters, digits and hyphens, such as loyal-customer, not %(found)r."
                ),
                found=value,
            )
        return text

    def string(self, key: str) -> str:
        return str(self.given.get(key) or "").strip()

    def text(self, key: str, default: object = None) -> LocalizedText:
        """Return a text in both languages; one that is written plainly stands for both."""
        value = self.given.get(key, default)
        if value is None:
            return LocalizedText()
        if isinstance(value, Mapping):
            parts = _Entry(value, ["zh", "en"], f"{self.where}, {key}", self.kinds)
            return LocalizedText(parts.string("zh"), parts.string("en"))
        return LocalizedText(str(value), str(value))

    def flag(self, key: str) -> bool:
        value = self.given.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(mark("%(where)s: %(key)s must be true or false, not %(found)r."), key=key, found=value)
        return value

    def plain(self, cls: type[Model] | type[Stage]) -> dict[str, Any]:
        """Return the fields of a class that are texts, strings and flags."""
        readers: dict[object, Callable[[str], Any]]
        readers = {"LocalizedText": self.text, "str": self.string, "bool": self.flag}
        return {field.name: readers[field.type](field.name) for field in fields(cls) if field.type in readers}

    def list(self, key: str) -> Sequence[Any]:
        value = self.given.get(key) or ()
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self.wrong(mark("%(where)s: %(key)s must be a list."), key=key)
        return value

    def entries(self, key: str, keys: Sequence[str], make: Callable[[_Entry], Item]) -> tuple[Item, ...]:
        return tuple(make(_Entry(item, keys, f"{self.where}, {key}", self.kinds)) for item in self.list(key))

    def one_of(self, key: str, value: str, known: Sequence[str]) -> str:
        if value not in known:
            near = get_close_matches(value, known, n=3, cutoff=0.5) or list(known[:12])
            text = mark("%(where)s: %(found)r is not a valid %(key)s. Try: %(near)s.")
            raise self.wrong(text, key=key, found=value, near=", ".join(near))
        return value

    def fact_kinds(self, key: str) -> tuple[str, ...]:
        return tuple(self.one_of(key, str(kind), tuple(self.kinds)) for kind in self.list(key))

    def days(self, key: str, default: int) -> int:
        """Return a number of days, written such as 14d or 2w."""
        if key not in self.given:
            return default
        written = _DURATION.fullmatch(str(self.given[key]).strip())
        days = int(written[1]) * (7 if written[2] in "wW" else 1) if written else -1
        if not 0 <= days <= LONGEST_WINDOW:
            text = mark(
                "%(where)s: %(key)s must be a number of days or weeks up to %(most)sd, such as 14d or 2w, or 0d for"
                " at once, not %(found)r."
            )
            raise self.wrong(text, key=key, most=LONGEST_WINDOW, found=self.given[key])
        return days

    def rule(self, key: str = "when") -> RuleNode:
        when = self.string(key)
        if not when:
            raise self.wrong(
                mark("%(where)s has no rule. Add one, such as when: days_since(order) <= 45, or when: otherwise.")
            )
        try:
            return parse(when, self.kinds)
        except RuleError as wrong:
            wrong.add_note(self.where)
            wrong.where = self.where
            raise


def _model(given: Mapping[str, Any], text: str, kinds: Mapping[str, Kind]) -> Model:
    where = f"model {given.get('id', '?')}"
    if "stays_while" in given:
        text = mark("%(where)s: stays_while belongs to a stage: write it below the stage's when.")
        raise ModelError(text, where=where)
    entry = _Entry(given, _MODEL_KEYS, where, kinds)
    model_id, stages = entry.id(), _stages(entry)
    ids = [stage.id for stage in stages]
    rule_kinds = tuple(dict.fromkeys(kind for stage in stages for rule in stage.rules for kind in kinds_of(rule)))
    read_from_file = {
        "id": model_id,
        "name": entry.text("name", model_id),
        "stages": stages,
        "path": _path(entry, ids),
        "named": len(given["path"]) if given.get("path") is not None else len(ids),
        "needs": entry.fact_kinds("needs") if "needs" in given else rule_kinds,
        "enters": entry.fact_kinds("enters"),
        "settles": entry.days("settles", 0),
        "subject": entry.one_of("subject", str(given.get("subject", "customer")), ("customer", "product")),
        "sources": tuple(_source(item, entry) for item in entry.list("sources")),
    }
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Model(**{**entry.plain(Model), **read_from_file, "version": version, "text": text})


def _stages(model: _Entry) -> tuple[Stage, ...]:
    given = model.given.get("stages")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise model.wrong(mark("%(where)s has no stages. Add at least one."))
    settles = model.days("settles", 0)
    stages = tuple(
        _stage(stage, f"{model.where}, stage {n}", model.kinds, settles) for n, stage in enumerate(given, start=1)
    )
    ids = [stage.id for stage in stages]
    for place, stage in enumerate(stages):
        if ids.count(stage.id) > 1:
            raise model.wrong(mark("%(where)s has two stages with the id %(id)r."), id=stage.id)
        if isinstance(stage.rule, Otherwise) and place < len(stages) - 1:
            raise model.wrong(
                mark(
                    "%(where)s: stage %(id)r matches everyone (otherwise); later stages are unreachable. Put it last."
                ),
                id=stage.id,
            )
    return stages


def _stage(given: Any, where: str, kinds: Mapping[str, Kind], settles: int) -> Stage:
    if not isinstance(given, Mapping):
        raise ModelError(mark("%(where)s must be a mapping with id and when."), where=where)
    entry = _Entry(given, _STAGE_KEYS, where, kinds)
    stage_id = entry.id()
    entry.where = f"{where} ({stage_id})"  # from here on errors can name the stage
    family, rule = entry.string("family"), entry.rule()
    read_from_file = {
        "id": stage_id,
        "name": entry.text("name", stage_id),
        "rule": rule,
        "stay_rule": _stay_rule(entry, rule),
        "settles": entry.days("settles", settles),
        "family": entry.one_of("family", family, FAMILIES) if family else "",
        "advised": entry.entries("advised", ("id", "zh", "en", "source"), _play),
        "discouraged": entry.entries("discouraged", ("id", "zh", "en", "source"), _play),
        "causes": entry.entries(
            "causes",
            ("id", "name", "when"),
            lambda cause: Cause(cause.id(), cause.text("name", cause.id()), cause.string("when"), cause.rule()),
        ),
    }
    return Stage(**{**entry.plain(Stage), **read_from_file})


def _stay_rule(entry: _Entry, rule: RuleNode) -> RuleNode | None:
    if not entry.string("stays_while"):
        return None
    if isinstance(rule, Otherwise):
        raise entry.wrong(mark("%(where)s matches everyone (otherwise), so stays_while changes nothing. Remove it."))
    stays = entry.rule("stays_while")
    if isinstance(stays, Otherwise):
        text = mark(
            "%(where)s: stays_while must say when somebody stays; with otherwise only an earlier stage would lead out."
            " For that, write terminal: true, or a condition such as days_since(order) <= 60."
        )
        raise entry.wrong(text)
    return stays


def _play(entry: _Entry) -> Play:
    return Play(entry.id(), LocalizedText(entry.string("zh"), entry.string("en")), entry.string("source"))


def _source(given: Any, model: _Entry) -> SourceReference:
    if isinstance(given, str):
        return SourceReference(given)
    entry = _Entry(given, ("ref", "quote"), f"{model.where}, sources", model.kinds)
    return SourceReference(entry.string("ref"), entry.string("quote"))


def _path(model: _Entry, ids: list[str]) -> tuple[str, ...]:
    """Return the stages in the order of life: the file's path, then the stages that it leaves out."""
    path = tuple(str(stage) for stage in model.given.get("path") or ())
    wrong = sorted({stage for stage in path if stage not in ids or path.count(stage) > 1})
    if wrong:
        raise model.wrong(
            mark("%(where)s: path contains unknown or repeated stages: %(wrong)s. Valid stages: %(ids)s."),
            wrong=", ".join(wrong),
            ids=", ".join(ids),
        )
    return (*path, *(stage for stage in ids if stage not in path))
