"""The live copy: the columns of a big file, laid out so that some customers' rows are read without the rest.

A Parquet file is read a row group at a time, so ten thousand customers here and there cost as much as everybody. For
each big file there is a folder of plain columns that the operating system maps into memory: what is not asked for is
not read.

A copy is disposable. It belongs to one immutable file, is made when it is first missed, counts only when it is whole
and of this format, and may be deleted at any time: without it the file itself is read.
"""

from __future__ import annotations

import bisect
import json
import mmap
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenure.facts.kinds import KINDS
from tenure.facts.schema import FACT_TABLES, NUMBER
from tenure.facts.streams import Stream, columns_of
from tenure.lake import views
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tenure.facts.lake import Lake
    from tenure.lake.delta import ActiveFile

BIG = 2_000_000  # rows; smaller files are read as fast as they are
FOLDER = "live"
FORMAT = 1
WORTH = 1000  # customers; for fewer no copy is made, since they are read from the file itself about as fast
_ROWS = 1 << 20  # a portion of work
_WIDEST = 64  # bytes of an id; every id takes the room of the longest
_MANY = 1000  # different values of a column that are worth remembering
_SMALL_NUMBER = pa.decimal64(18, 4)
_ABOUT, _IDS, _FIRST, _COLUMNS = "about.json", "ids.npy", "first.npy", "columns.arrow"
_DRAFT = ".draft-"
_HASH = "fact"


