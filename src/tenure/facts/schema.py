"""The fact tables: what can happen, and how it is written down.

It never reads or writes anything. Money, scores and quantities are exact decimals (18 digits, 4 behind the point),
instants are UTC microseconds.
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


@dataclass(frozen=True, slots=True)
class FactTable:
    """One fact table."""

    name: str  # name in the lake, the command line and the documents
    own: dict[str, pa.DataType]  # its own columns, beside the common ones
    required: tuple[str, ...]  # fields a row needs to be a fact
    # fields that name a fact when its source gives no ``fact_id``; empty when only the whole row can
    key: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """All columns, the common ones first."""
        return pa.schema([*COMMON.items(), *self.own.items(), ("batch_id", TEXT)])


COMMON: dict[str, pa.DataType] = {"fact_id": TEXT, "customer_id": TEXT, "at": INSTANT, "source": TEXT}

_TABLES = (
    FactTable(
        "orders",
        {
            "order_id": TEXT,
            "amount": NUMBER,
            "cost": NUMBER,
            "currency": TEXT,
            "channel": TEXT,
            "store": TEXT,
            "referrer_id": TEXT,
            "status": TEXT,
        },
        ("customer_id", "at", "amount"),
        ("order_id",),  # a refund is a fact of its own; a sale and its cancellation are one
    ),
    FactTable(
        "order_lines",
        {"order_id": TEXT, "product_id": TEXT, "category": TEXT, "quantity": NUMBER, "amount": NUMBER},
        ("customer_id", "at", "order_id", "product_id"),
    ),
    FactTable(
        "interactions",
        {
            "kind": TEXT,
            "channel": TEXT,
            "seconds": NUMBER,
            "content_id": TEXT,
            "category": TEXT,  # of what was looked at, so that browsing counts towards categories(view)
            "campaign_id": TEXT,
            "props": TEXT,
        },
        ("customer_id", "at", "kind"),
    ),
    FactTable(
        "feedback",
        {"survey": TEXT, "measure": TEXT, "score": NUMBER, "comment": TEXT},
        ("customer_id", "at", "measure", "score"),
    ),
    FactTable(
        "cases",
        {"case_id": TEXT, "kind": TEXT, "event": TEXT, "severity": TEXT},
        ("customer_id", "at", "case_id", "kind", "event"),
        ("case_id", "event", "at"),
    ),
    FactTable("costs", {"kind": TEXT, "amount": NUMBER}, ("customer_id", "at", "amount")),
    FactTable("volumes", {"period_start": DAY, "amount": NUMBER}, ("customer_id", "at", "amount")),
    FactTable("balances", {"receivable": NUMBER, "payable": NUMBER}, ("customer_id", "at", "receivable", "payable")),
    FactTable(
        "contracts",
        {"contract_id": TEXT, "event": TEXT, "ends_at": INSTANT},
        ("customer_id", "at", "contract_id", "event"),
        ("contract_id", "event", "at"),
    ),
    FactTable(
        "overrides",
        {"model": TEXT, "stage": TEXT, "reason": TEXT, "until": DAY},
        ("customer_id", "at", "model", "stage", "reason"),
    ),
)

FACT_TABLES: dict[str, FactTable] = {table.name: table for table in _TABLES}

#: Who the facts are about. Not a fact table: the newest row of a customer counts.
CUSTOMERS = pa.schema(
    {
        "customer_id": TEXT,
        "name": TEXT,
        "phone": TEXT,
        "email": TEXT,
        "kind": TEXT,  # person or company
        "created_on": DAY,
        "attributes": TEXT,  # a JSON object, read by attribute(name)
        "source": TEXT,
        "batch_id": TEXT,
        "seen_at": INSTANT,  # when this row was brought, so that the newest wins
    }
)

#: Rows that are no facts, with the reason. They can be repaired and replayed.
QUARANTINE = pa.schema(
    {
        "batch_id": TEXT,
        "table": TEXT,
        "file": TEXT,
        "row": pa.int64(),  # 1 is the first line of the file, headers included
        "column": TEXT,  # as the file calls it; null when the whole row is meant
        "reason": TEXT,  # a code, see tenure.facts.reasons
        "value": TEXT,
        "raw": TEXT,  # the whole row as a JSON object of strings
        "at": INSTANT,
    }
)
