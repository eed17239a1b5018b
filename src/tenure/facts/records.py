"""What was known of customers on which day: their records, each from the day on which it became known."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.clock import local_days
from tenure.facts.schema import DAY, INSTANT, TEXT, with_valid_from
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from tenure.facts.lake import Lake

FIELDS = ("name", "phone", "email", "kind")  # what ``attribute(name)`` reads beside the attributes
#: Every record of a customer, the first imported first, as a column of the newest one.
HISTORY = pa.list_(
    pa.struct({"valid_from": DAY, "seen_at": INSTANT, **dict.fromkeys(FIELDS, TEXT), "attributes": TEXT})
)


@dataclass(frozen=True)
class KnownRecords:
    """Records by customer, in the order in which they became known; each holds all that was known by then."""

    who: np.ndarray  # number of the customer
    days: np.ndarray  # since when it is known; ALWAYS for tables that do not say
    records: list[dict[str, Any]]


ALWAYS = np.iinfo(np.int32).min


def history_sql(read: str) -> str:
    """Return SQL for the history of every customer, given the SQL that reads the records."""
    fields = ", ".join(f"'{field.name}': {field.name}" for field in HISTORY.value_type)
    return f"SELECT customer_id, list({{{fields}}} ORDER BY seen_at) AS history FROM ({read}) GROUP BY customer_id"


def known_since(lake: Lake, customer: str | None = None) -> dict[str, tuple[date, date]]:
    """Return for each attribute the first and the last day on which it became known of a customer.

    Both are the same when only one `customer` is asked for.
    """
    stored = lake.stored("customers")
    if not stored:
        return {}
    con, merged = connect(), lake.merged()
    con.register("merged", pa.table({"merged_id": pa.array(merged, TEXT), "target": pa.array(merged.values(), TEXT)}))
    con.execute("SET VARIABLE tz = $tz", {"tz": lake.settings.tz})
    columns = " ".join(f"UNION ALL SELECT who, day, '{name}' FROM records WHERE {name} IS NOT NULL" for name in FIELDS)
    rows = con.execute(
        f"""
        WITH records AS (
            SELECT *, coalesce(target, customer_id) AS who,
                coalesce(valid_from, (seen_at AT TIME ZONE getvariable('tz'))::DATE) AS day
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
        return KnownRecords(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), [])
    names = [name for name in ("valid_from", "seen_at", *FIELDS, "attributes") if name in customers.column_names]
    newest = customers.select(names).to_pylist()
    histories = customers.column("history").to_pylist() if "history" in customers.column_names else [None] * len(newest)
    rows = [
        (who, row) for who, (one, every) in enumerate(zip(newest, histories, strict=True)) for row in every or [one]
    ]
    days = _known_from([row for _, row in rows], tz)
    order = sorted(range(len(rows)), key=lambda place: (rows[place][0], days[place]))
    order = [place for place in order if days[place] <= last_day]
    records: list[dict[str, Any]] = []
    for number, place in enumerate(order):
        who, row = rows[place]
        follows = number > 0 and rows[order[number - 1]][0] == who
        records.append(_laid_over(records[-1] if follows else {}, row))
    return KnownRecords(np.array([rows[place][0] for place in order], dtype=np.int64), days[order], records)


def _known_from(rows: list[dict[str, Any]], tz: str) -> np.ndarray:
    valid = pa.array([row.get("valid_from") for row in rows], DAY).cast(pa.int32())
    imported = pa.array([row.get("seen_at") for row in rows], INSTANT).cast(pa.int64())
    of_import = local_days(imported.fill_null(0).to_numpy(zero_copy_only=False), tz).astype(np.int64)
    days = np.where(imported.is_valid().to_numpy(zero_copy_only=False), of_import, ALWAYS)
    return np.where(valid.is_valid(), valid.fill_null(0).to_numpy(zero_copy_only=False), days)


def _laid_over(known: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known once a record has come: its empty fields say nothing, an attribute that is null is gone."""
    result = {**known, **{name: row[name] for name in FIELDS if row.get(name) is not None}}
    for name, value in (json.loads(row["attributes"]) if row.get("attributes") else {}).items():
        if value is None:
            result.pop(name, None)
        else:
            # Only plain values can be compared; a list or a mapping stands for its text.
            result[name] = value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
    return result
