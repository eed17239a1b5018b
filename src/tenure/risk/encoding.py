"""Columns that a model learns from, and how they become numbers.

The encoding is data: it is stored beside the model, so that a single customer is encoded as everybody was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.stats.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LEVELS = 50
RAREST = 20  # customers a level needs to be looked at by itself


@dataclass(frozen=True)
class Column:
    """One feature of some customers."""

    name: str  # of the feature
    values: np.ndarray  # float64 with ``nan`` where unknown, or objects: texts with None where unknown
    group: str = ""  # features that say nearly the same stand in one group and make one reason

    @property
    def is_text(self) -> bool:
        """Whether it holds texts."""
        return self.values.dtype == object

    def names_everybody(self) -> bool:
        """Whether almost every customer has a value of their own, as with identifiers."""
        size = len(self.values)
        if size < 20:
            return False
        if self.is_text:
            known = [value for value in self.values if value is not None]
            return len(set(known)) > max(0.8 * len(known), 10)
        known = self.values[np.isfinite(self.values)]
        whole = len(known) == size and bool((known == np.rint(known)).all())
        # Numbers handed out one after another: all different and without many gaps.
        return whole and len(np.unique(known)) == size and float(np.ptp(known)) < 2.0 * size

    def codes(self) -> np.ndarray:
        """Return numbers that are equal where the values are."""
        if not self.is_text:
            return np.nan_to_num(self.values, nan=-9e18)
        return np.unique(np.array(["" if value is None else str(value) for value in self.values]), return_inverse=True)[
            1
        ]

    def is_mixed(self, labels: np.ndarray) -> bool:
        """Whether it is whole for one sort of rows and often not for the other."""
        if self.is_text or len(np.unique(self.values)) <= 2:
            return False
        known = np.isfinite(self.values)
        share, different = {}, {}
        for sort in (True, False):
            values = self.values[known & (labels == sort)]
            share[sort] = float((values == np.rint(values)).mean()) if len(values) else 1.0
            different[sort] = len(np.unique(values))
        return any(share[a] > 0.995 and different[a] > 2 and share[not a] < 0.8 for a in share)


def single_auc(column: Column, labels: np.ndarray) -> float:
    """Return how well a feature alone ranks leavers: 0.5 is chance; a text by the rate of its common levels."""
    if column.is_text:
        codes = column.codes()
        count, left = np.bincount(codes), np.bincount(codes, labels)
        rate = np.where(count >= RAREST, left / np.maximum(count, 1), labels.mean())
        return _known(auc(labels, rate[codes]))
    known = np.isfinite(column.values)
    found = [_known(auc(labels, known))]
    if len(np.unique(labels[known])) == 2 and known.mean() > 0.5:
        found.append(_known(auc(labels[known], column.values[known])))
    return max(found, key=lambda one: abs(one - 0.5))


def _known(value: float) -> float:
    return value if np.isfinite(value) else 0.5


@dataclass(frozen=True, slots=True)
class Encoded:
    """One number of the matrix."""

    column: str  # which feature it comes from
    group: str
    level: str | None = None  # the text it stands for; None for a number
    missing: bool = False  # whether it says that the value is unknown
    log: bool = False  # whether the number is taken as ``log(1 + x)``
    fill: float = 0.0  # what stands for unknown, and what is taken off and divided by
    mean: float = 0.0
    scale: float = 1.0
    low: float = 0.0  # range of the training rows: beyond it nothing was learnt, so that values are taken as its ends
    high: float = 1.0

    def plain(self, column: Column) -> np.ndarray:
        """Return the number before it is put on the common scale."""
        if self.level is not None:
            return np.array([value == self.level for value in column.values], dtype=np.float64)
        if self.missing:
            return (~np.isfinite(column.values)).astype(np.float64)
        values = np.where(np.isfinite(column.values), column.values, self.fill)
        return np.log1p(np.maximum(values, 0.0)) if self.log else values

    def of(self, column: Column) -> np.ndarray:
        """Return the number on the common scale: 0 is an ordinary customer."""
        return (np.clip(self.plain(column), self.low, self.high) - self.mean) / self.scale


@dataclass(frozen=True)
class Encoding:
    """How features become a matrix."""

    parts: tuple[Encoded, ...] = field(default_factory=tuple)

    @classmethod
    def learnt(cls, columns: Sequence[Column]) -> Encoding:
        """Return the encoding of training rows; what is the same for everybody is left out."""
        return cls(tuple(part for column in columns for part in _parts(column)))

    def matrix(self, columns: Sequence[Column]) -> np.ndarray:
        """Return the rows as numbers, shape (customers, parts)."""
        by_name = {column.name: column for column in columns}
        if not self.parts:
            return np.empty((len(columns[0].values), 0))
        return np.column_stack([part.of(by_name[part.column]) for part in self.parts])

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups, in the order of the features."""
        return tuple(dict.fromkeys(part.group for part in self.parts))

    def to_list(self) -> list[dict[str, Any]]:
        """Return it as JSON."""
        return [{name: getattr(part, name) for name in Encoded.__slots__} for part in self.parts]

    @classmethod
    def from_list(cls, found: Sequence[dict[str, Any]]) -> Encoding:
        """Return what :meth:`to_list` wrote."""
        return cls(tuple(Encoded(**one) for one in found))


def _parts(column: Column) -> list[Encoded]:
    group = column.group or column.name
    if column.is_text:
        known, counts = np.unique([str(value) for value in column.values if value is not None], return_counts=True)
        common = [str(one) for one, count in zip(known, counts, strict=True) if count >= RAREST]
        drafts = [Encoded(column.name, group, level=one) for one in common[:MOST_LEVELS]]
    else:
        drafts = _numbers(column, group)
    scaled = (_scaled(draft, draft.plain(column)) for draft in drafts)
    return [one for one in scaled if one is not None]


def _numbers(column: Column, group: str) -> list[Encoded]:
    known = column.values[np.isfinite(column.values)]
    if not len(known):
        return []
    drafts = [Encoded(column.name, group, log=_is_skewed(known), fill=float(np.median(known)))]
    if len(known) < len(column.values):
        drafts.append(Encoded(column.name, group, missing=True))
    return drafts


def _is_skewed(values: np.ndarray) -> bool:
    spread = float(values.std())
    if spread == 0 or float(values.min()) < 0:
        return False
    return float(np.mean(((values - values.mean()) / spread) ** 3)) > 1.5


def _scaled(draft: Encoded, plain: np.ndarray) -> Encoded | None:
    scale = float(plain.std())
    if scale < 1e-9:
        return None
    known = {name: getattr(draft, name) for name in ("column", "group", "level", "missing", "log", "fill")}
    return Encoded(**known, mean=float(plain.mean()), scale=scale, low=float(plain.min()), high=float(plain.max()))
