"""What a user reads: messages as data, the catalogue of translations, and formats, in two languages.

Texts are written in English in the code, marked with :func:`mark`, and translated when they are read, so that a
library error can be raised anywhere and shown in whatever language its reader speaks.
"""

from tenure.words.catalogue import LANGUAGES, current_language, language_of, mark, speaking
from tenure.words.message import (
    Change,
    Day,
    LocalizedText,
    Message,
    Money,
    Number,
    Percent,
    dumps,
    listing,
    loads,
    render,
    say,
    sentences,
)

__all__ = [
    "LANGUAGES",
    "Change",
    "Day",
    "LocalizedText",
    "Message",
    "Money",
    "Number",
    "Percent",
    "current_language",
    "dumps",
    "language_of",
    "listing",
    "loads",
    "mark",
    "render",
    "say",
    "sentences",
    "speaking",
]
