"""``tn.spans`` for notebooks: orders in, spans out, in one line and without a lake.

Any table is understood: pandas, Polars, Arrow, DuckDB, a file. The work is done when the result is asked for.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import zone
from tenure.facts.frames import customers_from, day_from, facts_from, pandas_from, polars_from
from tenure.lifecycle.doubts import count_on, doubts_until
from tenure.lifecycle.model import Model
from tenure.lifecycle.model_file import read
from tenure.lifecycle.published import score_names
from tenure.lifecycle.reasons import with_because
from tenure.lifecycle.spans import Staged, stage_facts
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
    def _staged(self) -> Staged:
        return stage_facts(self._facts, self.model, self.as_of, self.tz, self._customers)

    @cached_property
    def _table(self) -> pa.Table:
        return with_because(self._staged.spans)

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

    def doubts(self) -> pa.Table:
        """Return when which stage could not be judged, because too little was known to evaluate its rule.

        Returns
        -------
        pyarrow.Table
            Columns of :data:`tenure.lifecycle.doubts.DOUBTS`: a row a customer, stage and period; `left_on` is null
            while the stage still cannot be judged on the day `as_of`, `missing_facts` names what was not known.
        """
        return doubts_until(self._staged.doubts, self.as_of)

    def cannot_judge(self) -> dict[str, int]:
        """Return of how many customers each stage cannot be judged on the day `as_of`, in the order of life."""
        counts = count_on(self._staged.doubts, self.as_of)
        return {stage: counts.get((self.model.id, stage), 0) for stage in self.model.path}

    def __repr__(self) -> str:
        methods = ".to_pandas(), .to_polars(), .to_arrow(), .counts(), .doubts()"
        return f"<Spans of {self.model.id} as of {self.as_of}: {methods}>"


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
    tables |= {name: facts_from(name, table, tz) for name, table in facts.items()}
    records = None if customers is None else customers_from(customers, tz)
    model = model if isinstance(model, Model) else read(model)
    if names := score_names([model]):
        text = mark(
            "%(model)s reads scores (%(names)s), which only the refresh of a lake publishes. Here they are unknown."
        )
        warnings.warn(say(text, model=model.id, names=", ".join(names)), stacklevel=2)
    return Spans(tables, records, model, day_from(as_of, tables["orders"], tz), tz)
