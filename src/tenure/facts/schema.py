"""The tables of a lake: facts, who customers are, what became of files, and what follows from the facts.

Money, scores and quantities are exact decimals (18 digits, 4 behind the point), instants are UTC microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tenure.facts.kinds import KINDS
from tenure.facts.streams import Stream, columns_of
from tenure.lake.tables import TableSpec
from tenure.lake.views import quoted

NUMBER = pa.decimal128(18, 4)
SCALE = 10_000  # decimals of NUMBER as whole numbers, so that sums are exact
INSTANT = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
DAY = pa.date32()
#: Columns that hold customers' ids, which are compared without regard to case.
ID_COLUMNS = ("customer_id", "referrer_id")


#: Columns that are no text; a column has the same type in all tables of facts.
_TYPES = {
    **dict.fromkeys(("amount", "cost", "quantity", "seconds", "score", "receivable", "payable"), NUMBER),
    **dict.fromkeys(("at", "ends_at", "seen_at", "committed_at"), INSTANT),
    **dict.fromkeys(("period_start", "until", "created_on", "valid_from"), DAY),
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
    # A note that was withdrawn keeps its row, with the kind "withdrawn", so that no rule sees it.
    _table("profile_notes", "kind category score comment author", "kind category"),
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
#: What a record says holds from `valid_from`; without it, from the day on which it was brought.
CUSTOMERS = schema_of("customer_id name phone email kind created_on attributes valid_from source batch_id seen_at")
#: Every record of a customer, the first imported first: a column beside those of the newest.
HISTORY = pa.list_(pa.struct(list(schema_of("valid_from seen_at name phone email kind attributes batch_id"))))
#: Customers as a lake shows them: one row each, with the moment at which the first record of them was brought.
SHOWN_CUSTOMERS = pa.schema([*CUSTOMERS, pa.field("first_seen_at", INSTANT), pa.field("history", HISTORY)])

#: Rows that are no facts; they can be repaired and replayed. `row` 1 is the first line of the file, headers included.
#: `column` is as the file calls it, null when the whole row is meant. `reason` is a code of tenure.facts.reasons, `raw`
#: the whole row as a JSON object of strings.
QUARANTINE = schema_of("batch_id table file row column reason value raw at")

#: One row per finished import. `mapping` is JSON {field: column}, `reasons` {reason: rows}, `read_as` what --as said.
#: It began `at`; its facts are in the lake since `committed_at`, which tells a refresh whether it has seen them.
BATCHES = schema_of(
    "batch_id table file rows accepted corrected duplicates quarantined mapping reasons source tz read_as at"
    " committed_at"
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


def known_on(tz: str, record: str = "") -> str:
    """Return SQL for the day from which a record holds: its ``valid_from``, or the local day of its import."""
    return f"coalesce({record}valid_from, ({record}seen_at AT TIME ZONE {quoted(tz)})::DATE)"


def _newest_customers(read: str, tz: str) -> str:
    """Show one row per customer: of every column the newest value, attributes laid over each other; and all records.

    What holds only from a later day than today, in the business's time zone, is not shown yet.
    """
    known = f"({known_on(tz)}, seen_at)"
    holds = f"(valid_from IS NULL OR valid_from <= (now() AT TIME ZONE {quoted(tz)})::DATE)"
    described = [
        f"arg_max({column}, {known}) FILTER ({holds}) AS {column}"
        for column in ("name", "phone", "email", "kind", "valid_from")
    ]
    # When somebody became a customer, and who says so, does not begin to hold on a day.
    brought = [f"arg_max({column}, {known}) AS {column}" for column in ("created_on", "source", "batch_id")]
    attributes = (
        f"CASE WHEN count(attributes) FILTER ({holds}) < 2 THEN max(attributes) FILTER ({holds}) ELSE "
        f"list_reduce(list(attributes::JSON ORDER BY {known}) FILTER (attributes IS NOT NULL AND {holds}),"
        " lambda old, new: json_merge_patch(old, new))::VARCHAR END AS attributes"
    )
    record = ", ".join(f"'{field.name}': {field.name}" for field in HISTORY.value_type)
    seen = ["max(seen_at) AS seen_at", "min(seen_at) AS first_seen_at"]
    history = f"list({{{record}}} ORDER BY seen_at) AS history"
    columns = ", ".join(["customer_id", *described, *brought, attributes, *seen, history])
    grouped = f"SELECT {columns} FROM ({with_valid_from(read)}) GROUP BY customer_id"
    return f"SELECT {', '.join(SHOWN_CUSTOMERS.names)} FROM ({grouped})"


def with_valid_from(read: str) -> str:
    """Return SQL whose records have ``valid_from``, which those of older versions lack."""
    return f"SELECT NULL::DATE AS valid_from WHERE false UNION ALL BY NAME ({read})"


#: Every table of a lake by name.
TABLES: dict[str, TableSpec] = {
    **{name: _of_facts(name) for name in FACT_TABLES},
    "customers": TableSpec("facts", CUSTOMERS, customer_columns=("customer_id",), widened=True, view=_newest_customers),
    "identities": TableSpec("facts", IDENTITIES),
    "spellings": TableSpec("facts", SPELLINGS),
    "quarantine": TableSpec("facts", QUARANTINE, partition_by="batch_id"),
    "replaced": TableSpec("facts", REPLACED, partition_by="batch_id", customer_columns=ID_COLUMNS),
    "batches": TableSpec("facts", BATCHES, widened=True),
    "spans": TableSpec("life", generations="markers", shown="coalesce(s.model, '') <> ''"),
    # When which stage could not be judged; as spans, but the days ahead that time alone brings are rows, too.
    "arrivals": TableSpec("life", generations="markers", shown="coalesce(s.model, '') <> ''"),
    "doubts": TableSpec("life", generations="markers", shown="coalesce(s.model, '') <> ''"),
    # Customers who have no facts any more keep an empty row, which hides the one they had.
    "scorecard": TableSpec("life", generations="rows", shown="s.orders IS NOT NULL"),
    "score_history": TableSpec("life"),  # scores that rules read, by day; of a merged customer, those of whom is kept
    "populations": TableSpec("life"),  # how customers compared on a day, where rules read it
    "refreshes": TableSpec("life"),
    "fits": TableSpec("life"),  # what was fitted, see tenure.stats.record
    "warnings": TableSpec("life"),  # one row a customer and signal
    "reports": TableSpec("life"),  # what pages show of everybody, one JSON object a name
    "pairs": TableSpec("life"),  # products that go together
    "recommendations": TableSpec("life"),  # one row a customer and product
}
