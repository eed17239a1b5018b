"""Static covariates: how what is known of a customer from the start moves the parameters of a model.

Answers: do customers who came by one channel buy more often, or leave sooner? A category multiplies a parameter:
``alpha = alpha0 · exp(effect)``, as in Fader and Hardie (2007), note 019, "Incorporating time-invariant covariates into
the Pareto/NBD and BG/NBD models". The commonest label is the one that the others are compared with.
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
    """The columns of zeros and ones that stand for categories.

    Attributes
    ----------
    columns : tuple of (str, str)
        Group and label of each column; the commonest label of a group has none.
    """

    columns: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, cells: Cells, groups: Sequence[str]) -> Design:
        """Find the columns that some groups of these cells need.

        Raises
        ------
        FitError
            When the cells have no such group.
        """
        columns: list[tuple[str, str]] = []
        for group in groups:
            if group not in cells.groups:
                raise FitError(
                    mark("There is no group %(group)s. There are: %(groups)s."),
                    group=group,
                    groups=", ".join(cells.groups) or "—",
                )
            labels, where = np.unique(cells.groups[group].astype(str), return_inverse=True)
            common = int(np.argmax(np.bincount(where, weights=cells.weight)))
            columns += [(group, str(label)) for place, label in enumerate(labels) if place != common]
        return cls(tuple(columns))

    @property
    def names(self) -> tuple[str, ...]:
        """Return ``channel=web`` and the like, one a column."""
        return tuple(f"{group}={label}" for group, label in self.columns)

    def matrix(self, cells: Cells) -> Floats:
        """Return the zeros and ones, shape (columns, cells); a label that was never fitted counts as the commonest."""
        missing = sorted({group for group, _ in self.columns} - set(cells.groups))
        if missing:
            raise FitError(
                mark("The model was fitted with the group %(group)s, which these customers lack."), group=missing[0]
            )
        rows = [cells.groups[group].astype(str) == label for group, label in self.columns]
        return np.array(rows, dtype=float).reshape(len(self.columns), len(cells))

    def row(self, groups: Mapping[str, str]) -> Floats:
        """Return the zeros and ones of one kind of customer, shape (columns,)."""
        return np.array([float(groups.get(group) == label) for group, label in self.columns])
