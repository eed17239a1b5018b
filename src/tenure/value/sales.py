"""Sales: what was sold to whom on which local day, as a few SQL views.

From order rows and nothing else, up to one day, in exact decimals, so that every table made of it adds up to the
rows. It is made of a lake, of the application's connection, or of a notebook's tables.

The views, in a connection of their own; customers are numbers in them, since texts are slow to group by:

``buyers``
    customer, customer_id, first_on, second_on (days of the first and the second deal), deals: whoever ever bought.
``sold``
    customer (null for refunds to somebody who never bought), first_on, on (local day), deal (a sale, not a refund),
    amount, profit (amount less cost where it is known), cost.
``spent``
    customer_id, customer, first_on, on, kind, amount: what was invested in customers.
``order_rows``
    What ``sold`` is made of, with customer_id, at, channel and store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tenure.clock import day_sql
from tenure.facts.schema import FACT_TABLES
from tenure.lake import views
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from datetime import date

    import duckdb
    import pyarrow as pa

    from tenure.facts.lake import Lake


@dataclass(frozen=True)
class Sales:
    """Order rows and costs up to a day; see the module for the views."""

    con: duckdb.DuckDBPyConnection  # A connection of its own, with the views
    as_of: date  # later facts are not there
    since: date  # the day of the first sale; `as_of` when there is none
    tz: str  # in which days are local

    @classmethod
    def of_lake(cls, lake: Lake, as_of: date) -> Sales:
        """Return the sales of a lake."""
        return cls.on(lake.connect(("orders", "costs", "order_lines", "customers", "spans")), lake.settings.tz, as_of)

    @classmethod
    def of(cls, orders: object, costs: object = None, *, tz: str = "UTC", as_of: str | date | None = None) -> Sales:
        """Return the sales of a notebook's tables."""
        from tenure.facts.frames import day_from, facts_from

        con = connect()
        facts = facts_from("orders", orders, tz)
        con.register("orders", facts)
        if costs is not None:
            con.register("costs", facts_from("costs", costs, tz))
        return cls.on(con, tz, day_from(as_of, facts, tz))

    @classmethod
    def on(cls, con: duckdb.DuckDBPyConnection, tz: str, as_of: date) -> Sales:
        """Return the sales of a connection with the views ``orders`` and, perhaps, ``costs``."""
        for name in {"orders", "costs"} - views.names(con):
            con.register(name, FACT_TABLES[name].schema.empty_table())
        low, high = con.execute(
            'SELECT min(epoch_us("at")), max(epoch_us("at")) FROM'
            ' (SELECT min("at") AS "at" FROM orders UNION ALL SELECT max("at") FROM orders'
            ' UNION ALL SELECT min("at") FROM costs UNION ALL SELECT max("at") FROM costs)'
        ).fetchone() or (None, None)
        # The time zone's offsets between the first and the last fact are all that local days need.
        day = day_sql('"at"', tz, low or 0, high or 0)
        for statement in _VIEWS:
            con.execute(statement.format(day=day, as_of=as_of.isoformat()))
        first = con.execute("SELECT min(first_on) FROM buyers").fetchone()
        return cls(con, as_of, (first and first[0]) or as_of, tz)

    def hold(self) -> None:
        """Hold what was sold in memory, compressed to some twenty bytes a row, for many tables that are made of it."""
        self.con.execute("ATTACH ':memory:' AS held (COMPRESS)")
        self.con.execute("CREATE TABLE held.sold AS FROM sold")
        self.con.execute("CREATE OR REPLACE TEMP VIEW sold AS FROM held.sold")

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query as dictionaries; ``$name`` stands for a value."""
        result = self.con.execute(sql, values)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def row(self, sql: str, **values: Any) -> dict[str, Any]:
        """Return the only row of a query."""
        return self.rows(sql, **values)[0]

    def table(self, sql: str, **values: Any) -> pa.Table:
        """Return the rows of a query as an Arrow table."""
        return self.con.execute(sql, values).to_arrow_table()

    def has(self, name: str) -> bool:
        """Return whether the connection knows a view."""
        return name in views.names(self.con)


_VIEWS = (
    """CREATE OR REPLACE TEMP VIEW order_rows AS SELECT * FROM (
        SELECT customer_id, {day} AS "on", "at", status = 'sale' AS deal, amount,
            CASE WHEN status = 'sale' THEN amount - coalesce(cost, 0) ELSE amount END AS profit,
            cost, channel, store
        FROM orders WHERE status IN ('sale', 'refund')) WHERE "on" <= DATE '{as_of}'""",
    """CREATE OR REPLACE TEMP TABLE buyers AS
        SELECT row_number() OVER ()::INTEGER AS customer, customer_id,
            days[1] AS first_on, days[2] AS second_on, deals
        FROM (
            SELECT customer_id, min("on", 2) AS days, count(*) AS deals
            FROM order_rows WHERE deal GROUP BY customer_id)""",
    """CREATE OR REPLACE TEMP VIEW sold AS
        SELECT customer, first_on, "on", deal, amount, profit, cost
        FROM order_rows LEFT JOIN buyers USING (customer_id)""",
    """CREATE OR REPLACE TEMP VIEW spent AS SELECT * FROM (
        SELECT customer_id, customer, first_on, {day} AS "on", kind, amount
        FROM costs LEFT JOIN buyers USING (customer_id)) WHERE "on" <= DATE '{as_of}'""",
)
