"""Numbers of customers, by which lists join spans and scorecard: joining texts takes longer, see bench/README.md."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from tenure.facts.lake import Lake

NUMBER = pa.field("number", pa.int64())


class CustomerNumbers:
    """The numbers that a scorecard holds, and new ones for customers who have none.

    A new number begins with the generation, so that two refreshes at once never give the same one.
    """

    def __init__(self, generation: int, ids: pa.Array | None = None, numbers: np.ndarray | None = None) -> None:
        self._known = pa.array([], pa.string()) if ids is None else ids  # sorted
        self._numbers = np.empty(0, dtype=np.int64) if numbers is None else numbers
        self._new: list[pa.Array] = []
        self._first = self._next = generation << 32
        self._highest = ""  # of the new ones

    @classmethod
    def of_lake(cls, lake: Lake, generation: int) -> CustomerNumbers:
        """Return the numbers of a lake's customers."""
        table = lake.table("scorecard") if lake.has("scorecard") else None
        if table is None or NUMBER.name not in {field.name for field in table.schema().fields}:
            return cls(generation)
        sql = f"SELECT customer_id, {NUMBER.name} FROM scorecard WHERE {NUMBER.name} IS NOT NULL ORDER BY customer_id"
        known = lake.connect(("scorecard",)).execute(sql).to_arrow_table()
        ids, numbers = (column.combine_chunks() for column in known.columns)
        return cls(generation, ids, numbers.to_numpy())

    def of(self, ids: pa.Array) -> np.ndarray:
        """Return the numbers of these customers, new ones where they have none."""
        if not len(ids):
            return np.empty(0, dtype=np.int64)
        low, high = (bound.as_py() for bound in pc.min_max(ids).values())
        # Only the part of the known customers between the lowest and the highest is looked through.
        begin, end = (
            bisect(range(len(self._known)), bound, key=lambda n: self._known[n].as_py())
            for bisect, bound in ((bisect_left, low), (bisect_right, high))
        )
        places = pc.fill_null(pc.index_in(ids, self._known.slice(begin, end - begin)), -1).to_numpy()
        numbers = np.where(places < 0, -1, self._numbers[begin:end][places] if end > begin else -1)
        unknown = ids.filter(pa.array(places < 0))
        if len(unknown):
            numbers[places < 0] = self._of_new(unknown)
        return numbers

    def _of_new(self, ids: pa.Array) -> np.ndarray:
        numbers = np.full(len(ids), -1)
        # Blocks come in the order of their customers, so mostly nobody in them has been given a number yet.
        if pc.min(ids).as_py() <= self._highest:
            places = pc.fill_null(pc.index_in(ids, pa.concat_arrays(self._new)), -1).to_numpy()
            numbers = np.where(places < 0, -1, self._first + places.astype(np.int64))
        fresh = numbers < 0
        if fresh.any():
            self._new.append(ids.filter(pa.array(fresh)))
            self._highest = max(self._highest, pc.max(self._new[-1]).as_py())
            numbers[fresh] = np.arange(self._next, self._next + int(fresh.sum()))
            self._next += int(fresh.sum())
        return numbers
