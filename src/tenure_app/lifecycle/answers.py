"""The library's statistics and other queries, run once for each version of the tables that they read.

Pages need the same few results all day while the spans change once or twice; so a result is kept until a table that it
reads is written. Lists read the same spans, so the totals agree.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import duckdb

    from tenure_app.core.conf import Versions

Rows = list[dict[str, Any]]


class _Slot:
    """Room for one result."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.results: list[Any] = []


@lru_cache(maxsize=512)
def _slot(key: tuple[Any, ...]) -> _Slot:
    return _Slot()


class Answers:
    """Queries of one state of the lake: a connection with its views, and the versions of its tables."""

    def __init__(self, con: duckdb.DuckDBPyConnection, versions: Versions) -> None:
        self.con = con
        self.versions = versions

    def ask(self, name: str, model: str, *days: date | str) -> Rows:
        """Return the rows of a function of `tenure.lifecycle.statistics` that takes a connection, a model and days."""
        from tenure.lifecycle import statistics

        query = getattr(statistics, name)
        # Of all statistics only this one reads the scorecard, so a commit there leaves the others.
        tables = ("spans", "scorecard") if name == "value_by_stage" else ("spans",)
        return self.kept((name, model, *days), lambda: query(self.con, model, *days).to_pylist(), *tables)

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of another query."""
        version = self.versions.named_in(text)
        return _remembered((version, "sql", text, *values), lambda: self.con.execute(text, list(values)).fetchall())

    def kept(self, key: tuple[Any, ...], compute: Callable[[], Any], *tables: str) -> Any:
        """Return a result, from memory while the tables that it reads are the same; all, when none is named."""
        return _remembered((self.versions.of(*tables), *key), compute)


def _remembered(key: tuple[Any, ...], compute: Callable[[], Any]) -> Any:
    slot = _slot(key)
    # Requests that need one result at once wait for the first instead of working it out again.
    with slot.lock:
        if not slot.results:
            slot.results.append(compute())
        return slot.results[0]
