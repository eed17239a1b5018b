"""Decision time: how many days pass from the first contact to the transaction.

People without a transaction are not left out: they enter the curve as right-censored, with the days that they were
watched. A quartile is the day by which a quarter, half or three quarters have converted; None when fewer have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.acquisition.attributes import SOURCES, attributes_sql
from tenure.acquisition.labels import ATTRIBUTE
from tenure.stats.survival import kaplan_meier

if TYPE_CHECKING:
    from tenure.acquisition.contacts import Contacts, Period

#: Groups shown, the largest first; months, the newest.
SHOWN = 12
_SQL = {"": "''", "channel": "channel", "month": "strftime(contact_on, '%Y-%m')"}


def decision_time(contacts: Contacts, period: Period) -> dict[str, Any]:
    """Return the decision time of a period: of all people, by channel, by month of first contact, and by source.

    Returns
    -------
    dict
        `all`, and `groups`: rows by `channel`, `month` and each `attribute:NAME` that names a source. A row has
        `people`, `converted`, `waiting` (censored), `lower_quartile`, `median_days` and `upper_quartile`.
    """
    groups = {name: decision_time_by(contacts, period, name) for name in groupings(contacts, period)}
    return {"as_of": contacts.day, "all": decision_time_of_all(contacts, period), "groups": groups}


def groupings(contacts: Contacts, period: Period) -> list[str]:
    """Return by what the people of a period can be grouped: what is known of at least one of them."""
    sql = """SELECT count(channel) > 0 AS channel, count(*) > 0 AS month FROM first_contacts
        WHERE contact_on BETWEEN $since AND $until"""
    [known] = contacts.rows(sql, since=period.since, until=period.until)
    names = [name for name in ("channel", "month") if known[name]]
    if contacts.has("customers"):
        rows = contacts.rows(
            f"""SELECT DISTINCT attribute FROM ({attributes_sql(contacts)}) JOIN first_contacts USING (customer_id)
            WHERE list_contains($sources, attribute) AND value IS NOT NULL AND contact_on BETWEEN $since AND $until""",
            sources=list(SOURCES),
            since=period.since,
            until=period.until,
        )
        known_sources = {row["attribute"] for row in rows}
        names += [f"{ATTRIBUTE}{name}" for name in SOURCES if name in known_sources]
    return names


def decision_time_of_all(contacts: Contacts, period: Period) -> dict[str, Any]:
    """Return the decision time of all people of a period, as a row of :func:`decision_time`."""
    return _row("", *_durations(contacts, period, "").get("", (np.empty(0), np.empty(0, bool))))


def decision_time_by(contacts: Contacts, period: Period, grouping: str) -> list[dict[str, Any]]:
    """Return the decision time of each group, as rows of :func:`decision_time`."""
    durations = _durations(contacts, period, grouping)
    rows = [_row(value, *days) for value, days in durations.items() if value is not None]
    if grouping == "month":
        return sorted(rows, key=lambda row: row["value"])[-SHOWN:]
    return sorted(rows, key=lambda row: (-row["people"], row["value"]))[:SHOWN]


def _durations(contacts: Contacts, period: Period, grouping: str) -> dict[str | None, tuple[np.ndarray, np.ndarray]]:
    """Return the days watched, and whether they ended with a transaction, of the people of each value."""
    table, values = "first_contacts", {}
    if grouping.startswith(ATTRIBUTE):
        values = {"name": grouping.removeprefix(ATTRIBUTE)}
        table += f" LEFT JOIN (FROM ({attributes_sql(contacts)}) WHERE attribute = $name) USING (customer_id)"
    rows = contacts.rows(
        f"""SELECT {_SQL.get(grouping, "value")} AS value, coalesce(transaction_on, $day::DATE) - contact_on AS days,
            transaction_on IS NOT NULL AS ended, count(*) AS people
        FROM {table} WHERE contact_on BETWEEN $since AND $until GROUP BY ALL ORDER BY ALL""",
        day=contacts.day,
        since=period.since,
        until=period.until,
        **values,
    )
    grouped: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["value"], []).append(row)
    return {
        value: (
            np.repeat([row["days"] for row in members], [row["people"] for row in members]),
            np.repeat([row["ended"] for row in members], [row["people"] for row in members]),
        )
        for value, members in grouped.items()
    }


def _row(value: str, days: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
    curve, converted = kaplan_meier(days, ended), int(ended.sum())
    return {
        "value": value,
        "people": len(days),
        "converted": converted,
        "waiting": len(days) - converted,
        "lower_quartile": curve.first_day_at(0.75),
        "median_days": curve.first_day_at(0.5),
        "upper_quartile": curve.first_day_at(0.25),
    }
