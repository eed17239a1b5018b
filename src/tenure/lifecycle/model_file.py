"""Models from YAML: the built-in ones, those of a lake, files and texts, or an error that names the mend.

Reading is strict: an unknown key is named together with the nearest right one, so that a typing error never becomes a
silently ignored setting.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import yaml

from tenure.errors import ModelError, RuleError
from tenure.facts.businesses import BUSINESSES
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.named_dates import NAMED_DATES
from tenure.lifecycle.model import FAMILIES, Cause, Model, Play, SourceReference, Stage
from tenure.rules.syntax.measure_calls import WORDS
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import (
    Among,
    And,
    Ever,
    Held,
    Not,
    Or,
    Otherwise,
    RuleNode,
    TextLiteral,
    kinds_of,
    measures_of,
    models_read_by,
)
from tenure.rules.syntax.windows import LONGEST_WINDOW
from tenure.words import LocalizedText, mark

if TYPE_CHECKING:
    from tenure.facts.lake import Lake

Item = TypeVar("Item")

# The rest of their fields is worked out from the file.
_MODEL_KEYS = [field.name for field in fields(Model) if field.name not in ("version", "named", "text", "others")]
_STAGE_KEYS = [field.name for field in fields(Stage) if field.name not in ("rule", "stay_rule")]
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_QUANTITY = re.compile(r"(-?\d+(?:\.\d+)?)\s*([dw%]?)")
_DURATION = re.compile(r"(\d{1,6})\s*([dw])", re.IGNORECASE)
_QUOTED = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def read(
    what: str | Path | Mapping[str, Any],
    kinds: Mapping[str, Kind] = KINDS,
    *,
    named_dates: Mapping[str, Sequence[str]] = NAMED_DATES,
    own: Mapping[str, str] | None = None,
    currency: str = "",
) -> Model:
    """Read a model.

    Parameters
    ----------
    what : str, Path or mapping
        The id of a built-in model, the path of a YAML file, YAML text (with a line break), or a parsed mapping.
    kinds : mapping of str to Kind, optional
        The fact kinds that rules may use.
    named_dates : mapping of str to sequence of str, optional
        The shop's named dates.
    own : mapping of str to str, optional
        The texts of a lake's own models by id, which go before the built-in ones where a rule reads another's stage.
    currency : str, optional
        In which texts write the parameters that are money; without it they are plain numbers.

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
    scope = _Scope(
        tuple(sorted(kinds.items())),
        tuple((name, tuple(specs)) for name, specs in sorted(named_dates.items())),
        tuple(sorted((own or {}).items())),
        currency,
    )
    if isinstance(what, Mapping):
        return _model(what, yaml.safe_dump(dict(what), allow_unicode=True, sort_keys=False), _Names(scope))
    return _read_text(_text_of(what), scope)


def read_in(lake: Lake, what: str | Path | Mapping[str, Any]) -> Model:
    """Read a model with the fact kinds, named dates and other models that a lake knows."""
    currency = lake.settings.currency
    return read(what, lake.kinds(), named_dates=lake.named_dates, own=own_texts(lake), currency=currency)


def parameters_of(given: Mapping[str, Any], kinds: Mapping[str, Kind] = KINDS) -> dict[str, Parameter]:
    """Return the parameters of a model's file, whatever else is wrong with it."""
    names = _Names(_Scope(tuple(kinds.items()), (), ()))
    return _parameters(given.get("parameters"), f"model {given.get('id', '?')}", names)


def own_texts(lake: Lake) -> dict[str, str]:
    """Return the texts of a lake's own models by id."""
    return {path.stem: _text_of(path) for path in sorted((lake.path / "models").glob("*.yaml"))}


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
    own = own_texts(lake)
    if given is None:
        given = list(dict.fromkeys([*builtin_texts(), *own]))
    kinds, named_dates, currency = lake.kinds(), lake.named_dates, lake.settings.currency
    models = [
        model
        if isinstance(model, Model)
        else read(own.get(str(model), model), kinds, named_dates=named_dates, own=own, currency=currency)
        for model in given
    ]
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


