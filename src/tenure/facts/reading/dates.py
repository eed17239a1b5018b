"""Reading dates as people write them, one distinct text at a time, and the patterns by which whole columns are read."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from tenure.facts.reasons import BAD_DATE, IMPOSSIBLE_DATE, NO_DATE, TOO_OLD

if TYPE_CHECKING:
    from collections.abc import Iterable

_EPOCH = datetime(1970, 1, 1)
_UTC_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
YEAR_1900 = (datetime(1900, 1, 1) - _EPOCH) // _MICROSECOND
_ORDERS = ("ymd", "dmy", "mdy")

_TIME = (
    r"(?:[ T]*(?P<half>上午|下午)?[ ]*(?P<H>\d{1,2})[:时點点](?:(?P<M>\d{1,2})分?)?"
    r"(?::?(?P<S>\d{1,2})(?:[.,](?P<f>\d{1,9}))?秒?)?"
    r"[ ]*(?P<ampm>[AaPp]\.?[Mm]\.?)?)?"
)
_ZONE = r"[ ]*(?P<z>Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
_YEAR_FIRST = re.compile(r"(?P<Y>\d{4})(?:[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?)" + _TIME + _ZONE)
_YEAR_LAST = re.compile(r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<Y>\d{4}|\d{2})" + _TIME + _ZONE)
_PLAIN = re.compile(
    r"(?P<Y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:[ T]?(?P<H>\d{2}):?(?P<M>\d{2})(?::?(?P<S>\d{2}))?)?" + _ZONE
)
_MONTHS = {
    name: n
    for n, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_NAMED = re.compile(
    r"(?:(?P<d>\d{1,2})[ -](?P<n>[A-Za-z]{3,9})\.?[ ,-]+|(?P<n2>[A-Za-z]{3,9})\.? (?P<d2>\d{1,2}),? )(?P<Y>\d{4})"
    + _TIME
    + _ZONE
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
# Patterns that DuckDB reads a column by, as digits and signs shape them.
_SIMPLE_DATE = re.compile(
    r"(?P<Y>\d{4})(?P<s>[-/.])\d{1,2}(?P=s)\d{1,2}|\d{1,2}(?P<t>[-/.])\d{1,2}(?P=t)\d{4}|\d{8}(?!\d)"
)
_SIMPLE_TIME = re.compile(r"(?P<gap>[ T])\d{1,2}:\d{2}(?P<S>:\d{2}(?P<f>\.\d{1,6})?)?")
_WRITTEN = (_YEAR_FIRST, _YEAR_LAST, _PLAIN, _NAMED)


class ParsedDate(NamedTuple):
    """What a text means: microseconds since 1970 of the local clock, or of UTC when it names its zone; or why not."""

    micros: int | None
    utc: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How a column writes its dates."""

    order: str = "dmy"  # ``dmy`` or ``mdy`` for dates that end in the year
    ambiguous: bool = False  # nothing in the column decides between the two
    formats: tuple[str, ...] = ()  # strptime patterns seen, most frequent first
    serial: bool = False  # bare numbers are Excel's days, not seconds
    forced: str = ""


