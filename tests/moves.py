"""Moves counted in spans, as the product's lists and rates are checked against them."""

from __future__ import annotations

from tenure.lifecycle.statistics import within

#: The moves between two days. An exit is a move of its own only where no stage begins on that day; a step passed
#: through takes over the origin of the move of its customer on its day.
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