class KeysOnce:
    """Makes a YAML loader refuse a key that stands twice in one mapping, of which YAML keeps only the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                text = mark("Invalid YAML: %(key)r stands twice, on lines %(first)s and %(line)s. Remove one of them.")
                raise ModelError(text, key=key.value, first=lines[key.value], line=line)
            lines[key.value] = line
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)  # type: ignore[misc]
        return mapping


class _Loader(KeysOnce, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same safe reading, ten times as fast where the C library is there."""


def load_yaml(text: str, loader: Any = _Loader) -> Any:
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


class _Scope(NamedTuple):
    """What the rules of a lake's models may name, besides their own parameters."""

    kinds: tuple[tuple[str, Kind], ...]
    named_dates: tuple[tuple[str, tuple[str, ...]], ...]
    own: tuple[tuple[str, str], ...]  # the texts of the lake's own models by id
    currency: str = ""


@dataclass(frozen=True)
class _Names:
    """What the rules of one model may name."""

    scope: _Scope
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    reading: tuple[str, ...] = ()  # the models that are being read, each because the one before reads its stages

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        return dict(self.scope.kinds)

    def rule(self, text: str) -> RuleNode:
        return parse(text, self.kinds, parameters=self.parameters, named_dates=dict(self.scope.named_dates))


# Models cannot change, and a refresh asks for the same thirty several times.
@lru_cache(maxsize=256)
def _read_text(text: str, scope: _Scope, reading: tuple[str, ...] = ()) -> Model:
    given = load_yaml(text)
    if not isinstance(given, Mapping):
        raise ModelError(
            mark("A model must be a mapping with id, name and stages, not %(found)s."), found=type(given).__name__
        )
    return _model(given, text, _Names(scope, reading=reading))


class _Entry:
    """A mapping in the file whose keys are all known, with its place, which every error names."""

    def __init__(self, given: Any, keys: Sequence[str], where: str, names: _Names) -> None:
        self.given, self.where, self.names = given, where, names
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
            return _Entry(value, ["zh", "en"], f"{self.where}, {key}", self.names).both()
        return LocalizedText(self._filled(str(value), "zh"), self._filled(str(value), "en"))

    def both(self) -> LocalizedText:
        """Return the text whose two languages are keys of this mapping."""
        return LocalizedText(self._filled(self.string("zh"), "zh"), self._filled(self.string("en"), "en"))

    def _filled(self, text: str, language: Literal["zh", "en"]) -> str:
        """Return a text with the values of the parameters that it quotes."""

        def value(quoted: re.Match[str]) -> str:
            parameter = self.names.parameters.get(quoted[1])
            if parameter is None:
                known = ", ".join(self.names.parameters) or "-"
                raise self.wrong(
                    mark("%(where)s quotes the parameter %(name)s, which the model does not have. It has: %(known)s."),
                    name=quoted[1],
                    known=known,
                )
            return parameter.text(language, self.names.scope.currency)

        return _QUOTED.sub(value, text)

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
        return tuple(make(_Entry(item, keys, f"{self.where}, {key}", self.names)) for item in self.list(key))

    def one_of(self, key: str, value: str, known: Sequence[str]) -> str:
        if value not in known:
            near = get_close_matches(value, known, n=3, cutoff=0.5) or list(known[:12])
            text = mark("%(where)s: %(found)r is not a valid %(key)s. Try: %(near)s.")
            raise self.wrong(text, key=key, found=value, near=", ".join(near))
        return value

    def fact_kinds(self, key: str) -> tuple[str, ...]:
        return tuple(self.one_of(key, str(kind), tuple(self.names.kinds)) for kind in self.list(key))

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

    def needs(self) -> tuple[str, ...]:
        """Return needed kinds of fact; any of those that are written with | between will do."""
        known = tuple(self.names.kinds)
        alternatives = ([kind.strip() for kind in str(need).split("|")] for need in self.list("needs"))
        return tuple(" | ".join(self.one_of("needs", kind, known) for kind in kinds) for kinds in alternatives)

    def business_kinds(self) -> tuple[str, ...]:
        named = tuple(self.one_of("kind of business", str(kind), tuple(BUSINESSES)) for kind in self.list("businesses"))
        for kind in named:
            if named.count(kind) > 1:
                raise self.wrong(mark("%(where)s: businesses names %(kind)r twice. Remove one of them."), kind=kind)
        return named

    def rule(self, key: str = "when") -> RuleNode:
        when = self.string(key)
        if not when:
            raise self.wrong(
                mark("%(where)s has no rule. Add one, such as when: days_since(order) <= 45, or when: otherwise.")
            )
        try:
            return self.names.rule(when)
        except RuleError as wrong:
            wrong.add_note(self.where)
            wrong.where = self.where
            raise


