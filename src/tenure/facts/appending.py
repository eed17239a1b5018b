"""Appending facts that come singly or a few at a time, and the spelling of their customers.

Importing files has its own way, for millions of rows; both leave the same lake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import FACT_TABLES
from tenure.facts.spelling import normal_id, normal_ids
from tenure.lake import customer_index, views
from tenure.lake.duck import connect
from tenure.lake.lock import writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from tenure.facts.lake import Lake

_FEW = 1000  # customers that are looked up by name


def append(lake: Lake, name: str, table: pa.Table) -> int:
    """Append the facts that are not there yet, in one atomic commit, and return how many."""
    schema = FACT_TABLES[name].schema
    offered = table.select(schema.names).cast(schema)
    ids = normal_ids(offered.column("customer_id"))
    offered = offered.set_column(schema.names.index("customer_id"), schema.field("customer_id"), ids)
    con = connect()
    con.register("offered", offered)
    con.execute("CREATE TEMP TABLE staged AS SELECT *, row_number() OVER () AS row FROM offered")
    if len(pc.unique(ids)) >= customer_index.MIN_CUSTOMERS:
        # Built before the lock is taken, so that nobody has to wait for it.
        customer_index.indexes_of(lake, name, lake.files(name), make=True)
    with writing(lake.path):
        respell(lake, con)
        fresh = "SELECT * FROM staged QUALIFY row_number() OVER (PARTITION BY fact_id ORDER BY row) = 1"
        known = _known_facts(lake, con, name)
        if known:
            fresh = f"SELECT o.* FROM ({fresh}) AS o ANTI JOIN ({known}) AS k USING (fact_id)"
        names = ", ".join(f'"{one}"' for one in schema.names)
        result = con.execute(f'SELECT {names} FROM ({fresh}) ORDER BY customer_id, "at", fact_id').to_arrow_table()
        if result.num_rows:
            lake.write(name, result.cast(schema))
            lake.tidy(name)
    return int(result.num_rows)


def _known_facts(lake: Lake, con: duckdb.DuckDBPyConnection, name: str) -> str:
    """Return SQL for the fact_ids that the touched customers have already, as far as they can be among the offered."""
    ids = pc.unique(con.execute("SELECT customer_id FROM staged").to_arrow_table().column(0)).to_pylist()
    files = [file for file in lake.files(name) if ids and file.may_hold(ids)]
    if not files:
        return ""
    indexes = customer_index.indexes_of(lake, name, files, make=False)
    con.register("indexed", _indexed_facts(con, ids, indexes.values()))
    paths = [file.path for file in files if file.path not in indexes]
    if not paths:
        return "SELECT fact_id FROM indexed"
    texts = ", ".join(views.quoted(one) for one in ids) if len(ids) <= _FEW else "SELECT customer_id FROM staged"
    return f"SELECT fact_id FROM {views.scan(paths)} WHERE customer_id IN ({texts}) UNION ALL FROM indexed"


def _indexed_facts(
    con: duckdb.DuckDBPyConnection, ids: Sequence[str], indexes: Iterable[customer_index.CustomerIndex]
) -> pa.Table:
    hashes = con.execute("SELECT hash(fact_id) FROM staged").to_arrow_table().column(0).to_numpy()
    wanted = pa.array(sorted(ids), pa.string())
    known = [chunk for index in indexes for chunk in index.facts(wanted, hashes).chunks]
    return pa.table({"fact_id": pa.chunked_array(known, pa.string())})


def respell(lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
    """Give every customer in `staged` the spelling that was seen first, and remember new ones.

    Ids without letters have only one spelling and are not remembered.
    """
    ids = " UNION ALL ".join(f"SELECT {id_column} AS id, row FROM staged" for id_column in _id_columns(con))
    con.execute(
        rf"""CREATE OR REPLACE TEMP TABLE spelled AS
        SELECT lower(id) AS key, arg_min(id, row) AS customer_id, false AS known
        FROM ({ids}) WHERE regexp_matches(id, '\pL') GROUP BY key"""
    )
    found = con.execute("SELECT count(*) FROM spelled").fetchone()
    if not found or not found[0]:
        return
    paths = [file.path for file in lake.files("spellings")]
    if paths:
        few = "" if found[0] > _FEW else " AND k.key IN (SELECT key FROM spelled)"
        con.execute(
            f"UPDATE spelled SET customer_id = k.customer_id, known = true FROM {views.scan(paths)} AS k"
            f" WHERE k.key = spelled.key{few}"
        )
    fresh = con.execute("SELECT key, customer_id FROM spelled WHERE NOT known ORDER BY key").to_arrow_table()
    if fresh.num_rows:
        lake.write("spellings", fresh)
        lake.tidy("spellings")
    for column in _id_columns(con):
        _spell(con, column)


def _id_columns(con: duckdb.DuckDBPyConnection) -> list[str]:
    columns = [row[0] for row in con.execute("DESCRIBE staged").fetchall()]
    return [one for one in ("customer_id", "referrer_id") if one in columns]


def _spell(con: duckdb.DuckDBPyConnection, column: str) -> None:
    differs = con.execute(
        f"SELECT 1 FROM staged JOIN spelled AS s ON s.key = lower(staged.{column})"
        f" WHERE s.customer_id <> staged.{column} LIMIT 1"
    ).fetchone()
    if differs:
        con.execute(
            f"UPDATE staged SET {column} = s.customer_id FROM spelled AS s"
            f" WHERE s.key = lower(staged.{column}) AND s.customer_id <> staged.{column}"
        )


def known_spellings(lake: Lake, ids: Sequence[str]) -> list[str]:
    """Return ids in the spelling that the lake knows them by; unknown ones in normal spelling."""
    normal = [normal_id(one) or one for one in ids]
    paths = [file.path for file in lake.files("spellings")]
    if not paths:
        return normal
    found = connect().execute(
        f"SELECT key, customer_id FROM {views.scan(paths)} WHERE key IN (SELECT lower(unnest($ids)))", {"ids": normal}
    )
    known = dict(found.fetchall())
    return [known.get(one.lower(), one) for one in normal]
