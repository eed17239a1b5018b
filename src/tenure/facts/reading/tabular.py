"""Parquet, Excel workbooks and JSON lines.

Parquet keeps its own types; workbooks and JSON come as texts.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.errors import FileUnreadable
from tenure.facts.reading.layout import Chunk, Layout, distinct, looks_like_header
from tenure.facts.reading.text import BadLine, opened
from tenure.facts.reasons import BROKEN_JSON
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK = 200_000  # rows


def parquet_layout(path: Path) -> Layout:
    """Return the columns of a Parquet file."""
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        first = next(file.iter_batches(50), None)
    except (pa.ArrowException, OSError) as wrong:
        raise FileUnreadable(
            mark("%(path)s is damaged or not what its name says. Save it again as CSV, Excel or Parquet."),
            path=str(path),
        ) from wrong
    names = tuple(file.schema_arrow.names)
    rows = [tuple(_shown(one) for one in row.values()) for row in first.to_pylist()] if first is not None else []
    return Layout("parquet", names, sample=tuple(rows))


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def parquet_chunks(path: Path, layout: Layout, wanted: list[int]) -> Iterator[Chunk]:
    """Yield the rows of a Parquet file, in its own types."""
    import pyarrow.parquet as pq

    file, done = pq.ParquetFile(path), 0
    for batch in file.iter_batches(_CHUNK):
        columns = pa.table([batch.column(place) for place in wanted], names=[str(place) for place in wanted])
        numbers = np.arange(done + 1, done + 1 + batch.num_rows, dtype=np.int64)
        done += batch.num_rows
        yield Chunk(columns, numbers, [], lambda index, batch=batch: _record(batch, index), done)  # type: ignore[misc]


def _record(batch: pa.RecordBatch, index: int) -> dict[str, str]:
    return {name: _shown(value) for name, value in batch.slice(index, 1).to_pylist()[0].items()}


def _workbook_rows(path: Path, sheet: str | None) -> tuple[str, tuple[str, ...], list[list[Any]]]:
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
    except Exception as wrong:  # the reader's own errors have no common base
        raise FileUnreadable(
            mark("%(path)s is damaged or not what its name says. Save it again as CSV, Excel or Parquet."),
            path=str(path),
        ) from wrong
    names = tuple(book.sheet_names)
    if sheet is not None and sheet not in names:
        raise FileUnreadable(
            mark("%(path)s has no sheet %(sheet)r. Its sheets: %(sheets)s."),
            path=str(path),
            sheet=sheet,
            sheets=", ".join(names),
        )
    for name in [sheet] if sheet else names:
        rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        if any(cell != "" for row in rows for cell in row):
            return name, names, rows
    raise FileUnreadable(mark("%(path)s holds no rows."), path=str(path))


def cell_text(value: Any) -> str:
    """Return a workbook's cell as text: whole numbers without a point, days and instants in ISO form."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, float):
        return repr(value)
    return "" if value is None else str(value).strip()


def excel_layout(path: Path, sheet: str | None, head: bool | None) -> Layout:
    """Look at a sheet of a workbook and say how it is laid out."""
    name, sheets, rows = _workbook_rows(path, sheet)
    skipped = next(index for index, row in enumerate(rows) if any(cell != "" for cell in row))
    texts = [[cell_text(cell) for cell in row] for row in rows[skipped : skipped + 51]]
    header = looks_like_header(texts) if head is None else head
    names = tuple(texts[0]) if header else tuple(str(place + 1) for place in range(len(texts[0])))
    sample = tuple(tuple(row) for row in texts[int(header) :])
    return Layout("excel", distinct(names), header, "", "", name, sheets, sample, skipped)


def excel_chunks(path: Path, layout: Layout, wanted: list[int]) -> Iterator[Chunk]:
    """Yield the rows of a sheet as texts."""
    _, _, rows = _workbook_rows(path, layout.sheet)
    begin = layout.skipped + int(layout.header)
    kept = [(number, row) for number, row in enumerate(rows[begin:], begin + 1) if any(cell != "" for cell in row)]
    for low in range(0, len(kept), _CHUNK):
        part = kept[low : low + _CHUNK]
        yield _made(
            [[cell_text(cell) for cell in row] for _, row in part],
            [number for number, _ in part],
            layout,
            wanted,
            [],
            low + len(part),
        )


def _made(
    rows: list[list[str]], numbers: list[int], layout: Layout, wanted: list[int], bad: list[BadLine], done: int
) -> Chunk:
    columns = pa.table({str(place): pa.array([row[place] for row in rows], pa.string()) for place in wanted})
    return Chunk(
        columns,
        np.array(numbers, dtype=np.int64),
        bad,
        lambda index: dict(zip(layout.names, rows[index], strict=False)),
        done,
    )


def json_layout(path: Path) -> Layout:
    """Return the names that the first objects use."""
    names: dict[str, None] = {}
    records: list[dict[str, str]] = []
    with opened(path) as handle:
        for line in handle:
            record = _json_record(line)
            if record:
                names.update(dict.fromkeys(record))
                records.append(record)
            if len(records) >= 1000:
                break
    if not names:
        raise FileUnreadable(mark("%(path)s holds no JSON objects, one a line."), path=str(path))
    sample = tuple(tuple(record.get(name, "") for name in names) for record in records[:50])
    return Layout("json", tuple(names), sample=sample)


def _json_record(line: bytes) -> dict[str, str] | None:
    """Return a line's object as texts, numbers as they are written; None when it is no object."""
    try:
        value = json.loads(line.decode("utf-8-sig"), parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return {
        name: one
        if isinstance(one, str)
        else ""
        if one is None
        else json.dumps(one, ensure_ascii=False)
        if isinstance(one, (dict, list))
        else str(one).lower()
        for name, one in value.items()
    }


def json_chunks(path: Path, layout: Layout, wanted: list[int]) -> Iterator[Chunk]:
    """Yield the objects of a JSON-lines file as texts."""
    rows: list[list[str]] = []
    numbers: list[int] = []
    bad: list[BadLine] = []
    done = 0
    with opened(path) as handle:
        for number, line in enumerate(handle, 1):
            done += len(line)
            if not line.strip():
                continue
            record = _json_record(line)
            if record is None:
                bad.append(BadLine(number, BROKEN_JSON, line.decode(errors="backslashreplace").rstrip("\r\n")))
                continue
            rows.append([record.get(name, "") for name in layout.names])
            numbers.append(number)
            if len(rows) >= _CHUNK:
                yield _made(rows, numbers, layout, wanted, bad, done)
                rows, numbers, bad = [], [], []
    if rows or bad:
        yield _made(rows, numbers, layout, wanted, bad, done)
