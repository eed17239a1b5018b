"""A customer's life in the reader's language: every stay and its reason, where they are now, and what comes next."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from django.utils.translation import gettext as _

from tenure.errors import RuleError
from tenure.lifecycle.families import reactivations
from tenure.lifecycle.model import Model, stage_names
from tenure.lifecycle.reasons import Reason, Value, value_in_words
from tenure.lifecycle.waiting import Waiting
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import RuleNode, measures_of
from tenure.rules.wording.sentence import measure_phrase, sentence
from tenure.rules.wording.vocabulary import kind_name
from tenure.words import current_language, listing
from tenure_app.customers.profile import Span
from tenure_app.lifecycle.catalogue import Entry


@dataclass(frozen=True, slots=True)
class ReasonInWords:
    text: str  # the sentence
    measures: tuple[tuple[str, str], ...] = ()  # what each measure is called, and its value on the day
    by_hand: bool = False  # whether a person decided it


def in_words(reason: Reason | None, model: Model | None = None) -> ReasonInWords:
    """Return a reason for its reader; the `model` gives stages their names."""
    if reason is None:
        return ReasonInWords("")
    if reason.note is not None:
        return ReasonInWords(reason.note, by_hand=True)
    if reason.towards is not None:
        return ReasonInWords(_("Passed through: this model does not allow skipping stages."))
    language = current_language()
    measures = tuple((phrase(name, language), value_text(value)) for name, value in reason.measures)
    return ReasonInWords(sentence_of(reason.rule, model), measures)


def sentence_of(rule: str | RuleNode, model: Model | None = None) -> str:
    """Return a rule as a sentence in the reader's language; the rule itself when it cannot be parsed any more."""
    tree = _parsed(rule) if isinstance(rule, str) else rule
    language = current_language()
    names = stage_names((model, *model.others), model.id, language) if model else None
    return sentence(tree, language, names) if tree is not None else str(rule)


@lru_cache(maxsize=4096)
def _parsed(rule: str) -> RuleNode | None:
    with suppress(RuleError):
        return parse(rule, named_dates=None)
    return None


@lru_cache(maxsize=4096)
def phrase(measure: str, language: str) -> str:
    try:
        # Alone, only a truth such as has(order) is a rule; of any other measure one can ask whether it is known.
        signature = MEASURES.get(measure.partition("(")[0])
        is_truth = signature is not None and signature.returns == "truth"
        measures = measures_of(parse(measure if is_truth else f"{measure} is known", named_dates=None))
    except RuleError:
        return measure
    return measure_phrase(measures[0], language) if measures else measure


def value_text(value: Value) -> str:
    if value is None or isinstance(value, bool):
        return {None: _("unknown"), True: _("yes"), False: _("no")}[value]
    return value_in_words(value)


def missing_in_words(missing: str | None) -> str:
    """Return what was unknown when a stage could not be judged: fact kinds by their names, else the measure."""
    language = current_language()
    names = (missing or "").split(",") if missing else ()
    return listing(phrase(name, language) if "(" in name else kind_name(name, language) for name in names)


# Lives


@dataclass(frozen=True, slots=True)
class Stay:
    span: Span
    name: str
    family: str
    why: ReasonInWords
    cause: str
    days: int
    lasts: bool  # on the day
    reactivated: bool = False  # came back from decline, dormancy or loss

    @property
    def badges(self) -> list[tuple[str, str]]:
        """What is special about it, each with its colour."""
        marks = (
            (self.span.passed_through, "secondary", _("passed through")),
            (self.reactivated, "green", _("Re-activated")),
            (self.why.by_hand, "azure", _("manual")),
        )
        return [(colour, text) for holds, colour, text in marks if holds]


@dataclass(frozen=True, slots=True)
class Life:
    """A customer's life under one model, the newest stay first."""

    entry: Entry
    stays: tuple[Stay, ...]
    now: Stay | None
    next_name: str = ""
    next_family: str = ""
    next_on: date | None = None
    waiting: str = ""  # a sentence, when what comes next holds already and only has to settle

    @property
    def by_hand(self) -> bool:
        return bool(self.now and self.now.why.by_hand)


def life_of(entry: Entry, spans: list[Span], day: date) -> Life:
    stays: list[Stay] = []
    back, former = set(reactivations(entry.model)), ""
    for span in spans:
        if span.entered_on > day:
            continue
        stage = entry.stage(span.stage)
        cause = next((cause for cause in (stage.causes if stage else ()) if cause.id == span.cause), None)
        stay = Stay(
            span,
            entry.stage_name(span.stage),
            entry.family(span.stage),
            in_words(span.reason, entry.model),
            cause.name.render() if cause else (span.cause or ""),
            span.days(day),
            span.left_on is None or span.left_on > day,
            (former, span.stage) in back,
        )
        stays.insert(0, stay)
        former = former if span.passed_through else span.stage or former
    now = next((stay for stay in reversed(stays) if stay.lasts), None)
    if now is None or now.span.passed_through:
        return Life(entry, tuple(stays), None)
    following = next((span for span in spans if span.entered_on == now.span.left_on and not span.passed_through), None)
    stage_id = following.stage if following else now.span.next_stage
    on = now.span.left_on or now.span.next_change_on
    name = entry.stage_name(stage_id) if on else ""
    by_hand = now.why.by_hand or (following is not None and following.reason.note is not None)
    waiting = "" if by_hand or on is None else _waiting(entry, stage_id, on, day)
    return Life(entry, tuple(stays), now, name, entry.family(stage_id), on, waiting)


def _waiting(entry: Entry, stage_id: str | None, on: date, day: date) -> str:
    if stage_id is not None and entry.stage(stage_id) is None:  # the model was changed since
        return ""
    waiting = Waiting.foreseen(entry.model, stage_id, on, day)
    return waiting.say(entry.model) if waiting else ""
