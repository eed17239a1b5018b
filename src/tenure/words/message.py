"""Messages: a marked template and its data, stored as data and rendered in the language of whoever reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from tenure.words import formats
from tenure.words.catalogue import current_language, language_of, translate


class Renderable:
    """What reads differently in each language; by default the function of its name in the formats writes it."""

    __slots__: tuple[str, ...] = ()

    def render(self, language: str | None = None) -> str:
        """Return the text in a language (``zh_Hans`` or ``en``), the context's when omitted."""
        write = getattr(formats, type(self).__name__.lower())
        return write(**{name: getattr(self, name) for name in self.__slots__}, language=language)


@dataclass(frozen=True, slots=True)
class Number(Renderable):
    """A number with exactly `places` decimals, else with at most so many."""

    value: float | Decimal | None
    places: int | None = None
    at_most: int = 2


@dataclass(frozen=True, slots=True)
class Money(Renderable):
    """An amount with its currency."""

    value: float | Decimal | None
    currency: str
    brief: bool = False
    places: int = 2


@dataclass(frozen=True, slots=True)
class Percent(Renderable):
    """A share, with at most so many `places` or with so many significant `digits`."""

    value: float | None
    places: int = 1
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Change(Renderable):
    """By which share something changed, written with its sign."""

    value: float | None
    places: int = 1
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class Day(Renderable):
    """A day: a date or its ISO text."""

    value: date | str | None


@dataclass(frozen=True, slots=True)
class LocalizedText(Renderable):
    """A text that its author wrote in both languages, or in one of them."""

    zh: str = ""
    en: str = ""

    def __bool__(self) -> bool:
        return bool(self.zh or self.en)

    def render(self, language: str | None = None) -> str:
        """Return the text in a language, in the other one when its author wrote only that."""
        chinese = (language_of(language) if language else current_language()) == "zh_Hans"
        return (self.zh or self.en) if chinese else (self.en or self.zh)


@dataclass(frozen=True, slots=True)
class Message(Renderable):
    """A sentence that is not in any language yet.

    Parameters
    ----------
    template : str
        The English text with ``%(name)s`` places, marked with :func:`tenure.words.mark`.
    data : mapping
        What fills the places: plain values, values with a format such as :class:`Money`, or other messages.
    """

    template: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", MappingProxyType(dict(self.data)))

    def __reduce__(self) -> tuple[type[Message], tuple[str, dict[str, Any]]]:
        return Message, (self.template, dict(self.data))  # a mapping proxy cannot be pickled

    def __hash__(self) -> int:
        return hash((self.template, *self.data))

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Message:
        """Return the message that :meth:`to_dict` wrote."""
        message = loads(json.dumps(dict(stored)))
        return message if isinstance(message, cls) else cls("")

    def to_dict(self) -> dict[str, Any]:
        """Return the message as plain JSON."""
        return json.loads(dumps(self))

    def render(self, language: str | None = None) -> str:
        """Return the text in a language (``zh_Hans`` or ``en``), the context's when omitted."""
        language = language_of(language) if language else current_language()
        text = translate(self.template, language)
        filled = {
            name: value.render(language) if isinstance(value, Renderable) else value
            for name, value in self.data.items()
        }
        return text % filled if filled else text


def say(text: str, language: str | None = None, **data: object) -> str:
    """Return a marked text in a language, its places filled from `data`; see :meth:`Message.render`."""
    return Message(text, data).render(language)


def render(value: Any, language: str | None = None) -> Any:
    """Return a structure of mappings and lists with every message in it as text."""
    if isinstance(value, Renderable):
        return value.render(language)
    if isinstance(value, Mapping):
        return {name: render(item, language) for name, item in value.items()}
    return [render(item, language) for item in value] if isinstance(value, (list, tuple)) else value


def sentences(messages: Sequence[Message], language: str | None = None) -> str:
    """Return messages one after the other; Chinese puts no space between sentences."""
    language = language_of(language) if language else current_language()
    return ("" if language == "zh_Hans" else " ").join(message.render(language) for message in messages)


def listing(names: Iterable[str]) -> str:
    """Return names as a list in the reader's language, separated by commas."""
    return ("、" if current_language() == "zh_Hans" else ", ").join(names)


_FORMATS: dict[str, type] = {
    **{kind.__name__.lower(): kind for kind in (Number, Money, Percent, Change, Day)},
    "localized": LocalizedText,
}
#: What is written of each kind of value: its name, and its fields with their defaults, which are left out.
_WRITTEN = {kind: (name, [(item.name, item.default) for item in fields(kind)]) for name, kind in _FORMATS.items()}


def dumps(value: Any) -> str:
    """Return a structure that may hold messages as JSON; what JSON does not know becomes text."""
    return _ENCODER.encode(value)


def loads(text: str) -> Any:
    """Return the structure that :func:`dumps` wrote, with its messages."""
    return json.loads(text, object_hook=_from_dict)


def _to_json(value: Any) -> Any:
    if isinstance(value, Message):
        return {"template": value.template, "data": dict(value.data)}
    if type(value) not in _WRITTEN:
        return value.isoformat() if isinstance(value, date) else str(value)  # an error may carry anything
    name, items = _WRITTEN[type(value)]
    # Millions of these are stored, so what is as usual is not written.
    given = {field: getattr(value, field) for field, default in items if getattr(value, field) != default}
    return {"format": name, **given}


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_to_json)


def _from_dict(stored: dict[str, Any]) -> Any:
    if stored.keys() == {"template", "data"}:
        return Message(stored["template"], stored["data"])
    if stored.get("format") in _FORMATS:
        return _FORMATS[stored["format"]](**{name: value for name, value in stored.items() if name != "format"})
    return stored
