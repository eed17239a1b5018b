"""Customers that are probably one: find them, merge them, take a merge back.

The library finds and merges; here a person decides, and stages follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from tenure_app.core import conf
from tenure_app.core.work import actions as jobs

if TYPE_CHECKING:
    from tenure.facts.customers import Merge

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Card:
    """What one sees of a customer before deciding."""

    customer_id: str
    name: str
    phone: str
    email: str
    orders: int
    first_on: Any
    last_on: Any


@dataclass(frozen=True, slots=True)
class Suspects:
    """Two customers who are probably one, the one with more orders first."""

    keep: Card
    other: Card
    reasons: tuple[str, ...]


def suspects(limit: int = SHOWN) -> list[Suspects]:
    """Return pairs that are probably one customer, the surest first."""
    from tenure.facts.customers import duplicates

    pairs = duplicates(conf.lake(), limit)
    cards = _cards(sorted({one for pair in pairs for one in (pair.one, pair.other)}))
    found = []
    for pair in pairs:
        both = sorted((cards[pair.one], cards[pair.other]), key=lambda card: (-card.orders, card.customer_id))
        found.append(Suspects(both[0], both[1], pair.reasons))
    return found


def _cards(ids: Sequence[str]) -> dict[str, Card]:
    blank = {one: Card(one, "", "", "", 0, None, None) for one in ids}
    if not ids:
        return blank
    lake, con = conf.lake(), conf.connection()
    orders = "SELECT NULL AS customer_id, 0 AS n, NULL AS a, NULL AS z WHERE false"
    if lake.has("orders"):
        orders = (
            'SELECT customer_id, count(*) AS n, min("at")::DATE AS a, max("at")::DATE AS z FROM orders'
            " WHERE customer_id IN (SELECT unnest($ids)) GROUP BY 1"
        )
    rows = con.execute(
        f"""SELECT c.customer_id, c.name, c.phone, c.email, coalesce(o.n, 0), o.a, o.z
        FROM customers AS c LEFT JOIN ({orders}) AS o USING (customer_id)
        WHERE c.customer_id IN (SELECT unnest($ids))""",
        {"ids": list(ids)},
    ).fetchall()
    told = {row[0]: Card(row[0], row[1] or "", row[2] or "", row[3] or "", *row[4:]) for row in rows}
    return blank | told


def done(limit: int = 50) -> list[Merge]:
    """Return the newest merges."""
    from tenure.facts.customers import merges

    return merges(conf.lake())[:limit]


def merge(keep: str, other: str, reason: str) -> str:
    """Make two customers one; stages follow with the next refresh."""
    from tenure.facts.customers import merge as merge_in_lake

    merge_id = merge_in_lake(conf.lake(), keep, [other], reason, timezone.now())
    jobs.enqueue("refresh")
    return merge_id


def undo(merge_id: str) -> None:
    """Take a merge back."""
    from tenure.facts.customers import undo_merge

    undo_merge(conf.lake(), merge_id, timezone.now())
    jobs.enqueue("refresh")
