"""Order lines as plain numbers: who bought which product in which basket on which day.

Texts become numbers once; what was brought back is kept apart, so that nothing that follows can recommend it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number, local_days
from tenure.facts.schema import TEXT
from tenure.lake.duck import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
    units: np.ndarray  # how many, and how much was paid, in the business's money
    amount: np.ndarray
    back_who: np.ndarray  # what was brought back, and when
    back_item: np.ndarray
    back_day: np.ndarray

    def __len__(self) -> int:
        return len(self.who)

    @property
    def baskets(self) -> int:
        """How many numbers baskets have; after :meth:`only`, some stand for none."""
        return int(self.basket[-1]) + 1 if len(self.basket) else 0

    @property
    def filled(self) -> int:
        """How many baskets hold anything."""
        return len(distinct(self.basket))

    def only(self, keep: np.ndarray) -> Lines:
        """Return some of the rows; the numbers of customers, items and baskets stay what they were."""
        names = ("who", "basket", "item", "day", "units", "amount")
        return replace(self, **{name: getattr(self, name)[keep] for name in names})

    def category_of(self, item: int) -> str:
        """Return the name of an item's category, empty when it has none."""
        place = int(self.category[item])
        return "" if place < 0 else str(self.categories[place])


def distinct(keys: np.ndarray) -> np.ndarray:
    """Return the different values, sorted; NumPy's own way by hashing is many times slower for keys like ours."""
    ordered = np.sort(keys)
    fresh = np.ones(len(ordered), dtype=bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    return ordered[fresh]


def lines_in(lake: Lake, as_of: date, customers: Sequence[str] | None = None) -> Lines:
    """Return the purchases of a lake up to a day."""
    tz = lake.settings.tz
    if customers is not None:
        lines, orders = (lake.read(name, customers) for name in ("order_lines", "orders"))
        return lines_of(lines, as_of, tz, orders)
    con = lake.connect(("order_lines", "orders"))
    return _read(con, tz, as_of, _views(con))


def lines_of(table: pa.Table, as_of: date, tz: str, orders: pa.Table | None = None) -> Lines:
    """Return the purchases of a table with the columns of ``order_lines``, up to a day."""
    con = connect()
    con.register("order_lines", table)
    if orders is not None:
        con.register("orders", orders)
    return _read(con, tz, as_of, _views(con))


def _views(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {row[0] for row in con.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()}


# An order that was refunded whole, or never was a sale: its lines are no purchases. An order whose number is unknown
# among orders (a file of lines alone) counts as sold.
_BACK = """
SELECT customer_id, order_id FROM orders WHERE order_id IS NOT NULL GROUP BY ALL
HAVING count(*) FILTER (status = 'sale') = 0 OR (count(*) FILTER (status = 'refund') > 0 AND sum(amount) <= 0)
"""
_ROWS = """
SELECT l.customer_id, l.product_id, hash(l.order_id) AS basket, l."at",
       coalesce(l.quantity, 1)::FLOAT AS units, coalesce(l.amount, 0)::FLOAT AS amount,
       {back} OR coalesce(l.quantity, 1) < 0 OR coalesce(l.amount, 0) < 0 AS back
FROM order_lines AS l {join}
WHERE l.product_id IS NOT NULL AND l.customer_id IS NOT NULL
"""


def _read(con: duckdb.DuckDBPyConnection, tz: str, as_of: date, there: set[str]) -> Lines:
    if "order_lines" not in there:
        return _numbered(_Names.of([], [], []), [], day_number(as_of), tz)
    known = con.execute(
        'SELECT product_id, arg_max(category, "at") AS category FROM order_lines'
        " WHERE product_id IS NOT NULL GROUP BY product_id ORDER BY product_id"
    ).to_arrow_table()
    people = con.execute(
        "SELECT DISTINCT customer_id FROM order_lines WHERE customer_id IS NOT NULL ORDER BY customer_id"
    ).to_arrow_table()
    names = _Names.of(people.column(0), known.column(0), known.column(1))
    if "orders" in there:
        join, back = f"LEFT JOIN ({_BACK}) AS b USING (customer_id, order_id)", "b.order_id IS NOT NULL"
    else:
        join, back = "", "false"
    reader = con.execute(_ROWS.format(join=join, back=back)).to_arrow_reader(CHUNK)
    return _numbered(names, (pa.Table.from_batches([batch]) for batch in reader), day_number(as_of), tz)


@dataclass(frozen=True, slots=True)
class _Names:
    """What the numbers stand for."""

    customers: pa.StringArray
    items: pa.StringArray
    categories: pa.StringArray
    category: np.ndarray

    @classmethod
    def of(cls, customers: object, items: object, category: object) -> _Names:
        kinds = _whole(category)
        names = pc.unique(kinds).drop_null() if len(kinds) else kinds
        names = names.take(pc.sort_indices(names))
        return cls(_whole(customers), _whole(items), names, _places(kinds, names))


def _whole(column: object) -> pa.StringArray:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks else pa.array([], TEXT)
    array = column if isinstance(column, pa.Array) else pa.array(column, TEXT)
    return array.cast(TEXT)


def _places(values: pa.Array, names: pa.StringArray) -> np.ndarray:
    found = pc.index_in(values.cast(TEXT), names).fill_null(-1)
    return found.to_numpy(zero_copy_only=False).astype(np.int32)


def _numbered(names: _Names, tables: Iterable[pa.Table], last_day: int, tz: str) -> Lines:
    parts = [_numbers(table, names, last_day, tz) for table in tables if len(table)]
    kinds = {"who": "i4", "item": "i4", "day": "i4", "basket": "u8", "units": "f4", "amount": "f4", "back": "?"}
    every = {
        name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0, dtype=kind)
        for name, kind in kinds.items()
    }
    back = every.pop("back")
    returned = {name: every[name][back] for name in ("who", "item", "day")}
    bought = {name: column[~back] for name, column in every.items()}
    return _sorted(names, bought, returned)


def _numbers(table: pa.Table, names: _Names, last_day: int, tz: str) -> dict[str, np.ndarray]:
    at = table.column("at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    day = local_days(at, tz).astype(np.int32)
    keep = np.flatnonzero(day <= last_day)
    columns = {
        "who": _places(_whole(table.column("customer_id")), names.customers),
        "item": _places(_whole(table.column("product_id")), names.items),
        "day": day,
        "basket": table.column("basket").to_numpy(),
        "units": table.column("units").to_numpy(),
        "amount": table.column("amount").to_numpy(),
        "back": table.column("back").to_numpy(),
    }
    return {name: column[keep] for name, column in columns.items()}


def _sorted(names: _Names, bought: dict[str, np.ndarray], returned: dict[str, np.ndarray]) -> Lines:
    order = np.lexsort((bought["item"], bought["basket"], bought["day"], bought["who"]))
    who, item, day, key = (bought[name][order] for name in ("who", "item", "day", "basket"))
    units, amount = bought["units"][order], bought["amount"][order]
    fresh = np.ones(len(who), dtype=bool)
    fresh[1:] = (who[1:] != who[:-1]) | (day[1:] != day[:-1]) | (key[1:] != key[:-1])
    first = fresh.copy()  # of a product in a basket: two lines of one product are one purchase
    first[1:] |= item[1:] != item[:-1]
    starts = np.flatnonzero(first)
    basket = (np.cumsum(fresh) - 1).astype(np.int32)
    if len(starts):
        units, amount = np.add.reduceat(units, starts), np.add.reduceat(amount, starts)
    return Lines(
        names.customers, names.items, names.categories, names.category,
        who[starts], basket[starts], item[starts], day[starts], units, amount,
        returned["who"], returned["item"], returned["day"],
    )  # fmt: skip
