"""What spans add up to: customers per stage, moves, value, as SQL over the views ``spans``, ``scorecard``, ``doubts``.

How days are counted:

* A span is half-open: its customer is in the stage from ``entered_on`` to the day before ``left_on``.
* A move happens on the day on which the new stage begins. Between two days, `since` and `until`, the moves are those
  after `since`, `until` included, so that ``people at until = people at since + entered - left``, stage for stage.
* A step that was passed through (zero days long) is nobody's stage on any day.
* ``None`` as a stage reads "not in this model": before the first fact, or on days on which no rule held.
"""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa


def on_day(day: str = "$day", span: str = "") -> str:
    """Return the SQL condition under which a span holds on a day; bind the day twice where `day` is ``?``.

    No span that was passed through meets it, because it ends on the day on which it begins.
    """
    prefix = f"{span}." if span else ""
    return f"{prefix}entered_on <= {day} AND ({prefix}left_on IS NULL OR {prefix}left_on > {day})"


def within(column: str) -> str:
    """Return the SQL condition under which a day lies after `$since`, up to and including `$until`."""
    return f"{column} > $since AND {column} <= $until"


def in_doubt(day: str = "$day", model: str = "$model") -> str:
    """Return SQL for whom which stage could not be judged on a day; bind the model, then the day twice, for ``?``.

    The view ``doubts`` is missing from lakes that were last refreshed by a version without it.
    """
    return f"""
SELECT customer_id, number, stage, entered_on, missing_facts FROM doubts WHERE model = {model} AND {on_day(day)}"""


#: The customers of each stage on a day, with the days since they entered it.
CURRENT_STAGE = f"""
SELECT customer_id, stage, entered_on, cause, $day - entered_on AS days
FROM spans WHERE model = $model AND {on_day()}"""

#: The people in each stage on a day.
STAGE_COUNTS = f"""
SELECT stage, count(*) AS people, count(*) / sum(count(*)) OVER () AS share, avg(days) AS average_days
FROM ({CURRENT_STAGE}) GROUP BY stage"""

#: Of how many customers each stage cannot be judged on a day.
CANNOT_JUDGE = f"SELECT stage, count(*) AS people FROM ({in_doubt()}) GROUP BY stage"

#: The people of each stage on a grid of days. The spans are read once: everybody who entered a stage by a day, minus
#: everybody who had left it, is in it that day.
TREND = """
WITH held AS (SELECT stage, entered_on, left_on FROM spans WHERE model = $model AND NOT passed_through),
steps AS (
    SELECT stage, day, sum(step) AS step FROM (
        SELECT stage, entered_on AS day, 1 AS step FROM held
        UNION ALL SELECT stage, left_on, -1 FROM held WHERE left_on IS NOT NULL
    ) GROUP BY ALL
),
grid AS (SELECT unnest($days::DATE[]) AS day)
SELECT grid.day, stages.stage, coalesce(sum(steps.step), 0)::BIGINT AS people
FROM grid CROSS JOIN (SELECT DISTINCT stage FROM held) AS stages
LEFT JOIN steps ON steps.stage = stages.stage AND steps.day <= grid.day
GROUP BY ALL ORDER BY 1, 2"""

#: Who was where on one day and where on a later one (a Sankey diagram's bands).
FLOWS = f"""
SELECT former.stage AS from_stage, latter.stage AS to_stage, count(*) AS people
FROM (SELECT customer_id, stage FROM spans WHERE model = $model AND {on_day("$since")}) AS former
FULL JOIN (SELECT customer_id, stage FROM spans WHERE model = $model AND {on_day("$until")}) AS latter
USING (customer_id) GROUP BY ALL"""


def brought_back(
    model: str = "$model",
    since: str = "$since",
    until: str = "$until",
    fallen: str = "$fallen",
    active: str = "$active",
) -> str:
    """Return SQL for who came after one day, up to another, from one of some stages to one of others.

    With ``?`` for all, bind the model, both days, the fallen and the active stages. Days in no stage may lie between.
    """
    return f"""
SELECT number, stage FROM (
    SELECT number, stage, entered_on,
        lag(stage) OVER (PARTITION BY number ORDER BY entered_on, left_on NULLS LAST) AS former
    FROM spans WHERE model = {model} AND NOT passed_through AND stage IS NOT NULL
) WHERE entered_on > {since} AND entered_on <= {until} AND list_contains({fallen}, former)
    AND list_contains({active}, stage)"""


