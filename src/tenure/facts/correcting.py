"""Corrections: a row takes the place of the fact with its number.

What a fact said before goes to the table `replaced` first, so that nothing is lost, and so that a refresh finds the
customer who had the fact. Then one Delta commit takes the old row out and brings the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.errors import MappingError
from tenure.facts.reading import BASKETS
from tenure.facts.schema import FACT_TABLES
from tenure.facts.tables import REPLACED
from tenure.lake import views
from tenure.lake.delta import ROW_GROUP
from tenure.words import mark

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

    from tenure.facts.lake import Lake
    from tenure.facts.reading import Guess


def must_be_named(path: str, known: Guess) -> None:
    """Refuse files whose rows have no number: nothing tells which fact each of them corrects."""
    if known.as_ == "customers":
        return  # of customers the newest row counts anyway
    if known.as_ == BASKETS:
        raise MappingError(
            mark(
                "%(path)s: baskets cannot be corrected, for their lines have no numbers. Import the orders again with "
                "--as orders --corrections, or the lines with --as order_lines --map fact_id=COLUMN --corrections."
            ),
            path=path,
        )
    told = {"at", *known.columns, *known.constants}
    key = FACT_TABLES[known.as_].key
    if "fact_id" in told or (key and told.issuperset(key)):
        return
    raise MappingError(
        mark(
            "The rows of %(path)s have no number, so nothing tells which fact each of them corrects. "
            "Name its column with --map %(field)s=COLUMN, or import without corrections."
        ),
        path=path,
        field=next((one for one in key if one not in told), "fact_id"),
    )


def keep_former(lake: Lake, con: duckdb.DuckDBPyConnection, table: str, batch_id: str, now: datetime) -> list[str]:
    """Write the facts of `former` to the table `replaced`, and return the files of the lake that hold them."""
    found = con.execute("SELECT DISTINCT filename FROM former ORDER BY 1").fetchall()
    if not found:
        return []
    referrer = "referrer_id" if table == "orders" else "NULL::VARCHAR"
    read = con.execute(
        f'SELECT $batch AS batch_id, $table AS "table", fact_id, customer_id, {referrer} AS referrer_id,'
        ' to_json(f)::VARCHAR AS was, $now::TIMESTAMPTZ AS "at"'
        " FROM (SELECT * EXCLUDE (filename) FROM former) AS f ORDER BY customer_id, fact_id",
        {"batch": batch_id, "table": table, "now": now},
    ).to_arrow_reader(ROW_GROUP)
    rows = (batch.cast(REPLACED) for batch in read)
    lake.write("replaced", rows, schema=REPLACED, replace={"batch_id": [batch_id]})
    return [row[0] for row in found]


def count_replaced(lake: Lake, batch_id: str) -> int:
    """Return how many facts a batch has replaced."""
    return sum(file.rows for file in lake.files("replaced") if file.partition.get("batch_id") == batch_id)


def with_the_rest(facts: str, table: str, places: list[str], *, source: str, batch_id: str) -> str:
    """Return SQL for new facts together with what stays of the files that held what they replace."""
    names = ", ".join(f'"{name}"' for name in FACT_TABLES[table].schema.names)
    given = f"{views.quoted(source)} AS source, {views.quoted(batch_id)} AS batch_id"
    return (
        f"SELECT *, {given} FROM ({facts}) UNION ALL BY NAME"
        f" SELECT {names} FROM {views.scan(places)} ANTI JOIN former USING (fact_id)"
    )
