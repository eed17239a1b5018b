"""Numbers of customers, by which lists join spans and scorecard: a million texts take three times as long."""

from __future__ import annotations

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
        self._ids = [pa.array([], pa.string()) if ids is None else ids]
        self._numbers = [np.empty(0, dtype=np.int64) if numbers is None else numbers]
        self._highest = pc.max(self._ids[0]).as_py() or ""
        self._next = generation << 32

    @classmethod
    def of_lake(cls, lake: Lake, generation: int) -> CustomerNumbers:
        """Return the numbers of a lake's customers."""
        table = lake.table("scorecard")
        if table is None or NUMBER.name not in {field.name for field in table.schema().fields}:
            return cls(generation)
        sql = f"SELECT customer_id, {NUMBER.name} FROM scorecard WHERE {NUMBER.name} IS NOT NULL"
        known = lake.connect(("scorecard",)).execute(sql).to_arrow_table()
        ids, numbers = (column.combine_chunks() for column in known.columns)
        return cls(generation, ids, numbers.to_numpy())

    def of(self, ids: pa.Array) -> np.ndarray:
        """Return the numbers of these customers, new ones where they have none."""
        if not len(ids) or pc.min(ids).as_py() > self._highest:  # blocks come in the order of their customers
            return self.give(ids)
        known = pa.concat_arrays(self._ids)
        places = pc.fill_null(pc.index_in(ids, known), -1).to_numpy()
        new = places < 0
        numbers = np.empty(len(ids), dtype=np.int64)
        numbers[~new] = np.concatenate(self._numbers)[places[~new]]
        numbers[new] = self.give(ids.filter(pa.array(new)))
        return numbers

    def give(self, ids: pa.Array) -> np.ndarray:
        """Return new numbers for customers who have none."""
        numbers = np.arange(self._next, self._next + len(ids))
        self._next += len(ids)
        self._highest = max(self._highest, pc.max(ids).as_py() or "")
        self._ids.append(ids)
        self._numbers.append(numbers)
        return numbers
