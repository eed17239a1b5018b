"""Reading dates as people write them.

Whole columns are read by the few patterns their sample shows; only what those leave over is read one distinct text at
a time.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from tenure.facts.reasons import BAD_DATE, IMPOSSIBLE_DATE, NO_DATE, TOO_OLD

if TYPE_CHECKING:
    from collections.abc import Iterable

NAIVE_EPOCH = datetime(1970, 1, 1)
_MICRO = timedelta(microseconds=1)
ORDERS = ("ymd", "dmy", "mdy")

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
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_NAMED = re.compile(
    r"(?:(?P<d>\d{1,2})[ -](?P<n>[A-Za-z]{3,9})\.?[ ,-]+|(?P<n2>[A-Za-z]{3,9})\.? (?P<d2>\d{1,2}),? )(?P<Y>\d{4})"
    + _TIME
    + _ZONE
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Read:
    """What a text means: microseconds since 1970 of the local clock, or of UTC when it names its zone; or why not."""

    micros: int | None
    utc: bool = False
    reason: str = ""
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Habit:
    """How a column writes its dates."""

    order: str = "dmy"  # ``dmy`` or ``mdy`` for dates that end in the year
    ambiguous: bool = False  # nothing in the column decides between the two
    formats: tuple[str, ...] = ()  # strptime patterns seen, most frequent first
    serial: bool = False  # bare numbers are Excel's days, not seconds
    forced: str = ""


def read_date(text: str | None, habit: Habit) -> Read:
    """Return what a text means as a date."""
    one = unicodedata.normalize("NFKC", text or "").strip()
    if not one:
        return Read(None, reason=NO_DATE)
    if habit.forced:
        return _forced(one, habit.forced)
    return _read(one, habit.order, habit.serial)


def _forced(text: str, pattern: str) -> Read:
    try:
        moment = datetime.strptime(text, pattern)
    except ValueError:
        return Read(None, reason=BAD_DATE)
    if moment.tzinfo is not None:
        return _checked(Read((moment - datetime(1970, 1, 1, tzinfo=UTC)) // _MICRO, utc=True, timed=True))
    return _checked(Read((moment - NAIVE_EPOCH) // _MICRO, timed=True))


def _read(text: str, order: str, serial: bool) -> Read:
    for pattern in (_YEAR_FIRST, _YEAR_LAST, _PLAIN, _NAMED):
        found = pattern.fullmatch(text)
        if found is not None:
            return _checked(_made(found.groupdict(), order))
    if _NUMBER.fullmatch(text):
        return _checked(_counted(text, serial))
    return Read(None, reason=BAD_DATE)


def _made(parts: dict[str, str | None], order: str) -> Read:
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
    return _moment(year, month, day, parts)


def _moment(year: int, month: int, day: int, parts: dict[str, str | None]) -> Read:
    hour = int(parts.get("H") or 0)
    late = (parts.get("ampm") or "").lower().startswith("p") or parts.get("half") == "下午"
    early = (parts.get("ampm") or "").lower().startswith("a") or parts.get("half") == "上午"
    if late and hour < 12:
        hour += 12
    elif early and hour == 12:
        hour = 0
    micro = int(((parts.get("f") or "") + "000000")[:6])
    try:
        moment = datetime(year, month, day)
        whole = hour == 24 and not int(parts.get("M") or 0) and not int(parts.get("S") or 0)
        moment += (
            timedelta(days=1) if whole else _clock(hour, int(parts.get("M") or 0), int(parts.get("S") or 0), micro)
        )
    except (ValueError, OverflowError):
        return Read(None, reason=IMPOSSIBLE_DATE)
    offset = _offset(parts.get("z"))
    if offset is None:
        return Read((moment - NAIVE_EPOCH) // _MICRO, timed=parts.get("H") is not None)
    return Read((moment - NAIVE_EPOCH - offset) // _MICRO, utc=True, timed=True)


def _clock(hour: int, minute: int, second: int, micro: int) -> timedelta:
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)


def _offset(text: str | None) -> timedelta | None:
    if not text:
        return None
    if text in {"Z", "UTC", "GMT"}:
        return timedelta()
    digits = text[1:].replace(":", "")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return ahead if text[0] == "+" else -ahead


def _counted(text: str, serial: bool) -> Read:
    """Read a bare number: Excel's days since 1899-12-30, or seconds or milliseconds since 1970."""
    whole, _, _ = text.partition(".")
    number = float(text)
    if 1 <= number < 100_000 and (serial or len(whole) == 5):
        seconds = round(number * 86_400, 3)
        moment = datetime(1899, 12, 30) + timedelta(seconds=seconds)
        return Read((moment - NAIVE_EPOCH) // _MICRO, timed=not number.is_integer())
    for digits, unit in ((10, 1_000_000), (13, 1000), (16, 1)):
        if len(whole) == digits:
            return Read(round(number * unit), utc=True, timed=True)
    return Read(None, reason=BAD_DATE)


def _checked(read: Read) -> Read:
    if read.micros is not None and read.micros < _BEFORE_1900:
        return Read(None, reason=TOO_OLD)
    return read


_BEFORE_1900 = (datetime(1900, 1, 1) - NAIVE_EPOCH) // _MICRO


def habit_of(samples: Iterable[str], forced: str = "") -> Habit:
    """Return how a column writes its dates, judged by samples of it."""
    texts = [unicodedata.normalize("NFKC", sample).strip() for sample in samples if sample and sample.strip()]
    if forced and "%" in forced:
        return Habit(formats=(forced,), forced=forced)
    first = second = undecided = 0
    for text in texts:
        found = _YEAR_LAST.fullmatch(text)
        if found:
            a, b = int(found["a"]), int(found["b"])
            first, second = first + (a > 12 >= b), second + (b > 12 >= a)
            undecided += a <= 12 and b <= 12
    order = forced if forced in ORDERS else _judged(texts, first, second)
    ambiguous = forced not in ORDERS and bool(undecided) and not first and not second
    shapes = Counter(shape for text in texts if (shape := shape_of(text, order)))
    numbers = [float(text) for text in texts if _NUMBER.fullmatch(text)]
    serial = bool(numbers) and all(1 <= number < 100_000 for number in numbers)
    return Habit(order, ambiguous, tuple(shape for shape, _ in shapes.most_common(4)), serial)


def _judged(texts: list[str], first: int, second: int) -> str:
    if first != second:
        return "dmy" if first > second else "mdy"
    # Nothing decides: points are written by Europeans, slashes together with a.m. and p.m. by Americans.
    return "mdy" if any(text[-1:] in "mM" for text in texts) else "dmy"


@lru_cache(maxsize=4096)
def _time_shape(rest: str) -> str | None:
    if not rest:
        return ""
    for pattern, shape in (
        (r"( |T)\d{1,2}:\d{2}", "%H:%M"),
        (r"( |T)\d{1,2}:\d{2}:\d{2}", "%H:%M:%S"),
        (r"( |T)\d{1,2}:\d{2}:\d{2}\.\d{1,6}", "%H:%M:%S.%f"),
    ):
        if re.fullmatch(pattern, rest):
            return rest[0] + shape
    return None


def shape_of(text: str, order: str) -> str | None:
    """Return the strptime pattern of a text, when it has a simple one."""
    found = re.match(r"(\d{4})([-/.])\d{1,2}\2\d{1,2}", text)
    if found:
        day = f"%Y{found[2]}%m{found[2]}%d"
    elif found := re.match(r"\d{1,2}([-/.])\d{1,2}\1\d{4}", text):
        day = f"%d{found[1]}%m{found[1]}%Y" if order == "dmy" else f"%m{found[1]}%d{found[1]}%Y"
    elif found := re.match(r"\d{8}(?!\d)", text):
        day = "%Y%m%d"
    else:
        return None
    rest = _time_shape(re.sub(r"\d", "0", text[found.end() :]))
    return None if rest is None else day + rest


def day_limits(now: datetime) -> int:
    """Return the last acceptable instant, in microseconds: one day after `now`."""
    return (now + timedelta(days=1) - datetime(1970, 1, 1, tzinfo=UTC)) // _MICRO
