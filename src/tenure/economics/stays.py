"""Stays and money as columns of numbers.

Nothing here knows what a stage means, or where the rows came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from tenure.clock import local_days
from tenure.facts.blocks import keys_of

#: In the model, but on these days no rule held.
NOWHERE = "-none-"


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """Who stood where: one row a stay, sorted by customer and day."""

    # stage ids in the order of the model; :data:`NOWHERE` last where anybody stood in no stage
    stages: tuple[str, ...]
    # number of the customer, position in `stages`, first day, first day no longer there (the day after the last
    # watched day while `ended` is false). Days count from 1970-01-01.
    who: np.ndarray
    stage: np.ndarray
    entered: np.ndarray
    left: np.ndarray
    ended: np.ndarray  # whether the stay ended on or before `day`
    people: int  # how many customers were read, those without a stay included
    day: int  # the last watched day

    def __len__(self) -> int:
        return len(self.who)

    @property
    def length(self) -> np.ndarray:
        """Days watched in each stay: until it ended, or until the last watched day."""
        return np.where(self.ended, self.left, self.day) - self.entered

    @property
    def continues(self) -> np.ndarray:
        """Whether the next row is the same customer's next stay."""
        same = np.zeros(len(self), dtype=bool)
        same[:-1] = self.who[1:] == self.who[:-1]
        return same

    def until(self, day: int) -> Stays:
        """Return the stays as somebody would have seen them on an earlier day."""
        kept = self.entered <= day
        ended = self.ended[kept] & (self.left[kept] <= day)
        return replace(
            self,
            who=self.who[kept],
            stage=self.stage[kept],
            entered=self.entered[kept],
            left=np.where(ended, self.left[kept], day + 1),
            ended=ended,
            day=day,
        )

    def at(self, who: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the row of the stay in which each customer stood on a day, -1 for none."""
        if not len(self):
            return np.full(len(who), -1)
        place = np.searchsorted(keys_of(self.who, self.entered), keys_of(who, day), side="right") - 1
        held = (place >= 0) & (self.who[place] == who) & (day < self.left[place])
        return np.where(held, place, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Money:
    """Who brought and cost how much: one row an order or cost."""

    who: np.ndarray  # number of the customer, day since 1970-01-01 in the business's time zone
    day: np.ndarray
    sales: np.ndarray  # sales with refunds (negative), what of them is margin, and what was spent on the customer
    margin: np.ndarray
    invested: np.ndarray
    # whether margin comes from the costs of every order, partly from a share of sales, or is sales as they are
    basis: str = "sales"
    invested_known: bool = False  # whether there is any cost fact at all

    @property
    def profit(self) -> np.ndarray:
        """Margin less what was invested."""
        return self.margin - self.invested

    def until(self, day: int) -> Money:
        """Return what was known on an earlier day."""
        kept = self.day <= day
        columns = {name: getattr(self, name)[kept] for name in ("who", "day", "sales", "margin", "invested")}
        return replace(self, **columns)


def stays_of(spans: pa.Table, people: int, last: int, order: Sequence[str] = ()) -> Stays:
    """Return stays from columns who, stage, entered, left_ (null while current), sorted by who and entered.

    Days between two spans, and after a last span that ended, become stays in :data:`NOWHERE`.
    """
    seen = spans.column("stage").unique().to_pylist()
    names = list(order)
    names += sorted(one for one in seen if one not in names)
    place = {name: number for number, name in enumerate(names)}
    who = spans.column("who").to_numpy().astype(np.int64)
    coded = spans.column("stage").combine_chunks().dictionary_encode()
    codes = np.array([place[name] for name in coded.dictionary.to_pylist()], dtype=np.int64)
    stage = codes[coded.indices.to_numpy()] if len(codes) else np.zeros(0, dtype=np.int64)
    entered = spans.column("entered").to_numpy().astype(np.int64)
    left = spans.column("left_").fill_null(last + 1).to_numpy().astype(np.int64)
    ended = left <= last
    left = np.where(ended, left, last + 1)
    return _with_gaps(Stays(tuple(names), who, stage, entered, left, ended, people, last))


def _with_gaps(stays: Stays) -> Stays:
    """Insert a stay in no stage wherever a customer's stay ended and the next did not begin that day."""
    goes_on = stays.continues
    following = np.append(stays.entered[1:], 0)
    until = np.where(goes_on, following, stays.day + 1)
    gap = stays.ended & (stays.left < until)
    if not gap.any():
        return stays
    nowhere = np.full(int(gap.sum()), len(stays.stages))
    who = np.append(stays.who, stays.who[gap])
    entered = np.append(stays.entered, stays.left[gap])
    ranks = np.lexsort((entered, who))
    return Stays(
        (*stays.stages, NOWHERE),
        who[ranks],
        np.append(stays.stage, nowhere)[ranks],
        entered[ranks],
        np.append(stays.left, until[gap])[ranks],
        np.append(stays.ended, goes_on[gap])[ranks],
        stays.people,
        stays.day,
    )


def money_of(orders: pa.Table | None, costs: pa.Table | None, tz: str, last: int, margin: float | None = None) -> Money:
    """Return money from rows of orders (who, at in microseconds, amount, cost, back) and costs (who, at, amount).

    A sale without a known cost counts with `margin` of its amount; without that, with the share that is margin among
    the sales whose cost is known; where no cost is known at all, sales count as they are. A refund (`back`) without
    a cost of its own takes back its whole amount: what was returned may be worth nothing any more.
    """
    who, day, sales, earned, basis = _orders(orders, tz, margin)
    paid_by, paid_on, paid = _columns(costs, tz, "amount")
    zero = np.zeros(len(paid))
    whole = Money(
        np.append(who, paid_by),
        np.append(day, paid_on),
        np.append(sales, zero),
        np.append(earned, zero),
        np.append(np.zeros(len(sales)), paid),
        basis,
        len(paid) > 0,
    )
    return whole.until(last)


def _columns(table: pa.Table | None, tz: str, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if table is None or not len(table):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    days = local_days(table.column("at").to_numpy().astype(np.int64), tz).astype(np.int64)
    amounts = table.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return table.column("who").to_numpy().astype(np.int64), days, amounts


def _orders(
    orders: pa.Table | None, tz: str, margin: float | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]:
    who, day, sales = _columns(orders, tz, "amount")
    if orders is None or not len(sales):
        return who, day, sales, sales, "sales"
    sales = np.nan_to_num(sales)
    cost = orders.column("cost").to_numpy(zero_copy_only=False).astype(np.float64)
    back = orders.column("back").to_numpy(zero_copy_only=False).astype(bool)
    known = ~np.isnan(cost)
    asked = ~known & ~back  # sales whose cost must be guessed
    cost = np.nan_to_num(cost)
    sold = known & ~back
    if not asked.any():
        return who, day, sales, sales - cost, "margin" if sold.any() else "sales"
    told = float(sales[sold].sum())
    if margin is None and told > 0:
        margin = (told - float(cost[sold].sum())) / told
    basis = "sales" if margin is None else "margin-share"
    share = 1.0 if margin is None else margin
    return who, day, sales, np.where(asked, sales * share, sales - cost), basis
