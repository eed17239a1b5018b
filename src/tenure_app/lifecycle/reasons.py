"""Why a customer is in a stage, in the reader's language: a sentence, and the measures behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _

from tenure.errors import RuleError
from tenure.lifecycle.reasons import Reason, Value, value_in_words
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import measures_of
from tenure.rules.wording.sentence import measure_phrase, sentence
from tenure.words import current_language


@dataclass(frozen=True, slots=True)
class ReasonInWords:
    text: str  # the sentence
    measures: tuple[tuple[str, str], ...] = ()  # what each measure is called, and its value on the day
    by_hand: bool = False  # whether a person decided it
    passed: bool = False  # whether the stage was only passed through
    rule: str = ""  # the rule as it is written in the model


def in_words(reason: Reason | None) -> ReasonInWords:
    if reason is None:
        return ReasonInWords("")
    if reason.note is not None:
        return ReasonInWords(reason.note, by_hand=True)
    if reason.towards is not None:
        return ReasonInWords(_("Passed through: this model does not allow skipping stages."), passed=True)
    language = current_language()
    measures = tuple((phrase(name, language), value_text(value)) for name, value in reason.measures)
    return ReasonInWords(sentence_of(reason.rule, language), measures, rule=reason.rule)


def sentence_of(rule: str, language: str | None = None) -> str:
    """Return a rule as a sentence in the reader's language; the rule itself when it cannot be parsed any more."""
    return _sentence(rule, language or current_language())


@lru_cache(maxsize=4096)
def _sentence(rule: str, language: str) -> str:
    try:
        return sentence(parse(rule), language)
    except RuleError:
        return rule


@lru_cache(maxsize=4096)
def phrase(measure: str, language: str) -> str:
    try:
        # Alone, only a truth such as has(order) is a rule; of any other measure one can ask whether it is known.
        measures = measures_of(parse(measure if measure.startswith("has(") else f"{measure} is known"))
    except RuleError:
        return measure
    return measure_phrase(measures[0], language) if measures else measure


def value_text(value: Value) -> str:
    if value is None or isinstance(value, bool):
        return {None: _("unknown"), True: _("yes"), False: _("no")}[value]
    return value_in_words(value)
