"""Models from YAML: the built-in ones, those of a lake, files and texts, or an error that names the mend."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from tenure.errors import ModelError, TenureError
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.named_dates import NAMED_DATES
from tenure.facts.schema import FACT_TABLES
from tenure.lifecycle.file_entries import WRONG_COLON, FileEntry, Names, Scope, check_colons, key_meant, load_yaml
from tenure.lifecycle.model import FAMILIES, Cause, Model, Play, SourceReference, Stage
from tenure.lifecycle.model_folder import own_files, refuse_doubles
from tenure.lifecycle.model_parameters import read_parameters
from tenure.rules.evaluation.published import named_days
from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.tree import (
    Among,
    And,
    Comparison,
    Ever,
    Held,
    Measure,
    Not,
    Or,
    Otherwise,
    RuleNode,
    TextLiteral,
    kinds_of,
    measures_of,
    models_read_by,
)
from tenure.words import mark

if TYPE_CHECKING:
    from tenure.facts.lake import Lake

Item = TypeVar("Item")

# The rest of their fields is worked out from the file.
_MODEL_KEYS = [field.name for field in fields(Model) if field.name not in ("version", "named", "text", "others")]
_STAGE_KEYS = [field.name for field in fields(Stage) if field.name not in ("rule", "stay_rule")]


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
    scope = Scope(
        tuple(sorted(kinds.items())),
        tuple((name, tuple(specs)) for name, specs in sorted(named_dates.items())),
        tuple(sorted((own or {}).items())),
        currency,
    )
    if isinstance(what, Mapping):
        return _model(what, yaml.safe_dump(dict(what), allow_unicode=True, sort_keys=False), Names(scope))
    text = text_of(what, own or ())
    with _in_file("" if what in (text, *builtin_texts()) else str(what)):
        return _read_text(text, scope)


@contextmanager
def _in_file(file: str) -> Iterator[None]:
    """Let what is wrong with a model name its file; errors in a model that it reads have named theirs."""
    try:
        yield
    except TenureError as wrong:
        wrong.file = wrong.file or file
        raise


def read_in(lake: Lake, what: str | Path | Mapping[str, Any], *, own: Mapping[str, str] | None = None) -> Model:
    """Read a model with the fact kinds, named dates and other models that a lake knows; `own` are its own texts."""
    own = own_texts(lake) if own is None else own
    kinds, named_dates, currency = lake.kinds(), lake.named_dates, lake.settings.currency
    known = own.get(str(what)) if isinstance(what, str | Path) else None
    with _in_file("" if known is None else str(own_files(lake.path / "models")[str(what)])):
        return read(known or what, kinds, named_dates=named_dates, own=own, currency=currency)


def parameters_of(given: Mapping[str, Any], kinds: Mapping[str, Kind] = KINDS) -> dict[str, Parameter]:
    """Return the parameters of a model's file, whatever else is wrong with it."""
    names = Names(Scope(tuple(kinds.items()), (), ()))
    return read_parameters(given.get("parameters"), f"model {given.get('id', '?')}", names)


def own_model_ids(lake: Lake) -> list[str]:
    """Return the ids of a lake's own models."""
    return sorted(own_files(lake.path / "models"))


