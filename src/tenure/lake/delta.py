"""Delta tables written in order.

The files are written here and not by `write_deltalake`, because that one writes batches in parallel and loses the
order in which they came: tables clustered by customer are what makes everything else fast.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROW_GROUP = 16_384  # rows; small, so that the facts of a few customers can be read cheaply
ROWS_A_FILE = 512 * ROW_GROUP
_BUFFER_ROWS = 4 * ROW_GROUP  # that wait of one value: a refresh of many models has a file open for each
_UNIQUE = frozenset({"fact_id", "order_id", "raw"})  # a dictionary would only grow and be given up


class _TableWriter:
    """Writes rows, in the order in which they come, into new Parquet files of one Delta table."""

    def __init__(self, folder: Path, schema: pa.Schema, partition: dict[str, str], row_group: int) -> None:
        self.folder, self.schema, self.partition, self.row_group = folder, schema, partition, row_group
        self._waiting: list[pa.RecordBatch] = []
        self._count = 0
        self._file: pq.ParquetWriter | None = None
        self._path = folder
        self._rows_in_file = 0
        self._done: list[AddAction] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Take rows; write them once there are enough for full row groups."""
        self._waiting.append(batch)
        self._count += batch.num_rows
        if self._count >= _BUFFER_ROWS:
            self._flush(final=False)

    def close(self) -> list[AddAction]:
        """Finish the last file and return what a commit must add."""
        self._flush(final=True)
        self._close_file()
        return self._done

    def _flush(self, *, final: bool) -> None:
        if not self._count:
            return
        # Rows may come with encoded texts; stored they are the same.
        table = pa.Table.from_batches(self._waiting).unify_dictionaries()
        cut = table.num_rows if final else table.num_rows // self.row_group * self.row_group
        if self._file is None:
            # Delta keeps partition values in its log, not in paths.
            self._path, self._rows_in_file = self.folder / f"part-{uuid.uuid4().hex}.zstd.parquet", 0
            lists = [field.name for field in self.schema if pa.types.is_list(field.type)]
            repeated = [f.name for f in self.schema if f.type in (pa.string(), pa.date32()) and f.name not in _UNIQUE]
            # Statistics take time, and only these columns' ranges let a reader skip rows.
            narrowing = [
                f.name
                for f in self.schema
                if f.name.endswith("_id")
                or f.name in self.partition
                or pa.types.is_temporal(f.type)
                or pa.types.is_integer(f.type)
            ]
            self._file = pq.ParquetWriter(
                self._path,
                table.schema,
                compression="zstd",
                store_schema=False,
                use_dictionary=[*repeated, *(f"{name}.list.element" for name in lists)],
                write_statistics=narrowing,
            )
        self._file.write_table(table.slice(0, cut), row_group_size=self.row_group)
        self._rows_in_file += cut
        rest = table.slice(cut)
        self._waiting, self._count = (rest.to_batches(), rest.num_rows) if rest.num_rows else ([], 0)
        if self._rows_in_file >= ROWS_A_FILE:
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._done.append(action_of(self._path, self.partition))
            self._file = None


def action_of(path: Path, partition: dict[str, str]) -> AddAction:
    """Return what a commit must add for a Parquet file that lies in its table's folder."""
    metadata = pq.read_metadata(path)
    # Delta's statistics of a file: its rows and the range of its customers, by which files are skipped.
    figures: dict[str, Any] = {"numRecords": metadata.num_rows}
    names = [metadata.schema.column(index).name for index in range(metadata.num_columns)]
    if "customer_id" in names and metadata.num_row_groups:
        place = names.index("customer_id")
        groups = [metadata.row_group(number).column(place).statistics for number in range(metadata.num_row_groups)]
        if all(group is not None and group.has_min_max for group in groups):
            figures["minValues"] = {"customer_id": min(group.min for group in groups)}
            figures["maxValues"] = {"customer_id": max(group.max for group in groups)}
            figures["nullCount"] = {"customer_id": sum(group.null_count or 0 for group in groups)}
    return AddAction(
        path=path.name,
        size=path.stat().st_size,
        partition_values=dict(partition),
        modification_time=int(time.time() * 1000),
        data_change=True,
        stats=json.dumps(figures, ensure_ascii=False),
    )


