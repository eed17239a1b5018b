"""Existing customers: their share of buyers, sales and profit in a period, compared with the 60 % mark.

An existing customer ordered before the period began; of a single day, before that day. Costs of people who have never
bought count to the new customers: that is what winning customers costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tenure.errors import TenureError
from tenure.words import mark

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from tenure.value.sales import Sales

#: A good shop's share of existing customers, 「老客户占比会达到60%以上」[S002]. The text does not say of
#: what, so sales, buyers and profit are all compared with it.
MARK = Decimal("0.60")


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    """What existing, or new, customers bought in a period."""

    buyers: int = 0
    orders: int = 0
    sales: Decimal = Decimal(0)  # what was sold less what was refunded
    margin: Decimal = Decimal(0)  # … less the cost of goods, where it is known
    invested: Decimal = Decimal(0)  # what was spent on these customers in the period

    @property
    def profit(self) -> Decimal:
        """Margin less what was invested."""
        return self.margin - self.invested

    def each(self, name: str) -> Decimal | None:
        """Return a figure a buyer, None when there are no buyers."""
        return getattr(self, name) / self.buyers if self.buyers else None

    def to_json(self) -> dict[str, Any]:
        """Return the totals as numbers."""
        money = {name: float(getattr(self, name)) for name in ("sales", "margin", "invested", "profit")}
        return {"buyers": self.buyers, "orders": self.orders, **money}


@dataclass(frozen=True, slots=True)
class ExistingShare:
    """Existing and new customers of a period."""

    since: date
    until: date
    existing: PeriodTotals
    new: PeriodTotals

    def share(self, of: str = "sales") -> Decimal | None:
        """Return the part of ``sales``, ``buyers``, ``orders`` or ``profit`` that existing customers make.

        None when the total is not positive: a share of a loss says nothing.
        """
        existing = Decimal(getattr(self.existing, of))
        total = existing + Decimal(getattr(self.new, of))
        return existing / total if total > 0 else None

    def passes(self, of: str = "sales") -> bool | None:
        """Whether the share reaches the 60 % mark."""
        share = self.share(of)
        return None if share is None else share >= MARK

    def to_json(self) -> dict[str, Any]:
        """Return everything with its shares."""
        shares = {of: self.share(of) for of in ("buyers", "sales", "profit", "orders")}
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "old": self.existing.to_json(),
            "new": self.new.to_json(),
            "shares": {of: None if share is None else float(share) for of, share in shares.items()},
            "passes": {of: self.passes(of) for of in shares},
        }


_IN_PERIOD = """
    SELECT coalesce(first_on < $since, false) AS is_old,
        count(DISTINCT customer) FILTER (deal) AS buyers, count(*) FILTER (deal) AS orders,
        sum(amount) AS sales, sum(profit) AS margin
    FROM sold WHERE "on" BETWEEN $since AND $until GROUP BY ALL
"""
_SPENT_IN_PERIOD = """
    SELECT coalesce(first_on < $since, false) AS is_old, sum(amount) AS invested
    FROM spent WHERE "on" BETWEEN $since AND $until GROUP BY ALL
"""
_BY_DAY = """
    SELECT "on" AS day, count(DISTINCT customer) FILTER (deal) AS buyers,
        count(DISTINCT customer) FILTER (deal AND first_on < "on") AS old_buyers,
        sum(amount) AS sales, coalesce(sum(amount) FILTER (first_on < "on"), 0) AS old_sales,
        sum(profit) AS margin, coalesce(sum(profit) FILTER (first_on < "on"), 0) AS old_margin
    FROM sold WHERE "on" BETWEEN $since AND $until
    GROUP BY ALL ORDER BY day
"""


def existing_share(sales: Sales, since: date, until: date) -> ExistingShare:
    """Return existing and new customers of a period."""
    if until < since:
        raise TenureError(
            mark("The period ends on %(until)s, before it begins on %(since)s. Swap the two days."),
            since=since.isoformat(),
            until=until.isoformat(),
        )
    totals: dict[bool, dict[str, Any]] = {True: {}, False: {}}
    for query in (_IN_PERIOD, _SPENT_IN_PERIOD):
        for row in sales.rows(query, since=since, until=until):
            totals[row.pop("is_old")] |= row
    return ExistingShare(since, until, PeriodTotals(**totals[True]), PeriodTotals(**totals[False]))


def existing_share_by_day(sales: Sales, since: date, until: date) -> pa.Table:
    """Return for each day with orders what existing customers bought on it."""
    return sales.table(_BY_DAY, since=since, until=until)
