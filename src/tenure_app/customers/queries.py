"""Reads about customers: the list, one page of it, its size, its rows as a stream.

It never writes. A page is read in two steps, because at a million customers the width of the rows is what costs:
first the customers of the page from the few columns that the query and the order need, then everything about those
fifty. Both read copies in memory, see :func:`copies`.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tenure.errors import ModelError
from tenure.lake.views import quoted
from tenure.lifecycle.families import reactivations
from tenure.lifecycle.model import UNSTAGED
from tenure.lifecycle.model_file import models_of
from tenure.lifecycle.statistics import brought_back, in_doubt, on_day
from tenure_app.core import conf
from tenure_app.core.conf import Copy
from tenure_app.customers.profile import has, rows
from tenure_app.customers.query import (
    ATTRIBUTE,
    CLOSING,
    DEFAULT_SORT,
    NOT_STAGED,
    STAGED,
    WITHOUT_STAGE,
    CustomerQuery,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    import duckdb

    from tenure_app.customers.query import AttributeFilter, ColumnFilter, Condition
    from tenure_app.web.tables import Column, Table

PAGE = 50
# Spans and scorecard are joined by the customers' numbers, see tenure.refreshing.numbers.
_AT = (
    "(select number, stage, entered_on, coalesce(left_on, next_change_on) as change_on, left_on, next_stage"
    f" from spans where model = ? and {on_day('?')})"
)
# Where customers are on a day, and their next change: the real one where it has happened already.
_PLACE = f"""(
    select here.number, here.stage, here.entered_on, here.left_on,
        coalesce(here.left_on, here.next_change_on) as change_on,
        case when here.left_on is null then here.next_stage else later.stage end as next_stage
    from {{spans}} here
    left join {{spans}} later on later.model = here.model and later.number = here.number
        and later.entered_on = here.left_on and not later.passed_through
    where here.model = ? and {on_day("?", "here")}
)"""


def copies(con: duckdb.DuckDBPyConnection, query: CustomerQuery, table: Table) -> list[Copy]:
    """Return what the list of a query is read from: the spans of its model, and of the scorecard what the list shows.

    Filters by other columns of the scorecard read its files.
    """
    held = []
    if query.model and has(con, "spans"):
        read = "number, stage, entered_on, left_on, next_stage, next_change_on, passed_through"
        model = quoted(query.model)
        held.append(Copy("spans", f"spans {query.model}", read, f"model = {model}", f"{model} AS model, *"))
    if not query.filters:
        shown = dict.fromkeys(column.sql[2:] for column in table.every.values() if column.sql.startswith("k."))
        present = columns(con)  # the form asks for the closing windows, whether they are shown or not
        names = dict.fromkeys(["number", *shown, "first_seen_on", *(name for name in CLOSING if name in present)])
        held.append(Copy("scorecard", "scorecard", ", ".join(names)))
    return held


def has_value_and_risk(con: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the scorecard has value and risk; a refresh of the stages alone makes none."""
    return {"lifetime_value", "churn"} <= columns(con)


def available(con: duckdb.DuckDBPyConnection, table: Table) -> Table:
    """Return a table without the columns of the scorecard that this lake does not have yet, or has nothing in."""
    present = columns(con)
    closing = f"select 1 from scorecard where coalesce({', '.join(CLOSING)}) is not null limit 1"
    if set(CLOSING) <= present and not rows(con, closing):  # everybody has ordered, so no window of theirs may close
        present -= set(CLOSING)
    return table.only(lambda column: not column.sql.startswith("k.") or column.sql[2:] in present)


def columns(con: duckdb.DuckDBPyConnection) -> set[str]:
    sql = "select column_name from duckdb_columns() where table_name = 'scorecard'"
    return {row[0] for row in con.execute(sql).fetchall()}


def total(con: duckdb.DuckDBPyConnection, query: CustomerQuery) -> int:
    where, values = _from(con, query)
    row = con.execute(f"select count(*) from {where}", values).fetchone()
    return int(row[0]) if row else 0


def page(
    con: duckdb.DuckDBPyConnection, query: CustomerQuery, table: Table, limit: int = PAGE, offset: int = 0
) -> tuple[int, list[dict[str, Any]]]:
    column = _sorted_by(table, query)
    where, values = _from(con, query, column)
    order = f"rank {'desc' if query.down else 'asc'} nulls last, number limit {int(limit)} offset {int(offset)}"
    ranked = f"select k.number as number, {column.sql} as rank from {where}"
    if where == "scorecard k":
        count = total(con, query)
        numbers = con.execute(f"{ranked} order by {order}").fetchall()
    else:
        # Counted and paged in one pass: the join is what costs, and both need it.
        sql = f"with w as materialized ({ranked}) select number, (select count(*) from w) from w order by {order}"
        numbers = con.execute(sql, values).fetchall()
        count = numbers[0][1] if numbers else total(con, query) if offset else 0
    return count, _rows_of(con, table, [row[0] for row in numbers], query)


