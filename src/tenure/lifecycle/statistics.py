"""What spans add up to: customers per stage, moves, time in stage, over the views ``spans`` and ``scorecard``.

Each function runs one query on a DuckDB connection of the lake and returns an Arrow table. How days are counted:

* A span is half-open: its customer is in the stage from ``entered_on`` to the day before ``left_on``.
* A move happens on the day on which the new stage begins. Between two days, `since` and `until`, the moves are those
  after `since`, `until` included, so that ``people at until = people at since + entered - left``, stage for stage.
* A step that was passed through (zero days long) is nobody's stage on any day; moves list it as ``passed_through``.
* ``None`` as a stage reads "not in this model": before the first fact, or on days on which no rule held.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tenure.lifecycle.grid import Every, grid

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MONTH = 30


def on_day(day: str = "$day", span: str = "") -> str:
    """Return the SQL condition under which a span holds on a day; bind the day twice where `day` is ``?``.

    No span that was passed through meets it, because it ends on the day on which it begins.
    """
    prefix = f"{span}." if span else ""
    return f"{prefix}entered_on <= {day} AND ({prefix}left_on IS NULL OR {prefix}left_on > {day})"


def within(column: str) -> str:
    """Return the SQL condition under which a day lies after `$since`, up to and including `$until`."""
    return f"{column} > $since AND {column} <= $until"


CURRENT_STAGE = f"""
SELECT customer_id, stage, entered_on, cause, $day - entered_on AS days
FROM spans WHERE model = $model AND {on_day()}"""

STAGE_COUNTS = f"""
SELECT stage, count(*) AS people, count(*) / sum(count(*)) OVER () AS share, avg(days) AS average_days
FROM ({CURRENT_STAGE}) GROUP BY stage"""

# The spans are read once: everybody who entered a stage by a day, minus everybody who had left it, is in it that day.
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

FLOWS = f"""
SELECT former.stage AS from_stage, latter.stage AS to_stage, count(*) AS people
FROM (SELECT customer_id, stage FROM spans WHERE model = $model AND {on_day("$since")}) AS former
FULL JOIN (SELECT customer_id, stage FROM spans WHERE model = $model AND {on_day("$until")}) AS latter
USING (customer_id) GROUP BY ALL"""

# An exit is a move of its own only where no stage begins on that day; a step passed through takes over the origin of
# the move of its customer on its day.
TRANSITIONS = f"""
WITH held AS (
    SELECT *, lag(left_on) OVER mine IS NOT DISTINCT FROM entered_on AS moved, lag(stage) OVER mine AS previous_stage,
        lag(entered_on) OVER mine AS previous_entry, lead(entered_on) OVER mine AS next_entry
    FROM spans WHERE model = $model AND NOT passed_through
    WINDOW mine AS (PARTITION BY customer_id ORDER BY entered_on)
),
moves AS (
    SELECT customer_id, entered_on AS "on", CASE WHEN moved THEN previous_stage END AS from_stage, stage AS to_stage,
        CASE WHEN moved THEN entered_on - previous_entry END AS days, cause, passed_through
    FROM held WHERE {within("entered_on")}
    UNION ALL
    SELECT customer_id, left_on, stage, NULL, left_on - entered_on, NULL, passed_through
    FROM held WHERE {within("left_on")} AND next_entry IS DISTINCT FROM left_on
)
SELECT * FROM moves
UNION ALL
SELECT m.customer_id, m."on", m.from_stage, s.stage, m.days, NULL, s.passed_through
FROM moves AS m JOIN spans AS s ON s.customer_id = m.customer_id AND s.entered_on = m."on"
WHERE m.to_stage IS NOT NULL AND s.model = $model AND s.passed_through"""

ENTRIES_AND_EXITS = f"""
SELECT stage,
    count(*) FILTER ({on_day("$since")}) AS at_start,
    count(*) FILTER (NOT passed_through AND {within("entered_on")}) AS entered,
    count(*) FILTER (NOT passed_through AND {within("left_on")}) AS "left",
    count(*) FILTER ({on_day("$until")}) AS at_end,
    count(*) FILTER (passed_through AND {within("entered_on")}) AS passed
