"""Appending facts that come singly or a few at a time.

Importing files has its own way, for millions of rows; both leave the same lake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import FACT_TABLES
from tenure.facts.spelling import FEW_CUSTOMERS, normal_ids, respell
from tenure.lake import customer_index, views
from tenure.lake.duck import connect
from tenure.lake.lock import writing

if TYPE_CHECKING:
    import duckdb

    from tenure.facts.lake import Lake


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
        sql = f'SELECT {views.columns(schema.names)} FROM ({fresh}) ORDER BY customer_id, "at", fact_id'
        result = con.execute(sql).to_arrow_table()
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
    hashes = con.execute("SELECT hash(fact_id) FROM staged").to_arrow_table().column(0).to_numpy()
    customers = pa.array(sorted(ids), pa.string())
    known = [chunk for index in indexes.values() for chunk in index.facts(customers, hashes).chunks]
    con.register("indexed", pa.table({"fact_id": pa.chunked_array(known, pa.string())}))
    paths = [file.path for file in files if file.path not in indexes]
    if not paths:
        return "SELECT fact_id FROM indexed"
    # Literals let DuckDB skip row groups by their statistics; a long list of them would take longer to plan.
    texts = ", ".join(map(views.quoted, ids)) if len(ids) <= FEW_CUSTOMERS else "SELECT customer_id FROM staged"
    return f"SELECT fact_id FROM {views.scan(paths)} WHERE customer_id IN ({texts}) UNION ALL FROM indexed"
