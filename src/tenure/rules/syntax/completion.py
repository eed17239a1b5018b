"""What may come at the caret of a rule that is being written: what the parser expected there, each explained in a line.

Words are found by their name and by what they are called: 下单 finds ``order``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Literal

from tenure.facts.kinds import KINDS
from tenure.facts.selection import columns_of_kind, facts_of
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.parser import expected_after
from tenure.rules.syntax.tree import PERIODS, Measure, TimeWindow
from tenure.rules.syntax.windows import plural
from tenure.rules.wording.sentence import measure_phrase, value_phrase, window_phrase
from tenure.rules.wording.vocabulary import column_name, field_name, kind_name
from tenure.words import current_language, language_of, mark, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tenure.facts.kinds import Kind
    from tenure.rules.syntax.parameters import Parameter
    from tenure.rules.syntax.tokens import Expected
    from tenure.rules.wording.facts import StageNames

MOST = 50  # all kinds; the list scrolls
#: In the order in which they are suggested; a word is told from a sign by its letters.
_SIGNS = {
    "and": mark("both conditions must be true"),
    "or": mark("at least one condition must be true"),
    "<=": mark("at most"),
    "<": mark("less than"),
    ">=": mark("at least"),
    ">": mark("more than"),
    "=": mark("equal to"),
    "!=": mark("not"),
    "in": mark("one of several values"),
    "not in": mark("none of several values"),
    "is known": mark("when the value is known"),
    "is unknown": mark("when the value is unknown"),
    "known": mark("when the value is known"),
    "unknown": mark("when the value is unknown"),
    "for": mark("true for so many days without a break"),
    "*": mark("times"),
    "/": mark("divided by"),
    "+": mark("plus"),
    "-": mark("minus"),
    "[": mark("only those that meet conditions"),
    "]": mark("end of the conditions"),
    ",": mark("followed by another"),
    "|": mark("or another kind of fact"),
    "then": mark("followed by another fact"),
    "within": mark("at most so many days later"),
    "on": mark("on a named date"),
    "not on": mark("not on a named date"),
    ", by": mark("of the customers with the same attribute"),
    "by": mark("of the customers with the same attribute"),
    ", 2": mark("the second"),
    "last year": mark("a year earlier"),
    "not": mark("negates the condition"),
    "otherwise": mark("every customer not matched above"),
}
#: How some are written: most with a blank, since something follows.
_WRITTEN = {
    **{"|": " | ", "[": "[]", "in": "in ()", "not in": "not in ()", ",": ", ", ", by": ", by "},
    **{sign: sign for sign in ("known", "unknown", "otherwise", "]", ", 2", "last year")},
}
_LENGTHS = {"last": mark("the last %(days)s days, including today"), "before": mark("ending %(days)s days ago")}
_LENGTH = mark("%(days)s days")
_HAS = partial(Measure, "has", returns="truth")
_WINDOWS = {
    "last": (
        *(TimeWindow(days) for days in (90, 30, 180)),
        *(TimeWindow(months, 0, "month") for months in (3, 1, 12)),
        TimeWindow(3, 0, "fact"),
    ),
    "before": tuple(TimeWindow(None, days) for days in (90, 30, 180)),
    "this": tuple(TimeWindow(1, -1, period) for period in PERIODS),
    "same": (TimeWindow(90, years_back=1), TimeWindow(1, 11, "month"), TimeWindow(3, 12, "month")),
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    text: str  # what is written into the rule
    meaning: str  # one line in the reader's language
    what: Literal["measure", "kind", "field", "window", "sign", "word", "name"]
    caret: int = 0  # where the caret goes, counted from the end of `text`; -1 is before the closing parenthesis
    synonyms: str = ""  # other words that find it, lower case


@dataclass(frozen=True, slots=True)
class Completion:
    """The suggestions, best first, and the letters that they replace."""

    start: int
    end: int
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class KnownNames:
    """Names and values that a rule may use here, beyond the language's own."""

    attributes: Sequence[str] = ()
    scores: Sequence[str] = ()
    named_dates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    stages: StageNames = field(default_factory=dict)
    values: Callable[[str, str], Iterable[str]] = lambda table, column: ()  # of a text column


