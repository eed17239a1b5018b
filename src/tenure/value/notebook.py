"""For notebooks, without a lake: ``tn.clv`` gives what each customer will probably bring, ``rank`` their groups.

Any table is understood, as by :func:`tenure.spans`. The features and bounds are those of the scorecard.
"""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_number, zone
from tenure.errors import FactsError
from tenure.facts.blocks import block_of
from tenure.facts.frames import day_from, facts_from, pandas_from, polars_from
from tenure.facts.streams import Stream, columns_of
from tenure.features.catalogue import FeatureSet
from tenure.features.columns import with_columns
from tenure.rules.evaluation.compute import EvaluationContext
from tenure.scorecard.model import Context, Options, Result
from tenure.value.lifetime import METRICS, Lifetime
from tenure.value.ranking import Ranking
from tenure.words import mark, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    import pandas as pd
    import polars as pl

    from tenure.stats.record import Fit

_FEATURES = FeatureSet.of(Lifetime.families)
#: Customers whose facts are in memory at a time.
PIECE = 200_000
#: What a user reads of each customer, besides the scores.
KNOWN = ("customer_id", "frequency", "recency", "age", "repeat_spend", "orders", "revenue", "margin")


def features_of(facts: Mapping[str, pa.Table], as_of: date, tz: str) -> pa.Table:
    """Return the features of purchases of all customers in some facts (complete fact tables), sorted by customer."""
    needed = {stream.table: columns_of(stream, fields) for stream, fields in _FEATURES.streams.items()}
    tables = {name: table.select(needed[name]) for name, table in facts.items() if name in needed}
    computed = []
    for piece in _pieces(tables):
        streams = {Stream(name): table for name, table in piece.items()}
        block = block_of(streams, tz=tz, last_day=day_number(as_of))
        computed.append(_FEATURES.compute(EvaluationContext(block)))
    return pa.concat_tables(computed)


