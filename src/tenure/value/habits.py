"""Habits: how each customer buys, counted from the ledger, for the profile of the best customers.

One row a buyer; what the shop does not record is left out, so the profile never speaks of it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tenure.features.columns import numbers
from tenure.words import mark

if TYPE_CHECKING:
    from tenure.value.ledger import Ledger

#: How many categories, and values of attributes, are looked at; the most common ones.
CATEGORIES, VALUES = 25, 12
EVENING, WEEKEND, SOON = 18, 6, 30


@dataclass(frozen=True, slots=True)
class Habit:
    """One measure of behaviour."""

    id: str  # unique
    label: str  # what it is, marked for translation; ``%(name)s`` stands for a category or an attribute's value
    values: np.ndarray  # one a buyer, NaN where it cannot be said
    kind: str  # how it is written
    group: str  # what it is about
    name: str = ""  # what fills the label's place
    defining: bool = False  # whether it goes with buying more by itself, so that a difference goes without saying


_ORDERS = f"""
    SELECT place, count(*) AS orders, sum(amount)::DOUBLE / count(*) AS basket,
        avg((isodow("on") >= {WEEKEND})::INT) AS weekend, count(DISTINCT store) AS stores,
        count(DISTINCT channel) AS channels, avg((hour(local) >= {EVENING})::INT) AS evening,
        count(DISTINCT "on") AS order_days, (count(DISTINCT local::TIME) > 1)::INT AS timed,
        arg_min(amount, "at")::DOUBLE AS first_amount, any_value(second_on - first_on) AS second_after,
        any_value($as_of::DATE - first_on) AS age
    FROM (SELECT s.*, place, "at" AT TIME ZONE $tz AS local FROM sold s JOIN looked_at USING (customer_id) WHERE deal)
        JOIN firsts USING (customer_id)
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
_TRAITS = """
    SELECT place, attributes FROM customers JOIN looked_at USING (customer_id) WHERE attributes IS NOT NULL
"""


def habits(ledger: Ledger, buyers: pa.Table) -> list[Habit]:
    """Return the measures of behaviour of these buyers."""
    size = len(buyers)
    places = pa.table({"customer_id": buyers.column("customer_id"), "place": pa.array(np.arange(size))})
    ledger.con.register("looked_at", places)
    found = [*_of_orders(ledger, size), *_of_scorecard(buyers)]
    if ledger.has("order_lines"):
        found += _of_lines(ledger, size)
    if ledger.has("customers"):
        found += _of_traits(ledger, size)
    return [one for one in found if _says_something(one.values)]


def _says_something(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return len(known) > 1 and bool(known.min() < known.max())


def _aligned(table: pa.Table, name: str, size: int, missing: float = np.nan) -> np.ndarray:
    found = np.full(size, missing)
    values = pc.fill_null(table.column(name).cast(pa.float64()), float("nan")).to_numpy()
    found[table.column("place").to_numpy()] = values
    return found


def _of_orders(ledger: Ledger, size: int) -> list[Habit]:
    table = ledger.table(_ORDERS, as_of=ledger.as_of, tz=ledger.tz)
    told = {name: _aligned(table, name, size) for name in table.column_names if name != "place"}
    old_enough = told["age"] >= SOON
    monthly = np.where(old_enough, told["order_days"] / np.maximum(told["age"], 1.0) * SOON, np.nan)
    second = np.where(old_enough, np.nan_to_num(told["second_after"], nan=np.inf) <= SOON, np.nan)
    timed = bool((told["timed"] == 1).any())
    found = [
        Habit("order_days", mark("order days a month"), monthly, "number", "rhythm", defining=True),
        Habit("basket", mark("amount of an order"), told["basket"], "money", "basket", defining=True),
        Habit("first_amount", mark("amount of the first order"), told["first_amount"], "money", "start"),
        Habit("second_soon", mark("second order within 30 days of the first"), second, "yes", "start"),
        Habit("weekend", mark("part of the orders on Saturday or Sunday"), told["weekend"], "share", "time"),
        Habit("stores", mark("stores bought in"), told["stores"], "number", "breadth"),
        Habit("channels", mark("channels bought through"), told["channels"], "number", "breadth"),
    ]
    if timed:  # days without a time of day would all be midnight
        found.append(Habit("evening", mark("part of the orders after 18:00"), told["evening"], "share", "time"))
    return found


def _of_scorecard(buyers: pa.Table) -> list[Habit]:
    """Return what the scorecard already counts."""
    told = (
        ("gap_median", mark("typical days between two orders"), "days", "rhythm", True),
        ("gap_variation", mark("irregularity of the gaps"), "number", "rhythm", False),
        ("interactions", mark("recorded interactions"), "number", "contact", False),
        ("open_complaints", mark("open complaints"), "number", "contact", False),
    )
    return [
        Habit(name, label, numbers(buyers, name), kind, group, defining=defining)
        for name, label, kind, group, defining in told
    ]


def _of_lines(ledger: Ledger, size: int) -> list[Habit]:
    table = ledger.table(_LINES)
    lines, breadth = _aligned(table, "lines", size), _aligned(table, "categories", size)
    return [
        Habit("lines", mark("different items in an order"), lines, "number", "basket"),
        Habit("categories", mark("categories bought from"), breadth, "number", "breadth", defining=True),
        *_of_categories(ledger, _aligned(table, "all_lines", size)),
    ]


def _of_categories(ledger: Ledger, lines: np.ndarray) -> list[Habit]:
    """Return which part of each buyer's items is of each common category: who buys more buys more of everything."""
    names = [row["category"] for row in ledger.rows(_COMMON)]
    table = ledger.table(_CATEGORIES, names=names)
    found = []
    for name in names:
        mine = table.filter(pc.equal(table.column("category"), name))
        part = _aligned(mine, "lines", len(lines), 0.0) / lines
        found.append(Habit(f"category:{name}", mark("%(name)s, part of the items"), part, "share", "category", name))
    return found


def _of_traits(ledger: Ledger, size: int) -> list[Habit]:
    """Return the values of the customers' attributes, among those of whom the attribute is known."""
    known: dict[str, dict[int, str]] = {}
    for row in ledger.rows(_TRAITS):
        for name, value in _attributes(row["attributes"]).items():
            known.setdefault(name, {})[row["place"]] = str(value)
    found = []
    for name, values in sorted(known.items()):
        common = Counter(values.values()).most_common(VALUES + 1)
        if len(common) > VALUES or len(values) < 0.05 * size:  # a name, or known of hardly anybody
            continue
        for value, _count in common:
            has = np.full(size, np.nan)
            has[list(values)] = [one == value for one in values.values()]
            found.append(Habit(f"trait:{name}:{value}", "%(name)s", has, "yes", "trait", f"{name}: {value}"))
    return found


def _attributes(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return {key: value for key, value in found.items() if not isinstance(value, list | dict) and value is not None}
