"""Which column is what, and how it is written.

Headers are compared with those known in Chinese and English, and contents must agree with them. A file sorted by date
may begin with twelve days that say nothing, so doubts about dates and decimals are settled by reading on.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tenure.errors import MappingError
from tenure.facts.reading.dates import DateStyle, date_style_of, read_date
from tenure.facts.reading.files import chunks, layout_of
from tenure.facts.reading.layout import Layout
from tenure.facts.reading.numbers import european, read_number
from tenure.facts.reading.vocabulary import HEADERS
from tenure.facts.schema import CUSTOMERS, DAY, FACT_TABLES, INSTANT, NUMBER
from tenure.words import mark

if TYPE_CHECKING:
    import os

BASKETS = "baskets"
_SURE, _LIKELY = 0.95, 0.7
_OURS = {"source", "batch_id", "seen_at"}  # fields that no column can be mapped to
# Rows that only one reading allows: a day beyond 12, a decimal sign with few digits, several signs between thousands.
_LARGE = r"(1[3-9]|2[0-9]|3[01])"
_ORDER_EVIDENCE = {
    "dmy": rf"^\s*{_LARGE}[-/.][0-9]{{1,2}}[-/.][0-9]{{2,4}}",
    "mdy": rf"^\s*[0-9]{{1,2}}[-/.]{_LARGE}[-/.][0-9]{{2,4}}",
}
_DECIMAL_EVIDENCE = {
    "comma": r"[0-9],[0-9]{1,2}\D*$|[0-9]\.[0-9]{3}\.[0-9]{3}|[0-9]\.[0-9]{3},",
    "point": r"[0-9]\.[0-9]{1,2}\D*$|[0-9],[0-9]{3},[0-9]{3}|[0-9],[0-9]{3}\.",
}


@dataclass(frozen=True)
class Guess:
    layout: Layout
    as_: str
    mapping: dict[str, str]  # field to header
    confidence: dict[str, float]  # field to how sure that is, 0 to 1; 1 when the person said so
    missing: tuple[str, ...]  # fields every row needs and no column was found for
    # how each date column is written; `ambiguous` when day and month cannot be told apart
    date_styles: dict[str, DateStyle] = field(default_factory=dict)
    commas: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def columns(self) -> dict[str, int]:
        """Field to the position of its column, from 0; constants left out."""
        return {
            name: self.layout.names.index(header) for name, header in self.mapping.items() if not header.startswith("=")
        }


def shape_of_table(as_: str) -> tuple[pa.Schema, tuple[str, ...]]:
    """Return the schema and the fields that every row needs."""
    if as_ == "customers":
        return CUSTOMERS, ("customer_id",)
    if as_ == BASKETS:
        return FACT_TABLES["order_lines"].schema, ("customer_id", "at", "order_id", "product_id", "amount")
    if as_ not in FACT_TABLES:
        text = mark("Unknown fact table %(name)r. Fact tables: %(known)s.")
        raise MappingError(text, name=as_, known=", ".join([*FACT_TABLES, "customers", BASKETS]))
    return FACT_TABLES[as_].schema, FACT_TABLES[as_].required


def guess(
    path: str | os.PathLike[str],
    as_: str = "orders",
    mapping: Mapping[str, str | int] | None = None,
    *,
    sheet: str | None = None,
    delimiter: str | None = None,
    date_format: str = "",
) -> Guess:
    schema, required = shape_of_table(as_)
    file, mapping = Path(path), mapping or {}
    # Whoever names a column says that the file has headers.
    texts = [column for column in mapping.values() if isinstance(column, str)]
    by_name = any(not (column.isdigit() or column.startswith("=")) for column in texts)
    layout = layout_of(file, sheet=sheet, delimiter=delimiter, head=True if by_name else None)
    mapped, confidence = _match_columns(layout, as_, schema, mapping)
    samples = {
        name: [header[1:]] if header.startswith("=") else layout.sample_of(layout.names.index(header))
        for name, header in mapped.items()
    }
    types = {name: schema.field(name).type for name in mapped}
    styles = {name: date_style_of(samples[name], date_format) for name in mapped if types[name] in (INSTANT, DAY)}
    commas = {name: european(samples[name]) for name in mapped if types[name] == NUMBER}
    missing = tuple(name for name in required if name not in mapped)
    first = Guess(layout, as_, mapped, confidence, missing, styles, commas)
    if missing:
        return first
    unpunctuated = [name for name in commas if not any(sign in text for text in samples[name] for sign in ".,")]
    counts = _count_matches(file, first, unpunctuated, _DECIMAL_EVIDENCE)
    settled = {name: counts[name, "comma"] > counts[name, "point"] for name in unpunctuated}
    return replace(first, date_styles=styles | _settle_date_styles(file, first), commas=commas | settled)


def guess_columns(names: tuple[str, ...], as_: str, mapping: Mapping[str, str | int]) -> dict[str, str]:
    """Return {field: column} judged by the columns' names alone; what `mapping` says is taken as it is."""
    return _match_columns(Layout("parquet", names), as_, shape_of_table(as_)[0], mapping)[0]


