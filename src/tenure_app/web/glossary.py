"""What each figure means: one file, read by the pages' ⓘ and by the documents.

Terms lie in glossary.yaml beside this file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tenure.words import current_language

FILE = Path(__file__).with_name("glossary.yaml")


@cache
def terms() -> dict[str, dict[str, dict[str, str]]]:
    """Return all terms: id -> language -> {term, text}."""
    import yaml

    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def explain(term: str) -> dict[str, str]:
    """Return a term's name and definition in the reader's language."""
    language = "zh" if current_language() == "zh_Hans" else "en"
    return dict(terms()[term][language])  # a copy: templates put the form's token into it
