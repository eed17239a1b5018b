"""Customers that are probably one: find them, merge them, take a merge back.

The library finds and merges; here a person decides, and stages follow.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from tenure.facts import customers as records
from tenure.words import say
from tenure_app.core import conf
from tenure_app.core.work import actions as jobs
from tenure_app.customers.profile import has, rows

SHOWN = 200


def suspects() -> list[dict[str, Any]]:
    """Return pairs that are probably one customer, the surest first, each with the one with more orders first."""
    pairs = records.duplicates(conf.lake(), SHOWN)
    if not pairs:
        return []
    con = conf.connection()
    orders = "orders" if has(con, "orders") else "(select '' as customer_id, null::timestamp as at where false)"
    cards = rows(
        con,
        f"""with shown as (select unnest(?) as customer_id), sales as (
            select customer_id, count(*) as orders, max("at")::date as last_on
            from {orders} semi join shown using (customer_id) group by customer_id)
        select customer_id, name, phone, email, coalesce(orders, 0) as orders, last_on
        from customers semi join shown using (customer_id) left join sales using (customer_id)
        order by coalesce(orders, 0) desc, customer_id""",
        [customer for pair in pairs for customer in (pair.one, pair.other)],
    )
    shown = []
    for pair in pairs:
        both = [card for card in cards if card["customer_id"] in (pair.one, pair.other)]
        if len(both) == 2:  # else somebody merged one of them meanwhile
            reasons = [say(records.REASONS.get(code, code)) for code in pair.reasons]
            shown.append({"keep": both[0], "other": both[1], "reasons": reasons})
    return shown


def merges(limit: int = 50) -> list[records.Merge]:
    return records.merges(conf.lake())[:limit]


def merge(keep: str, other: str, reason: str) -> None:
    """Make two customers one; stages follow with the next refresh."""
    records.merge(conf.lake(), keep, [other], reason, timezone.now())
    jobs.enqueue("refresh")


def undo(merge_id: str) -> None:
    records.undo_merge(conf.lake(), merge_id, timezone.now())
    jobs.enqueue("refresh")
