"""Figures for churn: what could be seen of every customer on the last day and on earlier days, and what became of them.

A column ``_churn_NAME@k`` is what somebody would have read on origin k (90 k days before the last day). Where a measure
looks at ninety days, origins follow one another without gap or overlap, so ``orders@1`` seen from origin 0 is the
ninety days before the last ninety. Each column is a measure of the rule language; counts and sums of ninety days are
made in one pass over the facts, because a general window over every measure would cost minutes at a million customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from tenure.facts.blocks import SCALE, Block, day_number_of, keys_of, who_of
from tenure.facts.streams import Stream
from tenure.lifecycle.figures import HORIZON, ORIGINS, origin, read_at
from tenure.risk.contracts import CONTRACTS, Contracts
from tenure.rules.evaluation.steps import distinct
from tenure.rules.syntax.tree import Measure, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tenure.rules.evaluation.compute import EvaluationContext

PREFIX = "_churn_"
RESPONSES = ("open", "click", "reply", "redeem")
_YEAR = Window(360)
_MOST = np.iinfo(np.int16).max


class Recent(NamedTuple):
    """What is counted or added up in the ninety days before an origin."""

    measure: Measure  # the same in the rule language
    origins: int  # from so many origins, 0 included


class Standing(NamedTuple):
    """What holds on an origin itself."""

    measure: Measure  # as the rule language says it
    type: pa.DataType  # of the column


_LAST = Window(HORIZON)
#: Orders and money go further back, for a year before the oldest origin.
RECENT: dict[str, Recent] = {
    "orders": Recent(Measure("days", ("order",), window=_LAST), ORIGINS + 4),
    "amount": Recent(Measure("sum", ("order",), "amount", window=_LAST), ORIGINS + 4),
    "refunds": Recent(Measure("count", ("refund",), window=_LAST), ORIGINS + 2),
    "categories": Recent(Measure("categories", ("line",), window=_LAST), ORIGINS + 2),
    "interactions": Recent(Measure("count", ("interaction",), window=_LAST), ORIGINS + 2),
    "responses": Recent(Measure("count", RESPONSES, window=_LAST), ORIGINS + 2),
    "complaints": Recent(Measure("count", ("complaint",), window=_LAST), ORIGINS + 2),
}
STANDING: dict[str, Standing] = {
    "silence": Standing(Measure("days_since", ("order",)), pa.int16()),
    "age": Standing(Measure("days_since_first", ("order",)), pa.int16()),
    "gap": Standing(Measure("typical_gap", ("order",)), pa.float32()),
    "variation": Standing(Measure("gap_variation", ("order",)), pa.float32()),
    "quiet": Standing(Measure("days_since", ("interaction",)), pa.int16()),
    "csat": Standing(Measure("last", ("csat",), "score", window=_YEAR), pa.float32()),
    "csat_mean": Standing(Measure("avg", ("csat",), "score", window=_YEAR), pa.float32()),
    "nps": Standing(Measure("last", ("nps",), "score", window=_YEAR), pa.float32()),
    "open": Standing(Measure("open", ("complaint",)), pa.int16()),
    "contract_age": Standing(Measure("days_since_first", ("contract",)), pa.int16()),
    "renewals": Standing(Measure("count", ("renewal",)), pa.int16()),
}


def _schema() -> pa.Schema:
    kinds = {name: pa.float32() if one.measure.name == "sum" else pa.int16() for name, one in RECENT.items()}
    fields = [(f"{PREFIX}{name}@{k}", kinds[name]) for name, one in RECENT.items() for k in range(one.origins)]
    fields += [(f"{PREFIX}{name}@{k}", one.type) for name, one in STANDING.items() for k in range(ORIGINS + 1)]
    fields += [(f"{PREFIX}to_end@{k}", pa.int16()) for k in range(ORIGINS + 1)]
    fields += [(f"{PREFIX}contract@{k}", pa.bool_()) for k in range(ORIGINS + 1)]
    fields += [(f"_churned@{k}", pa.int8()) for k in range(1, ORIGINS + 1)]
    return pa.schema(fields)


class ChurnFigures:
    """Columns for churn of the customers of a block, see :class:`tenure.lifecycle.figures.Figures`."""

    schema: pa.Schema = _schema()
    streams: Mapping[Stream, Sequence[str]] = {
        Stream("orders"): ("amount",),
        Stream("order_lines"): (),
        Stream("interactions"): (),
        Stream("feedback"): ("score",),
        Stream("cases"): (),
        CONTRACTS: ("contract_id", "ends_at"),
    }

    def of(self, context: EvaluationContext) -> pa.Table:
        """Return the columns for the customers of a block, in the order of their ids."""
        block, narrow = context.block, _Narrow()
        found: dict[str, pa.Array] = {}
        for name, one in RECENT.items():
            for k, values in enumerate(_recent(block, one)):
                found[f"{PREFIX}{name}@{k}"] = narrow.column(values, self.schema.field(f"{PREFIX}{name}@{k}").type)
        for name, standing in STANDING.items():
            for k in range(ORIGINS + 1):
                values, known = read_at(context, standing.measure, origin(block.last_day, k))
                found[f"{PREFIX}{name}@{k}"] = narrow.column(values, standing.type, known)
        found |= _of_contracts(Contracts.of(block), block, narrow)
        return pa.table([found[name] for name in self.schema.names], schema=self.schema)


#: What churn reads of every block.
FIGURES = ChurnFigures()


class _Narrow:
    """Makes narrow columns: a hundred of them stand beside each other for every customer.

    Columns that hold nothing (a business without surveys, without contracts) are one and the same in memory.
    """

    def __init__(self) -> None:
        self._empty: dict[tuple[pa.DataType, bool], pa.Array] = {}

    def column(self, values: np.ndarray, kind: pa.DataType, known: np.ndarray | None = None) -> pa.Array:
        """Return numbers as a column of a type, null where they are not known."""
        if known is not None and not known.any():
            return self._shared(kind, lambda: pa.nulls(len(values), kind), null=True)
        if known is None and not values.any():
            return self._shared(kind, lambda: pa.array(np.zeros(len(values), kind.to_pandas_dtype())), null=False)
        if pa.types.is_integer(kind):
            values = np.clip(values, -_MOST, _MOST)
        return pa.array(values.astype(kind.to_pandas_dtype()), mask=None if known is None or known.all() else ~known)

    def _shared(self, kind: pa.DataType, make: Callable[[], pa.Array], *, null: bool) -> pa.Array:
        if (kind, null) not in self._empty:
            self._empty[kind, null] = make()
        return self._empty[kind, null]


def _recent(block: Block, one: Recent) -> np.ndarray:
    """Return a measure of ninety days at each origin, shape (origins, customers)."""
    measure = one.measure
    if measure.name == "categories":
        return _different(block, measure, one.origins)
    events = block.events(measure.kinds, measure.field)
    keys = distinct(events.keys) if measure.name == "days" else events.keys
    weights = None if events.values is None or not measure.field else events.values
    edges = [
        np.searchsorted(keys, keys_of(np.arange(len(block)), np.full(len(block), origin(block.last_day, k))), "right")
        for k in range(one.origins + 1)
    ]
    if weights is None:
        return np.array([edges[k] - edges[k + 1] for k in range(one.origins)])
    total = np.concatenate(([0], np.cumsum(weights)))  # whole numbers: a sum that wraps around is right again here
    return np.array([(total[edges[k]] - total[edges[k + 1]]) / SCALE for k in range(one.origins)])


def _different(block: Block, measure: Measure, origins: int) -> np.ndarray:
    """Return how many different categories each ninety days hold, shape (origins, customers)."""
    events = block.events(measure.kinds, label="category")
    if events.labels is None or not len(events.keys):
        return np.zeros((origins, len(block)))
    stretch = (block.last_day - day_number_of(events.keys)) // HORIZON
    inside = (stretch < origins) & (events.labels >= 0)
    cell = stretch[inside] * len(block) + who_of(events.keys[inside])
    different = np.unique(cell * len(events.names) + events.labels[inside]) // max(len(events.names), 1)
    return np.bincount(different, minlength=origins * len(block)).reshape(origins, len(block))


def _of_contracts(contracts: Contracts | None, block: Block, narrow: _Narrow) -> dict[str, pa.Array]:
    found: dict[str, pa.Array] = {}
    nobody = np.zeros(len(block), dtype=bool)
    none = pa.array(nobody)
    for k in range(ORIGINS + 1):
        day = origin(block.last_day, k)
        running, end = (nobody, np.zeros(len(block))) if contracts is None else contracts.on(day)
        found[f"{PREFIX}contract@{k}"] = pa.array(running) if running.any() else none
        ends = running & np.isfinite(end)
        found[f"{PREFIX}to_end@{k}"] = narrow.column(np.where(ends, end - day, 0), pa.int16(), ends)
        if k:
            left, counts = (nobody, nobody) if contracts is None else contracts.left(day)
            found[f"_churned@{k}"] = narrow.column(left, pa.int8(), counts)
    return found
