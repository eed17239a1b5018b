"""Reads about decline, share of wallet and settlement."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from tenure_app.core import conf
from tenure_app.customers.profile import has

if TYPE_CHECKING:
    import duckdb

    Row = dict[str, Any]

#: Answers of rule T04, and those whose own business falls as well: "no" by the rule, and shown apart.
YES, UNKNOWN, INDUSTRY, NO = "yes", "cannot-judge", "industry", "no"
ANSWERS = (YES, UNKNOWN, INDUSTRY, NO)
#: Days without an order after which business counts as stopped, as in the model relationship-4.
STOPPED = 365
_ANSWER = (
    "case when decline = 'no' and volume_change < -0.2 and total_change is not null then 'industry' else decline end"
)


def ready(con: duckdb.DuckDBPyConnection) -> bool:
    columns = {row[0] for row in con.execute("select column_name from (describe scorecard)").fetchall()}
    return {"decline", "volume_change", "total_change", "wallet_share"} <= columns


def answers(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    text = f"select {_ANSWER} as answer, count(*) from scorecard where decline is not null group by answer"
    counts = dict(con.execute(text).fetchall())
    return {answer: int(counts.get(answer, 0)) for answer in ANSWERS}


def find(
    con: duckdb.DuckDBPyConnection, answer: str = "", start: int = 0, limit: int | None = None, *, customer: str = ""
) -> list[Row]:
    """Return one customer, or the buyers who got an answer, the most money at stake first."""
    where = "customer_id = ?" if customer else f"{_ANSWER} = ?" if answer else "decline is not null"
    rows = con.execute(
        f"select customer_id, name, {_ANSWER} as answer, volume_change, total_change, wallet_share,"
        " wallet_share - wallet_change as wallet_before, activity_change, decline_p, value_at_stake, last_order_on"
        f" from scorecard where {where} order by value_at_stake desc nulls last, customer_id limit ? offset ?",
        [*filter(None, [customer or answer]), limit, start],
    )
    return list(rows.to_arrow_table().to_pylist())


def wallet(customer: str, day: date) -> list[Row]:
    """Return what a customer stated of their own total business up to a day, with our part of it, the oldest first."""
    from tenure.clock import day_number, day_of
    from tenure.facts.slices import slices_of
    from tenure.facts.streams import Stream
    from tenure.features.wallet import history
    from tenure.features.windows import WindowAggregates

    needed = {Stream("orders"): ("amount",), Stream("volumes"): ("amount", "period_start")}
    with slices_of(conf.lake(), needed, customers=[customer]) as slices:
        statements = history(WindowAggregates(slices.block_of([customer], day_number(day))))
    return [
        {**item._asdict(), "first": day_of(item.first), "last": day_of(item.last), "share": item.share}
        for item in chain(*statements)
    ]


# Settlement


def unsettled(con: duckdb.DuckDBPyConnection, day: date) -> list[Row]:
    """Return those who stopped and still have a balance or an open case, the largest balance first."""
    rows = con.execute(
        f"{_stopped(con)} select customer_id, name, last_order_on, receivable, payable, stated_on, cases, cancelled"
        " from stopped where coalesce(receivable, 0) + coalesce(payable, 0) > 0 or cases > 0"
        " order by coalesce(receivable, 0) + coalesce(payable, 0) desc, cases desc, customer_id",
        {"day": day, "edge": day - timedelta(days=STOPPED)},
    )
    return list(rows.to_arrow_table().to_pylist())


def stopped(con: duckdb.DuckDBPyConnection, day: date) -> dict[str, int]:
    """Return how many stopped, how many of them are settled, and of how many the balance is not known."""
    counts = con.execute(
        f"{_stopped(con)} select count(*), count(*) filter (stated_on is null),"
        " count(*) filter (stated_on is not null and receivable + payable = 0 and cases = 0) from stopped",
        {"day": day, "edge": day - timedelta(days=STOPPED)},
    ).fetchone()
    return dict(zip(("stopped", "unknown", "settled"), counts or (0, 0, 0), strict=True))


def _stopped(con: duckdb.DuckDBPyConnection) -> str:
    """Return ``with … stopped``: nobody ordered for a year, or a contract was cancelled and nothing came after it."""
    parts = {
        "balances": ('customer_id, "at", receivable, payable', "varchar, timestamptz, double, double"),
        "contracts": ('customer_id, "at", event', "varchar, timestamptz, varchar"),
        "cases": ('customer_id, case_id, event, "at"', "varchar, varchar, varchar, timestamptz"),
    }
    balances, contracts, cases = (
        f"select {columns} from {table}"
        if has(con, table)
        else f"select {', '.join(f'null::{kind}' for kind in kinds.split(', '))} limit 0"
        for table, (columns, kinds) in parts.items()
    )
    return f"""
    with stated(customer_id, happened, receivable, payable) as ({balances}),
    newest as (select customer_id, arg_max(receivable, happened) as receivable, arg_max(payable, happened) as payable,
        max(happened)::date as stated_on from stated where happened::date <= $day group by customer_id),
    contract(customer_id, happened, event) as ({contracts}),
    ended as (select customer_id, max(happened)::date as ended_on from contract where happened::date <= $day
        group by customer_id having arg_max(event, happened) = 'cancelled'),
    opened(customer_id, case_id, event, happened) as ({cases}),
    still as (select customer_id, case_id from opened where happened::date <= $day
        group by customer_id, case_id having arg_max(event, happened) <> 'closed'),
    left_open as (select customer_id, count(*) as cases from still group by customer_id),
    stopped as (select k.customer_id, k.name, k.last_order_on, n.receivable, n.payable, n.stated_on,
        coalesce(o.cases, 0) as cases, e.ended_on is not null and e.ended_on > k.last_order_on as cancelled
        from scorecard k left join newest n using (customer_id) left join ended e using (customer_id)
        left join left_open o using (customer_id)
        where k.last_order_on is not null and (k.last_order_on < $edge or e.ended_on > k.last_order_on))"""
