"""Static covariates: how a category known from the start, such as the channel, moves the parameters of a model.

A category multiplies a parameter: ``alpha = alpha0 · exp(effect)``, as in Fader and Hardie (2007), note 019,
"Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD models".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tenure.errors import FitError
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tenure.stats.cells import Cells, Floats


@dataclass(frozen=True)
class Design:
    """The columns of zeros and ones that stand for categories."""

    columns: tuple[tuple[str, str], ...] = ()  # group and label of each

    @classmethod
    def of(cls, cells: Cells, groups: Sequence[str]) -> Design:
        """Return the columns that groups of these cells need; refuse a group that they do not have."""
        columns: list[tuple[str, str]] = []
        for group in groups:
            if group not in cells.groups:
                raise FitError(
                    mark("Unknown group %(group)s. Groups: %(groups)s."),
                    group=group,
                    groups=", ".join(cells.groups) or "—",
                )
            labels, place = np.unique(cells.groups[group].astype(str), return_inverse=True)
            # The most frequent label is the reference and has no column.
            common = int(np.argmax(np.bincount(place, weights=cells.weight)))
            columns += [(group, str(label)) for number, label in enumerate(labels) if number != common]
        return cls(tuple(columns))

    @property
    def names(self) -> tuple[str, ...]:
        """Return ``channel=web`` and the like, one a column."""
        return tuple(f"{group}={label}" for group, label in self.columns)

    def matrix(self, cells: Cells) -> Floats:
        """Return the zeros and ones, shape (columns, cells); a label that was never fitted counts as the reference."""
        missing = sorted({group for group, _ in self.columns} - set(cells.groups))
        if missing:
            raise FitError(
                mark("The model was fitted with the group %(group)s, which is missing here."), group=missing[0]
            )
        rows = [cells.groups[group].astype(str) == label for group, label in self.columns]
        return np.array(rows, dtype=float).reshape(len(self.columns), len(cells))

    def row(self, groups: Mapping[str, str]) -> Floats:
        """Return the zeros and ones of customers of these groups, shape (columns,)."""
        return np.array([float(groups.get(group) == label) for group, label in self.columns])
