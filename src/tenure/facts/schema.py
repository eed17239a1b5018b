"""The fact tables: what can happen, and how it is written down.

Money, scores and quantities are exact decimals (18 digits, 4 behind the point), instants are UTC microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

NUMBER = pa.decimal128(18, 4)
INSTANT = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
DAY = pa.date32()
#: Columns that hold customers' ids, which are compared without regard to case.
ID_COLUMNS = ("customer_id", "referrer_id")


#: Columns that are no text; a column has the same type in all tables of facts.
_TYPES = {
    **dict.fromkeys(("amount", "cost", "quantity", "seconds", "score", "receivable", "payable"), NUMBER),
    **dict.fromkeys(("at", "ends_at", "seen_at"), INSTANT),
    **dict.fromkeys(("period_start", "until", "created_on"), DAY),
    **dict.fromkeys(("row", "rows", "accepted", "corrected", "duplicates", "quarantined"), pa.int64()),
}


def schema_of(names: str) -> pa.Schema:
    """Return a schema of columns, named with blanks between them."""
    return pa.schema([(name, _TYPES.get(name, TEXT)) for name in names.split()])


COMMON = ("fact_id", "customer_id", "at", "source")


@dataclass(frozen=True, slots=True)
class FactTable:
    name: str  # in the lake, the command line and the documents
    own: tuple[str, ...]  # its own columns, beside the common ones
    required: tuple[str, ...]  # fields a row needs to be a fact
    key: tuple[str, ...]  # fields that name a fact whose source gives no ``fact_id``; empty: only the whole row can

    @property
    def schema(self) -> pa.Schema:
        """All columns, the common ones first."""
        return schema_of(" ".join((*COMMON, *self.own, "batch_id")))


def _table(name: str, own: str, required: str, key: str = "") -> FactTable:
    return FactTable(name, tuple(own.split()), ("customer_id", "at", *required.split()), tuple(key.split()))


_TABLES = (
    # A refund is a fact of its own; a sale and its cancellation are one.
    _table("orders", "order_id amount cost currency channel store referrer_id status", "amount", key="order_id"),
    _table("order_lines", "order_id product_id category quantity amount", "order_id product_id"),
    # The category is that of what was looked at, so that browsing counts towards categories(view).
    _table("interactions", "kind channel seconds content_id category campaign_id props", "kind"),
    _table("feedback", "survey measure score comment", "measure score"),
    _table("cases", "case_id kind event severity", "case_id kind event", key="case_id event at"),
    _table("costs", "kind amount", "amount"),
    _table("volumes", "period_start amount", "amount"),
    _table("balances", "receivable payable", "receivable payable"),
    _table("contracts", "contract_id event ends_at", "contract_id event", key="contract_id event at"),
    _table("overrides", "model stage reason until", "model stage reason"),
)

FACT_TABLES: dict[str, FactTable] = {table.name: table for table in _TABLES}

#: Who the facts are about: a person or a company. `attributes` is a JSON object, read by attribute(name). Not a fact
#: table: the newest row of a customer counts, by `seen_at`, when it was brought.
CUSTOMERS = schema_of("customer_id name phone email kind created_on attributes source batch_id seen_at")

#: Rows that are no facts; they can be repaired and replayed. `row` 1 is the first line of the file, headers included.
#: `column` is as the file calls it, null when the whole row is meant. `reason` is a code of tenure.facts.reasons, `raw`
#: the whole row as a JSON object of strings.
QUARANTINE = schema_of("batch_id table file row column reason value raw at")
