"""The two windows of people without a transaction: attention and decision.

Attention lasts a week to a month, deciding takes several weeks to several months, says the source. The days that a
shop assumes are options of its lake (30 and 90 unless set otherwise).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tenure.acquisition.contacts import Contacts, Period
from tenure.acquisition.labels import WINDOWS
from tenure.acquisition.scoring import STEPS

#: Days that a list of closing windows looks ahead, the day itself included.
WEEK = 7


def week_from(day: date) -> Period:
    """Return the days that a list of closing windows shows; fewer at the end of the calendar."""
    return Period(day, day + timedelta(days=min(WEEK - 1, (date.max - day).days)))


def closing(
    contacts: Contacts,
    since: date | None = None,
    until: date | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Return the people whose window closes on one of the days, the soonest first; this week's when none is given.

    Returns
    -------
    list of dict
        customer_id, name, `step` (stage of the funnel), contact_on, both days of closing, `closes_on` and `window` (the
        first that closes in these days), `days_left`, and the last interaction: `touched_on`, and `touched_by`, its
        kind.
    """
    since = since or contacts.day
    until = until or week_from(since).until
    page = f"LIMIT {int(limit)} OFFSET {int(offset)}" if limit is not None else ""
    sql = f"SELECT * FROM ({_CLOSING}) ORDER BY closes_on, customer_id {page}"
    rows = contacts.rows(sql, since=since, until=until)
    touches = _last_touches(contacts, [row["customer_id"] for row in rows])
    for row in rows:
        row["step"], row["days_left"] = STEPS[row["step"]], (row["closes_on"] - contacts.day).days
        row["touched_on"], row["touched_by"] = touches.get(row["customer_id"], (None, None))
    return rows


def count(contacts: Contacts, since: date, until: date) -> dict[str, int]:
    """Return how many people's windows close on one of the days: of either kind, and together."""
    sql = f"""SELECT count(*) AS people, count(*) FILTER (attention_closes_on BETWEEN $since AND $until) AS attention,
        count(*) FILTER (decision_closes_on BETWEEN $since AND $until) AS decision FROM ({_CLOSING})"""
    return contacts.rows(sql, since=since, until=until)[0]


def of_customer(contacts: Contacts, customer: str) -> dict[str, Any] | None:
    """Return both windows of one customer; None after the transaction, and without a contact before it."""
    sql = "SELECT * FROM first_contacts WHERE customer_id = $customer AND transaction_on IS NULL"
    for row in contacts.rows(sql, customer=customer):
        left = {name: row[f"{name}_closes_on"] for name in WINDOWS}
        days = {f"{name}_left": on and (on - contacts.day).days for name, on in left.items()}
        return row | {"step": STEPS[row["step"]], **days}
    return None


_CLOSING = """
    SELECT customer_id, name, step, contact_on, attention_closes_on, decision_closes_on,
        least(
            CASE WHEN attention_closes_on BETWEEN $since AND $until THEN attention_closes_on END,
            CASE WHEN decision_closes_on BETWEEN $since AND $until THEN decision_closes_on END) AS closes_on,
        CASE WHEN closes_on = attention_closes_on THEN 'attention' ELSE 'decision' END AS window
    FROM first_contacts WHERE closes_on IS NOT NULL"""


def _last_touches(contacts: Contacts, customers: list[str]) -> dict[str, tuple[date, str]]:
    if not customers or not contacts.has("interactions"):
        return {}
    rows = contacts.rows(
        f"""SELECT customer_id, max({{'at': epoch_us("at"), 'on': "on", 'kind': kind}}) AS touch
        FROM (SELECT *, {contacts.local_day("interactions")} AS "on" FROM interactions
            WHERE customer_id IN (SELECT unnest($customers)))
        WHERE "on" <= $day GROUP BY customer_id""",
        customers=customers,
        day=contacts.day,
    )
    return {row["customer_id"]: (row["touch"]["on"], row["touch"]["kind"]) for row in rows}
