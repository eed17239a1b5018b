"""The customer index of a big file: its columns, laid out so that some customers' rows are read without the rest.

A Parquet file is read a row group at a time, so ten thousand customers here and there cost as much as everybody. For
each big file there is a folder of plain columns that the operating system maps into memory: what is not asked for is
not read.

An index is disposable. It belongs to one immutable file, is made when it is first missed, counts only when it is whole
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

from tenure.lake import views
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tenure.lake.delta import ActiveFile
    from tenure.lake.store import DeltaStore
    from tenure.lake.tables import TableSpec

MIN_ROWS = 2_000_000  # rows; smaller files are read as fast as they are
FOLDER = "index"
FORMAT = 1
MIN_CUSTOMERS = 1000  # customers; for fewer no index is made, since they are read from the file itself about as fast
_PORTION_ROWS = 1 << 20
_WIDEST = 64  # bytes of an id; every id takes the room of the longest
_LISTED_VALUES = 1000  # different values of a column that are worth remembering
_ABOUT, _IDS, _FIRST, _COLUMNS = "about.json", "ids.npy", "first.npy", "columns.arrow"
_DRAFT = ".draft-"
_HASH = "fact"
_MADE_BY = [FORMAT, duckdb.__version__]  # another version may hash otherwise


@dataclass(frozen=True)
class CustomerIndex:
    """The index of one file."""

    path: str  # the Parquet file
    # its customers, and the row with which each begins; the last entry of `first` is the number of rows
    ids: np.ndarray
    first: np.ndarray
    batches: list[pa.RecordBatch]  # its columns, row by row as in the file
    empty: frozenset[str]  # columns of which no row has a value; they are not in `batches`
    values: dict[str, list[str]]  # what the columns hold that kinds are told apart by

    def has(self, columns: Collection[str]) -> bool:
        """Whether the index can stand for the file when these columns are read."""
        return set(columns) <= {"customer_id", *self.batches[0].schema.names, *self.empty}

    def of(self, ids: pa.Array, schema: pa.Schema) -> pa.Table:
        """Return the rows of some customers, in the order of the file; `ids` are sorted and distinct."""
        rows, whose = self._places(ids)
        stored = self._take(rows, [name for name in schema.names if name in self.batches[0].schema.names])
        columns = {name: stored.column(name).cast(schema.field(name).type) for name in stored.schema.names}
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
        low = bisect.bisect_left(ids, edges[0], key=lambda value: value.as_py())
        high = bisect.bisect_right(ids, edges[1], key=lambda value: value.as_py())
        texts = [text.encode() for text in ids.slice(low, high - low).to_pylist()]
        fits = [n for n, text in enumerate(texts) if len(text) <= self.ids.dtype.itemsize and b"\0" not in text]
        keys = np.array([texts[n] for n in fits], dtype=self.ids.dtype)  # another width would copy all of them
        places = np.searchsorted(self.ids, keys)
        known = places < len(self.ids)
        known[known] = self.ids[places[known]] == keys[known]
        places, whose = places[known], np.array(fits, dtype=np.int64)[known] + low
        begins = self.first[places]
        counts = self.first[places + 1] - begins
        before = np.cumsum(counts) - counts
        return np.repeat(begins - before, counts) + np.arange(counts.sum()), np.repeat(whose, counts)

    def _take(self, rows: np.ndarray, names: Sequence[str]) -> pa.Table:
        begins = np.cumsum([0, *(len(batch) for batch in self.batches)])
        edges = np.searchsorted(rows, begins)
        parts = [self.batches[0].select(names).slice(0, 0)]
        for batch, begin, low, high in zip(self.batches, begins[:-1], edges[:-1], edges[1:], strict=True):
            if low < high:
                parts.append(batch.select(names).take(pa.array(rows[low:high] - begin)))
        return pa.Table.from_batches(parts).combine_chunks()


def indexes_of(lake: DeltaStore, name: str, files: Sequence[ActiveFile], *, make: bool) -> dict[str, CustomerIndex]:
    """Return the indexes of the big ones among a table's files, by path; what is missing can be made first."""
    spec = lake.specs[name]
    indexes = {}
    for file in files:
        if spec.indexed and file.rows >= MIN_ROWS:
            folder = lake.path / FOLDER / name / Path(file.path).stem
            exists, index = _find(folder, file.path)
            if make and not exists:
                _make(spec, file.path, folder)
                _, index = _find(folder, file.path)
            if index is not None:
                indexes[file.path] = index
    return indexes


def values_of(lake: DeltaStore, name: str, column: str) -> tuple[set[str], set[str]]:
    """Return what a column holds as far as indexes know, and the files for which they do."""
    indexes = indexes_of(lake, name, lake.files(name), make=False)
    known = {path: index.values[column] for path, index in indexes.items() if column in index.values}
    return {value for values in known.values() for value in values}, set(known)


def sweep(lake: DeltaStore, name: str) -> None:
    """Remove the indexes of files that a table has no more, and what killed processes left a day ago."""
    folder = lake.path / FOLDER / name
    if not folder.is_dir():
        return
    active = {Path(file.path).stem for file in lake.files(name)}
    for path in folder.iterdir():
        if path.name not in active and not (
            path.name.startswith(_DRAFT) and path.stat().st_mtime > time.time() - 86_400
        ):
            shutil.rmtree(path, ignore_errors=True)


