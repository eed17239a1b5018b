"""Columns that a model learns from, and how they become numbers.

The encoding is data: it is stored with the model, so that a single customer is encoded as everybody was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.errors import TenureError
from tenure.stats.metrics import auc

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LEVELS = 50
RAREST = 20  # customers a level needs to be looked at by itself


class LeakError(TenureError):
    """A model would learn from what nobody could have known.

    Such a model looks splendid on the page and fails in the shop, so a leak is an error, not a remark. Published for
    the telephone company of 7,043 customers: AUC .99, where honest models reach .85.
    """

    code = "leak"


@dataclass(frozen=True)
class FeatureColumn:
    name: str
    values: np.ndarray  # float64 with ``nan`` where unknown, or objects: texts with None where unknown
    group: str = ""  # features that say nearly the same stand in one group and make one reason

    @property
    def is_text(self) -> bool:
        return self.values.dtype == object

    def take(self, rows: np.ndarray) -> FeatureColumn:
        return FeatureColumn(self.name, self.values[rows], self.group)

    def names_everybody(self) -> bool:
        """Whether almost every customer has a value of their own, as with identifiers."""
        size = len(self.values)
        if size < 20:
            return False
        if self.is_text:
            known = [value for value in self.values if value is not None]
            return len(set(known)) > max(0.8 * len(known), 10)
        # Numbers handed out one after another: whole, all different and with few gaps.
        integers = bool((self.values == np.rint(self.values)).all() and np.isfinite(self.values).all())
        return integers and len(np.unique(self.values)) == size and float(np.ptp(self.values)) < 2.0 * size

    def codes(self) -> np.ndarray:
        """Return numbers that are equal where the values are."""
        if not self.is_text:
            return np.nan_to_num(self.values, nan=-9e18)
        texts = np.array(["" if value is None else str(value) for value in self.values])
        return np.unique(texts, return_inverse=True)[1]

    def typical(self) -> Any:
        """Return the median, or of texts the share of each that occurs twice."""
        if self.is_text:
            known, counts = np.unique([str(value) for value in self.values if value is not None], return_counts=True)
            shares = zip(known, counts / len(self.values), strict=True)
            return {str(level): float(share) for (level, share), count in zip(shares, counts, strict=True) if count > 1}
        known = self.values[np.isfinite(self.values)]
        return float(np.median(known)) if len(known) else float("nan")

    def is_mixed(self, labels: np.ndarray) -> bool:
        """Whether it is whole for rows of one label and often not for the other."""
        if self.is_text or len(np.unique(self.values)) <= 2:
            return False
        share, different = {}, {}
        for label in (True, False):
            values = self.values[np.isfinite(self.values) & (labels == label)]
            share[label] = float((values == np.rint(values)).mean()) if len(values) else 1.0
            different[label] = len(np.unique(values))
        return any(share[label] > 0.995 and different[label] > 2 and share[not label] < 0.8 for label in share)


def single_auc(column: FeatureColumn, labels: np.ndarray) -> float:
    """Return how well a feature alone ranks leavers: 0.5 is chance; a text by the rate of its common levels."""
    if column.is_text:
        codes = column.codes()
        count, left = np.bincount(codes), np.bincount(codes, labels)
        rate = np.where(count >= RAREST, left / np.maximum(count, 1), labels.mean())
        areas = [auc(labels, rate[codes])]
    else:
        known = np.isfinite(column.values)
        areas = [auc(labels, known)]
        if len(np.unique(labels[known])) == 2 and known.mean() > 0.5:
            areas.append(auc(labels[known], column.values[known]))
    return max((area if np.isfinite(area) else 0.5 for area in areas), key=lambda area: abs(area - 0.5))


@dataclass(frozen=True, slots=True)
class Encoded:
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

    def plain(self, column: FeatureColumn) -> np.ndarray:
        """Return the number before it is put on the common scale."""
        if self.level is not None:
            return np.array([value == self.level for value in column.values], dtype=np.float64)
        known = np.isfinite(column.values)
        if self.missing:
            return (~known).astype(np.float64)
        values = np.where(known, column.values, self.fill)
        return np.log1p(np.maximum(values, 0.0)) if self.log else values

    def of(self, column: FeatureColumn) -> np.ndarray:
        """Return the number on the common scale: 0 is an ordinary customer."""
        return (np.clip(self.plain(column), self.low, self.high) - self.mean) / self.scale


@dataclass(frozen=True)
class Encoding:
    parts: tuple[Encoded, ...] = field(default_factory=tuple)

    @classmethod
    def learnt(cls, columns: Sequence[FeatureColumn]) -> Encoding:
        return cls(tuple(part for column in columns for part in _encoded(column)))

    def matrix(self, columns: Sequence[FeatureColumn]) -> np.ndarray:
        by_name = {column.name: column for column in columns}
        if not self.parts:
            return np.empty((len(columns[0].values), 0))
        return np.column_stack([part.of(by_name[part.column]) for part in self.parts])

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.group for part in self.parts))


def _encoded(column: FeatureColumn) -> list[Encoded]:
    name, group, drafts = column.name, column.group or column.name, []
    if column.is_text:
        levels, counts = np.unique([str(value) for value in column.values if value is not None], return_counts=True)
        drafts = [Encoded(name, group, level=str(level)) for level in levels[counts >= RAREST][:MOST_LEVELS]]
    elif len(known := column.values[np.isfinite(column.values)]):
        spread = float(known.std())
        skewed = spread > 0 and known.min() >= 0 and np.mean(((known - known.mean()) / spread) ** 3) > 1.5
        drafts = [Encoded(name, group, log=bool(skewed), fill=float(np.median(known)))]
        if len(known) < len(column.values):
            drafts.append(Encoded(name, group, missing=True))
    parts = []
    for draft in drafts:
        plain = draft.plain(column)
        scale = float(plain.std())
        if scale >= 1e-9:  # what is the same for everybody says nothing
            low, high = float(plain.min()), float(plain.max())
            parts.append(replace(draft, mean=float(plain.mean()), scale=scale, low=low, high=high))
    return parts
