"""Filters of a list: the fields of the form above it, and the filters in force, each with the way to remove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Select:
    kind: ClassVar[str] = "select"
    name: str
    label: Any
    options: Sequence[tuple[str, Any]]  # value, what it is called
    value: str = ""
    any: Any = ""  # what choosing none is called; empty: one must be chosen
    submits: bool = False  # shows the list at once
    grow: bool = False  # takes the width that is left


@dataclass(frozen=True, slots=True)
class Input:
    """A value that is typed."""

    kind: ClassVar[str] = "input"
    name: str
    label: Any
    value: Any = None
    type: str = "text"  # of HTML, or "decimal"
    placeholder: Any = ""
    least: int | None = None
    most: int | None = None
    grow: bool = False

    @property
    def attributes(self) -> SafeString:
        if self.type == "decimal":
            return SafeString('inputmode="decimal"')
        bounds = [(name, value) for name, value in (("min", self.least), ("max", self.most)) if value is not None]
        return format_html('type="{}"{}', self.type, format_html_join("", ' {}="{}"', bounds))


@dataclass(frozen=True, slots=True)
class Range:
    kind: ClassVar[str] = "range"
    label: Any
    low: Input
    high: Input

    @property
    def bounds(self) -> tuple[Input, Input]:
        return self.low, self.high


Field = Select | Input | Range


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter in force in words, and the address without it."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The form above a list, as ``components/filters.html`` shows it."""

    label: Any  # for screen readers
    fields: Sequence[Field]
    more: Sequence[Sequence[Field]] = ()  # lines that are folded until one is used
    more_open: bool = False
    hidden: Sequence[tuple[str, Any]] = ()  # what the address keeps
    chips: Sequence[Chip] = ()
    clear_url: str = ""  # without any filter
    button: bool = True  # else every field shows the list at once
