"""Customers: records from several files, probable duplicates, merges.

A merge is a row, its undoing is another row. Facts keep the id they came with; the id that counts is applied when they
are read.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tenure.errors import FactsError
from tenure.facts.schema import CUSTOMERS, FACT_TABLES, IDENTITIES, with_valid_from
from tenure.facts.spelling import known_spellings, normal_email, normal_id, normal_phone, respell
from tenure.lake import views
from tenure.lake.lock import writing
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    import duckdb

    from tenure.facts.lake import Lake

SAME_PHONE, SAME_EMAIL, SAME_ID = "same-phone", "same-email", "same-id"
REASONS = {
    SAME_PHONE: mark("Same phone number"),
    SAME_EMAIL: mark("Same e-mail address"),
    SAME_ID: mark("Ids differ only in spaces, punctuation or leading zeros"),
}
_MERGE, _UNDO = "merge", "undo"
_SWITCHBOARD = 20  # a phone number of more records than this is a switchboard or a dummy, and says nothing
_DESCRIBED = ("name", "phone", "email", "kind", "created_on", "attributes")  # what a record says of its customer


@dataclass(frozen=True, slots=True)
class Pair:
    one: str
    other: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    merge_id: str
    keep: str
    others: tuple[str, ...]
    reason: str
    at: datetime
    undone: bool


# Records


def settle_customers(
    lake: Lake, con: duckdb.DuckDBPyConnection, batch_id: str, now: datetime, valid_from: date | None = None
) -> int:
    """Append the staged customer records that say something new, and return how many.

    `staged` holds the records of one file with their row numbers. A record that repeats what the one before it said,
    of the same day when it has one, is a duplicate; empty columns say nothing.
    """
    respell(lake, con)
    con.execute("SET VARIABLE valid_from = $day::DATE", {"day": valid_from})
    described = f"struct_pack({', '.join(_DESCRIBED)})"
    fresh = (
        "SELECT *, row_number() OVER given AS place,"
        f" lag({described}) OVER given IS DISTINCT FROM {described} AS differs FROM"
        " (SELECT * REPLACE (coalesce(valid_from, getvariable('valid_from')) AS valid_from) FROM staged)"
        " WINDOW given AS (PARTITION BY customer_id, valid_from ORDER BY row)"
    )
    fresh = f"SELECT * FROM ({fresh}) AS s WHERE differs"
    stored = lake.stored("customers")
    if stored:
        # An interrupted import of this very batch has written all of its records already, in one commit.
        counted = con.execute(f"SELECT count(*) FROM {stored} WHERE batch_id = ?", [batch_id]).fetchone()
        if counted and counted[0]:
            return int(counted[0])
        known = views.view_of("customers", lake.specs["customers"], stored, tz=lake.tz)
        last = ", ".join(f"arg_max({name}, seen_at) AS {name}" for name in _DESCRIBED)
        by_day = f"SELECT customer_id, valid_from, {last} FROM ({with_valid_from(f'FROM {stored}')}) GROUP BY ALL"
        repeats = " AND ".join(f"(s.{name} IS NULL OR s.{name} IS NOT DISTINCT FROM k.{name})" for name in _DESCRIBED)
        same = f"place = 1 AND EXISTS (FROM ({{}}) AS k WHERE k.customer_id = s.customer_id AND {{}} AND {repeats})"
        newest = same.format(known, "s.valid_from IS NULL")
        of_day = same.format(by_day, "s.valid_from = k.valid_from")
        fresh += f" AND NOT ({newest}) AND NOT ({of_day})"
    columns = ", ".join(name for name in CUSTOMERS.names if name not in {"batch_id", "seen_at"})
    records = con.execute(
        f"SELECT {columns}, $batch AS batch_id, $now::TIMESTAMPTZ + to_microseconds(row) AS seen_at"
        f" FROM ({fresh}) ORDER BY customer_id, row",
        {"batch": batch_id, "now": now},
    ).to_arrow_table()
    if records.num_rows:
        lake.write("customers", records.cast(CUSTOMERS))
        lake.tidy("customers")
    return int(records.num_rows)


def completeness(lake: Lake) -> dict[str, float]:
    """Return for each column of the customer records which share of customers has it, 0 to 1."""
    shares = ", ".join(f"count({column}) / count(*) AS {column}" for column in _DESCRIBED)
    return next(iter(lake.rows("customers", f"SELECT {shares} FROM customers")), {})


# Duplicates


def duplicates(lake: Lake, limit: int = 1000) -> list[Pair]:
    """Return pairs of records that are probably one customer, the surest first."""
    rows = lake.read("customers", columns=["customer_id", "name", "phone", "email"]).to_pylist()
    alike: dict[tuple[str, str], list[str]] = defaultdict(list)  # ids by what makes them so, and its value
    for row in rows:
        # An id without what people add to it: blanks, dashes, case, leading zeros.
        bare = "".join(filter(str.isalnum, (normal_id(row["customer_id"]) or "").lower()))
        alike[SAME_ID, bare.lstrip("0") or bare].append(row["customer_id"])
        alike[SAME_PHONE, normal_phone(row["phone"]) or ""].append(row["customer_id"])
        alike[SAME_EMAIL, normal_email(row["email"]) or ""].append(row["customer_id"])
    pairs: dict[tuple[str, str], set[str]] = defaultdict(set)
    for (reason, value), ids in alike.items():
        if value and 1 < len(ids) <= _SWITCHBOARD:
            first, *others = sorted(ids)
            for other in others:
                pairs[first, other].add(reason)
    names = {row["customer_id"]: unicodedata.normalize("NFKC", row["name"] or "").lower() for row in rows}
    plain = {customer: re.sub(r"[\s.·•\-_]", "", name) for customer, name in names.items()}

    def rank(pair: tuple[str, str]) -> tuple[int, tuple[str, str]]:
        same_name = plain[pair[0]] == plain[pair[1]] != ""
        return -(len(pairs[pair]) * 2 + same_name), pair

    return [Pair(*pair, tuple(sorted(pairs[pair]))) for pair in sorted(pairs, key=rank)[:limit]]


# Merging


def merge(lake: Lake, keep: str, others: Sequence[str], reason: str, now: datetime) -> str:
    """Make several customers one and return the merge's id, with which it can be undone."""
    keep, *others = known_spellings(lake, [keep, *others])
    if not others or keep in others:
        raise FactsError(mark("Name at least one other customer to merge into %(keep)s."), keep=keep)
    unknown = {keep, *others}
    for name in ("customers", *FACT_TABLES):
        if unknown:
            unknown -= set(lake.stored_ids(name, sorted(unknown)))
    if unknown:
        raise FactsError(mark("There is no customer %(name)s. Check the id."), name=", ".join(sorted(unknown)))
    with writing(lake.path):
        merged = lake.merged()
        into = merged.get(keep, keep)
        for other in others:
            if merged.get(other, other) == into:
                raise FactsError(mark("%(one)s and %(keep)s are already merged."), one=other, keep=keep)
        merge_id = uuid.uuid4().hex[:12]
        former = tuple(merged.get(other, other) for other in others)
        _record(lake, _MERGE, Merge(merge_id, into, former, reason, now, undone=False), now)
    return merge_id


