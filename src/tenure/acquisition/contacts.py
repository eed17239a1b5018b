"""First contacts: everybody who came into sight before they bought, as a page, a command and a notebook count them.

Read from the scorecard of the last refresh, for that day or any earlier one: a step that was reached later is not known
yet. Who has no contact on record before the first order is not among them, since nobody knows when they were first met;
they are counted apart.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tenure.acquisition.scoring import ORDER, SCHEMA, STEPS
from tenure.clock import day_sql
from tenure.errors import FactsError
from tenure.lake import views
from tenure.words import mark

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from tenure.scorecard.model import Options

#: The day of each step.
DAYS = dict(zip(STEPS, ("contact_on", "trust_on", "intent_on", "order_on"), strict=True))
_TABLE = "first_contacts"


@dataclass(frozen=True)
class Contacts:
    """First contacts up to a day, in the temporary table ``first_contacts`` of a connection.

    Its columns: customer_id, name, contact_on, trust_on, intent_on, order_on (the day of the last step, which is the
    first order unless the shop's own rule says otherwise; each null while it is not reached), kind, channel, content,
    campaign, category (of the first contact), `closed` (the funnel's days are over), `step` (where they are, 0 to 3),
    attention_closes_on and decision_closes_on of those who have not ordered.
    """

    con: duckdb.DuckDBPyConnection  # with the lake's views
    day: date
    options: Options
    tz: str  # in which days are local
    ready: bool  # False when the last refresh did not look at first contacts

    @classmethod
    def of(
        cls, con: duckdb.DuckDBPyConnection, day: date, options: Options, tz: str, customer: str | None = None
    ) -> Contacts:
        """Read the first contacts that a lake's scorecard holds, up to a day; of one customer alone if one is named."""
        present = {row[0] for row in con.execute(_PRESENT).fetchall()}
        ready = present.issuperset(SCHEMA.names)
        which, values = ("", []) if customer is None else ("WHERE customer_id = ?", [customer])
        read = f"SELECT * FROM ({_contacts(day, options, ready=ready)}) {which}"
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS {read}", values)
        return cls(con, day, options, tz, ready)

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query; ``$name`` stands for a value."""
        result = self.con.execute(sql, values)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def table(self, sql: str, **values: Any) -> pa.Table:
        """Return the rows of a query as an Arrow table."""
        return self.con.execute(sql, values).to_arrow_table()

    def has(self, view: str) -> bool:
        """Whether the lake has a table."""
        return view in views.names(self.con)

    def local_day(self, table: str) -> str:
        """Return SQL for the local day of the facts of a table."""
        row = self.con.execute(f'SELECT epoch_us(min("at")), epoch_us(max("at")) FROM {table}').fetchone()
        low, high = row or (0, 0)
        return day_sql('"at"', self.tz, low or 0, high or 0)

    def bought_unseen(self, period: Period) -> int:
        """Return how many customers of a period ordered before any contact with them was recorded."""
        if not self.ready:
            return 0
        sql = f"SELECT count(*) FROM scorecard WHERE first_contact_kind = '{ORDER}' AND first_seen_on BETWEEN ? AND ?"
        row = self.con.execute(sql, [period.since, min(period.until, self.day)]).fetchone()
        return int(row[0]) if row else 0

    def edges(self) -> tuple[date, date] | None:
        """Return the days of the earliest and the latest first contact; None when there is none."""
        row = self.con.execute(f"SELECT min(contact_on), max(contact_on) FROM {_TABLE}").fetchone()
        return (row[0], row[1]) if row and row[0] else None


_PRESENT = "SELECT column_name FROM duckdb_columns() WHERE table_name = 'scorecard'"


def _contacts(day: date, options: Options, *, ready: bool) -> str:
    if not ready:
        texts, days = (
            "customer_id name kind channel content campaign category",
            "contact_on trust_on intent_on order_on",
        )
        columns = [f"NULL::VARCHAR AS {name}" for name in texts.split()]
        columns += [f"NULL::DATE AS {name}" for name in (*days.split(), "attention_closes_on", "decision_closes_on")]
        return f"SELECT {', '.join(columns)}, false AS closed, 0 AS step WHERE false"
    on = f"DATE '{day}'"
    begins = "contact_on" if options.decision_from == "first-contact" else "trust_on"
    return f"""
    SELECT *, contact_on + {int(options.funnel_days)} <= {on} AS closed,
        CASE WHEN order_on IS NOT NULL THEN 3 WHEN intent_on IS NOT NULL THEN 2 WHEN trust_on IS NOT NULL THEN 1
            ELSE 0 END AS step,
        CASE WHEN order_on IS NULL THEN contact_on + {int(options.attention_days)} END AS attention_closes_on,
        CASE WHEN order_on IS NULL THEN {begins} + {int(options.decision_days)} END AS decision_closes_on
    FROM (
        SELECT customer_id, name, first_seen_on AS contact_on,
            CASE WHEN trust_on <= {on} THEN trust_on END AS trust_on,
            CASE WHEN intent_on <= {on} THEN intent_on END AS intent_on,
            CASE WHEN transaction_on <= {on} THEN transaction_on END AS order_on,
            first_contact_kind AS kind, first_channel AS channel, first_content AS content,
            first_campaign AS campaign, first_category AS category
        FROM scorecard WHERE first_seen_on <= {on} AND first_contact_kind <> '{ORDER}')"""


@dataclass(frozen=True, slots=True)
class Period:
    """The days in which first contacts lie, both ends included."""

    since: date
    until: date

    @classmethod
    def month(cls, day: date) -> Period:
        """Return the calendar month of a day."""
        return cls(day.replace(day=1), day.replace(day=calendar.monthrange(day.year, day.month)[1]))

    @classmethod
    def read(cls, text: str) -> Period:
        """Return the period of a text: ``2024-03``, ``2024-Q1``, ``2024`` or ``2024-01-15..2024-02-14``.

        Raises
        ------
        FactsError
            When the text is none of these.
        """
        try:
            if match := re.fullmatch(r"(\d{4})-Q([1-4])", text, re.I):
                year, last = int(match[1]), 3 * int(match[2])
                return cls(date(year, last - 2, 1), cls.month(date(year, last, 1)).until)
            if re.fullmatch(r"\d{4}", text):
                return cls(date(int(text), 1, 1), date(int(text), 12, 31))
            if re.fullmatch(r"\d{4}-\d{2}", text):
                return cls.month(date.fromisoformat(f"{text}-01"))
            since, _dots, until = text.partition("..")
            period = cls(date.fromisoformat(since), date.fromisoformat(until or since))
        except ValueError as wrong:
            problem = mark(
                "%(text)r is no period. Write a month (2024-03), a quarter (2024-Q1), a year (2024), or two days "
                "(2024-01-15..2024-02-14)."
            )
            raise FactsError(problem, text=text) from wrong
        if period.until < period.since:
            raise FactsError(mark("The period %(text)r ends before it begins."), text=text)
        return period

    def before(self) -> Period:
        """Return the calendar month before the first day."""
        return Period.month(self.since - timedelta(days=1))
