"""Numbers, money, days and instants as a reader of each language expects them.

12.3万, ¥1,234.50 and 2026年11月22日; 12.3K, ¥1,234.50 and 22 Nov 2026. The charts write the same numbers the same way
(frontend/src/draw/base.js).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from django.utils import timezone
from django.utils.translation import get_language, gettext, ngettext

SYMBOLS = {
    "CNY": "¥",
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "HKD": "HK$",
    "TWD": "NT$",
    "JPY": "JP¥",
    "SGD": "S$",
    "KRW": "₩",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
NOTHING = "–"
Number = int | float | Decimal


def chinese() -> bool:
    """Tell whether the reader reads Chinese."""
    return (get_language() or "").startswith("zh")


def decimal_of(value: object) -> Decimal | None:
    """Return a value as an exact number, None when it is none."""
    if value is None or value == "":
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _trimmed(number: Decimal, places: int) -> str:
    text = f"{_rounded(number, places):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: object, places: int | None = None) -> str:
    """Write a number in full: 1,234,567, with at most two places unless told."""
    exact = decimal_of(value)
    if exact is None:
        return NOTHING
    return _trimmed(exact, 2) if places is None else f"{_rounded(exact, places):,f}"


def short(value: object) -> str:
    """Write a number short: 12.3万 and 1.2亿 from five digits on, 12.3K and 1.2M in English."""
    exact = decimal_of(value)
    if exact is None:
        return NOTHING
    units = ((8, "亿"), (4, "万")) if chinese() else ((9, "B"), (6, "M"), (3, "K"))
    for place, (power, unit) in enumerate(units):
        if abs(exact) >= Decimal(10) ** power:
            scaled = _rounded(exact.scaleb(-power), 1)
            if place and abs(scaled) >= Decimal(10) ** (units[place - 1][0] - power):
                return _trimmed(exact.scaleb(-units[place - 1][0]), 1) + units[place - 1][1]
            return _trimmed(scaled, 1) + unit
    return _trimmed(exact, 1)


def money(value: object, currency: str = "CNY", brief: bool = False) -> str:
    """Write an amount with its currency; `brief` leaves out what a glance does not need."""
    exact = decimal_of(value)
    if exact is None:
        return NOTHING
    sign = "-" if exact < 0 else ""
    text = short(abs(exact)) if brief else number(abs(exact), 2)
    return f"{sign}{SYMBOLS.get(currency, currency + ' ')}{text}"


def percent(value: object, places: int = 1) -> str:
    """Write a share (0.123) as 12.3%."""
    exact = decimal_of(value)
    return NOTHING if exact is None else f"{_trimmed(exact * 100, places)}%"


def change(value: object, places: int = 1) -> str:
    """Write by which part something changed: +12.3%, −40%."""
    exact = decimal_of(value)
    if exact is None:
        return NOTHING
    text = percent(abs(exact), places)
    return text if text == "0%" else ("−" if exact < 0 else "+") + text


def day(value: object) -> str:
    """Write a day: 2026年11月22日 or 22 Nov 2026."""
    if isinstance(value, str):
        return _written_day(value)
    if isinstance(value, datetime):
        value = timezone.localtime(value).date() if timezone.is_aware(value) else value.date()
    if not isinstance(value, date):
        return NOTHING
    if chinese():
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def _written_day(text: str) -> str:
    try:
        return day(date.fromisoformat(text[:10]))
    except ValueError:
        return text


def instant(value: object) -> str:
    """Write an instant in the business's zone, to the minute."""
    if not isinstance(value, datetime):
        return day(value)
    local = timezone.localtime(value) if timezone.is_aware(value) else value
    return f"{day(local.date())} {local:%H:%M}"


def ago(value: object) -> str:
    """Write how long ago an instant was: 5 minutes ago."""
    if not isinstance(value, datetime):
        return NOTHING
    seconds = max(0, int((timezone.now() - value).total_seconds()))
    if seconds < 60:
        return gettext("just now")
    if seconds < 3600:
        count = seconds // 60
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", count) % {"count": count}
    if seconds < 86_400:
        count = seconds // 3600
        return ngettext("%(count)d hour ago", "%(count)d hours ago", count) % {"count": count}
    count = seconds // 86_400
    if count <= 30:
        return ngettext("%(count)d day ago", "%(count)d days ago", count) % {"count": count}
    return day(value)


def size(value: object) -> str:
    """Write a file's size."""
    amount = float(decimal_of(value) or 0)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1024 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return ""
