"""Guards that refuse a leak: what nobody could have known must not be learnt from.

A model that leaks looks splendid on the page and fails in the shop, so a leak is an error, not a remark. Each guard
names the column and what to do; a column that is right after all can be named as trusted.

Published figures that fell for this: .99 on the telephone company of 7,043 customers, where honest models reach .85.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tenure.errors import TenureError
from tenure.words import mark

if TYPE_CHECKING:
    from collections.abc import Collection

    from tenure.risk.encoding import FeatureColumn

#: Shorter names of targets (``y``) stand in too many other names to mean anything.
SHORTEST = 4
_IDENTIFIER = re.compile(
    r"(^|_)(id|uuid|guid|phone|email|mobile)$|^(id|name|phone|email|customer)$|编号$|手机号?$|姓名$"
)


class LeakError(TenureError):
    """A model would learn from what nobody could have known."""

    code = "leak"


def refuse_disguises(columns: Collection[FeatureColumn], target: str, trusted: Collection[str] = ()) -> None:
    """Refuse identifiers, and columns that carry the target's name."""

    def bare(name: str) -> str:
        return re.sub(r"(ed|ing|s)$", "", re.sub(r"[^\w]|_", "", name.lower()))

    for column in columns:
        if column.name in trusted:
            continue
        if len(target) >= SHORTEST and bare(target) and bare(target) in bare(column.name):
            text = mark(
                "%(name)s contains the name of the target %(target)s, so it may be derived from it. "
                "Remove it, or list it in trusted=[...]."
            )
            raise LeakError(text, name=column.name, target=target)
        if _IDENTIFIER.search(column.name.lower()) or column.names_everybody():
            text = mark(
                "%(name)s identifies customers instead of describing them. Remove it, or list it in identifiers=[...]."
            )
            raise LeakError(text, name=column.name)


def refuse_copies(
    columns: Collection[FeatureColumn],
    labels: np.ndarray,
    ids: np.ndarray | None = None,
    trusted: Collection[str] = (),
) -> None:
    """Refuse rows that were copied or made up (resampling) before they are split.

    A copy of a customer in the training part and another in the test part make any model look right. Three traces are
    looked for: an id that stands twice; rows of one label that repeat themselves far more often than the other's;
    whole numbers that are whole for one label only, because rows of the other were mixed from neighbours.
    """
    if ids is not None and len(np.unique(ids)) < len(ids):
        raise LeakError(mark("Some customers appear more than once. Keep one row per customer and snapshot."))
    size, repeats = int(min(labels.sum(), (~labels).sum())), {}
    for label in (True, False):
        # As many rows as the rarer label has: the commoner repeats itself more by nature.
        places = np.flatnonzero(labels == label)
        places = places[np.linspace(0, len(places) - 1, size).astype(int)]
        rows = np.column_stack([column.codes()[places] for column in columns])
        repeats[label] = 1.0 - len(np.unique(rows, axis=0)) / len(rows) if len(rows) else 0.0
    if any(repeats[label] > 0.2 + 2 * repeats[not label] for label in repeats):
        text = mark(
            "Many rows of one class are duplicates: the data was resampled before splitting. Pass the original rows."
        )
        raise LeakError(text)
    mixed = next((column.name for column in columns if column.name not in trusted and column.is_mixed(labels)), None)
    if mixed is not None:
        text = mark(
            "%(name)s has whole numbers for one class but not for the other: the data was resampled "
            "before splitting. Pass the original rows."
        )
        raise LeakError(text, name=mixed)
