"""Episodes in a stage and cash flows, as columns of numbers.

Nothing here knows what a stage means, or where the rows came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import local_days
from tenure.facts.blocks import keys_of
from tenure.lifecycle.model import UNSTAGED


@dataclass(frozen=True, slots=True, eq=False)
class Episodes:
    """Which customer was in which stage: one row an episode, sorted by customer and day."""

    # stage ids in the order of the model; UNSTAGED last where any customer was in no stage
    stages: tuple[str, ...]
    # number of the customer, position in `stages`, first day, first day no longer there (the day after the last
    # watched day while `ended` is false). Days count from 1970-01-01.
    who: np.ndarray
    stage: np.ndarray
    entered: np.ndarray
    left: np.ndarray
    ended: np.ndarray  # whether the episode ended on or before `day`
    people: int  # how many customers were read, those without an episode included
    day: int  # the last watched day

    def __len__(self) -> int:
        return len(self.who)

    @property
    def length(self) -> np.ndarray:
        """Days watched: until an episode ended, or until the last watched day."""
        return np.where(self.ended, self.left, self.day) - self.entered

    @property
    def continues(self) -> np.ndarray:
        """Whether the next row is the same customer's next episode."""
        same = np.zeros(len(self), dtype=bool)
        same[:-1] = self.who[1:] == self.who[:-1]
        return same

    @property
    def first_day(self) -> np.ndarray:
        """The first day of each customer; the day after the last one for those without an episode."""
        first = np.full(self.people, self.day + 1)
        np.minimum.at(first, self.who, self.entered)
        return first

    def until(self, day: int) -> Episodes:
        """Return the episodes as they were known on an earlier day."""
        kept = self.entered <= day
        columns = {name: getattr(self, name)[kept] for name in ("who", "stage", "entered")}
        ended = self.ended[kept] & (self.left[kept] <= day)
        return replace(self, **columns, left=np.where(ended, self.left[kept], day + 1), ended=ended, day=day)

    def at(self, who: np.ndarray, day: np.ndarray) -> np.ndarray:
        """Return the row of the episode that each customer was in on a day, -1 for none."""
        if not len(self):
            return np.full(len(who), -1)
        row = np.searchsorted(keys_of(self.who, self.entered), keys_of(who, day), side="right") - 1
        inside = (row >= 0) & (self.who[row] == who) & (day < self.left[row])
        return np.where(inside, row, -1)


@dataclass(frozen=True, slots=True, eq=False)
class CashFlows:
    """What customers brought and cost: one row an order or cost."""

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
        return self.margin - self.invested

    def until(self, day: int) -> CashFlows:
        """Return what was known on an earlier day."""
        kept = self.day <= day
        columns = {name: getattr(self, name)[kept] for name in ("who", "day", "sales", "margin", "invested")}
        return replace(self, **columns)


def episodes_of(spans: pa.Table, people: int, last: int, order: Sequence[str] = ()) -> Episodes:
    """Return episodes from columns who, stage, entered, left_ (null while current), sorted by who and entered.

    Days between two spans, and after a last span that ended, become episodes in :data:`UNSTAGED`.
    """
    names = [*order, *sorted(name for name in spans.column("stage").unique().to_pylist() if name not in order)]
    left = spans.column("left_").fill_null(last + 1).to_numpy().astype(np.int64)
    ended = left <= last
    return _with_gaps(
        Episodes(
            tuple(names),
            spans.column("who").to_numpy().astype(np.int64),
            pc.index_in(spans.column("stage"), pa.array(names, pa.string())).to_numpy().astype(np.int64),
            spans.column("entered").to_numpy().astype(np.int64),
            np.where(ended, left, last + 1),
            ended,
            people,
            last,
        )
    )


def _with_gaps(episodes: Episodes) -> Episodes:
    """Insert an episode in no stage wherever one ended and the customer's next did not begin that day."""
    continues = episodes.continues
    until = np.where(continues, np.append(episodes.entered[1:], 0), episodes.day + 1)
    gap = episodes.ended & (episodes.left < until)
    if not gap.any():
        return episodes
    who = np.append(episodes.who, episodes.who[gap])
    entered = np.append(episodes.entered, episodes.left[gap])
    order = np.lexsort((entered, who))
    return replace(
        episodes,
        stages=(*episodes.stages, UNSTAGED),
        who=who[order],
        stage=np.append(episodes.stage, np.full(int(gap.sum()), len(episodes.stages)))[order],
        entered=entered[order],
        left=np.append(episodes.left, until[gap])[order],
        # A gap is over when the customer came back; the last one is still open.
        ended=np.append(episodes.ended, continues[gap])[order],
    )


def cash_flows(
    orders: pa.Table | None, costs: pa.Table | None, tz: str, last: int, margin: float | None = None
) -> CashFlows:
    """Return cash flows from rows of orders (who, at in microseconds, amount, cost, back) and costs (who, at, amount).

    A sale without a known cost counts with `margin` of its amount; without that, with the share that is margin among
    the sales whose cost is known; where no cost is known at all, sales count as they are. A refund (`back`) without
    a cost of its own takes back its whole amount: what was returned may be worth nothing any more.
    """
    who, day, sales = _columns(orders, tz)
    payee, spent_on, spent = _columns(costs, tz)
    earned, basis = sales, "sales"
    if orders is not None and len(sales):
        sales = np.nan_to_num(sales)
        earned, basis = _margin(orders, sales, margin)
    sales, earned = (np.append(amounts, np.zeros(len(spent))) for amounts in (sales, earned))
    invested = np.append(np.zeros(len(who)), spent)
    who, day = np.append(who, payee), np.append(day, spent_on)
    return CashFlows(who, day, sales, earned, invested, basis, len(spent) > 0).until(last)


def _columns(table: pa.Table | None, tz: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return customer, local day and amount of each row."""
    if table is None or not len(table):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0)
    days = local_days(table.column("at").to_numpy().astype(np.int64), tz).astype(np.int64)
    amounts = table.column("amount").to_numpy(zero_copy_only=False).astype(np.float64)
    return table.column("who").to_numpy().astype(np.int64), days, amounts


def _margin(orders: pa.Table, sales: np.ndarray, margin: float | None) -> tuple[np.ndarray, str]:
    """Return what of each sale is margin, and on what basis."""
    cost = orders.column("cost").to_numpy(zero_copy_only=False).astype(np.float64)
    sale = ~orders.column("back").to_numpy(zero_copy_only=False).astype(bool)
    known = ~np.isnan(cost) & sale
    guessed = np.isnan(cost) & sale
    cost = np.nan_to_num(cost)
    if not guessed.any():
        return sales - cost, "margin" if known.any() else "sales"
    sales_with_cost = float(sales[known].sum())
    if margin is None and sales_with_cost > 0:
        margin = (sales_with_cost - float(cost[known].sum())) / sales_with_cost
    share = 1.0 if margin is None else margin
    return np.where(guessed, sales * share, sales - cost), "sales" if margin is None else "margin-share"
