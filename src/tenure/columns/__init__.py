"""The catalogue of columns: what each column of the scorecard, and each other measure shown, is called and means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from tenure.risk.signals import SIGNALS
from tenure.value.groups import groups
from tenure.words import LocalizedText, say

#: What a column may hold.
KINDS = ("text", "choice", "choices", "yesno", "number", "money", "percent", "day", "instant")
NUMBERS = ("number", "money", "percent")


@dataclass(frozen=True, slots=True)
class Label(LocalizedText):
    """A text in both languages that reads as the context's one."""

    def __str__(self) -> str:
        return self.render()


@dataclass(frozen=True, slots=True)
class Definition:
    """One column of the catalogue."""

    id: str
    kind: str
    label: Label
    definition: Label
    rows: tuple[str, ...]  # tables of the lake with the rows behind it
    unit: str = ""
    filter: bool = False  # the list of customers can be filtered by it
    interval: tuple[str, str, int] | None = None  # columns with its bounds, and how sure these are in percent
    values: Mapping[str, Label] = field(default_factory=dict)  # of a choice, by code

    def value_name(self, code: str | None) -> str:
        """Return what a code of a choice is called; the code itself when nothing names it."""
        return str(self.values.get(code, code)) if code else ""


@cache
def catalogue() -> Mapping[str, Definition]:
    """Return every column by its id, in the order of the file."""
    import yaml

    text = files("tenure.columns").joinpath("columns.yaml").read_text(encoding="utf-8")
    return {id_: _definition(id_, entry) for id_, entry in yaml.safe_load(text).items()}


def column(id_: str) -> Definition:
    """Return one column of the catalogue."""
    return catalogue()[id_]


def value_name(id_: str, code: str | None) -> str:
    """Return what a code of a choice is called; see :meth:`Definition.value_name`."""
    return column(id_).value_name(code)


def _definition(id_: str, entry: Mapping[str, Any]) -> Definition:
    texts = {name: Label(**entry[name]) for name in ("label", "definition")}
    return Definition(
        id_,
        entry["kind"],
        rows=tuple(entry["rows"]),
        unit=entry.get("unit", ""),
        filter=entry.get("filter", False),
        interval=tuple(entry["interval"]) if "interval" in entry else None,
        values=_values(entry),
        **texts,
    )


def _values(entry: Mapping[str, Any]) -> dict[str, Label]:
    """Return the names of a choice's codes, which may be kept with the rules that give the codes."""
    if "groups" in entry:
        return {group.id: Label(group.name.zh, group.name.en) for group in groups(entry["groups"])}
    if entry.get("signals"):
        return {code: Label(say(signal.name, "zh_Hans"), signal.name) for code, signal in SIGNALS.items()}
    return {code: Label(**words) for code, words in entry.get("values", {}).items()}