def _find(folder: Path, path: str) -> tuple[bool, CustomerIndex | None]:
    """Return whether there is a complete index of this format, and the index when it can be searched."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if about["made_by"] != _MADE_BY or any((folder / n).stat().st_size != s for n, s in about["sizes"].items()):
            return False, None
        return True, (_opened(folder, path, about) if about["usable"] else None)
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, pa.ArrowException):
        return False, None  # none, deleted just now, or damaged


def _opened(folder: Path, path: str, about: dict[str, Any]) -> CustomerIndex:
    ids, first = (np.load(folder / name, mmap_mode="r") for name in (_IDS, _FIRST))
    with (folder / _COLUMNS).open("rb") as opened:
        columns = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    if hasattr(mmap, "MADV_RANDOM"):
        columns.madvise(mmap.MADV_RANDOM)  # reading on beyond what is asked for would read nearly everything
    file = pa.ipc.open_file(pa.py_buffer(columns))
    batches = [file.get_batch(n) for n in range(file.num_record_batches)]
    if len(first) != len(ids) + 1 or first[-1] != sum(len(batch) for batch in batches):
        raise ValueError(path)
    return CustomerIndex(path, ids, first, batches, frozenset(about["empty"]), about["values"])


def _make(spec: TableSpec, path: str, folder: Path) -> None:
    """Write an index beside its place and move it there when complete; without room for it, there is none."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_DRAFT))
    except OSError:
        return
    try:
        _write(spec, path, draft)
        if folder.exists():
            folder.rename(draft / "old")
        draft.rename(folder)
        shutil.rmtree(folder / "old", ignore_errors=True)
    except (OSError, pa.ArrowException, duckdb.Error):
        shutil.rmtree(draft, ignore_errors=True)


def _write(spec: TableSpec, path: str, draft: Path) -> None:
    assert spec.schema is not None, "indexed tables have a schema"
    empty = _empty_columns(path)
    types = {column: spec.schema.field(column).type for column in spec.indexed if column not in empty}
    # Half the width is enough for any amount of money, and is read twice as fast.
    stored = [(name, pa.decimal64(18, t.scale) if pa.types.is_decimal128(t) else t) for name, t in types.items()]
    schema = pa.schema([(_HASH, pa.uint64()), *stored])
    values: dict[str, set[str]] = {column: set() for column in spec.listed if column in types}
    runs = _Runs()
    sql = f"SELECT {views.columns(['customer_id', *types])}, hash(fact_id) AS {_HASH} FROM {views.scan([path])}"
    with connect() as con, pa.ipc.new_file(str(draft / _COLUMNS), schema) as writer:
        for batch in con.execute(sql).to_arrow_reader(_PORTION_ROWS):
            runs.add(batch.column("customer_id"))
            for column, distinct in values.items():
                distinct.update(pc.unique(batch.column(column)).drop_null().to_pylist())
            writer.write_batch(batch.select(schema.names).cast(schema))
    usable = runs.save(draft)
    listed = {column: sorted(distinct) for column, distinct in values.items() if len(distinct) <= _LISTED_VALUES}
    listed |= {column: [] if column in empty else ["*"] for column in spec.optional}
    sizes = {}
    for part in sorted(draft.iterdir()):
        with part.open("r+b") as file:
            os.fsync(file.fileno())  # a name must not outlive what it stands for
        sizes[part.name] = part.stat().st_size
    about = {"made_by": _MADE_BY, "sizes": sizes, "usable": usable}
    about |= {"empty": sorted(empty & set(spec.indexed)), "values": listed}
    (draft / _ABOUT).write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")


def _empty_columns(path: str) -> set[str]:
    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    empty = set()
    for place in range(metadata.num_columns):
        known = [(group.column(place).statistics, group.num_rows) for group in groups]
        if all(stats is not None and stats.has_null_count and stats.null_count == rows for stats, rows in known):
            empty.add(metadata.schema.column(place).name)
    return empty


class _Runs:
    """The customers of a file, one after the other, and where each begins."""

    def __init__(self) -> None:
        self._searchable = True  # whether every id can be kept in a fixed width
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
            self._searchable = False
        if self._searchable and len(texts):
            ids = np.array(texts.to_pylist(), dtype=f"S{widest}")
            begins = np.concatenate([[0], coded.run_ends.to_numpy()[:-1]]) + self._rows
            known = int(ids[0] == self._last)  # the first may go on from the portion before
            self._last = ids[-1]
            self._ids.append(ids[known:])
            self._first.append(begins[known:])
        self._rows += len(column)

    def save(self, folder: Path) -> bool:
        """Write them down; False when they cannot be searched."""
        if not self._searchable or not self._ids:
            return False
        ids = np.concatenate(self._ids)
        np.save(folder / _IDS, ids)
        np.save(folder / _FIRST, np.concatenate([*self._first, [self._rows]]).astype(np.int64))
        return bool((ids[:-1] < ids[1:]).all())
