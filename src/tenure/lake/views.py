"""The SQL of a table's view: merges applied, rows of older refreshes hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from tenure.lake.tables import TableSpec

MERGED = "tenure_merged"  # table of the connection (customer_id, into_id); missing when nobody is merged
NEWER = "tenure_newer_"  # tables of the connection (customer_id, generation): older rows of these customers are hidden


def names(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the views of a connection."""
    return {row[0] for row in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def columns(names: Iterable[str]) -> str:
    """Return names as a list of SQL identifiers."""
    return ", ".join(identifier(name) for name in names)


def scan(paths: Sequence[str], *, places: bool = False, grown: bool = False) -> str:
    """Return SQL that reads Parquet files as one table.

    `places` adds the file of each row as `filename`; `grown` says that older files may lack columns.
    """
    more = (", filename = true" if places else "") + (", union_by_name = true" if grown else "")
    return f"read_parquet([{', '.join(quoted(path) for path in paths)}], hive_partitioning = false{more})"


def view_of(name: str, spec: TableSpec, source: str, *, tz: str, merges: bool = False, hides: bool = False) -> str:
    """Return the SQL of a table's view in a time zone; `hides` says that rows of some customers have newer ones."""
    if spec.generations:
        newest = f"FROM {NEWER}{name} AS n WHERE n.customer_id = s.customer_id AND n.generation > s.generation"
        if spec.generations == "markers" and not hides:  # no row only hides others
            return f"SELECT * FROM {source}"
        return f"SELECT s.* FROM {source} AS s WHERE {spec.shown}" + (f" AND NOT EXISTS ({newest})" if hides else "")
    read = f"SELECT * FROM {source}"
    if merges and spec.customer_columns:
        joins, replaced = [], []
        for number, column in enumerate(spec.customer_columns):
            joins.append(f"LEFT JOIN {MERGED} AS m{number} ON m{number}.customer_id = f.{column}")
            replaced.append(f"coalesce(m{number}.into_id, f.{column}) AS {column}")
        read = f"SELECT f.* REPLACE ({', '.join(replaced)}) FROM {source} AS f {' '.join(joins)}"
    return spec.view(read, tz) if spec.view else read


def newer(spec: TableSpec, source: str) -> str:
    """Return SQL for the customers whose older rows are hidden, with the generation that hides them.

    `source` is all of the table, or its markers when it has any. It is read once, when a connection is made: a window
    over every customer in every query would cost more than the queries themselves.
    """
    where = "" if spec.generations == "markers" else f" WHERE generation > (SELECT min(generation) FROM {source})"
    return f"SELECT customer_id, max(generation) AS generation FROM {source}{where} GROUP BY customer_id"
