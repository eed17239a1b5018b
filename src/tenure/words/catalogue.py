"""The reader's language and the catalogue of translations (gettext)."""

from __future__ import annotations

import gettext
import os
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LANGUAGES = ("zh_Hans", "en")

_current: ContextVar[str | None] = ContextVar("tenure_language", default=None)


def mark(text: str) -> str:
    """Mark a text for translation without translating it yet (extracted as ``mark``)."""
    return text


def language_of(setting: str | None) -> str:
    """Return the supported language nearest to a locale setting such as ``zh_CN.UTF-8`` or ``en``."""
    return "zh_Hans" if (setting or "").lower().replace("-", "_").startswith("zh") else "en"


def current_language() -> str:
    """Return the language of this context, else of the environment: ``zh_Hans`` or ``en``."""
    if language := _current.get():
        return language
    names = ("TENURE_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    return language_of(next((os.environ[name] for name in names if os.environ.get(name)), None))


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Render every text inside the block in `language`."""
    token = _current.set(language_of(language))
    try:
        yield
    finally:
        _current.reset(token)


def translate(text: str, language: str) -> str:
    """Return a marked text in a language, its places not filled yet."""
    # The empty text stands for the header of a catalogue.
    return _translations(language).gettext(text) if text else ""


@cache
def _translations(language: str) -> gettext.NullTranslations:
    # English is what stands in the code, so it needs no catalogue of its own.
    folder = str(files("tenure") / "locale")
    return gettext.translation("tenure", folder, languages=[language], fallback=language == "en")
