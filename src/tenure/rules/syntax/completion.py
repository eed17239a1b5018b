"""What may come at the caret of a rule that is being written.

Answers: here, after these letters, which measures, kinds, fields, windows or signs fit, and what does each mean in one
line? It reads only what stands before the caret and never refuses a half-written rule; whether the rule is right is the
grammar's question. Words are found by their name and by what they are called: 下单 finds ``order``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

from tenure.facts.kinds import KINDS
from tenure.rules.syntax.measures import MEASURES
from tenure.rules.syntax.tree import Measure
from tenure.rules.wording.sentence import measure_phrase
from tenure.rules.wording.vocabulary import field_name, kind_name
from tenure.words import current_language, language_of, mark, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tenure.facts.kinds import Kind
    from tenure.rules.syntax.measures import Signature

What = Literal["measure", "kind", "field", "window", "sign", "word", "name"]
MOST = 50  # all kinds; the list scrolls
_TOKEN = re.compile(r"\d+[dD]\b|\d[\d_.]*%?|\"[^\"]*\"?|\w+|<=|>=|!=|<>|==|[<>=≤≥≠]|\S")
_SIGNS = {
    "<=": mark("at most"),
    "<": mark("less than"),
    ">=": mark("at least"),
    ">": mark("more than"),
    "=": mark("exactly"),
    "!=": mark("not"),
    "and": mark("both must hold"),
    "or": mark("one of them must hold"),
    "is known": mark("when the facts can tell"),
    "is unknown": mark("when the facts cannot tell"),
    "*": mark("times"),
    "/": mark("divided by"),
    "+": mark("plus"),
    "-": mark("minus"),
}
_HAS = partial(Measure, "has", returns="truth")
_COMPARING = ("<", "<=", ">", ">=", "=", "!=", "==", "<>", "≤", "≥", "≠", "known", "unknown", "has")
_DAYS = (30, 45, 60, 90, 180, 360)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that may come here.

    Attributes
    ----------
    text : str
        What is written into the rule.
    meaning : str
        One line in the reader's language.
    what : str
        ``measure``, ``kind``, ``field``, ``window``, ``sign``, ``word`` or ``name``.
    caret : int
        Where the caret goes, counted from the end of `text`; -1 is before the closing parenthesis.
    found_by : str
        Other words that find it, lower case.
    """

    text: str
    meaning: str
    what: What
    caret: int = 0
    found_by: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """The suggestions, best first, and the letters that they replace."""

    start: int
    end: int
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class _Here:
    """Where the caret stands: the tokens before the word being written, and the measure it is inside of."""

    before: tuple[str, ...]
    inside: Signature | None
    arguments: tuple[str, ...]  # the tokens since that measure's parenthesis
    written: str = ""  # the letters of the word being written

    @property
    def last(self) -> str:
        return self.before[-1].lower() if self.before else ""


def complete(
    text: str,
    caret: int,
    kinds: Mapping[str, Kind] = KINDS,
    language: str | None = None,
    names: Sequence[str] = (),
) -> Completion:
    """Return what may come at the caret.

    Parameters
    ----------
    text : str
        The rule as far as it is written.
    caret : int
        How many characters stand before the caret.
    kinds : mapping of str to Kind, optional
        The fact kinds that may be used.
    language : str, optional
        ``zh_Hans`` or ``en``; the context's language when omitted.
    names : sequence of str, optional
        The attributes and scores that the lake knows, for ``attribute(…)`` and ``score(…)``.

    Examples
    --------
    >>> [one.text for one in complete("days_s", 6, language="en").suggestions]
    ['days_since()', 'days_since_first()']
    """
    caret = max(0, min(caret, len(text)))
    before = re.search(r"\w*$", text[:caret])
    start = before.start() if before else caret
    after = re.match(r"\w*", text[caret:])
    end = caret + (after.end() if after else 0)
    chosen = language_of(language) if language else current_language()
    here = replace(_here(text[:start]), written=text[start:caret])
    found = _ranked(_possible(here, kinds, chosen, names), here.written)
    return Completion(start, end, tuple(found[:MOST]))


