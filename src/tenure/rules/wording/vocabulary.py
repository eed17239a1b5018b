"""What kinds of facts, and their fields, are called when a rule is read back; the words stand in `vocabulary.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from tenure.words import current_language, language_of
from tenure.words.message import Renderable

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same safe reading, ten times as fast


@dataclass(frozen=True, slots=True)
class KindName:
    zh: str  # chinese verb-noun, fits 最近一次…, …次数, 没有…
    en: str  # english noun, fits "the last …", "3 …"
    plural: str
    unit: str = "次"  # chinese measure word behind a number of them


def read_yaml(name: str) -> dict[str, Any]:
    """Return what a YAML file of this package holds."""
    return yaml.load(files("tenure.rules.wording").joinpath(name).read_text("utf-8"), Loader=_LOADER)  # noqa: S506


_VOCABULARY = read_yaml("vocabulary.yaml")
KIND_NAMES = {kind: KindName(*words) for kind, words in _VOCABULARY["kinds"].items()}
#: By kind and field with a dot between: Chinese, English.
FIELD_NAMES: dict[str, tuple[str, str]] = _VOCABULARY["fields"]
_COLUMNS: dict[str, tuple[str, str]] = _VOCABULARY["columns"]
_FIELDS = {"seconds": ("时长（秒）", "seconds"), "amount": ("金额", "amount"), "quantity": ("件数", "quantity")}


def kind_words(kind: str) -> KindName:
    """Return a kind's words; a lake's own kind goes by its own name in both languages."""
    return KIND_NAMES.get(kind) or KindName(f"“{kind}”", f"“{kind}”", f"“{kind}”")


def kind_name(kind: str, language: str) -> str:
    """Return what a kind is called in a list or a heading, in a language (``zh_Hans`` or ``en``).

    Kinds with | between are alternatives, any of them.
    """
    if " | " in kind:
        *first, last = (kind_name(part, language) for part in kind.split(" | "))
        comma, between = ("、", "或") if language.startswith("zh") else (", ", " or ")
        return between.join([comma.join(first), last])
    words = kind_words(kind)
    return words.zh if language.startswith("zh") else words.en


def field_name(kinds: tuple[str, ...], field: str, language: str) -> str:
    """Return what a field of a kind is called, such as 订单金额 or "order value"."""
    chinese = language.startswith("zh")
    named = [FIELD_NAMES[name][0 if chinese else 1] for kind in kinds if (name := f"{kind}.{field}") in FIELD_NAMES]
    if len(named) == len(kinds):
        return ("与" if chinese else " and ").join(dict.fromkeys(named))
    word = _FIELDS.get(field, (field, field))[0 if chinese else 1]
    if chinese:
        return "或".join(kind_words(kind).zh for kind in kinds) + word
    return f"{word} of " + " or ".join(kind_words(kind).plural for kind in kinds)


def column_name(column: str, language: str) -> str:
    """Return what a column of facts is called in a condition, such as 渠道 or "channel"."""
    return _COLUMNS.get(column, (column, column))[0 if language.startswith("zh") else 1]


@dataclass(frozen=True, slots=True)
class KindNames(Renderable):
    """Kinds of fact, or their columns, listed in the reader's language: orders, cases and contract events."""

    kinds: tuple[str, ...]  # ``order``, or ``order.channel``
    joined: str = "and"  # or ``or``

    def render(self, language: str | None = None) -> str:
        """Return the list."""
        language = language_of(language) if language else current_language()
        chinese = language == "zh_Hans"
        names = []
        for kind, _, column in (name.partition(".") for name in self.kinds):
            if " | " in kind:  # any of them
                names.append(KindNames(tuple(kind.split(" | ")), "or").render(language))
                continue
            words = kind_words(kind)
            names.append(field_name((kind,), column, language) if column else words.zh if chinese else words.plural)
        last = {"and": ("和", " and "), "or": ("或", " or ")}[self.joined][0 if chinese else 1]
        first = ("、" if chinese else ", ").join(names[:-1])
        return last.join([first, names[-1]] if first else names)
