"""The list of each customer: ten products by the ranking in use, then what is new to them, each with its reason.

The first ten are what the back-test judged. After them come offers for what rises, what goes with what was bought,
and steps up, none of it bought before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from tenure.clock import day_number, day_of
from tenure.facts.schema import DAY, TEXT
from tenure.recommend.candidates import Candidates, Crowd, Near, candidates_of, crowd_of
from tenure.recommend.items import LATELY, Catalogue
from tenure.recommend.lines import changes, distinct, histories_of
from tenure.recommend.pairs import Pairs, first_of
from tenure.recommend.ranking import AGAIN, BLEND, TOP, Backtest, again_first, ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from tenure.recommend.lines import Lines

#: Customers whose lists are made at once.
CHUNK = 5000
#: What follows the ten: products that go with what was bought, and steps up.
WITH, UP = 3, 2
#: What rises: days that are lately, and days before them that they are compared with.
RECENT, BEFORE = 28, 84
#: Days before lately that a customer must be known for, purchases it takes, and the largest p-value.
KNOWN, TIMES, LEVEL = 28, 3, 0.02
#: Partners of a category that are offered, and offers a customer gets at most.
PARTNERS, OFFERS = 3, 2
AGAIN_KIND, CROSS, STEP, POPULAR = "buy-again", "cross-sell", "up-sell", "popular"
#: The table of recommendations.
RECOMMENDATIONS = pa.schema(
    {
        "customer_id": TEXT,
        "rank": pa.int64(),  # 1 to 10: the list; from 11 on: new to the customer
        "product_id": TEXT,
        "category": TEXT,
        "kind": TEXT,  # buy-again, cross-sell, up-sell or popular
        "score": pa.float64(),  # probability of being in the next basket
        "due_on": DAY,
        "due_low": DAY,  # 80 %
        "due_high": DAY,
        "because": TEXT,  # the product or the category that speaks for it
        "rising": pa.bool_(),  # whether it answers what the customer buys more of lately
        "reason": TEXT,  # JSON, see tenure.recommend.reasons
    }
)


@dataclass(frozen=True, slots=True)
class Recommender:
    known: Catalogue
    near: Near
    tested: Backtest  # which ranking is used, and its weights

    def order(self, candidates: Candidates) -> np.ndarray:
        if self.tested.chosen == BLEND:
            return self.tested.weights[BLEND].chance(candidates.features)
        return again_first(candidates)

    def chance(self, candidates: Candidates) -> np.ndarray:
        weights, own = self.tested.weights, candidates.row >= 0
        if not weights:
            demand = np.exp(candidates.feature("demand"))
            return np.where(own, candidates.chance, np.minimum(demand, 1.0))
        blend = weights[BLEND].chance(candidates.features)
        if self.tested.chosen == BLEND:
            return blend
        return np.where(own, weights[AGAIN].chance(candidates.features), blend)


def recommendations(maker: Recommender, lines: Lines, as_of: date) -> tuple[pa.Table, np.ndarray]:
    """Return the lists of all customers of some lines, and how many purchases of each item are expected."""
    catalogue, last_day, size = maker.known, day_number(as_of), len(lines.customers)
    histories, places, today = histories_of(lines), catalogue.places(lines), np.full(size, last_day)
    up = rising(lines, last_day)
    offers = offers_of(catalogue, lines, up, places, last_day)
    expected = np.zeros(len(catalogue))
    parts = [RECOMMENDATIONS.empty_table()]
    for low in range(0, size, CHUNK):
        chunk = histories.of(low, low + CHUNK)
        crowd = crowd_of(catalogue, chunk, places, today)
        inside = (crowd.place < len(catalogue)) & ~chunk.returned
        expected += np.bincount(crowd.place[inside], crowd.chance[inside], len(catalogue))
        writer = _ListWriter(maker, lines, crowd, up)
        parts.append(writer.table([offer for offer in offers if low <= offer.who < low + CHUNK]))
    return pa.concat_tables(parts), expected


class _ListWriter:
    def __init__(self, maker: Recommender, lines: Lines, crowd: Crowd, up: Rising) -> None:
        self.maker, self.known, self.lines, self.crowd, self.up = maker, maker.known, lines, crowd, up
        self.candidates = candidates_of(self.known, maker.near, crowd)
        self.chance = maker.chance(self.candidates)
        self.products = self.known.items.to_pylist()
        # At -1, where no category is known, stands None.
        self.categories = [*self.known.categories.to_pylist(), None]
        self.line_categories = [*lines.categories.to_pylist(), None]

    def table(self, offers: list[Offer]) -> pa.Table:
        candidates, near = self.candidates, self.candidates.nearness
        kind = np.full(len(candidates), POPULAR, dtype=object)
        kind[(near[:, :2] > 0).any(axis=1)] = CROSS
        kind[near[:, 2] > 0] = STEP
        kind[candidates.row >= 0] = AGAIN_KIND
        top, rank = ranked(candidates, self.maker.order(candidates), TOP)
        listed = [(top, rank)]
        free = np.ones(len(candidates), dtype=bool)
        free[top] = False
        for name, columns, most, after in ((CROSS, slice(0, 2), WITH, 20), (STEP, slice(2, 3), UP, 30)):
            left = np.flatnonzero(free & (kind == name))
            left = left[first_of(candidates.who[left], near[left, columns].sum(axis=1), most)]
            listed.append((left, np.full(len(left), after)))
        rows, rank = (np.concatenate(columns) for columns in zip(*listed, strict=True))
        entries: list[dict[str, Any]] = [{} for _ in rows]
        kinds, by_basket = kind[rows], candidates.feature("basket")[rows] > 0
        with_basket = partial(self._cross, "basket", self.maker.near.basket, self.known.met)
        with_customer = partial(self._cross, "customer", self.maker.near.customer, self.known.shared)
        writers: list[tuple[np.ndarray, Callable[[np.ndarray], Iterable[dict[str, Any]]]]] = [
            (kinds == AGAIN_KIND, self._again),
            ((kinds == CROSS) & by_basket, with_basket),
            ((kinds == CROSS) & ~by_basket, with_customer),
            (kinds == STEP, self._step),
            (kinds == POPULAR, self._popular),
        ]
        for written, write in writers:
            places = np.flatnonzero(written)
            for place, row, entry in zip(places, rows[places], write(rows[places]), strict=True):
                order = int(candidates.who[row]), int(rank[place])
                entries[place] = {"kind": kinds[place], "score": float(self.chance[row]), "order": order, **entry}
        listed_entries = {(entry["order"][0], entry["product_id"]): entry for entry in entries}
        for number, offer in enumerate(offers):
            entry = self._offer(offer)
            present = listed_entries.get((offer.who, entry["product_id"]))
            if present is None:
                entries.append({"kind": CROSS, "order": (offer.who, TOP + number / len(offers)), **entry})
            else:  # it is on the list anyway, now with a better reason
                present.update({name: entry[name] for name in ("because", "rising", "reason")})
        return _numbered(sorted(entries, key=itemgetter("order")), self.lines.customers)

    def _entry(self, item: int, reason: dict[str, Any], because: str | None = None) -> dict[str, Any]:
        category = self.categories[self.known.category[item]]
        return {"product_id": self.products[item], "category": category, "because": because, "reason": reason}

    def _again(self, rows: np.ndarray) -> Iterable[dict[str, Any]]:
        own, histories = self.candidates.row[rows], self.crowd.histories
        rhythm = self.known.gaps.of(self.crowd.place[own], histories.times[own], histories.days[own])
        middle, low, high = (np.rint(rhythm.quantile(level)).astype(int).tolist() for level in (0.5, 0.1, 0.9))
        for n, row in enumerate(own):
            item, last = int(histories.item[row]), int(histories.last[row])
            due, due_low, due_high = (day_of(last + gaps[n]) for gaps in (middle, low, high))
            yield {
                "product_id": str(self.lines.items[item]),
                "category": self.line_categories[self.lines.category[item]],
                "due_on": due,
                "due_low": due_low,
                "due_high": due_high,
                "reason": {
                    "because": "again",
                    "times": int(histories.times[row]),
                    "gap": middle[n],
                    "last": day_of(last).isoformat(),
                    "due": due.isoformat(),
                    "low": due_low.isoformat(),
                    "high": due_high.isoformat(),
                    "chance": round(float(self.crowd.chance[row]), 4),
                },
            }

    def _cross(self, name: str, near: Any, pairs: Pairs, rows: np.ndarray) -> Iterable[dict[str, Any]]:
        items, source = self.candidates.item[rows], self._source(rows, near)
        for item, other, support in zip(items, source, _numbers(pairs, source, items), strict=True):
            product = self.products[other]
            yield self._entry(int(item), {"because": name, "with": product, **support}, product)

    def _step(self, rows: np.ndarray) -> Iterable[dict[str, Any]]:
        moves, price = self.known.moves, self.known.price
        items, source = self.candidates.item[rows], self._source(rows, self.maker.near.step)
        keys = moves.a.astype(np.int64) * len(self.known) + moves.b
        places = np.searchsorted(keys, source * len(self.known) + items)
        for item, other, place in zip(items, source, places, strict=True):
            product = self.products[other]
            reason = {
                "because": "step",
                "with": product,
                "movers": int(moves.movers[place]),
                "buyers": int(moves.buyers[place]),
                "price": round(float(price[item]), 2),
                "before": round(float(price[other]), 2),
            }
            yield self._entry(int(item), reason, product)

    def _popular(self, rows: np.ndarray) -> Iterable[dict[str, Any]]:
        for item in self.candidates.item[rows]:
            yield self._entry(int(item), {"because": "popular", "buyers": int(self.known.wanted[item]), "days": LATELY})

    def _offer(self, offer: Offer) -> dict[str, Any]:
        up, row, category = self.up, offer.row, self.categories[offer.category]
        support = _numbers(self.known.kinds, np.array([offer.category]), np.array([offer.partner]))[0]
        reason = {
            "because": "rising",
            "category": category,
            "partner": self.categories[offer.partner],
            "lately": int(up.lately[row]),
            "lately_days": RECENT,
            "before": int(up.before[row]),
            "before_days": int(up.days[row]),
            "luck": round(float(up.p[row]), 4),
            **support,
        }
        return {**self._entry(offer.item, reason, category), "score": support["confidence"], "rising": True}

    def _source(self, rows: np.ndarray, near: Any) -> np.ndarray:
        """Return which of the customer's products leads to each candidate most."""
        people = np.searchsorted(self.crowd.people, self.candidates.who[rows])
        links = self.crowd.influence[people].multiply(near.T.tocsr()[self.candidates.item[rows]]).tocoo()
        best = first_of(links.row, links.data, 1)
        source = np.zeros(len(rows), dtype=np.int64)
        source[links.row[best]] = links.col[best]
        return source


