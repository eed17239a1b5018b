"""Purchase types: every order is a first purchase, a repeated one, or one on somebody's recommendation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tenure.words import mark

if TYPE_CHECKING:
    from tenure.facts.lake import Lake

PURCHASE_TYPES = {
    "first": mark("first purchase"),
    "repeat": mark("repeat purchase"),
    "referral": mark("referral purchase"),
}

#: Orders with their `purchase_type`; refunds and cancelled orders have none. A referred order is a referral purchase
#: and nothing else, so that it is counted once, also when it is the customer's first.
TYPED_ORDERS = """
SELECT *, CASE
    WHEN status IS DISTINCT FROM 'sale' THEN NULL
    WHEN referrer_id IS NOT NULL THEN 'referral'
    WHEN row_number() OVER (PARTITION BY customer_id, status ORDER BY "at", fact_id) = 1 THEN 'first'
    ELSE 'repeat'
END AS purchase_type
FROM orders"""


def orders_of(lake: Lake, customer: str) -> list[dict[str, Any]]:
    """Return the orders of a customer, the oldest first, each with its purchase type."""
    columns = 'order_id, "at", amount, currency, status, purchase_type, referrer_id, channel, store'
    sql = f'SELECT {columns} FROM ({TYPED_ORDERS}) WHERE customer_id = $customer ORDER BY "at", fact_id'
    return lake.rows("orders", sql, {"customer": customer})