FROM spans WHERE model = $model GROUP BY stage"""

TIME_IN_STAGE = """
WITH episodes AS (
    SELECT stage, coalesce(left_on <= $day, false) AS ended, least(left_on, $day) - entered_on AS days
    FROM spans WHERE model = $model AND NOT passed_through AND entered_on <= $day
)
SELECT stage,
    count(*) FILTER (ended) AS completed,
    avg(days) FILTER (ended) AS mean_days,
    quantile_cont(days, 0.25) FILTER (ended) AS lower_quartile,
    quantile_cont(days, 0.5) FILTER (ended) AS median_days,
    quantile_cont(days, 0.75) FILTER (ended) AS upper_quartile,
    count(*) FILTER (NOT ended) AS "current",
    avg(days) FILTER (NOT ended) AS current_mean_days,
    quantile_cont(days, 0.5) FILTER (NOT ended) AS current_median_days
FROM episodes GROUP BY stage"""

UPCOMING = """
SELECT customer_id, stage, next_change_on, next_stage FROM spans
WHERE model = $model AND left_on IS NULL AND next_change_on <= $until ORDER BY next_change_on, customer_id"""

UPCOMING_COUNTS = f"""
SELECT next_change_on, stage, next_stage, count(*) AS people FROM ({UPCOMING})
GROUP BY ALL ORDER BY next_change_on"""

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


def current_stage(con: duckdb.DuckDBPyConnection, model: str, day: date) -> pa.Table:
    """List the customers of each stage on a day, with the days since they entered it."""
    return _arrow(con, CURRENT_STAGE, model=model, day=day)


def stage_counts(con: duckdb.DuckDBPyConnection, model: str, day: date) -> pa.Table:
    """Count the people in each stage on a day."""
    return _arrow(con, STAGE_COUNTS, model=model, day=day)


def trend(con: duckdb.DuckDBPyConnection, model: str, since: date, until: date, every: Every = "week") -> pa.Table:
    """Count the people of each stage on a grid of days."""
    return _arrow(con, TREND, model=model, days=grid(since, until, every))


def flows(con: duckdb.DuckDBPyConnection, model: str, since: date, until: date) -> pa.Table:
    """Count who was where on one day and where on a later one (a Sankey diagram's bands)."""
    return _arrow(con, FLOWS, model=model, since=since, until=until)


def transitions(con: duckdb.DuckDBPyConnection, model: str, since: date, until: date) -> pa.Table:
    """List the moves between two days."""
    return _arrow(con, TRANSITIONS, model=model, since=since, until=until)


def entries_and_exits(con: duckdb.DuckDBPyConnection, model: str, since: date, until: date) -> pa.Table:
    """Balance every stage between two days: ``at_end = at_start + entered - left``."""
    return _arrow(con, ENTRIES_AND_EXITS, model=model, since=since, until=until)


def time_in_stage(con: duckdb.DuckDBPyConnection, model: str, day: date) -> pa.Table:
    """Return how long people stay in each stage, as known on a day."""
    return _arrow(con, TIME_IN_STAGE, model=model, day=day)


def upcoming(con: duckdb.DuckDBPyConnection, model: str, until: date) -> pa.Table:
    """List who will move by a day if nothing happens."""
    return _arrow(con, UPCOMING, model=model, until=until)


def upcoming_counts(con: duckdb.DuckDBPyConnection, model: str, until: date) -> pa.Table:
    """Count who will move by a day, by the day, where from and where to."""
    return _arrow(con, UPCOMING_COUNTS, model=model, until=until)


def value_by_stage(con: duckdb.DuckDBPyConnection, model: str, day: date, since: date | None = None) -> pa.Table:
    """Return people, money and movement of each stage; movement since 30 days before the day unless told otherwise."""
    return _arrow(con, VALUE_BY_STAGE, model=model, day=day, since=since or day - timedelta(days=MONTH), until=day)


def _arrow(con: duckdb.DuckDBPyConnection, sql: str, **values: Any) -> pa.Table:
    return con.execute(sql, values).to_arrow_table()