def _numbers(pairs: Pairs, a: np.ndarray, b: np.ndarray) -> list[dict[str, Any]]:
    """Return support, confidence (of the baskets with `a`, those with `b`) and lift of some pairs."""
    rows = pairs.part(pairs.find(a, b))
    had = np.where(rows.a == a, rows.count_a, rows.count_b)
    columns = (rows.count, had, rows.shrunk(), *rows.interval())
    return [
        {
            "count": count,
            "support": round(count / max(pairs.baskets, 1), 6),
            "confidence": round(count / size, 6),
            "lift": round(lift, 2),
            "low": round(lowest, 2),
            "high": round(highest, 2),
        }
        for count, size, lift, lowest, highest in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _numbered(entries: list[dict[str, Any]], customers: pa.StringArray) -> pa.Table:
    """Return entries, sorted by customer and order, as rows with ranks; a product stands once on a list."""
    names = customers.to_pylist()
    rows: list[dict[str, Any]] = []
    customer, listed = -1, set[str]()
    for entry in entries:
        who = entry.pop("order")[0]
        if who != customer:
            customer, listed = who, set()
        if entry["product_id"] not in listed:
            listed.add(entry["product_id"])
            reason = json.dumps(entry["reason"], ensure_ascii=False)
            rows.append({"rising": False, **entry, "customer_id": names[who], "rank": len(listed), "reason": reason})
    return pa.Table.from_pylist(rows, schema=RECOMMENDATIONS)


# What a customer buys more of lately than before, and what to offer with it. Hot-pot ingredients three times in four
# weeks after none in twelve are a need that something else goes with.


@dataclass(frozen=True, slots=True)
class Rising:
    """Categories that customers buy more of lately, sorted by customer and category."""

    who: np.ndarray  # the customer and the category
    category: np.ndarray
    lately: np.ndarray  # days with a purchase in the last `RECENT` days, and in the `days` days before
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
    days = np.clip(last_day - RECENT - known + 1, 0, BEFORE)
    kind = lines.category[lines.item]
    keep = (kind >= 0) & (lines.day > last_day - RECENT - BEFORE) & (lines.day <= last_day)
    kinds, span = max(len(lines.categories), 1), RECENT + BEFORE
    keys = distinct((lines.who[keep].astype(np.int64) * kinds + kind[keep]) * span + last_day - lines.day[keep])
    pair, late = keys // span, keys % span < RECENT
    starts = np.flatnonzero(changes(pair))
    lately = np.add.reduceat(late.astype(np.int64), starts)
    before = np.diff(np.append(starts, len(pair))) - lately
    who, category = np.divmod(pair[starts], kinds)
    share = RECENT / np.maximum(RECENT + days[who], 1)
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
    keep = (kind >= 0) & (lines.day > last_day - RECENT)
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
