"""Fact kinds: the words that rules use for facts, and the rows each word stands for.

It never reads the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

_INTERACTIONS = (
    "first_contact view search like comment share review enquiry chat call visit open click reply register"
    " login cart quote trial negotiation use lesson completion upgrade redeem commitment referral"
    " termination_notice competitor_search"
)
INTERACTIONS = tuple(_INTERACTIONS.split())
FEEDBACK = ("csat", "nps", "expectation", "experience")
#: What is known of somebody who thinks about buying; rows of this table are no contact of theirs.
NOTES = ("information_need", "competing_brand", "psychology", "brand_perception")


@dataclass(frozen=True, slots=True)
class Kind:
    name: str  # the word in rules
    table: str  # the fact table its rows lie in
    column: str = ""  # the rows are those whose `column` holds one of `values`; all rows when `column` is empty
    values: tuple[str, ...] = ()
    # numbers of a row that rules may sum, average, and so on. The first is what ``last(kind)`` reads.
    fields: tuple[str, ...] = ()
    who: str = "customer_id"  # the column that says whose fact it is: ``referred_buyer`` belongs to the referrer
    present: str = ""  # A column that must not be empty


SALE, REFUND = "sale", "refund"

_KINDS = (
    Kind("order", "orders", "status", (SALE,), ("amount", "cost")),
    Kind("refund", "orders", "status", (REFUND,), ("amount",)),
    Kind("referred_order", "orders", "status", (SALE,), ("amount",), present="referrer_id"),
    Kind("referred_buyer", "orders", "status", (SALE,), ("amount",), who="referrer_id"),
    Kind("line", "order_lines", fields=("amount", "quantity")),
    Kind("interaction", "interactions", fields=("seconds",)),
    *(Kind(name, "interactions", "kind", (name,), ("seconds",)) for name in INTERACTIONS),
    *(Kind(name, "feedback", "measure", (name,), ("score",)) for name in FEEDBACK),
    *(Kind(name, "profile_notes", "kind", (name,), ("score",)) for name in NOTES),
    Kind("case", "cases"),
    Kind("complaint", "cases", "kind", ("complaint",)),
    Kind("cost", "costs", fields=("amount",)),
    Kind("volume", "volumes", fields=("amount",)),
    Kind("balance", "balances", fields=("receivable", "payable")),
    Kind("contract", "contracts"),
    Kind("start", "contracts", "event", ("started",)),
    Kind("renewal", "contracts", "event", ("renewed",)),
    Kind("cancel", "contracts", "event", ("cancelled",)),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
