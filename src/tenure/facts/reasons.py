"""Why a row is no fact.

Codes are kept in the lake, sentences are made when they are shown.
"""

from __future__ import annotations

from tenure.words import mark, say

NO_CUSTOMER = "missing-customer"
NO_VALUE = "missing-value"
BAD_DATE = "unreadable-date"
NO_DATE = "missing-date"
IMPOSSIBLE_DATE = "impossible-date"
FUTURE = "far-future"
TOO_OLD = "before-1900"
BAD_NUMBER = "unreadable-number"
NO_NUMBER = "missing-number"
NOT_FINITE = "non-finite-number"
TOO_LARGE = "number-too-large"
RAGGED = "ragged-row"
BROKEN_QUOTES = "broken-quoting"
BROKEN_JSON = "broken-json"
UNDECODABLE = "undecodable-bytes"
CONFLICT = "conflicting-duplicate"
UNKNOWN_WORD = "unknown-word"

REASONS: dict[str, str] = {
    NO_CUSTOMER: mark("The customer is missing."),
    NO_VALUE: mark("A required value is missing."),
    NO_DATE: mark("The date is missing."),
    BAD_DATE: mark("The date cannot be read."),
    IMPOSSIBLE_DATE: mark("This day does not exist in the calendar."),
    FUTURE: mark("The date is in the future."),
    TOO_OLD: mark("The date is before 1900."),
    NO_NUMBER: mark("The number is missing."),
    BAD_NUMBER: mark("The number cannot be read."),
    NOT_FINITE: mark("The number is infinite or not a number."),
    TOO_LARGE: mark("The number is too large: at most 14 digits before the decimal point."),
    RAGGED: mark("The row has too many or too few fields."),
    BROKEN_QUOTES: mark("A quotation mark is not closed, or is followed by more text."),
    BROKEN_JSON: mark("The line is not a JSON object."),
    UNDECODABLE: mark("The row contains bytes that are not valid in the file's encoding."),
    CONFLICT: mark(
        "A different fact with this number already exists. If this row is correct, import the file again "
        "as corrections (tenure import --corrections)."
    ),
    UNKNOWN_WORD: mark("The value is not one of those allowed in this column."),
}


def reason_text(code: str, language: str | None = None) -> str:
    return say(REASONS.get(code, code), language)
