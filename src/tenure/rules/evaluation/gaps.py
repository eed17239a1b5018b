"""The days between a customer's orders, of all customers at once: typical gap, longest gap, and variation."""

from __future__ import annotations

import numpy as np

from tenure.facts.blocks import DAYS
from tenure.rules.evaluation.steps import starts


def gaps(days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, for distinct sorted keys: the gap in days before each, its number within the customer, and firsts."""
    first = starts(days)
    before = np.zeros(len(days), dtype=np.int64)
    before[1:] = np.diff(days)
    before[first] = 0
    begins = np.flatnonzero(first)
    number = np.arange(len(days)) - np.repeat(begins, np.diff(np.append(begins, len(days))))
    return before, number, first


def typical_gap(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median gap between neighbouring days so far, and where it is known: from two days on."""
    before, number, first = gaps(days)
    medians = np.zeros(len(days))
    begins = np.flatnonzero(first)
    sizes = np.diff(np.append(begins, len(days))) - 1
    # Customers with about as many gaps are taken together, 8,192 at most: one matrix of all would be mostly empty.
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    begin = 0
    while begin < len(order):
        limit = sizes[order[begin]] * 1.25 + 2
        end = min(int(np.searchsorted(sizes[order], limit, side="right")), begin + (1 << 13))
        lot = order[begin:end]
        _running_medians(before, begins[lot] + 1, sizes[lot], medians)
        begin = end
    return medians, number >= 1


def _running_medians(values: np.ndarray, begins: np.ndarray, sizes: np.ndarray, medians: np.ndarray) -> None:
    """Write the median of each customer's first 1, 2, 3 ... values.

    Keeps the values so far sorted, one row per rank and one column per customer. Putting x into a sorted column is
    ``max(one rank up, min(here, x))`` for every rank at once, without a branch.
    """
    longest = int(sizes.max())
    endless = np.iinfo(np.int32).max
    ranks = np.full((longest + 1, len(begins)), endless, dtype=np.int32)
    ranks[0] = np.iinfo(np.int32).min  # a floor below rank 1, so that "one rank up" always exists
    for n in range(1, longest + 1):
        alive = sizes >= n
        x = np.where(alive, values[np.where(alive, begins + n - 1, 0)], endless).astype(np.int32)
        ranks[1 : n + 1] = np.maximum(ranks[:n], np.minimum(ranks[1 : n + 1], x))
        middle = (ranks[(n + 1) // 2].astype(np.int64) + ranks[n // 2 + 1]) / 2
        medians[(begins + n - 1)[alive]] = middle[alive]


def longest_gap(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the longest gap between neighbouring days so far, and where it is known: from two days on."""
    before, number, first = gaps(days)
    # A customer's gaps lie above those of all customers before, so that one running maximum does for all.
    base = np.cumsum(first) * DAYS
    return np.maximum.accumulate(before + base) - base, number >= 1


def gap_variation(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard deviation of the gaps so far divided by their mean, known from three days on."""
    before, number, first = gaps(days)
    begins = np.flatnonzero(first)
    sizes = np.diff(np.append(begins, len(days)))

    def so_far(column: np.ndarray) -> np.ndarray:
        total = np.cumsum(column)
        return total - np.repeat(total[begins], sizes)

    total, squares = so_far(before), so_far(before * before)
    spread = np.sqrt(np.maximum(number * squares - total * total, 0))
    return spread / np.maximum(total, 1), number >= 2
