"""From files of every kind to chunks of raw columns.

It does not know what a customer or an order is.
"""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tenure.errors import FileUnreadable
from tenure.facts.reading.delimited import text_chunks, text_layout
from tenure.facts.reading.layout import Chunk, Layout
from tenure.facts.reading.tabular import (
    excel_chunks,
    excel_layout,
    json_chunks,
    json_layout,
    parquet_chunks,
    parquet_layout,
)
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXCEL = {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"}
_JSON = {".jsonl", ".ndjson"}
_PARQUET = {".parquet", ".pq"}


def layout_of(
    path: Path, *, sheet: str | None = None, delimiter: str | None = None, head: bool | None = None
) -> Layout:
    """Look at a file and say how it is laid out."""
    if not path.is_file():
        raise FileUnreadable(mark("There is no file %(path)s."), path=str(path))
    if path.stat().st_size == 0:
        raise FileUnreadable(mark("%(path)s is empty."), path=str(path))
    with _unpacked(path):
        kind = kind_of(path)
        if kind == "parquet":
            return parquet_layout(path)
        if kind == "excel":
            return excel_layout(path, sheet, head)
        return json_layout(path) if kind == "json" else text_layout(path, delimiter, head)


@contextmanager
def _unpacked(path: Path) -> Iterator[None]:
    """Say of a gzip file that breaks off what is wrong with it."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as wrong:
        raise FileUnreadable(
            mark("%(path)s is damaged: it cannot be unpacked to its end. Fetch it again."), path=str(path)
        ) from wrong


def kind_of(path: Path) -> str:
    """Return text, excel, parquet or json, by the file's first bytes and its name."""
    with path.open("rb") as handle:
        start = handle.read(8)
    suffixes = {suffix.lower() for suffix in path.suffixes[-2:]}
    if start[:4] == b"PAR1":
        return "parquet"
    if (start[:4] == b"PK\x03\x04" or start == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") and suffixes & _EXCEL:
        return "excel"
    if suffixes & _JSON:
        return "json"
    if suffixes & (_EXCEL | _PARQUET) or (start[:4] == b"PK\x03\x04"):
        raise FileUnreadable(
            mark("%(path)s is damaged or not what its name says. Save it again as CSV, Excel or Parquet."),
            path=str(path),
        )
    return "text"


def chunks(path: Path, layout: Layout, wanted: list[int]) -> Iterator[Chunk]:
    """Yield a file's rows, with the wanted columns (positions from 0)."""
    reader = {"parquet": parquet_chunks, "excel": excel_chunks, "json": json_chunks}.get(layout.kind, text_chunks)
    with _unpacked(path):
        yield from reader(path, layout, wanted)