def own_texts(lake: Lake) -> dict[str, str]:
    """Return the texts of a lake's own models by id."""
    return {model_id: text_of(path) for model_id, path in sorted(own_files(lake.path / "models").items())}


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

    A lake's own file, of whatever name, goes before the built-in model of the id in it.
    """
    own = own_texts(lake)
    if given is None:
        given = list(dict.fromkeys([*builtin_texts(), *own]))
    refuse_doubles(lake.path / "models", {str(model) for model in given})
    models = [model if isinstance(model, Model) else read_in(lake, model, own=own) for model in given]
    for model in models:
        if [other.id for other in models].count(model.id) > 1:
            raise ModelError(mark("Two models have the id %(id)r. Change one of them."), id=model.id)
    return models


def text_of(what: str | Path, own: Iterable[str] = ()) -> str:
    """Return the text of a built-in model or a model file; a text is itself. Errors suggest ids of `own` models too."""
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
    near = get_close_matches(str(what), [*builtin_texts(), *own], n=3, cutoff=0.5)
    hint = ", ".join(near) or "tenure models list"
    raise ModelError(mark("No model or model file is named %(name)r. Try: %(hint)s."), name=str(what), hint=hint)


# Models cannot change, and a refresh asks for the same thirty several times.
@lru_cache(maxsize=256)
def _read_text(text: str, scope: Scope, reading: tuple[str, ...] = ()) -> Model:
    given = load_yaml(text)
    if not isinstance(given, Mapping):
        check_colons(text)
        if given is None:
            raise ModelError(mark("The model is empty. Write its id, its name and at least one stage."))
        raise ModelError(mark("A model must be a mapping with id, name and stages."))
    return _model(given, text, Names(scope, reading=reading))


def _model(given: Mapping[str, Any], text: str, names: Names) -> Model:
    where = f"model {given.get('id', '?')}"
    if "stays_while" in given:
        wrong = mark("%(where)s: stays_while belongs to a stage: write it below the stage's when.")
        raise ModelError(wrong, where=where)
    names = replace(names, parameters=read_parameters(given.get("parameters"), where, names))
    entry = FileEntry(given, _MODEL_KEYS, where, names)
    model_id, stages = entry.id(), _stages(entry)
    ids = [stage.id for stage in stages]
    rule_kinds = tuple(dict.fromkeys(kind for stage in stages for rule in stage.rules for kind in kinds_of(rule)))
    subject = entry.one_of("subject", str(given.get("subject", "customer")), ("customer", "product"))
    others = _others(stages, replace(names, reading=(*names.reading, model_id)), where, subject)
    enters = entry.fact_kinds("enters")
    _check_subject(
        entry, subject, (*enters, *(kind for stage in stages for rule in stage.all_rules for kind in kinds_of(rule)))
    )
    read_from_file = {
        "id": model_id,
        "name": entry.text("name", model_id),
        "stages": stages,
        "path": _path(entry, ids),
        "named": len(entry.list("path")) if given.get("path") is not None else len(ids),
        "needs": entry.needs() if "needs" in given else rule_kinds,
        "enters": enters,
        "settles": entry.days("settles", 0),
        "businesses": entry.business_kinds(),
        "subject": subject,
        "sources": tuple(_source(item, entry) for item in entry.list("sources")),
        "parameters": tuple(names.parameters.values()),
        "others": others,
    }
    version = _version(text, stages, others)
    return Model(**{**entry.plain(Model), **read_from_file, "version": version, "text": text})


def _check_subject(model: FileEntry, subject: str, kinds: Iterable[str]) -> None:
    """Refuse facts that do not say which product they are about, in a model of products."""
    for kind in kinds if subject == "product" else ():
        if "product_id" not in FACT_TABLES[model.names.kinds[kind].table].own:
            near = ", ".join(name for name, other in KINDS.items() if "product_id" in FACT_TABLES[other.table].own)
            text = mark(
                "%(where)s: facts of kind %(kind)s name no product, so a product model cannot use them. Try: %(near)s."
            )
            raise model.wrong(text, kind=kind, near=near)


def _version(text: str, stages: Sequence[Stage], others: Sequence[Model]) -> str:
    """Return a hash of whatever changes the spans: the text, the days of named dates, and the models that are read."""
    rules = (rule for stage in stages for rule in stage.all_rules)
    days = (day for rule in rules for day in named_days(rule))
    return hashlib.sha256("".join((text, *days, *(other.version for other in others))).encode()).hexdigest()[:12]


def _others(stages: Sequence[Stage], names: Names, where: str, subject: str) -> tuple[Model, ...]:
    """Return the models whose stages some rules read."""
    rules = [rule for stage in stages for rule in stage.all_rules]
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
        with _in_file(f"{name}.yaml" if name in dict(names.scope.own) else ""):
            other = _read_text(texts[name], names.scope, names.reading)
        if other.subject != subject:
            text = mark(
                "%(where)s cannot read the stage of %(name)r: one model is about customers, the other about products."
            )
            raise ModelError(text, where=where, name=name)
        others.append(other)
    _check_others_stages(rules, {other.id: [stage.id for stage in other.stages] for other in others}, where)
    return tuple(others)


def _check_others_stages(rules: Iterable[RuleNode], stages: Mapping[str, Sequence[str]], where: str) -> None:
    """Refuse what compares the stage in another model with one that it does not have."""
    for part in (part for rule in rules for part in rule.walk()):
        for measure, names in _compared_texts(part):
            ids = stages.get(measure.argument, ()) if measure.name == "stage" else ()
            for name in names if ids else ():
                if name and name not in ids:
                    near = ", ".join(get_close_matches(name, ids, n=3, cutoff=0.4) or ids)
                    text = mark("%(where)s: %(name)r is not a stage of %(model)r. Try: %(near)s.")
                    raise ModelError(text, where=where, name=name, model=measure.argument, near=near)


def _compared_texts(node: RuleNode) -> Iterator[tuple[Measure, tuple[str, ...]]]:
    """Yield the measure that a test compares with texts, and those texts."""
    match node:
        case Among(operand=Measure() as measure, values=values):
            yield measure, tuple(map(str, values))
        case (
            Comparison(left=Measure() as measure, right=TextLiteral(value=name))
            | Comparison(left=TextLiteral(value=name), right=Measure() as measure)
        ):
            yield measure, (name,)


def _stages(model: FileEntry) -> tuple[Stage, ...]:
    given = model.given.get("stages")
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise model.wrong(mark("%(where)s has no stages. Add at least one."))
    settles = model.days("settles", 0)
    stages = tuple(
        _stage(stage, f"{model.where}, stage {n}", model.names, settles) for n, stage in enumerate(given, start=1)
    )
    ids = [stage.id for stage in stages]
    for stage in stages:
        for rule in stage.all_rules:
            _check_stages_named(rule, ids, model)
        for rule in stage.rules:
            _check_state(rule, model)
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


def _stage(given: Any, where: str, names: Names, settles: int) -> Stage:
    if not isinstance(given, Mapping):
        if key := key_meant(str(given)):
            raise ModelError(WRONG_COLON, where=where, key=key)
        raise ModelError(mark("%(where)s must be a mapping with id and when."), where=where)
    entry = FileEntry(given, _STAGE_KEYS, where, names)
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


def _stay_rule(entry: FileEntry, rule: RuleNode) -> RuleNode | None:
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


def _check_stages_named(node: RuleNode, ids: Sequence[str], model: FileEntry) -> None:
    """Refuse what asks for a stage that the model does not have."""
    for part in node.walk():
        named = [name for measure, names in _compared_texts(part) if measure.name == "previous_stage" for name in names]
        if isinstance(part, Measure) and part.name == "in_stage":
            named += part.arguments
        for name in named:
            if name and name not in ids:
                near = ", ".join(get_close_matches(name, ids, n=3, cutoff=0.4) or ids)
                text = mark("%(where)s: %(part)s names %(name)r, which is not a stage of this model. Try: %(near)s.")
                raise model.wrong(text, part=str(part), name=name, near=near)


def _check_state(node: RuleNode, model: FileEntry) -> None:
    """Refuse what asks where the customer was, but not by itself: its truth must follow from the state alone."""
    state_measures = [measure for measure in measures_of(node) if measure.of_state]
    if not state_measures:
        return
    if isinstance(node, And | Or | Not):
        for child in node.children:
            _check_state(child, model)
        return
    is_name = any(isinstance(part, TextLiteral) for part in node.walk())
    without_name = isinstance(node, Comparison) and state_measures[0].name == "previous_stage" and not is_name
    if isinstance(node, Held | Ever) or len(measures_of(node)) > 1 or without_name:
        text = mark(
            "%(where)s: %(part)s mixes where the customer was with something else. Compare days_in_stage() with a"
            " number and previous_stage() with a stage's id, and join conditions by and, or, not."
        )
        raise model.wrong(text, part=str(node))


def _play(entry: FileEntry) -> Play:
    return Play(entry.id(), entry.both(), entry.string("source"))


def _source(given: Any, model: FileEntry) -> SourceReference:
    if isinstance(given, str):
        return SourceReference(given)
    entry = FileEntry(given, ("ref", "quote"), f"{model.where}, sources", model.names)
    return SourceReference(entry.string("ref"), entry.string("quote"))


def _path(model: FileEntry, ids: list[str]) -> tuple[str, ...]:
    """Return the stages in the order of life: the file's path, then the stages that it leaves out."""
    path = tuple(str(stage) for stage in model.list("path"))
    wrong = sorted({stage for stage in path if stage not in ids or path.count(stage) > 1})
    if wrong:
        raise model.wrong(
            mark("%(where)s: path contains unknown or repeated stages: %(wrong)s. Valid stages: %(ids)s."),
            wrong=", ".join(wrong),
            ids=", ".join(ids),
        )
    return (*path, *(stage for stage in ids if stage not in path))