def write_files(
    folder: Path,
    reader: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    partition_by: str | None = None,
    row_group: int = ROW_GROUP,
) -> list[AddAction]:
    """Write a stream of rows as Parquet files below `folder` and return the actions that would add them.

    Nothing is visible until the actions are committed. The partition column stays in the files too, so that a plain
    Parquet reader sees it.
    """
    writers: dict[str, _TableWriter] = {}
    for batch in reader:
        for value, rows in _by_value(batch, partition_by):
            if value not in writers:
                writers[value] = _TableWriter(folder, schema, {partition_by: value} if partition_by else {}, row_group)
            writers[value].add(rows)
    return [action for writer in writers.values() for action in writer.close()]


def _by_value(batch: pa.RecordBatch, column: str | None) -> Iterable[tuple[str, pa.RecordBatch]]:
    if column is None:
        return [("", batch)] if batch.num_rows else []
    values = batch.column(column)
    distinct = pc.unique(values).to_pylist()
    if len(distinct) == 1:
        return [(distinct[0] or "", batch)]
    values = values.cast(pa.string())
    return [(value or "", batch.filter(pc.equal(values, pa.scalar(value, values.type)))) for value in distinct]


def open_table(folder: Path) -> DeltaTable | None:
    """Return the Delta table in `folder`, or None when there is none, or its log has not begun."""
    log = folder / "_delta_log"
    begun = log.is_dir() and any(name.endswith((".json", ".parquet")) for name in os.listdir(log))
    return DeltaTable(str(folder)) if begun else None


def create_table(folder: Path, schema: pa.Schema, partition_by: str | None = None) -> DeltaTable:
    """Make an empty Delta table, or return the one that is there."""
    table = open_table(folder)
    if table is not None:
        return table
    folder.mkdir(parents=True, exist_ok=True)
    return DeltaTable.create(
        str(folder), schema=schema, partition_by=[partition_by] if partition_by else None, mode="ignore"
    )


def commit(
    table: DeltaTable, added: list[AddAction], removed: list[RemoveAction], schema: pa.Schema | None = None
) -> None:
    """Add and remove files of a Delta table in one atomic commit; with `schema`, its columns become those."""
    if not added and not removed:
        return
    partitions = list(table.metadata().partition_columns)
    current = table.schema()
    shape = current if schema is None else Schema.from_arrow(schema)
    if shape == current:
        table.create_write_transaction([*added, *removed], "append", shape, partitions or None)
    else:  # only this mode lets columns change; it takes every file out by itself
        table.create_write_transaction(list(added), "overwrite", shape, partitions or None)


@dataclass(frozen=True, slots=True)
class ActiveFile:
    """One file of the newest version of a Delta table."""

    path: str
    relative: str
    rows: int
    size: int
    low: str | None
    high: str | None
    partition: Mapping[str, str | None]

    def may_hold(self, customers: Iterable[str]) -> bool:
        """Whether the file can hold rows of one of these customers."""
        if self.low is None or self.high is None:
            return True
        return any(self.low <= customer <= self.high for customer in customers)

    def removal(self) -> RemoveAction:
        """Return the action that takes this file out of the table."""
        now = int(time.time() * 1000)
        return RemoveAction(self.relative, True, now, self.size, dict(self.partition))


def folder_of(table: DeltaTable) -> Path:
    """Return the folder of a local Delta table."""
    uri = table.table_uri
    return Path(unquote(uri.removeprefix("file://"))) if uri.startswith("file://") else Path(uri)


def active_files(table: DeltaTable) -> list[ActiveFile]:
    """Return the files of a table's newest version with what is known about them."""
    root = folder_of(table)
    rows = pa.table(cast("Any", table.get_add_actions(flatten=True))).to_pylist()
    prefix = "partition."
    return [
        ActiveFile(
            path=str(root / row["path"]),
            relative=row["path"],
            rows=row.get("num_records") or 0,
            size=row.get("size_bytes") or 0,
            low=row.get("min.customer_id"),
            high=row.get("max.customer_id"),
            partition={key.removeprefix(prefix): row[key] for key in row if key.startswith(prefix)},
        )
        for row in rows
    ]
