"""``tn.spans`` for notebooks: orders in, spans out, in one line and without a lake.

Any table is understood: pandas, Polars, Arrow, DuckDB, a file. The work is done when the result is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_of, local_days, zone
from tenure.errors import FactsError, MappingError
from tenure.facts.completing import completed
from tenure.facts.frames import arrow_from, pandas_from, polars_from
from tenure.facts.reading import read_file
from tenure.facts.schema import FACT_TABLES
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import read
from tenure.lifecycle.spans import spans_of
from tenure.words import mark, say

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

COLUMNS = ["customer_id", "stage", "entered_on", "left_on", "because", "next_stage", "next_change_on"]


@dataclass(eq=False, repr=False)
class Spans:
    """Spans that are worked out when first read.

    Attributes
    ----------
    model : Model
        Under which life-cycle model.
    as_of : date
        Seen on which day.
    tz : str
        In which time zone days are counted.
    """

    _facts: dict[str, pa.Table]
    _customers: pa.Table | None
    model: Model
    as_of: date
    tz: str

    @cached_property
    def _table(self) -> pa.Table:
        return spans_of(self._facts, self.model, as_of=self.as_of, tz=self.tz, customers=self._customers)

    def to_arrow(self) -> pa.Table:
        """Return all columns as an Arrow table, see :data:`tenure.lifecycle.history.SPANS`."""
        return self._table

    def to_pandas(self) -> pd.DataFrame:
        """Return all columns as a pandas data frame, days as ``datetime64``."""
        return pandas_from(self._table)

    def to_polars(self) -> pl.DataFrame:
        """Return all columns as a Polars data frame."""
        return polars_from(self._table)

    def now(self) -> pa.Table:
        """Return only where everybody is on the day `as_of`: one row per customer in a stage."""
        return self._table.filter(pc.is_null(self._table.column("left_on")))

    def counts(self) -> dict[str, int]:
        """Return how many customers are in each stage on the day `as_of`, in the order of life."""
        rows = self.now().group_by("stage").aggregate([("customer_id", "count")]).to_pylist()
        people = {row["stage"]: row["customer_id_count"] for row in rows}
        return {stage: people.get(stage, 0) for stage in self.model.path}

    def __repr__(self) -> str:
        return f"<Spans of {self.model.id} as of {self.as_of}: .to_pandas(), .to_polars(), .to_arrow(), .counts()>"


def spans(
    orders: object,
    model: str | Path | Model | Mapping[str, Any] = "retail-activity",
    *,
    as_of: str | date | None = None,
    tz: str = "UTC",
    customers: object = None,
    columns: Mapping[str, str] | None = None,
    **facts: object,
) -> Spans:
    """Return every customer's life-cycle stages, from orders alone or with other facts.

    Parameters
    ----------
    orders : pandas or Polars (lazy, too), Arrow table, DuckDB relation, or the path of a file
        One row per order, with ``customer_id``, ``at`` (an instant or a day) and ``amount``.
    model : str, Path, Model or mapping
        The id of a built-in model, the path of a model file, or a model.
    as_of : str or date, optional
        The day on which the customers are seen; the last day with an order when omitted.
    tz : str, default "UTC"
        The business's time zone. Instants without a zone are local times there.
    customers : table, optional
        Customer records with ``customer_id`` and attributes.
    columns : mapping of str to str, optional
        ``{field: column}`` when the columns of `orders` are called otherwise.
    **facts
        Other fact tables by name: ``interactions=...``, ``feedback=...``.

    Returns
    -------
    Spans
        Lazy: ``.to_pandas()``, ``.to_polars()``, ``.to_arrow()``.

    Raises
    ------
    MappingError
        When a column is missing, or `orders` is no table.
    ModelError, RuleError
        When the model cannot be read.

    Examples
    --------
    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "b"], "at": ["2024-01-01", "2024-03-01"], "amount": [12, 8]})
    >>> spans(orders, "retail-activity", as_of="2024-03-10").counts()["active"]
    1
    """
    zone(tz)
    tables = {"orders": facts_from("orders", orders, tz, columns)}
    tables |= {name: facts_from(name, table, tz, None) for name, table in facts.items()}
    records = None
    if isinstance(customers, str | Path):
        records = _file(customers, "customers", None, tz)
    elif customers is not None:
        records = completed("customers", arrow_from(customers))
    model = model if isinstance(model, Model) else read(model)
    return Spans(tables, records, model, day_from(as_of, tables["orders"], tz), tz)


def day_from(as_of: str | date | None, orders: pa.Table, tz: str) -> date:
    """Return the day that is meant: a date, a day written like 2024-12-31, or the last day with an order."""
    if isinstance(as_of, datetime):
        return as_of.date()
    if isinstance(as_of, date):
        return as_of
    if as_of is not None:
        try:
            return date.fromisoformat(as_of)
        except ValueError as wrong:
            raise FactsError(mark("%(text)r is not a valid date. Use the format 2024-12-31."), text=as_of) from wrong
    instants = orders.column("at").drop_null().cast(pa.int64()).to_numpy()
    return day_of(int(local_days(instants, tz).max())) if len(instants) else date(1970, 1, 1)


def facts_from(name: str, table: object, tz: str, columns: Mapping[str, str] | None = None) -> pa.Table:
    """Return whatever holds a fact table as Arrow, in the table's schema, or say which column is missing."""
    if name not in FACT_TABLES:
        text = mark("Unknown fact table %(name)r. Fact tables: %(names)s.")
        raise MappingError(text, name=name, names=", ".join(FACT_TABLES))
    if isinstance(table, str | Path):
        return _file(table, name, columns, tz)
    arrow = arrow_from(table)
    for field, column in (columns or {}).items():
        if column not in arrow.column_names:
            text = mark("There is no column %(column)r for %(field)s. Columns: %(names)s.")
            raise MappingError(text, column=column, field=field, names=", ".join(arrow.column_names))
        arrow = arrow.append_column(field, arrow.column(column)) if field != column else arrow
    for field in ("customer_id", "at"):
        if field not in arrow.column_names:
            text = mark(
                "%(table)s has no column %(missing)s. Map yours with columns={'%(missing)s': '...'}. "
                "Columns: %(names)s."
            )
            raise MappingError(text, table=name, missing=field, names=", ".join(arrow.column_names))
    at = arrow.column_names.index("at")
    return completed(name, arrow.set_column(at, "at", _instants(arrow.column("at"), tz)))


def _file(path: str | Path, name: str, columns: Mapping[str, str] | None, tz: str) -> pa.Table:
    """Read a file as the import does; a warning counts the rejected rows."""
    facts, rejected = read_file(path, name, columns, tz=tz)
    if len(rejected):
        text = mark("%(count)s rows of %(file)s were rejected.")
        warnings.warn(say(text, count=len(rejected), file=Path(path).name), stacklevel=4)
    return facts


def _instants(column: pa.ChunkedArray, tz: str) -> pa.ChunkedArray:
    """Return instants in UTC; days and instants without a zone are local to the business."""
    utc = pa.timestamp("us", tz="UTC")
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return column.cast(utc)
    try:
        local = column.cast(pa.timestamp("us"))
    except pa.ArrowInvalid as wrong:
        raise FactsError(
            mark("Column at cannot be read as dates or times: %(why)s. Convert it first, for example to 2024-12-31."),
            why=wrong,
        ) from wrong
    if tz == "UTC":
        return local.cast(pa.int64()).cast(utc)
    return pc.assume_timezone(local, tz, ambiguous="earliest", nonexistent="latest").cast(utc)
