"""What may come at the caret of a rule that is being written: what the parser expected there, each explained in a line.

Words are found by their name and by what they are called: 下单 finds ``order``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Literal

from tenure.facts.kinds import KINDS
from tenure.facts.selection import facts_of
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.parser import expected_after
from tenure.rules.syntax.tree import Measure
from tenure.rules.wording.sentence import measure_phrase
from tenure.rules.wording.vocabulary import field_name, kind_name
from tenure.words import current_language, language_of, mark, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tenure.facts.kinds import Kind
    from tenure.rules.syntax.measures import Signature
    from tenure.rules.syntax.tokens import Expected

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
    "is known": mark("when the value is known"),
    "is unknown": mark("when the value is unknown"),
    "known": mark("when the value is known"),
    "unknown": mark("when the value is unknown"),
    "*": mark("times"),
    "/": mark("divided by"),
    "+": mark("plus"),
    "-": mark("minus"),
    "|": mark("or another kind of fact"),
    "not": mark("negates the condition"),
    "otherwise": mark("every customer not matched above"),
}
_ALONE = ("known", "unknown", "otherwise")  # nothing needs to follow, so no blank is written after them
_WINDOWS = {"last": mark("the last %(days)s days, including today"), "before": mark("ending %(days)s days ago")}
_HAS = partial(Measure, "has", returns="truth")


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


def complete(
    text: str, caret: int, kinds: Mapping[str, Kind] = KINDS, language: str | None = None, names: Sequence[str] = ()
) -> Completion:
    """Return what may come at the caret of a half-written rule; nothing is ever refused.

    `names` are the attributes and scores that the lake knows. Without `language` the context's is used.

    Examples
    --------
    >>> [suggestion.text for suggestion in complete("days_s", 6, language="en").suggestions]
    ['days_since()', 'days_since_first()']
    """
    caret = max(0, min(caret, len(text)))
    # The word around the caret is what a suggestion replaces; the parser reads only what stands before it.
    before, after = re.search(r"\w*$", text[:caret]), re.match(r"\w*", text[caret:])
    start, end = caret - len(before[0] if before else ""), caret + len(after[0] if after else "")
    language = language_of(language) if language else current_language()
    typed = text[start:caret].lower()
    expected = expected_after(text[:start], kinds)
    signs = {sign for place in expected if place.what == "sign" for sign in place.texts}
    given = (_suggestions(place, kinds, language, names, typed) for place in expected)
    suggestions = list(chain.from_iterable(given))
    for sign, meaning in _SIGNS.items():
        if sign in signs:
            written = " | " if sign == "|" else sign if sign in _ALONE else f"{sign} "
            what: Literal["word", "sign"] = "word" if sign[0].isalpha() else "sign"
            suggestions.append(Suggestion(written, say(meaning, language), what))
    fitting = [suggestion for suggestion in suggestions if _rank(suggestion, typed) < 3]
    return Completion(start, end, tuple(sorted(fitting, key=lambda suggestion: _rank(suggestion, typed))[:MOST]))


def _rank(suggestion: Suggestion, typed: str) -> int:
    """Return where the letters typed so far stand: 0 at the beginning of the name, 1 in it, 2 in what it is called."""
    name = suggestion.text.lower().strip(" .,")
    if name.startswith(typed):
        return 0
    if typed in name:
        return 1
    return 2 if typed in suggestion.meaning.lower() or typed in suggestion.synonyms else 3


def _suggestions(
    expected: Expected, kinds: Mapping[str, Kind], language: str, names: Sequence[str], typed: str
) -> Iterator[Suggestion]:
    if expected.what == "measure":
        yield from _measures(kinds, language, typed)
    elif expected.what == "kind" and expected.signature:
        yield from _kinds(expected.signature, kinds, language)
    elif expected.what == "name":
        yield from (Suggestion(name, "", "name") for name in names)
    elif expected.what == "field":
        for field in expected.texts:
            yield Suggestion(f"{expected.lead}{field}", field_name(expected.kinds, field, language), "field")
    elif expected.what != "sign":
        usual: tuple[int, ...] = (30, 45, 60, 90, 180, 360) if expected.what == "days" else (90, 30, 180)
        if expected.signature and expected.signature.windows == "quarters":
            usual = (360, 180)
        for word in expected.texts:
            for days in usual:
                text = f"{days}d" if expected.what == "days" else f"{expected.lead}{word} {days}d"
                yield Suggestion(text, say(_WINDOWS[word], language, days=days), "window")


def _measures(kinds: Mapping[str, Kind], language: str, typed: str) -> Iterator[Suggestion]:
    for signature in MEASURES.values():
        caret = 0 if signature.takes == "nothing" else -1
        yield Suggestion(f"{signature.name}()", say(signature.meaning, language), "measure", caret)
    # Whoever thinks "order" or 下单 first finds the measures that read it.
    for name in kinds if typed else ():
        if name.startswith(typed) or typed in _called(name):
            for measure in (
                Measure("days_since", facts_of([name])),
                Measure("count", facts_of([name])),
                _HAS(facts=facts_of([name])),
            ):
                yield Suggestion(str(measure), measure_phrase(measure, language), "measure", synonyms=typed)


def _kinds(signature: Signature, kinds: Mapping[str, Kind], language: str) -> Iterator[Suggestion]:
    for name, kind in kinds.items():
        # Only the slope of a kind without fields means something: that of its count.
        if signature.field and not kind.fields and signature.name != "slope":
            continue
        if not signature.tables or kind.table in signature.tables:
            yield Suggestion(name, kind_name(name, language), "kind", synonyms=_called(name))


def _called(kind: str) -> str:
    return f"{kind_name(kind, 'zh_Hans')} {kind_name(kind, 'en')}".lower()
