"""Basket analysis for the command line and notebooks.

It works on order lines alone; a lake that was refreshed is not needed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.clock import day_of, local_days
from tenure.errors import FactsError
from tenure.recommend.lines import lines_in, lines_of
from tenure.recommend.model import all_of
from tenure.recommend.reasons import message
from tenure.scorecard.model import Options
from tenure.words import mark

if TYPE_CHECKING:
    from datetime import date

    from tenure.facts.lake import Lake
    from tenure.stats.record import Fit


@dataclass(frozen=True, slots=True)
class BasketAnalysis:
    """Pairs and recommendations of a file or a lake."""

    as_of: date
    fit: Fit  # gates, back-test, and which ranking is used
    pairs: pa.Table  # see :data:`tenure.recommend.pairs.PAIRS` and :data:`tenure.recommend.lists.RECOMMENDATIONS`
    recommendations: pa.Table
    customers: int
    baskets: int
    lines: int

    def best_pairs(self, level: str = "", most: int = 20) -> list[dict[str, Any]]:
        """Return the pairs that meet most often beyond chance: whose interval lies above it, by the shrunk lift."""
        table = self.pairs.filter(pc.greater(self.pairs.column("lift_low"), 1.0))
        if level:
            table = table.filter(pc.equal(table.column("level"), level))
        order = [("lift_low", "descending"), ("product_a", "ascending"), ("product_b", "ascending")]
        return list(table.sort_by(order).slice(0, most).to_pylist())

    def of(self, customer: str, language: str | None = None) -> list[dict[str, Any]]:
        """Return one customer's list, each with its reason as data and in words."""
        rows = self.recommendations.filter(pc.equal(self.recommendations.column("customer_id"), customer)).to_pylist()
        if not rows and self.fit.usable:
            text = mark("Customer %(customer)s has bought nothing up to %(day)s.")
            raise FactsError(text, customer=customer, day=self.as_of)
        return [
            {**row, "reason": json.loads(row["reason"]), "text": message(row["reason"]).render(language)}
            for row in rows
        ]


def analyze(
    source: Lake | pa.Table,
    as_of: date | None = None,
    *,
    tz: str = "UTC",
    least: int | None = None,
    options: Options | None = None,
) -> BasketAnalysis:
    """Return which products are bought together and what each customer will probably want next."""
    day = as_of or _last_day(source, tz)
    lines = lines_of(source, day, tz) if isinstance(source, pa.Table) else lines_in(source, day)
    if not len(lines):
        text = mark("No order lines with products up to %(day)s. Import order_lines or baskets.")
        raise FactsError(text, day=day)
    fit, pairs, lists = all_of(lines, day, options or Options(), least)
    if fit.usable:  # the packed catalogue is megabytes that nobody reads here
        fit = replace(fit, params={name: fit.params[name] for name in ("chosen", "weights")})
    return BasketAnalysis(day, fit, pairs, lists, fit.customers, lines.filled, len(lines))


def _last_day(source: Lake | pa.Table, tz: str) -> date:
    if isinstance(source, pa.Table):
        last = pc.max(source.column("at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())).as_py()
    else:
        tz, last = source.settings.tz, None
        if source.has("order_lines"):
            row = source.connect(("order_lines",)).execute('SELECT epoch_us(max("at")) FROM order_lines').fetchone()
            last = row[0] if row else None
    if last is None:
        raise FactsError(mark("No order lines. Import order_lines or baskets."))
    return day_of(int(local_days(np.array([last], dtype=np.int64), tz)[0]))