def _model(given: Mapping[str, Any], text: str, names: _Names) -> Model:
    where = f"model {given.get('id', '?')}"
    if "stays_while" in given:
        wrong = mark("%(where)s: stays_while belongs to a stage: write it below the stage's when.")
        raise ModelError(wrong, where=where)
    names = replace(names, parameters=_parameters(given.get("parameters"), where, names))
    entry = _Entry(given, _MODEL_KEYS, where, names)
    model_id, stages = entry.id(), _stages(entry)
    ids = [stage.id for stage in stages]
    rule_kinds = tuple(dict.fromkeys(kind for stage in stages for rule in stage.rules for kind in kinds_of(rule)))
    others = _others(stages, replace(names, reading=(*names.reading, model_id)), where)
    read_from_file = {
        "id": model_id,
        "name": entry.text("name", model_id),
        "stages": stages,
        "path": _path(entry, ids),
        "named": len(given["path"]) if given.get("path") is not None else len(ids),
        "needs": entry.needs() if "needs" in given else rule_kinds,
        "enters": entry.fact_kinds("enters"),
        "settles": entry.days("settles", 0),
        "businesses": entry.business_kinds(),
        "subject": entry.one_of("subject", str(given.get("subject", "customer")), ("customer", "product")),
        "sources": tuple(_source(item, entry) for item in entry.list("sources")),
        "parameters": tuple(names.parameters.values()),
        "others": others,
    }
    # Whatever changes a model whose stages are read changes this one's spans too.
    version = hashlib.sha256("".join((text, *(other.version for other in others))).encode()).hexdigest()[:12]
    return Model(**{**entry.plain(Model), **read_from_file, "version": version, "text": text})


def _others(stages: Sequence[Stage], names: _Names, where: str) -> tuple[Model, ...]:
    """Return the models whose stages some rules read."""
    rules = [rule for stage in stages for rule in (*stage.rules, *(cause.rule for cause in stage.causes))]
    texts = builtin_texts() | dict(names.scope.own)
    others = []
    for name in dict.fromkeys(name for rule in rules for name in models_read_by(rule)):
        if name in names.reading:
            text = mark("%(where)s reads its own stages through %(path)s. Models cannot read each other in a circle.")
            raise ModelError(text, where=where, path=" -> ".join((*names.reading, name)))
        if name not in texts:
            near = ", ".join(get_close_matches(name, list(texts), n=3, cutoff=0.4)) or "tenure models list"
            text = mark("%(where)s reads the stage of %(name)r, but there is no such model. Try: %(near)s.")
            raise ModelError(text, where=where, name=name, near=near)
        others.append(_read_text(texts[name], names.scope, names.reading))
    return tuple(others)


def _parameters(given: Any, where: str, names: _Names) -> dict[str, Parameter]:
    """Read the parameters of a model: ``silent_after: 45d``, or a mapping with value, min, max, step, zh and en."""
    entry = _Entry(given or {}, list(given) if isinstance(given, Mapping) else [], f"{where}, parameters", names)
    parameters = {}
    for name, value in entry.given.items():
        if not _NAME.fullmatch(str(name)) or str(name) in (*WORDS, *MEASURES, *names.kinds):
            raise entry.wrong(
                mark(
                    "%(where)s: %(name)r cannot be the name of a parameter. Use lower case letters, digits and _,"
                    " and no word of the rule language."
                ),
                name=name,
            )
        keys = ["value", "min", "max", "step", "unit", "zh", "en"]
        part = _Entry(value if isinstance(value, Mapping) else {"value": value}, keys, f"{where}, {name}", names)
        parameters[str(name)] = _parameter(str(name), part)
    return parameters


