"""Follows every number of a page to its rows."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from app.people import TODAY
from tenure_app.core import conf
from tenure_app.customers import queries, query

if TYPE_CHECKING:
    from django.test import Client

_LINK = re.compile(r'<a [^>]*href="(/customers/\?[^"]+)"[^>]*>(.*?)</a>', re.DOTALL)
_SHOWN = re.compile(r"([\d,]+) customers?\b")


def counted_links(html: str) -> dict[str, int]:
    """Return the addresses of lists that a page gives a number for."""
    found: dict[str, int] = {}
    for address, text in _LINK.findall(html):
        words = re.sub(r"<[^>]+>", " ", text)
        numbers = re.findall(r"\d[\d,]*", words)
        if numbers:
            found[unescape(address)] = int(numbers[-1].replace(",", ""))
    return found


def rows_behind(address: str) -> int:
    """Return how many rows the list at an address has."""
    chosen, wrong = query.read(dict(parse_qsl(urlsplit(address).query)), TODAY)
    assert not wrong, f"{address} says what means nothing: {wrong}"
    return queries.total(conf.connection(), chosen)


def shown_on(client: Client, address: str) -> int:
    """Return how many rows the page at an address says it has."""
    said = _SHOWN.search(client.get(address).content.decode().split('class="page-title"', 1)[1])
    assert said, f"no count on {address}"
    return int(said[1].replace(",", ""))


def check(client: Client, page: str, at_least: int) -> None:
    """Assert that every number of a page equals the rows that its link opens; a few are opened in full."""
    links = counted_links(client.get(page).content.decode())
    assert len(links) >= at_least, f"{page} has only {len(links)} numbers that lead somewhere"
    wrong = {address: (number, rows) for address, number in links.items() if (rows := rows_behind(address)) != number}
    assert not wrong, f"numbers on {page} that do not equal their rows: {wrong}"
    for address in list(links)[:: max(len(links) // 3, 1)]:
        assert shown_on(client, address) == links[address]
