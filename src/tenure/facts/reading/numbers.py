"""Reading numbers as people write them.

Currency signs, thousands marks, full-width digits, brackets for negative and the decimal comma are understood; per
cent is not a number of money.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

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
_WAN = re.compile(r"(?P<number>.*\d)(?P<unit>[万萬亿億])")
_PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf|infinity|#num!|#div/0!|#value!|#n/a)", re.IGNORECASE)


def european(samples: Iterable[str]) -> bool:
    """Whether a column writes its decimals with a comma (1.234,50), judged by samples of it."""
    comma = point = 0
    for text in samples:
        one = _MONEY.sub("", unicodedata.normalize("NFKC", text or "")).strip().lstrip("-+(").rstrip(")").strip()
        if re.fullmatch(r"\d+(?:\.\d{3})*,\d{1,2}|\d{1,3}(?:\.\d{3}){2,}(?:,\d*)?|\d+,\d{4,}", one):
            comma += 1
        elif re.fullmatch(r"\d+(?:,\d{3})*\.\d{1,2}|\d{1,3}(?:,\d{3}){2,}(?:\.\d*)?|\d+\.\d{4,}", one):
            point += 1
    return comma > point


def read_number(text: str | None, *, comma: bool = False) -> tuple[Decimal | None, str]:
    """Return (number, "") or (None, reason)."""
    one = unicodedata.normalize("NFKC", text or "").strip()
    if not one:
        return None, NO_NUMBER
    if _NOT_FINITE.fullmatch(one):
        return None, NOT_FINITE
    one, negative = _without_sign(_MONEY.sub("", one).strip().replace("\u2212", "-"))
    factor = 1
    if found := _WAN.fullmatch(one):
        one, factor = found["number"], 10_000 if found["unit"] in "万萬" else 100_000_000
    plain = _plain(one, comma=comma)
    if not _PLAIN.fullmatch(plain):
        return None, BAD_NUMBER
    value = Decimal(plain) * factor * (-1 if negative else 1)
    if abs(value) >= LIMIT:
        return None, TOO_LARGE
    return value.quantize(PLACES, ROUND_HALF_UP), ""


def _without_sign(text: str) -> tuple[str, bool]:
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1].strip(), True
    if text.startswith("-") or text.endswith("-"):
        return text.strip("-").strip(), True
    return text.removeprefix("+").strip(), False


def _plain(text: str, *, comma: bool) -> str:
    if comma:
        if _EU.fullmatch(text):
            return re.sub(r"[. ']", "", text).replace(",", ".")
        return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    if _US.fullmatch(text):
        return text.replace(",", "")
    if re.fullmatch(r"\d{1,3}(?:[ ']\d{3})+(?:\.\d*)?", text):
        return re.sub(r"[ ']", "", text)
    return text
