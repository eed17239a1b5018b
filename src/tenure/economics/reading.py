"""Stays and money of a lake, for everybody or for an evenly drawn part of them.

One pass of DuckDB each.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.clock import day_number
from tenure.economics.stays import Money, Stays, money_of, stays_of
from tenure.economics.tiers import Tiers, tiers_of
from tenure.lifecycle.model import Model
from tenure.lifecycle.statistics import on_day

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tenure.facts.lake import Lake

#: Estimates read at most so many customers, drawn evenly over the sorted ids; counts always read everybody.
SAMPLE = 50_000
#: Of up to so many customers only the files are read that can hold them.
_FEW = 1_000
_IDS, _TIERS = "tenure_economics_ids", "tenure_economics_tiers"
#: A number from 0 to 1 that always falls alike for a customer.
_DICE = "md5_number_lower(s.customer_id)::DOUBLE / 18446744073709551616.0"
_CURRENT = on_day("?", "s")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A lake opened for economics: everybody with their tier, and the customers that estimates read, numbered."""

    con: duckdb.DuckDBPyConnection  # with the views ``spans``, ``orders``, ``costs`` (where there are any)
    ids: pa.Array  # the customers read, sorted; their position is their number
    tier: np.ndarray  # their tiers, positions in `tiers.names`
    tiers: Tiers  # of everybody
    day: date
    tz: str

    @classmethod
    def of(
        cls,
        lake: Lake,
        day: date,
        table: pa.Table | None = None,
        sample: int = SAMPLE,
        like: dict[str, Any] | None = None,
    ) -> Source:
        """Open a lake."""
        names = ("spans", "orders", "costs", *(("scorecard",) if table is None else ()))
        few = table.column("customer_id").to_pylist() if table is not None and len(table) <= _FEW else None
        con = lake.connect(names, customers=few)
        everybody = _everybody(con) if table is None else table
        tiers = tiers_of(everybody, day, like)
        ids = everybody.column("customer_id").combine_chunks()
        con.register("tenure_given", pa.table({"customer_id": ids, "tier": tiers.of}))
        con.execute(f"CREATE TEMP TABLE {_TIERS} AS SELECT * FROM tenure_given")
        kept = np.arange(0, len(ids), max(1, -(-len(ids) // sample)))
        ids = ids.take(pa.array(kept))
        con.register("tenure_read", pa.table({"customer_id": ids, "who": np.arange(len(ids))}))
        con.execute(f"CREATE TEMP TABLE {_IDS} AS SELECT * FROM tenure_read")
        return cls(con, ids, tiers.of[kept], tiers, day, lake.settings.tz)

    @property
    def everybody(self) -> int:
        """How many customers there are altogether."""
        return len(self.tiers.of)

    def models(self) -> list[str]:
        """Return the ids of the models that have spans."""
        if not has(self.con, "spans"):
            return []
        return [row[0] for row in self.con.execute("SELECT DISTINCT model FROM spans ORDER BY model").fetchall()]

    def stays(self, model: str, order: Sequence[str] = ()) -> Stays:
        """Return the stays of the customers under a model; stages that `order` does not name come after it."""
        last = day_number(self.day)
        found = self.con.execute(
            "SELECT i.who AS who, s.stage AS stage, date_diff('day', DATE '1970-01-01', s.entered_on) AS entered,"
            " date_diff('day', DATE '1970-01-01', s.left_on) AS left_"
            f" FROM spans s JOIN {_IDS} i ON i.customer_id = s.customer_id"
            " WHERE s.model = ? AND NOT s.passed_through AND s.entered_on <= ? ORDER BY 1, 3",
            [model, self.day],
        ).to_arrow_table()
        return stays_of(found, len(self.ids), last, order)

    def standing_counts(self, model: str) -> list[tuple[int, str, int, int]]:
        """Count everybody, not only the customers read, by tier, stage and whole weeks in it, on the last day.

        Customers in no stage are not counted.
        """
        return self.con.execute(
            "SELECT t.tier, s.stage, date_diff('day', s.entered_on, CAST(? AS DATE)) // 7 AS weeks, count(*)"
            f" FROM spans s JOIN {_TIERS} t USING (customer_id) WHERE s.model = ? AND {_CURRENT} GROUP BY ALL",
            [self.day, model, self.day, self.day],
        ).fetchall()

    def dice(self, model: str) -> list[tuple[int, str, int, np.ndarray]]:
        """Return tier, stage, weeks and the dice of everybody who stands there, see :meth:`standing`."""
        found = self.con.execute(
            "SELECT t.tier AS tier, s.stage AS stage, date_diff('day', s.entered_on, CAST(? AS DATE)) // 7 AS weeks,"
            f" list({_DICE}) AS dice FROM spans s JOIN {_TIERS} t USING (customer_id) WHERE s.model = ? AND {_CURRENT}"
            " GROUP BY ALL",
            [self.day, model, self.day, self.day],
        ).to_arrow_table()
        dice = found.column("dice").combine_chunks()
        parts = np.split(dice.flatten().to_numpy(), dice.offsets.to_numpy()[1:-1])
        names = (found.column(one).to_pylist() for one in ("tier", "stage", "weeks"))
        return list(zip(*names, parts, strict=True))

    def ever(self, model: str, stage: str) -> bool:
        """Whether anybody ever stood in a stage."""
        asked = [model, stage, self.day]
        sql = "SELECT 1 FROM spans WHERE model = ? AND stage = ? AND NOT passed_through AND entered_on <= ? LIMIT 1"
        return self.con.execute(sql, asked).fetchone() is not None

    def standing(self, model: str) -> pa.Table:
        """Return where the customers read stand on the last day: who, stage, weeks, dice.

        `dice` is a number between 0 and 1 that always falls alike for a customer, to choose some of many by.
        """
        return self.con.execute(
            "SELECT i.who AS who, s.stage AS stage, date_diff('day', s.entered_on, CAST(? AS DATE)) // 7 AS weeks,"
            f" {_DICE} AS dice FROM spans s JOIN {_IDS} i USING (customer_id)"
            f" WHERE s.model = ? AND {_CURRENT} ORDER BY 1",
            [self.day, model, self.day, self.day],
        ).to_arrow_table()

    def money(self, margin: float | None = None) -> Money:
        """Return orders and costs of the customers up to the day, see :class:`Money`."""
        columns = "amount::DOUBLE AS amount, cost::DOUBLE AS cost, status = 'refund' AS back"
        orders = self._facts("orders", columns, "status IN ('sale', 'refund')")
        costs = self._facts("costs", "amount::DOUBLE AS amount")
        return money_of(orders, costs, self.tz, day_number(self.day), margin)

    def _facts(self, name: str, columns: str, which: str = "true") -> pa.Table | None:
        if not has(self.con, name):
            return None
        return self.con.execute(
            f"SELECT i.who AS who, epoch_us(f.at) AS at, {columns} FROM {name} f JOIN {_IDS} i USING (customer_id)"
            f" WHERE {which} ORDER BY 1, 2"
        ).to_arrow_table()


def row_of(con: duckdb.DuckDBPyConnection, customer: str) -> pa.Table | None:
    """Return one customer's row of the scorecard with what tiers are made of, None when there is none."""
    if not has(con, "scorecard"):
        return None
    found = con.execute(
        f"SELECT {_tier_columns(con)} FROM scorecard WHERE customer_id = ?", [customer]
    ).to_arrow_table()
    return found if len(found) else None


def _tier_columns(con: duckdb.DuckDBPyConnection) -> str:
    there = [row[0] for row in con.execute("DESCRIBE scorecard").fetchall()]
    return ", ".join(one for one in ("customer_id", "amount", "first_order_on", "tier") if one in there)


def _everybody(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return the scorecard's rows with what tiers are made of; without a scorecard, whoever has spans."""
    if not has(con, "scorecard"):
        if not has(con, "spans"):
            return pa.table({"customer_id": pa.array([], pa.string())})
        return con.execute("SELECT DISTINCT customer_id FROM spans ORDER BY customer_id").to_arrow_table()
    return con.execute(f"SELECT {_tier_columns(con)} FROM scorecard ORDER BY customer_id").to_arrow_table()


def has(con: duckdb.DuckDBPyConnection, view: str) -> bool:
    """Whether a connection has a view."""
    row = con.execute("SELECT count(*) FROM duckdb_views() WHERE view_name = ?", [view]).fetchone()
    return bool(row and row[0])


def order_of(model: Model | None) -> tuple[str, ...]:
    """Return the stages of a model from left to right: its path, then those that can be entered from anywhere."""
    if model is None:
        return ()
    return (*model.path, *(stage.id for stage in model.stages if stage.id not in model.path))
