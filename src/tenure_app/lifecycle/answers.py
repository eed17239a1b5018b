"""Queries of the lake, run once for each version of the tables that they read.

Pages need the same few results all day while the spans change once or twice; so a result is kept until a table that it
reads is written. Lists read the same spans, so the totals agree.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import duckdb

from tenure.lifecycle.statistics import statistic
from tenure_app.core import conf


@lru_cache(maxsize=512)
def _slot(key: tuple[Any, ...]) -> tuple[threading.Lock, list[Any]]:
    """Return the room for one result."""
    return threading.Lock(), []


class Answers:
    """Queries of the lake as a request sees it, on a connection with its views."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self.con, self.versions = con, conf.versions()

    def ask(self, sql: str, model: str, **days: Any) -> list[dict[str, Any]]:
        """Return the rows of a query of :mod:`tenure.lifecycle.statistics`."""
        key = (self.versions.named_in(sql), sql, model, repr(days))
        return _remembered(key, lambda: statistic(self.con, sql, model, **days).to_pylist())

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        key = (self.versions.named_in(text), text, *values)
        return _remembered(key, lambda: self.con.execute(text, list(values)).fetchall())

    def kept(self, key: tuple[Any, ...], compute: Callable[[], Any], *tables: str) -> Any:
        """Return a result, from memory while the tables that it reads are the same; all, when none is named."""
        return _remembered((self.versions.of(*tables), *key), compute)


def _remembered(key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
    lock, results = _slot(key)
    # Requests that need one result at once wait for the first instead of working it out again.
    with lock:
        if not results:
            results.append(compute())
        return results[0]