#: Customers who came back into each active stage, and how many times.
REACTIVATED = f"""
SELECT stage, count(DISTINCT number) AS people, count(*) AS times FROM ({brought_back()}) GROUP BY stage"""

#: Every stage balanced between two days: ``at_end = at_start + entered - left``.
ENTRIES_AND_EXITS = f"""
SELECT stage,
    count(*) FILTER ({on_day("$since")}) AS at_start,
    count(*) FILTER (NOT passed_through AND {within("entered_on")}) AS entered,
    count(*) FILTER (NOT passed_through AND {within("left_on")}) AS "left",
    count(*) FILTER ({on_day("$until")}) AS at_end,
    count(*) FILTER (passed_through AND {within("entered_on")}) AS passed
FROM spans WHERE model = $model GROUP BY stage"""

#: The moves of a year and how many of them were undone: the stage did not last `UNDONE_WITHIN` days. Coming into the
#: model is no move, and what is younger and still lasts cannot be told yet. A row for each model that has moves.
UNDONE_WITHIN = 14
UNDONE_MOVES = f"""
WITH held AS (
    SELECT model, entered_on, min(entered_on) OVER (PARTITION BY model, customer_id) AS came_on,
        CASE WHEN left_on <= $until THEN left_on END AS left_on
    FROM spans WHERE NOT passed_through AND entered_on <= $until
)
SELECT model, count(*) AS moves, count(*) FILTER (left_on - entered_on < {UNDONE_WITHIN}) AS undone
FROM held
WHERE entered_on > came_on AND entered_on > $until::DATE - 365
    AND (left_on IS NOT NULL OR entered_on <= $until::DATE - {UNDONE_WITHIN})
GROUP BY model ORDER BY model"""

#: Who will move by a day if nothing happens.
UPCOMING = """
SELECT customer_id, stage, next_change_on, next_stage FROM spans
WHERE model = $model AND left_on IS NULL AND next_change_on <= $until ORDER BY next_change_on, customer_id"""

#: People, money and movement of each stage on a day; `$until` is the same day.
VALUE_BY_STAGE = f"""
WITH sums AS (
    SELECT stage, count(*) AS people, coalesce(sum(amount), 0) AS amount, avg(days) AS average_days
    FROM ({CURRENT_STAGE}) LEFT JOIN scorecard USING (customer_id) GROUP BY stage
),
stages AS (
    SELECT stage, coalesce(people, 0) AS people, coalesce(amount, 0) AS amount, average_days, entered, "left"
    FROM ({ENTRIES_AND_EXITS}) LEFT JOIN sums USING (stage)
)
SELECT stage, people, people / nullif(sum(people) OVER (), 0) AS share, amount,
    amount / nullif(people, 0) AS average_amount, amount / nullif(sum(amount) OVER (), 0) AS amount_share,
    average_days, entered, "left"
FROM stages"""


class UndoneMoves(NamedTuple):
    """How many moves of a year did not last, see :data:`UNDONE_MOVES`."""

    moves: int = 0
    undone: int = 0

    @property
    def share(self) -> float | None:
        return self.undone / self.moves if self.moves else None

    def __add__(self, other: object) -> UndoneMoves:
        if not isinstance(other, UndoneMoves):
            return NotImplemented
        return UndoneMoves(self.moves + other.moves, self.undone + other.undone)

    def as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "share": self.share}


def undone_moves(con: duckdb.DuckDBPyConnection, until: date) -> dict[str, UndoneMoves]:
    """Return for each model that has moves in the year up to a day how many of them were undone."""
    rows = con.execute(UNDONE_MOVES, {"until": until}).fetchall()
    return {model: UndoneMoves(moves, undone) for model, moves, undone in rows}


def statistic(con: duckdb.DuckDBPyConnection, sql: str, model: str, **days: date | list[date]) -> pa.Table:
    """Run one of the queries above on a connection of a lake."""
    return con.execute(sql, {"model": model, **days}).to_arrow_table()
