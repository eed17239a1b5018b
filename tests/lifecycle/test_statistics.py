"""Statistics of spans against plain counting, day by day, on random spans and on a few made by hand."""

from __future__ import annotations

import statistics as plain
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from moves import TRANSITIONS
from oracle.settings import checks
from tenure.lifecycle import statistics
from tenure.lifecycle.grid import grid

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 20261122
START = date(2024, 2, 20)
SCHEMA = pa.schema(
    {
        "model": pa.string(), "version": pa.string(), "customer_id": pa.string(), "stage": pa.string(),
        "entered_on": pa.date32(), "left_on": pa.date32(), "reason": pa.string(), "cause": pa.string(),
        "passed_through": pa.bool_(), "cannot_judge": pa.string(), "next_stage": pa.string(),
        "next_change_on": pa.date32(),
    }
)  # fmt: skip
Spans = list[dict[str, Any]]


def day(number: int) -> date:
    return START + timedelta(days=number)


def span(
    customer: str, stage: str, entered: int, left: int | None, passed: bool = False, **more: Any
) -> dict[str, Any]:
    row = dict.fromkeys(SCHEMA.names) | {"model": "m", "version": "1", "reason": f"{stage} holds", **more}
    row |= {"customer_id": customer, "stage": stage, "passed_through": passed, "entered_on": day(entered)}
    return {**row, "left_on": None if left is None else day(left)}


@st.composite
def random_spans(draw: st.DrawFn) -> Spans:
    """Return spans of up to five customers, with gaps, steps passed through, and another model."""
    rows: Spans = []
    for customer in ("ann", "bob", "eve", "kim", "lee")[: draw(st.integers(0, 5))]:
        at, before = draw(st.integers(0, 40)), None
        for last in [False] * draw(st.integers(0, 5)) + [draw(st.booleans())]:
            gap = draw(st.sampled_from((0, 0, 0, 1, 9)))
            stage = draw(st.sampled_from([one for one in "abcd" if gap or one != before]))
            at, before = at + gap, stage
            if draw(st.sampled_from((False, False, True))):
                rows.append(span(customer, "x", at, at, passed=True))
            left = None if last else at + draw(st.integers(1, 25))
            coming = {"next_stage": "d", "next_change_on": day(130)} if last and draw(st.booleans()) else {}
            rows.append(span(customer, stage, at, left, **coming))
            at = left or at
        rows.append(span(customer, "a", 0, None, model="other"))
    return rows


days = st.integers(-5, 140)
two_days = st.tuples(days, days).map(sorted)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        yield con


def filled(con: duckdb.DuckDBPyConnection, rows: Spans) -> duckdb.DuckDBPyConnection:
    return con.register("spans", pa.Table.from_pylist(rows, schema=SCHEMA))


def asked(con: duckdb.DuckDBPyConnection, sql: str, **days: Any) -> list[dict[str, Any]]:
    return statistics.statistic(con, sql, "m", **days).to_pylist()


def stage_on(rows: Spans, customer: str, number: int) -> str | None:
    """Return where a customer stood: the plain way."""
    here = [
        row["stage"]
        for row in rows
        if (row["customer_id"], row["model"], row["passed_through"]) == (customer, "m", False)
        and row["entered_on"] <= day(number)
        and (row["left_on"] is None or row["left_on"] > day(number))
    ]
    assert len(here) <= 1
    return here[0] if here else None


def customers(rows: Spans) -> set[str]:
    return {row["customer_id"] for row in rows}


def counts_on(rows: Spans, number: int) -> Counter[str]:
    return Counter(stage for customer in customers(rows) if (stage := stage_on(rows, customer, number)))


@seed(SEED)
@checks(30)
@given(rows=random_spans(), on=days)
def test_the_counts_of_a_day_add_up_to_the_people_who_are_in_the_model(con: Any, rows: Spans, on: int) -> None:
    filled(con, rows)
    there = asked(con, statistics.CURRENT_STAGE, day=day(on))
    assert {row["customer_id"]: row["stage"] for row in there} == {
        customer: stage for customer in customers(rows) if (stage := stage_on(rows, customer, on))
    }
    counts = asked(con, statistics.STAGE_COUNTS, day=day(on))
    assert {row["stage"]: row["people"] for row in counts} == counts_on(rows, on)
    assert sum(row["people"] for row in counts) == len(there)
    assert not counts or sum(row["share"] for row in counts) == pytest.approx(1)
    for row in counts:
        assert row["average_days"] == pytest.approx(plain.mean(p["days"] for p in there if p["stage"] == row["stage"]))
    for row in there:
        assert row["days"] == (day(on) - row["entered_on"]).days


@seed(SEED)
@checks(40)
@given(rows=random_spans(), on=days)
def test_a_move_is_undone_when_its_stage_did_not_last_two_weeks(con: Any, rows: Spans, on: int) -> None:
    filled(con, rows)
    moves = undone = 0
    for customer in customers(rows):
        mine = [
            row for row in rows if (row["customer_id"], row["model"]) == (customer, "m") and not row["passed_through"]
        ]
        days_in = sorted((row["entered_on"], row["left_on"]) for row in mine)
        for entered, left in days_in[1:]:  # into the first they came, and did not move
            ended = left is not None and left <= day(on)
            if not day(on) - timedelta(days=365) < entered <= day(on) or (not ended and (day(on) - entered).days < 14):
                continue
            moves += 1
            undone += ended and (left - entered).days < 14
    counted = statistics.undone_moves(con, day(on)).get("m", statistics.UndoneMoves())
    assert counted == (moves, undone)
    assert counted.share == (undone / moves if moves else None)


