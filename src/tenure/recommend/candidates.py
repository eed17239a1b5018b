"""Candidates for recommendation, with the features that a ranking weighs. Returned products are none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.recommend.lines import distinct
from tenure.recommend.pairs import first_of

if TYPE_CHECKING:
    from tenure.recommend.items import Catalogue
    from tenure.recommend.lines import Histories
    from tenure.recommend.pairs import Pairs

#: Days ahead for which a chance of buying again is worked out.
AHEAD = 14
#: After so many days, a purchase counts half as much for what goes with it.
FADE = 60.0
#: Products of a customer from which others are found, and new products looked at: by nearness, by demand.
SPEAKERS, NEW, DEMAND = 40, 30, 30
#: Partners of a product that count in a ranking.
NEIGHBOURS = 20
#: What a ranking weighs, in this order.
FEATURES = ("own", "due", "often", "demand", "basket", "customer", "step")


@dataclass(frozen=True, slots=True)
class Candidates:
    """One row a customer and product that could be recommended."""

    # the customer, and the place of the product in the catalogue; below zero: row ``-1 - item`` of the histories, a
    # product of the customer's own that is not in the catalogue
    who: np.ndarray
    item: np.ndarray
    row: np.ndarray  # row of the histories when the customer bought it before, else -1
    chance: np.ndarray  # probability of buying it again within `AHEAD` days; 0 for what is new
    features: np.ndarray  # shape (candidates, FEATURES)

    def __len__(self) -> int:
        return len(self.who)

    def feature(self, name: str) -> np.ndarray:
        return self.features[:, FEATURES.index(name)]

    @property
    def nearness(self) -> np.ndarray:
        """How much of what the customer bought leads to the product: by basket, by customer, one step up."""
        return self.features[:, FEATURES.index("basket") :]


@dataclass(frozen=True, slots=True)
class Near:
    """Sparse matrices of which products stand near which: by basket, by customer, one step up."""

    basket: Any
    customer: Any
    step: Any

    @classmethod
    def of(cls, catalogue: Catalogue) -> Near:
        from scipy.sparse import csr_matrix

        size, moves = len(catalogue), catalogue.moves
        share = moves.movers / np.maximum(moves.buyers, 1)
        step = csr_matrix((share, (moves.a, moves.b)), shape=(size, size))
        return cls(_cosine(catalogue.met, size), _cosine(catalogue.shared, size), step)


def _cosine(pairs: Pairs, size: int) -> Any:
    """Return the cosine of products whose pair is beyond chance: the nearest few of each row."""
    from scipy.sparse import csr_matrix

    beyond = pairs.interval()[0] > 1.0
    a, b = pairs.a[beyond], pairs.b[beyond]
    value = pairs.count[beyond] / np.sqrt(pairs.count_a[beyond] * pairs.count_b[beyond].astype(np.float64))
    rows, columns, values = np.concatenate([a, b]), np.concatenate([b, a]), np.tile(value, 2)
    near = first_of(rows, values, NEIGHBOURS)
    return csr_matrix((values[near], (rows[near], columns[near])), shape=(size, size))


@dataclass(frozen=True, slots=True)
class Crowd:
    """Some customers as of a day."""

    histories: Histories  # what they bought; customers without any are not here
    place: np.ndarray  # where the gaps of each history's product stand, see :meth:`Catalogue.places`
    chance: np.ndarray  # probability of buying it again within `AHEAD` days
    people: np.ndarray  # the customers' numbers, sorted, and the position of each history's customer among them
    index: np.ndarray
    influence: Any  # people x catalogue: how much each customer's latest products count for what goes with them


def crowd_of(catalogue: Catalogue, histories: Histories, places: np.ndarray, today: np.ndarray) -> Crowd:
    """Return customers as of a day (of each customer)."""
    from scipy.sparse import csr_matrix

    place = places[histories.item]
    elapsed = (today[histories.who] - histories.last).astype(np.float64)
    chance = catalogue.gaps.of(place, histories.times, histories.days).within(elapsed, AHEAD)
    people = distinct(histories.who)
    index = np.searchsorted(people, histories.who)
    rows = np.flatnonzero((place < len(catalogue)) & ~histories.returned)
    weight = np.exp2(-elapsed[rows] / FADE) * np.minimum(histories.times[rows], 3)
    keep = first_of(index[rows], weight, SPEAKERS)
    rows = rows[keep]
    shape = (int(index.max(initial=-1)) + 1, len(catalogue))
    influence = csr_matrix((weight[keep], (index[rows], place[rows])), shape=shape)
    return Crowd(histories, place, chance, people, index, influence)


def candidates_of(catalogue: Catalogue, near: Near, crowd: Crowd) -> Candidates:
    """Return what could be recommended to some customers: what they bought before, and what is new to them."""
    demand = np.log((catalogue.wanted + 0.5) / max(catalogue.customers, 1))
    own = _own(crowd, demand)
    if not len(crowd.people) or not len(catalogue):
        return own
    new = _new(catalogue, near, crowd, demand)
    return Candidates(*(np.concatenate([getattr(own, slot), getattr(new, slot)]) for slot in Candidates.__slots__))


def _own(crowd: Crowd, demand: np.ndarray) -> Candidates:
    histories, size = crowd.histories, len(demand)
    # A product that too few buy needs the customer's own evidence: bought on two days at least.
    rows = np.flatnonzero(~histories.returned & ((crowd.place < size) | (histories.times > 1)))
    place, share = crowd.place[rows], np.clip(crowd.chance[rows], 1e-6, 1 - 1e-6)
    inside = place < size
    features = np.zeros((len(rows), len(FEATURES)))
    features[:, 0] = 1.0
    features[:, 1] = np.log(share / (1 - share))
    features[:, 2] = np.log(histories.times[rows])
    features[inside, 3] = demand[place[inside]]
    return Candidates(histories.who[rows], np.where(inside, place, -1 - rows), rows, crowd.chance[rows], features)


def _new(catalogue: Catalogue, near: Near, crowd: Crowd, demand: np.ndarray) -> Candidates:
    """Return candidates that the customers never bought: near to what they bought, or much in demand."""
    size, inside = len(catalogue), crowd.place < len(catalogue)
    owned = distinct(crowd.index[inside].astype(np.int64) * size + crowd.place[inside])
    reached = [(crowd.influence @ matrix).tocoo() for matrix in (near.basket, near.customer, near.step)]
    keys = [part.row.astype(np.int64) * size + part.col for part in reached]
    top = np.argsort(-catalogue.wanted, kind="stable")[:DEMAND]
    popular = (np.arange(len(crowd.people))[:, None] * size + top).ravel()
    candidates = distinct(np.concatenate([*keys, popular]))
    if len(owned):
        place = np.minimum(np.searchsorted(owned, candidates), len(owned) - 1)
        candidates = candidates[owned[place] != candidates]
    features = np.zeros((len(candidates), len(FEATURES)))
    for column, (key, part) in enumerate(zip(keys, reached, strict=True), start=4):
        if len(key):
            order = np.argsort(key, kind="stable")
            place = order[np.minimum(np.searchsorted(key[order], candidates), len(key) - 1)]
            features[:, column] = np.where(key[place] == candidates, part.data[place], 0.0)
    who, item = np.divmod(candidates, size)
    features[:, 3] = demand[item]
    near_ones = first_of(who, features[:, 4:].sum(axis=1), NEW)
    keep = distinct(np.concatenate([near_ones, np.flatnonzero(np.isin(item, top))]))
    return Candidates(crowd.people[who[keep]], item[keep], np.full(len(keep), -1), np.zeros(len(keep)), features[keep])
