"""Looks at a text while it is being written: what each rule says, or where and why it is wrong.

Answers, for every stage at once: the rule read back as a sentence, or the place, the cause and the nearest right
name. It never saves anything.
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
class Said:
    """One stage's rule: what it says, or what is wrong with it."""

    sentence: str = ""
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A text that was looked at: the model it is, or what is wrong."""

    model: Model | None
    rules: Mapping[str, Said] = field(default_factory=dict)
    trouble: Trouble | None = None

    @property
    def good(self) -> bool:
        """Whether the text is a model."""
        return self.model is not None


def check(text: str, language: str, kinds: Mapping[str, Kind] | None = None) -> Checked:
    """Look at a text.

    Parameters
    ----------
    text : str
        A model's YAML.
    language : str
        Whose words: ``zh_Hans`` or ``en``.
    kinds : mapping of str to Kind, optional
        The kinds of facts that rules may use; those of the lake when omitted.
    """
    known = queries.known_kinds() if kinds is None else kinds
    fields = drafts.fields_of(text)
    rules = {stage.key: say(stage.when, language, known) for stage in fields.stages} if fields else {}
    try:
        return Checked(queries.read(text, known), rules)
    except TenureError as wrong:
        return Checked(None, rules, trouble_of(wrong, language))


def say(rule: str, language: str, kinds: Mapping[str, Kind]) -> Said:
    """Read one rule back, or say what is wrong with it."""
    try:
        return Said(sentence(parse(rule.strip(), kinds), language))
    except RuleError as wrong:
        return Said(trouble=trouble_of(wrong, language))


def trouble_of(wrong: TenureError, language: str) -> Trouble:
    """Return an error of the library for a page."""
    if not isinstance(wrong, RuleError):
        return Trouble(wrong.say(language))
    cause = wrong.message.render(language)
    start, end = min(wrong.start, len(wrong.rule)), min(wrong.end, len(wrong.rule))
    pieces = (wrong.rule[:start], wrong.rule[start:end] or " ", wrong.rule[end:])
    return Trouble(cause, wrong.nearest, start, max(end, start), *pieces, where=str(getattr(wrong, "where", "") or ""))
