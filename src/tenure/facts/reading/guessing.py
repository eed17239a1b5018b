"""Which column is what.

Headers are compared with those known in Chinese and English, and contents must agree with them. People can always say
it themselves with a mapping.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tenure.errors import MappingError
from tenure.facts.reading.dates import Habit, habit_of, read_date
from tenure.facts.reading.headers import WORDS
from tenure.facts.reading.layout import Layout
from tenure.facts.reading.numbers import european, read_number
from tenure.facts.reading.rows import layout_of
from tenure.facts.schema import CUSTOMERS, DAY, FACT_TABLES, INSTANT, NUMBER, FactTable
from tenure.words import mark

if TYPE_CHECKING:
    import os

    import pyarrow as pa

BASKETS = "baskets"
_SURE, _LIKELY = 0.95, 0.7


@dataclass(frozen=True, slots=True)
class Guess:
    """What a file looks like."""

    layout: Layout  # encoding, delimiter, headers, sheet, first rows
    as_: str
    mapping: dict[str, str]  # field to header
    confidence: dict[str, float]  # field to how sure that is, 0 to 1; 1 when the person said so
    missing: tuple[str, ...]  # fields every row needs and no column was found for
    # how each date column is written; `ambiguous` when day and month cannot be told apart
    habits: dict[str, Habit] = field(default_factory=dict)
    commas: dict[str, bool] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, int]:
        """Field to the position of its column, from 0; constants left out."""
        return {
            name: self.layout.names.index(header) for name, header in self.mapping.items() if not header.startswith("=")
        }

    @property
    def constants(self) -> dict[str, str]:
        """Field to the text that holds for every row."""
        return {name: text[1:] for name, text in self.mapping.items() if text.startswith("=")}


def shape_of_table(as_: str) -> tuple[pa.Schema, tuple[str, ...]]:
    """Return the schema and the needed fields of what a file is read as."""
    if as_ == "customers":
        return CUSTOMERS, ("customer_id",)
    if as_ == BASKETS:
        lines: FactTable = FACT_TABLES["order_lines"]
        return lines.schema, ("customer_id", "at", "order_id", "product_id", "amount")
    if as_ not in FACT_TABLES:
        raise MappingError(
            mark("There is no fact table %(name)r. There are: %(known)s."),
            name=as_,
            known=", ".join([*FACT_TABLES, "customers", BASKETS]),
        )
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
    """Look at a file and guess which column holds which field."""
    schema, required = shape_of_table(as_)
    by_name = any(not _is_position(one) for one in (mapping or {}).values())
    layout = layout_of(Path(path), sheet=sheet, delimiter=delimiter, head=True if by_name and _named(mapping) else None)
    said = _said(layout, schema, mapping or {})
    found, confidence = _found(layout, as_, schema, said)
    samples = {name: _values(layout, header) for name, header in found.items()}
    habits = {name: habit_of(samples[name], date_format) for name in found if schema.field(name).type in (INSTANT, DAY)}
    commas = {name: european(samples[name]) for name in found if schema.field(name).type == NUMBER}
    missing = tuple(one for one in required if one not in found)
    first = Guess(layout, as_, found, confidence, missing, habits, commas)
    return first if missing else _settled(Path(path), first, samples)


def _settled(path: Path, first: Guess, samples: dict[str, list[str]]) -> Guess:
    """Return a guess whose doubts were settled by the whole file."""
    from tenure.facts.reading.evidence import settle_commas, settle_habits

    habits = settle_habits(path, first.layout, first.columns, first.habits)
    doubtful = [name for name in first.commas if not any(mark in sample for sample in samples[name] for mark in ".,")]
    commas = {**first.commas, **settle_commas(path, first.layout, first.columns, doubtful)}
    return replace(first, habits=habits, commas=commas)


def guess_columns(names: tuple[str, ...], as_: str, mapping: Mapping[str, str | int]) -> dict[str, str]:
    """Return {field: column} judged by the columns' names alone; what `mapping` says is taken as it is."""
    schema, _ = shape_of_table(as_)
    layout = Layout("parquet", names)
    return _found(layout, as_, schema, _said(layout, schema, mapping))[0]