@dataclass(frozen=True)
class Copy:
    """The live copy of one file."""

    path: str  # the Parquet file
    # its customers, and the row with which each begins; the last entry of `first` is the number of rows
    ids: np.ndarray
    first: np.ndarray
    batches: list[pa.RecordBatch]  # its columns, row by row as in the file
    empty: frozenset[str]  # columns of which no row has a value; they are not in `batches`
    values: dict[str, list[str]]  # what the columns hold that kinds are told apart by

    def has(self, columns: Collection[str]) -> bool:
        """Whether the copy can stand for the file when these columns are read."""
        return set(columns) <= {"customer_id", *self.batches[0].schema.names, *self.empty}

    def of(self, ids: pa.Array, schema: pa.Schema) -> pa.Table:
        """Return the rows of some customers, in the order of the file; `ids` are sorted and distinct."""
        rows, whose = self._places(ids)
        found = self._take(rows, [name for name in schema.names if name in self.batches[0].schema.names])
        columns = {name: found.column(name).cast(schema.field(name).type) for name in found.schema.names}
        columns |= {field.name: pa.nulls(len(rows), field.type) for field in schema if field.name in self.empty}
        columns["customer_id"] = ids.take(pa.array(whose))
        return pa.table([columns[name] for name in schema.names], schema=schema)

    def facts(self, ids: pa.Array, hashes: np.ndarray) -> pa.ChunkedArray:
        """Return those facts of some customers that may be among the hashed ones, read from the file itself."""
        rows, _ = self._places(ids)
        hits = rows[np.isin(self._take(rows, [_HASH]).column(0).to_numpy(), hashes)]
        if not len(hits):
            return pa.chunked_array([], pa.string())
        file = pq.ParquetFile(self.path)
        ends = np.cumsum([file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)])
        groups = np.searchsorted(ends, hits, side="right")
        chunks = []
        for group in np.unique(groups):
            begin = ends[group] - file.metadata.row_group(int(group)).num_rows
            known = file.read_row_group(int(group), columns=["fact_id"]).column(0)
            chunks += known.take(pa.array(hits[groups == group] - begin)).chunks
        return pa.chunked_array(chunks, pa.string())

    def _places(self, ids: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of some customers, and of each row the place of its customer in `ids`."""
        edges = (bytes(self.ids[0]).decode(), bytes(self.ids[-1]).decode())
        low = bisect.bisect_left(ids, edges[0], key=lambda one: one.as_py())
        high = bisect.bisect_right(ids, edges[1], key=lambda one: one.as_py())
        texts = [one.encode() for one in ids.slice(low, high - low).to_pylist()]
        fits = [n for n, text in enumerate(texts) if len(text) <= self.ids.dtype.itemsize and b"\0" not in text]
        keys = np.array([texts[n] for n in fits], dtype=self.ids.dtype)  # another width would copy all of them
        places = np.searchsorted(self.ids, keys)
        there = places < len(self.ids)
        there[there] = self.ids[places[there]] == keys[there]
        places, whose = places[there], np.array(fits, dtype=np.int64)[there] + low
        begins = self.first[places]
        counts = self.first[places + 1] - begins
        before = np.cumsum(counts) - counts
        return np.repeat(begins - before, counts) + np.arange(counts.sum()), np.repeat(whose, counts)

    def _take(self, rows: np.ndarray, names: Sequence[str]) -> pa.Table:
        begins = np.cumsum([0, *(len(one) for one in self.batches)])
        edges = np.searchsorted(rows, begins)
        parts = [self.batches[0].select(names).slice(0, 0)]
        for batch, begin, low, high in zip(self.batches, begins[:-1], edges[:-1], edges[1:], strict=True):
            if low < high:
                parts.append(batch.select(names).take(pa.array(rows[low:high] - begin)))
        return pa.Table.from_batches(parts).combine_chunks()


def copies_of(lake: Lake, name: str, files: Sequence[ActiveFile], *, make: bool) -> dict[str, Copy]:
    """Return the copies of the big ones among a table's files, by path; what is missing can be made first."""
    found = {}
    for file in files:
        if name in FACT_TABLES and file.rows >= BIG:
            folder = lake.path / FOLDER / name / Path(file.path).stem
            there, copy = _find(folder, file.path)
            if make and not there:
                _make(name, file.path, folder)
                _, copy = _find(folder, file.path)
            if copy is not None:
                found[file.path] = copy
    return found


def values_of(lake: Lake, name: str, column: str) -> tuple[set[str], set[str]]:
    """Return what a column holds as far as copies know, and the files for which they do."""
    copies = copies_of(lake, name, lake.files(name), make=False)
    told = {path: copy.values[column] for path, copy in copies.items() if column in copy.values}
    return {value for values in told.values() for value in values}, set(told)


def sweep(lake: Lake, name: str) -> None:
    """Remove the copies of files that a table has no more, and what killed makers left behind a day ago."""
    folder = lake.path / FOLDER / name
    if not folder.is_dir():
        return
    active = {Path(file.path).stem for file in lake.files(name)}
    for path in folder.iterdir():
        if path.name not in active and not (
            path.name.startswith(_DRAFT) and path.stat().st_mtime > time.time() - 86_400
        ):
            shutil.rmtree(path, ignore_errors=True)


def _find(folder: Path, path: str) -> tuple[bool, Copy | None]:
    """Return whether there is a whole copy of this format, and the copy when it is of use."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if about["made_by"] != _made_by() or any((folder / n).stat().st_size != s for n, s in about["sizes"].items()):
            return False, None
        return True, (_opened(folder, path, about) if about["usable"] else None)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, pa.ArrowException):
        return False, None  # none, deleted just now, or damaged


def _made_by() -> list[object]:
    return [FORMAT, duckdb.__version__]  # another version may hash otherwise


def _opened(folder: Path, path: str, about: dict[str, Any]) -> Copy:
    ids, first = (np.load(folder / one, mmap_mode="r") for one in (_IDS, _FIRST))
    with (folder / _COLUMNS).open("rb") as opened:
        columns = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    if hasattr(mmap, "MADV_RANDOM"):
        columns.madvise(mmap.MADV_RANDOM)  # reading on beyond what is asked for would read nearly everything
    file = pa.ipc.open_file(pa.py_buffer(columns))
    batches = [file.get_batch(n) for n in range(file.num_record_batches)]
    if len(first) != len(ids) + 1 or first[-1] != sum(len(batch) for batch in batches):
        raise ValueError(path)
    return Copy(path, ids, first, batches, frozenset(about["empty"]), about["values"])


def _make(name: str, path: str, folder: Path) -> None:
    """Make a copy beside its place and put it there whole; without room for it, there is none."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_DRAFT))
    except OSError:
        return
    try:
        _write(name, path, draft)
        if folder.exists():
            folder.rename(draft / "old")
        draft.rename(folder)
        shutil.rmtree(folder / "old", ignore_errors=True)
    except (OSError, pa.ArrowException, duckdb.Error):
        shutil.rmtree(draft, ignore_errors=True)


def _write(name: str, path: str, draft: Path) -> None:
    empty = _empty_columns(path)
    wanted = [column for column in _columns_in(name) if column not in empty]
    kinds = {kind.column for kind in KINDS.values() if kind.table == name} & set(wanted)
    values: dict[str, set[str]] = {one: set() for one in kinds}
    runs = _Runs()
    schema = pa.schema([(_HASH, pa.uint64()), *((one, _stored(name, one)) for one in wanted)])
    with pa.ipc.new_file(str(draft / _COLUMNS), schema) as writer:
        for batch in _read(path, wanted):
            runs.add(batch.column("customer_id"))
            for one, seen in values.items():
                seen.update(pc.unique(batch.column(one)).drop_null().to_pylist())
            writer.write_batch(batch.select(schema.names).cast(schema))
    present = {kind.present for kind in KINDS.values() if kind.table == name and kind.present}
    told = {one: sorted(seen) for one, seen in values.items() if len(seen) <= _MANY}
    told |= {one: [] if one in empty else ["*"] for one in present}
    _finish(draft, {"usable": runs.save(draft), "empty": sorted(empty & set(_columns_in(name))), "values": told})


def _finish(draft: Path, about: dict[str, Any]) -> None:
    sizes = {}
    for path in sorted(draft.iterdir()):
        with path.open("r+b") as file:
            os.fsync(file.fileno())  # a name must not outlive what it stands for
        sizes[path.name] = path.stat().st_size
    text = json.dumps({"made_by": _made_by(), "sizes": sizes, **about}, ensure_ascii=False)
    (draft / _ABOUT).write_text(text, encoding="utf-8")


def _columns_in(name: str) -> list[str]:
    """Return the columns that rules read of a table."""
    fields = [one for kind in KINDS.values() if kind.table == name for one in (*kind.fields, kind.present) if one]
    return columns_of(Stream(name), fields)[1:]


def _stored(name: str, column: str) -> pa.DataType:
    kind = FACT_TABLES[name].schema.field(column).type
    return _SMALL_NUMBER if kind == NUMBER else kind


def _empty_columns(path: str) -> set[str]:
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    empty = set()
    for place in range(metadata.num_columns):
        seen = [(group.column(place).statistics, group.num_rows) for group in groups]
        if all(one is not None and one.has_null_count and one.null_count == rows for one, rows in seen):
            empty.add(metadata.schema.column(place).name)
    return empty


def _read(path: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    chosen = ", ".join(f'"{column}"' for column in columns)
    with connect() as con:
        sql = f"SELECT customer_id, hash(fact_id) AS {_HASH}, {chosen} FROM {views.scan([path])}"
        yield from con.execute(sql).to_arrow_reader(_ROWS)


class _Runs:
    """The customers of a file, one after the other, and where each begins."""

    def __init__(self) -> None:
        self.fit = True  # whether every id can be kept in a fixed width
        self._rows = 0
        self._last: bytes | None = None
        self._ids: list[np.ndarray] = []
        self._first: list[np.ndarray] = []

    def add(self, column: pa.Array) -> None:
        """Take the customers of the next rows."""
        coded = pc.run_end_encode(column)
        texts = coded.values.cast(pa.binary())
        widest = pc.max(pc.binary_length(texts)).as_py() or 1
        if texts.null_count or widest > _WIDEST or pc.any(pc.match_substring(texts, b"\0")).as_py():
            self.fit = False
        if self.fit and len(texts):
            ids = np.array(texts.to_pylist(), dtype=f"S{widest}")
            begins = np.concatenate([[0], coded.run_ends.to_numpy()[:-1]]) + self._rows
            known = int(ids[0] == self._last)  # the first may go on from the portion before
            self._last = ids[-1]
            self._ids.append(ids[known:])
            self._first.append(begins[known:])
        self._rows += len(column)

    def save(self, folder: Path) -> bool:
        """Write them down; False when they cannot be searched."""
        if not self.fit or not self._ids:
            return False
        ids = np.concatenate(self._ids)
        np.save(folder / _IDS, ids)
        np.save(folder / _FIRST, np.concatenate([*self._first, [self._rows]]).astype(np.int64))
        return bool((ids[:-1] < ids[1:]).all())
