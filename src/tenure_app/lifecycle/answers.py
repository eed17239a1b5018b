"""The library's statistics, asked once for each state of the lake.

Pages ask the same few questions all day while the spans change once or twice; so an answer is kept until a table of
the lake is written. Lists read the same spans, so the totals agree.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    import duckdb
    import ibis.expr.types as ir

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
    version : str
        Names the state of the lake; equal versions give equal answers.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, version: str) -> None:
        self.con = con
        self.version = version

    def ask(self, question: str, model: str, *asked: date | str) -> Rows:
        """Return the rows of a function of `tenure.lifecycle.statistics` that takes spans, a model and days."""
        return self.kept((question, model, *asked), lambda: self._ask(question, model, *asked))

    def value_by_stage(self, model: str, day: date, since: date) -> Rows:
        """Return people, money and movement of every stage."""
        from tenure.lifecycle import statistics

        return self.kept(
            ("value_by_stage", model, day, since),
            lambda: _rows(statistics.value_by_stage(self._table("spans"), self._table("scorecard"), model, day, since)),
        )

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query of our own."""
        return self.kept(("sql", text, *values), lambda: self.con.execute(text, list(values)).fetchall())

    def kept(self, key: tuple[Any, ...], answer: Callable[[], Any]) -> Any:
        """Return an answer, from memory when the lake is still the same."""
        whole = (self.version, *key)
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

    def _ask(self, question: str, model: str, *asked: Any) -> Rows:
        from tenure.lifecycle import statistics

        return _rows(getattr(statistics, question)(self._table("spans"), model, *asked))

    def _table(self, name: str) -> ir.Table:
        import ibis

        return ibis.duckdb.from_connection(self.con).table(name)


def _rows(expression: ir.Table) -> Rows:
    return expression.to_pyarrow().to_pylist()
