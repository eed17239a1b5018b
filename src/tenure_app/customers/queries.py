"""Reads about customers: the list, one page of it, its size, its rows as a stream, and one customer's file.

It never writes. A page is read in two steps, because at a million customers the width of the rows is what costs:
first the ids of the page from the few columns that the selection and the order need, then everything about those
fifty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenure_app.customers import having
from tenure_app.customers.filters import NO_STAGE, NOWHERE, OUTLOOK, STAGED, UNSTAGED, Selection
from tenure_app.customers.profile import has

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from decimal import Decimal

    import duckdb

PAGE = 50
_ORDER = {
    "customer": "k.customer_id",
    "name": "k.name",
    "orders": "k.orders",
    "amount": "k.amount",
    "last_order": "k.last_order_on",
    "first_order": "k.first_order_on",
    "since": "s.entered_on",
    "next": "s.change_on",
    "stage": "s.stage",
    "value": "k.lifetime_value",
    "churn": "k.churn",
}
_AT = (
    "(select customer_id, stage, entered_on, coalesce(left_on, next_change_on) as change_on, left_on, next_stage"
    " from spans where model = ? and entered_on <= ? and (left_on is null or left_on > ?))"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the list: the customer's figures, and where they are under the chosen model."""

    customer_id: str
    name: str | None
    phone: str | None
    email: str | None
    orders: int
    amount: Decimal | None
    first_order_on: date | None
    last_order_on: date | None
    inside: bool = False
    stage: str | None = None
    since: date | None = None
    next_stage: str | None = None
    next_on: date | None = None
    lifetime_value: float | None = None
    churn: float | None = None


_COLUMNS = "select column_name from duckdb_columns() where table_name = 'scorecard'"