@seed(SEED)
@checks(25)
@given(rows=random_spans(), between=two_days, every=st.sampled_from(("day", "week", "month")))
def test_a_trend_counts_every_stage_on_every_day_of_its_grid(con: Any, rows: Spans, between: Any, every: Any) -> None:
    since, until = between
    days = grid(day(since), day(until), every)
    found = asked(filled(con, rows), statistics.TREND, days=days)
    stages = {row["stage"] for row in rows if row["model"] == "m" and not row["passed_through"]}
    wanted = {(on, stage): counts_on(rows, (on - START).days)[stage] for on in days for stage in stages}
    assert {(row["day"], row["stage"]): row["people"] for row in found} == wanted
    assert days[-1] == day(until)


@seed(SEED)
@checks(30)
@given(rows=random_spans(), between=two_days)
def test_flows_hold_everybody_who_was_there_on_either_day_once(con: Any, rows: Spans, between: Any) -> None:
    since, until = between
    found = asked(filled(con, rows), statistics.FLOWS, since=day(since), until=day(until))
    pairs = Counter((stage_on(rows, customer, since), stage_on(rows, customer, until)) for customer in customers(rows))
    del pairs[None, None]
    assert {(row["from_stage"], row["to_stage"]): row["people"] for row in found} == pairs


@seed(SEED)
@checks(30)
@given(rows=random_spans(), between=two_days)
def test_transitions_are_the_days_on_which_somebody_stands_elsewhere_than_the_day_before(
    con: Any, rows: Spans, between: Any
) -> None:
    since, until = between
    filled(con, rows)
    listed = asked(con, TRANSITIONS, since=day(since), until=day(until))
    found = {
        (row["customer_id"], row["on"], row["from_stage"], row["to_stage"])
        for row in listed
        if not row["passed_through"]
    }
    wanted = set()
    for customer in customers(rows):
        for number in range(since + 1, until + 1):
            before, now = stage_on(rows, customer, number - 1), stage_on(rows, customer, number)
            if before != now:
                wanted.add((customer, day(number), before, now))
    assert found == wanted
    passed = [row for row in listed if row["passed_through"]]
    assert {(row["customer_id"], row["on"]) for row in passed} == {
        (row["customer_id"], row["entered_on"])
        for row in rows
        if row["passed_through"] and day(since) < row["entered_on"] <= day(until)
    }
    assert all(row["to_stage"] == "x" for row in passed)


@seed(SEED)
@checks(30)
@given(rows=random_spans(), between=two_days)
def test_every_stage_balances_between_two_days(con: Any, rows: Spans, between: Any) -> None:
    since, until = between
    filled(con, rows)
    found = asked(con, statistics.ENTRIES_AND_EXITS, since=day(since), until=day(until))
    moves = asked(con, TRANSITIONS, since=day(since), until=day(until))
    for row in found:
        assert row["at_start"] == counts_on(rows, since)[row["stage"]]
        assert row["at_end"] == counts_on(rows, until)[row["stage"]]
        assert row["at_end"] == row["at_start"] + row["entered"] - row["left"]
        assert row["entered"] == sum(m["to_stage"] == row["stage"] and not m["passed_through"] for m in moves)
        assert row["left"] == sum(m["from_stage"] == row["stage"] and not m["passed_through"] for m in moves)
        assert row["passed"] == sum(m["to_stage"] == row["stage"] and m["passed_through"] for m in moves)


def test_who_moves_next_is_listed_by_day_and_target(con: Any) -> None:
    rows = [
        span("ann", "a", 0, 5),
        span("ann", "b", 5, None, next_stage="c", next_change_on=day(50)),
        span("bob", "b", 9, None, next_stage="c", next_change_on=day(50)),
        span("eve", "b", 9, None, next_stage=None, next_change_on=day(49)),
        span("kim", "c", 9, None, next_stage="d", next_change_on=day(51)),
        span("lee", "d", 9, None),
    ]
    filled(con, rows)
    listed = asked(con, statistics.UPCOMING, until=day(50))
    assert [(row["customer_id"], row["next_stage"]) for row in listed] == [("eve", None), ("ann", "c"), ("bob", "c")]


def test_value_by_stage_sets_money_and_movement_beside_the_people(con: Any) -> None:
    rows = [
        span("ann", "a", 0, 40),
        span("ann", "b", 40, None),
        span("bob", "b", 0, None),
        span("eve", "a", 20, None),
        span("kim", "c", 0, 45),
        span("kim", "a", 45, None),
    ]
    cards = pa.table(
        {
            "customer_id": ["ann", "bob", "eve"],
            "amount": pa.array([100, 300, 400], type=pa.decimal128(18, 4)),
        }
    )
    con.register("scorecard", cards)
    found = asked(filled(con, rows), statistics.VALUE_BY_STAGE, day=day(50), since=day(20), until=day(50))
    seen = {
        row["stage"]: tuple(
            None if row[name] is None else float(row[name])
            for name in (
                "people",
                "share",
                "amount",
                "average_amount",
                "amount_share",
                "average_days",
                "entered",
                "left",
            )
        )
        for row in found
    }
    assert seen == {
        "a": (2, 0.5, 400, 200, 0.5, 17.5, 1, 1),
        "b": (2, 0.5, 400, 200, 0.5, 30, 1, 0),
        "c": (0, 0, 0, None, 0, None, 0, 1),
    }


def test_a_monthly_grid_keeps_the_day_of_the_month_where_there_is_one() -> None:
    assert grid(date(2024, 1, 1), date(2024, 5, 31), "month") == [
        date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31),
    ]  # fmt: skip
    assert grid(date(2024, 1, 1), date(2024, 1, 15)) == [
        date(2024, 1, 1),
        date(2024, 1, 8),
        date(2024, 1, 15),
    ]
    assert grid(date(2024, 1, 2), date(2024, 1, 1)) == []