def _pieces(tables: Mapping[str, pa.Table]) -> Iterator[dict[str, pa.Table]]:
    """Yield the facts of some customers at a time, in the order of their ids: what is in memory stays small."""
    chunks = [chunk for table in tables.values() for chunk in table.column("customer_id").chunks]
    ids = pa.chunked_array(chunks, pa.string()).unique().drop_null().sort()
    if len(ids) <= PIECE:
        yield dict(tables)
        return
    pieces = {
        name: pc.index_in(table.column("customer_id"), ids).fill_null(-1).to_numpy() // PIECE
        for name, table in tables.items()
    }
    for number in range(-(-len(ids) // PIECE)):
        yield {name: table.filter(pa.array(pieces[name] == number)) for name, table in tables.items()}


class Lifetimes:
    """What customers have brought and will probably bring, made when it is asked for.

    They are seen on the day `as_of`, and `horizon` days ahead.
    """

    def __init__(self, facts: Mapping[str, pa.Table], context: Context) -> None:
        self._facts = facts
        self._context = context
        self.as_of = context.as_of
        self.horizon = context.options.horizon_days

    @cached_property
    def _features(self) -> pa.Table:
        return features_of(self._facts, self._context.as_of, self._context.tz)

    @cached_property
    def fits(self) -> dict[str, Fit]:
        """What was fitted: ``purchases`` and ``spend``."""
        fits = {fit.part: fit for fit in Lifetime().fit(self._features, self._context)}
        missing = [gate for gate in fits["purchases"].gates if not gate.passed]
        if missing:
            names = ", ".join(f"{gate.name} {gate.found:g} < {gate.needed:g}" for gate in missing)
            text = mark("There is too little to predict from: %(missing)s. Only facts are returned.")
            warnings.warn(say(text, missing=names), stacklevel=3)
        return fits

    @cached_property
    def _result(self) -> Result:
        return Lifetime().score(self._features, self.fits, self._context)

    def to_arrow(self) -> pa.Table:
        """Return one row a customer as an Arrow table; the columns are described in the how-to on value."""
        scores = [name for name in Lifetime.schema.names if not name.startswith("_") and name not in KNOWN]
        return with_columns(self._features, self._result.columns).select([*KNOWN, *scores])

    def to_pandas(self) -> pd.DataFrame:
        """Return one row a customer as a pandas data frame, days as ``datetime64``."""
        return pandas_from(self.to_arrow())

    def to_polars(self) -> pl.DataFrame:
        """Return one row a customer as a Polars data frame."""
        return polars_from(self.to_arrow())

    @cached_property
    def models(self) -> pa.Table:
        """The models that were compared, likeliest first, then both baselines: fit, verdict, mean back-test figures."""
        figures = self.fits["purchases"].figures
        rows = [*figures.get("models", []), *figures.get("baselines", [])]
        tests = ("off", *METRICS[1:])
        numeric = dict.fromkeys(tests, pa.float64())
        types = {"model": pa.string(), "log_likelihood": pa.float64(), "aic": pa.float64(), "verdict": pa.string()}
        lines = [{**row, **{name: row["backtest"].get(name) for name in tests}} for row in rows]
        return pa.Table.from_pylist(lines, schema=pa.schema({**types, **numeric}))

    @cached_property
    def report(self) -> dict[str, Any]:
        """Everything that the page Predictions shows: back-tests, calibration, totals with intervals."""
        return self._result.report()["predictions"]

    @property
    def summary(self) -> dict[str, Any]:
        """The chosen model and why, the verdict, what is missing, sums of value and totals with intervals."""
        report = self.report
        return {
            "as_of": self.as_of,
            "horizon_days": self.horizon,
            "model": report["model"],
            "why": report.get("choice", {}).get("why"),
            "verdict": report["verdict"],
            "basis": report["basis"].get("kind"),
            "missing": [gate for gate in report["gates"] if not gate["passed"]],
            **report["value"],
            "totals": report.get("totals", []),
        }

    def __repr__(self) -> str:
        return f"<Lifetimes as of {self.as_of}: .to_pandas(), .to_polars(), .to_arrow(), .models, .summary>"


def clv(
    orders: object,
    *,
    as_of: str | date | None = None,
    horizon: int = 365,
    tz: str = "UTC",
    columns: Mapping[str, str] | None = None,
    options: Options | None = None,
    **facts: object,
) -> Lifetimes:
    """Return what every customer has brought and will probably bring, from orders alone.

    Parameters
    ----------
    orders : pandas or Polars (lazy, too), Arrow table, DuckDB relation, or the path of a file
        One row per order, with ``customer_id``, ``at`` (an instant or a day) and ``amount``; ``cost`` where known.
    as_of : str or date, optional
        The day on which the customers are seen; the last day with an order when omitted.
    horizon : int, default 365
        How many days ahead.
    tz : str, default "UTC"
        The business's time zone. Orders of one customer on one local day are one purchase.
    columns : mapping of str to str, optional
        ``{field: column}`` when the columns of `orders` are called otherwise.
    options : Options, optional
        Other assumptions, see :class:`tenure.scorecard.model.Options`; `horizon` wins over its horizon.
    **facts
        Other fact tables by name: ``costs=...``.

    Returns
    -------
    Lifetimes
        Lazy: ``.to_pandas()``, ``.to_polars()``, ``.to_arrow()``, ``.models``, ``.summary``.

    Raises
    ------
    FactsError
        When the horizon is no number of days.
    MappingError
        When a column is missing, or `orders` is no table.

    Examples
    --------
    >>> result = clv("orders.csv", as_of="2024-12-31", horizon=365)    # doctest: +SKIP
    >>> result.to_pandas().nlargest(10, "potential_value")             # doctest: +SKIP
    """
    from dataclasses import replace

    zone(tz)
    if isinstance(horizon, bool) or not 1 <= horizon <= 3_650:
        raise FactsError(mark("horizon=%(found)s: write a number of days from 1 to 3650."), found=horizon)
    tables = {"orders": facts_from("orders", orders, tz, columns)}
    tables |= {name: facts_from(name, table, tz) for name, table in facts.items()}
    day = day_from(as_of, tables["orders"], tz)
    return Lifetimes(tables, Context(day, tz, options=replace(options or Options(), horizon_days=horizon)))


def rank(
    orders: object,
    costs: object = None,
    *,
    as_of: str | date | None = None,
    tz: str = "UTC",
    columns: Mapping[str, str] | None = None,
) -> pa.Table:
    """Return every customer with the columns of ranking."""
    zone(tz)
    facts = {"orders": facts_from("orders", orders, tz, columns)}
    if costs is not None:
        facts["costs"] = facts_from("costs", costs, tz)
    day = day_from(as_of, facts["orders"], tz)
    features = features_of(facts, day, tz)
    table = with_columns(features, Ranking().run(features, Context(day, tz)).columns)
    return table.select([name for name in table.column_names if not name.startswith("_")])
