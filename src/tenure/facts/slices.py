"""Slices: everybody's facts, a range of customers at a time; or only a few customers' facts, wherever they lie.

The files are sorted by customer inside, and every row group knows the range of customers it holds, so a slice is read
from just the row groups that can hold it, whatever the files' order. It decides nothing about what is read.
"""

from __future__ import annotations

import bisect
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenure.facts.blocks import Block, block_of
from tenure.facts.schema import CUSTOMERS, FACT_TABLES
from tenure.facts.streams import Stream, columns_of
from tenure.lake import customer_index, views

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

    from tenure.facts.kinds import Kind
    from tenure.facts.lake import Lake

ROWS_A_BLOCK = 1_000_000  # a few hundred MB at work; smaller blocks spend their time between the columns
RECORDS = Stream("customers")


class Piece(NamedTuple):
    """One row group."""

    low: str
    high: str
    rows: int
    path: str
    number: int


@dataclass
class SortedFiles:
    """The files of one stream, each sorted by whose fact it is."""

    stream: Stream  # what they hold
    paths: Sequence[str]  # the Parquet files
    columns: Sequence[str]  # the columns to read
    # the customer indexes of some of the files, by path
    indexes: Mapping[str, customer_index.CustomerIndex] = field(default_factory=dict)
    _metadata: dict[str, pq.FileMetaData] = field(default_factory=dict)

    @cached_property
    def pieces(self) -> list[Piece]:
        """All row groups, by the first customer they hold."""
        return sorted(piece for path in self.paths for piece in self._pieces_of(path))

    @cached_property
    def _lows(self) -> list[str]:
        return [piece.low for piece in self.pieces]

    def _pieces_of(self, path: str) -> Iterator[Piece]:
        metadata = self._metadata[path] = pq.read_metadata(path)
        names = [metadata.schema.column(n).name for n in range(metadata.num_columns)]
        place = names.index(self.stream.who)
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            seen = group.column(place).statistics
            if seen is not None and seen.has_min_max:
                yield Piece(seen.min, seen.max, group.num_rows, path, number)
            elif group.num_rows and (seen is None or seen.null_count != group.num_rows):
                yield Piece("", "\U0010ffff", group.num_rows, path, number)

    def between(self, low: str | None, high: str | None) -> pa.Table:
        """Return the rows of the customers from `low` up to, not including, `high`."""
        end = len(self.pieces) if high is None else bisect.bisect_left(self._lows, high)
        found = [piece for piece in self.pieces[:end] if low is None or piece.high >= low]
        tables = []
        for table, pieces in self._read(found):
            inside = all((low is None or p.low >= low) and (high is None or p.high < high) for p in pieces)
            tables.append(table if inside else _cut(table, self.stream.who, low, high))
        return self._joined(tables)

    def of(self, ids: pa.Array) -> pa.Table:
        """Return the rows of some customers; `ids` are sorted."""
        wanted = ids.to_pylist()
        pieces = (piece for path in self.paths if path not in self.indexes for piece in self._pieces_of(path))
        found = [
            piece
            for piece in sorted(pieces)
            if (place := bisect.bisect_left(wanted, piece.low)) < len(wanted) and wanted[place] <= piece.high
        ]
        with ThreadPoolExecutor() as threads:
            lots = [found[n : n + 64] for n in range(0, len(found), 64)]
            parts = threads.map(lambda lot: [_only(table, self.stream.who, ids) for table, _ in self._read(lot)], lots)
            indexed = threads.map(lambda index: self._coded(index.of(ids, self.schema)), self.indexes.values())
            return self._joined([*indexed, *(table for part in parts for table in part)])

    def _coded(self, table: pa.Table) -> pa.Table:
        """Return a table with its texts as they come out of the files."""
        for place, name in enumerate(table.schema.names):
            if self._is_text(name):
                table = table.set_column(place, name, table.column(name).dictionary_encode())
        return table

    def _read(self, pieces: Sequence[Piece]) -> Iterator[tuple[pa.Table, list[Piece]]]:
        by_path: dict[str, list[Piece]] = {}
        for piece in pieces:
            by_path.setdefault(piece.path, []).append(piece)
        texts = [name for name in self.columns if self._is_text(name)]
        for path, some in by_path.items():
            file = pq.ParquetFile(path, metadata=self._metadata[path], read_dictionary=texts)
            numbers = sorted(piece.number for piece in some)
            yield file.read_row_groups(numbers, columns=list(self.columns), use_threads=False), some

    def _is_text(self, name: str) -> bool:
        return name not in ("reason", "attributes") and self.schema.field(name).type == pa.string()

    @property
    def schema(self) -> pa.Schema:
        """Types of the columns."""
        whole = CUSTOMERS if self.stream.table == "customers" else FACT_TABLES[self.stream.table].schema
        return pa.schema([whole.field(name) for name in self.columns])

    def _joined(self, tables: list[pa.Table]) -> pa.Table:
        if not tables:
            return self.schema.empty_table()
        if len(tables) == 1:
            return tables[0]
        return pa.concat_tables(tables, promote_options="permissive")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _by_entry(column: pa.ChunkedArray, test: object) -> pa.ChunkedArray:
    """Return a test of a dictionary column, made once per entry instead of once per row."""
    chunks = []
    for chunk in column.chunks:
        if pa.types.is_dictionary(chunk.type):
            chunks.append(test(chunk.dictionary).take(chunk.indices))  # type: ignore[operator]
        else:
            chunks.append(test(chunk))  # type: ignore[operator]
    return pa.chunked_array(chunks, pa.bool_())


