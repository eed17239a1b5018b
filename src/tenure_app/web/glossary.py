"""What a figure means, for the ⓘ beside it: columns from their catalogue, other terms from glossary.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tenure.columns import catalogue
from tenure.words import current_language

FILE = Path(__file__).with_name("glossary.yaml")


@cache
def terms() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return all terms: id -> language -> {term, text}."""
    import yaml

    columns = {
        name: {
            language: {"term": getattr(column.label, language), "text": getattr(column.definition, language)}
            for language in ("zh", "en")
        }
        for name, column in catalogue().items()
    }
    return {**yaml.safe_load(FILE.read_text(encoding="utf-8")), **columns}


def explain(term: str) -> dict[str, str]:
    """Return a term's name and definition in the reader's language."""
    language = "zh" if current_language() == "zh_Hans" else "en"
    return dict(terms()[term][language])  # a copy: templates put the form's token into it