# Columns


def _match_columns(
    layout: Layout, as_: str, schema: pa.Schema, mapping: Mapping[str, str | int]
) -> tuple[dict[str, str], dict[str, float]]:
    """Return which header each field has, and how sure that is; the person's own mapping comes first."""
    fields = [name for name in schema.names if name not in _OURS]
    matched: dict[str, str] = {}
    for name, column in mapping.items():
        if name not in fields:
            raise MappingError(
                mark("Unknown field %(name)r. Fields you can map: %(known)s."), name=name, known=", ".join(fields)
            )
        matched[name] = _header(layout, str(column))
    confidence = dict.fromkeys(matched, 1.0)
    offers = []
    for name, words in HEADERS[as_].items():
        if name in matched or name not in schema.names:
            continue
        for place, header in enumerate(layout.names):
            score = _score(header, words)
            fits = _fits(layout, place, schema.field(name).type) if score else 0.0
            score *= fits or (0.3 if _plain(header) == _plain(name) else 0.0)  # a name that leaves no doubt
            if score:
                offers.append((score, -place, name, header))
    used = set(matched.values())
    for score, _, name, header in sorted(offers, reverse=True):
        if name not in matched and header not in used:
            matched[name], confidence[name] = header, round(score, 2)
            used.add(header)
    return matched, confidence


def _header(layout: Layout, column: str) -> str:
    """Return the header that a person means: by its name, roughly its name, or its position."""
    if column.startswith("=") or column in layout.names:
        return column
    plain = {_plain(name): name for name in layout.names}
    if _plain(column) in plain:
        return plain[_plain(column)]
    if column.isdigit() and 1 <= int(column) <= len(layout.names):
        return layout.names[int(column) - 1]
    text = mark("The file has no column %(column)r. Its columns: %(names)s.")
    raise MappingError(text, column=column, names=", ".join(layout.names))


@lru_cache(maxsize=4096)
def _plain(header: str) -> str:
    """Return a header for comparison: NFKC, lower case, no blanks, points or units in brackets."""
    text = re.sub(r"[(\[].*?[)\]]", "", unicodedata.normalize("NFKC", header).lower().lstrip("\ufeff"))
    return re.sub(r"[\s_\-./#:*]+", "", text)


def _score(header: str, words: list[str]) -> float:
    """Return how well a header fits the known ones; earlier known ones fit better."""
    plain = _plain(header)
    best = 0.0
    for rank, word in enumerate(words):
        known, early = _plain(word), 0.1 * rank / len(words)
        if plain == known:
            best = max(best, _SURE + 0.05 - early)
        elif len(known) > 2 and known in plain and not known.isascii():
            best = max(best, _LIKELY - early)
        elif len(known) > 3 and known in plain:
            best = max(best, _LIKELY - 0.1 - early)
    return best


def _fits(layout: Layout, place: int, kind: pa.DataType) -> float:
    """Return how far a column's contents agree with a type: 0 when they contradict it."""
    values = [value for value in layout.sample_of(place) if value.strip()]
    if not values or kind not in (INSTANT, DAY, NUMBER):
        return 1.0
    if kind == NUMBER:
        comma = european(values)
        good = sum(read_number(value, comma=comma)[0] is not None for value in values)
    else:
        style = date_style_of(values)
        good = sum(read_date(value, style).micros is not None for value in values)
    share = good / len(values)
    return 1.0 if share > 0.8 else 0.8 if share > 0.5 else 0.0


# Doubts that the first rows leave


def _settle_date_styles(path: Path, known: Guess) -> dict[str, DateStyle]:
    ambiguous = [name for name, style in known.date_styles.items() if style.ambiguous]
    counts = _count_matches(path, known, ambiguous, _ORDER_EVIDENCE)
    settled = {}
    for name in ambiguous:
        day_first, month_first = counts[name, "dmy"], counts[name, "mdy"]
        if day_first != month_first:
            style, order = known.date_styles[name], "dmy" if day_first > month_first else "mdy"
            formats = style.formats
            if order != style.order:
                swap = str.maketrans("dm", "md")
                formats = tuple(text if text.startswith("%Y") else text.translate(swap) for text in formats)
            settled[name] = replace(style, order=order, ambiguous=False, formats=formats)
    return settled


def _count_matches(path: Path, known: Guess, names: list[str], patterns: dict[str, str]) -> Counter[tuple[str, str]]:
    """Count the rows of each field's column that match each pattern; constants have none."""
    counts: Counter[tuple[str, str]] = Counter()
    columns = {name: known.columns[name] for name in names if name in known.columns}
    for chunk in chunks(path, known.layout, sorted(set(columns.values()))) if columns else ():
        for name, place in columns.items():
            column = chunk.columns.column(str(place))
            if pa.types.is_string(column.type):
                for key, pattern in patterns.items():
                    counts[name, key] += pc.sum(pc.match_substring_regex(column, pattern)).as_py() or 0
    return counts
