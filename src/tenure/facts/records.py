"""What was known of customers on which day: their records, each from the day on which it became known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import local_days
from tenure.facts.schema import HISTORY, SHOWN_CUSTOMERS, TABLES, TEXT, known_on, with_valid_from
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from datetime import date

    from tenure.facts.lake import Lake

FIELDS = ("name", "phone", "email", "kind")  # what ``attribute(name)`` reads beside the attributes
ALWAYS = np.iinfo(np.int32).min


@dataclass(frozen=True)
class KnownRecords:
    """Records by customer, in the order in which they became known."""

    who: np.ndarray  # number of the customer
    days: np.ndarray  # since when each is known; ALWAYS for tables that do not say
    records: pa.Table

    def values(self, name: str) -> tuple[list[str | float], np.ndarray]:
        """Return the values of an attribute, and which of them is known from each record on; -1 for none.

        A record without it says nothing, and what was known goes on; one that has it as null takes it back.
        """
        if not self._has(name):
            return [], np.full(len(self.who), -1)
        coded = _json_of(self.records, name).dictionary_encode()
        spelled = coded.dictionary.to_pylist()
        codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        begins = np.append(True, self.who[1:] != self.who[:-1])[: len(codes)]
        latest = np.maximum.accumulate(np.where(begins | (codes >= 0), np.arange(len(codes)), 0))
        codes = codes[latest]
        if "null" in spelled:
            codes[codes == spelled.index("null")] = -1
        return [_plain(text) for text in spelled], codes

    def _has(self, name: str) -> bool:
        """Whether any record may have an attribute: looking into those of everybody takes a query of their JSON."""
        columns = ["attributes", *(column for column in FIELDS if column == name)]
        return any(self.records.column(column).null_count < len(self.records) for column in columns)


def known_since(lake: Lake, customer: str | None = None) -> dict[str, tuple[date, date]]:
    """Return for each attribute the first and the last day on which it became known of a customer.

    Both are the same when only one `customer` is asked for.
    """
    stored = lake.stored("customers")
    if not stored:
        return {}
    con, merged = connect(), lake.merged()
    con.register("merged", pa.table({"merged_id": pa.array(merged, TEXT), "target": pa.array(merged.values(), TEXT)}))
    columns = " ".join(f"UNION ALL SELECT who, day, '{name}' FROM records WHERE {name} IS NOT NULL" for name in FIELDS)
    rows = con.execute(
        f"""
        WITH records AS (
            SELECT *, coalesce(target, customer_id) AS who, {known_on(lake.tz)} AS day
            FROM ({with_valid_from(f"FROM {stored}")}) LEFT JOIN merged ON merged_id = customer_id
        ),
        known AS (SELECT who, day, unnest(json_keys(attributes::JSON)) AS name FROM records {columns}),
        since AS (
            SELECT who, name, min(day) AS day FROM known WHERE $customer IS NULL OR who = $customer GROUP BY who, name
        )
        SELECT name, min(day), max(day) FROM since GROUP BY name
        """,
        {"customer": customer},
    )
    return {name: (first, last) for name, first, last in rows.fetchall()}


def known_records(customers: pa.Table | None, tz: str, last_day: int) -> KnownRecords:
    """Return what was known of each customer of a block up to its last day.

    A record is known from its ``valid_from``, or else from the day of its import. A table that has neither, as in a
    notebook, holds for all days.
    """
    if customers is None:
        return KnownRecords(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), _EMPTY)
    if "history" in customers.column_names:
        histories = pa.chunked_array(customers.column("history").chunks, HISTORY).combine_chunks()
        who = pc.list_parent_indices(histories).to_numpy(zero_copy_only=False)
        records = pa.Table.from_struct_array(pc.list_flatten(histories))
    else:
        who, records = np.arange(len(customers)), customers.select(_EMPTY.column_names).cast(_EMPTY.schema)
    days = _known_from(records, tz)
    order = np.lexsort((days, who))  # of two records of a day, the one that was imported later stays last
    order = order[days[order] <= last_day]
    return KnownRecords(who[order], days[order], records.take(pa.array(order)))


def newest_of(records: pa.Table, tz: str) -> pa.Table:
    """Return one row per customer, as a lake shows it, of records of which customers may have several."""
    if len(pc.unique(records.column("customer_id"))) == len(records):
        return records
    view = TABLES["customers"].view
    assert view is not None
    with connect() as con:
        con.register("records", records)
        return con.execute(view("FROM records", tz)).to_arrow_table().cast(SHOWN_CUSTOMERS)


_EMPTY = pa.schema(list(HISTORY.value_type)).empty_table()


def _known_from(records: pa.Table, tz: str) -> np.ndarray:
    valid, seen_at = records.column("valid_from").cast(pa.int32()), records.column("seen_at").cast(pa.int64())
    imported = local_days(seen_at.fill_null(0).to_numpy(), tz).astype(np.int64)
    days = np.where(seen_at.is_valid().to_numpy(), imported, ALWAYS)
    return np.where(valid.is_valid().to_numpy(), valid.fill_null(0).to_numpy(), days)


def _json_of(records: pa.Table, name: str) -> pa.Array:
    """Return what records say of an attribute, as JSON."""
    value = "json_extract(attributes, $path)::VARCHAR"
    if name in FIELDS:
        value = f"coalesce({value}, to_json({name})::VARCHAR)"
    with connect() as con:
        con.register("records", records)
        path = "/" + name.replace("~", "~0").replace("/", "~1")
        read = con.execute(f"SELECT {value} AS value FROM records", {"path": path}).to_arrow_table()
    return read.column("value").cast(TEXT).combine_chunks()


def _plain(text: str) -> str | float:
    """Return a text or a number; anything else, such as a list or a truth, stands for its spelling."""
    value = json.loads(text)
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else text