def undo_merge(lake: Lake, merge_id: str, now: datetime) -> None:
    with writing(lake.path):
        known = next((merge for merge in merges(lake) if merge.merge_id == merge_id and not merge.undone), None)
        if known is None:
            raise FactsError(
                mark("There is no merge %(name)r to undo. List all merges with: tenure customers merges"), name=merge_id
            )
        _record(lake, _UNDO, known, now)


def _record(lake: Lake, action: str, merge: Merge, now: datetime) -> None:
    same = {"merge_id": merge.merge_id, "action": action, "into_id": merge.keep, "reason": merge.reason, "at": now}
    rows = [{**same, "customer_id": other} for other in merge.others]
    lake.write("identities", pa.Table.from_pylist(rows, schema=IDENTITIES))


def merges(lake: Lake) -> list[Merge]:
    """Return all merges, newest first."""
    sql = f"""SELECT merge_id, any_value(into_id) AS keep, list(customer_id) AS others, any_value(reason) AS reason,
        any_value("at") AS "at", merge_id IN (SELECT merge_id FROM identities WHERE action = '{_UNDO}') AS undone
        FROM identities WHERE action = '{_MERGE}' GROUP BY merge_id ORDER BY "at" DESC, merge_id DESC"""
    return [Merge(**{**row, "others": tuple(row["others"])}) for row in lake.rows("identities", sql)]


def canonical(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return {merged id: id that counts} from the rows of `identities`, chains followed to their end.

    The newest merge of an id that is not undone counts. A merge that would close a circle is left out.
    """
    ordered = sorted(rows, key=lambda row: (row["at"], row["merge_id"]))
    undone = {row["merge_id"] for row in ordered if row["action"] == _UNDO}
    into: dict[str, str] = {}
    for row in ordered:
        if row["action"] == _MERGE and row["merge_id"] not in undone:
            into[row["customer_id"]] = row["into_id"]
    ends = {}
    for customer in into:
        end, passed = customer, {customer}
        while end in into and into[end] not in passed:
            end = into[end]
            passed.add(end)
        if end != customer:
            ends[customer] = end
    return ends
