"""The list of each customer: ten products by the chosen ranking, then what is new to them, each with its reason.

The first ten are what the back-test judged. After them come offers for what rises, what goes with what was bought,
and steps up, none of it bought before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tenure.clock import EPOCH, day_number
from tenure.facts.schema import DAY, TEXT
from tenure.recommend.backtest import Backtest, again_first
from tenure.recommend.candidates import FEATURES, Candidates, Crowd, Near, candidates_of, crowd_of
from tenure.recommend.histories import Histories, histories_of
from tenure.recommend.items import LATELY, Catalogue
from tenure.recommend.offers import offers_of
from tenure.recommend.pairs import Pairs, first_of
from tenure.recommend.ranking import AGAIN, BLEND, TOP, ranked
from tenure.recommend.trends import LATELY as LATE
from tenure.recommend.trends import Rising, rising

if TYPE_CHECKING:
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
    """Everything that lists are made with."""

    known: Catalogue  # what is known of products
    near: Near  # which stand near which
    tested: Backtest  # which ranking is used, and its weights

    def order(self, found: Candidates) -> np.ndarray:
        """Return what candidates are sorted by."""
        if self.tested.chosen == BLEND:
            return self.tested.weights[BLEND].chance(found.features)
        return again_first(found)

    def chance(self, found: Candidates) -> np.ndarray:
        """Return the probability that each is in the next basket."""
        weights = self.tested.weights
        if not weights:
            demand = np.exp(found.features[:, FEATURES.index("demand")])
            return np.where(found.row >= 0, found.chance, np.minimum(demand, 1.0))
        blend = weights[BLEND].chance(found.features)
        if self.tested.chosen == BLEND:
            return blend
        return np.where(found.row >= 0, weights[AGAIN].chance(found.features), blend)


def recommendations(maker: Recommender, lines: Lines, as_of: date) -> tuple[pa.Table, np.ndarray]:
    """Return the lists of all customers of some lines, and how many purchases of each item are expected."""
    last_day = day_number(as_of)
    histories, places = histories_of(lines), maker.known.places(lines)
    today = np.full(len(lines.customers), last_day)
    offers: dict[int, list[dict[str, Any]]] = {}
    up = rising(lines, last_day)
    for offer in offers_of(maker.known, lines, up, places, last_day):
        offers.setdefault(offer["who"], []).append(offer)
    expected = np.zeros(len(maker.known))
    parts = []
    for low in range(0, len(lines.customers), CHUNK):
        some = histories.of(low, low + CHUNK)
        crowd = crowd_of(maker.known, some, places, today)
        inside = (crowd.place < len(maker.known)) & ~some.returned
        expected += np.bincount(crowd.place[inside], crowd.chance[inside], len(maker.known))
        writer = _Writer(maker, lines, crowd, up, last_day)
        mine = {who: found for who, found in offers.items() if low <= who < low + CHUNK}
        parts.append(writer.table(mine))
    return pa.concat_tables(parts) if parts else RECOMMENDATIONS.empty_table(), expected


class _Writer:
    """Writes the lists of one chunk of customers."""

    def __init__(self, maker: Recommender, lines: Lines, crowd: Crowd, up: Rising, last_day: int) -> None:
        self.maker, self.known, self.lines, self.crowd, self.up = maker, maker.known, lines, crowd, up
        self.last_day = last_day
        self.found = candidates_of(self.known, maker.near, crowd)
        self.chance = maker.chance(self.found)
        self.names = self.known.items.to_pylist()
        self.kinds = self.known.categories.to_pylist()

    def table(self, offers: dict[int, list[dict[str, Any]]]) -> pa.Table:
        """Return the rows of the chunk."""
        rows, rank, kind = self._chosen()
        told = self._told(rows, kind)
        for place, line in enumerate(told):
            line["order"] = (int(self.found.who[rows[place]]), int(rank[place]))
        there = {(line["order"][0], line["product_id"]): line for line in told}
        for mine in offers.values():
            for place, one in enumerate(mine):
                offer = self._offer(one, place)
                known = there.get((one["who"], offer["product_id"]))
                if known is None:
                    told.append(offer)
                else:  # it is on the list anyway, now with a better reason
                    known.update({name: offer[name] for name in ("because", "rising", "reason")})
        told.sort(key=lambda line: line["order"])
        return _numbered(told, self.lines.customers)

    def _chosen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rows of all lists, their ranks, and their kinds."""
        found = self.found
        kind = self._kinds()
        top, rank = ranked(found, self.maker.order(found), TOP)
        free = np.ones(len(found), dtype=bool)
        free[top] = False
        rows, ranks = [top], [rank]
        for name, column, most, after in ((CROSS, slice(4, 6), WITH, 20), (STEP, slice(6, 7), UP, 30)):
            left = np.flatnonzero(free & (kind == name))
            nearness = found.features[left, column].sum(axis=1)
            picked = left[first_of(found.who[left], nearness, most)]
            rows.append(picked)
            ranks.append(np.full(len(picked), after))
        return np.concatenate(rows), np.concatenate(ranks), kind

    def _kinds(self) -> np.ndarray:
        found = self.found
        kind = np.full(len(found), POPULAR, dtype=object)
        kind[(found.features[:, 4:6] > 0).any(axis=1)] = CROSS
        kind[found.features[:, 6] > 0] = STEP
        kind[found.row >= 0] = AGAIN_KIND
        return kind

    def _told(self, rows: np.ndarray, kind: np.ndarray) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = [{} for _ in rows]
        writers = {AGAIN_KIND: self._again, CROSS: self._cross, STEP: self._step, POPULAR: self._popular}
        for name, write in writers.items():
            places = np.flatnonzero(kind[rows] == name)
            for place, line in zip(places, write(rows[places]), strict=True):
                told[place] = {**line, "kind": name, "score": float(self.chance[rows[place]])}
        return told

    def _product(self, item: int) -> dict[str, Any]:
        place = int(self.known.category[item])
        return {"product_id": self.names[item], "category": self.kinds[place] if place >= 0 else None}

    # What was bought before

    def _again(self, rows: np.ndarray) -> list[dict[str, Any]]:
        own = self.found.row[rows]
        histories: Histories = self.crowd.histories
        days = (histories.last[own] - histories.first[own]).astype(np.float64)
        rhythm = self.known.gaps.of(self.crowd.place[own], histories.times[own], days)
        middle, low, high = (np.rint(rhythm.quantile(level)).astype(int) for level in (0.5, 0.1, 0.9))
        told = []
        for n, row in enumerate(own):
            item, last = int(histories.item[row]), int(histories.last[row])
            due, soon, late = (_day(last + int(wait[n])) for wait in (middle, low, high))
            reason = {
                "because": "again", "times": int(histories.times[row]), "gap": int(middle[n]),
                "last": _day(last).isoformat(), "due": due.isoformat(), "low": soon.isoformat(),
                "high": late.isoformat(), "chance": round(float(self.crowd.chance[row]), 4),
            }  # fmt: skip
            told.append({
                "product_id": str(self.lines.items[item]), "category": self.lines.category_of(item) or None,
                "due_on": due, "due_low": soon, "due_high": late, "reason": reason,
            })  # fmt: skip
        return told

    # What goes with it

    def _cross(self, rows: np.ndarray) -> list[dict[str, Any]]:
        by_basket = self.found.features[rows, 4] > 0
        told: list[dict[str, Any]] = [{} for _ in rows]
        ways = ((by_basket, "basket", self.maker.near.basket, self.known.met),
                (~by_basket, "customer", self.maker.near.customer, self.known.shared))  # fmt: skip
        for chosen, name, near, pairs in ways:
            places = np.flatnonzero(chosen)
            speaker = self._speaker(rows[places], near)
            items = self.found.item[rows[places]]
            numbers = _numbers(pairs, speaker, items)
            for place, item, other, given in zip(places, items, speaker, numbers, strict=True):
                reason = {"because": name, "with": self.names[other], **given}
                told[place] = {**self._product(int(item)), "because": self.names[other], "reason": reason}
        return told

    def _speaker(self, rows: np.ndarray, near: Any) -> np.ndarray:
        """Return which of the customer's products speaks loudest for each candidate."""
        people = np.searchsorted(self.crowd.people, self.found.who[rows])
        said = self.crowd.speaking[people].multiply(near.T.tocsr()[self.found.item[rows]]).tocoo()
        best = first_of(said.row, said.data, 1)
        speaker = np.zeros(len(rows), dtype=np.int64)
        speaker[said.row[best]] = said.col[best]
        return speaker

    def _step(self, rows: np.ndarray) -> list[dict[str, Any]]:
        moves, wide = self.known.moves, len(self.known)
        speaker, items = self._speaker(rows, self.maker.near.step), self.found.item[rows]
        keys = moves.a.astype(np.int64) * wide + moves.b
        place = np.searchsorted(keys, speaker * wide + items)
        told = []
        for n, item in enumerate(items):
            other, at = int(speaker[n]), int(place[n])
            reason = {
                "because": "step", "with": self.names[other], "movers": int(moves.movers[at]),
                "buyers": int(moves.buyers[at]), "price": round(float(self.known.price[item]), 2),
                "before": round(float(self.known.price[other]), 2),
            }  # fmt: skip
            told.append({**self._product(int(item)), "because": self.names[other], "reason": reason})
        return told

    def _popular(self, rows: np.ndarray) -> list[dict[str, Any]]:
        return [
            {
                **self._product(int(item)),
                "reason": {"because": "popular", "buyers": int(self.known.wanted[item]), "days": LATELY},
            }
            for item in self.found.item[rows]
        ]

    def _offer(self, offer: dict[str, Any], place: int) -> dict[str, Any]:
        up, row = self.up, offer["up"]
        trigger, partner = self.kinds[offer["trigger"]], self.kinds[offer["partner"]]
        given = _numbers(self.known.kinds, np.array([offer["trigger"]]), np.array([offer["partner"]]))[0]
        reason = {
            "because": "rising", "category": trigger, "partner": partner, "lately": int(up.lately[row]),
            "lately_days": LATE, "before": int(up.before[row]), "before_days": int(up.days[row]),
            "luck": round(float(up.luck[row]), 4), **given,
        }  # fmt: skip
        return {
            **self._product(offer["item"]), "kind": CROSS, "score": given["confidence"], "because": trigger,
            "rising": True, "reason": reason, "order": (offer["who"], TOP + place),
        }  # fmt: skip


