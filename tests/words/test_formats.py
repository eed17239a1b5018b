"""Formats: what Babel writes, rounded as a reader expects."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.words import formats

LANGUAGES = st.sampled_from(["zh_Hans", "en"])
AMOUNTS = st.decimals(-(10**14), 10**14, places=4)
UNITS = {"万": 10**4, "亿": 10**8, "万亿": 10**12, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def read_back(text: str) -> Decimal:
    digits = text.rstrip("万亿KMBT")
    return Decimal(digits.replace(",", "")) * UNITS.get(text[len(digits) :], 1)


@settings(deadline=None)  # the first format loads the language
@given(AMOUNTS, LANGUAGES, st.integers(0, 6))
def test_a_number_reads_back_to_what_it_was_rounded_to(value: Decimal, language: str, places: int) -> None:
    text = formats.number(value, places, language=language)
    assert abs(read_back(text) - value) <= Decimal(1).scaleb(-places) / 2
    assert len(text.partition(".")[2]) == places
    trimmed = formats.number(value, at_most=places, language=language)
    assert read_back(trimmed) == read_back(text)
    assert not trimmed.startswith("-0") or read_back(trimmed)


@settings(deadline=None)  # the first format loads the language
@given(AMOUNTS, LANGUAGES)
def test_a_compact_number_is_short_and_near(value: Decimal, language: str) -> None:
    text = formats.compact(value, language=language)
    step = 10**4 if language == "zh_Hans" else 10**3
    assert abs(read_back(text) - value) <= max(abs(value) / 2 / 10 / 1, Decimal("0.05"))
    digits = text.strip("-万亿KMBT").replace(",", "")
    assert Decimal(digits) < step or abs(value) > 10**15


@pytest.mark.parametrize(
    ("value", "chinese", "english"),
    [
        (0, "0", "0"),
        (9999, "9,999", "10K"),
        (999, "999", "999"),
        (12345, "1.2万", "12.3K"),
        (123000, "12.3万", "123K"),
        (99_999_999, "1亿", "100M"),
        (999_960, "100万", "1M"),
        (-12345, "-1.2万", "-12.3K"),
        (Decimal("1234567890"), "12.3亿", "1.2B"),
        (None, "–", "–"),
        ("abc", "–", "–"),
        (float("nan"), "–", "–"),
        (9999.97, "1万", "10K"),
        (999_960, "100万", "1M"),
        (12_345_678, "1234.6万", "12.3M"),
        (0.26, "0.3", "0.3"),
        (-0.01, "0", "0"),
        ("no number", "–", "–"),
    ],
)
def test_compact_numbers_never_overflow_their_word(value: object, chinese: str, english: str) -> None:
    assert formats.compact(value, language="zh_Hans") == chinese
    assert formats.compact(value, language="en") == english


@settings(deadline=None)  # the first format loads the language
@given(st.decimals(0, 10, places=8), LANGUAGES)
def test_a_change_is_a_percentage_with_a_sign(share: Decimal, language: str) -> None:
    text = formats.percent(share, language=language)
    assert abs(Decimal(text.removesuffix("%").replace(",", "")) / 100 - share) <= Decimal("0.0005")
    assert formats.change(share, language=language) in ("0%", f"+{text}")
    assert formats.change(-share, language=language) in ("0%", f"−{text}")


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.431, "43%"),
        (1.234, "123%"),
        (0.0412, "4.1%"),
        (0.05, "5%"),
        (0.0004, "0.04%"),
        (0.00001, "<0.01%"),
        (0, "0%"),
    ],
)
def test_significant_digits_keep_small_shares_readable(share: float, text: str) -> None:
    assert formats.percent(share, digits=2, language="en") == text


def test_money_days_months_and_sizes() -> None:
    assert formats.money(Decimal("-1234.5"), "CNY", language="en") == "-¥1,234.50"
    assert formats.money(5, "CHF", language="zh_Hans") == "CHF 5.00"
    assert formats.money(123456, "USD", brief=True, language="zh_Hans") == "$12.3万"
    assert formats.day(date(2026, 9, 2), language="en") == "2 Sep 2026"
    assert formats.day(datetime(2026, 9, 2, 3, 4), language="zh_Hans") == "2026年9月2日"
    assert formats.day("someday", language="en") == "someday"
    assert formats.month("2026-09-02", language="en") == "Sep 2026"
    assert formats.month(date(2026, 9, 2), language="zh_Hans") == "2026年9月"
    assert formats.size(300, language="en") == "300 B"
    assert formats.size(12.34 * 1024**2, language="en") == "12.3 MB"
    assert formats.number(None) == formats.percent("") == formats.day(None) == formats.MISSING
