"""Old customers: their share of buyers, sales and profit in a period, held against the 60 % mark.

An old customer ordered before the period began; of a single day, before that day.

Costs of people who have never bought count to the new customers: that is what winning customers costs.
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

    from tenure.value.ledger import Ledger

#: A good shop's share of old customers, 「老客户占比会达到60%以上」[S002]. The text does not say of what, so it is held
#: against sales, buyers and profit alike.
MARK = Decimal("0.60")


@dataclass(frozen=True, slots=True)
class Side:
    """Old, or new, customers in a period."""

    buyers: int = 0  # who bought, and how often
    orders: int = 0
    sales: Decimal = Decimal(0)  # what was sold less what was refunded
    margin: Decimal = Decimal(0)  # … less the cost of goods, where it is known
    invested: Decimal = Decimal(0)  # what was spent on these customers in the period

    @property
    def profit(self) -> Decimal:
        """Margin less what was invested."""
        return self.margin - self.invested

    def each(self, name: str) -> Decimal | None:
        """Return a figure a buyer, None when nobody bought."""
        return getattr(self, name) / self.buyers if self.buyers else None


@dataclass(frozen=True, slots=True)
class OldShare:
    """Old and new customers of a period side by side."""

    since: date
    until: date
    old: Side
    new: Side

    def share(self, of: str = "sales") -> Decimal | None:
        """Return the part of ``sales``, ``buyers``, ``orders`` or ``profit`` that old customers make.

        None when the total is not positive: a share of a loss says nothing.
        """
        old = Decimal(getattr(self.old, of))
        total = old + Decimal(getattr(self.new, of))
        return old / total if total > 0 else None

    def passes(self, of: str = "sales") -> bool | None:
        """Whether the share reaches the 60 % mark."""
        share = self.share(of)
        return None if share is None else share >= MARK

    def to_json(self) -> dict[str, Any]:
        """Return everything with its shares."""
        sides = {
            name: {
                "buyers": side.buyers, "orders": side.orders, "sales": side.sales, "margin": side.margin,
                "invested": side.invested, "profit": side.profit,
            }
            for name, side in (("old", self.old), ("new", self.new))
        }  # fmt: skip
        shares = {of: self.share(of) for of in ("buyers", "sales", "profit", "orders")}
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            **{name: {key: _plain(value) for key, value in side.items()} for name, side in sides.items()},
            "shares": {of: None if share is None else float(share) for of, share in shares.items()},
            "passes": {of: self.passes(of) for of in shares},
        }


def _plain(value: Any) -> int | float:
    return value if isinstance(value, int) else float(value)


_IN_PERIOD = """
    SELECT coalesce(f.first_on < $since, false) AS is_old,
        count(DISTINCT s.customer_id) FILTER (s.deal) AS buyers, count(*) FILTER (s.deal) AS orders,
        sum(s.amount) AS sales, sum(s.profit) AS margin
    FROM sold s LEFT JOIN firsts f USING (customer_id) WHERE s."on" BETWEEN $since AND $until GROUP BY ALL
"""
_SPENT_IN_PERIOD = """
    SELECT coalesce(f.first_on < $since, false) AS is_old, sum(s.amount) AS invested
    FROM spent s LEFT JOIN firsts f USING (customer_id) WHERE s."on" BETWEEN $since AND $until GROUP BY ALL
"""
_BY_DAY = """
    SELECT s."on" AS day, count(DISTINCT s.customer_id) FILTER (s.deal) AS buyers,
        count(DISTINCT s.customer_id) FILTER (s.deal AND f.first_on < s."on") AS old_buyers,
        sum(s.amount) AS sales, coalesce(sum(s.amount) FILTER (f.first_on < s."on"), 0) AS old_sales,
        sum(s.profit) AS margin, coalesce(sum(s.profit) FILTER (f.first_on < s."on"), 0) AS old_margin
    FROM sold s LEFT JOIN firsts f USING (customer_id) WHERE s."on" BETWEEN $since AND $until
    GROUP BY ALL ORDER BY day
"""


def old_share(ledger: Ledger, since: date, until: date) -> OldShare:
    """Return old and new customers of a period."""
    if until < since:
        raise TenureError(
            mark("The period ends on %(until)s, before it begins on %(since)s. Swap the two days."),
            since=since.isoformat(),
            until=until.isoformat(),
        )
    found = {row.pop("is_old"): row for row in ledger.rows(_IN_PERIOD, since=since, until=until)}
    for row in ledger.rows(_SPENT_IN_PERIOD, since=since, until=until):
        found.setdefault(row["is_old"], {})["invested"] = row["invested"]
    return OldShare(since, until, Side(**found.get(True, {})), Side(**found.get(False, {})))


def old_share_by_day(ledger: Ledger, since: date, until: date) -> pa.Table:
    """Return for each day with orders what old customers bought on it."""
    return ledger.table(_BY_DAY, since=since, until=until)
