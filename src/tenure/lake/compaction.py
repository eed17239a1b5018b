"""Keeping tables in few sorted files.

Small files are merged with files of their own size only, so that a fact is rewritten a few times in its life and not
with every append.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.lake import customer_index, delta, views
from tenure.lake.duck import spilling
from tenure.lake.lock import writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenure.lake.store import DeltaStore

_DEEP = 8  # files of one size that may hold the same customers
_ORDER = ("customer_id", "at", "fact_id", "key", "row")
KEEP_HOURS = 1.0


def tidy(lake: DeltaStore, name: str) -> None:
    """Merge files of one size as soon as too many of them hold the same customers."""
    with writing(lake.path):
        customer_index.sweep(lake, name)
        for _ in range(4):  # what is merged may be one too many of the next size
            files = next((group for group in _by_size(lake.files(name)) if _depth(group) > _DEEP), None)
            if files is None:
                return
            rewrite(lake, name, files)


def compact(lake: DeltaStore, name: str, *, keep_hours: float = KEEP_HOURS) -> None:
    """Rewrite a whole table, sorted, and remove the files that no reader needs."""
    with writing(lake.path):
        rewrite(lake, name, lake.files(name), keep_hours=keep_hours)
        customer_index.indexes_of(lake, name, lake.files(name), make=True)


def _by_size(files: Sequence[delta.ActiveFile]) -> list[list[delta.ActiveFile]]:
    groups: defaultdict[tuple[int, tuple[str | None, ...]], list[delta.ActiveFile]] = defaultdict(list)
    for file in files:
        size = int(math.log(max(file.rows, 1) / delta.ROW_GROUP, 8)) if file.rows > delta.ROW_GROUP else 0
        groups[size, tuple(file.partition.values())].append(file)
    return [groups[key] for key in sorted(groups, key=str)]


def _depth(files: Sequence[delta.ActiveFile]) -> int:
    """Return the largest number of files that may hold one customer."""
    edges = [(file.low or "", 0) for file in files] + [(file.high or "\U0010ffff", 1) for file in files]
    depth = deepest = 0
    for _, closes in sorted(edges):
        depth += -1 if closes else 1
        deepest = max(deepest, depth)
    return deepest


def rewrite(lake: DeltaStore, name: str, files: Sequence[delta.ActiveFile], *, keep_hours: float = KEEP_HOURS) -> None:
    """Replace files by sorted ones with the same rows, in one commit; memory is bounded, the rest spills to disk."""
    table = lake.table(name)
    if table is None:
        return
    if files:
        schema = lake.specs[name].schema or pa.schema(table.schema())
        order = views.columns(column for column in _ORDER if column in schema.names)
        sql = f"SELECT {views.columns(schema.names)} FROM {views.scan([file.path for file in files], grown=True)}"
        partition = next(iter(table.metadata().partition_columns), None)
        with spilling(lake.path) as con:
            read = con.execute(f"{sql} ORDER BY {order}" if order else sql).to_arrow_reader(delta.ROW_GROUP)
            batches = (batch.cast(schema) for batch in read)
            added = delta.write_files(delta.folder_of(table), batches, schema, partition, lake.specs[name].row_group)
        delta.commit(table, added, [file.removal() for file in files])
    newest = lake.table(name)
    if newest is not None:
        newest.vacuum(retention_hours=int(keep_hours), dry_run=False, enforce_retention_duration=False, full=True)
        customer_index.sweep(lake, name)
