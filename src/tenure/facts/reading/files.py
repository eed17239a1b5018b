"""Files of every kind: how they are laid out, and their rows as chunks of raw columns.

Parquet keeps its own types; delimited text, workbooks and JSON come as texts. It does not know what a customer is.
"""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tenure.errors import FileUnreadable
from tenure.facts.reading.delimited import text_chunks, text_layout
from tenure.facts.reading.layout import Chunk, Layout, layout_of_rows
from tenure.facts.reading.numbers import text_of
from tenure.facts.reading.text import BadLine, opened
from tenure.facts.reasons import BROKEN_JSON
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_CHUNK_ROWS = 200_000
_EXCEL = {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"}
_JSON = {".jsonl", ".ndjson"}
_PARQUET = {".parquet", ".pq"}
_DAMAGED = mark(
    "%(path)s is damaged, or its content does not match its extension. Save it again as CSV, Excel or Parquet."
)


def layout_of(
    path: Path, *, sheet: str | None = None, delimiter: str | None = None, head: bool | None = None
) -> Layout:
    if not path.is_file():
        raise FileUnreadable(mark("File %(path)s does not exist."), path=str(path))
    if path.stat().st_size == 0:
        raise FileUnreadable(mark("%(path)s is empty."), path=str(path))
    with _unpacked(path):
        match _kind_of(path):
            case "parquet":
                return _parquet_layout(path)
            case "excel":
                return _excel_layout(path, sheet, head)
            case "json":
                return _json_layout(path)
            case _:
                return text_layout(path, delimiter, head)


def chunks(path: Path, layout: Layout, positions: Sequence[int]) -> Iterator[Chunk]:
    """Yield a file's rows, with the columns at some positions (from 0)."""
    reader = {"parquet": _parquet_chunks, "excel": _excel_chunks, "json": _json_chunks}.get(layout.kind, text_chunks)
    with _unpacked(path):
        yield from reader(path, layout, positions)


@contextmanager
def _unpacked(path: Path) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileUnreadable(
            mark("%(path)s is damaged and cannot be fully unpacked. Download it again."), path=str(path)
        ) from error


def _kind_of(path: Path) -> str:
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
    if suffixes & (_EXCEL | _PARQUET) or start[:4] == b"PK\x03\x04":
        raise FileUnreadable(_DAMAGED, path=str(path))
    return "text"


def _chunks_of(
    rows: Iterable[tuple[int, list[str] | BadLine, int]], layout: Layout, positions: Sequence[int]
) -> Iterator[Chunk]:
    """Gather rows and bad lines, given with their number and how much of the file has been read, into chunks."""
    rows = iter(rows)
    while part := list(islice(rows, _CHUNK_ROWS)):
        good = [(number, row) for number, row, _ in part if not isinstance(row, BadLine)]
        texts = [row for _, row in good]
        columns = {str(place): pa.array([row[place] for row in texts], pa.string()) for place in positions}
        numbers = np.array([number for number, _ in good], dtype=np.int64)
        bad = [row for _, row, _ in part if isinstance(row, BadLine)]
        yield Chunk(pa.table(columns), numbers, bad, partial(layout.record, texts), part[-1][2])


# Parquet


def _parquet_layout(path: Path) -> Layout:
    try:
        file = pq.ParquetFile(path)
        first = next(file.iter_batches(50), None)
    except (pa.ArrowException, OSError) as error:
        raise FileUnreadable(_DAMAGED, path=str(path)) from error
    rows = [tuple(map(_shown, row.values())) for row in first.to_pylist()] if first is not None else []
    return Layout("parquet", tuple(file.schema_arrow.names), sample=tuple(rows))


def _parquet_chunks(path: Path, layout: Layout, positions: Sequence[int]) -> Iterator[Chunk]:
    del layout  # the file itself says it
    done = 0
    for batch in pq.ParquetFile(path).iter_batches(_CHUNK_ROWS):
        columns = pa.table([batch.column(place) for place in positions], names=[str(place) for place in positions])
        numbers = np.arange(done + 1, done + 1 + batch.num_rows, dtype=np.int64)
        done += batch.num_rows
        yield Chunk(columns, numbers, [], partial(_parquet_record, batch), done)


def _parquet_record(batch: pa.RecordBatch, index: int) -> dict[str, str]:
    return {name: _shown(value) for name, value in batch.slice(index, 1).to_pylist()[0].items()}


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


# Workbooks


def _sheet_rows(path: Path, sheet: str | None) -> tuple[str, tuple[str, ...], list[list[Any]]]:
    """Return the sheet read (the first that holds anything, unless named), all sheets' names, and its rows."""
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
    except Exception as error:  # the reader's own errors have no common base
        raise FileUnreadable(_DAMAGED, path=str(path)) from error
    names = tuple(book.sheet_names)
    if sheet is not None and sheet not in names:
        text = mark("%(path)s has no sheet %(sheet)r. Its sheets: %(sheets)s.")
        raise FileUnreadable(text, path=str(path), sheet=sheet, sheets=", ".join(names))
    for name in [sheet] if sheet else names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        if any(cell != "" for row in rows for cell in row):
            return name, names, rows
    raise FileUnreadable(mark("%(path)s has no rows."), path=str(path))


def _cell_text(value: Any) -> str:
    return (text_of(value) or "").strip()


def _excel_layout(path: Path, sheet: str | None, head: bool | None) -> Layout:
    name, sheets, rows = _sheet_rows(path, sheet)
    skipped = next(index for index, row in enumerate(rows) if any(cell != "" for cell in row))
    texts = [list(map(_cell_text, row)) for row in rows[skipped : skipped + 51]]
    return layout_of_rows("excel", texts, head, sheet=name, sheets=sheets, skipped=skipped)


def _excel_chunks(path: Path, layout: Layout, positions: Sequence[int]) -> Iterator[Chunk]:
    _, _, rows = _sheet_rows(path, layout.sheet)
    begin = layout.skipped + int(layout.header)
    texts = (
        (number, list(map(_cell_text, row)), number)
        for number, row in enumerate(rows[begin:], begin + 1)
        if any(cell != "" for cell in row)
    )
    return _chunks_of(texts, layout, positions)


# JSON lines


def _json_layout(path: Path) -> Layout:
    records: list[dict[str, str]] = []
    with opened(path) as handle:
        for line in handle:
            if record := _json_record(line):
                records.append(record)
            if len(records) >= 1000:
                break
    names = tuple(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise FileUnreadable(mark("%(path)s does not contain JSON objects, one per line."), path=str(path))
    return Layout("json", names, sample=tuple(tuple(record.get(name, "") for name in names) for record in records[:50]))


def _json_record(line: bytes) -> dict[str, str] | None:
    """Return a line's object as texts, numbers as they are written; None when it is no object."""
    try:
        record = json.loads(line.decode("utf-8-sig"), parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    return {name: _json_text(value) for name, value in record.items()} if isinstance(record, dict) else None


def _json_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value).lower()


def _json_chunks(path: Path, layout: Layout, positions: Sequence[int]) -> Iterator[Chunk]:
    def rows(handle: IO[bytes]) -> Iterator[tuple[int, list[str] | BadLine, int]]:
        done = 0
        for number, line in enumerate(handle, 1):
            done += len(line)
            record = _json_record(line)
            if record is not None:
                yield number, [record.get(name, "") for name in layout.names], done
            elif line.strip():
                raw = line.decode(errors="backslashreplace").rstrip("\r\n")
                yield number, BadLine(number, BROKEN_JSON, raw), done

    with opened(path) as handle:
        yield from _chunks_of(rows(handle), layout, positions)
