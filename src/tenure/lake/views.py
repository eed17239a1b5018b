"""What the lake shows: one DuckDB view per table, with merges applied and old generations hidden.

It opens nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.facts.schema import CUSTOMERS, FACT_TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Columns of a table that hold customers' ids.
_WHO = ("customer_id", "referrer_id")
_IDS = {"orders": _WHO, "replaced": _WHO, "spans": (), "scorecard": (), "quarantine": (), "batches": ()}
MERGED = "tenure_merged"  # table of the connection (customer_id, into_id); empty when nobody is merged
NEWER = "tenure_newer_"  # tables of the connection (customer_id, generation): older rows of these customers are old
RESULTS = ("spans", "scorecard")


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def scan(paths: Sequence[str], *, places: bool = False, grown: bool = False) -> str:
    """Return SQL that reads Parquet files as one table.

    `places` adds the file of each row as `filename`; `grown` says that older files may lack columns.
    """
    more = (", filename = true" if places else "") + (", union_by_name = true" if grown else "")
    return f"read_parquet([{', '.join(quoted(path) for path in paths)}], hive_partitioning = false{more})"


def merged(source: str, columns: Sequence[str]) -> str:
    """Return SQL that reads `source` with the ids that count in the given id columns."""
    joins, replaced = [], []
    for number, column in enumerate(columns):
        joins.append(f"LEFT JOIN {MERGED} AS m{number} ON m{number}.customer_id = f.{column}")
        replaced.append(f"coalesce(m{number}.into_id, f.{column}) AS {column}")
    return f"SELECT f.* REPLACE ({', '.join(replaced)}) FROM {source} AS f {' '.join(joins)}"


def view_of(name: str, source: str, *, merges: bool = False, touched: bool = False) -> str:
    """Return the SQL of a table's view."""
    if name in RESULTS:
        return _newest(name, source, touched=touched)
    ids = _IDS.get(name, ("customer_id",) if name in FACT_TABLES or name == "customers" else ())
    read = merged(source, ids) if merges and ids else f"SELECT * FROM {source}"
    return _newest_customers(read) if name == "customers" else read


def _newest_customers(read: str) -> str:
    """One row per customer: of every column the newest value that is there; attributes are laid over each other."""
    newest = [
        f"arg_max({column}, seen_at) AS {column}"
        for column in CUSTOMERS.names
        if column not in {"customer_id", "attributes", "seen_at"}
    ]
    attributes = (
        "CASE WHEN count(attributes) < 2 THEN max(attributes) ELSE "
        "list_reduce(list(attributes::JSON ORDER BY seen_at) FILTER (attributes IS NOT NULL),"
        " lambda old, new: json_merge_patch(old, new))::VARCHAR END AS attributes"
    )
    chosen = ", ".join(["customer_id", *newest, attributes, "max(seen_at) AS seen_at"])
    ordered = ", ".join(CUSTOMERS.names)
    return f"SELECT {ordered} FROM (SELECT {chosen} FROM ({read}) GROUP BY customer_id)"


def newer(name: str, source: str) -> str:
    """Return SQL for the customers whose older rows are old, with the generation that made them so.

    Of spans, `source` are the markers (rows without a model); of the scorecard, all of it. It is read once, when a
    connection is made: a window over everybody in every query would cost more than the queries themselves.
    """
    if name == "spans":
        return f"SELECT customer_id, max(generation) AS generation FROM {source} GROUP BY customer_id"
    return (
        f"SELECT customer_id, max(generation) AS generation FROM {source}"
        f" WHERE generation > (SELECT min(generation) FROM {source}) GROUP BY customer_id"
    )


def _newest(name: str, source: str, *, touched: bool) -> str:
    """Hide the rows that a newer restaging of the same customer made old."""
    # Rows that only say whose older rows are old are not shown: of the scorecard, customers who have no facts any more.
    tests = ["coalesce(s.model, '') <> ''" if name == "spans" else "s.orders IS NOT NULL"]
    if touched:
        tests.append(
            f"NOT EXISTS (FROM {NEWER}{name} AS n WHERE n.customer_id = s.customer_id AND n.generation > s.generation)"
        )
    return f"SELECT s.* FROM {source} AS s WHERE {' AND '.join(tests)}"
