"""Reading numbers as people write them.

Currency signs, thousands marks, full-width digits, brackets for negative and the decimal comma are understood.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from tenure.facts.reasons import BAD_NUMBER, NO_NUMBER, NOT_FINITE, TOO_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterable

PLACES = Decimal("0.0001")
LIMIT = Decimal(10) ** 14
_MONEY = re.compile(
    r"(?:RMB|CNY|USD|EUR|GBP|HKD|JPY|人民币|美元|欧元|港币|[¥$€£₩₹]|HK\$|US\$)|[元圆圓块塊]整?", re.IGNORECASE
)
_US = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?")
_EU = re.compile(r"\d{1,3}(?:[. ']\d{3})+(?:,\d*)?")
_BLANK_THOUSANDS = re.compile(r"\d{1,3}(?:[ ']\d{3})+(?:\.\d*)?")
# Two decimals, several thousands, or too many digits behind the sign for thousands: only these tell the two apart.
_COMMA_DECIMALS = re.compile(r"\d+(?:\.\d{3})*,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}(?:,\d*)?|\d+,\d{4,}")
_POINT_DECIMALS = re.compile(r"\d+(?:,\d{3})*\.\d{1,2}|\d{1,3}(?:,\d{3}){2,}(?:\.\d*)?|\d+\.\d{4,}")
_WAN = re.compile(r"(?P<number>.*\d)(?P<unit>[万萬亿億])")
_PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf|infinity|#num!|#div/0!|#value!|#n/a)", re.IGNORECASE)


def text_of(value: Any) -> str | None:
    """Return a value as text: a whole float without a point, for 13812345678.0 is the number of a phone."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return None if value is None else str(value)


def european(samples: Iterable[str]) -> bool:
    """Whether a column writes its decimals with a comma (1.234,50), judged by samples of it."""
    comma = point = 0
    for text in samples:
        number = _MONEY.sub("", unicodedata.normalize("NFKC", text or "")).strip().lstrip("-+(").rstrip(")").strip()
        comma += bool(_COMMA_DECIMALS.fullmatch(number))
        point += bool(_POINT_DECIMALS.fullmatch(number))
    return comma > point


def read_number(text: str | None, *, comma: bool = False) -> tuple[Decimal | None, str]:
    """Return (number, "") or (None, reason)."""
    number = unicodedata.normalize("NFKC", text or "").strip()
    if not number:
        return None, NO_NUMBER
    if _NOT_FINITE.fullmatch(number):
        return None, NOT_FINITE
    number = _MONEY.sub("", number).strip().replace("\u2212", "-")
    negative = True
    if number.startswith("(") and number.endswith(")"):
        number = number[1:-1].strip()
    elif number.startswith("-") or number.endswith("-"):
        number = number.strip("-").strip()
    else:
        number, negative = number.removeprefix("+").strip(), False
    factor = 1
    if unit := _WAN.fullmatch(number):
        number, factor = unit["number"], 10_000 if unit["unit"] in "万萬" else 100_000_000
    plain = _without_thousands(number, comma=comma)
    if not _PLAIN.fullmatch(plain):
        return None, BAD_NUMBER
    value = Decimal(plain) * factor * (-1 if negative else 1)
    if abs(value) >= LIMIT:
        return None, TOO_LARGE
    return value.quantize(PLACES, ROUND_HALF_UP), ""


def _without_thousands(text: str, *, comma: bool) -> str:
    """Return a number without marks between its thousands and with a decimal point."""
    if comma:
        if _EU.fullmatch(text):
            return re.sub(r"[. ']", "", text).replace(",", ".")
        return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    if _US.fullmatch(text):
        return text.replace(",", "")
    return re.sub(r"[ ']", "", text) if _BLANK_THOUSANDS.fullmatch(text) else text