def complete(
    text: str,
    caret: int,
    kinds: Mapping[str, Kind] = KINDS,
    language: str | None = None,
    names: KnownNames = KnownNames(),
) -> Completion:
    """Return what may come at the caret of a half-written rule; nothing is ever refused.

    Without `language` the context's is used.

    Examples
    --------
    >>> [suggestion.text for suggestion in complete("days_s", 6, language="en").suggestions]
    ['days_since()', 'days_since_first()']
    """
    caret = max(0, min(caret, len(text)))
    start, end = _word_at(text, caret)
    language = language_of(language) if language else current_language()
    typed = text[start:caret].lower()
    expected = expected_after(text[:start], kinds, parameters=names.parameters)
    signs = {sign for place in expected if place.what == "sign" for sign in place.texts}
    writer = _Writer(kinds, language, names, typed)
    suggestions = list(chain.from_iterable(map(writer.suggestions, expected)))
    for sign, meaning in _SIGNS.items():
        if sign in signs:
            written = _WRITTEN.get(sign, f"{sign} ")
            what: Literal["word", "sign"] = "word" if sign[0].isalpha() else "sign"
            inside = -1 if written.endswith((")", "[]")) else 0
            suggestions.append(Suggestion(written, say(meaning, language), what, inside))
    fitting = [suggestion for suggestion in dict.fromkeys(suggestions) if _rank(suggestion, typed) < 3]
    return Completion(start, end, tuple(sorted(fitting, key=lambda suggestion: _rank(suggestion, typed))[:MOST]))


def _word_at(text: str, caret: int) -> tuple[int, int]:
    """Return where the word around the caret begins and ends, which a suggestion replaces; a text, with its quotes."""
    plain = text.replace("“", '"').replace("”", '"')
    if plain[:caret].count('"') % 2:
        after = re.match(r'[\w-]*"?', plain[caret:])
        return plain.rindex('"', 0, caret), caret + len(after[0] if after else "")
    before, after = re.search(r"\w*$", text[:caret]), re.match(r"\w*", text[caret:])
    return caret - len(before[0] if before else ""), caret + len(after[0] if after else "")


def _rank(suggestion: Suggestion, typed: str) -> int:
    """Return where the letters typed so far stand: 0 at the beginning of the name, 1 in it, 2 in what it is called."""
    name = suggestion.text.lower().strip(' .,"')
    bare = typed.lstrip('"“')
    if typed != bare and not suggestion.text.startswith('"'):
        return 3
    if name.startswith(bare):
        return 0
    if bare in name:
        return 1
    return 2 if bare in suggestion.meaning.lower() or bare in suggestion.synonyms else 3


