"""The library's statistics, asked once for each version of the tables that they read.

Pages ask the same few questions all day while the spans change once or twice; so an answer is kept until a table
that it reads is written. Lists read the same spans, so the totals agree.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import duckdb

    from tenure_app.core.conf import Versions

Rows = list[dict[str, Any]]
_MOST = 512
_kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
_lock = threading.Lock()


class Answers:
    """Questions to the spans of one state of the lake.

    Parameters
    ----------
    con : duckdb connection
        With the lake's views.
    versions : Versions
        Versions of the lake's tables; equal versions of the tables that a question reads give equal answers.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, versions: Versions) -> None:
        self.con = con
        self.versions = versions

    def ask(self, question: str, model: str, *asked: date | str) -> Rows:
        """Return the rows of a function of `tenure.lifecycle.statistics` that takes a connection, a model and days."""
        from tenure.lifecycle import statistics

        query = getattr(statistics, question)
        return self.kept((question, model, *asked), lambda: query(self.con, model, *asked).to_pylist(), "spans")

    def value_by_stage(self, model: str, day: date, since: date) -> Rows:
        """Return people, money and movement of every stage."""
        from tenure.lifecycle import statistics

        return self.kept(
            ("value_by_stage", model, day, since),
            lambda: statistics.value_by_stage(self.con, model, day, since).to_pylist(),
            "spans",
            "scorecard",
        )

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query of our own."""
        version = self.versions.named_in(text)
        return self._kept((version, "sql", text, *values), lambda: self.con.execute(text, list(values)).fetchall())

    def kept(self, key: tuple[Any, ...], answer: Callable[[], Any], *tables: str) -> Any:
        """Return an answer, from memory while the tables that it reads are the same; all, when none is named."""
        return self._kept((self.versions.of(*tables), *key), answer)

    def _kept(self, whole: tuple[Any, ...], answer: Callable[[], Any]) -> Any:
        with _lock:
            if whole in _kept:
                _kept.move_to_end(whole)
                return _kept[whole]
        found = answer()
        with _lock:
            _kept[whole] = found
            while len(_kept) > _MOST:
                _kept.popitem(last=False)
        return found
