"""Episodes and cash flows of a lake, of all customers or of an evenly drawn sample of them.

One pass of DuckDB each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.economics.episodes import CashFlows, Episodes, cash_flows, episodes_of
from tenure.economics.tiers import Tiers, tiers_of
from tenure.facts.lake import Lake
from tenure.lake import views
from tenure.lifecycle.model import Model
from tenure.lifecycle.statistics import on_day

#: Estimates read at most so many customers, drawn evenly over the sorted ids; counts always read all of them.
SAMPLE = 50_000
#: Of up to so many customers only the files are read that can hold them.
_FEW = 1_000
_IDS, _TIERS = "tenure_economics_ids", "tenure_economics_tiers"
#: A number from 0 to 1 that is always the same for a customer, to take some of them by.
_UNIFORM = "md5_number_lower(s.customer_id)::DOUBLE / 18446744073709551616.0"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A lake: the tier of every customer, and the customers that estimates read, numbered."""

    con: duckdb.DuckDBPyConnection  # with the views ``spans``, ``orders``, ``costs`` (where there are any)
    ids: pa.Array  # the customers read, sorted; their position is their number
    tier: np.ndarray  # their tiers, positions in `tiers.names`
    tiers: Tiers  # of all customers
    day: date
    tz: str

    @classmethod
    def of(
        cls, lake: Lake, day: date, table: pa.Table | None = None, *, sample: int = SAMPLE, like: Any = None
    ) -> Source:
        """Open a lake, for the customers of its scorecard or of a table."""
        names = ("spans", "orders", "costs", *(("scorecard",) if table is None else ()))
        few = table.column("customer_id").to_pylist() if table is not None and len(table) <= _FEW else None
        con = lake.connect(names, customers=few)
        if table is None:
            table = _customers(con)
        tiers = tiers_of(table, day, like)
        ids = table.column("customer_id").combine_chunks()
        kept = np.arange(0, len(ids), max(1, -(-len(ids) // sample)))
        read = ids.take(pa.array(kept))
        _keep(con, _TIERS, {"customer_id": ids, "tier": tiers.of})
        _keep(con, _IDS, {"customer_id": read, "who": np.arange(len(read))})
        return cls(con, read, tiers.of[kept], tiers, day, lake.settings.tz)

    @property
    def customers(self) -> int:
        return len(self.tiers.of)

    def models(self) -> list[str]:
        if not has(self.con, "spans"):
            return []
        return [row[0] for row in self.con.execute("SELECT DISTINCT model FROM spans ORDER BY model").fetchall()]

    def episodes(self, model: str, order: Sequence[str] = ()) -> Episodes:
        """Return the episodes of the customers under a model; stages that `order` does not name come after it."""
        spans = self.con.execute(
            "SELECT i.who AS who, s.stage AS stage, date_diff('day', DATE '1970-01-01', s.entered_on) AS entered,"
            " date_diff('day', DATE '1970-01-01', s.left_on) AS left_"
            f" FROM spans s JOIN {_IDS} i ON i.customer_id = s.customer_id"
            " WHERE s.model = ? AND NOT s.passed_through AND s.entered_on <= ? ORDER BY 1, 3",
            [model, self.day],
        ).to_arrow_table()
        return episodes_of(spans, len(self.ids), day_number(self.day), order)

    def stage_counts(self, model: str) -> list[tuple[str, int, int, int]]:
        """Count all customers, not only those read, by stage, whole weeks in it and tier; nobody without a stage."""
        return self._there(model, "c.tier, count(*)", _TIERS, "GROUP BY ALL").fetchall()

    def uniforms(self, model: str) -> list[tuple[int, str, int, np.ndarray]]:
        """Return tier, stage, weeks in it and the uniform numbers of all customers there, see :meth:`current`."""
        groups = self._there(model, f"c.tier AS tier, list({_UNIFORM}) AS uniform", _TIERS, "GROUP BY ALL")
        table = groups.to_arrow_table()
        uniform = table.column("uniform").combine_chunks()
        lists = np.split(uniform.flatten().to_numpy(), uniform.offsets.to_numpy()[1:-1])
        return list(zip(*(table.column(name).to_pylist() for name in ("tier", "stage", "weeks")), lists, strict=True))

    def current(self, model: str) -> pa.Table:
        """Return the customers read who are in a stage: stage, weeks, who, uniform.

        `uniform` is a number between 0 and 1 that is always the same for a customer, to take some of many by.
        """
        return self._there(model, f"c.who AS who, {_UNIFORM} AS uniform", _IDS, "ORDER BY who").to_arrow_table()

    def _there(self, model: str, columns: str, customers: str, rest: str) -> duckdb.DuckDBPyConnection:
        """Query the stage on the last day, and the weeks in it by then."""
        return self.con.execute(
            f"SELECT s.stage AS stage, date_diff('day', s.entered_on, CAST($day AS DATE)) // 7 AS weeks, {columns}"
            f" FROM spans s JOIN {customers} c USING (customer_id)"
            f" WHERE s.model = $model AND {on_day('$day', 's')} {rest}",
            {"day": self.day, "model": model},
        )

    def was_reached(self, model: str, stage: str) -> bool:
        sql = "SELECT 1 FROM spans WHERE model = ? AND stage = ? AND NOT passed_through AND entered_on <= ? LIMIT 1"
        return self.con.execute(sql, [model, stage, self.day]).fetchone() is not None

    def cash_flows(self, margin: float | None = None) -> CashFlows:
        columns = "amount::DOUBLE AS amount, cost::DOUBLE AS cost, status = 'refund' AS back"
        orders = self._facts("orders", columns, "status IN ('sale', 'refund')")
        costs = self._facts("costs", "amount::DOUBLE AS amount")
        return cash_flows(orders, costs, self.tz, day_number(self.day), margin)

    def _facts(self, name: str, columns: str, which: str = "true") -> pa.Table | None:
        if not has(self.con, name):
            return None
        return self.con.execute(
            f"SELECT i.who AS who, epoch_us(f.at) AS at, {columns} FROM {name} f JOIN {_IDS} i USING (customer_id)"
            f" WHERE {which} ORDER BY 1, 2"
        ).to_arrow_table()


def _keep(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, Any]) -> None:
    con.register("tenure_given", pa.table(columns))
    con.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM tenure_given")


def row_of(con: duckdb.DuckDBPyConnection, customer: str) -> pa.Table | None:
    """Return one customer's row of the scorecard with what tiers are made of."""
    if not has(con, "scorecard"):
        return None
    sql = f"SELECT {_tier_columns(con)} FROM scorecard WHERE customer_id = ?"
    row = con.execute(sql, [customer]).to_arrow_table()
    return row if len(row) else None


def _tier_columns(con: duckdb.DuckDBPyConnection) -> str:
    present = {row[0] for row in con.execute("DESCRIBE scorecard").fetchall()}
    return ", ".join(name for name in ("customer_id", "amount", "first_order_on", "tier") if name in present)


def _customers(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the scorecard's rows with what tiers are made of; without a scorecard, the customers with spans."""
    if has(con, "scorecard"):
        return con.execute(f"SELECT {_tier_columns(con)} FROM scorecard ORDER BY customer_id").to_arrow_table()
    if has(con, "spans"):
        return con.execute("SELECT DISTINCT customer_id FROM spans ORDER BY customer_id").to_arrow_table()
    return pa.table({"customer_id": pa.array([], pa.string())})


def has(con: duckdb.DuckDBPyConnection, view: str) -> bool:
    return view in views.names(con)


def order_of(model: Model | None) -> tuple[str, ...]:
    """Return the stages of a model from left to right: its path, then those that can be entered from anywhere."""
    if model is None:
        return ()
    return (*model.path, *(stage.id for stage in model.stages if stage.id not in model.path))
