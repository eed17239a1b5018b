"""Checks a text while it is being written: each rule as a sentence, or the place, the cause and the nearest name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tenure.errors import RuleError, TenureError
from tenure.facts.kinds import Kind
from tenure.lifecycle.model import Model
from tenure.rules.syntax.parser import parse
from tenure.rules.wording.sentence import sentence
from tenure.words import current_language
from tenure_app.lifecycle.definitions import drafts, queries


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


def check(text: str) -> ModelCheck:
    kinds, fields = queries.known_kinds(), drafts.fields_of(text)
    rules = {stage.key: _check_rule(stage.when, kinds) for stage in fields.stages} if fields else {}
    try:
        return ModelCheck(queries.read(text, kinds), rules)
    except TenureError as wrong:
        return ModelCheck(None, rules, Trouble.of(wrong))


def _check_rule(rule: str, kinds: Mapping[str, Kind]) -> RuleCheck:
    try:
        return RuleCheck(sentence(parse(rule.strip(), kinds), current_language()))
    except RuleError as wrong:
        return RuleCheck(trouble=Trouble.of(wrong))
