"""What can go wrong for a user of the library: a class is a code plus a sentence with named places.

The sentence is said in the reader's language by :meth:`TenureError.say`, so that the library stays free of any user
interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

from tenure.words import Message, mark, say

if TYPE_CHECKING:
    from collections.abc import Mapping


class TenureError(Exception):
    """Base of everything a user can cause and mend: carries `data` and a sentence that names the mend.

    Parameters
    ----------
    template : str
        English sentence with ``%(name)s`` places, marked for translation.
    **data
        The values for the places; kept in ``.data`` for machines, the whole in ``.message``.
    """

    code = "error"
    file = ""  # the file it stands in, set by whoever reads one

    def __init__(self, template: str, **data: object) -> None:
        super().__init__(template, data)
        self.message = Message(template, data)
        self.data: Mapping[str, Any] = self.message.data

    def say(self, language: str | None = None) -> str:
        """Return the sentence in a language (``zh_Hans`` or ``en``)."""
        return self.message.render(language)

    def say_in_full(self, language: str | None = None) -> str:
        """Return the sentence after the file it is about, if there is one."""
        return f"{self.file}: {self.say(language)}" if self.file else self.say(language)

    def __str__(self) -> str:
        return self.say()


class FactsError(TenureError):
    """Facts cannot be read as asked."""

    code = "facts"


class FileUnreadable(FactsError):
    """A file is missing, empty, or in no format that is understood."""

    code = "file-unreadable"


class MappingError(FactsError):
    """Columns cannot be matched to fields."""

    code = "mapping"


class LakeError(TenureError):
    """The lake is missing, or not one of ours."""

    code = "lake"


class ModelError(TenureError):
    """A life-cycle model breaks its schema."""

    code = "model"


class FitError(TenureError):
    """Histories that a statistical model cannot be fitted to: none, impossible ones, or an unknown model."""

    code = "fit"


class EngineError(TenureError):
    """An engine is not installed or did not answer."""

    code = "engine"


class RuleError(TenureError):
    """A rule that cannot be understood.

    Parameters
    ----------
    template, **data
        The cause, see :class:`TenureError`.
    rule : str
        The whole rule.
    start, end : int
        The place, as character offsets into `rule`.
    nearest : tuple of str
        Right names near the wrong one, best first.
    """

    code = "rule"

    def __init__(
        self, template: str, *, rule: str, start: int, end: int, nearest: tuple[str, ...] = (), **data: object
    ) -> None:
        super().__init__(template, **data)
        self.rule = rule
        self.start = start
        self.end = max(end, start + 1)
        self.nearest = nearest
        self.where = ""  # which model and stage it stands in, set by whoever reads the model

    def say(self, language: str | None = None) -> str:
        """Return the cause and the nearest right names."""
        cause = super().say(language)
        if self.nearest:
            cause += " " + say(mark("Did you mean %(names)s?"), language, names=" / ".join(self.nearest))
        return cause

    def say_in_full(self, language: str | None = None) -> str:
        """Return file, model and stage, the place in the rule, the cause and the nearest right names."""
        heading = ": ".join(part for part in (self.file, self.where) if part)
        return "\n".join(part for part in (heading, self.picture(), self.say(language)) if part)

    def picture(self, width: int = 78) -> str:
        """Return the line of the rule with the place, cut to a width, and a line below it with carets at the place."""
        text = self.rule.translate({ord(sign): " " for sign in "\t\r\v\f"})
        begin = text.rfind("\n", 0, self.start) + 1
        line = text[begin:].partition("\n")[0]
        start = min(self.start - begin, len(line))
        end = max(min(self.end - begin, len(line)), start + 1)
        # From the place outwards, until the line is full; dots stand for what is cut off.
        first, last = start, start
        while _columns(line[first:last]) < width - 2 and (first > 0 or last < len(line)):
            first, last = max(first - 1, 0), min(last + (1 if first else 2), len(line))
        before, after = "…" if first else "", "…" if last < len(line) else ""
        carets = max(_columns(line[start : min(end, last)]), 1)
        shown = f"{before}{line[first:last]}{after}"
        return f"{shown}\n{' ' * _columns(before + line[first:start])}{'^' * carets}"


def _columns(text: str) -> int:
    """Return how wide a terminal shows a text: Chinese characters take two columns."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
