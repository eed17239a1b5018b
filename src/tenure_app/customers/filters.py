"""Filters by columns of the scorecard: ``?rfm_group=champions&churn_min=0.6``.

Other packages' pages make links of them, so that every number of customers opens exactly its rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tenure.columns import Definition, catalogue
from tenure_app.customers.profile import has

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

#: SQL over the scorecard `k`, and the values of its places.
Condition = tuple[str, list[Any]]
EQUALS, AT_LEAST, AT_MOST = "", "_min", "_max"
#: Stands for "not known" in an address.
UNKNOWN = "-"
#: Columns that the list of customers offers to choose from.
OFFERED = ("rfm_group", "tier", "loyalty", "churn_level", "decline", "decision")


@dataclass(frozen=True, slots=True)
class ColumnFilter:
    """One filter: a column of the catalogue, how it is compared, and the text of the address."""

    column: str
    operator: str
    text: str

    @property
    def name(self) -> str:
        return self.column + self.operator

    @property
    def definition(self) -> Definition:
        return catalogue()[self.column]

    @property
    def values(self) -> list[Any]:
        """What the column is compared with; empty for "not known"."""
        if self.text == UNKNOWN:
            return []
        match self.definition.kind:
            case "text" | "choice" | "choices":
                return [code for code in self.text.split(",") if code]
            case "yesno":
                if self.text not in ("0", "1"):
                    raise ValueError(self.text)
                return [self.text == "1"]
            case "day":
                return [date.fromisoformat(self.text)]
        number = float(self.text.replace(",", ""))
        if not math.isfinite(number):
            raise ValueError(self.text)
        return [number]

    def condition(self) -> Condition:
        place, values = f'k."{self.column}"', self.values
        marks = ", ".join("?" * len(values))
        if self.column == "recommended":
            return f"k.customer_id in (select customer_id from recommendations where product_id in ({marks}))", values
        if not values:
            return f"{place} is null", []
        if self.operator:
            return f"{place} {'>=' if self.operator == AT_LEAST else '<='} ?", values
        if self.definition.kind == "choices":
            among = " or ".join([f"contains(',' || {place} || ',', ',' || ? || ',')"] * len(values))
            return f"({among})", values
        return f"{place} in ({marks})", values


def read(address: Mapping[str, str]) -> tuple[tuple[ColumnFilter, ...], list[str]]:
    """Return the filters of an address, and the names of those whose values mean nothing."""
    filters, wrong = [], []
    for name in address:
        item = _filter(name, address[name].strip())
        if item is None:
            continue
        try:
            assert item.values is not None
        except ValueError:
            wrong.append(name)
        else:
            filters.append(item)
    return tuple(sorted(filters, key=lambda item: item.name)), wrong


def _filter(name: str, text: str) -> ColumnFilter | None:
    columns = catalogue()
    if not text:
        return None
    if name in columns and columns[name].filter:
        return ColumnFilter(name, EQUALS, text)
    base, operator = name[:-4], name[-4:]
    ordered = base in columns and columns[base].filter and columns[base].kind in ("number", "money", "percent", "day")
    return ColumnFilter(base, operator, text) if ordered and operator in (AT_LEAST, AT_MOST) else None


def where(con: duckdb.DuckDBPyConnection, filters: Sequence[ColumnFilter]) -> list[Condition]:
    """Return filters as conditions; a column that this lake's scorecard does not have yet selects nobody."""
    if not filters:
        return []
    sql = "select column_name from duckdb_columns() where table_name = 'scorecard'"
    present = {row[0] for row in con.execute(sql).fetchall()}
    if has(con, "recommendations"):
        present.add("recommended")
    return [item.condition() if item.column in present else ("false", []) for item in filters]