def read_date(text: str | None, style: DateStyle) -> ParsedDate:
    plain = unicodedata.normalize("NFKC", text or "").strip()
    if not plain:
        return ParsedDate(None, reason=NO_DATE)
    parsed = ParsedDate(None, reason=BAD_DATE)
    if style.forced:
        with suppress(ValueError):
            moment = datetime.strptime(plain, style.forced)
            epoch = _EPOCH if moment.tzinfo is None else _UTC_EPOCH
            parsed = ParsedDate((moment - epoch) // _MICROSECOND, utc=moment.tzinfo is not None)
    elif match := next((m for pattern in _WRITTEN if (m := pattern.fullmatch(plain))), None):
        parsed = _written(match.groupdict(), style.order)
    elif _NUMBER.fullmatch(plain):
        parsed = _counted(plain, style.serial)
    if parsed.micros is not None and parsed.micros < YEAR_1900:
        return ParsedDate(None, reason=TOO_OLD)
    return parsed


def _written(parts: dict[str, str | None], order: str) -> ParsedDate:
    """Read a date from the parts of one of the patterns."""
    year = int(parts["Y"] or 0)
    if len(parts["Y"] or "") == 2:
        year += 2000 if year < 70 else 1900
    if "a" in parts:
        first, second = int(parts["a"] or 0), int(parts["b"] or 0)
        day, month = (first, second) if order == "dmy" else (second, first)
    elif "n" in parts:
        month = _MONTHS.get((parts["n"] or parts["n2"] or "")[:3].lower(), 0)
        day = int(parts["d"] or parts["d2"] or 0)
    else:
        month, day = int(parts["m"] or 0), int(parts["d"] or 0)
    hour, minute, second = (int(parts.get(name) or 0) for name in ("H", "M", "S"))
    half = (parts.get("ampm") or parts.get("half") or "")[:1].lower()
    if half in {"p", "下"} and hour < 12:
        hour += 12
    elif half in {"a", "上"} and hour == 12:
        hour = 0
    try:
        moment = datetime(year, month, day)
        if (hour, minute, second) == (24, 0, 0):  # the end of the day
            moment += timedelta(days=1)
        elif hour > 23 or minute > 59 or second > 60:
            return ParsedDate(None, reason=IMPOSSIBLE_DATE)
        else:
            micro = int(((parts.get("f") or "") + "000000")[:6])
            moment += timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    except (ValueError, OverflowError):
        return ParsedDate(None, reason=IMPOSSIBLE_DATE)
    zone = parts.get("z")
    return ParsedDate((moment - _EPOCH - _offset(zone)) // _MICROSECOND, utc=bool(zone))


def _offset(zone: str | None) -> timedelta:
    if not zone or zone in {"Z", "UTC", "GMT"}:
        return timedelta()
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return offset if zone[0] == "+" else -offset


def _counted(text: str, serial: bool) -> ParsedDate:
    """Read a bare number: Excel's days since 1899-12-30, or seconds or milliseconds since 1970."""
    digits, number = len(text.partition(".")[0]), float(text)
    if 1 <= number < 100_000 and (serial or digits == 5):
        moment = datetime(1899, 12, 30) + timedelta(seconds=round(number * 86_400, 3))
        return ParsedDate((moment - _EPOCH) // _MICROSECOND)
    unit = {10: 1_000_000, 13: 1000, 16: 1}.get(digits)
    return ParsedDate(None, reason=BAD_DATE) if unit is None else ParsedDate(round(number * unit), utc=True)


def date_style_of(samples: Iterable[str], forced: str = "") -> DateStyle:
    if "%" in forced:
        return DateStyle(formats=(forced,), forced=forced)
    texts = [unicodedata.normalize("NFKC", sample).strip() for sample in samples if sample and sample.strip()]
    pairs = [(int(match["a"]), int(match["b"])) for text in texts if (match := _YEAR_LAST.fullmatch(text))]
    day_first = sum(a > 12 >= b for a, b in pairs)
    month_first = sum(b > 12 >= a for a, b in pairs)
    if forced in _ORDERS:
        order = forced
    elif day_first != month_first:
        order = "dmy" if day_first > month_first else "mdy"
    else:
        # Nothing decides: points are written by Europeans, slashes together with a.m. and p.m. by Americans.
        order = "mdy" if any(text[-1:] in "mM" for text in texts) else "dmy"
    undecided = any(a <= 12 and b <= 12 for a, b in pairs) and not day_first and not month_first
    patterns = Counter(pattern for text in texts if (pattern := _strptime_pattern(text, order)))
    numbers = [float(text) for text in texts if _NUMBER.fullmatch(text)]
    serial = bool(numbers) and all(1 <= number < 100_000 for number in numbers)
    formats = tuple(pattern for pattern, _ in patterns.most_common(4))
    return DateStyle(order, undecided and forced not in _ORDERS, formats, serial)


def _strptime_pattern(text: str, order: str) -> str | None:
    """Return the strptime pattern of a text, when it has a simple one."""
    date = _SIMPLE_DATE.match(text)
    if date is None:
        return None
    if date["t"]:
        pattern = ("%d-%m-%Y" if order == "dmy" else "%m-%d-%Y").replace("-", date["t"])
    else:
        pattern = "%Y-%m-%d".replace("-", date["s"] or "")
    if date.end() == len(text):
        return pattern
    time = _SIMPLE_TIME.fullmatch(text, date.end())
    if time is None:
        return None
    return f"{pattern}{time['gap']}%H:%M" + (":%S" if time["S"] else "") + (".%f" if time["f"] else "")


def latest_instant(now: datetime) -> int:
    """Return the last acceptable instant, in microseconds: one day after `now`."""
    return (now + timedelta(days=1) - _UTC_EPOCH) // _MICROSECOND
