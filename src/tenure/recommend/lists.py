"""The list of each customer: ten products by the ranking in use, then what is new to them, each with its reason.

The first ten are what the back-test judged. After them come offers for what rises, what goes with what was bought,
and steps up, none of it bought before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.clock import day_number, day_of
from tenure.facts.schema import DAY, TEXT
from tenure.recommend.candidates import Candidates, Crowd, Near, candidates_of, crowd_of
from tenure.recommend.items import LATELY, Catalogue
from tenure.recommend.lines import histories_of
from tenure.recommend.pairs import Pairs, first_of
from tenure.recommend.ranking import AGAIN, BLEND, TOP, Backtest, again_first, ranked
from tenure.recommend.trends import LATELY as LATE
from tenure.recommend.trends import Offer, Rising, offers_of, rising

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from tenure.recommend.lines import Lines

#: Customers whose lists are made at once.
CHUNK = 5000
#: What follows the ten: products that go with what was bought, and steps up.
WITH, UP = 3, 2
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
        self.categories = self.known.categories.to_pylist()

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
        writers = {AGAIN_KIND: self._again, CROSS: self._cross, STEP: self._step, POPULAR: self._popular}
        for name, write in writers.items():
            places = np.flatnonzero(kind[rows] == name)
            for place, entry in zip(places, write(rows[places]), strict=True):
                row = rows[place]
                order = int(candidates.who[row]), int(rank[place])
                entries[place] = {"kind": name, "score": float(self.chance[row]), "order": order, **entry}
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
        place = int(self.known.category[item])
        category = self.categories[place] if place >= 0 else None
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
                "category": self.lines.category_of(item),
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

    def _cross(self, rows: np.ndarray) -> list[dict[str, Any]]:
        by_basket = self.candidates.feature("basket")[rows] > 0
        entries: list[dict[str, Any]] = [{} for _ in rows]
        ways = (
            (by_basket, "basket", self.maker.near.basket, self.known.met),
            (~by_basket, "customer", self.maker.near.customer, self.known.shared),
        )
        for applies, name, near, pairs in ways:
            places = np.flatnonzero(applies)
            items, source = self.candidates.item[rows[places]], self._source(rows[places], near)
            numbers = _numbers(pairs, source, items)
            for place, item, other, support in zip(places, items, source, numbers, strict=True):
                product = self.products[other]
                entries[place] = self._entry(int(item), {"because": name, "with": product, **support}, product)
        return entries

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
            "lately_days": LATE,
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
    rows = pairs.find(a, b)
    found = pairs.part(rows)
    low, high = found.interval()
    had = np.where(found.a == a, found.count_a, found.count_b)
    columns = (found.count, had, found.shrunk(), low, high)
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
