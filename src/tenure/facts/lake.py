"""The lake: a folder of Delta tables that holds what happened and what followed from it.

Files are sorted by customer and time, so that everybody can be read in one pass and one customer in milliseconds.
Always read through :meth:`Lake.connect` or :meth:`Lake.read`: merged customers and replaced results are resolved
there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from tenure.clock import zone
from tenure.errors import LakeError
from tenure.facts.external import mapped_sql, sources_of
from tenure.facts.identities import canonical
from tenure.facts.kinds import KINDS, Kind
from tenure.facts.schema import FACT_TABLES
from tenure.facts.tables import LIFE, PARTITIONED, SCHEMAS
from tenure.lake import customer_index, delta, views
from tenure.lake.duck import connect
from tenure.lake.lock import writing
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import duckdb
    from deltalake import DeltaTable

FORMAT = 1
_ABOUT = "tenure.json"
RESTORED = ".restored"  # a lake that was unpacked from a backup and not put in its place yet


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for everything in a lake."""

    tz: str = "Asia/Shanghai"
    currency: str = "CNY"
    business: str = ""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of rows that were offered."""

    accepted: int
    duplicates: int


class Lake:
    """A folder of Delta tables. Make one with :meth:`create`, open one with :meth:`open`."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.settings = settings

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], tz: str = "Asia/Shanghai", currency: str = "CNY", business: str = ""
    ) -> Lake:
        """Make a lake in a folder that is new or empty; open it when it is there already."""
        folder = Path(path).absolute()
        if (folder / _ABOUT).exists():
            return cls.open(folder)
        if any(sign in str(folder) for sign in "*?["):
            raise LakeError(
                mark("A lake's path cannot contain *, ? or [, but it is %(path)s. Choose another folder."), path=folder
            )
        if folder.is_file() or (folder.is_dir() and any(one.name != ".lock" for one in folder.iterdir())):
            raise LakeError(
                mark("%(path)s is not empty and no lake. Choose a new or empty folder for the lake."), path=folder
            )
        zone(tz)
        folder.mkdir(parents=True, exist_ok=True)
        lake = cls(folder, Settings(tz, currency, business))
        lake._write_settings()
        return lake

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Lake:
        """Open the lake in a folder.

        Raises
        ------
        LakeError
            When there is none, or one of a newer format.
        """
        folder = Path(path).absolute()
        if (folder / RESTORED).exists():
            from tenure.lake.backup import finish

            finish(folder)
        try:
            about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError) as wrong:
            raise LakeError(
                mark("There is no lake in %(path)s. Make one with: tenure import FILE --lake %(path)s"), path=folder
            ) from wrong
        if about.get("format") != FORMAT:
            raise LakeError(
                mark("The lake in %(path)s has format %(format)s, this version reads format %(known)d. Update tenure."),
                path=folder,
                format=about.get("format"),
                known=FORMAT,
            )
        known = {name: about[name] for name in ("tz", "currency", "business") if name in about}
        return cls(folder, Settings(**known))

    def save_settings(self, **changes: str) -> Settings:
        """Change settings (`tz`, `currency`, `business`) and return all of them."""
        if "tz" in changes:
            zone(changes["tz"])
        self.settings = replace(self.settings, **changes)
        self._write_settings()
        return self.settings

    def _write_settings(self) -> None:
        text = json.dumps({"format": FORMAT, **asdict(self.settings)}, ensure_ascii=False, indent=2)
        draft = self.path / f"{_ABOUT}.{os.getpid()}"
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(self.path / _ABOUT)

    # Tables

    def uri(self, name: str) -> str:
        """Return the folder of a table."""
        return str(self.path / ("life" if name in LIFE else "facts") / name)

    def table(self, name: str) -> DeltaTable | None:
        """Return a table of the lake, or None when nothing was written to it yet."""
        return delta.open_table(Path(self.uri(name)))

    def has(self, name: str) -> bool:
        """Whether a table holds any rows, or is read from somebody's own tables."""
        return any(one.rows for one in self.files(name)) or bool(sources_of(self.path, name))

    def tables(self) -> list[str]:
        """Return the names of the tables that exist."""
        found = [name for name in (*SCHEMAS, *LIFE) if self.table(name) is not None]
        return found

    def files(self, name: str) -> list[delta.ActiveFile]:
        """Return the files of a table's newest version."""
        table = self.table(name)
        return delta.active_files(table) if table is not None else []

    def is_sorted(self, name: str) -> bool:
        """Whether every file of a table is sorted by customer and time, so that slices can be read straight from it."""
        return name in FACT_TABLES and not sources_of(self.path, name)

    def schema_of(self, name: str) -> pa.Schema | None:
        """Return the columns of one of the facts' own tables; None for tables that others define."""
        return SCHEMAS.get(name)

    def write(
        self,
        name: str,
        reader: pa.Table | pa.RecordBatchReader | Iterable[pa.RecordBatch],
        *,
        schema: pa.Schema | None = None,
        partition_by: str | None = None,
        replace: bool | Mapping[str, Collection[str]] | Sequence[str] = False,
    ) -> int:
        """Write a stream of rows in the order in which they come, in one atomic commit.

        Parameters
        ----------
        name : str
            The table.
        reader : Table, RecordBatchReader or iterable of RecordBatch
            The rows; read once and never held in memory as a whole.
        schema : Schema, optional
            Needed only for a plain iterable into a new table.
        partition_by : str, optional
            A text column; each of its values gets files of its own.
        replace : bool, {column: values} or paths
            True replaces the whole table, its columns too; ``{"model": ["a", "b"]}`` replaces those partitions; paths
            replace those files; False appends.

        Returns
        -------
        int
            The rows written.
        """
        shape = schema or getattr(reader, "schema", None) or SCHEMAS[name]
        batches = reader.to_batches(max_chunksize=delta.ROW_GROUP) if isinstance(reader, pa.Table) else reader
        folder = Path(self.uri(name))
        with writing(self.path):
            table = delta.create_table(folder, shape, partition_by or PARTITIONED.get(name))
            partition = next(iter(table.metadata().partition_columns), None)
            added = delta.write_files(folder, batches, shape, partition)
            removed = [one.removal() for one in delta.active_files(table) if _replaced(one, replace)]
            delta.commit(table, added, removed, shape if replace is True else None)
        return sum(json.loads(action.stats)["numRecords"] for action in added)

    # Facts

    def append_facts(self, name: str, table: pa.Table) -> Appended:
        """Append facts that are not there yet, in one atomic commit.

        Parameters
        ----------
        name : str
            A fact table.
        table : Table
            Rows in the table's schema.

        Returns
        -------
        Appended
            How many were new, and how many were there already (or twice among the given ones).
        """
        from tenure.facts.appending import append

        accepted = append(self, name, table)
        return Appended(accepted, table.num_rows - accepted)

    def read(self, name: str, customers: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a table, of everybody or of a few customers.

        Parameters
        ----------
        name : str
            The table.
        customers : sequence of str, optional
            Their ids, merges applied. Only the files and row groups that can hold them are read.
        columns : sequence of str, optional
            Columns to read; all when omitted.
        """
        chosen = ", ".join(f'"{one}"' for one in columns) if columns else "*"
        only = None if customers is None else self._all_ids(customers)
        con = self.connect((name,), customers=only)
        if not _has_view(con, name):
            schema = SCHEMAS.get(name, pa.schema([]))
            return schema.empty_table().select(list(columns) if columns else schema.names)
        where = "" if customers is None else " WHERE customer_id IN (SELECT unnest($ids))"
        found = con.execute(
            f'SELECT {chosen} FROM "{name}"{where}', {} if customers is None else {"ids": list(customers)}
        ).to_arrow_table()
        return _as_schema(found, SCHEMAS.get(name))

    def stored_ids(self, name: str, ids: Sequence[str]) -> list[str]:
        """Return which of the ids a table's rows carry, merges not applied."""
        source = self._source(name, ids)
        sql = f"SELECT DISTINCT customer_id FROM {source}"
        return [row[0] for row in connect().execute(sql).fetchall()] if source else []

    def _all_ids(self, customers: Sequence[str]) -> list[str]:
        """Return the given ids and every id that was merged into one of them."""
        wanted = set(customers)
        return [*wanted, *(one for one, into in self.merged().items() if into in wanted and one not in wanted)]

    def merged(self) -> dict[str, str]:
        """Return {merged id: id that counts}."""
        paths = [one.path for one in self.files("identities")]
        if not paths:
            return {}
        rows = connect().execute(f"SELECT * FROM {views.scan(paths)}").to_arrow_table().to_pylist()
        return canonical(rows)

    def connect(
        self, names: Iterable[str] | None = None, *, customers: Sequence[str] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """Return a DuckDB connection with one view per table that exists.

        Parameters
        ----------
        names : iterable of str, optional
            Only these tables.
        customers : sequence of str, optional
            Leave out what cannot hold these customers (ids as stored).
        """
        con = connect()
        self.show(con, names if names is not None else (*SCHEMAS, *LIFE), customers=customers)
        return con

    def show(
        self, con: duckdb.DuckDBPyConnection, names: Iterable[str], *, customers: Sequence[str] | None = None
    ) -> None:
        """Make or remake the views of some tables in a connection; see :meth:`connect`."""
        merged = self.merged()
        if merged:
            con.execute(f"CREATE OR REPLACE TABLE {views.MERGED} (customer_id VARCHAR, into_id VARCHAR)")
            con.execute(
                f"INSERT INTO {views.MERGED} SELECT unnest($old), unnest($new)",
                {"old": list(merged), "new": list(merged.values())},
            )
        for name in names:
            source = self._source(name, customers)
            if source:
                touched = self._find_newer(con, name, source)
                sql = views.view_of(name, source, merges=bool(merged), touched=touched)
                con.execute(f'CREATE OR REPLACE VIEW "{name}" AS {sql}')
            else:
                con.execute(f'DROP VIEW IF EXISTS "{name}"')

    def _find_newer(self, con: duckdb.DuckDBPyConnection, name: str, source: str) -> bool:
        """Note in the connection which customers were restaged on their own; return whether anybody was."""
        if name not in views.RESULTS:
            return False
        if name == "spans":
            markers = [one.path for one in self.files(name) if not one.partition.get("model")]
            if not markers:
                return False
            source = views.scan(markers)
        made = con.execute(f"CREATE OR REPLACE TABLE {views.NEWER}{name} AS {views.newer(name, source)}").fetchone()
        return bool(made and made[0])

    def _source(self, name: str, customers: Sequence[str] | None, beside: Collection[str] = ()) -> str:
        """Return SQL that reads a table's rows as they lie, `beside` some files; empty when there is no such table."""
        files = [one for one in self.files(name) if one.path not in beside]
        kept = files if customers is None else [one for one in files if may_hold(one, customers)] or files[:1]
        parts = [views.scan([one.path for one in kept], grown=name == "batches")] if kept else []
        parts += [mapped_sql(self, one) for one in sources_of(self.path, name)]
        if not parts:
            return ""
        source = parts[0] if len(parts) == 1 else "(" + " UNION ALL BY NAME ".join(f"FROM {one}" for one in parts) + ")"
        if customers is None:
            return source
        ids = ", ".join(views.quoted(one) for one in customers) or "NULL"
        return f"(SELECT * FROM {source} WHERE customer_id IN ({ids}))"

    # Kinds

    def kinds(self) -> dict[str, Kind]:
        """Return the fact kinds that rules may name here: the built-in ones and this lake's own interactions."""
        known = dict(KINDS)
        for name in self._distinct("interactions", "kind"):
            known.setdefault(name, Kind(name, "interactions", "kind", (name,), ("seconds",)))
        return known

    def available_kinds(self) -> set[str]:
        """Return the names of the kinds of which there is at least one fact."""
        found: set[str] = set()
        values: dict[tuple[str, str], set[str]] = {}
        for name, kind in self.kinds().items():
            key = (kind.table, kind.column)
            if key not in values:
                values[key] = self._distinct(*key)
            held = values[key] and (not kind.values or values[key] & set(kind.values))
            others = {kind.who, kind.present} - {"customer_id", ""}
            if held and all(self._distinct(kind.table, one) for one in others):
                found.add(name)
        return found

    def _distinct(self, table: str, column: str) -> set[str]:
        if not column or not self.has(table):
            return {"*"} if self.has(table) else set()
        known, told = customer_index.values_of(self, table, column)
        source = self._source(table, None, told)
        if not source:
            return known
        if column == "referrer_id":  # any referrer will do
            sql = f"SELECT referrer_id FROM {source} WHERE referrer_id IS NOT NULL LIMIT 1"
        else:
            sql = f'SELECT DISTINCT "{column}" FROM {source} WHERE "{column}" IS NOT NULL'
        return known | {str(row[0]) for row in connect().execute(sql).fetchall()}

    # Keeping

    def tidy(self, name: str) -> None:
        """Merge small files when many have piled up."""
        from tenure.lake.compaction import tidy

        tidy(self, name)

    def compact(self, name: str, *, keep_hours: float = 1.0) -> None:
        """Rewrite a table into few big sorted files; see :func:`tenure.lake.compaction.compact`."""
        from tenure.lake.compaction import compact

        compact(self, name, keep_hours=keep_hours)


def _replaced(file: delta.ActiveFile, replace: bool | Mapping[str, Collection[str]] | Sequence[str]) -> bool:
    if isinstance(replace, bool):
        return replace
    if not isinstance(replace, Mapping):
        return file.path in replace
    return all((file.partition.get(column) or "") in values for column, values in replace.items())


def may_hold(file: delta.ActiveFile, customers: Iterable[str]) -> bool:
    """Whether a file can hold facts of one of these customers."""
    if file.low is None or file.high is None:
        return True
    return any(file.low <= one <= file.high for one in customers)


def _has_view(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    return bool(con.execute("SELECT 1 FROM duckdb_views() WHERE view_name = ?", [name]).fetchall())


def _as_schema(table: pa.Table, schema: pa.Schema | None) -> pa.Table:
    if schema is None:
        return table
    return table.cast(pa.schema([schema.field(one) for one in table.column_names if one in schema.names]))