def _sorted_by(table: Table, query: CustomerQuery) -> Column:
    column = table.sorted_by(query.sort) or table.sorted_by(DEFAULT_SORT)
    assert column is not None, f"{table.name} has no column {DEFAULT_SORT}"
    return column


def _rows_of(
    con: duckdb.DuckDBPyConnection, table: Table, numbers: Sequence[int], query: CustomerQuery
) -> list[dict[str, Any]]:
    if not numbers:
        return []
    among = f"number in ({', '.join(map(str, numbers))})"
    # Nothing but the numbers stands in the innermost conditions, so that the copies' indexes find the few rows.
    sql = (
        f"with few as materialized (select * from spans where model = ? and {among}),"
        f" people as materialized (select * from scorecard where {among})"
        f" select {table.select()}, k.number as number"
        f" from people k left join {_PLACE.format(spans='few')} s on s.number = k.number"
    )
    by_number = {row.pop("number"): row for row in rows(con, sql, query.model, query.model, query.as_of, query.as_of)}
    return [by_number[number] for number in numbers]


def names_of(con: duckdb.DuckDBPyConnection, customers: Sequence[str]) -> dict[str, str | None]:
    sql = "select customer_id, name from scorecard where customer_id in (select unnest(?))"
    return dict(con.execute(sql, [list(customers)]).fetchall()) if customers else {}


def stream(con: duckdb.DuckDBPyConnection, query: CustomerQuery, table: Table) -> Iterator[dict[str, Any]]:
    """Yield all rows of a query in its order, without holding them all."""
    column = _sorted_by(table, query)
    where, values = _from(con, query, column, place=_PLACE.format(spans="spans"))
    order = f"{column.sql} {'desc' if query.down else 'asc'} nulls last, k.number"
    result = con.execute(f"select {table.select()} from {where} order by {order}", values)
    names = [column[0] for column in result.description or []]
    while part := result.fetchmany(5_000):
        yield from (dict(zip(names, row, strict=True)) for row in part)


def _from(
    con: duckdb.DuckDBPyConnection, query: CustomerQuery, column: Column | None = None, place: str = ""
) -> tuple[str, list[Any]]:
    """Return a query as ``from … where …`` and the values of its places; `place` is joined in any case."""
    source, values = "scorecard k", []
    place = place or (_AT if column and column.sql.startswith("s.") else "")
    if place or query.stage or query.since or query.is_near:
        inner = query.stages or query.stage == STAGED or query.since or query.is_near
        source += f" {'join' if inner else 'left join'} {place or _AT} s on s.number = k.number"
        values = [query.model, query.as_of, query.as_of]
    conditions = [
        *_stage(query),
        *_near(query),
        *_in_doubt(con, query),
        *_flow(query),
        *_move(query),
        *_bounds(query),
        *_columns(con, query.filters),
        *_search(con, query),
    ]
    if conditions:
        source += " where " + " and ".join(test for test, _values in conditions)
    return source, values + [value for _test, of_test in conditions for value in of_test]


def _stage(query: CustomerQuery) -> list[Condition]:
    if query.stage in WITHOUT_STAGE:
        test, values = _without_stage(query.stage, query.model, query.as_of)
        return [(f"s.number is null and {test}", values)]
    return [(f"s.stage in ({', '.join('?' * len(query.stages))})", query.stages)] if query.stages else []


def _near(query: CustomerQuery) -> list[Condition]:
    following = None if query.next_stage == UNSTAGED else query.next_stage
    conditions = (
        (query.since, "s.entered_on >= ?", query.since),
        (query.is_near, "s.change_on > ?", query.as_of),
        (query.next_by, "s.change_on <= ?", query.next_by),
        (query.next_stage, "s.left_on is null and s.next_stage is not distinct from ?", following),
    )
    return [(test, [value]) for applies, test, value in conditions if applies]


