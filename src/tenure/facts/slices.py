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
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tenure.facts.blocks import Block, block_of
from tenure.facts.schema import CUSTOMERS, FACT_TABLES, SHOWN_CUSTOMERS
from tenure.facts.streams import Stream, columns_of
from tenure.lake import customer_index, views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tenure.facts.kinds import Kind
    from tenure.facts.lake import Lake

ROWS_A_BLOCK = 1_000_000  # a few hundred MB at work; smaller blocks spend their time between the columns
RECORDS = Stream("customers")


class RowGroup(NamedTuple):
    """One row group, and the range of customers that it holds."""

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
    def groups(self) -> list[RowGroup]:
        """All row groups, by the first customer they hold."""
        return sorted(group for path in self.paths for group in self._groups_of(path))

    def _groups_of(self, path: str) -> Iterator[RowGroup]:
        metadata = self._metadata[path] = pq.read_metadata(path)
        place = [metadata.schema.column(n).name for n in range(metadata.num_columns)].index(self.stream.who)
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            known = group.column(place).statistics
            if known is not None and known.has_min_max:
                yield RowGroup(known.min, known.max, group.num_rows, path, number)
            elif group.num_rows and (known is None or known.null_count != group.num_rows):
                yield RowGroup("", "\U0010ffff", group.num_rows, path, number)

    def between(self, low: str | None, high: str | None) -> pa.Table:
        """Return the rows of the customers from `low` up to, not including, `high`."""

        def inside(ids: pa.Array) -> pa.Array:
            above = pc.greater_equal(ids, low or "")
            return above if high is None else pc.and_(above, pc.less(ids, high))

        end = len(self.groups) if high is None else bisect.bisect_left(self.groups, high, key=attrgetter("low"))
        tables = []
        for table, groups in self._read([group for group in self.groups[:end] if low is None or group.high >= low]):
            entire = all((low is None or g.low >= low) and (high is None or g.high < high) for g in groups)
            tables.append(table if entire else _filtered(table, self.stream.who, inside))
        return self._joined(tables)

    def of(self, ids: pa.Array) -> pa.Table:
        """Return the rows of some customers; `ids` are sorted."""
        customers = ids.to_pylist()
        groups = sorted(group for path in self.paths if path not in self.indexes for group in self._groups_of(path))
        places = [bisect.bisect_left(customers, group.low) for group in groups]
        needed = [
            group
            for group, place in zip(groups, places, strict=True)
            if place < len(customers) and customers[place] <= group.high
        ]

        def read(part: list[RowGroup]) -> list[pa.Table]:
            return [
                _filtered(table, self.stream.who, lambda entries: pc.is_in(entries, ids))
                for table, _ in self._read(part)
            ]

        with ThreadPoolExecutor() as threads:
            parts = threads.map(read, [needed[n : n + 64] for n in range(0, len(needed), 64)])
            indexed = threads.map(lambda index: self._coded(index.of(ids, self.schema)), self.indexes.values())
            return self._joined([*indexed, *(table for part in parts for table in part)])

    def _read(self, groups: Sequence[RowGroup]) -> Iterator[tuple[pa.Table, list[RowGroup]]]:
        """Read row groups file by file, texts as dictionaries."""
        by_path: dict[str, list[RowGroup]] = {}
        for group in groups:
            by_path.setdefault(group.path, []).append(group)
        for path, members in by_path.items():
            file = pq.ParquetFile(path, metadata=self._metadata[path], read_dictionary=self._texts)
            numbers = sorted(group.number for group in members)
            yield file.read_row_groups(numbers, columns=list(self.columns), use_threads=False), members

    def _coded(self, table: pa.Table) -> pa.Table:
        """Return a table with its texts as they come out of the files."""
        for name in self._texts:
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, table.column(name).dictionary_encode())
        return table

    @cached_property
    def _texts(self) -> list[str]:
        # Reasons and attributes differ from row to row: a dictionary of them would only cost.
        return [f.name for f in self.schema if f.name not in ("reason", "attributes") and f.type == pa.string()]

    @property
    def schema(self) -> pa.Schema:
        """Types of the columns."""
        records = self.stream.table == "customers"
        stored = SHOWN_CUSTOMERS if records else FACT_TABLES[self.stream.table].schema
        return pa.schema([stored.field(name) for name in self.columns])

    def _joined(self, tables: list[pa.Table]) -> pa.Table:
        return pa.concat_tables(tables, promote_options="permissive") if tables else self.schema.empty_table()


