"""Behaviour: how each customer buys, and what the top fifth do differently.

One row a buyer; what the shop does not record is left out. Every measure gets an effect size with its interval, and as
many are looked at together, they are named at a false discovery rate of 5 %. It is association, not cause: making
somebody shop in the evening will not make them a top customer.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.features.columns import numbers
from tenure.value.effects import cliffs_delta
from tenure.words import mark, say

if TYPE_CHECKING:
    from tenure.value.sales import Sales

#: How many categories, and values of attributes, are looked at; the most common ones.
CATEGORIES, VALUES = 25, 12
EVENING, WEEKEND, SOON = 18, 6, 30
#: Customers looked at on each side at most: more would make no interval visibly narrower.
MOST = 50_000
FALSE = 0.05


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One measure of behaviour."""

    id: str  # unique
    label: str  # what it is, marked for translation; ``%(name)s`` stands for a category or an attribute's value
    values: np.ndarray  # one a buyer, NaN where it is not known
    kind: str  # how it is written
    group: str  # what it is about
    name: str = ""  # what fills the label's place
    defining: bool = False  # whether it goes with buying more by itself, so that a difference goes without saying

    def compare(self, top: np.ndarray) -> dict[str, Any] | None:
        """Return how the top fifth differ from the others; None when too few of them have a value."""
        first, second = self.values[top], self.values[~top]
        effect = cliffs_delta(first, second)
        if effect is None:
            return None
        by = "mean" if self.kind == "yes" else "median"
        average = np.nanmean if by == "mean" else np.nanmedian
        best, rest = float(average(first)), float(average(second))
        if best == rest and effect.delta:  # mostly equal, and yet different: the mean shows it
            by, best, rest = "mean", float(np.nanmean(first)), float(np.nanmean(second))
        return {
            "id": self.id,
            "group": self.group,
            "label": self.label,
            "name": self.name,
            "kind": self.kind,
            "defining": self.defining,
            "by": by,
            "top": best,
            "rest": rest,
            "delta": effect.delta,
            "low": effect.low,
            "high": effect.high,
            "p": effect.p,
            "size": effect.size,
            "more": (effect.delta + 1) / 2,
        }


_ORDERS = f"""
    SELECT place, count(*) AS orders, sum(amount)::DOUBLE / count(*) AS basket,
        avg((isodow("on") >= {WEEKEND})::INT) AS weekend, count(DISTINCT store) AS stores,
        count(DISTINCT channel) AS channels, avg((hour(local) >= {EVENING})::INT) AS evening,
        count(DISTINCT "on") AS order_days, (count(DISTINCT local::TIME) > 1)::INT AS timed,
        arg_min(amount, "at")::DOUBLE AS first_amount, any_value(second_on - first_on) AS second_after,
        any_value($as_of::DATE - first_on) AS age
    FROM (SELECT *, "at" AT TIME ZONE $tz AS local FROM order_rows
        JOIN looked_at USING (customer_id) JOIN buyers USING (customer_id) WHERE deal)
    GROUP BY place ORDER BY place
"""
_LINES = """
    SELECT place, count(*)::DOUBLE / count(DISTINCT order_id) AS lines, count(*) AS all_lines,
        count(DISTINCT category) AS categories
    FROM order_lines JOIN looked_at USING (customer_id) GROUP BY place
"""
_COMMON = f"""
    SELECT category FROM order_lines JOIN looked_at USING (customer_id) WHERE category IS NOT NULL
    GROUP BY category ORDER BY count(DISTINCT place) DESC, category LIMIT {CATEGORIES}
"""
_CATEGORIES = """
    SELECT category, place, count(*)::DOUBLE AS lines FROM order_lines JOIN looked_at USING (customer_id)
    WHERE list_contains($names, category) GROUP BY ALL
"""
_ATTRIBUTES = """
    SELECT place, attributes FROM customers JOIN looked_at USING (customer_id) WHERE attributes IS NOT NULL
"""


def profile(sales: Sales, table: pa.Table, seed: int = 20_240_101) -> list[dict[str, Any]]:
    """Return how the top fifth differ from the other buyers, the largest differences first."""
    # SciPy's statistics take a second to import.
    from tenure.stats.multiple import benjamini_hochberg

    tops = numbers(table, "top_fifth")
    rng = np.random.default_rng(seed)
    sides = [np.flatnonzero(tops == side) for side in (1, 0)]
    sampled = [side if len(side) <= MOST else rng.choice(side, MOST, replace=False) for side in sides]
    kept = np.sort(np.concatenate(sampled))
    first = tops[kept] == 1
    compared = [behaviour.compare(first) for behaviour in behaviours(sales, table.take(kept))]
    rows = [row for row in compared if row is not None]
    if not rows:
        return []
    for row, q in zip(rows, benjamini_hochberg([row["p"] for row in rows]), strict=True):
        row["q"] = float(q)
        row["differs"] = bool(q <= FALSE)
    return sorted(rows, key=lambda row: (-abs(row["delta"]), row["id"]))


def label_of(row: dict[str, Any], language: str | None = None) -> str:
    """Return what a row of the profile is about, in a language."""
    return say(row["label"], language, name=row["name"]) if row["name"] else say(row["label"], language)


