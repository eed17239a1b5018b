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
    from collections.abc import Collection, Mapping
    from datetime import date

    from tenure.risk.encoding import Column

#: A single column that ranks leavers better than this knows the answer.
TOO_GOOD = 0.98
#: Below so many leavers or stayers a single column may look that good by chance.
FEWEST = 30
#: Shorter names of targets (``y``) stand in too many other names to mean anything.
SHORTEST = 4
_IDENTIFIER = re.compile(
    r"(^|_)(id|uuid|guid|phone|email|mobile)$|^(id|name|phone|email|customer)$|编号$|手机号?$|姓名$"
)


class LeakError(TenureError):
    """A model would learn from what nobody could have known."""

    code = "leak"


def refuse_later(name: str, known_on: date, snapshot: date) -> None:
    """Refuse a column whose values became known after the snapshot."""
    if known_on > snapshot:
        raise LeakError(
            mark(
                "%(name)s holds what became known on %(known)s, after the snapshot of %(snapshot)s. Take it out, or "
                "read it as of the snapshot."
            ),
            name=name,
            known=known_on,
            snapshot=snapshot,
        )


def refuse_newer_origin(name: str, read: int, origin: int) -> None:
    """Refuse a figure of an origin that lies after the one from which one looks ahead."""
    if read < origin:
        raise LeakError(
            mark(
                "%(name)s is read on origin %(read)s, which lies after origin %(origin)s, from which the prediction "
                "looks ahead. Read it there or earlier."
            ),
            name=name,
            read=read,
            origin=origin,
        )


def refuse_disguises(columns: Collection[Column], target: str, trusted: Collection[str] = ()) -> None:
    """Refuse identifiers, and columns that carry the target's name."""
    plain = _bare(target) if len(target) >= SHORTEST else ""
    for column in columns:
        if column.name in trusted:
            continue
        if plain and plain in _bare(column.name):
            raise LeakError(
                mark(
                    "%(name)s carries the name of the target %(target)s: it is the answer, or was made from it. Take "
                    "it out, or name it in trusted=[...]."
                ),
                name=column.name,
                target=target,
            )
        if _IDENTIFIER.search(column.name.lower()) or column.names_everybody():
            raise LeakError(
                mark(
                    "%(name)s names customers instead of describing them. Take it out, or name it in identifiers=[...]."
                ),
                name=column.name,
            )


def _bare(name: str) -> str:
    return re.sub(r"(ed|ing|s)$", "", re.sub(r"[^\w]|_", "", name.lower()))


def refuse_oracles(single: Mapping[str, float], labels: np.ndarray, trusted: Collection[str] = ()) -> None:
    """Refuse a column that ranks leavers all by itself."""
    if min(labels.sum(), (~labels).sum()) < FEWEST:
        return
    for name, found in single.items():
        if name not in trusted and max(found, 1 - found) > TOO_GOOD:
            raise LeakError(
                mark(
                    "%(name)s alone tells leavers from stayers (AUC %(auc)s): it was probably written down after they "
                    "left. Take it out, or name it in trusted=[...] when you are sure."
                ),
                name=name,
                auc=f"{max(found, 1 - found):.3f}",
            )


def refuse_copies(
    columns: Collection[Column], labels: np.ndarray, ids: np.ndarray | None = None, trusted: Collection[str] = ()
) -> None:
    """Refuse rows that were copied or made up (resampling) before they are split.

    A copy of a customer in the training part and another in the test part make any model look right. Three traces are
    looked for: an id that stands twice; one sort of rows that repeats itself far more often than the other; whole
    numbers that are whole for one sort only, because rows of the other were mixed from neighbours.
    """
    if ids is not None and len(np.unique(ids)) < len(ids):
        raise LeakError(mark("Some customers stand in the table twice. Keep one row a customer for each snapshot."))
    repeats = {sort: _repeats(columns, _evenly(labels == sort, labels)) for sort in (True, False)}
    for sort in (True, False):
        if repeats[sort] > 0.2 + 2 * repeats[not sort]:
            raise LeakError(
                mark(
                    "Many rows of one sort are copies of each other: they were resampled before splitting. Give the "
                    "rows as they are."
                )
            )
    mixed = next((column.name for column in columns if column.name not in trusted and column.is_mixed(labels)), None)
    if mixed is not None:
        raise LeakError(
            mark(
                "%(name)s is a whole number for one sort of rows and not for the other: rows were made up by "
                "resampling before splitting. Give the rows as they are."
            ),
            name=mixed,
        )


def _evenly(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return as many of the rows as the rarer sort has: the commoner sort repeats itself more by nature."""
    wanted = int(min(labels.sum(), (~labels).sum()))
    places = np.flatnonzero(rows)
    return places[np.linspace(0, len(places) - 1, wanted).astype(int)]


def _repeats(columns: Collection[Column], places: np.ndarray) -> float:
    """Return the share of rows that repeat an earlier one in every column."""
    if not len(places):
        return 0.0
    stacked = np.column_stack([column.codes()[places] for column in columns])
    return 1.0 - len(np.unique(stacked, axis=0)) / len(places)
