"""Entries of a model's file, and what the rules in them may name.

Reading is strict: an unknown key is named together with the nearest right one, so that a typing error never becomes a
silently ignored setting.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cached_property
from itertools import takewhile
from typing import Any, Literal, NamedTuple, TypeVar

import yaml

from tenure.errors import ModelError, RuleError
from tenure.facts.businesses import BUSINESSES
from tenure.facts.kinds import Kind
from tenure.lifecycle.model import Model, Stage
from tenure.rules.syntax.parameters import Parameter
from tenure.rules.syntax.parser import parse
from tenure.rules.syntax.tree import RuleNode
from tenure.rules.syntax.windows import LONGEST_WINDOW
from tenure.words import LocalizedText, Message, mark

Item = TypeVar("Item")

_DURATION = re.compile(r"(\d{1,6})\s*([dw])", re.IGNORECASE)
_QUOTED = re.compile(r"\{([a-z][a-z0-9_]*)\}")
#: A key whose colon is the one of Chinese keyboards, or has no space behind it: YAML sees no key in it.
_NO_KEY = re.compile(r"\s*(?:-\s+)?\{?\s*([A-Za-z_]\w*)\s*(?:：|:(?=[^\s:/]))")
_MOST_SUSPECTS = 20  # lines whose colon is tried: each costs a reading of the whole file
#: What true and false cannot stand for.
_RULES = {
    "when": mark(
        "%(where)s: %(key)s must be a rule, not true or false. Write when: otherwise for everyone else, or a condition"
        " such as when: days_since(order) <= 45."
    ),
    "stays_while": mark(
        "%(where)s: %(key)s must be a condition, not true or false, such as stays_while: days_since(order) <= 60."
    ),
}
_CHOICES = ("family", "unit")
WRONG_COLON = mark("%(where)s: write a plain colon and a space after %(key)s, as in %(key)s: …")


class KeysOnce:
    """Makes a YAML loader refuse a key that stands twice in one mapping, of which YAML keeps only the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[str, int] = {}
        for key, _value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                text = mark("Invalid YAML: %(key)r stands twice, on lines %(first)s and %(line)s. Remove one of them.")
                raise ModelError(text, key=key.value, first=lines[key.value], line=line)
            lines[key.value] = line
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)  # type: ignore[misc]
        return mapping


