"""Checks a text while it is being written: each rule as a sentence, or the place, the cause and the nearest right name.

It never saves anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tenure.errors import RuleError, TenureError
from tenure.facts.kinds import Kind
from tenure.lifecycle.model import Model
from tenure.rules.syntax.parser import parse
from tenure.rules.wording.sentence import sentence
from tenure_app.lifecycle.definitions import drafts, queries


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong: the cause, and for a rule its place and right names near the wrong one."""

    cause: str
    near: tuple[str, ...] = ()
    start: int = 0
    end: int = 0
    left: str = ""
    wrong: str = ""
    right: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class RuleCheck:
    """One stage's rule as a sentence, or what is wrong with it."""

    sentence: str = ""
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """The model that a text is, or what is wrong with it."""

    model: Model | None
    rules: Mapping[str, RuleCheck] = field(default_factory=dict)
    trouble: Trouble | None = None

    @property
    def good(self) -> bool:
        """Whether the text is a model."""
        return self.model is not None


def check(text: str, language: str, kinds: Mapping[str, Kind] | None = None) -> ModelCheck:
    """Check a model's YAML; the kinds of facts that rules may use are those of the lake when omitted."""
    known = queries.known_kinds() if kinds is None else kinds
    fields = drafts.fields_of(text)
    rules = {stage.key: _check_rule(stage.when, language, known) for stage in fields.stages} if fields else {}
    try:
        return ModelCheck(queries.read(text, known), rules)
    except TenureError as wrong:
        return ModelCheck(None, rules, _trouble(wrong, language))


def _check_rule(rule: str, language: str, kinds: Mapping[str, Kind]) -> RuleCheck:
    try:
        return RuleCheck(sentence(parse(rule.strip(), kinds), language))
    except RuleError as wrong:
        return RuleCheck(trouble=_trouble(wrong, language))


def _trouble(wrong: TenureError, language: str) -> Trouble:
    if not isinstance(wrong, RuleError):
        return Trouble(wrong.say(language))
    cause = wrong.message.render(language)
    start, end = min(wrong.start, len(wrong.rule)), min(wrong.end, len(wrong.rule))
    pieces = (wrong.rule[:start], wrong.rule[start:end] or " ", wrong.rule[end:])
    return Trouble(cause, wrong.nearest, start, max(end, start), *pieces, where=wrong.where)
