"""Decision time: how many days pass from the first contact to the first order.

People who have not decided yet are not left out: they enter the curve as right-censored, with the days that they were
watched. A quartile is the day by which a quarter, half or three quarters have ordered; None when fewer have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.stats.survival import kaplan_meier

if TYPE_CHECKING:
    from tenure.acquisition.contacts import Contacts

#: Groups shown, the largest first; months, the newest.
SHOWN = 12
_MONTH = "strftime(contact_on, '%Y-%m')"


def decision_time(contacts: Contacts) -> dict[str, Any]:
    """Return the decision time of everybody, by channel of first contact, by source, and by month of first contact.

    Returns
    -------
    dict
        `all`, and `groups`: rows by `channel`, `month` and each `attribute:NAME` that names a source. A row has
        `people`, `ordered`, `waiting` (censored), `lower_quartile`, `median_days` and `upper_quartile`.
    """
    groups = {"channel": _groups(contacts, "channel"), "month": _groups(contacts, _MONTH, by_value=True)}
    if contacts.has("customers"):
        for name in SOURCES:
            source = f"json_extract_string(attributes, '/{name}')"
            joined = (
                f"first_contacts LEFT JOIN (SELECT customer_id, {source} AS source FROM customers) USING (customer_id)"
            )
            groups[f"attribute:{name}"] = _groups(contacts, "source", f"({joined})")
    everybody = _row("", *_durations(contacts, "'all'", "first_contacts")["all"])
    return {"as_of": contacts.day, "all": everybody, "groups": {name: rows for name, rows in groups.items() if rows}}


#: Attributes by which shops name where a customer came from.
SOURCES = ("acquisition_channel", "source", "utm_source", "来源", "来源渠道", "获客渠道")


def _groups(
    contacts: Contacts, value: str, table: str = "first_contacts", *, by_value: bool = False
) -> list[dict[str, Any]]:
    durations = _durations(contacts, value, table)
    rows = [_row(name, days, ended) for name, (days, ended) in durations.items() if name is not None]
    if by_value:
        return sorted(rows, key=lambda row: row["value"])[-SHOWN:]
    return sorted(rows, key=lambda row: (-row["people"], row["value"]))[:SHOWN]


def _durations(contacts: Contacts, value: str, table: str) -> dict[str | None, tuple[np.ndarray, np.ndarray]]:
    """Return the days watched, and whether they ended with an order, of the people of each value."""
    rows = contacts.rows(
        f"""SELECT {value} AS value, coalesce(order_on, $day::DATE) - contact_on AS days, order_on IS NOT NULL AS ended,
            count(*) AS people FROM {table} GROUP BY ALL ORDER BY ALL""",
        day=contacts.day,
    )
    grouped: dict[str | None, list[dict[str, Any]]] = {} if rows else {"all": []}
    for row in rows:
        grouped.setdefault(row["value"], []).append(row)
    return {
        name: (
            np.repeat([row["days"] for row in of], [row["people"] for row in of]) if of else np.empty(0),
            np.repeat([row["ended"] for row in of], [row["people"] for row in of]) if of else np.empty(0, bool),
        )
        for name, of in grouped.items()
    }


def _row(value: str, days: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
    curve, ordered = kaplan_meier(days, ended), int(ended.sum())
    return {
        "value": value,
        "people": len(days),
        "ordered": ordered,
        "waiting": len(days) - ordered,
        "lower_quartile": curve.first_day_at(0.75),
        "median_days": curve.first_day_at(0.5),
        "upper_quartile": curve.first_day_at(0.25),
    }