def _parameter(name: str, entry: _Entry) -> Parameter:
    value, unit = _quantity(entry, "value")
    bounds = {key: _quantity(entry, key)[0] if key in entry.given else None for key in ("min", "max", "step")}
    low, high = bounds["min"], bounds["max"]
    if (low is not None and value < low) or (high is not None and value > high):
        text = mark("%(where)s: the value %(value)s lies outside %(low)s to %(high)s.")
        raise entry.wrong(text, value=entry.given["value"], low=entry.given.get("min"), high=entry.given.get("max"))
    if "unit" in entry.given:
        unit = entry.one_of("unit", entry.string("unit"), ("number", "days", "percent", "money"))
    label = LocalizedText(entry.string("zh"), entry.string("en"))
    return Parameter(name, value, unit, low, high, bounds["step"], label)


def _quantity(entry: _Entry, key: str) -> tuple[float, Any]:
    """Return a number of the file and its unit: 45d and 12w are days, 20% is a share."""
    given = entry.given.get(key)
    match = _QUANTITY.fullmatch(str(given).strip()) if not isinstance(given, bool) else None
    if match is None:
        text = mark("%(where)s: %(key)s must be a number, a share such as 20%%, or days such as 45d, not %(given)r.")
        raise entry.wrong(text, key=key, given=given)
    number, sign = float(match[1]), match[2]
    if sign == "%":
        return number / 100, "percent"
    number *= 7 if sign == "w" else 1
    return int(number) if number.is_integer() else number, "days" if sign else "number"


def _stages(model: _Entry) -> tuple[Stage, ...]:
    given = model.given.get("stages")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise model.wrong(mark("%(where)s has no stages. Add at least one."))
    settles = model.days("settles", 0)
    stages = tuple(
        _stage(stage, f"{model.where}, stage {n}", model.names, settles) for n, stage in enumerate(given, start=1)
    )
    ids = [stage.id for stage in stages]
    for stage in stages:
        for rule in stage.rules:
            _check_state(rule, ids, model)
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


def _stage(given: Any, where: str, names: _Names, settles: int) -> Stage:
    if not isinstance(given, Mapping):
        raise ModelError(mark("%(where)s must be a mapping with id and when."), where=where)
    entry = _Entry(given, _STAGE_KEYS, where, names)
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


def _check_state(node: RuleNode, ids: Sequence[str], model: _Entry) -> None:
    """Refuse what asks where the customer was, but not by itself, or for a stage that the model does not have."""
    asked = [measure for measure in measures_of(node) if measure.of_state]
    if not asked:
        return
    if isinstance(node, And | Or | Not):
        for child in node.children:
            _check_state(child, ids, model)
        return
    texts = [part.value for part in node.walk() if isinstance(part, TextLiteral)]
    values = [value for value in node.values if isinstance(value, str)] if isinstance(node, Among) else []
    for name in (*asked[0].arguments, *texts, *values):
        if name and name not in ids:
            near = ", ".join(get_close_matches(name, ids, n=3, cutoff=0.4) or ids)
            text = mark("%(where)s: %(part)s names %(name)r, which is no stage of this model. Try: %(near)s.")
            raise model.wrong(text, part=str(node), name=name, near=near)
    if isinstance(node, Held | Ever) or len(measures_of(node)) > 1:
        text = mark(
            "%(where)s: %(part)s mixes where the customer was with something else. Compare days_in_stage() with a"
            " number and previous_stage() with a stage's id, and join conditions by and, or, not."
        )
        raise model.wrong(text, part=str(node))


def _play(entry: _Entry) -> Play:
    return Play(entry.id(), entry.both(), entry.string("source"))


def _source(given: Any, model: _Entry) -> SourceReference:
    if isinstance(given, str):
        return SourceReference(given)
    entry = _Entry(given, ("ref", "quote"), f"{model.where}, sources", model.names)
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
