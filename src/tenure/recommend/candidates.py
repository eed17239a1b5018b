"""What could be recommended to whom, with the numbers that a ranking weighs.

What was brought back is none of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tenure.recommend.items import Catalogue, near_matrix
from tenure.recommend.lines import distinct
from tenure.recommend.pairs import first_of

if TYPE_CHECKING:
    from tenure.recommend.histories import Histories

#: Days ahead for which a chance of buying again is worked out.
AHEAD = 14
#: After so many days, what somebody bought speaks half as loud about what goes with it.
FADE = 60.0
#: Products of a customer that speak at all, and new products looked at: by nearness, by demand.
SPEAKERS, NEW, DEMAND = 40, 30, 30
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
    features: np.ndarray  # what a ranking weighs

    def __len__(self) -> int:
        return len(self.who)


@dataclass(frozen=True, slots=True)
class Near:
    """Which products stand near which: by basket, by customer, one step up."""

    basket: Any
    customer: Any
    step: Any

    @classmethod
    def of(cls, known: Catalogue) -> Near:
        """Return the matrices of a catalogue."""
        from scipy.sparse import csr_matrix

        size, moves = len(known), known.moves
        share = moves.movers / np.maximum(moves.buyers, 1)
        return cls(
            near_matrix(known.met, size),
            near_matrix(known.shared, size),
            csr_matrix((share, (moves.a, moves.b)), shape=(size, size)),
        )


@dataclass(frozen=True, slots=True)
class Crowd:
    """Some customers as they are seen on a day."""

    histories: Histories  # what they bought; customers without any are not here
    place: np.ndarray  # where the gaps of each history's product stand, see :meth:`Catalogue.places`
    waited: np.ndarray  # days since each history's last purchase
    chance: np.ndarray  # probability of buying it again within `AHEAD` days
    people: np.ndarray  # the customers' numbers, sorted, and the position of each history's customer among them
    index: np.ndarray
    speaking: Any  # people x catalogue: how loud each customer's latest products speak of what goes with them


def crowd_of(known: Catalogue, histories: Histories, places: np.ndarray, today: np.ndarray) -> Crowd:
    """Return customers as they are seen."""
    place = places[histories.item]
    waited = (today[histories.who] - histories.last).astype(np.float64)
    days = (histories.last - histories.first).astype(np.float64)
    chance = known.gaps.of(place, histories.times, days).within(waited, AHEAD)
    people = distinct(histories.who)
    index = np.searchsorted(people, histories.who)
    return Crowd(histories, place, waited, chance, people, index, _speaking(known, histories, waited, place, index))


def candidates_of(known: Catalogue, near: Near, crowd: Crowd) -> Candidates:
    """Return what could be recommended to some customers."""
    own = _own(known, crowd)
    if not len(crowd.people) or not len(known):
        return own
    new = _new(known, near, crowd)
    return Candidates(*(np.concatenate([getattr(own, slot), getattr(new, slot)]) for slot in Candidates.__slots__))


def _own(known: Catalogue, crowd: Crowd) -> Candidates:
    at, histories = crowd.place, crowd.histories
    # A product that too few buy needs the customer's own evidence: bought on two days at least.
    rows = np.flatnonzero(~histories.returned & ((at < len(known)) | (histories.times > 1)))
    at = at[rows]
    inside = at < len(known)
    features = np.zeros((len(rows), len(FEATURES)))
    features[:, 0] = 1.0
    features[:, 1] = _logit(crowd.chance[rows])
    features[:, 2] = np.log(histories.times[rows])
    features[inside, 3] = _demand(known)[at[inside]]
    return Candidates(histories.who[rows], np.where(inside, at, -1 - rows), rows, crowd.chance[rows], features)


def _logit(share: np.ndarray) -> np.ndarray:
    kept = np.clip(share, 1e-6, 1 - 1e-6)
    return np.log(kept / (1 - kept))


def _demand(known: Catalogue) -> np.ndarray:
    return np.log((known.wanted + 0.5) / max(known.customers, 1))


def _speaking(known: Catalogue, histories: Histories, waited: np.ndarray, place: np.ndarray, index: np.ndarray) -> Any:
    from scipy.sparse import csr_matrix

    rows = np.flatnonzero((place < len(known)) & ~histories.returned)
    loud = np.exp2(-waited[rows] / FADE) * np.minimum(histories.times[rows], 3)
    kept = first_of(index[rows], loud, SPEAKERS)
    rows = rows[kept]
    return csr_matrix((loud[kept], (index[rows], place[rows])), shape=(int(index.max(initial=-1)) + 1, len(known)))


def _new(known: Catalogue, near: Near, crowd: Crowd) -> Candidates:
    """Return candidates that the customers never bought."""
    wide, inside = len(known), crowd.place < len(known)
    owned = distinct(crowd.index[inside].astype(np.int64) * wide + crowd.place[inside])
    parts = [(crowd.speaking @ matrix).tocoo() for matrix in (near.basket, near.customer, near.step)]
    keys = [part.row.astype(np.int64) * wide + part.col for part in parts]
    top = np.argsort(-known.wanted, kind="stable")[:DEMAND]
    wanted = (np.arange(len(crowd.people))[:, None] * wide + top).ravel()
    every = distinct(np.concatenate([*keys, wanted]))
    every = every[~_holds(owned, every)]
    features = np.zeros((len(every), len(FEATURES)))
    for column, (key, part) in enumerate(zip(keys, parts, strict=True), start=4):
        features[:, column] = _looked_up(every, key, part.data)
    who, item = np.divmod(every, wide)
    features[:, 3] = _demand(known)[item]
    demanded = np.zeros(wide, dtype=bool)
    demanded[top] = True
    near_ones = first_of(who, features[:, 4:].sum(axis=1), NEW)
    keep = distinct(np.concatenate([near_ones, np.flatnonzero(demanded[item])]))
    nothing = np.full(len(keep), -1)
    return Candidates(crowd.people[who[keep]], item[keep], nothing, np.zeros(len(keep)), features[keep])


def _holds(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return which of the wanted are among sorted keys."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=bool)
    return keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted


def _looked_up(wanted: np.ndarray, keys: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the value of each wanted key, 0 where there is none."""
    if not len(keys):
        return np.zeros(len(wanted))
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][place] == wanted, values[order][place], 0.0)
