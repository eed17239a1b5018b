"""The catalogue of features: each column once, by its measure, window and snapshot.

A feature on snapshot k is what somebody would have read 90 k days before the last day. A measure on a day reads facts
up to that day only, so nothing can leak back. Names that begin with ``_`` are read by models and not published.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.facts.schema import DAY, NUMBER
from tenure.features.columns import money_column
from tenure.features.windows import NEVER, WindowAggregates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tenure.facts.streams import Stream
    from tenure.rules.evaluation.compute import EvaluationContext


@dataclass(frozen=True, slots=True)
class Feature:
    """One measure over one window, on one or more snapshots."""

    name: str
    measure: str  # in the rule language where it has such a measure, else in words
    type: pa.DataType
    window: int | None = None  # days up to the snapshot; None: everything up to it
    snapshots: tuple[int, ...] = (0,)
    published: bool = False  # on the last day; earlier snapshots only feed models

    @property
    def columns(self) -> list[str]:
        return [self.name if self.published and not k else column_of(self.name, k) for k in self.snapshots]


def column_of(name: str, snapshot: int) -> str:
    """Return the column of an unpublished feature on a snapshot."""
    return f"_{name}@{snapshot}"


#: What a family computes: numbers, numbers and which are known, or a finished column, by column name.
Computed = dict[str, Any]


@dataclass(frozen=True)
class Family:
    """Features that are computed together because they read the same facts."""

    name: str
    features: tuple[Feature, ...]
    streams: Mapping[Stream, Sequence[str]]  # what it reads, with the number fields
    compute: Callable[[WindowAggregates], Computed]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(column, feature.type) for feature in self.features for column in feature.columns])


def families() -> dict[str, Family]:
    """Return every family by its name, in the order in which their columns stand."""
    from tenure.features.contact import ACTIVITY, CONTACT, SATISFACTION
    from tenure.features.contracts import CONTRACTS
    from tenure.features.profile import PROFILE
    from tenure.features.purchases import PURCHASES
    from tenure.features.wallet import WALLET

    listed = (PROFILE, PURCHASES, ACTIVITY, SATISFACTION, CONTRACTS, CONTACT, WALLET)
    return {family.name: family for family in listed}


@dataclass(frozen=True)
class FeatureSet:
    """Some families of features, computed from a block of customers; every engine calls the same lines."""

    families: tuple[Family, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> FeatureSet:
        """Return the named families, with the profile, in the catalogue's order."""
        included = {"profile", *names}
        return cls(tuple(family for name, family in families().items() if name in included))

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([field for family in self.families for field in family.schema])

    @property
    def streams(self) -> dict[Stream, tuple[str, ...]]:
        """The streams that are read, each with its number fields."""
        needed: dict[Stream, tuple[str, ...]] = {}
        for family in self.families:
            for stream, fields in family.streams.items():
                needed[stream] = tuple(dict.fromkeys((*needed.get(stream, ()), *fields)))
        return needed

    def compute(self, context: EvaluationContext) -> pa.Table:
        """Return the features of a block of customers, in the order of their ids."""
        windows, narrow = WindowAggregates(context), _Narrow(len(context.block))
        columns = []
        for family in self.families:
            computed = family.compute(windows)
            columns += [narrow.column(computed[field.name], field.type) for field in family.schema]
        return pa.table(columns, schema=self.schema)


@dataclass
class _Narrow:
    """Turns computed values into columns of their types, null where not known.

    Columns that hold nothing (a business without surveys, without contracts) are one and the same in memory.
    """

    size: int
    _empty: dict[tuple[pa.DataType, bool], pa.Array] = field(default_factory=dict)

    def column(self, computed: Any, kind: pa.DataType) -> pa.Array:
        if isinstance(computed, pa.Array):
            return computed
        values, known = computed if isinstance(computed, tuple) else (computed, None)
        values = np.asarray(values)
        if known is None and kind == DAY:
            known = values > NEVER
        elif known is None and pa.types.is_floating(kind) and np.isnan(values).any():
            known = ~np.isnan(values)
        if known is not None and known.all():
            known = None
        if known is not None and not known.any():
            return self._shared(kind, null=True)
        if known is None and kind not in (DAY, NUMBER) and not values.any():
            return self._shared(kind, null=False)
        if kind == NUMBER:
            return money_column(values, known)
        plain = pa.int32() if kind == DAY else kind
        if known is not None:
            values = np.where(known, values, 0)
        if plain == pa.int16():  # ninety years of days: nobody's silence is cut in earnest
            values = np.clip(values, -np.iinfo(np.int16).max, np.iinfo(np.int16).max)
        column = pa.array(values.astype(plain.to_pandas_dtype()), mask=None if known is None else ~known)
        return column.cast(DAY) if kind == DAY else column

    def _shared(self, kind: pa.DataType, *, null: bool) -> pa.Array:
        if (kind, null) not in self._empty:
            zeros = pa.nulls(self.size, kind) if null else pa.array(np.zeros(self.size, kind.to_pandas_dtype()))
            self._empty[kind, null] = zeros
        return self._empty[kind, null]
