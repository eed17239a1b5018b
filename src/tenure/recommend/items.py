"""The catalogue: what is known of each product from everybody's purchases.

It holds no customer, so it can be stored and used for one who comes tomorrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.recommend.buy_again import Gaps, fit_gaps
from tenure.recommend.lines import Histories, distinct, histories_of
from tenure.recommend.pairs import LEAST, Pairs, category_pairs, first_of, least_of, matrix_of, pairs_of

if TYPE_CHECKING:
    from tenure.recommend.lines import Lines

#: Days in which a product's buyers count as its popularity.
LATELY = 90
#: Products in the catalogue at most, the most bought first.
LARGEST = 20_000
#: Products of a customer, the most often bought first, from which we learn what one customer buys besides.
WIDE = 150
#: Partners of a product that are kept where customers, not baskets, are counted.
NEAR = 12
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
    items: pa.StringArray  # products bought in enough baskets, sorted; all categories, sorted
    categories: pa.StringArray
    category: np.ndarray  # of each item; -1 when unknown
    wanted: np.ndarray  # customers who bought it in the last `LATELY` days
    price: np.ndarray  # mean unit price, in the business's money; 0 when unknown
    gaps: Gaps  # of each item; then of each category for items that are not here; then of items without a category
    met: Pairs  # products in one basket, products of one customer, categories in one basket
    shared: Pairs
    kinds: Pairs
    moves: Moves  # steps up
    customers: int  # customers all this was learnt from

    def __len__(self) -> int:
        return len(self.items)

    def places(self, lines: Lines) -> np.ndarray:
        """Return for each item of some lines where its gaps stand: its own place, else its category's."""
        own, kind = (
            pc.index_in(names, known).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
            for names, known in ((lines.items, self.items), (lines.categories, self.categories))
        )
        kind = np.append(np.where(kind < 0, len(self.categories), kind), len(self.categories))
        return np.where(own < 0, len(self.items) + kind[lines.category], own)

    def best_of(self, category: int, most: int = 5) -> np.ndarray:
        places = np.flatnonzero(self.category == category)
        return places[np.argsort(-self.wanted[places], kind="stable")][:most]


def learn(lines: Lines, last_day: int, least: int | None = None) -> Catalogue:
    least = least_of(lines.filled) if least is None else least
    size, kinds = len(lines.items), len(lines.categories)
    counts = np.bincount(lines.item, minlength=size)
    kept = np.flatnonzero(counts >= least)
    if len(kept) > LARGEST:
        kept = np.sort(kept[np.argsort(-counts[kept], kind="stable")[:LARGEST]])
    place = np.full(size, -1, dtype=np.int64)
    place[kept] = np.arange(len(kept))
    histories = histories_of(lines)
    gaps = fit_gaps(histories, np.concatenate([lines.category, np.arange(kinds), [-1]]))
    gaps_of = np.concatenate([kept, size + np.arange(kinds + 1)])
    late = lines.day > last_day - LATELY
    buyers = distinct(lines.who[late].astype(np.int64) * size + lines.item[late])
    paid = (lines.amount > 0) & (lines.units > 0)
    money, units = (np.bincount(lines.item[paid], column[paid], size) for column in (lines.amount, lines.units))
    price = (money / np.maximum(units, 1e-9))[kept]
    known = place[lines.item] >= 0
    baskets = matrix_of(lines.basket[known], place[lines.item[known]], (lines.baskets, len(kept)))
    return Catalogue(
        lines.items.take(pa.array(kept)),
        lines.categories,
        lines.category[kept],
        np.bincount(buyers % max(size, 1), minlength=size)[kept],
        price,
        Gaps(gaps.shape, gaps.spread, gaps.mean[gaps_of], gaps.returns[gaps_of]),
        pairs_of(baskets, least, lines.filled),
        _shared(histories, place, len(lines.customers)),
        category_pairs(lines, least),
        moves_of(histories, place, lines.category[kept], price),
        len(distinct(lines.who)),
    )


def _shared(histories: Histories, place: np.ndarray, customers: int) -> Pairs:
    """Return pairs that one customer buys, also in different baskets; the customer's favourites count."""
    known = np.flatnonzero(place[histories.item] >= 0)
    rows = known[first_of(histories.who[known], histories.times[known], WIDE)]
    at = place[histories.item[rows]]
    matrix = matrix_of(histories.who[rows], at, (customers, int(place.max(initial=-1)) + 1))
    return pairs_of(matrix, LEAST, customers, nearest=NEAR)


def moves_of(histories: Histories, place: np.ndarray, category: np.ndarray, price: np.ndarray) -> Moves:
    """Return which dearer products of the same category buyers went on to: began later, and bought last."""
    at = place[histories.item]
    known = np.flatnonzero((at >= 0) & (np.append(category, -1)[at] >= 0))
    order = np.lexsort((price[at[known]], category[at[known]], histories.who[known]))
    rows = known[order]
    at = at[rows]
    group = histories.who[rows].astype(np.int64) * (int(category.max(initial=0)) + 1) + category[at]
    first, last = histories.first[rows], histories.last[rows]
    moves, shift = [np.empty(0, np.int64)], 1
    # Rows of one customer and category lie together by price, so each pair is met once, at its distance.
    while len(near := np.flatnonzero(group[shift:] == group[:-shift])):
        far = near + shift
        step = price[at[far]] / np.maximum(price[at[near]], 1e-9)
        moved = (first[far] > first[near]) & (last[far] > last[near]) & (step >= DEARER) & (step <= DEAREST)
        moves.append(at[near[moved]] * len(price) + at[far[moved]])
        shift += 1
    keys, movers = np.unique(np.concatenate(moves), return_counts=True)
    enough = movers >= MOVERS
    a, b = (part.astype(np.int32) for part in np.divmod(keys[enough], max(len(price), 1)))
    return Moves(a, b, movers[enough], np.bincount(at, minlength=len(price))[a])
