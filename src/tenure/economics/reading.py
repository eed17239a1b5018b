"""Stays and money of a lake as columns of numbers, for everybody or for an evenly drawn part of them.

Answers: who stood in which stage from when to when, and who brought or cost how much on which day? One pass of DuckDB
over spans, orders and costs; nothing here knows what a stage means.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tenure.clock import day_number, local_days
from tenure.facts.blocks import keys_of
from tenure.lifecycle.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from tenure.facts.lake import Lake

#: In the model, but on these days no rule held.
NOWHERE = "-none-"
#: Estimates read at most so many customers, drawn evenly over the sorted ids; counts always read everybody.
SAMPLE = 50_000
_IDS = "tenure_economics_ids"


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """Who stood where: one row a stay, sorted by customer and day.

    Attributes
    ----------
    stages : tuple of str
        Stage ids in the order of the model; :data:`NOWHERE` last where anybody stood in no stage.
    who, stage, entered, left : ndarray of int64
        Number of the customer, position in `stages`, first day, first day no longer there (the day after the last
        watched day while `ended` is false). Days count from 1970-01-01.
    ended : ndarray of bool
        Whether the stay ended on or before `day`.
    people : int
        How many customers were read, those without a stay included.
    day : int
        The last watched day.
    """

    stages: tuple[str, ...]
    who: np.ndarray
    stage: np.ndarray
    entered: np.ndarray
    left: np.ndarray
    ended: np.ndarray
    people: int
    day: int

    def __len__(self) -> int:
        return len(self.who)

    @property
    def length(self) -> np.ndarray:
        """Days watched in each stay: until it ended, or until the last watched day."""
        return np.where(self.ended, self.left, self.day) - self.entered

    @property
    def continues(self) -> np.ndarray:
        """Whether the next row is the same customer's next stay."""
        same = np.zeros(len(self), dtype=bool)
        same[:-1] = self.who[1:] == self.who[:-1]
        return same

    def until(self, day: int) -> Stays:
        """Return the stays as somebody would have seen them on an earlier day."""
        kept = self.entered <= day
        ended = self.ended[kept] & (self.left[kept] <= day)
        return replace(
            self,
            who=self.who[kept],
            stage=self.stage[kept],
            entered=self.entered[kept],
            left=np.where(ended, self.left[kept], day + 1),
            ended=ended,
            day=day,
        )

    def at(self, who: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the row of the stay in which each customer stood on a day, -1 for none."""
        if not len(self):
            return np.full(len(who), -1)
        place = np.searchsorted(keys_of(self.who, self.entered), keys_of(who, day), side="right") - 1
        held = (place >= 0) & (self.who[place] == who) & (day < self.left[place])
        return np.where(held, place, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Money:
    """Who brought and cost how much: one row an order or cost.

    Attributes
    ----------
    who, day : ndarray of int64
        Number of the customer, day since 1970-01-01 in the business's time zone.
    sales, margin, invested : ndarray of float64
        Sales with refunds (negative), what of them is margin, and what was spent on the customer.
    basis : {"margin", "margin-share", "sales"}
        Whether margin comes from the costs of every order, partly from a share of sales, or is sales as they are.
    invested_known : bool
        Whether there is any cost fact at all.
    """

    who: np.ndarray
    day: np.ndarray
    sales: np.ndarray
    margin: np.ndarray
    invested: np.ndarray
    basis: str = "sales"
    invested_known: bool = False

    @property
    def profit(self) -> np.ndarray:
        """Margin less what was invested."""
        return self.margin - self.invested

    def until(self, day: int) -> Money:
        """Return what was known on an earlier day."""
        kept = self.day <= day
        columns = {name: getattr(self, name)[kept] for name in ("who", "day", "sales", "margin", "invested")}
        return replace(self, **columns)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A lake opened for economics: some customers, numbered.

    Attributes
    ----------
    con : duckdb connection
        With the views ``spans``, ``orders``, ``costs`` (where there are any).
    ids : pyarrow.Array
        The customers read, sorted; their position is their number.
    everybody : int
        How many customers there are altogether.
    """

    con: duckdb.DuckDBPyConnection
    ids: pa.Array
    everybody: int
    day: date
    tz: str

    @classmethod
    def of(cls, lake: Lake, ids: pa.Array | None, day: date, sample: int = SAMPLE) -> Source:
        """Open a lake for the given customers (all that have stages when None), at most `sample` of them."""
        con = lake.connect(("spans", "orders", "costs", *(("scorecard",) if ids is None else ())))
        if ids is None:
            ids = pa.array([], pa.string())
            # The scorecard knows customers only; spans also know products.
            view = next((one for one in ("scorecard", "spans") if has(con, one)), None)
            if view:
                found = con.execute(f"SELECT DISTINCT customer_id FROM {view} ORDER BY 1").to_arrow_table()
                ids = found.column(0).combine_chunks()
        everybody = len(ids)
        step = max(1, -(-everybody // sample))
        ids = ids.take(pa.array(np.arange(0, everybody, step)))
        con.register("tenure_given", pa.table({"customer_id": ids, "who": np.arange(len(ids))}))
        con.execute(f"CREATE TEMP TABLE {_IDS} AS SELECT * FROM tenure_given")
        return cls(con, ids, everybody, day, lake.settings.tz)

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


def has(con: duckdb.DuckDBPyConnection, view: str) -> bool:
    """Whether a connection has a view."""
    row = con.execute("SELECT count(*) FROM duckdb_views() WHERE view_name = ?", [view]).fetchone()
    return bool(row and row[0])


def order_of(model: Model | None) -> tuple[str, ...]:
    """Return the stages of a model from left to right: its path, then those that can be entered from anywhere."""
    if model is None:
        return ()
    return (*model.path, *(stage.id for stage in model.stages if stage.id not in model.path))


def stays_of(spans: pa.Table, people: int, last: int, order: Sequence[str] = ()) -> Stays:
    """Return stays from columns who, stage, entered, left_ (null while current), sorted by who and entered.

    Days between two spans, and after a last span that ended, become stays in :data:`NOWHERE`.
    """
    seen = spans.column("stage").unique().to_pylist()
    names = list(order)
    names += sorted(one for one in seen if one not in names)
    place = {name: number for number, name in enumerate(names)}
    who = spans.column("who").to_numpy().astype(np.int64)
    coded = spans.column("stage").combine_chunks().dictionary_encode()
    codes = np.array([place[name] for name in coded.dictionary.to_pylist()], dtype=np.int64)
    stage = codes[coded.indices.to_numpy()] if len(codes) else np.zeros(0, dtype=np.int64)
    entered = spans.column("entered").to_numpy().astype(np.int64)
    left = spans.column("left_").fill_null(last + 1).to_numpy().astype(np.int64)
    ended = left <= last
    left = np.where(ended, left, last + 1)
    return _with_gaps(Stays(tuple(names), who, stage, entered, left, ended, people, last))


def _with_gaps(stays: Stays) -> Stays:
    """Insert a stay in no stage wherever a customer's stay ended and the next did not begin that day."""
    goes_on = stays.continues
    following = np.append(stays.entered[1:], 0)
    until = np.where(goes_on, following, stays.day + 1)
    gap = stays.ended & (stays.left < until)
    if not gap.any():
        return stays
    nowhere = np.full(int(gap.sum()), len(stays.stages))
    who = np.append(stays.who, stays.who[gap])
    entered = np.append(stays.entered, stays.left[gap])
    ranks = np.lexsort((entered, who))
    return Stays(
        (*stays.stages, NOWHERE),
        who[ranks],
        np.append(stays.stage, nowhere)[ranks],
        entered[ranks],
        np.append(stays.left, until[gap])[ranks],
        np.append(stays.ended, goes_on[gap])[ranks],
        stays.people,
        stays.day,
    )


def money_of(orders: pa.Table | None, costs: pa.Table | None, tz: str, last: int, margin: float | None = None) -> Money:
    """Return money from rows of orders (who, at in microseconds, amount, cost, back) and costs (who, at, amount).

    A sale without a known cost counts with `margin` of its amount; without that, with the share that is margin among
    the sales whose cost is known; where no cost is known at all, sales count as they are. A refund (`back`) without
    a cost of its own takes back its whole amount: what was returned may be worth nothing any more.
    """
    who, day, sales, earned, basis = _orders(orders, tz, margin)
    paid_by, paid_on, paid = _columns(costs, tz, "amount")
    zero = np.zeros(len(paid))
    whole = Money(
        np.append(who, paid_by),
        np.append(day, paid_on),
        np.append(sales, zero),
        np.append(earned, zero),
        np.append(np.zeros(len(sales)), paid),
        basis,
        len(paid) > 0,
    )
    return whole.until(last)


def _columns(table: pa.Table | None, tz: str, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if table is None or not len(table):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    days = local_days(table.column("at").to_numpy().astype(np.int64), tz).astype(np.int64)
    amounts = table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return table.column("who").to_numpy().astype(np.int64), days, amounts


def _orders(
    orders: pa.Table | None, tz: str, margin: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]:
    who, day, sales = _columns(orders, tz, "amount")
    if orders is None or not len(sales):
        return who, day, sales, sales, "sales"
    sales = np.nan_to_num(sales)
    cost = orders.column("cost").to_numpy(zero_copy_only=False).astype(np.float64)
    back = orders.column("back").to_numpy(zero_copy_only=False).astype(bool)
    known = ~np.isnan(cost)
    asked = ~known & ~back  # sales whose cost must be guessed
    cost = np.nan_to_num(cost)
    sold = known & ~back
    if not asked.any():
        return who, day, sales, sales - cost, "margin" if sold.any() else "sales"
    told = float(sales[sold].sum())
    if margin is None and told > 0:
        margin = (told - float(cost[sold].sum())) / told
    basis = "sales" if margin is None else "margin-share"
    share = 1.0 if margin is None else margin
    return who, day, sales, np.where(asked, sales * share, sales - cost), basis
