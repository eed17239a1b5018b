"""Every fact once.

Rows without a number of their own are known by what they say and how often the file says it, so that two equal
purchases stay two and a file that overlaps another adds nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenure.facts.kinds import REFUND, SALE
from tenure.facts.reading.succession import correct
from tenure.facts.schema import FACT_TABLES, NUMBER

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_COMMON = ("customer_id", "at")
#: What two facts with one number must agree in, as far as their table has it, beside what the file itself brings.
COMPARED = (*_COMMON, "amount", "score", "kind", "event")
_IDS = ("customer_id", "referrer_id")
_MARK = "chr(31)"


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of staged rows. The new facts are read with the SQL in `facts`.

    With corrections, the temporary table `former` holds the facts that are replaced, `filename` saying where they lie.
    """

    facts: str
    accepted: int
    own: int  # of an earlier, interrupted import of this very batch
    duplicates: int
    conflicts: list[int]  # row numbers
    corrected: int = 0  # rows that say something else than the fact with their number


def text_of(name: str, kind: pa.DataType) -> str:
    """Return SQL for a field as text for comparison: ids without regard to case, instants as microseconds."""
    if name in _IDS:
        return f"lower({name})"
    if name in ("at", "ends_at"):
        return f'epoch_us("{name}")::VARCHAR'
    return f'"{name}"' if kind != NUMBER else f'"{name}"::VARCHAR'


def with_ids(table: str, source: str) -> str:
    """Return SQL that gives staged rows their `fact_id` and says in `counted` whether it is made of what they say."""
    shape = FACT_TABLES[table]
    own = [*_COMMON, "source", *shape.own]
    said = ", ".join(f"coalesce({text_of(name, shape.schema.field(name).type)}::VARCHAR, '')" for name in own)
    content = f"left(md5(concat_ws({_MARK}, {said})), 24)"
    named = _named(table)
    return (
        f"SELECT * REPLACE (coalesce(fact_id, {named}, {content}) AS fact_id),"
        f" fact_id IS NULL AND ({named}) IS NULL AS counted FROM {source}"
    )


def _named(table: str) -> str:
    """Return SQL for the fact id that a row's own key makes; NULL without a key."""
    shape = FACT_TABLES[table]
    if not shape.key:
        return "NULL::VARCHAR"
    parts = ["source", *(text_of(name, shape.schema.field(name).type) for name in shape.key)]
    joined = " || ':' || ".join(parts)
    if table == "orders":
        # A sale and its cancellation are one fact. One order can be refunded in several parts.
        part = (
            f"CASE WHEN status = '{REFUND}' THEN status || ':' || epoch_us(\"at\") || ':' || amount ELSE '{SALE}' END"
        )
        joined = f"{joined} || ':' || {part}"
    return f"({joined})"


def settle(
    con: duckdb.DuckDBPyConnection,
    table: str,
    staged: str,
    known: str,
    batch_id: str,
    said: frozenset[str],
    *,
    corrections: bool = False,
) -> Settled:
    """Compare staged rows with each other and with what is known."""
    # Of most files no number comes twice; hashes find that out in a fraction of the memory that the numbers take.
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE twins AS
        SELECT *, row_number() OVER (PARTITION BY fact_id ORDER BY row) AS turn FROM {staged}
        SEMI JOIN (SELECT hash(fact_id) AS h FROM {staged} GROUP BY h HAVING count(*) > 1) AS d ON d.h = hash(fact_id)
        QUALIFY count(*) OVER (PARTITION BY fact_id) > 1"""
    )
    numbered = (
        f"(SELECT s.* REPLACE (CASE WHEN s.counted AND t.turn > 1 THEN s.fact_id || '-' || t.turn ELSE s.fact_id END"
        f" AS fact_id) FROM {staged} AS s LEFT JOIN (SELECT row, turn FROM twins) AS t USING (row))"
        if con.execute("SELECT 1 FROM twins LIMIT 1").fetchone()
        else staged
    )
    con.execute("CREATE OR REPLACE TEMP TABLE verdicts (row BIGINT, verdict VARCHAR)")
    if corrections:
        facts = correct(con, table, numbered, known, batch_id, told_of(table, said))
    else:
        facts = f"SELECT * FROM {numbered} ANTI JOIN verdicts USING (row)"
        _refuse_others(con, table, numbered, known, batch_id, said)
    counts = dict(con.execute("SELECT verdict, count(*) FROM verdicts GROUP BY verdict").fetchall())
    total = con.execute(f"SELECT count(*) FROM {staged}").fetchone()
    conflicts = con.execute("SELECT row FROM verdicts WHERE verdict = 'conflict' ORDER BY row").fetchall()
    return Settled(
        facts if counts else f"SELECT * FROM {numbered}",
        (total[0] if total else 0) - sum(counts.values()) + counts.get("new", 0),
        counts.get("own", 0),
        counts.get("duplicate", 0),
        [row[0] for row in conflicts],
        counts.get("corrected", 0),
    )


def _refuse_others(
    con: duckdb.DuckDBPyConnection, table: str, numbered: str, known: str, batch_id: str, said: frozenset[str]
) -> None:
    """Fill `verdicts` with the rows that are there already: in the file before them, or in the lake."""
    same = _same(table, said)
    con.execute(
        f"""INSERT INTO verdicts SELECT b.row, CASE WHEN {same} THEN 'duplicate' ELSE 'conflict' END
        FROM twins AS b JOIN (SELECT * FROM twins WHERE turn = 1) AS a USING (fact_id)
        WHERE b.turn > 1 AND NOT b.counted"""
    )
    if known:
        con.execute(
            f"""INSERT INTO verdicts
            SELECT row, CASE max(verdict) WHEN 3 THEN 'own' WHEN 2 THEN 'duplicate' ELSE 'conflict' END FROM (
                SELECT b.row, CASE WHEN a.batch_id = $batch THEN 3 WHEN {same} THEN 2 ELSE 1 END AS verdict
                FROM {numbered} AS b JOIN ({known}) AS a USING (fact_id)
            ) ANTI JOIN (SELECT row FROM verdicts) USING (row) GROUP BY row""",
            {"batch": batch_id},
        )


def told_of(table: str, said: frozenset[str]) -> list[str]:
    """Return the fields by which a row can contradict a fact."""
    shape = FACT_TABLES[table]
    return [name for name in (*_COMMON, *shape.own) if name in COMPARED or name in said]


def _same(table: str, said: frozenset[str]) -> str:
    """Return SQL for: row b says nothing else than fact a. What is empty says nothing."""
    return " AND ".join(
        f"({_of('b', name)} IS NULL OR {_of('a', name)} IS NOT DISTINCT FROM {_of('b', name)})"
        for name in told_of(table, said)
    )


def _of(side: str, name: str) -> str:
    return f"lower({side}.{name})" if name in _IDS else f'{side}."{name}"'