def has_outlook(con: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the scorecard tells value and risk: a lake refreshed by an older version has none yet."""
    names = {row[0] for row in con.execute(_COLUMNS).fetchall()}
    return {"lifetime_value", "churn"} <= names


def total(con: duckdb.DuckDBPyConnection, chosen: Selection) -> int:
    """Return how many customers a selection names."""
    where, values = _from(con, chosen, ordered=False)
    found = con.execute(f"select count(*) from {where}", values).fetchone()
    return int(found[0]) if found else 0


def page(
    con: duckdb.DuckDBPyConnection, chosen: Selection, limit: int = PAGE, offset: int = 0
) -> tuple[int, list[Row]]:
    """Return how many customers a selection names, and one page of them in its order."""
    if _is_everybody(con, chosen):
        many, found = total(con, chosen), _ids(con, chosen, limit, offset)
    else:
        many, found = _counted_ids(con, chosen, limit, offset)
    return many, rows_of(con, found, chosen.model, chosen.as_of)


def _is_everybody(con: duckdb.DuckDBPyConnection, chosen: Selection) -> bool:
    where, _values = _from(con, chosen)
    return where == "scorecard k"


def _ids(con: duckdb.DuckDBPyConnection, chosen: Selection, limit: int, offset: int) -> list[str]:
    where, values = _from(con, chosen)
    text = f"select k.customer_id from {where} order by {_order(con, chosen)} limit {int(limit)} offset {int(offset)}"
    return [row[0] for row in con.execute(text, values).fetchall()]


def _counted_ids(con: duckdb.DuckDBPyConnection, chosen: Selection, limit: int, offset: int) -> tuple[int, list[str]]:
    """Count and page in one pass: the join is what costs, and both need it."""
    where, values = _from(con, chosen)
    way = "desc" if chosen.down else "asc"
    rank = "null" if chosen.sort in OUTLOOK and not has_outlook(con) else _ORDER[chosen.sort]
    found = con.execute(
        f"with w as materialized (select k.customer_id, {rank} as rank from {where})"
        f" select customer_id, (select count(*) from w) from w order by rank {way} nulls last, customer_id"
        f" limit {int(limit)} offset {int(offset)}",
        values,
    ).fetchall()
    if found:
        return int(found[0][1]), [row[0] for row in found]
    return (total(con, chosen) if offset else 0), []


def rows_of(con: duckdb.DuckDBPyConnection, customers: Sequence[str], model: str, as_of: date | None) -> list[Row]:
    """Return the lines of these customers, in the order given."""
    if not customers:
        return []
    marks = ", ".join("?" * len(customers))
    outlook = "lifetime_value, churn" if has_outlook(con) else "null, null"
    figures = con.execute(
        "select customer_id, name, phone, email, orders, amount, first_order_on, last_order_on,"
        f" {outlook} from scorecard where customer_id in ({marks})",
        list(customers),
    ).fetchall()
    places = _places(con, customers, model, as_of) if model and as_of else {}
    lines = {
        row[0]: Row(*row[:8], **{**places.get(row[0], {}), "lifetime_value": row[8], "churn": row[9]})
        for row in figures
    }
    return [lines[customer] for customer in customers if customer in lines]


def _places(
    con: duckdb.DuckDBPyConnection, customers: Sequence[str], model: str, as_of: date
) -> dict[str, dict[str, Any]]:
    """Return where each customer is on a day, and their next change: the real one where it has happened already."""
    marks = ", ".join("?" * len(customers))
    spans = con.execute(
        "select customer_id, stage, entered_on, left_on, next_stage, next_change_on from spans"
        f" where model = ? and customer_id in ({marks}) order by customer_id, entered_on",
        [model, *customers],
    ).fetchall()
    places: dict[str, dict[str, Any]] = {}
    for customer, stage, entered, left, next_stage, next_on in spans:
        here = places.get(customer)
        if here and here["next_on"] == entered and entered > as_of:
            here["next_stage"] = stage
        if entered <= as_of and (left is None or left > as_of):
            places[customer] = {
                "inside": True,
                "stage": stage,
                "since": entered,
                "next_stage": None if left else next_stage,
                "next_on": left or next_on,
            }
    return places


def stream(con: duckdb.DuckDBPyConnection, chosen: Selection, chunk: int = 5_000) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all rows of a selection in its order, in chunks, without holding them all.

    Columns: customer_id, name, phone, email, stage, since, next change, next stage, orders, amount, first order,
    last order; lifetime value and churn where the scorecard tells them.
    """
    where, values = _from(con, chosen, joined=True)
    reader = con.execute(
        "select k.customer_id, k.name, k.phone, k.email, s.stage, s.entered_on, s.change_on,"
        " case when s.left_on is null then s.next_stage end, k.orders, k.amount, k.first_order_on, k.last_order_on"
        f"{', k.lifetime_value, k.churn' if has_outlook(con) else ''}"
        f" from {where} order by {_order(con, chosen)}",
        values,
    )
    while part := reader.fetchmany(chunk):
        yield part


def _order(con: duckdb.DuckDBPyConnection, chosen: Selection) -> str:
    if chosen.sort in OUTLOOK and not has_outlook(con):
        return "k.customer_id"
    way = "desc" if chosen.down else "asc"
    return f"{_ORDER[chosen.sort]} {way} nulls last, k.customer_id"


def _from(
    con: duckdb.DuckDBPyConnection, chosen: Selection, *, ordered: bool = True, joined: bool = False
) -> tuple[str, list[Any]]:
    """Return the selection as ``from … where …`` and the values of its places.

    Parameters
    ----------
    ordered : bool
        Whether the order needs its column as well.
    joined : bool
        Whether the columns of `s`, where the customer is, are wanted in any case.
    """
    values: list[Any] = []
    parts = ["scorecard k"]
    tests: list[str] = []
    _place(chosen, parts, tests, values, needed=joined or (ordered and _ORDER[chosen.sort].startswith("s.")))
    place_values, values = values, []
    for restrict in (_flow, _move, _figures):
        restrict(chosen, tests, values)
    more, given = having.tests(con, chosen.having)
    tests += more
    values += given
    _search(con, chosen, tests, values)
    where = " where " + " and ".join(tests) if tests else ""
    return " ".join(parts) + where, place_values + values


def _place(chosen: Selection, parts: list[str], tests: list[str], values: list[Any], *, needed: bool) -> None:
    """Join where the customers are on the day, when the selection or the order asks for it."""
    near = chosen.next_within is not None or bool(chosen.next_stage)
    if not (needed or chosen.stage or chosen.since or near):
        return
    held = chosen.stages or chosen.stage == STAGED or chosen.since or near
    parts.append(f"{'join' if held else 'left join'} {_AT} s on s.customer_id = k.customer_id")
    values += [chosen.model, chosen.as_of, chosen.as_of]
    if chosen.stage in UNSTAGED:
        test, known = _nowhere(chosen.stage, chosen.model, chosen.as_of)
        tests.append(f"s.customer_id is null and {test}")
        values += known
    elif chosen.stages:
        tests.append(f"s.stage in ({', '.join('?' * len(chosen.stages))})")
        values += chosen.stages
    _near(chosen, tests, values, near=near)


def _near(chosen: Selection, tests: list[str], values: list[Any], *, near: bool) -> None:
    """Restrict by how long they have been there, and by what comes next."""
    if chosen.since:
        tests.append("s.entered_on >= ?")
        values.append(chosen.since)
    if near:
        tests.append("s.change_on > ?")
        values.append(chosen.as_of)
    if chosen.next_by:
        tests.append("s.change_on <= ?")
        values.append(chosen.next_by)
    if chosen.next_stage:
        tests.append("s.left_on is null and s.next_stage is not distinct from ?")
        values.append(None if chosen.next_stage == NO_STAGE else chosen.next_stage)


def _flow(chosen: Selection, tests: list[str], values: list[Any]) -> None:
    """Restrict to those who were in another stage on another day."""
    if not (chosen.was and chosen.was_on):
        return
    there = "select customer_id from spans where model = ? and entered_on <= ? and (left_on is null or left_on > ?)"
    values += [chosen.model, chosen.was_on, chosen.was_on]
    if chosen.was in UNSTAGED:
        test, known = _nowhere(chosen.was, chosen.model, chosen.was_on)
        tests.append(f"k.customer_id not in ({there}) and {test}")
        values += known
    else:
        tests.append(f"k.customer_id in ({there} and stage = ?)")
        values.append(chosen.was)


def _nowhere(which: str, model: str, on: date | None) -> tuple[str, list[Any]]:
    """Tell those who were in the model before the day, and are in no stage on it, from those who never were.

    Who was not even known on the day is not counted as outside the model.
    """
    if which == NOWHERE:
        return "true", []
    ever = "(select customer_id from spans where model = ? and entered_on <= ?)"
    if which == NO_STAGE:
        return f"k.customer_id in {ever}", [model, on]
    known = "(k.first_seen_on is null or k.first_seen_on <= ?)"
    return f"k.customer_id not in {ever} and {known}", [model, on, on]


def _move(chosen: Selection, tests: list[str], values: list[Any]) -> None:
    """Restrict to those who entered or left a stage in a period."""
    if not (chosen.moved and chosen.move_from and chosen.move_to):
        return
    day = "entered_on" if chosen.moved == "entered" else "left_on"
    tests.append(
        "k.customer_id in (select customer_id from spans where model = ? and stage = ?"
        f" and not passed_through and {day} between ? and ?)"
    )
    values += [chosen.model, chosen.move_stage]
    values += [chosen.move_from, chosen.move_to]


def _figures(chosen: Selection, tests: list[str], values: list[Any]) -> None:
    """Restrict by the customer's figures."""
    for column, low, high in (
        ("k.orders", chosen.orders_min, chosen.orders_max),
        ("k.amount", chosen.amount_min, chosen.amount_max),
        ("k.last_order_on", chosen.last_from, chosen.last_to),
    ):
        for sign, bound in ((">=", low), ("<=", high)):
            if bound is not None:
                tests.append(f"{column} {sign} ?")
                values.append(bound)


def _search(con: duckdb.DuckDBPyConnection, chosen: Selection, tests: list[str], values: list[Any]) -> None:
    """Restrict to those whose id, name, phone or e-mail holds the words, else to who made the order of that number."""
    word = chosen.q.casefold()
    if not word:
        return
    either = ["contains(lower(k.customer_id), ?)", "contains(lower(k.name), ?)", "contains(lower(k.email), ?)"]
    found = [word, word, word]
    digits = re.sub(r"[\s()\-.]", "", word)
    if re.fullmatch(r"\+?\d{4,}", digits):
        either.append("contains(k.phone, ?)")
        found.append(digits)
    test = f"({' or '.join(either)})"
    # Orders are many times as many as customers, so they are looked through only when nobody else is meant.
    if _is_order_number(chosen.q) and has(con, "orders") and not _anybody(con, test, found):
        test, found = "k.customer_id in (select customer_id from orders where order_id = ?)", [chosen.q]
    tests.append(test)
    values += found


def _anybody(con: duckdb.DuckDBPyConnection, test: str, values: list[Any]) -> bool:
    return con.execute(f"select 1 from scorecard k where {test} limit 1", values).fetchone() is not None


def _is_order_number(word: str) -> bool:
    return any(sign.isdigit() for sign in word) and re.fullmatch(r"[\w./#:-]{1,100}", word) is not None
