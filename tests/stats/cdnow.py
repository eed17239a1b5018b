"""CDNOW from its raw transactions: histories to the end of September 1997, and what came in the 39 weeks after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from services import DATA
from tenure.stats.cells import compress

if TYPE_CHECKING:
    from tenure.stats.cells import Cells, Floats

SAMPLE = DATA / "cdnow/CDNOW_sample.txt"
UNTIL, END = date(1997, 9, 30), date(1998, 6, 30)


@dataclass(frozen=True)
class Cdnow:
    """One row a customer; times in weeks."""

    customer: list[str]
    frequency: Floats
    recency: Floats
    age: Floats
    log_gaps: Floats
    later: Floats  # purchases in the holdout

    @property
    def cells(self) -> Cells:
        return compress(self.frequency, self.recency, self.age)


@cache
def cdnow() -> Cdnow:
    days: dict[str, set[int]] = {}
    for line in SAMPLE.read_text("ascii").splitlines():
        _, customer, day, *_ = line.split()
        days.setdefault(customer, set()).add(date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal())
    cut = UNTIL.toordinal()
    rows = []
    for bought in days.values():
        past = np.sort([day for day in bought if day <= cut])
        gaps = np.log(np.diff(past) / 7.0).sum()
        rows.append((len(past) - 1, past[-1] - past[0], cut - past[0], gaps, len(bought) - len(past)))
    x, t, age, gaps, later = np.array(rows, dtype=float).T
    return Cdnow(list(days), x, t / 7.0, age / 7.0, gaps, later)
