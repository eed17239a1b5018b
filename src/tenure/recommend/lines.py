"""Order lines as plain numbers: who bought which product in which basket on which day, and each one's history with it.

Texts become numbers once; returned products are kept apart, so that nothing that follows can recommend them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number, local_days
from tenure.facts.schema import TEXT
from tenure.lake import views
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import duckdb

    from tenure.facts.lake import Lake

#: Rows that are turned into numbers at once.
CHUNK = 500_000


@dataclass(frozen=True, slots=True)
class Lines:
    """Purchases, one row a customer, basket and product, sorted by customer, day and basket."""

    customers: pa.StringArray  # what the numbers stand for, sorted
    items: pa.StringArray
    categories: pa.StringArray
    category: np.ndarray  # of each item; -1 when it is not known
    who: np.ndarray  # of each row. Baskets are numbered in the order of customer and day; days count from 1970-01-01.
    basket: np.ndarray
    item: np.ndarray
    day: np.ndarray
    units: np.ndarray  # quantity and amount paid, in the business's money
    amount: np.ndarray
    back_who: np.ndarray  # returned products, and the day of the return
    back_item: np.ndarray
    back_day: np.ndarray

    def __len__(self) -> int:
        return len(self.who)

    @property
    def baskets(self) -> int:
        """The numbers given to baskets; after :meth:`only`, some stand for none."""
        return int(self.basket[-1]) + 1 if len(self.basket) else 0

    @property
    def filled(self) -> int:
        return len(distinct(self.basket))

    def only(self, keep: np.ndarray) -> Lines:
        """Return some rows; the numbers of customers, items and baskets stay what they were."""
        names = ("who", "basket", "item", "day", "units", "amount")
        return replace(self, **{name: getattr(self, name)[keep] for name in names})


def changes(*columns: np.ndarray) -> np.ndarray:
    """Return which rows differ in any column from the row before; the first does."""
    fresh = np.zeros(len(columns[0]), dtype=bool)
    fresh[:1] = True
    for column in columns:
        fresh[1:] |= column[1:] != column[:-1]
    return fresh


def distinct(keys: np.ndarray) -> np.ndarray:
    """Return the different values, sorted; NumPy's own way by hashing is many times slower for keys like ours."""
    ordered = np.sort(keys)
    return ordered[changes(ordered)]


def lines_in(lake: Lake, as_of: date, customers: Sequence[str] | None = None) -> Lines:
    """Return the purchases of a lake up to a day."""
    if customers is not None:
        lines, orders = (lake.read(name, customers) for name in ("order_lines", "orders"))
        return lines_of(lines, as_of, lake.settings.tz, orders)
    return _read(lake.connect(("order_lines", "orders")), as_of, lake.settings.tz)


def lines_of(table: pa.Table, as_of: date, tz: str, orders: pa.Table | None = None) -> Lines:
    """Return the purchases of a table with the columns of ``order_lines``, up to a day."""
    con = connect()
    con.register("order_lines", table)
    if orders is not None:
        con.register("orders", orders)
    return _read(con, as_of, tz)


_ITEMS = """
SELECT product_id, arg_max(category, "at") AS category FROM order_lines
WHERE product_id IS NOT NULL GROUP BY product_id ORDER BY product_id
"""
_CUSTOMERS = "SELECT DISTINCT customer_id FROM order_lines WHERE customer_id IS NOT NULL ORDER BY customer_id"
# An order that was refunded in full, or never was a sale: its lines are no purchases. An order whose number is unknown
# among orders (a file of lines alone) counts as sold.
_CANCELLED_ORDERS = """
LEFT JOIN (
    SELECT customer_id, order_id FROM orders WHERE order_id IS NOT NULL GROUP BY ALL
    HAVING count(*) FILTER (status = 'sale') = 0 OR (count(*) FILTER (status = 'refund') > 0 AND sum(amount) <= 0)
) AS b USING (customer_id, order_id)
"""
_ROWS = """
SELECT l.customer_id, l.product_id, hash(l.order_id) AS basket, l."at",
       coalesce(l.quantity, 1)::FLOAT AS units, coalesce(l.amount, 0)::FLOAT AS amount,
       {back} OR coalesce(l.quantity, 1) < 0 OR coalesce(l.amount, 0) < 0 AS back
FROM order_lines AS l {join}
WHERE l.product_id IS NOT NULL AND l.customer_id IS NOT NULL
"""
_TYPES = {"who": "i4", "item": "i4", "day": "i4", "basket": "u8", "units": "f4", "amount": "f4", "back": "?"}