def _is_position(column: str | int) -> bool:
    return isinstance(column, int) or column.isdigit() or column.startswith("=")


def _named(mapping: Mapping[str, str | int] | None) -> bool:
    return bool(mapping)


def _said(layout: Layout, schema: pa.Schema, mapping: Mapping[str, str | int]) -> dict[str, str]:
    """Return the person's mapping as {field: header}."""
    result: dict[str, str] = {}
    for name, column in mapping.items():
        if name not in schema.names or name in {"source", "batch_id", "seen_at"}:
            raise MappingError(
                mark("There is no field %(name)r. Fields you can map: %(known)s."),
                name=name,
                known=", ".join(one for one in schema.names if one not in {"source", "batch_id", "seen_at"}),
            )
        result[name] = _header(layout, str(column))
    return result


def _header(layout: Layout, column: str) -> str:
    if column.startswith("=") or column in layout.names:
        return column
    plain = {_plain(name): name for name in layout.names}
    if _plain(column) in plain:
        return plain[_plain(column)]
    if column.isdigit() and 1 <= int(column) <= len(layout.names):
        return layout.names[int(column) - 1]
    raise MappingError(
        mark("The file has no column %(column)r. Its columns: %(names)s."),
        column=column,
        names=", ".join(layout.names),
    )


@lru_cache(maxsize=4096)
def _plain(header: str) -> str:
    """Return a header for comparison: NFKC, lower case, no blanks, points or units in brackets."""
    one = re.sub(r"[(\[].*?[)\]]", "", unicodedata.normalize("NFKC", header).lower().lstrip("\ufeff"))
    return re.sub(r"[\s_\-./#:*]+", "", one)


def _found(
    layout: Layout, as_: str, schema: pa.Schema, said: dict[str, str]
) -> tuple[dict[str, str], dict[str, float]]:
    found, confidence = dict(said), dict.fromkeys(said, 1.0)
    taken = set(said.values())
    offers = []
    for name, words in WORDS[as_].items():
        if name in found or name not in schema.names:
            continue
        for place, header in enumerate(layout.names):
            score = _score(header, tuple(words.split()))
            fits = _fits(layout, place, schema.field(name).type) if score else 0.0
            score *= fits or (0.3 if _plain(header) == _plain(name) else 0.0)  # a name that leaves no doubt
            if score:
                offers.append((score, -place, name, header))
    for score, _, name, header in sorted(offers, reverse=True):
        if name not in found and header not in taken:
            found[name], confidence[name] = header, round(score, 2)
            taken.add(header)
    return found, confidence


def _score(header: str, words: tuple[str, ...]) -> float:
    """Return how well a header fits the known ones; earlier known ones fit better."""
    plain = _plain(header)
    best = 0.0
    for rank, known in enumerate(words):
        one, early = _plain(known), 0.1 * rank / len(words)
        if plain == one:
            best = max(best, _SURE + 0.05 - early)
        elif len(one) > 2 and (one in plain) and not one.isascii():
            best = max(best, _LIKELY - early)
        elif len(one) > 3 and one in plain:
            best = max(best, _LIKELY - 0.1 - early)
    return best


def _values(layout: Layout, header: str) -> list[str]:
    if header.startswith("="):
        return [header[1:]]
    place = layout.names.index(header)
    return [row[place] for row in layout.sample if place < len(row)]


def _fits(layout: Layout, place: int, kind: pa.DataType) -> float:
    """Return how far a column's contents agree with a type: 0 when they contradict it."""
    values = [row[place] for row in layout.sample if place < len(row) and row[place].strip()]
    if not values or kind not in (INSTANT, DAY, NUMBER):
        return 1.0
    if kind == NUMBER:
        comma = european(values)
        good = sum(_number(value, comma) is not None for value in values)
    else:
        habit = habit_of(values)
        good = sum(read_date(value, habit).micros is not None for value in values)
    share = good / len(values)
    return 1.0 if share > 0.8 else 0.8 if share > 0.5 else 0.0


def _number(text: str, comma: bool) -> Decimal | None:
    return read_number(text, comma=comma)[0]
