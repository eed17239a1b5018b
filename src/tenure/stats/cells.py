"""Purchase histories as weighted cells: customers with the same history are fitted once.

Purchase models use three numbers of a customer: repeat purchases (`frequency`), time of the last of them (`recency`)
and time since the first purchase (`age`). Counted in days, most customers share theirs with others, so that a million
customers are a few thousand cells. Nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tenure.errors import FitError
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[Any]

TABLE = 8  # a table of all possible keys beats sorting while it has at most this many entries per row


@dataclass(frozen=True)
class Cells:
    """Distinct histories of customers, each with the number of customers that have it.

    Attributes
    ----------
    frequency, recency, age : array of float, shape (cells,)
        Repeat purchases (the first purchase does not count); time from the first to the last purchase, 0 without a
        repeat purchase; time from the first purchase to the day of the data. Times are in one unit, usually weeks.
    weight : array of float, shape (cells,)
        Number of customers.
    where : array of int, shape (rows,)
        The cell of each customer: ``prediction[cells.where]`` maps a prediction back to customers.
    log_gaps : array of float, shape (cells,), optional
        Mean, over the customers of a cell, of the summed logarithms of the gaps between purchases.
    groups : dict of str to array, shape (cells,)
        Static covariates, one label a cell.
    """

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats
    where: Ints
    log_gaps: Floats | None = None
    groups: dict[str, Labels] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frequency)

    @property
    def customers(self) -> float:
        """Number of customers in all cells."""
        return float(self.weight.sum())

    @cached_property
    def frequencies(self) -> tuple[Floats, Ints]:
        """Distinct frequencies, and which of them each cell has: gamma functions are computed once for each."""
        first, where = distinct(self.frequency)
        return self.frequency[first], where

    @cached_property
    def births(self) -> tuple[Ints, Ints]:
        """One cell of each (frequency, age, groups), and which of these each cell belongs to."""
        return distinct(self.frequency, self.age, *self.groups.values())

    def take(self, index: npt.ArrayLike) -> Cells:
        """Return some of the cells, in the order of `index`, each as a row of its own in ``where``."""
        rows = np.asarray(index)
        columns = {name: getattr(self, name)[rows] for name in ("frequency", "recency", "age", "weight")}
        gaps = None if self.log_gaps is None else self.log_gaps[rows]
        groups = {name: labels[rows] for name, labels in self.groups.items()}
        return Cells(**columns, where=np.arange(len(columns["age"])), log_gaps=gaps, groups=groups)

    def rows(self) -> Cells:
        """Return one cell of weight one per customer, as simulations need."""
        spread = self.take(self.where)
        return replace(spread, weight=np.ones(len(spread)))

    def reweighted(self, weight: npt.ArrayLike) -> Cells:
        """Return the same cells with other weights; cells of weight zero are left out."""
        weights = np.asarray(weight, dtype=float)
        kept = np.flatnonzero(weights > 0)
        return replace(self.take(kept), weight=weights[kept])

    def scaled(self, unit: float) -> Cells:
        """Return the same cells with every time divided by `unit`."""
        gaps = None if self.log_gaps is None else self.log_gaps - self.frequency * np.log(unit)
        return replace(self, recency=self.recency / unit, age=self.age / unit, log_gaps=gaps)


def compress(
    frequency: npt.ArrayLike,
    recency: npt.ArrayLike,
    age: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    groups: Mapping[str, npt.ArrayLike] | None = None,
    log_gaps: npt.ArrayLike | None = None,
) -> Cells:
    """Return the cells of some customers, sorted by groups, frequency, age and recency.

    Parameters
    ----------
    frequency, recency, age : array, shape (rows,)
        See :class:`Cells`; times in one unit.
    weight : array, shape (rows,), optional
        Customers each row stands for; one when omitted.
    groups : mapping of str to array, shape (rows,), optional
        Categories that a model may use as covariates; a cell holds customers of one category.
    log_gaps : array, shape (rows,), optional
        Sum of the logarithms of the gaps between purchases, which tells more about regular buyers.

    Raises
    ------
    FitError
        When there is no row, a number is missing, or a history is impossible.
    """
    x, t, T = (np.ascontiguousarray(column, dtype=float) for column in (frequency, recency, age))
    rows = np.ones(len(x)) if weight is None else np.ascontiguousarray(weight, dtype=float)
    _check(x, t, T, rows)
    labels = {name: np.asarray(column) for name, column in (groups or {}).items()}
    # Recency varies fastest: cells of one frequency and age are neighbours, which predictions make use of.
    first, where = distinct(*labels.values(), x, T, t)
    # Without weights the count is exact in integers, and faster.
    total = np.bincount(where, weights=rows, minlength=len(first)) if weight is not None else np.bincount(where)
    mean = None
    if log_gaps is not None:
        mean = np.bincount(where, weights=rows * np.asarray(log_gaps, dtype=float)) / total
    return Cells(
        frequency=x[first],
        recency=t[first],
        age=T[first],
        weight=total.astype(float),
        where=where,
        log_gaps=mean,
        groups={name: column[first] for name, column in labels.items()},
    )


def _check(x: Floats, t: Floats, T: Floats, weight: Floats) -> None:
    if not len(x):
        raise FitError(mark("No customers to fit. Provide customers with at least one purchase."))
    wrong = {
        mark("Row %(row)d: %(x)g is not a whole number of repeat purchases."): ~((x >= 0) & (x == np.floor(x))),
        mark("Row %(row)d: the last purchase (%(t)g) is before the first (0)."): ~(t >= 0),
        mark("Row %(row)d: the last purchase (%(t)g) is after the day of the data (%(age)g)."): ~(t <= T),
        mark("Row %(row)d: %(age)g is not a valid customer age."): ~np.isfinite(T),
        mark("Row %(row)d: %(x)g repeat purchases at age 0. Merge purchases made on the same day."): (x > 0) & (t <= 0),
        mark("Row %(row)d: a last purchase at %(t)g, but no repeat purchase."): (x == 0) & (t > 0),
        mark("Row %(row)d: a row must represent at least one customer."): ~((weight > 0) & np.isfinite(weight)),
    }
    for sentence, bad in wrong.items():
        if bad.any():
            row = int(np.argmax(bad))
            raise FitError(sentence, row=row, x=x[row], t=t[row], age=T[row])


def distinct(*columns: Labels) -> tuple[Ints, Ints]:
    """Return a row of each distinct combination, sorted by the columns in order, and the combination of each row."""
    key, span = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        codes, size = _codes(column)
        # Ranks of all columns make one integer key; where it would overflow, the columns so far are ranked anew.
        if span * size >= 2**62:
            first, key = _kinds(key, span)
            span = len(first)
        key, span = key * size + codes, span * size
    return _kinds(key, span)


def _codes(column: Labels) -> tuple[Ints, int]:
    """Return the rank of each value among the distinct values, and how many these are."""
    # Arrow's hash is much faster than sorting a million values; only the distinct ones are sorted.
    import pyarrow as pa

    coded = pa.array(column + 0.0 if column.dtype.kind == "f" else column).dictionary_encode()  # -0.0 is 0.0
    values = coded.dictionary
    if column.dtype.kind in "fiub":
        different = values.to_numpy(zero_copy_only=False)
    else:
        different = np.asarray(values.to_pylist(), dtype=object).astype(str)
    rank = np.empty(len(different), dtype=np.int64)
    rank[np.argsort(different)] = np.arange(len(different))
    return rank[coded.indices.to_numpy(zero_copy_only=False)], len(different)


def _kinds(key: Ints, span: int) -> tuple[Ints, Ints]:
    if span <= TABLE * len(key) + 1024:
        place = np.full(span, -1, dtype=np.int64)
        place[key] = np.arange(len(key))
        present = np.flatnonzero(place >= 0)
        first = place[present]
        place[present] = np.arange(len(present))
        return first, place[key]
    order = np.argsort(key)
    ordered = key[order]
    starts = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    where = np.empty(len(key), dtype=np.int64)
    where[order] = np.cumsum(starts) - 1
    return order[starts], where