def _numbers(pairs: Pairs, one: np.ndarray, other: np.ndarray) -> list[dict[str, Any]]:
    """Return support, confidence (of the baskets with `one`, those with `other`) and lift of some pairs."""
    rows = pairs.find(one, other)
    low, high = pairs.part(rows).interval()
    shrunk = pairs.part(rows).shrunk()
    told = []
    for n, row in enumerate(rows):
        count = int(pairs.count[row])
        had = int(pairs.count_a[row] if pairs.a[row] == one[n] else pairs.count_b[row])
        told.append({
            "count": count, "support": round(count / max(pairs.baskets, 1), 6), "confidence": round(count / had, 6),
            "lift": round(float(shrunk[n]), 2), "low": round(float(low[n]), 2), "high": round(float(high[n]), 2),
        })  # fmt: skip
    return told


def _day(number: int) -> date:
    return EPOCH + timedelta(days=number)


def _numbered(told: list[dict[str, Any]], customers: pa.StringArray) -> pa.Table:
    """Return lines, sorted by customer and order, as rows with ranks; a product stands once on a list."""
    names = customers.to_pylist()
    rows: list[dict[str, Any]] = []
    now, seen, rank = -1, set[str](), 0
    for line in told:
        who = line.pop("order")[0]
        if who != now:
            now, seen, rank = who, set(), 0
        if line["product_id"] in seen:
            continue
        seen.add(line["product_id"])
        rank += 1
        reason = json.dumps(line["reason"], ensure_ascii=False)
        rows.append(
            {**line, "customer_id": names[who], "rank": rank, "rising": line.get("rising", False), "reason": reason}
        )
    return pa.Table.from_pylist(rows, schema=RECOMMENDATIONS)