def _read(con: duckdb.DuckDBPyConnection, as_of: date, tz: str) -> Lines:
    present = views.names(con)
    customers = items = kinds = pa.array([], TEXT)
    parts = [{name: np.empty(0, dtype=dtype) for name, dtype in _TYPES.items()}]
    if "order_lines" in present:
        customers = con.execute(_CUSTOMERS).to_arrow_table().column(0).combine_chunks().cast(TEXT)
        columns = con.execute(_ITEMS).to_arrow_table().columns
        items, kinds = (column.combine_chunks().cast(TEXT) for column in columns)
        join, cancelled = (_CANCELLED_ORDERS, "b.order_id IS NOT NULL") if "orders" in present else ("", "false")
        reader = con.execute(_ROWS.format(join=join, back=cancelled)).to_arrow_reader(CHUNK)
        parts += [_numbers(batch, customers, items, day_number(as_of), tz) for batch in reader]
    categories = pc.unique(kinds).drop_null()
    categories = categories.take(pc.sort_indices(categories))
    rows = {name: np.concatenate([part[name] for part in parts]) for name in _TYPES}
    back = rows.pop("back")
    returned = [rows[name][back] for name in ("who", "item", "day")]
    bought = _merged({name: column[~back] for name, column in rows.items()})
    return Lines(customers, items, categories, _places(kinds, categories), *bought, *returned)


def _places(values: pa.Array, names: pa.StringArray) -> np.ndarray:
    places = pc.index_in(values.cast(TEXT), names).fill_null(-1)
    return places.to_numpy(zero_copy_only=False).astype(np.int32)


def _numbers(
    batch: pa.RecordBatch, customers: pa.StringArray, items: pa.StringArray, last_day: int, tz: str
) -> dict[str, np.ndarray]:
    at = batch.column("at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    columns = {
        "who": _places(batch.column("customer_id"), customers),
        "item": _places(batch.column("product_id"), items),
        "day": local_days(at, tz).astype(np.int32),
        **{name: batch.column(name).to_numpy(zero_copy_only=False) for name in ("basket", "units", "amount", "back")},
    }
    keep = np.flatnonzero(columns["day"] <= last_day)
    return {name: column[keep] for name, column in columns.items()}


def _merged(rows: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return who, basket, item, day, units and amount: two lines of one product in a basket are one purchase."""
    order = np.lexsort((rows["item"], rows["basket"], rows["day"], rows["who"]))
    who, item, day, key, units, amount = (
        rows[name][order] for name in ("who", "item", "day", "basket", "units", "amount")
    )
    starts = np.flatnonzero(changes(who, day, key, item))
    basket = (np.cumsum(changes(who, day, key)) - 1).astype(np.int32)
    units, amount = np.add.reduceat(units, starts), np.add.reduceat(amount, starts)
    return who[starts], basket[starts], item[starts], day[starts], units, amount


@dataclass(frozen=True, slots=True)
class Histories:
    """One row a customer and product, sorted by customer, then product."""

    who: np.ndarray  # the customer and the product
    item: np.ndarray
    times: np.ndarray  # days on which the customer bought it
    first: np.ndarray  # the first and the last of these days, since 1970-01-01
    last: np.ndarray
    logs: np.ndarray  # sum of the logarithms of the gaps between these days, in days
    units: np.ndarray  # quantity in all
    returned: np.ndarray  # whether it was returned, and not bought again since

    def __len__(self) -> int:
        return len(self.who)

    @property
    def gaps(self) -> np.ndarray:
        return self.times - 1

    @property
    def days(self) -> np.ndarray:
        """Days from the first purchase to the last."""
        return (self.last - self.first).astype(np.float64)

    def of(self, low: int, high: int) -> Histories:
        """Return the rows of the customers `low` … `high` - 1."""
        part = slice(*np.searchsorted(self.who, (low, high)))
        return Histories(*(getattr(self, name)[part] for name in self.__slots__))


def histories_of(lines: Lines) -> Histories:
    order = np.lexsort((lines.day, lines.item, lines.who))
    who, item, day, units = (column[order] for column in (lines.who, lines.item, lines.day, lines.units))
    starts = np.flatnonzero(changes(who, item))
    gap = np.diff(day, prepend=day[:1]).astype(np.int32)
    gap[starts] = 0
    another = gap > 0  # two baskets on one day are one purchase day
    times = 1 + np.add.reduceat(another.astype(np.int32), starts)
    logs = np.add.reduceat(np.log(np.maximum(gap, 1).astype(np.float64)), starts)
    who, item, first = who[starts], item[starts], day[starts]
    last = day[np.append(starts[1:], len(day)) - 1] if len(starts) else first
    returned = np.zeros(len(who), dtype=bool)
    if len(lines.back_who) and len(who):
        width = len(lines.items)
        keys = who.astype(np.int64) * width + item
        returns = lines.back_who.astype(np.int64) * width + lines.back_item
        place = np.minimum(np.searchsorted(keys, returns), len(keys) - 1)
        # A return on the day of the last purchase counts: the product did not stay.
        returned[place[(keys[place] == returns) & (lines.back_day >= last[place])]] = True
    return Histories(who, item, times, first, last, logs, np.add.reduceat(units, starts), returned)