@dataclass(frozen=True, slots=True)
class _Writer:
    """Turns what the parser expected into suggestions."""

    kinds: Mapping[str, Kind]
    language: str
    names: KnownNames
    typed: str  # letters

    def suggestions(self, expected: Expected) -> Iterable[Suggestion]:
        writers: dict[str, Callable[[Expected], Iterable[Suggestion]]] = {
            "measure": self._measures,
            "kind": self._kinds,
            "name": self._names,
            "date": self._dates,
            "field": self._fields,
            "column": self._columns,
            "value": self._values,
            "unit": self._units,
            "window": self._windows,
            "length": self._windows,
        }
        return writers[expected.what](expected) if expected.what in writers else ()

    def _fields(self, expected: Expected) -> Iterator[Suggestion]:
        for name in expected.texts:
            yield Suggestion(f"{expected.lead}{name}", field_name(expected.kinds, name, self.language), "field")

    def _columns(self, expected: Expected) -> Iterator[Suggestion]:
        for name in expected.texts:
            # Behind a dot it is the end, in brackets a comparison follows.
            text = f"{expected.lead}{name}" if expected.signature else f"{name} "
            yield Suggestion(text, column_name(name, self.language), "field")

    def _dates(self, expected: Expected) -> Iterator[Suggestion]:
        del expected
        for name in self.names.named_dates:
            yield self._text(name, say(_SIGNS["on"], self.language))

    def _units(self, expected: Expected) -> Iterator[Suggestion]:
        for period in PERIODS:
            yield Suggestion(f"{period}s", say(_PERIODS[period], self.language), "window")
        for kind in expected.kinds if expected.texts == ("last",) else ():
            yield Suggestion(plural(kind), kind_name(kind, self.language), "window")

    def _text(self, value: str, meaning: str = "") -> Suggestion:
        return Suggestion(f'"{value}"', meaning, "name")

    def _parameters(self, *, lengths: bool = False) -> Iterator[Suggestion]:
        for name, parameter in self.names.parameters.items():
            if parameter.in_days or not lengths:
                value = f"{parameter.value:.15g}{'d' if parameter.in_days else ''}"
                label = parameter.label.render(self.language)
                yield Suggestion(name, f"{label} = {value}" if label else value, "name")

    def _measures(self, expected: Expected) -> Iterator[Suggestion]:
        del expected
        yield from self._parameters()
        for signature in MEASURES.values():
            caret = 0 if signature.takes == "nothing" else -1
            yield Suggestion(f"{signature.name}()", say(signature.meaning, self.language), "measure", caret)
        # Whoever thinks "order" or 下单 first finds the measures that read it.
        for name in self.kinds if self.typed else ():
            if name.startswith(self.typed) or self.typed in _called(name):
                facts = facts_of([name])
                for measure in (Measure("days_since", facts), Measure("count", facts), _HAS(facts)):
                    meaning = measure_phrase(measure, self.language)
                    yield Suggestion(str(measure), meaning, "measure", synonyms=self.typed)

    def _kinds(self, expected: Expected) -> Iterator[Suggestion]:
        signature = expected.signature
        if signature is None:
            return
        needs_field = signature.field in ("required", "optional") and not signature.column
        for name, kind in self.kinds.items():
            # Only the slope of a kind without fields means something: that of its count.
            if needs_field and not kind.fields and signature.name != "slope":
                continue
            if signature.accepts(kind):
                yield Suggestion(name, kind_name(name, self.language), "kind", synonyms=_called(name))

    def _names(self, expected: Expected) -> Iterator[Suggestion]:
        measure = expected.signature.name if expected.signature else ""
        if measure in ("attribute", "average", "days_until"):
            for name in self.names.attributes:
                yield Suggestion(name if name.isidentifier() else f'"{name}"', say(_ATTRIBUTE, self.language), "name")
        if measure == "days_until":
            yield from self._dates(expected)
        if measure == "score":
            yield from (Suggestion(name, say(_SCORE, self.language), "name") for name in self.names.scores)
        if measure == "stage":
            yield from (self._text(model, stages.get("", "")) for model, stages in self.names.stages.items() if model)
        if measure == "in_stage":
            yield from self._stages("")

    def _stages(self, model: str) -> Iterator[Suggestion]:
        stages = self.names.stages.get(model, {})
        yield from (self._text(stage, name) for stage, name in stages.items() if stage)

    def _values(self, expected: Expected) -> Iterator[Suggestion]:
        column = "".join(expected.texts)
        if expected.signature and expected.signature.name in ("stage", "previous_stage"):
            yield from self._stages(column if expected.signature.name == "stage" else "")
            return
        kinds = [self.kinds[name] for name in expected.kinds]
        types = {columns_of_kind(kind).get(column) for kind in kinds}
        if types == {"text"}:
            for table in dict.fromkeys(kind.table for kind in kinds):
                yield from map(self._text, self.names.values(table, column))
        if column in ("weekday", "month"):
            for value in range(1, 8 if column == "weekday" else 13):
                yield Suggestion(str(value), value_phrase(column, value, self.language), "name")
        elif types == {"number"} and not expected.signature:
            yield from self._parameters()

    def _windows(self, expected: Expected) -> Iterator[Suggestion]:
        for word in expected.texts:
            windows = _WINDOWS.get(word)
            if expected.what == "length":
                yield from self._parameters(lengths=True)
            if windows is None:  # within, for
                for days in (30, 14, 7, 90):
                    yield Suggestion(f"{days}d", say(_LENGTH, self.language, days=days), "window")
                continue
            if expected.signature and expected.signature.windows == "quarters":
                windows = (TimeWindow(360), TimeWindow(180)) if word == "last" else (TimeWindow(None, 360),)
            if expected.period != "day":
                windows = tuple(TimeWindow(None, number, expected.period) for number in (3, 1, 12))
            for window in windows:
                text = str(window) if expected.what == "window" else str(window).partition(" ")[2]
                days = window.last or window.before
                meaning = window_phrase(window, expected.kinds, self.language)
                if window.unit == "day" and word in _LENGTHS:
                    meaning = say(_LENGTHS[word], self.language, days=days)
                yield Suggestion(f"{expected.lead}{text}", meaning, "window")


_ATTRIBUTE, _SCORE = mark("a customer attribute"), mark("a published score of the customer")
_PERIODS = {
    "week": mark("complete weeks, from Monday"),
    "month": mark("complete calendar months"),
    "quarter": mark("complete quarters"),
    "year": mark("complete calendar years"),
}


def _called(kind: str) -> str:
    return f"{kind_name(kind, 'zh_Hans')} {kind_name(kind, 'en')}".lower()
