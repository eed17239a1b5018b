"""A draft: tables that are written beside a lake's own, and shown to nobody until they are committed.

Writing takes minutes and needs no lock; a commit takes the lock and milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.facts.lake import Lake
from tenure.lake import delta
from tenure.lake.lock import writing

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

#: Which of a table's files go: all, those of some partitions, or none.
Replace = bool | Mapping[str, Collection[str]]


@dataclass
class _Staged:
    """The new files of one table."""

    schema: pa.Schema
    added: list[AddAction] = field(default_factory=list)
    replace: Replace = False

    def replaces(self, file: delta.ActiveFile) -> bool:
        """Whether a file of the lake goes when this is committed."""
        if isinstance(self.replace, bool):
            return self.replace
        return all((file.partition.get(column) or "") in values for column, values in self.replace.items())


class LakeDraft:
    """Tables of a lake that are written, and not committed yet."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self._staged: dict[str, _Staged] = {}

    def write(
        self,
        name: str,
        rows: pa.Table | Iterable[pa.RecordBatch],
        *,
        schema: pa.Schema | None = None,
        partition_by: str | None = None,
        replace: Replace = False,
    ) -> None:
        """Write rows into new files of a table; rows written before, in this draft, stay."""
        shape = rows.schema if isinstance(rows, pa.Table) else schema
        assert shape is not None
        folder = Path(self.lake.uri(name))
        if self.lake.table(name) is None:
            with writing(self.lake.path):
                delta.create_table(folder, shape, partition_by)
        batches = rows.to_batches(max_chunksize=delta.ROW_GROUP) if isinstance(rows, pa.Table) else rows
        staged = self._staged.setdefault(name, _Staged(shape))
        staged.added += delta.write_files(folder, batches, shape, partition_by, self.lake.specs[name].row_group)
        if isinstance(staged.replace, bool) or isinstance(replace, bool):
            staged.replace = staged.replace or replace
        else:
            before = staged.replace
            columns = {*before, *replace}
            staged.replace = {name: {*before.get(name, ()), *replace.get(name, ())} for name in columns}

    def rewrite(self, name: str, rows: pa.Table) -> None:
        """Write the rows of a whole table, in the place of those that were written in this draft before."""
        self._drop(self._staged.pop(name, None), name)
        self.write(name, rows, replace=True)

    def lake_after(self) -> Lake:
        """Return the lake as it will be read once the draft is committed."""
        return _LakeAfter(self.lake, self._staged)

    def commit(self) -> None:
        """Publish every table; the caller holds the lake's lock."""
        for name, staged in list(self._staged.items()):
            table = self.lake.table(name)
            assert table is not None
            removed = [file.removal() for file in delta.active_files(table) if staged.replaces(file)]
            # From here on the files belong to the table: should a later table fail, they are not discarded.
            del self._staged[name]
            delta.commit(table, staged.added, removed, staged.schema if staged.replace is True else None)

    def discard(self) -> None:
        """Remove the files that were written."""
        for name, staged in self._staged.items():
            self._drop(staged, name)
        self._staged = {}

    def _drop(self, staged: _Staged | None, name: str) -> None:
        for action in staged.added if staged else ():
            (Path(self.lake.uri(name)) / action.path).unlink(missing_ok=True)


class _LakeAfter(Lake):
    """A lake whose tables are read with the staged files in the place of those that they replace."""

    def __init__(self, lake: Lake, staged: Mapping[str, _Staged]) -> None:
        super().__init__(lake.path, lake.settings)
        self._staged = staged

    def files(self, name: str) -> list[delta.ActiveFile]:
        """Return the files of a table, the staged ones last."""
        files, staged = super().files(name), self._staged.get(name)
        if staged is None:
            return files
        kept = [file for file in files if not staged.replaces(file)]
        for action in staged.added:
            stats = json.loads(action.stats)
            file = delta.ActiveFile(
                path=str(Path(self.uri(name)) / action.path),
                relative=action.path,
                rows=stats["numRecords"],
                size=action.size,
                low=stats.get("minValues", {}).get("customer_id"),
                high=stats.get("maxValues", {}).get("customer_id"),
                partition=dict(action.partition_values),
            )
            kept.append(file)
        return kept
