"""The tables of a lake: facts, who customers are, what became of files, and what follows from the facts."""

from __future__ import annotations

from tenure.facts.kinds import KINDS
from tenure.facts.schema import CUSTOMERS, FACT_TABLES, ID_COLUMNS, QUARANTINE, schema_of
from tenure.facts.streams import Stream, columns_of
from tenure.lake.tables import TableSpec

#: One row per finished import. `mapping` is JSON {field: column}, `reasons` {reason: rows}, `read_as` what --as said.
BATCHES = schema_of(
    "batch_id table file rows accepted corrected duplicates quarantined mapping reasons source tz read_as at"
)
#: One row per merged customer, or per undone merge (`customer_id` and `into_id` repeated from the merge).
IDENTITIES = schema_of("merge_id action customer_id into_id reason at")
#: The first-seen spelling of every id that has letters: ids that differ only in case are one customer.
SPELLINGS = schema_of("key customer_id")
#: What facts said before the correction `batch_id` replaced them: `was`, a JSON object. A refresh looks again at
#: `customer_id`, who had the fact.
REPLACED = schema_of("batch_id table fact_id customer_id referrer_id was at")


def _of_facts(name: str) -> TableSpec:
    kinds = [kind for kind in KINDS.values() if kind.table == name]
    fields = [column for kind in kinds for column in (*kind.fields, kind.present) if column]
    indexed = tuple(columns_of(Stream(name), fields)[1:])
    return TableSpec(
        "facts",
        FACT_TABLES[name].schema,
        customer_columns=ID_COLUMNS if name == "orders" else ("customer_id",),
        is_sorted=True,
        indexed=indexed,
        listed=tuple(column for column in indexed if column in {kind.column for kind in kinds}),
        optional=tuple({kind.present for kind in kinds if kind.present}),
    )


def _newest_customers(read: str) -> str:
    """Show one row per customer: of every column the newest value, attributes laid over each other."""
    newest = [
        f"arg_max({column}, seen_at) AS {column}"
        for column in CUSTOMERS.names
        if column not in {"customer_id", "attributes", "seen_at"}
    ]
    attributes = (
        "CASE WHEN count(attributes) < 2 THEN max(attributes) ELSE "
        "list_reduce(list(attributes::JSON ORDER BY seen_at) FILTER (attributes IS NOT NULL),"
        " lambda old, new: json_merge_patch(old, new))::VARCHAR END AS attributes"
    )
    columns = ", ".join(["customer_id", *newest, attributes, "max(seen_at) AS seen_at"])
    return f"SELECT {', '.join(CUSTOMERS.names)} FROM (SELECT {columns} FROM ({read}) GROUP BY customer_id)"


#: Every table of a lake by name.
TABLES: dict[str, TableSpec] = {
    **{name: _of_facts(name) for name in FACT_TABLES},
    "customers": TableSpec("facts", CUSTOMERS, customer_columns=("customer_id",), view=_newest_customers),
    "identities": TableSpec("facts", IDENTITIES),
    "spellings": TableSpec("facts", SPELLINGS),
    "quarantine": TableSpec("facts", QUARANTINE, partition_by="batch_id"),
    "replaced": TableSpec("facts", REPLACED, partition_by="batch_id", customer_columns=ID_COLUMNS),
    "batches": TableSpec("facts", BATCHES, widened=True),
    "spans": TableSpec("life", generations="markers", shown="coalesce(s.model, '') <> ''"),
    # Customers who have no facts any more keep an empty row, which hides the one they had.
    "scorecard": TableSpec("life", generations="rows", shown="s.orders IS NOT NULL"),
    "refreshes": TableSpec("life"),
    "fits": TableSpec("life"),  # what was fitted, see tenure.stats.record
    "warnings": TableSpec("life"),  # one row a customer and signal
    "reports": TableSpec("life"),  # what pages show of everybody, one JSON object a name
    "pairs": TableSpec("life"),  # products that go together
    "recommendations": TableSpec("life"),  # one row a customer and product
}
