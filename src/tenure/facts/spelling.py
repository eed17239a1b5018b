"""One customer, many spellings.

Ids are compared in Unicode form NFKC (so that full-width digits are digits), without blanks around them, runs of
blanks as one, and without regard to case; the spelling that was seen first stays the one that is shown.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tenure.facts.schema import ID_COLUMNS
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tenure.facts.lake import Lake

FEW_CUSTOMERS = 1000  # up to so many, rows are looked up by the customers' ids
_MAINLAND_MOBILE = re.compile(r"1[3-9]\d{9}")
_BLANKS = re.compile(r"[\s\u200b\ufeff]+")


def normal_id(text: str | None) -> str | None:
    """Return an id in its normal spelling, case kept; None when nothing is left."""
    if text is None:
        return None
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip() or None


def normal_ids(texts: pa.StringArray) -> pa.StringArray:
    """Return a column of ids in normal spelling: each distinct one is worked on once."""
    coded = pc.dictionary_encode(texts)
    # Printable ASCII without blanks is normal already, as nearly all ids are.
    if pc.all(pc.match_substring_regex(coded.dictionary, r"^[!-~]+$"), min_count=0).as_py():
        return texts
    return pa.array(map(normal_id, coded.dictionary.to_pylist()), pa.string()).take(coded.indices)


def normal_phone(text: str | None, region: str = "CN") -> str | None:
    """Return a phone number in E.164 form, or as it is written when it is none."""
    phone = unicodedata.normalize("NFKC", text or "").strip()
    if not phone:
        return None
    if region == "CN" and _MAINLAND_MOBILE.fullmatch(phone):  # most numbers, and parsing them all takes its time
        return f"+86{phone}"
    import phonenumbers

    phone = re.sub(r"\.0$", "", phone)  # a workbook's number
    try:
        number = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return phone
    if not phonenumbers.is_possible_number(number):
        return phone
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str | None) -> str | None:
    """Return an e-mail address in NFKC, lower case."""
    return unicodedata.normalize("NFKC", text or "").strip().lower() or None


def respell(lake: Lake, con: duckdb.DuckDBPyConnection) -> None:
    """Give every customer in `staged` the spelling that was seen first, and remember new ones.

    Ids without letters have only one spelling and are not remembered.
    """
    names = {row[0] for row in con.execute("DESCRIBE staged").fetchall()}
    columns = [column for column in ID_COLUMNS if column in names]
    ids = " UNION ALL ".join(f"SELECT {column} AS id, row FROM staged" for column in columns)
    con.execute(
        rf"""CREATE OR REPLACE TEMP TABLE spelled AS
        SELECT lower(id) AS key, arg_min(id, row) AS customer_id, false AS known
        FROM ({ids}) WHERE regexp_matches(id, '\pL') GROUP BY key"""
    )
    counted = con.execute("SELECT count(*) FROM spelled").fetchone()
    if not counted or not counted[0]:
        return
    stored = lake.stored("spellings")
    if stored:
        only = "" if counted[0] > FEW_CUSTOMERS else " AND k.key IN (SELECT key FROM spelled)"
        con.execute(
            f"UPDATE spelled SET customer_id = k.customer_id, known = true FROM {stored} AS k"
            f" WHERE k.key = spelled.key{only}"
        )
    fresh = con.execute("SELECT key, customer_id FROM spelled WHERE NOT known ORDER BY key").to_arrow_table()
    if fresh.num_rows:
        lake.write("spellings", fresh)
        lake.tidy("spellings")
    for column in columns:
        differs = f"s.key = lower(staged.{column}) AND s.customer_id <> staged.{column}"
        # Looking is far cheaper than updating, and most files spell their customers as the lake does.
        if con.execute(f"SELECT 1 FROM staged JOIN spelled AS s ON {differs} LIMIT 1").fetchone():
            con.execute(f"UPDATE staged SET {column} = s.customer_id FROM spelled AS s WHERE {differs}")


def known_spellings(lake: Lake, ids: Sequence[str]) -> list[str]:
    """Return ids in the spelling that the lake knows them by; unknown ones in normal spelling."""
    normal = [normal_id(text) or text for text in ids]
    stored = lake.stored("spellings")
    if not stored:
        return normal
    sql = f"SELECT key, customer_id FROM {stored} WHERE key IN (SELECT lower(unnest($ids)))"
    known = dict(connect().execute(sql, {"ids": normal}).fetchall())
    return [known.get(text.lower(), text) for text in normal]
