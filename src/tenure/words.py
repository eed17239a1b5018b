"""The library's sentences in two languages.

Texts are written in English in the code, marked with :func:`mark`, and translated when they are *said*, so that a
library error can be raised anywhere and shown in whatever language its reader speaks. It never guesses a language
from the data.
"""

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


def mark(text: str) -> str:
    """Mark a text for translation without translating it yet (extracted as ``mark``)."""
    return text


def language_of(setting: str | None) -> str:
    """Return the supported language nearest to a locale setting such as ``zh_CN.UTF-8`` or ``en``."""
    return "zh_Hans" if (setting or "").lower().replace("-", "_").startswith("zh") else "en"


def _environment_language() -> str:
    for name in ("TENURE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            return language_of(os.environ[name])
    return "en"


_current: ContextVar[str | None] = ContextVar("tenure_language", default=None)


def current_language() -> str:
    """Return the language of this context: ``zh_Hans`` or ``en``."""
    return _current.get() or _environment_language()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Say everything in `language` inside the block."""
    token = _current.set(language_of(language))
    try:
        yield
    finally:
        _current.reset(token)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    folder = str(files("tenure") / "locale")
    return gettext.translation("tenure", folder, languages=[language], fallback=language == "en")


def say(text: str, language: str | None = None, **data: object) -> str:
    """Return a marked text in a language, its ``%(name)s`` places filled from `data`.

    Parameters
    ----------
    text : str
        The English text, as marked in the code.
    language : str, optional
        ``zh_Hans`` or ``en``; the context's language when omitted.
    **data
        What the named places are filled with.
    """
    translated = _catalogue(language_of(language) if language else current_language()).gettext(text)
    return translated % data if data else translated
