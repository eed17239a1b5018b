"""First contacts: all people with a contact before their first transaction, for pages, commands and notebooks.

Read from the scorecard of the last refresh, for that day or any earlier one: a step that was reached later is not known
yet. Customers without a contact on record before their first order or contract are counted apart, since the day of
their first contact is not known.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tenure.acquisition.scoring import ORDER, SCHEMA, STEPS, windows_sql
from tenure.clock import day_sql
from tenure.errors import FactsError, LakeError
from tenure.lake import views
from tenure.scorecard.options import options_of
from tenure.words import mark

if TYPE_CHECKING:
    import duckdb

    from tenure.facts.lake import Lake
    from tenure.scorecard.model import Options

#: The day of each step.
DAYS = dict(zip(STEPS, ("contact_on", "trust_on", "intent_on", "transaction_on"), strict=True))
_TABLE = "first_contacts"


class NotEvaluated(LakeError):
    """There was a refresh, but it did not evaluate first contacts."""


@dataclass(frozen=True)
class Contacts:
    """First contacts up to a day, in the temporary table ``first_contacts`` of a connection.

    Its columns: customer_id, name, contact_on, trust_on, intent_on, transaction_on (each null while it is not reached),
    kind, channel, content, campaign, category (of the first contact), `closed` (the funnel's days are over), `step`
    (where they are, 0 to 3), attention_closes_on and decision_closes_on of those without a transaction.
    """

    con: duckdb.DuckDBPyConnection  # with the lake's views
    day: date
    options: Options
    tz: str  # in which days are local

    @classmethod
    def of_lake(
        cls,
        lake: Lake,
        con: duckdb.DuckDBPyConnection | None = None,
        day: date | None = None,
        customer: str | None = None,
        **assumed: Any,
    ) -> Contacts:
        """Read the first contacts of a lake's scorecard, up to a day, but no later than its last refresh.

        Parameters
        ----------
        lake : Lake
            A refreshed lake.
        con : DuckDBPyConnection, optional
            A connection with the views of the lake.
        day : date, optional
            The day of the last refresh when omitted.
        customer : str, optional
            Read this customer alone.
        **assumed
            Days that replace those of the lake's options, such as ``funnel_days``; None leaves them.

        Raises
        ------
        LakeError
            When the lake was not refreshed; ``NotEvaluated`` when the refresh did not evaluate first contacts.
        """
        con = lake.connect() if con is None else con
        present = {row[0] for row in con.execute(_PRESENT).fetchall()}
        if not present:
            text = mark("The lake in %(path)s has no stages yet. Run: tenure refresh --lake %(path)s")
            raise LakeError(text, path=lake.path)
        # A refresh of the stages alone leaves a scorecard that does not say of which day it is.
        if not present.issuperset({"as_of", *SCHEMA.names}):
            raise NotEvaluated(
                mark("The last refresh did not evaluate first contacts. Run: tenure refresh --lake %(path)s"),
                path=lake.path,
            )
        [(last,)] = con.execute("SELECT max(as_of) FROM scorecard").fetchall()
        options = replace(options_of(lake), **{name: days for name, days in assumed.items() if days is not None})
        return cls.of(con, min(day or last, last) if last else day or date.min, options, lake.settings.tz, customer)

    @classmethod
    def of(
        cls, con: duckdb.DuckDBPyConnection, day: date, options: Options, tz: str, customer: str | None = None
    ) -> Contacts:
        """Read the first contacts that an evaluated scorecard holds, up to a day; of one customer if one is named."""
        where, values = ("", []) if customer is None else ("AND customer_id = ?", [customer])
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_TABLE} AS {_contacts(day, options, where)}", values)
        return cls(con, day, options, tz)

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query; ``$name`` stands for a value."""
        result = self.con.execute(sql, values)
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def has(self, view: str) -> bool:
        """Whether the lake has a table."""
        return view in views.names(self.con)

    def local_day(self, table: str) -> str:
        """Return SQL for the local day of the facts of a table."""
        row = self.con.execute(f'SELECT epoch_us(min("at")), epoch_us(max("at")) FROM {table}').fetchone()
        low, high = row or (0, 0)
        return day_sql('"at"', self.tz, low or 0, high or 0)

    def count_without_contact(self, period: Period) -> int:
        """Return how many customers of a period made a transaction before any contact with them was recorded."""
        sql = f"SELECT count(*) FROM scorecard WHERE first_contact_kind = '{ORDER}' AND first_seen_on BETWEEN ? AND ?"
        row = self.con.execute(sql, [period.since, min(period.until, self.day)]).fetchone()
        return int(row[0]) if row else 0

    def edges(self) -> tuple[date, date] | None:
        """Return the days of the earliest and the latest first contact; None when there is none."""
        row = self.con.execute(f"SELECT min(contact_on), max(contact_on) FROM {_TABLE}").fetchone()
        return (row[0], row[1]) if row and row[0] else None

    def whole_period(self) -> Period:
        """Return the period of all first contacts; the day alone when there are none.

        It is that of all customers up to the day: those without a contact are counted over the same days, and both
        together are everybody.
        """
        if self.edges() is None:
            return Period(self.day, self.day)
        [(first,)] = self.con.execute("SELECT min(first_seen_on) FROM scorecard").fetchall()
        return Period(first, self.day)

    def first_day(self) -> date | None:
        """Return the day of the earliest first contact up to the last refresh; None when there is none at all."""
        sql = f"SELECT min(first_seen_on) FROM scorecard WHERE first_contact_kind <> '{ORDER}'"
        row = self.con.execute(sql).fetchone()
        return row[0] if row else None


_PRESENT = "SELECT column_name FROM duckdb_columns() WHERE table_name = 'scorecard'"


def _contacts(day: date, options: Options, where: str) -> str:
    on = f"DATE '{day}'"
    return f"""
    SELECT *, contact_on + {int(options.funnel_days)} <= {on} AS closed,
        CASE WHEN transaction_on IS NOT NULL THEN 3 WHEN intent_on IS NOT NULL THEN 2 WHEN trust_on IS NOT NULL THEN 1
            ELSE 0 END AS step,
        {windows_sql(options, "contact_on")}
    FROM (
        SELECT customer_id, name, first_seen_on AS contact_on,
            CASE WHEN trust_on <= {on} THEN trust_on END AS trust_on,
            CASE WHEN intent_on <= {on} THEN intent_on END AS intent_on,
            CASE WHEN transaction_on <= {on} THEN transaction_on END AS transaction_on,
            first_contact_kind AS kind, first_channel AS channel, first_content AS content,
            first_campaign AS campaign, first_category AS category
        FROM scorecard WHERE first_seen_on <= {on} AND first_contact_kind <> '{ORDER}' {where})"""


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
                "%(text)r is not a valid period. Write a month (2024-03), a quarter (2024-Q1), a year (2024), or two "
                "days (2024-01-15..2024-02-14)."
            )
            raise FactsError(problem, text=text) from wrong
        if period.until < period.since:
            raise FactsError(mark("The period %(text)r ends before it begins."), text=text)
        return period

    def before(self) -> Period:
        """Return the calendar month before the first day."""
        return Period.month(self.since - timedelta(days=1))