def _here(text: str) -> _Here:
    tokens = tuple(_TOKEN.findall(re.sub(r"#[^\n]*", " ", text)))
    depth = 0
    for place in range(len(tokens) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(tokens[place], 0)
        if depth < 0:
            signature = MEASURES.get(tokens[place - 1].lower()) if place else None
            return _Here(tokens, signature, tokens[place + 1 :] if signature else ())
    return _Here(tokens, None, ())


def _possible(here: _Here, kinds: Mapping[str, Kind], language: str, names: Sequence[str]) -> Iterator[Suggestion]:
    if here.inside is not None:
        return _arguments(here, here.inside, kinds, language, names)
    if _finished(here):
        return _signs(here, language)
    return _beginnings(here, kinds, language)


def _finished(here: _Here) -> bool:
    """Tell whether a number or a condition is complete, so that only a sign or a word can follow."""
    return here.last == ")" or here.last in ("known", "unknown") or bool(re.match(r"\d|\"", here.last))


def _beginnings(here: _Here, kinds: Mapping[str, Kind], language: str) -> Iterator[Suggestion]:
    if here.last == "is":
        for word in ("known", "unknown"):
            yield Suggestion(word, say(_SIGNS[f"is {word}"], language), "word")
        return
    for signature in MEASURES.values():
        caret = 0 if signature.takes == "nothing" else -1
        yield Suggestion(f"{signature.name}()", say(signature.meaning, language), "measure", caret)
    if here.last in ("", "and", "or", "("):
        yield Suggestion("not ", say(mark("the opposite"), language), "word")
    if not here.before:
        yield Suggestion("otherwise", say(mark("every customer whom no rule above takes"), language), "word")
    yield from _by_kind(here.written.lower(), kinds, language)


def _by_kind(written: str, kinds: Mapping[str, Kind], language: str) -> Iterator[Suggestion]:
    """Whoever thinks "order" or 下单 first finds the measures that read it."""
    for name in kinds if written else ():
        if name.startswith(written) or written in _called(name):
            for measure in (Measure("days_since", (name,)), Measure("count", (name,)), _HAS(kinds=(name,))):
                yield Suggestion(str(measure), measure_phrase(measure, language), "measure", found_by=written)


def _signs(here: _Here, language: str) -> Iterator[Suggestion]:
    # Compared already, or true by itself: only another condition can follow, or arithmetic on the number.
    whole = any(token in _COMPARING for token in _part(here))
    for sign in ("and", "or") if whole else ():
        yield Suggestion(f"{sign} ", say(_SIGNS[sign], language), "word")
    for sign, meaning in _SIGNS.items():
        if whole and (sign in _COMPARING or sign[0].isalpha()):
            continue
        yield Suggestion(f"{sign} ", say(meaning, language), "word" if sign[0].isalpha() else "sign")


def _part(here: _Here) -> Iterator[str]:
    """Yield the tokens of the condition being written, back to the last ``and`` or ``or``."""
    for token in reversed(here.before):
        if token.lower() in ("and", "or"):
            return
        yield token.lower()


def _arguments(
    here: _Here, measure: Signature, kinds: Mapping[str, Kind], language: str, names: Sequence[str]
) -> Iterator[Suggestion]:
    if measure.takes == "name":
        return (Suggestion(name, "", "name") for name in names) if here.last == "(" else iter(())
    if here.last in ("(", "|"):
        return _kinds(measure, kinds, language)
    named = tuple(token.lower() for token in here.arguments if token.lower() in kinds)
    if here.last == ".":
        return _fields(named, kinds, language, "")
    if here.last in ("last", "before") and "," in here.arguments:
        return (Suggestion(f"{days}d", _window_said(here.last, days, language), "window") for days in _DAYS)
    if here.last == ",":
        return _windows(here, measure, language)
    return _after_argument(here, measure, named, kinds, language)


def _kinds(measure: Signature, kinds: Mapping[str, Kind], language: str) -> Iterator[Suggestion]:
    fitting = {
        "cases": ("cases",),
        "categorised": ("order_lines", "orders", "interactions"),
    }.get(measure.takes)
    for name, kind in kinds.items():
        if fitting and kind.table not in fitting:
            continue
        if measure.field and not kind.fields and measure.name != "slope":
            continue
        yield Suggestion(name, kind_name(name, language), "kind", found_by=_called(name))


def _called(kind: str) -> str:
    return f"{kind_name(kind, 'zh_Hans')} {kind_name(kind, 'en')}".lower()


def _fields(named: tuple[str, ...], kinds: Mapping[str, Kind], language: str, dot: str) -> Iterator[Suggestion]:
    shared = (
        [field for field in kinds[named[0]].fields if all(field in kinds[kind].fields for kind in named)]
        if named
        else []
    )
    for field in shared:
        yield Suggestion(f"{dot}{field}", field_name(named, field, language), "field")


def _windows(here: _Here, measure: Signature, language: str) -> Iterator[Suggestion]:
    if not measure.windows:
        return
    used = {token.lower() for token in here.arguments}
    for word in ("last", "before"):
        if word in used or (word == "before" and measure.windows == "quarters" and "last" not in used):
            continue
        for days in (360, 180) if measure.windows == "quarters" else (90, 30, 180):
            yield Suggestion(f"{word} {days}d", _window_said(word, days, language), "window")


def _window_said(word: str, days: int, language: str) -> str:
    if word == "last":
        return say(mark("the last %(days)s days, today included"), language, days=days)
    return say(mark("ending %(days)s days ago"), language, days=days)


def _after_argument(
    here: _Here, measure: Signature, named: tuple[str, ...], kinds: Mapping[str, Kind], language: str
) -> Iterator[Suggestion]:
    if "," not in here.arguments and "." not in here.arguments:
        if measure.field or measure.windows == "quarters":
            yield from _fields(named, kinds, language, ".")
        yield Suggestion(" | ", say(mark("or another kind as well"), language), "sign")
    for window in _windows(here, measure, language):
        yield Suggestion(f", {window.text}", window.meaning, "window")


def _ranked(possible: Iterable[Suggestion], written: str) -> list[Suggestion]:
    """Keep what fits the letters written so far: by the beginning of the name, by its inside, by what it is called."""
    sought = written.lower()
    ranked = []
    for place, one in enumerate(possible):
        name = one.text.lower().strip(" .,")
        if not sought or name.startswith(sought):
            ranked.append((0, place, one))
        elif sought in name:
            ranked.append((1, place, one))
        elif sought in one.meaning.lower() or sought in one.found_by:
            ranked.append((2, place, one))
    return [one for _rank, _place, one in sorted(ranked, key=lambda entry: entry[:2])]
