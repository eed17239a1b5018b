"""Reads about products: what goes with what, what is due, what to offer to whom.

It never writes; all of it was worked out by the last refresh, except a product's own sales, which are read from its
lines.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tenure.recommend.reasons import message
from tenure_app.customers.profile import has
from tenure_app.lifecycle.definitions.queries import models_in_force

if TYPE_CHECKING:
    import duckdb

    from tenure.lifecycle.model import Model

    Row = dict[str, Any]

#: Rows a page.
PAGE = 50
#: What pairs can be sorted by: the SQL of each.
SORTS = {
    "surplus": "p.count * (1 - 1 / nullif(p.lift, 0))",
    "count": "p.count",
    "support": "p.support",
    "confidence": "p.confidence",
    "back": "p.confidence_back",
    "lift": "p.lift_low",
}
LEVELS = ("category", "product")
#: Days in which a product counts as due soon.
SOON = 14


@dataclass(frozen=True, slots=True)
class PairQuery:
    """Which pairs a page shows, in which order."""

    level: str = "category"  # or product
    q: str = ""  # part of a name, or of a category, of either side
    least: int = 0  # baskets with both
    beyond: bool = True  # only pairs whose lift is above 1 with its whole interval
    sort: str = "surplus"
    down: bool = True


def ready(con: duckdb.DuckDBPyConnection) -> bool:
    return has(con, "pairs") and has(con, "reports")


def report(con: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], date | None]:
    """Return the report of the last refresh, and its day."""
    row = con.execute("select body, as_of from reports where name = 'recommend'").fetchone()
    return (json.loads(row[0]), row[1]) if row else ({}, None)


def _where(query: PairQuery) -> tuple[str, list[Any]]:
    tests, values = ["p.level = ?", "p.count >= ?"], [query.level, query.least]
    if query.beyond:
        tests.append("p.lift_low > 1")
    if query.q:
        sides = ("p.product_a", "p.product_b", "p.category_a", "p.category_b")
        tests.append("(" + " or ".join(f"contains(lower({side}), ?)" for side in sides) + ")")
        values += [query.q.casefold()] * len(sides)
    return " where " + " and ".join(tests), values


def count_pairs(con: duckdb.DuckDBPyConnection, query: PairQuery) -> int:
    where, values = _where(query)
    row = con.execute(f"select count(*) from pairs p{where}", values).fetchone()
    return int(row[0]) if row else 0


def find_pairs(con: duckdb.DuckDBPyConnection, query: PairQuery, start: int = 0, limit: int | None = None) -> list[Row]:
    where, values = _where(query)
    way = "desc" if query.down else "asc"
    order = f"{SORTS[query.sort]} {way} nulls last, p.product_a, p.product_b"
    sql = f"select p.*, {SORTS['surplus']} as surplus from pairs p{where} order by {order} limit ? offset ?"
    return _rows(con, sql, [*values, limit, start])


def _rows(con: duckdb.DuckDBPyConnection, sql: str, values: Any = None) -> list[Row]:
    return list(con.execute(sql, values).to_arrow_table().to_pylist())


def life_model() -> Model | None:
    """Return the model whose stages products are in; None where there is none."""
    return next((model for model in models_in_force().values() if model.subject == "product"), None)


def life(con: duckdb.DuckDBPyConnection, model: Model, product: str = "") -> list[Row]:
    """Return one product, or every product in a stage, with its stage and the day of entering it, in order of life."""
    if not has(con, "spans"):
        return []
    rows = _rows(
        con,
        "select customer_id as product, stage, entered_on from spans where model = ? and left_on is null"
        " and stage is not null and (? = '' or customer_id = ?) order by customer_id",
        [model.id, product, product],
    )
    names = {stage.id: stage.name.render() for stage in model.stages}
    order = {stage: place for place, stage in enumerate(model.path)}
    rows.sort(key=lambda row: order.get(row["stage"], len(order)))
    return [{**row, "stage_name": names.get(row["stage"], row["stage"])} for row in rows]


def count_unstaged(con: duckdb.DuckDBPyConnection, model: Model) -> int:
    """Return how many products were in a stage once and are in none now."""
    sql = """select count(*) from (select customer_id from spans where model = ? group by customer_id
        having count(*) filter (left_on is null and stage is not null) = 0)"""
    row = con.execute(sql, [model.id]).fetchone() if has(con, "spans") else None
    return int(row[0]) if row else 0


def offers(con: duckdb.DuckDBPyConnection) -> list[Row]:
    if not has(con, "recommendations"):
        return []
    return _rows(
        con,
        "select r.because as trigger, r.category as partner, count(distinct r.customer_id) as people,"
        " any_value(p.support) as support,"
        " any_value(case when p.product_a = r.because then p.confidence else p.confidence_back end) as confidence,"
        " any_value(p.lift_shrunk) as lift, any_value(p.lift_low) as low, any_value(p.lift_high) as high,"
        " mode(r.product_id) as product"
        " from recommendations r join pairs p on p.level = 'category'"
        " and p.product_a = least(r.because, r.category) and p.product_b = greatest(r.because, r.category)"
        " where r.rising group by all order by people desc, lift desc, trigger, partner",
    )


def due(con: duckdb.DuckDBPyConnection, day: date) -> dict[str, int]:
    """Return how many customers are due for each product within `SOON` days."""
    if not has(con, "recommendations"):
        return {}
    rows = con.execute(
        "select product_id, count(*) from recommendations"
        " where kind = 'buy-again' and due_on between ? and ? group by all",
        [day, day + timedelta(days=SOON)],
    )
    return dict(rows.fetchall())


def _people(con: duckdb.DuckDBPyConnection, where: str, *values: Any) -> list[Row]:
    """Return some customers with what is recommended to them, the likeliest first, and the reason in words."""
    if not has(con, "recommendations"):
        return []
    rows = _rows(
        con,
        "select r.customer_id, any_value(k.name) as name, r.rank, r.product_id, r.category, r.kind, r.score, r.due_on,"
        " r.due_low, r.due_high, r.reason from recommendations r left join scorecard k on k.customer_id = r.customer_id"
        f" where {where} group by all order by r.score desc, r.customer_id",
        values,
    )
    return [{**row, "why": message(row["reason"]).render()} for row in rows]


def offered(con: duckdb.DuckDBPyConnection, trigger: str, partner: str) -> list[Row]:
    """Return the customers to whom a category is offered because another rises with them."""
    return _people(con, "r.rising and r.because = ? and r.category = ?", trigger, partner)


def wanting(con: duckdb.DuckDBPyConnection, product: str, kind: str, within: tuple[date, date] | None) -> list[Row]:
    """Return the customers on whose lists a product stands: of a kind, or those who are due within some days."""
    tests, values = ["r.product_id = ?"], [product]
    if kind:
        tests.append("r.kind = ?")
        values.append(kind)
    if within:
        tests.append("r.kind = 'buy-again' and r.due_on between ? and ?")
        values += [str(day) for day in within]
    return _people(con, " and ".join(tests), *values)


def kinds(con: duckdb.DuckDBPyConnection, product: str) -> dict[str, int]:
    """Return on how many lists a product stands, by kind."""
    if not has(con, "recommendations"):
        return {}
    sql = "select kind, count(*) from recommendations where product_id = ? group by kind order by 2 desc"
    return dict(con.execute(sql, [product]).fetchall())


def sales(con: duckdb.DuckDBPyConnection, product: str, tz: str) -> dict[str, Any] | None:
    """Return a product's own sales from its lines, the last day in the business's zone; None if never sold."""
    rows = _rows(
        con,
        'select arg_max(category, "at") as category, count(*) as lines, count(distinct customer_id) as customers,'
        " count(distinct order_id) as baskets, sum(quantity) as units, sum(amount) as amount,"
        ' (max("at") at time zone ?)::date as last_on from order_lines where product_id = ?',
        [tz, product],
    )
    return rows[0] if rows and rows[0]["lines"] else None


def buyers(con: duckdb.DuckDBPyConnection, product: str, tz: str) -> list[Row]:
    """Return who bought a product, in how many baskets, how much, when last; the most frequent first."""
    return _rows(
        con,
        "select l.customer_id, any_value(k.name) as name, count(distinct l.order_id) as baskets,"
        ' sum(l.quantity) as units, sum(l.amount) as amount, (max(l."at") at time zone ?)::date as last_on'
        " from order_lines l left join scorecard k on k.customer_id = l.customer_id where l.product_id = ?"
        " group by l.customer_id order by baskets desc, l.customer_id",
        [tz, product],
    )


def partners(con: duckdb.DuckDBPyConnection, product: str, level: str = "product") -> list[Row]:
    """Return what goes with a product (or a category), with the numbers seen from its side."""
    sql = (
        "select case when p.product_a = $product then p.product_b else p.product_a end as product,"
        " case when p.product_a = $product then p.category_b else p.category_a end as category,"
        " case when p.product_a = $product then p.confidence else p.confidence_back end as confidence,"
        " case when p.product_a = $product then p.confidence_back else p.confidence end as confidence_back,"
        " p.count, p.support, p.lift_shrunk, p.lift_low, p.lift_high"
        " from pairs p where p.level = $level and $product in (p.product_a, p.product_b)"
        " order by p.lift_low > 1 desc, p.count * (1 - 1 / nullif(p.lift, 0)) desc, product"
    )
    return _rows(con, sql, {"product": product, "level": level})
