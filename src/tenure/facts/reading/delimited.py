"""Delimited text: CSV in every dialect, tabs, bars, columns set apart by blanks.

Row numbers are line numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.errors import FileUnreadable
from tenure.facts.reading import text
from tenure.facts.reading.layout import SPACES, Chunk, Layout, distinct, looks_like_header
from tenure.facts.reading.scanner import scan
from tenure.facts.reading.text import encoding_of
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

_DELIMITERS = (",", "\t", ";", "|")


def text_layout(path: Path, delimiter: str | None, head: bool | None) -> Layout:
    """Look at a delimited text and say how it is laid out."""
    encoding = encoding_of(path)
    with closing(text.blocks(path, encoding, 1 << 18)) as begin:
        first = next(begin, None)
    if first is None or not first.data.strip():
        raise FileUnreadable(mark("%(path)s holds no rows."), path=str(path))
    if b"\x00" in first.data:
        raise FileUnreadable(
            mark("%(path)s is no text file, nor Excel, Parquet or JSON lines. Save it as one of these."),
            path=str(path),
        )
    lines = first.data.decode().splitlines()
    skipped = next(index for index, line in enumerate(lines) if line.strip())
    chosen = delimiter or _delimiter(lines[skipped : skipped + 200])
    rows = [row for row in _sample_rows(lines[skipped : skipped + 200], chosen) if row]
    header = looks_like_header(rows) if head is None else head
    names = tuple(one.strip() for one in rows[0]) if header else tuple(str(place + 1) for place in range(_width(rows)))
    names = names[:-1] if header and len(names) > 1 and not names[-1] and _width(rows) == len(names) - 1 else names
    sample = tuple(tuple(row) for row in (rows[1:] if header else rows)[:50])
    return Layout("text", distinct(names), header, encoding, chosen, sample=sample, skipped=skipped)


def _width(rows: list[list[str]]) -> int:
    return Counter(len(row) for row in rows).most_common(1)[0][0]


def _sample_rows(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == SPACES:
        return [line.split() for line in lines if line.strip()]
    return list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))


def _delimiter(lines: list[str]) -> str:
    """Return the delimiter by which most lines have equally many fields; the first line must be divided by it too.

    The first line is the header, or a row like the others: what does not divide it only stands inside broken rows.
    """
    best, most = "", 0.0
    for one in (*_DELIMITERS, SPACES):
        rows = [row for row in _sample_rows(lines, one) if row]
        widths = Counter(len(row) for row in rows)
        width, count = widths.most_common(1)[0]
        score = count / sum(widths.values()) * (0.9 if one == SPACES else 1.0)
        if min(width, len(rows[0])) > 1 and score > most:
            best, most = one, score
    return best or max(_DELIMITERS, key=lambda one: len(_sample_rows(lines[:1], one)[0]))


def text_chunks(path: Path, layout: Layout, wanted: list[int]) -> Iterator[Chunk]:
    """Yield the rows of a delimited text."""
    delimiter = "\t" if layout.delimiter == SPACES else layout.delimiter
    skip = layout.skipped + int(layout.header)
    carried, carried_first, done = b"", 0, 0
    source = text.blocks(path, layout.encoding)
    block = next(source, None)
    while block is not None:
        following = next(source, None)
        data, first = carried + block.data, carried_first or block.first
        done += len(block.data)
        if skip:
            data, first, skip = _without_lines(data, first, skip)
        if b"\r" in data:  # a lone return is no line end to us, but it would be one to the parser
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b" ")
        if layout.delimiter == SPACES:
            data = _BLANKS.sub(b"\t", _EDGES.sub(b"", data))
        found = scan(
            data, first, delimiter, len(layout.names), final=following is None, quotes=layout.delimiter != SPACES
        )
        carried = data[found.rest :]
        carried_first = first + data.count(b"\n", 0, found.rest) if carried else 0
        bad = [*block.bad, *found.bad]
        yield Chunk(
            _parsed(found.rows(), delimiter, len(layout.names), wanted, quotes=layout.delimiter != SPACES),
            found.numbers,
            bad,
            lambda index, found=found: split_raw(found.raw(index), layout),  # type: ignore[misc]
            done,
        )
        block = following


_EDGES = re.compile(rb"(?m)^[ \t]+|[ \t\r]+$")
_BLANKS = re.compile(rb"[ \t]+")


def _without_lines(data: bytes, first: int, count: int) -> tuple[bytes, int, int]:
    place = 0
    while count and place < len(data):
        place, first, count = data.find(b"\n", place) + 1, first + 1, count - 1
    return data[place:], first, count


def split_raw(line: str, layout: Layout) -> dict[str, str]:
    """Return a raw line as {header: text}; fields beyond the headers get their position as name."""
    rows = [line.split()] if layout.delimiter == SPACES else list(csv.reader([line], delimiter=layout.delimiter))
    values = rows[0] if rows else []
    return {
        layout.names[place] if place < len(layout.names) else str(place + 1): value
        for place, value in enumerate(values)
    }


def _parsed(data: bytes, delimiter: str, fields: int, wanted: list[int], *, quotes: bool) -> pa.Table:
    from pyarrow import csv as arrow_csv

    names = [str(place) for place in range(fields)]
    chosen = [str(place) for place in wanted]
    if not data:
        return pa.table({one: pa.array([], pa.string()) for one in chosen})
    return arrow_csv.read_csv(
        pa.py_buffer(data),
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=4 << 20),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter,
            quote_char='"' if quotes else False,
            newlines_in_values=quotes and data.find(b'"') >= 0,
            ignore_empty_lines=True,
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), include_columns=chosen, strings_can_be_null=False
        ),
    )
