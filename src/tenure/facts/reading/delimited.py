"""Delimited text: CSV in every dialect, tabs, bars, columns set apart by blanks.

Row numbers are line numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from contextlib import closing
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import csv as arrow_csv

from tenure.errors import FileUnreadable
from tenure.facts.reading.layout import SPACES, Chunk, Layout, layout_of_rows
from tenure.facts.reading.scanner import Scanned, scan
from tenure.facts.reading.text import blocks, encoding_of
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DELIMITERS = (",", "\t", ";", "|")
_EDGES = re.compile(rb"(?m)^[ \t]+|[ \t\r]+$")
_BLANKS = re.compile(rb"[ \t]+")


def text_layout(path: Path, delimiter: str | None, head: bool | None) -> Layout:
    encoding = encoding_of(path)
    with closing(blocks(path, encoding, 1 << 18)) as source:
        first = next(source, None)
    if first is None or not first.data.strip():
        raise FileUnreadable(mark("%(path)s has no rows."), path=str(path))
    if b"\x00" in first.data:
        text = mark("%(path)s is not a text, Excel, Parquet or JSON lines file. Save it in one of these formats.")
        raise FileUnreadable(text, path=str(path))
    lines = first.data.decode().splitlines()
    skipped = next(index for index, line in enumerate(lines) if line.strip())
    sampled = lines[skipped : skipped + 200]
    delimiter = delimiter or _delimiter_of(sampled)
    rows = [row for row in _split(sampled, delimiter) if row]
    return layout_of_rows("text", rows, head, encoding=encoding, delimiter=delimiter, skipped=skipped)


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    if delimiter == SPACES:
        return [line.split() for line in lines if line.strip()]
    return list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))


def _delimiter_of(lines: list[str]) -> str:
    """Return the delimiter by which most lines have equally many fields; the first line must be divided by it too.

    The first line is the header, or a row like the others: what does not divide it only stands inside broken rows.
    """
    best, most = "", 0.0
    for delimiter in (*_DELIMITERS, SPACES):
        rows = [row for row in _split(lines, delimiter) if row]
        width, count = Counter(map(len, rows)).most_common(1)[0]
        score = count / len(rows) * (0.9 if delimiter == SPACES else 1.0)
        if min(width, len(rows[0])) > 1 and score > most:
            best, most = delimiter, score
    return best or max(_DELIMITERS, key=lambda delimiter: len(_split(lines[:1], delimiter)[0]))


def text_chunks(path: Path, layout: Layout, positions: Sequence[int]) -> Iterator[Chunk]:
    spaces, fields = layout.delimiter == SPACES, len(layout.names)
    delimiter = "\t" if spaces else layout.delimiter
    skip = layout.skipped + int(layout.header)
    carried, carried_first, done = b"", 0, 0
    for block, following in pairwise(chain(blocks(path, layout.encoding), (None,))):
        assert block is not None
        data, first = carried + block.data, carried_first or block.first
        done += len(block.data)
        begin = 0
        while skip and begin < len(data):
            begin, first, skip = data.find(b"\n", begin) + 1, first + 1, skip - 1
        data = data[begin:] if begin else data
        if b"\r" in data:  # a lone return is no line end to us, but it would be one to the parser
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b" ")
        if spaces:
            data = _BLANKS.sub(b"\t", _EDGES.sub(b"", data))
        scanned = scan(data, first, delimiter, fields, final=following is None, quotes=not spaces)
        carried = data[scanned.rest :]  # a row that goes on in the next block
        carried_first = first + data.count(b"\n", 0, scanned.rest) if carried else 0
        yield Chunk(
            _parsed(scanned.rows(), delimiter, fields, positions, quotes=not spaces),
            scanned.numbers,
            [*block.bad, *scanned.bad],
            partial(_record, layout, scanned),
            done,
        )


def _record(layout: Layout, scanned: Scanned, index: int) -> dict[str, str]:
    return layout.record(_split([scanned.raw(index)], layout.delimiter) or [[]], 0)


def _parsed(data: bytes, delimiter: str, fields: int, positions: Sequence[int], *, quotes: bool) -> pa.Table:
    names = [str(place) for place in range(fields)]
    included = [str(place) for place in positions]
    if not data:
        return pa.table({name: pa.array([], pa.string()) for name in included})
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
            column_types=dict.fromkeys(names, pa.string()), include_columns=included, strings_can_be_null=False
        ),
    )