def _in_doubt(con: duckdb.DuckDBPyConnection, query: CustomerQuery) -> list[Condition]:
    if not query.cannot_judge:
        return []
    if not has(con, "doubts"):  # of a lake that was last refreshed by an older version
        return [("false", [])]
    doubts = f"select number from ({in_doubt('?', '?')}) where stage = ?"
    return [(f"k.number in ({doubts})", [query.model, query.as_of, query.as_of, query.cannot_judge])]


def _flow(query: CustomerQuery) -> list[Condition]:
    if not (query.was and query.was_on):
        return []
    earlier = f"select number from spans where model = ? and {on_day('?')}"
    values = [query.model, query.was_on, query.was_on]
    if query.was in WITHOUT_STAGE:
        test, more = _without_stage(query.was, query.model, query.was_on)
        return [(f"k.number not in ({earlier}) and {test}", values + more)]
    # Both days are compared before the scorecard is joined, where the query has a stage on the present day, too.
    side = "s" if query.stages else "k"
    return [(f"{side}.number in ({earlier} and stage = ?)", [*values, query.was])]


def _without_stage(which: str, model: str, on: date | None) -> Condition:
    """Tell those who were in the model before the day, and are in no stage on it, from those who never were.

    Who was not even known on the day is not counted as outside the model.
    """
    if which == NOT_STAGED:
        return "true", []
    ever = "(select number from spans where model = ? and entered_on <= ?)"
    if which == UNSTAGED:
        return f"k.number in {ever}", [model, on]
    known = "(k.first_seen_on is null or k.first_seen_on <= ?)"
    return f"k.number not in {ever} and {known}", [model, on, on]


def _move(query: CustomerQuery) -> list[Condition]:
    if not (query.moved and query.move_from and query.move_to):
        return []
    if query.moved == "reactivated":
        pairs = []
        with suppress(ModelError):  # an address may name anything
            pairs = reactivations(models_of(conf.lake(), [query.model])[0])
        fallen, active = ([pair[end] for pair in pairs] for end in (0, 1))
        back = f"k.number in (select number from ({brought_back(*'?????')}) where stage = ?)"
        before = query.move_from - timedelta(days=1)
        return [(back, [query.model, before, query.move_to, fallen, active, query.move_stage])]
    day = "entered_on" if query.moved == "entered" else "left_on"
    moves = f"select number from spans where model = ? and stage = ? and not passed_through and {day} between ? and ?"
    return [(f"k.number in ({moves})", [query.model, query.move_stage, query.move_from, query.move_to])]


def _bounds(query: CustomerQuery) -> list[Condition]:
    bounds = (
        ("k.orders >= ?", query.orders_min),
        ("k.orders <= ?", query.orders_max),
        ("k.amount >= ?", query.amount_min),
        ("k.amount <= ?", query.amount_max),
        ("k.last_order_on >= ?", query.last_from),
        ("k.last_order_on <= ?", query.last_to),
    )
    return [(test, [bound]) for test, bound in bounds if bound is not None]


#: What is not in the scorecard, and the view that it is read from.
_ELSEWHERE = {"recommended": "recommendations", ATTRIBUTE: "customers"}


def _columns(con: duckdb.DuckDBPyConnection, filters: Sequence[ColumnFilter | AttributeFilter]) -> list[Condition]:
    """A column that this lake's scorecard does not have yet selects nobody."""
    if not filters:
        return []
    present = columns(con) | {name for name, view in _ELSEWHERE.items() if has(con, view)}
    return [item.condition() if item.column in present else ("false", []) for item in filters]


def _search(con: duckdb.DuckDBPyConnection, query: CustomerQuery) -> list[Condition]:
    """Restrict to those whose id, name, phone or e-mail holds the words, else to who made the order of that number."""
    word = query.q.casefold()
    if not word:
        return []
    tests = ["contains(lower(k.customer_id), ?)", "contains(lower(k.name), ?)", "contains(lower(k.email), ?)"]
    values = [word, word, word]
    digits = re.sub(r"[\s()\-.]", "", word)
    if re.fullmatch(r"\+?\d{4,}", digits):
        tests.append("contains(k.phone, ?)")
        values.append(digits)
    test = f"({' or '.join(tests)})"
    # Orders are many times as many as customers, so they are looked through only when no customer is meant.
    is_number = any(sign.isdigit() for sign in query.q) and re.fullmatch(r"[\w./#:-]{1,100}", query.q)
    if is_number and has(con, "orders") and not rows(con, f"select 1 from scorecard k where {test} limit 1", *values):
        return [("k.customer_id in (select customer_id from orders where order_id = ?)", [query.q])]
    return [(test, values)]
