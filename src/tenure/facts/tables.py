"""The tables of a lake beside the fact tables, and where each lies."""

from __future__ import annotations

import pyarrow as pa

from tenure.facts.identities import IDENTITIES, SPELLINGS
from tenure.facts.schema import CUSTOMERS, FACT_TABLES, INSTANT, QUARANTINE, TEXT

LIFE = (
    "spans",
    "scorecard",
    "refreshes",
    "fits",  # what was fitted, see tenure.stats.record
    "warnings",  # one row a customer and signal
    "reports",  # what pages show of everybody, one JSON object a name
    "pairs",  # products that go together
    "recommendations",  # one row a customer and product
)

#: One row per finished import.
BATCHES = pa.schema(
    {
        "batch_id": TEXT,
        "table": TEXT,
        "file": TEXT,
        "rows": pa.int64(),
        "accepted": pa.int64(),
        "corrected": pa.int64(),
        "duplicates": pa.int64(),
        "quarantined": pa.int64(),
        "mapping": TEXT,  # JSON {field: column}
        "reasons": TEXT,  # JSON {reason: rows}
        "source": TEXT,
        "tz": TEXT,
        "read_as": TEXT,  # what --as said
        "at": INSTANT,
    }
)
#: What facts said before a correction replaced them.
REPLACED = pa.schema(
    {
        "batch_id": TEXT,  # of the correction
        "table": TEXT,
        "fact_id": TEXT,
        "customer_id": TEXT,  # who had the fact; a refresh looks at them again
        "referrer_id": TEXT,
        "was": TEXT,  # the whole fact as a JSON object
        "at": INSTANT,
    }
)
SCHEMAS: dict[str, pa.Schema] = {
    **{name: table.schema for name, table in FACT_TABLES.items()},
    "customers": CUSTOMERS,
    "identities": IDENTITIES,
    "spellings": SPELLINGS,
    "quarantine": QUARANTINE,
    "replaced": REPLACED,
    "batches": BATCHES,
}
PARTITIONED = {"quarantine": "batch_id", "replaced": "batch_id"}
