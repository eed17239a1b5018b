"""Formats of the pages: those of the library, and instants in the business's zone."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext, ngettext

from tenure.words import formats
from tenure.words.formats import MISSING, change, decimal_of, money, number, percent, size, symbol

__all__ = ["MISSING", "change", "decimal_of", "money", "number", "percent", "size", "symbol"]  # passed on


def day(value: object) -> str:
    """Write a day, an instant's day in the business's zone: 2026年11月22日 or 22 Nov 2026."""
    return formats.day(_local(value))


def instant(value: object) -> str:
    """Write an instant in the business's zone, to the minute."""
    local = _local(value)
    return f"{formats.day(local)} {local:%H:%M}" if isinstance(local, datetime) else formats.day(local)


def _local(value: object) -> object:
    return timezone.localtime(value) if isinstance(value, datetime) and timezone.is_aware(value) else value


def customers(count: int) -> str:
    """Write a number of customers: 1,234 customers."""
    return ngettext("%(shown)s customer", "%(shown)s customers", count) % {"shown": number(count)}


def ago(value: object) -> str:
    """Write how long ago an instant was: 5 minutes ago."""
    if not isinstance(value, datetime):
        return MISSING
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
