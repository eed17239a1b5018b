"""Customers: records from several files, duplicates, merges.

A merge only adds a row; facts keep the id they came with.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.errors import FactsError
from tenure.facts.appending import known_spellings, respell
from tenure.facts.identities import IDENTITIES, MERGE, UNDO
from tenure.facts.schema import CUSTOMERS, FACT_TABLES
from tenure.facts.spelling import normal_email, normal_id, normal_name, normal_phone
from tenure.lake import views
from tenure.lake.lock import writing
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import duckdb

    from tenure.facts.lake import Lake

SAME_PHONE, SAME_EMAIL, SAME_ID = "same-phone", "same-email", "same-id"
REASONS = {
    SAME_PHONE: mark("The same phone number."),
    SAME_EMAIL: mark("The same e-mail address."),
    SAME_ID: mark("Ids that differ only in blanks, marks or leading zeros."),
}
_MANY = 20  # a phone number of more records than this is a switchboard or a dummy, and says nothing


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that are probably one customer."""

    one: str
    other: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge, as kept in `identities`."""

    merge_id: str
    keep: str
    others: tuple[str, ...]
    reason: str
    at: datetime
    undone: bool


def settle_customers(lake: Lake, con: duckdb.DuckDBPyConnection, batch_id: str, now: datetime) -> int:
    """Append the staged customer records that say something new, and return how many.

    `staged` holds the records of one file with their row numbers. A record that repeats what is known already (empty
    columns say nothing) is a duplicate.
    """
    respell(lake, con)
    told = ("name", "phone", "email", "kind", "created_on", "attributes")
    known = _known_customers(lake)
    same_before = " AND ".join(f"(s.{one} IS NULL OR s.{one} IS NOT DISTINCT FROM k.{one})" for one in told)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE fresh AS SELECT s.* FROM (SELECT * FROM staged QUALIFY row_number() OVER"
        f" (PARTITION BY customer_id, {', '.join(told)} ORDER BY row) = 1) AS s"
        + (
            f" LEFT JOIN ({known}) AS k USING (customer_id) WHERE k.customer_id IS NULL OR NOT ({same_before})"
            if known
            else ""
        )
    )
    own = _of_this_batch(lake, con, batch_id)
    columns = ", ".join(name for name in CUSTOMERS.names if name not in {"batch_id", "seen_at"})
    read = con.execute(
        f"SELECT {columns}, $batch AS batch_id, $now::TIMESTAMPTZ + to_microseconds(row) AS seen_at"
        " FROM fresh ORDER BY customer_id, row",
        {"batch": batch_id, "now": now},
    ).to_arrow_table()
    if read.num_rows:
        lake.write("customers", read.cast(CUSTOMERS))
        lake.tidy("customers")
    return int(read.num_rows) + own


def _known_customers(lake: Lake) -> str:
    paths = [file.path for file in lake.files("customers") if file.rows]
    return views.view_of("customers", lake.specs["customers"], views.scan(paths)) if paths else ""


def _of_this_batch(lake: Lake, con: duckdb.DuckDBPyConnection, batch_id: str) -> int:
    """Return how many records an interrupted import of this batch has written."""
    paths = [file.path for file in lake.files("customers") if file.rows]
    if not paths:
        return 0
    found = con.execute(f"SELECT count(*) FROM {views.scan(paths)} WHERE batch_id = ?", [batch_id]).fetchone()
    return int(found[0]) if found else 0


# Duplicates


def duplicates(lake: Lake, limit: int = 1000) -> list[Pair]:
    """Return pairs of records that are probably one customer, the surest first."""
    if not lake.has("customers"):
        return []
    rows = lake.read("customers", columns=["customer_id", "name", "phone", "email"]).to_pylist()
    found: dict[tuple[str, str], set[str]] = {}
    for reason, key in (
        (SAME_ID, lambda row: _bare(row["customer_id"])),
        (SAME_PHONE, lambda row: normal_phone(row["phone"])),
        (SAME_EMAIL, lambda row: normal_email(row["email"])),
    ):
        for group in _groups(rows, key):
            for pair in _pairs(group):
                found.setdefault(pair, set()).add(reason)
    named = {row["customer_id"]: normal_name(row["name"]) for row in rows}
    ordered = sorted(found.items(), key=lambda item: (-_weight(item, named), item[0]))
    return [Pair(one, other, tuple(sorted(reasons))) for (one, other), reasons in ordered[:limit]]


def _bare(customer_id: str) -> str:
    """Return an id without what people add to it: blanks, dashes, case, leading zeros."""
    plain = "".join(one for one in (normal_id(customer_id) or "").lower() if one.isalnum())
    return plain.lstrip("0") or plain


def _groups(rows: Iterable[dict[str, Any]], key: Any) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for row in rows:
        value = key(row)
        if value:
            groups.setdefault(value, []).append(row["customer_id"])
    return [ids for ids in groups.values() if 1 < len(ids) <= _MANY]


def _pairs(ids: Sequence[str]) -> list[tuple[str, str]]:
    ordered = sorted(ids)
    return [(ordered[0], other) for other in ordered[1:]]


def _weight(item: tuple[tuple[str, str], set[str]], named: dict[str, str]) -> int:
    (one, other), reasons = item
    return len(reasons) * 2 + (named[one] == named[other] != "")


# Merging


def merge(lake: Lake, keep: str, others: Sequence[str], reason: str, now: datetime) -> str:
    """Make several customers one and return the merge's id, with which it can be undone."""
    keep, *others = known_spellings(lake, [keep, *others])
    if not others or keep in others:
        raise FactsError(mark("Name at least one other customer to merge into %(keep)s."), keep=keep)
    _check_known(lake, [keep, *others])
    with writing(lake.path):
        merged = lake.merged()
        into = merged.get(keep, keep)
        for other in others:
            if merged.get(other, other) == into:
                raise FactsError(mark("%(one)s and %(keep)s are one customer already."), one=other, keep=keep)
        name = uuid.uuid4().hex[:12]
        rows = [_row(name, MERGE, merged.get(other, other), into, reason, now) for other in others]
        lake.write("identities", pa.Table.from_pylist(rows, schema=IDENTITIES))
    return name