def behaviours(sales: Sales, buyers: pa.Table) -> list[Behaviour]:
    """Return the measures of behaviour of these buyers in which they differ at all."""
    size = len(buyers)
    places = pa.table({"customer_id": buyers.column("customer_id"), "place": pa.array(np.arange(size))})
    sales.con.register("looked_at", places)
    measures = [*_of_orders(sales, size), *_of_scorecard(buyers)]
    if sales.has("order_lines"):
        measures += _of_lines(sales, size)
    if sales.has("customers"):
        measures += _of_attributes(sales, size)
    return [measure for measure in measures if len(np.unique(measure.values[~np.isnan(measure.values)])) > 1]


def _aligned(table: pa.Table, name: str, size: int, missing: float = np.nan) -> np.ndarray:
    """Return a column in the order of the buyers."""
    column = np.full(size, missing)
    column[table.column("place").to_numpy()] = pc.fill_null(table.column(name).cast(pa.float64()), np.nan).to_numpy()
    return column


def _of_orders(sales: Sales, size: int) -> list[Behaviour]:
    table = sales.table(_ORDERS, as_of=sales.as_of, tz=sales.tz)
    column = {name: _aligned(table, name, size) for name in table.column_names if name != "place"}
    # Of a customer of a few days neither a monthly rhythm nor a missing second order says anything.
    old_enough = column["age"] >= SOON
    monthly = np.where(old_enough, column["order_days"] / np.maximum(column["age"], 1.0) * SOON, np.nan)
    second = np.where(old_enough, np.nan_to_num(column["second_after"], nan=np.inf) <= SOON, np.nan)
    measures = [
        Behaviour("order_days", mark("order days a month"), monthly, "number", "rhythm", defining=True),
        Behaviour("basket", mark("amount of an order"), column["basket"], "money", "basket", defining=True),
        Behaviour("first_amount", mark("amount of the first order"), column["first_amount"], "money", "start"),
        Behaviour("second_soon", mark("second order within 30 days of the first"), second, "yes", "start"),
        Behaviour("weekend", mark("part of the orders on Saturday or Sunday"), column["weekend"], "share", "time"),
        Behaviour("stores", mark("stores bought in"), column["stores"], "number", "breadth"),
        Behaviour("channels", mark("channels bought through"), column["channels"], "number", "breadth"),
    ]
    if (column["timed"] == 1).any():  # days without a time of day would all be midnight
        evening = column["evening"]
        measures.append(Behaviour("evening", mark("part of the orders after 18:00"), evening, "share", "time"))
    return measures


def _of_scorecard(buyers: pa.Table) -> list[Behaviour]:
    """Return what the scorecard already counts."""
    measures = (
        ("gap_median", mark("typical days between two orders"), "days", "rhythm", True),
        ("gap_variation", mark("irregularity of the gaps"), "number", "rhythm", False),
        ("interactions", mark("recorded interactions"), "number", "contact", False),
        ("open_complaints", mark("open complaints"), "number", "contact", False),
    )
    return [
        Behaviour(name, label, numbers(buyers, name), kind, group, defining=defining)
        for name, label, kind, group, defining in measures
    ]


def _of_lines(sales: Sales, size: int) -> list[Behaviour]:
    """Return items and categories, and which part of each buyer's items is of each common category.

    A part, and not a number: a customer who buys more buys more of everything.
    """
    table = sales.table(_LINES)
    lines, breadth = _aligned(table, "lines", size), _aligned(table, "categories", size)
    measures = [
        Behaviour("lines", mark("different items in an order"), lines, "number", "basket"),
        Behaviour("categories", mark("categories bought from"), breadth, "number", "breadth", defining=True),
    ]
    all_lines = _aligned(table, "all_lines", size)
    names = [row["category"] for row in sales.rows(_COMMON)]
    table = sales.table(_CATEGORIES, names=names)
    for name in names:
        rows = table.filter(pc.equal(table.column("category"), name))
        share = _aligned(rows, "lines", size, 0.0) / all_lines
        label = mark("%(name)s, part of the items")
        measures.append(Behaviour(f"category:{name}", label, share, "share", "category", name))
    return measures


def _of_attributes(sales: Sales, size: int) -> list[Behaviour]:
    """Return the values of the customers' attributes, among those of whom the attribute is known."""
    known: dict[str, dict[int, str]] = {}
    for row in sales.rows(_ATTRIBUTES):
        try:
            attributes = json.loads(row["attributes"])
        except ValueError:  # written by hand somewhere: what cannot be read says nothing
            continue
        for name, value in attributes.items():
            if not isinstance(value, list | dict | None):
                known.setdefault(name, {})[row["place"]] = str(value)
    measures = []
    for name, values in sorted(known.items()):
        common = Counter(values.values()).most_common(VALUES + 1)
        if len(common) > VALUES or len(values) < 0.05 * size:  # a name, or known of hardly any customer
            continue
        for value, _count in common:
            has = np.full(size, np.nan)
            has[list(values)] = [other == value for other in values.values()]
            measures.append(Behaviour(f"trait:{name}:{value}", "%(name)s", has, "yes", "trait", f"{name}: {value}"))
    return measures
