"""The table of features as somebody would have seen it on a snapshot.

Ages, frequencies and mean spend of a snapshot follow from whole sums and the windows since, so they are put together
here instead of standing in a column each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tenure.facts.schema import SCALE
from tenure.features.catalogue import column_of
from tenure.features.columns import amounts, numbers
from tenure.features.windows import HORIZON

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Snapshot:
    """Customers on one snapshot. Arrays have one entry a customer, NaN where something is not known."""

    table: pa.Table  # the features, see tenure.features.catalogue
    number: int  # 0 is the last day, 1 is 90 days before it
    rows: np.ndarray | None = None  # which customers; all when omitted
    _columns: dict[str, np.ndarray] = field(default_factory=dict)

    def column(self, name: str) -> np.ndarray:
        if name not in self._columns:
            self._columns[name] = numbers(self._only(name), name)
        return self._columns[name]

    def _only(self, name: str) -> pa.Table:
        if name not in self.table.column_names:
            raise KeyError(name)
        column = self.table.select([name])
        return column if self.rows is None else column.take(self.rows)

    def at(self, name: str, back: int = 0) -> np.ndarray:
        """Return a feature `back` snapshots before this one."""
        return self.column(column_of(name, self.number + back))

    def published(self, name: str) -> np.ndarray:
        """Return a feature whose value on the last day is published under its own name."""
        return self.at(name) if self.number else self.column(name)

    def since(self, name: str) -> np.ndarray:
        """Return the sum of a feature over the windows between this snapshot and the last day."""
        return sum((self.column(column_of(name, k)) for k in range(self.number)), np.zeros(1))

    @cached_property
    def age(self) -> np.ndarray:
        """Days since the first order."""
        age = self.column("age") - HORIZON * self.number
        return np.where(age >= 0, age, np.nan)

    @cached_property
    def recency(self) -> np.ndarray:
        """Days from the first order to the last one by then."""
        if self.number:
            return self.at("recency")
        return self.column("last_order_on") - self.column("first_order_on")

    @cached_property
    def silence(self) -> np.ndarray:
        """Days since the last order."""
        return self.age - self.recency

    @cached_property
    def frequency(self) -> np.ndarray:
        """Days with an order after the first."""
        return np.where(np.isnan(self.age), np.nan, self.column("order_days") - 1 - self.since("order_days"))

    @cached_property
    def repeat_spend(self) -> np.ndarray:
        """Mean spend of the order days after the first."""
        # Whole numbers of 1/10,000 stay exact in float64 up to nine hundred billion.
        repeats = amounts(self._only("amount"), "amount") - self.since("spend") - self.at_last("first_spend")
        returned = self.frequency > 0
        return np.where(returned, repeats / np.where(returned, self.frequency, 1.0) / SCALE, np.nan)

    def at_last(self, name: str) -> np.ndarray:
        """Return a feature of the last day, whichever snapshot this is."""
        return self.column(column_of(name, 0))
