"""From a model's YAML to a model, or to an error that names the mend.

Reading is strict: an unknown key is named together with the nearest right one, so that a typing error never becomes a
silently ignored setting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tenure.errors import ModelError, RuleError
from tenure.lifecycle.model import FAMILIES, Cause, Model, Play, Source, Stage
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import Node, Otherwise, kinds_of
from tenure.words import LocalizedText, mark

if TYPE_CHECKING:
    from tenure.facts.kinds import Kind

_MODEL_KEYS = [
    "id",
    "name",
    "summary",
    "checklist",
    "sources",
    "subject",
    "needs",
    "enters",
    "stepwise",
    "path",
    "stages",
    "help",
    "warns",
    "follows",
]
_STAGE_KEYS = [
    "id",
    "name",
    "family",
    "when",
    "traits",
    "needs_text",
    "goal",
    "advised",
    "discouraged",
    "assumption",
    "setback",
    "terminal",
    "without_facts",
    "causes",
]


def model_of(given: Mapping[str, Any], text: str, kinds: Mapping[str, Kind]) -> Model:
    """Make a model of a parsed mapping, or say where it breaks the schema."""
    where = f"model {given.get('id', '?')}"
    _only_known(given, _MODEL_KEYS, where)
    model_id = _id(given, where)
    raw_stages = given.get("stages")
    if not isinstance(raw_stages, Sequence) or isinstance(raw_stages, str) or not raw_stages:
        raise ModelError(mark("%(where)s has no stages: write a list of at least one."), where=where)
    stages = tuple(_stage(raw_stage, f"{where}, stage {n}", kinds) for n, raw_stage in enumerate(raw_stages, start=1))
    ids = [stage.id for stage in stages]
    _distinct(ids, where)
    _otherwise_last(stages, where)
    path = _path(given.get("path"), ids, where)
    subject = str(given.get("subject", "customer"))
    _one_of(subject, ("customer", "product"), "subject", where)
    model = Model(
        id=model_id,
        name=_words(given.get("name", model_id), "name", where),
        stages=stages,
        path=path,
        needs=(),
        version=hashlib.sha256(text.encode()).hexdigest()[:12],
        named=len(given["path"]) if given.get("path") is not None else len(ids),
        summary=_words(given.get("summary"), "summary", where),
        subject=subject,
        stepwise=_flag(given, "stepwise", where),
        checklist=str(given.get("checklist", "")),
        sources=tuple(_source(one, where) for one in _list(given, "sources", where)),
        help=_words(given.get("help"), "help", where),
        warns=_words(given.get("warns"), "warns", where),
        follows=str(given.get("follows") or ""),
        text=text,
        enters=_kinds(given, "enters", kinds, where),
    )
    return _with_needs(model, given, kinds, where)


def _with_needs(model: Model, given: Mapping[str, Any], kinds: Mapping[str, Kind], where: str) -> Model:
    if "needs" not in given:
        return replace(
            model, needs=tuple(dict.fromkeys(kind for stage in model.stages for kind in kinds_of(stage.rule)))
        )
    return replace(model, needs=_kinds(given, "needs", kinds, where))


def _kinds(given: Mapping[str, Any], key: str, kinds: Mapping[str, Kind], where: str) -> tuple[str, ...]:
    named = tuple(str(one) for one in _list(given, key, where))
    for one in named:
        _one_of(one, tuple(kinds), key, where)
    return named


def _stage(given: Any, where: str, kinds: Mapping[str, Kind]) -> Stage:
    if not isinstance(given, Mapping):
        raise ModelError(mark("%(where)s must be a mapping with id and when."), where=where)
    _only_known(given, _STAGE_KEYS, where)
    stage_id = _id(given, where)
    where = f"{where} ({stage_id})"
    family = str(given.get("family") or "")
    if family:
        _one_of(family, FAMILIES, "family", where)
    when = given.get("when")
    return Stage(
        id=stage_id,
        name=_words(given.get("name", stage_id), "name", where),
        when=str(when or "").strip(),
        rule=_rule(when, where, kinds),
        family=family,
        traits=_words(given.get("traits"), "traits", where),
        needs_text=_words(given.get("needs_text"), "needs_text", where),
        goal=_words(given.get("goal"), "goal", where),
        advised=tuple(_play(one, where) for one in _list(given, "advised", where)),
        discouraged=tuple(_play(one, where) for one in _list(given, "discouraged", where)),
        assumption=_words(given.get("assumption"), "assumption", where),
        setback=_flag(given, "setback", where),
        terminal=_flag(given, "terminal", where),
        without_facts=_flag(given, "without_facts", where),
        causes=tuple(_cause(one, where, kinds) for one in _list(given, "causes", where)),
    )


def _rule(when: Any, where: str, kinds: Mapping[str, Kind]) -> Node:
    if when is None or not str(when).strip():
        raise ModelError(
            mark("%(where)s has no rule: write when: days_since(order) <= 45, or when: otherwise."), where=where
        )
    try:
        return parse(str(when).strip(), kinds)
    except RuleError as wrong:
        wrong.add_note(where)
        wrong.where = where
        raise


def _cause(given: Any, where: str, kinds: Mapping[str, Kind]) -> Cause:
    _only_known(given, ["id", "name", "when"], f"{where}, causes")
    name = _words(given.get("name", given.get("id")), "name", where)
    return Cause(
        _id(given, where), name, str(given.get("when", "")), _rule(given.get("when"), f"{where}, causes", kinds)
    )


def _play(given: Any, where: str) -> Play:
    _only_known(given, ["id", "zh", "en", "source"], f"{where}, plays")
    return Play(
        _id(given, where),
        LocalizedText(str(given.get("zh", "")), str(given.get("en", ""))),
        str(given.get("source", "")),
    )


def _source(given: Any, where: str) -> Source:
    if isinstance(given, str):
        return Source(given)
    _only_known(given, ["ref", "quote"], f"{where}, sources")
    return Source(str(given.get("ref", "")), str(given.get("quote", "")))


def _words(given: Any, key: str, where: str) -> LocalizedText:
    if given is None:
        return LocalizedText()
    if isinstance(given, Mapping):
        _only_known(given, ["zh", "en"], f"{where}, {key}")
        return LocalizedText(str(given.get("zh") or ""), str(given.get("en") or ""))
    return LocalizedText(str(given), str(given))


def _list(given: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    value = given.get(key) or ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ModelError(mark("%(where)s: %(key)s must be a list."), where=where, key=key)
    return value


def _flag(given: Mapping[str, Any], key: str, where: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise ModelError(mark("%(where)s: %(key)s is true or false, not %(found)r."), where=where, key=key, found=value)
    return value


def _id(given: Mapping[str, Any], where: str) -> str:
    value = given.get("id")
    text = str(value) if value is not None else ""
    if not text or not all(part.isalnum() for part in text.replace("_", "-").split("-")):
        raise ModelError(
            mark("%(where)s needs an id of letters, digits and hyphens, such as loyal-customer; found %(found)r."),
            where=where,
            found=value,
        )
    return text


def _only_known(given: Any, known: list[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise ModelError(mark("%(where)s must be a mapping with %(keys)s."), where=where, keys=", ".join(known))
    for key in given:
        if key not in known:
            near = get_close_matches(str(key), known, n=1, cutoff=0.4) or [", ".join(known)]
            raise ModelError(
                mark("%(where)s has an unknown key %(key)r. Did you mean %(near)s?"), where=where, key=key, near=near[0]
            )


def _one_of(value: str, known: tuple[str, ...], key: str, where: str) -> None:
    if value not in known:
        near = get_close_matches(value, known, n=3, cutoff=0.5) or list(known[:12])
        raise ModelError(
            mark("%(where)s: %(key)s cannot be %(found)r. Near: %(near)s."),
            where=where,
            key=key,
            found=value,
            near=", ".join(near),
        )


def _distinct(ids: list[str], where: str) -> None:
    for one in ids:
        if ids.count(one) > 1:
            raise ModelError(mark("%(where)s has two stages with the id %(id)r."), where=where, id=one)


def _otherwise_last(stages: tuple[Stage, ...], where: str) -> None:
    for stage in stages[:-1]:
        if isinstance(stage.rule, Otherwise):
            raise ModelError(
                mark(
                    "%(where)s: stage %(id)r claims everybody (otherwise), so no later stage is reached. Put it last."
                ),
                where=where,
                id=stage.id,
            )


def _path(given: Any, ids: list[str], where: str) -> tuple[str, ...]:
    if given is None:
        return tuple(ids)
    path = tuple(str(one) for one in given)
    wrong = sorted({stage for stage in path if stage not in ids or path.count(stage) > 1})
    if wrong:
        raise ModelError(
            mark("%(where)s: path names %(wrong)s, which is no stage or stands there twice. Its stages are %(ids)s."),
            where=where,
            wrong=", ".join(wrong),
            ids=", ".join(ids),
        )
    return (*path, *(one for one in ids if one not in path))
