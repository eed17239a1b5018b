"""One customer, many spellings.

Ids are compared in Unicode form NFKC (so that full-width digits are digits), without blanks around them, runs of
blanks as one, and without regard to case; the spelling that was seen first stays the one that is shown.
"""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pyarrow.compute as pc

_MAINLAND_MOBILE = re.compile(r"1[3-9]\d{9}")
_BLANKS = re.compile(r"[\s\u200b\ufeff]+")


def normal_id(text: str | None) -> str | None:
    """Return an id in its normal spelling, case kept; None when nothing is left."""
    if text is None:
        return None
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text)).strip() or None


def normal_ids(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column of ids in normal spelling: each distinct one is worked on once."""
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if not pa.types.is_string(whole.type):
        whole = whole.cast(pa.string())
    coded = pc.dictionary_encode(whole)
    distinct = coded.dictionary
    plain = pc.all(pc.match_substring_regex(distinct, r"^[!-~]+$")).as_py()
    if plain is None or plain:
        return pc.if_else(pc.equal(whole, ""), None, whole) if plain is None else whole
    normal = pa.array([normal_id(one) for one in distinct.to_pylist()], pa.string())
    return normal.take(coded.indices)


def normal_phone(text: str | None, region: str = "CN") -> str | None:
    """Return a phone number in E.164 form, or as it is written when it is none."""
    one = unicodedata.normalize("NFKC", text or "").strip()
    if not one:
        return None
    if region == "CN" and _MAINLAND_MOBILE.fullmatch(one):  # most numbers, and parsing them all takes its time
        return f"+86{one}"
    import phonenumbers

    one = re.sub(r"\.0$", "", one)  # a workbook's number
    try:
        number = phonenumbers.parse(one, region)
    except phonenumbers.NumberParseException:
        return one
    if not phonenumbers.is_possible_number(number):
        return one
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str | None) -> str | None:
    """Return an e-mail address in NFKC, lower case."""
    return unicodedata.normalize("NFKC", text or "").strip().lower() or None


def normal_name(text: str | None) -> str:
    """Return a name for comparison: NFKC, lower case, no blanks or points."""
    return re.sub(r"[\s.·•\-_]", "", unicodedata.normalize("NFKC", text or "")).lower()
