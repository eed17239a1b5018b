"""The catalogue: what is known of each product from everybody's purchases.

It knows nobody in particular, so it can be stored and used for a customer who comes tomorrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.recommend.buy_again import Gaps, fit_gaps
from tenure.recommend.histories import Histories, histories_of
from tenure.recommend.lines import distinct
from tenure.recommend.pairs import LEAST, Pairs, category_pairs, first_of, least_of, matrix_of, pairs_of

if TYPE_CHECKING:
    from tenure.recommend.lines import Lines

#: Days in which a product's buyers count as its popularity.
LATELY = 90
#: How many products are in the catalogue at most, the most bought first.
LARGEST = 20_000
#: Products of a customer, the most often bought first, from which we learn what one customer buys besides.
WIDE = 150
#: Partners of a product that are kept where customers, not baskets, are counted.
NEAR = 12
#: Partners of a product that speak for each other in a ranking.
NEIGHBOURS = 20
#: Dearer by so much, at least and at most, to be a step up; customers who took it, at least.
DEARER, DEAREST, MOVERS = 1.1, 3.0, 5


@dataclass(frozen=True, slots=True)
class Moves:
    """What buyers of one product went on to, in its category and dearer."""

    a: np.ndarray  # from which product to which
    b: np.ndarray
    movers: np.ndarray  # customers who went from `a` to `b`, and who bought `a` at all
    buyers: np.ndarray


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is known of products."""

    items: pa.StringArray  # products bought in enough baskets, sorted; all categories, sorted
    categories: pa.StringArray
    category: np.ndarray  # of each item; -1 when unknown
    wanted: np.ndarray  # customers who bought it in the last `LATELY` days
    price: np.ndarray  # mean price of one, in the business's money; 0 when unknown
    gaps: Gaps  # of each item; then of each category for items that are not here; then of items without a category
    met: Pairs  # products in one basket, products of one customer, categories in one basket
    shared: Pairs
    kinds: Pairs
    moves: Moves  # steps up
    customers: int  # how many customers all this was learnt from

    def __len__(self) -> int:
        return len(self.items)

    def places(self, lines: Lines) -> np.ndarray:
        """Return for each item of some lines where its gaps stand: its own place, else its category's."""
        own = _found(lines.items, self.items)
        kind = _found(lines.categories, self.categories)
        kind = np.append(np.where(kind < 0, len(self.categories), kind), len(self.categories))
        return np.where(own < 0, len(self.items) + kind[lines.category], own)

    def best_of(self, category: int, most: int = 5) -> np.ndarray:
        """Return the most wanted products of a category."""
        places = np.flatnonzero(self.category == category)
        return places[np.argsort(-self.wanted[places], kind="stable")][:most]


def _found(names: pa.StringArray, known: pa.StringArray) -> np.ndarray:
    return pc.index_in(names, known).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def learn(lines: Lines, last_day: int, least: int | None = None) -> Catalogue:
    """Return the catalogue of a shop."""
    least = least_of(lines.filled) if least is None else least
    counts = np.bincount(lines.item, minlength=len(lines.items))
    kept = np.flatnonzero(counts >= least)
    if len(kept) > LARGEST:
        kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")[:LARGEST]])
    place = np.full(len(lines.items), -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    histories = histories_of(lines)
    kinds = len(lines.categories)
    gaps = fit_gaps(histories, np.concatenate([lines.category, np.arange(kinds), [-1]]))
    where = np.concatenate([kept, len(lines.items) + np.arange(kinds + 1)])
    price = _prices(lines)[kept]
    return Catalogue(
        lines.items.take(pa.array(kept)),
        lines.categories,
        lines.category[kept],
        _wanted(lines, last_day)[kept],
        price,
        Gaps(gaps.shape, gaps.spread, gaps.mean[where], gaps.returns[where]),
        _met(lines, place, least),
        _shared(histories, place, len(lines.customers)),
        category_pairs(lines, least),
        moves_of(histories, place, lines.category[kept], price),
        len(distinct(lines.who)),
    )


def _wanted(lines: Lines, last_day: int) -> np.ndarray:
    late = lines.day > last_day - LATELY
    wide = len(lines.items)
    keys = distinct(lines.who[late].astype(np.int64) * wide + lines.item[late])
    return np.bincount(keys % max(wide, 1), minlength=wide)


def _prices(lines: Lines) -> np.ndarray:
    paid = (lines.amount > 0) & (lines.units > 0)
    size = len(lines.items)
    total = np.bincount(lines.item[paid], lines.amount[paid], size)
    return total / np.maximum(np.bincount(lines.item[paid], lines.units[paid], size), 1e-9)


def _met(lines: Lines, place: np.ndarray, least: int) -> Pairs:
    at = place[lines.item]
    known = at >= 0
    matrix = matrix_of(lines.basket[known], at[known], (lines.baskets, int(place.max(initial=-1)) + 1))
    return pairs_of(matrix, least, lines.filled)


def _shared(histories: Histories, place: np.ndarray, customers: int) -> Pairs:
    """Return pairs that one customer buys, also in different baskets; the customer's favourites count."""
    at = place[histories.item]
    order = np.lexsort((-histories.times, histories.who))
    order = order[at[order] >= 0]
    who = histories.who[order]
    order = order[np.arange(len(who)) - np.searchsorted(who, who) < WIDE]
    matrix = matrix_of(histories.who[order], at[order], (customers, int(place.max(initial=-1)) + 1))
    return pairs_of(matrix, LEAST, customers, nearest=NEAR)


def moves_of(histories: Histories, place: np.ndarray, category: np.ndarray, price: np.ndarray) -> Moves:
    """Return which dearer products of the same category buyers went on to: began later, and bought last."""
    at = place[histories.item]
    known = np.flatnonzero((at >= 0) & (np.append(category, -1)[at] >= 0))
    at = at[known]
    order = np.lexsort((price[at], category[at], histories.who[known]))
    at, rows = at[order], known[order]
    group = histories.who[rows].astype(np.int64) * (int(category.max(initial=0)) + 1) + category[at]
    first, last = histories.first[rows], histories.last[rows]
    found, shift = [], 1
    while shift < len(at):
        near = np.flatnonzero(group[shift:] == group[:-shift])
        if not len(near):
            break
        far = near + shift
        moved = (first[far] > first[near]) & (last[far] > last[near])
        step = price[at[far]] / np.maximum(price[at[near]], 1e-9)
        moved &= (step >= DEARER) & (step <= DEAREST)
        found.append(at[near[moved]] * len(price) + at[far[moved]])
        shift += 1
    keys, movers = np.unique(np.concatenate(found) if found else np.empty(0, np.int64), return_counts=True)
    enough = movers >= MOVERS
    a, b = (part.astype(np.int32) for part in np.divmod(keys[enough], max(len(price), 1)))
    return Moves(a, b, movers[enough], np.bincount(at, minlength=len(price))[a])


def near_matrix(pairs: Pairs, size: int) -> Any:
    """Return the cosine of products whose pair is beyond chance, as a sparse matrix: the nearest few of each row."""
    from scipy.sparse import csr_matrix

    beyond = pairs.interval()[0] > 1.0
    a, b = pairs.a[beyond], pairs.b[beyond]
    value = pairs.count[beyond] / np.sqrt(pairs.count_a[beyond] * pairs.count_b[beyond].astype(np.float64))
    rows, columns, values = np.concatenate([a, b]), np.concatenate([b, a]), np.tile(value, 2)
    near = first_of(rows, values, NEIGHBOURS)
    return csr_matrix((values[near], (rows[near], columns[near])), shape=(size, size))
