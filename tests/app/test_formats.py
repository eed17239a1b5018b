"""Numbers, money, days as readers of each language expect them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone, translation

from tenure.words import speaking
from tenure_app.web import formats


@contextmanager
def in_language(language: str) -> Iterator[None]:
    """Speak a language as a request does."""
    with translation.override(language), speaking(language):
        yield


def test_money_carries_the_business_currency() -> None:
    assert formats.money(Decimal("1234.5"), "CNY") == "¥1,234.50"
    assert formats.money(-3, "USD") == "-$3.00"
    assert formats.money(5, "CHF") == "CHF 5.00"
    with in_language("zh-hans"):
        assert formats.money(123456, "CNY", brief=True) == "¥12.3万"


def test_days_and_instants_are_written_in_the_business_zone() -> None:
    moment = datetime(2026, 11, 21, 17, 5, tzinfo=UTC)
    with timezone.override("Asia/Shanghai"):
        with in_language("zh-hans"):
            assert formats.day(date(2026, 11, 22)) == "2026年11月22日"
            assert formats.instant(moment) == "2026年11月22日 01:05"
        with in_language("en"):
            assert formats.day("2026-11-22") == "22 Nov 2026"
            assert formats.day(moment) == "22 Nov 2026"
            assert formats.day("someday") == "someday"


def test_how_long_ago_is_said_in_words() -> None:
    now = timezone.now()
    with in_language("zh-hans"):
        assert formats.ago(now) == "刚刚"
        assert formats.ago(now - timedelta(minutes=5)) == "5 分钟前"
    with in_language("en"):
        assert formats.ago(now - timedelta(hours=1)) == "1 hour ago"
        assert formats.ago(now - timedelta(days=3)) == "3 days ago"


def test_every_term_of_the_glossary_is_explained_in_both_languages() -> None:
    from tenure.columns import catalogue
    from tenure_app.web.templatetags.tenure import GLOSSARY, terms

    names = re.findall(r"^([\w-]+):", GLOSSARY.read_text("utf-8"), re.MULTILINE)
    assert len(names) == len({*names} - {*catalogue()}), "two entries of one name: the later one hides the other"
    for name, both in terms().items():
        for language in ("zh", "en"):
            assert both[language]["term"], name
            assert both[language]["text"], name
            assert set(both[language]) == {"term", "text"}, f"{name}: a comma and a space end a text without quotes"
