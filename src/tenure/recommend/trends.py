"""What a customer buys more of lately than before, and what to offer with it.

Hot-pot ingredients three times in four weeks after none in twelve are a need that something else goes with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tenure.recommend.lines import changes, distinct

if TYPE_CHECKING:
    from tenure.recommend.items import Catalogue
    from tenure.recommend.lines import Lines

#: Days that are lately, and days before them that they are compared with.
LATELY, BEFORE = 28, 84
#: Days before lately that a customer must be known for, purchases it takes, and the largest p-value.
KNOWN, TIMES, LEVEL = 28, 3, 0.02
#: Partners of a category that are offered, and offers a customer gets at most.
PARTNERS, OFFERS = 3, 2


@dataclass(frozen=True, slots=True)
class Rising:
    """Categories that customers buy more of lately, sorted by customer and category."""

    who: np.ndarray  # the customer and the category
    category: np.ndarray
    lately: np.ndarray  # days with a purchase in the last `LATELY` days, and in the `days` days before
    before: np.ndarray
    days: np.ndarray  # length of the time before: `BEFORE`, or less for newer customers
    p: np.ndarray  # probability of as many purchases lately if nothing had changed

    def __len__(self) -> int:
        return len(self.who)


def rising(lines: Lines, last_day: int) -> Rising:
    """Return what rises with whom: given all purchase days of a category, too many are late (a binomial test)."""
    from scipy.special import betainc

    known = np.zeros(len(lines.customers), dtype=np.int64)
    known[lines.who[::-1]] = lines.day[::-1]  # the first day of each stays
    days = np.clip(last_day - LATELY - known + 1, 0, BEFORE)
    kind = lines.category[lines.item]
    keep = (kind >= 0) & (lines.day > last_day - LATELY - BEFORE) & (lines.day <= last_day)
    kinds, span = max(len(lines.categories), 1), LATELY + BEFORE
    keys = distinct((lines.who[keep].astype(np.int64) * kinds + kind[keep]) * span + last_day - lines.day[keep])
    pair, late = keys // span, keys % span < LATELY
    starts = np.flatnonzero(changes(pair))
    lately = np.add.reduceat(late.astype(np.int64), starts)
    before = np.diff(np.append(starts, len(pair))) - lately
    who, category = np.divmod(pair[starts], kinds)
    share = LATELY / np.maximum(LATELY + days[who], 1)
    p = np.where(lately > 0, betainc(np.maximum(lately, 1), before + 1.0, share), 1.0)
    up = (lately >= TIMES) & (days[who] >= KNOWN) & (p <= LEVEL)
    return Rising(who[up], category[up], lately[up], before[up], days[who][up], p[up])


class Offer(NamedTuple):
    """A product to offer to a customer: the best of a category that goes with one they buy more of."""

    who: int
    category: int  # numbers of the rising category and its partner in the catalogue
    partner: int
    item: int
    row: int  # of :class:`Rising`


def offers_of(catalogue: Catalogue, lines: Lines, up: Rising, places: np.ndarray, last_day: int) -> list[Offer]:
    """Return offers from partners that the customer did not buy lately."""
    names, kind = lines.categories.to_pylist(), lines.category[lines.item]
    numbers = {name: n for n, name in enumerate(catalogue.categories.to_pylist())}
    keep = (kind >= 0) & (lines.day > last_day - LATELY)
    keys = distinct(lines.who[keep].astype(np.int64) * max(len(names), 1) + kind[keep])
    lately = {(key // len(names), names[key % len(names)]) for key in keys.tolist()}
    returned = {(int(who), int(places[item])) for who, item in zip(lines.back_who, lines.back_item, strict=True)}
    partners = catalogue.kinds.partners(PARTNERS)
    offers: list[Offer] = []
    for row, (who, category) in enumerate(zip(up.who.tolist(), up.category.tolist(), strict=True)):
        number = numbers.get(names[category], -1)
        given = 0
        for partner in partners.get(number, []):
            if given == OFFERS or (who, str(catalogue.categories[partner])) in lately:
                continue
            best = catalogue.best_of(partner).tolist()
            item = next((item for item in best if (who, item) not in returned), None)
            if item is not None:
                given += 1
                offers.append(Offer(who, number, partner, item, row))
    return offers
