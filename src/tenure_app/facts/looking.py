"""A first look at a file, as rows can keep it.

The library guesses; here it is turned into what JSON can hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

SAMPLE = 6
SURE = 0.75
#: Fields that people do not bring.
_OURS = {"batch_id", "source", "seen_at", "props"}


def fields_of(table: str) -> list[str]:
    """Return the fields that a file may bring for a table, the needed ones first."""
    from tenure.facts.reading.guessing import shape_of_table

    schema, needed = shape_of_table(table)
    return [*needed, *(name for name in schema.names if name not in needed and name not in _OURS)]


def needed_of(table: str) -> list[str]:
    """Return the fields without which no row of a table is a fact."""
    from tenure.facts.reading.guessing import shape_of_table

    return list(shape_of_table(table)[1])


def look(path: Path, table: str) -> dict[str, Any]:
    """Return how a file is laid out, its first rows and the guessed columns."""
    from tenure.facts.reading.guessing import guess

    found = guess(path, table)
    layout = found.layout
    return {
        "kind": layout.kind,
        "encoding": layout.encoding,
        "delimiter": layout.delimiter,
        "sheet": layout.sheet,
        "header": layout.header,
        "columns": list(layout.names),
        "sample": [list(row) for row in layout.sample[:SAMPLE]],
        "guessed": dict(found.mapping),
        "unsure": [field for field, sure in found.confidence.items() if sure < SURE],
        # Day and month cannot be told apart in the sample: a person has to say which comes first.
        "ambiguous": any(style.ambiguous for style in found.date_styles.values()),
    }
