"""Numbers, money and days as readers of each language expect them, on the CLDR data of Babel.

12.3万, ¥1,234.50 and 2026年11月22日; 12.3K, ¥1,234.50 and 22 Nov 2026. The charts write them the same way
(frontend/src/draw/base.js).
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from tenure.words.catalogue import current_language

#: Written where there is no value.
MISSING = "–"
# CLDR writes CN¥ in English; a business reads its own currency more often than any other.
_SYMBOLS = {"CNY": "¥", "JPY": "JP¥", "SGD": "S$"}
_DAYS = {"zh_Hans": "y年M月d日", "en": "d MMM y"}
_MONTHS = {"zh_Hans": "y年M月", "en": "MMM y"}
#: Powers of ten between two words for large numbers: 万, 亿 and K, M, B.
_STEPS = {"zh_Hans": 4, "en": 3}


def decimal_of(value: object) -> Decimal | None:
    """Return a value as an exact finite number, None when it is not one."""
    if value is None or value == "":
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def number(value: object, places: int | None = None, *, at_most: int = 2, language: str | None = None) -> str:
    """Write a number in full: 1,234,567 with exactly `places`, else with at most so many places."""
    exact = decimal_of(value)
    if exact is None:
        return MISSING
    fraction = "#" * at_most if places is None else "0" * places
    return _written(exact, len(fraction), f"#,##0.{fraction}".rstrip("."), language)


def compact(value: object, *, language: str | None = None) -> str:
    """Write a number short: 12.3万 and 1.2亿 from five digits on, 12.3K and 1.2M in English."""
    exact = decimal_of(value)
    if exact is None:
        return MISSING
    language = language or current_language()
    step = _STEPS[language]
    if abs(exact) < 10**step:
        text = number(exact, at_most=1, language=language)
        return text if abs(_rounded(exact, 1)) < 10**step else _compact(_rounded(exact, 1), language)
    # Rounded before the word is chosen: 99,999,999 is 1亿, never 10000万.
    power = exact.adjusted() // step * step
    return _compact(_rounded(exact, 1 - power), language)


def money(
    value: object, currency: str = "CNY", *, brief: bool = False, places: int = 2, language: str | None = None
) -> str:
    """Write an amount with its currency; `brief` leaves out what a glance does not need."""
    exact = decimal_of(value)
    if exact is None:
        return MISSING
    amount = compact(abs(exact), language=language) if brief else number(abs(exact), places, language=language)
    return f"{'-' if exact < 0 else ''}{symbol(currency)}{amount}"


def percent(value: object, places: int = 1, *, digits: int | None = None, language: str | None = None) -> str:
    """Write a share (0.123) as 12.3%, with at most `places`, or with so many significant `digits`."""
    exact = decimal_of(value)
    if exact is None:
        return MISSING
    if digits is not None:
        least = Decimal(1).scaleb(-2 - digits)
        if 0 < exact < least:
            return f"<{percent(least, digits, language=language)}"
        places = max(0, digits - 3 - exact.adjusted()) if exact else 0
    return _written(exact, places + 2, f"#,##0.{'#' * places}".rstrip(".") + "%", language)


def change(value: object, places: int = 1, *, digits: int | None = None, language: str | None = None) -> str:
    """Write by how much something changed: +12.3%, −40%."""
    exact = decimal_of(value)
    if exact is None:
        return MISSING
    text = percent(abs(exact), places, digits=digits, language=language)
    return text if text == "0%" else ("−" if exact < 0 else "+") + text


def day(value: object, *, language: str | None = None) -> str:
    """Write a day, or an ISO text of one: 2026年11月22日 or 22 Nov 2026."""
    return _date(value, _DAYS, language)


def month(value: object, *, language: str | None = None) -> str:
    """Write a month: 2026年11月 or Nov 2026."""
    return _date(value, _MONTHS, language)


def size(value: object, *, language: str | None = None) -> str:
    """Write the size of a file: 12.3 MB."""
    amount = decimal_of(value) or Decimal()
    units = ("B", "KB", "MB", "GB")
    power = next((power for power in range(len(units)) if amount < 1024 ** (power + 1)), len(units) - 1)
    scaled = amount / 1024**power
    places = 0 if power == 0 or scaled >= 100 else 1
    return f"{number(scaled, places, language=language)} {units[power]}"


def _date(value: object, patterns: dict[str, str], language: str | None) -> str:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value[:10])
        except ValueError:
            return str(value)
    if isinstance(value, datetime):
        value = value.date()
    if not isinstance(value, date):
        return MISSING
    language = language or current_language()
    return _dated(value, patterns[language], language)


@lru_cache(maxsize=20_000)
def _dated(value: date, pattern: str, language: str) -> str:
    from babel.dates import format_date  # loaded late: the command line starts without it

    return format_date(value, pattern, locale=language)


def _rounded(exact: Decimal, places: int) -> Decimal:
    return exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _written(exact: Decimal, places: int, pattern: str, language: str | None) -> str:
    return _by_pattern(_rounded(exact, places), pattern, language or current_language())


@lru_cache(maxsize=20_000)
def _by_pattern(exact: Decimal, pattern: str, language: str) -> str:
    from babel.numbers import format_decimal

    # A rounded zero has no sign: -0.001 is written 0.
    return format_decimal(exact or Decimal(), pattern, locale=language)


@lru_cache(maxsize=20_000)
def _compact(exact: Decimal, language: str) -> str:
    from babel.numbers import format_compact_decimal

    return format_compact_decimal(exact, locale=language, fraction_digits=1)


@lru_cache(maxsize=64)
def symbol(currency: str) -> str:
    """Return what is written before an amount: ¥, HK$, or the code and a space."""
    from babel.numbers import get_currency_symbol

    name = _SYMBOLS.get(currency) or get_currency_symbol(currency, locale="en")
    return f"{name} " if name[-1:].isalpha() else name