def _filtered(table: pa.Table, who: str, test: Callable[[pa.Array], pa.Array]) -> pa.Table:
    """Return the rows whose customer passes a test, which is made once per entry of a dictionary, not once per row."""
    chunks = [
        test(chunk.dictionary).take(chunk.indices) if pa.types.is_dictionary(chunk.type) else test(chunk)
        for chunk in table.column(who).chunks
    ]
    return table.filter(pa.chunked_array(chunks, pa.bool_()))


@dataclass
class Slices:
    """A lake's facts, ready to be cut into blocks. Make one with :func:`slices_of`."""

    files: dict[Stream, SortedFiles]
    tz: str
    kinds: Mapping[str, Kind]
    subject: str = "customer"

    def ranges(self, rows: int = ROWS_A_BLOCK) -> list[tuple[str | None, str | None]]:
        """Return ranges of customers with about so many rows each, together everybody."""
        groups = sorted((group.low, group.rows) for files in self.files.values() for group in files.groups)
        cuts: list[str] = []
        waiting = 0
        for low, count in groups:
            if waiting >= rows and low > (cuts[-1] if cuts else groups[0][0]):
                cuts.append(low)
                waiting = 0
            waiting += count
        return list(pairwise([None, *cuts, None]))

    def block(self, low: str | None, high: str | None, last_day: int) -> Block:
        """Return the block of one range of customers."""
        return self._block({stream: files.between(low, high) for stream, files in self.files.items()}, last_day)

    def block_of(self, ids: Sequence[str], last_day: int) -> Block:
        """Return the block of some customers."""
        ordered = pa.array(sorted(set(ids)), pa.string())
        return self._block({stream: files.of(ordered) for stream, files in self.files.items()}, last_day)

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
        opened = {}
        for stream, fields in needed.items():
            records = stream.table == "customers"
            columns = [*CUSTOMERS.names, "first_seen_at", *fields] if records else columns_of(stream, fields)
            indexes: dict[str, customer_index.CustomerIndex] = {}
            if not records and stream.who == "customer_id" and not merged and lake.is_sorted(stream.table):
                files = [file for file in lake.files(stream.table) if file.rows]
                paths = [file.path for file in files]
                if customers is not None:
                    make = len(customers) >= customer_index.MIN_CUSTOMERS
                    known = customer_index.indexes_of(lake, stream.table, files, make=make)
                    indexes = {path: index for path, index in known.items() if index.has(columns)}
            else:
                paths = _sorted_copy(lake, stream, columns, Path(folder), customers, merged=merged)
            if paths:
                opened[stream] = SortedFiles(stream, paths, columns, indexes)
        yield Slices(opened, lake.settings.tz, lake.kinds(), subject)


def _sorted_copy(
    lake: Lake, stream: Stream, columns: Sequence[str], folder: Path, customers: Sequence[str] | None, *, merged: bool
) -> list[str]:
    """Sort a stream by whose fact it is into a temporary file."""
    # Facts of merged customers lie under other ids: then only the view knows whose they are.
    stored_ids = customers if stream.who == "customer_id" and not merged else None
    con = lake.connect((stream.table,), customers=stored_ids)
    if stream.table not in views.names(con):
        return []
    where = f'"{stream.who}" IS NOT NULL'
    if customers is not None:
        con.register("tenure_wanted", pa.table({"id": pa.array(list(customers), pa.string())}))
        where += f' AND "{stream.who}" IN (SELECT id FROM tenure_wanted)'
    order = views.columns([stream.who, *(["at"] if "at" in columns else [])])
    path = folder / f"{stream.table}-{stream.who}.parquet"
    con.execute(
        f'COPY (SELECT {views.columns(columns)} FROM "{stream.table}" WHERE {where} ORDER BY {order})'
        f" TO {views.quoted(str(path))} (FORMAT parquet, ROW_GROUP_SIZE 16384)"
    )
    return [str(path)]