def _cut(table: pa.Table, who: str, low: str | None, high: str | None) -> pa.Table:
    def inside(ids: pa.Array) -> pa.Array:
        above = pc.greater_equal(ids, low or "")
        return above if high is None else pc.and_(above, pc.less(ids, high))

    return table.filter(_by_entry(table.column(who), inside))


def _only(table: pa.Table, who: str, ids: pa.Array) -> pa.Table:
    return table.filter(_by_entry(table.column(who), lambda entries: pc.is_in(entries, ids)))


@dataclass
class Slices:
    """A lake's facts, ready to be cut into blocks. Make one with :func:`slices_of`."""

    files: dict[Stream, SortedFiles]
    tz: str
    kinds: Mapping[str, Kind]
    subject: str = "customer"

    def ranges(self, rows: int = ROWS_A_BLOCK) -> list[tuple[str | None, str | None]]:
        """Return ranges of customers with about so many rows each, together everybody."""
        pieces = sorted((piece.low, piece.rows) for files in self.files.values() for piece in files.pieces)
        cuts: list[str] = []
        waiting = 0
        for low, count in pieces:
            if waiting >= rows and low > (cuts[-1] if cuts else pieces[0][0]):
                cuts.append(low)
                waiting = 0
            waiting += count
        edges: list[str | None] = [None, *cuts, None]
        return list(pairwise(edges))

    def block(self, low: str | None, high: str | None, last_day: int) -> Block:
        """Return the block of one range of customers."""
        return self._block({stream: files.between(low, high) for stream, files in self.files.items()}, last_day)

    def block_of(self, ids: Sequence[str], last_day: int) -> Block:
        """Return the block of some customers."""
        wanted = pa.array(sorted(set(ids)), pa.string())
        return self._block({stream: files.of(wanted) for stream, files in self.files.items()}, last_day)

    def _block(self, tables: dict[Stream, pa.Table], last_day: int) -> Block:
        records = tables.pop(RECORDS, None)
        return block_of(
            tables, tz=self.tz, last_day=last_day, customers=records, kinds=self.kinds, subject=self.subject
        )


@contextmanager
def slices_of(
    lake: Lake,
    needed: Mapping[Stream, Sequence[str]],
    *,
    subject: str = "customer",
    customers: Sequence[str] | None = None,
) -> Iterator[Slices]:
    """Open a lake for reading in blocks."""
    merged = bool(lake.merged())
    with TemporaryDirectory(prefix="tenure-") as folder:
        files = {}
        for stream, fields in needed.items():
            if stream.table == "customers":
                columns, sorted_here = list(CUSTOMERS.names), False
            else:
                columns = columns_of(stream, fields)
                sorted_here = stream.who == "customer_id" and not merged and lake.is_sorted(stream.table)
            indexes: dict[str, customer_index.CustomerIndex] = {}
            if sorted_here:
                found = [file for file in lake.files(stream.table) if file.rows]
                paths = [one.path for one in found]
                if customers is not None:
                    indexes = customer_index.indexes_of(
                        lake, stream.table, found, make=len(customers) >= customer_index.MIN_CUSTOMERS
                    )
            else:
                paths = _sorted_copy(lake, stream, columns, Path(folder), customers)
            if paths:
                files[stream] = SortedFiles(
                    stream, paths, columns, {path: index for path, index in indexes.items() if index.has(columns)}
                )
        yield Slices(files, lake.settings.tz, lake.kinds(), subject)


def _sorted_copy(
    lake: Lake, stream: Stream, columns: Sequence[str], folder: Path, customers: Sequence[str] | None
) -> list[str]:
    """Sort a stream by whose fact it is into a temporary file."""
    own_key = stream.who == "customer_id"
    con = lake.connect((stream.table,), customers=customers if own_key and not lake.merged() else None)
    if not con.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [stream.table]).fetchall():
        return []
    path = folder / f"{stream.table}-{stream.who}.parquet"
    _copy(con, stream, columns, path, customers)
    return [str(path)]


def _copy(
    con: duckdb.DuckDBPyConnection, stream: Stream, columns: Sequence[str], path: Path, customers: Sequence[str] | None
) -> None:
    chosen = ", ".join(f'"{name}"' for name in columns)
    where = f'"{stream.who}" IS NOT NULL'
    if customers is not None:
        con.register("tenure_wanted", pa.table({"id": pa.array(list(customers), pa.string())}))
        where += f' AND "{stream.who}" IN (SELECT id FROM tenure_wanted)'
    order = f'"{stream.who}"' + (', "at"' if "at" in columns else "")
    target = views.quoted(str(path))
    con.execute(
        f'COPY (SELECT {chosen} FROM "{stream.table}" WHERE {where} ORDER BY {order})'
        f" TO {target} (FORMAT parquet, ROW_GROUP_SIZE 16384)"
    )
