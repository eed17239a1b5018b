"""Filters by columns of the scorecard: ``?rfm_group=champions&churn_min=0.6``.

Other packages' pages make links of them, so that every number of customers opens exactly its rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from tenure.columns import Definition, catalogue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import duckdb

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
        """Its name in an address."""
        return self.column + self.operator

    @property
    def definition(self) -> Definition:
        """What the catalogue says of its column."""
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

    def sql(self) -> tuple[str, list[Any]]:
        """Return it as SQL over the scorecard `k`, and the values of its places."""
        place, values = f'k."{self.column}"', self.values
        marks = ", ".join("?" * len(values))
        if self.column == "recommended":
            return (
                f"k.customer_id in (select customer_id from recommendations where product_id in ({marks}))",
                values,
            )
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


def where(con: duckdb.DuckDBPyConnection, filters: Iterable[ColumnFilter]) -> tuple[list[str], list[Any]]:
    """Return filters as SQL conditions over the scorecard `k`, and the values of their places.

    A column that this lake's scorecard does not have yet selects nobody.
    """
    filters = list(filters)
    if not filters:
        return [], []
    present = {row[0] for row in con.execute("select column_name from (describe scorecard)").fetchall()}
    if con.execute("select 1 from duckdb_views() where view_name = 'recommendations'").fetchone():
        present.add("recommended")
    conditions, values = [], []
    for item in filters:
        condition, given = item.sql() if item.column in present else ("false", [])
        conditions.append(condition)
        values += given
    return conditions, values