def undo_merge(lake: Lake, merge_id: str, now: datetime) -> None:
    """Take a merge back: its customers are who they were before."""
    with writing(lake.path):
        found = [one for one in merges(lake) if one.merge_id == merge_id]
        if not found or found[0].undone:
            raise FactsError(
                mark("There is no merge %(name)r that could be undone. See them with: tenure customers merges"),
                name=merge_id,
            )
        rows = [_row(merge_id, UNDO, other, found[0].keep, found[0].reason, now) for other in found[0].others]
        lake.write("identities", pa.Table.from_pylist(rows, schema=IDENTITIES))


def merges(lake: Lake) -> list[Merge]:
    """Return all merges, newest first."""
    if not lake.has("identities"):
        return []
    rows = lake.read("identities").to_pylist()
    undone = {row["merge_id"] for row in rows if row["action"] == UNDO}
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["action"] == MERGE:
            grouped.setdefault(row["merge_id"], []).append(row)
    made = [
        Merge(
            name,
            own[0]["into_id"],
            tuple(one["customer_id"] for one in own),
            own[0]["reason"],
            own[0]["at"],
            name in undone,
        )
        for name, own in grouped.items()
    ]
    return sorted(made, key=lambda one: (one.at, one.merge_id), reverse=True)


def _row(name: str, action: str, customer: str, into: str, reason: str, now: datetime) -> dict[str, Any]:
    return {"merge_id": name, "action": action, "customer_id": customer, "into_id": into, "reason": reason, "at": now}


def _check_known(lake: Lake, ids: Sequence[str]) -> None:
    """Refuse ids that neither a record nor a fact knows."""
    missing = set(ids)
    for name in ("customers", *FACT_TABLES):
        if missing and lake.has(name):
            missing -= set(lake.stored_ids(name, sorted(missing)))
    if missing:
        raise FactsError(mark("There is no customer %(name)s. Check the id."), name=", ".join(sorted(missing)))


def completeness(lake: Lake) -> dict[str, float]:
    """Return for each column of the customer records which share of customers has it, 0 to 1."""
    if not lake.has("customers"):
        return {}
    columns = ("name", "phone", "email", "kind", "created_on", "attributes")
    chosen = ", ".join(f"count({column}) / count(*)" for column in columns)
    found = lake.connect(("customers",)).execute(f"SELECT {chosen} FROM customers").fetchone() or ()
    return dict(zip(columns, found, strict=True))