class _Loader(KeysOnce, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same safe reading, ten times as fast where the C library is there."""

    def construct_yaml_map(self, node: yaml.MappingNode) -> Iterator[dict[Any, Any]]:
        mapping: dict[Any, Any] = _InBraces() if node.flow_style else {}
        yield mapping
        mapping.update(self.construct_mapping(node))


class _InBraces(dict[Any, Any]):
    """A mapping that is written in {…}, where a comma ends a value."""


_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_yaml_map)


def load_yaml(text: str, loader: Any = _Loader) -> Any:
    """Return what a YAML text holds; raise a ModelError with the line when it cannot be read."""
    try:
        return yaml.load(text, Loader=loader)  # noqa: S506 - callers give safe loaders only
    except (yaml.YAMLError, ValueError) as wrong:  # ValueError: an impossible date
        place = getattr(wrong, "problem_mark", None)
        lines = text.splitlines()[: place.line + 1] if place else []
        if lines and "\t" in lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())]:
            cause = mark("Line %(line)s is indented with a tab. Indent it with spaces.")
            raise ModelError(cause, line=len(lines)) from wrong
        check_colons(text, len(lines) - 4, len(lines))
        cause = mark(
            "Invalid YAML: %(problem)s on line %(line)s. Put rules in quotation marks: # and : end them, and inside"
            " {…} commas and brackets do."
        )
        problem = getattr(wrong, "problem", "") or str(wrong)
        raise ModelError(cause, problem=problem, line=place.line + 1 if place else "?") from wrong


def check_colons(text: str, first: int = 0, end: int | None = None) -> None:
    """Refuse a key that YAML takes for a text because of its colon, the last one among some lines.

    A line of a longer text, such as VIP：best, looks like one as well. A key is to blame if YAML reads further with a
    plain colon in its place.
    """
    lines = text.splitlines()
    suspects = [number for number in range(max(first, 0), len(lines[:end])) if key_meant(lines[number])]

    def read_with(mended: Sequence[int]) -> float:
        return _lines_read("\n".join(_with_colon(line) if at in mended else line for at, line in enumerate(lines)))

    reached = read_with(suspects) if suspects else 0
    if not suspects or reached <= read_with(()):
        return
    for suspect in suspects[: -_MOST_SUSPECTS - 1 : -1]:
        if read_with([number for number in suspects if number != suspect]) < reached:
            where = Message(mark("Line %(line)s"), {"line": suspect + 1})
            raise ModelError(WRONG_COLON, where=where, key=key_meant(lines[suspect]))


def _lines_read(text: str) -> float:
    """Return how many lines YAML reads before it stops; none of a text that is no mapping."""
    try:
        return math.inf if isinstance(yaml.compose(text, Loader=_Loader), yaml.MappingNode) else 0
    except yaml.YAMLError as wrong:
        place = getattr(wrong, "problem_mark", None)
        return place.line if place else 0


def _with_colon(line: str) -> str:
    """Return a line with a plain colon and a space behind the key that it is meant to begin with."""
    return _NO_KEY.sub(lambda key: f"{key[0][:-1]}: ", line, count=1)


def key_meant(line: str) -> str:
    """Return the key that a line would begin with if its colon were a plain one with a space; empty if none."""
    key = _NO_KEY.match(line)
    return key[1] if key else ""


class Scope(NamedTuple):
    """What the rules of a lake's models may name, besides their own parameters."""

    kinds: tuple[tuple[str, Kind], ...]
    named_dates: tuple[tuple[str, tuple[str, ...]], ...]
    own: tuple[tuple[str, str], ...]  # the texts of the lake's own models by id
    currency: str = ""


@dataclass(frozen=True)
class Names:
    """What the rules of one model may name."""

    scope: Scope
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    reading: tuple[str, ...] = ()  # the models that are being read, each because the one before reads its stages

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        return dict(self.scope.kinds)

    def rule(self, text: str) -> RuleNode:
        return parse(text, self.kinds, parameters=self.parameters, named_dates=dict(self.scope.named_dates))


class FileEntry:
    """A mapping in the file whose keys are all known, with its place, which every error names."""

    def __init__(self, given: Any, keys: Sequence[str], where: str, names: Names) -> None:
        self.given, self.where, self.names = given, where, names
        if not isinstance(given, Mapping):
            raise self.wrong(mark("%(where)s must be a mapping with %(keys)s."), keys=", ".join(keys))
        for key in given:
            if key not in keys:
                raise self._unknown(key, keys)

    def _unknown(self, key: object, keys: Sequence[str]) -> ModelError:
        """Return what is wrong with a key: no plain colon behind it, a comma in the value before, or a wrong name."""
        if (meant := key_meant(str(key))) in keys:
            return self.wrong(WRONG_COLON, key=meant)
        # What follows a comma in {…} has no value of its own; a word alone may as well be a key without a value.
        names = list(self.given)
        at = names.index(key)
        before = next((name for name in reversed(names[:at]) if name in keys), None)
        is_rest = isinstance(self.given, _InBraces) and before is not None and self.given[key] is None
        if is_rest and (not str(key).isidentifier() or "zh" in keys):
            rest = takewhile(lambda name: name not in keys and self.given[name] is None, names[at:])
            value = ", ".join(map(str, (self.given[before], *rest)))
            sign = "'" if '"' in value else '"'
            text = mark("%(where)s: inside {…} a comma ends a value. Put it in quotation marks: %(key)s: %(value)s")
            return self.wrong(text, key=before, value=f"{sign}{value}{sign}")
        near = get_close_matches(str(key), keys, n=1, cutoff=0.4) or [", ".join(keys)]
        return self.wrong(mark("%(where)s has an unknown key %(key)r. Did you mean %(near)s?"), key=key, near=near[0])

    def wrong(self, text: str, **data: Any) -> ModelError:
        return ModelError(text, where=self.where, **data)

    def _refuse_booleans(self, key: str, *values: Any) -> None:
        """Refuse texts that YAML reads as true or false: nobody wants a stage called True."""
        for value in values:
            if isinstance(value, bool):
                text = mark(
                    "%(where)s: YAML reads yes, no, on, off, true and false as booleans. Where %(key)s is such a word,"
                    " put it in quotation marks, such as %(sample)s."
                )
                raise self.wrong(text, key=key, sample='"yes"' if value else '"no"')

    def id(self) -> str:
        value = self.given.get("id")
        self._refuse_booleans("id", value)
        text = str(value) if value is not None else ""
        if not text:
            raise self.wrong(mark("%(where)s has no id. Add one, such as id: loyal-customer."))
        if not all(part.isalnum() for part in text.replace("_", "-").split("-")):
            raise self.wrong(
                mark(
                    "%(where)s: id must consist of letters, digits and hyphens, such as loyal-customer, not %(found)r."
                ),
                found=value,
            )
        return text

    def string(self, key: str) -> str:
        value = self.given.get(key)
        if isinstance(value, bool) and key in _RULES:
            raise self.wrong(_RULES[key], key=key)
        if isinstance(value, bool) and key in _CHOICES:
            return str(value)  # in quotation marks it would be no choice either
        self._refuse_booleans(key, value)
        return str(value or "").strip()

    def text(self, key: str, default: object = None) -> LocalizedText:
        """Return a text in both languages; one that is written plainly stands for both."""
        value = self.given.get(key, default)
        if value is None:
            return LocalizedText()
        if isinstance(value, Mapping):
            return FileEntry(value, ["zh", "en"], f"{self.where}, {key}", self.names).both()
        self._refuse_booleans(key, value)
        return LocalizedText(self._filled(str(value), "zh"), self._filled(str(value), "en"))

    def both(self) -> LocalizedText:
        """Return the text whose two languages are keys of this mapping."""
        return LocalizedText(self._filled(self.string("zh"), "zh"), self._filled(self.string("en"), "en"))

    def _filled(self, text: str, language: Literal["zh", "en"]) -> str:
        """Return a text with the values of the parameters that it quotes."""

        def value(quoted: re.Match[str]) -> str:
            parameter = self.names.parameters.get(quoted[1])
            if parameter is None:
                known = ", ".join(self.names.parameters) or "-"
                raise self.wrong(
                    mark("%(where)s quotes the parameter %(name)s, which the model does not have. It has: %(known)s."),
                    name=quoted[1],
                    known=known,
                )
            return parameter.text(language, self.names.scope.currency)

        return _QUOTED.sub(value, text)

    def flag(self, key: str) -> bool:
        value = self.given.get(key, False)
        if not isinstance(value, bool):
            raise self.wrong(mark("%(where)s: %(key)s must be true or false, not %(found)r."), key=key, found=value)
        return value

    def plain(self, cls: type[Model] | type[Stage]) -> dict[str, Any]:
        """Return the fields of a class that are texts, strings and flags."""
        readers: dict[object, Callable[[str], Any]]
        readers = {"LocalizedText": self.text, "str": self.string, "bool": self.flag}
        return {field.name: readers[field.type](field.name) for field in fields(cls) if field.type in readers}

    def list(self, key: str) -> Sequence[Any]:
        value = self.given.get(key) or ()
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self.wrong(mark("%(where)s: %(key)s must be a list."), key=key)
        self._refuse_booleans(key, *value)
        return value

    def entries(self, key: str, keys: Sequence[str], make: Callable[[FileEntry], Item]) -> tuple[Item, ...]:
        return tuple(make(FileEntry(item, keys, f"{self.where}, {key}", self.names)) for item in self.list(key))

    def one_of(self, key: str, value: str, known: Sequence[str]) -> str:
        if value not in known:
            near = get_close_matches(value, known, n=3, cutoff=0.5) or list(known[:12])
            text = mark("%(where)s: %(found)r is not a valid %(key)s. Try: %(near)s.")
            raise self.wrong(text, key=key, found=value, near=", ".join(near))
        return value

    def fact_kinds(self, key: str) -> tuple[str, ...]:
        return tuple(self.one_of(key, str(kind), tuple(self.names.kinds)) for kind in self.list(key))

    def days(self, key: str, default: int) -> int:
        """Return a number of days, written such as 14d or 2w."""
        if key not in self.given:
            return default
        written = _DURATION.fullmatch(str(self.given[key]).strip())
        days = int(written[1]) * (7 if written[2] in "wW" else 1) if written else -1
        if not 0 <= days <= LONGEST_WINDOW:
            text = mark(
                "%(where)s: %(key)s must be a number of days or weeks up to %(most)sd, such as 14d or 2w, or 0d for"
                " at once, not %(found)r."
            )
            raise self.wrong(text, key=key, most=LONGEST_WINDOW, found=self.given[key])
        return days

    def needs(self) -> tuple[str, ...]:
        """Return needed kinds of fact; any of those that are written with | between will do."""
        known = tuple(self.names.kinds)
        alternatives = ([kind.strip() for kind in str(need).split("|")] for need in self.list("needs"))
        return tuple(" | ".join(self.one_of("needs", kind, known) for kind in kinds) for kinds in alternatives)

    def business_kinds(self) -> tuple[str, ...]:
        named = tuple(self.one_of("kind of business", str(kind), tuple(BUSINESSES)) for kind in self.list("businesses"))
        for kind in named:
            if named.count(kind) > 1:
                raise self.wrong(mark("%(where)s: businesses names %(kind)r twice. Remove one of them."), kind=kind)
        return named

    def rule(self, key: str = "when") -> RuleNode:
        when = self.string(key)
        if not when:
            raise self.wrong(
                mark("%(where)s has no rule. Add one, such as when: days_since(order) <= 45, or when: otherwise.")
            )
        try:
            return self.names.rule(when)
        except RuleError as wrong:
            wrong.add_note(self.where)
            wrong.where = self.where
            raise
