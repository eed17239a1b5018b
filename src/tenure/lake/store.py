"""A folder of Delta tables, written in order and read through DuckDB views.

It knows no fact: which tables there are, who is merged with whom, and which external tables are read along are handed
in by the subclass, :class:`tenure.facts.lake.Lake`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from tenure.lake import compaction, customer_index, delta, views
from tenure.lake.duck import connect
from tenure.lake.lock import writing
from tenure.lake.tables import TableSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import duckdb
    from deltalake import DeltaTable


class DeltaStore:
    """The tables of one folder; see :class:`tenure.facts.lake.Lake` for the lake of a business."""

    specs: ClassVar[Mapping[str, TableSpec]] = {}

    def __init__(self, path: Path) -> None:
        self.path = path

    # What a subclass hands in

    @property
    def tz(self) -> str:
        """The time zone in which views tell days."""
        return "UTC"

    def merged(self) -> dict[str, str]:
        """Return {merged id: id that counts}."""
        return {}

    def external_relations(self, name: str) -> list[str]:
        """Return SQL relations of external tables whose rows belong to a table."""
        return []

    def is_external(self, name: str) -> bool:
        """Whether rows of a table are read from external tables."""
        return False

    # Tables

    def uri(self, name: str) -> str:
        """Return the folder of a table."""
        return str(self.path / self.specs[name].folder / name)

    def table(self, name: str) -> DeltaTable | None:
        """Return a table of the lake, or None when nothing was written to it yet."""
        return delta.open_table(Path(self.uri(name)))

    def has(self, name: str) -> bool:
        """Whether a table holds any rows, or is read from external tables."""
        return any(file.rows for file in self.files(name)) or self.is_external(name)

    def tables(self) -> list[str]:
        """Return the names of the tables that exist."""
        return [name for name in self.specs if self.table(name) is not None]

    def files(self, name: str) -> list[delta.ActiveFile]:
        """Return the files of a table's newest version."""
        table = self.table(name)
        return delta.active_files(table) if table is not None else []

    def is_sorted(self, name: str) -> bool:
        """Whether every file of a table is sorted by customer and time, so that slices can be read straight from it."""
        return self.specs[name].is_sorted and not self.is_external(name)

    def write(
        self,
        name: str,
        reader: pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch],
        *,
        schema: pa.Schema | None = None,
        partition_by: str | None = None,
        replace: bool | Mapping[str, Collection[str]] | Sequence[str] = False,
    ) -> int:
        """Write a stream of rows in the order in which they come, in one atomic commit, and return how many.

        The stream is read once and never held in memory as a whole; a plain iterable into a new table needs `schema`.
        `replace` is True for the whole table, its columns too; ``{"model": ["a", "b"]}`` for those partitions; paths
        for those files; False appends.
        """
        spec = self.specs[name]
        shape = schema or getattr(reader, "schema", None) or spec.schema
        batches = reader.to_batches(max_chunksize=delta.ROW_GROUP) if isinstance(reader, pa.Table) else reader
        folder = Path(self.uri(name))
        with writing(self.path):
            table = delta.create_table(folder, shape, partition_by or spec.partition_by)
            partition = next(iter(table.metadata().partition_columns), None)
            added = delta.write_files(folder, batches, shape, partition, spec.row_group)
            removed = [file.removal() for file in delta.active_files(table) if _is_replaced(file, replace)]
            delta.commit(table, added, removed, shape if replace is True else None)
        return sum(json.loads(action.stats)["numRecords"] for action in added)

    # Reading

    def read(self, name: str, customers: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a table, of everybody or of some customers (their ids, merges applied).

        Only the files and row groups that can hold these customers are read.
        """
        con = self.connect((name,), customers=customers)
        schema = self.specs[name].schema
        if name not in views.names(con):
            empty = (schema or pa.schema([])).empty_table()
            return empty.select(list(columns)) if columns else empty
        where = "" if customers is None else " WHERE customer_id IN (SELECT unnest($ids))"
        if columns is None and schema is not None and self.specs[name].view is not None:
            columns = schema.names  # a view may show more
        rows = con.execute(
            f'SELECT {views.columns(columns) if columns else "*"} FROM "{name}"{where}',
            {} if customers is None else {"ids": list(customers)},
        ).to_arrow_table()
        if schema is None:
            return rows
        return rows.cast(pa.schema([schema.field(column) for column in rows.column_names if column in schema.names]))

    def stored_ids(self, name: str, ids: Sequence[str]) -> list[str]:
        """Return which of the ids a table's rows carry, merges not applied."""
        source = self._source(name, ids)
        sql = f"SELECT DISTINCT customer_id FROM {source}"
        return [row[0] for row in connect().execute(sql).fetchall()] if source else []

    def distinct_values(self, name: str, column: str) -> set[str]:
        """Return the different texts of a column, over everything that was ever written to the table."""
        known, indexed = customer_index.values_of(self, name, column)
        source = self._source(name, None, excluded=indexed)
        if not source:
            return known
        sql = f'SELECT DISTINCT "{column}" FROM {source} WHERE "{column}" IS NOT NULL'
        return known | {str(row[0]) for row in connect().execute(sql).fetchall()}

    def has_value(self, name: str, column: str) -> bool:
        """Whether any row of a table has a value in a column."""
        known, indexed = customer_index.values_of(self, name, column)
        source = "" if known else self._source(name, None, excluded=indexed)
        sql = f'SELECT 1 FROM {source} WHERE "{column}" IS NOT NULL LIMIT 1'
        return bool(known) or (bool(source) and connect().execute(sql).fetchone() is not None)

    def connect(
        self, names: Iterable[str] | None = None, *, customers: Sequence[str] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection with one view per table that exists.

        Parameters
        ----------
        names : iterable of str, optional
            Only these tables.
        customers : sequence of str, optional
            Leave out what cannot hold facts of these customers, those stored under ids merged into them included.
        """
        con = connect()
        self.show(con, names if names is not None else self.specs, customers=customers)
        return con

    def show(
        self, con: duckdb.DuckDBPyConnection, names: Iterable[str], *, customers: Sequence[str] | None = None
    ) -> None:
        """Create or replace the views of some tables in a connection; see :meth:`connect`."""
        merged = self.merged()
        if merged:
            con.execute(f"CREATE OR REPLACE TABLE {views.MERGED} (customer_id VARCHAR, into_id VARCHAR)")
            con.execute(
                f"INSERT INTO {views.MERGED} SELECT unnest($old), unnest($new)",
                {"old": list(merged), "new": list(merged.values())},
            )
        if customers is not None:
            ids = set(customers)
            # Facts lie where they were written: under the ids that were merged into these customers, too.
            customers = [*ids, *(old for old, into in merged.items() if into in ids and old not in ids)]
        for name in names:
            source = self._source(name, customers)
            if source:
                hides = self._find_newer(con, name, source)
                sql = views.view_of(name, self.specs[name], source, tz=self.tz, merges=bool(merged), hides=hides)
                con.execute(f'CREATE OR REPLACE VIEW "{name}" AS {sql}')
            else:
                con.execute(f'DROP VIEW IF EXISTS "{name}"')

    def _find_newer(self, con: duckdb.DuckDBPyConnection, name: str, source: str) -> bool:
        """Note in the connection which customers were refreshed on their own; return whether any were."""
        spec = self.specs[name]
        if not spec.generations:
            return False
        if spec.generations == "markers":
            markers = [file.path for file in self.files(name) if not file.partition.get("model")]
            if not markers:
                return False
            source = views.scan(markers)
        created = con.execute(f"CREATE OR REPLACE TABLE {views.NEWER}{name} AS {views.newer(spec, source)}").fetchone()
        return bool(created and created[0])

    def _source(self, name: str, customers: Sequence[str] | None, excluded: Collection[str] = ()) -> str:
        """Return SQL that reads a table's rows as stored, some files excluded; empty when there is no such table."""
        files = [file for file in self.files(name) if file.path not in excluded]
        if customers is not None:  # one file is kept in any case, so that the columns are known
            files = [file for file in files if file.may_hold(customers)] or files[:1]
        relations = [views.scan([file.path for file in files], grown=self.specs[name].widened)] if files else []
        relations += self.external_relations(name)
        if not relations:
            return ""
        union = " UNION ALL BY NAME ".join(f"FROM {relation}" for relation in relations)
        source = relations[0] if len(relations) == 1 else f"({union})"
        if customers is None:
            return source
        ids = ", ".join(views.quoted(customer) for customer in customers) or "NULL"
        return f"(SELECT * FROM {source} WHERE customer_id IN ({ids}))"

    # Maintenance

    def tidy(self, name: str) -> None:
        """Merge small files when many have piled up."""
        compaction.tidy(self, name)

    def compact(self, name: str, *, keep_hours: float = compaction.KEEP_HOURS) -> None:
        """Rewrite a table into few big sorted files; see :func:`tenure.lake.compaction.compact`."""
        compaction.compact(self, name, keep_hours=keep_hours)


def _is_replaced(file: delta.ActiveFile, replace: bool | Mapping[str, Collection[str]] | Sequence[str]) -> bool:
    if isinstance(replace, bool):
        return replace
    if not isinstance(replace, Mapping):
        return file.path in replace
    return all((file.partition.get(column) or "") in values for column, values in replace.items())
