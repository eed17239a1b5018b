"""Every fact once: staged rows compared with each other and with the lake, as duplicates, conflicts or corrections.

Rows without a number of their own are known by what they say and how often the file says it, so that two equal
purchases stay two and a file that overlaps another adds nothing twice. With corrections, a row takes the place of the
fact with its number: a fact's rows are read in their order, the lake's first; what a row leaves empty stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tenure.facts.kinds import REFUND, SALE
from tenure.facts.schema import FACT_TABLES, ID_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

_COMMON = ("customer_id", "at")
#: What two facts with one number must agree in, as far as their table has it, beside what the file itself brings.
COMPARED = (*_COMMON, "amount", "score", "kind", "event")
_OURS = {"fact_id", "source", "batch_id"}


class Settled(NamedTuple):
    """What became of staged rows. The new facts are read with the SQL in `facts`.

    With corrections, the temporary table `former` holds the facts that are replaced, `filename` saying where they lie.
    """

    facts: str
    accepted: int
    own: int  # of an earlier, interrupted import of this very batch
    duplicates: int
    conflicts: list[int]  # row numbers
    corrected: int = 0  # rows that say something else than the fact with their number


def with_ids(table: str, source: str) -> str:
    """Return SQL that gives staged rows their `fact_id` and says in `counted` whether it is made of what they say."""
    shape = FACT_TABLES[table]
    texts = {}  # fields as texts for comparison: ids without regard to case, instants as microseconds
    for name in (*_COMMON, "source", *shape.own):
        if name in ID_COLUMNS:
            texts[name] = f"lower({name})"
        elif name in ("at", "ends_at"):
            texts[name] = f'epoch_us("{name}")::VARCHAR'
        else:
            texts[name] = f'"{name}"::VARCHAR'
    values = ", ".join(f"coalesce({text}, '')" for text in texts.values())
    content = f"left(md5(concat_ws(chr(31), {values})), 24)"
    key = "NULL::VARCHAR"  # the id that a row's own number makes
    if shape.key:
        key = " || ':' || ".join(["source", *(texts[name] for name in shape.key)])
    if table == "orders":
        # A sale and its cancellation are one fact. One order can be refunded in several parts.
        part = f"status || ':' || {texts['at']} || ':' || amount"
        key += f" || ':' || CASE WHEN status = '{REFUND}' THEN {part} ELSE '{SALE}' END"
    return (
        f"SELECT * REPLACE (coalesce(fact_id, ({key}), {content}) AS fact_id),"
        f" fact_id IS NULL AND ({key}) IS NULL AS counted FROM {source}"
    )


def settle(
    con: duckdb.DuckDBPyConnection,
    table: str,
    staged: str,
    known: str,
    batch_id: str,
    given: frozenset[str],
    *,
    corrections: bool = False,
) -> Settled:
    """Compare staged rows with each other and with what is known; `given` are the fields that the file brings."""
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
    # The fields by which a row can contradict a fact.
    compared = [name for name in (*_COMMON, *FACT_TABLES[table].own) if name in COMPARED or name in given]
    if corrections:
        facts = _correct(con, table, numbered, known, batch_id, compared)
    else:
        facts = f"SELECT * FROM {numbered} ANTI JOIN verdicts USING (row)"
        _find_repeated(con, numbered, known, batch_id, compared)
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


def _agrees(compared: Sequence[str], now: str, before: str) -> str:
    """Return SQL for: a row says nothing else than the fact. What is empty says nothing."""
    tests = []
    for name in compared:
        new, old = now.format(name), before.format(name)
        if name in ID_COLUMNS:
            new, old = f"lower({new})", f"lower({old})"
        tests.append(f"({new} IS NULL OR {old} IS NOT DISTINCT FROM {new})")
    return " AND ".join(tests)


def _find_repeated(
    con: duckdb.DuckDBPyConnection, numbered: str, known: str, batch_id: str, compared: Sequence[str]
) -> None:
    """Fill `verdicts` with the rows that are there already: in the file before them, or in the lake."""
    same = _agrees(compared, 'b."{}"', 'a."{}"')
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
                FROM {numbered} AS b JOIN {known} AS a USING (fact_id)
            ) ANTI JOIN (SELECT row FROM verdicts) USING (row) GROUP BY row""",
            {"batch": batch_id},
        )


def _correct(
    con: duckdb.DuckDBPyConnection, table: str, numbered: str, known: str, batch_id: str, compared: Sequence[str]
) -> str:
    """Fill `verdicts` and `former`, and return SQL for the facts to write."""
    described = con.execute(f"DESCRIBE SELECT * FROM {numbered}").fetchall()
    staged_columns = {row[0] for row in described} - _OURS
    own = ", ".join(f'"{name}"' for name in FACT_TABLES[table].schema.names if name in staged_columns)
    con.register("nothing", FACT_TABLES[table].schema.empty_table())
    read = known or "(SELECT *, NULL::VARCHAR AS filename FROM nothing)"
    con.execute(f"CREATE OR REPLACE TEMP TABLE before AS SELECT * FROM {read} SEMI JOIN {numbered} USING (fact_id)")
    con.unregister("nothing")
    # What an interrupted import of this very batch has written is what these rows make of the lake already.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE mine AS SELECT fact_id FROM before WHERE batch_id = $batch", {"batch": batch_id}
    )
    # The rows of every fact that occurs more than once; row 0 is what the lake says.
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE steps AS SELECT fact_id, row, {own} FROM {numbered}
        WHERE fact_id IN (SELECT fact_id FROM before) OR row IN (SELECT row FROM twins WHERE NOT counted)
        UNION ALL BY NAME SELECT * EXCLUDE (source, batch_id, filename), 0 AS row FROM before ANTI JOIN mine
        USING (fact_id)"""
    )
    earlier = "OVER (PARTITION BY fact_id ORDER BY row ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    was = ", ".join(f'last_value("{name}" IGNORE NULLS) {earlier} AS "{name} before"' for name in compared)
    same = _agrees(compared, '"{}"', '"{} before"')
    con.execute(
        f"""INSERT INTO verdicts SELECT row, CASE
            WHEN turn > 1 THEN CASE WHEN {same} THEN 'duplicate' ELSE 'corrected' END
            WHEN fact_id IN (SELECT fact_id FROM mine) THEN 'own' ELSE 'new' END
        FROM (SELECT *, row_number() OVER (PARTITION BY fact_id ORDER BY row) AS turn, {was} FROM steps)
        WHERE row > 0"""
    )
    # The newest value of a column counts; but a status that the file does not bring is only a guess of ours.
    final = ", ".join(
        f'{"arg_min" if name == "status" and name not in compared else "arg_max"}("{name}", row) AS "{name}"'
        for name in FACT_TABLES[table].schema.names
        if name not in _OURS
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE mended AS SELECT fact_id, {final} FROM steps ANTI JOIN mine USING (fact_id)
        SEMI JOIN (SELECT fact_id FROM steps JOIN verdicts USING (row) WHERE verdict IN ('new', 'corrected'))
        USING (fact_id) GROUP BY fact_id"""
    )
    con.execute("CREATE OR REPLACE TEMP TABLE former AS SELECT * FROM before SEMI JOIN mended USING (fact_id)")
    return (
        f"SELECT fact_id, {own} FROM {numbered} ANTI JOIN steps USING (fact_id) UNION ALL BY NAME SELECT * FROM mended"
    )
