"""Rows that take the place of the fact with their number.

A fact's rows are read in their order, the lake's first; what a row leaves empty stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenure.facts.schema import FACT_TABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

_OURS = {"fact_id", "source", "batch_id"}
_EARLIER = "OVER (PARTITION BY fact_id ORDER BY row ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"


def correct(
    con: duckdb.DuckDBPyConnection, table: str, numbered: str, known: str, batch_id: str, told: Sequence[str]
) -> str:
    """Fill `verdicts` and `former`, and return SQL for the facts to write."""
    _gather(con, table, numbered, known, batch_id)
    _judge(con, told)
    last = ", ".join(_last_word(name, told) for name in FACT_TABLES[table].schema.names if name not in _OURS)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mended AS SELECT fact_id, {last} FROM steps ANTI JOIN mine USING (fact_id)
        SEMI JOIN (SELECT fact_id FROM steps JOIN verdicts USING (row) WHERE verdict IN ('new', 'corrected'))
        USING (fact_id) GROUP BY fact_id"""
    )
    con.execute("CREATE OR REPLACE TEMP TABLE former AS SELECT * FROM before SEMI JOIN mended USING (fact_id)")
    names = ", ".join(["fact_id", *_own_columns(con, table, numbered)])
    return f"SELECT {names} FROM {numbered} ANTI JOIN steps USING (fact_id) UNION ALL BY NAME SELECT * FROM mended"


def _gather(con: duckdb.DuckDBPyConnection, table: str, numbered: str, known: str, batch_id: str) -> None:
    """Lay the rows of every fact that occurs more than once into `steps`; row 0 is what the lake says.

    What an interrupted import of this very batch has written, `mine`, is what these rows make of the lake already.
    """
    con.register("nothing", FACT_TABLES[table].schema.empty_table())
    read = known or "SELECT *, NULL::VARCHAR AS filename FROM nothing"
    con.execute(f"CREATE OR REPLACE TEMP TABLE before AS SELECT * FROM ({read}) SEMI JOIN {numbered} USING (fact_id)")
    con.unregister("nothing")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE mine AS SELECT fact_id FROM before WHERE batch_id = $batch", {"batch": batch_id}
    )
    names = ", ".join(_own_columns(con, table, numbered))
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE steps AS SELECT fact_id, row, {names} FROM {numbered}
        WHERE fact_id IN (SELECT fact_id FROM before) OR row IN (SELECT row FROM twins WHERE NOT counted)
        UNION ALL BY NAME SELECT * EXCLUDE (source, batch_id, filename), 0 AS row FROM before ANTI JOIN mine
        USING (fact_id)"""
    )


def _own_columns(con: duckdb.DuckDBPyConnection, table: str, numbered: str) -> list[str]:
    there = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {numbered}").fetchall()} - _OURS
    return [f'"{name}"' for name in FACT_TABLES[table].schema.names if name in there]


def _judge(con: duckdb.DuckDBPyConnection, told: Sequence[str]) -> None:
    """Say of each row of `steps` whether it is a new fact, repeats what the fact says by then, or changes it."""
    was = ", ".join(f'last_value("{name}" IGNORE NULLS) {_EARLIER} AS "{name} before"' for name in told)
    same = " AND ".join(_unchanged(name) for name in told)
    con.execute(
        f"""INSERT INTO verdicts SELECT row, CASE
            WHEN turn > 1 THEN CASE WHEN {same} THEN 'duplicate' ELSE 'corrected' END
            WHEN fact_id IN (SELECT fact_id FROM mine) THEN 'own' ELSE 'new' END
        FROM (SELECT *, row_number() OVER (PARTITION BY fact_id ORDER BY row) AS turn, {was} FROM steps)
        WHERE row > 0"""
    )


def _unchanged(name: str) -> str:
    now, before = f'"{name}"', f'"{name} before"'
    if name in ("customer_id", "referrer_id"):
        now, before = f"lower({now})", f"lower({before})"
    return f"({now} IS NULL OR {now} IS NOT DISTINCT FROM {before})"


def _last_word(name: str, told: Sequence[str]) -> str:
    """Return SQL for what a fact says in the end. A status that the file does not bring is only a guess of ours."""
    keep = "arg_min" if name == "status" and name not in told else "arg_max"
    return f'{keep}("{name}", row) AS "{name}"'
