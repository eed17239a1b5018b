"""Why somebody is in a stage, in words.

The kernel notes the rule and the measures' values as text, ``days_since(order) <= 45 [days_since(order) = 12]``; here
that becomes a sentence and the figures behind it, in the reader's language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _

from tenure.errors import RuleError
from tenure.words import current_language

_NOTED = re.compile(r"^(?P<rule>.*?)(?: \[(?P<figures>.*)\])?(?:; cannot judge: (?P<doubts>[\w,-]+))?$", re.DOTALL)
_FIGURE = re.compile(r"(\w+\([^()]*\)) = (.*?)(?=, \w+\([^()]*\) = |$)", re.DOTALL)
_BY_HAND, _PASSED = "override: ", "passed through on the way to "


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason in words.

    Attributes
    ----------
    text : str
        The sentence.
    figures : tuple of (str, str)
        What each measure is called, and its value on the day.
    by_hand, passed : bool
        Whether a person decided it; whether the stage was only passed through.
    rule : str
        The rule as it is written in the model.
    """

    text: str
    figures: tuple[tuple[str, str], ...] = ()
    by_hand: bool = False
    passed: bool = False
    rule: str = ""


def reason(because: str | None) -> Reason:
    """Return a span's ``because`` in the reader's language."""
    return _reason(because or "", current_language())


@lru_cache(maxsize=4096)
def _reason(because: str, language: str) -> Reason:
    if because.startswith(_BY_HAND):
        return Reason(because.removeprefix(_BY_HAND), by_hand=True)
    if because.startswith(_PASSED):
        return Reason(_("Passed through: this model lets nobody skip a stage."), passed=True)
    noted = _NOTED.match(because)
    if not because or noted is None:
        return Reason(because)
    figures = tuple(
        (phrase(measure, language), value_said(value)) for measure, value in _FIGURE.findall(noted["figures"] or "")
    )
    return Reason(sentence_of(noted["rule"], language), figures, rule=noted["rule"])


def sentence_of(rule: str, language: str | None = None) -> str:
    """Return a rule as a sentence in the reader's language; the rule itself when it cannot be parsed any more."""
    return _sentence(rule, language or current_language())


@lru_cache(maxsize=4096)
def _sentence(rule: str, language: str) -> str:
    from tenure.rules.syntax.parser import parse
    from tenure.rules.wording.sentence import sentence

    try:
        return sentence(parse(rule), language)
    except RuleError:
        return rule


@lru_cache(maxsize=4096)
def phrase(measure: str, language: str) -> str:
    """Return what a measure is called."""
    from tenure.rules.syntax.parser import parse
    from tenure.rules.syntax.tree import measures_of
    from tenure.rules.wording.sentence import measure_phrase

    try:
        found = measures_of(parse(measure if measure.startswith("has(") else f"{measure} is known"))
    except RuleError:
        return measure
    return measure_phrase(found[0], language) if found else measure


def value_said(value: str) -> str:
    """Return a measure's value in words."""
    known = {"unknown": _("unknown"), "yes": _("yes"), "no": _("no")}
    return known.get(value, value)
